//! Tasks as text: a line for each, and all that is known of one.

use super::{Answer, Task};

impl Answer {
    fn words(self, labels: usize) -> String {
        match self {
            Answer::Label => format!("{labels} labels"),
            Answer::Number => "a number".to_owned(),
            Answer::LanguageModel => "likelihood".to_owned(),
        }
    }
}

impl Task {
    fn choices(&self) -> String {
        let one = |dimension: &super::Dimension| format!("{} {}s", dimension.values.len(), dimension.name);
        self.dimension.iter().map(one).collect::<Vec<_>>().join(" x ")
    }

    fn data(&self) -> &'static str {
        if self.fetch.is_empty() { "obtain" } else { "fetch" }
    }

    /// All that is known of the task, for people.
    pub fn to_text(&self) -> String {
        let metrics: Vec<String> = self.metrics.iter().map(ToString::to_string).collect();
        let mut text = format!("{}: {}\n\n", self.name, self.title);
        for dimension in &self.dimension {
            text.push_str(&format!("{}: {}\n", dimension.name, dimension.values.join(", ")));
        }
        if !self.labels.is_empty() {
            text.push_str(&format!("labels: {}\n", self.labels.join(", ")));
        }
        text.push_str(&format!("metrics: {}\nlicence: {}\nhome: {}\n\n", metrics.join(", "), self.licence, self.home));
        let mut rows = vec![["split", "items", "file"].map(str::to_owned).to_vec()];
        for split in &self.split {
            let items = split.items.map(|items| items.to_string()).unwrap_or_default();
            rows.push(vec![split.name.clone(), items, split.file.clone()]);
        }
        text.push_str(&crate::report::table(&rows));
        self.notes.iter().for_each(|note| text.push_str(&format!("\nnote: {note}")));
        format!("{}\n\nhow to obtain the data:\n{}\n", text.trim_end(), self.obtain.trim())
    }
}

/// One line for each task: name, choices, answers, metric, whether the data may be fetched, title.
pub fn listing(tasks: &[Task]) -> String {
    let mut rows = vec![["task", "choices", "answers", "metric", "data", "what it is"].map(str::to_owned).to_vec()];
    for task in tasks {
        let metric = task.metrics.first().map(ToString::to_string).unwrap_or_default();
        let answers = task.answer.words(task.labels.len());
        let data = task.data().to_owned();
        rows.push(vec![task.name.clone(), task.choices(), answers, metric, data, task.title.clone()]);
    }
    crate::report::table_left(&rows)
}

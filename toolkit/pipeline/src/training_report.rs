//! The report that a training leaves beside its model folder: what was trained and from what, how loss, rate
//! and metrics moved, what a classifier gets wrong, where the time went. It is no part of the model folder,
//! whose bytes must not depend on the time; it trains and judges nothing.

mod course;
mod verdict;

use std::path::{Path, PathBuf};

use glossa_base::atomic::write_file;
use glossa_base::{Failure, Kind, Outcome, TOOL_VERSION};
use glossa_nn::DeviceChoice;
use glossa_recipes::{Course, Unfinished};

use crate::report::Page;
use crate::stage::{beside, input, name_of};

pub(crate) use verdict::Judged;

/// What was trained, from what, and how.
pub(crate) struct Subject<'a> {
    /// What it is and how it came to be, such as `a language model, pretrained`.
    pub(crate) what: &'a str,
    /// The model folder.
    pub(crate) out: &'a Path,
    /// The model in words.
    pub(crate) architecture: String,
    /// The seed of everything.
    pub(crate) seed: u64,
    /// Where it was computed.
    pub(crate) device: DeviceChoice,
    /// Every setting, as it would stand in a file.
    pub(crate) settings: String,
    /// What it was made from.
    pub(crate) inputs: Vec<&'a Path>,
}

/// Where the report of a model folder lies.
pub(crate) fn path(out: &Path) -> PathBuf {
    beside(out, ".report.html")
}

impl Subject<'_> {
    /// Writes the report of a finished training and says where it is.
    pub(crate) fn write(
        &self,
        course: &Course,
        parameters: Option<usize>,
        judged: Option<&Judged<'_>>,
    ) -> Outcome<PathBuf> {
        let lead = format!("{}, made by glossa {TOOL_VERSION}: {}.", capitalised(self.what), self.architecture);
        let mut page = Page::new(&name_of(self.out), &lead);
        page.facts(&self.facts(course, parameters));
        course::trouble(&mut page, &course.attempts, false);
        course::course(&mut page, course);
        if let Some(judged) = judged {
            verdict::verdict(&mut page, judged);
        }
        self.origin(page, course)
    }

    /// Where training diverged, writes what is known of it beside where the model would be, and says so.
    pub(crate) fn explain(&self, unfinished: Unfinished) -> Failure {
        let Unfinished { failure, course } = unfinished;
        if course.attempts.is_empty() || failure.kind != Kind::Failed {
            return failure;
        }
        // The failure counts, not whether there is room for a report of it.
        match self.write_stopped(&failure, &course) {
            Ok(path) => {
                Failure { message: format!("{}; the report is {}", failure.message, path.display()), ..failure }
            }
            Err(_) => failure,
        }
    }

    fn write_stopped(&self, failure: &Failure, course: &Course) -> Outcome<PathBuf> {
        let lead = "This training did not come to its end, and made no model.";
        let mut page = Page::new(&format!("{} (stopped)", name_of(self.out)), lead);
        page.facts(&self.facts(course, None));
        course::trouble(&mut page, &course.attempts, true);
        if let Some(hint) = &failure.hint {
            page.section("What to do").paragraph(&format!("{}.", capitalised(hint)));
        }
        course::course(&mut page, course);
        self.origin(page, course)
    }

    fn facts(&self, course: &Course, parameters: Option<usize>) -> Vec<(&'static str, String)> {
        let mut facts = vec![("model", self.what.to_owned()), ("architecture", self.architecture.clone())];
        facts.extend(parameters.map(|count| ("weights", count.to_string())));
        if let Some(last) = course.records.last() {
            facts.push(("trained for", format!("{} epochs, {} steps", course.records.len(), last.step)));
            facts.extend(course::last_metrics(last).map(|metrics| ("validation", metrics)));
        }
        facts.extend([
            ("seed", self.seed.to_string()),
            ("device", self.device.resolved().to_string()),
            ("glossa", TOOL_VERSION.to_owned()),
        ]);
        facts
    }

    /// Where the time went and what the model was made from; then the page is done.
    fn origin(&self, mut page: Page, course: &Course) -> Outcome<PathBuf> {
        course::times(&mut page, &course.clock);
        page.section("What it was made from");
        let mut rows = Vec::new();
        for path in &self.inputs {
            let record = input(path)?;
            let kind = if path.is_dir() { "folder, by its manifest" } else { "file" };
            rows.push((vec![name_of(path), kind.to_owned()], format!("{}\nSHA-256 {}", record.path, record.sha256)));
        }
        page.remarked_table(&["input", "what"], &rows);
        page.folded("The recipe, with every setting", &self.settings);
        let path = path(self.out);
        write_file(&path, page.finish().as_bytes())?;
        Ok(path)
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + characters.as_str()
}

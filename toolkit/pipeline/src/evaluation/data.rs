//! The official files of a task: fetched where anyone may, and as tables that trainings read.

use std::path::{Path, PathBuf};

use glossa_base::atomic::write_file;
use glossa_base::download::{Downloader, Watch};
use glossa_base::{Failure, Outcome};
use glossa_eval::task::{Chosen, DataReport, Example};

use super::Evaluation;

/// Brings the official files that may be fetched into a folder, where they are not there already, and says what is
/// there and what is not.
///
/// # Errors
/// What stands in the way of a download, or an archive that is not safe; how to obtain what may not be fetched.
pub fn fetch(chosen: &Chosen, folder: &Path, downloader: &Downloader, watch: Watch<'_>) -> Outcome<DataReport> {
    if !chosen.check_data(folder).complete {
        chosen.fetch(folder, downloader, watch)?;
    }
    Ok(chosen.check_data(folder))
}

/// The splits as tables, and the test set as it is.
pub(super) struct Files {
    pub(super) train: PathBuf,
    /// The examples of `train`.
    learned: Vec<Example>,
    pub(super) valid: Option<PathBuf>,
    pub(super) test: Vec<Example>,
}

impl Files {
    /// Reads the official files and writes tables of them; gold labels of the scored split are in none.
    pub(super) fn write(evaluation: Evaluation<'_>) -> Outcome<Self> {
        let Evaluation { task, data, sizes, train_split, split, out, .. } = evaluation;
        let has = |name: &&&str| task.task.split.iter().any(|split| split.name == **name);
        let train = task.read(data, train_split, sizes)?;
        let valid = ["valid", "dev"].iter().find(has).filter(|name| **name != split);
        let valid = valid.map(|name| task.read(data, name, sizes)).transpose()?;
        let test = task.read(data, split, sizes)?;
        let folder = out.join("data");
        std::fs::create_dir_all(&folder).map_err(|cause| Failure::io("make", &folder, cause))?;
        let table = |name: &str, examples: &[Example]| -> Outcome<PathBuf> {
            let path = folder.join(name);
            write_file(&path, lines(examples).as_bytes())?;
            Ok(path)
        };
        // A tweet that is no joke has no funniness to learn.
        let counted: Vec<Example> = train.into_iter().filter(|example| example.counted).collect();
        let judged = |examples: Vec<Example>| examples.into_iter().filter(|one| one.counted).collect::<Vec<_>>();
        Ok(Files {
            train: table("train.jsonl", &counted)?,
            learned: counted,
            valid: valid.map(|examples| table("valid.jsonl", &judged(examples))).transpose()?,
            test,
        })
    }
}

impl Files {
    /// What a fold of a seed holds out of training, as `classify` divides it.
    pub(super) fn held_out(&self, part: (usize, usize), seed: u64) -> Vec<Example> {
        let labelled = |(at, one): (usize, &Example)| glossa_text::labelled::Example {
            text: at.to_string(),
            label: one.gold.clone().unwrap_or_default().trim().to_owned(),
        };
        let all = self.learned.iter().enumerate().map(labelled).collect();
        let (_, held) = crate::labels::fold(all, part, seed);
        held.iter().filter_map(|one| self.learned.get(one.text.parse::<usize>().ok()?).cloned()).collect()
    }
}

fn lines(examples: &[Example]) -> String {
    let row = |example: &Example| {
        let row = serde_json::json!({"id": example.id, "text": example.text, "label": example.gold});
        format!("{row}\n")
    };
    examples.iter().map(row).collect()
}

//! The official files of a task: fetched where anyone may, and as tables that trainings read.

use std::path::{Path, PathBuf};

use glossa_base::atomic::{WholeFolder, write_file};
use glossa_base::download::{Algorithm, Checksum, Downloader, Wanted, Watch};
use glossa_base::unpack::{Limits, extract};
use glossa_base::{Failure, Outcome};
use glossa_eval::task::{Chosen, DataReport, Example};

use super::Evaluation;

/// The largest file that is fetched for a task.
const LARGEST: u64 = 4 << 30;

/// Brings the official files that may be fetched into a folder, and says what is there and what is not.
///
/// # Errors
/// What stands in the way of a download, or an archive that is not safe.
pub fn fetch(chosen: &Chosen, folder: &Path, downloader: &Downloader, watch: Watch<'_>) -> Outcome<DataReport> {
    let before = chosen.check_data(folder);
    if !before.complete {
        for one in chosen.fetches() {
            let target = folder.join(&one.file);
            let checksum = one.sha256.as_deref().map(|sum| Checksum::new(Algorithm::Sha256, sum)).transpose()?;
            let mut wanted = Wanted::new(one.url.clone(), LARGEST);
            wanted.checksum = checksum;
            if !one.unpack {
                downloader.fetch(&wanted, &target, watch)?;
                continue;
            }
            if target.exists() {
                continue;
            }
            let name = one.url.rsplit('/').next().unwrap_or("archive");
            let packed = folder.join(name);
            downloader.fetch(&wanted, &packed, watch)?;
            let unpacked = WholeFolder::create(&target)?;
            extract(&packed, &unpacked, &Limits::default())?;
            unpacked.commit()?;
        }
    }
    Ok(chosen.check_data(folder))
}

/// The splits as tables, and the test set as it is.
pub(super) struct Files {
    pub(super) train: PathBuf,
    pub(super) valid: Option<PathBuf>,
    pub(super) test: Vec<Example>,
}

impl Files {
    /// Reads the official files and writes tables of them; gold labels of the scored split are in none.
    pub(super) fn write(evaluation: Evaluation<'_>) -> Outcome<Self> {
        let Evaluation { task, data, sizes, split, out, .. } = evaluation;
        let has = |name: &&&str| task.task.split.iter().any(|split| split.name == **name);
        let train = task.read(data, "train", sizes)?;
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
            valid: valid.map(|examples| table("valid.jsonl", &judged(examples))).transpose()?,
            test,
        })
    }
}

fn lines(examples: &[Example]) -> String {
    let row = |example: &Example| {
        let row = serde_json::json!({"id": example.id, "text": example.text, "label": example.gold});
        format!("{row}\n")
    };
    examples.iter().map(row).collect()
}

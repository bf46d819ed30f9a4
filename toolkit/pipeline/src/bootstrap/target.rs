//! The target language's texts. Labels have no place here: of tables the column of texts alone is read.

use glossa_base::{Failure, Kind, Outcome};
use glossa_corpora::Foreign;
use glossa_text::labelled::read_texts_of;
use serde::Serialize;

use super::BootstrapFiles;

/// Above this share of texts in other languages a person is warned.
const FOREIGN_SHARE: f64 = 0.1;

/// What is known of the target's texts.
#[derive(Debug, Clone, Serialize)]
pub struct TargetFacts {
    /// Number of texts.
    pub texts: usize,
    /// Whether texts of the test set are among them.
    pub transductive: bool,
    /// Texts long enough to tell their language, and those in others; nothing where the language is not known.
    pub languages: Option<Foreign>,
}

/// Texts without labels.
pub(super) struct Target {
    pub(super) texts: Vec<String>,
    pub(super) facts: TargetFacts,
}

impl Target {
    /// Reads the texts of all files; an empty one is left out, unless predictions of teachers are counted by line.
    pub(super) fn read(files: BootstrapFiles<'_>) -> Outcome<Self> {
        let test = files.test.filter(|_| files.transductive);
        if files.transductive && test.is_none() {
            return Err(Failure::new(Kind::Usage, "there is no test set to learn the texts of")
                .hint("give --test FILE, or leave --transductive out"));
        }
        let mut texts = Vec::new();
        for path in files.unlabelled.iter().map(std::path::PathBuf::as_path).chain(test) {
            texts.extend(read_texts_of(path, files.columns)?);
        }
        let by_line = files.teachers.iter().any(|teacher| teacher.is_file());
        texts.retain(|text| by_line || !text.trim().is_empty());
        if texts.len() < 2 {
            return Err(Failure::data(format!("{} unlabelled texts are too few", texts.len()))
                .hint("give --unlabelled FILE with texts of the target language; it may be given more than once"));
        }
        let languages = files.language.and_then(|language| glossa_corpora::foreign(&texts, language));
        let facts = TargetFacts { texts: texts.len(), transductive: test.is_some(), languages };
        Ok(Target { texts, facts })
    }

    /// What a person should know of them.
    pub(super) fn warnings(&self) -> Vec<String> {
        let Some(found) = &self.facts.languages else { return Vec::new() };
        let count: u64 = found.others.iter().map(|(_, count)| *count).sum();
        if found.judged == 0 || (count as f64) < FOREIGN_SHARE * found.judged as f64 {
            return Vec::new();
        }
        let names: Vec<String> = found.others.iter().take(3).map(|(name, count)| format!("{name} {count}")).collect();
        vec![format!(
            "{count} of {} unlabelled texts that are long enough to tell seem to be in another language ({}): \
             leave them out, with `corpus build --language` for instance",
            found.judged,
            names.join(", ")
        )]
    }
}

//! A task with a value for each of its dimensions: its names, files and numbers.

use std::path::{Path, PathBuf};

use super::builtin::unknown;
use super::{Fetch, Split, Task};
use crate::Error;

/// A task with a value for each of its dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The task.
    pub task: Task,
    /// The values, in the order of the dimensions.
    pub values: Vec<String>,
}

impl Chosen {
    /// A task with its choices.
    ///
    /// # Errors
    /// [`Error::UnknownTask`] for a choice that is missing, unknown or too many.
    pub fn new(task: Task, values: &[&str]) -> Result<Self, Error> {
        for (place, dimension) in task.dimension.iter().enumerate() {
            let known = || dimension.values.iter().map(String::as_str);
            let Some(value) = values.get(place).filter(|value| !value.is_empty()) else {
                let problem = format!("the task {} needs a {}", task.name, dimension.name);
                return Err(unknown(problem, "", known()));
            };
            if !known().any(|one| one == *value) {
                return Err(unknown(format!("{} has no {} `{value}`", task.name, dimension.name), value, known()));
            }
        }
        if let Some(value) = values.get(task.dimension.len()) {
            let problem = format!("`{value}` is one choice too many for the task {}", task.name);
            return Err(Error::UnknownTask { problem, meant: "leave it out".to_owned() });
        }
        Ok(Chosen { task, values: values.iter().map(|value| (*value).to_owned()).collect() })
    }

    /// Name with choices, as in signatures: `cls/de/books`.
    pub fn name(&self) -> String {
        std::iter::once(&self.task.name).chain(&self.values).cloned().collect::<Vec<_>>().join("/")
    }

    /// The choices alone, as published values name them: `de/books`, or `all`.
    pub fn choice(&self) -> String {
        if self.values.is_empty() { "all".to_owned() } else { self.values.join("/") }
    }

    /// The value of the dimension `language`, or the one language of the task.
    pub fn language(&self) -> Option<&str> {
        let place = self.task.dimension.iter().position(|dimension| dimension.name == "language");
        place.and_then(|place| self.values.get(place)).or(self.task.language.as_ref()).map(String::as_str)
    }

    /// A split by its name.
    ///
    /// # Errors
    /// [`Error::UnknownTask`] names the splits there are.
    pub fn split(&self, name: &str) -> Result<&Split, Error> {
        let known = || self.task.split.iter().map(|split| split.name.as_str());
        let found = self.task.split.iter().find(|split| split.name == name);
        found.ok_or_else(|| unknown(format!("{} has no split `{name}`", self.task.name), name, known()))
    }

    /// A pattern with the choices in place of the names in braces.
    pub fn filled(&self, pattern: &str) -> String {
        let pairs = self.task.dimension.iter().zip(&self.values);
        pairs.fold(pattern.to_owned(), |text, (dimension, value)| {
            text.replace(&format!("{{{}}}", dimension.name), value)
        })
    }

    /// A split's file of texts, below the folder of the task's data.
    pub fn file(&self, folder: &Path, split: &Split) -> PathBuf {
        folder.join(self.filled(&split.file))
    }

    /// A split's file of labels, where they stand apart.
    pub fn tags(&self, folder: &Path, split: &Split) -> Option<PathBuf> {
        split.tags.as_ref().map(|tags| folder.join(self.filled(tags)))
    }

    /// The official number of items of a split, where it is known.
    pub fn items(&self, split: &Split) -> Option<u64> {
        split.items_of.get(&self.choice()).copied().or(split.items)
    }

    /// What may be downloaded, with the choices filled in.
    pub fn fetches(&self) -> Vec<Fetch> {
        let filled =
            |fetch: &Fetch| Fetch { url: self.filled(&fetch.url), file: self.filled(&fetch.file), ..fetch.clone() };
        self.task.fetch.iter().map(filled).collect()
    }
}

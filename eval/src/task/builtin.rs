//! The tasks that are built in, and the choice of one by its name: `sib200/eus_Latn`, `cls/de/books`.

use std::sync::OnceLock;

use glossa_base::nearest::nearest;

use super::{Chosen, Task};
use crate::Error;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$((concat!("eval/tasks/", $name, ".toml"), include_str!(concat!("../../tasks/", $name, ".toml")))),*]
    };
}

const FILES: [(&str, &str); 22] = files![
    "afrisenti",
    "ag-news",
    "cls",
    "cls-processed",
    "dbpedia",
    "germeval-2018",
    "germeval-2018-fine",
    "haha-2018",
    "haha-2018-funniness",
    "haha-2019",
    "haha-2019-funniness",
    "imdb",
    "masakhanews",
    "mldoc",
    "nusax",
    "poleval-2018-3",
    "poleval-2019-6-1",
    "poleval-2019-6-2",
    "sib200",
    "trec-6",
    "yelp",
    "yelp-full",
];

/// All tasks, by name.
///
/// # Errors
/// [`Error::Task`]; a test reads them all.
pub fn all() -> Result<Vec<Task>, Error> {
    parsed().map(<[Task]>::to_vec)
}

/// All tasks, read once.
pub(crate) fn parsed() -> Result<&'static [Task], Error> {
    static TASKS: OnceLock<Result<Vec<Task>, Error>> = OnceLock::new();
    let tasks = TASKS.get_or_init(|| FILES.iter().map(|(place, text)| Task::parse(text, place)).collect());
    tasks.as_deref().map_err(Error::clone)
}

/// The task that a name says, with its choices: `imdb`, `sib200/eus_Latn`, `cls/de/books`.
///
/// # Errors
/// [`Error::UnknownTask`] for an unknown name, and for a choice that is missing, unknown or too many.
pub fn find(name: &str) -> Result<Chosen, Error> {
    let mut parts = name.split('/');
    let first = parts.next().unwrap_or_default();
    let tasks = parsed()?;
    match tasks.iter().find(|task| task.name == first) {
        Some(task) => Chosen::new(task.clone(), &parts.collect::<Vec<_>>()),
        None => Err(unknown(format!("no task `{first}`"), first, tasks.iter().map(|task| task.name.as_str()))),
    }
}

/// So many known names are listed.
const LISTED: usize = 24;

/// An unknown name, with the nearest known one or all of them.
pub(super) fn unknown<'a>(problem: String, word: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let all = || {
        let (count, first) = (known.clone().count(), known.clone().take(LISTED).collect::<Vec<_>>().join(", "));
        let more = if count > LISTED { format!(" and {} more", count - LISTED) } else { String::new() };
        format!("known here: {first}{more}")
    };
    let meant = nearest(word, known.clone()).map_or_else(all, |near| format!("did you mean `{near}`?"));
    Error::UnknownTask { problem, meant }
}

//! What can be wrong with a language file; every message names file, line and column.

use glossa_base::Failure;
use thiserror::Error;

/// A language file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// A key that the format does not have.
    #[error("{file}:{line}:{column}: unknown key `{key}`{}", did_you_mean(nearest.as_deref()))]
    UnknownKey {
        /// The file's name.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// The key as written.
        key: String,
        /// The right key that is most like it.
        nearest: Option<String>,
    },
    /// Not TOML, a key is missing, or a value is of the wrong kind or out of its range.
    #[error("{file}:{line}:{column}: {reason}")]
    Invalid {
        /// The file's name.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong, on one line.
        reason: String,
    },
    /// The file was written for a newer format.
    #[error("{file}: format {found}, this glossa knows {known}", known = crate::FORMAT)]
    NewerFormat {
        /// The file's name.
        file: String,
        /// The format that it states.
        found: u32,
    },
    /// No built-in language has the code.
    #[error("no language `{code}` is built in{}", did_you_mean(nearest.as_deref()))]
    UnknownLanguage {
        /// The code.
        code: String,
        /// The code that is most like it.
        nearest: Option<String>,
    },
    /// A setting on the command line that sets nothing.
    #[error("`{flag}`: {reason}")]
    BadFlag {
        /// The setting as written.
        flag: String,
        /// What is wrong, on one line.
        reason: String,
    },
    /// A fix or filter that does not exist.
    #[error("no filter is named `{name}`{}", did_you_mean(nearest.as_deref()))]
    UnknownFilter {
        /// The name as written.
        name: String,
        /// The right name that is most like it.
        nearest: Option<String>,
    },
    /// A value that a fix or filter cannot have.
    #[error("filter `{name}`: {reason}")]
    BadFilter {
        /// The filter.
        name: String,
        /// What is wrong, on one line.
        reason: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |key| format!(", did you mean `{key}`?"))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let filters;
        let hint = match &error {
            Error::UnknownKey { .. } => {
                "correct or remove the key; `glossa language show eu --resolved` shows every key"
            }
            Error::Invalid { .. } => "correct that line; `glossa language show eu --resolved` shows every key",
            Error::UnknownLanguage { .. } => {
                "`glossa language list` shows what is built in; `glossa language new CODE` writes a file for another"
            }
            Error::BadFlag { .. } => "write KEY=VALUE, such as cleaning.digits=0.3 or preset=tiny",
            Error::NewerFormat { .. } => "use a newer glossa, or write the file in the older format",
            Error::UnknownFilter { .. } => {
                filters = format!("the filters are {}", crate::Cleaning::names().join(", "));
                &filters
            }
            Error::BadFilter { .. } => "write NAME=NUMBER, NAME=on or NAME=off",
        };
        Failure::data(error.to_string()).hint(hint)
    }
}

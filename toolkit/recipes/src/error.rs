//! What can go wrong with recipes and their data.

use glossa_base::Failure;
use thiserror::Error;

/// Failures of this crate.
#[derive(Debug, Error)]
pub enum Error {
    /// No preset of that name.
    #[error("unknown preset `{name}`")]
    UnknownPreset {
        /// The name given.
        name: String,
        /// The nearest right one.
        nearest: Option<String>,
    },
    /// A recipe that does not make sense.
    #[error("{place}: {problem}")]
    Recipe {
        /// Where.
        place: String,
        /// What is wrong.
        problem: String,
        /// What was probably meant.
        hint: Option<String>,
    },
    /// A model folder whose configuration cannot be read.
    #[error("{path}: {problem}")]
    ModelFolder {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A model of the other kind.
    #[error("{path} holds {found}, not {wanted}")]
    WrongKind {
        /// The folder.
        path: String,
        /// What it is.
        found: &'static str,
        /// What was needed.
        wanted: &'static str,
    },
    /// Tokens of another tokenizer.
    #[error("{what} was made with another tokenizer than the model's")]
    OtherTokenizer {
        /// What does not fit.
        what: String,
    },
    /// Labels that cannot be learned.
    #[error("cannot learn from these labels: {0}")]
    Labels(String),
}

impl Error {
    fn hint(&self) -> String {
        match self {
            Error::UnknownPreset { nearest: Some(near), .. } => format!("did you mean `{near}`?"),
            Error::UnknownPreset { .. } => {
                format!("presets: {}", crate::recipe::preset_names().collect::<Vec<_>>().join(", "))
            }
            Error::Recipe { hint: Some(hint), .. } => hint.clone(),
            Error::Recipe { .. } => {
                "see the presets in toolkit/recipes/presets for every key and its usual value".to_owned()
            }
            Error::ModelFolder { .. } => {
                "the folder is damaged or not a model folder: make or fetch it again".to_owned()
            }
            Error::WrongKind { .. } => {
                "language models come from `glossa lm`, classifiers from `glossa classify train`".to_owned()
            }
            Error::OtherTokenizer { .. } => {
                "use the tokenizer of the model folder, and tokenize the corpus with it".to_owned()
            }
            Error::Labels(_) => {
                "a training set needs at least two labels, and every label of other sets must be among them".to_owned()
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::data(error.to_string()).hint(error.hint())
    }
}

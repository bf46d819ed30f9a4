//! Text to numbers: the rules that prepare a text, the tokenizer that cuts it into pieces, the
//! files that hold its tokens, and the tables of labelled texts.
//!
//! It knows nothing about models, corpora or the network.

pub mod error;
pub mod labelled;
pub mod rules;
pub mod token_file;
pub mod tokenizer;
pub mod words;

pub use error::Error;
pub use rules::Preset;
pub use token_file::{TokenFile, TokenWriter, Tokens};
pub use tokenizer::{Algorithm, Tokenizer, TrainOptions};

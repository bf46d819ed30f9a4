//! Text to numbers: the rules that prepare a text, the tokenizer that cuts it into pieces, the
//! files that hold its tokens, the tokenizers of imported models, and the tables of labelled texts.
//!
//! [`Tokenizer`] is glossa's own: text rules and a SentencePiece model. [`ImportedTokenizer`] reads what a
//! Hugging Face model folder has (`tokenizer.json`, a SentencePiece model, `vocab.txt`) as its model was trained
//! with it: no rules, special ids as the files say. Files of both come from strangers: they are limited and
//! checked before use, and what is wrong with them is an [`Error`], never a panic.
//!
//! It knows nothing about models, corpora or the network.

pub mod error;
pub mod imported;
pub mod labelled;
pub mod model_tokenizer;
pub mod rules;
pub mod token_file;
pub mod tokenizer;
pub mod words;

pub use error::Error;
pub use imported::ImportedTokenizer;
pub use model_tokenizer::ModelTokenizer;
pub use rules::Preset;
pub use token_file::{TokenFile, TokenWriter, Tokens};
pub use tokenizer::{Algorithm, Tokenizer, TrainOptions};

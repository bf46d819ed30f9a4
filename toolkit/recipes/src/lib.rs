//! Recipes that read like the papers: pretrain, fine-tune, classify, and the baseline that keeps them
//! honest. They take tokens and give models; files, corpora and reports are the pipeline's.

pub mod aligning;
pub mod baseline;
pub mod bootstrap;
pub mod classification;
pub mod error;
pub mod explanation;
pub mod generation;
mod judge;
pub mod language_modelling;
pub mod masked_modelling;
pub mod model_folder;
pub mod recipe;
mod replicated;
pub mod teacher;

pub use aligning::{AlignData, ParallelTokens, align};
pub use classification::{ClassifierData, LabelledTokens, Reading, classify, find_classify_rate, predict};
pub use error::Error;
pub use generation::{Sampling, generate};
pub use glossa_learn::learner::Trained;
pub use glossa_learn::{Course, Unfinished};
pub use judge::best_class;
pub use language_modelling::{Evaluated, Run, evaluate, find_finetune_rate, find_pretrain_rate, finetune, pretrain};
pub use masked_modelling::{MaskPieces, evaluate_masked, find_masked_rate, finetune_masked, pretrain_masked};
pub use recipe::Recipe;

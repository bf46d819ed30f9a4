//! The stages from raw text to a scored classifier. A stage reads folders and files, calls a recipe,
//! and writes one folder with a manifest, whole or not at all. What to say to the user is the
//! command's business.

pub mod bootstrap;
mod checkpoints;
pub mod classifier;
pub mod corpus;
pub mod corpus_statistics;
pub mod demo;
pub mod embedding;
mod encoder_folder;
pub mod evaluation;
pub mod explanation;
pub mod import;
mod labels;
pub mod language_model;
pub mod languages;
mod masked_model;
pub mod plan;
mod provenance;
pub mod rates;
pub mod report;
pub mod run;
pub mod sample;
pub mod schedules;
mod setting;
pub mod slurm;
mod stage;
pub mod teacher;
pub mod tokenizer;
mod tokens;
mod training_report;
mod words;

pub use labels::LabelForm;
pub use setting::{Setting, Supervision};
pub use tokens::TokenFolder;

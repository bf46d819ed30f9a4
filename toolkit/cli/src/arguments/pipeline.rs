//! What `glossa pipeline` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use glossa_learn::Interval;

#[derive(Subcommand)]
pub(crate) enum PipelineCommand {
    /// Run languages from raw text to scored models; what is done is not done again.
    Run(PipelineRun),
    /// Say what a run would do, with inputs, hashes, time, memory and disk, and write the plan.
    Plan(PipelinePlan),
    /// What is done, stale or missing, and why.
    Status(PipelineStatus),
    /// Hand a plan over to a cluster.
    Submit(PipelineSubmit),
}

/// The languages of a run, and where it lies.
#[derive(Args)]
pub(crate) struct Targets {
    /// Codes of built-in languages, language files, folders of them; or one plan.
    #[arg(value_name = "CODE|FILE|PLAN")]
    pub(crate) targets: Vec<String>,
    /// Every built-in language.
    #[arg(long, conflicts_with = "targets")]
    pub(crate) all: bool,
    /// The folder of the run; that of the plan, where one is given.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Where the paths in language files start; the file's own folder otherwise.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Set a value of every language, such as preset=tiny or seeds=3; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) flags: Vec<String>,
}

#[derive(Args)]
pub(crate) struct PipelineRun {
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// Languages that are worked on at once.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(crate) workers: usize,
    /// Run one stage of a plan alone: its name such as eu/tokenizer, or its number from 0.
    #[arg(long, value_name = "STAGE")]
    pub(crate) task: Option<String>,
    /// Make again what was changed by hand.
    #[arg(long)]
    pub(crate) remake: bool,
    /// Write a checkpoint every so often: 200 (steps), 30s, 5m, 2h, or never.
    #[arg(long, default_value = "5m", value_name = "INTERVAL", value_parser = super::interval)]
    pub(crate) checkpoint_every: Interval,
}

#[derive(Args)]
pub(crate) struct PipelinePlan {
    #[command(flatten)]
    pub(crate) targets: Targets,
}

#[derive(Args)]
pub(crate) struct PipelineStatus {
    /// The folder of a run, or its plan.
    #[arg(value_name = "DIR|PLAN")]
    pub(crate) run: PathBuf,
    /// Ask Slurm too, for the jobs that `submit` handed over.
    #[arg(long)]
    pub(crate) slurm: bool,
}

/// What runs a plan elsewhere.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Engine {
    Slurm,
}

#[derive(Args)]
pub(crate) struct PipelineSubmit {
    /// The plan, or its folder.
    #[arg(value_name = "DIR|PLAN")]
    pub(crate) plan: PathBuf,
    /// What runs it.
    #[arg(long, value_enum)]
    pub(crate) engine: Engine,
    /// Processors of each stage.
    #[arg(long, default_value_t = 2, value_name = "NUMBER")]
    pub(crate) cpus: usize,
    /// Minutes that a stage may take; three times the estimate and ten minutes otherwise.
    #[arg(long, value_name = "MINUTES")]
    pub(crate) minutes: Option<u64>,
    /// Stages that run at once.
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    pub(crate) concurrent: usize,
    /// Another option of sbatch, such as --option=--partition=long; may be repeated.
    #[arg(long = "option", value_name = "OPTION", allow_hyphen_values = true)]
    pub(crate) options: Vec<String>,
}

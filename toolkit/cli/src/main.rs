//! The `glossa` command: arguments in, one call of the pipeline, results and errors out. The only
//! crate that prints, exits, or reads arguments and the environment.

mod arguments;
mod commands;
mod console;
mod context;
mod models;
mod network;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use glossa_base::{Failure, Kind, Outcome, fault};
use glossa_nn::device::{CudaPlaces, guarded, quiet_guarded_panics};

use arguments::Arguments;
use context::Context;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let context = match Context::new(&arguments.common) {
        Ok(context) => context,
        Err(failure) => return console::fail(&failure),
    };
    if let Err(failure) = plan_faults() {
        return console::fail(&failure);
    }
    let (toolkit, libraries) = (std::env::var_os("CUDA_PATH"), std::env::var_os("LD_LIBRARY_PATH"));
    CudaPlaces { toolkit, libraries }.tell();
    quiet_guarded_panics();
    match guarded(|| commands::run(arguments.command, &context)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            context.console.clear();
            console::fail(&failure)
        }
    }
}

/// Tests break saving on purpose, at a point of their choice.
fn plan_faults() -> Outcome<()> {
    match std::env::var("GLOSSA_FAULT") {
        Ok(plan) if !fault::plan(&plan) => Err(Failure::new(Kind::Usage, format!("GLOSSA_FAULT={plan} is no plan"))
            .hint("unset it; it is for tests: POINT:COUNT:error or POINT:COUNT:kill")),
        _ => Ok(()),
    }
}

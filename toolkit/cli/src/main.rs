//! The `glossa` command: arguments in, one call of the pipeline, results and errors out. The only
//! crate that prints, exits, or reads arguments and the environment.

mod arguments;
mod commands;
mod console;
mod context;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use context::Context;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let context = match Context::new(&arguments.common) {
        Ok(context) => context,
        Err(failure) => return console::fail(&failure),
    };
    match commands::run(arguments.command, &context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            context.console.clear();
            console::fail(&failure)
        }
    }
}

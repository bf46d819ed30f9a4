//! `glossa demo`.

use glossa_base::Outcome;

use crate::arguments::DemoArguments;
use crate::context::Context;

pub(super) fn run(_arguments: &DemoArguments, _context: &Context) -> Outcome<()> {
    Ok(())
}

//! SIGTERM and SIGINT ask a training to stop with a checkpoint; a second one ends it at once.

use glossa_base::{Failure, Interrupt, Kind, Outcome};

/// What exits at once reports, as a shell would.
#[cfg(unix)]
const AT_ONCE: i32 = 130;

/// An interrupt that signals raise from now on.
pub(crate) fn listen() -> Outcome<Interrupt> {
    let interrupt = Interrupt::default();
    register(&interrupt).map_err(|cause| Failure::new(Kind::Failed, "cannot listen to signals").because(cause))?;
    Ok(interrupt)
}

#[cfg(unix)]
fn register(interrupt: &Interrupt) -> std::io::Result<()> {
    use signal_hook::{consts::signal, flag};
    for number in [signal::SIGINT, signal::SIGTERM] {
        // This order: the first signal finds the flag down, and only then raises it.
        flag::register_conditional_shutdown(number, AT_ONCE, interrupt.flag())?;
        flag::register(number, interrupt.flag())?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn register(_interrupt: &Interrupt) -> std::io::Result<()> {
    Ok(())
}

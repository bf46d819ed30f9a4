//! Pickles and files of `torch.save` through the public surface: good ones are read, and what is hostile or
//! damaged is refused with its place named, in little time. Every file is made here, byte by byte.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod attacks;
mod damage;
mod good;
mod hostile;
#[path = "../../../toolkit/base/tests/support/mutate.rs"]
mod mutate;
mod parity;
mod storages;
mod writer;

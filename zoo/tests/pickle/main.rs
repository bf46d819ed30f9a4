//! Pickles and files of `torch.save` through the public surface: good ones are read, and what is hostile or
//! damaged is refused with its place named, in little time. Every file is made here, byte by byte.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod damage;
mod good;
mod hostile;
mod parity;
mod storages;
mod writer;

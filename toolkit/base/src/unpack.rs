//! Packed files and archives that come from elsewhere: gzip, bzip2, zstd and xz as a stream of bytes, tar
//! (packed or not) and zip as a row of entries, both with limits. What it gives is safe to write into a
//! folder: plain files, with names that stay inside. It keeps neither links nor permissions nor times.
#![deny(clippy::indexing_slicing)]

mod archive;
mod error;
mod extract;
mod limits;
mod names;
mod packing;
mod section;
mod tar;
mod zip;

pub use self::archive::{Archive, Entry, is_archive};
pub use self::error::Error;
pub use self::extract::extract;
pub use self::limits::Limits;
pub use self::packing::{Packing, Unpacked, unpacked, without_packing};

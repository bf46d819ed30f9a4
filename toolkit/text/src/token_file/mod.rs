//! Token files: the tokens of a corpus in one file, written as a stream and memory-mapped for
//! reading, so that memory does not grow with the corpus.
//!
//! The format `glossa-tokens`, version 1; every number is little-endian:
//!
//! | part | bytes | content |
//! |---|---|---|
//! | header | 16 | `glossa-tokens` and three zero bytes |
//! | | 4 | version, 1 |
//! | | 4 | bytes a token: 2 where the vocabulary has at most 65,536 pieces, else 4 |
//! | | 8 | vocabulary size |
//! | | 32 | SHA-256 of the tokenizer's `spm.model` |
//! | tokens | width × tokens | the tokens of all documents, one after another |
//! | | 0 to 7 | zero bytes, up to a multiple of 8 |
//! | offsets | 8 × (documents + 1) | the first token of each document, then the number of tokens |
//! | footer | 8 + 8 + 8 | number of tokens, of documents, of words |
//! | | 8 | checksum of the three numbers and the header |
//! | | 16 | `glossa-tokens` and three bytes `end` |
//!
//! The counts stand at the end because they are known last.

mod read;
mod write;

pub use read::{TokenFile, Tokens};
pub use write::TokenWriter;

/// The newest version of the format.
pub const VERSION: u32 = 1;

const HEADER: usize = 64;
const FOOTER: usize = 48;
const MAGIC: &[u8; 16] = b"glossa-tokens\0\0\0";
const END: &[u8; 16] = b"glossa-tokensend";

/// The largest vocabulary whose ids fit two bytes.
const NARROW: usize = 1 << 16;

fn checksum(header: &[u8], counts: [u64; 3]) -> u64 {
    let mut bytes = header.to_vec();
    counts.iter().for_each(|count| bytes.extend(count.to_le_bytes()));
    glossa_base::hash::fingerprint(&bytes)
}

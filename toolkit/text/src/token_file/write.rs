//! Writes a token file as a stream; document offsets wait in a nameless temporary file.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use glossa_base::Failure;
use glossa_base::atomic::WholeFile;

use super::{END, HEADER, MAGIC, NARROW, VERSION, checksum};
use crate::Error;

/// A token file under construction; nothing is visible at its path before
/// [`TokenWriter::finish`].
pub struct TokenWriter {
    path: PathBuf,
    file: WholeFile,
    offsets: BufWriter<File>,
    header: Vec<u8>,
    vocabulary_size: usize,
    tokens: u64,
    documents: u64,
    words: u64,
    /// A write failed: what was written does not fit the counts.
    broken: bool,
    buffer: Vec<u8>,
}

impl TokenWriter {
    /// Starts a file for the tokens of one tokenizer; `digest` is [`crate::Tokenizer::digest`].
    pub fn create(path: &Path, vocabulary_size: usize, digest: &str) -> Result<Self, Error> {
        let header = header(vocabulary_size, digest).ok_or_else(|| Error::TokenFile {
            path: path.to_path_buf(),
            why: format!("`{digest}` is no SHA-256 in hexadecimal"),
        })?;
        let failed = |cause: io::Error| Error::Write(Failure::io("write", path, cause));
        let mut file = WholeFile::create(path).map_err(Error::Write)?;
        file.write_all(&header).map_err(failed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let offsets = BufWriter::new(tempfile::tempfile_in(folder).map_err(failed)?);
        let path = path.to_path_buf();
        let (broken, buffer) = (false, Vec::new());
        Ok(TokenWriter {
            path,
            file,
            offsets,
            header,
            vocabulary_size,
            tokens: 0,
            documents: 0,
            words: 0,
            broken,
            buffer,
        })
    }

    /// Adds a document with its number of words ([`crate::words::count`]).
    pub fn push(&mut self, tokens: &[u32], words: u64) -> Result<(), Error> {
        let vocabulary_size = self.vocabulary_size;
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocabulary_size) {
            return Err(Error::TokenOutOfRange { token, vocabulary_size });
        }
        self.buffer.clear();
        let narrow = vocabulary_size <= NARROW;
        for token in tokens {
            let [first, second, third, fourth] = token.to_le_bytes();
            self.buffer.extend([first, second]);
            if !narrow {
                self.buffer.extend([third, fourth]);
            }
        }
        let written = self.offsets.write_all(&self.tokens.to_le_bytes());
        if let Err(cause) = written.and_then(|()| self.file.write_all(&self.buffer)) {
            self.broken = true;
            return Err(self.failed(cause));
        }
        self.tokens += tokens.len() as u64;
        self.documents += 1;
        self.words += words;
        Ok(())
    }

    /// Writes the offsets and counts, and puts the file in its place; refused after a write failed.
    pub fn finish(mut self) -> Result<(), Error> {
        if self.broken {
            return Err(self.failed(io::Error::other("an earlier write failed")));
        }
        match self.write_end() {
            Ok(()) => self.file.commit().map_err(Error::Write),
            Err(cause) => Err(self.failed(cause)),
        }
    }

    fn write_end(&mut self) -> io::Result<()> {
        let width = if self.vocabulary_size <= NARROW { 2 } else { 4 };
        let padding = (8 - (HEADER as u64 + self.tokens * width) % 8) % 8;
        self.file.write_all(&[0; 8][..padding as usize])?;
        self.offsets.write_all(&self.tokens.to_le_bytes())?;
        self.offsets.flush()?;
        let spilled = self.offsets.get_mut();
        spilled.rewind()?;
        io::copy(spilled, &mut self.file)?;
        let counts = [self.tokens, self.documents, self.words];
        for number in counts.into_iter().chain([checksum(&self.header, counts)]) {
            self.file.write_all(&number.to_le_bytes())?;
        }
        self.file.write_all(END)
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Write(Failure::io("write", &self.path, cause))
    }
}

fn header(vocabulary_size: usize, digest: &str) -> Option<Vec<u8>> {
    let mut header = Vec::with_capacity(HEADER);
    header.extend(MAGIC);
    header.extend(VERSION.to_le_bytes());
    header.extend(if vocabulary_size <= NARROW { 2u32 } else { 4 }.to_le_bytes());
    header.extend((vocabulary_size as u64).to_le_bytes());
    let digits = digest.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    for pair in pairs {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        header.push(u8::try_from(high? * 16 + low?).ok()?);
    }
    Some(header)
}

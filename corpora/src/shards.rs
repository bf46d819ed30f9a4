//! Shards: `train-00000.jsonl` and so on, one document a line; written by a build, read back by
//! whatever comes after it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use glossa_base::manifest::Manifest;
use serde::{Deserialize, Serialize};

use crate::{Document, Error, STAGE};

/// The version of the corpus folder's format.
pub(crate) const FORMAT: u32 = 1;

/// A line longer than this is no document: four times the sources' limit, for escaped characters.
const LIMIT: u64 = 256 << 20;

/// A part of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose by.
    Valid,
    /// To report on.
    Test,
}

impl Split {
    /// All three.
    pub const ALL: [Split; 3] = [Split::Train, Split::Valid, Split::Test];

    /// The name that its shards begin with.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Valid => "valid",
            Split::Test => "test",
        }
    }
}

/// Writes the shards of one split.
pub(crate) struct ShardWriter<'a> {
    folder: &'a Path,
    split: Split,
    limit: u64,
    shards: usize,
    bytes: u64,
    open: Option<BufWriter<File>>,
}

impl<'a> ShardWriter<'a> {
    pub(crate) fn new(folder: &'a Path, split: Split, limit: u64) -> Self {
        ShardWriter { folder, split, limit, shards: 0, bytes: 0, open: None }
    }

    /// Appends one line, its end included.
    pub(crate) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let mut shard = match self.open.take() {
            Some(shard) => shard,
            None => self.start()?,
        };
        shard.write_all(line)?;
        self.bytes += line.len() as u64;
        if self.bytes < self.limit {
            self.open = Some(shard);
            return Ok(());
        }
        close(shard)
    }

    fn start(&mut self) -> io::Result<BufWriter<File>> {
        let name = format!("{}-{:05}.jsonl", self.split.name(), self.shards);
        self.shards += 1;
        self.bytes = 0;
        Ok(BufWriter::with_capacity(1 << 16, File::create(self.folder.join(name))?))
    }

    /// Closes the last shard.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.open.map_or(Ok(()), close)
    }
}

fn close(shard: BufWriter<File>) -> io::Result<()> {
    shard.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Opens a split of a corpus folder; documents stream in the order of their sources.
///
/// # Errors
/// The folder has no manifest, is of another stage or of a newer format, or a shard is missing or has
/// another size than recorded. (Hashes are checked by [`Manifest::verify`], which reads everything.)
/// A split without documents is an empty iterator.
pub fn read_split(folder: &Path, split: Split) -> Result<Documents, Error> {
    let refuse = |reason: String| Error::NotACorpus { path: folder.to_path_buf(), reason };
    let manifest = Manifest::read(folder).map_err(|failure| refuse(failure.chain()))?;
    if manifest.stage != STAGE {
        return Err(refuse(format!("it was made by the stage `{}`", manifest.stage)));
    }
    match manifest.config.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format == u64::from(FORMAT) => {}
        Some(format) => return Err(refuse(format!("its format is {format}, this glossa knows {FORMAT}"))),
        None => return Err(refuse("its manifest states no format".to_owned())),
    }
    let mut shards = Vec::new();
    let prefix = format!("{}-", split.name());
    for record in manifest.outputs.iter().filter(|record| is_shard(&record.path, &prefix)) {
        let path = folder.join(&record.path);
        let found = std::fs::metadata(&path).map_err(|cause| Error::Read { path: path.clone(), cause })?.len();
        if found != record.bytes {
            return Err(refuse(format!("{} has {found} bytes, {} are recorded", record.path, record.bytes)));
        }
        shards.push(path);
    }
    shards.reverse();
    Ok(Documents { left: shards, open: None })
}

/// Whether a recorded name is a shard's: nothing that leads out of the folder is.
fn is_shard(name: &str, prefix: &str) -> bool {
    let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(".jsonl"));
    number.is_some_and(|digits| digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The documents of a split; it ends after the first error.
#[derive(Debug)]
pub struct Documents {
    /// Shards still to open, the next one last.
    left: Vec<PathBuf>,
    open: Option<OpenShard>,
}

#[derive(Debug)]
struct OpenShard {
    path: PathBuf,
    reader: BufReader<File>,
    line: u64,
    buffer: Vec<u8>,
}

impl OpenShard {
    fn open(path: PathBuf) -> Result<Self, Error> {
        match File::open(&path) {
            Ok(file) => {
                Ok(OpenShard { path, reader: BufReader::with_capacity(1 << 16, file), line: 0, buffer: Vec::new() })
            }
            Err(cause) => Err(Error::Read { path, cause }),
        }
    }

    fn read(&mut self) -> Result<Option<Document>, Error> {
        self.buffer.clear();
        self.line += 1;
        let read = (&mut self.reader).take(LIMIT).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|cause| Error::Read { path: self.path.clone(), cause })?;
        if read == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&self.buffer).map(Some).map_err(|cause| Error::NotACorpus {
            path: self.path.clone(),
            reason: format!("line {} is damaged: {cause}", self.line),
        })
    }
}

impl Documents {
    fn read(&mut self) -> Result<Option<Document>, Error> {
        loop {
            let mut shard = match (self.open.take(), self.left.pop()) {
                (Some(shard), next) => {
                    self.left.extend(next);
                    shard
                }
                (None, Some(path)) => OpenShard::open(path)?,
                (None, None) => return Ok(None),
            };
            if let Some(document) = shard.read()? {
                self.open = Some(shard);
                return Ok(Some(document));
            }
        }
    }
}

impl Iterator for Documents {
    type Item = Result<Document, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let document = self.read();
        if document.is_err() {
            self.left.clear();
        }
        document.transpose()
    }
}

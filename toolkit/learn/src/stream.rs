//! Language-model batches: documents in a fresh order each epoch, laid end to end, cut into parallel
//! streams that carry state from batch to batch. Memory does not grow with the text.

use glossa_base::seed::{Purpose, Stream};

use crate::Error;

/// Documents of token ids, by index.
pub trait TokenSource: Sync {
    /// Number of documents.
    fn document_count(&self) -> usize;
    /// Tokens of a document.
    fn document_length(&self, index: usize) -> usize;
    /// Replaces `tokens` by a document's.
    fn copy_document(&self, index: usize, tokens: &mut Vec<u32>);
}

impl TokenSource for Vec<Vec<u32>> {
    fn document_count(&self) -> usize {
        self.len()
    }

    fn document_length(&self, index: usize) -> usize {
        self.get(index).map_or(0, Vec::len)
    }

    fn copy_document(&self, index: usize, tokens: &mut Vec<u32>) {
        tokens.clear();
        tokens.extend(self.get(index).into_iter().flatten());
    }
}

/// Documents in the direction in which a model reads them.
pub struct Directed<'a> {
    /// The documents.
    pub source: &'a dyn TokenSource,
    /// Whether each goes from its end to its beginning.
    pub backward: bool,
}

impl TokenSource for Directed<'_> {
    fn document_count(&self) -> usize {
        self.source.document_count()
    }

    fn document_length(&self, index: usize) -> usize {
        self.source.document_length(index)
    }

    fn copy_document(&self, index: usize, tokens: &mut Vec<u32>) {
        self.source.copy_document(index, tokens);
        if self.backward {
            tokens.reverse();
        }
    }
}

/// Inputs and targets `[streams, time]`, row after row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamBatch {
    /// Token ids.
    pub tokens: Vec<u32>,
    /// The id after each token.
    pub targets: Vec<u32>,
    /// Number of rows.
    pub streams: usize,
    /// Tokens of a row.
    pub time: usize,
}

impl StreamBatch {
    /// One of so many equal parts of the rows.
    #[must_use]
    pub fn part(self, (index, count): (usize, usize)) -> Self {
        if count == 1 {
            return self;
        }
        let streams = self.streams / count;
        let places = index * streams * self.time..(index + 1) * streams * self.time;
        let of = |ids: &[u32]| ids.get(places.clone()).unwrap_or_default().to_vec();
        StreamBatch { tokens: of(&self.tokens), targets: of(&self.targets), streams, time: self.time }
    }
}

struct Reader {
    /// Position in the order of documents.
    document: usize,
    offset: usize,
    loaded: Vec<u32>,
    /// The last token given, the next batch's first.
    last: u32,
}

/// The batches of one epoch.
pub struct Streams<'a> {
    source: &'a dyn TokenSource,
    order: Vec<usize>,
    readers: Vec<Reader>,
    /// Tokens of a stream.
    length: usize,
    done: usize,
    time: usize,
}

/// Total number of tokens.
pub fn token_count(source: &dyn TokenSource) -> usize {
    (0..source.document_count()).map(|index| source.document_length(index)).sum()
}

/// The documents' order in an epoch.
pub fn shuffled(source: &dyn TokenSource, seed: u64, epoch: usize) -> Vec<usize> {
    Stream::new(seed, Purpose::Order, epoch as u64, 0).permutation(source.document_count())
}

impl<'a> Streams<'a> {
    /// Lays the documents in `order` end to end and cuts them into `streams` rows, read `time` tokens
    /// at a time. Up to `streams - 1` tokens at the end are left over: see [`Streams::leftover`].
    ///
    /// # Errors
    /// Fewer than two tokens a stream.
    pub fn new(source: &'a dyn TokenSource, order: Vec<usize>, streams: usize, time: usize) -> Result<Self, Error> {
        let total: usize = order.iter().map(|&index| source.document_length(index)).sum();
        let length = total / streams.max(1);
        if length < 2 || time == 0 {
            return Err(Error::TooLittle { tokens: total, streams });
        }
        let mut batches = Streams { source, order, readers: Vec::with_capacity(streams), length, done: 0, time };
        batches.place_readers(streams);
        Ok(batches)
    }

    /// Puts each reader where its stream goes on after the tokens that are done.
    fn place_readers(&mut self, streams: usize) {
        self.readers.clear();
        let (mut document, mut before) = (0, 0);
        for stream in 0..streams {
            let start = stream * self.length + self.done;
            while before + self.document_length(document) <= start {
                before += self.document_length(document);
                document += 1;
            }
            let mut reader = Reader { document, offset: start - before, loaded: Vec::new(), last: 0 };
            self.load(&mut reader);
            reader.last = self.read(&mut reader);
            self.readers.push(reader);
        }
    }

    /// Passes over so many batches without reading them.
    pub fn skip_batches(&mut self, batches: usize) {
        self.done = (self.done + batches * self.time).min(self.length - 1);
        self.place_readers(self.readers.len());
    }

    fn document_length(&self, position: usize) -> usize {
        self.order.get(position).map_or(0, |&index| self.source.document_length(index))
    }

    fn load(&self, reader: &mut Reader) {
        if let Some(&index) = self.order.get(reader.document) {
            self.source.copy_document(index, &mut reader.loaded);
        }
    }

    fn read(&self, reader: &mut Reader) -> u32 {
        loop {
            if let Some(&token) = reader.loaded.get(reader.offset) {
                reader.offset += 1;
                return token;
            }
            reader.document = (reader.document + 1) % self.order.len();
            reader.offset = 0;
            self.load(reader);
        }
    }

    /// Batches of an epoch; the last one may be shorter.
    pub fn batch_count(&self) -> usize {
        (self.length - 1).div_ceil(self.time)
    }

    /// Tokens at the end of the last stream that no batch predicts.
    pub fn leftover(&self) -> usize {
        let total: usize = self.order.iter().map(|&index| self.source.document_length(index)).sum();
        total - self.length * self.readers.len()
    }
}

impl Iterator for Streams<'_> {
    type Item = StreamBatch;

    fn next(&mut self) -> Option<StreamBatch> {
        let time = self.time.min(self.length - 1 - self.done);
        if time == 0 {
            return None;
        }
        self.done += time;
        let streams = self.readers.len();
        let (mut tokens, mut targets) = (Vec::with_capacity(streams * time), Vec::with_capacity(streams * time));
        let mut readers = std::mem::take(&mut self.readers);
        for reader in &mut readers {
            for _ in 0..time {
                tokens.push(reader.last);
                reader.last = self.read(reader);
                targets.push(reader.last);
            }
        }
        self.readers = readers;
        Some(StreamBatch { tokens, targets, streams, time })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Vec<Vec<u32>> {
        (0..10).map(|document| (0..document * 3 + 1).map(|token| document * 100 + token).collect()).collect()
    }

    #[test]
    fn streams_cover_the_text_in_order() {
        let source = source();
        let total = token_count(&source);
        let order: Vec<usize> = (0..source.len()).collect();
        let flat: Vec<u32> = source.iter().flatten().copied().collect();
        for (streams, time) in [(1, 7), (3, 4), (4, 1000)] {
            let batches = Streams::new(&source, order.clone(), streams, time).unwrap();
            assert_eq!(batches.leftover(), total % streams);
            let count = batches.batch_count();
            let mut rows = vec![Vec::new(); streams];
            let mut seen = 0;
            for batch in batches {
                seen += 1;
                for (stream, row) in rows.iter_mut().enumerate() {
                    let part = stream * batch.time..(stream + 1) * batch.time;
                    if row.is_empty() {
                        row.push(batch.tokens[part.start]);
                    }
                    assert_eq!(row.last(), batch.tokens.get(part.start));
                    row.extend(&batch.targets[part]);
                }
            }
            assert_eq!(seen, count);
            let length = total / streams;
            assert_eq!(rows.concat(), flat[..length * streams].to_vec());
        }
    }

    #[test]
    fn parts_of_a_batch_are_its_rows() {
        let source = source();
        let batch = Streams::new(&source, shuffled(&source, 3, 0), 6, 4).unwrap().next().unwrap();
        let parts: Vec<StreamBatch> = (0..3).map(|index| batch.clone().part((index, 3))).collect();
        assert!(parts.iter().all(|part| (part.streams, part.time) == (2, 4)));
        assert_eq!(parts.iter().flat_map(|part| part.targets.clone()).collect::<Vec<_>>(), batch.targets);
        assert_eq!(batch.clone().part((0, 1)), batch);
    }

    #[test]
    fn batches_can_be_passed_over() {
        let source = source();
        let order = shuffled(&source, 3, 0);
        let all: Vec<StreamBatch> = Streams::new(&source, order.clone(), 3, 4).unwrap().collect();
        for skipped in 0..=all.len() {
            let mut batches = Streams::new(&source, order.clone(), 3, 4).unwrap();
            batches.skip_batches(skipped);
            assert_eq!(batches.collect::<Vec<_>>(), all[skipped..]);
        }
    }

    #[test]
    fn each_epoch_has_its_own_order() {
        let source = source();
        assert_eq!(shuffled(&source, 1, 0), shuffled(&source, 1, 0));
        assert_ne!(shuffled(&source, 1, 0), shuffled(&source, 1, 1));
    }

    #[test]
    fn too_little_text_is_an_error() {
        assert!(Streams::new(&vec![vec![1_u32]], vec![0], 1, 4).is_err());
        assert!(Streams::new(&Vec::<Vec<u32>>::new(), vec![], 2, 4).is_err());
    }
}

//! Webis CLS-10: reviews as XML (unprocessed), and as counted words (processed). A rating above 3 is positive, one
//! below 3 negative; 3 has no label. Entities beyond XML's own five are refused: nothing can be expanded.
#![deny(clippy::indexing_slicing)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use glossa_base::{Failure, Outcome};
use quick_xml::events::{BytesRef, Event};

use super::read::{Encoding, FILE_LIMIT, Rows, each_line};
use crate::Error;

/// The longest review, in bytes.
const LONGEST: usize = 1 << 22;

/// Elements nested deeper than this belong to no review.
const DEEPEST: usize = 16;

/// A review as it is read.
#[derive(Default)]
struct Review {
    number: u64,
    rating: String,
    text: String,
    field: Option<Part>,
    depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Rating,
    Text,
}

/// Reads `<items><item><rating/><text/></item></items>`.
pub(super) fn read_xml(path: &Path, rows: &mut Rows<'_>) -> Outcome<()> {
    let file = File::open(path).map_err(|cause| Failure::io("read", path, cause))?;
    let mut reader = quick_xml::Reader::from_reader(Counting::new(BufReader::new(file.take(FILE_LIMIT))));
    let (mut buffer, mut review) = (Vec::new(), Review::default());
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let event = match event {
            Ok(event) => event,
            Err(quick_xml::Error::Io(cause)) => {
                return Err(Failure::io("read", path, std::io::Error::new(cause.kind(), cause)));
            }
            Err(cause) => return Err(rows.malformed(reader.get_ref().line, format!("no XML: {cause}")).into()),
        };
        let line = reader.get_ref().line;
        let done = matches!(event, Event::Eof);
        take(event, &mut review, line, rows)?;
        if done {
            return if review.depth == 0 { Ok(()) } else { Err(rows.malformed(line, "the file ends early").into()) };
        }
    }
}

fn take(event: Event<'_>, review: &mut Review, line: u64, rows: &mut Rows<'_>) -> Outcome<()> {
    match event {
        Event::Start(tag) => {
            review.depth += 1;
            if review.depth > DEEPEST {
                return Err(rows.malformed(line, "elements are nested too deep").into());
            }
            review.open(tag.name().as_ref());
        }
        Event::End(tag) => {
            review.depth = review.depth.saturating_sub(1);
            review.field = None;
            if tag.name().as_ref() == "item" {
                finish(review, line, rows)?;
            }
        }
        Event::Text(text) => review.add(&text.into_inner(), line, rows)?,
        Event::CData(text) => review.add(&text.into_inner(), line, rows)?,
        Event::GeneralRef(name) => {
            let letter = resolve(&name).map_err(|reason| rows.malformed(line, reason))?;
            review.add(&letter, line, rows)?;
        }
        Event::DocType(_) => return Err(rows.malformed(line, "a DOCTYPE; a review has none").into()),
        _ => {}
    }
    Ok(())
}

impl Review {
    fn open(&mut self, name: &str) {
        match name {
            "item" => {
                self.rating.clear();
                self.text.clear();
            }
            "rating" => self.field = Some(Part::Rating),
            // A `text` within another field is none of the review's own.
            "text" if self.field.is_none() => self.field = Some(Part::Text),
            _ => {}
        }
    }

    fn add(&mut self, text: &str, line: u64, rows: &Rows<'_>) -> Result<(), Error> {
        let into = match self.field {
            Some(Part::Rating) => &mut self.rating,
            Some(Part::Text) => &mut self.text,
            None => return Ok(()),
        };
        if into.len() + text.len() > LONGEST {
            return Err(rows.malformed(line, format!("a review longer than {LONGEST} bytes")));
        }
        into.push_str(text);
        Ok(())
    }
}

fn finish(review: &mut Review, line: u64, rows: &mut Rows<'_>) -> Outcome<()> {
    review.number += 1;
    let rating = review.rating.trim();
    let label = match rating.parse::<f64>() {
        Ok(rating) if rating > 3.0 => Some("positive".to_owned()),
        Ok(rating) if rating < 3.0 => Some("negative".to_owned()),
        _ if rows.split.unlabelled => None,
        _ => return Err(rows.malformed(line, format!("the rating `{rating}` is neither above nor below 3")).into()),
    };
    rows.push(line, None, review.text.trim().to_owned(), label, true)
}

fn resolve(name: &BytesRef<'_>) -> Result<String, String> {
    let failed = |cause: &dyn std::fmt::Display| format!("a reference that is none: {cause}");
    if let Some(letter) = name.resolve_char_ref().map_err(|cause| failed(&cause))? {
        return Ok(letter.to_string());
    }
    let name = name.borrow().into_inner();
    match quick_xml::escape::resolve_predefined_entity(&name) {
        Some(letter) => Ok(letter.to_owned()),
        None => Err(format!("the entity `&{name};` is not known")),
    }
}

/// Reads `word:count word:count ... #label#:positive`: each word is repeated as often as it was counted.
pub(super) fn read_processed(path: &Path, rows: &mut Rows<'_>) -> Outcome<()> {
    each_line(path, Encoding::Utf8, |line, text| {
        let (mut words, mut label) = (Vec::new(), None);
        for cell in text.split_whitespace() {
            let Some((word, count)) = cell.rsplit_once(':') else {
                return Err(rows.malformed(line, format!("`{cell}` has no count")).into());
            };
            if word == "#label#" {
                label = Some(count.to_owned());
                continue;
            }
            let count = count.parse::<usize>().ok().filter(|count| *count <= 10_000);
            let count = count.ok_or_else(|| rows.malformed(line, format!("the count of `{cell}` is none")))?;
            words.extend(std::iter::repeat_n(word, count));
        }
        let text = words.join(" ");
        if label.is_none() && !rows.split.unlabelled {
            return Err(rows.malformed(line, "no `#label#`").into());
        }
        rows.push(line, None, text, label, true)
    })
}

/// Counts the lines of what is read.
struct Counting<R> {
    inner: R,
    line: u64,
}

impl<R> Counting<R> {
    fn new(inner: R) -> Self {
        Counting { inner, line: 1 }
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.line += count(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counting<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        let lines = self.inner.fill_buf().ok().and_then(|bytes| bytes.get(..amount)).map_or(0, count);
        self.line += lines;
        self.inner.consume(amount);
    }
}

fn count(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

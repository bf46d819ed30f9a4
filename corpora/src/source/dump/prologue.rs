//! The head of a dump, before its first page: how it is encoded, and what the wiki calls its files and
//! categories. A DOCTYPE is refused here, so that there are no entities to expand.
#![deny(clippy::indexing_slicing)]

use std::io::{BufRead, Read};

use quick_xml::events::{BytesStart, Event};

use super::xml;
use crate::wikitext::Cleaner;

/// The longest head; real ones have 10 KiB.
const LIMIT: u64 = 1 << 20;

/// What the head tells.
#[derive(Default)]
pub(super) struct Prologue {
    /// Whether pages stand within `<mediawiki>`, which must then be closed.
    pub(super) has_root: bool,
}

/// Reads into `head` up to the first page; what was read before an error is there too.
pub(super) fn read_head(mut input: impl BufRead, head: &mut Vec<u8>) -> std::io::Result<()> {
    let mut left = LIMIT;
    while left > 0 {
        let before = head.len();
        (&mut input).take(left).read_until(b'>', head)?;
        let read = head.len() - before;
        if read == 0 || head.ends_with(b"<page>") {
            break;
        }
        left -= read as u64;
    }
    Ok(())
}

/// Understands the head up to the end of `<siteinfo>`: what follows may be of a damaged stream. The
/// wiki's own names go to the cleaner.
pub(super) fn parse(head: &[u8], cleaner: &mut Cleaner) -> Result<Prologue, String> {
    let head = std::str::from_utf8(head).map_err(|_| "invalid UTF-8".to_owned())?;
    let mut reader = quick_xml::Reader::from_str(head);
    let mut prologue = Prologue::default();
    let (mut depth, mut namespace, mut name) = (0, None, String::new());
    loop {
        match reader.read_event() {
            // What is left open is open for the pages, or the file is cut off, which its end will tell.
            Ok(Event::Eof) | Err(quick_xml::Error::Syntax(_)) => return Ok(prologue),
            Ok(Event::DocType(_)) => return Err(xml::DOCTYPE.to_owned()),
            Ok(Event::Start(start)) => {
                xml::deeper(&mut depth)?;
                prologue.has_root |= start.name().as_ref() == "mediawiki";
                namespace = key(&start);
                name.clear();
            }
            Ok(Event::Text(text)) => name.push_str(&text.into_inner()),
            Ok(Event::GeneralRef(reference)) => name.push_str(&xml::resolve(&reference)?),
            Ok(Event::End(end)) if end.name().as_ref() == "siteinfo" => return Ok(prologue),
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                match namespace.take() {
                    Some(6) => cleaner.add_file_namespace(&name),
                    Some(14) => cleaner.add_category_namespace(&name),
                    _ => {}
                }
            }
            Ok(_) => {}
            Err(cause) => return Err(format!("not well-formed XML: {cause}")),
        }
    }
}

/// The number of a namespace: 6 has files and 14 categories in every wiki.
fn key(start: &BytesStart<'_>) -> Option<u32> {
    let is_namespace = start.name().as_ref() == "namespace";
    let key = start.try_get_attribute("key").ok()?.filter(|_| is_namespace)?;
    key.value.parse().ok()
}

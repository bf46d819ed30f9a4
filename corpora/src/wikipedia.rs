//! Fetching Wikipedia's own dumps: which one is the newest that is complete, which files it has, and
//! bringing them into a folder with a record of where they come from. It reads no article; that is
//! `source`.

mod error;
mod names;
mod record;
mod status;

use std::path::Path;

use glossa_base::LanguageCode;
use glossa_base::download::{self, Algorithm, Checksum, Downloader, Wanted, Watch};
use serde::Serialize;

pub use error::Error;
pub(crate) use names::is_index;
pub use record::{LICENCE, Record, RecordFile};

/// Where Wikimedia publishes its dumps.
pub const BASE_URL: &str = "https://dumps.wikimedia.org";

/// More bytes in a list of dumps or of files are refused.
const LIST_LIMIT: u64 = 16 << 20;
/// So many dumps are looked at, the newest first.
const DATES: usize = 12;

/// Which dump to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The language, by the code of its Wikipedia.
    pub language: LanguageCode,
    /// `YYYYMMDD`; the newest complete dump where there is none.
    pub date: Option<String>,
    /// The server: Wikimedia's, or a mirror with the same folders.
    pub base_url: String,
    /// Take the dump in one stream, which cannot be read in parallel, instead of the one in many.
    pub single_stream: bool,
}

/// What a fetch came to.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The record beside the files.
    pub record: Record,
    /// Bytes that came over the network.
    pub transferred: u64,
}

/// What would be fetched, and from where; nothing is written. A folder that holds this dump, whole or in
/// part, says so itself, and no server is asked.
///
/// # Errors
/// No such Wikipedia, no complete dump, a list that cannot be understood, another dump in the folder.
pub fn plan(choice: &Choice, out: &Path, downloader: &Downloader, watch: Watch<'_>) -> Result<Record, Error> {
    if let Some(date) = &choice.date
        && !names::is_date(date)
    {
        return Err(Error::BadDate { text: date.chars().take(40).collect() });
    }
    download::check_url(&choice.base_url)?;
    if let Some(record) = Record::read(out)? {
        return record.for_choice(choice, out);
    }
    Search { choice, out, downloader, watch, wiki: names::wiki(&choice.language) }.newest()
}

/// The search for a dump on a server.
struct Search<'a> {
    choice: &'a Choice,
    out: &'a Path,
    downloader: &'a Downloader,
    watch: Watch<'a>,
    wiki: String,
}

impl Search<'_> {
    /// The newest complete dump, or the one of the date that was asked for.
    fn newest(&self) -> Result<Record, Error> {
        let folder = format!("{}/{}/", self.choice.base_url.trim_end_matches('/'), self.wiki);
        let dates = match &self.choice.date {
            Some(date) => vec![date.clone()],
            None => self.dates(&folder)?,
        };
        let mut newest = None;
        for date in dates.iter().take(DATES) {
            match self.dump(&format!("{folder}{date}"), date) {
                Err(error) if self.choice.date.is_none() && error.means_look_further() => {
                    self.watch.progress.line(&format!("{error}; looking at the one before"));
                    newest.get_or_insert(error);
                }
                found => return found,
            }
        }
        Err(newest.unwrap_or(Error::NoDumps { url: folder }))
    }

    /// The dates of the dumps that a server has, the newest first.
    fn dates(&self, url: &str) -> Result<Vec<String>, Error> {
        let list = self.read(url).map_err(|error| match error {
            download::Error::NotFound { url, .. } => Error::NoWiki { language: self.choice.language.clone(), url },
            other => other.into(),
        })?;
        Ok(names::dates(&list))
    }

    /// One dump, if it is complete.
    fn dump(&self, folder: &str, date: &str) -> Result<Record, Error> {
        let (url, wiki) = (format!("{folder}/dumpstatus.json"), &self.wiki);
        let bytes = self.read(&url).map_err(|error| match error {
            download::Error::NotFound { .. } => Error::NoDump { wiki: wiki.clone(), date: date.to_owned() },
            other => other.into(),
        })?;
        let mut files = status::files(&bytes, &url, &format!("{wiki}-{date}-"), self.choice.single_stream)?;
        files.iter_mut().for_each(|file| file.url = format!("{folder}/{}", file.name));
        Ok(Record::new(self.choice, wiki, date, files))
    }

    fn read(&self, url: &str) -> Result<Vec<u8>, download::Error> {
        self.downloader.read(url, LIST_LIMIT, &self.out.join(record::FILE_NAME), self.watch)
    }
}

/// Brings the files of a plan into a folder, one after the other: Wikimedia asks for few connections. An
/// interrupted fetch goes on where it stopped; the record, written first, says that it is not complete.
///
/// # Errors
/// The first file that cannot be fetched; those before it stay.
pub fn fetch(plan: Record, out: &Path, downloader: &Downloader, watch: Watch<'_>) -> Result<Summary, Error> {
    let mut record = plan;
    if !record.complete {
        record.write(out)?;
    }
    let mut transferred = 0;
    for file in &mut record.files {
        let wanted = Wanted {
            url: file.url.clone(),
            checksum: Some(Checksum::new(Algorithm::Sha1, &file.sha1)?),
            bytes: Some(file.bytes),
            limit: file.bytes,
            token: None,
        };
        let fetched = downloader.fetch(&wanted, &out.join(&file.name), watch)?;
        file.sha256 = Some(fetched.sha256);
        transferred += fetched.transferred;
    }
    if !record.complete {
        record.complete = true;
        record.write(out)?;
    }
    Ok(Summary { record, transferred })
}

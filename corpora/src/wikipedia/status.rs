//! Reading `dumpstatus.json`: the jobs of a dump, whether they are done, and their files. The text comes
//! from outside; what is not of this dump is refused.

use std::collections::BTreeMap;

use glossa_base::download::{Algorithm, Checksum};
use serde::Deserialize;

use super::{Error, RecordFile, names};

/// Files of one dump; the largest Wikipedia has about a hundred.
const MOST_FILES: usize = 10_000;

#[derive(Deserialize)]
struct Status {
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
struct Job {
    status: String,
    #[serde(default)]
    files: BTreeMap<String, File>,
}

/// A file may be listed before it is there.
#[derive(Deserialize)]
struct File {
    size: Option<u64>,
    sha1: Option<String>,
}

/// The files of the articles, if all of them are there: parts and their indexes, by name.
pub(super) fn files(bytes: &[u8], url: &str, prefix: &str, single_stream: bool) -> Result<Vec<RecordFile>, Error> {
    let bad = |reason: String| Error::BadStatus { url: url.to_owned(), reason };
    let status: Status = serde_json::from_slice(bytes).map_err(|cause| bad(cause.to_string()))?;
    // Large wikis are dumped in parts, then put together again; in one stream the whole is better.
    let wanted: &[&str] =
        if single_stream { &["articlesdumprecombine", "articlesdump"] } else { &["articlesmultistreamdump"] };
    let job = wanted.iter().find_map(|name| status.jobs.get(*name));
    let Some(job) = job.filter(|job| job.status == "done") else {
        let status = job.map_or("not begun", |job| job.status.as_str()).chars().take(40).collect();
        return Err(Error::NotComplete { url: url.to_owned(), status });
    };
    if job.files.len() > MOST_FILES {
        return Err(bad(format!("{} files", job.files.len())));
    }
    let files: Result<Vec<RecordFile>, Error> =
        job.files.iter().map(|(name, file)| checked(name, file, url, prefix)).collect();
    let files = files?;
    check_parts(job, url, prefix)?;
    let total = files.iter().try_fold(0_u64, |total, file| total.checked_add(file.bytes));
    total.map(|_| files).ok_or_else(|| bad("the files are larger than any disk".to_owned()))
}

fn checked(name: &str, file: &File, url: &str, prefix: &str) -> Result<RecordFile, Error> {
    let name = if names::is_safe(name, prefix) { name.to_owned() } else { return Err(bad_name(url, name)) };
    let (Some(bytes), Some(sha1)) = (file.size, file.sha1.clone()) else {
        return Err(Error::NotComplete { url: url.to_owned(), status: format!("no size or sha1 of {name}") });
    };
    Checksum::new(Algorithm::Sha1, &sha1)?;
    Ok(RecordFile { name, url: String::new(), bytes, sha1, sha256: None })
}

pub(super) fn bad_name(place: &str, name: &str) -> Error {
    Error::BadName { place: place.to_owned(), name: name.chars().take(100).collect() }
}

/// There is a dump, and each part that has an index has it.
fn check_parts(job: &Job, url: &str, prefix: &str) -> Result<(), Error> {
    let missing = |name: String| Err(Error::MissingPart { url: url.to_owned(), name });
    if !job.files.keys().any(|name| name.contains(".xml")) {
        return missing(format!("{prefix}pages-articles"));
    }
    match job.files.keys().filter_map(|name| names::index_of(name)).find(|index| !job.files.contains_key(index)) {
        Some(index) => missing(index),
        None => Ok(()),
    }
}

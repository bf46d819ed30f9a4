//! Fetching a task's files from a server on this machine: files by checksum, archives unpacked, and data that may not
//! be downloaded.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../toolkit/base/tests/support/server.rs"]
mod server;

use std::fs;
use std::io::Write;

use glossa_base::download::{Downloader, Settings, Watch};
use glossa_base::hash::sha256_hex;
use glossa_base::{Interrupt, Outcome, Silent};
use glossa_eval::task::{Chosen, FileState, Sizes, Task, find};
use server::{Reply, Server};

const FILE: &str = "__label__a one\n__label__b two\n";

fn archive() -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let plain = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("inner/train.txt", plain).unwrap();
    archive.write_all(FILE.as_bytes()).unwrap();
    archive.finish().unwrap().into_inner()
}

/// A task of two files: one by its checksum, one in an archive.
fn task(address: &str, digest: &str) -> Chosen {
    let text = format!(
        r#"format = 1
name = "x"
title = "X"
answer = "label"
labels = ["a", "b"]
metrics = ["accuracy"]
licence = "ours"
home = "here"
obtain = "take it"
submission = "tags"
[reader]
layout = "fasttext"
[[dimension]]
name = "language"
values = ["eu"]
[[split]]
name = "train"
file = "inner/train.txt"
[[split]]
name = "test"
file = "{{language}}/test.txt"
items = 2
[[fetch]]
url = "{address}/{{language}}.txt"
file = "{{language}}/test.txt"
[[fetch]]
url = "{address}/train.zip"
file = "."
unpack = true
[checksum]
"eu/test.txt" = "{digest}"
"#
    );
    Chosen::new(Task::parse(&text, "x.toml").unwrap(), &["eu"]).unwrap()
}

fn fetch(chosen: &Chosen, folder: &std::path::Path, offline: bool) -> Outcome<usize> {
    let downloader = Downloader::new(Settings { offline, attempts: 1, ..Settings::default() }).unwrap();
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    chosen.fetch(folder, &downloader, watch).map(|places| places.len())
}

#[test]
fn files_and_archives_come_to_their_places() {
    let server = Server::new(|request, _| match request.path.as_str() {
        "/eu.txt" => Reply::ok(FILE),
        "/train.zip" => Reply::ok(archive()),
        _ => Reply::new(404, ""),
    });
    let folder = tempfile::tempdir().unwrap();
    let chosen = task(&server.url(""), &sha256_hex(FILE.as_bytes()));
    assert_eq!(fetch(&chosen, folder.path(), false).unwrap(), 2);
    assert_eq!(chosen.read(folder.path(), "train", Sizes::Official).unwrap().len(), 2);
    let report = chosen.check_data(folder.path());
    assert!(report.complete && report.files[1].state == FileState::Known { items: 2 }, "{report:?}");
    // A second time nothing is asked for, and what the user changed in the unpacked folder stays.
    fs::write(folder.path().join("inner/train.txt"), "__label__a mine\n").unwrap();
    assert_eq!(fetch(&chosen, folder.path(), true).unwrap(), 2);
    assert_eq!(chosen.read(folder.path(), "train", Sizes::Any).unwrap().len(), 1);
}

#[test]
fn other_bytes_than_the_known_ones_are_refused() {
    let server = Server::new(|_, _| Reply::ok("something else"));
    let folder = tempfile::tempdir().unwrap();
    let failure = fetch(&task(&server.url(""), &sha256_hex(FILE.as_bytes())), folder.path(), false).unwrap_err();
    assert_eq!(failure.kind, glossa_base::Kind::Network, "{}", failure.chain());
    assert!(!folder.path().join("eu/test.txt").exists());
}

#[test]
fn what_may_not_be_downloaded_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let failure = fetch(&find("mldoc/german").unwrap(), folder.path(), true).unwrap_err();
    assert_eq!(failure.message, "the data of mldoc/german cannot be downloaded");
    assert!(failure.hint.unwrap().contains("agreement of NIST"));
}

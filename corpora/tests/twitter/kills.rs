//! Killed at every moment at which something is written, a fetch goes on, and pays for no page twice that it
//! has on the disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use glossa_base::download::{Downloader, Settings, Token, Watch};
use glossa_base::fault;
use glossa_base::{Interrupt, Silent};
use glossa_corpora::twitter::{self, Asked, Choice, Search};
use serde_json::Value;

use crate::support::*;

fn choice(url: &str) -> Choice {
    // What has ended is not looked at for something new.
    let until = Some("2026-01-15".to_owned());
    let search = Search { query: "kaixo".to_owned(), archive: false, since: None, until };
    Choice { asked: Asked::Search(search), budget: Some(1000), base_url: url.to_owned() }
}

/// Runs in a process of its own, which the fault kills; does nothing on its own.
#[test]
fn fetch_for_the_test_that_kills() {
    let variable = |name| std::env::var(name).ok();
    let (Some(url), Some(out)) = (variable("GLOSSA_TEST_URL"), variable("GLOSSA_TEST_TARGET")) else { return };
    assert!(variable("GLOSSA_TEST_FAULT").is_none_or(|plan| fault::plan(&plan)));
    let downloader = Downloader::new(Settings::default()).unwrap();
    let watch = Watch { progress: &Silent, interrupt: &Interrupt::default() };
    twitter::fetch(&choice(&url), Path::new(&out), &Token::new(TOKEN).unwrap(), &downloader, watch).unwrap();
}

/// Whether a fetch in a process of its own came to its end.
fn run(url: &str, out: &Path, plan: Option<&str>) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kills::fetch_for_the_test_that_kills"]);
    command.env("GLOSSA_TEST_URL", url).env("GLOSSA_TEST_TARGET", out);
    if let Some(plan) = plan {
        command.env("GLOSSA_TEST_FAULT", plan);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

/// What a folder holds in the end, but for the times.
fn content(out: &Path) -> (BTreeMap<String, Vec<u8>>, Value) {
    let mut files = files(out);
    let record: Value = serde_json::from_slice(&files.remove("source.json").unwrap()).unwrap();
    (files, record["files"].clone())
}

#[test]
fn a_kill_at_any_write_costs_no_page_twice() {
    let whole = Place::new();
    assert!(run(&x(250).url(""), &whole.out(), None));
    let expected = content(&whole.out());
    assert_eq!(expected.0.len(), 4);
    // The record and the state at the beginning, three times a page and the state, the record at the end.
    for (number, point) in (1..=9).flat_map(|number| ["file.write", "file.rename"].map(|point| (number, point))) {
        let (place, server) = (Place::new(), x(250));
        assert!(!run(&server.url(""), &place.out(), Some(&format!("{point}:{number}:kill"))), "{point} {number}");
        assert!(run(&server.url(""), &place.out(), None), "{point} {number}");
        assert!(content(&place.out()) == expected, "{point} {number}: other files than {:?}", expected.0.keys());
        // Of the killed writes, those of pages (the third, fifth and seventh) lose an answer.
        let mut tokens: Vec<Option<String>> =
            server.requests().iter().map(|request| parameter(request, "next_token")).collect();
        let asked = tokens.len();
        tokens.sort();
        tokens.dedup();
        assert_eq!(asked - tokens.len(), usize::from([3, 5, 7].contains(&number)), "{point} {number}");
    }
}

//! What the tests of the command share: a temporary folder, the command run in it as a user would,
//! and small made-up data. It knows no results; those are in the tests.
#![expect(clippy::panic, reason = "a helper that fails fails its test")]
#![allow(dead_code, reason = "each test binary uses another part of this module")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use glossa_base::hash::sha256_file;
use glossa_base::seed::{Purpose, Stream};
use glossa_pipeline::sample::{self, SampleLanguage};
use serde_json::Value;

/// What a run of the command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The run succeeded.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Stdout is exactly one JSON object on one line.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        let value: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert!(value.is_object(), "{self:?}");
        value
    }

    /// Nothing on stdout; on stderr one `error:` line and one `hint:` line, which together contain
    /// each of the words. Gives what is not so.
    pub(crate) fn refusal(&self, code: i32, words: &[&str]) -> Result<(), String> {
        let lines: Vec<&str> = self.stderr.lines().collect();
        let says = |line: usize, head: &str| {
            lines.get(line).and_then(|line| line.strip_prefix(head)).is_some_and(|rest| (8..2000).contains(&rest.len()))
        };
        let problem = if self.stderr.contains("panicked") {
            "it panicked".to_owned()
        } else if self.code != Some(code) {
            format!("not exit code {code}")
        } else if lines.len() != 2 || !says(0, "error: ") || !says(1, "hint: ") {
            "not one error and one hint".to_owned()
        } else if !self.stdout.is_empty() {
            "a result and an error".to_owned()
        } else if let Some(word) = words.iter().find(|word| !self.stderr.contains(**word)) {
            format!("no word of `{word}`")
        } else {
            return Ok(());
        };
        Err(format!("{problem}: {self:?}"))
    }
}

/// A temporary folder in which commands run.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// Few and small: enough to learn something in seconds.
const DOCUMENTS: usize = 1500;
const LABELLED: [(&str, usize); 3] = [("train", 200), ("valid", 40), ("test", 100)];

impl Place {
    pub(crate) fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    /// With `text.txt` and the labelled `train.csv`, `valid.csv` and `test.csv`.
    pub(crate) fn with_texts() -> Self {
        let place = Self::new();
        let stream = |part| Stream::new(1, Purpose::Sample, part, 0);
        let documents = sample::unlabelled(SampleLanguage::English, DOCUMENTS, stream(0));
        place.write("text.txt", documents.join("\n"));
        for (part, (name, count)) in LABELLED.iter().enumerate() {
            place.write(&format!("{name}.csv"), table(&labelled(*count, stream(1 + part as u64))));
        }
        place
    }

    /// And with `corpus`.
    pub(crate) fn with_corpus() -> Self {
        let place = Self::with_texts();
        place.run("corpus build text.txt --out corpus --valid-share 0.1 --test-share 0.1 -q").done();
        place
    }

    /// And with `tokenizer`.
    pub(crate) fn with_tokenizer() -> Self {
        let place = Self::with_corpus();
        place.run("tokenizer train --corpus corpus --out tokenizer --preset tiny --vocabulary-size 300 -q").done();
        place
    }

    /// And with the untrained language model `lm` and classifier `classifier`.
    pub(crate) fn with_models() -> Self {
        let place = Self::with_tokenizer();
        place
            .run("lm pretrain --corpus corpus --tokenizer tokenizer --out lm --preset tiny --set pretrain.training.epochs=0 -q")
            .done();
        place
            .run("classify train --model lm --train train.csv --out classifier --set classify.training.epochs=0 -q")
            .done();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A copy of a folder of files.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let _ = std::fs::remove_dir_all(self.path(to));
        std::fs::create_dir_all(self.path(to)).unwrap();
        for entry in std::fs::read_dir(self.path(from)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), self.path(to).join(entry.file_name())).unwrap();
            }
        }
    }

    /// A copy of another place's folder of files, under the same name.
    pub(crate) fn copy_from(&self, other: &Place, folder: &str) {
        for entry in std::fs::read_dir(other.path(folder)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                self.write(
                    &format!("{folder}/{}", entry.file_name().to_string_lossy()),
                    std::fs::read(entry.path()).unwrap(),
                );
            }
        }
    }

    /// Runs the command with arguments between spaces.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.run_words(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn run_words(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[], b"")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)], stdin: &[u8]) -> Ran {
        let mut child = self.command(arguments).envs(environment.iter().copied()).spawn().unwrap();
        // A command that does not read its input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let output = child.wait_with_output().unwrap();
        Ran {
            command: arguments.join(" "),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glossa"));
        command.args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Every file and folder below, hidden ones too, with the hash of its content.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, String> {
        let mut tree = BTreeMap::new();
        walk(self.folder.path(), &mut tree);
        tree
    }

    /// Runs the command, which must refuse and leave every file as it was. Gives what is not so, and
    /// takes away what should not be there.
    pub(crate) fn refusal(&self, arguments: &str, code: i32, words: &[&str]) -> Result<(), String> {
        let before = self.tree();
        let ran = self.run(&format!("{arguments} --quiet"));
        let changed = difference(&before, &self.tree());
        for path in changed.iter().filter(|path| !before.contains_key(*path)) {
            let _ = std::fs::remove_dir_all(path).or_else(|_| std::fs::remove_file(path));
        }
        ran.refusal(code, words)?;
        if changed.is_empty() { Ok(()) } else { Err(format!("files changed, {changed:?}: {ran:?}")) }
    }
}

/// Commands that must refuse; all are run before the first that did not fails the test.
pub(crate) struct Refusals<'a> {
    place: &'a Place,
    problems: Vec<String>,
}

impl<'a> Refusals<'a> {
    pub(crate) fn new(place: &'a Place) -> Self {
        Refusals { place, problems: Vec::new() }
    }

    pub(crate) fn case(&mut self, arguments: &str, code: i32, words: &[&str]) {
        self.problems.extend(self.place.refusal(arguments, code, words).err());
    }

    pub(crate) fn end(self) {
        assert!(self.problems.is_empty(), "{} problems:\n{}", self.problems.len(), self.problems.join("\n"));
    }
}

/// A piece of a command line that is refused, and the words that the message must have.
pub(crate) type Case<'a> = (&'a str, &'a [&'a str]);

/// Cases that all begin alike and are refused with exit code 3.
pub(crate) fn check(refusals: &mut Refusals<'_>, before: &str, cases: &[Case<'_>]) {
    for (rest, words) in cases {
        refusals.case(&format!("{before} {rest}"), 3, words);
    }
}

fn difference(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>) -> Vec<PathBuf> {
    let changed = |left: &BTreeMap<PathBuf, String>, right: &BTreeMap<PathBuf, String>| {
        left.iter().filter(|(path, hash)| right.get(*path) != Some(hash)).map(|(path, _)| path.clone()).collect()
    };
    let mut paths: Vec<PathBuf> = changed(before, after);
    paths.extend(changed(after, before));
    paths.sort();
    paths.dedup();
    paths
}

fn walk(folder: &Path, tree: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            tree.insert(entry.path(), "folder".to_owned());
            walk(&entry.path(), tree);
        } else {
            tree.insert(entry.path(), sha256_file(&entry.path()).unwrap());
        }
    }
}

/// Texts of four sentences with the label of all four: one sentence alone says too little to learn
/// from so few. No two neighbours have one label.
fn labelled(count: usize, stream: Stream) -> Vec<(String, String)> {
    let sentences = sample::labelled(SampleLanguage::English, 4 * count, stream);
    let mut by_label: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (sentence, label) in sentences {
        by_label.entry(label).or_default().push(sentence);
    }
    let example = |index: usize| {
        let (label, sentences) = by_label.iter().nth(index % by_label.len()).unwrap();
        let row = index / by_label.len();
        (sentences[4 * row..4 * row + 4].join(" "), label.clone())
    };
    (0..count).map(example).collect()
}

/// A table with the columns `text` and `label`; the sample has no quotes.
pub(crate) fn table(examples: &[(String, String)]) -> String {
    let mut rows = "text,label\n".to_owned();
    for (text, label) in examples {
        assert!(!text.contains('"') && !label.contains([',', '"']));
        writeln!(rows, "\"{text}\",{label}").unwrap();
    }
    rows
}

/// The texts and labels of one of the tables.
pub(crate) fn rows(place: &Place, name: &str) -> Vec<(String, String)> {
    let table = String::from_utf8(place.read(name)).unwrap();
    let row = |line: &str| {
        let (text, label) = line.rsplit_once(',').unwrap();
        (text.trim_matches('"').to_owned(), label.to_owned())
    };
    table.lines().skip(1).map(row).collect()
}

/// A number at a JSON pointer.
pub(crate) fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {pointer}: {value}"))
}

/// A text at a JSON pointer.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}: {value}"))
}

//! Layers over each other: defaults, the script's file, the language's file, a person's file, flags.
//! Each value keeps where it came from.

use std::collections::BTreeMap;
use std::fmt;

use glossa_base::LanguageCode;
use serde::Serialize;
use toml::{Table, Value};

use crate::builtin;
use crate::language::Language;
use crate::schema::{File, parse_file};
use crate::{Document, Error};

/// A language and where each of its values came from.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The language.
    pub language: Language,
    /// Every value by its key, such as `cleaning.digits`, with its origin.
    pub settings: BTreeMap<String, Setting>,
}

/// One value and its origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Which layer.
    pub layer: Layer,
    /// The file or flag.
    pub file: String,
    /// The line in it, from 1; nothing for a flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl Origin {
    /// Where a mistake in the value is, as messages name it.
    pub fn place(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.file),
            _ => self.file.clone(),
        }
    }
}

/// The layers, each over the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// What holds for all languages.
    Defaults,
    /// What a script's languages have in common.
    Script,
    /// The built-in file of the language.
    Language,
    /// A person's file.
    File,
    /// A flag of the command.
    Flag,
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Layer::Defaults => "defaults",
            Layer::Script => "script",
            Layer::Language => "language",
            Layer::File => "your file",
            Layer::Flag => "flag",
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{} ({}:{line})", self.layer, self.file),
            None => write!(formatter, "{} ({})", self.layer, self.file),
        }
    }
}

/// A text of one layer.
struct Source<'a> {
    layer: Layer,
    document: Document<'a>,
}

/// The built-in language of a code, with flags such as `cleaning.digits=0.3` over it.
///
/// # Errors
/// No such language, or a flag that does not fit.
pub fn resolve_builtin(code: &LanguageCode, flags: &[String]) -> Result<Resolved, Error> {
    let (name, text) = builtin::file(code).ok_or_else(|| Error::UnknownLanguage {
        code: code.to_string(),
        nearest: glossa_base::nearest::nearest(code.as_str(), builtin::codes()).map(str::to_owned),
    })?;
    let file = format!("languages/{name}.toml");
    lay(vec![Source { layer: Layer::Language, document: Document { text, file: &file } }], flags)
}

/// The language of a person's file, over the built-in file of its code where there is one, with flags over
/// it.
///
/// # Errors
/// The first mistake, with its place.
pub fn resolve_file(document: Document<'_>, flags: &[String]) -> Result<Resolved, Error> {
    let own = Source { layer: Layer::File, document };
    let code = parse_file(document)?.code.ok_or_else(|| document.invalid("", "missing field `code`"))?;
    match builtin::file(&code) {
        Some((name, text)) => {
            let file = format!("languages/{name}.toml");
            lay(vec![Source { layer: Layer::Language, document: Document { text, file: &file } }, own], flags)
        }
        None => lay(vec![own], flags),
    }
}

/// Lays defaults, script, the given layers and flags over each other.
fn lay(own: Vec<Source<'_>>, flags: &[String]) -> Result<Resolved, Error> {
    let flags: Vec<(String, String)> = flags.iter().map(|flag| flag_text(flag)).collect::<Result<_, _>>()?;
    let flags = flags.iter().map(|(text, name)| Source { layer: Layer::Flag, document: Document { text, file: name } });
    let own: Vec<Source<'_>> = own.into_iter().chain(flags).collect();
    let files: Vec<File> = own.iter().map(|source| parse_file(source.document)).collect::<Result<_, _>>()?;
    let script = files.iter().rev().find_map(|file| file.script.clone());
    let defaults = Source { layer: Layer::Defaults, document: builtin::DEFAULTS };
    let script_file = script.as_deref().and_then(builtin::script_file);
    let name = script.map_or_else(String::new, |script| format!("languages/scripts/{script}.toml"));
    let inherited = script_file.map(|text| Source { layer: Layer::Script, document: Document { text, file: &name } });
    let mut settings = BTreeMap::new();
    for source in std::iter::once(&defaults).chain(inherited.as_ref()).chain(&own) {
        add(&mut settings, source)?;
    }
    let last =
        own.iter().rfind(|source| source.layer != Layer::Flag).map_or(builtin::DEFAULTS, |source| source.document);
    let language = build(&settings, last)?;
    Ok(Resolved { language, settings })
}

/// A flag `key=value` as a text of its own, and its name in messages.
fn flag_text(flag: &str) -> Result<(String, String), Error> {
    let bad = |reason: &str| Error::BadFlag { flag: flag.to_owned(), reason: reason.to_owned() };
    let (key, value) = flag.split_once('=').ok_or_else(|| bad("write KEY=VALUE, such as cleaning.digits=0.3"))?;
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if key.is_empty() || !key.bytes().all(sound) {
        return Err(bad("the key is letters, digits, `_` and dots"));
    }
    let plain = format!("{key} = {value}\nformat = 1\n");
    let quoted = format!("{key} = {}\nformat = 1\n", Value::String(value.trim().to_owned()));
    // A word need not be quoted: whatever is no TOML value is a text.
    let text = if value.contains('\n') || plain.parse::<Table>().is_err() { quoted } else { plain };
    Ok((text, format!("--set {flag}")))
}

fn add(settings: &mut BTreeMap<String, Setting>, source: &Source<'_>) -> Result<(), Error> {
    let mut leaves = Vec::new();
    flatten("", &source.document.table()?, &mut leaves);
    for (key, value) in leaves {
        let place = if source.layer == Layer::Flag { None } else { source.document.place(&key) };
        let (line, column) = place.unzip();
        let origin = Origin { layer: source.layer, file: source.document.file.to_owned(), line, column };
        settings.insert(key, Setting { value, origin });
    }
    Ok(())
}

/// The values of a table by their keys; an array is one value.
fn flatten(prefix: &str, table: &Table, leaves: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, leaves),
            _ => leaves.push((key, value.clone())),
        }
    }
}

/// Flattened values as a table again.
fn unflatten(settings: &BTreeMap<String, Setting>) -> Table {
    let mut table = Table::new();
    for (key, setting) in settings {
        insert(&mut table, key, &setting.value);
    }
    table
}

fn insert(table: &mut Table, key: &str, value: &Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value.clone())),
        Some((first, rest)) => {
            let entry = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            // A value and a table of one name cannot come out of files that were read strictly.
            if let Value::Table(inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

fn build(settings: &BTreeMap<String, Setting>, own: Document<'_>) -> Result<Language, Error> {
    let file: File = Value::Table(unflatten(settings))
        .try_into()
        .map_err(|cause: toml::de::Error| own.invalid("", cause.message().replace('\n', ", ")))?;
    let missing = |name: &str| own.invalid("", format!("missing field `{name}`"));
    let code = file.code.ok_or_else(|| missing("code"))?;
    let script = file.script.ok_or_else(|| missing("script"))?;
    Ok(Language {
        name: file.name.ok_or_else(|| missing("name"))?,
        native_name: file.native_name,
        iso_639_3: file.iso_639_3,
        bcp_47: file.bcp_47.unwrap_or_else(|| code.to_string()),
        script,
        other_scripts: file.other_scripts.unwrap_or_default(),
        direction: file.direction.unwrap_or_default(),
        spaced: file.spaced.ok_or_else(|| missing("spaced"))?,
        segmenter: file.segmenter.unwrap_or_default(),
        character_coverage: file.character_coverage.ok_or_else(|| missing("character_coverage"))?,
        minimum_vocabulary: file.minimum_vocabulary.unwrap_or(0),
        whatlang: file.whatlang,
        benchmarks: file.benchmarks.unwrap_or_default(),
        note: file.note,
        cleaning: file.cleaning.unwrap_or_default(),
        corpora: file.corpus.unwrap_or_default(),
        split: file.split.unwrap_or_default(),
        preset: file.preset.ok_or_else(|| missing("preset"))?,
        recipe: file.recipe.unwrap_or_default(),
        backward: file.backward.unwrap_or(false),
        seeds: file.seeds.unwrap_or(1),
        tasks: file.task.unwrap_or_default(),
        code,
    })
}

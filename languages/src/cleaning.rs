//! The thresholds that decide what a corpus keeps of its documents: defaults that suit ordinary text of
//! any language, which a language file or a person may change one by one. What they measure, and how, is
//! the business of the crate that cleans.

use glossa_base::nearest::nearest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// A number that a filter compares with, or `off`. In a file: a number, or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub enum Limit {
    /// The filter is not used.
    Off,
    /// The filter's number.
    At(f64),
}

/// A limit as it stands in a file.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number or false")]
enum Written {
    Number(f64),
    Switch(bool),
}

impl TryFrom<Written> for Limit {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Number(number) => Ok(Limit::At(number)),
            Written::Switch(false) => Ok(Limit::Off),
            Written::Switch(true) => Err("a number or false is wanted, not true"),
        }
    }
}

impl From<Limit> for Written {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Off => Written::Switch(false),
            Limit::At(number) => Written::Number(number),
        }
    }
}

impl Limit {
    /// The number, where the filter is used.
    pub fn value(self) -> Option<f64> {
        match self {
            Limit::Off => None,
            Limit::At(number) => Some(number),
        }
    }
}

/// Every fix and filter of a corpus with its setting, in the order in which they work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cleaning {
    /// Repair UTF-8 that was read as Latin-1 or Windows-1252, once or twice, where it certainly is that.
    pub mojibake: bool,
    /// Remove control and bidirectional-control characters, soft hyphens and byte order marks.
    pub hidden_characters: bool,
    /// Compose characters (NFC).
    pub nfc: bool,
    /// Drop documents with fewer characters.
    pub minimum_characters: Limit,
    /// Drop documents with more characters.
    pub maximum_characters: Limit,
    /// Drop documents with fewer words.
    pub minimum_words: Limit,
    /// Drop documents of at least four lines where lines that stood before make up more of the characters.
    pub repeated_lines: Limit,
    /// Drop documents where more of the characters are neither letters nor digits.
    pub symbols: Limit,
    /// Drop documents where more of the characters are digits.
    pub digits: Limit,
    /// Drop documents where less of the letters belong to the language's script.
    pub script: Limit,
    /// Drop documents that whatlang takes for another language with at least this confidence.
    pub language: Limit,
    /// Codes of the languages that whatlang chooses among; empty for all that it knows.
    pub among: Vec<String>,
    /// Drop documents that have at least this share of their words, in order, in common with an earlier one.
    pub near_duplicates: Limit,
    /// Documents with fewer words are never near duplicates: one word more or less makes another sentence.
    pub near_duplicate_words: Limit,
}

impl Default for Cleaning {
    fn default() -> Self {
        Cleaning {
            mojibake: true,
            hidden_characters: true,
            nfc: true,
            minimum_characters: Limit::At(1.0),
            maximum_characters: Limit::Off,
            minimum_words: Limit::At(1.0),
            repeated_lines: Limit::At(0.5),
            symbols: Limit::At(0.7),
            digits: Limit::At(0.5),
            script: Limit::At(0.3),
            language: Limit::At(0.95),
            among: Vec::new(),
            near_duplicates: Limit::At(0.8),
            near_duplicate_words: Limit::At(50.0),
        }
    }
}

impl Cleaning {
    /// The names of all settings, as they are written on a command line.
    pub fn names() -> Vec<String> {
        let table = toml::Table::try_from(Cleaning::default()).unwrap_or_default();
        table.keys().map(|name| name.replace('_', "-")).collect()
    }

    /// Changes one setting by its name: to `on`, `off`, a number, or codes with commas between them.
    ///
    /// # Errors
    /// An unknown name (with the nearest right one), or a value that the setting cannot have.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let mut table = toml::Table::try_from(&*self).map_err(|cause| bad(name, &cause.to_string()))?;
        let Some(former) = table.get_mut(&name.replace('-', "_")) else {
            let names = Self::names();
            let nearest = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
            return Err(Error::UnknownFilter { name: name.to_owned(), nearest });
        };
        *former = match (value, &former) {
            (_, toml::Value::Array(_)) => codes(value),
            ("off" | "false", _) => toml::Value::Boolean(false),
            ("on" | "true", _) => toml::Value::Boolean(true),
            _ => toml::Value::Float(value.parse().map_err(|_| bad(name, "give a number, on or off"))?),
        };
        let changed: Cleaning = table.try_into().map_err(|cause: toml::de::Error| bad(name, cause.message()))?;
        changed.check().map_err(|reason| bad(name, &reason))?;
        *self = changed;
        Ok(())
    }

    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// Which setting, and its range.
    pub fn check(&self) -> Result<(), String> {
        let shares = [
            ("repeated_lines", self.repeated_lines, 0.0),
            ("symbols", self.symbols, 0.0),
            ("digits", self.digits, 0.0),
            ("script", self.script, 0.0),
            ("language", self.language, 0.0),
            ("near_duplicates", self.near_duplicates, 0.5),
        ];
        let counts = [
            ("minimum_characters", self.minimum_characters),
            ("maximum_characters", self.maximum_characters),
            ("minimum_words", self.minimum_words),
            ("near_duplicate_words", self.near_duplicate_words),
        ];
        for (name, limit, least) in shares {
            if limit.value().is_some_and(|share| !(least..=1.0).contains(&share)) {
                return Err(format!("{name} lies from {least} to 1"));
            }
        }
        for (name, limit) in counts {
            if limit.value().is_some_and(|count| !(0.0..=1e15).contains(&count) || count.fract() != 0.0) {
                return Err(format!("{name} is a whole number"));
            }
        }
        Ok(())
    }
}

fn bad(name: &str, reason: &str) -> Error {
    Error::BadFilter { name: name.to_owned(), reason: reason.replace('\n', ", ") }
}

fn codes(value: &str) -> toml::Value {
    let codes = value.split(',').map(str::trim).filter(|code| !code.is_empty() && *code != "off");
    toml::Value::Array(codes.map(|code| toml::Value::String(code.to_owned())).collect())
}

//! The rules that prepare a text before it is cut into pieces: markup is undone, repetitions and
//! capitals become special words, so that one piece serves all its spellings.
//!
//! The presets are those of the published systems (fastai v1 as MultiFiT used it, fastai v2, and
//! the HAHA 2019 system). Each rule is a scanner that reads the text once: time is linear in its
//! length, whatever the text.

mod capitals;
mod html;
mod repeats;
mod spaces;
mod undo;

use std::fmt;
use std::str::FromStr;

use glossa_base::nearest::nearest;
use serde::{Deserialize, Serialize};

use crate::Error;
use capitals::Case;

pub use undo::undo;

/// The word that begins every document.
pub const BEGIN: &str = "xxbos";
/// The word that begins a field.
pub const FIELD: &str = "xxfld";
/// The word that pads batches.
pub const PADDING: &str = "xxpad";
/// The word for what is unknown.
pub const UNKNOWN: &str = "xxunk";
/// The word before a capitalised word.
pub const CAPITALISED: &str = "xxmaj";
/// The word before a word in capitals.
pub const UPPER: &str = "xxup";
/// The word before a repeated character: `xxrep 4 a`.
pub const REPEATED: &str = "xxrep";
/// The word before a repeated word: `xxwrep 3 no`.
pub const REPEATED_WORD: &str = "xxwrep";
/// The word for a new line (HAHA 2019).
pub const NEW_LINE: &str = "xxnl";

/// A set of rules with its special pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Preset {
    /// fastai v1, as MultiFiT used it.
    #[default]
    FastaiV1,
    /// fastai v2, with capitals of every script.
    FastaiV2,
    /// fastai v2 to the letter: only A to Z are capitals. For models imported from it.
    FastaiV2Ascii,
    /// The HAHA 2019 system, for tweets.
    Haha2019,
    /// No rules; documents still begin with `xxbos`.
    None,
}

const NAMES: [(Preset, &str); 5] = [
    (Preset::FastaiV1, "fastai-v1"),
    (Preset::FastaiV2, "fastai-v2"),
    (Preset::FastaiV2Ascii, "fastai-v2-ascii"),
    (Preset::Haha2019, "haha-2019"),
    (Preset::None, "none"),
];

impl Preset {
    /// The names of all presets.
    pub fn names() -> Vec<&'static str> {
        NAMES.iter().map(|(_, name)| *name).collect()
    }

    /// The name of this preset.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(preset, _)| *preset == self).map_or("none", |(_, name)| name)
    }

    /// The special words, in the order of their ids in a vocabulary trained with these rules.
    pub fn special_pieces(self) -> &'static [&'static str] {
        match self {
            Preset::FastaiV1 => &["xxunk", "xxpad", "xxbos", "xxeos", "xxfld", "xxmaj", "xxup", "xxrep", "xxwrep"],
            Preset::FastaiV2 | Preset::FastaiV2Ascii => {
                &["xxunk", "xxpad", "xxbos", "xxeos", "xxfld", "xxrep", "xxwrep", "xxup", "xxmaj"]
            }
            Preset::Haha2019 => &["xxpad", "xxbos", "xxeos", "xxfld", "xxmaj", "xxup", "xxrep", "xxwrep"],
            Preset::None => &["xxpad", "xxbos", "xxeos", "xxfld"],
        }
    }

    /// The name of SentencePiece's own unknown piece.
    pub fn unknown_piece(self) -> &'static str {
        if self == Preset::Haha2019 { UNKNOWN } else { "<unk>" }
    }

    /// Applies the rules to a document; the result begins with `xxbos`.
    pub fn apply(self, text: &str) -> String {
        join(BEGIN, &self.clean(text))
    }

    /// Applies the rules to a document of several fields: `xxbos xxfld 1 … xxfld 2 …`.
    pub fn apply_fields(self, fields: &[&str]) -> String {
        let marked = fields.iter().enumerate().fold(BEGIN.to_owned(), |text, (index, field)| {
            join(&format!("{text} {FIELD} {}", index + 1), &self.clean(field))
        });
        marked.trim_end().to_owned()
    }

    /// The rules without the beginning.
    fn clean(self, text: &str) -> String {
        match self {
            Preset::FastaiV1 => fastai_v1(text),
            Preset::FastaiV2 => fastai_v2(text, Case::Unicode),
            Preset::FastaiV2Ascii => fastai_v2(text, Case::Ascii),
            Preset::Haha2019 => haha_2019(text),
            Preset::None => text.to_owned(),
        }
    }
}

fn join(head: &str, body: &str) -> String {
    if body.is_empty() { head.to_owned() } else { format!("{head} {body}") }
}

/// Order and thresholds of fastai v1: four of a character or word are a repetition.
fn fastai_v1(text: &str) -> String {
    let text = html::fix(text.trim(), html::Style::V1);
    let text = repeats::characters(&text, 4);
    let text = repeats::words_with_separator(&text, 4);
    let text = spaces::around(&text, &['/', '#', '\n']);
    let text = spaces::collapse(&text);
    capitals::mark_tokens(&text)
}

/// Order and thresholds of fastai v2: three are a repetition, line ends stay.
fn fastai_v2(text: &str, case: Case) -> String {
    let text = html::fix(text, html::Style::V2);
    let text = repeats::characters(&text, 3);
    let text = repeats::words(&text, 3);
    let text = spaces::around(&text, &['/', '#', '\\']);
    let text = spaces::collapse(&text);
    capitals::mark_words(&text, case).trim().to_owned()
}

/// Order of the HAHA 2019 system: capitals first, then spaces, then line ends as a word. The word
/// for a line end stands apart here; the published code could glue it to its neighbour.
fn haha_2019(text: &str) -> String {
    let text = html::fix(text.trim(), html::Style::V1);
    let text = repeats::characters(&text, 4);
    let text = repeats::words_with_separator(&text, 4);
    let text = capitals::mark_upper(&text, 3);
    let text = spaces::around(&text, &['/', '#', '?', '!', '@', ',']);
    let text = text.replace("\r\n", "\n").replace('\n', " xxnl ");
    spaces::collapse(&text).trim().to_owned()
}

impl fmt::Display for Preset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = NAMES.iter().find(|(_, name)| *name == text).map(|(preset, _)| *preset);
        let unknown =
            || Error::UnknownRules { name: text.chars().take(40).collect(), nearest: nearest(text, Self::names()) };
        found.ok_or_else(unknown)
    }
}

impl TryFrom<String> for Preset {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Preset> for String {
    fn from(preset: Preset) -> String {
        preset.name().to_owned()
    }
}

//! Tells pages that list the meanings of a word, by the magic word of MediaWiki's extension
//! Disambiguator and by the names of the templates that mark such pages.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

use std::collections::HashSet;
use std::sync::LazyLock;

use memchr::memmem::Finder;

/// Longest name that is looked up, in bytes.
const LONGEST: usize = 80;

/// Lower-case names, as the wikis themselves use them: written down from what we know of them and from
/// the Disambiguator extension's own list of magic words. Wikis that are not here mostly use the English
/// name or the magic word.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "disambig", "disambiguation", "disamb", "dab", "disambiguation page", "disambiguation cleanup", "hndis", "geodis",
    "hndis-cleanup", "geodis-cleanup", "airport disambiguation", "number disambiguation", "school disambiguation",
    "human name disambiguation", "place name disambiguation", "letter disambiguation", "mathematical disambiguation",
    "begriffsklärung", "homonymie", "desambiguación", "desambiguacion", "desambiguação", "desambiguació", "desambig",
    "disambigua", "doorverwijspagina", "dp", "dubbelsinnig", "flertydig", "fleirtyding", "peker", "pekerside",
    "förgrening", "gren", "täsmennyssivu", "täpsustus", "täpsustuslehekülg", "ujednoznacznienie", "rozcestník",
    "rozlišovacia stránka", "egyért", "dezambiguizare", "razdvojba", "višeznačnost", "razločitev", "nuorodinis",
    "daugiareikšmis", "nozīmju atdalīšana", "kthjellim", "anlam ayrımı", "dəqiqləşdirmə", "argipen", "homónimos",
    "dixebra", "homonimia", "discretiva", "apartigilo", "gwahaniaethu", "idirdhealú", "aðgreining", "disambiguasi",
    "nyahkekaburan", "paglilinaw", "định hướng", "trang định hướng", "maana", "неоднозначность", "многозначность",
    "неоднозначність", "багатозначність", "неадназначнасць", "неадназначнасьць", "пояснение", "појаснување",
    "вишезначна одредница", "вишезначност", "айрық", "күп мәгънәле", "αποσαφήνιση", "երկիմաստություն",
    "მრავალმნიშვნელოვანი", "פירושונים", "توضيح", "ابهام‌زدایی", "ابهامزدایی", "ضد ابہام",
    "बहुविकल्पी शब्द", "बहुविकल्पी", "দ্ব্যর্থতা নিরসন", "வழிநெறிப்படுத்தல்", "แก้กำกวม", "aimai", "曖昧さ回避",
    "消歧义", "消歧義", "동음이의", "동음이의어 문서",
];

static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| NAMES.iter().copied().collect());

/// The magic word, in the languages that have their own.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "__DISAMBIG__", "__BEGRIFFSKLÄRUNG__", "__TÄPSUSTUS__", "__HOMONYMIE__", "__HOMÓNIMOS__", "__توضيح__",
    "__ابهامزدایی__", "__동음이의__", "__ПОЈАСНУВАЊЕ__",
];

static FIND_TEMPLATE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("{{"));

/// Whether a page only tells the meanings of a word apart.
pub fn is_disambiguation(wikitext: &str) -> bool {
    FIND_TEMPLATE.find_iter(wikitext.as_bytes()).any(|start| is_known(wikitext.as_bytes(), start + 2))
        || (memchr::memmem::find(wikitext.as_bytes(), b"__").is_some()
            && WORDS.iter().any(|word| wikitext.contains(word)))
}

/// Whether the template whose name begins at `start` marks such pages.
fn is_known(wikitext: &[u8], start: usize) -> bool {
    let rest = wikitext.get(start..).unwrap_or_default();
    let rest = rest.get(..LONGEST).unwrap_or(rest);
    let Some(end) = rest.iter().position(|byte| matches!(byte, b'|' | b'}' | b'{')) else { return false };
    let Ok(name) = std::str::from_utf8(rest.get(..end).unwrap_or_default()) else { return false };
    is_disambiguation_name(name)
}

/// Whether a template of this name marks pages that only tell the meanings of a word apart.
pub fn is_disambiguation_name(name: &str) -> bool {
    let name = name.trim();
    if KNOWN.contains(name) {
        return true;
    }
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b' ');
    !plain && KNOWN.contains(name.to_lowercase().replace('_', " ").as_str())
}

//! Language identification by whatlang, as a filter only: it knows 70 languages and calls every other one
//! by the name of a neighbour, so it is used for none but those that it knows.

use std::collections::BTreeMap;
use std::str::FromStr;

use glossa_base::LanguageCode;
use glossa_languages::Writing;
use whatlang::{Detector, Info, Lang};

use crate::Error;

/// So many characters of a document are looked at.
const LOOKED_AT: usize = 1000;

/// Shorter texts are not judged: names and foreign words weigh too much in them.
const SHORTEST: usize = 100;

/// Tells whether a text is in another language than it should be.
pub(crate) struct Identifier {
    own: Lang,
    detector: Detector,
}

impl Identifier {
    /// An identifier for a language; `None` for one that whatlang does not know. It chooses among the
    /// languages of the given codes, or among all of its own.
    pub(crate) fn new(language: &Writing, among: &[String]) -> Result<Option<Self>, Error> {
        let Some(own) = language.whatlang.as_deref().and_then(Lang::from_code) else { return Ok(None) };
        if among.is_empty() {
            return Ok(Some(Identifier { own, detector: Detector::new() }));
        }
        let unknown = |code: &String| Error::BadOption { reason: format!("`among`: whatlang does not know `{code}`") };
        let mut list: Vec<Lang> =
            among.iter().map(|code| known(code).ok_or_else(|| unknown(code))).collect::<Result<_, _>>()?;
        list.push(own);
        Ok(Some(Identifier { own, detector: Detector::with_allowlist(list) }))
    }

    /// Another language that the text seems to be in, and how certain that is. It must share the
    /// language's script, as the script is another filter's business and whatlang judges a text by the
    /// script of most of its letters; and neither half of the text may look like the language, as one
    /// foreign name or quotation sways whatlang.
    pub(crate) fn other(&self, text: &str) -> Option<(&'static str, f64)> {
        text.char_indices().nth(SHORTEST - 1)?;
        let end = text.char_indices().nth(LOOKED_AT).map_or(text.len(), |(end, _)| end);
        let text = text.get(..end)?;
        let found = self.detector.detect(text)?;
        let (left, right) = halves(text)?;
        let foreign = |part: &str| self.detector.detect(part).is_some_and(|found| self.is_other(&found));
        (self.is_other(&found) && foreign(left) && foreign(right))
            .then(|| (found.lang().eng_name(), found.confidence()))
    }

    fn is_other(&self, found: &Info) -> bool {
        found.lang() != self.own && found.script().langs().contains(&self.own)
    }
}

/// How many texts are in another language than they should be.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Foreign {
    /// Texts that are long enough to tell.
    pub judged: u64,
    /// Other languages that texts seem to be in, by their English names, the most frequent first.
    pub others: Vec<(String, u64)>,
}

/// Counts the texts that seem to be in another language of the same script; nothing where whatlang does not know
/// the language.
pub fn foreign(texts: &[String], language: &LanguageCode) -> Option<Foreign> {
    let writing = glossa_languages::find(language)?.writing();
    let identifier = Identifier::new(&writing, &[]).ok().flatten()?;
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut judged = 0;
    for text in texts.iter().filter(|text| text.char_indices().nth(SHORTEST - 1).is_some()) {
        judged += 1;
        if let Some((name, _)) = identifier.other(text) {
            *counts.entry(name).or_default() += 1;
        }
    }
    let mut others: Vec<(String, u64)> = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    others.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Some(Foreign { judged, others })
}

/// A text cut at the white space after its middle.
fn halves(text: &str) -> Option<(&str, &str)> {
    let middle = text.ceil_char_boundary(text.len() / 2);
    let space = text.get(middle..)?.find(char::is_whitespace)?;
    text.split_at_checked(middle + space)
}

/// whatlang's language for the code of a language file.
fn known(code: &str) -> Option<Lang> {
    let language = glossa_languages::find(&LanguageCode::from_str(code).ok()?)?;
    Lang::from_code(language.whatlang?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_texts_are_counted() {
        let german = "Der Zug nach Hamburg hatte heute wieder Verspätung, weil bei Hannover ein großer Baum auf den Gleisen lag.";
        let french = "Le train pour Lyon avait encore du retard ce matin parce qu'un arbre était tombé sur les rails.";
        let french = format!("{french} {french}");
        let texts = [german, &french, &french, "kurz"].map(str::to_owned);
        let found = foreign(&texts, &"de".parse().unwrap()).unwrap();
        assert_eq!(found, Foreign { judged: 3, others: vec![("French".to_owned(), 2)] });
        assert_eq!(foreign(&texts, &"eu".parse().unwrap()), None);
    }

    fn writing(code: &str) -> Writing {
        glossa_languages::find(&code.parse().unwrap()).unwrap().writing()
    }

    #[test]
    fn the_registry_has_whatlangs_codes() {
        let languages = glossa_languages::builtin().unwrap();
        let theirs: Vec<&str> = languages.iter().filter_map(|language| language.whatlang.as_deref()).collect();
        assert!(theirs.iter().all(|code| Lang::from_code(*code).is_some()), "{theirs:?}");
        assert!(Lang::all().iter().all(|lang| theirs.contains(&lang.code())));
    }

    #[test]
    fn unknown_languages_are_never_judged() {
        for code in ["eu", "sw", "lg", "rw", "tt", "su", "min", "ga", "mt"] {
            assert!(Identifier::new(&writing(code), &[]).unwrap().is_none(), "{code}");
        }
        assert!(Identifier::new(&writing("pl"), &["xx".to_owned()]).is_err());
    }

    #[test]
    fn another_language_is_named() {
        let polish = Identifier::new(&writing("pl"), &[]).unwrap().unwrap();
        let english = "This is a sentence of plain English, long enough to be told from any other language at all, \
                       with words that only English has.";
        assert_eq!(polish.other(english).map(|found| found.0), Some("English"));
        assert_eq!(polish.other("This is English but short."), None);
        let own = "To jest zwykłe polskie zdanie, dostatecznie długie, żeby odróżnić je od zdań w każdym innym \
                   języku, nawet pokrewnym.";
        assert_eq!(polish.other(own), None);
    }
}

//! Words as a language's segmenter finds them: for perplexity by word and for statistics.

use std::path::Path;

use glossa_base::{LanguageCode, Outcome};
use glossa_languages::Segmenter;
use glossa_text::words;

/// The segmenter of the language that a corpus was built for; white space where none was named.
pub(crate) fn segmenter_of_corpus(corpus: &Path) -> Outcome<Segmenter> {
    let options = glossa_corpora::options_of(corpus)?;
    Ok(options.language.map(|language| language.segmenter).unwrap_or_default())
}

/// The segmenter of a built-in language; white space for others.
pub(crate) fn segmenter_of_language(code: Option<&str>) -> Segmenter {
    let code = code.and_then(|code| code.parse::<LanguageCode>().ok());
    code.and_then(|code| glossa_languages::find(&code)).map(|language| language.segmenter).unwrap_or_default()
}

/// The number of words. Between white space, punctuation counts with the word that it stands at; the other
/// two leave punctuation out.
pub(crate) fn count(text: &str, segmenter: Segmenter) -> u64 {
    match segmenter {
        Segmenter::WhiteSpace => words::count(text),
        Segmenter::Unicode => words::segment(text).len() as u64,
        Segmenter::Dictionary => words::segment_unspaced(text).len() as u64,
    }
}

/// The words without punctuation.
pub(crate) fn segment(text: &str, segmenter: Segmenter) -> Vec<&str> {
    match segmenter {
        Segmenter::WhiteSpace | Segmenter::Unicode => words::segment(text),
        Segmenter::Dictionary => words::segment_unspaced(text),
    }
}

//! `tokenizer.json` through the `tokenizers` crate: its parts are read one by one with limits, the library never sees
//! the whole file, and no panic of it goes further.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokenizers::{
    AddedToken, DecoderWrapper, Encoding, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, Token,
    Tokenizer,
};

use super::contain::contained;
use super::files::{SpecialNames, Trouble};
use super::model_file::{self, HIGHEST_ID};
use super::sections::sections;
use super::{Place, Specials, check};

/// Bytes of the normaliser and the other small parts, each; XLM-RoBERTa's normaliser has 0.4 MB.
const LARGEST_PART: usize = 4 << 20;
/// More added pieces than any model is known to have, and bytes in all of them.
const MOST_ADDED: usize = 20_000;
const MOST_ADDED_BYTES: usize = 1 << 20;

/// A tokenizer of the library.
pub(super) struct Library {
    tokenizer: Tokenizer,
    /// The highest id that a piece has.
    highest: Option<u32>,
    unknown: Option<String>,
}

/// An entry of `added_tokens`.
#[derive(Deserialize)]
struct Added {
    id: u32,
    #[serde(flatten)]
    token: AddedToken,
}

type Sections<'a> = HashMap<String, &'a [u8]>;

/// Reads a `tokenizer.json`.
pub(super) fn read(bytes: &[u8], names: &SpecialNames) -> Result<(Library, Specials, usize), Trouble> {
    let parts = sections(bytes)?;
    let version: Option<String> = part(&parts, "version")?;
    if let Some(version) = version.filter(|version| version != "1.0") {
        return Err(Trouble::Unsupported(format!("version {:?}", version.chars().take(20).collect::<String>())));
    }
    let model = parts.get("model").ok_or_else(|| "it has no model".to_owned())?;
    let read = model_contained(model)?;
    let added: Vec<Added> = part(&parts, "added_tokens")?.unwrap_or_default();
    check_added(&added)?;
    let highest = added.iter().map(|entry| entry.id).chain(read.highest).max();
    let tokenizer = contained(|| {
        let mut tokenizer = Tokenizer::new(read.model);
        with_parts(&mut tokenizer, &parts)?;
        with_added(&mut tokenizer, added)?;
        Ok(tokenizer)
    })?;
    finish(Library::new(tokenizer, highest, read.unknown), names)
}

fn model_contained(bytes: &[u8]) -> Result<model_file::Read, Trouble> {
    let mut found = None;
    contained(|| {
        found = Some(model_file::read(bytes));
        Ok(())
    })?;
    found.unwrap_or_else(|| Err("its model could not be read".to_owned().into()))
}

/// One top-level value; none where it is absent or null.
fn part<T: DeserializeOwned>(parts: &Sections<'_>, key: &str) -> Result<Option<T>, String> {
    let Some(bytes) = parts.get(key) else { return Ok(None) };
    if bytes.len() > LARGEST_PART {
        return Err(format!("its {key} has more than {} MiB", LARGEST_PART >> 20));
    }
    serde_json::from_slice(bytes).map_err(|cause| format!("its {key}: {cause}"))
}

fn with_parts(tokenizer: &mut Tokenizer, parts: &Sections<'_>) -> Result<(), String> {
    let [normalizer, pre_tokenizer, post_processor, decoder]: [Option<Value>; 4] = [
        part(parts, "normalizer")?,
        part(parts, "pre_tokenizer")?,
        part(parts, "post_processor")?,
        part(parts, "decoder")?,
    ];
    check::steps(normalizer.iter().chain(&pre_tokenizer))?;
    check::steps(&decoder)?;
    post_processor.as_ref().map_or(Ok(()), check::post_processor)?;
    let normalizer: Option<NormalizerWrapper> = built("normalizer", normalizer)?;
    tokenizer.with_normalizer(normalizer).map_err(|cause| format!("its normalizer: {cause}"))?;
    let pre_tokenizer: Option<PreTokenizerWrapper> = built("pre_tokenizer", pre_tokenizer)?;
    tokenizer.with_pre_tokenizer(pre_tokenizer);
    let post_processor: Option<PostProcessorWrapper> = built("post_processor", post_processor)?;
    tokenizer.with_post_processor(post_processor);
    let decoder: Option<DecoderWrapper> = built("decoder", decoder)?;
    tokenizer.with_decoder(decoder);
    Ok(())
}

fn built<T: DeserializeOwned>(name: &str, value: Option<Value>) -> Result<Option<T>, String> {
    value.map(serde_json::from_value).transpose().map_err(|cause| format!("its {name}: {cause}"))
}

fn check_added(added: &[Added]) -> Result<(), String> {
    let bytes: usize = added.iter().map(|entry| entry.token.content.len()).sum();
    if added.len() > MOST_ADDED || bytes > MOST_ADDED_BYTES {
        return Err(format!("it adds {} pieces of {bytes} bytes; that is too many", added.len()));
    }
    match added.iter().find(|entry| entry.id > HIGHEST_ID) {
        Some(entry) => Err(format!("id {} is higher than {HIGHEST_ID}", entry.id)),
        None => Ok(()),
    }
}

/// The library gives added pieces the next free ids, whatever the file says; a file that says otherwise is refused.
fn with_added(tokenizer: &mut Tokenizer, added: Vec<Added>) -> Result<(), String> {
    let wanted: Vec<(String, u32)> = added.iter().map(|entry| (entry.token.content.clone(), entry.id)).collect();
    let tokens = added.into_iter().map(|entry| entry.token);
    tokenizer.add_tokens(tokens).map_err(|cause| format!("its added_tokens: {cause}"))?;
    for (content, id) in wanted.iter().filter(|(content, _)| !content.is_empty()) {
        let given = tokenizer.token_to_id(content);
        if given != Some(*id) {
            let content: String = content.chars().take(40).collect();
            return Err(format!("its added piece {content:?} has the id {id}, and would get {given:?}"));
        }
    }
    Ok(())
}

/// Settles what is not the file's to say, and finds the special ids.
pub(super) fn finish(library: Library, names: &SpecialNames) -> Result<(Library, Specials, usize), Trouble> {
    let size = library.highest.map_or(0, |highest| highest as usize + 1);
    let (before, after) = contained(|| library.around())?;
    let (pair, types) = library.pair("a", "b")?;
    if let Some(id) = before.iter().chain(&after).chain(&pair).find(|&&id| id as usize >= size) {
        return Err(format!("it puts the id {id} around texts, which no piece has").into());
    }
    if types.iter().any(|&kind| kind > 2) {
        return Err("it gives a text a type above 2".to_owned().into());
    }
    let specials = library.specials(names, before, after);
    Ok((library, specials, size))
}

impl Library {
    pub(super) fn new(mut tokenizer: Tokenizer, highest: Option<u32>, unknown: Option<String>) -> Self {
        tokenizer.set_encode_special_tokens(true);
        Library { tokenizer, highest, unknown }
    }

    /// The ids before and behind a text, found by wrapping one piece.
    fn around(&self) -> Result<(Vec<u32>, Vec<u32>), String> {
        let inner = Encoding::from_tokens(vec![Token::new(0, "a".to_owned(), (0, 1))], 0);
        let wrapped = self.tokenizer.post_process(inner, None, true).map_err(|cause| cause.to_string())?;
        let (ids, special) = (wrapped.get_ids(), wrapped.get_special_tokens_mask());
        let place = special.iter().position(|&special| special == 0).ok_or("it drops the text")?;
        let (before, rest) = ids.split_at_checked(place).ok_or("it drops the text")?;
        Ok((before.to_vec(), rest.get(1..).unwrap_or_default().to_vec()))
    }

    fn specials(&self, names: &SpecialNames, before: Vec<u32>, after: Vec<u32>) -> Specials {
        let added = self.tokenizer.get_added_tokens_decoder();
        // Without settings files: a special piece of the file whose name says its role, whatever its brackets.
        let by_role = |role: &str| {
            let mut found: Vec<u32> = added
                .iter()
                .filter(|(_, token)| {
                    token.special && token.content.trim_matches(['[', ']', '<', '>', '|']).eq_ignore_ascii_case(role)
                })
                .map(|(id, _)| *id)
                .collect();
            found.sort_unstable();
            found.first().copied()
        };
        let id = |name: &Option<String>| name.as_ref().and_then(|name| self.id(name));
        Specials {
            begin: before.first().copied().or_else(|| id(&names.begin)),
            end: after.last().copied().or_else(|| id(&names.end)),
            padding: id(&names.padding).or_else(|| by_role("pad")),
            mask: id(&names.mask).or_else(|| by_role("mask")),
            unknown: id(&names.unknown).or_else(|| id(&self.unknown)).or_else(|| by_role("unk")),
            before,
            after,
        }
    }

    pub(super) fn places(&self, text: &str) -> Result<Vec<Place>, String> {
        contained(|| {
            let found = self.tokenizer.encode(text, false).map_err(|cause| cause.to_string())?;
            let place = |(&id, &(begin, end)): (&u32, &(usize, usize))| {
                let begin = text.floor_char_boundary(begin);
                (id, begin..text.ceil_char_boundary(end).max(begin))
            };
            Ok(found.get_ids().iter().zip(found.get_offsets()).map(place).collect())
        })
    }

    /// The ids alone, without the work for places.
    pub(super) fn ids(&self, text: &str) -> Result<Vec<u32>, String> {
        contained(|| {
            let found = self.tokenizer.encode_fast(text, false).map_err(|cause| cause.to_string())?;
            Ok(found.get_ids().to_vec())
        })
    }

    pub(super) fn pair(&self, first: &str, second: &str) -> Result<(Vec<u32>, Vec<u32>), String> {
        contained(|| {
            let found = self.tokenizer.encode((first, second), true).map_err(|cause| cause.to_string())?;
            Ok((found.get_ids().to_vec(), found.get_type_ids().to_vec()))
        })
    }

    pub(super) fn decode(&self, ids: &[u32]) -> Result<String, String> {
        contained(|| self.tokenizer.decode(ids, true).map_err(|cause| cause.to_string()))
    }

    pub(super) fn piece(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    pub(super) fn id(&self, piece: &str) -> Option<u32> {
        self.tokenizer.token_to_id(piece)
    }
}

//! BERT's `vocab.txt`: one piece a line, whose number is its id.

use tokenizers::decoders::wordpiece::WordPiece as Joiner;
use tokenizers::models::bpe::Vocab;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, Tokenizer};

use super::contain::contained;
use super::files::{Settings, SpecialNames, Trouble};
use super::library::Library;
use super::model_file::{LONGEST_PIECE, MOST_ENTRIES};

/// The names that BERT's tokenizer has where no file says otherwise.
struct Names {
    begin: String,
    end: String,
    padding: String,
    mask: String,
    unknown: String,
}

impl Names {
    fn of(names: &SpecialNames) -> Self {
        let name = |name: &Option<String>, usual: &str| name.clone().unwrap_or_else(|| usual.to_owned());
        Names {
            begin: name(&names.begin, "[CLS]"),
            end: name(&names.end, "[SEP]"),
            padding: name(&names.padding, "[PAD]"),
            mask: name(&names.mask, "[MASK]"),
            unknown: name(&names.unknown, "[UNK]"),
        }
    }

    fn all(&self) -> [&String; 5] {
        [&self.unknown, &self.end, &self.padding, &self.begin, &self.mask]
    }
}

/// Reads a `vocab.txt`.
pub(super) fn read(bytes: &[u8], settings: &Settings, names: &SpecialNames) -> Result<Library, Trouble> {
    settings.check_word_piece()?;
    let text = std::str::from_utf8(bytes).map_err(|cause| format!("it is not UTF-8: {cause}"))?;
    let vocab = vocabulary(text)?;
    let names = Names::of(names);
    // BERT's own default is lower case; a vocabulary with capitals says more than a default.
    let lowercase = settings.do_lower_case.unwrap_or_else(|| !has_capitals(&vocab, &names));
    let chinese = settings.tokenize_chinese_chars.unwrap_or(true);
    let normalizer = BertNormalizer::new(true, chinese, settings.strip_accents, lowercase);
    let highest = vocab.values().max().copied();
    let special = |name: &str| vocab.get(name).map(|&id| (name.to_owned(), id));
    let ends = special(&names.end).zip(special(&names.begin));
    let (end, begin) = ends.ok_or_else(|| format!("it has no piece {} or {}", names.begin, names.end))?;
    if !vocab.contains_key(&names.unknown) {
        return Err(format!("it has no piece {}", names.unknown).into());
    }
    let added: Vec<AddedToken> = names
        .all()
        .into_iter()
        .filter(|name| vocab.contains_key(*name))
        .map(|name| AddedToken::from(name.clone(), true))
        .collect();
    let tokenizer = contained(|| {
        let model = WordPiece::builder().vocab(vocab).unk_token(names.unknown.clone()).build();
        let mut tokenizer = Tokenizer::new(model.map_err(|cause| cause.to_string())?);
        tokenizer.with_normalizer(Some(normalizer)).map_err(|cause| cause.to_string())?;
        tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
        tokenizer.with_post_processor(Some(BertProcessing::new(end, begin)));
        tokenizer.with_decoder(Some(Joiner::default()));
        tokenizer.add_special_tokens(added).map_err(|cause| cause.to_string())?;
        Ok(tokenizer)
    })?;
    Ok(Library::new(tokenizer, highest, Some(names.unknown)))
}

/// As Python reads it: a piece that is there twice has the later id.
fn vocabulary(text: &str) -> Result<Vocab, String> {
    let mut vocab = Vocab::default();
    for (id, line) in text.lines().enumerate() {
        if id >= MOST_ENTRIES || line.len() > LONGEST_PIECE {
            return Err(format!("line {} is too long, or one too many", id + 1));
        }
        let id = u32::try_from(id).map_err(|_| "it has too many pieces".to_owned())?;
        vocab.insert(line.to_owned(), id);
    }
    Ok(vocab)
}

fn has_capitals(vocab: &Vocab, names: &Names) -> bool {
    let bracketed = |piece: &str| piece.starts_with('[') && piece.ends_with(']');
    let mut pieces = vocab.keys().filter(|piece| !bracketed(piece) && !names.all().contains(piece));
    pieces.any(|piece| piece.chars().any(char::is_uppercase))
}

//! Imported tokenizers give what Python's libraries give: `scripts/tokenizer_parity.py` made the cases.
//! `GLOSSA_TOKENIZER_PARITY` may name another folder that it wrote.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::{Path, PathBuf};

use glossa_text::ImportedTokenizer;
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    bare: Vec<u32>,
    row: Vec<u32>,
    ranges: Option<Vec<(usize, usize)>>,
    words: Option<Vec<Option<usize>>>,
    word_of: Option<Vec<Option<usize>>>,
    decoded: Option<String>,
}

#[derive(Deserialize)]
struct Pair {
    texts: (String, String),
    ids: Vec<u32>,
    types: Vec<u32>,
}

fn folders() -> Vec<PathBuf> {
    let mut roots = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity"))];
    roots.extend(std::env::var_os("GLOSSA_TOKENIZER_PARITY").map(PathBuf::from));
    let mut folders: Vec<PathBuf> =
        roots.iter().flat_map(|root| std::fs::read_dir(root).unwrap()).map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("cases.json").is_file());
    folders.sort();
    assert!(folders.len() >= 6, "{folders:?}");
    folders
}

fn check_case(tokenizer: &ImportedTokenizer, case: &Case, place: &str) {
    let text = case.text.as_str();
    assert_eq!(tokenizer.encode(text).unwrap(), case.ids, "{place}");
    assert_eq!(tokenizer.encode_bare(text).unwrap(), case.bare, "{place}");
    assert_eq!(tokenizer.wrap(&case.bare), case.ids, "{place}");
    let pieces = tokenizer.word_pieces(text).unwrap();
    assert_eq!(pieces.iter().map(|piece| piece.id).collect::<Vec<_>>(), case.bare, "{place}");
    if let Some(ranges) = &case.ranges {
        let found: Vec<_> = pieces.iter().map(|piece| (piece.range.start, piece.range.end)).collect();
        assert_eq!(&found, ranges, "{place}");
    }
    if let Some(words) = &case.words {
        assert_eq!(&pieces.iter().map(|piece| piece.word).collect::<Vec<_>>(), words, "{place}");
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let row = tokenizer.encode_words(&words).unwrap();
    assert_eq!(row.ids, case.row, "{place}");
    if let Some(word_of) = &case.word_of {
        assert_eq!(&row.word_of, word_of, "{place}");
    }
    let decoded = tokenizer.decode(&case.bare).unwrap();
    if let Some(expected) = &case.decoded {
        assert_eq!(&decoded, expected, "{place}");
    }
}

#[test]
fn ids_places_and_words_are_those_of_python() {
    for folder in folders() {
        let tokenizer = ImportedTokenizer::load(&folder).unwrap();
        let cases: Cases = serde_json::from_slice(&std::fs::read(folder.join("cases.json")).unwrap()).unwrap();
        assert!(cases.cases.len() > 20);
        for case in &cases.cases {
            check_case(&tokenizer, case, &format!("{}: {:?}", folder.display(), case.text));
        }
        for Pair { texts: (first, second), ids, types } in &cases.pairs {
            let found = tokenizer.encode_pair(first, second).unwrap();
            assert_eq!((&found.0, &found.1), (ids, types), "{}: {first:?} {second:?}", folder.display());
        }
    }
}

#[test]
fn a_saved_tokenizer_is_the_same() {
    for folder in folders() {
        let tokenizer = ImportedTokenizer::load(&folder).unwrap();
        let copy = tempfile::tempdir().unwrap();
        tokenizer.save_into(copy.path()).unwrap();
        assert_eq!(std::fs::read_dir(copy.path()).unwrap().count(), tokenizer.files().len());
        for name in tokenizer.files() {
            let read = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
            assert_eq!(read(copy.path()), read(&folder));
        }
        let again = ImportedTokenizer::load(copy.path()).unwrap();
        assert_eq!((again.digest(), again.files()), (tokenizer.digest(), tokenizer.files()));
        let text = "The river, 12 Häuser; 橋 κόσμος.";
        assert_eq!(again.encode(text).unwrap(), tokenizer.encode(text).unwrap());
    }
}

#[test]
fn special_ids_come_from_the_files() {
    let check = |name: &str, [begin, end, padding, mask, unknown]: [Option<&str>; 5], special_count: usize| {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity")).join(name);
        let tokenizer = ImportedTokenizer::load(&folder).unwrap();
        let piece = |id: Option<u32>| id.map(|id| tokenizer.piece(id).expect("a special id has a piece"));
        assert_eq!(piece(tokenizer.begin_id()).as_deref(), begin, "{name}");
        assert_eq!(piece(tokenizer.end_id()).as_deref(), end, "{name}");
        assert_eq!(piece(tokenizer.pad_id()).as_deref(), padding, "{name}");
        assert_eq!(piece(tokenizer.mask_id()).as_deref(), mask, "{name}");
        assert_eq!(piece(tokenizer.unknown_id()).as_deref(), unknown, "{name}");
        assert_eq!(tokenizer.special_count(), special_count, "{name}");
        let size = u32::try_from(tokenizer.vocabulary_size()).unwrap();
        assert!(tokenizer.piece(size - 1).is_some() && tokenizer.piece(size).is_none(), "{name}");
        assert!(
            (0..size)
                .filter_map(|id| Some((id, tokenizer.piece(id)?)))
                .all(|(id, piece)| tokenizer.id(&piece) == Some(id))
        );
        assert!(tokenizer.decode(&[size]).is_err());
    };
    let bert = [Some("[CLS]"), Some("[SEP]"), Some("[PAD]"), Some("[MASK]"), Some("[UNK]")];
    for name in ["byte-level", "word-piece", "word-list"] {
        check(name, bert, 2);
    }
    let roberta = [Some("<s>"), Some("</s>"), Some("<pad>"), Some("<mask>"), Some("<unk>")];
    check("unigram", roberta, 2);
    check("fairseq", roberta, 2);
}

#[test]
fn every_word_of_a_row_has_the_pieces_of_running_text() {
    for folder in folders() {
        let tokenizer = ImportedTokenizer::load(&folder).unwrap();
        let words = ["Nobody", "told", "the", "river,", "", "größer!", "橋", "x"];
        let row = tokenizer.encode_words(&words).unwrap();
        let running = tokenizer.encode("Nobody told the river, größer! 橋 x").unwrap();
        assert_eq!(row.ids, running, "{}", folder.display());
        let first = row.first_pieces(words.len());
        let seen: Vec<bool> = first.iter().map(Option::is_some).collect();
        assert_eq!(seen, [true, true, true, true, false, true, true, true], "{} {row:?}", folder.display());
        assert!(row.word_of.iter().flatten().is_sorted());
        // Words that touch: the pieces of a text, told apart by ranges.
        let spans = tokenizer.encode_spans("river,橋", &[0..5, 5..6, 6..9]).unwrap();
        assert_eq!(spans.ids, tokenizer.encode("river,橋").unwrap());
        assert_eq!(spans.word_of.iter().flatten().next(), Some(&0));
    }
}

#[test]
fn parts_of_settings_that_a_folder_may_lack() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/byte-level"));
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("tokenizer.json"), copy.path().join("tokenizer.json")).unwrap();
    let (whole, bare) = (ImportedTokenizer::load(&folder).unwrap(), ImportedTokenizer::load(copy.path()).unwrap());
    assert_eq!(bare.files(), ["tokenizer.json"]);
    assert_eq!((bare.begin_id(), bare.end_id()), (whole.begin_id(), whole.end_id()));
    assert_eq!(
        (bare.pad_id(), bare.mask_id(), bare.unknown_id()),
        (whole.pad_id(), whole.mask_id(), whole.unknown_id())
    );
    assert_ne!(bare.digest(), whole.digest());
}

#[test]
fn capitals_of_a_word_list() {
    let check = |pieces: &str, settings: &str, expected: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let list = format!("[PAD] [UNK] [CLS] [SEP] {pieces}").replace(' ', "\n");
        std::fs::write(folder.path().join("vocab.txt"), list).unwrap();
        std::fs::write(folder.path().join("tokenizer_config.json"), settings).unwrap();
        let tokenizer = ImportedTokenizer::load(folder.path()).unwrap();
        let ids = tokenizer.encode("Ab é!").unwrap();
        let found: Vec<String> = ids.iter().map(|&id| tokenizer.piece(id).unwrap()).collect();
        assert_eq!(found, expected, "{pieces} {settings}");
        assert_eq!((tokenizer.pad_id(), tokenizer.mask_id(), tokenizer.unknown_id()), (Some(0), None, Some(1)));
    };
    check("a ##b e !", "{}", &["[CLS]", "a", "##b", "e", "!", "[SEP]"]);
    check("a A ##b e é !", "{}", &["[CLS]", "A", "##b", "é", "!", "[SEP]"]);
    check("a A ##b e é !", r#"{"do_lower_case":true}"#, &["[CLS]", "a", "##b", "e", "!", "[SEP]"]);
    check(
        "a A ##b e é !",
        r#"{"do_lower_case":true,"strip_accents":false}"#,
        &["[CLS]", "a", "##b", "é", "!", "[SEP]"],
    );
    check("a ##b", r#"{"do_lower_case":false}"#, &["[CLS]", "[UNK]", "[UNK]", "[UNK]", "[SEP]"]);
}

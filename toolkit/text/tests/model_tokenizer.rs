//! Tokenizers of either kind behind one door: special ids, lengths, pairs.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::PathBuf;

use glossa_text::{ImportedTokenizer, ModelTokenizer};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/parity").join(name)
}

/// Every folder that the parity tests have, but LASER's, which has no pairs.
fn folders() -> Vec<String> {
    let entries = std::fs::read_dir(folder("")).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.retain(|name| !name.contains("laser"));
    assert!(names.len() >= 4, "{names:?}");
    names
}

const FIRST: &str = "seven small boats carry apples to the old town";
const SECOND: &str = "bread and letters";

#[test]
fn texts_keep_their_special_ids_within_any_length() {
    for name in folders() {
        let (tokenizer, own) =
            (ModelTokenizer::load(&folder(&name)).unwrap(), ImportedTokenizer::load(&folder(&name)).unwrap());
        let whole = tokenizer.encode(FIRST, None).unwrap();
        assert_eq!(whole, own.encode(FIRST).unwrap(), "{name}");
        for most in own.special_count()..whole.len() + 2 {
            let cut = tokenizer.encode(FIRST, Some(most)).unwrap();
            assert_eq!(cut.len(), most.min(whole.len()), "{name}");
            assert_eq!(cut.first(), whole.first(), "{name}");
            assert_eq!(cut.last(), whole.last(), "{name}");
        }
        assert!(tokenizer.ours().is_none() && tokenizer.vocabulary_size() > 10);
    }
}

#[test]
fn pairs_are_joined_as_the_model_was_trained_with_them_and_the_longer_part_is_cut() {
    for name in folders() {
        let (tokenizer, own) =
            (ModelTokenizer::load(&folder(&name)).unwrap(), ImportedTokenizer::load(&folder(&name)).unwrap());
        let marked = format!("xxfld 1 {FIRST} xxfld 2 {SECOND}");
        let (whole, _) = own.encode_pair(FIRST, SECOND).unwrap();
        assert_eq!(tokenizer.encode(&marked, None).unwrap(), whole, "{name}");
        let short = own.encode_bare(SECOND).unwrap();
        let specials = whole.len() - own.encode_bare(FIRST).unwrap().len() - short.len();
        let count = |ids: &[u32]| ids.iter().filter(|id| Some(**id) == own.end_id()).count();
        for most in specials + 2..whole.len() {
            let cut = tokenizer.encode(&marked, Some(most)).unwrap();
            assert_eq!(cut.len(), most, "{name}: {cut:?} of {whole:?}");
            assert_eq!((cut.first(), count(&cut)), (whole.first(), count(&whole)), "{name}");
        }
        // The shorter part is whole while the longer one has as much.
        let cut = tokenizer.encode(&marked, Some(specials + 2 * short.len())).unwrap();
        assert!(cut.windows(short.len()).any(|part| part == short), "{name}");
    }
}

#[test]
fn ours_is_ours() {
    let training = glossa_text::TrainOptions { vocabulary_size: 40, ..glossa_text::TrainOptions::default() };
    let lines = (0..300).map(|index| format!("{FIRST} {SECOND} {}", index % 7));
    let trained = glossa_text::Tokenizer::train(lines, &training, &glossa_base::Silent).unwrap();
    let place = tempfile::tempdir().unwrap();
    trained.save_into(place.path()).unwrap();
    let tokenizer = ModelTokenizer::load(place.path()).unwrap();
    assert_eq!(tokenizer.encode(FIRST, None).unwrap(), trained.encode(FIRST).unwrap());
    assert_eq!(tokenizer.encode(FIRST, Some(3)).unwrap(), trained.encode(FIRST).unwrap()[..3]);
    assert_eq!((tokenizer.digest().as_str(), tokenizer.mask_id()), (trained.digest(), None));
    assert!(tokenizer.ours().is_some());
    assert!(ModelTokenizer::load(&place.path().join("nothing")).is_err());
}

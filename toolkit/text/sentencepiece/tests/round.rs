//! Training, encoding, sampling and refusing, through the public surface.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::sync::Arc;

use glossa_sentencepiece::{Algorithm, Error, PieceKind, Processor, TrainArguments, train};

const BOTH: [Algorithm; 2] = [Algorithm::Unigram, Algorithm::Bpe];

/// Sentences of made-up words: every seventh pair of syllables is a word of its own.
fn sentences(count: usize) -> impl Iterator<Item = String> {
    const SYLLABLES: [&str; 12] = ["ka", "lo", "mi", "tre", "su", "ve", "nor", "pi", "da", "ške", "ñu", "zé"];
    let word = |seed: usize| -> String {
        let pick = |shift: usize| SYLLABLES[(seed / shift + seed) % SYLLABLES.len()];
        [pick(1), pick(5), pick(31)].concat()
    };
    (0..count).map(move |row| (0..6).map(|column| word(row * 7 + column * 13)).collect::<Vec<_>>().join(" "))
}

fn arguments(algorithm: Algorithm, vocabulary_size: usize) -> TrainArguments {
    let symbols = ["▁xxbos", "▁xxpad"].map(str::to_owned).to_vec();
    TrainArguments { algorithm, vocabulary_size, symbols, unknown_id: 2, ..TrainArguments::default() }
}

fn model(algorithm: Algorithm) -> Vec<u8> {
    train(&arguments(algorithm, 120), &mut sentences(400)).unwrap()
}

#[test]
fn training_is_reproducible_and_ids_are_as_asked() {
    for algorithm in BOTH {
        let bytes = model(algorithm);
        assert_eq!(bytes, model(algorithm));
        let processor = Processor::from_bytes(&bytes).unwrap();
        assert_eq!(processor.algorithm(), algorithm);
        assert_eq!(processor.vocabulary_size(), 120);
        assert_eq!(processor.piece_to_id("▁xxbos"), Some(0));
        assert_eq!(processor.id_to_piece(1), Some("▁xxpad"));
        assert_eq!((processor.unknown_id(), processor.kind(2)), (2, Some(PieceKind::Unknown)));
        assert_eq!(processor.kind(0), Some(PieceKind::UserDefined));
        assert_eq!((processor.id_to_piece(120), processor.score(120)), (None, None));
        assert!(processor.score(119).unwrap() < 0.0);
    }
}

#[test]
fn encoding_and_decoding() {
    for algorithm in BOTH {
        let processor = Processor::from_bytes(&model(algorithm)).unwrap();
        for text in ["kalomi tresu", "xxbos škeñu zézé", "kakakakaka", ""] {
            let ids = processor.encode_ids(text).unwrap();
            assert_eq!(processor.decode_ids(&ids).unwrap(), text);
        }
        assert_eq!(processor.encode_ids("xxbos ka").unwrap().first(), Some(&0));
        assert_eq!(processor.encode_ids("漢").unwrap().last(), Some(&2));
        let unknown = processor.decode_ids(&[0, 500]).unwrap_err();
        assert_eq!(unknown, Error::UnknownId { id: 500, size: 120 });
    }
}

#[test]
fn a_seed_gives_one_segmentation_on_any_thread() {
    for (algorithm, alpha) in [(Algorithm::Unigram, 0.1), (Algorithm::Bpe, 0.3)] {
        let processor = Arc::new(Processor::from_bytes(&model(algorithm)).unwrap());
        let text = sentences(3).collect::<Vec<_>>().join(" ");
        let all = |processor: &Processor| -> Vec<Vec<u32>> {
            (0..20).map(|seed| processor.sample_ids(&text, alpha, -1, seed << 30).unwrap()).collect()
        };
        let here = all(&processor);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (processor, text) = (Arc::clone(&processor), text.clone());
                std::thread::spawn(move || {
                    (0..20).map(|seed| processor.sample_ids(&text, alpha, -1, seed << 30).unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), here);
        }
        let mut different = here.clone();
        different.sort();
        different.dedup();
        assert!(different.len() > 10, "{algorithm:?}: {} of 20 differ", different.len());
        for ids in &here {
            assert_eq!(processor.decode_ids(ids).unwrap(), text);
        }
    }
}

#[test]
fn a_sharp_distribution_is_the_best_segmentation() {
    let text = "kalomi tresu venor";
    let unigram = Processor::from_bytes(&model(Algorithm::Unigram)).unwrap();
    assert_eq!(unigram.sample_ids(text, 1000.0, 8, 1).unwrap(), unigram.encode_ids(text).unwrap());
    let bpe = Processor::from_bytes(&model(Algorithm::Bpe)).unwrap();
    assert_eq!(bpe.sample_ids(text, 0.0, -1, 1).unwrap(), bpe.encode_ids(text).unwrap());
    for (alpha, n_best) in [(f32::NAN, -1), (-1.0, -1), (0.1, 513)] {
        assert!(matches!(unigram.sample_ids(text, alpha, n_best, 1), Err(Error::Argument(_))));
    }
}

#[test]
fn a_vocabulary_that_does_not_fit_is_an_error_with_the_size_that_does() {
    for algorithm in BOTH {
        let error = train(&arguments(algorithm, 5000), &mut sentences(10)).unwrap_err();
        let Error::VocabularyTooLarge { asked: 5000, largest } = error else { panic!("{error:?}") };
        assert!((10..5000).contains(&largest));
        let error = train(&arguments(algorithm, 8), &mut sentences(10)).unwrap_err();
        let Error::VocabularyTooSmall { asked: 8, smallest } = error else { panic!("{error:?}") };
        assert!(smallest > 8);
        let error = train(&arguments(algorithm, 3), &mut sentences(10)).unwrap_err();
        assert_eq!(error, Error::VocabularyTooSmall { asked: 3, smallest: 4 });
    }
}

#[test]
fn no_text_is_an_error_and_never_the_end_of_the_process() {
    let texts = ["", "   \t\n", "xxbos", "xxbos xxpad xxbos", "▅ abc", "\0", "\u{3164}", "!?", &"a".repeat(5000)];
    for algorithm in BOTH {
        for text in texts {
            let error = train(&arguments(algorithm, 50), &mut std::iter::once(text.to_owned())).unwrap_err();
            assert_eq!(error, Error::NoText, "{text:?}");
        }
        assert_eq!(train(&arguments(algorithm, 50), &mut std::iter::empty()).unwrap_err(), Error::NoText);
    }
}

#[test]
fn tiny_texts_train_or_fail_as_errors() {
    for algorithm in BOTH {
        for text in
            ["a", "ab", "aaaaaaaa", "a b c", "abcabcabc", "日本語日本語", "a\0b", "\u{feff}x", "x▁y", "é\u{301}"]
        {
            for size in [4, 5, 6, 8, 12, 30] {
                let mut texts = [text, text, ""].map(str::to_owned).into_iter();
                match train(&arguments(algorithm, size), &mut texts) {
                    Ok(bytes) => assert_eq!(Processor::from_bytes(&bytes).unwrap().vocabulary_size(), size),
                    Err(Error::VocabularyTooLarge { .. } | Error::VocabularyTooSmall { .. }) => {}
                    Err(other) => panic!("{text:?}, {size}: {other:?}"),
                }
            }
        }
    }
}

/// The library ends the process where an inner check fails: whatever the text, that must not happen.
#[test]
fn random_small_texts_never_end_the_process() {
    let letters: Vec<char> = "aabbcd  ▁é\u{301}漢字Ｈﬁ①\u{200b}\0\t\u{feff}▅xÅ🙂\u{e000}\u{fffd}".chars().collect();
    let mut state = 7u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let mut trained = 0;
    for round in 0..400 {
        let few = 1 + below(letters.len());
        let texts: Vec<String> =
            (0..1 + below(6)).map(|_| (0..below(60)).map(|_| letters[below(few)]).collect()).collect();
        let coverage = [0.98, 0.9998, 1.0][below(3)];
        let arguments = TrainArguments { character_coverage: coverage, ..arguments(BOTH[round % 2], 5 + below(40)) };
        match train(&arguments, &mut texts.iter().cloned()) {
            Ok(bytes) => {
                let processor = Processor::from_bytes(&bytes).unwrap();
                for text in &texts {
                    processor.decode_ids(&processor.encode_ids(text).unwrap()).unwrap();
                    processor.sample_ids(text, 0.3, 4, 1).unwrap();
                }
                trained += 1;
            }
            Err(Error::NoText | Error::VocabularyTooLarge { .. } | Error::VocabularyTooSmall { .. }) => {}
            Err(other) => panic!("{texts:?}: {other:?}"),
        }
    }
    assert!(trained > 50, "{trained}");
}

#[test]
fn settings_that_the_library_would_refuse() {
    let good = arguments(Algorithm::Unigram, 100);
    let symbol = |name: &str| TrainArguments { symbols: vec![name.to_owned()], ..good.clone() };
    let bad = [
        TrainArguments { character_coverage: 0.5, ..good.clone() },
        TrainArguments { character_coverage: f64::NAN, ..good.clone() },
        TrainArguments { threads: 0, ..good.clone() },
        TrainArguments { max_sentence_length: 1, ..good.clone() },
        TrainArguments { vocabulary_size: usize::MAX, ..good.clone() },
        symbol("a b"),
        symbol("a,b"),
        symbol(""),
        symbol("<unk>"),
    ];
    for arguments in bad {
        let error = train(&arguments, &mut sentences(10)).unwrap_err();
        assert!(matches!(error, Error::Argument(_)), "{error:?}");
    }
}

#[test]
fn a_panic_of_the_iterator_comes_back_as_a_panic() {
    let mut texts = (0..10).map(|row| if row < 5 { "some text".to_owned() } else { panic!("row {row}") });
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        train(&arguments(Algorithm::Bpe, 20), &mut texts).map(|_| ())
    }));
    assert_eq!(*result.unwrap_err().downcast::<String>().unwrap(), "row 5");
    assert!(train(&arguments(Algorithm::Bpe, 60), &mut sentences(100)).is_ok());
}

#[test]
fn a_cut_off_model_is_refused_at_every_length() {
    let bytes = model(Algorithm::Bpe);
    for length in (0..bytes.len()).filter(|length| length % 997 == 0 || *length < 4000 || length + 500 > bytes.len()) {
        assert!(Processor::from_bytes(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
    }
    assert!(Processor::from_bytes(&bytes).is_ok());
}

#[test]
fn garbage_is_refused_and_damage_never_crashes() {
    for garbage in [&b"not a model"[..], &[0xff; 64], &[0; 64], b"\x0a\x00\x12\x00\x1a\x00"] {
        assert!(matches!(Processor::from_bytes(garbage), Err(Error::Model(_))), "{garbage:?}");
    }
    let bytes = model(Algorithm::Unigram);
    let mut state = 1u64;
    for _ in 0..400 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut damaged = bytes.clone();
        let place = (state >> 20) as usize % damaged.len();
        damaged[place] ^= (state >> 56) as u8 | 1;
        if let Ok(processor) = Processor::from_bytes(&damaged) {
            let ids = processor.encode_ids("kalomi ÀÉ ﬁ ①漢字 tresu").unwrap_or_default();
            let _ = processor.decode_ids(&ids);
        }
    }
}

#[test]
fn places_are_those_of_the_text() {
    for algorithm in BOTH {
        let processor = Processor::from_bytes(&model(algorithm)).unwrap();
        for text in
            ["kalomi tresu venor", "  kalomi   tresu", "ške ñu zé 漢字 ﬁ ①", "", " ", "🙂a\u{301}", "e\u{301}ke \0 x"]
        {
            let places = processor.encode_places(text).unwrap();
            let ids: Vec<u32> = places.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids, processor.encode_ids(text).unwrap(), "{text:?}");
            let mut last = 0;
            for (_, range) in &places {
                assert!(range.start >= last && text.get(range.clone()).is_some(), "{text:?} {places:?}");
                last = range.start;
            }
        }
        let places = processor.encode_places("kalomi tresu").unwrap();
        let covered: String = places.iter().map(|(_, range)| &"kalomi tresu"[range.clone()]).collect();
        assert_eq!(covered, "kalomi tresu");
    }
}

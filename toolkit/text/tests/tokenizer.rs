//! Tokenizers: trained, saved, loaded, damaged; text to ids and back.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::PathBuf;
use std::sync::Mutex;

use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, Progress, Silent};
use glossa_text::{Algorithm, Error, Preset, Tokenizer, TrainOptions};
use unicode_normalization::UnicodeNormalization;

const BOTH: [Algorithm; 2] = [Algorithm::Unigram, Algorithm::Bpe];

/// Our own sentences in many scripts.
const SENTENCES: [&str; 16] = [
    "The quick miller grinds his flour before noon.",
    "Der Müller mahlt das Mehl, die Straße ist nass.",
    "La meunière moud la farine à l'aube où naît l'été.",
    "Errotariak irina ehotzen du goizean goiz.",
    "Młynarz miele mąkę; żółte źdźbła drżą.",
    "Мельник мелет муку до полудня.",
    "Ο μυλωνάς αλέθει το αλεύρι το πρωί.",
    "הטוחן טוחן קמח בבוקר.",
    "الطحان يطحن الدقيق صباحا.",
    "चक्कीवाला सुबह आटा पीसता है।",
    "粉屋は朝に小麦粉を挽く。",
    "磨坊主早上磨面粉。",
    "방앗간 주인은 아침에 밀가루를 빻는다.",
    "คนโม่แป้งโม่แป้งตอนเช้า",
    "Կաղանդ մեծ ջրաղաց է։",
    "მეწისქვილე ფქვილს ფქვავს დილით.",
];

fn documents(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|row| {
        let pick = |shift: usize| SENTENCES[(row * 5 + row / 16 + shift) % SENTENCES.len()];
        let words: Vec<String> = (0..6).map(|column| made_up(row * 7 + column * 13)).collect();
        format!("{} {}\n{}", pick(0), words.join(" "), pick(7))
    })
}

/// Words of two to three syllables, so that there is something to merge.
fn made_up(seed: usize) -> String {
    const SYLLABLES: [&str; 12] = ["ka", "lo", "mi", "tre", "су", "ве", "nor", "pi", "да", "ške", "ñu", "zé"];
    let pick = |shift: usize| SYLLABLES[(seed / shift + seed) % SYLLABLES.len()];
    [pick(1), pick(5), if seed.is_multiple_of(3) { "" } else { pick(31) }].concat()
}

fn options(algorithm: Algorithm, rules: Preset, vocabulary_size: usize) -> TrainOptions {
    TrainOptions { algorithm, rules, vocabulary_size, character_coverage: 1.0, ..TrainOptions::default() }
}

fn tokenizer(algorithm: Algorithm, rules: Preset) -> Tokenizer {
    Tokenizer::train(documents(200), &options(algorithm, rules, 270), &Silent).unwrap()
}

/// What SentencePiece's normaliser does to these texts: NFKC and single spaces.
fn normalised(text: &str) -> String {
    text.nfkc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn training_is_reproducible_and_round_trips() {
    for algorithm in BOTH {
        for rules in [Preset::FastaiV1, Preset::FastaiV2, Preset::Haha2019, Preset::None] {
            let tokenizer = tokenizer(algorithm, rules);
            let again = Tokenizer::train(documents(200), &options(algorithm, rules, 270), &Silent).unwrap();
            assert_eq!(tokenizer.model_bytes(), again.model_bytes());
            assert_eq!(tokenizer.vocabulary_size(), 270);
            for text in documents(40) {
                let ids = tokenizer.encode(&text).unwrap();
                assert_eq!(ids.first(), Some(&tokenizer.begin_id()));
                assert!(ids.iter().all(|id| (*id as usize) < 270));
                assert_eq!(tokenizer.decode_raw(&ids).unwrap(), normalised(&rules.apply(&text)));
                assert_eq!(
                    tokenizer.pieces(&text).unwrap().concat().replace('▁', " ").trim_start(),
                    normalised(&rules.apply(&text))
                );
            }
        }
        let plain = tokenizer(algorithm, Preset::None);
        for text in SENTENCES {
            assert_eq!(plain.decode(&plain.encode(text).unwrap()).unwrap(), normalised(text));
        }
        let ruled = tokenizer(algorithm, Preset::FastaiV1);
        let text = "Der Müller mahlt das MEHL, die Straße ist nass.";
        assert_eq!(ruled.decode(&ruled.encode(text).unwrap()).unwrap(), text);
    }
}

#[test]
fn ids_are_those_of_the_published_layout() {
    for (rules, specials) in [(Preset::FastaiV1, 9), (Preset::FastaiV2, 9), (Preset::Haha2019, 8), (Preset::None, 4)] {
        let tokenizer = tokenizer(Algorithm::Unigram, rules);
        for (id, word) in rules.special_pieces().iter().enumerate() {
            assert_eq!(tokenizer.piece(id as u32), Some(format!("▁{word}").as_str()));
            assert_eq!(tokenizer.special_id(word), Some(id as u32));
            assert!(tokenizer.starts_word(id as u32));
        }
        assert_eq!(tokenizer.unknown_id(), specials);
        assert_eq!(tokenizer.piece(specials), Some(if rules == Preset::Haha2019 { "xxunk" } else { "<unk>" }));
        assert!(!tokenizer.starts_word(specials) && !tokenizer.starts_word(4000));
        assert_eq!(tokenizer.id("▁xxpad"), Some(tokenizer.pad_id()));
        assert_eq!(tokenizer.id("▁xxbos"), Some(tokenizer.begin_id()));
        assert_eq!((tokenizer.piece(270), tokenizer.id("nowhere")), (None, None));
        let unknown = tokenizer.encode("☃").unwrap();
        assert_eq!(unknown.last(), Some(&specials));
        assert!(tokenizer.decode_raw(&unknown).unwrap().contains('\u{fffd}'));
        assert!(tokenizer.decode(&[270]).is_err());
    }
}

#[test]
fn samples_follow_the_stream() {
    let text = SENTENCES.concat();
    for (algorithm, alpha) in [(Algorithm::Unigram, 0.2), (Algorithm::Bpe, 0.2)] {
        let tokenizer = tokenizer(algorithm, Preset::FastaiV1);
        let draw =
            |step: u64| tokenizer.sample_encode(&text, alpha, Stream::new(1, Purpose::Segmentation, 0, step)).unwrap();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let best = tokenizer.encode(&text).unwrap();
        assert_eq!(tokenizer.decode_raw(&draw(1)).unwrap(), tokenizer.decode_raw(&best).unwrap());
    }
}

#[test]
fn saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let options = TrainOptions { language: Some("mul".to_owned()), ..options(Algorithm::Bpe, Preset::FastaiV2, 270) };
    let tokenizer = Tokenizer::train(documents(200), &options, &Silent).unwrap();
    tokenizer.save_into(folder.path()).unwrap();
    let loaded = Tokenizer::load(folder.path()).unwrap();
    assert_eq!(loaded.config(), tokenizer.config());
    assert_eq!(loaded.digest(), tokenizer.digest());
    assert_eq!(loaded.digest(), glossa_base::hash::sha256_file(&folder.path().join("spm.model")).unwrap());
    assert_eq!((loaded.rules(), loaded.config().language.as_deref()), (Preset::FastaiV2, Some("mul")));
    for text in SENTENCES {
        assert_eq!(loaded.encode(text).unwrap(), tokenizer.encode(text).unwrap());
    }
}

#[test]
fn broken_folders_are_errors_that_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(Algorithm::Bpe, Preset::FastaiV1);
    let (model, config) = (folder.path().join("spm.model"), folder.path().join("tokenizer_config.json"));
    let check = |part: &str| {
        let failure = Failure::from(Tokenizer::load(folder.path()).unwrap_err());
        assert!(failure.chain().contains(part) && failure.hint.is_some(), "{} lacks {part}", failure.chain());
    };
    check("tokenizer_config.json");
    tokenizer.save_into(folder.path()).unwrap();
    std::fs::write(&model, &tokenizer.model_bytes()[..1000]).unwrap();
    check("spm.model is not a sound tokenizer");
    std::fs::remove_file(&model).unwrap();
    check("spm.model");
    tokenizer.save_into(folder.path()).unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let changes = [
        ("\"format\": 1", "\"format\": 9", "format 9, this glossa knows 1"),
        ("fastai-v1", "fastai-v7", "`fastai-v7` is not a preset"),
        ("\"bpe\"", "\"words\"", "tokenizer_config.json"),
        ("270", "301", "it has 270 pieces, tokenizer_config.json says 301"),
        ("{", "", "tokenizer_config.json"),
    ];
    for (from, to, part) in changes {
        std::fs::write(&config, text.replace(from, to)).unwrap();
        check(part);
    }
}

#[test]
fn a_vocabulary_too_large_names_one_that_works() {
    for algorithm in BOTH {
        let train = |size: usize| Tokenizer::train(documents(60), &options(algorithm, Preset::FastaiV1, size), &Silent);
        let Err(Error::VocabularyTooLarge { asked: 9000, largest }) = train(9000) else { panic!("{algorithm}") };
        assert_eq!(train(largest).unwrap().vocabulary_size(), largest, "{algorithm}");
        let failure = Failure::from(train(9000).unwrap_err());
        assert!(failure.hint.unwrap().contains(&format!("--vocabulary-size {largest}")));
        assert!(matches!(train(30), Err(Error::VocabularyTooSmall { asked: 30, smallest }) if smallest > 100));
        let nothing = Tokenizer::train(std::iter::empty(), &options(algorithm, Preset::FastaiV1, 50), &Silent);
        assert!(matches!(nothing, Err(Error::NoText)));
        let blank = Tokenizer::train(
            ["", " \n"].map(str::to_owned).into_iter(),
            &options(algorithm, Preset::None, 50),
            &Silent,
        );
        assert!(matches!(blank, Err(Error::NoText)));
    }
}

#[test]
fn the_sample_bounds_what_is_trained_on() {
    let small = TrainOptions { max_bytes: 40_000, ..options(Algorithm::Bpe, Preset::FastaiV1, 270) };
    let few = TrainOptions { max_sentences: 150, ..options(Algorithm::Bpe, Preset::FastaiV1, 270) };
    for options in [small, few] {
        let one = Tokenizer::train(documents(1000), &options, &Silent).unwrap();
        let two = Tokenizer::train(documents(1000), &options, &Silent).unwrap();
        assert_eq!(one.digest(), two.digest());
    }
}

#[test]
fn progress_is_told() {
    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);
    impl Progress for Heard {
        fn start(&self, task: &str, _: Option<u64>, _: &str) {
            self.0.lock().unwrap().push(task.to_owned());
        }
        fn advance(&self, units: u64) {
            self.0.lock().unwrap().push(units.to_string());
        }
        fn state(&self, _: &str) {}
        fn finish(&self, _: &str) {
            self.0.lock().unwrap().push("done".to_owned());
        }
        fn line(&self, _: &str) {}
    }
    let heard = Heard::default();
    Tokenizer::train(documents(60), &options(Algorithm::Bpe, Preset::FastaiV1, 270), &heard).unwrap();
    let told = heard.0.into_inner().unwrap();
    assert_eq!(told.iter().filter(|word| *word == "1").count(), 60);
    assert_eq!(told.first().map(String::as_str), Some("reading text"));
    assert_eq!(told.iter().filter(|word| *word == "done").count(), 2);
}

/// Basque sentences beside the checkout, where they are.
#[test]
fn a_real_language() {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/lm/common-voice-cc0/eu.txt"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let lines = || text.lines().filter(|line| !line.is_empty()).map(str::to_owned);
    for algorithm in BOTH {
        let start = std::time::Instant::now();
        let options = TrainOptions { algorithm, vocabulary_size: 4000, ..TrainOptions::default() };
        let tokenizer = Tokenizer::train(lines(), &options, &Silent).unwrap();
        let trained = start.elapsed();
        let start = std::time::Instant::now();
        let tokens: usize = lines().map(|line| tokenizer.encode(&line).unwrap().len()).sum();
        let (encoded, characters) = (start.elapsed(), text.chars().count());
        eprintln!(
            "{algorithm}: trained in {trained:?}, encoded in {encoded:?}, {tokens} tokens, {characters} characters"
        );
        assert_eq!(tokenizer.vocabulary_size(), 4000);
        assert!(tokens < characters / 2, "{tokens} of {characters}");
        for line in lines().take(300) {
            let ids = tokenizer.encode(&line).unwrap();
            if !ids.contains(&tokenizer.unknown_id()) {
                assert_eq!(tokenizer.decode_raw(&ids).unwrap(), normalised(&Preset::FastaiV1.apply(&line)));
            }
        }
    }
}

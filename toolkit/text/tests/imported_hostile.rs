//! Tokenizer folders made to do harm: each is refused with an error, or can be used without a panic, in two seconds
//! and within bounds of memory.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::path::Path;
use std::time::{Duration, Instant};

use glossa_base::{Failure, Kind};
use glossa_text::{Error, ImportedTokenizer};
use serde_json::{Value, json};

/// A small sound tokenizer of characters.
fn sound() -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [added(0, "[UNK]"), added(1, "[CLS]"), added(2, "[SEP]")],
        "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "##a": 5, "##b": 6}}
    })
}

fn added(id: u64, content: &str) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true})
}

fn bpe() -> Value {
    json!({"type": "BPE", "dropout": null, "unk_token": "[UNK]", "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "ab": 5, "aba": 6},
        "merges": [["a", "b"], ["ab", "a"]]})
}

fn unigram() -> Value {
    json!({"type": "Unigram", "unk_id": 0, "byte_fallback": false,
        "vocab": [["[UNK]", 0.0], ["[CLS]", 0.0], ["[SEP]", 0.0], ["a", -1.0], ["b", -2.0], ["ab", -2.5]]})
}

/// The sound tokenizer with one value changed; the path is keys and indices between slashes.
fn with(path: &str, value: Value) -> Value {
    changed(sound(), path, value)
}

fn changed(mut whole: Value, path: &str, value: Value) -> Value {
    let (parent, key) = path.rsplit_once('/').unwrap();
    match whole.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        parent => parent[key] = value,
    }
    whole
}

fn with_model(mut model: Value, key: &str, value: Value) -> Value {
    model[key] = value;
    with("/model", model)
}

fn split(pattern: &str) -> Value {
    with(
        "/pre_tokenizer",
        json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false}),
    )
}

fn replace(pattern: Value, content: &str) -> Value {
    json!({"type": "Replace", "pattern": pattern, "content": content})
}

fn normalizers(steps: Vec<Value>) -> Value {
    with("/normalizer", json!({"type": "Sequence", "normalizers": steps}))
}

fn template(single: Value, pair: Value, special: Value) -> Value {
    with(
        "/post_processor",
        json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}),
    )
}

fn text_of(name: &str) -> Value {
    json!({"Sequence": {"id": name, "type_id": 0}})
}

fn special(name: &str) -> Value {
    json!({"SpecialToken": {"id": name, "type_id": 0}})
}

fn entry(name: &str, ids: Vec<u64>) -> Value {
    json!({name: {"id": name, "ids": ids, "tokens": ids.iter().map(|_| name).collect::<Vec<_>>()}})
}

/// Values of the parts of a file that are wrong in ways that JSON can say.
fn wrong_models() -> Vec<(&'static str, Value)> {
    let many = |count: usize, id: fn(usize) -> u64| -> Value {
        (0..count).map(|place| (format!("piece{place}"), json!(id(place)))).collect::<serde_json::Map<_, _>>().into()
    };
    vec![
        ("duplicate ids", with("/model/vocab/b", json!(3))),
        ("id of 2^32-1", with("/model/vocab/b", json!(u32::MAX))),
        ("id of 2^32", with("/model/vocab/b", json!(1u64 << 32))),
        ("negative id", with("/model/vocab/b", json!(-1))),
        ("id with a fraction", with("/model/vocab/b", json!(1.5))),
        ("id as text", with("/model/vocab/b", json!("4"))),
        ("gap of millions", with("/model/vocab/b", json!(3_999_999))),
        ("ids far apart", with("/model/vocab", many(1000, |place| place as u64 * 5000))),
        ("no vocab", with("/model/vocab", json!({}))),
        ("vocab of a list", with("/model/vocab", json!(["a", "b"]))),
        ("vocab of null", with("/model/vocab", Value::Null)),
        ("no unknown piece", with("/model/unk_token", json!("nowhere"))),
        ("model of a number", with("/model", json!(3))),
        ("model of another kind", with("/model/type", json!("Neural"))),
        ("kind and vocab disagree", with("/model/type", json!("Unigram"))),
        ("words of any length", with("/model/max_input_chars_per_word", json!(u64::MAX))),
        ("long words", with("/model/max_input_chars_per_word", json!(200))),
        ("negative length of words", with("/model/max_input_chars_per_word", json!(-1))),
        ("a mark of a megabyte", with("/model/continuing_subword_prefix", json!("#".repeat(1 << 20)))),
        ("a piece of a megabyte", with("/model/vocab", json!({"[UNK]": 0, "a".repeat(1 << 20): 1}))),
        ("an empty piece", with("/model/vocab/", json!(7))),
        ("merges of nothing", with_model(bpe(), "merges", json!([["x", "y"]]))),
        ("merges that make nothing", with_model(bpe(), "merges", json!([["b", "b"]]))),
        ("merges of three", with_model(bpe(), "merges", json!(["a b a"]))),
        ("merges of one", with_model(bpe(), "merges", json!(["ab"]))),
        ("merges of empty pieces", with_model(bpe(), "merges", json!([["", ""]]))),
        ("merges of numbers", with_model(bpe(), "merges", json!([[1, 2]]))),
        ("merges that go round", with_model(bpe(), "merges", json!([["a", "b"], ["ab", "a"], ["a", "b"], ["a", "b"]]))),
        ("no merges", with_model(bpe(), "merges", Value::Null)),
        (
            "merges into themselves",
            with_model(
                bpe(),
                "vocab",
                json!({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "ab": 5, "aba": 6, "": 7}),
            ),
        ),
        ("a mark that cuts characters", with_model(bpe(), "continuing_subword_prefix", json!("abcdefgh"))),
        ("a dropout above one", with_model(bpe(), "dropout", json!(7.5))),
        ("no unknown piece in BPE", with_model(bpe(), "unk_token", json!("nowhere"))),
        ("byte fallback without bytes", with_model(bpe(), "byte_fallback", json!(true))),
        ("unknown out of range", with_model(unigram(), "unk_id", json!(99))),
        ("unknown id of 2^64-1", with_model(unigram(), "unk_id", json!(u64::MAX))),
        ("no unknown in Unigram", with_model(unigram(), "unk_id", Value::Null)),
        ("an empty Unigram", with_model(unigram(), "vocab", json!([]))),
        ("scores of text", with_model(unigram(), "vocab", json!([["a", "b"]]))),
        (
            "scores of 1e308",
            with_model(
                unigram(),
                "vocab",
                json!([["[UNK]", 1e308], ["[CLS]", -1e308], ["[SEP]", 1e308], ["a", 1e308], ["ab", -1e308]]),
            ),
        ),
        (
            "pieces twice in Unigram",
            with_model(
                unigram(),
                "vocab",
                json!([["[UNK]", 0.0], ["[CLS]", 0.0], ["[SEP]", 0.0], ["a", -1.0], ["a", -2.0]]),
            ),
        ),
        (
            "an empty piece in Unigram",
            with_model(unigram(), "vocab", json!([["[UNK]", 0.0], ["[CLS]", 0.0], ["[SEP]", 0.0], ["", 5.0]])),
        ),
        ("deep pieces in Unigram", with_model(unigram(), "vocab", json!([["[UNK]", 0.0], ["a".repeat(1 << 20), 5.0]]))),
        (
            "wide pieces in Unigram",
            with_model(unigram(), "vocab", (0..5000).map(|place| json!([format!("{place:0>1000}"), -1.0])).collect()),
        ),
    ]
}

fn wrong_steps() -> Vec<(&'static str, Value)> {
    let a = || json!({"String": "a"});
    let nested = |depth: usize| {
        (0..depth).fold(json!({"type": "NFC"}), |inner, _| json!({"type": "Sequence", "normalizers": [inner]}))
    };
    let cut = |size: usize| with("/pre_tokenizer", json!({"type": "FixedLength", "length": size}));
    vec![
        ("a step of a number", with("/normalizer", json!(3))),
        ("an unknown step", with("/normalizer", json!({"type": "Evil"}))),
        ("a step without its values", with("/normalizer", json!({"type": "Replace"}))),
        (
            "a table of broken base 64",
            with("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "!!!"})),
        ),
        (
            "a table of ones",
            with("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "/".repeat(4096)})),
        ),
        (
            "a table of zeros",
            with("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "A".repeat(4096)})),
        ),
        ("a table of nothing", with("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": ""}))),
        (
            "a table that leads outside",
            with("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "BAAAAP///38AAAAA"})),
        ),
        ("a table of a number", with("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": 7}))),
        ("text that doubles", normalizers((0..40).map(|_| replace(a(), "aa")).collect())),
        (
            "text that doubles between characters",
            normalizers((0..20).map(|_| replace(json!({"String": ""}), "x")).collect()),
        ),
        ("bytes of bytes", normalizers((0..30).map(|_| json!({"type": "ByteLevel"})).collect())),
        ("a letter into a megabyte", normalizers(vec![replace(a(), &"b".repeat(1 << 20))])),
        (
            "a megabyte before every text",
            with("/normalizer", json!({"type": "Prepend", "prepend": "b".repeat(1 << 20)})),
        ),
        ("a thousand steps", normalizers((0..1000).map(|_| json!({"type": "NFKD"})).collect())),
        ("steps in steps", with("/normalizer", nested(25))),
        ("steps in steps in steps", with("/normalizer", nested(100))),
        ("catastrophic: nested", split(r"(a+)+(?!c)$")),
        ("catastrophic: nested without look-around", split(r"(a+)+$")),
        ("catastrophic: alternatives", split(r"(a|a)*(?=c)")),
        ("catastrophic: back reference", split(r"(a*)*\1c")),
        ("catastrophic: a row of repetitions", split(&format!("{}(?=c)", "a*".repeat(20)))),
        ("a huge repetition", split(r"(?:\p{L}{1000}){1000}")),
        ("a huge repetition with look-around", split(r"(?:(?:a{1000}){1000}(?!b)){1000}")),
        ("unclosed groups", split(&"(".repeat(50_000))),
        ("a broken class", split("[z-a")),
        ("look-behind of any length", split(r"(?<=a+)b")),
        ("matches of nothing", split("")),
        ("matches of nothing everywhere", split("(?=)")),
        ("pieces of no length", cut(0)),
        ("pieces of every length", with("/pre_tokenizer", json!({"type": "FixedLength", "length": u64::MAX}))),
        ("an unknown pre-tokenizer", with("/pre_tokenizer", json!({"type": "Sequence", "pretokenizers": {}}))),
        (
            "a replacement of no character",
            with("/pre_tokenizer", json!({"type": "Metaspace", "replacement": "", "prepend_scheme": "always"})),
        ),
        (
            "decoding that doubles",
            with(
                "/decoder",
                json!({"type": "Sequence", "decoders": (0..40).map(|_| replace(a(), "aa")).collect::<Vec<_>>()}),
            ),
        ),
        (
            "decoding that strips too much",
            with("/decoder", json!({"type": "Strip", "content": "a", "start": u64::MAX, "stop": 9})),
        ),
        ("decoding of a list", with("/decoder", json!([]))),
    ]
}

fn wrong_ends() -> Vec<(&'static str, Value)> {
    let (a, b) = (|| text_of("A"), || text_of("B"));
    let both = || json!([a(), b()]);
    vec![
        ("a template of an unknown piece", template(json!([special("[X]"), a()]), both(), json!({}))),
        (
            "a template of another id",
            template(json!([special("[X]"), a()]), both(), entry("[X]", vec![u64::from(u32::MAX)])),
        ),
        ("a template with many ids", template(json!([special("[X]"), a()]), both(), entry("[X]", vec![1; 100_000]))),
        ("a template without the text", template(json!([special("[X]")]), both(), entry("[X]", vec![1]))),
        ("a template of the text twice", template(json!([a(), a()]), both(), json!({}))),
        ("a template of the wrong text", template(json!([b()]), both(), json!({}))),
        ("a template without the second text", template(json!([a()]), json!([a()]), json!({}))),
        (
            "a template with a type of 2^32-1",
            template(json!([{"Sequence": {"id": "A", "type_id": u32::MAX}}]), both(), json!({})),
        ),
        ("a long template", template(json!(vec![special("[X]"); 100_000]), both(), entry("[X]", vec![1]))),
        ("a template of text", template(json!("$A"), json!("$A $B"), json!({}))),
        ("BERT's ends of no piece", with("/post_processor/sep", json!(["[SEP]", 4_000_000_000u32]))),
        ("BERT's ends of a negative id", with("/post_processor/sep", json!(["[SEP]", -2]))),
        (
            "ends in ends",
            with(
                "/post_processor",
                json!({"type": "Sequence", "processors": vec![sound()["post_processor"].clone(); 9000]}),
            ),
        ),
        ("added: an id of 2^32-1", with("/added_tokens/0/id", json!(u32::MAX))),
        ("added: another id than the vocabulary's", with("/added_tokens/0/id", json!(4))),
        ("added: a new piece far away", with("/added_tokens/0", added(900, "[NEW]"))),
        ("added: empty", with("/added_tokens/0/content", json!(""))),
        ("added: twice", with("/added_tokens/0", added(1, "[CLS]"))),
        ("added: of a number", with("/added_tokens", json!(9))),
        ("added: many", with("/added_tokens", (0..50_000u64).map(|id| added(id, &format!("x{id}"))).collect())),
        ("added: long", with("/added_tokens/0/content", json!("ab".repeat(1 << 20)))),
        (
            "truncation to nothing",
            with(
                "/truncation",
                json!({"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 9}),
            ),
        ),
        (
            "padding to 2^32",
            with(
                "/padding",
                json!({"strategy": {"Fixed": 4_294_967_295u32}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "x"}),
            ),
        ),
        ("another version", with("/version", json!("9.0"))),
        ("a version of a list", with("/version", json!([]))),
    ]
}

/// Makes a file; large ones are made one at a time.
type Maker = fn() -> Vec<u8>;

/// Files that are no JSON, or not that of a tokenizer.
const WRONG_BYTES: [(&str, Maker); 20] = [
    ("empty", Vec::new),
    ("null", || b"null".to_vec()),
    ("a list", || b"[]".to_vec()),
    ("nothing in it", || b"{}".to_vec()),
    ("no UTF-8", || vec![0xff; 1000]),
    ("zeros", || vec![0; 1 << 20]),
    ("cut off early", || whole()[..40].to_vec()),
    ("cut off late", || whole()[..whole().len() - 1].to_vec()),
    ("twice", || [whole(), whole()].concat()),
    ("a key twice", || whole_but("\"version\"", "\"version\":\"1.0\",\"version\"")),
    ("a piece twice", || whole_but("\"a\":3", "\"a\":3,\"a\":9")),
    ("deep lists", || vec![b'['; 10 << 20]),
    ("deep lists inside", || format!("{{\"model\":{}1{}}}", "[".repeat(1 << 20), "]".repeat(1 << 20)).into_bytes()),
    ("deep objects inside", || format!("{{\"x\":{}1{}}}", "{\"a\":".repeat(1 << 20), "}".repeat(1 << 20)).into_bytes()),
    ("a string without end", || format!("{{\"model\":\"{}", "a".repeat(30 << 20)).into_bytes()),
    ("too large", || vec![b' '; (64 << 20) + 1]),
    ("lists by the million", || format!("{{\"normalizer\":[{}1]}}", "[],".repeat(20 << 20)).into_bytes()),
    ("lists in a part", || format!("{{\"model\":{{}},\"normalizer\":[{}1]}}", "[],".repeat(1 << 20)).into_bytes()),
    ("lists in the model", || format!("{{\"model\":{{\"x\":[{}1]}}}}", "[],".repeat(20 << 20)).into_bytes()),
    ("more pieces than are read", || many_pieces(1_000_001)),
];

/// Files as large as they may be.
const LARGE: [(&str, Maker); 3] = [
    ("as many pieces as are read", || many_pieces(1_000_000)),
    ("as many bytes of pieces as are read", || {
        let pieces: Vec<Value> =
            (0..900).map(|place| json!([format!("{place:0>4}{}", "b".repeat(1000)), -1.0])).collect();
        let mut model = unigram();
        model["vocab"].as_array_mut().unwrap().extend(pieces);
        with("/model", model).to_string().into_bytes()
    }),
    ("as many added pieces as are read", || {
        let mut whole = sound();
        let list = whole["added_tokens"].as_array_mut().unwrap();
        list.extend((0..19_000u64).map(|place| {
            let mut piece = added(7 + place, &format!("{place:0>50}"));
            piece["normalized"] = json!(place % 2 == 0);
            piece
        }));
        whole.to_string().into_bytes()
    }),
];

fn whole() -> Vec<u8> {
    sound().to_string().into_bytes()
}

fn whole_but(from: &str, to: &str) -> Vec<u8> {
    sound().to_string().replacen(from, to, 1).into_bytes()
}

/// BPE of pieces that are their ids.
fn many_pieces(count: usize) -> Vec<u8> {
    let entries: String = (0..count).map(|id| format!(",\"{id}\":{id}")).collect();
    format!("{{\"model\":{{\"type\":\"BPE\",\"merges\":[],\"vocab\":{{{}}}}}}}", &entries[1..]).into_bytes()
}

/// Uses a tokenizer in every way; errors are welcome, panics are not.
fn use_it(tokenizer: &ImportedTokenizer) {
    let long = format!("{} {}", "a".repeat(3000), "ab ba aab ".repeat(700));
    for text in ["", " ", "a b ab aba", "xyz [SEP] 漢字 🙂 \u{301}", &long] {
        let ids = tokenizer.encode(text).unwrap_or_default();
        assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocabulary_size()));
        let _ = tokenizer.decode(&ids);
        let _ = tokenizer.encode_pair(text, "b a");
        let _ = tokenizer.encode_words(&text.split(' ').collect::<Vec<_>>());
        for piece in tokenizer.word_pieces(text).unwrap_or_default() {
            assert!(text.get(piece.range).is_some());
        }
    }
    let ends =
        [tokenizer.begin_id(), tokenizer.end_id(), tokenizer.pad_id(), tokenizer.mask_id(), tokenizer.unknown_id()];
    assert!(ends.into_iter().flatten().all(|id| (id as usize) < tokenizer.vocabulary_size()));
    assert!(tokenizer.wrap(&[3]).len() < 200);
}

/// Whether the folder is refused, within its time.
fn refused(folder: &Path, name: &str) -> bool {
    let start = Instant::now();
    let refused = match ImportedTokenizer::load(folder) {
        Ok(tokenizer) => {
            use_it(&tokenizer);
            false
        }
        Err(error) => {
            assert!(error.to_string().len() < 2000, "{name}: {error}");
            assert!(error.to_string().contains(&*folder.to_string_lossy()), "{name}: {error}");
            assert_eq!(Failure::from(error).kind, Kind::Data, "{name}");
            true
        }
    };
    // Below two seconds on a quiet machine.
    assert!(start.elapsed() < Duration::from_secs(6), "{name} took {:?}", start.elapsed());
    refused
}

/// The most memory that this process ever had, in MB, where the system tells.
fn highest_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? / 1000)
}

#[test]
fn hostile_files_are_refused_or_usable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, sound().to_string()).unwrap();
    assert!(!refused(folder.path(), "sound"));
    let usable = [
        "gap of millions",
        "long words",
        "merges that go round",
        "no unknown piece in BPE",
        "byte fallback without bytes",
        "no unknown in Unigram",
        "scores of 1e308",
        "matches of nothing",
        "added: empty",
        "added: twice",
        "truncation to nothing",
        "padding to 2^32",
        "an empty piece",
        "a dropout above one",
    ];
    let values = wrong_models().into_iter().chain(wrong_steps()).chain(wrong_ends());
    let (mut count, mut seen) = (0, Vec::new());
    for (name, value) in values {
        std::fs::write(&path, value.to_string()).unwrap();
        if !refused(folder.path(), name) {
            seen.push(name);
        }
        count += 1;
    }
    for (list, expected) in [(&WRONG_BYTES[..], true), (&LARGE, false)] {
        for (name, make) in list {
            std::fs::write(&path, make()).unwrap();
            assert_eq!(refused(folder.path(), name), expected, "{name}");
            count += 1;
        }
    }
    for name in usable {
        assert!(seen.contains(&name), "{name} of {seen:?}");
    }
    eprintln!("{count} files, {} of them usable: {seen:?}; {:?} MB", seen.len(), highest_memory());
    assert!(highest_memory().is_none_or(|memory| memory < 600), "{:?}", highest_memory());
}

#[test]
fn every_byte_of_a_small_file_may_be_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let whole = with("/model", bpe()).to_string().into_bytes();
    let mut usable = 0;
    for place in 0..whole.len() {
        for byte in [b'"', b'9', b'}', 0xc3] {
            let mut damaged = whole.clone();
            damaged[place] = byte;
            std::fs::write(&path, damaged).unwrap();
            if let Ok(tokenizer) = ImportedTokenizer::load(folder.path()) {
                let _ = tokenizer.encode("a b ab [SEP] x");
                usable += 1;
            }
        }
        std::fs::write(&path, &whole[..place]).unwrap();
        assert!(ImportedTokenizer::load(folder.path()).is_err());
    }
    assert!(usable > 50 && usable < 4 * whole.len(), "{usable}");
}

#[test]
fn other_files_of_a_folder() {
    let check = |files: &[(&str, &[u8])], expected: fn(&Error) -> bool, name: &str| {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let error = ImportedTokenizer::load(folder.path()).unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
    };
    let whole = sound().to_string();
    let whole = whole.as_bytes();
    let unsound: fn(&Error) -> bool = |error| matches!(error, Error::Tokenizer { .. });
    let unsupported: fn(&Error) -> bool = |error| matches!(error, Error::UnsupportedTokenizer { .. });
    let sizes = vec![b' '; (4 << 20) + 1];
    check(
        &[],
        |error| matches!(error, Error::NoTokenizer { .. }) && error.to_string().contains("vocab.txt"),
        "nothing",
    );
    check(&[("tokenizer.json", whole), ("tokenizer_config.json", b"{")], unsound, "cut off");
    check(&[("tokenizer.json", whole), ("tokenizer_config.json", b"{\"do_lower_case\":7}")], unsound, "wrong type");
    check(&[("tokenizer.json", whole), ("tokenizer_config.json", &sizes)], unsound, "large");
    check(&[("tokenizer.json", whole), ("special_tokens_map.json", b"{\"cls_token\":[]}")], unsound, "a list");
    check(&[("vocab.txt", b"a\nb\n")], unsound, "no special pieces");
    check(&[("vocab.txt", b"\xff\n")], unsound, "no UTF-8");
    check(&[("vocab.txt", &vec![b'a'; 1 << 20])], unsound, "one line");
    check(&[("vocab.txt", &vec![b'\n'; 1 << 21])], unsound, "lines");
    let list = b"[UNK]\n[CLS]\n[SEP]\na\n";
    check(
        &[("vocab.txt", list), ("tokenizer_config.json", b"{\"tokenizer_class\":\"BertJapaneseTokenizer\"}")],
        unsupported,
        "class",
    );
    check(&[("spiece.model", b"x")], unsupported, "no layout");
    check(&[("sentencepiece.bpe.model", b"x")], unsound, "no model");
    check(&[("spm.model", b"x"), ("dictionary.json", b"{}")], unsound, "no model with a dictionary");
}

#[test]
fn dictionaries() {
    let from = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/laser"));
    let check = |dictionary: &str, expected: fn(&Result<ImportedTokenizer, Error>) -> bool| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(from.join("spm.model"), folder.path().join("spm.model")).unwrap();
        std::fs::write(folder.path().join("dictionary.json"), dictionary).unwrap();
        let loaded = ImportedTokenizer::load(folder.path());
        assert!(expected(&loaded), "{dictionary}: {loaded:?}");
    };
    let rest = r#""begin":0,"padding":1,"end":2,"unknown":3"#;
    check(&format!(r#"{{"format":1,"pieces":{{"a":9}},{rest}}}"#), |loaded| {
        loaded.as_ref().unwrap().vocabulary_size() == 10
    });
    check(&format!(r#"{{"format":2,"pieces":{{}},{rest}}}"#), |loaded| {
        matches!(loaded, Err(Error::NewerFormat { found: 2, .. }))
    });
    let unsound: fn(&Result<ImportedTokenizer, Error>) -> bool =
        |loaded| matches!(loaded, Err(Error::Tokenizer { .. }));
    check(&format!(r#"{{"format":1,"pieces":{{"a":4294967295}},{rest}}}"#), unsound);
    check(&format!(r#"{{"format":1,"pieces":{{"a":7,"b":7}},{rest}}}"#), unsound);
    check(r#"{"format":1,"pieces":{}}"#, unsound);
    check("[", unsound);
}

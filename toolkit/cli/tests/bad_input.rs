//! Bad input: each a one-line error that names the place, a hint, the right exit code, and no file
//! written or changed.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::{Place, Refusals, check};

const PRETRAIN: &str = "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --out new";

#[test]
fn missing_files() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    check(
        &mut refusals,
        "",
        &[
            ("corpus build none.txt --out new", &["none.txt"]),
            ("corpus build text.txt none.csv --out new", &["none.csv"]),
            ("corpus build text.txt none.csv --out deep/new", &["none.csv"]),
            ("lm pretrain --corpus none --tokenizer tokenizer --preset tiny --out deep/new", &["none"]),
            ("classify train --method nbsvm --train none.csv --out deep/new", &["none.csv"]),
            ("tokenizer train --corpus none --preset tiny --out new", &["none"]),
            ("tokenizer encode --tokenizer none x", &["none"]),
            ("tokenizer decode --tokenizer none 1", &["none"]),
            ("tokenizer stats --tokenizer tokenizer --corpus none", &["none"]),
            ("lm pretrain --corpus none --tokenizer tokenizer --preset tiny --out new", &["none"]),
            ("lm pretrain --corpus corpus --tokenizer none --preset tiny --out new", &["none"]),
            ("lm pretrain --corpus corpus --tokenizer tokenizer --recipe none.toml --out new", &["none.toml"]),
            ("lm finetune --model none --texts train.csv --out new", &["none"]),
            ("lm finetune --model lm --texts none.csv --out new", &["none.csv"]),
            ("lm finetune --model lm --texts train.csv --valid none.csv --out new", &["none.csv"]),
            ("lm perplexity --model none --corpus corpus", &["none"]),
            ("lm perplexity --model lm --corpus none", &["none"]),
            ("lm perplexity --model lm --input none.txt", &["none.txt"]),
            ("lm generate --model none", &["none"]),
            ("classify train --model none --train train.csv --out new", &["none"]),
            ("classify train --model lm --train none.csv --out new", &["none.csv"]),
            ("classify train --model lm --train train.csv --valid none.csv --out new", &["none.csv"]),
            ("classify train --model lm --train train.csv --test none.csv --out new", &["none.csv"]),
            ("classify train --method nbsvm --train none.csv --out new", &["none.csv"]),
            ("classify train --tokenizer none --preset tiny --train train.csv --out new", &["none"]),
            ("classify predict --model none x", &["none"]),
            ("classify predict --model classifier --input none.txt", &["none.txt"]),
            ("eval score none.jsonl", &["none.jsonl"]),
        ],
    );
    refusals.end();
}

#[test]
fn texts_that_are_no_texts() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    place.write("empty.txt", "");
    place.write("blank.txt", " \n\t\n\n");
    place.write("latin1.txt", b"fine\nG\xfcnther\n");
    place.write("latin1.csv", b"text,label\nfine,a\nG\xfcnther,b\n");
    place.write("ragged.csv", "text,label\none,a\ntwo,b,c\nthree,a\n");
    place.write("short.csv", "text,label\none,a\ntwo\nthree,a\n");
    place.write("open.csv", "text,label\none,a\n\"two,b\n");
    place.write("header.csv", "text,label\n");
    place.write("other.csv", "body,mark\none,a\ntwo,b\n");
    place.write("broken.jsonl", "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"b\",\n");
    place.write("words.jsonl", "{\"text\":\"a\",\"label\":\"x\"}\n[1]\n");
    place.write("broken.xml", "<mediawiki><page><title>A</title>");
    place.write("broken.xml.bz2", b"BZh91AY&SY no bzip2");
    place.write("odd.pdf", "%PDF-1.4");
    check(
        &mut refusals,
        "corpus build",
        &[
            ("empty.txt --out new", &["empty.txt"]),
            ("blank.txt --out new", &["blank.txt"]),
            ("latin1.txt --out new", &["latin1.txt:2"]),
            ("text.txt latin1.txt --out new", &["latin1.txt:2"]),
            ("text.txt latin1.txt --out deep/new", &["latin1.txt:2"]),
            ("ragged.csv --out new", &["ragged.csv:3"]),
            ("broken.jsonl --out new", &["broken.jsonl:2"]),
            ("words.jsonl --out new", &["words.jsonl:2"]),
            ("other.csv --out new", &["other.csv", "text"]),
            ("train.csv --text-column txt --out new", &["train.csv", "txt", "text"]),
            ("broken.xml --out new", &["broken.xml"]),
            ("broken.xml.bz2 --out new", &["broken.xml.bz2"]),
            ("odd.pdf --out new", &["odd.pdf"]),
            ("text.txt --valid-share 0.7 --test-share 0.7 --out new", &["share"]),
            ("text.txt --valid-share NaN --out new", &["share"]),
            ("text.txt --valid-share=-1 --out new", &["share"]),
            ("text.txt --minimum-words 100000 --out new", &["too short 1500"]),
            ("text.txt --filter digit=0.3 --out new", &["digit", "did you mean `digits`"]),
            ("text.txt --filter digits=much --out new", &["digits", "a number, on or off"]),
            ("text.txt --filter near-duplicates=7 --out new", &["near_duplicates", "0.5"]),
            ("text.txt --language eus --out new", &["eus", "eu"]),
        ],
    );
    for method in ["--method nbsvm", "--model lm"] {
        check(
            &mut refusals,
            &format!("classify train {method} --out new --train"),
            &[
                ("ragged.csv", &["ragged.csv:3"]),
                ("short.csv", &["short.csv:3"]),
                ("open.csv", &["open.csv:3"]),
                ("header.csv", &["header.csv"]),
                ("latin1.csv", &["latin1.csv:3"]),
                ("broken.jsonl", &["broken.jsonl:2"]),
                ("words.jsonl", &["words.jsonl:2"]),
                ("other.csv", &["other.csv", "body, mark"]),
                ("empty.txt", &["empty.txt"]),
                ("odd.pdf", &["odd.pdf"]),
                ("train.csv --label-column lable", &["train.csv", "lable", "label"]),
                ("train.csv --valid ragged.csv", &["ragged.csv:3"]),
                ("train.csv --test short.csv", &["short.csv:3"]),
            ],
        );
    }
    check(
        &mut refusals,
        "lm finetune --model lm --out new --texts",
        &[("latin1.txt", &["latin1.txt"]), ("empty.txt", &["empty.txt"])],
    );
    check(
        &mut refusals,
        "lm perplexity --model lm --input",
        &[("latin1.txt", &["latin1.txt"]), ("empty.txt", &["empty.txt"])],
    );
    check(
        &mut refusals,
        "classify predict --model classifier --out new.jsonl --input",
        &[("latin1.txt", &["latin1.txt"]), ("ragged.csv", &["ragged.csv:3"]), ("test.csv --text-column txt", &["txt"])],
    );
    refusals.end();
}

#[test]
fn a_vocabulary_that_the_text_does_not_support() {
    let place = Place::with_corpus();
    let mut refusals = Refusals::new(&place);
    for algorithm in ["unigram", "bpe"] {
        let train = format!("tokenizer train --corpus corpus --preset tiny --algorithm {algorithm} --out new");
        let ran = place.run(&format!("{train} --vocabulary-size 1000000 -q"));
        ran.refusal(3, &["1000000", "--vocabulary-size"]).unwrap();
        let hint = ran.stderr.lines().last().unwrap();
        let largest = hint.split("--vocabulary-size ").nth(1).and_then(|rest| rest.split([',', ' ']).next()).unwrap();
        let size: usize = largest.parse().unwrap();
        refusals.case(&format!("{train} --vocabulary-size {}", size + 1), 3, &[largest]);
        let value = place.run(&format!("{train} --vocabulary-size {size} --json")).done().json();
        assert_eq!(support::number(&value, "/vocabulary_size") as usize, size);
        std::fs::remove_dir_all(place.path("new")).unwrap();
        refusals.case(&format!("{train} --vocabulary-size 9"), 3, &["too small"]);
    }
    check(
        &mut refusals,
        "tokenizer train --corpus corpus --preset tiny --out new",
        &[
            ("--vocabulary-size 0", &["0"]),
            ("--algorithm unigramm", &["unigram"]),
            ("--rules fastai-v9", &["fastai-v"]),
            ("--language Basque!", &["Basque!"]),
        ],
    );
    refusals.end();
}

#[test]
fn recipes_with_mistakes() {
    let place = Place::with_tokenizer();
    let mut refusals = Refusals::new(&place);
    let plan = place.run(&format!("{PRETRAIN} --dry-run")).done();
    assert!(!plan.stdout.is_empty());
    place.run(&format!("{PRETRAIN} --set pretrain.training.epochs=0 -q")).done();
    let sound = String::from_utf8(place.read("new/recipe.toml")).unwrap();
    std::fs::remove_dir_all(place.path("new")).unwrap();
    let line = 1 + sound.lines().position(|line| line.starts_with("hidden_size")).unwrap();
    place.write("typo.toml", sound.replace("hidden_size", "hiden_size"));
    place.write("type.toml", sound.replace("layer_count = 2", "layer_count = \"two\""));
    place.write("syntax.toml", sound.replace("layer_count = 2", "layer_count = = 2"));
    place.write("newer.toml", sound.replace("format = 1", "format = 99"));
    place.write("binary.toml", b"\xff\xfe\x00");
    let at = |name: &str, line: usize| format!("{name}:{line}:");
    let layers = 1 + sound.lines().position(|line| line.starts_with("layer_count")).unwrap();
    let before = "lm pretrain --corpus corpus --tokenizer tokenizer --out new";
    check(
        &mut refusals,
        before,
        &[
            ("--preset smal", &["smal", "small"]),
            ("--preset fast", &["fast", "tiny"]),
            ("--recipe typo.toml", &[at("typo.toml", line).as_str(), "hidden_size"]),
            ("--recipe type.toml", &[at("type.toml", layers).as_str()]),
            ("--recipe syntax.toml", &[at("syntax.toml", layers).as_str()]),
            ("--recipe newer.toml", &["newer.toml", "99"]),
            ("--recipe binary.toml", &["binary.toml"]),
            ("--recipe corpus", &["corpus"]),
        ],
    );
    check(
        &mut refusals,
        &format!("{before} --preset tiny --set"),
        &[
            ("pretrain.training.epoch=1", &["epoch", "epochs"]),
            ("pretrian.training.epochs=1", &["pretrian", "pretrain"]),
            ("pretrain.training.epochs.x=1", &["epochs"]),
            ("encoder", &["encoder"]),
            ("=1", &["=1"]),
            ("encoder.cell=qrn", &["qrn", "qrnn"]),
            ("encoder.hidden_size=0", &["hidden_size"]),
            ("encoder.hidden_size=-1", &["hidden_size"]),
            ("encoder.hidden_size=99999999999", &["hidden_size"]),
            ("encoder.layer_count=0", &["layer_count"]),
            ("pretrain.training.epochs=many", &["many"]),
            ("pretrain.training.chunk=0", &["chunk"]),
            ("pretrain.training.batch_size=0", &["batch_size"]),
            ("pretrain.training.chunk=4611686018427387904", &["chunk"]),
            ("pretrain.training.rate=0", &["rate"]),
            ("pretrain.training.rate=nan", &["rate"]),
            ("pretrain.training.second_beta=1.5", &["second_beta"]),
            ("pretrain.training.clip=nan", &["clip"]),
            ("pretrain.training.label_smoothing=1", &["label_smoothing"]),
            ("pretrain.training.dropouts.output=1.0 --set pretrain.training.dropout_multiplier=1", &["dropout"]),
            ("pretrain.training.weight_decay=inf", &["weight_decay"]),
            ("finetune.frozen_rate=nan", &["frozen_rate"]),
        ],
    );
    place.run(&format!("{PRETRAIN} --set pretrain.training.epochs=0 -q").replace("--out new", "--out lm")).done();
    check(
        &mut refusals,
        "classify train --model lm --train train.csv --out new --set",
        &[
            ("classify.head_size=0", &["head_size"]),
            ("classify.head_size=9999999999", &["head_size"]),
            ("classify.pooled_tokens=0", &["pooled_tokens"]),
            ("classify.training.schedule.warm_up=2", &["warm_up"]),
            ("classify.unfreezing=sideways", &["gradual"]),
        ],
    );
    refusals.end();
}

#[test]
fn labels_that_cannot_be_learned() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    place.write("strange.csv", "text,label\nA boat.,sailing\nA song.,music\n");
    place.write("single.csv", "text,label\nA boat.,sailing\nA ship.,sailing\n");
    place.write("lone.csv", "text,label\nA boat.,sailing\n");
    place.write("unlabelled.csv", "text,label\nA boat.,sailing\nA ship.,\nA song.,music\n");
    for method in ["--method nbsvm", "--method naive-bayes", "--model lm", "--tokenizer tokenizer --preset tiny"] {
        check(
            &mut refusals,
            &format!("classify train {method} --out new --train"),
            &[
                ("train.csv --valid strange.csv", &["strange.csv", "sailing"]),
                ("train.csv --test strange.csv", &["strange.csv", "sailing"]),
                ("single.csv", &["single.csv", "sailing"]),
                ("lone.csv", &["lone.csv"]),
                ("unlabelled.csv", &["unlabelled.csv:3"]),
            ],
        );
    }
    check(
        &mut refusals,
        "classify train --train train.csv --out new --method nbsvm",
        &[
            ("--n-gram 0", &["n_gram"]),
            ("--n-gram 9", &["n_gram"]),
            ("--units pieces", &["--tokenizer"]),
            ("--units pieces --tokenizer corpus", &["corpus"]),
        ],
    );
    refusals.end();
}

#[test]
fn outputs_that_hold_foreign_files() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    place.write("mine/thesis.txt", "years of work");
    place.write("file", "a file");
    for out in ["mine", "file"] {
        for command in [
            "corpus build text.txt",
            "tokenizer train --corpus corpus --preset tiny --vocabulary-size 300",
            "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny",
            "lm finetune --model lm --texts train.csv",
            "classify train --model lm --train train.csv",
            "classify train --method nbsvm --train train.csv",
            "demo",
        ] {
            refusals.case(&format!("{command} --out {out}"), 3, &[out]);
        }
    }
    // A folder below a file cannot be made.
    refusals.case("classify train --method nbsvm --train train.csv --out file/new", 3, &["file"]);
    refusals.case("classify predict --model classifier text --out file/new.jsonl", 3, &["file"]);
    refusals.case("classify predict --model classifier text --out new.txt", 3, &["new.txt", ".jsonl"]);
    refusals.end();
}

#[test]
fn predictions_that_cannot_be_scored() {
    let place = Place::new();
    let mut refusals = Refusals::new(&place);
    place.write("gold.csv", "text,label\none,a\ntwo,b\n");
    let files: [(&str, &str, Option<&str>); 9] = [
        ("cut.jsonl", "{\"label\":\"a\",\"gold\":\"b\"}\n{\"label\":", Some("cut.jsonl:2")),
        ("list.jsonl", "[1,2]\n", Some("list.jsonl:1")),
        ("unknown.jsonl", "{\"label\":\"a\",\"gold\":\"b\",\"extra\":1}\n", Some("unknown.jsonl:1")),
        ("nolabel.jsonl", "{\"gold\":\"b\"}\n", Some("nolabel.jsonl:1")),
        (
            "probability.jsonl",
            "{\"label\":\"a\",\"gold\":\"b\",\"probabilities\":{\"a\":2}}\n",
            Some("probability.jsonl:1"),
        ),
        ("newer.jsonl", "{\"format\":\"glossa-predictions\",\"version\":99}\n", Some("newer.jsonl")),
        ("ragged.csv", "label,gold\na,b\na\n", Some("ragged.csv:3")),
        ("columns.csv", "x,y\na,b\n", Some("columns.csv")),
        ("empty.jsonl", "", None),
    ];
    for (name, text, place_of_error) in files {
        place.write(name, text);
        refusals.case(&format!("eval score {name}"), 3, place_of_error.as_slice());
    }
    place.write("three.jsonl", "{\"label\":\"a\"}\n{\"label\":\"b\"}\n{\"label\":\"b\"}\n");
    place.write("odd.txt", "a\n");
    place.write("latin1.jsonl", b"{\"label\":\"\xff\",\"gold\":\"b\"}\n");
    check(
        &mut refusals,
        "eval score",
        &[
            ("three.jsonl", &["gold"]),
            ("three.jsonl --gold gold.csv", &["3", "2"]),
            ("three.jsonl --gold none.csv", &["none.csv"]),
            ("three.jsonl --gold gold.csv --label-column mark", &["gold.csv", "mark"]),
            ("odd.txt", &["odd.txt"]),
            ("latin1.jsonl", &["latin1.jsonl"]),
        ],
    );
    refusals.end();
}

#[test]
fn devices_and_command_lines() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    for command in ["doctor", "lm generate --model lm", PRETRAIN] {
        refusals.case(&format!("{command} --device gpu"), 2, &["gpu", "cuda:N"]);
        refusals.case(&format!("{command} --device cuda:x"), 2, &["cuda:x"]);
    }
    // On a machine with a GPU and a build with CUDA, there is still no such device.
    for command in ["lm generate --model lm", "classify predict --model classifier text", PRETRAIN] {
        refusals.case(&format!("{command} --device cuda:999"), 1, &["CUDA", "--device cpu"]);
    }
    refusals.case("classify train --train train.csv --out new", 2, &["--model", "--tokenizer"]);
    refusals.end();
}

#[test]
fn numbers_out_of_range() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    check(
        &mut refusals,
        "",
        &[
            ("tokenizer decode --tokenizer tokenizer 1 99999", &["99999"]),
            ("tokenizer encode --tokenizer tokenizer --sample NaN text", &["NaN"]),
            ("tokenizer encode --tokenizer tokenizer --sample=-1 text", &["-1"]),
        ],
    );
    for words in ["--temperature=-1", "--temperature NaN", "--temperature inf", "--top-p 0", "--top-p 2", "--top-p NaN"]
    {
        let option = words.split([' ', '=']).next().unwrap_or_default();
        refusals.case(&format!("lm generate --model lm {words}"), 2, &[option]);
    }
    let stdin = |words: &[&str], input: &[u8], expected: &[&str]| {
        let ran = place.run_with(&[words, &["--quiet"]].concat(), &[], input);
        assert_eq!(ran.refusal(3, expected), Ok(()));
    };
    stdin(&["tokenizer", "decode", "--tokenizer", "tokenizer"], b"1 2\n3 x\n", &["stdin:2", "x"]);
    stdin(&["tokenizer", "encode", "--tokenizer", "tokenizer"], b"G\xfcnther\n", &["stdin"]);
    stdin(&["classify", "predict", "--model", "classifier"], b"G\xfcnther\n", &["stdin"]);
    refusals.end();
}

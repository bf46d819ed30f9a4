//! Damaged and mistaken folders: each a one-line error that names the place, a hint, the right exit
//! code, and no file written or changed.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::{Place, Refusals, check};

const PRETRAIN: &str = "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --out new";

/// Commands that read a language model and a classifier.
const READERS: [(&str, &str); 2] =
    [("lm", "lm generate --length 3 --model"), ("classifier", "classify predict text --model")];

#[test]
fn model_folders_with_missing_and_cut_files() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    for (folder, command) in READERS {
        for file in ["config.json", "model.safetensors", "spm.model", "tokenizer_config.json", "recipe.toml"] {
            // A language model is used without its recipe; it is needed when training goes on.
            let command = if (folder, file) == ("lm", "recipe.toml") {
                "lm finetune --texts train.csv --out new --model"
            } else {
                command
            };
            let whole = place.read(&format!("{folder}/{file}"));
            place.copy(folder, "damaged");
            std::fs::remove_file(place.path(&format!("damaged/{file}"))).unwrap();
            let name = format!("damaged/{file}");
            refusals.case(&format!("{command} damaged"), 3, &[&name]);
            for length in [0, 1, 7, 8, 9, 60, whole.len() / 2, whole.len() - 4, whole.len() - 1] {
                let cut = &whole[..length.min(whole.len())];
                // What lost only white space, or half of a recipe's last word, is whole.
                let text = whole.trim_ascii_end().len() - if file == "recipe.toml" { 8 } else { 0 };
                if cut.len() >= text {
                    continue;
                }
                place.write(&name, cut);
                refusals.case(&format!("{command} damaged"), 3, &[&name]);
            }
            place.write(&name, [&whole[..], b"x"].concat());
            if file.ends_with("json") || file.ends_with("safetensors") || file.ends_with("model") {
                refusals.case(&format!("{command} damaged"), 3, &[&name]);
            }
        }
    }
    refusals.end();
}

#[test]
fn configurations_that_do_not_fit() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    for (folder, command) in READERS {
        let whole = String::from_utf8(place.read(&format!("{folder}/config.json"))).unwrap();
        let mut changes = vec![
            ("\"format\": 1", "\"format\": 99"),
            ("\"hidden_size\": 96", "\"hidden_size\": 97"),
            ("\"hidden_size\": 96", "\"hidden_size\": 0"),
            ("\"hidden_size\": 96", "\"hidden_size\": 99999999999"),
            ("\"hidden_size\": 96", "\"hidden_size\": -1"),
            ("\"hidden_size\": 96", "\"hiden_size\": 96"),
            ("\"embedding_size\": 48", "\"embedding_size\": 49"),
            ("\"vocabulary_size\": 300", "\"vocabulary_size\": 299"),
            ("\"vocabulary_size\": 300", "\"vocabulary_size\": 18446744073709551615"),
            ("\"layer_count\": 2", "\"layer_count\": 1"),
            ("\"layer_count\": 2", "\"layer_count\": 3"),
            ("\"layer_count\": 2", "\"layer_count\": 1000000"),
            ("\"qrnn\"", "\"awd-lstm\""),
            ("\"qrnn\"", "\"gru\""),
            ("\"glossa-recurrent\"", "\"bert\""),
        ];
        if folder == "classifier" {
            changes.extend([
                ("\"cooking\",", ""),
                ("\"cooking\",", "\"cooking\", \"more\","),
                ("\"cooking\",", "\"music\","),
                ("\"head_size\": 50", "\"head_size\": 51"),
                ("\"head_size\": 50", "\"head_size\": 99999999999"),
            ]);
        }
        for (number, (from, to)) in changes.into_iter().enumerate() {
            assert!(whole.contains(from), "{from}: {whole}");
            let changed = format!("changed-{number}");
            place.copy(folder, &changed);
            place.write(&format!("{changed}/config.json"), whole.replacen(from, to, 1));
            refusals.case(&format!("{command} {changed}"), 3, &[&changed]);
        }
        for (from, to) in
            [("\"format\": 1", "\"format\": 99"), ("fastai-v1", "fastai-v9"), ("300", "301"), ("unigram", "trigram")]
        {
            let whole = String::from_utf8(place.read(&format!("{folder}/tokenizer_config.json"))).unwrap();
            assert!(whole.contains(from), "{from}: {whole}");
            place.copy(folder, "changed");
            place.write("changed/tokenizer_config.json", whole.replacen(from, to, 1));
            refusals.case(&format!("{command} changed"), 3, &["changed/"]);
        }
    }
    refusals.end();
}

#[test]
fn weights_with_changed_bytes() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    for (folder, command) in READERS {
        let whole = place.read(&format!("{folder}/model.safetensors"));
        place.copy(folder, "damaged");
        let header = usize::try_from(u64::from_le_bytes(whole[..8].try_into().unwrap())).unwrap();
        let text = String::from_utf8(whole[8..8 + header].to_vec()).unwrap();
        let flip = |position: usize, mask: u8| {
            let mut bytes = whole.clone();
            bytes[position] ^= mask;
            bytes
        };
        let tensors = text.find("encoder").unwrap();
        let mut damaged: Vec<Vec<u8>> = vec![
            flip(0, 0x01),
            flip(0, 0xff),
            flip(3, 0x01),
            flip(7, 0x80),
            flip(8, 0x01),
            flip(8 + tensors, 0x01),
            flip(8 + tensors, 0x80),
            flip(8 + header - 1, 0x20),
        ];
        let patch = |from: &str, to: &str| {
            assert!(from.len() == to.len() && text.contains(from), "{from}");
            let mut bytes = whole.clone();
            bytes[8..8 + header].copy_from_slice(text.replacen(from, to, 1).as_bytes());
            bytes
        };
        damaged.extend([
            patch("encoder.embedding", "encoder.embeddinh"),
            patch("\"F32\"", "\"I32\""),
            patch("\"F32\"", "\"F64\""),
            patch("\"F32\"", "\"F3x\""),
            patch("[300,48]", "[48,300]"),
            patch("[300,48]", "[300,49]"),
            patch("\"data_offsets\"", "\"data_offzets\""),
        ]);
        for bytes in damaged {
            place.write("damaged/model.safetensors", bytes);
            refusals.case(&format!("{command} damaged"), 3, &["damaged/model.safetensors"]);
        }
    }
    refusals.end();
}

/// Every number of the first tensor becomes a NaN.
fn poison(place: &Place, folder: &str) {
    let mut bytes = place.read(&format!("{folder}/model.safetensors"));
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    for number in bytes[8 + header..].chunks_exact_mut(4) {
        number.copy_from_slice(&f32::NAN.to_le_bytes());
    }
    place.write(&format!("{folder}/model.safetensors"), bytes);
}

#[test]
fn weights_that_are_no_numbers() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    place.run("lm perplexity --model lm --corpus corpus -q").done();
    poison(&place, "lm");
    poison(&place, "classifier");
    check(
        &mut refusals,
        "",
        &[
            ("lm generate --model lm --length 3", &["lm"]),
            ("lm generate --model lm --length 3 --temperature 0", &["lm"]),
            ("lm perplexity --model lm --corpus corpus", &["lm"]),
            ("lm finetune --model lm --texts train.csv --out new", &["number", "encoder.", "["]),
            ("classify train --model lm --train train.csv --out new", &["number"]),
            ("classify predict --model classifier text", &["classifier"]),
            ("classify predict --model classifier --input test.csv --out new.jsonl", &["classifier"]),
        ],
    );
    refusals.end();
}

#[test]
fn folders_of_another_kind() {
    let place = Place::with_models();
    let mut refusals = Refusals::new(&place);
    place.run("classify train --method nbsvm --train train.csv --out baseline -q").done();
    check(
        &mut refusals,
        "",
        &[
            ("classify predict --model lm text", &["lm", "language model"]),
            ("classify predict --model corpus text", &["corpus"]),
            ("classify predict --model tokenizer text", &["tokenizer"]),
            ("lm generate --model classifier", &["classifier"]),
            ("lm generate --model baseline", &["baseline"]),
            ("lm perplexity --model tokenizer --corpus corpus", &["tokenizer"]),
            ("lm perplexity --model lm --corpus classifier", &["classifier"]),
            ("lm finetune --model classifier --texts train.csv --out new", &["classifier"]),
            ("lm pretrain --corpus tokenizer --tokenizer tokenizer --preset tiny --out new", &["tokenizer"]),
            ("lm pretrain --corpus corpus --tokenizer corpus --preset tiny --out new", &["corpus"]),
            ("classify train --model classifier --train train.csv --out new", &["classifier"]),
            ("classify train --model baseline --train train.csv --out new", &["baseline"]),
            ("classify train --model tokenizer --train train.csv --out new", &["tokenizer"]),
            ("tokenizer train --corpus lm --preset tiny --out new", &["lm"]),
            ("tokenizer encode --tokenizer corpus text", &["corpus"]),
        ],
    );
    // The tokenizer of another model.
    place.run("tokenizer train --corpus corpus --out second --preset tiny --vocabulary-size 300 --seed 1 --algorithm bpe -q").done();
    for (folder, command) in READERS {
        place.copy(folder, "mixed");
        for file in ["spm.model", "tokenizer_config.json"] {
            place.write(&format!("mixed/{file}"), place.read(&format!("second/{file}")));
        }
        refusals.case(&format!("{command} mixed"), 3, &["mixed/spm.model", "another tokenizer"]);
    }
    place.copy("baseline", "broken");
    for bytes in ["", "{}", "{\"format\":99}", "[]"] {
        let name = std::fs::read_dir(place.path("broken"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = name.into_iter().find(|name| name.contains("baseline")).unwrap();
        place.write(&format!("broken/{name}"), bytes);
        refusals.case("classify predict --model broken text", 3, &["broken/"]);
    }
    refusals.end();
}

#[test]
fn a_damaged_corpus() {
    let place = Place::with_tokenizer();
    let mut refusals = Refusals::new(&place);
    let shards: Vec<String> = std::fs::read_dir(place.path("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("train"))
        .collect();
    assert!(!shards.is_empty());
    let (name, whole) = (format!("corpus/{}", shards[0]), place.read(&format!("corpus/{}", shards[0])));
    for bytes in [&whole[..whole.len() / 2], &whole[..whole.len() - 3], b"\xff\xfe", b"{}\n"] {
        place.write(&name, bytes);
        refusals.case(PRETRAIN, 3, &[&shards[0]]);
        refusals.case(
            "tokenizer train --corpus corpus --preset tiny --vocabulary-size 300 --out new",
            3,
            &[&shards[0]],
        );
    }
    std::fs::remove_file(place.path(&name)).unwrap();
    refusals.case(PRETRAIN, 3, &["corpus"]);
    place.write(&name, &whole);
    for bytes in ["", "{", "{\"format\":99}"] {
        place.write("corpus/manifest.json", bytes);
        refusals.case(PRETRAIN, 3, &["corpus/manifest.json"]);
    }
    refusals.end();
}

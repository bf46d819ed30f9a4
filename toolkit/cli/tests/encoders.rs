//! ModernBERT from the outside: raw text to a masked language model, a classifier on it, sentence vectors, and a
//! larger model that begins as a smaller one. And what damaged or hostile folders are told.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Place, Refusals, number, text};

fn json(place: &Place, arguments: &str) -> Value {
    place.run(&format!("{arguments} --json -q")).done().json()
}

const PRETRAIN: &str = "lm pretrain --corpus corpus --tokenizer tokenizer --preset modernbert-tiny \
                        --set encoder.layer_count=2 --set pretrain.training.epochs=3 --seed 3 --device cpu";

fn pretrained() -> Place {
    let place = Place::with_tokenizer();
    json(&place, &format!("{PRETRAIN} --out lm"));
    place
}

fn masked_loss(place: &Place, model: &str) -> f64 {
    let outcome = json(place, &format!("lm perplexity --model {model} --corpus corpus"));
    assert_eq!(outcome["masked"], Value::Bool(true), "{outcome}");
    number(&outcome, "/by_piece")
}

#[test]
fn modernbert_from_raw_text_to_a_score() {
    let place = pretrained();
    json(&place, &format!("{PRETRAIN} --out untrained --set pretrain.training.epochs=0"));
    let (before, after) = (masked_loss(&place, "untrained"), masked_loss(&place, "lm"));
    assert!(after < 0.6 * before, "{before} {after}");
    let config: Value = serde_json::from_slice(&place.read("lm/config.json")).unwrap();
    assert_eq!(text(&config, "/model_type"), "modernbert");
    assert_eq!(number(&config, "/mask_token_id"), 300.0);
    assert_eq!(number(&config, "/vocab_size"), 320.0);

    json(&place, "lm finetune --model lm --texts train.csv --valid valid.csv --out tuned");
    assert!(masked_loss(&place, "tuned").is_finite());
    let outcome = json(
        &place,
        "classify train --backbone tuned --train train.csv --valid valid.csv --test test.csv --out classifier --seed 1 \
         --set classify.training.epochs=25 --set classify.training.rate=0.003",
    );
    let accuracy = number(&outcome, "/test/metrics/accuracy");
    assert!(accuracy > 0.8, "{accuracy}");
    let again = json(&place, "classify predict --model classifier --input test.csv --labelled");
    let right = again["predictions"].as_array().unwrap().iter().filter(|row| row["label"] == row["gold"]).count();
    assert!((right as f64 / 100.0 - accuracy).abs() < 1e-9);
    place.run("zoo verify classifier").done();

    // A published folder is ours without recipe, manifest and card: still a classifier, and importable.
    place.copy("classifier", "published");
    for name in ["recipe.toml", "manifest.json", "README.md", "metrics.jsonl"] {
        std::fs::remove_file(place.path("published").join(name)).unwrap();
    }
    let mut config: Value = serde_json::from_slice(&place.read("published/config.json")).unwrap();
    config.as_object_mut().unwrap().remove("glossa");
    place.write("published/config.json", config.to_string());
    json(
        &place,
        "classify train --backbone published --train train.csv --out on-published --set classify.training.epochs=1",
    );
    place.run("zoo import published --out imported -q").done();
    let imported = json(&place, "classify predict --model imported --input test.csv --labelled");
    assert_eq!(imported["predictions"][0]["label"], again["predictions"][0]["label"]);
    assert!(place.run("classify explain --model classifier hello -q").refusal(3, &["transformer"]).is_ok());
    assert!(place.run("lm generate --model lm -q").refusal(3, &["both sides"]).is_ok());
}

#[test]
fn a_larger_model_begins_as_a_smaller_one() {
    let place = pretrained();
    let larger = "lm pretrain --corpus corpus --from lm --preset modernbert-tiny --set encoder.embedding_size=96 \
                  --set encoder.hidden_size=144 --set encoder.head_count=3 --set encoder.layer_count=3 --out larger \
                  --set pretrain.training.epochs=1";
    json(&place, larger);
    let fresh = larger.replace("--from lm", "--tokenizer tokenizer").replace("--out larger", "--out fresh");
    json(&place, &fresh);
    let (tiled, fresh) = (masked_loss(&place, "larger"), masked_loss(&place, "fresh"));
    assert!(tiled < fresh, "{tiled} {fresh}");
    // Going on in the same sizes, on the same text, does no harm.
    json(&place, "lm pretrain --corpus corpus --from lm --out further --set pretrain.training.epochs=1");
    assert!(masked_loss(&place, "further") < masked_loss(&place, "lm") * 1.1);
    let mut refusals = Refusals::new(&place);
    let smaller = "lm pretrain --corpus corpus --from lm --preset modernbert-tiny --set encoder.layer_count=1 --out x";
    refusals.case(smaller, 2, &["larger than the recipe"]);
    refusals.case("lm pretrain --corpus corpus --from lm --preset tiny --out x", 2, &["--from", "masked"]);
    refusals.case(&format!("{PRETRAIN} --backward --out x"), 2, &["direction"]);
    refusals.end();
}

#[test]
fn weights_do_not_depend_on_threads_or_interruptions() {
    let place = Place::with_tokenizer();
    let small = format!("{PRETRAIN} --set pretrain.training.epochs=2 --set pretrain.batch_warm_up=0.3");
    let weights = |out: &str| place.read(&format!("{out}/model.safetensors"));
    for threads in ["1", "2", "3"] {
        let arguments = format!("{small} --out t{threads} -q");
        let words: Vec<&str> = arguments.split_whitespace().collect();
        place.run_with(&words, &[("RAYON_NUM_THREADS", threads)], b"").done();
    }
    assert!(weights("t1") == weights("t2") && weights("t1") == weights("t3"));
    #[cfg(unix)]
    {
        let arguments = format!("{small} --out killed --checkpoint-every 5 -q");
        let words: Vec<&str> = arguments.split_whitespace().collect();
        for milliseconds in [150, 300, 600, 900] {
            let mut child = place.command(&words).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(milliseconds));
            let _ = child.kill();
            let _ = child.wait();
        }
        place.run(&arguments).done();
        assert!(weights("killed") == weights("t1"));
    }
}

#[test]
fn vectors_go_into_three_kinds_of_files() {
    let place = pretrained();
    place.write("texts.txt", "the cat sleeps\nit rains today and tomorrow\n\n");
    for ending in ["npy", "jsonl", "parquet"] {
        let outcome = json(&place, &format!("embed --model lm --input texts.txt --out v.{ending}"));
        assert_eq!((number(&outcome, "/count"), number(&outcome, "/width")), (3.0, 64.0));
    }
    let npy = place.read("v.npy");
    assert_eq!(&npy[..6], b"\x93NUMPY");
    let values: Vec<f32> =
        npy[npy.len() - 3 * 64 * 4..].chunks(4).map(|chunk| f32::from_le_bytes(chunk.try_into().unwrap())).collect();
    let lines = String::from_utf8(place.read("v.jsonl")).unwrap();
    let second: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    assert_eq!(text(&second, "/text"), "it rains today and tomorrow");
    for (index, value) in second["embedding"].as_array().unwrap().iter().enumerate() {
        assert!((value.as_f64().unwrap() - f64::from(values[64 + index])).abs() < 1e-6);
    }
    assert!(place.read("v.parquet").starts_with(b"PAR1"));
    // Batch mates, windows and unit length.
    let alone = place.run_words(&["embed", "--model", "lm", "--json", "-q", "the cat sleeps"]).done().json();
    assert!((alone["embeddings"][0][0].as_f64().unwrap() - f64::from(values[0])).abs() < 1e-5);
    let unit = json(&place, "embed --model lm --normalise --window 3 --pooling cls --input texts.txt");
    for row in unit["embeddings"].as_array().unwrap() {
        let square: f64 = row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap().powi(2)).sum();
        assert!((square - 1.0).abs() < 1e-4);
    }
    // A recurrent language model is an encoder too.
    let recurrent =
        "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --set pretrain.training.epochs=0 --out qrnn";
    json(&place, recurrent);
    assert_eq!(json(&place, "embed --model qrnn --input texts.txt")["embeddings"].as_array().unwrap().len(), 3);
    let mut refusals = Refusals::new(&place);
    refusals.case("embed --model qrnn --pooling cls --input texts.txt", 2, &["recurrent"]);
    refusals.case("embed --model lm --input texts.txt --out v.txt", 2, &[".npy"]);
    refusals.case("embed --model lm --window 0 x", 2, &["--window"]);
    refusals.end();
}

#[test]
fn damaged_and_lying_folders_are_refused_at_once() {
    let place = pretrained();
    json(&place, "classify train --backbone lm --train train.csv --out classifier --set classify.training.epochs=1");
    let config: Value = serde_json::from_slice(&place.read("lm/config.json")).unwrap();
    let weights = place.read("lm/model.safetensors");
    let header = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize + 8;
    let lie = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(&weights[8..header]).replacen(from, to, 1);
        [&(text.len() as u64).to_le_bytes(), text.as_bytes(), &weights[header..]].concat()
    };
    let mut cases: Vec<(String, Vec<&str>)> = Vec::new();
    for (key, value, word) in [
        ("vocab_size", "18446744073709551615", "too large"),
        ("vocab_size", "60000000", "too large"),
        ("vocab_size", "20000000", "asks for more"),
        ("vocab_size", "0", "zero"),
        ("vocab_size", "-3", "line"),
        ("hidden_size", "65536", "too large"),
        ("hidden_size", "60", "has [320, 64]"),
        ("num_hidden_layers", "3", "layers.2."),
        ("num_hidden_layers", "1000000000", "too large"),
        ("num_attention_heads", "0", "zero"),
        ("num_attention_heads", "3", "heads"),
        ("intermediate_size", "1e300", "line"),
        ("max_position_embeddings", "0", "max_position_embeddings"),
        ("norm_eps", "0", "norm_eps"),
        ("global_rope_theta", "\"big\"", ""),
        ("hidden_activation", "\"softplus\"", "softplus"),
        ("layer_types", "[\"full_attention\"]", "layer_types"),
        ("model_type", "\"gpt2\"", "gpt2"),
        ("classifier_pooling", "\"sum\"", "sum"),
    ] {
        let mut config = config.clone();
        config[key] = serde_json::from_str(value).unwrap();
        let name = format!("bad-{}", cases.len());
        place.copy("lm", &name);
        place.write(&format!("{name}/config.json"), config.to_string());
        cases.push((name, if word.is_empty() { vec![] } else { vec![word] }));
    }
    for (bytes, words) in [
        (weights[..weights.len() - 1].to_vec(), vec!["model.safetensors"]),
        (weights[..header - 2].to_vec(), vec!["model.safetensors"]),
        (weights[..4].to_vec(), vec!["model.safetensors"]),
        ([u64::MAX.to_le_bytes().as_slice(), &weights[8..]].concat(), vec!["header"]),
        (lie("[320,64]", "[320,65]"), vec!["model.safetensors"]),
        (lie("F32", "F64"), vec!["model.safetensors"]),
        (lie("final_norm", "final_rnom"), vec!["final_norm", "final_rnom"]),
    ] {
        let name = format!("bad-{}", cases.len());
        place.copy("lm", &name);
        place.write(&format!("{name}/model.safetensors"), bytes);
        cases.push((name, words));
    }
    place.copy("lm", "bad-json");
    place.write("bad-json/config.json", &place.read("lm/config.json")[..80]);
    cases.push(("bad-json".to_owned(), vec!["config.json"]));
    place.copy("lm", "other-pieces");
    place.run("tokenizer train --corpus corpus --out pieces --preset tiny --vocabulary-size 280 -q").done();
    for name in ["spm.model", "tokenizer_config.json"] {
        place.write(&format!("other-pieces/{name}"), place.read(&format!("pieces/{name}")));
    }
    cases.push(("other-pieces".to_owned(), vec!["tokenizer"]));
    place.copy("lm", "no-pieces");
    std::fs::remove_file(place.path("no-pieces/spm.model")).unwrap();
    cases.push(("no-pieces".to_owned(), vec!["no-pieces"]));
    let mut refusals = Refusals::new(&place);
    for (name, words) in &cases {
        let started = Instant::now();
        refusals.case(&format!("embed --model {name} x"), 3, words);
        assert!(started.elapsed() < Duration::from_secs(2), "{name}");
    }
    refusals.case("classify predict --model lm x", 3, &["labels"]);
    refusals.end();
}

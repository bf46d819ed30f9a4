//! The same seed gives the same bytes, whatever the number of threads; another seed gives others.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::Place;

const WEIGHTS: &str = "model.safetensors";

/// Large enough that matrix products and rows are split over threads.
const SIZES: [&str; 6] = [
    "encoder.hidden_size=160",
    "encoder.embedding_size=128",
    "pretrain.training.epochs=1",
    "pretrain.training.batch_size=16",
    "classify.training.epochs=2",
    "classify.training.batch_size=16",
];

struct Job<'a> {
    cell: &'a str,
    seed: &'a str,
    threads: &'a str,
}

/// The weights of a language model and of a classifier on top of it.
fn weights(place: &Place, job: &Job<'_>) -> [Vec<u8>; 2] {
    let cell = format!("encoder.cell={}", job.cell);
    let (lm, classifier) = (format!("lm-{}", job.threads), format!("classifier-{}", job.threads));
    let run = |words: &[&str]| {
        let sizes = SIZES.iter().copied().chain([cell.as_str()]).flat_map(|size| ["--set", size]);
        let words: Vec<&str> = words.iter().copied().chain(sizes).chain(["--seed", job.seed, "-q"]).collect();
        place.run_with(&words, &[("RAYON_NUM_THREADS", job.threads)], b"").done();
    };
    let corpus = ["--corpus", "corpus", "--tokenizer", "tokenizer", "--preset", "tiny"];
    run(&[&["lm", "pretrain", "--out", &lm], corpus.as_slice()].concat());
    run(&["classify", "train", "--model", &lm, "--train", "train.csv", "--valid", "valid.csv", "--out", &classifier]);
    [lm, classifier].map(|folder| place.read(&format!("{folder}/{WEIGHTS}")))
}

/// A corpus of a few steps and a vocabulary of 500.
fn place() -> Place {
    let place = Place::with_texts();
    let few: Vec<String> =
        String::from_utf8(place.read("text.txt")).unwrap().lines().take(300).map(str::to_owned).collect();
    place.write("few.txt", few.join("\n"));
    place.run("corpus build few.txt --out corpus --valid-share 0.05 --test-share 0.05 -q").done();
    place.run("tokenizer train --corpus corpus --out tokenizer --preset tiny --vocabulary-size 500 -q").done();
    place
}

fn check(cell: &str) {
    let place = place();
    let run = |seed, threads| weights(&place, &Job { cell, seed, threads });
    let [one, again, two, four] = [run("5", "1"), run("5", "1"), run("5", "2"), run("5", "4")];
    for (part, name) in ["the language model", "the classifier"].iter().enumerate() {
        assert!(one[part] == again[part], "{cell}: {name} differs from run to run");
        assert!(one[part] == two[part], "{cell}: {name} differs between 1 and 2 threads");
        assert!(one[part] == four[part], "{cell}: {name} differs between 1 and 4 threads");
    }
    let other = run("6", "2");
    assert!(one[0] != other[0] && one[1] != other[1], "{cell}: the seed does not matter");
}

#[test]
fn qrnn_weights_depend_on_the_seed_alone() {
    check("qrnn");
}

#[test]
fn awd_lstm_weights_depend_on_the_seed_alone() {
    check("awd-lstm");
}

/// The processor as two devices, which learn one model; other commands take one device.
#[test]
fn several_devices_give_the_same_bytes_each_time() {
    let place = place();
    let train = |out: &str, device: &str, threads: &str| {
        let line = format!(
            "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --set pretrain.training.epochs=1 \
             --set pretrain.training.batch_size=16 --device {device} --out {out} -q"
        );
        let words: Vec<&str> = line.split_whitespace().collect();
        place.run_with(&words, &[("RAYON_NUM_THREADS", threads)], b"").done();
        place.read(&format!("{out}/{WEIGHTS}"))
    };
    let (one, two) = (train("one", "cpu:0-1", "1"), train("two", "cpu:0-1", "2"));
    assert!(one == two, "the bytes differ between 1 and 2 threads");
    assert!(one != train("alone", "cpu", "2"), "two devices draw other noise than one");
    let line = "classify train --model one --train train.csv --valid valid.csv --out classifier --device cpu:0-1";
    place.refusal(line, 2, &["cpu:0-1 is several devices"]).unwrap();
}

/// Everything before the weights: a folder made twice is the same to the byte, times aside.
#[test]
fn corpora_and_tokenizers_depend_on_the_seed_alone() {
    let place = Place::with_texts();
    let make = |name: &str, seed: u32, threads: &str| {
        let run = |line: String| {
            let words: Vec<&str> = line.split_whitespace().collect();
            place.run_with(&words, &[("RAYON_NUM_THREADS", threads)], b"").done();
        };
        run(format!("corpus build text.txt --out corpus-{name} --valid-share 0.1 --seed {seed} -q"));
        run(format!("tokenizer train --corpus corpus-{name} --out tokenizer-{name} --preset tiny --seed {seed} -q"));
        let corpus =
            place.tree().into_iter().filter(|(path, _)| path.starts_with(place.path(&format!("corpus-{name}"))));
        let corpus: Vec<String> = corpus.map(|(_, hash)| hash).collect();
        (corpus, place.read(&format!("tokenizer-{name}/spm.model")))
    };
    let (first, second, other) = (make("a", 1, "1"), make("b", 1, "2"), make("c", 2, "1"));
    assert!(first == second, "the same seed gave another corpus or tokenizer");
    assert!(first.0 != other.0, "the seed does not matter");
}

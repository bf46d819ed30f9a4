//! The real multilingual E5 encoder, where it was unpacked: `GLOSSA_E5` names its folder, with `reference.json`
//! (sentences and the vectors of the engine that carries the weights) beside the model.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use serde_json::Value;
use support::Place;

#[test]
fn vectors_of_e5_are_those_of_its_engine() {
    let Ok(folder) = std::env::var("GLOSSA_E5") else {
        eprintln!("skipped: GLOSSA_E5 names no folder of multilingual-e5-small");
        return;
    };
    let text = std::fs::read(std::path::Path::new(&folder).join("reference.json")).unwrap();
    let reference: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let place = Place::new();
    let sentences: Vec<&str> = reference.iter().map(|row| row["text"].as_str().unwrap()).collect();
    place.write("texts.txt", sentences.join("\n"));
    let words =
        ["embed", "--model", &folder, "--prefix", "query: ", "--normalise", "--input", "texts.txt", "--json", "-q"];
    let vectors = place.run_words(&words).done().json();
    for (ours, row) in vectors["embeddings"].as_array().unwrap().iter().zip(&reference) {
        let numbers = |value: &Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let (ours, theirs) = (numbers(ours), numbers(&row["embedding"]));
        let dot = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(a, b)| a * b).sum::<f64>();
        let cosine = dot(&ours, &theirs) / (dot(&ours, &ours) * dot(&theirs, &theirs)).sqrt();
        assert!(cosine > 0.999, "{cosine}: {}", row["text"]);
    }
}

//! The baseline against worked examples, damaged files and itself.

use super::*;

fn documents(texts: &[&str]) -> Vec<Vec<String>> {
    texts.iter().map(|text| text.split(' ').map(str::to_owned).collect()).collect()
}

fn units(text: &str) -> Vec<String> {
    documents(&[text]).remove(0)
}

fn plain(method: Method, n_gram: usize) -> BaselineOptions {
    BaselineOptions { n_gram, weighting: Weighting::Count, alpha: 1.0, ..BaselineOptions::of(method) }
}

/// Texts of our own: the class decides most of the words; `size` of them, three classes.
fn sample(size: u64) -> (Vec<Vec<String>>, Vec<usize>) {
    use glossa_base::seed::{Purpose, Stream};
    let stream = Stream::new(9, Purpose::Sample, 0, 0);
    let document = |index: u64| -> Vec<String> {
        let words = stream.part(index);
        let word = |at: u64| {
            let common = words.uniform(3 * at) < 0.6;
            let rank = (words.uniform(3 * at + 1).powi(3) * 9000.0) as u64;
            if common { format!("w{rank}") } else { format!("c{}_{}", index % 3, rank / 10) }
        };
        (0..30).map(word).collect()
    };
    ((0..size).map(document).collect(), (0..size).map(|index| index as usize % 3).collect())
}

#[test]
fn naive_bayes_by_hand() {
    // The example of Manning, Raghavan & Schuetze 2008, 13.1, in letters of our own: 8 and 3 units,
    // 6 features; P(0 | "a a a x y") is 3/4 (3/7)^3 (1/14)^2 over itself plus 1/4 (2/9)^3 (2/9)^2.
    let training = documents(&["a b a", "a a s", "a m", "x y a"]);
    let baseline = Baseline::train(&training, &[0, 0, 0, 1], 2, &plain(Method::NaiveBayes, 1)).unwrap();
    let found = baseline.predict(&units("a a a x y"));
    let zero = 0.75 * (3f64 / 7.0).powi(3) * (1f64 / 14.0).powi(2);
    let one = 0.25 * (2f64 / 9.0).powi(5);
    assert!((found[0] - zero / (zero + one)).abs() < 1e-6, "{found:?}");
    assert!((found[0] + found[1] - 1.0).abs() < 1e-12);
    assert_eq!(baseline.feature_count(), 6);
}

#[test]
fn features_are_n_grams_that_are_frequent_enough() {
    let training = documents(&["a b c", "a b d", "b a"]);
    // Occurring in two documents or more: a, b, and the pair a b.
    for (n_gram, minimum_count, expected) in [(1, 1, 4), (2, 1, 8), (3, 1, 10), (3, 2, 3), (1, 3, 2), (2, 9, 0)] {
        let options = BaselineOptions { minimum_count, ..plain(Method::NaiveBayes, n_gram) };
        let baseline = Baseline::train(&training, &[0, 0, 1], 2, &options).unwrap();
        assert_eq!(baseline.feature_count(), expected, "{n_gram} {minimum_count}");
    }
}

#[test]
fn pairs_tell_what_single_units_cannot() {
    let training = documents(&["not good", "good not", "not good x", "x good not"]);
    for method in [Method::NaiveBayes, Method::Nbsvm] {
        let baseline = Baseline::train(&training, &[0, 1, 0, 1], 2, &BaselineOptions::of(method)).unwrap();
        assert!(baseline.predict(&units("y not good"))[0] > 0.6);
        assert!(baseline.predict(&units("good not"))[1] > 0.6);
    }
}

#[test]
fn unknown_text_gives_probabilities_and_absent_classes_none() {
    let training = documents(&["a a", "b", "b b"]);
    for method in [Method::NaiveBayes, Method::Nbsvm] {
        let baseline = Baseline::train(&training, &[1, 3, 3], 5, &BaselineOptions::of(method)).unwrap();
        for text in [vec![], units("never seen"), vec!["b".to_owned(); 100_000]] {
            let found = baseline.predict(&text);
            assert_eq!(found.len(), 5);
            assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{found:?}");
            assert_eq!((found[0], found[2], found[4]), (0.0, 0.0, 0.0));
        }
    }
}

#[test]
fn it_is_stored_as_json_and_the_same_each_time() {
    let (texts, labels) = sample(300);
    for method in [Method::NaiveBayes, Method::Nbsvm] {
        let train = || Baseline::train(&texts, &labels, 3, &BaselineOptions::of(method)).unwrap();
        let json = serde_json::to_string(&train()).unwrap();
        assert_eq!(json, serde_json::to_string(&train()).unwrap());
        assert!(json.starts_with("{\"format\":1,"));
        let read: Baseline = serde_json::from_str(&json).unwrap();
        assert_eq!(read.predict(&texts[7]), train().predict(&texts[7]));
    }
}

#[test]
fn a_damaged_file_is_refused() {
    let training = documents(&["a b", "c d", "a d"]);
    let baseline = Baseline::train(&training, &[0, 1, 1], 2, &BaselineOptions::default()).unwrap();
    let good = serde_json::to_value(&baseline).unwrap();
    let cases: [(&str, serde_json::Value, &str); 8] = [
        ("/format", 2.into(), "format 2"),
        ("/class_count", 1.into(), "damaged"),
        ("/classes/0/weights", serde_json::json!([1.0]), "damaged"),
        ("/classes/1/class", 0.into(), "damaged"),
        ("/features/units", serde_json::json!(["b", "a"]), "damaged"),
        ("/features/grams/0", serde_json::json!([1, 2, 3]), "damaged"),
        ("/features/grams", serde_json::json!([[], [], []]), "damaged"),
        ("/options/alpha", (-1.0).into(), "alpha"),
    ];
    for (pointer, value, expected) in cases {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        let message = serde_json::from_value::<Baseline>(bad).unwrap_err().to_string();
        assert!(message.contains(expected), "{pointer}: {message}");
    }
}

#[test]
fn what_cannot_be_trained() {
    let two = documents(&["a", "b"]);
    let train = |documents: &[Vec<String>], labels: &[usize], options: &BaselineOptions| {
        Baseline::train(documents, labels, 2, options).unwrap_err()
    };
    let options = BaselineOptions::default();
    assert_eq!(train(&[], &[], &options), Error::Empty);
    assert_eq!(train(&two, &[0], &options), Error::CountsDiffer { documents: 2, labels: 1 });
    assert_eq!(train(&two, &[1, 1], &options), Error::OneClass);
    let out_of_range = Error::LabelOutOfRange { document: 2, label: 2, class_count: 2 };
    assert_eq!(train(&two, &[0, 2], &options), out_of_range);
    for bad in [
        BaselineOptions { n_gram: 0, ..options.clone() },
        BaselineOptions { n_gram: 4, ..options.clone() },
        BaselineOptions { alpha: 0.0, ..options.clone() },
        BaselineOptions { regularisation: f64::NAN, ..options.clone() },
    ] {
        assert!(matches!(train(&two, &[0, 1], &bad), Error::Option { .. }));
    }
}

#[test]
fn twenty_thousand_documents_take_seconds() {
    let (texts, labels) = sample(20_000);
    let (training, rest) = texts.split_at(19_000);
    for method in [Method::NaiveBayes, Method::Nbsvm] {
        let start = std::time::Instant::now();
        let baseline = Baseline::train(training, &labels[..19_000], 3, &BaselineOptions::of(method)).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let best = |text: &Vec<String>| -> usize {
            let found = baseline.predict(text);
            (0..3).max_by(|left, right| found[*left].total_cmp(&found[*right])).unwrap()
        };
        let right = rest.iter().zip(&labels[19_000..]).filter(|(text, label)| best(text) == **label).count();
        eprintln!("{method:?}: {seconds:.1} s, {} features, {right} of 1000 right", baseline.feature_count());
        assert!(right > 980, "{right}");
        assert!(seconds < 60.0, "{seconds} s");
    }
}

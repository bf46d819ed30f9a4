//! Cards through a small checker of their YAML head.

use super::*;

fn full() -> Card {
    let row =
        |name: &str, value: f64, dataset: &str| MetricRow { name: name.to_owned(), value, dataset: dataset.to_owned() };
    Card {
        language: Some("no".parse().unwrap()),
        license: Some("CC-BY-SA-4.0".to_owned()),
        parameters: Some(12_345_678),
        corpus: Some("Text: of | two\n# sources".to_owned()),
        metrics: vec![row("accuracy", 1.0, "a: b"), row("macro F1", 0.75, "a: b"), row("accuracy", 0.5, "c")],
        base_model: Some("glossa/no: \"x\"".to_owned()),
        labels: vec!["yes".to_owned(), "<b>".to_owned()],
        how_to_use: Some("glossa classify predict --model . --text '```'".to_owned()),
        ..Card::new("A \"name\": #1", ModelKind::Classifier, "qrnn")
    }
}

/// A small reader of the YAML that heads use: (path, value) of each scalar, quoted ones decoded.
/// Stricter than YAML: whatever is not of this form fails.
fn scalars(head: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut parents: Vec<(usize, String)> = Vec::new();
    for line in head.lines() {
        let indent = line.find(|letter| letter != ' ').unwrap();
        let (rest, indent) = match line[indent..].strip_prefix("- ") {
            Some(rest) => {
                parents.retain(|(depth, _)| *depth <= indent);
                parents.retain(|(depth, key)| *depth < indent || key != "-");
                parents.push((indent, "-".to_owned()));
                (rest, indent + 2)
            }
            None => (&line[indent..], indent),
        };
        parents.retain(|(depth, _)| *depth < indent);
        let path = |last: &str| parents.iter().map(|(_, key)| key.as_str()).chain([last]).collect::<Vec<_>>().join(".");
        let is_key = |key: &str| key.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte));
        match rest.split_once(':') {
            Some((key, "")) if is_key(key) => parents.push((indent, key.to_owned())),
            Some((key, value)) if is_key(key) => found.push((path(key), scalar(value.strip_prefix(' ').unwrap()))),
            _ => found.push((path(""), scalar(rest))),
        }
    }
    found
}

fn scalar(text: &str) -> String {
    if text.starts_with('"') {
        return serde_json::from_str(text).unwrap();
    }
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/.".contains(&byte)), "{text} needs quotes");
    text.to_owned()
}

#[test]
fn the_head_is_yaml_that_says_what_the_card_says() {
    let page = full().to_markdown().unwrap();
    let head = page.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap().0;
    let found = scalars(head);
    let value = |path: &str| -> Vec<&str> {
        found.iter().filter(|(found, _)| found == path).map(|(_, value)| value.as_str()).collect()
    };
    let expected: [(&str, &[&str]); 12] = [
        ("language", &["no"]),
        ("license", &["cc-by-sa-4.0"]),
        ("base_model", &["glossa/no: \"x\""]),
        ("library_name", &["glossa"]),
        ("pipeline_tag", &["text-classification"]),
        ("tags.-.", &["glossa", "qrnn"]),
        ("metrics.-.", &["accuracy", "macro_f1"]),
        ("model-index.-.name", &["A \"name\": #1"]),
        ("model-index.-.results.-.dataset.name", &["a: b", "c"]),
        ("model-index.-.results.-.metrics.-.type", &["accuracy", "macro_f1", "accuracy"]),
        ("model-index.-.results.-.metrics.-.value", &["1.0", "0.75", "0.5"]),
        ("model-index.-.results.-.task.type", &["text-classification"; 2]),
    ];
    for (path, values) in expected {
        assert_eq!(value(path), values, "{path}\n{head}");
    }
    assert!(head.contains("language: \"no\"\n"));
}

#[test]
fn the_page_is_not_bent_by_what_others_wrote() {
    let page = full().to_markdown().unwrap();
    for expected in [
        "# A \"name\": \\#1\n",
        "Text: of \\| two \\# sources\n",
        "- \\<b>\n",
        "12,345,678 parameters",
        "| macro F1 | 0.7500 | a: b |\n",
        "````sh\nglossa classify",
    ] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
}

#[test]
fn a_card_may_know_little() {
    let mut card = Card::new("small", ModelKind::LanguageModel, "qrnn");
    let page = card.to_markdown().unwrap();
    let head = "---\nlibrary_name: glossa\npipeline_tag: text-generation\ntags:\n- glossa\n- qrnn\n---\n\n# small\n";
    assert!(page.starts_with(head), "{page}");
    card.language = Some("zh-yue".parse().unwrap());
    assert!(card.to_markdown().unwrap().contains("language: zh\n"));
    card.language = Some("simple".parse().unwrap());
    assert!(!card.to_markdown().unwrap().contains("language:"));
}

#[test]
fn a_score_that_is_no_number_is_refused() {
    let mut card = full();
    card.metrics[0].value = f64::NAN;
    assert!(matches!(card.to_markdown(), Err(Error::NotFinite { name, .. }) if name == "accuracy"));
}

#[test]
fn a_head_is_read_again() {
    let card = full();
    let head = head::Head::read(&card.to_markdown().unwrap());
    assert_eq!((head.language.as_deref(), head.license.as_deref()), (Some("no"), Some("cc-by-sa-4.0")));
    assert_eq!((head.base_model, head.kind), (card.base_model, Some(ModelKind::Classifier)));
    assert_eq!((head.metrics, head.architecture.as_deref()), (card.metrics, Some("qrnn")));
    for page in ["", "# x", "---\nx", "---\n- :\n  - type:\n---\n", "---\nlicense: [a, b]\n---\n"] {
        assert_eq!(head::Head::read(page), head::Head::default(), "{page}");
    }
}

#[test]
fn what_a_publication_adds_is_on_the_page() {
    let card = Card {
        intended_use: Some("Labels of news".to_owned()),
        limits: Some("Not for <law>".to_owned()),
        reproduce: Some("glossa pipeline run eu".to_owned()),
        inputs: vec![("corpus|x".to_owned(), "12ab".to_owned())],
        signatures: vec!["accuracy|task:a|seed:0".to_owned()],
        ..full()
    };
    let page = card.to_markdown().unwrap();
    for expected in [
        "## Licence\n\n`cc-by-sa-4.0`\n",
        "## Intended use\n\nLabels of news\n",
        "## Limits\n\nNot for \\<law>\n",
        "## How to reproduce\n\n```sh\nglossa pipeline run eu\n```\n",
        "| corpus\\|x | `12ab` |\n",
        "- `accuracy|task:a|seed:0`\n",
    ] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
}

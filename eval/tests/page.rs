//! The leaderboard: read from files, rendered as one page that loads nothing and obeys no text of a result.

use std::fs;

use glossa_eval::Interval;
use glossa_eval::page::{Entry, read, render, write};
use glossa_eval::published::Origin;

fn entry(system: &str, language: &str, value: f64) -> Entry {
    Entry {
        format: 1,
        system: system.to_owned(),
        task: "sib200".to_owned(),
        language: language.to_owned(),
        split: "test".to_owned(),
        metric: "accuracy".to_owned(),
        value,
        lower_is_better: false,
        interval: Some(Interval { low: 0.25, high: 0.95, resamples: 1000 }),
        spread: Some(0.01),
        seeds: 3,
        seconds: Some(90.0),
        cost: Some("0.10 EUR".to_owned()),
        origin: Origin::Ours { signature: "accuracy|task:x|n:204".to_owned() },
    }
}

#[test]
fn results_are_read_and_rendered() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("more")).unwrap();
    entry("glossa tiny", "eus_Latn", 0.81).write(&folder.path().join("a.json")).unwrap();
    let cited = Origin::Cited { source: "Someone & al. 2020".to_owned() };
    let other = Entry { origin: cited, seconds: None, ..entry("<script>alert(1)</script>", "fra_Latn", 0.9) };
    other.write(&folder.path().join("more/b.json")).unwrap();
    fs::write(folder.path().join("notes.txt"), "not a result").unwrap();
    let entries = read(folder.path()).unwrap();
    assert_eq!(entries, [entry("glossa tiny", "eus_Latn", 0.81), other]);
    let page = folder.path().join("page.html");
    assert_eq!(write(folder.path(), &page, "Board \"1\"").unwrap(), 2);
    let html = fs::read_to_string(page).unwrap();
    assert!(html.contains("<td data-value=\"0.81\">0.8100</td>") && html.contains("0.2500 – 0.9500"), "{html}");
    assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script>alert"), "{html}");
    assert!(html.contains("90.0 s") && html.contains("0.10 EUR") && html.contains("Someone &amp; al. 2020"));
    assert!(html.contains("<th>eus_Latn</th><th>fra_Latn</th>") && html.contains("Board &quot;1&quot;"));
    for outside in ["http://", "https://", "src=", "href=", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn the_same_results_give_the_same_page() {
    let entries = [entry("a", "x", 0.5), entry("b", "y", 0.6)];
    assert_eq!(render(&entries, "t"), render(&entries, "t"));
    assert!(render(&[], "empty").contains("0 results"));
}

#[test]
fn a_wrong_result_is_named_by_file_and_line() {
    let good = serde_json::to_string_pretty(&entry("a", "x", 0.5)).unwrap();
    let cases = [
        ("\"system\"", "\"sistem\"", "a.json:3: column 10: unknown field `sistem`"),
        ("0.5,", "\"high\",", "a.json:8: column 17: invalid type"),
        ("\"format\": 1", "\"format\": 2", "a.json:1: a result of format 2, this glossa knows 1"),
        ("\"seconds\": 90.0", "\"seconds\": -1.0", "a.json:1: a value, an interval or a time that is none"),
        ("0.95", "0.1", "a.json:1: a value, an interval"),
    ];
    for (from, to, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        assert!(good.contains(from), "{from} {good}");
        fs::write(folder.path().join("a.json"), good.replacen(from, to, 1)).unwrap();
        let message = read(folder.path()).unwrap_err().message;
        assert!(message.contains(expected), "{message} does not contain {expected}");
    }
}

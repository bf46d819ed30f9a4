//! What a corpus consists of, as text and as a page: sizes, what each filter dropped and each fix changed
//! with examples, lengths, scripts, frequent words.

use std::path::Path;

use glossa_base::atomic::write_file;
use glossa_base::{Outcome, Progress, TOOL_VERSION};
use glossa_corpora::{Example, SplitCounts, Statistics};
use glossa_languages::Segmenter;

use crate::report::{Bar, Page};
use crate::stage::name_of;
use crate::words;

/// Words that the text names; the page has them all.
const NAMED: usize = 20;

/// Counts a corpus.
///
/// # Errors
/// The folder is no corpus, or damaged.
pub fn count(corpus: &Path, progress: &dyn Progress) -> Outcome<Statistics> {
    let segment = |text: &str, segmenter: Segmenter| -> Vec<String> {
        words::segment(text, segmenter).into_iter().map(str::to_lowercase).collect()
    };
    glossa_corpora::statistics(corpus, &segment, progress)
}

fn splits(statistics: &Statistics) -> [(&'static str, SplitCounts); 3] {
    let summary = &statistics.summary;
    [("train", summary.train), ("valid", summary.valid), ("test", summary.test)]
}

/// Fixes, then reasons to drop, in their order; those that met no document left out.
fn steps(statistics: &Statistics) -> Vec<(&'static str, u64, &'static str)> {
    let (changed, dropped) = (statistics.summary.changed.fixes(), statistics.summary.dropped.reasons());
    let changed = changed.into_iter().map(|(name, count)| (name, count, "changed"));
    let dropped = dropped.into_iter().map(|(name, count)| (name, count, "dropped"));
    changed.chain(dropped).filter(|(_, count, _)| *count > 0).collect()
}

fn length_name(from: u64) -> String {
    if from == 1 { "1 word or none".to_owned() } else { format!("{from} to {} words", 2 * from - 1) }
}

/// The statistics as text for a terminal.
pub fn describe(statistics: &Statistics) -> String {
    let summary = &statistics.summary;
    let mut text = format!("{} documents read\n", summary.read);
    for (name, count, what) in steps(statistics) {
        text.push_str(&format!("  {what} {count:>9}  {name}\n"));
    }
    for (name, counts) in splits(statistics) {
        text.push_str(&format!(
            "{name:<6}{:>9} documents {:>11} words {:>12} characters\n",
            counts.documents, counts.words, counts.characters
        ));
    }
    let documents = statistics.lengths.iter().map(|bin| bin.documents).sum::<u64>().max(1);
    text.push_str("lengths\n");
    for bin in &statistics.lengths {
        let share = 100.0 * bin.documents as f64 / documents as f64;
        text.push_str(&format!("  {:<22}{:>9} documents {share:>5.1} %\n", length_name(bin.from), bin.documents));
    }
    let scripts = statistics.scripts.iter().take(5);
    let scripts: Vec<String> = scripts.map(|found| format!("{} {:.2} %", found.script, 100.0 * found.share)).collect();
    let frequent: Vec<&str> = statistics.words.iter().take(NAMED).map(|found| found.word.as_str()).collect();
    text.push_str(&format!("scripts: {}\nfrequent words: {}", scripts.join(", "), frequent.join(" ")));
    text
}

/// Writes the statistics as a page.
///
/// # Errors
/// The file cannot be written.
pub fn draw(statistics: &Statistics, corpus: &Path, out: &Path) -> Outcome<()> {
    let language = statistics.options.language.as_ref().map(|language| language.code.as_str()).unwrap_or("not named");
    let mut page =
        Page::new(&name_of(corpus), &format!("A corpus, counted by glossa {TOOL_VERSION}. Language: {language}."));
    sizes(&mut page, statistics);
    filters(&mut page, statistics);
    lengths(&mut page, statistics);
    scripts(&mut page, statistics);
    frequent(&mut page, statistics);
    origin(&mut page, statistics);
    write_file(out, page.finish().as_bytes())
}

fn sizes(page: &mut Page, statistics: &Statistics) {
    let row = |(name, counts): (&str, SplitCounts)| {
        [name.to_owned(), counts.documents.to_string(), counts.words.to_string(), counts.characters.to_string()].into()
    };
    let rows: Vec<Vec<String>> = splits(statistics).into_iter().map(row).collect();
    page.section("Size").table(&["split", "documents", "words", "characters"], &rows);
}

fn filters(page: &mut Page, statistics: &Statistics) {
    let summary = &statistics.summary;
    page.section("What the build did").paragraph(&format!(
        "{} documents were read, {} of them dropped.",
        summary.read,
        summary.dropped.total()
    ));
    let row = |(name, count, what): &(&str, u64, &str)| {
        let share = 100.0 * *count as f64 / summary.read.max(1) as f64;
        let row = vec![(*name).to_owned(), (*what).to_owned(), count.to_string(), format!("{share:.3} %")];
        (row, examples(summary.examples.get(*name).map_or(&[], Vec::as_slice)))
    };
    let rows: Vec<_> = steps(statistics).iter().map(row).collect();
    if !rows.is_empty() {
        page.remarked_table(&["step", "", "documents", "of those read"], &rows);
    }
    summary.remarks.iter().for_each(|remark| {
        page.note(remark);
    });
}

/// Examples, each on its lines: the id, the text, and why or what became of it.
fn examples(examples: &[Example]) -> String {
    let line = |example: &Example| {
        let why = if example.why.is_empty() { String::new() } else { format!("\n    {}", flat(&example.why)) };
        format!("{}: {}{why}", example.id, flat(&example.text))
    };
    examples.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bar(name: String, value: f64) -> Bar {
    Bar { name, value, interval: None, strong: false }
}

fn lengths(page: &mut Page, statistics: &Statistics) {
    let documents = statistics.lengths.iter().map(|bin| bin.documents).sum::<u64>().max(1);
    let one = |bin: &glossa_corpora::LengthBin| {
        bar(format!("{}: {} documents", length_name(bin.from), bin.documents), bin.documents as f64 / documents as f64)
    };
    let bars: Vec<Bar> = statistics.lengths.iter().map(one).collect();
    page.section("Lengths").bars("Share of the documents by their length in words.", &bars);
}

fn scripts(page: &mut Page, statistics: &Statistics) {
    let one =
        |found: &glossa_corpora::ScriptShare| bar(format!("{}: {} letters", found.script, found.letters), found.share);
    let bars: Vec<Bar> = statistics.scripts.iter().take(12).map(one).collect();
    page.section("Scripts").bars("Share of the letters by their script.", &bars);
}

fn frequent(page: &mut Page, statistics: &Statistics) {
    let row = |found: &glossa_corpora::WordCount| vec![found.word.clone(), found.count.to_string()];
    let rows: Vec<Vec<String>> = statistics.words.iter().map(row).collect();
    page.section("Most frequent words").table(&["word", "times"], &rows);
    if statistics.words_are_approximate {
        page.note("There are more than a million different words: rare ones were forgotten, so these counts are slightly low.");
    }
}

fn origin(page: &mut Page, statistics: &Statistics) {
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "not stated".to_owned());
    let row = |record: &glossa_corpora::SourceRecord| {
        let origin = &record.provenance;
        let url = origin.url.clone().or_else(|| origin.files.first()?.url.clone());
        let row = vec![known(&url), known(&origin.date), known(&origin.licence), known(&origin.fetched)];
        let hash = origin.sha256.clone().or_else(|| origin.files.first()?.sha256.clone());
        (row, format!("{}\nSHA-256 {}", record.inputs.join("\n"), known(&hash)))
    };
    let rows: Vec<_> = statistics.summary.sources.iter().map(row).collect();
    page.section("What it was made from");
    if rows.is_empty() {
        page.paragraph("No input says where it comes from: no source.toml or source.json lay beside one.");
    } else {
        page.remarked_table(&["from", "date", "licence", "fetched"], &rows);
    }
    let options = serde_json::to_string_pretty(&statistics.options).unwrap_or_default();
    page.folded("Every setting", &options);
}

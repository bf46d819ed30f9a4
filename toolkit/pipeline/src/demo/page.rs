//! The report of a demo as a page.

use glossa_learn::EpochRecord;

use super::outcome::{DemoOutcome, Stage};
use crate::report::{Bar, LineChart, Page, Series};

/// The whole page.
pub(super) fn page(outcome: &DemoOutcome) -> String {
    let title = format!("glossa demo: {}", outcome.language_name);
    let lead = format!(
        "From raw text to a text classifier in {:.0} seconds, on a sample that glossa wrote itself (seed {}). The \
         sample shows what each stage does; it is no benchmark.",
        outcome.seconds, outcome.seed
    );
    let mut page = Page::new(&title, &lead);
    comparison(&mut page, outcome);
    for stage in &outcome.stages {
        page.section(&format!("{}. {}", stage.number, stage.title)).paragraph(&stage.why);
        let commands = stage.command_lines();
        if !commands.is_empty() {
            page.code(&commands.join("\n"));
        }
        results(&mut page, stage, outcome);
    }
    files(&mut page, outcome);
    page.finish()
}

fn comparison(page: &mut Page, outcome: &DemoOutcome) {
    let last = outcome.systems.len().saturating_sub(1);
    let bar = |(index, system): (usize, &super::System)| Bar {
        name: system.name.clone(),
        value: system.accuracy,
        interval: system.interval,
        strong: index == last,
    };
    let bars: Vec<Bar> = outcome.systems.iter().enumerate().map(bar).collect();
    let caption = format!(
        "Accuracy on {} test sentences with {} labels, after training on {} labelled ones; the thin lines are 95 % \
         bootstrap intervals",
        outcome.sample.test,
        outcome.sample.labels.len(),
        outcome.sample.train
    );
    page.section("What pretraining is worth").bars(&caption, &bars);
}

/// What came of a stage: a picture or table where there is one, its lines elsewhere.
fn results(page: &mut Page, stage: &Stage, outcome: &DemoOutcome) {
    match stage.title.as_str() {
        "Tokenizer" => {
            paragraphs(page, stage.results.get(..1).unwrap_or_default());
            for segmented in &outcome.segmented {
                page.quote(&segmented.text).boxes(&segmented.pieces);
            }
        }
        "Language model" => {
            paragraphs(page, &stage.results);
            page.lines(&loss_chart(&outcome.language_model.records));
        }
        "Generated text" => {
            page.quote(&outcome.generated.text);
        }
        "Classifier from the language model" => {
            paragraphs(page, &stage.results);
            page.lines(&accuracy_chart(outcome));
        }
        "Predictions" => predictions(page, outcome),
        _ => paragraphs(page, &stage.results),
    }
    page.note(&format!("{:.1} seconds", stage.seconds));
}

fn paragraphs(page: &mut Page, lines: &[String]) {
    for line in lines {
        page.paragraph(line);
    }
}

fn points(records: &[EpochRecord], value: impl Fn(&EpochRecord) -> Option<f64>) -> Vec<(f64, f64)> {
    records.iter().filter_map(|record| value(record).map(|value| (record.epoch as f64, value))).collect()
}

fn loss_chart(records: &[EpochRecord]) -> LineChart {
    let series = vec![
        Series::new("training", points(records, |record| Some(record.train_likelihood))),
        Series::new("validation", points(records, |record| record.validation.get("loss").copied())),
    ];
    LineChart {
        caption:
            "Loss of the language model: nats a piece, lower is better. While it trains, parts of the network are \
                  switched off (dropout), so validation can be the lower one."
                .to_owned(),
        across: "epoch".to_owned(),
        series,
        ..LineChart::default()
    }
}

fn accuracy_chart(outcome: &DemoOutcome) -> LineChart {
    let accuracy = |record: &EpochRecord| record.validation.get("accuracy").copied();
    let series = vec![
        Series::new("pretrained", points(&outcome.classifier_records, accuracy)),
        Series::new("from scratch", points(&outcome.from_scratch_records, accuracy)),
    ];
    LineChart {
        caption: format!("Share of the {} validation sentences labelled right", outcome.sample.valid),
        across: "epoch".to_owned(),
        series,
        ..LineChart::default()
    }
}

fn predictions(page: &mut Page, outcome: &DemoOutcome) {
    let row = |guess: &super::Guess| {
        let share = format!("{:.0} %", 100.0 * guess.probability);
        vec![guess.text.clone(), guess.label.clone(), share, guess.gold.clone()]
    };
    let rows: Vec<Vec<String>> = outcome.guesses.iter().map(row).collect();
    page.table(&["sentence", "label", "sure", "right label"], &rows);
    let row = |system: &super::System| {
        let interval = system.interval.map(|(low, high)| format!("{:.1} - {:.1}", 100.0 * low, 100.0 * high));
        let rates = [system.accuracy, system.macro_f1].map(|rate| format!("{:.1}", 100.0 * rate));
        let [accuracy, macro_f1] = rates;
        vec![system.name.clone(), accuracy, interval.unwrap_or_default(), macro_f1]
    };
    let rows: Vec<Vec<String>> = outcome.systems.iter().map(row).collect();
    page.table(&["system", "accuracy %", "95 % interval", "macro F1 %"], &rows);
}

fn files(page: &mut Page, outcome: &DemoOutcome) {
    let row = |what: &str, path: &std::path::Path| vec![what.to_owned(), path.display().to_string()];
    let rows = [
        row("classifier", &outcome.model),
        row("language model", &outcome.language_model.folder),
        row("predictions on the test set", &outcome.predictions),
        row("everything", &outcome.folder),
    ];
    page.section("Where it lies").table(&["what", "where"], &rows);
    page.paragraph(
        "A model folder is a Hugging Face repository: config.json, model.safetensors, spm.model, recipe.toml, \
         metrics.jsonl and README.md, its card.",
    );
}

//! How much wrong labels a student bears: accuracy against the share of wrong labels, with pretraining and without
//! (MultiFiT, section on robustness to noise; `classify.label_noise`).

use std::path::{Path, PathBuf};

use glossa_base::atomic::write_file;
use glossa_base::{Failure, Kind, Outcome};
use glossa_eval::compare::mean_and_spread;
use glossa_eval::predictions;
use glossa_recipes::Recipe;
use glossa_text::labelled::{Columns, read};
use serde::Serialize;

use super::BootstrapSetting;
use crate::classifier::{self, LabelledFiles, Start};
use crate::labels::LabelForm;
use crate::report::{LineChart, Page, Scale, Series};
use crate::setting::Setting;
use crate::stage::beside;

/// What the study reads.
#[derive(Clone, Copy)]
pub struct NoiseFiles<'a> {
    /// A language model with its tokenizer: students start from it, and from fresh weights with its tokenizer.
    pub model: &'a Path,
    /// Labelled texts, whose labels are made wrong.
    pub train: &'a Path,
    /// Labelled texts to score on.
    pub test: &'a Path,
    /// Columns of both.
    pub columns: &'a Columns,
    /// Shares of wrong labels.
    pub levels: &'a [f64],
}

/// Accuracies at a share of wrong labels.
#[derive(Debug, Clone, Serialize)]
pub struct NoiseRow {
    /// Whether the students were pretrained.
    pub pretrained: bool,
    /// The share of wrong labels.
    pub noise: f64,
    /// Accuracy of each seed.
    pub seeds: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their deviation, where there are several.
    pub spread: Option<f64>,
}

/// What the study came to.
#[derive(Debug, Clone, Serialize)]
pub struct NoiseOutcome {
    /// A row a start and a share.
    pub rows: Vec<NoiseRow>,
    /// The drawing.
    pub page: PathBuf,
}

/// Trains students at each share of wrong labels, and draws their accuracies. What is trained already is kept.
///
/// # Errors
/// As training a classifier.
pub fn noise(files: NoiseFiles<'_>, recipe: &Recipe, setting: BootstrapSetting<'_>) -> Outcome<NoiseOutcome> {
    if files.levels.is_empty() || files.levels.iter().any(|level| !(0.0..1.0).contains(level)) {
        return Err(Failure::new(Kind::Usage, "shares of wrong labels lie from 0 to below 1")
            .hint("give --levels 0,0.2,0.4 or the like"));
    }
    std::fs::create_dir_all(setting.out).map_err(|cause| Failure::io("make", setting.out, cause))?;
    let mut rows = Vec::new();
    for pretrained in [true, false] {
        for &level in files.levels {
            let mut recipe = recipe.clone();
            recipe.classify.label_noise = level;
            let seeds = setting.seed..setting.seed + recipe.bootstrap.seeds as u64;
            let accuracy = |seed| one(files, &recipe, pretrained, seed, setting);
            let seeds: Vec<f64> = seeds.map(accuracy).collect::<Outcome<_>>()?;
            let (mean, spread) = mean_and_spread(&seeds);
            setting.progress.line(&format!("{}: {mean:.3}", name(pretrained, level)));
            rows.push(NoiseRow { pretrained, noise: level, seeds, mean, spread });
        }
    }
    let page = setting.out.join("noise.html");
    draw(&rows, files, recipe, &page)?;
    Ok(NoiseOutcome { rows, page })
}

fn name(pretrained: bool, level: f64) -> String {
    format!("{}-noise-{level}", if pretrained { "pretrained" } else { "fresh" })
}

fn one(
    files: NoiseFiles<'_>,
    recipe: &Recipe,
    pretrained: bool,
    seed: u64,
    setting: BootstrapSetting<'_>,
) -> Outcome<f64> {
    let out = setting.out.join(format!("{}-seed-{seed}", name(pretrained, recipe.classify.label_noise)));
    let start = if pretrained {
        Start::LanguageModel(files.model)
    } else {
        Start::Tokenizer { folder: files.model, backward: false }
    };
    let labelled = LabelledFiles {
        train: files.train,
        valid: None,
        test: None,
        columns: files.columns,
        form: LabelForm::default(),
        fold: None,
    };
    let BootstrapSetting { device, progress, supervision, .. } = setting;
    classifier::train_once(&start, &labelled, Setting { recipe, device, seed, out: &out, progress, supervision })?;
    let gold = read(files.test, files.columns)?;
    let texts: Vec<String> = gold.iter().map(|example| example.text.clone()).collect();
    let found = classifier::predict(std::slice::from_ref(&out), &texts, '|', setting.device, setting.progress)?;
    let right = found.iter().zip(&gold).filter(|(guess, example)| guess.label == example.label).count();
    let rows: Vec<_> = found
        .into_iter()
        .zip(&gold)
        .map(|(guess, example)| glossa_eval::Prediction { gold: Some(example.label.clone()), ..guess })
        .collect();
    predictions::write(&beside(&out, ".test.jsonl"), &rows)?;
    Ok(right as f64 / gold.len().max(1) as f64)
}

fn draw(rows: &[NoiseRow], files: NoiseFiles<'_>, recipe: &Recipe, path: &Path) -> Outcome<()> {
    let lead = "Students learned labels of which a share was wrong on purpose: another class, each as likely.";
    let mut page = Page::new("Accuracy against wrong labels", lead);
    let line = |pretrained: bool, name: &str| {
        let points = rows.iter().filter(|row| row.pretrained == pretrained);
        Series::new(name, points.map(|row| (100.0 * row.noise, 100.0 * row.mean)).collect())
    };
    page.section("The study").lines(&LineChart {
        caption: "Accuracy on the test set (per cent) against wrong labels (per cent)".to_owned(),
        across: "wrong labels".to_owned(),
        across_scale: Scale::Linear,
        up_scale: Scale::Linear,
        series: vec![line(true, "pretrained"), line(false, "fresh weights")],
    });
    let row = |row: &NoiseRow| {
        let seeds: Vec<String> = row.seeds.iter().map(|value| format!("{value:.3}")).collect();
        let spread = row.spread.map_or_else(String::new, |spread| format!("{spread:.3}"));
        let start = if row.pretrained { "pretrained" } else { "fresh" };
        vec![start.to_owned(), format!("{:.2}", row.noise), seeds.join(", "), format!("{:.3}", row.mean), spread]
    };
    let head = ["student", "wrong labels", "each seed", "mean", "deviation"];
    page.table(&head, &rows.iter().map(row).collect::<Vec<_>>());
    page.facts(&[
        ("Learned from", files.train.display().to_string()),
        ("Scored on", files.test.display().to_string()),
        ("Pretrained model", files.model.display().to_string()),
    ]);
    page.folded("Every setting", &recipe.to_toml());
    write_file(path, page.finish().as_bytes())
}

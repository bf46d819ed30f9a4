//! What each stage does: it calls the same functions as the commands.

use std::path::{Path, PathBuf};

use glossa_base::atomic::{WholeFile, WholeFolder, write_file};
use glossa_base::download::Watch;
use glossa_base::manifest::Manifest;
use glossa_base::{Failure, Outcome};
use glossa_corpora::{Split, wikipedia};
use glossa_eval::{Prediction, Report, ReportOptions, predictions};
use glossa_nn::DeviceChoice;
use glossa_recipes::Recipe;
use glossa_text::labelled::{Columns, read, read_texts};
use glossa_text::tokenizer::Tokenizer;
use serde::Serialize;
use serde_json::json;

use super::RunSetting;
use super::marker::Made;
use crate::classifier::{self, LabelledFiles, Start};
use crate::labels::LabelForm;
use crate::language_model::{self, Beginning, TaskTexts, Text};
use crate::plan::{CorpusInput, Direction, Plan, Stage, TaskFiles, Work};
use crate::setting::{Setting, Supervision};
use crate::tokens::TokenFolder;
use crate::{corpus, stage as folders, tokenizer};

/// One stage at work.
pub(super) struct Worker<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stage: &'a Stage,
    pub(super) setting: &'a RunSetting<'a>,
    pub(super) supervision: &'a Supervision,
}

impl Worker<'_> {
    /// Does the stage's work; its output lies in its place afterwards.
    pub(super) fn work(&self) -> Outcome<Made> {
        match &self.stage.work {
            Work::Fetch { date } => self.fetch(date.as_deref()),
            Work::Corpus { options, sources } => self.corpus(options, sources),
            Work::Tokenizer { recipe, written } => {
                let Stage { seed, .. } = *self.stage;
                let trained =
                    tokenizer::train(&self.at("corpus"), recipe, written, seed, &self.out(), self.setting.progress)?;
                self.made(json!({"vocabulary_size": trained.vocabulary_size()}))
            }
            Work::Tokens => self.tokens(),
            Work::Pretrain { direction, recipe } => {
                let backward = *direction == Direction::Backward;
                let (corpus, tokenizer) = (self.at("corpus"), self.at("tokenizer"));
                let out = self.out();
                let setting = self.setting_for(recipe, &out)?;
                let outcome =
                    language_model::pretrain(&corpus, Beginning { backward, ..Beginning::fresh(&tokenizer) }, setting)?;
                self.made(json!({"parameters": outcome.parameters, "epochs": outcome.records.len()}))
            }
            Work::Perplexity { direction } => self.perplexity(*direction),
            Work::Finetune { direction, recipe, files } => self.finetune(*direction, recipe, files),
            Work::Classify { direction, recipe, files } => self.classify(*direction, recipe, files),
            Work::Score { directions, seeds, files } => self.score(directions, *seeds, files),
            Work::Submission { directions, seeds, files } => self.submission(directions, *seeds, files),
        }
    }

    fn out(&self) -> PathBuf {
        self.setting.root.join(&self.stage.output)
    }

    /// Another output of the same language.
    fn at(&self, name: &str) -> PathBuf {
        self.setting.root.join(&self.stage.language).join(name)
    }

    fn made(&self, summary: serde_json::Value) -> Outcome<Made> {
        Ok(Made { place: self.stage.output.clone(), summary })
    }

    fn device(&self) -> Outcome<DeviceChoice> {
        Ok(self.plan.device.parse::<DeviceChoice>()?)
    }

    fn fetch(&self, date: Option<&str>) -> Outcome<Made> {
        let downloader = (self.setting.downloader)()?;
        let watch = Watch { progress: self.setting.progress, interrupt: &self.supervision.interrupt };
        let choice = wikipedia::Choice {
            language: self.stage.language.parse()?,
            date: date.map(str::to_owned),
            base_url: wikipedia::BASE_URL.to_owned(),
            single_stream: false,
        };
        let plan = wikipedia::plan(&choice, &self.out(), &downloader, watch)?;
        let fetched = wikipedia::fetch(plan, &self.out(), &downloader, watch)?;
        self.made(json!({"date": fetched.record.date, "bytes": fetched.record.bytes()}))
    }

    fn corpus(&self, options: &glossa_corpora::Options, sources: &[CorpusInput]) -> Outcome<Made> {
        let mut sources: Vec<glossa_corpora::Source> = sources
            .iter()
            .map(|source| glossa_corpora::Source { path: source.path.clone(), kind: source.kind })
            .collect();
        let dump = self.at("dump");
        if self.stage.after.iter().any(|id| id.ends_with("/dump")) {
            sources.insert(0, glossa_corpora::Source::new(dump));
        }
        let summary = corpus::build_from(&sources, options, &self.out(), self.setting.progress)?;
        self.made(folders::json(&summary)?)
    }

    fn tokens(&self) -> Outcome<Made> {
        let (corpus, tokenizer) = (self.at("corpus"), Tokenizer::load(&self.at("tokenizer"))?);
        let statistics = tokenizer::corpus_statistics(&tokenizer, &corpus, Split::Test)?;
        let folder = TokenFolder::of(&corpus, &tokenizer.into(), self.setting.progress)?;
        let place = folder.path().strip_prefix(self.setting.root).unwrap_or(folder.path()).to_path_buf();
        Ok(Made { place, summary: folders::json(&statistics)? })
    }

    fn model(&self, direction: Direction) -> PathBuf {
        self.at(&format!("language-model-{}", direction.name()))
    }

    fn perplexity(&self, direction: Direction) -> Outcome<Made> {
        let corpus = self.at("corpus");
        let text = Text::Corpus(&corpus, Split::Test);
        let outcome = language_model::perplexity(&self.model(direction), &text, self.device()?, self.setting.progress)?;
        let value = folders::json(&outcome)?;
        write_json(&self.out(), &value)?;
        self.made(value)
    }

    fn finetune(&self, direction: Direction, recipe: &Recipe, files: &TaskFiles) -> Outcome<Made> {
        let train = [files.train.clone()];
        let texts = TaskTexts { train: &train, valid: files.valid.as_deref(), column: files.text.as_deref() };
        let out = self.out();
        let setting = self.setting_for(recipe, &out)?;
        let outcome = language_model::finetune(&self.model(direction), &texts, setting)?;
        self.made(json!({"epochs": outcome.records.len()}))
    }

    fn classify(&self, direction: Direction, recipe: &Recipe, files: &TaskFiles) -> Outcome<Made> {
        let seed = self.stage.id.rsplit('-').next().unwrap_or("0");
        let model = self.at(&format!("{}/language-model-{}-{seed}", files.name, direction.name()));
        let columns = columns(files);
        let labelled = LabelledFiles {
            train: &files.train,
            valid: files.valid.as_deref(),
            test: files.test.as_deref(),
            columns: &columns,
            form: LabelForm::default(),
            fold: None,
        };
        let out = self.out();
        let setting = self.setting_for(recipe, &out)?;
        let outcome = classifier::train(&Start::LanguageModel(&model), &labelled, setting)?;
        self.made(json!({"labels": outcome.labels, "scores": outcome.scores}))
    }

    fn setting_for<'a>(&'a self, recipe: &'a Recipe, out: &'a Path) -> Outcome<Setting<'a>> {
        Ok(Setting {
            recipe,
            device: self.device()?,
            seed: self.stage.seed,
            out,
            progress: self.setting.progress,
            supervision: self.supervision,
        })
    }

    /// The answers of a seed's classifiers, averaged over the directions.
    fn answers(
        &self,
        directions: &[Direction],
        seeds: &[u32],
        files: &TaskFiles,
        texts: &[String],
    ) -> Outcome<Vec<Prediction>> {
        let models: Vec<PathBuf> = seeds
            .iter()
            .flat_map(|seed| {
                directions.iter().map(move |way| self.at(&format!("{}/classifier-{}-{seed}", files.name, way.name())))
            })
            .collect();
        classifier::predict(&models, texts, LabelForm::default().delimiter, self.device()?, self.setting.progress)
    }

    fn score(&self, directions: &[Direction], seeds: u32, files: &TaskFiles) -> Outcome<Made> {
        let test = files.test.as_deref().unwrap_or(&files.train);
        let examples = read(test, &columns(files))?;
        let texts: Vec<String> = examples.iter().map(|example| example.text.clone()).collect();
        let folder = WholeFolder::create(&self.out())?;
        let mut reports = Vec::new();
        for seed in 0..seeds {
            let mut answers = self.answers(directions, &[seed], files, &texts)?;
            for (answer, example) in answers.iter_mut().zip(&examples) {
                answer.gold = Some(example.label.clone());
            }
            predictions::write(&folder.path().join(format!("predictions-{seed}.jsonl")), &answers)?;
            let options = ReportOptions {
                task: Some(files.name.clone()),
                split: Some("test".to_owned()),
                ..ReportOptions::default()
            };
            reports.push(Report::of(&answers, &options)?);
        }
        let summary = TaskScore::of(&reports);
        let value = json!({"summary": summary, "reports": reports});
        write_json(&folder.path().join("score.json"), &value)?;
        Manifest::new("score", self.stage.seed, json!({"directions": directions, "seeds": seeds}))
            .write(folder.path())?;
        folder.commit()?;
        self.made(folders::json(&summary)?)
    }

    fn submission(&self, directions: &[Direction], seeds: u32, files: &TaskFiles) -> Outcome<Made> {
        let texts = files.submit.as_deref().or(files.test.as_deref()).unwrap_or(&files.train);
        let texts = read_texts(texts, files.text.as_deref())?;
        let seeds: Vec<u32> = (0..seeds).collect();
        let answers = self.answers(directions, &seeds, files, &texts)?;
        let mut file = WholeFile::create(&self.out())?;
        let failed = |cause| Failure::io("write", &self.out(), cause);
        std::io::Write::write_all(&mut file, b"id\tlabel\n").map_err(failed)?;
        for (index, answer) in answers.iter().enumerate() {
            let label = answer.label.replace(['\t', '\n', '\r'], " ");
            std::io::Write::write_all(&mut file, format!("{index}\t{label}\n").as_bytes()).map_err(failed)?;
        }
        file.commit()?;
        self.made(json!({"texts": answers.len()}))
    }
}

/// The scores of a task over seeds.
#[derive(Debug, Clone, Serialize)]
struct TaskScore {
    seeds: usize,
    items: u64,
    accuracy: f64,
    accuracy_deviation: Option<f64>,
    macro_f1: f64,
    accuracy_of_seeds: Vec<f64>,
}

impl TaskScore {
    fn of(reports: &[Report]) -> Self {
        let values: Vec<f64> = reports.iter().map(|report| report.metrics.accuracy).collect();
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        TaskScore {
            seeds: values.len(),
            items: reports.first().map_or(0, |report| report.metrics.count),
            accuracy: mean,
            accuracy_deviation: (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
            macro_f1: reports.iter().map(|report| report.metrics.macro_average.f1).sum::<f64>() / count,
            accuracy_of_seeds: values,
        }
    }
}

fn columns(files: &TaskFiles) -> Columns {
    Columns { text: files.text.clone(), label: files.label.clone(), pair: files.pair.clone(), empty_labels: false }
}

fn write_json(path: &Path, value: &serde_json::Value) -> Outcome<()> {
    let text = serde_json::to_vec_pretty(value)
        .map_err(|cause| Failure::data(format!("cannot write {}", path.display())).because(cause))?;
    write_file(path, &text)
}

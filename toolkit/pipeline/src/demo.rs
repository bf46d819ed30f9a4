//! The demo: every stage on text that the project itself wrote, so that a newcomer sees in a minute
//! what the tool does. It calls the same functions as the public commands and names the command of
//! each stage. The sample is no benchmark; real figures are in `docs/results.md`.

mod outcome;
mod page;
mod sample_files;

use std::path::{Path, PathBuf};
use std::time::Instant;

use glossa_base::atomic::write_file;
use glossa_base::manifest::{FILE_NAME, Manifest};
use glossa_base::{Failure, Outcome, Progress};
use glossa_corpora::{Options, Split, Summary};
use glossa_eval::predictions;
use glossa_nn::DeviceChoice;
use glossa_recipes::baseline::{BaselineOptions, Method};
use glossa_recipes::recipe::TokenizerRecipe;
use glossa_recipes::{Recipe, Sampling};
use glossa_text::labelled::{Columns, read};
use glossa_text::tokenizer::{Algorithm, Tokenizer};

pub use outcome::{DemoOutcome, Guess, SampleCounts, Segmented, Stage, System};

use crate::classifier::{self, BaselineSetting, ClassifierOutcome, LabelledFiles, Start, Units};
use crate::labels::LabelForm;
use crate::language_model::{self, LanguageModelOutcome, PerplexityOutcome, TaskTexts, Text};
use crate::sample::SampleLanguage;
use crate::setting::{Setting, Supervision};
use crate::stage::{check_output, json};
use crate::tokenizer::{TokenizerStatistics, Written, corpus_statistics};
use crate::{corpus, tokenizer};
use sample_files::{SampleFiles, code, name, prompt};

/// The manifest of the demo's folder names this stage.
const STAGE: &str = "demo";
/// The preset of all its stages.
pub const PRESET: &str = "demo";
/// What the tokenizer has of its own. Pieces by BPE: the sample's sentences are so alike that the
/// unigram algorithm, whose candidates are the strings that go on in several ways, cuts common words.
const VOCABULARY_SIZE: usize = 1000;
/// Shares of the corpus for validation and for testing, each.
const HELD_OUT: f64 = 0.05;
/// What is written below the demo's folder, each with a manifest of its own.
const FOLDERS: [&str; 9] = [
    "sample",
    "corpus",
    "tokenizer",
    "language-model",
    "finetuned",
    "baseline-words",
    "baseline-pieces",
    "from-scratch",
    "classifier",
];

/// What a demo is told.
#[derive(Clone, Copy)]
pub struct DemoSetting<'a> {
    /// Language of the sample.
    pub language: SampleLanguage,
    /// Where to compute.
    pub device: DeviceChoice,
    /// The seed of everything, the sample included.
    pub seed: u64,
    /// The folder for everything.
    pub out: &'a Path,
    /// Who hears of the work within a stage.
    pub progress: &'a dyn Progress,
}

/// Who is told of the stages: each before its work begins and when it is done.
pub trait Audience {
    /// A stage begins; it has no results yet.
    fn begin(&mut self, stage: &Stage);
    /// A stage is done.
    fn end(&mut self, stage: &Stage);
}

/// The sample's language of a code.
///
/// # Errors
/// A code that the sample lacks.
pub fn language(code: &str) -> Outcome<SampleLanguage> {
    match code {
        "en" => Ok(SampleLanguage::English),
        "eu" => Ok(SampleLanguage::Basque),
        _ => Err(Failure::data(format!("the sample has no language `{code}`"))
            .hint("use en or eu here; for your own text in any language, start with glossa corpus build --help")),
    }
}

/// Refuses a folder that holds anything that a demo did not write; nothing is written before.
///
/// # Errors
/// A foreign folder, a file in its place, or a foreign folder where a stage's is to be.
pub fn check(out: &Path) -> Outcome<()> {
    check_output(out)?;
    if out.join(FILE_NAME).is_file() && Manifest::read(out).map_or(true, |manifest| manifest.stage != STAGE) {
        return Err(Failure::data(format!("{} is the folder of another glossa command", out.display()))
            .hint("choose another --out: the demo writes many folders into it"));
    }
    FOLDERS.iter().try_for_each(|folder| check_output(&out.join(folder)))
}

/// Runs all stages and writes everything below `setting.out`.
///
/// # Errors
/// A foreign folder, before any work; a full disk; a device that fails.
pub fn run(setting: DemoSetting<'_>, audience: &mut dyn Audience) -> Outcome<DemoOutcome> {
    check(setting.out)?;
    let recipe = Recipe::preset(PRESET)?;
    let manifest = || -> Outcome<Manifest> { Ok(Manifest::new(STAGE, setting.seed, json(&recipe)?)) };
    std::fs::create_dir_all(setting.out).map_err(|cause| Failure::io("create the folder", setting.out, cause))?;
    manifest()?.write(setting.out)?;
    let (stages, started, supervision) = (Vec::new(), Instant::now(), Supervision::none());
    let mut demo = Demo { setting, recipe: recipe.clone(), audience, stages, started, supervision };
    let outcome = demo.all()?;
    let page = page::page(&outcome);
    write_file(&outcome.report, page.as_bytes())?;
    let mut manifest = manifest()?;
    manifest.summary = json(&outcome)?;
    manifest.write(setting.out)?;
    Ok(outcome)
}

struct Demo<'a> {
    setting: DemoSetting<'a>,
    recipe: Recipe,
    audience: &'a mut dyn Audience,
    stages: Vec<Stage>,
    started: Instant,
    supervision: Supervision,
}

impl Demo<'_> {
    fn all(&mut self) -> Outcome<DemoOutcome> {
        let files = self.sample()?;
        let corpus = self.corpus(&files)?;
        let (tokenizer_statistics, segmented) = self.tokenizer(&files)?;
        let (language_model, perplexity) = self.pretrain()?;
        let generated = self.generate()?;
        let finetuned = self.finetune(&files)?;
        let (words, pieces) = self.baselines(&files)?;
        let scratch = self.network(&files, false)?;
        let pretrained = self.network(&files, true)?;
        let systems = vec![
            System::of("Naive Bayes SVM on words", &words)?,
            System::of("Naive Bayes SVM on pieces", &pieces)?,
            System::of("network from scratch", &scratch)?,
            System::of("network, pretrained", &pretrained)?,
        ];
        let guesses = self.predict(&files, &systems)?;
        Ok(DemoOutcome {
            folder: self.setting.out.to_path_buf(),
            language: code(self.setting.language).to_owned(),
            language_name: name(self.setting.language).to_owned(),
            seed: self.setting.seed,
            preset: PRESET.to_owned(),
            seconds: self.started.elapsed().as_secs_f64(),
            sample: files.counts(),
            corpus,
            tokenizer: tokenizer_statistics,
            segmented,
            language_model,
            perplexity,
            generated,
            finetuned,
            from_scratch_records: scratch.records,
            classifier_records: pretrained.records,
            systems,
            guesses,
            model: self.at("classifier"),
            predictions: self.at("predictions.jsonl"),
            report: self.at("report.html"),
            stages: std::mem::take(&mut self.stages),
        })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.setting.out.join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    /// Runs a stage's work between telling of it and telling what came of it.
    fn stage<T>(
        &mut self,
        title: &str,
        why: &str,
        commands: Vec<Vec<String>>,
        work: impl FnOnce(&Self) -> Outcome<(T, Vec<String>)>,
    ) -> Outcome<T> {
        let mut stage = Stage {
            number: self.stages.len() + 1,
            title: title.to_owned(),
            why: why.to_owned(),
            commands: commands.into_iter().map(|command| self.with_seed(command)).collect(),
            ..Stage::default()
        };
        self.audience.begin(&stage);
        let begun = Instant::now();
        let (value, results) = work(self)?;
        stage.results = results;
        stage.seconds = begun.elapsed().as_secs_f64();
        self.audience.end(&stage);
        self.stages.push(stage);
        Ok(value)
    }

    fn with_seed(&self, mut command: Vec<String>) -> Vec<String> {
        if self.setting.seed != 0 {
            command.extend(["--seed".to_owned(), self.setting.seed.to_string()]);
        }
        command
    }

    fn training<'b>(&'b self, out: &'b Path) -> Setting<'b> {
        let DemoSetting { device, seed, progress, .. } = self.setting;
        Setting { recipe: &self.recipe, device, seed, out, progress, supervision: &self.supervision }
    }

    fn sample(&mut self) -> Outcome<SampleFiles> {
        let why = "Two things are needed: plain text of the language, as much as there is, and a few labelled \
            examples of your task. This sample is made up by glossa itself; put your own files in its place.";
        self.stage("The text", why, Vec::new(), |demo| {
            let files = SampleFiles::write(&demo.at("sample"), demo.setting.language, demo.setting.seed)?;
            let results = files.results();
            Ok((files, results))
        })
    }

    fn corpus(&mut self, files: &SampleFiles) -> Outcome<Summary> {
        let why = "Cleans the text, drops duplicates, and sets documents apart for validation and testing, so \
            that no model is judged on what it has read.";
        let share = HELD_OUT.to_string();
        let command = command(
            &["corpus", "build"],
            &[&files.text.display().to_string(), "--out", &self.shown("corpus")],
            &["--valid-share", &share, "--test-share", &share],
        );
        self.stage("Corpus", why, vec![command], |demo| {
            let options =
                Options { valid_share: HELD_OUT, test_share: HELD_OUT, seed: demo.setting.seed, ..Options::default() };
            let inputs = [files.text.clone()];
            let summary = corpus::build(&inputs, None, &options, &demo.at("corpus"), demo.setting.progress)?;
            let result = format!(
                "{} documents: {} to learn from ({} words), {} for validation, {} for testing",
                summary.read - summary.dropped.total(),
                summary.train.documents,
                summary.train.words,
                summary.valid.documents,
                summary.test.documents
            );
            Ok((summary, vec![result]))
        })
    }

    fn tokenizer(&mut self, files: &SampleFiles) -> Outcome<(TokenizerStatistics, Vec<Segmented>)> {
        let why = "Learns which pieces words are made of. Frequent words stay whole and rare ones are cut, so a \
            small vocabulary covers every word, also those never seen. (▁ marks where a word begins.)";
        let code = code(self.setting.language);
        let places = (self.shown("corpus"), self.shown("tokenizer"));
        let size = VOCABULARY_SIZE.to_string();
        let train = command(
            &["tokenizer", "train"],
            &["--corpus", &places.0, "--out", &places.1],
            &["--language", code, "--preset", PRESET, "--algorithm", "bpe", "--vocabulary-size", &size],
        );
        let encode = command(&["tokenizer", "encode"], &["--tokenizer", &places.1], &[&files.example]);
        self.stage("Tokenizer", why, vec![train, encode], |demo| {
            let (corpus, out) = (demo.at("corpus"), demo.at("tokenizer"));
            let DemoSetting { seed, progress, .. } = demo.setting;
            let recipe = TokenizerRecipe {
                algorithm: Algorithm::Bpe,
                vocabulary_size: VOCABULARY_SIZE,
                ..demo.recipe.tokenizer.clone()
            };
            let tokenizer = tokenizer::train(&corpus, &recipe, &Written::of_code(Some(code)), seed, &out, progress)?;
            let statistics = corpus_statistics(&tokenizer, &corpus, Split::Valid)?;
            let segmented = segment(&tokenizer, &files.example)?;
            let results = vec![
                format!("{} pieces, {:.2} a word", statistics.vocabulary_size, statistics.pieces_per_word()),
                format!("\"{}\"", segmented.text),
                format!("becomes  {}", segmented.pieces.join("  ")),
            ];
            Ok(((statistics, vec![segmented]), results))
        })
    }

    fn pretrain(&mut self) -> Outcome<(LanguageModelOutcome, PerplexityOutcome)> {
        let why = "Reads the whole corpus and learns to guess the next piece. It needs no labels, and to guess \
            well it must learn which words go together: this is what the classifier will build on.";
        let places = (self.shown("corpus"), self.shown("tokenizer"), self.shown("language-model"));
        let train = command(
            &["lm", "pretrain"],
            &["--corpus", &places.0, "--tokenizer", &places.1],
            &["--preset", PRESET, "--out", &places.2],
        );
        let judge = command(&["lm", "perplexity"], &["--model", &places.2], &["--corpus", &places.0]);
        self.stage("Language model", why, vec![train, judge], |demo| {
            let (corpus, out) = (demo.at("corpus"), demo.at("language-model"));
            let tokenizer = demo.at("tokenizer");
            let beginning = language_model::Beginning::fresh(&tokenizer);
            let model = language_model::pretrain(&corpus, beginning, demo.training(&out))?;
            let DemoSetting { device, progress, .. } = demo.setting;
            let judged = language_model::perplexity(&out, &Text::Corpus(&corpus, Split::Test), device, progress)?;
            let results = outcome::language_model_results(&model, &judged, VOCABULARY_SIZE);
            Ok(((model, judged), results))
        })
    }

    fn generate(&mut self) -> Outcome<Segmented> {
        let why = "What the language model has learned, in its own words: it goes on from a beginning, piece by \
            piece. After seconds of training it sounds like the sample, and means little.";
        let (prompt, model) = (prompt(self.setting.language), self.shown("language-model"));
        let command = command(&["lm", "generate"], &["--model", &model], &["--prompt", prompt]);
        self.stage("Generated text", why, vec![command], |demo| {
            let DemoSetting { device, seed, .. } = demo.setting;
            let sampling = Sampling { temperature: 0.8, top_k: 0, top_p: 0.95, length: 60 };
            let text = language_model::generate(&demo.at("language-model"), prompt, sampling, seed, device)?;
            let results = vec![text.clone()];
            let pieces = Tokenizer::load(&demo.at("tokenizer"))?.pieces(&text)?;
            Ok((Segmented { text, pieces }, results))
        })
    }

    fn finetune(&mut self, files: &SampleFiles) -> Outcome<LanguageModelOutcome> {
        let why = "Goes on training the language model on the texts of the task, still without their labels, \
            so that it knows how such texts are written.";
        let places = (self.shown("language-model"), self.shown("finetuned"));
        let texts = files.train.display().to_string();
        let command = command(
            &["lm", "finetune"],
            &["--model", &places.0, "--texts", &texts],
            &["--preset", PRESET, "--out", &places.1],
        );
        self.stage("Fine-tuning", why, vec![command], |demo| {
            let (model, out) = (demo.at("language-model"), demo.at("finetuned"));
            let train = [files.train.clone()];
            let texts = TaskTexts { train: &train, valid: Some(&files.valid), column: None };
            let outcome = language_model::finetune(&model, &texts, demo.training(&out))?;
            let results = outcome::finetuned_results(&outcome);
            Ok((outcome, results))
        })
    }

    fn baselines(&mut self, files: &SampleFiles) -> Outcome<(ClassifierOutcome, ClassifierOutcome)> {
        let why = "The classical way, in a second and without a language model: count the words, or pieces, of \
            each label. A network that does not beat it is not worth its electricity.";
        let (tokenizer, outs) = (self.at("tokenizer"), [self.at("baseline-words"), self.at("baseline-pieces")]);
        let show = |path: &Path| path.display().to_string();
        let method = ["--method", "nbsvm"];
        let words = files.command(&[&method[..], &["--out", &show(&outs[0])]].concat());
        let units = ["--units", "pieces", "--tokenizer", &show(&tokenizer), "--out", &show(&outs[1])];
        let pieces = files.command(&[&method[..], &units].concat());
        self.stage("Baseline", why, vec![words, pieces], |demo| {
            let options = BaselineOptions { seed: demo.setting.seed, ..BaselineOptions::of(Method::Nbsvm) };
            let columns = Columns::default();
            let train = |units, tokenizer, out| {
                let setting = BaselineSetting { units, options: &options, tokenizer, out };
                classifier::train_baseline(&files.labelled(&columns), setting)
            };
            let words = train(Units::Words, None, &outs[0])?;
            let pieces = train(Units::Pieces, Some(tokenizer.as_path()), &outs[1])?;
            let results = [("words", &words), ("pieces", &pieces)]
                .map(|(name, outcome)| outcome::score_line(&format!("on {name}"), outcome));
            Ok(((words, pieces), results.into_iter().collect::<Outcome<Vec<_>>>()?))
        })
    }

    fn network(&mut self, files: &SampleFiles, pretrained: bool) -> Outcome<ClassifierOutcome> {
        let (title, why, option, from, to) = if pretrained {
            let why = "The same network with the same labels, but on top of the language model: it already knows \
                which words go together, so it understands words that no labelled example showed.";
            ("Classifier from the language model", why, "--model", "finetuned", "classifier")
        } else {
            let why = "The same network as below from random weights, to see what pretraining is worth: it has \
                only the labelled examples to learn the language from.";
            ("Classifier from scratch", why, "--tokenizer", "tokenizer", "from-scratch")
        };
        let places = (self.shown(from), self.shown(to));
        let command = files.command(&[option, &places.0, "--preset", PRESET, "--out", &places.1]);
        self.stage(title, why, vec![command], |demo| {
            let (from, out) = (demo.at(from), demo.at(to));
            let start = if pretrained {
                Start::LanguageModel(&from)
            } else {
                Start::Tokenizer { folder: &from, backward: false }
            };
            let outcome = classifier::train(&start, &files.labelled(&Columns::default()), demo.training(&out))?;
            let results = vec![outcome::score_line("test set", &outcome)?];
            Ok((outcome, results))
        })
    }

    fn predict(&mut self, files: &SampleFiles, systems: &[System]) -> Outcome<Vec<Guess>> {
        let why = "The classifier at work on sentences that it was not trained on, and on the whole test set, \
            whose predictions any program can read and score.";
        let (model, out) = (self.shown("classifier"), self.shown("predictions.jsonl"));
        let test = files.test.display().to_string();
        let texts: Vec<&str> = files.unseen.iter().map(|(text, _)| text.as_str()).collect();
        let commands = vec![
            command(&["classify", "predict"], &["--model", &model], &texts),
            command(&["classify", "predict"], &["--model", &model, "--input", &test], &["--labelled", "--out", &out]),
            command(&["eval", "score"], &[&out], &["--split", "test"]),
        ];
        self.stage("Predictions", why, commands, |demo| {
            let guesses = demo.guesses(files)?;
            demo.write_predictions(files)?;
            let mut results: Vec<String> = guesses.iter().map(Guess::line).collect();
            results.extend(outcome::comparison(systems));
            Ok((guesses, results))
        })
    }

    fn guesses(&self, files: &SampleFiles) -> Outcome<Vec<Guess>> {
        let texts: Vec<String> = files.unseen.iter().map(|(text, _)| text.clone()).collect();
        let DemoSetting { device, progress, .. } = self.setting;
        let form = LabelForm::default();
        let predicted = classifier::predict(&[self.at("classifier")], &texts, form.delimiter, device, progress)?;
        let guess = |((text, gold), prediction): (&(String, String), glossa_eval::Prediction)| Guess {
            text: text.clone(),
            gold: gold.clone(),
            probability: prediction.probabilities.get(&prediction.label).copied().unwrap_or(f64::NAN),
            label: prediction.label,
        };
        Ok(files.unseen.iter().zip(predicted).map(guess).collect())
    }

    fn write_predictions(&self, files: &SampleFiles) -> Outcome<()> {
        let examples = read(&files.test, &Columns::default())?;
        let texts: Vec<String> = examples.iter().map(|example| example.text.clone()).collect();
        let DemoSetting { device, progress, .. } = self.setting;
        let form = LabelForm::default();
        let mut predicted = classifier::predict(&[self.at("classifier")], &texts, form.delimiter, device, progress)?;
        for (prediction, example) in predicted.iter_mut().zip(examples) {
            prediction.gold = Some(example.label);
        }
        predictions::write(&self.at("predictions.jsonl"), &predicted)
    }
}

fn segment(tokenizer: &Tokenizer, text: &str) -> Outcome<Segmented> {
    Ok(Segmented { text: text.to_owned(), pieces: tokenizer.pieces(text)? })
}

/// A command as the words that follow `glossa`.
fn command(name: &[&str], first: &[&str], rest: &[&str]) -> Vec<String> {
    [name, first, rest].concat().into_iter().map(str::to_owned).collect()
}

impl SampleFiles {
    fn labelled<'a>(&'a self, columns: &'a Columns) -> LabelledFiles<'a> {
        let (valid, test) = (Some(self.valid.as_path()), Some(self.test.as_path()));
        LabelledFiles { train: &self.train, valid, test, columns, form: LabelForm::default(), fold: None }
    }

    /// `classify train` on these files.
    fn command(&self, options: &[&str]) -> Vec<String> {
        let [train, valid, test] = [&self.train, &self.valid, &self.test].map(|path| path.display().to_string());
        command(&["classify", "train"], options, &["--train", &train, "--valid", &valid, "--test", &test])
    }
}

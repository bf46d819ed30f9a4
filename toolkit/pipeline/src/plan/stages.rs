//! From languages to stages.

use std::path::{Path, PathBuf};

use glossa_base::manifest::FileRecord;
use glossa_base::{Failure, Outcome, TOOL_VERSION};
use glossa_corpora::{DocumentUnit, HELD_OUT_SHARE, Options, SourceKind};
use glossa_languages::{CorpusSource, Task, Unit};

use super::estimate::{self, Estimate, Text};
use super::{CorpusInput, Direction, FORMAT, Plan, Stage, TaskFiles, Work};
use crate::languages::Wanted;
use crate::run::Hashes;
use crate::tokenizer::Written;

/// What a plan is made for.
#[derive(Debug, Clone)]
pub struct PlanSetting<'a> {
    /// Where paths in language files start; the file's own folder otherwise.
    pub data: Option<&'a Path>,
    /// Where to compute.
    pub device: String,
    /// The seed of everything; the classifiers of a task have the seeds from here on.
    pub seed: u64,
}

/// Plans every stage of every language. Inputs are hashed, those that `hashes` knows not again.
///
/// # Errors
/// A file that a language names and that is not there.
pub fn plan(languages: &[Wanted], setting: &PlanSetting<'_>, hashes: &mut Hashes) -> Outcome<Plan> {
    let mut tasks = Vec::new();
    for wanted in languages {
        let mut planner = Planner::new(wanted, setting, hashes);
        planner.all()?;
        tasks.append(&mut planner.stages);
    }
    Ok(Plan { format: FORMAT, tool_version: TOOL_VERSION.to_owned(), device: setting.device.clone(), tasks })
}

struct Planner<'a> {
    wanted: &'a Wanted,
    setting: &'a PlanSetting<'a>,
    hashes: &'a mut Hashes,
    code: String,
    stages: Vec<Stage>,
    /// Bytes of the corpus's sources; unknown before a dump is fetched.
    text: Text,
}

impl<'a> Planner<'a> {
    fn new(wanted: &'a Wanted, setting: &'a PlanSetting<'a>, hashes: &'a mut Hashes) -> Self {
        let code = wanted.code().to_string();
        Planner { wanted, setting, hashes, code, stages: Vec::new(), text: Some(0) }
    }

    fn all(&mut self) -> Outcome<()> {
        self.corpus()?;
        self.tokenizer();
        for direction in self.directions() {
            self.language_model(direction);
        }
        for task in &self.wanted.resolved.language.tasks {
            self.task(task)?;
        }
        Ok(())
    }

    fn directions(&self) -> Vec<Direction> {
        match self.wanted.resolved.language.backward {
            true => vec![Direction::Forward, Direction::Backward],
            false => vec![Direction::Forward],
        }
    }

    /// Adds a stage whose output has its name, and tells that name.
    fn add(&mut self, name: &str, work: Work, after: &[String], estimate: Estimate) -> String {
        self.add_with(name, work, after, estimate, Vec::new(), self.setting.seed)
    }

    fn add_with(
        &mut self,
        name: &str,
        work: Work,
        after: &[String],
        estimate: Estimate,
        inputs: Vec<FileRecord>,
        seed: u64,
    ) -> String {
        let id = format!("{}/{name}", self.code);
        let output = PathBuf::from(&id);
        let (language, after) = (self.code.clone(), after.to_vec());
        self.stages.push(Stage { id: id.clone(), language, work, seed, inputs, after, output, estimate });
        id
    }

    fn id(&self, name: &str) -> String {
        format!("{}/{name}", self.code)
    }

    /// Where a path of the language file leads.
    fn path(&self, written: &str) -> PathBuf {
        self.setting.data.map_or_else(|| self.wanted.folder(), Path::to_path_buf).join(written)
    }

    fn record(&mut self, path: &Path) -> Outcome<Vec<FileRecord>> {
        if !path.exists() {
            let problem = format!("{}: {} is not there", self.code, path.display());
            return Err(Failure::data(problem)
                .hint("paths start from the language file's folder, or from the folder of --data"));
        }
        let mut records = Vec::new();
        for file in files_below(&absolute(path)?)? {
            records.push(self.hashes.record(&file)?);
        }
        Ok(records)
    }

    fn corpus(&mut self) -> Outcome<()> {
        let language = &self.wanted.resolved.language;
        let (mut inputs, mut sources, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for corpus in &language.corpora {
            match corpus.source {
                CorpusSource::Wikipedia => {
                    let work = Work::Fetch { date: corpus.date.clone() };
                    let unknown = Estimate { seconds: None, memory: 100_000_000, disk: None };
                    after.push(self.add("dump", work, &[], unknown));
                    self.text = None;
                }
                CorpusSource::Files => {
                    for written in &corpus.paths {
                        let path = self.path(written);
                        inputs.extend(self.record(&path)?);
                        sources.push(CorpusInput { path: absolute(&path)?, kind: kind(corpus.kind.as_deref())? });
                    }
                }
            }
        }
        let bytes: u64 = inputs.iter().map(|input: &FileRecord| input.bytes).sum();
        self.text = self.text.map(|text| text + bytes);
        let work = Work::Corpus { options: Box::new(self.options()), sources };
        let estimate = estimate::corpus(self.text);
        self.add_with("corpus", work, &after, estimate, inputs, self.setting.seed);
        Ok(())
    }

    fn options(&self) -> Options {
        let language = &self.wanted.resolved.language;
        let split = &language.split;
        let base = Options::of(language);
        let share = if split.words.is_some() { HELD_OUT_SHARE } else { base.valid_share };
        Options {
            unit: if split.documents == Some(Unit::Block) { DocumentUnit::Block } else { DocumentUnit::Line },
            text_field: split.text_column.clone().unwrap_or_else(|| base.text_field.clone()),
            size: split.words,
            valid_share: split.valid_share.unwrap_or(share),
            test_share: split.test_share.unwrap_or(share),
            seed: self.setting.seed,
            ..base
        }
    }

    fn tokenizer(&mut self) {
        let language = &self.wanted.resolved.language;
        let recipe = self.wanted.recipe.tokenizer.clone();
        let written = Written { code: Some(self.code.clone()), character_coverage: language.character_coverage };
        let estimate = estimate::tokenizer(self.text, recipe.sample_megabytes);
        let corpus = self.id("corpus");
        let tokenizer =
            self.add("tokenizer", Work::Tokenizer { recipe, written }, std::slice::from_ref(&corpus), estimate);
        self.add("tokens", Work::Tokens, &[corpus, tokenizer], estimate::tokens(self.text));
    }

    fn language_model(&mut self, direction: Direction) {
        let recipe = Box::new(self.wanted.recipe.clone());
        let (pretrain, read) =
            (estimate::pretrain(&recipe, self.text), estimate::read_once(&recipe, self.text.map(|text| text / 100)));
        let name = format!("language-model-{}", direction.name());
        let after = [self.id("corpus"), self.id("tokenizer"), self.id("tokens")];
        let model = self.add(&name, Work::Pretrain { direction, recipe }, &after, pretrain);
        let after = [self.id("corpus"), self.id("tokens"), model];
        self.add(&format!("perplexity-{}.json", direction.name()), Work::Perplexity { direction }, &after, read);
    }

    fn task(&mut self, task: &Task) -> Outcome<()> {
        let files = self.task_files(task)?;
        let named = |path: &Option<PathBuf>| path.iter().cloned().collect::<Vec<_>>();
        let learned: Vec<PathBuf> = [vec![files.train.clone()], named(&files.valid)].concat();
        let text = self.bytes(&learned)?;
        let directions = self.directions();
        let seeds = self.wanted.resolved.language.seeds;
        let mut classifiers = Vec::new();
        for direction in &directions {
            for offset in 0..u64::from(seeds) {
                classifiers.push(self.classifier(&files, *direction, offset, text)?);
            }
        }
        let recipe = self.wanted.recipe.clone();
        if let Some(test) = files.test.clone() {
            let inputs = self.record(&test)?;
            let estimate = estimate::read_once(&recipe, self.bytes(&[test])?);
            let work = Work::Score { directions: directions.clone(), seeds, files: files.clone() };
            self.add_with(&format!("{}/score", task.name), work, &classifiers, estimate, inputs, self.setting.seed);
        }
        if let Some(texts) = files.submit.clone().or_else(|| files.test.clone()) {
            let inputs = self.record(&texts)?;
            let estimate = estimate::read_once(&recipe, self.bytes(&[texts])?);
            let work = Work::Submission { directions, seeds, files };
            let name = format!("{}/submission.tsv", task.name);
            self.add_with(&name, work, &classifiers, estimate, inputs, self.setting.seed);
        }
        Ok(())
    }

    /// A language model that is fine-tuned on the task's texts, and the classifier that begins with it.
    fn classifier(&mut self, files: &TaskFiles, direction: Direction, offset: u64, text: Text) -> Outcome<String> {
        let recipe = Box::new(self.wanted.recipe.clone());
        let seed = self.setting.seed + offset;
        let mut inputs = self.record(&files.train)?;
        for path in files.valid.iter() {
            inputs.extend(self.record(path)?);
        }
        let model = self.id(&format!("language-model-{}", direction.name()));
        let (task, way) = (&files.name, direction.name());
        let estimate = estimate::finetune(&recipe, text);
        let work = Work::Finetune { direction, recipe: recipe.clone(), files: files.clone() };
        let name = format!("{task}/language-model-{way}-{offset}");
        let finetuned = self.add_with(&name, work, &[model], estimate, inputs.clone(), seed);
        if let Some(test) = files.test.as_ref() {
            inputs.extend(self.record(test)?);
        }
        let estimate = estimate::classify(&recipe, text);
        let work = Work::Classify { direction, recipe, files: files.clone() };
        let name = format!("{task}/classifier-{way}-{offset}");
        Ok(self.add_with(&name, work, &[finetuned], estimate, inputs, seed))
    }

    fn task_files(&self, task: &Task) -> Outcome<TaskFiles> {
        let optional = |path: &Option<String>| path.as_ref().map(|path| absolute(&self.path(path))).transpose();
        Ok(TaskFiles {
            name: task.name.clone(),
            train: absolute(&self.path(&task.train))?,
            valid: optional(&task.valid)?,
            test: optional(&task.test)?,
            submit: optional(&task.submit)?,
            text: task.text_column.clone(),
            label: task.label_column.clone(),
            pair: task.pair_column.clone(),
        })
    }

    fn bytes(&mut self, files: &[PathBuf]) -> Outcome<Text> {
        let mut sum = 0;
        for file in files {
            sum += self.record(file)?.iter().map(|record| record.bytes).sum::<u64>();
        }
        Ok(Some(sum))
    }
}

/// The kind of a name that `languages` has checked.
fn kind(name: Option<&str>) -> Outcome<Option<SourceKind>> {
    let parsed = name.map(|name| serde_json::from_value(serde_json::Value::String(name.to_owned())));
    parsed
        .transpose()
        .map_err(|cause| Failure::data(format!("`{}` is no kind of files", name.unwrap_or_default())).because(cause))
}

/// A path that means the same from any folder.
fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::path::absolute(path).map_err(|cause| Failure::io("find", path, cause))
}

/// The files below a folder, sorted, or the file itself.
fn files_below(path: &Path) -> Outcome<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let failed = |cause| Failure::io("read", path, cause);
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        files.extend(files_below(&entry)?);
    }
    Ok(files)
}

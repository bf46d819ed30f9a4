//! The models of a run, what they were made from, and what they reach. Manifests of a run name folders of the
//! machine that it ran on, and their hashes depend on those names; a release names the texts at the root instead,
//! below the folder of data, so that it is the same wherever it is built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glossa_base::hash::sha256_file;
use glossa_base::manifest::{FILE_NAME, FileRecord, Manifest};
use serde::Deserialize;

use super::description::{self, Description};
use super::{Error, Release};
use crate::id::INDEX;
use crate::index::ScoreEntry;
use crate::layout;
use crate::push::Details;

const LANGUAGE_MODEL: &str = "language-model-forward";
const PERPLEXITY: &str = "perplexity-forward.json";
const CLASSIFIER: &str = "classifier-forward-0";
const SCORE: &str = "score/score.json";
/// So deep lie inputs of inputs: text, corpus, tokenizer, language model, fine-tuned, classifier.
const DEEPEST: usize = 8;

/// Where everything is.
struct Places<'a> {
    run: &'a Path,
    data: &'a Path,
    description: &'a Description,
}

/// The models of a run that are done and measured, by name: each language's language model and its classifiers.
///
/// # Errors
/// [`Error`]: nothing is done, a manifest or score is damaged, a text's licence is not described.
pub fn find(run: &Path, data: &Path, description: &Description) -> Result<Vec<Release>, Error> {
    let places = Places { run, data, description };
    let mut releases = Vec::new();
    for language in folders(run)? {
        let code = name_of(&language);
        if is_done(&language, LANGUAGE_MODEL, PERPLEXITY) {
            releases.push(places.language_model(&language, &code)?);
        }
        for task in folders(&language)? {
            if is_done(&task, CLASSIFIER, SCORE) {
                releases.push(places.classifier(&task, &code)?);
            }
        }
    }
    if releases.is_empty() {
        return Err(Error::NoModels { run: run.to_path_buf() });
    }
    Ok(releases)
}

/// A model folder is there when it is whole; it is published with what it reaches.
fn is_done(folder: &Path, model: &str, score: &str) -> bool {
    folder.join(model).join(FILE_NAME).is_file() && folder.join(score).is_file()
}

impl Places<'_> {
    fn language_model(&self, language: &Path, code: &str) -> Result<Release, Error> {
        let folder = language.join(LANGUAGE_MODEL);
        let manifest = Manifest::read(&folder).map_err(Error::Manifest)?;
        let measured: Perplexity = json(&language.join(PERPLEXITY))?;
        let name = format!("{code}/{}", self.description.preset);
        let mut release = self.release(name, folder, code, &manifest)?;
        release.details.scores = measured.scores(code, &manifest);
        Ok(release)
    }

    fn classifier(&self, task: &Path, code: &str) -> Result<Release, Error> {
        let folder = task.join(CLASSIFIER);
        let manifest = Manifest::read(&folder).map_err(Error::Manifest)?;
        let measured: Score = json(&task.join(SCORE))?;
        let base = format!("{code}/{}", self.description.preset);
        let mut release = self.release(format!("{base}-{}", name_of(task)), folder, code, &manifest)?;
        let test = release.details.inputs.iter().flatten().rfind(|input| input.path.ends_with("/test.tsv"));
        release.details.scores = measured.scores(&name_of(task), test);
        release.details.base = Some(format!("{INDEX}{base}"));
        Ok(release)
    }

    fn release(&self, name: String, folder: PathBuf, code: &str, manifest: &Manifest) -> Result<Release, Error> {
        let mut texts = BTreeMap::new();
        self.texts(&folder, manifest, &mut texts, 0)?;
        let inputs: Vec<FileRecord> = texts.into_values().collect();
        let sources = self.description.sources(&inputs.iter().map(|input| input.path.as_str()).collect::<Vec<_>>())?;
        let licence = description::licence(&sources);
        let (data, Description { recipe, maker, .. }) = (description::listed(&sources), self.description);
        let path = folder.join(layout::CONFIG);
        let config: Config = json(&path)?;
        let file = name.replace('/', "-");
        let details = Details {
            name: Some(file.clone()),
            id: Some(format!("{INDEX}{name}")),
            licence: Some(licence.to_owned()),
            language: Some(code.parse().map_err(|_| Error::Wrong {
                path: folder.clone(),
                reason: format!("`{code}` is no code of a language"),
            })?),
            data: Some(sentence(&data)),
            reproduce: Some(recipe.clone()),
            inputs: Some(inputs),
            only_these_scores: true,
            ..Details::default()
        };
        Ok(Release {
            file: format!("{file}.tar.zst"),
            name,
            folder,
            language: code.to_owned(),
            architecture: config.encoder.cell,
            details,
            licence_note: format!("chosen by us after the licences of the texts: {data}"),
            provenance: format!("{maker}, from {data}; seed {}, glossa {}", manifest.seed, manifest.tool_version),
            recipe: recipe.clone(),
        })
    }

    /// The texts that a folder goes back to, through all folders of the run between.
    fn texts(
        &self,
        folder: &Path,
        manifest: &Manifest,
        found: &mut BTreeMap<String, FileRecord>,
        depth: usize,
    ) -> Result<(), Error> {
        for input in &manifest.inputs {
            let Some(made) = below(self.run, &input.path).filter(|_| depth < DEEPEST) else {
                let path = self.named(&input.path);
                found.insert(path.clone(), FileRecord { path, ..input.clone() });
                continue;
            };
            let made = self.run.join(made);
            if sha256_file(&made.join(FILE_NAME)).map_err(Error::Manifest)? != input.sha256 {
                return Err(Error::Stale { folder: folder.to_path_buf(), input: name_of(&made) });
            }
            let inner = Manifest::read(&made).map_err(Error::Manifest)?;
            self.texts(&made, &inner, found, depth + 1)?;
        }
        Ok(())
    }

    /// A file's name below the folder of data; only its last part where it is not there.
    fn named(&self, path: &str) -> String {
        let mut ends = ends(path);
        let known = ends.find(|end| self.data.join(end).is_file());
        known.unwrap_or_else(|| path.rsplit('/').next().unwrap_or_default()).to_owned()
    }
}

/// A folder with a manifest below another one, by the longest end of its path that is there: a run may have been
/// moved since.
fn below<'a>(run: &Path, path: &'a str) -> Option<&'a str> {
    ends(path).find(|end| run.join(end).join(FILE_NAME).is_file())
}

/// The ends of a path, longest first, as relative paths.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    let cuts = path.char_indices().filter(|(_, letter)| matches!(letter, '/' | '\\'));
    let ends = cuts.filter_map(|(place, _)| path.get(place + 1..)).filter(|end| !end.is_empty());
    let ends = ends.filter(|end| !end.split(['/', '\\']).any(|part| matches!(part, ".." | "")));
    std::iter::once(path).filter(|path| Path::new(path).is_relative()).chain(ends)
}

#[derive(Deserialize)]
struct Config {
    encoder: Encoder,
}

#[derive(Deserialize)]
struct Encoder {
    cell: String,
}

/// What `lm perplexity` measured.
#[derive(Deserialize)]
struct Perplexity {
    bits_per_character: Option<f64>,
    by_word: Option<f64>,
    documents: u64,
    likelihood: Likelihood,
}

#[derive(Deserialize)]
struct Likelihood {
    characters: u64,
    words: u64,
}

impl Perplexity {
    fn scores(&self, code: &str, manifest: &Manifest) -> Vec<ScoreEntry> {
        let Likelihood { characters, words } = self.likelihood;
        let of = |metric: &str, value: Option<f64>, counted: String| {
            let signature = format!(
                "{metric}|lang:{code}|split:test|documents:{}|{counted}|seed:{}|version:{}",
                self.documents, manifest.seed, manifest.tool_version
            );
            let (task, metric) = (format!("{code} held-out text"), metric.to_owned());
            let value = value.filter(|value| value.is_finite()).map(rounded);
            value.map(|value| ScoreEntry { task, metric, value, signature })
        };
        let bits = of("bits_per_character", self.bits_per_character, format!("characters:{characters}"));
        bits.into_iter().chain(of("perplexity_by_word", self.by_word, format!("words:{words}"))).collect()
    }
}

/// What `score` measured.
#[derive(Deserialize)]
struct Score {
    reports: Vec<Report>,
}

#[derive(Deserialize)]
struct Report {
    scores: Vec<Measured>,
}

#[derive(Deserialize)]
struct Measured {
    metric: String,
    value: f64,
    signature: String,
}

impl Score {
    /// The scores of the first seed, which is the one that is published.
    fn scores(self, task: &str, test: Option<&FileRecord>) -> Vec<ScoreEntry> {
        let folder = |path: &str| {
            let path = path.strip_prefix("labelled/").unwrap_or(path);
            path.rsplit_once('/').map_or(path, |(folder, _)| folder).to_owned()
        };
        let set = test.map_or_else(|| task.to_owned(), |test| folder(&test.path));
        let data: String = test
            .map(|test| format!("|data:{set}|sha256:{}", test.sha256.get(..12).unwrap_or_default()))
            .unwrap_or_default();
        let measured = self.reports.into_iter().next().into_iter().flat_map(|report| report.scores);
        let entry = |Measured { metric, value, signature }| ScoreEntry {
            task: format!("{set} test"),
            metric,
            value: rounded(value),
            signature: format!("{signature}{data}"),
        };
        measured.map(entry).collect()
    }
}

/// Four digits behind the point: more say nothing with the texts that there are.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Words as a sentence.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Error> {
    let bytes = std::fs::read(path).map_err(|cause| Error::Read { path: path.to_path_buf(), cause })?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Wrong { path: path.to_path_buf(), reason: error.to_string() })
}

/// The folders in a folder, by name.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |cause| Error::Read { path: folder.to_path_buf(), cause };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn ends_of_a_path_are_relative_and_stay_inside() {
        for (path, expected) in [
            ("/any/run/cy/corpus", &["any/run/cy/corpus", "run/cy/corpus", "cy/corpus", "corpus"][..]),
            ("/main/../data/lm/cy.txt", &["data/lm/cy.txt", "lm/cy.txt", "cy.txt"]),
            ("cy/corpus", &["cy/corpus", "corpus"]),
            ("/", &[]),
            ("", &[""]),
        ] {
            assert_eq!(ends(path).collect::<Vec<_>>(), expected, "{path}");
        }
    }
}

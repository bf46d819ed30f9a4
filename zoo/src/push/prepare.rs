//! A model folder made ready to be published: checked against its manifest, with a new card and a manifest that
//! knows it.

use std::fs;
use std::path::{Path, PathBuf};

use glossa_base::hash::sha256_hex;
use glossa_base::manifest::{FileRecord, Manifest};
use glossa_base::{Failure, LanguageCode};

use super::{Details, Error, Published};
use crate::card::{Card, Head, MetricRow};
use crate::index::NOT_STATED;
use crate::layout::{self, ModelKind};
use crate::shards;
use crate::verify::verify;

/// Licences, and what stands for one, that do not allow to publish.
pub const FORBIDDEN: [&str; 10] = [
    NOT_STATED,
    "unknown",
    "none",
    "unlicensed",
    "proprietary",
    "all-rights-reserved",
    "no-redistribution",
    "confidential",
    "internal",
    "research-only-no-redistribution",
];
/// Larger texts beside a model are not read for its card.
const LONGEST: u64 = 16 << 20;

/// What is published.
pub(super) struct Prepared {
    folder: PathBuf,
    /// Sorted by name, card and manifest among them.
    files: Vec<FileRecord>,
    card: String,
    manifest: Vec<u8>,
}

/// The card that a model folder would be published with.
///
/// # Errors
/// As of [`crate::Zoo::push`], before anything is written.
pub fn card(folder: &Path, details: &Details) -> Result<String, Error> {
    Prepared::new(folder, details).map(|prepared| prepared.card)
}

impl Prepared {
    pub(super) fn new(folder: &Path, details: &Details) -> Result<Self, Error> {
        if !folder.join(layout::MANIFEST).is_file() {
            return Err(Error::NoManifest { folder: folder.display().to_string() });
        }
        verify(folder).map_err(Error::Model)?;
        let mut manifest = Manifest::read(folder).map_err(Error::Model)?;
        manifest.inputs = match &details.inputs {
            Some(inputs) => inputs.clone(),
            None => manifest.inputs.into_iter().map(without_place).collect(),
        };
        let card = describe(folder, &manifest, details)?.to_markdown()?;
        manifest.outputs.retain(|file| file.path != layout::CARD);
        manifest.outputs.push(record(layout::CARD, card.as_bytes()));
        manifest.outputs.sort_by(|one, two| one.path.cmp(&two.path));
        let bytes = serde_json::to_vec_pretty(&manifest)
            .map_err(|cause| Error::Model(Failure::data("cannot write a manifest").because(cause)))?;
        let mut files = manifest.outputs;
        files.push(record(layout::MANIFEST, &bytes));
        files.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(Prepared { folder: folder.to_path_buf(), files, card, manifest: bytes })
    }

    pub(super) fn files(&self) -> &[FileRecord] {
        &self.files
    }

    /// The bytes of a file that was made for the publication.
    pub(super) fn made(&self, name: &str) -> Option<&[u8]> {
        match name {
            layout::CARD => Some(self.card.as_bytes()),
            layout::MANIFEST => Some(&self.manifest),
            _ => None,
        }
    }

    /// Where a file of the folder itself is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file to another place.
    pub(super) fn copy(&self, file: &FileRecord, to: &Path) -> Result<(), Error> {
        let failed = |cause| Error::Write(Failure::io("write", to, cause));
        match self.made(&file.path) {
            Some(bytes) => fs::write(to, bytes).map_err(failed)?,
            None => drop(fs::copy(self.path(&file.path), to).map_err(failed)?),
        }
        fs::File::open(to).and_then(|file| file.sync_all()).map_err(failed)
    }

    /// What to tell of it.
    pub(super) fn published(&self, place: String) -> Published {
        let bytes = self.files.iter().map(|file| file.bytes).sum();
        Published { place, files: self.files.len(), bytes, sha256: None, commit: None, sent: 0 }
    }
}

/// An input without the folders of this machine, which are nobody's business and differ from machine to machine.
fn without_place(input: FileRecord) -> FileRecord {
    let drive = matches!(input.path.as_bytes(), [_, b':', ..]);
    let leaves = input.path.split(['/', '\\']).any(|part| part == "..");
    let path = if drive || leaves || input.path.starts_with(['/', '\\', '~']) {
        input.path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
    } else {
        input.path
    };
    FileRecord { path, ..input }
}

fn record(name: &str, bytes: &[u8]) -> FileRecord {
    FileRecord { path: name.to_owned(), bytes: bytes.len() as u64, sha256: sha256_hex(bytes) }
}

/// All that is known of the model, what the caller says first.
fn describe(folder: &Path, manifest: &Manifest, details: &Details) -> Result<Card, Error> {
    let head = Head::read(&text(folder, layout::CARD));
    let config: serde_json::Value = serde_json::from_str(&text(folder, layout::CONFIG)).unwrap_or_default();
    let license = licence(folder, details, &head)?;
    let called =
        || folder.canonicalize().ok().and_then(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()));
    let name = details.name.clone().or_else(called).unwrap_or_else(|| "model".to_owned());
    let architecture =
        head.architecture.clone().or_else(|| architecture(&config)).unwrap_or_else(|| manifest.stage.clone());
    let language =
        details.language.clone().or_else(|| head.language.as_ref().and_then(|code| code.parse::<LanguageCode>().ok()));
    let (metrics, signatures) = scores(details, &head);
    let kind = head.kind.unwrap_or_else(|| kind(&manifest.stage));
    let has_recipe = folder.join(layout::RECIPE).is_file();
    let reproduce = details.reproduce.clone().or_else(|| has_recipe.then(|| again(manifest)));
    Ok(Card {
        language,
        license: Some(license),
        parameters: parameters(folder),
        corpus: details.data.clone(),
        metrics,
        base_model: details.base.clone().or(head.base_model),
        labels: labels(&config),
        how_to_use: Some(how_to_use(kind, details.id.as_deref().unwrap_or(&name))),
        intended_use: Some(details.intended_use.clone().unwrap_or_else(|| intended(kind).to_owned())),
        limits: Some(details.limits.clone().unwrap_or_else(|| LIMITS.to_owned())),
        reproduce,
        inputs: manifest.inputs.iter().map(|input| (input.path.clone(), input.sha256.clone())).collect(),
        signatures,
        ..Card::new(&name, kind, &architecture)
    })
}

const LIMITS: &str = "It knows the texts that it was trained on and repeats their errors and prejudices. Scores hold for \
                      the data that they were measured on; measure it on yours before you rely on it.";

fn intended(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Classifier => "Labels for texts like those of its training data.",
        ModelKind::Encoder => "Vectors of texts, for search, comparison, and as a start for classifiers.",
        ModelKind::LanguageModel | ModelKind::MaskedLanguageModel => "A start for classifiers of its language.",
    }
}

fn how_to_use(kind: ModelKind, name: &str) -> String {
    match kind {
        ModelKind::Classifier => format!("glossa classify predict --model {name} \"...\""),
        ModelKind::Encoder => format!("glossa embed --model {name} --input FILE --out vectors.npy"),
        ModelKind::MaskedLanguageModel => format!("glossa classify train --backbone {name} --train FILE ..."),
        ModelKind::LanguageModel => format!("glossa lm finetune --model {name} --texts FILE --out DIR"),
    }
}

fn kind(stage: &str) -> ModelKind {
    match stage {
        "classify" | "classifier" | "baseline" => ModelKind::Classifier,
        _ if stage.contains("masked") => ModelKind::MaskedLanguageModel,
        _ if stage.contains("language-model") || stage.contains("pretrain") || stage.contains("finetune") => {
            ModelKind::LanguageModel
        }
        _ => ModelKind::Encoder,
    }
}

fn again(manifest: &Manifest) -> String {
    format!(
        "# made by glossa {}, stage `{}`, seed {}; the inputs above, then\nglossa {} --recipe {} --seed {} ...",
        manifest.tool_version,
        manifest.stage,
        manifest.seed,
        if manifest.stage == "classify" { "classify train" } else { "lm pretrain" },
        layout::RECIPE,
        manifest.seed
    )
}

fn licence(folder: &Path, details: &Details, head: &Head) -> Result<String, Error> {
    let found = details.licence.clone().or_else(|| head.license.clone());
    let found = found.map(|licence| licence.trim().to_lowercase()).filter(|licence| !licence.is_empty());
    let Some(licence) = found else { return Err(Error::NoLicence { folder: folder.display().to_string() }) };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte);
    if licence.len() > 64 || !licence.bytes().all(known) {
        return Err(Error::BadLicence { licence: crate::dtype::shown(&licence) });
    }
    if FORBIDDEN.contains(&licence.as_str()) {
        return Err(Error::Forbidden { licence });
    }
    Ok(licence)
}

/// The caller's scores, and those of the card that they do not replace.
fn scores(details: &Details, head: &Head) -> (Vec<MetricRow>, Vec<String>) {
    let rows = details.scores.iter();
    let mut metrics: Vec<MetricRow> = rows
        .map(|score| MetricRow { name: score.metric.clone(), value: score.value, dataset: score.task.clone() })
        .collect();
    for row in head.metrics.iter().filter(|_| !details.only_these_scores) {
        if !metrics.iter().any(|other| other.name == row.name && other.dataset == row.dataset) {
            metrics.push(row.clone());
        }
    }
    (metrics, details.scores.iter().map(|score| score.signature.clone()).collect())
}

fn architecture(config: &serde_json::Value) -> Option<String> {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let first = || config.get("architectures")?.get(0).and_then(text);
    config.get("architecture").and_then(text).or_else(|| config.get("model_type").and_then(text)).or_else(first)
}

/// Labels as `config.json` of Hugging Face has them, or ours.
fn labels(config: &serde_json::Value) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    if let Some(list) = config.get("labels").and_then(serde_json::Value::as_array) {
        return list.iter().filter_map(text).collect();
    }
    let Some(map) = config.get("id2label").and_then(serde_json::Value::as_object) else { return Vec::new() };
    (0..map.len()).map_while(|number| map.get(&number.to_string()).and_then(text)).collect()
}

/// Numbers of all tensors that are floats, where the weights are safetensors.
fn parameters(folder: &Path) -> Option<u64> {
    let path = folder.join(layout::WEIGHTS);
    let tensors = shards::check_safetensors(&path).ok()?;
    Some(tensors.iter().map(|tensor| tensor.shape.iter().product::<u64>()).sum()).filter(|count| *count > 0)
}

/// A text of the folder, or none where it is missing or too large for one.
fn text(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    let fits = fs::metadata(&path).is_ok_and(|found| found.len() <= LONGEST);
    if fits { fs::read_to_string(&path).unwrap_or_default() } else { String::new() }
}

//! Model folders of encoders that read whole texts: ModernBERT, BERT's family, LASER; ours and those of others,
//! in the layout of Hugging Face repositories. What a recurrent model's folder holds is
//! `recipes::model_folder`'s business.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use glossa_base::{Failure, Outcome, atomic};
use glossa_nn::laser::{self, LaserConfig};
use glossa_nn::modernbert::ModernBertConfig;
use glossa_nn::published::{SafetensorsFiles, TensorSource};
use glossa_nn::transformer::TransformerConfig;
use glossa_nn::{MaskedLanguageModel, Problem, Transformer, TransformerClassifier, ValueScale};
use glossa_recipes::MaskPieces;
use glossa_text::ModelTokenizer;
use glossa_zoo::layout::{CONFIG, WEIGHTS};
use glossa_zoo::pickle::TensorFile;
use glossa_zoo::shards::weight_files;
use serde_json::{Value, json};

/// The largest `config.json` that is read.
const LARGEST_CONFIG: u64 = 1 << 24;

/// The version of what we add to `config.json`.
const FORMAT: u64 = 1;

/// What kind of model a folder holds.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(crate) enum FolderKind {
    /// QRNN or AWD-LSTM.
    Recurrent,
    /// ModernBERT or BERT's family.
    Transformer(TransformerConfig),
    /// LASER.
    Laser(LaserConfig),
}

/// `config.json`, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Described {
    pub(crate) json: Value,
    pub(crate) kind: FolderKind,
}

impl Described {
    /// Reads the `config.json` of a folder.
    ///
    /// # Errors
    /// A missing or damaged file, or one of a model that is not known here.
    pub(crate) fn read(folder: &Path) -> Outcome<Self> {
        let path = folder.join(CONFIG);
        let wrong = |problem: String| {
            Failure::data(format!("{} is unusable: {problem}", path.display()))
                .hint("give a model folder: config.json, weights and a tokenizer")
        };
        let size = std::fs::metadata(&path).map_err(|cause| Failure::io("read", &path, cause))?.len();
        if size > LARGEST_CONFIG {
            return Err(wrong(format!("{size} bytes are too many")));
        }
        let text = std::fs::read_to_string(&path).map_err(|cause| Failure::io("read", &path, cause))?;
        let json: Value = serde_json::from_str(&text).map_err(|cause| wrong(cause.to_string()))?;
        let newer = json.pointer("/glossa/format").and_then(Value::as_u64).is_some_and(|format| format > FORMAT);
        if newer {
            return Err(wrong("a newer glossa wrote it".to_owned()));
        }
        let kind = match json.get("model_type").and_then(Value::as_str).unwrap_or_default() {
            glossa_nn::config::MODEL_TYPE => FolderKind::Recurrent,
            laser::MODEL_TYPE => {
                let config: LaserConfig =
                    serde_json::from_value(json.clone()).map_err(|cause| wrong(cause.to_string()))?;
                config.check().map_err(|error| wrong(error.to_string()))?;
                FolderKind::Laser(config)
            }
            _ => FolderKind::Transformer(TransformerConfig::read(&text).map_err(|error| wrong(error.to_string()))?),
        };
        Ok(Described { json, kind })
    }

    /// The transformer's configuration.
    pub(crate) fn transformer(&self, folder: &Path) -> Outcome<&TransformerConfig> {
        match &self.kind {
            FolderKind::Transformer(config) => Ok(config),
            _ => Err(Failure::data(format!("{} holds no transformer", folder.display()))
                .hint("give a folder of a ModernBERT, BERT or XLM-RoBERTa model")),
        }
    }

    /// The names of a classifier's outputs in their order; none where it is no classifier.
    fn labels(&self) -> Vec<String> {
        let names = self.json.get("id2label").and_then(Value::as_object).into_iter().flatten();
        let numbered = names.filter_map(|(id, name)| Some((id.parse::<usize>().ok()?, name.as_str()?.to_owned())));
        numbered.collect::<BTreeMap<usize, String>>().into_values().collect()
    }

    fn problem(&self) -> Problem {
        let problem = self.json.get("problem_type").cloned().and_then(|name| serde_json::from_value(name).ok());
        let outputs = self.labels().len();
        problem.unwrap_or(if outputs == 1 { Problem::Regression } else { Problem::SingleLabel })
    }

    fn scale(&self) -> ValueScale {
        let scale = self.json.pointer("/glossa/scale").cloned();
        scale.and_then(|scale| serde_json::from_value(scale).ok()).unwrap_or_default()
    }
}

/// The tensors of a folder, whatever the format.
pub(crate) fn tensors(folder: &Path) -> Outcome<Box<dyn TensorSource>> {
    let files = weight_files(folder)?;
    if files.iter().all(|file| file.extension().is_some_and(|extension| extension == "safetensors")) {
        return Ok(Box::new(SafetensorsFiles::open(&files)?));
    }
    Ok(Box::new(TorchFiles::open(&files)?))
}

/// `torch.save` files as named tensors. They are read, never executed.
pub(crate) struct TorchFiles {
    files: Vec<(PathBuf, RefCell<TensorFile>)>,
    prefix: String,
}

impl TorchFiles {
    /// Opens files and checks what they hold.
    ///
    /// # Errors
    /// A file that is damaged, or that holds anything but tensors and plain values.
    pub(crate) fn open(paths: &[PathBuf]) -> Outcome<Self> {
        Self::within(paths, "")
    }

    /// As [`TorchFiles::open`], of the tensors whose names begin so; the names go on behind that.
    pub(crate) fn within(paths: &[PathBuf], prefix: &str) -> Outcome<Self> {
        let open = |path: &PathBuf| Ok((path.clone(), RefCell::new(TensorFile::open(path)?)));
        Ok(TorchFiles { files: paths.iter().map(open).collect::<Outcome<_>>()?, prefix: prefix.to_owned() })
    }
}

impl TensorSource for TorchFiles {
    fn place(&self) -> String {
        self.files.iter().map(|(path, _)| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let mut shapes = BTreeMap::new();
        for (_, file) in &self.files {
            for tensor in &file.borrow().survey().tensors {
                if let Some(name) = tensor.name.strip_prefix(&self.prefix) {
                    let shape = tensor.shape.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX)).collect();
                    shapes.insert(name.to_owned(), shape);
                }
            }
        }
        shapes
    }

    fn read(&self, name: &str) -> Outcome<Vec<f32>> {
        let name = format!("{}{name}", self.prefix);
        let has = |file: &&(PathBuf, RefCell<TensorFile>)| file.1.borrow().survey().tensor(&name).is_some();
        let Some((_, file)) = self.files.iter().find(has) else {
            return Err(Failure::data(format!("{} has no tensor {name}", self.place())));
        };
        Ok(file.borrow_mut().read(&name)?)
    }
}

/// Refuses a tokenizer that gives ids which the model lacks, or another one than the model was trained with.
fn check_tokenizer(folder: &Path, described: &Described, tokenizer: &ModelTokenizer, vocabulary: usize) -> Outcome<()> {
    if tokenizer.vocabulary_size() > vocabulary {
        let (pieces, path) = (tokenizer.vocabulary_size(), folder.display());
        return Err(Failure::data(format!("{path}: the tokenizer has {pieces} pieces, the model {vocabulary}"))
            .hint("tokenizer and weights belong to different models: fetch both again"));
    }
    match described.json.pointer("/glossa/tokenizer_sha256").and_then(Value::as_str) {
        Some(digest) if digest != tokenizer.digest() => {
            let what = folder.display().to_string();
            Err(glossa_recipes::Error::OtherTokenizer { what }.into())
        }
        _ => Ok(()),
    }
}

/// Reads the tokenizer of a transformer's folder.
pub(crate) fn read_tokenizer(folder: &Path, described: &Described) -> Outcome<ModelTokenizer> {
    let tokenizer = ModelTokenizer::load(folder)?;
    let vocabulary = match &described.kind {
        FolderKind::Transformer(config) => config.vocabulary_size(),
        FolderKind::Laser(config) => config.num_embeddings,
        FolderKind::Recurrent => usize::MAX,
    };
    check_tokenizer(folder, described, &tokenizer, vocabulary)?;
    Ok(tokenizer)
}

/// A transformer's encoder, without heads.
pub(crate) fn read_transformer(folder: &Path, described: &Described, device: &Device) -> Outcome<Transformer> {
    Transformer::read(described.transformer(folder)?, tensors(folder)?.as_ref(), device)
}

/// A transformer that classifies, and what its outputs mean.
pub(crate) struct ReadClassifier {
    pub(crate) model: TransformerClassifier,
    pub(crate) labels: Vec<String>,
    pub(crate) problem: Problem,
    pub(crate) scale: ValueScale,
}

/// A transformer with its head.
pub(crate) fn read_classifier(folder: &Path, described: &Described, device: &Device) -> Outcome<ReadClassifier> {
    let (config, labels) = (described.transformer(folder)?, described.labels());
    if labels.is_empty() {
        return Err(Failure::data(format!("{} names no labels (id2label): it is no classifier", folder.display()))
            .hint("train one with `glossa classify train --backbone DIR`"));
    }
    let model = TransformerClassifier::read(config, labels.len(), tensors(folder)?.as_ref(), device)?;
    Ok(ReadClassifier { model, problem: described.problem(), scale: described.scale(), labels })
}

/// A ModernBERT with its decoder.
pub(crate) fn read_masked(
    folder: &Path,
    described: &Described,
    device: &Device,
) -> Outcome<(MaskedLanguageModel, ModernBertConfig)> {
    let TransformerConfig::ModernBert(config) = described.transformer(folder)? else {
        return Err(Failure::data(format!("{} is no ModernBERT", folder.display())).hint(
            "masked language models of other kinds are read as encoders only: use --backbone or `glossa embed`",
        ));
    };
    let model = MaskedLanguageModel::read_from(config, tensors(folder)?.as_ref(), device)?;
    Ok((model, config.clone()))
}

/// What masking must know of a tokenizer. Ours has no mask: its id is the one behind the last piece.
///
/// # Errors
/// An imported tokenizer without a mask.
pub(crate) fn mask_pieces(tokenizer: &ModelTokenizer) -> Outcome<MaskPieces> {
    let size = tokenizer.vocabulary_size();
    let mask = match (tokenizer.mask_id(), tokenizer.ours()) {
        (Some(mask), _) => mask,
        (None, Some(_)) => size as u32,
        (None, None) => {
            return Err(Failure::data("the model's tokenizer has no mask").hint("give a masked language model"));
        }
    };
    let unknown = tokenizer.ours().map(glossa_text::Tokenizer::unknown_id);
    let special = [tokenizer.begin_id(), tokenizer.end_id(), Some(tokenizer.pad_id()), unknown];
    let begin = tokenizer.begin_id();
    Ok(MaskPieces { mask, begin, special: special.into_iter().flatten().collect(), pieces: size })
}

/// Rows of the table of a fresh model: room for the mask, and a multiple of 64, which products like.
pub(crate) fn vocabulary_with_mask(tokenizer: &ModelTokenizer) -> usize {
    (tokenizer.vocabulary_size() + usize::from(tokenizer.mask_id().is_none())).next_multiple_of(64)
}

/// What a transformer's `config.json` says beside its sizes.
pub(crate) struct Purpose<'a> {
    pub(crate) architecture: &'a str,
    /// Labels, what is answered, and its scale, for a classifier.
    pub(crate) answers: Option<(&'a [String], Problem, ValueScale)>,
}

/// The `config.json` of a transformer: what was read, the sizes, and our own part.
pub(crate) fn config_json(
    before: Option<&Value>,
    config: &TransformerConfig,
    tokenizer: &ModelTokenizer,
    purpose: &Purpose<'_>,
) -> Outcome<Value> {
    let mut whole = before.cloned().unwrap_or_else(|| json!({}));
    let sizes = serde_json::to_value(config).map_err(|cause| Failure::data("cannot write sizes").because(cause))?;
    let mut set = |key: &str, value: Value| {
        whole.as_object_mut().into_iter().for_each(|map| drop(map.insert(key.to_owned(), value.clone())));
    };
    for (key, value) in sizes.as_object().into_iter().flatten() {
        set(key, value.clone());
    }
    if let TransformerConfig::ModernBert(_) = config {
        set("model_type", json!(glossa_nn::modernbert::MODEL_TYPE));
    }
    set("architectures", json!([purpose.architecture]));
    let mut own = json!({"format": FORMAT, "tokenizer_sha256": tokenizer.digest()});
    if tokenizer.ours().is_some() {
        set("pad_token_id", json!(tokenizer.pad_id()));
        set("bos_token_id", json!(tokenizer.begin_id()));
        set("cls_token_id", json!(tokenizer.begin_id()));
        set("mask_token_id", json!(tokenizer.vocabulary_size()));
        for key in ["eos_token_id", "sep_token_id"] {
            set(key, Value::Null);
        }
    }
    if let Some((labels, problem, scale)) = purpose.answers {
        let numbered = |(id, name): (usize, &String)| (id.to_string(), json!(name));
        set("id2label", labels.iter().enumerate().map(numbered).collect::<serde_json::Map<_, _>>().into());
        let named = |(id, name): (usize, &String)| (name.clone(), json!(id));
        set("label2id", labels.iter().enumerate().map(named).collect::<serde_json::Map<_, _>>().into());
        set("problem_type", serde_json::to_value(problem).unwrap_or_default());
        if let Some(own) = own.as_object_mut() {
            own.insert("scale".to_owned(), serde_json::to_value(scale).unwrap_or_default());
        }
    }
    set("glossa", own);
    Ok(whole)
}

/// Writes `config.json`, weights and tokenizer into a folder under construction.
pub(crate) fn write(
    folder: &Path,
    config: &Value,
    tokenizer: &ModelTokenizer,
    save: &dyn Fn(&Path) -> Outcome<()>,
) -> Outcome<()> {
    save(&folder.join(WEIGHTS))?;
    let text = serde_json::to_vec_pretty(config).map_err(|cause| Failure::data("cannot write sizes").because(cause))?;
    atomic::write_file(&folder.join(CONFIG), &text)?;
    tokenizer.save_into(folder)?;
    Ok(())
}

/// A transformer in words.
pub(crate) fn architecture(config: &TransformerConfig) -> String {
    let name = match config {
        TransformerConfig::ModernBert(_) => "ModernBERT",
        TransformerConfig::Bert(config) if config.is_roberta() => "XLM-RoBERTa",
        TransformerConfig::Bert(_) => "BERT",
    };
    format!("{name}, {} layers of {}, {} pieces", config.layer_count(), config.width(), config.vocabulary_size())
}

//! A cross-lingual encoder goes on with parallel texts: two files whose texts are translations of each other, line
//! by line or by a key. Of tables the columns of texts and keys alone are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use glossa_base::atomic::WholeFolder;
use glossa_base::{Failure, Outcome};
use glossa_learn::EpochRecord;
use glossa_nn::kernels::Pooling;
use glossa_recipes::{AlignData, ParallelTokens, align};
use glossa_text::ModelTokenizer;
use glossa_text::labelled::{Columns, read, read_texts};
use glossa_zoo::Card;
use glossa_zoo::layout::ModelKind;
use serde::Serialize;

use crate::checkpoints::Run as TrainingRun;
use crate::encoder_folder::{self, Described, Purpose};
use crate::language_model::finish;
use crate::setting::Setting;
use crate::stage::{check_output, name_of};
use crate::training_report::Subject;

/// Two files of translations.
#[derive(Debug, Clone, Copy)]
pub struct ParallelFiles<'a> {
    /// Texts.
    pub left: &'a Path,
    /// Their translations.
    pub right: &'a Path,
    /// The column that says which belong together; without, they stand in the same order.
    pub key: Option<&'a str>,
    /// The column of texts in both.
    pub text: Option<&'a str>,
}

/// What adapting reads.
#[derive(Clone, Copy)]
pub struct AdaptFiles<'a> {
    /// The encoder's folder.
    pub encoder: &'a Path,
    /// Translations to learn from.
    pub train: ParallelFiles<'a>,
    /// Translations to judge epochs by.
    pub valid: Option<ParallelFiles<'a>>,
    /// What stands before every text, such as E5's `query: `.
    pub prefix: &'a str,
    /// How the vectors of tokens become one; without, their mean.
    pub pooling: Option<Pooling>,
}

/// What adapting came to.
#[derive(Debug, Clone, Serialize)]
pub struct AdaptOutcome {
    /// The encoder's new folder.
    pub folder: PathBuf,
    /// Pairs that were learned from.
    pub pairs: usize,
    /// Texts of either side without a partner.
    pub unmatched: usize,
    /// A line an epoch.
    pub records: Vec<EpochRecord>,
    /// The report of the training.
    pub report: PathBuf,
}

/// Texts and their translations.
struct Parallel {
    pairs: Vec<(String, String)>,
    unmatched: usize,
}

impl Parallel {
    fn read(files: ParallelFiles<'_>) -> Outcome<Self> {
        let Some(key) = files.key else {
            let (left, right) = (read_texts(files.left, files.text)?, read_texts(files.right, files.text)?);
            if left.len() != right.len() {
                let (one, other) = (files.left.display(), files.right.display());
                let problem = format!("{one} has {} texts and {other} {}", left.len(), right.len());
                return Err(Failure::data(problem).hint("give as many lines on both sides, or --key COLUMN"));
            }
            return Ok(Parallel { pairs: left.into_iter().zip(right).collect(), unmatched: 0 });
        };
        let (left, mut right) = (keyed(files.left, key, files.text)?, keyed(files.right, key, files.text)?);
        let (mut pairs, mut unmatched) = (Vec::new(), 0);
        for (key, text) in left {
            match right.remove(&key) {
                Some(translation) => pairs.push((text, translation)),
                None => unmatched += 1,
            }
        }
        Ok(Parallel { pairs, unmatched: unmatched + right.len() })
    }

    fn tokens(&self, tokenizer: &ModelTokenizer, prefix: &str, most: usize) -> Outcome<ParallelTokens> {
        let encode = |text: &str| tokenizer.encode(&format!("{prefix}{text}"), Some(most)).map_err(Failure::from);
        let mut tokens = ParallelTokens::default();
        for (left, right) in &self.pairs {
            tokens.left.push(encode(left)?);
            tokens.right.push(encode(right)?);
        }
        Ok(tokens)
    }
}

/// Texts by their key, in the order of the keys.
fn keyed(path: &Path, key: &str, text: Option<&str>) -> Outcome<BTreeMap<String, String>> {
    let columns = Columns { text: text.map(str::to_owned), label: Some(key.to_owned()), ..Columns::default() };
    let mut texts = BTreeMap::new();
    for example in read(path, &columns)? {
        if let Some(_twice) = texts.insert(example.label.clone(), example.text) {
            let problem = format!("{} has the key `{}` twice", path.display(), example.label);
            return Err(Failure::data(problem).hint("a key belongs to one text a side"));
        }
    }
    Ok(texts)
}

/// Goes on training an encoder on translations, and writes its folder.
///
/// # Errors
/// A folder that holds no transformer, files that do not fit each other, a loss that is not a number.
pub fn adapt(files: AdaptFiles<'_>, setting: Setting<'_>) -> Outcome<AdaptOutcome> {
    check_output(setting.out)?;
    let train = Parallel::read(files.train)?;
    let valid = files.valid.map(Parallel::read).transpose()?;
    if train.pairs.len() < 2 {
        let problem = format!("{} pairs are too few to learn from", train.pairs.len());
        return Err(Failure::data(problem).hint("check --key: both files must have it, with the same values"));
    }
    let device = setting.device.open()?;
    let described = Described::read(files.encoder)?;
    let config = described.transformer(files.encoder)?.clone();
    if setting.recipe.adapt.frozen_groups > config.layer_count() {
        let (frozen, groups) = (setting.recipe.adapt.frozen_groups, config.layer_count() + 1);
        return Err(Failure::data(format!("adapt.frozen_groups is {frozen}, and the encoder has {groups} groups"))
            .hint("leave the last layer to learn, at least"));
    }
    let tokenizer = encoder_folder::read_tokenizer(files.encoder, &described)?;
    let model = encoder_folder::read_transformer(files.encoder, &described, &device)?;
    let most = config.longest().min(setting.recipe.adapt.training.chunk);
    let tokens = train.tokens(&tokenizer, files.prefix, most)?;
    let judged = valid.as_ref().map(|valid| valid.tokens(&tokenizer, files.prefix, most)).transpose()?;
    let mut inputs = vec![files.encoder, files.train.left, files.train.right];
    inputs.extend(files.valid.iter().flat_map(|valid| [valid.left, valid.right]));
    let details = [("prefix", files.prefix.to_owned()), ("key", files.train.key.unwrap_or_default().to_owned())];
    let training = TrainingRun::open("adapt", &details, &inputs, setting)?;
    let subject = Subject {
        what: "a cross-lingual encoder, adapted on parallel texts",
        out: setting.out,
        architecture: encoder_folder::architecture(&config),
        seed: setting.seed,
        device: setting.device,
        settings: setting.recipe.to_toml(),
        inputs: inputs.clone(),
    };
    let data = AlignData {
        train: &tokens,
        valid: judged.as_ref(),
        pooling: files.pooling.unwrap_or(Pooling::Mean),
        vocabulary: tokenizer.vocabulary_size(),
    };
    let trained = align(model, &setting.recipe.adapt, data, training.start(setting, &device))
        .map_err(|unfinished| training.explain(subject.explain(unfinished)))?;
    let folder = WholeFolder::create(setting.out)?;
    let architecture = described.json.pointer("/architectures/0").and_then(serde_json::Value::as_str);
    let purpose = Purpose { architecture: architecture.unwrap_or("XLMRobertaModel"), answers: None };
    let json = encoder_folder::config_json(Some(&described.json), &config, &tokenizer, &purpose)?;
    encoder_folder::write(folder.path(), &json, &tokenizer, &|path| trained.model.save(path))?;
    let card = Card {
        parameters: Some(trained.model.num_params() as u64),
        base_model: Some(name_of(files.encoder)),
        corpus: Some(format!(
            "Adapted on {} pairs of {} and {}.",
            train.pairs.len(),
            name_of(files.train.left),
            name_of(files.train.right)
        )),
        how_to_use: Some(format!("glossa teacher train --encoder {} --source FILE --out DIR", name_of(setting.out))),
        ..Card::new(&name_of(setting.out), ModelKind::Encoder, &subject.architecture)
    };
    let outcome = finish((folder, card), &trained.course, "adapt", &subject, setting)?;
    training.close()?;
    Ok(AdaptOutcome {
        folder: outcome.folder,
        pairs: train.pairs.len(),
        unmatched: train.unmatched,
        records: outcome.records,
        report: outcome.report,
    })
}

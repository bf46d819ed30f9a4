//! What moved a classifier: for texts, every word's part in the decision; for a labelled file, the texts
//! that the classifier got most wrong, the labels that it confuses, and the words of each such text. It
//! explains one model at a time, changes nothing in its folder, and writes at most one page. The
//! arithmetic is `nn`'s and `recipes`', what `docs/explain.md` says about its meaning holds here.

mod page;
mod text;

use std::path::{Path, PathBuf};

use glossa_base::atomic::write_file;
use glossa_base::nearest::nearest;
use glossa_base::{Failure, Outcome, Progress};
use glossa_eval::{Confused, Prediction, Report, ReportOptions};
use glossa_nn::attention::Attention;
use glossa_nn::{Classifier, DeviceChoice, Problem, TextClassifier};
use glossa_recipes::best_class;
use glossa_recipes::explanation::{self, Score, joined, scaled};
use glossa_text::labelled::{Columns, read};
use glossa_text::tokenizer::Tokenizer;
use glossa_zoo::layout::BASELINE;
use serde::Serialize;

use crate::classifier;
use crate::report::Side;

/// The version of the explanation's format.
const FORMAT: u32 = 1;

/// Which model is asked, and about which label.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The classifier's folder.
    pub model: &'a Path,
    /// The label that is explained; for each text the predicted one where none is given.
    pub label: Option<&'a str>,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Seed of the intervals of a labelled file's scores.
    pub seed: u64,
}

/// What moved a classifier.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Version of this format.
    pub format: u32,
    /// The classifier's folder.
    pub model: PathBuf,
    /// How words are judged: `intrinsic-attention`.
    pub method: &'static str,
    /// The classifier's labels.
    pub labels: Vec<String>,
    /// What a labelled file came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labelled: Option<Labelled>,
    /// The texts in their order; of a labelled file, those with the largest losses, largest first.
    pub texts: Vec<ExplainedText>,
    /// The page, where one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<PathBuf>,
}

/// What a labelled file came to.
#[derive(Debug, Clone, Serialize)]
pub struct Labelled {
    /// The file.
    pub file: PathBuf,
    /// Mean cross-entropy in nats.
    pub mean_loss: f64,
    /// Labels that were taken for others, the most frequent pair first.
    pub most_confused: Vec<Confused>,
    /// Scores, classes, and the confusion matrix.
    pub report: Report,
}

/// A text with the part of every word in its label.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedText {
    /// The text as it was given.
    pub text: String,
    /// Its predicted label, the probabilities of all, and the right one where it is known.
    #[serde(flatten)]
    pub prediction: Prediction,
    /// The label that the words are judged for.
    pub explained: String,
    /// The probability of that label.
    pub probability: f64,
    /// Where the right label is known: the cross-entropy in nats, -ln of its probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Its words.
    pub words: Vec<Word>,
    /// Its pieces, as the model saw them.
    pub pieces: Vec<Piece>,
    /// What an attention of 1 stands for.
    pub largest: Largest,
}

/// What a share of 1 stands for, as a change of the probability.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Largest {
    /// The largest gradient of a word.
    pub word_gradient: f64,
    /// The largest push of a word, either way.
    pub word_push: f64,
    /// The largest gradient of a piece.
    pub piece_gradient: f64,
    /// The largest push of a piece, either way.
    pub piece_push: f64,
}

/// A word with its part; none where the text is too long to explain it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    /// As a person reads it.
    pub word: String,
    /// Share of the largest attention of a word, and push.
    #[serde(flatten)]
    pub score: Option<Score>,
    /// Whether the text rules put it there, such as `xxbos`.
    pub special: bool,
    /// Whether a space stands before it.
    pub spaced: bool,
    /// The indices of its first piece and of the one after its last.
    pub pieces: [usize; 2],
}

/// A piece with its part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Piece {
    /// The piece, spaces written U+2581.
    pub piece: String,
    /// Its id.
    pub id: u32,
    /// Share of the largest attention of a piece, and push.
    #[serde(flatten)]
    pub score: Option<Score>,
}

/// A classifier that can be explained.
struct Opened {
    network: classifier::Opened,
    classifier: Classifier,
    tokenizer: Tokenizer,
    labels: Vec<String>,
}

impl Opened {
    fn new(question: Question<'_>) -> Outcome<(Self, Option<usize>)> {
        let Question { model, label, device, .. } = question;
        if model.join(BASELINE).is_file() {
            return Err(Failure::data(format!("{} is a baseline, which has no gradients", model.display()))
                .hint("explain a classifier of `glossa classify train --model DIR` or `--tokenizer DIR`"));
        }
        let network = classifier::Opened::read(model, &device.open()?)?;
        let TextClassifier::Recurrent(classifier) = &network.model else {
            return Err(Failure::data(format!("{} is a transformer, which is not explained yet", model.display()))
                .hint("explain a classifier of a recurrent language model"));
        };
        if network.kept.problem != Problem::SingleLabel {
            return Err(Failure::data(format!("{} does not choose one label a text", model.display()))
                .hint("explain a classifier of one label a text"));
        }
        let tokenizer = Tokenizer::load(model)?;
        let class = label.map(|label| class(label, &network.kept.labels, "--label")).transpose()?;
        let (classifier, labels) = (classifier.clone(), network.kept.labels.clone());
        Ok((Opened { network, classifier, tokenizer, labels }, class))
    }

    fn encode<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Outcome<Vec<Vec<u32>>> {
        self.network.encode(texts)
    }

    /// The words of a text for a class, the likeliest where none is given.
    fn explain(&self, text: &str, tokens: &[u32], row: &[f64], class: Option<usize>) -> Outcome<ExplainedText> {
        let unusable = || Failure::data("the classifier gives no usable probabilities").hint("train or fetch it again");
        let prediction = Prediction::from_probabilities(&self.labels, row).ok_or_else(unusable)?;
        let class = class.unwrap_or_else(|| best_class(row));
        let attentions = explanation::explain(&self.classifier, tokens, class, self.network.reading)?;
        let spans = self.tokenizer.words(tokens)?;
        let ranges: Vec<_> = spans.iter().map(|span| span.pieces.clone()).collect();
        let sums = joined(&attentions, &ranges);
        let words = spans.into_iter().zip(scaled(&sums)).map(|(span, score)| Word {
            word: span.text,
            score,
            special: span.special,
            spaced: span.spaced,
            pieces: [span.pieces.start, span.pieces.end],
        });
        let pieces = tokens.iter().zip(scaled(&attentions)).map(|(&id, score)| {
            let piece = self.tokenizer.piece(id).unwrap_or_default().to_owned();
            Piece { piece, id, score }
        });
        Ok(ExplainedText {
            text: text.to_owned(),
            prediction,
            explained: self.labels.get(class).cloned().unwrap_or_default(),
            probability: row.get(class).copied().unwrap_or_default(),
            loss: None,
            words: words.collect(),
            pieces: pieces.collect(),
            largest: largest(&sums, &attentions),
        })
    }

    fn explanation(self, model: &Path, labelled: Option<Labelled>, texts: Vec<ExplainedText>) -> Explanation {
        let (model, labels) = (model.to_path_buf(), self.labels);
        Explanation { format: FORMAT, model, method: "intrinsic-attention", labels, labelled, texts, page: None }
    }
}

fn largest(words: &[Option<Attention>], pieces: &[Option<Attention>]) -> Largest {
    let most =
        |all: &[Option<Attention>], value: fn(&Attention) -> f64| all.iter().flatten().map(value).fold(0.0, f64::max);
    Largest {
        word_gradient: most(words, |word| word.gradient),
        word_push: most(words, |word| word.push.abs()),
        piece_gradient: most(pieces, |piece| piece.gradient),
        piece_push: most(pieces, |piece| piece.push.abs()),
    }
}

/// The number of a label, or what it was probably meant to be.
fn class(label: &str, labels: &[String], place: &str) -> Outcome<usize> {
    labels.iter().position(|known| known == label).ok_or_else(|| {
        let failure = Failure::data(format!("{place}: the classifier has no label `{label}`"));
        match nearest(label, labels.iter().map(String::as_str)) {
            Some(near) => failure.hint(format!("did you mean `{near}`? Its labels: {}", labels.join(", "))),
            None => failure.hint(format!("its labels: {}", labels.join(", "))),
        }
    })
}

/// Explains texts, one after the other.
///
/// # Errors
/// A damaged folder or one of another kind, a label that it lacks, no texts or an empty one.
pub fn explain_texts(question: Question<'_>, texts: &[String], progress: &dyn Progress) -> Outcome<Explanation> {
    if texts.is_empty() {
        return Err(Failure::data("there is no text to explain").hint("give texts, or one a line on stdin"));
    }
    if let Some(empty) = texts.iter().position(|text| text.trim().is_empty()) {
        return Err(Failure::data(format!("text {} is empty", empty + 1)).hint("give at least one word a text"));
    }
    let (opened, class) = Opened::new(question)?;
    let tokens = opened.encode(texts.iter().map(String::as_str))?;
    let rows = glossa_recipes::predict(&opened.network.model, &tokens, opened.network.reading, &glossa_base::Silent)?;
    progress.start("explain", Some(texts.len() as u64), "texts");
    let mut explained = Vec::with_capacity(texts.len());
    for ((text, tokens), row) in texts.iter().zip(&tokens).zip(&rows) {
        explained.push(opened.explain(text, tokens, row, class)?);
        progress.advance(1);
    }
    progress.finish(&format!("{} texts", texts.len()));
    Ok(opened.explanation(question.model, None, explained))
}

/// Explains the `top` texts of a labelled file that the classifier got most wrong, and says which labels
/// it confuses.
///
/// # Errors
/// As [`explain_texts`], and a file that is damaged or has a label that the classifier lacks.
pub fn explain_losses(
    question: Question<'_>,
    (file, columns): (&Path, &Columns),
    top: usize,
    progress: &dyn Progress,
) -> Outcome<Explanation> {
    let examples = read(file, columns)?;
    let (opened, class_asked) = Opened::new(question)?;
    let place = file.display().to_string();
    let class_of = |label: &String| class(label, &opened.labels, &place);
    let gold = examples.iter().map(|example| class_of(&example.label)).collect::<Outcome<Vec<usize>>>()?;
    let tokens = opened.encode(examples.iter().map(|example| example.text.as_str()))?;
    progress.start("predict", Some(examples.len() as u64), "texts");
    let rows = glossa_recipes::predict(&opened.network.model, &tokens, opened.network.reading, progress)?;
    progress.finish(&format!("{} texts", examples.len()));
    let losses = explanation::losses(&rows, &gold);
    let indices = explanation::top_losses(&losses, top);
    progress.start("explain", Some(indices.len() as u64), "texts");
    let mut texts = Vec::with_capacity(indices.len());
    for index in indices {
        let (Some(example), Some(tokens), Some(row)) = (examples.get(index), tokens.get(index), rows.get(index)) else {
            continue;
        };
        let mut text = opened.explain(&example.text, tokens, row, class_asked)?;
        text.prediction.gold = Some(example.label.clone());
        text.loss = losses.get(index).copied();
        texts.push(text);
        progress.advance(1);
    }
    progress.finish(&format!("{} texts", texts.len()));
    let gold: Vec<String> = examples.into_iter().map(|example| example.label).collect();
    let labelled = labelled(file, &gold, &rows, (&opened.labels, &losses), question.seed)?;
    Ok(opened.explanation(question.model, Some(labelled), texts))
}

fn labelled(
    file: &Path,
    gold: &[String],
    rows: &[Vec<f64>],
    (labels, losses): (&[String], &[f64]),
    seed: u64,
) -> Outcome<Labelled> {
    let label = |row: &Vec<f64>| labels.get(best_class(row)).cloned().unwrap_or_default();
    let predicted: Vec<String> = rows.iter().map(label).collect();
    let report = Report::new(gold, &predicted, &ReportOptions { seed, ..ReportOptions::default() })?;
    Ok(Labelled {
        file: file.to_path_buf(),
        mean_loss: losses.iter().sum::<f64>() / losses.len().max(1) as f64,
        most_confused: report.confusion.most_confused(1),
        report,
    })
}

/// A push below this share of the largest says nothing about its side: with a classifier of 500 English
/// texts, leaving out such words went against the sign almost as often as with it (`docs/explain.md`).
const CLEAR: f64 = 0.2;

fn side(score: Score) -> Side {
    match score.push {
        push if push >= CLEAR => Side::For,
        push if push <= -CLEAR => Side::Against,
        _ => Side::Unclear,
    }
}

impl ExplainedText {
    /// The words that hold text, those with the most attention first; at most `count`.
    fn strongest(&self, count: usize) -> Vec<(&Word, Score)> {
        let mut words: Vec<(&Word, Score)> =
            self.words.iter().filter(|word| !word.special).filter_map(|word| Some((word, word.score?))).collect();
        words.sort_by(|left, right| right.1.attention.total_cmp(&left.1.attention));
        words.truncate(count);
        words
    }

    /// How many words stand too far from where the model stops reading.
    fn unexplained(&self) -> usize {
        self.words.iter().filter(|word| word.score.is_none()).count()
    }

    /// The label, as sure as the model is, and what is explained where that is another one.
    fn verdict(&self) -> String {
        let share = self.prediction.probabilities.get(&self.prediction.label).copied().unwrap_or_default();
        let mut verdict = format!("{} {share:.3}", self.prediction.label);
        if let (Some(gold), Some(loss)) = (&self.prediction.gold, self.loss) {
            verdict = format!("{verdict}, right is {gold} {:.3}, loss {loss:.2}", (-loss).exp());
        }
        if self.explained != self.prediction.label {
            verdict = format!("{verdict}; words for {} {:.3}", self.explained, self.probability);
        }
        verdict
    }
}

impl Explanation {
    /// Writes the explanation as a page of its own.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_page(&mut self, path: &Path) -> Outcome<()> {
        write_file(path, page::page(self).as_bytes())?;
        self.page = Some(path.to_path_buf());
        Ok(())
    }
}

//! `glossa classify`.

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Kind, Outcome};
use glossa_eval::{Prediction, predictions};
use glossa_nn::Problem;
use glossa_pipeline::LabelForm;
use glossa_pipeline::classifier::{self, BaselineSetting, ClassifierOutcome, LabelledFiles, Start, Units};
use glossa_pipeline::explanation::{self, Question};
use glossa_recipes::baseline::{self, BaselineOptions};
use glossa_text::labelled::{Columns, read, read_texts_of};
use serde_json::json;

use crate::arguments::{
    ClassifyCommand, ClassifyExplain, ClassifyPredict, ClassifyTrain, Method, ProblemName, UnitsName,
};
use crate::commands::lm::{emit_rates, setting, supervision};
use crate::commands::{recipe, texts_or_stdin};
use crate::context::Context;

pub(super) fn run(command: &ClassifyCommand, context: &Context) -> Outcome<()> {
    match command {
        ClassifyCommand::Train(arguments) => train(arguments, context),
        ClassifyCommand::Predict(arguments) => predict(arguments, context),
        ClassifyCommand::Explain(arguments) => explain(arguments, context),
    }
}

fn train(arguments: &ClassifyTrain, context: &Context) -> Outcome<()> {
    let problem = match arguments.problem {
        ProblemName::SingleLabel => Problem::SingleLabel,
        ProblemName::MultiLabel => Problem::MultiLabel,
        ProblemName::Regression => Problem::Regression,
    };
    let columns = Columns {
        text: arguments.text_column.clone(),
        label: arguments.label_column.clone(),
        pair: arguments.pair_column.clone(),
        empty_labels: problem == Problem::MultiLabel,
    };
    let files = LabelledFiles {
        train: &arguments.train,
        valid: arguments.valid.as_deref(),
        test: arguments.test.as_deref(),
        columns: &columns,
        form: LabelForm { problem, delimiter: arguments.label_delimiter, soft: arguments.soft_labels },
        fold: arguments.fold,
    };
    let outcome = match arguments.method {
        Method::Network => train_network(arguments, &files, context)?,
        Method::NaiveBayes => train_baseline(arguments, baseline::Method::NaiveBayes, &files, context)?,
        Method::Nbsvm => train_baseline(arguments, baseline::Method::Nbsvm, &files, context)?,
    };
    outcome.map_or(Ok(()), |outcome| emit(&outcome, context))
}

/// Every file and folder that training reads.
fn inputs(arguments: &ClassifyTrain) -> Vec<&Path> {
    let optional = [&arguments.model, &arguments.tokenizer, &arguments.valid, &arguments.test];
    std::iter::once(&arguments.train).chain(optional.into_iter().flatten()).map(PathBuf::as_path).collect()
}

fn train_network(
    arguments: &ClassifyTrain,
    files: &LabelledFiles<'_>,
    context: &Context,
) -> Outcome<Option<ClassifierOutcome>> {
    let start = match (&arguments.model, &arguments.tokenizer) {
        (Some(model), _) => Start::LanguageModel(model),
        (None, Some(tokenizer)) => Start::Tokenizer { folder: tokenizer, backward: arguments.backward },
        (None, None) => {
            return Err(Failure::new(Kind::Usage, "nothing to start from")
                .hint("give --model DIR (a language model), or --tokenizer DIR for fresh weights"));
        }
    };
    let recipe = recipe::resolve(&arguments.recipe, arguments.model.as_deref())?;
    let config = serde_json::to_value(&recipe).unwrap_or_default();
    if context.plan("classify train", &arguments.out, &inputs(arguments), config)? {
        return Ok(None);
    }
    let supervision = supervision(&arguments.training)?;
    let setting = setting(&recipe, &arguments.out, &supervision, context);
    if let Some(page) = &arguments.training.find_rate {
        emit_rates(&classifier::find_rate(&start, files, setting, page)?, context)?;
        return Ok(None);
    }
    classifier::train(&start, files, setting).map(Some)
}

/// What a baseline counts, and its usual numbers for that.
pub(super) fn baseline(units: UnitsName, method: baseline::Method) -> (Units, BaselineOptions) {
    let usual = BaselineOptions::of(method);
    match units {
        UnitsName::Words => (Units::Words, usual),
        UnitsName::Pieces => (Units::Pieces, usual),
        UnitsName::Characters => (Units::Characters, BaselineOptions { n_gram: 1, ..usual }),
    }
}

fn train_baseline(
    arguments: &ClassifyTrain,
    method: baseline::Method,
    files: &LabelledFiles<'_>,
    context: &Context,
) -> Outcome<Option<ClassifierOutcome>> {
    let (units, usual) = baseline(arguments.units, method);
    let n_gram = arguments.n_gram.unwrap_or(usual.n_gram);
    let options = BaselineOptions { n_gram, seed: context.seed, ..usual };
    if context.plan(
        "classify train",
        &arguments.out,
        &inputs(arguments),
        serde_json::to_value(&options).unwrap_or_default(),
    )? {
        return Ok(None);
    }
    let tokenizer = arguments.tokenizer.as_deref().or(arguments.model.as_deref());
    let tokenizer = tokenizer.filter(|_| units == Units::Pieces);
    let setting = BaselineSetting { units, options: &options, tokenizer, out: &arguments.out };
    classifier::train_baseline(files, setting).map(Some)
}

fn emit(outcome: &ClassifierOutcome, context: &Context) -> Outcome<()> {
    let scores = match &outcome.test {
        Some(report) => format!("{}\n", report.to_text().trim_end()),
        None => outcome.scores.iter().map(|score| format!("{:<12}{:.4}\n", score.metric, score.value)).collect(),
    };
    let text = format!(
        "{scores}classifier: {} labels ({})\nfolder: {}\nreport: {}",
        outcome.labels.len(),
        outcome.labels.join(", "),
        outcome.folder.display(),
        outcome.report.display()
    );
    context.emit(outcome, &text)
}

fn predict(arguments: &ClassifyPredict, context: &Context) -> Outcome<()> {
    // clap's `requires` looks away where TEXT, which conflicts with --input, is given.
    if arguments.labelled && arguments.input.is_none() {
        return Err(Failure::new(Kind::Usage, "--labelled without a table").hint("give the table by --input FILE"));
    }
    if let Some(out) = &arguments.out {
        let inputs: Vec<&Path> = arguments.model.iter().chain(&arguments.input).map(PathBuf::as_path).collect();
        if context.plan("classify predict", out, &inputs, serde_json::Value::Null)? {
            return Ok(());
        }
    }
    let columns = Columns {
        text: arguments.text_column.clone(),
        label: arguments.label_column.clone(),
        pair: arguments.pair_column.clone(),
        empty_labels: true,
    };
    let (texts, gold) = match &arguments.input {
        Some(file) if arguments.labelled => {
            let examples = read(file, &columns)?;
            examples.into_iter().map(|example| (example.text, Some(example.label))).unzip()
        }
        Some(file) => with_no_gold(read_texts_of(file, &columns)?),
        None => with_no_gold(texts_or_stdin(&arguments.texts)?),
    };
    let mut predicted =
        classifier::predict(&arguments.model, &texts, arguments.label_delimiter, context.device, &context.console)?;
    for (prediction, gold) in predicted.iter_mut().zip(gold) {
        prediction.gold = gold;
    }
    match &arguments.out {
        Some(out) => {
            predictions::write(out, &predicted)?;
            context.emit(
                &json!({"file": out, "count": predicted.len()}),
                &format!("{} predictions in {}", predicted.len(), out.display()),
            )
        }
        None => context.emit(&json!({"predictions": predicted}), &lines(&predicted, &texts)),
    }
}

fn with_no_gold(texts: Vec<String>) -> (Vec<String>, Vec<Option<String>>) {
    let none = vec![None; texts.len()];
    (texts, none)
}

fn lines(predicted: &[Prediction], texts: &[String]) -> String {
    let line = |(prediction, text): (&Prediction, &String)| {
        let share = prediction.probabilities.get(&prediction.label).copied().unwrap_or(f64::NAN);
        let share = if share.is_nan() { String::new() } else { format!("{share:.3}") };
        format!("{}\t{share}\t{}\n", prediction.label, text.replace(['\n', '\t'], " "))
    };
    predicted.iter().zip(texts).map(line).collect()
}

fn explain(arguments: &ClassifyExplain, context: &Context) -> Outcome<()> {
    if let Some(out) = &arguments.out {
        let inputs: Vec<&Path> = [&arguments.model].into_iter().chain(&arguments.input).map(PathBuf::as_path).collect();
        if context.plan("classify explain", out, &inputs, serde_json::Value::Null)? {
            return Ok(());
        }
    }
    let (model, label) = (arguments.model.as_path(), arguments.label.as_deref());
    let question = Question { model, label, device: context.device, seed: context.seed };
    let mut explanation = match &arguments.input {
        Some(file) => {
            let columns = Columns {
                text: arguments.text_column.clone(),
                label: arguments.label_column.clone(),
                ..Columns::default()
            };
            explanation::explain_losses(question, (file, &columns), arguments.top, &context.console)?
        }
        None => explanation::explain_texts(question, &texts_or_stdin(&arguments.texts)?, &context.console)?,
    };
    if let Some(out) = &arguments.out {
        explanation.write_page(out)?;
    }
    context.emit(&explanation, &explanation.to_text())
}

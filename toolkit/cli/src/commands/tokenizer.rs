//! `glossa tokenizer`.

use glossa_base::seed::{Purpose, Stream};
use glossa_base::{Failure, LanguageCode, Outcome, Progress};
use glossa_corpora::Split;
use glossa_pipeline::tokenizer::Written;
use glossa_text::tokenizer::Tokenizer;
use serde_json::json;

use crate::arguments::{SplitName, TokenizerCommand, TokenizerDecode, TokenizerEncode, TokenizerStats, TokenizerTrain};
use crate::commands::{recipe, texts_or_stdin};
use crate::context::Context;

pub(super) fn run(command: &TokenizerCommand, context: &Context) -> Outcome<()> {
    match command {
        TokenizerCommand::Train(arguments) => train(arguments, context),
        TokenizerCommand::Encode(arguments) => encode(arguments, context),
        TokenizerCommand::Decode(arguments) => decode(arguments, context),
        TokenizerCommand::Stats(arguments) => stats(arguments, context),
    }
}

/// The split of a name.
pub(super) fn split(name: SplitName) -> Split {
    match name {
        SplitName::Train => Split::Train,
        SplitName::Valid => Split::Valid,
        SplitName::Test => Split::Test,
    }
}

fn train(arguments: &TokenizerTrain, context: &Context) -> Outcome<()> {
    let mut recipe = recipe::resolve(&arguments.recipe, None)?;
    let quoted = |key: &str, value: &String| format!("tokenizer.{key}=\"{value}\"");
    let overrides: Vec<String> = [
        arguments.vocabulary_size.map(|size| format!("tokenizer.vocabulary_size={size}")),
        arguments.algorithm.as_ref().map(|name| quoted("algorithm", name)),
        arguments.rules.as_ref().map(|name| quoted("rules", name)),
    ]
    .into_iter()
    .flatten()
    .collect();
    recipe = recipe.with_overrides(&overrides)?;
    if let Some(code) = &arguments.language {
        let code: LanguageCode = code.parse().map_err(Failure::from)?;
        if glossa_languages::find(&code).is_none() {
            context.console.line(&format!(
                "note: `{code}` is not among the built-in languages; its character coverage is the default"
            ));
        }
    }
    let config = serde_json::to_value(&recipe.tokenizer).unwrap_or_default();
    if context.plan("tokenizer train", &arguments.out, &[&arguments.corpus], config)? {
        return Ok(());
    }
    let language = arguments.language.as_deref();
    let tokenizer = glossa_pipeline::tokenizer::train(
        &arguments.corpus,
        &recipe.tokenizer,
        &Written::of_code(language),
        context.seed,
        &arguments.out,
        &context.console,
    )?;
    let size = tokenizer.vocabulary_size();
    let value = json!({"folder": arguments.out, "vocabulary_size": size, "sha256": tokenizer.digest()});
    context.emit(&value, &format!("tokenizer: {size} pieces\nfolder: {}", arguments.out.display()))
}

fn encode(arguments: &TokenizerEncode, context: &Context) -> Outcome<()> {
    let tokenizer = Tokenizer::load(&arguments.tokenizer)?;
    let (mut rows, mut lines) = (Vec::new(), String::new());
    for (index, text) in texts_or_stdin(&arguments.texts)?.iter().enumerate() {
        let ids = match arguments.sample {
            Some(alpha) => tokenizer.sample_encode(
                text,
                alpha,
                Stream::new(context.seed, Purpose::Segmentation, 0, index as u64),
            )?,
            None => tokenizer.encode(text)?,
        };
        let pieces: Vec<&str> = ids.iter().map(|id| tokenizer.piece(*id).unwrap_or_default()).collect();
        lines.push_str(&pieces.join(" "));
        lines.push('\n');
        rows.push(json!({"text": text, "pieces": pieces, "ids": ids}));
    }
    context.emit(&json!({"texts": rows}), &lines)
}

fn decode(arguments: &TokenizerDecode, context: &Context) -> Outcome<()> {
    let tokenizer = Tokenizer::load(&arguments.tokenizer)?;
    let rows =
        if arguments.ids.is_empty() { ids_of_lines(&texts_or_stdin(&[])?)? } else { vec![arguments.ids.clone()] };
    let mut texts = Vec::new();
    for ids in &rows {
        texts.push(tokenizer.decode(ids)?);
    }
    context.emit(&json!({"texts": texts}), &texts.join("\n"))
}

fn ids_of_lines(lines: &[String]) -> Outcome<Vec<Vec<u32>>> {
    let id = |line: usize, word: &str| {
        let wrong = || {
            Failure::data(format!("stdin:{}: `{word}` is not a piece id", line + 1))
                .hint("write ids as numbers between spaces")
        };
        word.parse::<u32>().map_err(|_| wrong())
    };
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| line.split_whitespace().map(|word| id(number, word)).collect())
        .collect()
}

fn stats(arguments: &TokenizerStats, context: &Context) -> Outcome<()> {
    let tokenizer = Tokenizer::load(&arguments.tokenizer)?;
    let statistics =
        glossa_pipeline::tokenizer::corpus_statistics(&tokenizer, &arguments.corpus, split(arguments.split))?;
    let text = format!(
        "documents {}\nwords {}\npieces {}\npieces a word {:.3}\ncharacters a piece {:.3}\nunknown pieces {} ({:.4} %)\nvocabulary used {} of {}",
        statistics.documents,
        statistics.words,
        statistics.pieces,
        statistics.pieces_per_word(),
        statistics.characters_per_piece(),
        statistics.unknown,
        100.0 * statistics.unknown as f64 / statistics.pieces.max(1) as f64,
        statistics.used,
        statistics.vocabulary_size
    );
    let value = json!({
        "statistics": statistics,
        "pieces_per_word": statistics.pieces_per_word(),
        "characters_per_piece": statistics.characters_per_piece(),
    });
    context.emit(&value, &text)
}

//! `glossa corpus`.

use glossa_base::Outcome;
use glossa_corpora::{DocumentUnit, Options, SourceKind, SplitCounts, Summary};

use crate::arguments::{CorpusBuild, CorpusCommand, Kind, Unit};
use crate::context::Context;

pub(super) fn run(command: &CorpusCommand, context: &Context) -> Outcome<()> {
    match command {
        CorpusCommand::Build(arguments) => build(arguments, context),
    }
}

fn build(arguments: &CorpusBuild, context: &Context) -> Outcome<()> {
    let options = options(arguments, context.seed);
    options.check()?;
    let inputs: Vec<&std::path::Path> = arguments.inputs.iter().map(std::path::PathBuf::as_path).collect();
    let config = serde_json::to_value(&options).unwrap_or_default();
    if context.plan("corpus build", &arguments.out, &inputs, config)? {
        return Ok(());
    }
    let kind = arguments.kind.map(|kind| match kind {
        Kind::Text => SourceKind::Text,
        Kind::Jsonl => SourceKind::Jsonl,
        Kind::Csv => SourceKind::Csv,
        Kind::Tsv => SourceKind::Tsv,
        Kind::Dump => SourceKind::Dump,
    });
    let summary = glossa_pipeline::corpus::build(&arguments.inputs, kind, &options, &arguments.out, &context.console)?;
    context.emit(&serde_json::json!({"folder": arguments.out, "summary": summary}), &describe(&summary, &arguments.out))
}

fn options(arguments: &CorpusBuild, seed: u64) -> Options {
    Options {
        unit: match arguments.documents {
            Unit::Line => DocumentUnit::Line,
            Unit::Block => DocumentUnit::Block,
        },
        text_field: arguments.text_column.clone(),
        minimum_characters: arguments.minimum_characters,
        minimum_words: arguments.minimum_words,
        remove_duplicates: !arguments.keep_duplicates,
        valid_share: arguments.valid_share,
        test_share: arguments.test_share,
        seed,
        ..Options::default()
    }
}

fn describe(summary: &Summary, out: &std::path::Path) -> String {
    let dropped = &summary.dropped;
    let reasons = [
        (dropped.duplicates, "duplicates"),
        (dropped.redirects, "redirects"),
        (dropped.other_namespaces, "outside the article namespace"),
        (dropped.other_content, "not wikitext"),
        (dropped.empty, "empty"),
        (dropped.too_short, "too short"),
    ];
    let reasons: Vec<String> =
        reasons.iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}")).collect();
    let dropped =
        if reasons.is_empty() { "none dropped".to_owned() } else { format!("dropped {}", reasons.join(", ")) };
    let split = |name: &str, counts: &SplitCounts| {
        format!(
            "  {name:<6}{:>9} documents {:>11} words {:>12} characters\n",
            counts.documents, counts.words, counts.characters
        )
    };
    format!(
        "corpus: {} documents read, {dropped}\n{}{}{}folder: {}",
        summary.read,
        split("train", &summary.train),
        split("valid", &summary.valid),
        split("test", &summary.test),
        out.display()
    )
}

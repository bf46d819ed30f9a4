//! `glossa corpus`.

mod fetch;

use glossa_base::{Failure, Outcome};
use glossa_corpora::{
    DocumentUnit, DumpOptions, HELD_OUT_SHARE, Options, SourceKind, SplitCounts, Summary, TweetOptions,
};
use glossa_pipeline::corpus_statistics;

use crate::arguments::{CorpusBuild, CorpusCommand, CorpusStats, Kind, Unit};
use crate::context::Context;

pub(super) fn run(command: &CorpusCommand, context: &Context) -> Outcome<()> {
    match command {
        CorpusCommand::Fetch(command) => fetch::run(command, context),
        CorpusCommand::Build(arguments) => build(arguments, context),
        CorpusCommand::Stats(arguments) => stats(arguments, context),
    }
}

fn stats(arguments: &CorpusStats, context: &Context) -> Outcome<()> {
    let statistics = corpus_statistics::count(&arguments.corpus, &context.console)?;
    let mut text = corpus_statistics::describe(&statistics);
    if let Some(out) = arguments.out.as_ref().filter(|_| !context.dry_run) {
        corpus_statistics::draw(&statistics, &arguments.corpus, out)?;
        text.push_str(&format!("\npage: {}", out.display()));
    }
    let value = serde_json::json!({"folder": arguments.corpus, "page": arguments.out, "statistics": statistics});
    context.emit(&value, &text)
}

fn build(arguments: &CorpusBuild, context: &Context) -> Outcome<()> {
    let options = options(arguments, context.seed)?;
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
        Kind::Cirrus => SourceKind::Cirrus,
        Kind::WikiExtractor => SourceKind::WikiExtractor,
        Kind::Tweets => SourceKind::Tweets,
    });
    let summary = glossa_pipeline::corpus::build(&arguments.inputs, kind, &options, &arguments.out, &context.console)?;
    context.emit(&serde_json::json!({"folder": arguments.out, "summary": summary}), &describe(&summary, &arguments.out))
}

fn options(arguments: &CorpusBuild, seed: u64) -> Outcome<Options> {
    let base = match &arguments.language {
        Some(code) => Options::for_language(code)?,
        None => Options::default(),
    };
    let share = if arguments.size.is_some() { HELD_OUT_SHARE } else { base.valid_share };
    let mut options = Options {
        unit: match arguments.documents {
            Unit::Line => DocumentUnit::Line,
            Unit::Block => DocumentUnit::Block,
        },
        text_field: arguments.text_column.clone(),
        dump: DumpOptions {
            headings: arguments.headings,
            lists: !arguments.no_lists,
            disambiguations: arguments.disambiguations,
            list_pages: arguments.list_pages,
        },
        tweets: TweetOptions {
            language: arguments.language.clone(),
            skip_retweets: arguments.skip_retweets,
            mask: arguments.mask,
        },
        remove_duplicates: !arguments.keep_duplicates,
        keep_near_duplicates: arguments.keep_near_duplicates,
        size: arguments.size,
        valid_share: arguments.valid_share.unwrap_or(share),
        test_share: arguments.test_share.unwrap_or(share),
        seed,
        ..base
    };
    let minimums = [("minimum-characters", arguments.minimum_characters), ("minimum-words", arguments.minimum_words)];
    for (name, value) in minimums {
        value.map_or(Ok(()), |value| options.cleaning.set(name, &value.to_string()))?;
    }
    for filter in &arguments.filters {
        let (name, value) = filter.split_once('=').ok_or_else(|| {
            Failure::new(glossa_base::Kind::Usage, format!("`{filter}` sets no filter"))
                .hint("write --filter NAME=VALUE, such as digits=0.3")
        })?;
        options.cleaning.set(name.trim(), value.trim())?;
    }
    Ok(options)
}

fn describe(summary: &Summary, out: &std::path::Path) -> String {
    let counted = |counts: &[(&str, u64)], word: &str| {
        let counts: Vec<String> =
            counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
        if counts.is_empty() { format!("none {word}") } else { format!("{word}: {}", counts.join(", ")) }
    };
    let dropped = counted(&summary.dropped.reasons(), "dropped");
    let unread = match summary.bad_streams {
        0 => String::new(),
        count => format!("; {count} streams could not be read"),
    };
    let changed = counted(&summary.changed.fixes(), "changed");
    let split = |name: &str, counts: &SplitCounts| {
        format!(
            "  {name:<6}{:>9} documents {:>11} words {:>12} characters\n",
            counts.documents, counts.words, counts.characters
        )
    };
    format!(
        "corpus: {} documents read; {dropped}; {changed}{unread}\n{}{}{}folder: {}",
        summary.read,
        split("train", &summary.train),
        split("valid", &summary.valid),
        split("test", &summary.test),
        out.display()
    )
}

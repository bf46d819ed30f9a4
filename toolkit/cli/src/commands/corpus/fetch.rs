//! `glossa corpus fetch`.

mod tweets;

use glossa_base::Outcome;
use glossa_base::download::Watch;
use glossa_corpora::wikipedia::{self, Choice, Record, Summary};
use serde_json::json;

use crate::arguments::{FetchCommand, FetchWikipedia};
use crate::context::Context;
use crate::{network, signals};

pub(super) fn run(command: &FetchCommand, context: &Context) -> Outcome<()> {
    match command {
        FetchCommand::Wikipedia(arguments) => wikipedia(arguments, context),
        FetchCommand::Tweets(arguments) => tweets::run(arguments, context),
    }
}

fn wikipedia(arguments: &FetchWikipedia, context: &Context) -> Outcome<()> {
    let choice = Choice {
        language: arguments.language.parse()?,
        date: arguments.date.clone(),
        base_url: arguments.base_url.clone(),
        single_stream: arguments.single_stream,
    };
    let interrupt = signals::listen()?;
    let watch = Watch { progress: &context.console, interrupt: &interrupt };
    let downloader = network::downloader(context)?;
    let out = &arguments.out;
    let plan = wikipedia::plan(&choice, out, &downloader, watch)?;
    if context.dry_run {
        let value = json!({"command": "corpus fetch", "would_write": out, "bytes": plan.bytes(), "source": plan});
        return context.emit(&value, &planned(&plan, out));
    }
    let Summary { record, transferred } = wikipedia::fetch(plan, out, &downloader, watch)?;
    let text = fetched(&record, transferred, out);
    let bytes = record.bytes();
    context.emit(&json!({"folder": out, "bytes": bytes, "transferred": transferred, "source": record}), &text)
}

fn planned(plan: &Record, out: &std::path::Path) -> String {
    let files: String = plan.files.iter().map(|file| format!("  {:>15} bytes  {}\n", file.bytes, file.url)).collect();
    let total = plan.bytes();
    format!("corpus fetch: would write {total} bytes to {}\n{files}nothing was written", out.display())
}

fn fetched(record: &Record, transferred: u64, out: &std::path::Path) -> String {
    let Record { wiki, date, licence, .. } = record;
    let here = if transferred == 0 { ", all there already (--date or another --out gets another dump)" } else { "" };
    format!(
        "source: {wiki} of {date}, {} files, {} bytes{here}\nlicence: {licence}\nfolder: {}",
        record.files.len(),
        record.bytes(),
        out.display()
    )
}

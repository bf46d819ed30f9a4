//! Prints what the filters drop and the fixes change of a file, with the counts at the end:
//! `drops FILE [CODE] [FILTER=VALUE ...]`, to look at before a threshold is trusted. Of each step, the
//! first 10,000 documents are shown.
#![expect(clippy::print_stdout, reason = "an example prints")]

use glossa_base::Silent;
use glossa_corpora::{Options, Source, build};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((file, rest)) = arguments.split_first() else {
        return Err("usage: drops FILE [CODE] [FILTER=VALUE ...]".into());
    };
    let mut options = match rest.iter().find(|argument| !argument.contains('=')) {
        Some(code) => Options::for_language(code)?,
        None => Options::default(),
    };
    for (name, value) in rest.iter().filter_map(|argument| argument.split_once('=')) {
        options.cleaning.set(name, value)?;
    }
    options.examples = 10_000;
    let folder = tempfile::tempdir()?;
    let started = std::time::Instant::now();
    let summary = build(&[Source::new(file)], &options, &folder.path().join("corpus"), &Silent)
        .map_err(|failure| failure.chain())?;
    for (step, examples) in &summary.examples {
        for example in examples {
            println!(
                "{step}\t{}\t{}\t{}",
                example.id,
                example.text.replace('\n', " / "),
                example.why.replace('\n', " / ")
            );
        }
    }
    let counts = summary.changed.fixes().into_iter().chain(summary.dropped.reasons()).filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    println!(
        "total\t{} read, {} kept, {:.1} s\t{}",
        summary.read,
        summary.read - summary.dropped.total(),
        started.elapsed().as_secs_f64(),
        counts.join(", ")
    );
    for remark in &summary.remarks {
        println!("remark\t{remark}");
    }
    Ok(())
}

//! `glossa zoo`.

use std::path::Path;

use glossa_base::download::Watch;
use glossa_base::{Failure, Interrupt, Kind, Outcome};
use glossa_pipeline::import::{self, ImportOptions};
use glossa_zoo::index::Entry;
use glossa_zoo::push::{self, Details, Target};
use glossa_zoo::{ModelId, convert};
use serde_json::json;

use crate::arguments::{
    IndexArguments, ZooCache, ZooCommand, ZooConvert, ZooExport, ZooImport, ZooList, ZooPull, ZooPush, ZooRemove,
    ZooVerify,
};
use crate::context::Context;
use crate::{models, signals};

pub(super) fn run(command: &ZooCommand, context: &Context) -> Outcome<()> {
    match command {
        ZooCommand::List(arguments) => list(arguments, context),
        ZooCommand::Pull(arguments) => pull(arguments, context),
        ZooCommand::Import(arguments) => import(arguments, context),
        ZooCommand::Export(arguments) => export(arguments, context),
        ZooCommand::Verify(arguments) => verify(arguments, context),
        ZooCommand::Remove(arguments) => remove(arguments, context),
        ZooCommand::Cache(arguments) => cache(arguments, context),
        ZooCommand::Push(arguments) => push(arguments, context),
        ZooCommand::Convert(arguments) => convert_weights(arguments, context),
    }
}

fn open(index: &IndexArguments, context: &Context) -> Outcome<glossa_zoo::Zoo> {
    models::zoo(index.index.as_deref(), context)
}

/// Bytes in a unit that people read.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

fn list(arguments: &ZooList, context: &Context) -> Outcome<()> {
    let zoo = open(&arguments.index, context)?;
    let word = arguments.word.as_deref().unwrap_or_default().to_lowercase();
    let shown = |entry: &&Entry| {
        let all = [entry.name.as_str(), &entry.architecture, &entry.licence, &entry.languages.join(" ")].join(" ");
        all.to_lowercase().contains(&word)
    };
    let entries: Vec<&Entry> = zoo.index().entries().iter().filter(shown).collect();
    let row = |entry: &&Entry| {
        let bytes = entry.bytes().map_or_else(|| "?".to_owned(), size);
        let score = entry.scores.first();
        let score = score.map_or_else(String::new, |score| format!("{} {} {}", score.task, score.metric, score.value));
        let name = format!("glossa:{}", entry.name);
        format!(
            "{name:<34}{:<10}{:<20}{bytes:<10}{:<14}{score}\n",
            entry.languages.join(","),
            entry.architecture,
            entry.licence
        )
    };
    let rows: String = entries.iter().map(row).collect();
    context.emit(&json!({"models": entries}), rows.trim_end())
}

fn pull(arguments: &ZooPull, context: &Context) -> Outcome<()> {
    let zoo = open(&arguments.index, context)?;
    let ids: Vec<ModelId> = arguments.ids.iter().map(|id| ModelId::parse_beside_files(id)).collect::<Result<_, _>>()?;
    if context.dry_run {
        let plan = json!({"command": "zoo pull", "would_write": zoo.cache().root(), "inputs": arguments.ids});
        let text = format!(
            "zoo pull: would write {} into {}\nnothing was written",
            arguments.ids.join(", "),
            zoo.cache().root().display()
        );
        return context.emit(&plan, &text);
    }
    let interrupt: Interrupt = signals::listen()?;
    let mut pulled = Vec::new();
    for id in &ids {
        pulled.push(zoo.pull(id, Watch { progress: &context.console, interrupt: &interrupt })?);
    }
    let mut text = String::new();
    for one in &pulled {
        let came = match (one.transferred, one.is_new) {
            (0, false) => "was there".to_owned(),
            (0, true) => "unpacked".to_owned(),
            (bytes, _) => format!("{} fetched", size(bytes)),
        };
        text.push_str(&format!(
            "{}: {} files, {}, {came}\n{}\n",
            one.id,
            one.files,
            size(one.bytes),
            one.folder.display()
        ));
        one.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    }
    context.emit(&json!({"models": pulled}), text.trim_end())
}

fn verify(arguments: &ZooVerify, context: &Context) -> Outcome<()> {
    let id = ModelId::parse_beside_files(&arguments.model)?;
    if let ModelId::Path(path) = &id
        && path.is_dir()
    {
        return verify_folder(path, context);
    }
    let zoo = open(&arguments.index, context)?;
    let interrupt = Interrupt::default();
    let verified = zoo.verify(&id, Watch { progress: &context.console, interrupt: &interrupt })?;
    let mut text = format!("{}: {} files, {}", verified.id, verified.files, size(verified.bytes));
    for damage in &verified.damaged {
        let (path, found, expected) = (damage.path.display(), &damage.found, &damage.expected);
        text.push_str(&format!("\ndamaged: {path} has {found}, and should have {expected}"));
    }
    verified.unknown.iter().for_each(|name| text.push_str(&format!("\nno hash is known of {name}")));
    if verified.damaged.is_empty() {
        return context.emit(&verified, &format!("{text}: whole"));
    }
    context.emit(&verified, &text)?;
    let hint = if arguments.drop && !context.dry_run {
        let (repository, _) = zoo.cached(&id)?;
        repository.drop_damaged(&verified.damaged)?;
        "they were removed: pull the model again"
    } else {
        "run it with --drop to remove them, and pull the model again"
    };
    let problem = format!("{} of {} files are damaged", verified.damaged.len(), verified.files);
    Err(Failure::new(Kind::Network, problem).hint(hint))
}

fn verify_folder(folder: &Path, context: &Context) -> Outcome<()> {
    let verified = glossa_zoo::verify(folder)?;
    let text = format!("{} files, {} bytes: whole", verified.files, verified.bytes);
    let unlisted = verified.unlisted.iter().map(|name| format!("\nnot listed in the manifest: {name}"));
    context.emit(&verified, &unlisted.fold(text, |text, line| text + &line))
}

fn remove(arguments: &ZooRemove, context: &Context) -> Outcome<()> {
    let zoo = open(&arguments.index, context)?;
    let id = ModelId::parse(&arguments.id)?;
    let (repository, _) = zoo.cached(&id)?;
    if context.plan("zoo remove", &repository.folder(), &[], json!({}))? {
        return Ok(());
    }
    let removed = zoo.remove(&id)?;
    context.emit(&removed, &format!("{} revisions, {} freed", removed.revisions, size(removed.bytes)))
}

fn cache(arguments: &ZooCache, context: &Context) -> Outcome<()> {
    let zoo = models::zoo(None, context)?;
    let cache = zoo.cache();
    if let Some(start) = &arguments.forget_pin {
        let count = if context.dry_run { 0 } else { cache.forget_pins(start)? };
        return context.emit(&json!({"forgotten": count}), &format!("{count} pins forgotten"));
    }
    if arguments.clean && !context.dry_run {
        let removed = cache.clean()?;
        return context.emit(&removed, &format!("{} blobs, {} freed", removed.blobs, size(removed.bytes)));
    }
    let listed = cache.list()?;
    let mut text = format!("{}\n", cache.root().display());
    for model in &listed {
        text.push_str(&format!("{:<44}{}\n", model.id, size(model.bytes)));
        for revision in &model.revisions {
            let state = match revision.complete {
                Some(true) => "whole",
                Some(false) => "incomplete",
                None => "of another tool",
            };
            let commit: String = revision.commit.chars().take(12).collect();
            let refs = revision.refs.join(", ");
            text.push_str(&format!(
                "  {commit}  {} files  {}  {state}  {refs}\n",
                revision.files,
                size(revision.bytes)
            ));
        }
    }
    context.emit(&json!({"cache": cache.root(), "models": listed}), text.trim_end())
}

fn push(arguments: &ZooPush, context: &Context) -> Outcome<()> {
    let target = Target::parse(&arguments.target, arguments.private)?;
    let details = Details {
        name: arguments.name.clone(),
        licence: arguments.licence.clone(),
        language: arguments.language.clone(),
        data: arguments.data.clone(),
        intended_use: arguments.intended_use.clone(),
        limits: arguments.limits.clone(),
        reproduce: arguments.reproduce.clone(),
        message: arguments.message.clone(),
        ..Details::default()
    };
    if context.dry_run {
        let card = push::card(&arguments.folder, &details)?;
        return context.emit(&json!({"card": card}), &format!("{card}\nnothing was published"));
    }
    let zoo = models::zoo(None, context)?;
    let interrupt: Interrupt = signals::listen()?;
    let watch = Watch { progress: &context.console, interrupt: &interrupt };
    let published = zoo.push(&arguments.folder, &target, &details, watch)?;
    let sum = published.sha256.as_ref().map_or_else(String::new, |sum| format!("\nsha256 {sum}"));
    let text = format!("{}: {} files, {}{sum}", published.place, published.files, size(published.bytes));
    context.emit(&published, &text)
}

fn convert_weights(arguments: &ZooConvert, context: &Context) -> Outcome<()> {
    let precision = convert::precision(&arguments.to)?;
    if context.plan("zoo convert", &arguments.out, &[&arguments.model], json!({"to": arguments.to}))? {
        return Ok(());
    }
    let interrupt: Interrupt = signals::listen()?;
    let watch = Watch { progress: &context.console, interrupt: &interrupt };
    let converted = convert::convert_folder(&arguments.model, &arguments.out, precision, watch)?;
    let text = format!(
        "{} tensors converted, {} kept as they are; {} became {}\nfolder: {}",
        converted.tensors,
        converted.kept,
        size(converted.bytes_before),
        size(converted.bytes),
        arguments.out.display()
    );
    context.emit(&converted, &text)
}

fn import(arguments: &ZooImport, context: &Context) -> Outcome<()> {
    if context.plan("zoo import", &arguments.out, &[&arguments.from], serde_json::Value::Null)? {
        return Ok(());
    }
    let options = ImportOptions {
        from: &arguments.from,
        out: &arguments.out,
        language: arguments.language.clone(),
        backward: arguments.backward,
        licence: arguments.licence.clone(),
    };
    let imported = import::import(&options)?;
    let notes: String = imported.notes.iter().map(|note| format!("note: {note}\n")).collect();
    let millions = imported.parameters as f64 / 1e6;
    let text = format!(
        "{}: {millions:.1} million weights\n{notes}folder: {}",
        imported.architecture,
        imported.folder.display()
    );
    context.emit(&imported, &text)
}

fn export(arguments: &ZooExport, context: &Context) -> Outcome<()> {
    if context.plan("zoo export", &arguments.out, &[&arguments.model], serde_json::Value::Null)? {
        return Ok(());
    }
    let folder = import::export(&arguments.model, &arguments.out)?;
    context.emit(&json!({"folder": folder}), &format!("folder: {}", folder.display()))
}

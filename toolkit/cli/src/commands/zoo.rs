//! `glossa zoo`.

use glossa_base::Outcome;
use glossa_pipeline::import::{self, ImportOptions};
use serde_json::json;

use crate::arguments::{ZooCommand, ZooExport, ZooImport};
use crate::context::Context;

pub(super) fn run(command: &ZooCommand, context: &Context) -> Outcome<()> {
    match command {
        ZooCommand::Import(arguments) => import(arguments, context),
        ZooCommand::Export(arguments) => export(arguments, context),
        ZooCommand::Verify(arguments) => {
            let verified = glossa_zoo::verify(&arguments.model)?;
            let text = format!("{} files, {} bytes: whole", verified.files, verified.bytes);
            let unlisted = verified.unlisted.iter().map(|name| format!("\nnot listed in the manifest: {name}"));
            context.emit(&verified, &unlisted.fold(text, |text, line| text + &line))
        }
    }
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

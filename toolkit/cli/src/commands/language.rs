//! `glossa language`.

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Kind, LanguageCode, Outcome, atomic};
use glossa_languages::{Direction, Language, New, write_new};
use glossa_pipeline::languages::{self, Wanted};
use serde_json::json;

use crate::arguments::{LanguageCheck, LanguageCommand, LanguageList, LanguageNew, LanguageShow};
use crate::console;
use crate::context::Context;

pub(super) fn run(command: &LanguageCommand, context: &Context) -> Outcome<()> {
    match command {
        LanguageCommand::List(arguments) => list(arguments, context),
        LanguageCommand::Show(arguments) => show(arguments, context),
        LanguageCommand::New(arguments) => new(arguments, context),
        LanguageCommand::Check(arguments) => check(arguments, context),
        LanguageCommand::Schema => {
            let schema = glossa_languages::json_schema();
            let value: serde_json::Value = serde_json::from_str(&schema).unwrap_or_default();
            context.emit(&value, schema.trim_end())
        }
    }
}

fn list(arguments: &LanguageList, context: &Context) -> Outcome<()> {
    let languages: Vec<Language> =
        glossa_languages::builtin()?.into_iter().filter(|language| matches(language, arguments)).collect();
    let mut text = String::new();
    for language in &languages {
        let Language { code, name, native_name, script, .. } = language;
        let code = code.as_str();
        let native = native_name.as_deref().unwrap_or("");
        let benchmarks = language.benchmarks.join(" ");
        text.push_str(format!("{code:<13}{name:<28} {script:<6}{native:<24} {benchmarks}").trim_end());
        text.push('\n');
    }
    context.emit(&languages, &format!("{text}{} languages", languages.len()))
}

fn matches(language: &Language, arguments: &LanguageList) -> bool {
    let scripts = || std::iter::once(&language.script).chain(&language.other_scripts);
    let script = arguments.script.as_ref().is_none_or(|script| scripts().any(|known| known == script));
    let benchmark = arguments.benchmark.as_ref().is_none_or(|name| language.benchmarks.contains(name));
    let names = [Some(language.code.as_str()), Some(&language.name), language.native_name.as_deref()];
    let holds = |search: &String| {
        let search = search.to_lowercase();
        names.iter().flatten().any(|name| name.to_lowercase().contains(&search))
    };
    script
        && benchmark
        && (!arguments.unspaced || !language.spaced)
        && (!arguments.right_to_left || language.direction == Direction::RightToLeft)
        && arguments.search.as_ref().is_none_or(holds)
}

fn show(arguments: &LanguageShow, context: &Context) -> Outcome<()> {
    let mut found = languages::load(std::slice::from_ref(&arguments.target), &arguments.flags)?;
    let Some(Wanted { resolved, recipe, .. }) = found.pop() else {
        return Err(Failure::data("no language was found"));
    };
    let value = json!({"language": resolved.language, "settings": resolved.settings, "recipe": recipe});
    if !arguments.resolved {
        let text = toml::to_string(&resolved.language)
            .map_err(|cause| Failure::data("cannot show the language").because(cause))?;
        return context.emit(&value, text.trim_end());
    }
    let width = resolved.settings.keys().map(String::len).max().unwrap_or(0);
    let rows = resolved
        .settings
        .iter()
        .filter(|(key, _)| *key != "format")
        .map(|(key, setting)| format!("{key:<width$} = {:<24} {}\n", setting.value.to_string(), setting.origin));
    let rows: String = rows.collect();
    let vocabulary = format!(
        "\nThe recipe is preset {} with the values under `recipe`; its vocabulary has {} pieces.",
        resolved.language.preset, recipe.tokenizer.vocabulary_size
    );
    context.emit(&value, &format!("{rows}{vocabulary}"))
}

fn new(arguments: &LanguageNew, context: &Context) -> Outcome<()> {
    let code: LanguageCode = arguments.code.parse()?;
    let out = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("{code}.toml")));
    if out.exists() && !arguments.force {
        return Err(Failure::data(format!("{} is there already", out.display()))
            .hint("choose another --out, or write over it with --force"));
    }
    let task = arguments.train.as_deref().map(|train| (arguments.task.as_str(), train, arguments.test.as_deref()));
    let text = write_new(&New {
        code: &code,
        name: arguments.name.as_deref().unwrap_or(code.as_str()),
        script: &arguments.script,
        paths: &arguments.texts,
        task,
    });
    // What is written must be right: a wrong script or path is told now.
    glossa_languages::parse(&text, &out.display().to_string())?;
    if context.plan("language new", &out, &[], json!({"text": text}))? {
        return Ok(());
    }
    atomic::write_file(&out, text.as_bytes())?;
    context.emit(&json!({"file": out, "text": text}), &format!("{}\nfile: {}", text.trim_end(), out.display()))
}

fn check(arguments: &LanguageCheck, context: &Context) -> Outcome<()> {
    let mut wrong = Vec::new();
    let mut right = Vec::new();
    for file in &arguments.files {
        match checked(file) {
            Ok(found) => right.extend(found),
            Err(failure) => wrong.push(failure),
        }
    }
    let last = wrong.pop();
    wrong.iter().for_each(console::report);
    match last {
        Some(failure) => Err(failure),
        None => context
            .emit(&json!({"files": arguments.files, "languages": right}), &format!("right: {}", right.join(", "))),
    }
}

/// The codes of a file or of a folder's files.
fn checked(path: &Path) -> Outcome<Vec<String>> {
    let name = path.to_str().ok_or_else(|| Failure::new(Kind::Usage, "a path is not UTF-8"))?;
    let target = if path.exists() { name.to_owned() } else { format!("./{name}") };
    let found = languages::load(&[target], &[])?;
    Ok(found.iter().map(|wanted| wanted.code().to_string()).collect())
}

//! What a run is asked for: languages by code or file, and the recipe that each resolves to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glossa_base::{Failure, LanguageCode, Outcome};
use glossa_languages::{Document, Resolved, resolve_builtin, resolve_file};
use glossa_recipes::Recipe;
use glossa_recipes::recipe::Override;

/// A language that was asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The language with its settings' origins.
    pub resolved: Resolved,
    /// Its file, where it is not built in.
    pub file: Option<PathBuf>,
    /// Its recipe: the preset with the language's own values.
    pub recipe: Recipe,
}

impl Wanted {
    /// The language's code.
    pub fn code(&self) -> &LanguageCode {
        &self.resolved.language.code
    }

    /// The folder that its paths start from.
    pub fn folder(&self) -> PathBuf {
        self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).to_path_buf()
    }
}

/// The largest language file that is read, in bytes.
const LIMIT: u64 = 1 << 20;

/// Loads languages by code, by file, or all files of a folder; `flags` such as `preset=tiny` lie over each.
///
/// # Errors
/// An unknown code, a mistake in a file, two files for one code.
pub fn load(targets: &[String], flags: &[String]) -> Outcome<Vec<Wanted>> {
    let mut found: Vec<Wanted> = Vec::new();
    for target in targets {
        let path = Path::new(target);
        if path.is_dir() {
            for file in files(path)? {
                found.push(from_file(&file, flags)?);
            }
        } else if path.is_file() || target.contains(['/', '.', '\\']) {
            found.push(from_file(path, flags)?);
        } else {
            found.push(from_code(target, flags)?);
        }
    }
    refuse_twins(&found)?;
    Ok(found)
}

/// Loads every built-in language.
///
/// # Errors
/// A flag that does not fit.
pub fn load_all(flags: &[String]) -> Outcome<Vec<Wanted>> {
    glossa_languages::codes().map(|code| from_code(code, flags)).collect()
}

fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let failed = |cause| Failure::io("read", folder, cause);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::data(format!("{} has no language files", folder.display()))
            .hint("language files end in .toml; `glossa language new CODE` writes one"));
    }
    Ok(files)
}

fn from_code(code: &str, flags: &[String]) -> Outcome<Wanted> {
    let resolved = resolve_builtin(&code.parse::<LanguageCode>()?, flags)?;
    with_recipe(resolved, None)
}

fn from_file(path: &Path, flags: &[String]) -> Outcome<Wanted> {
    let text = read_text(path)?;
    let resolved = resolve_file(Document { text: &text, file: &path.display().to_string() }, flags)?;
    with_recipe(resolved, Some(path.to_path_buf()))
}

/// The text of a language file.
fn read_text(path: &Path) -> Outcome<String> {
    let size = std::fs::metadata(path).map_err(|cause| Failure::io("read", path, cause))?.len();
    if size > LIMIT {
        return Err(Failure::data(format!("{} has {size} bytes: that is no language file", path.display())));
    }
    std::fs::read_to_string(path).map_err(|cause| Failure::io("read", path, cause))
}

fn with_recipe(resolved: Resolved, file: Option<PathBuf>) -> Outcome<Wanted> {
    let recipe = recipe(&resolved)?;
    Ok(Wanted { resolved, file, recipe })
}

/// The recipe of a language: its preset, its own values, and a vocabulary of no less than it needs.
///
/// # Errors
/// An unknown preset or key with its place and the nearest right one; a value out of its range.
pub fn recipe(resolved: &Resolved) -> Outcome<Recipe> {
    let language = &resolved.language;
    let place = |key: &str| resolved.settings.get(key).map(|setting| setting.origin.place()).unwrap_or_default();
    let preset = Recipe::preset(&language.preset).map_err(|error| {
        let failure = Failure::from(error);
        Failure { message: format!("{}: {}", place("preset"), failure.message), ..failure }
    })?;
    let own = resolved.settings.iter().filter_map(|(key, setting)| {
        let key = key.strip_prefix("recipe.")?.to_owned();
        Some(Override { key, value: setting.value.clone(), place: setting.origin.place() })
    });
    let mut recipe = preset.with_values(&own.collect::<Vec<_>>())?;
    let least = language.minimum_vocabulary as usize;
    recipe.tokenizer.vocabulary_size = recipe.tokenizer.vocabulary_size.max(least);
    Ok(recipe)
}

fn refuse_twins(found: &[Wanted]) -> Outcome<()> {
    let mut seen: BTreeMap<&LanguageCode, &Wanted> = BTreeMap::new();
    let name = |wanted: &Wanted| {
        wanted.file.as_ref().map_or_else(|| "the built-in file".to_owned(), |file| file.display().to_string())
    };
    for wanted in found {
        if let Some(first) = seen.insert(wanted.code(), wanted) {
            let problem = format!("`{}` is asked for twice: by {} and by {}", wanted.code(), name(first), name(wanted));
            return Err(Failure::data(problem).hint("keep one file for a code, or give one of them another code"));
        }
    }
    Ok(())
}

//! `glossa recipe`, and finding the recipe of a run: a file, a preset, a model's own, with overrides.

use std::path::{Path, PathBuf};

use glossa_base::{Failure, Outcome};
use glossa_pipeline::schedules;
use glossa_recipes::{Recipe, model_folder};
use serde_json::json;

use crate::arguments::{RecipeArguments, RecipeCommand, RecipeDraw};
use crate::context::Context;

/// The recipe to use where the user names none.
const DEFAULT: &str = "small";

/// The recipe of a published model, which has none of its own.
const PUBLISHED: &str = "modernbert-base";

pub(super) fn run(command: &RecipeCommand, context: &Context) -> Outcome<()> {
    match command {
        RecipeCommand::Show(arguments) => {
            let recipe = resolve(arguments, None)?;
            context.emit(&recipe, recipe.to_toml().trim_end())
        }
        RecipeCommand::Draw(arguments) => draw(arguments, context),
    }
}

fn draw(arguments: &RecipeDraw, context: &Context) -> Outcome<()> {
    let (recipe, out) = (resolve(&arguments.recipe, None)?, &arguments.out);
    let inputs: Vec<&Path> = arguments.recipe.recipe.iter().map(PathBuf::as_path).collect();
    let config = serde_json::to_value(&recipe).unwrap_or_default();
    if context.plan("recipe draw", out, &inputs, config)? {
        return Ok(());
    }
    schedules::draw(&recipe, out)?;
    context.emit(&json!({"file": out}), &format!("schedules: {}", out.display()))
}

/// The resolved recipe; `model` is the folder whose recipe goes on where none is named.
pub(super) fn resolve(arguments: &RecipeArguments, model: Option<&Path>) -> Outcome<Recipe> {
    let recipe = match (&arguments.preset, &arguments.recipe, model) {
        (Some(preset), _, _) => Recipe::preset(preset)?,
        (None, Some(file), _) => {
            let unreadable = |cause| Failure::io("read", file, cause).hint("give a recipe file: TOML, as UTF-8 text");
            let text = std::fs::read_to_string(file).map_err(unreadable)?;
            Recipe::parse(&text, &file.display().to_string())?
        }
        (None, None, Some(model)) if is_published(model) => Recipe::preset(PUBLISHED)?,
        (None, None, Some(model)) => model_folder::read_recipe(model)?,
        (None, None, None) => Recipe::preset(DEFAULT)?,
    };
    Ok(recipe.with_overrides(&arguments.overrides)?)
}

/// Whether a folder is a model's that was made elsewhere: it has a configuration, and nothing of ours in it.
fn is_published(folder: &Path) -> bool {
    let config = std::fs::read(folder.join(glossa_zoo::layout::CONFIG)).unwrap_or_default();
    let config = serde_json::from_slice::<serde_json::Value>(&config).unwrap_or_default();
    let kind = config.get("model_type").and_then(serde_json::Value::as_str).unwrap_or(glossa_nn::config::MODEL_TYPE);
    !model_folder::has_recipe(folder) && kind != glossa_nn::config::MODEL_TYPE && config.get("glossa").is_none()
}

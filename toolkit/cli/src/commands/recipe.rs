//! Finding the recipe of a run: a file, a preset, a model's own, with overrides.

use std::path::Path;

use glossa_base::{Failure, Outcome};
use glossa_recipes::{Recipe, model_folder};

use crate::arguments::RecipeArguments;

/// The recipe to use where the user names none.
const DEFAULT: &str = "small";

/// The resolved recipe; `model` is the folder whose recipe goes on where none is named.
pub(super) fn resolve(arguments: &RecipeArguments, model: Option<&Path>) -> Outcome<Recipe> {
    let recipe = match (&arguments.preset, &arguments.recipe, model) {
        (Some(preset), _, _) => Recipe::preset(preset)?,
        (None, Some(file), _) => {
            let unreadable = |cause| Failure::io("read", file, cause).hint("give a recipe file: TOML, as UTF-8 text");
            let text = std::fs::read_to_string(file).map_err(unreadable)?;
            Recipe::parse(&text, &file.display().to_string())?
        }
        (None, None, Some(model)) => model_folder::read_recipe(model)?,
        (None, None, None) => Recipe::preset(DEFAULT)?,
    };
    Ok(recipe.with_overrides(&arguments.overrides)?)
}

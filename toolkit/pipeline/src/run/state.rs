//! What is done, stale or missing, and why.

use std::collections::BTreeMap;
use std::path::Path;

use glossa_base::Outcome;
use serde::Serialize;

use super::marker::{Broken, Marker};
use crate::plan::{Plan, Stage};

/// Whether a stage is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Its output is there and is what the plan asks for.
    Done,
    /// It was never done, or its output is gone.
    Missing,
    /// It was done in another way than the plan asks for.
    Stale {
        /// What is different.
        why: String,
    },
    /// A file of its output was changed after it was made.
    Edited {
        /// The file.
        file: String,
    },
    /// A stage that it waits for is not done.
    Waiting {
        /// That stage.
        on: String,
    },
}

/// A stage with its state.
#[derive(Debug, Clone, Serialize)]
pub struct StageState {
    /// The stage's name.
    pub stage: String,
    /// Its state.
    #[serde(flatten)]
    pub state: State,
    /// Seconds that it took, where it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// The states of all stages of a plan.
///
/// # Errors
/// A file that cannot be read.
pub fn states(plan: &Plan, root: &Path) -> Outcome<Vec<StageState>> {
    let mut known: BTreeMap<&str, State> = BTreeMap::new();
    let mut states = Vec::new();
    for stage in &plan.tasks {
        let marker = Marker::read(root, &stage.id)?;
        let waits = stage.after.iter().find(|id| known.get(id.as_str()).is_some_and(|state| *state != State::Done));
        let state = match (waits, &marker) {
            (Some(on), Some(_)) => State::Stale { why: format!("{on} is to be made again before it") },
            (Some(on), None) => State::Waiting { on: on.clone() },
            (None, _) => judge(stage, marker.as_ref(), root)?,
        };
        let seconds = marker.filter(|_| state == State::Done).map(|marker| marker.seconds);
        known.insert(&stage.id, state.clone());
        states.push(StageState { stage: stage.id.clone(), state, seconds });
    }
    Ok(states)
}

/// The state of one stage. Of those that it waits for, only their markers are looked at.
pub(super) fn of(plan: &Plan, stage: &Stage, root: &Path) -> Outcome<State> {
    for id in &stage.after {
        let marker = Marker::read(root, id)?;
        if marker.is_none() && plan.stage(id).is_some() {
            return Ok(State::Waiting { on: id.clone() });
        }
    }
    judge(stage, Marker::read(root, &stage.id)?.as_ref(), root)
}

fn judge(stage: &Stage, marker: Option<&Marker>, root: &Path) -> Outcome<State> {
    let Some(marker) = marker else { return Ok(State::Missing) };
    if let Some(why) = difference(stage, marker, root)? {
        return Ok(State::Stale { why });
    }
    Ok(match marker.broken(root)? {
        None => State::Done,
        Some(Broken::Gone) => State::Missing,
        Some(Broken::Changed(file)) => State::Edited { file },
    })
}

/// What the plan asks for and the marker does not say.
fn difference(stage: &Stage, marker: &Marker, root: &Path) -> Outcome<Option<String>> {
    let settings = stage.work.settings()?;
    let keys: std::collections::BTreeSet<&String> = settings.keys().chain(marker.settings.keys()).collect();
    let show = |value: Option<&serde_json::Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    for key in keys {
        let (now, then) = (settings.get(key), marker.settings.get(key));
        if now != then {
            return Ok(Some(format!("{key} is {} and was {}", show(now), show(then))));
        }
    }
    if stage.seed != marker.seed {
        return Ok(Some(format!("the seed is {} and was {}", stage.seed, marker.seed)));
    }
    let mut sources: BTreeMap<&String, String> =
        stage.inputs.iter().map(|input| (&input.path, input.sha256.clone())).collect();
    for id in &stage.after {
        sources.insert(id, Marker::read(root, id)?.map(|marker| marker.sha256).unwrap_or_default());
    }
    for (name, sha256) in &sources {
        match marker.sources.get(*name) {
            None => return Ok(Some(format!("it was made without {name}"))),
            Some(then) if then != sha256 => return Ok(Some(format!("{name} has changed"))),
            Some(_) => {}
        }
    }
    let gone = marker.sources.keys().find(|name| !sources.contains_key(name));
    Ok(gone.map(|name| format!("it was made from {name} too")))
}

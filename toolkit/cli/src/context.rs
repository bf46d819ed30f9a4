//! What every command gets: how to print, from which seed and where to compute.

use glossa_base::{Failure, Outcome};
use glossa_nn::DeviceChoice;
use serde::Serialize;

use crate::arguments::Common;
use crate::console::{Console, print};

pub(crate) struct Context {
    pub(crate) console: Console,
    pub(crate) json: bool,
    pub(crate) seed: u64,
    pub(crate) device: DeviceChoice,
    pub(crate) dry_run: bool,
    pub(crate) offline: bool,
}

impl Context {
    pub(crate) fn new(common: &Common) -> Outcome<Self> {
        Ok(Context {
            console: Console::new(common.quiet),
            json: common.json,
            seed: common.seed,
            device: common.device.parse::<DeviceChoice>()?,
            dry_run: common.dry_run,
            offline: common.offline,
        })
    }

    /// Prints a result: one JSON object for programs, or text for people.
    pub(crate) fn emit<T: Serialize>(&self, value: &T, text: &str) -> Outcome<()> {
        if self.json {
            let json = serde_json::to_string(value)
                .map_err(|cause| Failure::data("cannot print the result").because(cause))?;
            print(&json);
        } else {
            print(text);
        }
        Ok(())
    }

    /// With `--dry-run`, says what would be written and that nothing was.
    pub(crate) fn plan(
        &self,
        command: &str,
        out: &std::path::Path,
        inputs: &[&std::path::Path],
        config: serde_json::Value,
    ) -> Outcome<bool> {
        if !self.dry_run {
            return Ok(false);
        }
        for path in inputs {
            std::fs::metadata(path).map_err(|cause| Failure::io("read", path, cause))?;
        }
        let names: Vec<String> = inputs.iter().map(|path| path.display().to_string()).collect();
        let value = serde_json::json!({"command": command, "would_write": out, "inputs": names, "seed": self.seed, "config": config});
        let settings = toml_like(&value["config"]);
        self.emit(
            &value,
            &format!(
                "{command}: would write {} from {}\n{settings}nothing was written",
                out.display(),
                names.join(", ")
            ),
        )?;
        Ok(true)
    }
}

fn toml_like(config: &serde_json::Value) -> String {
    match config {
        serde_json::Value::Object(map) => map.iter().map(|(key, value)| format!("  {key} = {value}\n")).collect(),
        _ => String::new(),
    }
}

//! Handing a plan over to Slurm, and asking what became of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use glossa_base::{Failure, Outcome, atomic};
use glossa_pipeline::run::states;
use glossa_pipeline::slurm::{Array, SlurmSetting, arrays};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Planned, read};
use crate::arguments::{Engine, PipelineSubmit};
use crate::context::Context;

/// Below the folder of a run: scripts, logs, and what was handed over.
const FOLDER: &str = "slurm";
const RECORD: &str = "jobs.json";

/// What was handed over.
#[derive(Serialize, Deserialize)]
struct Handed {
    format: u32,
    /// Ids of jobs and the names of their scripts.
    jobs: BTreeMap<String, String>,
}

pub(super) fn submit(arguments: &PipelineSubmit, context: &Context) -> Outcome<()> {
    let Engine::Slurm = arguments.engine;
    let Planned { plan, root } = read(&arguments.plan)?;
    let absolute = |path: &Path| std::path::absolute(path).map_err(|cause| Failure::io("find", path, cause));
    let (folder, file) = (absolute(&root)?.join(FOLDER), absolute(&root)?.join(glossa_pipeline::plan::FILE_NAME));
    let program =
        std::env::current_exe().map_err(|cause| Failure::data("cannot tell where this program lies").because(cause))?;
    let setting = SlurmSetting {
        program: &program,
        plan: &file,
        cpus: arguments.cpus,
        minutes: arguments.minutes,
        concurrent: arguments.concurrent,
        options: &arguments.options,
    };
    let arrays = arrays(&plan, &states(&plan, &root)?, &setting);
    if context.dry_run {
        return show(&arrays, context);
    }
    let mut handed = Handed { format: 1, jobs: BTreeMap::new() };
    let (mut before, mut former): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut level = 0;
    for array in &arrays {
        if array.level > level {
            (before, former, level) = (std::mem::take(&mut former), Vec::new(), array.level);
        }
        let id = hand_over(array, &folder, &before)?;
        handed.jobs.insert(id.clone(), array.name.clone());
        former.push(id);
    }
    let text =
        serde_json::to_vec_pretty(&handed).map_err(|cause| Failure::data("cannot record the jobs").because(cause))?;
    atomic::write_file(&folder.join(RECORD), &text)?;
    let lines: String = arrays
        .iter()
        .zip(handed.jobs.keys())
        .map(|(array, id)| format!("job {id}: {}, {} stages\n", array.name, array.stages.len()))
        .collect();
    let place = root.display();
    context.emit(&json!({"jobs": handed.jobs}), &format!("{lines}what is done: glossa pipeline status {place} --slurm"))
}

fn show(arrays: &[Array], context: &Context) -> Outcome<()> {
    let text: String = arrays
        .iter()
        .map(|array| format!("# {}: {}\n{}\n", array.name, array.stages.join(" "), array.script))
        .collect();
    let value: Vec<_> = arrays
        .iter()
        .map(|array| json!({"name": array.name, "level": array.level, "stages": array.stages, "script": array.script}))
        .collect();
    context.emit(&json!({"arrays": value}), &format!("{text}nothing was handed over"))
}

/// Writes a script and gives it to sbatch; tells the job's id.
fn hand_over(array: &Array, folder: &Path, before: &[String]) -> Outcome<String> {
    let path = folder.join(format!("{}.sh", array.name));
    atomic::write_file(&path, array.script.as_bytes())?;
    let mut command = Command::new("sbatch");
    command.arg("--parsable").arg(format!("--chdir={}", folder.display()));
    if !before.is_empty() {
        command.arg(format!("--dependency=afterany:{}", before.join(":")));
    }
    let output = command.arg(&path).output().map_err(|cause| {
        Failure::data("cannot start sbatch")
            .because(cause)
            .hint("submit from a machine that has Slurm; --dry-run prints the scripts")
    })?;
    let id = String::from_utf8_lossy(&output.stdout).trim().split(';').next().unwrap_or_default().to_owned();
    let numeric = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    if output.status.success() && numeric {
        return Ok(id);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(Failure::data(format!("sbatch refused {}: {said}", array.name))
        .hint("jobs that were handed over before it are in the queue; scancel takes them away"))
}

/// What squeue says of the jobs that were handed over: state and, where one waits, why.
pub(super) fn jobs(root: &Path) -> Outcome<Vec<String>> {
    let path = root.join(FOLDER).join(RECORD);
    let bytes = std::fs::read(&path)
        .map_err(|cause| Failure::io("read", &path, cause).hint("nothing was submitted from this folder"))?;
    let handed: Handed = serde_json::from_slice(&bytes)
        .map_err(|cause| Failure::data(format!("{} is damaged", path.display())).because(cause))?;
    let ids: Vec<&str> = handed.jobs.keys().map(String::as_str).collect();
    let output = Command::new("squeue")
        .args(["--noheader", "--format=%i %j %T %r", "--jobs", &ids.join(",")])
        .output()
        .map_err(|cause| Failure::data("cannot start squeue").because(cause))?;
    // Jobs that have ended long ago are not known any more: that is an error to squeue, and none to us.
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    Ok(if lines.is_empty() { vec!["no job is in the queue".to_owned()] } else { lines })
}

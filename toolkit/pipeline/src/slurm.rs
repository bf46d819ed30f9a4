//! A plan for Slurm: job arrays, one for each level of stages that wait for the same. It only writes
//! scripts; handing them over is the command's business.
//!
//! The next level begins when the former has ended in whatever way (`afterany`), and every stage looks for
//! itself whether what it waits for is done: `afterok` never becomes true again once a task was requeued. A
//! task that was stopped with a checkpoint (exit 75) puts itself back into the queue.

use std::collections::BTreeMap;
use std::path::Path;

use crate::plan::{Plan, Stage};
use crate::run::{StageState, State};

/// Slurm's usual bound of an array (`MaxArraySize` 1001).
const ARRAY: usize = 1000;
/// A stage that was stopped so often is left.
const RESTARTS: u32 = 20;

/// How stages are to be run.
#[derive(Debug, Clone)]
pub struct SlurmSetting<'a> {
    /// The glossa program.
    pub program: &'a Path,
    /// The plan's file.
    pub plan: &'a Path,
    /// Processors of a stage.
    pub cpus: usize,
    /// Minutes that a stage may take; three times the estimate and ten minutes otherwise.
    pub minutes: Option<u64>,
    /// Stages that run at once.
    pub concurrent: usize,
    /// Other options of sbatch.
    pub options: &'a [String],
}

/// One job array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// The level, from 0; arrays of a level may run beside each other.
    pub level: usize,
    /// The name of the script.
    pub name: String,
    /// The script for sbatch.
    pub script: String,
    /// The stages' names, by the task's number in the array.
    pub stages: Vec<String>,
}

/// The arrays of the stages that are not done.
pub fn arrays(plan: &Plan, states: &[StageState], setting: &SlurmSetting<'_>) -> Vec<Array> {
    let mut levels: BTreeMap<usize, Vec<(usize, &Stage)>> = BTreeMap::new();
    let mut level_of: BTreeMap<&str, usize> = BTreeMap::new();
    for ((number, stage), state) in plan.tasks.iter().enumerate().zip(states) {
        if state.state == State::Done {
            continue;
        }
        let level = stage.after.iter().filter_map(|id| level_of.get(id.as_str())).max().map_or(0, |level| level + 1);
        level_of.insert(&stage.id, level);
        levels.entry(level).or_default().push((number, stage));
    }
    let mut arrays = Vec::new();
    for (level, stages) in levels {
        for (part, stages) in stages.chunks(ARRAY).enumerate() {
            let name = format!("level-{level}-{part}");
            let script = script(&name, stages, setting);
            arrays.push(Array {
                level,
                name,
                script,
                stages: stages.iter().map(|(_, stage)| stage.id.clone()).collect(),
            });
        }
    }
    arrays
}

fn script(name: &str, stages: &[(usize, &Stage)], setting: &SlurmSetting<'_>) -> String {
    let numbers: Vec<String> = stages.iter().map(|(number, _)| number.to_string()).collect();
    let (last, concurrent, cpus) = (stages.len() - 1, setting.concurrent.max(1), setting.cpus.max(1));
    let memory = stages.iter().map(|(_, stage)| stage.estimate.memory).max().unwrap_or(0);
    let megabytes = (memory * 3 / 2 / 1_000_000).max(500);
    let slowest = stages.iter().filter_map(|(_, stage)| stage.estimate.seconds).fold(0.0, f64::max);
    let minutes = setting.minutes.unwrap_or(10 + (slowest * 3.0 / 60.0) as u64);
    let options: String = setting.options.iter().map(|option| format!("#SBATCH {option}\n")).collect();
    let (program, plan) = (quoted(setting.program), quoted(setting.plan));
    format!(
        "#!/bin/bash
#SBATCH --job-name=glossa-{name}
#SBATCH --array=0-{last}%{concurrent}
#SBATCH --cpus-per-task={cpus}
#SBATCH --mem={megabytes}M
#SBATCH --time={minutes}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={name}-%a.log
#SBATCH --signal=B:TERM@120
{options}stages=({numbers})
{program} --quiet pipeline run {plan} --task \"${{stages[$SLURM_ARRAY_TASK_ID]}}\" &
child=$!
# A trap runs only while the shell waits, and ends the waiting: wait again for the child's own code.
trap 'kill -TERM $child 2>/dev/null' TERM
while true; do
    wait $child
    code=$?
    kill -0 $child 2>/dev/null || break
done
if [ $code -eq 75 ] && [ \"${{SLURM_RESTART_COUNT:-0}}\" -lt {RESTARTS} ]; then
    scontrol requeue \"$SLURM_JOB_ID\"
fi
exit $code
",
        numbers = numbers.join(" ")
    )
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

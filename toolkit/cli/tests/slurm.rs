//! A plan handed over to a real Slurm on this machine: tasks that are killed, cancelled and put back into the
//! queue, and the same result as without it. Skipped where Slurm is not installed.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use support::Place;

/// So many languages make arrays of so many tasks.
const LANGUAGES: usize = 20;
const QUICK: &str = "--set preset=tiny --set recipe.tokenizer.vocabulary_size=150 --set recipe.pretrain.training.epochs=1 \
     --set recipe.encoder.hidden_size=32 --set recipe.encoder.embedding_size=16 --set split.valid_share=0.1 \
     --set split.test_share=0.1 --device cpu";
const PATIENCE: Duration = Duration::from_secs(240);

/// A throw-away cluster of one machine.
struct Cluster {
    tool: PathBuf,
    folder: PathBuf,
}

impl Cluster {
    /// Starts one; `None`, with a message, where that cannot be.
    fn start(folder: PathBuf) -> Option<Self> {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/tools/slurm-local.sh");
        let installed = Command::new("sh")
            .args(["-c", "command -v sbatch && command -v slurmctld"])
            .output()
            .is_ok_and(|output| output.status.success());
        if !installed || !tool.is_file() {
            eprintln!("skipped: Slurm is not installed, or shared/tools/slurm-local.sh is not beside the checkout");
            return None;
        }
        let started = Command::new("bash").arg(&tool).arg("start").arg(&folder).output().unwrap();
        if !started.status.success() {
            eprintln!("skipped: Slurm does not start here: {}", String::from_utf8_lossy(&started.stderr));
            return None;
        }
        Some(Cluster { tool, folder })
    }

    fn command(&self, program: &str, arguments: &[&str]) -> String {
        let output =
            Command::new(program).args(arguments).env("SLURM_CONF", self.folder.join("slurm.conf")).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until no job is left.
    fn wait(&self, mut disturb: impl FnMut(&str)) {
        let started = Instant::now();
        loop {
            let jobs = self.command("squeue", &["--noheader", "--array", "--format=%i %T"]);
            if jobs.is_empty() {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "still in the queue:\n{jobs}");
            disturb(&jobs);
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new("bash").arg(&self.tool).arg("stop").arg(&self.folder).output();
    }
}

#[test]
fn a_disturbed_cluster_comes_to_the_same_result() {
    let place = Place::with_texts();
    let Some(cluster) = Cluster::start(place.path("cluster")) else { return };
    let environment = [("SLURM_CONF", place.path("cluster/slurm.conf").display().to_string())];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let names: Vec<String> = (0..LANGUAGES).map(|index| format!("x{}", char::from(b'a' + index as u8))).collect();
    for name in &names {
        let file = format!(
            "format = 1\ncode = \"{name}\"\nname = \"{name}\"\nscript = \"Latn\"\n[[corpus]]\nsource = \"files\"\npaths = [\"text.txt\"]\n"
        );
        place.write(&format!("languages/{name}.toml"), file);
    }
    place.run(&format!("pipeline plan languages --data . --out run {QUICK}")).done();
    let submit = || {
        let ran = place.run_with(&["pipeline", "submit", "run", "--engine", "slurm", "--cpus", "1"], &environment, b"");
        ran.done().stdout
    };
    let said = submit();
    assert!(said.contains("level-0-0, 20 stages"), "{said}");
    // Some tasks are cancelled before they begin, some put back into the queue, some killed at work.
    let mut disturbed = 0;
    cluster.wait(|jobs| {
        disturbed += 1;
        let Some((job, state)) =
            jobs.lines().nth(disturbed % jobs.lines().count()).and_then(|line| line.split_once(' '))
        else {
            return;
        };
        match (disturbed % 4, state) {
            (0, _) => drop(cluster.command("scancel", &[job])),
            (1, "RUNNING") => drop(cluster.command("scontrol", &["requeue", job])),
            (2, "RUNNING") => drop(cluster.command("scancel", &["--signal=KILL", "--full", job])),
            _ => {}
        }
    });
    assert!(disturbed > 4);
    let after = place.run("pipeline status run --json").done().json();
    let left = after["states"].as_array().unwrap().iter().filter(|state| state["state"] != "done").count();
    assert!(left > 0, "nothing was disturbed");
    let status = place.run_with(&["pipeline", "status", "run", "--slurm"], &environment, b"").done().stdout;
    assert!(status.contains("no job is in the queue"), "{status}");
    // What is left is handed over again; nothing disturbs it now.
    submit();
    cluster.wait(|_| {});
    let states = place.run("pipeline status run --json").done().json();
    let open: Vec<_> = states["states"].as_array().unwrap().iter().filter(|state| state["state"] != "done").collect();
    assert!(open.is_empty(), "{open:?}");
    place.run(&format!("pipeline run languages/xa.toml languages/xt.toml --data . --out local {QUICK} -q")).done();
    for name in ["xa", "xt"] {
        for file in ["corpus/train-00000.jsonl", "tokenizer/spm.model", "language-model-forward/model.safetensors"] {
            assert!(
                place.read(&format!("run/{name}/{file}")) == place.read(&format!("local/{name}/{file}")),
                "{name} {file}"
            );
        }
    }
}

#[test]
fn scripts_are_shown_before_they_are_handed_over() {
    let place = Place::with_texts();
    place.run("language new xx --name Example --text text.txt").done();
    place.run(&format!("pipeline plan xx.toml --out run {QUICK}")).done();
    let ran = place.run("pipeline submit run --engine slurm --dry-run --option=--partition=long").done();
    for part in
        ["#SBATCH --array=0-0%100", "#SBATCH --partition=long", "--open-mode=append", "scontrol requeue", "stages=(4)"]
    {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(!place.path("run/slurm").exists());
    let nowhere = place.run_with(&["pipeline", "submit", "run", "--engine", "slurm", "-q"], &[("PATH", "")], b"");
    assert!(nowhere.refusal(3, &["cannot start sbatch"]).is_ok(), "{nowhere:?}");
}

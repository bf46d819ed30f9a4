//! A training that is killed, stopped or cut off by a full disk ends in the same bytes as one that is not.
//! `GLOSSA_KILLS=200` asks for more kills than the usual twenty (scripts/kills.sh).
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::collections::BTreeMap;
use std::process::Child;
use std::time::{Duration, Instant};

use glossa_base::fault;
use glossa_base::hash::sha256_hex;
use glossa_base::seed::{Purpose, Stream};
use support::{Place, Ran};

/// 300 steps: three epochs of a hundred.
const PRETRAIN: &str = "lm pretrain --corpus corpus --tokenizer tokenizer --preset tiny --set pretrain.training.epochs=3 \
                        --set pretrain.training.batch_size=4 --set pretrain.training.chunk=32 --out lm";
const CLASSIFY: &str = "classify train --tokenizer tokenizer --train train.csv --valid valid.csv --preset tiny --set \
                        classify.training.epochs=5 --set classify.keep_best=true --set classify.segmentation_alpha=0.2 \
                        --set classify.training.weight_average=0.9 --set classify.training.accumulation=2 --out classifier";

/// A small corpus, so that an epoch has a hundred steps.
fn place() -> Place {
    let place = Place::with_texts();
    let few: Vec<String> =
        String::from_utf8(place.read("text.txt")).unwrap().lines().take(FEW).map(str::to_owned).collect();
    place.write("text.txt", few.join("\n"));
    place.run("corpus build text.txt --out corpus --valid-share 0.1 --test-share 0.1 -q").done();
    place.run("tokenizer train --corpus corpus --out tokenizer --preset tiny --vocabulary-size 300 -q").done();
    place
}

const FEW: usize = 120;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The hash of every file of a folder.
fn files(place: &Place, folder: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(place.path(folder)).unwrap().map(Result::unwrap);
    let hash = |entry: std::fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), sha256_hex(&std::fs::read(entry.path()).unwrap()))
    };
    entries.map(hash).collect()
}

/// What is in the place beside the data, temporaries included.
fn names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path(".")).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The folder that an undisturbed run makes, its steps and its time; the folder is gone afterwards.
fn undisturbed(place: &Place, command: &str, folder: &str) -> (BTreeMap<String, String>, u64, Duration) {
    let started = Instant::now();
    place.run(&format!("{command} --checkpoint-every never -q")).done();
    let (whole, time) = (files(place, folder), started.elapsed());
    let metrics = String::from_utf8(place.read(&format!("{folder}/metrics.jsonl"))).unwrap();
    let last: serde_json::Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    std::fs::remove_dir_all(place.path(folder)).unwrap();
    (whole, last["step"].as_u64().unwrap(), time)
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn kill_9_at_random_moments() {
    let place = place();
    let (whole, steps, time) = undisturbed(&place, PRETRAIN, "lm");
    assert!((290..=330).contains(&steps), "{steps} steps");
    let kills: u64 = std::env::var("GLOSSA_KILLS").ok().map_or(20, |kills| kills.parse().unwrap());
    let command = format!("{PRETRAIN} --checkpoint-every 10 -q");
    let (mut killed, mut runs, mut moment) = (0, 0, 0);
    while killed < kills {
        loop {
            let mut child = place.command(&words(&command)).spawn().unwrap();
            let share = f64::from(Stream::new(1, Purpose::Sample, 0, moment).uniform(0));
            moment += 1;
            std::thread::sleep(time.mul_f64(share));
            if child.try_wait().unwrap().is_some() || killed >= kills {
                let output = child.wait_with_output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
        }
        runs += 1;
        assert_eq!(files(&place, "lm"), whole, "after {killed} kills");
        assert!(!place.path("lm.training").exists());
        std::fs::remove_dir_all(place.path("lm")).unwrap();
    }
    assert!(runs <= killed, "{killed} kills in {runs} runs: most of them came too late");
}

#[test]
fn signals_leave_a_checkpoint_and_exit_75() {
    let place = place();
    for (command, folder) in [(PRETRAIN, "lm"), (CLASSIFY, "classifier")] {
        let (whole, _, mut time) = undisturbed(&place, command, folder);
        let command = format!("{command} --checkpoint-every never -q");
        let mut stopped = 0;
        for (moment, name) in (0..12).zip(["-TERM", "-INT"].iter().cycle()) {
            let child = place.command(&words(&command)).spawn().unwrap();
            let share = 0.3 + 0.4 * f64::from(Stream::new(2, Purpose::Sample, 0, moment).uniform(0));
            std::thread::sleep(time.mul_f64(share));
            signal(&child, name);
            let output = child.wait_with_output().unwrap();
            let ran = Ran {
                command: command.clone(),
                code: output.status.code(),
                stdout: String::from_utf8(output.stdout).unwrap(),
                stderr: String::from_utf8(output.stderr).unwrap(),
            };
            match ran.code {
                Some(0) if stopped > 0 => break,
                // The machine was busier before: signal earlier, and train again.
                Some(0) => {
                    time /= 2;
                    std::fs::remove_dir_all(place.path(folder)).unwrap();
                }
                Some(75) => {
                    let words = ["stopped by a signal", &format!("{folder}.training"), "same command"];
                    ran.refusal(75, &words).unwrap();
                    assert!(!place.path(folder).exists());
                    stopped += 1;
                }
                // Before the program listens, a signal ends it as any other.
                None => {}
                code => panic!("exit code {code:?}: {ran:?}"),
            }
        }
        assert!(stopped > 0, "no signal came while {folder} was trained");
        if !place.path(folder).exists() {
            place.run_with(&words(&command), &[("RAYON_NUM_THREADS", "1")], b"").done();
        }
        assert_eq!(files(&place, folder), whole, "{folder} after {stopped} signals");
    }
}

#[test]
fn a_fault_at_any_step_of_saving_loses_nothing() {
    let place = place();
    let before = names(&place);
    let (whole, _, _) = undisturbed(&place, PRETRAIN, "lm");
    let command = format!("{PRETRAIN} --checkpoint-every 40 -q");
    let mut met = 0;
    for point in fault::POINTS {
        for kind in ["error", "kill"] {
            for count in [1, 6] {
                let plan = format!("{point}:{count}:{kind}");
                let ran = place.run_with(&words(&command), &[("GLOSSA_FAULT", &plan)], b"");
                match (kind, ran.code) {
                    // The point was not passed so often.
                    (_, Some(0)) => {}
                    ("error", Some(1)) => {
                        assert!(ran.stderr.contains("planned fault"), "{plan}: {ran:?}");
                        met += 1;
                    }
                    ("kill", None) => met += 1,
                    (_, code) => panic!("{plan}: exit code {code:?}: {ran:?}"),
                }
                if ran.code != Some(0) {
                    place.run(&command).done();
                }
                assert_eq!(files(&place, "lm"), whole, "{plan}");
                assert!(!place.path("lm.training").exists(), "{plan}");
                std::fs::remove_dir_all(place.path("lm")).unwrap();
            }
        }
    }
    assert!(met >= 2 * (fault::POINTS.len() - 3), "only {met} faults were met");
    let left: Vec<String> = names(&place).into_iter().filter(|name| !before.contains(name)).collect();
    assert!(left.iter().all(|name| name.starts_with(".glossa-") || name == "lm.report.html"), "{left:?}");
}

#[test]
fn another_run_is_refused_until_it_is_restarted() {
    let place = place();
    let command = format!("{PRETRAIN} --checkpoint-every 5");
    place.run_with(&words(&command), &[("GLOSSA_FAULT", "remove.rename:3:kill")], b"");
    assert!(place.path("lm.training").is_dir());
    let other = format!("{command} --set pretrain.training.rate=0.011");
    place.refusal(&other, 3, &["checkpoint of another run", "rate = 0.011", "--restart"]).unwrap();
    place.refusal(&format!("{command} --seed 3"), 3, &["seed was `0` and is `3`"]).unwrap();
    place.run(&format!("{other} --restart -q")).done();
    assert!(place.path("lm").is_dir() && !place.path("lm.training").exists());
}

#[test]
fn intervals_and_plans_that_are_none_are_refused() {
    let place = place();
    for wrong in ["0", "1.5", "5x", "m", "1e99h"] {
        let ran = place.run(&format!("{PRETRAIN} --checkpoint-every {wrong}"));
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("is no interval"), "{ran:?}");
    }
    let ran = place.run_with(&["doctor"], &[("GLOSSA_FAULT", "nonsense")], b"");
    ran.refusal(2, &["GLOSSA_FAULT"]).unwrap();
}

#[test]
fn training_that_diverges_stops_with_what_it_tried() {
    let place = place();
    let ran = place.run(&format!("{PRETRAIN} --set pretrain.training.rate=1e38 --set pretrain.training.clip=0 -q"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("training diverged") && ran.stderr.matches("not finite").count() >= 4, "{ran:?}");
    assert!(ran.stderr.contains("--restart") && !place.path("lm").exists());
    let kept = std::fs::read_dir(place.path("lm.training")).unwrap().map(|entry| entry.unwrap().path());
    for checkpoint in kept.filter(|path| path.is_dir()) {
        let state = std::fs::read_to_string(checkpoint.join("state.toml")).unwrap();
        assert!(!state.contains("nan"), "{state}");
    }
}

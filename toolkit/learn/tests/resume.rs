//! Training that is interrupted anywhere ends in the same bits; training that leaves the numbers rolls back.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use glossa_base::{Interrupt, Kind, Silent};
use glossa_learn::callbacks::{
    ActivationRegularisation, EarlyStopping, GradientAccumulation, GradientClip, GradualUnfreezing, LabelNoise, Log,
    LossScale, Mixup, ReduceOnPlateau, SaveBest, Watch, WeightAverage,
};
use glossa_learn::checkpoint::folder::RunIdentity;
use glossa_learn::optimizer::{Half, Lookahead};
use glossa_learn::{CheckpointFolder, Checkpoints, Event, Flow, Interval, Kind as Optimizer, Learner, Phase};
use support::{Sums, act, bits, learner, phase};

fn identity() -> RunIdentity {
    [("seed".to_owned(), "1".to_owned())].into()
}

/// Every callback that remembers something.
fn with_everything<'a>(learner: Learner<'a, Sums>, folder: &Path) -> Learner<'a, Sums> {
    learner
        .with_some(GradientClip::new(0.5))
        .with_some(GradientAccumulation::new(3))
        .with_some(WeightAverage::new(0.9))
        .with_some(Mixup::new(0.4, 1))
        .with_some(LabelNoise::new(0.3, 4, 1))
        .with_some(ActivationRegularisation::new(0.1, 0.1))
        .with(LossScale::default())
        .with(GradualUnfreezing)
        .with(SaveBest::new(Watch::highest("accuracy")))
        .with(EarlyStopping::new(Watch::lowest("loss"), 3))
        .with(ReduceOnPlateau::new(Watch::lowest("loss"), 1, 2.0))
        .with(Log::at(&folder.join("log.csv")).unwrap())
        .with(Log::at(&folder.join("log.jsonl")).unwrap())
}

fn phases() -> [Phase; 2] {
    let mut second = phase(3);
    second.optimizer.kind = Optimizer::Lamb;
    second.optimizer.lookahead = Some(Lookahead { every: 3, share: 0.5 });
    second.optimizer.half = Some(Half::Bf16);
    [phase(2), second]
}

/// What a training came to.
#[derive(PartialEq)]
struct End {
    weights: BTreeMap<String, Vec<u32>>,
    logs: [Vec<u8>; 2],
    records: String,
}

/// Runs until the end, interrupted before each step whose number over all is in `stops`.
fn run(place: &Path, interval: Interval, stops: &[usize]) -> End {
    std::fs::create_dir_all(place).unwrap();
    let mut left: Vec<usize> = stops.to_vec();
    loop {
        let interrupt = Interrupt::default();
        let folder = CheckpointFolder::open(&place.join("run"), &identity(), false).unwrap();
        let stop = {
            let (flag, stops) = (interrupt.flag(), left.clone());
            act(move |event, training| {
                if event == Event::AfterBatch && stops.first() == Some(&(training.position.total_steps + 1)) {
                    flag.store(true, Ordering::Relaxed);
                }
                Ok(Flow::Continue)
            })
        };
        let mut learner = with_everything(learner(Sums::default()), place)
            .with(stop)
            .with_checkpoints(Checkpoints::new(&folder, interval))
            .with_interrupt(interrupt);
        match learner.fit(&phases()) {
            Ok(()) => {
                let logs = ["log.csv", "log.jsonl"].map(|name| std::fs::read(place.join(name)).unwrap());
                let records = format!("{:?}", learner.training.records);
                return End { weights: bits(&learner), logs, records };
            }
            Err(failure) => {
                assert_eq!(failure.kind, Kind::Stopped, "{}", failure.chain());
                left.remove(0);
            }
        }
    }
}

#[test]
fn interruptions_leave_no_trace() {
    let place = tempfile::tempdir().unwrap();
    let whole = run(&place.path().join("whole"), Interval::Never, &[]);
    assert!(whole.records.contains("epoch: 4"), "{}", whole.records);
    for (index, stops) in
        [&[1_usize][..], &[10], &[11, 12, 20], &[9, 10, 11, 25, 31, 39], &[5, 15, 19, 21, 30]].iter().enumerate()
    {
        let broken = run(&place.path().join(index.to_string()), Interval::Steps(4), stops);
        assert!(whole == broken, "{stops:?}");
    }
}

#[test]
fn two_checkpoints_are_kept_and_a_damaged_one_is_passed_over() {
    let place = tempfile::tempdir().unwrap();
    let folder = CheckpointFolder::open(&place.path().join("run"), &identity(), false).unwrap();
    let fit = |interval| {
        let mut learner = learner(Sums::default()).with_checkpoints(Checkpoints::new(&folder, interval));
        learner.fit(&[phase(2)]).unwrap();
        bits(&learner)
    };
    let whole = fit(Interval::Steps(3));
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["run.toml", "step-0000000000-anchor", "step-0000000018"]);
    // The same run once more goes on from step 18, and from the anchor where that one is damaged.
    assert_eq!(fit(Interval::Never), whole);
    std::fs::write(folder.path().join("step-0000000018/state.toml"), "cut").unwrap();
    assert_eq!(fit(Interval::Never), whole);
    std::fs::write(folder.path().join("step-0000000000-anchor/state.toml"), "cut").unwrap();
    let failed = learner(Sums::default())
        .with_checkpoints(Checkpoints::new(&folder, Interval::Never))
        .fit(&[phase(2)])
        .unwrap_err();
    assert!(failed.message.contains("step-") && failed.message.contains("sha256"), "{}", failed.message);
}

/// A loss that is not a number at steps and so many times each.
fn poisoned(poison: &[(usize, usize)]) -> Sums {
    Sums { poison: poison.iter().copied().collect(), ..Sums::default() }
}

#[test]
fn a_loss_that_is_no_number_halves_the_rate_three_times_and_then_stops() {
    let rates = std::cell::RefCell::new(Vec::new());
    let first_rate = |event, training: &mut glossa_learn::Training<'_, Sums>| {
        if event == Event::BeforeStep && training.position.total_steps == 0 {
            rates.borrow_mut().push(training.rate());
        }
        Ok(Flow::Continue)
    };
    let mut mended = learner(poisoned(&[(7, 2), (13, 1)])).with(act(first_rate));
    mended.fit(&[phase(2)]).unwrap();
    drop(mended);
    let first = rates.borrow()[0];
    assert_eq!(*rates.borrow(), [first, first / 2.0, first / 4.0, first / 8.0]);
    let failed = learner(poisoned(&[(7, 9)])).fit(&[phase(2)]).unwrap_err();
    assert_eq!(failed.kind, Kind::Failed);
    assert_eq!(failed.message.matches("the loss was not finite in epoch 1, step 8").count(), 4, "{}", failed.message);
    let failed = learner(poisoned(&[(7, 9)])).with_roll_backs(0).fit(&[phase(2)]).unwrap_err();
    assert_eq!(failed.message.matches("not finite").count(), 1, "{}", failed.message);
}

#[test]
fn metrics_that_are_no_numbers() {
    let spoiled = |name, times| Sums { spoiled: Some((name, times)), ..Sums::default() };
    let mut mended = learner(spoiled("loss", 2));
    mended.fit(&[phase(2)]).unwrap();
    assert!(mended.has_diverged() && mended.training.records.len() == 2);
    let failed = learner(spoiled("loss", 9)).fit(&[phase(2)]).unwrap_err();
    assert_eq!(failed.message.matches("the loss of validation was not finite").count(), 4, "{}", failed.message);
    // Another metric is told of, never counts as the best, and stops nothing.
    let mut best = learner(spoiled("accuracy", 1)).with(SaveBest::new(Watch::highest("accuracy")));
    best.fit(&[phase(2)]).unwrap();
    assert!(!best.has_diverged() && best.training.records[0].validation["accuracy"].is_nan());
}

#[test]
fn gradients_and_weights_are_watched_too() {
    let inject = |at: Event| {
        let mut done = false;
        act(move |event, training| {
            if event == at && training.position.total_steps == 4 && !done {
                done = true;
                match at {
                    Event::AfterBackward => {
                        let gradients = training.gradients.take().unwrap();
                        let mut values = glossa_learn::gradients::take(training.model()?, gradients);
                        let second = values.get_mut("second").unwrap();
                        *second = second.clone() * f32::INFINITY;
                        training.gradients = Some(glossa_learn::gradients::give(training.model()?, values));
                    }
                    _ => training.hypers.iter_mut().for_each(|hyper| hyper.rate = f64::INFINITY),
                }
            }
            Ok(Flow::Continue)
        })
    };
    for (at, what) in [(Event::AfterBackward, "the gradient"), (Event::BeforeStep, "after the update")] {
        let mut mended = learner(Sums::default()).with(inject(at));
        mended.fit(&[phase(1)]).unwrap();
        assert!(bits(&mended)["second"].iter().all(|&bits| f32::from_bits(bits).is_finite()));
        let failed = learner(Sums::default()).with(inject(at)).with_roll_backs(0).fit(&[phase(1)]).unwrap_err();
        assert!(failed.message.contains(what), "{}", failed.message);
    }
}

/// A roll-back, too, ends in the same bits with and without interruptions.
#[test]
fn roll_backs_survive_interruptions() {
    let place = tempfile::tempdir().unwrap();
    let fit = |name: &str, stops: &[usize]| {
        let mut left = stops.to_vec();
        loop {
            let folder = CheckpointFolder::open(&place.path().join(name), &identity(), false).unwrap();
            let interrupt = Interrupt::default();
            let (flag, stop) = (interrupt.flag(), left.first().copied());
            let mut seen = 0;
            let inject = act(move |event, training| {
                let step = training.position.total_steps;
                // The rate tells whether this is the first passage of the step.
                if event == Event::AfterLoss && step == 12 && training.rate() > 0.005 {
                    let loss = training.loss.as_mut().unwrap();
                    loss.total = loss.total.clone() * f32::NAN;
                }
                if event == Event::AfterBatch {
                    seen += 1;
                    if Some(seen) == stop {
                        flag.store(true, Ordering::Relaxed);
                    }
                }
                Ok(Flow::Continue)
            });
            let mut learner = learner(Sums::default())
                .with(inject)
                .with_checkpoints(Checkpoints::new(&folder, Interval::Steps(5)))
                .with_interrupt(interrupt);
            match learner.fit(&[phase(2)]) {
                Ok(()) => return bits(&learner),
                Err(failure) => {
                    assert_eq!(failure.kind, Kind::Stopped, "{}", failure.chain());
                    left.remove(0);
                }
            }
        }
    };
    let whole = fit("whole", &[]);
    let mut plain = learner(Sums::default());
    plain.fit(&[phase(2)]).unwrap();
    assert_ne!(bits(&plain), whole);
    for (index, stops) in [&[3][..], &[14], &[12, 1, 8], &[20]].iter().enumerate() {
        assert_eq!(whole, fit(&index.to_string(), stops), "{stops:?}");
    }
}

#[test]
fn another_run_and_a_newer_format_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run");
    let folder = CheckpointFolder::open(&path, &identity(), false).unwrap();
    let fit = |folder: &CheckpointFolder| {
        learner(Sums::default()).with_checkpoints(Checkpoints::new(folder, Interval::Never)).fit(&[phase(1)])
    };
    fit(&folder).unwrap();
    let other: RunIdentity = [("seed".to_owned(), "2".to_owned())].into();
    let refused = CheckpointFolder::open(&path, &other, false).unwrap_err();
    assert!(refused.message.contains("seed was `1` and is `2`"), "{}", refused.message);
    assert!(refused.hint.unwrap().contains("--restart"));
    let manifest = path.join("step-0000000000-anchor/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"checkpoint_format\": 1", "\"checkpoint_format\": 2")).unwrap();
    let refused = fit(&folder).unwrap_err();
    assert!(refused.message.contains("format 2") && refused.hint.unwrap().contains("newer"), "{}", refused.message);
    CheckpointFolder::open(&path, &other, true).unwrap();
    assert!(!manifest.exists());
    assert!(folder.load(false, &Silent).unwrap().is_none());
}

/// 512 truncations and 512 flipped bits, over all files of a checkpoint: each is refused with the path and
/// both hashes, or the file that does not parse.
#[test]
fn damage_of_any_kind_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run");
    let folder = CheckpointFolder::open(&path, &identity(), false).unwrap();
    learner(Sums::default()).with_checkpoints(Checkpoints::new(&folder, Interval::Never)).fit(&[phase(1)]).unwrap();
    let checkpoint = path.join("step-0000000000-anchor");
    for name in ["state.toml", "tensors.safetensors"] {
        let file = checkpoint.join(name);
        let whole = std::fs::read(&file).unwrap();
        let refused = |bytes: &[u8], what: String| {
            std::fs::write(&file, bytes).unwrap();
            let failure = folder.load(false, &Silent).expect_err(&what);
            let (message, path) = (failure.chain(), file.display().to_string());
            assert!(message.contains(&path) && message.matches("sha256").count() >= 1, "{what}: {message}");
        };
        for part in 0..256 {
            let length = whole.len() * part / 256;
            refused(&whole[..length], format!("{name} cut to {length}"));
            let (byte, bit) = ((whole.len() - 1) * part / 255, part % 8);
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << bit;
            refused(&flipped, format!("{name} with bit {bit} of byte {byte} flipped"));
        }
        std::fs::write(&file, whole).unwrap();
        assert!(folder.load(false, &Silent).unwrap().is_some());
    }
}

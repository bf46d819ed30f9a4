//! What single callbacks do to the numbers.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use glossa_learn::callbacks::{
    EarlyStopping, GradientAccumulation, GradientClip, LossScale, ReduceOnPlateau, SaveBest, TerminateOnNan, Watch,
    WeightAverage,
};
use glossa_learn::optimizer::Half;
use glossa_learn::{Event, Flow, Kind, Learner, OptimizerSettings, Phase, Schedule, Training, gradients, snapshot};
use support::{Sums, act, act_at, bits, learner, phase};

type Numbers = BTreeMap<String, Vec<f32>>;

fn numbers(weights: BTreeMap<String, TensorData>) -> Numbers {
    weights.into_iter().map(|(path, data)| (path, data.try_to_vec().unwrap())).collect()
}

fn weights(training: &Training<'_, Sums>) -> Numbers {
    numbers(snapshot::weights(training.model().unwrap()))
}

/// Gradient descent at one rate.
fn plain(rate: f64, epochs: usize) -> Phase {
    let optimizer = OptimizerSettings { kind: Kind::Sgd, ..OptimizerSettings::default() };
    Phase { rates: vec![rate; 2], schedule: Schedule::Constant { momentum: 0.0 }, optimizer, ..phase(epochs) }
}

#[test]
fn accumulated_steps_take_the_mean_gradient() {
    let sums = RefCell::new(Numbers::new());
    let gather = act(|event, training| {
        if event == Event::AfterBackward {
            let found = training.gradients.take().unwrap();
            for (path, vector) in gradients::take(training.model()?, found) {
                let values = vector.into_data().try_into_vec::<f32>().unwrap();
                let mut sums = sums.borrow_mut();
                let sum = sums.entry(path).or_insert_with(|| vec![0.0; values.len()]);
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
        Ok(Flow::Continue)
    });
    learner(Sums::default()).with(gather).fit(&[plain(0.1, 1)]).unwrap();
    let before = weights(&learner(Sums::default()).training);
    for batches in [10, 50] {
        let mut accumulated = learner(Sums::default()).with_some(GradientAccumulation::new(batches));
        accumulated.fit(&[plain(0.1, 1)]).unwrap();
        let after = weights(&accumulated.training);
        for (path, sum) in sums.borrow().iter() {
            for ((before, after), sum) in before[path].iter().zip(&after[path]).zip(sum) {
                assert!((before - 0.1 * sum / 10.0 - after).abs() < 1e-6, "{path}");
            }
        }
    }
}

#[test]
fn the_average_follows_its_formula_and_is_what_is_judged() {
    let (seen, judged) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let gather = act_at(100, |event, training| {
        match event {
            Event::AfterStep => seen.borrow_mut().push(weights(training)),
            Event::BeforeValidate => judged.borrow_mut().push(weights(training)),
            _ => {}
        }
        Ok(Flow::Continue)
    });
    let mut averaged = learner(Sums::default()).with_some(WeightAverage::new(0.8)).with(gather);
    averaged.fit(&[phase(2)]).unwrap();
    let end = weights(&averaged.training);
    drop(averaged);
    let seen = seen.into_inner();
    let mut expected = seen[0].clone();
    for (step, weights) in seen.iter().enumerate().skip(1) {
        let decay = 0.8_f32.min((2 + step) as f32 / (11 + step) as f32);
        for (path, means) in &mut expected {
            means
                .iter_mut()
                .zip(&weights[path])
                .for_each(|(mean, value)| *mean = decay * *mean + (1.0 - decay) * value);
        }
    }
    // Buffers lag by one step in the model itself, so only weights are compared.
    for path in ["first", "second"] {
        let largest = expected[path].iter().zip(&end[path]).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-6, "{path}: {largest}");
        assert_eq!(end[path], judged.borrow()[1][path]);
        assert_ne!(end[path], seen[19][path]);
    }
    let mut plain = learner(Sums::default());
    plain.fit(&[phase(2)]).unwrap();
    assert_eq!(seen[19]["first"], weights(&plain.training)["first"], "training itself goes on unchanged");
}

#[test]
fn a_clip_holds_the_norm() {
    let norms = RefCell::new(Vec::new());
    let look = act_at(50, |event, training| {
        if event == Event::BeforeStep {
            norms.borrow_mut().push((training.gradient_norm()?, training.gradient_scale));
        }
        Ok(Flow::Continue)
    });
    learner(Sums::default()).with_some(GradientClip::new(0.2)).with(look).fit(&[phase(1)]).unwrap();
    for (norm, scale) in norms.into_inner() {
        assert!((norm * scale - norm.min(0.2)).abs() < 1e-12);
    }
    assert!(GradientClip::new(0.0).is_none());
}

#[test]
fn the_best_model_comes_back() {
    let seen = RefCell::new(Vec::new());
    let look = act_at(-50, |event, training| {
        if event == Event::AfterEpoch {
            seen.borrow_mut().push((training.metrics["accuracy"], weights(training)["first"].clone()));
        }
        Ok(Flow::Continue)
    });
    let mut best = learner(Sums::default()).with(SaveBest::new(Watch::highest("accuracy"))).with(look);
    best.fit(&[phase(2), phase(3)]).unwrap();
    let kept = weights(&best.training)["first"].clone();
    drop(best);
    let seen = seen.into_inner();
    let highest = seen.iter().map(|(value, _)| *value).fold(f64::MIN, f64::max);
    assert_eq!(seen.iter().find(|(value, _)| *value == highest).unwrap().1, kept);
    assert_ne!(seen[4].1, kept, "the last epoch must not be the best, or the test says nothing");
}

#[test]
fn watchers_wait_and_act() {
    let mut stopped = learner(Sums::default()).with(EarlyStopping::new(Watch::highest("absent"), 3));
    stopped.fit(&[phase(10)]).unwrap();
    assert_eq!(stopped.training.records.len(), 3);
    let mut lowered = learner(Sums::default()).with(ReduceOnPlateau::new(Watch::highest("absent"), 2, 4.0));
    lowered.fit(&[phase(5)]).unwrap();
    assert!((lowered.training.rate_factor - 1.0 / 16.0).abs() < 1e-12);
    // A metric that is no number is never the best one; large steps are asked for.
    let mut patient = learner(Sums::default()).with(EarlyStopping::new(Watch::lowest("loss").by_at_least(1e9), 2));
    patient.fit(&[phase(10), phase(10)]).unwrap();
    assert_eq!(patient.training.records.iter().map(|record| record.epoch).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn a_loss_that_is_no_number_may_end_a_phase() {
    let poison = [(3, 1)].into();
    let mut ended = learner(Sums { poison, ..Sums::default() }).with(TerminateOnNan);
    ended.fit(&[phase(2)]).unwrap();
    assert_eq!((ended.training.records.len(), ended.training.position.total_steps), (0, 3));
    assert!(bits(&ended)["first"].iter().all(|&bits| f32::from_bits(bits).is_finite()));
}

#[test]
fn half_precision_keeps_full_weights_beside() {
    for half in [Half::Bf16, Half::F16] {
        let run = |half: Option<Half>| {
            let mut phase = plain(1e-5, 5);
            phase.optimizer.half = half;
            let mut learner = learner(Sums::default());
            learner.fit(&[phase]).unwrap();
            weights(&learner.training)
        };
        let (full, rounded) = (run(None), run(Some(half)));
        for path in ["first", "second"] {
            for (one, other) in full[path].iter().zip(&rounded[path]) {
                assert_eq!(*other, half.round(*other), "{path} is not of sixteen bits");
                assert!((one - other).abs() <= one.abs() / 128.0 + 1e-4, "{one} {other}");
            }
        }
    }
    // Steps far below the resolution of bf16 add up in the full weights.
    let mut phase = plain(1e-5, 40);
    phase.optimizer.half = Some(Half::Bf16);
    let mut learner = learner(Sums::default());
    learner.fit(&[phase]).unwrap();
    let start = weights(&support::learner(Sums::default()).training);
    let end = weights(&learner.training);
    assert!(start["second"].iter().zip(&end["second"]).any(|(one, other)| Half::Bf16.round(*one) != *other));
}

/// What a device with gradients in f16 would hand over.
fn half_gradients(event: Event, training: &mut Training<'_, Sums>) -> glossa_base::Outcome<Flow> {
    if event == Event::AfterBackward
        && let Some(found) = training.gradients.take()
    {
        let mut vectors = gradients::take(training.model()?, found);
        for vector in vectors.values_mut() {
            let values: Vec<f32> = vector.to_data().iter::<f32>().map(|value| Half::F16.round(value)).collect();
            *vector = Tensor::from_data(&values[..], &vector.device());
        }
        training.gradients = Some(gradients::give(training.model()?, vectors));
    }
    Ok(Flow::Continue)
}

#[test]
fn loss_scaling_saves_small_gradients() {
    let run = |scale: Option<LossScale>| {
        let shrink = act_at(-200, |event, training| {
            if let (Event::AfterLoss, Some(loss)) = (event, &mut training.loss) {
                loss.total = loss.total.clone() * 1e-9;
            }
            Ok(Flow::Continue)
        });
        let mut learner = learner(Sums::default()).with(shrink).with(act_at(-100, half_gradients)).with_some(scale);
        learner.fit(&[plain(1e7, 1)]).unwrap();
        weights(&learner.training)
    };
    let start = weights(&learner(Sums::default()).training);
    assert_eq!(run(None)["second"], start["second"]);
    let (scaled, high) = (run(Some(LossScale::default())), run(Some(LossScale::beginning_at(2.0_f64.powi(63)))));
    let mut exact = learner(Sums::default());
    exact.fit(&[plain(1e-2, 1)]).unwrap();
    let exact = weights(&exact.training);
    let distance = |found: &Numbers| -> f32 {
        found["second"].iter().zip(&exact["second"]).map(|(one, other)| (one - other).abs()).sum()
    };
    assert!(distance(&scaled) < 0.05 * distance(&start), "{} {}", distance(&scaled), distance(&start));
    // Too large a scale leaves steps out until it is small enough: here ten steps do not suffice.
    assert_eq!(high["second"], start["second"]);
}

/// Keeps the states that are shown.
#[derive(Default)]
struct States(std::sync::Mutex<Vec<String>>);

impl glossa_base::Progress for States {
    fn start(&self, _: &str, _: Option<u64>, _: &str) {}
    fn advance(&self, _: u64) {}
    fn state(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
    fn finish(&self, _: &str) {}
    fn line(&self, _: &str) {}
}

#[test]
fn each_step_is_shown_with_its_loss() {
    let (states, losses) = (States::default(), RefCell::new(Vec::new()));
    let hear = act(|event, training| {
        if let (Event::AfterRead, Some(reading)) = (event, training.reading) {
            losses.borrow_mut().push(reading.loss);
        }
        Ok(Flow::Continue)
    });
    Learner::new(support::toy(), Sums::default(), &states).with(hear).fit(&[phase(1)]).unwrap();
    let (states, losses) = (states.0.into_inner().unwrap(), losses.into_inner());
    assert_eq!(states.len(), losses.len());
    for (step, state) in states.iter().enumerate() {
        let mean = losses[..=step].iter().sum::<f64>() / (step + 1) as f64;
        assert!(state.starts_with(&format!("loss {mean:.4} ")), "{state}");
    }
}

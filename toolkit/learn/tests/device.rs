//! Training where numbers are known late: on a device of wgpu, and as a replica of one.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::cell::RefCell;
use std::rc::Rc;

use burn::tensor::Device;
use glossa_learn::callbacks::GradientClip;
use glossa_learn::{Event, Flow, Replica};
use glossa_nn::DeviceChoice;
use support::{Sums, act, compute_on, learner, phase};

const STEPS: usize = 60;

/// The number of each step that was heard of, its loss and its norm; and what was said of trouble.
type Heard = (Vec<(usize, f64, f64)>, Vec<String>);

/// A training of two epochs, with losses that are no numbers at some steps, so many times each.
fn train(poison: &[(usize, usize)], replica: Option<Replica>) -> Heard {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hears = Rc::clone(&heard);
    let hear = act(move |event, training| {
        if let (Event::AfterRead, Some(reading)) = (event, training.reading) {
            hears.borrow_mut().push((reading.position.total_steps, reading.loss, reading.gradient_norm));
        }
        Ok(Flow::Continue)
    });
    let objective = Sums { steps: STEPS, poison: poison.iter().copied().collect(), ..Sums::default() };
    let learner = learner(objective).with_some(GradientClip::new(0.3)).with(hear).with_replica(replica);
    let course = learner.train(&[phase(2)]).ok().unwrap().course;
    assert_eq!(course.records.len(), 2);
    (heard.take(), course.attempts)
}

fn alike(ours: &Heard, theirs: &Heard) {
    assert_eq!(ours.0.len(), theirs.0.len());
    for (ours, theirs) in ours.0.iter().zip(&theirs.0) {
        assert_eq!(ours.0, theirs.0);
        assert!((ours.1 - theirs.1).abs() < 1e-4 && (ours.2 - theirs.2).abs() < 1e-4, "{ours:?} {theirs:?}");
    }
}

#[test]
fn a_replica_alone_learns_what_a_learner_learns() {
    let alone = || Some(Replica::all(vec![Device::flex()]).remove(0));
    let (ours, theirs) = (train(&[], alone()), train(&[], None));
    assert_eq!(ours, theirs);
    assert!(ours.0.iter().enumerate().all(|(index, step)| step.0 == index));
    let (ours, theirs) = (train(&[(70, 1)], alone()), train(&[(70, 1)], None));
    assert_eq!(ours.1.len(), 1);
    // What is known late comes later: the losses of steps that were taken back were heard of by one only.
    let last = |heard: &Heard| heard.0[heard.0.len() - STEPS..].to_vec();
    assert_eq!(last(&ours), last(&theirs));
}

#[test]
fn a_gpu_tells_late_what_the_processor_tells_at_once() {
    let Ok(device) = DeviceChoice::Wgpu(0).open() else {
        eprintln!("skipped: this build has no wgpu, or no device for it is here");
        return;
    };
    let (reference, poisoned) = (train(&[], None), train(&[(70, 1)], None));
    compute_on(device);
    alike(&train(&[], None), &reference);
    let ours = train(&[(70, 1)], None);
    assert_eq!(ours.1.len(), 1);
    assert!(ours.1[0].starts_with("the loss was not finite in epoch 2, step 11 of `test`"), "{}", ours.1[0]);
    assert_eq!(ours.1[0].split(" at ").next(), poisoned.1[0].split(" at ").next());
    // Steps up to the bad one are heard of on both, and taken back on both.
    alike(&ours, &poisoned);
}

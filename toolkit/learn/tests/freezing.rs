//! Freezing and group rates by fastai's rules (fastai 2.8, `Optimizer.freeze_to`, `Learner.freeze`,
//! `BnFreeze`, `even_mults`).
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use glossa_learn::schedule::GroupRates;
use glossa_learn::{Freezing, Phase};
use support::{Sums, bits, learner, phase};

/// Which parameters and buffers moved in an epoch.
fn moved(freezing: Freezing) -> Vec<String> {
    let before = bits(&learner(Sums::default()));
    let mut learner = learner(Sums::default());
    learner.fit(&[Phase { freezing, ..phase(1) }]).unwrap();
    let after = bits(&learner);
    before.into_iter().filter(|(path, bits)| after[path] != *bits).map(|(path, _)| path).collect()
}

#[test]
fn batch_norm_below_goes_on_learning_unless_told_otherwise() {
    let norm = ["norm.beta", "norm.gamma", "norm.running_mean", "norm.running_var"];
    assert_eq!(moved(Freezing::NONE), [&["first"], &norm[..], &["second"]].concat());
    assert_eq!(moved(Freezing { first_group: 1, norms: false }), [&norm[..], &["second"]].concat());
    assert_eq!(moved(Freezing { first_group: 1, norms: true }), ["second"]);
}

#[test]
fn groups_are_counted_from_either_end() {
    let first = |number, groups| Freezing::to(number, groups).first_group;
    assert_eq!([first(0, 4), first(2, 4), first(-1, 4), first(-2, 4), first(9, 4), first(-9, 4)], [0, 2, 3, 2, 4, 0]);
}

/// What comes of unfreezing: the parameters move again, and the optimizer has no memory of the time before.
#[test]
fn what_thaws_moves() {
    let mut learner = learner(Sums::default());
    learner.fit(&[Phase { freezing: Freezing { first_group: 1, norms: true }, ..phase(1) }, phase(1)]).unwrap();
    let start = bits(&support::learner(Sums::default()));
    assert!(bits(&learner).iter().all(|(path, bits)| start[path] != *bits));
}

#[test]
fn rates_are_slices() {
    let near = |found: Vec<f64>, expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(one, other)| (one / other - 1.0).abs() < 1e-9), "{found:?}");
    };
    near(GroupRates::Same(1e-3).of(3), &[1e-3, 1e-3, 1e-3]);
    near(GroupRates::LastTen(1e-3).of(3), &[1e-4, 1e-4, 1e-3]);
    near(GroupRates::Slice(1e-5, 1e-3).of(3), &[1e-5, 1e-4, 1e-3]);
    near(GroupRates::Slice(1e-5, 1e-3).of(1), &[1e-3]);
}

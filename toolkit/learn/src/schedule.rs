//! How the rate and the momentum move over a phase of training.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// A schedule over the share of a phase that is done, from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Cosine up from `rate / start_divisor`, cosine down to `rate / end_divisor`; momentum the
    /// other way between `momentum.0` and `momentum.1` (fastai's one-cycle, both versions).
    OneCycle {
        /// Share of the phase that warms up.
        warm_up: f64,
        /// The first rate is the highest divided by this.
        start_divisor: f64,
        /// The last rate is the highest divided by this.
        end_divisor: f64,
        /// Momentum (Adam's first beta) at the ends and at the top.
        momentum: (f64, f64),
    },
    /// Linear up, linear down (Howard and Ruder 2018, equation 3).
    SlantedTriangular {
        /// Share of the phase that warms up (cut_frac).
        warm_up: f64,
        /// How much smaller the lowest rate is (ratio).
        ratio: f64,
        /// Momentum throughout.
        momentum: f64,
    },
    /// The highest rate, then cosine down to `rate / end_divisor` (fastai's flat-cosine).
    FlatCosine {
        /// Share of the phase at the highest rate.
        flat: f64,
        /// The last rate is the highest divided by this.
        end_divisor: f64,
        /// Momentum throughout.
        momentum: f64,
    },
    /// Cosine from the highest rate to zero, again and again (SGDR, Loshchilov and Hutter 2017).
    CosineRestarts {
        /// Number of falls.
        cycles: usize,
        /// Each fall is so many times as long as the one before.
        multiplier: f64,
        /// Momentum throughout.
        momentum: f64,
    },
    /// Linear up, the highest rate, then down to zero as `1 - √x` (ModernBERT's schedule; Hägele et al. 2024).
    WarmupStableDecay {
        /// Share of the phase that warms up; 0 for none.
        warm_up: f64,
        /// Share of the phase that decays; 0 for none.
        decay: f64,
        /// Momentum throughout.
        momentum: f64,
    },
    /// Linear up from zero, linear down to zero.
    Linear {
        /// Share of the phase that warms up; 0 for none.
        warm_up: f64,
        /// Momentum throughout.
        momentum: f64,
    },
    /// The same rate throughout.
    Constant {
        /// Momentum throughout.
        momentum: f64,
    },
    /// One schedule after the other.
    Sequence {
        /// The schedules, each with its part of the phase.
        parts: Vec<Part>,
    },
}

/// A schedule within a sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its part of the phase, relative to the others'.
    pub weight: f64,
    /// Its highest rate as a factor of the phase's.
    pub factor: f64,
    /// What it does.
    pub schedule: Schedule,
}

/// The factor of each group's highest rate, and the momentum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Times the group's rate.
    pub factor: f64,
    /// Adam's first beta.
    pub momentum: f64,
}

impl Schedule {
    /// fastai v1's one-cycle with its usual numbers.
    pub const ONE_CYCLE: Schedule =
        Schedule::OneCycle { warm_up: 0.3, start_divisor: 25.0, end_divisor: 25e4, momentum: (0.8, 0.7) };
    /// fastai v2's one-cycle with its usual numbers.
    pub const ONE_CYCLE_V2: Schedule =
        Schedule::OneCycle { warm_up: 0.25, start_divisor: 25.0, end_divisor: 1e5, momentum: (0.95, 0.85) };

    /// Whether every number lies where it makes sense.
    pub fn is_sound(&self) -> bool {
        let share = |value: &f64| *value > 0.0 && *value < 1.0;
        let part = |value: &f64| (0.0..1.0).contains(value);
        let divides = |value: &f64| *value >= 1.0 && value.is_finite();
        match self {
            Schedule::OneCycle { warm_up, start_divisor, end_divisor, momentum: (ends, top) } => {
                share(warm_up) && divides(start_divisor) && divides(end_divisor) && part(ends) && part(top)
            }
            Schedule::SlantedTriangular { warm_up, ratio, momentum } => {
                share(warm_up) && divides(ratio) && part(momentum)
            }
            Schedule::FlatCosine { flat, end_divisor, momentum } => {
                part(flat) && divides(end_divisor) && part(momentum)
            }
            Schedule::CosineRestarts { cycles, multiplier, momentum } => {
                (1..=1000).contains(cycles) && (0.1..=10.0).contains(multiplier) && part(momentum)
            }
            Schedule::WarmupStableDecay { warm_up, decay, momentum } => {
                part(warm_up) && part(decay) && warm_up + decay <= 1.0 && part(momentum)
            }
            Schedule::Linear { warm_up, momentum } => part(warm_up) && part(momentum),
            Schedule::Constant { momentum } => part(momentum),
            Schedule::Sequence { parts } => {
                let positive = |value: f64| value > 0.0 && value.is_finite();
                let sound = |part: &Part| positive(part.weight) && positive(part.factor) && part.schedule.is_sound();
                !parts.is_empty() && parts.iter().all(sound)
            }
        }
    }

    /// The setting when `done` of the phase, in [0, 1], is over.
    pub fn at(&self, done: f64) -> Setting {
        match self {
            Schedule::OneCycle { warm_up, start_divisor, end_divisor, momentum } => {
                let top = Setting { factor: 1.0, momentum: momentum.1 };
                let first = Setting { factor: 1.0 / start_divisor, momentum: momentum.0 };
                let last = Setting { factor: 1.0 / end_divisor, momentum: momentum.0 };
                if done < *warm_up {
                    between(first, top, done / warm_up)
                } else {
                    between(top, last, (done - warm_up) / (1.0 - warm_up))
                }
            }
            Schedule::SlantedTriangular { warm_up, ratio, momentum } => {
                Setting { factor: (1.0 + triangle(done, *warm_up) * (ratio - 1.0)) / ratio, momentum: *momentum }
            }
            Schedule::FlatCosine { flat, end_divisor, momentum } => {
                let setting = |factor| Setting { factor, momentum: *momentum };
                between(setting(1.0), setting(1.0 / end_divisor), ((done - flat) / (1.0 - flat)).max(0.0))
            }
            Schedule::CosineRestarts { cycles, multiplier, momentum } => {
                let setting = |factor| Setting { factor, momentum: *momentum };
                between(setting(1.0), setting(0.0), within_cycle(done, *cycles, *multiplier))
            }
            Schedule::WarmupStableDecay { warm_up, decay, momentum } => {
                let factor = if done < *warm_up {
                    done / warm_up
                } else if done > 1.0 - decay {
                    1.0 - ((done - (1.0 - decay)) / decay).sqrt()
                } else {
                    1.0
                };
                Setting { factor, momentum: *momentum }
            }
            Schedule::Linear { warm_up, momentum } => Setting { factor: triangle(done, *warm_up), momentum: *momentum },
            Schedule::Constant { momentum } => Setting { factor: 1.0, momentum: *momentum },
            Schedule::Sequence { parts } => sequence(parts, done),
        }
    }

    /// `points` settings spread evenly over the phase, for a drawing.
    pub fn curve(&self, points: usize) -> Vec<Setting> {
        let last = points.saturating_sub(1).max(1) as f64;
        (0..points).map(|point| self.at(point as f64 / last)).collect()
    }
}

/// From 0 up to 1 at `warm_up`, and down to 0 at the end.
fn triangle(done: f64, warm_up: f64) -> f64 {
    if done < warm_up { done / warm_up } else { 1.0 - (done - warm_up) / (1.0 - warm_up) }
}

/// How much of its cycle is over, where each is `multiplier` times as long as the one before.
fn within_cycle(done: f64, cycles: usize, multiplier: f64) -> f64 {
    let lengths: Vec<f64> = (0..cycles).map(|cycle| multiplier.powi(cycle as i32)).collect();
    let mut left = done * lengths.iter().sum::<f64>();
    for length in &lengths {
        if left < *length {
            return left / length;
        }
        left -= length;
    }
    1.0
}

/// The part that `done` falls into, at its own share.
fn sequence(parts: &[Part], done: f64) -> Setting {
    let mut left = done * parts.iter().map(|part| part.weight).sum::<f64>();
    let setting = |part: &Part, share: f64| {
        let Setting { factor, momentum } = part.schedule.at(share.clamp(0.0, 1.0));
        Setting { factor: factor * part.factor, momentum }
    };
    for part in parts {
        if left < part.weight {
            return setting(part, left / part.weight);
        }
        left -= part.weight;
    }
    parts.last().map_or(Setting { factor: 0.0, momentum: 0.0 }, |part| setting(part, 1.0))
}

/// Cosine from one setting to another.
fn between(from: Setting, to: Setting, share: f64) -> Setting {
    let weight = (1.0 + (PI * share).cos()) / 2.0;
    Setting {
        factor: to.factor + (from.factor - to.factor) * weight,
        momentum: to.momentum + (from.momentum - to.momentum) * weight,
    }
}

/// Rates in geometric steps from `lowest` (the input's group) to `highest` (the last group): fastai's
/// `slice(lowest, highest)`.
pub fn geometric_rates(lowest: f64, highest: f64, groups: usize) -> Vec<f64> {
    let step = if groups > 1 { (highest / lowest).powf(1.0 / (groups - 1) as f64) } else { 1.0 };
    (0..groups).map(|group| if groups == 1 { highest } else { lowest * step.powi(group as i32) }).collect()
}

/// The rates of all groups from one or two numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GroupRates {
    /// The same for all.
    Same(f64),
    /// fastai's `slice(rate)`: a tenth of it for all groups but the last.
    LastTen(f64),
    /// fastai's `slice(lowest, highest)`: geometric steps from the first group to the last.
    Slice(f64, f64),
}

impl GroupRates {
    /// The rate of each of so many groups.
    pub fn of(self, groups: usize) -> Vec<f64> {
        match self {
            GroupRates::Same(rate) => vec![rate; groups],
            GroupRates::LastTen(rate) => {
                (1..=groups).map(|group| if group == groups { rate } else { rate / 10.0 }).collect()
            }
            GroupRates::Slice(lowest, highest) => geometric_rates(lowest, highest, groups),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cycle_rises_and_falls() {
        let setting = |done| Schedule::ONE_CYCLE.at(done);
        assert!((setting(0.0).factor - 0.04).abs() < 1e-12);
        assert!((setting(0.3).factor - 1.0).abs() < 1e-12);
        assert!((setting(1.0).factor - 4e-6).abs() < 1e-12);
        assert!((setting(0.15).momentum - 0.75).abs() < 1e-12);
        assert!((setting(0.0).momentum - 0.8).abs() < 1e-12);
    }

    #[test]
    fn slanted_triangular_follows_the_paper() {
        let schedule = Schedule::SlantedTriangular { warm_up: 0.1, ratio: 32.0, momentum: 0.8 };
        assert!((schedule.at(0.1).factor - 1.0).abs() < 1e-12);
        assert!((schedule.at(0.0).factor - 1.0 / 32.0).abs() < 1e-12);
        assert!((schedule.at(0.55).factor - (1.0 + 0.5 * 31.0) / 32.0).abs() < 1e-12);
    }

    #[test]
    fn the_others_pass_through_their_corners() {
        let momentum = 0.9;
        let rows = [
            (
                Schedule::FlatCosine { flat: 0.75, end_divisor: 1e5, momentum },
                vec![(0.0, 1.0), (0.75, 1.0), (1.0, 1e-5)],
            ),
            (
                Schedule::CosineRestarts { cycles: 2, multiplier: 2.0, momentum },
                vec![(0.0, 1.0), (1.0 / 6.0, 0.5), (0.34, 0.9997), (2.0 / 3.0, 0.5), (1.0, 0.0)],
            ),
            (
                Schedule::WarmupStableDecay { warm_up: 0.1, decay: 0.4, momentum },
                vec![(0.0, 0.0), (0.05, 0.5), (0.5, 1.0), (0.7, 0.5), (1.0, 0.0)],
            ),
            (Schedule::Linear { warm_up: 0.0, momentum }, vec![(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)]),
            (Schedule::Constant { momentum }, vec![(0.0, 1.0), (1.0, 1.0)]),
        ];
        for (schedule, points) in rows {
            assert!(schedule.is_sound());
            for (done, factor) in points {
                let found = schedule.at(done).factor;
                assert!((found - factor).abs() < 1e-3, "{schedule:?} at {done}: {found}");
            }
        }
    }

    #[test]
    fn sequences_share_the_phase() {
        let part = |weight, factor, schedule| Part { weight, factor, schedule };
        let linear = Schedule::Linear { warm_up: 0.0, momentum: 0.9 };
        let whole = Schedule::Sequence {
            parts: vec![part(1.0, 1.0, linear.clone()), part(3.0, 0.1, Schedule::Constant { momentum: 0.8 })],
        };
        assert!(whole.is_sound());
        assert!((whole.at(0.125).factor - 0.5).abs() < 1e-12);
        assert_eq!(whole.at(0.5), Setting { factor: 0.1, momentum: 0.8 });
        assert_eq!(whole.at(1.0), Setting { factor: 0.1, momentum: 0.8 });
        assert!(!Schedule::Sequence { parts: vec![part(0.0, 1.0, linear)] }.is_sound());
        assert_eq!(whole.curve(5).len(), 5);
    }

    #[test]
    fn rates_are_geometric() {
        let rates = geometric_rates(2e-2 / 2.6_f64.powi(4) / 2.0, 2e-2, 6);
        assert_eq!(rates.len(), 6);
        assert!((rates[5] - 2e-2).abs() < 1e-12);
        assert!((rates[1] / rates[0] - rates[5] / rates[4]).abs() < 1e-9);
        assert_eq!(geometric_rates(1.0, 2.0, 1), vec![2.0]);
    }
}

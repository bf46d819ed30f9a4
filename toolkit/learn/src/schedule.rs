//! How the rate and the momentum move over a phase of training.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// A schedule over the share of a phase that is done, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Cosine up from `rate / start_divisor`, cosine down to `rate / end_divisor`; momentum the
    /// other way between `momentum.0` and `momentum.1` (fastai v1's one-cycle).
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
    /// The same rate throughout.
    Constant {
        /// Momentum throughout.
        momentum: f64,
    },
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

    /// Whether every number lies where it makes sense.
    pub fn is_sound(&self) -> bool {
        let share = |value: f64| value > 0.0 && value < 1.0;
        let momentum_is_sound = |value: f64| (0.0..1.0).contains(&value);
        let divides = |value: f64| value >= 1.0 && value.is_finite();
        match *self {
            Schedule::OneCycle { warm_up, start_divisor, end_divisor, momentum } => {
                share(warm_up)
                    && divides(start_divisor)
                    && divides(end_divisor)
                    && momentum_is_sound(momentum.0)
                    && momentum_is_sound(momentum.1)
            }
            Schedule::SlantedTriangular { warm_up, ratio, momentum } => {
                share(warm_up) && divides(ratio) && momentum_is_sound(momentum)
            }
            Schedule::Constant { momentum } => momentum_is_sound(momentum),
        }
    }

    /// The setting when `done` of the phase, in [0, 1], is over.
    pub fn at(&self, done: f64) -> Setting {
        match *self {
            Schedule::OneCycle { warm_up, start_divisor, end_divisor, momentum } => {
                let top = Setting { factor: 1.0, momentum: momentum.1 };
                let first = Setting { factor: 1.0 / start_divisor, momentum: momentum.0 };
                let last = Setting { factor: 1.0 / end_divisor, momentum: momentum.0 };
                if done < warm_up {
                    between(first, top, done / warm_up)
                } else {
                    between(top, last, (done - warm_up) / (1.0 - warm_up))
                }
            }
            Schedule::SlantedTriangular { warm_up, ratio, momentum } => {
                let share = if done < warm_up { done / warm_up } else { 1.0 - (done - warm_up) / (1.0 - warm_up) };
                Setting { factor: (1.0 + share * (ratio - 1.0)) / ratio, momentum }
            }
            Schedule::Constant { momentum } => Setting { factor: 1.0, momentum },
        }
    }
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
    fn rates_are_geometric() {
        let rates = geometric_rates(2e-2 / 2.6_f64.powi(4) / 2.0, 2e-2, 6);
        assert_eq!(rates.len(), 6);
        assert!((rates[5] - 2e-2).abs() < 1e-12);
        assert!((rates[1] / rates[0] - rates[5] / rates[4]).abs() < 1e-9);
        assert_eq!(geometric_rates(1.0, 2.0, 1), vec![2.0]);
    }
}

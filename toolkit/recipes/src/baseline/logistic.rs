//! L2-regularised logistic regression for two classes, by coordinate ascent in the dual (Yu, Huang
//! & Lin 2011). It minimises `|w|^2 / 2 + C sum ln(1 + exp(-y w.x))` over sparse rows.
//!
//! At the optimum every document's dual variable is `a = C / (1 + exp(-t))` with `t = -y w.x`, and
//! `w = sum a y x`. We keep `t`, one number a document, and solve for it: the equation
//! `t + q + |x|^2 (a(t) - a) = 0`, `q = y w.x`, has one root, between bounds that follow from
//! `0 < a(t) < C`, and a slope of at least 1, so that Newton's steps inside the bounds are safe.

use glossa_base::seed::{Purpose, Stream};

use super::features::Row;

/// How far `t` may be from `-y w.x` in the last pass.
const TOLERANCE: f64 = 1e-3;
/// Real texts need some tens; labels at random with a weak penalty need hundreds.
const PASSES: u64 = 1000;

/// A trained two-class model.
pub(super) struct Logistic {
    pub(super) weights: Vec<f64>,
    pub(super) bias: f64,
}

impl Logistic {
    /// Trains on rows and whether each is of the class. `stream` decides the order of visits.
    pub(super) fn train(rows: &[Row], inside: &[bool], feature_count: usize, cost: f64, seed: u64, class: u64) -> Self {
        let mut model = Logistic { weights: vec![0.0; feature_count], bias: 0.0 };
        let norms: Vec<f64> = rows.iter().map(squared_length).collect();
        let signs: Vec<f64> = inside.iter().map(|inside| if *inside { 1.0 } else { -1.0 }).collect();
        // Every dual variable starts near 0.
        let mut states = vec![-10.0; rows.len()];
        for ((row, sign), state) in rows.iter().zip(&signs).zip(&states) {
            model.add(row, sign * dual(*state, cost));
        }
        for pass in 0..PASSES {
            let mut largest = 0.0f64;
            for document in Stream::new(seed, Purpose::Order, pass, class).permutation(rows.len()) {
                let (row, sign, state) = (&rows[document], signs[document], states[document]);
                let margin = sign * model.margin(row);
                largest = largest.max((state + margin).abs());
                let next = solve(state, margin, norms[document], cost);
                model.add(row, sign * (dual(next, cost) - dual(state, cost)));
                states[document] = next;
            }
            if largest < TOLERANCE {
                break;
            }
        }
        model
    }

    fn margin(&self, row: &Row) -> f64 {
        row.iter().map(|&(feature, value)| self.weights[feature as usize] * f64::from(value)).sum::<f64>() + self.bias
    }

    fn add(&mut self, row: &Row, step: f64) {
        row.iter().for_each(|&(feature, value)| self.weights[feature as usize] += step * f64::from(value));
        self.bias += step;
    }
}

/// With the constant 1 that stands for the bias.
fn squared_length(row: &Row) -> f64 {
    row.iter().map(|(_, value)| f64::from(*value) * f64::from(*value)).sum::<f64>() + 1.0
}

fn dual(state: f64, cost: f64) -> f64 {
    cost / (1.0 + (-state).exp())
}

/// The root of `t + margin + norm (a(t) - a(state))`: Newton, and bisection where a step would
/// leave the bounds.
fn solve(state: f64, margin: f64, norm: f64, cost: f64) -> f64 {
    let now = dual(state, cost);
    let (mut low, mut high) = (-margin - norm * (cost - now), -margin + norm * now);
    let mut root = state.clamp(low, high);
    for _ in 0..50 {
        let value = dual(root, cost);
        let excess = root + margin + norm * (value - now);
        if excess.abs() < 1e-9 {
            break;
        }
        if excess > 0.0 {
            high = root
        } else {
            low = root
        }
        let next = root - excess / (1.0 + norm * value * (1.0 - value / cost));
        root = if next > low && next < high { next } else { (low + high) / 2.0 };
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At the optimum of a model with weights w: w = C sum y x / (1 + exp(y w.x)).
    #[test]
    fn the_gradient_is_zero() {
        let stream = Stream::new(5, Purpose::Sample, 0, 0);
        let row = |document: u64| -> Row {
            (0..6)
                .filter(|at| stream.part(document).bits(*at).is_multiple_of(3))
                .map(|at| (at as u32, 1.0 + stream.uniform(at)))
                .collect()
        };
        let rows: Vec<Row> = (0..80).map(row).collect();
        let inside: Vec<bool> = (0..80).map(|at| stream.bits(at).is_multiple_of(2)).collect();
        for cost in [0.01, 1.0, 30.0] {
            let model = Logistic::train(&rows, &inside, 6, cost, 1, 0);
            let mut gradient = model.weights.clone();
            for (row, inside) in rows.iter().zip(&inside) {
                let sign = if *inside { 1.0 } else { -1.0 };
                let pull = cost * sign / (1.0 + (sign * model.margin(row)).exp());
                row.iter().for_each(|(feature, value)| gradient[*feature as usize] -= pull * f64::from(*value));
            }
            assert!(gradient.iter().all(|value| value.abs() < 2e-2 * cost), "{cost}: {gradient:?}");
        }
    }

    #[test]
    fn the_root_is_found_from_anywhere() {
        for (state, margin, norm, cost) in [(-10.0, 0.0, 1.0, 1.0), (3.0, 40.0, 900.0, 100.0), (0.0, -700.0, 5.0, 0.01)]
        {
            let root = solve(state, margin, norm, cost);
            let excess = root + margin + norm * (dual(root, cost) - dual(state, cost));
            assert!(excess.abs() < 1e-6, "{excess}");
        }
    }
}

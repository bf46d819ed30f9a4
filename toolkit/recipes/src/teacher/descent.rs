//! L-BFGS (Liu and Nocedal 1989) with backtracking: for smooth problems that fit into memory, such as a logistic
//! head.

use std::collections::VecDeque;

/// Steps that are remembered.
const MEMORY: usize = 10;

/// Steps at most; logistic heads need some hundreds.
const STEPS: usize = 2000;

/// Where a smooth function is lowest, from a start. `function` gives value and gradient. It ends where the largest
/// part of the gradient is below `tolerance`, or where no step goes down any more.
pub(super) fn minimise(
    start: Vec<f64>,
    tolerance: f64,
    mut function: impl FnMut(&[f64]) -> (f64, Vec<f64>),
) -> Vec<f64> {
    let mut point = start;
    let (mut value, mut gradient) = function(&point);
    let mut memory: VecDeque<Step> = VecDeque::new();
    for _ in 0..STEPS {
        if gradient.iter().all(|slope| slope.abs() < tolerance) {
            break;
        }
        let direction = direction(&gradient, &memory);
        let Some((next, lower, slopes)) = walk(&point, value, &gradient, &direction, &mut function) else {
            if memory.is_empty() {
                break;
            }
            // What is remembered misleads: begin with the slope alone.
            memory.clear();
            continue;
        };
        let step = Step::new(difference(&next, &point), difference(&slopes, &gradient));
        if let Some(step) = step {
            memory.truncate(MEMORY - 1);
            memory.push_front(step);
        }
        (point, value, gradient) = (next, lower, slopes);
    }
    point
}

/// A step and how it changed the gradient.
struct Step {
    moved: Vec<f64>,
    changed: Vec<f64>,
    inverse: f64,
}

impl Step {
    /// None where the function does not curve up along the step.
    fn new(moved: Vec<f64>, changed: Vec<f64>) -> Option<Self> {
        let curvature = dot(&moved, &changed);
        (curvature > 1e-14 * dot(&changed, &changed)).then(|| Step { inverse: 1.0 / curvature, moved, changed })
    }
}

/// The two loops.
fn direction(gradient: &[f64], memory: &VecDeque<Step>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for step in memory {
        let share = step.inverse * dot(&step.moved, &direction);
        add(&mut direction, -share, &step.changed);
        shares.push(share);
    }
    let scale = memory.front().map_or_else(
        || 1.0 / dot(gradient, gradient).sqrt().max(1.0),
        |step| 1.0 / (step.inverse * dot(&step.changed, &step.changed)),
    );
    direction.iter_mut().for_each(|value| *value *= scale);
    for (step, share) in memory.iter().zip(shares).rev() {
        let back = step.inverse * dot(&step.changed, &direction);
        add(&mut direction, share - back, &step.moved);
    }
    direction
}

/// Halves a step until it goes down enough (Armijo); nothing where none does.
fn walk(
    point: &[f64],
    value: f64,
    gradient: &[f64],
    direction: &[f64],
    function: &mut impl FnMut(&[f64]) -> (f64, Vec<f64>),
) -> Option<(Vec<f64>, f64, Vec<f64>)> {
    let slope = dot(gradient, direction);
    let mut length = 1.0;
    for _ in 0..40 {
        let mut next = point.to_vec();
        add(&mut next, length, direction);
        let (lower, slopes) = function(&next);
        if lower <= value + 1e-4 * length * slope && slope < 0.0 {
            return Some((next, lower, slopes));
        }
        length /= 2.0;
    }
    None
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn add(sum: &mut [f64], factor: f64, values: &[f64]) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}

fn difference(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one - other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valleys_are_found() {
        // Rosenbrock's: a bent valley, lowest at (1, 1).
        let rosenbrock = |at: &[f64]| {
            let (a, b) = (1.0 - at[0], at[1] - at[0] * at[0]);
            (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * at[0] * b, 200.0 * b])
        };
        let found = minimise(vec![-1.2, 1.0], 1e-10, rosenbrock);
        assert!(found.iter().all(|value| (value - 1.0).abs() < 1e-6), "{found:?}");
        // Stretched a million times.
        let ellipse = |at: &[f64]| (at[0] * at[0] + 1e6 * at[1] * at[1], vec![2.0 * at[0], 2e6 * at[1]]);
        let found = minimise(vec![3.0, -2.0], 1e-9, ellipse);
        assert!(found.iter().all(|value| value.abs() < 1e-8), "{found:?}");
    }
}

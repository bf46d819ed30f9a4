//! An axis of a chart: its ends, its marks, and where a value lies on it. It draws nothing.

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally long.
    #[default]
    Linear,
    /// Equal ratios are equally long; values that are not positive have no place.
    Logarithmic,
}

/// A value with its name beside the axis.
pub(super) struct Mark {
    pub(super) value: f64,
    pub(super) label: String,
}

pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    pub(super) marks: Vec<Mark>,
}

impl Axis {
    /// An axis whose ends are marks.
    pub(super) fn up(values: impl Iterator<Item = f64>, scale: Scale) -> Option<Self> {
        let span = span(values, scale)?;
        let marks = marks(span, scale, 4.0);
        let ends = |(low, high): (f64, f64), mark: &Mark| (low.min(mark.value), high.max(mark.value));
        let (low, high) = marks.iter().fold(span, ends);
        Some(Axis { scale, low, high, marks })
    }

    /// An axis from the first to the last value, with marks between. Steps and epochs are whole numbers.
    pub(super) fn across(values: impl Iterator<Item = f64>, scale: Scale) -> Option<Self> {
        let (low, high) = span(values, scale)?;
        let mut marks = marks((low, high), scale, 6.0);
        marks.retain(|mark| mark.value >= low * (1.0 - 1e-9) && mark.value <= high * (1.0 + 1e-9));
        if high - low >= 1.0 && scale == Scale::Linear {
            marks.retain(|mark| mark.value.fract() == 0.0);
            marks.iter_mut().for_each(|mark| mark.label = mark.value.to_string());
        }
        Some(Axis { scale, low, high, marks })
    }

    /// Where a value lies, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> Option<f64> {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        share.is_finite().then_some(share)
    }
}

/// The smallest and largest of the values that have a place, apart from each other.
fn span(values: impl Iterator<Item = f64>, scale: Scale) -> Option<(f64, f64)> {
    let has_place = |value: &f64| value.is_finite() && (scale == Scale::Linear || *value > 0.0);
    let ends = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let (low, high) =
        values.filter(has_place).map(|value| (value, value)).reduce(|span, (value, _)| ends(span, value))?;
    if high - low > 1e-9 * high.abs() {
        return Some((low, high));
    }
    let margin = if low == 0.0 { 0.5 } else { low.abs() / 2.0 };
    Some((low - margin, high + margin))
}

fn marks((low, high): (f64, f64), scale: Scale, steps: f64) -> Vec<Mark> {
    match scale {
        Scale::Linear => linear_marks(low, high, steps),
        Scale::Logarithmic => decades(low, high).into_iter().map(|value| Mark { value, label: plain(value) }).collect(),
    }
}

/// Round numbers that cover a span in at most so many steps, and one more at either end.
fn linear_marks(low: f64, high: f64, steps: f64) -> Vec<Mark> {
    let rough = (high - low) / steps;
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough * (1.0 - 1e-9));
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step + 1e-9).floor() as i64, (high / step - 1e-9).ceil() as i64);
    let largest = low.abs().max(high.abs());
    let mark = |index: i64| {
        let value = index as f64 * step;
        Mark { value, label: label(value, step, largest) }
    };
    (first..=last).take(12).map(mark).collect()
}

/// Powers of ten that cover a span, at most seven; with twice and five times of each where there are few.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = ((low.log10() + 1e-9).floor() as i32, (high.log10() - 1e-9).ceil() as i32);
    let every = (last - first) / 7 + 1;
    let powers = (first..=last).rev().filter(|power| (last - power) % every == 0).map(|power| 10_f64.powi(power));
    let mut marks: Vec<f64> = powers.collect();
    if last - first <= 2 {
        let between: Vec<f64> = marks.iter().flat_map(|mark| [2.0 * mark, 5.0 * mark]).collect();
        marks.extend(between.into_iter().filter(|mark| (low..=high).contains(mark)));
    }
    marks.sort_by(f64::total_cmp);
    marks
}

/// A number with as many decimals as tell it from the next mark; with an exponent where all are large or small.
fn label(value: f64, step: f64, largest: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e5).contains(&largest) {
        return short(value, value.abs().log10().floor() - step.log10().floor());
    }
    let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}")
}

/// A power of ten or a small multiple of one.
fn plain(value: f64) -> String {
    if (1e-3..1e5).contains(&value) { format!("{}", (value * 1e6).round() / 1e6) } else { short(value, 0.0) }
}

/// `3e-4`, or with a decimal `1.5e7`.
fn short(value: f64, decimals: f64) -> String {
    let decimals = decimals.clamp(0.0, 4.0) as usize;
    format!("{value:.decimals$e}").replace(".0e", "e")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale, values: &[f64]) -> Axis {
        Axis::up(values.iter().copied(), scale).unwrap()
    }

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.marks.iter().map(|mark| mark.label.as_str()).collect()
    }

    #[test]
    fn marks_are_round_and_cover() {
        let check = |values: &[f64], expected: &[&str]| assert_eq!(labels(&axis(Scale::Linear, values)), expected);
        check(&[0.0, 4.0], &["0", "1", "2", "3", "4"]);
        check(&[2.13, 3.9], &["2.0", "2.5", "3.0", "3.5", "4.0"]);
        check(&[0.31, 0.35, f64::NAN], &["0.31", "0.32", "0.33", "0.34", "0.35"]);
        check(&[0.0, 4e-4], &["0", "1e-4", "2e-4", "3e-4", "4e-4"]);
        check(&[0.0, 5e-3], &["0", "0.002", "0.004", "0.006"]);
        check(&[0.0, 3e6], &["0", "1e6", "2e6", "3e6"]);
        check(&[5.06e7, 5.08e7], &["5.060e7", "5.065e7", "5.070e7", "5.075e7", "5.080e7"]);
        check(&[0.7991, 0.7999], &["0.7990", "0.7992", "0.7994", "0.7996", "0.7998", "0.8000"]);
        check(&[0.8, 0.8], &["0.4", "0.6", "0.8", "1.0", "1.2"]);
    }

    #[test]
    fn decades_cover_and_are_few() {
        let check = |values: &[f64], expected: &[&str]| assert_eq!(labels(&axis(Scale::Logarithmic, values)), expected);
        check(&[0.0, -1.0, 3e-6, 0.2], &["1e-6", "1e-5", "1e-4", "0.001", "0.01", "0.1", "1"]);
        check(&[1.0, 100.0], &["1", "2", "5", "10", "20", "50", "100"]);
        check(&[1e-20, 1.0], &["1e-18", "1e-15", "1e-12", "1e-9", "1e-6", "0.001", "1"]);
    }

    #[test]
    fn steps_and_epochs_are_whole() {
        let check = |values: &[f64], expected: &[&str]| {
            assert_eq!(labels(&Axis::across(values.iter().copied(), Scale::Linear).unwrap()), expected);
        };
        check(&[1.0, 3.0], &["1", "2", "3"]);
        check(&[1.0, 1.0], &["1"]);
        check(&[1.0, 9000.0], &["2000", "4000", "6000", "8000"]);
        check(&[0.0, 0.4], &["0", "0.1", "0.2", "0.3", "0.4"]);
    }

    #[test]
    fn values_have_their_place() {
        let axis = axis(Scale::Logarithmic, &[1e-4, 1.0]);
        assert!((axis.share(1e-2).unwrap() - 0.5).abs() < 1e-9);
        assert!(axis.share(0.0).is_none() && axis.share(-1.0).is_none());
        assert!(Axis::up([f64::NAN].into_iter(), Scale::Linear).is_none());
    }
}

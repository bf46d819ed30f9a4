//! Shares as horizontal bars.

use std::fmt::Write;

use super::chart::{WIDTH, figure};
use super::escape;

/// A bar for a share from 0 to 1.
pub struct Bar {
    /// What it stands for.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// The ends of its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// Whether it is the one to look at.
    pub strong: bool,
}

/// Bars below each other, each under its name, with its value at the right.
pub(super) fn bars(caption: &str, bars: &[Bar]) -> String {
    let (row, length, end) = (44.0, WIDTH - 70.0, WIDTH - 6.0);
    let share = |value: f64| if value.is_finite() { value.clamp(0.0, 1.0) * length } else { 0.0 };
    let mut svg = String::new();
    for (index, bar) in bars.iter().enumerate() {
        let (top, class) = (index as f64 * row, if bar.strong { "strong" } else { "plain" });
        let (name, width) = (escape(&bar.name), share(bar.value));
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{:.0}\">{name}</text><rect class=\"track\" x=\"0\" y=\"{:.0}\" width=\"{length}\" height=\"16\" rx=\"3\"/><rect class=\"{class}\" x=\"0\" y=\"{:.0}\" width=\"{width:.1}\" height=\"16\" rx=\"3\"/>",
            top + 13.0,
            top + 19.0,
            top + 19.0
        );
        let _ = write!(
            svg,
            "<text x=\"{end}\" y=\"{:.0}\" text-anchor=\"end\">{:.1} %</text>",
            top + 31.0,
            100.0 * bar.value
        );
        if let Some((low, high)) = bar.interval {
            let (low, high, middle) = (share(low), share(high), top + 27.0);
            let _ = write!(
                svg,
                "<path class=\"whisker\" d=\"M{low:.1} {middle}H{high:.1}M{low:.1} {}v8M{high:.1} {}v8\"/>",
                middle - 4.0,
                middle - 4.0
            );
        }
    }
    figure(caption, row * bars.len() as f64, &svg)
}

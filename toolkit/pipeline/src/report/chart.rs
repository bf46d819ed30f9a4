//! Charts as inline SVG. They are drawn narrow, so that their letters stay readable on a phone.

use std::fmt::Write;

use super::escape;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 230.0;
/// Left, right, top and bottom of the plotted area.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 410.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 186.0;
/// The style sheet knows so many lines.
const STYLES: usize = 3;

/// A named line.
pub struct Series {
    /// What it shows.
    pub name: String,
    /// (across, up); points that are not numbers are left out.
    pub points: Vec<(f64, f64)>,
}

/// Up to three lines over one axis.
pub struct LineChart {
    /// What the chart shows.
    pub caption: String,
    /// What lies on the axis across, such as `epoch`.
    pub across: String,
    /// The lines.
    pub series: Vec<Series>,
}

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

/// The smallest and largest of finite numbers, apart from each other.
fn span(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let finite: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let low = finite.iter().copied().reduce(f64::min)?;
    let high = finite.iter().copied().reduce(f64::max)?;
    Some(if high - low > 1e-9 { (low, high) } else { (low - 0.5, high + 0.5) })
}

/// Round numbers, three to six of them, that cover a span.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last).take(12).map(|index| index as f64 * step).collect()
}

/// A number with as many decimals as its ticks need.
fn label(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}")
}

impl LineChart {
    pub(super) fn to_html(&self) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let spans = (span(points().map(|point| point.0)), span(points().map(|point| point.1)));
        let (Some((left, right)), Some(up)) = spans else { return String::new() };
        let marks = ticks(up);
        let (low, high) = (marks.first().copied().unwrap_or(up.0), marks.last().copied().unwrap_or(up.1));
        let x = |value: f64| LEFT + 6.0 + (value - left) / (right - left) * (RIGHT - LEFT - 12.0);
        let y = |value: f64| BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP);
        let mut svg = String::new();
        let step = marks.get(1).map_or(1.0, |second| second - low);
        for mark in marks {
            let (height, name) = (y(mark), label(mark, step));
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{height:.1}\" y2=\"{height:.1}\"/><text class=\"soft\" x=\"38\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                height + 4.0
            );
        }
        for mark in ticks((left, right)).into_iter().filter(|mark| (left..=right).contains(mark) && mark.fract() == 0.0)
        {
            let _ = write!(
                svg,
                "<text class=\"soft\" x=\"{:.1}\" y=\"202\" text-anchor=\"middle\">{mark:.0}</text>",
                x(mark)
            );
        }
        let across = escape(&self.across);
        let _ = write!(svg, "<text class=\"soft\" x=\"{RIGHT}\" y=\"220\" text-anchor=\"end\">{across}</text>");
        for (index, series) in self.series.iter().enumerate() {
            svg.push_str(&line(series, index % STYLES, &x, &y));
        }
        svg.push_str(&self.legend());
        figure(&self.caption, HEIGHT, &svg)
    }

    fn legend(&self) -> String {
        let (mut legend, mut x) = (String::new(), LEFT);
        for (index, series) in self.series.iter().enumerate() {
            let (style, name) = (index % STYLES, escape(&series.name));
            let _ = write!(
                legend,
                "<line class=\"line s{style}\" x1=\"{x}\" x2=\"{:.0}\" y1=\"216\" y2=\"216\"/><text x=\"{:.0}\" y=\"220\">{name}</text>",
                x + 20.0,
                x + 25.0
            );
            x += 40.0 + 6.6 * series.name.chars().count() as f64;
        }
        legend
    }
}

fn line(series: &Series, style: usize, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> String {
    let finite: Vec<(f64, f64)> =
        series.points.iter().copied().filter(|point| point.0.is_finite() && point.1.is_finite()).collect();
    let path: Vec<String> = finite.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1))).collect();
    let dots: String = finite
        .iter()
        .map(|point| format!("<circle class=\"d{style}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", x(point.0), y(point.1)))
        .collect();
    format!("<polyline class=\"line s{style}\" points=\"{}\"/>{dots}", path.join(" "))
}

/// Bars below each other, each under its name, with its value at the right.
pub(super) fn bars(caption: &str, bars: &[Bar]) -> String {
    let (row, length, end) = (44.0, RIGHT - 60.0, WIDTH - 6.0);
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

fn figure(caption: &str, height: f64, svg: &str) -> String {
    let caption = escape(caption);
    format!(
        "<figure>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{caption}\">{svg}</svg>\n\
         <figcaption>{caption}</figcaption>\n</figure>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover() {
        let check = |low: f64, high: f64, expected: &[f64]| {
            let found = ticks((low, high));
            assert_eq!(found.len(), expected.len(), "{found:?}");
            assert!(found.iter().zip(expected).all(|(one, two)| (one - two).abs() < 1e-9), "{found:?}");
        };
        check(0.0, 4.0, &[0.0, 1.0, 2.0, 3.0, 4.0]);
        check(2.13, 3.9, &[2.0, 2.5, 3.0, 3.5, 4.0]);
        check(0.31, 0.35, &[0.31, 0.32, 0.33, 0.34, 0.35]);
    }

    #[test]
    fn labels_have_the_decimals_of_the_step() {
        assert_eq!(label(2.5, 0.5), "2.5");
        assert_eq!(label(20.0, 10.0), "20");
        assert_eq!(label(0.31, 0.01), "0.31");
    }
}

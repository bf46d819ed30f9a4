//! Charts of lines as inline SVG. They are drawn narrow, so that their letters stay readable on a phone.

use std::fmt::Write;

use super::axis::{Axis, Scale};
use super::escape;

pub(super) const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 230.0;
/// Left, right, top and bottom of the plotted area.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 410.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 186.0;
/// The style sheet knows so many lines.
const STYLES: usize = 3;
/// A line of more points is drawn without a dot at each.
const DOTS: usize = 40;
/// A line of more points than twice this is thinned.
const STRETCHES: usize = 400;

/// A named line.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// What it shows.
    pub name: String,
    /// (across, up); points that are not numbers are left out.
    pub points: Vec<(f64, f64)>,
    /// Drawn thin and pale, as the ground of another line.
    pub pale: bool,
}

impl Series {
    /// A line in full colour.
    pub fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Series { name: name.to_owned(), points, pale: false }
    }
}

/// Up to three lines over one axis.
#[derive(Debug, Clone, Default)]
pub struct LineChart {
    /// What the chart shows.
    pub caption: String,
    /// What lies on the axis across, such as `epoch`.
    pub across: String,
    /// How the axis across is divided.
    pub across_scale: Scale,
    /// How the axis up is divided.
    pub up_scale: Scale,
    /// The lines.
    pub series: Vec<Series>,
}

/// Where points lie on the paper.
struct Frame {
    across: Axis,
    up: Axis,
}

impl Frame {
    fn x(&self, value: f64) -> Option<f64> {
        self.across.share(value).map(|share| LEFT + 6.0 + share * (RIGHT - LEFT - 12.0))
    }

    fn y(&self, value: f64) -> Option<f64> {
        self.up.share(value).map(|share| BOTTOM - share * (BOTTOM - TOP))
    }

    /// The points that have a place.
    fn places(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        points.iter().filter_map(|point| Some((self.x(point.0)?, self.y(point.1)?))).collect()
    }

    fn grid(&self) -> String {
        let mut svg = String::new();
        for mark in &self.up.marks {
            let Some(height) = self.y(mark.value) else { continue };
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{height:.1}\" y2=\"{height:.1}\"/><text class=\"soft\" x=\"38\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                height + 4.0,
                mark.label
            );
        }
        for mark in &self.across.marks {
            let Some(x) = self.x(mark.value) else { continue };
            let _ =
                write!(svg, "<text class=\"soft\" x=\"{x:.1}\" y=\"202\" text-anchor=\"middle\">{}</text>", mark.label);
        }
        svg
    }
}

impl LineChart {
    pub(super) fn to_html(&self) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let across = Axis::across(points().map(|point| point.0), self.across_scale);
        let up = Axis::up(points().map(|point| point.1), self.up_scale);
        let (Some(across), Some(up)) = (across, up) else { return String::new() };
        let frame = Frame { across, up };
        let mut svg = frame.grid();
        let across = escape(&self.across);
        let _ = write!(svg, "<text class=\"soft\" x=\"{RIGHT}\" y=\"220\" text-anchor=\"end\">{across}</text>");
        for (index, series) in self.series.iter().enumerate() {
            svg.push_str(&line(series, index % STYLES, &frame));
        }
        svg.push_str(&self.legend());
        figure(&self.caption, HEIGHT, &svg)
    }

    fn legend(&self) -> String {
        let (mut legend, mut x) = (String::new(), LEFT);
        for (index, series) in self.series.iter().enumerate().filter(|(_, series)| !series.name.is_empty()) {
            let (class, name) = (class(series, index % STYLES), escape(&series.name));
            let _ = write!(
                legend,
                "<line class=\"{class}\" x1=\"{x}\" x2=\"{:.0}\" y1=\"216\" y2=\"216\"/><text x=\"{:.0}\" y=\"220\">{name}</text>",
                x + 20.0,
                x + 25.0
            );
            x += 40.0 + 6.6 * series.name.chars().count() as f64;
        }
        legend
    }
}

fn class(series: &Series, style: usize) -> String {
    format!("line s{style}{}", if series.pale { " pale" } else { "" })
}

fn line(series: &Series, style: usize, frame: &Frame) -> String {
    let places = thinned(frame.places(&series.points));
    let path: Vec<String> = places.iter().map(|place| format!("{:.1},{:.1}", place.0, place.1)).collect();
    let dot = |place: &(f64, f64)| {
        format!("<circle class=\"d{style}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", place.0, place.1)
    };
    let dots: String = if places.len() > DOTS { String::new() } else { places.iter().map(dot).collect() };
    format!("<polyline class=\"{}\" points=\"{}\"/>{dots}", class(series, style), path.join(" "))
}

/// Few enough points for a page: of each stretch of a long line, the highest and the lowest.
fn thinned(places: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let stretch = places.len().div_ceil(STRETCHES);
    if stretch <= 2 {
        return places;
    }
    places.chunks(stretch).flat_map(ends).collect()
}

/// The highest and the lowest place of a stretch, in their order.
fn ends(stretch: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let highest = stretch.iter().copied().min_by(|one, other| one.1.total_cmp(&other.1));
    let lowest = stretch.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1));
    let mut ends: Vec<(f64, f64)> = highest.into_iter().chain(lowest).collect();
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    ends
}

/// A picture with its caption.
pub(super) fn figure(caption: &str, height: f64, svg: &str) -> String {
    let caption = escape(caption);
    format!(
        "<figure>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{caption}\">{svg}</svg>\n\
         <figcaption>{caption}</figcaption>\n</figure>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> LineChart {
        LineChart { series: vec![Series { points, ..Series::default() }], ..LineChart::default() }
    }

    #[test]
    fn long_lines_have_no_dots_and_few_points() {
        let wave = |count: usize| (0..count).map(|step| (step as f64, (step as f64 / 9.0).sin())).collect();
        assert_eq!(chart(wave(40)).to_html().matches("<circle").count(), 40);
        let long = chart(wave(100_000)).to_html();
        assert!(!long.contains("<circle") && long.len() < 20_000, "{}", long.len());
    }

    #[test]
    fn thinning_keeps_the_peaks() {
        let mut places: Vec<(f64, f64)> = (0..10_000).map(|step| (f64::from(step), 0.5)).collect();
        (places[4321].1, places[7654].1) = (9.0, -9.0);
        let few = thinned(places);
        assert!(few.contains(&(4321.0, 9.0)) && few.contains(&(7654.0, -9.0)) && few.len() <= 2 * STRETCHES);
        assert!(few.is_sorted_by(|one, other| one.0 <= other.0));
    }

    #[test]
    fn a_logarithmic_axis_leaves_out_what_is_not_positive() {
        let points = vec![(0.0, 3.0), (1e-5, 2.0), (1e-1, 1.0)];
        let html = LineChart { across_scale: Scale::Logarithmic, ..chart(points) }.to_html();
        assert_eq!(html.matches("<circle").count(), 2);
        assert!(html.contains(">1e-4<") && html.contains(">0.01<"), "{html}");
    }
}

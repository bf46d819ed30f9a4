//! Rates that were tried, what they suggest, and the page that draws them. The trying is `learn`'s.

use std::path::{Path, PathBuf};

use glossa_base::atomic::write_file;
use glossa_base::{Failure, Outcome};
use glossa_learn::finder::{RateCourse, Suggestions};
use serde::Serialize;

use crate::report::{LineChart, Page, Scale, Series};

/// What a sweep of rates came to.
#[derive(Debug, Clone, Serialize)]
pub struct RatesOutcome {
    /// What it suggests.
    pub suggestions: Suggestions,
    /// The last group's rates.
    pub rates: Vec<f64>,
    /// The smoothed loss at each.
    pub losses: Vec<f64>,
    /// The page with the drawing.
    pub page: PathBuf,
}

impl RatesOutcome {
    /// Each suggestion with its name and what it is.
    pub fn rows(&self) -> [(&'static str, f64, &'static str); 4] {
        let Suggestions { valley, slide, minimum, steep } = self.suggestions;
        [
            ("valley", valley, "two thirds into the longest fall: a good rate as it is"),
            ("slide", slide, "where, from the end, the slopes become alike"),
            ("minimum", minimum, "a tenth of the rate with the lowest loss"),
            ("steep", steep, "where the loss falls fastest"),
        ]
    }
}

/// Draws a course and says what it suggests.
///
/// # Errors
/// A course that is too short; what the disk says.
pub(crate) fn write(course: RateCourse, what: &str, page_path: &Path) -> Outcome<RatesOutcome> {
    let suggestions = course.suggestions().ok_or_else(|| {
        Failure::data(format!("{} steps are too few to suggest a rate", course.rates.len()))
            .hint("the loss left the numbers at once: lower the dropouts or the clip, or use more text")
    })?;
    let RateCourse { rates, losses } = course;
    let outcome = RatesOutcome { suggestions, rates, losses, page: page_path.to_path_buf() };
    let points: Vec<(f64, f64)> = outcome.rates.iter().copied().zip(outcome.losses.iter().copied()).collect();
    let lead = format!("The loss of {what}, smoothed, while the rate of the last group rises from step to step.");
    let mut page = Page::new("Which rate", &lead);
    page.section("Suggestions");
    let row =
        |(name, rate, what): &(&str, f64, &str)| vec![(*name).to_owned(), format!("{rate:.2e}"), (*what).to_owned()];
    page.table(&["way", "rate", "what it is"], &outcome.rows().iter().map(row).collect::<Vec<_>>());
    page.lines(&LineChart {
        caption: "Smoothed loss by rate; the sweep ends where the loss is four times its best.".to_owned(),
        across: "rate".to_owned(),
        across_scale: Scale::Logarithmic,
        series: vec![Series::new("loss", points)],
        ..LineChart::default()
    });
    write_file(page_path, page.finish().as_bytes())?;
    Ok(outcome)
}

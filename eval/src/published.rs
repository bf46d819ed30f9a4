//! Tables of our results beside published ones, in text, Markdown, LaTeX and HTML. Each row says whether it is ours or
//! cited, and from where. It computes nothing.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::Interval;
use crate::markup::{html, latex, markdown};

/// Where a row comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Computed by us: what decides it.
    Ours {
        /// The signature of the score.
        signature: String,
    },
    /// Published by others: where.
    Cited {
        /// The source.
        source: String,
    },
}

/// One figure of a table, in the unit in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The value.
    pub value: f64,
    /// Its 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Standard deviation over seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
}

impl Figure {
    /// A value alone.
    pub fn of(value: f64) -> Self {
        Figure { value, interval: None, spread: None }
    }

    /// The same figure in another unit, such as 100 times as large for per cent.
    pub fn times(self, factor: f64) -> Self {
        let interval = |one: Interval| Interval { low: one.low * factor, high: one.high * factor, ..one };
        Figure {
            value: self.value * factor,
            interval: self.interval.map(interval),
            spread: self.spread.map(|spread| spread * factor),
        }
    }
}

/// One system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub system: String,
    /// Ours or cited.
    pub origin: Origin,
    /// One figure a column, where there is one.
    pub figures: Vec<Option<Figure>>,
}

/// Systems by tasks or languages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// What the figures are: task, split, metric, unit.
    pub caption: String,
    /// Names of the columns of figures.
    pub columns: Vec<String>,
    /// The systems.
    pub rows: Vec<Row>,
    /// Is a lower figure a better one?
    pub lower_is_better: bool,
    /// Digits after the point.
    pub decimals: usize,
}

impl Row {
    fn is_ours(&self) -> bool {
        matches!(self.origin, Origin::Ours { .. })
    }

    fn origin_word(&self) -> &'static str {
        if self.is_ours() { "ours" } else { "cited" }
    }

    fn source(&self) -> &str {
        match &self.origin {
            Origin::Ours { signature } => signature,
            Origin::Cited { source } => source,
        }
    }
}

impl Table {
    /// The best value of each column, as it is shown, ours or cited; figures shown alike are all best.
    fn best(&self, column: usize) -> Option<String> {
        let values = self.rows.iter().filter_map(|row| row.figures.get(column).copied().flatten());
        let values = values.map(|figure| figure.value).filter(|value| value.is_finite());
        let best = if self.lower_is_better { values.reduce(f64::min) } else { values.reduce(f64::max) };
        best.map(|value| self.number(value))
    }

    fn number(&self, value: f64) -> String {
        if value.is_finite() { format!("{value:.*}", self.decimals) } else { "-".to_owned() }
    }

    /// A figure with its spread and interval, and whether it is the best of its column.
    fn figure(&self, row: &Row, column: usize, plus_minus: &str) -> (String, bool) {
        let Some(figure) = row.figures.get(column).copied().flatten() else { return (String::new(), false) };
        let value = self.number(figure.value);
        let best = self.best(column).is_some_and(|best| best == value) && self.rows.len() > 1;
        let mut text = value;
        if let Some(spread) = figure.spread {
            let _ = write!(text, " {plus_minus} {}", self.number(spread));
        }
        if let Some(interval) = figure.interval {
            let _ = write!(text, " [{}, {}]", self.number(interval.low), self.number(interval.high));
        }
        (text, best)
    }

    /// All sources once, in the order of the rows.
    fn sources(&self) -> Vec<&str> {
        let mut sources: Vec<&str> = Vec::new();
        for source in self.rows.iter().map(Row::source).filter(|source| !source.is_empty()) {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }

    fn source_number(&self, row: &Row) -> Option<usize> {
        self.sources().iter().position(|source| *source == row.source()).map(|place| place + 1)
    }

    /// Cells of a row: system, ours or cited with the number of its source, figures.
    fn cells(&self, row: &Row, plus_minus: &str, bold: impl Fn(String) -> String) -> Vec<String> {
        let number = self.source_number(row).map(|number| format!(" [{number}]")).unwrap_or_default();
        let mut cells = vec![row.system.clone(), format!("{}{number}", row.origin_word())];
        for column in 0..self.columns.len() {
            let (text, best) = self.figure(row, column, plus_minus);
            cells.push(if best { bold(text) } else { text });
        }
        cells
    }

    fn header(&self) -> Vec<String> {
        ["system", "origin"].map(str::to_owned).into_iter().chain(self.columns.iter().cloned()).collect()
    }

    /// Aligned text; the best figure of a column has a star.
    pub fn to_text(&self) -> String {
        let mut rows = vec![self.header()];
        rows.extend(self.rows.iter().map(|row| self.cells(row, "±", |text| format!("*{text}"))));
        let mut text = format!("{}\n\n{}\n", self.caption, crate::report::table(&rows));
        for (place, source) in self.sources().iter().enumerate() {
            let _ = writeln!(text, "[{}] {source}", place + 1);
        }
        text
    }

    /// A table of Markdown; the best figure of a column is bold.
    pub fn to_markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| markdown(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = format!("{}\n\n{}", markdown(&self.caption), line(&self.header()));
        let _ = writeln!(text, "|---|---|{}", "---:|".repeat(self.columns.len()));
        for row in &self.rows {
            let cells = self.cells(row, "±", |text| format!("\u{1}{text}\u{1}"));
            text.push_str(&line(&cells).replace('\u{1}', "**"));
        }
        text.push('\n');
        for (place, source) in self.sources().iter().enumerate() {
            let _ = writeln!(text, "{}. {}", place + 1, markdown(source));
        }
        text
    }

    /// A `table` of LaTeX that needs the package booktabs; the best figure of a column is bold.
    pub fn to_latex(&self) -> String {
        let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
        let mut text = format!(
            "\\begin{{table}}\n\\centering\n\\begin{{tabular}}{{ll{}}}\n\\toprule\n",
            "r".repeat(self.columns.len())
        );
        text.push_str(&line(self.header().iter().map(|cell| latex(cell)).collect()));
        text.push_str("\\midrule\n");
        for row in &self.rows {
            let cells = self.cells(row, "±", |text| format!("\u{1}{text}\u{2}"));
            let cells = cells.iter().map(|cell| latex(cell).replace('\u{1}', "\\textbf{").replace('\u{2}', "}"));
            text.push_str(&line(cells.collect()));
        }
        text.push_str("\\bottomrule\n\\end{tabular}\n");
        let sources = self.sources().into_iter().enumerate().map(|(at, source)| format!("[{}] {source}", at + 1));
        let sources = sources.collect::<Vec<String>>().join("; ");
        let _ = write!(text, "\\caption{{{} {}}}\n\\end{{table}}\n", latex(&self.caption), latex(&sources));
        text
    }

    /// A `<table>` of HTML with its sources in a list after it; the best figure of a column is bold.
    pub fn to_html(&self) -> String {
        let mut text = format!("<table>\n<caption>{}</caption>\n<thead><tr>", html(&self.caption));
        for cell in self.header() {
            let _ = write!(text, "<th>{}</th>", html(&cell));
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            let _ = write!(text, "<tr class=\"{}\">", row.origin_word());
            for cell in self.cells(row, "±", |text| format!("\u{1}{text}\u{2}")) {
                let cell = html(&cell).replace('\u{1}', "<b>").replace('\u{2}', "</b>");
                let _ = write!(text, "<td>{cell}</td>");
            }
            text.push_str("</tr>\n");
        }
        text.push_str("</tbody>\n</table>\n<ol>\n");
        for source in self.sources() {
            let _ = writeln!(text, "<li>{}</li>", html(source));
        }
        text.push_str("</ol>\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let interval = Interval { low: 0.9, high: 0.96, resamples: 1000 };
        let ours = Figure { interval: Some(interval), spread: Some(0.004), ..Figure::of(0.9312) }.times(100.0);
        let signature = "accuracy|task:a_b|n:4|version:0".to_owned();
        Table {
            caption: "Accuracy & more, in %".to_owned(),
            columns: vec!["de".to_owned(), "fr".to_owned()],
            rows: vec![
                Row {
                    system: "glossa | tiny".to_owned(),
                    origin: Origin::Ours { signature },
                    figures: vec![Some(ours), None],
                },
                Row {
                    system: "Old <b>".to_owned(),
                    origin: Origin::Cited { source: "A_paper (2019)".to_owned() },
                    figures: vec![Some(Figure::of(93.1)), Some(Figure::of(80.0))],
                },
            ],
            lower_is_better: false,
            decimals: 1,
        }
    }

    #[test]
    fn as_text() {
        let text = table().to_text();
        assert!(text.contains("*93.1 ± 0.4 [90.0, 96.0]"), "{text}");
        assert!(
            text.contains("ours [1]") && text.contains("cited [2]") && text.contains("[2] A_paper (2019)"),
            "{text}"
        );
        // Both are shown as 93.1: both are best.
        assert_eq!(text.matches("*93.1").count(), 2, "{text}");
    }

    #[test]
    fn as_markdown() {
        let text = table().to_markdown();
        assert!(text.contains("| glossa \\| tiny | ours [1] | **93.1 ± 0.4 [90.0, 96.0]** |  |"), "{text}");
        assert!(text.contains("|---|---|---:|---:|"), "{text}");
        assert!(text.contains("Old \\<b\\>") && text.contains("2. A\\_paper (2019)"), "{text}");
    }

    #[test]
    fn as_latex() {
        let text = table().to_latex();
        assert!(text.contains("\\textbf{93.1 $\\pm$ 0.4 [90.0, 96.0]}"), "{text}");
        assert!(text.contains("Accuracy \\& more, in \\%") && text.contains("A\\_paper"), "{text}");
        assert!(
            text.contains("Old \\textless{}b\\textgreater{} & cited [2] & \\textbf{93.1} & \\textbf{80.0} \\\\"),
            "{text}"
        );
    }

    #[test]
    fn as_html() {
        let text = table().to_html();
        assert!(text.contains("<td>Old &lt;b&gt;</td><td>cited [2]</td><td><b>93.1</b></td>"), "{text}");
        assert!(text.contains("<tr class=\"ours\">") && text.contains("<li>A_paper (2019)</li>"), "{text}");
    }

    #[test]
    fn lower_may_be_better() {
        let mut table = Table { lower_is_better: true, ..table() };
        table.rows[1].figures[0] = Some(Figure::of(5.0));
        assert!(table.to_text().contains("*5.0") && !table.to_text().contains("*93.1"));
    }
}

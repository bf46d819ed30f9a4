//! A small writer of reports: one self-contained HTML page with sections, tables, line charts, bars and
//! matrices. It follows the reader's light or dark setting, fits a phone, has no scripts and loads
//! nothing. Every text that it is given is escaped. What a report says is its caller's business.

mod axis;
mod bars;
mod chart;
mod shade;
mod style;
mod tables;

pub use axis::Scale;
pub use bars::Bar;
pub use chart::{LineChart, Series};
pub use shade::{ShadedWord, Side};
pub use tables::Matrix;

/// A page under construction.
pub struct Page {
    title: String,
    body: String,
    open: bool,
}

impl Page {
    /// A page with its title and, below it, a sentence or two on what it shows.
    pub fn new(title: &str, lead: &str) -> Self {
        let body = format!("<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", escape(title), escape(lead));
        Page { title: title.to_owned(), body, open: false }
    }

    /// Begins a section.
    pub fn section(&mut self, title: &str) -> &mut Self {
        self.end_section();
        self.open = true;
        self.push(&format!("<section>\n<h2>{}</h2>\n", escape(title)))
    }

    fn end_section(&mut self) {
        if self.open {
            self.body.push_str("</section>\n");
        }
    }

    fn push(&mut self, html: &str) -> &mut Self {
        self.body.push_str(html);
        self
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        self.push(&format!("<p>{}</p>\n", escape(text)))
    }

    /// A remark in small letters.
    pub fn note(&mut self, text: &str) -> &mut Self {
        self.push(&format!("<p class=\"note\">{}</p>\n", escape(text)))
    }

    /// Lines in a fixed-width face, such as a command.
    pub fn code(&mut self, text: &str) -> &mut Self {
        self.push(&format!("<pre><code>{}</code></pre>\n", escape(text)))
    }

    /// A text quoted as it is.
    pub fn quote(&mut self, text: &str) -> &mut Self {
        self.push(&format!("<blockquote>{}</blockquote>\n", escape(text)))
    }

    /// Short parts in a row, each in a box of its own, such as the pieces of a text.
    pub fn boxes<T: AsRef<str>>(&mut self, parts: &[T]) -> &mut Self {
        let boxes: Vec<String> = parts.iter().map(|part| format!("<span>{}</span>", escape(part.as_ref()))).collect();
        self.push(&format!("<p class=\"boxes\">{}</p>\n", boxes.join(" ")))
    }

    /// A text whose words are shaded by how much they matter.
    pub fn shaded(&mut self, words: &[ShadedWord]) -> &mut Self {
        self.push(&shade::paragraph(words))
    }

    /// Names with their values.
    pub fn facts<T: AsRef<str>>(&mut self, facts: &[(T, String)]) -> &mut Self {
        let fact = |(name, value): &(T, String)| {
            format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name.as_ref()), escape(value))
        };
        self.push(&format!("<dl>\n{}</dl>\n", facts.iter().map(fact).collect::<String>()))
    }

    /// Lines in a fixed-width face that show when their title is clicked.
    pub fn folded(&mut self, title: &str, text: &str) -> &mut Self {
        let (title, text) = (escape(title), escape(text));
        self.push(&format!("<details>\n<summary>{title}</summary>\n<pre><code>{text}</code></pre>\n</details>\n"))
    }

    /// A table; cells that are numbers stand to the right.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) -> &mut Self {
        self.push(&tables::table(head, rows.iter().map(|row| (row.as_slice(), None))))
    }

    /// A table whose rows have each a text below them, as wide as the table.
    pub fn remarked_table(&mut self, head: &[&str], rows: &[(Vec<String>, String)]) -> &mut Self {
        self.push(&tables::table(head, rows.iter().map(|(row, remark)| (row.as_slice(), Some(remark.as_str())))))
    }

    /// A table of counts, shaded.
    pub fn matrix(&mut self, matrix: &Matrix<'_>) -> &mut Self {
        self.push(&matrix.to_html())
    }

    /// Lines over epochs or steps.
    pub fn lines(&mut self, chart: &LineChart) -> &mut Self {
        self.push(&chart.to_html())
    }

    /// Small charts side by side where the screen is wide enough.
    pub fn charts(&mut self, charts: &[LineChart]) -> &mut Self {
        let charts: String = charts.iter().map(LineChart::to_html).collect();
        self.push(&format!("<div class=\"side\">\n{charts}</div>\n"))
    }

    /// Shares from 0 to 1 as bars.
    pub fn bars(&mut self, caption: &str, bars: &[Bar]) -> &mut Self {
        self.push(&bars::bars(caption, bars))
    }

    /// The whole page.
    pub fn finish(mut self) -> String {
        self.end_section();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>{}</style>\n</head>\n\
             <body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escape(&self.title),
            style::STYLE,
            self.body
        )
    }
}

/// Text as HTML, for content and for quoted attributes; control characters become spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: &str = "<script>alert(\"1\" & '2')</script>";

    #[test]
    fn everything_is_escaped() {
        let mut page = Page::new(BAD, BAD);
        let points = vec![(1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0)];
        let series = vec![Series { name: BAD.to_owned(), points, pale: false }];
        page.section(BAD)
            .paragraph(BAD)
            .note(BAD)
            .code(BAD)
            .quote(BAD)
            .boxes(&[BAD])
            .facts(&[(BAD, BAD.to_owned())])
            .folded(BAD, BAD)
            .table(&[BAD], &[vec![BAD.to_owned()]])
            .remarked_table(&[BAD], &[(vec![BAD.to_owned()], BAD.to_owned())]);
        let (labels, counts) = ([BAD.to_owned()], [vec![1]]);
        page.matrix(&Matrix { caption: BAD, down: BAD, across: BAD, labels: &labels, counts: &counts });
        page.lines(&LineChart {
            caption: BAD.to_owned(),
            across: BAD.to_owned(),
            series: series.clone(),
            ..LineChart::default()
        });
        page.charts(&[LineChart { caption: BAD.to_owned(), series, ..LineChart::default() }]);
        page.bars(BAD, &[Bar { name: BAD.to_owned(), value: 0.5, interval: Some((0.4, 2.0)), strong: true }]);
        let html = page.finish();
        assert!(!html.contains("<script") && !html.contains("(\"1\"") && !html.contains("NaN"));
        assert!(html.matches("&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)").count() >= 22);
    }

    #[test]
    fn the_page_stands_alone() {
        let mut page = Page::new("a", "b");
        page.section("one").paragraph("x").section("two");
        let html = page.finish();
        assert!(["http", "src=", "url(", "@import"].iter().all(|word| !html.contains(word)));
        assert_eq!(html.matches("<section>").count(), 2);
        assert_eq!(html.matches("</section>").count(), 2);
        assert!(html.contains("prefers-color-scheme"));
    }

    #[test]
    fn a_chart_without_points_is_no_chart() {
        let empty = LineChart { caption: "c".to_owned(), ..LineChart::default() };
        assert_eq!(empty.to_html(), "");
    }
}

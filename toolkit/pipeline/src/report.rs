//! A small writer of reports: one self-contained HTML page with sections, tables, line charts and
//! bars. It follows the reader's light or dark setting, fits a phone, has no scripts and loads
//! nothing. Every text that it is given is escaped. What a report says is its caller's business.

mod chart;
mod shade;
mod style;

pub use chart::{Bar, LineChart, Series};
pub use shade::{ShadedWord, Side};

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

    /// A table; cells that are numbers stand to the right.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) -> &mut Self {
        let right = |column: usize| rows.first().and_then(|row| row.get(column)).is_some_and(|cell| is_number(cell));
        let cell = |(column, cell): (usize, &&str)| {
            let class = if right(column) { " class=\"number\"" } else { "" };
            format!("<th scope=\"col\"{class}>{}</th>", escape(cell))
        };
        let head: String = head.iter().enumerate().map(cell).collect();
        let rows: String = rows.iter().map(|row| table_row(row)).collect();
        self.push(&format!(
            "<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
        ))
    }

    /// Lines over epochs or steps.
    pub fn lines(&mut self, chart: &LineChart) -> &mut Self {
        self.push(&chart.to_html())
    }

    /// Shares from 0 to 1 as bars.
    pub fn bars(&mut self, caption: &str, bars: &[Bar]) -> &mut Self {
        self.push(&chart::bars(caption, bars))
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

/// Whether a cell reads as a figure, a share or a range of them.
fn is_number(cell: &str) -> bool {
    cell.ends_with(|last: char| last.is_ascii_digit() || last == '%')
        && cell.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}

fn table_row(row: &[String]) -> String {
    let cell = |cell: &String| {
        let class = if is_number(cell) { " class=\"number\"" } else { "" };
        format!("<td{class}>{}</td>", escape(cell))
    };
    format!("<tr>{}</tr>\n", row.iter().map(cell).collect::<String>())
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
        let series = vec![Series { name: BAD.to_owned(), points }];
        page.section(BAD)
            .paragraph(BAD)
            .note(BAD)
            .code(BAD)
            .quote(BAD)
            .boxes(&[BAD])
            .table(&[BAD], &[vec![BAD.to_owned()]]);
        page.lines(&LineChart { caption: BAD.to_owned(), across: BAD.to_owned(), series });
        page.bars(BAD, &[Bar { name: BAD.to_owned(), value: 0.5, interval: Some((0.4, 2.0)), strong: true }]);
        let html = page.finish();
        assert!(!html.contains("<script") && !html.contains("(\"1\"") && !html.contains("NaN"));
        assert!(html.matches("&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)").count() >= 10);
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
    fn numbers_stand_to_the_right() {
        let check = |cell: &str, right: bool| {
            assert_eq!(table_row(&[cell.to_owned()]).contains("number"), right, "{cell}");
        };
        check("0.75", true);
        check("12 %", true);
        check("0.70 - 0.80", true);
        check("music", false);
        check("3 sheep", false);
    }

    #[test]
    fn a_chart_without_points_is_no_chart() {
        let empty = LineChart { caption: "c".to_owned(), across: "epoch".to_owned(), series: Vec::new() };
        assert_eq!(empty.to_html(), "");
    }
}

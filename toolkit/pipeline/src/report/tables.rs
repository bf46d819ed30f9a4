//! Tables: plain ones, ones whose rows carry a remark, and shaded matrices.

use std::fmt::Write;

use super::escape;

/// Counts of pairs, such as right and predicted labels.
pub struct Matrix<'a> {
    /// What it shows.
    pub caption: &'a str,
    /// What a row stands for.
    pub down: &'a str,
    /// What a column stands for.
    pub across: &'a str,
    /// Names of the rows and of the columns.
    pub labels: &'a [String],
    /// A row a label.
    pub counts: &'a [Vec<u64>],
}

impl Matrix<'_> {
    pub(super) fn to_html(&self) -> String {
        let label = |label: &String| format!("<th scope=\"col\"><span>{}</span></th>", escape(label));
        let head: String = self.labels.iter().map(label).collect();
        let rows = self.labels.iter().zip(self.counts).enumerate();
        let rows: String = rows.map(|(index, (label, counts))| matrix_row(index, label, counts)).collect();
        format!(
            "<figure>\n<div class=\"wide\"><table class=\"matrix\">\n<thead><tr><th>{} ↓<br>{} →</th>{head}</tr></thead>\n\
             <tbody>\n{rows}</tbody>\n</table></div>\n<figcaption>{}</figcaption>\n</figure>\n",
            escape(self.down),
            escape(self.across),
            escape(self.caption)
        )
    }
}

/// Cells shaded by their share of the row, those on the diagonal in another colour.
fn matrix_row(row: usize, label: &str, counts: &[u64]) -> String {
    let total = counts.iter().sum::<u64>().max(1);
    let mut cells = String::new();
    for (column, &count) in counts.iter().enumerate() {
        let side = if row == column { "same" } else { "other" };
        let shade = (5 * count).div_ceil(total);
        let _ = write!(cells, "<td class=\"{side} h{shade}\">{count}</td>");
    }
    format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(label))
}

/// A table; cells that are numbers stand to the right.
pub(super) fn table<'a>(head: &[&str], rows: impl Iterator<Item = (&'a [String], Option<&'a str>)>) -> String {
    let rows: Vec<_> = rows.collect();
    let right = |column: usize| rows.first().and_then(|row| row.0.get(column)).is_some_and(|cell| is_number(cell));
    let cell = |(column, cell): (usize, &&str)| {
        let class = if right(column) { " class=\"number\"" } else { "" };
        format!("<th scope=\"col\"{class}>{}</th>", escape(cell))
    };
    let head: String = head.iter().enumerate().map(cell).collect();
    let rows: String = rows.iter().map(|(row, remark)| table_row(row, *remark)).collect();
    format!("<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n")
}

fn table_row(row: &[String], remark: Option<&str>) -> String {
    let cell = |cell: &String| {
        let class = if is_number(cell) { " class=\"number\"" } else { "" };
        format!("<td{class}>{}</td>", escape(cell))
    };
    let cells: String = row.iter().map(cell).collect();
    match remark {
        None => format!("<tr>{cells}</tr>\n"),
        Some(remark) => format!(
            "<tr class=\"remarked\">{cells}</tr>\n<tr><td class=\"remark\" colspan=\"{}\">{}</td></tr>\n",
            row.len(),
            escape(remark)
        ),
    }
}

/// Whether a cell reads as a figure, a share or a range of them.
fn is_number(cell: &str) -> bool {
    cell.ends_with(|last: char| last.is_ascii_digit() || last == '%')
        && cell.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right() {
        let check = |cell: &str, right: bool| {
            assert_eq!(table_row(&[cell.to_owned()], None).contains("number"), right, "{cell}");
        };
        check("0.75", true);
        check("12 %", true);
        check("0.70 - 0.80", true);
        check("music", false);
        check("3 sheep", false);
    }

    #[test]
    fn shades_are_shares_of_the_row() {
        let row = matrix_row(1, "b", &[1, 8, 0]);
        assert!(row.contains("<td class=\"other h1\">1</td><td class=\"same h5\">8</td><td class=\"other h0\">0</td>"));
        assert!(matrix_row(0, "a", &[0, 0]).contains("same h0"));
    }
}

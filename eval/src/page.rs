//! The leaderboard: one static page of HTML from a folder of results. Filters and sorting need no server, nothing is
//! loaded from anywhere, and without scripts the tables are all there. It decides no order of merit over tasks.
#![deny(clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use glossa_base::atomic::write_file;
use glossa_base::{Failure, Outcome};
use serde::{Deserialize, Serialize};

use crate::markup::html;
use crate::published::{Figure, Origin, Row, Table};
use crate::task::{Chosen, SeedsReport};
use crate::{Error, Interval, report};

/// The version of the results' format.
pub const FORMAT: u32 = 1;

/// The largest file of a result, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// One figure on the board, as a file of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of this format, 1.
    pub format: u32,
    /// The system.
    pub system: String,
    /// The task, without its choices.
    pub task: String,
    /// The choice: a language, or `de/books`.
    pub language: String,
    /// Part of the task's data.
    pub split: String,
    /// Name of the metric.
    pub metric: String,
    /// Its value: the mean over seeds where there are several.
    pub value: f64,
    /// Is a lower value a better one?
    #[serde(default)]
    pub lower_is_better: bool,
    /// Its 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Standard deviation over seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<f64>,
    /// Number of seeds.
    #[serde(default = "one")]
    pub seeds: u32,
    /// Time of training and scoring, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What that cost, with its unit, such as `0.40 EUR` or `2.1 GPU h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// Ours with its signature, or cited with its source.
    pub origin: Origin,
}

fn one() -> u32 {
    1
}

impl Entry {
    /// The entry of a task's headline score over several seeds: the mean, never the best.
    pub fn of_seeds(system: &str, chosen: &Chosen, split: &str, report: &SeedsReport) -> Option<Self> {
        let (score, metric) = (report.scores.first()?, chosen.task.metrics.first()?);
        Some(Entry {
            format: FORMAT,
            system: system.to_owned(),
            task: chosen.task.name.clone(),
            language: chosen.choice(),
            split: split.to_owned(),
            metric: score.metric.clone(),
            value: score.mean,
            lower_is_better: metric.lower_is_better(),
            interval: score.interval,
            spread: score.spread,
            seeds: score.values.len() as u32,
            seconds: None,
            cost: None,
            origin: Origin::Ours { signature: score.signature.clone() },
        })
    }

    /// Writes the entry as JSON.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self, path: &Path) -> Outcome<()> {
        let text = serde_json::to_string_pretty(self).map_err(|cause| Failure::data(cause.to_string()))?;
        write_file(path, format!("{text}\n").as_bytes())
    }
}

/// Reads all `.json` files of a folder and its folders, in the order of their paths.
///
/// # Errors
/// [`Error::Malformed`] with file, line and column for a file that is no result; what the disk says.
pub fn read(folder: &Path) -> Outcome<Vec<Entry>> {
    let failed = |cause| Failure::io("read", folder, cause);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries.map(|one| one.map(|one| one.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            found.extend(read(&path)?);
        } else if path.extension().is_some_and(|end| end == "json") {
            found.push(read_one(&path)?);
        }
    }
    Ok(found)
}

fn read_one(path: &Path) -> Outcome<Entry> {
    let failed = |cause| Failure::io("read", path, cause);
    let malformed = |line: usize, reason: String| Error::Malformed { path: path.to_owned(), line: line as u64, reason };
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_LIMIT {
        return Err(malformed(1, format!("more than {FILE_LIMIT} bytes are no result")).into());
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    if let Ok(Version { format }) = serde_json::from_slice(&bytes)
        && format > FORMAT
    {
        return Err(malformed(1, format!("a result of format {format}, this glossa knows {FORMAT}")).into());
    }
    let entry: Entry = serde_json::from_slice(&bytes).map_err(|cause| {
        let reason = cause.to_string();
        let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
        malformed(cause.line(), format!("column {}: {reason}", cause.column()))
    })?;
    let finite = |value: f64| value.is_finite();
    let intervals = entry.interval.is_none_or(|one| finite(one.low) && finite(one.high) && one.low <= one.high);
    if !finite(entry.value) || !intervals || entry.seconds.is_some_and(|seconds| !(0.0..1e12).contains(&seconds)) {
        return Err(malformed(1, "a value, an interval or a time that is none".to_owned()).into());
    }
    Ok(entry)
}

/// Reads a folder of results and writes their page.
///
/// # Errors
/// As [`read`], and what the disk says.
pub fn write(folder: &Path, page: &Path, title: &str) -> Outcome<usize> {
    let entries = read(folder)?;
    write_file(page, render(&entries, title).as_bytes())?;
    Ok(entries.len())
}

/// The page.
pub fn render(entries: &[Entry], title: &str) -> String {
    let mut page = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // The page may run its own script and nothing else, and load nothing.
    page.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    let _ = write!(page, "<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n", html(title));
    let _ = writeln!(page, "<h1>{}</h1>", html(title));
    let _ = writeln!(
        page,
        "<p>{} results. <b>ours</b>: computed by glossa {}, with the signature of the score; <b>cited</b>: published by \
         others. Intervals are 95 % bootstrap intervals over test items; ± is the standard deviation over seeds.</p>",
        entries.len(),
        glossa_base::TOOL_VERSION
    );
    filters(&mut page, entries);
    board(&mut page, entries);
    for task in distinct(entries, |entry| &entry.task) {
        let of_task: Vec<&Entry> = entries.iter().filter(|entry| entry.task == task).collect();
        matrices(&mut page, task, &of_task);
    }
    let _ = write!(page, "<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
    page
}

fn distinct<'a>(entries: &'a [Entry], of: impl Fn(&'a Entry) -> &'a str) -> BTreeSet<&'a str> {
    entries.iter().map(of).collect()
}

fn filters(page: &mut String, entries: &[Entry]) {
    page.push_str("<form id=\"filters\" hidden>\n");
    let mut select = |name: &str, values: BTreeSet<&str>| {
        let _ = write!(page, "<label>{name} <select name=\"{name}\"><option value=\"\">all</option>");
        for value in values {
            let _ = write!(page, "<option>{}</option>", html(value));
        }
        page.push_str("</select></label>\n");
    };
    select("task", distinct(entries, |entry| &entry.task));
    select("language", distinct(entries, |entry| &entry.language));
    select("metric", distinct(entries, |entry| &entry.metric));
    select("origin", ["cited", "ours"].into_iter().collect());
    page.push_str(
        "<label>system <input name=\"system\" type=\"search\"></label>\n<output id=\"shown\"></output>\n</form>\n",
    );
}

fn board(page: &mut String, entries: &[Entry]) {
    page.push_str("<table id=\"board\">\n<thead><tr>");
    for (name, kind) in COLUMNS {
        let _ = write!(page, "<th scope=\"col\" data-kind=\"{kind}\">{name}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for entry in entries {
        let (origin, source) = match &entry.origin {
            Origin::Ours { signature } => ("ours", signature),
            Origin::Cited { source } => ("cited", source),
        };
        let _ = write!(page, "<tr class=\"{origin}\">");
        let interval = entry.interval.map(|one| format!("{:.4} – {:.4}", one.low, one.high)).unwrap_or_default();
        let spread = entry.spread.map(|spread| format!("{spread:.4}")).unwrap_or_default();
        let cells: [(String, Option<f64>); 12] = [
            (entry.task.clone(), None),
            (entry.language.clone(), None),
            (entry.system.clone(), None),
            (entry.metric.clone(), None),
            (format!("{:.4}", entry.value), Some(entry.value)),
            (interval, entry.interval.map(|one| one.high - one.low)),
            (spread, entry.spread),
            (entry.seeds.to_string(), Some(f64::from(entry.seeds))),
            (entry.seconds.map(duration).unwrap_or_default(), entry.seconds),
            (entry.cost.clone().unwrap_or_default(), None),
            (origin.to_owned(), None),
            (source.clone(), None),
        ];
        for (text, number) in cells {
            let number = number.map(|number| format!(" data-value=\"{number}\"")).unwrap_or_default();
            let _ = write!(page, "<td{number}>{}</td>", html(&text));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

/// Seconds for people.
fn duration(seconds: f64) -> String {
    match seconds {
        under if under < 120.0 => format!("{under:.1} s"),
        under if under < 7200.0 => format!("{:.1} min", under / 60.0),
        more => format!("{:.1} h", more / 3600.0),
    }
}

/// Systems by languages, one table for each split and metric of a task.
fn matrices(page: &mut String, task: &str, entries: &[&Entry]) {
    let _ = writeln!(page, "<h2>{}</h2>", html(task));
    let kinds: BTreeSet<(&str, &str)> =
        entries.iter().map(|entry| (entry.split.as_str(), entry.metric.as_str())).collect();
    for (split, metric) in kinds {
        let here: Vec<&&Entry> = entries.iter().filter(|one| one.split == split && one.metric == metric).collect();
        let languages: BTreeSet<&str> = here.iter().map(|entry| entry.language.as_str()).collect();
        let mut rows: Vec<Row> = Vec::new();
        for entry in &here {
            let origin = match &entry.origin {
                // Signatures differ from language to language; the board above has them.
                Origin::Ours { .. } => Origin::Ours { signature: String::new() },
                cited => cited.clone(),
            };
            let place = rows.iter().position(|row| row.system == entry.system && row.origin == origin);
            let place = place.unwrap_or_else(|| {
                rows.push(Row { system: entry.system.clone(), origin, figures: vec![None; languages.len()] });
                rows.len() - 1
            });
            let column = languages.iter().position(|language| *language == entry.language);
            let slot = column.and_then(|column| rows.get_mut(place)?.figures.get_mut(column));
            if let Some(slot) = slot {
                *slot = Some(Figure { value: entry.value, interval: entry.interval, spread: entry.spread });
            }
        }
        let table = Table {
            caption: format!("{task}, {split}: {metric}"),
            columns: languages.into_iter().map(str::to_owned).collect(),
            rows,
            lower_is_better: here.iter().any(|entry| entry.lower_is_better),
            decimals: 4,
        };
        let _ = writeln!(page, "<div class=\"wide\">{}</div>", table.to_html());
    }
}

/// The columns of the board, and how each is sorted.
const COLUMNS: [(&str, &str); 12] = [
    ("task", "text"),
    ("language", "text"),
    ("system", "text"),
    ("metric", "text"),
    ("value", "number"),
    ("95 % interval", "number"),
    ("± seeds", "number"),
    ("seeds", "number"),
    ("time", "number"),
    ("cost", "text"),
    ("origin", "text"),
    ("signature or source", "text"),
];

const STYLE: &str = "body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #1b1b1b; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
#board th { position: sticky; top: 0; background: #f4f4f4; cursor: pointer; }
#board td, #board th { white-space: nowrap; }
#board td:nth-child(3), #board td:last-child { white-space: normal; min-width: 8rem; }
#board td:last-child { font: 12px ui-monospace, monospace; color: #555; overflow-wrap: anywhere; max-width: 28rem; }
#board th[aria-sort=ascending]::after { content: ' \\25B2'; }
#board th[aria-sort=descending]::after { content: ' \\25BC'; }
tr.cited { color: #666; }
form label { margin-right: 1rem; }
.wide { overflow-x: auto; }
";

const SCRIPT: &str = "'use strict';
const board = document.getElementById('board');
const rows = Array.from(board.tBodies[0].rows);
const heads = Array.from(board.tHead.rows[0].cells);
const place = Object.fromEntries(heads.map((head, at) => [head.textContent, at]));
const form = document.getElementById('filters');
form.hidden = false;
function filter() {
  const exact = ['task', 'language', 'metric', 'origin'].map(name => [place[name], form.elements[name].value]);
  const system = form.elements.system.value.toLowerCase();
  let shown = 0;
  for (const row of rows) {
    const cell = at => row.cells[at].textContent;
    const fits = exact.every(([at, value]) => !value || cell(at) === value)
      && cell(place.system).toLowerCase().includes(system);
    row.hidden = !fits;
    shown += fits;
  }
  document.getElementById('shown').textContent = shown + ' of ' + rows.length + ' shown';
}
function sort(at) {
  const down = heads[at].getAttribute('aria-sort') === 'ascending';
  heads.forEach(head => head.removeAttribute('aria-sort'));
  heads[at].setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const number = heads[at].dataset.kind === 'number';
  const key = row => number ? parseFloat(row.cells[at].dataset.value) : row.cells[at].textContent;
  rows.sort((one, other) => {
    const [left, right] = [key(one), key(other)];
    if (number && (isNaN(left) || isNaN(right))) return isNaN(left) - isNaN(right);
    const order = number ? left - right : left.localeCompare(right);
    return down ? -order : order;
  });
  rows.forEach(row => board.tBodies[0].appendChild(row));
}
form.addEventListener('input', filter);
form.addEventListener('submit', event => event.preventDefault());
heads.forEach((head, at) => {
  head.tabIndex = 0;
  head.addEventListener('click', () => sort(at));
  head.addEventListener('keydown', event => { if (event.key === 'Enter') sort(at); });
});
filter();
";

/// The board as text, for a terminal.
pub fn to_text(entries: &[Entry]) -> String {
    let mut rows = vec![["task", "language", "system", "metric", "value", "origin"].map(str::to_owned).to_vec()];
    for entry in entries {
        let origin = if matches!(entry.origin, Origin::Ours { .. }) { "ours" } else { "cited" };
        let value = format!("{:.4}", entry.value);
        let words = [&entry.task, &entry.language, &entry.system, &entry.metric].map(Clone::clone);
        rows.push([words.to_vec(), vec![value, origin.to_owned()]].concat());
    }
    report::table(&rows)
}

//! Our results beside the published ones of a task, as a table.

use super::{Task, TaskMetric, Unit};
use crate::published::{Figure, Origin, Row, Table};

/// One result of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Ours {
    /// The system.
    pub system: String,
    /// The choice of the task's dimensions (`de/books`; `all` where there are none).
    pub choice: String,
    /// Its value, as the metric gives it.
    pub figure: Figure,
    /// The signature of the score.
    pub signature: String,
}

/// A table of one metric: our systems first, then all that was published of it, with the setting of each. The columns
/// are the choices of our results. Figures stand in per cent where the published ones do.
pub fn against_published(task: &Task, metric: &TaskMetric, ours: &[Ours]) -> Table {
    let published = || task.published.iter().filter(|one| one.metric == *metric);
    let percent = published().next().is_some_and(|one| one.unit == Unit::Percent);
    let columns = columns(task, ours);
    let mut rows: Vec<Row> = Vec::new();
    let mut systems: Vec<&str> = Vec::new();
    for one in ours {
        if !systems.contains(&one.system.as_str()) {
            systems.push(&one.system);
            rows.push(row_of_ours(&one.system, &columns, ours, if percent { 100.0 } else { 1.0 }));
        }
    }
    for one in published() {
        let scale = match (one.unit, percent) {
            (Unit::Plain, true) => 100.0,
            (Unit::Percent, false) => 0.01,
            _ => 1.0,
        };
        let figure = |choice: &String| one.values.get(choice).map(|value| Figure::of(*value).times(scale));
        let figures: Vec<Option<Figure>> = columns.iter().map(figure).collect();
        if figures.iter().any(Option::is_some) {
            let origin = Origin::Cited { source: one.source.clone() };
            rows.push(Row { system: format!("{} ({})", one.system, one.setting), origin, figures });
        }
    }
    let unit = if percent { ", in %" } else { "" };
    Table {
        caption: format!("{}: {metric}{unit}", task.name),
        columns,
        rows,
        lower_is_better: metric.lower_is_better(),
        decimals: if percent { 2 } else { 4 },
    }
}

/// The choices of our results, in the order of the task's own.
fn columns(task: &Task, ours: &[Ours]) -> Vec<String> {
    let place = |choice: &String| {
        let of = |(part, dimension): (&str, &super::Dimension)| dimension.values.iter().position(|value| value == part);
        let places = choice.split('/').zip(&task.dimension).map(of);
        places.map(|place| place.unwrap_or(usize::MAX)).collect::<Vec<usize>>()
    };
    let mut columns: Vec<String> = ours.iter().map(|one| one.choice.clone()).collect();
    columns.sort_by_key(|choice| (place(choice), choice.clone()));
    columns.dedup();
    columns
}

fn row_of_ours(system: &str, columns: &[String], ours: &[Ours], scale: f64) -> Row {
    let of_system = || ours.iter().filter(|one| one.system == system);
    let figure = |choice: &String| of_system().find(|one| one.choice == *choice).map(|one| one.figure.times(scale));
    let signatures: Vec<&str> = of_system().map(|one| one.signature.as_str()).collect();
    Row {
        system: system.to_owned(),
        origin: Origin::Ours { signature: signatures.join("; ") },
        figures: columns.iter().map(figure).collect(),
    }
}

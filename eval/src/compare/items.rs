//! The answers of two systems, brought into one order: every run of a task answers the same items, and tasks with
//! the same items stand in one group. Items on which all runs say the same are kept once, with a count.

use std::collections::{BTreeMap, HashMap};

use super::metric::Sums;
use super::{Metric, Run, System};
use crate::metrics::{LABEL_LIMIT, Margins};
use crate::{Error, Prediction};

/// Tasks whose items are drawn jointly.
#[derive(Debug)]
pub(super) struct Group {
    /// The tasks.
    pub(super) tasks: Vec<TaskTable>,
    /// For each item its row in the tables: items with the same answers share one.
    pub(super) unit_row: Vec<u32>,
    /// Number of rows.
    rows: usize,
}

/// What was answered on one task, by row.
#[derive(Debug)]
pub(super) struct TaskTable {
    /// Name of the task.
    pub(super) name: String,
    gold: Column,
    left: Vec<Column>,
    right: Vec<Column>,
    classes: usize,
    positive: Option<usize>,
}

/// Answers, by row: places of labels, or numbers.
#[derive(Debug)]
pub(super) enum Column {
    Labels(Vec<u32>),
    Numbers(Vec<f64>),
}

impl Group {
    /// How many items each row stands for.
    pub(super) fn weights(&self) -> Vec<u32> {
        let mut weights = vec![0; self.rows];
        self.unit_row.iter().for_each(|&row| weights[row as usize] += 1);
        weights
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }
}

impl TaskTable {
    /// The runs of one side.
    pub(super) fn runs(&self, left: bool) -> &[Column] {
        if left { &self.left } else { &self.right }
    }

    /// The score of one run with so many items a row.
    pub(super) fn score(&self, metric: &Metric, left: bool, run: usize, weights: &[u32]) -> f64 {
        let runs = self.runs(left);
        runs.get(run).map_or(0.0, |column| self.of_parts(metric, &[(column, weights)]))
    }

    /// The mean score over the runs of one side.
    pub(super) fn mean_score(&self, metric: &Metric, left: bool, weights: &[u32]) -> f64 {
        let scores: Vec<f64> = (0..self.runs(left).len()).map(|run| self.score(metric, left, run, weights)).collect();
        super::mean(&scores)
    }

    /// The score of answers that come partly from one column and partly from another.
    pub(super) fn of_parts(&self, metric: &Metric, parts: &[(&Column, &[u32])]) -> f64 {
        let mut margins = Margins::empty(if metric.of_numbers() { 0 } else { self.classes });
        let mut sums = Sums::default();
        for (column, weights) in parts {
            match (&self.gold, column) {
                (Column::Labels(gold), Column::Labels(predicted)) => {
                    for ((&gold, &predicted), &weight) in gold.iter().zip(predicted).zip(*weights) {
                        margins.add(gold as usize, predicted as usize, u64::from(weight));
                    }
                }
                (Column::Numbers(gold), Column::Numbers(predicted)) => {
                    let zero = gold.first().copied().unwrap_or(0.0);
                    for ((&gold, &predicted), &weight) in gold.iter().zip(predicted).zip(*weights) {
                        sums.add(gold - zero, predicted - zero, f64::from(weight));
                    }
                }
                _ => {}
            }
        }
        if metric.of_numbers() { metric.of_sums(&sums) } else { metric.of_margins(&margins, self.positive) }
    }
}

/// One task as it was handed in: every run in the order of the first one's items.
struct Aligned<'a> {
    name: &'a str,
    /// Ids in order, where all runs have them.
    ids: Option<Vec<&'a str>>,
    gold: Vec<&'a str>,
    left: Vec<Vec<&'a str>>,
    right: Vec<Vec<&'a str>>,
}

/// Brings the runs of two systems into groups of tables.
pub(super) fn groups(left: &System, right: &System, metric: &Metric) -> Result<Vec<Group>, Error> {
    let mut names: Vec<&str> = left.runs.iter().chain(&right.runs).map(|run| run.task.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let tasks = names.into_iter().map(|name| aligned(name, left, right)).collect::<Result<Vec<_>, _>>()?;
    check_seeds(&tasks, left, right)?;
    let mut together: BTreeMap<(Option<Vec<&str>>, usize), Vec<Aligned<'_>>> = BTreeMap::new();
    for task in tasks {
        together.entry((task.ids.clone(), task.gold.len())).or_default().push(task);
    }
    if together.is_empty() {
        return Err(Error::Empty);
    }
    together.into_values().map(|tasks| group(&tasks, metric)).collect()
}

fn check_seeds(tasks: &[Aligned<'_>], left: &System, right: &System) -> Result<(), Error> {
    for (system, count) in
        [(left, (|task| task.left.len()) as fn(&Aligned<'_>) -> usize), (right, |task| task.right.len())]
    {
        let first = tasks.first().map_or(0, count);
        if let Some(task) = tasks.iter().find(|task| count(task) != first) {
            let problem = format!("{} runs, but {first} of another task", count(task));
            return Err(Error::NotComparable { place: place(system, task.name), problem });
        }
    }
    Ok(())
}

fn place(system: &System, task: &str) -> String {
    if task.is_empty() { system.name.clone() } else { format!("{}, task {task}", system.name) }
}

fn aligned<'a>(name: &'a str, left: &'a System, right: &'a System) -> Result<Aligned<'a>, Error> {
    let (left_runs, right_runs) = (runs_of(name, left)?, runs_of(name, right)?);
    let all = || left_runs.iter().map(|run| (left, *run)).chain(right_runs.iter().map(|run| (right, *run)));
    let with_ids = all().all(|(_, run)| run.predictions.iter().all(|row| row.id.is_some()));
    let Some((_, first)) = all().next() else { return Err(Error::Empty) };
    let order = in_order(&first.predictions, with_ids);
    if order.is_empty() {
        return Err(Error::Empty);
    }
    for (system, run) in all() {
        check_rows(&order, &in_order(&run.predictions, with_ids), &place(system, name))?;
    }
    let labels =
        |run: &&'a Run| in_order(&run.predictions, with_ids).into_iter().map(|row| row.label.as_str()).collect();
    let gold = order.iter().enumerate().map(|(at, row)| row.gold.as_deref().ok_or(Error::NoGold { row: at + 1 }));
    Ok(Aligned {
        name,
        ids: with_ids.then(|| order.iter().filter_map(|row| row.id.as_deref()).collect()),
        gold: gold.collect::<Result<_, _>>()?,
        left: left_runs.iter().map(labels).collect(),
        right: right_runs.iter().map(labels).collect(),
    })
}

/// The runs of one task, by seed.
fn runs_of<'a>(name: &str, system: &'a System) -> Result<Vec<&'a Run>, Error> {
    let mut runs: Vec<&Run> = system.runs.iter().filter(|run| run.task == name).collect();
    runs.sort_by_key(|run| run.seed);
    if runs.is_empty() {
        let problem = "it has no run of this task, which the other system has".to_owned();
        return Err(Error::NotComparable { place: place(system, name), problem });
    }
    Ok(runs)
}

pub(crate) fn in_order(rows: &[Prediction], with_ids: bool) -> Vec<&Prediction> {
    let mut rows: Vec<&Prediction> = rows.iter().collect();
    if with_ids {
        rows.sort_by(|left, right| left.id.cmp(&right.id));
    }
    rows
}

/// The same items with the same gold labels.
pub(crate) fn check_rows(first: &[&Prediction], rows: &[&Prediction], place: &str) -> Result<(), Error> {
    let wrong = |problem: String| Err(Error::NotComparable { place: place.to_owned(), problem });
    if first.len() != rows.len() {
        return wrong(format!("{} items, but {} in the first run", rows.len(), first.len()));
    }
    for (at, (one, other)) in first.iter().zip(rows).enumerate() {
        let name = || one.id.as_ref().map_or_else(|| format!("item {}", at + 1), |id| format!("the item `{id}`"));
        if one.id.is_some() && other.id.is_some() && one.id != other.id {
            return wrong(format!("{} is missing, or another one is in its place", name()));
        }
        if one.gold != other.gold {
            let gold = |row: &Prediction| row.gold.clone().unwrap_or_else(|| "none".to_owned());
            return wrong(format!(
                "the gold label of {} is {}, but {} in the first run",
                name(),
                gold(other),
                gold(one)
            ));
        }
    }
    Ok(())
}

/// The tables of tasks with the same items, with equal rows joined.
fn group(tasks: &[Aligned<'_>], metric: &Metric) -> Result<Group, Error> {
    let columns = |task: &Aligned<'_>| 1 + task.left.len() + task.right.len();
    let items = tasks.first().map_or(0, |task| task.gold.len());
    let mut names: Vec<BTreeMap<String, u32>> = Vec::new();
    let mut keys: Vec<Vec<u64>> = vec![Vec::with_capacity(tasks.iter().map(columns).sum()); items];
    for task in tasks {
        names.push(places(task, metric)?);
        for column in std::iter::once(&task.gold).chain(&task.left).chain(&task.right) {
            for ((at, key), value) in keys.iter_mut().enumerate().zip(column) {
                key.push(cell(value, names.last(), metric, at)?);
            }
        }
    }
    let mut seen: HashMap<&[u64], u32> = HashMap::new();
    let mut distinct: Vec<&[u64]> = Vec::new();
    let mut unit_row = Vec::with_capacity(items);
    for key in &keys {
        let next = distinct.len() as u32;
        let row = *seen.entry(key).or_insert(next);
        if row == next {
            distinct.push(key);
        }
        unit_row.push(row);
    }
    let mut start = 0;
    let mut tables = Vec::new();
    for (task, places) in tasks.iter().zip(&names) {
        tables.push(table(task, places, metric, &distinct, start));
        start += columns(task);
    }
    Ok(Group { tasks: tables, unit_row, rows: distinct.len() })
}

/// The labels of a task, each with its place.
fn places(task: &Aligned<'_>, metric: &Metric) -> Result<BTreeMap<String, u32>, Error> {
    if metric.of_numbers() {
        return Ok(BTreeMap::new());
    }
    let columns = std::iter::once(&task.gold).chain(&task.left).chain(&task.right);
    let labels: std::collections::BTreeSet<&str> = columns.flatten().copied().collect();
    if labels.len() > LABEL_LIMIT {
        return Err(Error::TooManyLabels { count: labels.len() });
    }
    Ok(labels.into_iter().enumerate().map(|(place, label)| (label.to_owned(), place as u32)).collect())
}

fn cell(value: &str, places: Option<&BTreeMap<String, u32>>, metric: &Metric, at: usize) -> Result<u64, Error> {
    if metric.of_numbers() {
        let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        return number.map(f64::to_bits).ok_or(Error::NotFinite { row: at + 1 });
    }
    Ok(places.and_then(|places| places.get(value)).copied().map_or(0, u64::from))
}

fn table(
    task: &Aligned<'_>,
    places: &BTreeMap<String, u32>,
    metric: &Metric,
    rows: &[&[u64]],
    start: usize,
) -> TaskTable {
    let column = |offset: usize| {
        let values = rows.iter().map(|row| row.get(start + offset).copied().unwrap_or(0));
        if metric.of_numbers() {
            Column::Numbers(values.map(f64::from_bits).collect())
        } else {
            Column::Labels(values.map(|value| value as u32).collect())
        }
    };
    let positive = match metric {
        Metric::F1 { positive } => places.get(positive).map(|&place| place as usize),
        _ => None,
    };
    let (left, right) = (task.left.len(), task.right.len());
    TaskTable {
        name: task.name.to_owned(),
        gold: column(0),
        left: (1..=left).map(column).collect(),
        right: (1 + left..=left + right).map(column).collect(),
        classes: places.len(),
        positive,
    }
}

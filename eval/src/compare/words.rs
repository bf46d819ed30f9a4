//! A comparison in words and as a table.

use super::{Comparison, Options, Verdict};
use crate::report;

/// The verdict as sentences.
pub(super) fn verdict(comparison: &Comparison) -> String {
    let Comparison { left, right, metric, .. } = comparison;
    let figures = format!(
        "{metric} {:.4} against {:.4}, a difference of {:+.4} (95 % interval {:+.4} to {:+.4}; {})",
        left.score,
        right.score,
        comparison.difference,
        comparison.interval.low,
        comparison.interval.high,
        tests(comparison)
    );
    let said = match comparison.verdict {
        Verdict::LeftBetter => format!("{} is better than {}", left.name, right.name),
        Verdict::RightBetter => format!("{} is worse than {}", left.name, right.name),
        Verdict::NotShown => format!("No difference is shown between {} and {}", left.name, right.name),
        Verdict::Borderline => {
            format!("The tests disagree whether {} and {} differ: more items would tell", left.name, right.name)
        }
    };
    format!("{said}: {figures}, on {}. {}", place(comparison), caution(comparison))
}

fn tests(comparison: &Comparison) -> String {
    let bootstrap = format!("p = {} by paired bootstrap", p_value(comparison.bootstrap_p));
    match comparison.randomisation_p {
        Some(p) => format!("p = {} by approximate randomisation, {bootstrap}", p_value(p)),
        None => format!("{bootstrap}; answers of different numbers of seeds cannot be swapped"),
    }
}

fn p_value(p: f64) -> String {
    if p < 0.001 { format!("{p:.5}") } else { format!("{p:.3}") }
}

fn place(comparison: &Comparison) -> String {
    match (comparison.tasks.len(), comparison.joint) {
        (1, _) => format!("{} items", comparison.units),
        (tasks, true) => format!("{tasks} tasks, whose {} sentences were drawn jointly", comparison.units),
        (tasks, false) => format!("{tasks} tasks with {} items", comparison.units),
    }
}

/// What the figures do not say.
fn caution(comparison: &Comparison) -> String {
    let seeds = [&comparison.left.seeds, &comparison.right.seeds].map(Vec::len);
    match &comparison.seeds {
        Some(test) => format!(
            "Of {} and {} seeds: p = {} by permutation of the runs (the smallest possible is {}).",
            seeds[0],
            seeds[1],
            p_value(test.p),
            p_value(test.smallest)
        ),
        None if seeds == [1, 1] => "One training run each: this says nothing about other seeds.".to_owned(),
        None => format!("{} and {} training runs: too few to compare seeds.", seeds[0], seeds[1]),
    }
}

/// All that decides the figures, in one line.
pub(super) fn signature(comparison: &Comparison, options: &Options) -> String {
    let field = |text: &str| report::field(text);
    format!(
        "{}|left:{}|right:{}|tasks:{}|n:{}|runs:{}+{}|resamples:{}|seed:{}|version:{}",
        field(&comparison.metric),
        field(&comparison.left.name),
        field(&comparison.right.name),
        comparison.tasks.len(),
        comparison.units,
        comparison.left.seeds.len(),
        comparison.right.seeds.len(),
        options.resamples,
        options.seed,
        glossa_base::TOOL_VERSION
    )
}

impl Comparison {
    /// The comparison as text: the verdict, tasks, seeds, the signature.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n\n", self.words);
        let mut rows = vec![["task", "items", "left", "right", "difference"].map(str::to_owned).to_vec()];
        for task in &self.tasks {
            let name = if task.task.is_empty() { "(all)" } else { &task.task };
            let values = [task.left, task.right].map(|value| format!("{value:.4}"));
            let difference = format!("{:+.4}", task.difference);
            rows.push([vec![name.to_owned(), task.items.to_string()], values.to_vec(), vec![difference]].concat());
        }
        text.push_str(&report::table(&rows));
        for side in [&self.left, &self.right] {
            if let Some(spread) = side.spread {
                let seeds: Vec<String> = side.seeds.iter().map(|score| format!("{score:.4}")).collect();
                text.push_str(&format!("\n{}: seeds {}, spread {spread:.4}", side.name, seeds.join(" ")));
            }
        }
        format!("{}\n\nsignature: {}\n", text.trim_end(), self.signature)
    }
}

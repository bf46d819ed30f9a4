//! Ensembles: averages by hand, weights that find the better members, the choice of a seed, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use glossa_base::seed::{Purpose, Stream};
use glossa_eval::Prediction;
use glossa_eval::compare::Metric;
use glossa_eval::ensemble::{Direction, Member, average, average_numbers, average_weighted, fit, select};

/// Rows of `id gold probability-of-a`.
fn rows(text: &str) -> Vec<Prediction> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let of_a: f64 = cells[2].parse().unwrap();
        let labels = ["a".to_owned(), "b".to_owned()];
        let prediction = Prediction::from_probabilities(&labels, &[of_a, 1.0 - of_a]).unwrap();
        Prediction { id: Some(cells[0].to_owned()), gold: Some(cells[1].to_owned()), ..prediction }
    };
    text.split(',').map(row).collect()
}

fn member(fold: u64, seed: u64, direction: Direction, predictions: Vec<Prediction>) -> Member {
    Member { fold, seed, direction, predictions }
}

/// A model of two classes that is sure of the truth by `skill`, with noise of its own.
fn model(seed: u64, skill: f64, items: std::ops::Range<usize>) -> Vec<Prediction> {
    let row = |item: usize| {
        let gold = item.is_multiple_of(2);
        let noise = 4.0 * f64::from(Stream::new(seed, Purpose::Sample, 0, 0).uniform(item as u64)) - 2.0;
        let logit = if gold { skill } else { -skill } + noise;
        format!("{item:04} {} {}", if gold { "a" } else { "b" }, 1.0 / (1.0 + (-logit).exp()))
    };
    rows(&items.map(row).collect::<Vec<_>>().join(","))
}

#[test]
fn probabilities_are_averaged_item_by_item() {
    let members = [
        member(0, 1, Direction::Forward, rows("1 a 0.9,2 b 0.6")),
        member(0, 1, Direction::Backward, rows("2 b 0.1,1 a 0.3")),
    ];
    let found = average(&members).unwrap();
    let labels: Vec<&str> = found.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["a", "b"]);
    assert!((found[0].probabilities["a"] - 0.6).abs() < 1e-12 && (found[1].probabilities["a"] - 0.35).abs() < 1e-12);
    assert_eq!(found[1].gold.as_deref(), Some("b"));
}

#[test]
fn numbers_are_averaged() {
    let number = |value: &str| vec![Prediction { label: value.to_owned(), ..Prediction::default() }];
    let two = [member(0, 1, Direction::Forward, number("1.5")), member(0, 2, Direction::Forward, number("2.5"))];
    assert_eq!(average_numbers(&two).unwrap()[0].label, "2");
    let message = average_numbers(&[member(0, 1, Direction::Forward, number("x"))]).unwrap_err().to_string();
    assert_eq!(message, "seed 1, fold 0, forward: its label is no finite number");
}

#[test]
fn weights_find_the_better_member_and_use_all_folds() {
    // Two folds of each; seed 2 is no better than chance.
    let held_out: Vec<Member> = [(1, 3.0), (2, 0.0)]
        .into_iter()
        .flat_map(|(seed, skill)| {
            let fold = move |fold: u64| {
                let from = fold as usize * 200;
                member(fold, seed, Direction::Forward, model(seed, skill, from..from + 200))
            };
            [fold(1), fold(0)]
        })
        .collect();
    let weights = fit(&held_out, "held-out").unwrap();
    assert_eq!((weights.items, weights.weights.len()), (400, 2));
    assert!(weights.weights[0].weight > 0.95 && weights.after >= weights.before, "{weights:?}");
    assert!((weights.weights.iter().map(|one| one.weight).sum::<f64>() - 1.0).abs() < 1e-9);
    let test: Vec<Member> = (0..2)
        .flat_map(|fold| {
            [(1, 3.0), (2, 0.0)]
                .map(|(seed, skill)| member(fold, seed, Direction::Forward, model(seed + 10 * fold, skill, 0..300)))
        })
        .collect();
    let right =
        |rows: Vec<Prediction>| rows.iter().filter(|row| row.gold.as_deref() == Some(row.label.as_str())).count();
    assert!(right(average_weighted(&test, &weights).unwrap()) >= right(average(&test).unwrap()));
    let stranger = [member(0, 9, Direction::Forward, model(1, 1.0, 0..3))];
    let message = average_weighted(&stranger, &weights).unwrap_err().to_string();
    assert_eq!(message, "seed 9, fold 0, forward: no weight was fitted for its seed and direction");
}

#[test]
fn the_maximum_of_the_likelihood_is_found() {
    // Of ten items the first member is sure of 7 and the second of the other 3: weights 0.7 and 0.3.
    let truth = |first: bool| {
        let row = |item: usize| format!("{item} a {}", if (item < 7) == first { 1.0 } else { 0.0 });
        rows(&(0..10).map(row).collect::<Vec<_>>().join(","))
    };
    let members = [member(0, 1, Direction::Forward, truth(true)), member(0, 1, Direction::Backward, truth(false))];
    let found = fit(&members, "dev").unwrap().weights;
    assert!((found[0].weight - 0.7).abs() < 1e-4 && (found[1].weight - 0.3).abs() < 1e-4, "{found:?}");
}

#[test]
fn the_choice_of_a_seed_says_what_it_is() {
    let held_out = [(1, 0.5), (2, 2.5), (3, 1.0)]
        .map(|(seed, skill)| member(0, seed, Direction::Forward, model(seed, skill, 0..200)));
    let chosen = select(&held_out, "dev", &Metric::MacroF1).unwrap();
    assert_eq!((chosen.seed, chosen.scores.len(), chosen.members(&held_out).len()), (2, 3, 1));
    assert_eq!(chosen.label, "best of 3 seeds by macro_f1 on dev: not comparable with a mean over seeds");
    // Of equals the first.
    let same = [3, 1, 2].map(|seed| member(0, seed, Direction::Forward, model(7, 1.0, 0..50)));
    assert_eq!(select(&same, "dev", &Metric::Accuracy).unwrap().seed, 1);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let good = || rows("1 a 0.9,2 b 0.6");
    let two = |predictions: Vec<Prediction>| {
        [member(0, 1, Direction::Forward, good()), member(1, 1, Direction::Backward, predictions)]
    };
    let mut bare = good();
    bare[1].probabilities.clear();
    let mut other = good();
    let moved = other[1].probabilities.remove("b").unwrap();
    other[1].probabilities.insert("c".to_owned(), moved);
    let cases = [
        (two(bare), "seed 1, fold 1, backward, item `2`: it has no probabilities that sum to 1"),
        (two(other), "seed 1, fold 1, backward, item `2`: it knows other labels than the first member"),
        (two(rows("1 a 0.9")), "seed 1, fold 1, backward: 1 items, but 2 in the first run"),
        (two(rows("1 a 0.9,3 b 0.6")), "seed 1, fold 1, backward: the item `2` is missing"),
        (two(rows("1 b 0.9,2 b 0.6")), "seed 1, fold 1, backward: the gold label of the item `1` is b, but a"),
    ];
    for (members, expected) in cases {
        let message = average(&members).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message} does not start with {expected}");
    }
    let message = fit(&two(good()), "TEST").unwrap_err().to_string();
    assert!(message.contains("nothing is fitted or chosen on a test set"), "{message}");
    let twice = [member(0, 1, Direction::Forward, good()), member(0, 1, Direction::Forward, good())];
    assert!(fit(&twice, "dev").unwrap_err().to_string().contains("its fold is there twice"));
    assert!(average(&[]).is_err());
}

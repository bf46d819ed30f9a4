//! Which examples an epoch or a fold has: balanced classes, and folds for cross-validation.

use glossa_base::seed::{Purpose, Stream};

/// The examples of each class.
fn by_class(classes: &[usize]) -> Vec<Vec<usize>> {
    let mut examples = vec![Vec::new(); classes.iter().max().map_or(0, |largest| largest + 1)];
    for (example, &class) in classes.iter().enumerate() {
        examples[class].push(example);
    }
    examples
}

/// A weight for each class so that all classes count alike: `texts / (classes · texts of the class)`, and 1
/// for a class without texts.
pub fn class_weights(classes: &[usize]) -> Vec<f32> {
    let examples = by_class(classes);
    let seen = examples.iter().filter(|examples| !examples.is_empty()).count() as f32;
    let weight = |count: usize| if count == 0 { 1.0 } else { classes.len() as f32 / (seen * count as f32) };
    examples.iter().map(|examples| weight(examples.len())).collect()
}

/// Examples of an epoch in which every class is as frequent as the most frequent one: each of its examples
/// comes equally often, and what is left over is drawn anew each epoch.
pub fn resampled(classes: &[usize], seed: u64, epoch: usize) -> Vec<usize> {
    let examples = by_class(classes);
    let most = examples.iter().map(Vec::len).max().unwrap_or(0);
    let draw = |(class, examples): (usize, &Vec<usize>)| -> Vec<usize> {
        let stream = Stream::new(seed, Purpose::Resampling, epoch as u64, class as u64);
        let order = stream.permutation(examples.len());
        order.into_iter().cycle().take(if examples.is_empty() { 0 } else { most }).map(|at| examples[at]).collect()
    };
    examples.iter().enumerate().flat_map(draw).collect()
}

/// So many folds of about the same size with about the same share of each class; each example is in one.
pub fn folds(classes: &[usize], count: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut folds = vec![Vec::new(); count.max(1)];
    let mut next = 0;
    for (class, examples) in by_class(classes).iter().enumerate() {
        for at in Stream::new(seed, Purpose::Split, 1, class as u64).permutation(examples.len()) {
            folds[next].push(examples[at]);
            next = (next + 1) % count.max(1);
        }
    }
    folds.iter_mut().for_each(|fold| fold.sort_unstable());
    folds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> Vec<usize> {
        (0..100).map(|example| if example % 10 == 0 { 2 } else { usize::from(example % 3 == 0) }).collect()
    }

    #[test]
    fn weights_make_classes_alike() {
        let classes = classes();
        let weights = class_weights(&classes);
        for (class, weight) in weights.iter().enumerate() {
            let count = classes.iter().filter(|other| **other == class).count() as f32;
            assert!((weight * count - 100.0 / 3.0).abs() < 1e-3);
        }
        assert_eq!(class_weights(&[0, 2]), [1.0, 1.0, 1.0]);
    }

    #[test]
    fn resampling_makes_classes_alike() {
        let classes = classes();
        let drawn = resampled(&classes, 1, 0);
        let count = |class| drawn.iter().filter(|example| classes[**example] == class).count();
        assert_eq!((count(0), count(1)), (count(1), count(2)));
        assert!((0..100).all(|example| drawn.contains(&example)));
        assert_ne!(drawn, resampled(&classes, 1, 1));
        assert_eq!(drawn, resampled(&classes, 1, 0));
    }

    #[test]
    fn folds_share_examples_and_classes() {
        let classes = classes();
        let folds = folds(&classes, 4, 1);
        let mut all = folds.concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        for fold in &folds {
            assert_eq!(fold.len(), 25);
            let rare = fold.iter().filter(|example| classes[**example] == 2).count();
            assert!((2..=3).contains(&rare), "{rare}");
        }
        assert_eq!(super::folds(&[0], 3, 0), [vec![0], vec![], vec![]]);
    }
}

//! One language model learned on several devices: it is the model that one device learns from the same batches,
//! the same bytes each time, and an interruption changes nothing.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use glossa_base::{Interrupt, Kind, Progress, Silent};
use glossa_learn::checkpoint::folder::RunIdentity;
use glossa_learn::{CheckpointFolder, Interval};
use glossa_nn::modernbert::ModernBertConfig;
use glossa_nn::{EncoderConfig, LanguageModel, MaskedLanguageModel};
use glossa_recipes::recipe::{EncoderSizes, LanguageModelRecipe};
use glossa_recipes::{MaskPieces, Recipe, Run, Trained, pretrain, pretrain_masked};

/// Documents whose next piece can be guessed.
fn source(documents: u32) -> Vec<Vec<u32>> {
    (0..documents).map(|document| (0..40).map(|at| (document * 5 + at * (1 + document % 3)) % 30).collect()).collect()
}

/// The smallest preset, smaller; with dropout or without.
fn recipe(dropout: f64) -> (EncoderConfig, LanguageModelRecipe) {
    let mut recipe = Recipe::preset("tiny").unwrap();
    let EncoderSizes::Recurrent(config) = recipe.encoder_sizes(30) else { panic!("tiny is recurrent") };
    let config = EncoderConfig { embedding_size: 8, hidden_size: 12, layer_count: 2, zoneout: 0.0, ..config };
    let training = &mut recipe.pretrain.training;
    (training.epochs, training.batch_size, training.chunk, training.dropout_multiplier) = (2, 8, 10, dropout);
    (config, recipe.pretrain)
}

#[derive(Default)]
struct Weights(Vec<f32>);

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend(param.val().into_data().try_into_vec::<f32>().unwrap());
    }
}

fn weights(model: &LanguageModel) -> Vec<f32> {
    let mut weights = Weights::default();
    model.visit(&mut weights);
    weights.0
}

/// A training on so many devices; the processor stands for each.
struct Setup<'a> {
    others: usize,
    dropout: f64,
    checkpoints: Option<&'a CheckpointFolder>,
    progress: &'a dyn Progress,
    interrupt: Interrupt,
}

impl Setup<'_> {
    fn new(others: usize, dropout: f64) -> Self {
        let interrupt = Interrupt::default();
        Setup { others, dropout, checkpoints: None, progress: &Silent, interrupt }
    }

    fn run(&self) -> Result<Trained<LanguageModel>, Kind> {
        let (device, others) = (Device::flex(), vec![Device::flex(); self.others]);
        let (config, recipe) = recipe(self.dropout);
        let (train, valid) = (source(60), source(8));
        let run = Run {
            device: &device,
            others: &others,
            replica: None,
            seed: 5,
            progress: self.progress,
            interrupt: &self.interrupt,
            checkpoints: self.checkpoints.map(|folder| (folder, Interval::Steps(7))),
            log: None,
            tensorboard: None,
        };
        pretrain(&config, &recipe, &train, Some(&valid), run).map_err(|unfinished| unfinished.failure.kind)
    }
}

#[test]
fn two_devices_learn_what_one_learns() {
    let (one, two) = (Setup::new(0, 0.0).run().unwrap(), Setup::new(1, 0.0).run().unwrap());
    let (ours, theirs) = (weights(&two.model), weights(&one.model));
    let largest = ours.iter().zip(&theirs).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-4, "{largest}");
    assert_ne!(ours, theirs, "sums of two halves round differently: equal ones were not summed");
    for (ours, theirs) in two.course.records.iter().zip(&one.course.records) {
        assert_eq!((ours.epoch, ours.step), (theirs.epoch, theirs.step));
        assert!((ours.train_loss - theirs.train_loss).abs() < 1e-4, "{} {}", ours.train_loss, theirs.train_loss);
        assert!((ours.validation["loss"] - theirs.validation["loss"]).abs() < 1e-4);
    }
    assert!(two.course.records[1].train_loss < two.course.records[0].train_loss);
}

#[test]
fn several_devices_learn_the_same_bytes_each_time_and_with_dropout() {
    let (first, second) = (Setup::new(3, 1.0).run().unwrap(), Setup::new(3, 1.0).run().unwrap());
    assert_eq!(weights(&first.model), weights(&second.model));
    assert_ne!(weights(&first.model), weights(&Setup::new(3, 0.0).run().unwrap().model));
}

#[test]
fn masked_models_learn_on_several_devices() {
    let config = ModernBertConfig::new(40, [8, 16], 2, 2);
    let pieces = MaskPieces { mask: 35, begin: Some(1), special: vec![0, 1], pieces: 35 };
    let device = Device::flex();
    let (_, mut recipe) = recipe(0.0);
    recipe.training.epochs = 3;
    let train = source(60);
    let run = |others: usize| {
        let others = vec![Device::flex(); others];
        let interrupt = Interrupt::default();
        let (progress, interrupt) = (&Silent, &interrupt);
        let run = Run {
            device: &device,
            others: &others,
            replica: None,
            seed: 5,
            progress,
            interrupt,
            checkpoints: None,
            log: None,
            tensorboard: None,
        };
        let model = MaskedLanguageModel::new(&config, 1, &device);
        let course = pretrain_masked(model, &recipe, &pieces, &train, Some(&train), run).ok().unwrap().course;
        course.records.into_iter().map(|record| record.validation["loss"]).collect::<Vec<f64>>()
    };
    let (one, two) = (run(0), run(1));
    assert_eq!(two, run(1));
    assert!(two.len() == 3 && two[2] < two[0], "{two:?}");
    // The same texts with other pieces hidden.
    assert!(one != two && (one[2] - two[2]).abs() < 0.3, "{one:?} {two:?}");
}

/// Raises the interrupt after so many steps.
struct StopAfter {
    steps: AtomicUsize,
    interrupt: Interrupt,
}

impl Progress for StopAfter {
    fn start(&self, _: &str, _: Option<u64>, _: &str) {}

    fn advance(&self, units: u64) {
        let left = self.steps.load(Ordering::Relaxed);
        self.steps.store(left.saturating_sub(units as usize), Ordering::Relaxed);
        if left > 0 && left <= units as usize {
            self.interrupt.flag().store(true, Ordering::Relaxed);
        }
    }

    fn state(&self, _: &str) {}
    fn finish(&self, _: &str) {}
    fn line(&self, _: &str) {}
}

#[test]
fn an_interruption_changes_nothing() {
    let whole = Setup::new(1, 1.0).run().unwrap();
    for steps in [1, 9, 40] {
        let place = std::env::temp_dir().join(format!("glossa-replicas-{}-{steps}", std::process::id()));
        let folder = CheckpointFolder::open(&place, &RunIdentity::new(), true).unwrap();
        let mut setup = Setup::new(1, 1.0);
        setup.checkpoints = Some(&folder);
        let stop = StopAfter { steps: AtomicUsize::new(steps), interrupt: setup.interrupt.clone() };
        let stopped = Setup { progress: &stop, ..setup }.run();
        assert_eq!(stopped.err(), Some(Kind::Stopped), "after {steps} steps");
        let folder = CheckpointFolder::open(&place, &RunIdentity::new(), false).unwrap();
        let mut setup = Setup::new(1, 1.0);
        setup.checkpoints = Some(&folder);
        let resumed = setup.run().unwrap();
        assert_eq!(weights(&resumed.model), weights(&whole.model), "after {steps} steps");
        assert_eq!(resumed.course.records, whole.course.records);
        folder.remove().unwrap();
    }
}

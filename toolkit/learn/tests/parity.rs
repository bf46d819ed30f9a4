//! The same numbers as PyTorch's: logits, gradients and ten training steps of fastai's AWD-LSTM and of
//! an op-by-op QRNN. `scripts/parity.py` made the cases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use glossa_learn::finder::RateCourse;
use glossa_learn::gradients::global_norm;
use glossa_learn::optimizer::rules::{self, Hyper, Memory, Parameter, Rule};
use glossa_learn::optimizer::{Kind, Optimizer, OptimizerSettings, StepSettings};
use glossa_nn::{Cell, EncoderConfig, LanguageModel, Tokens, weights};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    vocabulary: usize,
    embedding: usize,
    hidden: usize,
    layers: usize,
    batch: usize,
    time: usize,
    rate: f64,
    betas: (f64, f64),
    clip: f64,
    tokens: Vec<Vec<u32>>,
    targets: Vec<Vec<u32>>,
    logits: Vec<f64>,
    gradients: BTreeMap<String, Vec<f64>>,
    losses: Vec<f64>,
    norms: Vec<f64>,
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity").join(name)
}

fn load(name: &str, cell: Cell) -> (Case, LanguageModel) {
    let case: Case = serde_json::from_slice(&std::fs::read(file(&format!("{name}.json"))).unwrap()).unwrap();
    let config = EncoderConfig {
        cell,
        vocabulary_size: case.vocabulary,
        embedding_size: case.embedding,
        hidden_size: case.hidden,
        layer_count: case.layers,
        zoneout: 0.0,
    };
    let mut model = LanguageModel::new(&config, 0, &Device::flex());
    weights::load(&mut model, &file(&format!("{name}.safetensors"))).unwrap();
    (case, model)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f32>().map(f64::from).collect()
}

fn assert_close(what: &str, ours: &[f64], theirs: &[f64], limit: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!((ours - theirs).abs() <= limit, "{what}[{index}]: {ours}, not {theirs}");
    }
}

impl Case {
    fn tokens(&self, ids: &[u32], time: usize, device: &Device) -> Tokens {
        let rows: Vec<u32> = ids.chunks(self.time).flat_map(|row| &row[..time]).copied().collect();
        Tokens::new(&rows, [self.batch, time], self.vocabulary, device).unwrap()
    }

    /// Logits after every prefix of the first chunk, laid out as `[batch, time, vocabulary]`.
    fn logits(&self, model: &LanguageModel) -> Vec<f64> {
        let mut all = vec![0.0; self.logits.len()];
        for time in 1..=self.time {
            let tokens = self.tokens(&self.tokens[0], time, &Device::flex());
            let logits = numbers(model.next(&tokens, None).unwrap().0);
            for (row, logits) in logits.chunks(self.vocabulary).enumerate() {
                let place = (row * self.time + time - 1) * self.vocabulary;
                all[place..place + self.vocabulary].copy_from_slice(logits);
            }
        }
        all
    }
}

/// Compares every gradient with the case's, by name.
struct Compare<'a> {
    gradients: &'a GradientsParams,
    expected: &'a BTreeMap<String, Vec<f64>>,
    path: Vec<String>,
    seen: usize,
}

impl ModuleVisitor for Compare<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let kept = self.path.iter().filter(|part| !["Qrnn", "Lstm"].contains(&part.as_str()));
        let name = kept.cloned().collect::<Vec<_>>().join(".");
        let gradient = numbers(self.gradients.get::<D>(param.id).unwrap());
        assert_close(&name, &gradient, &self.expected[&name], 1e-4);
        self.seen += 1;
    }
}

fn check(name: &str, cell: Cell) {
    let (case, model) = load(name, cell);
    assert_close("logits", &case.logits(&model), &case.logits, 1e-5);
    let device = Device::flex().autodiff();
    let mut model = model.fork(&device).train();
    let settings = OptimizerSettings { second_beta: case.betas.1, decoupled: false, ..OptimizerSettings::default() };
    let (mut adam, mut state) = (Optimizer::new(settings), None);
    for (step, (tokens, targets)) in case.tokens.iter().zip(&case.targets).enumerate() {
        let (tokens, targets) = (case.tokens(tokens, case.time, &device), case.tokens(targets, case.time, &device));
        let result = model.loss(&tokens, &targets, state.as_ref(), None, 0.0).unwrap();
        state = Some(result.encoded.state);
        assert_close(&format!("loss of step {step}"), &numbers(result.loss.clone()), &case.losses[step..=step], 1e-4);
        let gradients = GradientsParams::from_grads(result.loss.backward(), &model);
        if step == 0 {
            let mut compare = Compare { gradients: &gradients, expected: &case.gradients, path: Vec::new(), seen: 0 };
            model.visit(&mut compare);
            assert_eq!(compare.seen, case.gradients.len());
        }
        let norm = global_norm(&model, &gradients).unwrap();
        assert_close(&format!("norm of step {step}"), &[norm], &case.norms[step..=step], 1e-4);
        let scale = if case.clip > 0.0 { (case.clip / norm).min(1.0) } else { 1.0 };
        let step = StepSettings { groups: vec![settings.hyper(case.rate, case.betas.0)], scale, factor: None };
        model = adam.step(model, gradients, &|_| 0, &step).0;
    }
}

#[test]
fn a_qrnn_is_pytorchs() {
    check("qrnn", Cell::Qrnn);
}

#[test]
fn an_awd_lstm_is_fastais() {
    check("awd_lstm", Cell::AwdLstm);
}

#[derive(Deserialize)]
struct Optimizers {
    start: Vec<f32>,
    gradients: Vec<Vec<f32>>,
    rate: f64,
    decay: f64,
    momentum: f64,
    second_beta: f64,
    epsilon: f64,
    ends: BTreeMap<String, Vec<f64>>,
}

#[test]
fn every_optimizer_goes_where_the_others_go() {
    let case: Optimizers = serde_json::from_slice(&std::fs::read(file("optimizers.json")).unwrap()).unwrap();
    let Optimizers { rate, decay, momentum, second_beta, epsilon, .. } = case;
    let hyper = Hyper { rate, momentum, second_beta, epsilon, weight_decay: decay };
    for (name, end) in &case.ends {
        let (kind, manner) = name.split_once(", ").unwrap_or((name, ""));
        let kind: Kind = serde_json::from_value(kind.into()).unwrap();
        let mut list = kind.rules(manner == "decoupled");
        if manner == "lookahead" {
            list.push(Rule::Lookahead { every: 3, share: 0.5 });
        }
        let (mut weights, mut memory) = (case.start.clone(), Memory::default());
        for gradient in &case.gradients {
            let (weights, gradient) = (&mut weights[..], &mut gradient.clone()[..]);
            rules::step(&list, &mut Parameter { weights, gradient, memory: &mut memory, hyper });
        }
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        assert_close(name, &weights, end, 1e-5);
    }
    assert_eq!(case.ends.len(), 11);
}

#[derive(Deserialize)]
struct Finder {
    rates: Vec<f64>,
    losses: Vec<f64>,
    suggestions: BTreeMap<String, f64>,
}

#[test]
fn suggested_rates_are_fastais() {
    let cases: Vec<Finder> = serde_json::from_slice(&std::fs::read(file("rate_finder.json")).unwrap()).unwrap();
    for (number, Finder { rates, losses, suggestions }) in cases.into_iter().enumerate() {
        let found = RateCourse { rates, losses }.suggestions().unwrap();
        let found = serde_json::to_value(found).unwrap();
        for (name, rate) in suggestions {
            let ours = found[&name].as_f64().unwrap();
            assert!((ours / rate - 1.0).abs() < 1e-6, "{name} of case {number}: {ours} instead of {rate}");
        }
    }
    assert!(RateCourse::default().suggestions().is_none());
}

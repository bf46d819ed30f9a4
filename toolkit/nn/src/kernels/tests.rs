//! The kernels: every gradient check, and what a wrong call is told.

use burn::prelude::*;

use super::*;

fn tensor<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::zeros(shape, &Device::flex())
}

#[test]
fn every_gradient_is_right() {
    let checks = check::run(&Device::flex()).unwrap();
    let wrong: Vec<_> = checks.iter().filter(|check| !check.passed()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for reference in [check::Reference::Differences, check::Reference::Jacobian, check::Reference::Autodiff] {
        let recurrent = ["linear", "QRNN", "LSTM", "decoder and loss", "step masks", "concat pooling", "embedding"];
        for operation in recurrent.into_iter().chain(["attention", "layer norm", "curve", "gate", "gathering"]) {
            let found = checks.iter().any(|check| check.operation == operation && check.reference == reference);
            assert!(found, "{operation} {reference:?}");
        }
    }
}

/// On the GPU that this build reaches; of wgpu's devices, software too runs the kernels that CUDA gets.
#[cfg(feature = "gpu")]
#[test]
fn every_gradient_is_right_on_a_gpu() {
    use crate::device::DeviceChoice::{Cuda, Wgpu};
    let Some(device) = [Cuda(0), Wgpu(0)].into_iter().find_map(|choice| choice.open().ok()) else {
        eprintln!("skipped: no GPU is here");
        return;
    };
    let checks = check::run(&device).unwrap();
    let wrong: Vec<_> = checks.iter().filter(|check| !check.passed()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checks.iter().all(|check| check.reference == check::Reference::Processor));
    for number in ["f32", "f16", "bf16"] {
        let errors: Vec<f64> = checks.iter().filter(|check| check.number == number).map(|check| check.error).collect();
        eprintln!(
            "{number}: {} checks, largest error {:.1e}",
            errors.len(),
            errors.iter().copied().fold(0.0, f64::max)
        );
    }
}

#[test]
fn a_wrong_gradient_is_found() {
    let check = check::Check {
        operation: "none",
        sizes: String::new(),
        of: "x",
        number: "f64",
        reference: check::Reference::Differences,
        error: f64::NAN,
        limit: 1.0,
    };
    assert!(!check.passed());
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let weights = |rows, columns| QrnnWeights { weight: tensor([rows, columns]), bias: tensor([6]) };
    let run = |x, weights, previous, cell| qrnn(x, weights, previous, cell, &Steps::default());
    let lengths = |lengths: Vec<usize>| Steps { lengths: Some(lengths.into()), ..Steps::default() };
    let (x, previous, cell) = (tensor([3, 4, 5]), tensor([3, 5]), tensor([3, 2]));
    let failures = [
        (run(x.clone(), weights(6, 6), previous.clone(), cell.clone()).err(), "weight"),
        (run(x.clone(), weights(6, 5), tensor([2, 5]), cell.clone()).err(), "previous"),
        (run(x.clone(), weights(6, 5), previous.clone(), tensor([2, 2])).err(), "cell"),
        (run(tensor([3, 0, 5]), weights(6, 5), previous.clone(), cell.clone()).err(), "x"),
        (qrnn(x.clone(), weights(6, 5), previous.clone(), cell.clone(), &lengths(vec![1, 2, 5])).err(), "lengths"),
        (qrnn(x.clone(), weights(6, 5), previous, cell, &lengths(vec![1])).err(), "lengths"),
        (linear(tensor([2, 3]), tensor([4, 2]), tensor([4]), Activation::Identity).err(), "weight"),
        (linear(tensor([2, 3]), tensor([4, 3]), tensor([3]), Activation::Identity).err(), "bias"),
        (mask_steps(x.clone(), tensor([3, 4])).err(), "mask"),
        (concat_pool(x.clone(), &[[0, 4], [1, 1], [0, 2]]).err(), "spans"),
        (concat_pool(x, &[[0, 4], [1, 5], [0, 2]]).err(), "spans"),
    ];
    for (error, name) in failures {
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains(&format!("`{name}`")), "{name}: {message}");
    }
}

#[test]
fn the_derivations_name_what_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("../../docs/gradients.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.contains(".rs` |"))
        .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    assert!(rows.len() >= 9);
    for row in rows {
        let source = std::fs::read_to_string(root.join("src/kernels").join(row[3])).unwrap();
        let named = [format!("fn {}(", row[2]), format!("fn {}<", row[2]), format!("    {}<E>(", row[2])];
        assert!(named.iter().any(|name| source.contains(name)), "{row:?}");
    }
}

//! The operations of transformers in `f64` against central differences.

use std::sync::Arc;

use super::{Case, Check, values};
use crate::kernels::cpu::curve::{self, Curve};
use crate::kernels::cpu::{attention, norm, rows};
use crate::kernels::transformer::{AttentionShape, Packing, Pooling, Rotation};

const CURVES: [Curve; 5] = [Curve::Gelu, Curve::GeluTanh, Curve::Silu, Curve::Relu, Curve::Tanh];

pub(super) fn cases() -> Vec<Check> {
    [attention_cases(), norm_cases(), curve_cases(), gather_cases()].into_iter().flatten().collect()
}

/// Lengths, heads, their size, and reach; among them lengths beyond the reach and beyond a tile.
fn attention_cases() -> Vec<Check> {
    let mut checks = Vec::new();
    let settings: [(&[usize], usize, usize, Option<usize>); 5] = [
        (&[1], 1, 2, None),
        (&[3, 1], 2, 2, None),
        (&[2, 7, 5], 3, 4, Some(2)),
        (&[40, 3], 1, 6, Some(8)),
        (&[530], 1, 2, Some(520)),
    ];
    for ((lengths, heads, size, reach), turned) in
        settings.into_iter().flat_map(|setting| [(setting, false), (setting, true)])
    {
        let packing = Packing::of(lengths);
        let rotation = turned.then(|| Arc::new(Rotation::new(100.0, size, packing.longest())));
        let shape = AttentionShape { packing, heads, reach, rotation };
        let forward = |i: &[Vec<f64>]| attention::forward(&i[0], &shape).output;
        let backward = |i: &[Vec<f64>], grad: &[f64]| {
            let attended = attention::forward(&i[0], &shape);
            vec![attention::backward(&i[0], (&attended.output, &attended.logs), grad, &shape)]
        };
        let inputs = vec![("qkv", values(1, shape.packing.token_count() * 3 * heads * size))];
        let reach = reach.map_or_else(String::new, |reach| format!(", reach {reach}"));
        let sizes = format!("{lengths:?}, {heads}x{size}{reach}{}", if turned { ", turned" } else { "" });
        checks.extend(Case { operation: "attention", sizes, inputs, forward: &forward, backward: &backward }.check());
    }
    checks
}

fn norm_cases() -> Vec<Check> {
    let mut checks = Vec::new();
    for [rows, width] in [[1, 2], [3, 7], [4, 16], [9, 65]] {
        let forward = |i: &[Vec<f64>]| norm::forward(&i[0], &i[1], &i[2], 1e-5);
        let backward = |i: &[Vec<f64>], grad: &[f64]| {
            let gradients = norm::backward(&i[0], &i[1], grad, 1e-5);
            vec![gradients.x, gradients.scale, gradients.shift]
        };
        let inputs = vec![("x", values(1, rows * width)), ("scale", values(2, width)), ("shift", values(3, width))];
        let sizes = format!("{rows} rows, {width} wide");
        checks.extend(Case { operation: "layer norm", sizes, inputs, forward: &forward, backward: &backward }.check());
    }
    checks
}

fn curve_cases() -> Vec<Check> {
    let mut checks = Vec::new();
    for (how, width) in CURVES.into_iter().flat_map(|how| [(how, 1), (how, 7)]) {
        // Wide enough to reach where the curves are flat.
        let inputs = || vec![("x", values(1, 6 * width).into_iter().map(|x| 3.0 * x).collect())];
        let sizes = format!("3 rows, {width} wide, {how:?}");
        let forward = |i: &[Vec<f64>]| curve::gated(&i[0], width, how);
        let backward = |i: &[Vec<f64>], grad: &[f64]| vec![curve::gated_backward(&i[0], grad, width, how)];
        let (operation, inputs_of_gate) = ("gate", inputs());
        let gate =
            Case { operation, sizes: sizes.clone(), inputs: inputs_of_gate, forward: &forward, backward: &backward };
        checks.extend(gate.check());
        let forward = |i: &[Vec<f64>]| curve::forward(&i[0], how);
        let backward = |i: &[Vec<f64>], grad: &[f64]| vec![curve::backward(&i[0], grad, how)];
        let case = Case { operation: "curve", sizes, inputs: inputs(), forward: &forward, backward: &backward };
        checks.extend(case.check());
    }
    checks
}

fn gather_cases() -> Vec<Check> {
    let mut checks = Vec::new();
    for how in [Pooling::First, Pooling::Mean, Pooling::Maximum] {
        let (packing, width) = (Packing::of(&[2, 1, 5]), 4);
        let forward = |i: &[Vec<f64>]| rows::gather(&i[0], width, &packing, how);
        let backward = |i: &[Vec<f64>], grad: &[f64]| vec![rows::gather_backward(&i[0], grad, width, &packing, how)];
        let inputs = vec![("x", values(1, 8 * width))];
        let sizes = format!("[2, 1, 5], {width} wide, {how:?}");
        checks.extend(Case { operation: "gathering", sizes, inputs, forward: &forward, backward: &backward }.check());
    }
    checks
}

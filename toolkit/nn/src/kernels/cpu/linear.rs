//! A linear map with bias and an activation on the CPU.

use rayon::prelude::*;

use super::decoder::add_columns;
use super::element::{Element, for_each_processor};
use super::matrix::{Rows, times, times_transposed, transposed_times};

/// What follows a linear map, element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// max(0, x).
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}

/// Gradients of x, weight and bias.
pub(crate) struct Gradients<E> {
    pub(crate) x: Vec<E>,
    pub(crate) weight: Vec<E>,
    pub(crate) bias: Vec<E>,
}

/// `y = a(x·Wᵀ + b)`; x `[rows, inputs]`, weight `[outputs, inputs]`, y `[rows, outputs]`.
pub(crate) fn forward<E: Element>(x: &[E], weight: &[E], bias: &[E], inputs: usize, activation: Activation) -> Vec<E> {
    let (rows, outputs) = (x.len() / inputs, bias.len());
    let mut y = vec![E::ZERO; rows * outputs];
    times_transposed(&mut y, outputs, false, Rows::whole(x, rows, inputs), Rows::whole(weight, outputs, inputs));
    y.par_chunks_mut(outputs).with_min_len(16).for_each(|row| match activation {
        Activation::Identity => add(row, bias),
        Activation::Relu => relu(row, bias),
        Activation::Tanh => tanh(row, bias),
        Activation::Sigmoid => sigmoid(row, bias),
    });
    y
}

for_each_processor! {
    add<E>(row: &mut [E], bias: &[E]) {
        row.iter_mut().zip(bias).for_each(|(value, bias)| *value += *bias);
    }
}

for_each_processor! {
    relu<E>(row: &mut [E], bias: &[E]) {
        for (value, bias) in row.iter_mut().zip(bias) {
            let sum = *value + *bias;
            *value = if sum > E::ZERO { sum } else { E::ZERO };
        }
    }
}

for_each_processor! {
    tanh<E>(row: &mut [E], bias: &[E]) {
        row.iter_mut().zip(bias).for_each(|(value, bias)| *value = (*value + *bias).tanh());
    }
}

for_each_processor! {
    sigmoid<E>(row: &mut [E], bias: &[E]) {
        row.iter_mut().zip(bias).for_each(|(value, bias)| *value = (*value + *bias).sigmoid());
    }
}

/// The slope of an activation where its value is `y`.
#[inline(always)]
fn slope<E: Element>(activation: Activation, y: E) -> E {
    match activation {
        Activation::Identity => E::ONE,
        Activation::Relu => {
            if y > E::ZERO {
                E::ONE
            } else {
                E::ZERO
            }
        }
        Activation::Tanh => E::ONE - y * y,
        Activation::Sigmoid => y * (E::ONE - y),
    }
}

/// With `g = grad ∘ a'`: `dx = g·W`, `dW = gᵀ·x`, `db = Σ g`. `y` is what the forward pass gave; the
/// identity needs none.
pub(crate) fn backward<E: Element>(
    x: &[E],
    weight: &[E],
    y: &[E],
    grad: &[E],
    inputs: usize,
    activation: Activation,
) -> Gradients<E> {
    if activation == Activation::Identity {
        return products(x, weight, grad, inputs);
    }
    let mut inner = vec![E::ZERO; grad.len()];
    inner.par_iter_mut().zip(grad).zip(y).with_min_len(1 << 12).for_each(|((inner, grad), y)| {
        *inner = *grad * slope(activation, *y);
    });
    products(x, weight, &inner, inputs)
}

fn products<E: Element>(x: &[E], weight: &[E], grad: &[E], inputs: usize) -> Gradients<E> {
    let (rows, outputs) = (x.len() / inputs, weight.len() / inputs);
    let rows_of_grad = Rows::whole(grad, rows, outputs);
    let mut gradients =
        Gradients { x: vec![E::ZERO; x.len()], weight: vec![E::ZERO; weight.len()], bias: vec![E::ZERO; outputs] };
    times(&mut gradients.x, inputs, false, rows_of_grad, Rows::whole(weight, outputs, inputs));
    transposed_times(&mut gradients.weight, false, rows_of_grad, Rows::whole(x, rows, inputs));
    add_columns(&mut gradients.bias, grad);
    gradients
}

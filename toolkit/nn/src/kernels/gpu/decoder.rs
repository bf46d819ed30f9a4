//! The tied decoder, log-softmax and cross-entropy on a GPU, in blocks of rows: a product, then one cube for
//! each row that turns its logits into the loss and, in place, into their gradient.

use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Slice};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::element::{cube_max, cube_sum};
use super::linear::column_sums;
use super::product::times;
use super::tensor::{IntoArgument, UNITS, element, of_type, shape, transposed, whole_cubes, zeros_like};

/// Logits of a block at the most: a quarter of a gigabyte in bf16.
const LOGITS: usize = 1 << 27;

#[cube(launch)]
fn cross_entropy<F: Float, I: Int>(
    logits: &mut [F],
    bias: &[F],
    targets: &[I],
    losses: &mut [f32],
    first: usize,
    rows: usize,
    all_rows: usize,
    smoothing: f32,
    #[comptime] gradient: bool,
    #[comptime] units: usize,
    #[define(F, I)] _dtypes: [ElemType; 2],
) {
    let row = CUBE_POS;
    if row >= rows {
        terminate!();
    }
    let vocabulary = bias.len();
    let (start, unit) = (row * vocabulary, UNIT_POS as usize);
    let target = usize::cast_from(targets[first + row]);
    let mut shared = Shared::<[f32]>::new_slice(units);
    let mut largest = f32::cast_from(logits[start + target]) + f32::cast_from(bias[target]);
    let at_target = largest;
    let mut sum = 0.0f32;
    let mut piece = unit;
    while piece < vocabulary {
        let logit = f32::cast_from(logits[start + piece]) + f32::cast_from(bias[piece]);
        largest = max(largest, logit);
        sum += logit;
        piece += units;
    }
    let largest = cube_max(&mut shared, largest, units);
    let sum_of_logits = cube_sum(&mut shared, sum, units);
    let mut power = 0.0f32;
    let mut piece = unit;
    while piece < vocabulary {
        power += f32::exp(f32::cast_from(logits[start + piece]) + f32::cast_from(bias[piece]) - largest);
        piece += units;
    }
    let log_sum = largest + f32::ln(cube_sum(&mut shared, power, units));
    if unit == 0 {
        let likelihood = log_sum - at_target;
        let even = log_sum - sum_of_logits / f32::cast_from(vocabulary);
        let at = first + row;
        losses[at] = (1.0 - smoothing) * likelihood + smoothing * even;
        losses[all_rows + at] = likelihood;
        losses[2 * all_rows + at] = select(at_target >= largest, 1.0f32, 0.0f32);
    }
    if gradient {
        let scale = 1.0 / f32::cast_from(all_rows);
        let even = smoothing / f32::cast_from(vocabulary);
        let mut piece = unit;
        while piece < vocabulary {
            let logit = f32::cast_from(logits[start + piece]) + f32::cast_from(bias[piece]);
            let mut slope = f32::exp(logit - log_sum) - even;
            if piece == target {
                slope -= 1.0 - smoothing;
            }
            logits[start + piece] = F::cast_from(slope * scale);
            piece += units;
        }
    }
}

/// Means of three rows of numbers: one cube each, in a fixed order.
#[cube(launch)]
fn means(losses: &[f32], out: &mut [f32], rows: usize, #[comptime] units: usize) {
    let which = CUBE_POS;
    if which >= 3 {
        terminate!();
    }
    let mut shared = Shared::<[f32]>::new_slice(units);
    let mut sum = 0.0f32;
    let mut row = UNIT_POS as usize;
    while row < rows {
        sum += losses[which * rows + row];
        row += units;
    }
    let total = cube_sum(&mut shared, sum, units);
    if UNIT_POS == 0 {
        out[which] = total / f32::cast_from(rows);
    }
}

/// The decoder's inputs, each contiguous.
pub(super) struct Decoder {
    pub(super) hidden: CubeTensor,
    pub(super) weight: CubeTensor,
    pub(super) bias: CubeTensor,
    pub(super) targets: CubeTensor,
    pub(super) smoothing: f32,
}

impl Decoder {
    fn rows(&self) -> usize {
        shape::<2>(&self.hidden)[0]
    }

    /// The first row of each block and the one after its last.
    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let [vocabulary] = shape(&self.bias);
        let (rows, most) = (self.rows(), (LOGITS / vocabulary).max(1));
        (0..rows.div_ceil(most)).map(move |block| (block * most, ((block + 1) * most).min(rows)))
    }

    fn hidden_rows(&self, first: usize, end: usize) -> CubeTensor {
        if end - first == self.rows() {
            return self.hidden.clone();
        }
        let rows = CubeBackend::float_slice(self.hidden.clone(), &[Slice::from(first..end), Slice::full()]);
        burn_cubecl::kernel::into_contiguous(rows)
    }

    /// The logits of a block, without bias, or their gradient; the losses of its rows into `losses`.
    fn block(&self, first: usize, end: usize, losses: &CubeTensor, gradient: bool) -> CubeTensor {
        let logits = times(self.hidden_rows(first, end), transposed(self.weight.clone()));
        let (count, dim) = whole_cubes(end - first);
        cross_entropy::launch(
            &logits.client,
            count,
            dim,
            logits.clone().into_argument(),
            self.bias.clone().into_argument(),
            self.targets.clone().into_argument(),
            losses.clone().into_argument(),
            first,
            end - first,
            self.rows(),
            self.smoothing,
            gradient,
            UNITS,
            [element(&logits), element(&self.targets)],
        );
        logits
    }

    fn losses(&self) -> CubeTensor {
        of_type(&self.hidden, [3, self.rows()], DType::F32)
    }

    /// Mean loss `[1]` and statistics `[2]`, in f32.
    fn mean(&self, losses: CubeTensor) -> (CubeTensor, CubeTensor) {
        let out = of_type(&losses, [3], DType::F32);
        let ((count, dim), client) = (whole_cubes(3), losses.client.clone());
        means::launch(&client, count, dim, losses.into_argument(), out.clone().into_argument(), self.rows(), UNITS);
        let part = |from: usize, to: usize| {
            burn_cubecl::kernel::into_contiguous(CubeBackend::float_slice(out.clone(), &[Slice::from(from..to)]))
        };
        (part(0, 1), part(1, 3))
    }

    /// The loss alone, and its statistics.
    pub(super) fn loss(&self) -> (CubeTensor, CubeTensor) {
        let losses = self.losses();
        for (first, end) in self.blocks() {
            self.block(first, end, &losses, false);
        }
        self.mean(losses)
    }

    /// The loss, its statistics, and the gradients of hidden, weight and bias.
    pub(super) fn gradients(&self) -> (CubeTensor, CubeTensor, [CubeTensor; 3]) {
        let losses = self.losses();
        let (mut hidden, mut shared) = (Vec::new(), None::<[CubeTensor; 2]>);
        for (first, end) in self.blocks() {
            let slopes = self.block(first, end, &losses, true);
            let weight = times(transposed(slopes.clone()), self.hidden_rows(first, end));
            hidden.push(times(slopes.clone(), self.weight.clone()));
            let dtype = slopes.dtype;
            let bias = column_sums(slopes, dtype);
            shared = Some(match shared {
                Some([weights, biases]) => {
                    [CubeBackend::float_add(weights, weight), CubeBackend::float_add(biases, bias)]
                }
                None => [weight, bias],
            });
        }
        let hidden = if hidden.len() == 1 { hidden.remove(0) } else { CubeBackend::float_cat(hidden, 0) };
        let [weight, bias] = shared.unwrap_or_else(|| {
            [zeros_like(&self.weight, shape::<2>(&self.weight)), zeros_like(&self.bias, shape::<1>(&self.bias))]
        });
        let (loss, statistics) = self.mean(losses);
        (loss, statistics, [hidden, weight, bias])
    }
}

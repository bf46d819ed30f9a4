//! Matrix products over row-major slices, through faer: the fastest pure-Rust kernels on our
//! shapes (docs/log.md). Work is split over rows and columns of the result, never over the inner
//! dimension, so the number of threads does not change a bit of it.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::element::Element;

/// A row-major matrix inside a slice, its rows `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, E> {
    pub(crate) data: &'a [E],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) stride: usize,
}

impl<'a, E: Element> Rows<'a, E> {
    /// A matrix that fills its slice.
    pub(crate) fn whole(data: &'a [E], rows: usize, columns: usize) -> Self {
        Rows { data, rows, columns, stride: columns }
    }

    fn view(self) -> MatRef<'a, E> {
        MatRef::from_row_major_slice_with_stride(self.data, self.rows, self.columns, self.stride)
    }
}

fn threads() -> Par {
    Par::rayon(0)
}

/// Below this many multiplications a second thread costs more than it brings.
const SMALL: usize = 1 << 16;

fn split(rows: usize, columns: usize, inner: usize) -> Par {
    if rows * columns * inner < SMALL { Par::Seq } else { threads() }
}

/// `out = left · rightᵀ`, added to `out` if `add`; left `[m, k]`, right `[n, k]`, out `[m, n]` with
/// rows `stride` apart.
pub(crate) fn times_transposed<E: Element>(
    out: &mut [E],
    stride: usize,
    add: bool,
    left: Rows<'_, E>,
    right: Rows<'_, E>,
) {
    let par = split(left.rows, right.rows, left.columns);
    // faer 0.24.4's row-major constructor with a stride swaps the strides and leaves the slice: the
    // column-major one, transposed, is right.
    let target = MatMut::from_column_major_slice_with_stride_mut(out, right.rows, left.rows, stride);
    matmul(target.transpose_mut(), accumulate(add), left.view(), right.view().transpose(), E::ONE, par);
}

/// `out = left · right`, added to `out` if `add`; left `[m, k]`, right `[k, n]`, out `[m, n]` with rows
/// `stride` apart. A few rows go through this product faster than through `times_transposed`.
pub(crate) fn times<E: Element>(out: &mut [E], stride: usize, add: bool, left: Rows<'_, E>, right: Rows<'_, E>) {
    let par = split(left.rows, right.columns, left.columns);
    let target = MatMut::from_column_major_slice_with_stride_mut(out, right.columns, left.rows, stride);
    matmul(target.transpose_mut(), accumulate(add), left.view(), right.view(), E::ONE, par);
}

/// The transpose of a matrix, in tiles that stay in the cache.
pub(crate) fn transposed<E: Element>(matrix: Rows<'_, E>) -> Vec<E> {
    const TILE: usize = 32;
    let Rows { data, rows, columns, stride } = matrix;
    let mut out = vec![E::ZERO; rows * columns];
    out.par_chunks_mut(TILE * rows).enumerate().for_each(|(strip, out)| {
        for from in (0..rows).step_by(TILE) {
            for (index, out) in out.chunks_mut(rows).enumerate() {
                let column = strip * TILE + index;
                for row in from..(from + TILE).min(rows) {
                    out[row] = data[row * stride + column];
                }
            }
        }
    });
    out
}

/// `out = leftᵀ · right`, added to `out` if `add`; left `[k, m]`, right `[k, n]`, out `[m, n]`.
pub(crate) fn transposed_times<E: Element>(out: &mut [E], add: bool, left: Rows<'_, E>, right: Rows<'_, E>) {
    let par = split(left.columns, right.columns, left.rows);
    let target = MatMut::from_row_major_slice_mut(out, left.columns, right.columns);
    matmul(target, accumulate(add), left.view().transpose(), right.view(), E::ONE, par);
}

/// [`times_transposed`] on the calling thread alone, rows of the result side by side: for work that is split
/// elsewhere.
pub(crate) fn times_transposed_alone<E: Element>(out: &mut [E], add: bool, left: Rows<'_, E>, right: Rows<'_, E>) {
    let target = MatMut::from_row_major_slice_mut(out, left.rows, right.rows);
    matmul(target, accumulate(add), left.view(), right.view().transpose(), E::ONE, Par::Seq);
}

/// [`times`] on the calling thread alone.
pub(crate) fn times_alone<E: Element>(out: &mut [E], add: bool, left: Rows<'_, E>, right: Rows<'_, E>) {
    let target = MatMut::from_row_major_slice_mut(out, left.rows, right.columns);
    matmul(target, accumulate(add), left.view(), right.view(), E::ONE, Par::Seq);
}

/// [`transposed_times`] on the calling thread alone.
pub(crate) fn transposed_times_alone<E: Element>(out: &mut [E], add: bool, left: Rows<'_, E>, right: Rows<'_, E>) {
    let target = MatMut::from_row_major_slice_mut(out, left.columns, right.columns);
    matmul(target, accumulate(add), left.view().transpose(), right.view(), E::ONE, Par::Seq);
}

fn accumulate(add: bool) -> Accum {
    if add { Accum::Add } else { Accum::Replace }
}

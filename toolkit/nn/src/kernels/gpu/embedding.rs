//! Rows of the embedding on a GPU. The gradient adds rows of the same piece in the order of the text, without
//! atomics, so that it is the same each time: each place finds the next one with its piece, and the first of
//! them walks the chain.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::tensor::{IntoArgument, UNITS, element, like, of_type, shape, units, whole_cubes, zeros_like};

#[cube(launch)]
fn rows<F: Float, I: Int>(
    table: &[F],
    ids: &[I],
    scales: &[F],
    out: &mut [F],
    width: usize,
    #[define(F, I)] _dtypes: [ElemType; 2],
) {
    let at = ABSOLUTE_POS;
    if at >= out.len() {
        terminate!();
    }
    let id = usize::cast_from(ids[at / width]);
    out[at] = table[id * width + at % width] * scales[id];
}

/// For each place the next with the same piece (its own where there is none), and whether one is before it.
#[cube(launch)]
fn chain<I: Int>(ids: &[I], next: &mut [u32], leads: &mut [u32], places: usize, #[define(I)] _dtype: ElemType) {
    let place = ABSOLUTE_POS;
    if place >= places {
        terminate!();
    }
    let id = ids[place];
    let mut other = place + 1;
    while other < places && ids[other] != id {
        other += 1;
    }
    next[place] = u32::cast_from(select(other < places, other, place));
    let mut before = place;
    let mut searching = true;
    while searching && before > 0 {
        before -= 1;
        if ids[before] == id {
            searching = false;
        }
    }
    leads[place] = select(searching, 1u32, 0u32);
}

#[cube(launch)]
fn add_chains<F: Float, I: Int>(
    ids: &[I],
    next: &[u32],
    leads: &[u32],
    scales: &[F],
    grad: &[F],
    table: &mut [F],
    places: usize,
    width: usize,
    #[comptime] units: usize,
    #[define(F, I)] _dtypes: [ElemType; 2],
) {
    let place = CUBE_POS;
    if place >= places || leads[place] == 0 {
        terminate!();
    }
    let id = usize::cast_from(ids[place]);
    let scale = f32::cast_from(scales[id]);
    let mut k = UNIT_POS as usize;
    while k < width {
        let mut sum = f32::cast_from(grad[place * width + k]);
        let mut here = place;
        let mut following = next[here] as usize;
        while following != here {
            here = following;
            sum += f32::cast_from(grad[here * width + k]);
            following = next[here] as usize;
        }
        table[id * width + k] = F::cast_from(sum * scale);
        k += units;
    }
}

/// Scaled rows of a table, `[batch, time, width]`; every tensor contiguous.
pub(super) fn embed(table: CubeTensor, ids: CubeTensor, scales: CubeTensor) -> CubeTensor {
    let ([_, width], [batch, time]) = (shape(&table), shape(&ids));
    let (out, (count, dim)) = (like(&table, [batch, time, width]), units(batch * time * width));
    let (client, dtypes) = (table.client.clone(), [element(&table), element(&ids)]);
    let (table, ids, scales) = (table.into_argument(), ids.into_argument(), scales.into_argument());
    rows::launch(&client, count, dim, table, ids, scales, out.clone().into_argument(), width, dtypes);
    out
}

/// The gradient of the table; every tensor contiguous.
pub(super) fn embed_backward(ids: CubeTensor, scales: CubeTensor, grad: CubeTensor) -> CubeTensor {
    let ([batch, time, width], [vocabulary]) = (shape(&grad), shape(&scales));
    let places = batch * time;
    let [next, leads] = [(); 2].map(|()| of_type(&grad, [places], DType::U32));
    let ((count, dim), client) = (units(places), grad.client.clone());
    let (next_out, leads_out) = (next.clone().into_argument(), leads.clone().into_argument());
    chain::launch(&client, count, dim, ids.clone().into_argument(), next_out, leads_out, places, element(&ids));
    let table = zeros_like(&grad, [vocabulary, width]);
    let ((count, dim), dtypes) = (whole_cubes(places), [element(&grad), element(&ids)]);
    add_chains::launch(
        &client,
        count,
        dim,
        ids.into_argument(),
        next.into_argument(),
        leads.into_argument(),
        scales.into_argument(),
        grad.into_argument(),
        table.clone().into_argument(),
        places,
        width,
        UNITS,
        dtypes,
    );
    table
}

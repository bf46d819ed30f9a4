//! Tensors on a GPU as the kernels take them: contiguous, of a type, and how many cubes a launch has.

use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
use burn_cubecl::ops::numeric::{empty_device_contiguous_dtype, zeros_client};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// Units of a cube in which units work together.
pub(super) const UNITS: usize = 256;

/// The type of a tensor's numbers, as a launch names it.
pub(super) fn element(tensor: &CubeTensor) -> ElemType {
    burn::backend::cubecl::dtype_to_storage_type(tensor.dtype)
}

pub(super) fn shape<const D: usize>(tensor: &CubeTensor) -> [usize; D] {
    std::array::from_fn(|axis| tensor.meta.shape()[axis])
}

/// A tensor on the device of another, with its type; what it holds is not defined.
pub(super) fn like<const D: usize>(reference: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    of_type(reference, shape, reference.dtype)
}

/// The same of a type of its own.
pub(super) fn of_type<const D: usize>(reference: &CubeTensor, shape: [usize; D], dtype: DType) -> CubeTensor {
    let (client, device) = (reference.client.clone(), reference.device.clone());
    empty_device_contiguous_dtype(client, device, Shape::from(shape), dtype)
}

/// Zeros on the device of another tensor, with its type.
pub(super) fn zeros_like<const D: usize>(reference: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    zeros_of_type(reference, shape, reference.dtype)
}

/// The same of a type of its own.
pub(super) fn zeros_of_type<const D: usize>(reference: &CubeTensor, shape: [usize; D], dtype: DType) -> CubeTensor {
    let (client, device) = (reference.client.clone(), reference.device.clone());
    zeros_client(client, device, Shape::from(shape), dtype)
}

/// Whole numbers of the host, brought to the device of a tensor. At least one, since no buffer is empty.
pub(super) fn numbers(reference: &CubeTensor, values: impl Iterator<Item = usize>) -> CubeTensor {
    let mut values: Vec<u32> = values.map(|value| u32::try_from(value).unwrap_or(u32::MAX)).collect();
    if values.is_empty() {
        values.push(0);
    }
    brought(reference, u32::as_bytes(&values), values.len(), DType::U32)
}

/// Numbers of the host, at least one, brought to the device of a tensor.
pub(super) fn floats(reference: &CubeTensor, values: &[f32]) -> CubeTensor {
    brought(reference, f32::as_bytes(values), values.len(), DType::F32)
}

fn brought(reference: &CubeTensor, bytes: &[u8], count: usize, dtype: DType) -> CubeTensor {
    let handle = reference.client.create_from_slice(bytes);
    let (client, device) = (reference.client.clone(), reference.device.clone());
    CubeTensor::new_contiguous(client, device, Shape::from([count]), handle, dtype)
}

/// The same numbers in another shape; contiguous.
pub(super) fn reshape<const D: usize>(tensor: CubeTensor, shape: [usize; D]) -> CubeTensor {
    CubeBackend::float_reshape(tensor, Shape::from(shape))
}

/// A matrix with rows and columns exchanged, without moving anything.
pub(super) fn transposed(matrix: CubeTensor) -> CubeTensor {
    CubeBackend::float_swap_dims(matrix, 0, 1)
}

/// The product of two matrices, contiguous.
#[expect(clippy::panic, reason = "burn's own operations do the same: shapes were checked, and no kernel is missing")]
pub(super) fn times(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    let (rows, columns) = (left.meta.shape()[0], right.meta.shape()[1]);
    let (out, dtype) = (like(&left, [rows, columns]), left.dtype);
    match matmul(left, right, Some(out), MatmulStrategy::default(), dtype) {
        Ok(product) => product,
        Err(error) => panic!("a product of matrices that were checked: {error:?}"),
    }
}

/// Cubes for a launch with one unit for each of `count` things.
pub(super) fn units(count: usize) -> (CubeCount, CubeDim) {
    whole_cubes(count.div_ceil(UNITS))
}

/// Cubes for a launch with one whole cube for each of `count` things.
pub(super) fn whole_cubes(count: usize) -> (CubeCount, CubeDim) {
    (cubes(count), CubeDim::new_1d(UNITS as u32))
}

/// Cubes in two dimensions, since one holds 65,535 of them.
fn cubes(count: usize) -> CubeCount {
    let across = count.clamp(1, 32_768);
    CubeCount::Static(across as u32, count.div_ceil(across).max(1) as u32, 1)
}

/// Binds contiguous tensors (no copy where they are contiguous already).
macro_rules! contiguous {
    ($($tensor:ident),+) => { $(let $tensor = burn_cubecl::kernel::into_contiguous($tensor);)+ };
}
pub(super) use contiguous;

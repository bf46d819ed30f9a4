//! Tensors on a GPU as the kernels take them: contiguous, of a type, and how many cubes a launch has.

use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::ops::numeric::{empty_device_contiguous_dtype, zeros_client};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// Units of a cube in which units work together.
pub(super) const UNITS: usize = 256;

/// How a kernel gets a contiguous tensor.
pub(super) trait IntoArgument {
    /// With as many numbers as its shape has: that is a kernel's `len()`. CUDA's buffers are filled up to a multiple of
    /// the device's alignment, and burn's own argument tells the length of the buffer.
    fn into_argument(self) -> BufferArg;
}

impl IntoArgument for CubeTensor {
    fn into_argument(mut self) -> BufferArg {
        let bytes = (self.meta.shape().num_elements() * self.dtype.size()) as u64;
        let filled = self.handle.size_in_used().saturating_sub(bytes);
        self.handle = self.handle.offset_end(filled);
        self.into_buffer_arg()
    }
}

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
    // In one row: rows of several would begin at multiples of CUDA's alignment.
    let count: usize = shape.iter().product();
    let row = zeros_client(client.clone(), device.clone(), Shape::from([count]), dtype);
    CubeTensor::new_contiguous(client, device, Shape::from(shape), row.handle, dtype)
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

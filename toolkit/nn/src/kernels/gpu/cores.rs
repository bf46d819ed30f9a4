//! Tensor cores: the sizes that our kernels use them with, and whether a GPU has them.

use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::features::MmaConfig;
use cubecl::ir::{ElemType, FloatKind};

use super::tensor::element;

/// Rows, columns and depth of a product.
pub(super) const TILE: usize = 16;
/// Units of a plane, which compute a product together.
pub(super) const PLANE: usize = 32;
/// Bytes that a matrix in memory begins at a multiple of.
pub(super) const ALIGNMENT: usize = 32;
/// Shared memory besides what a kernel counts, and for how its parts are aligned.
const ALLOWANCE: usize = 1024;

/// Whether the GPU of a tensor multiplies its type by tensor cores, summing in f32, and has so much shared memory for
/// a cube.
pub(super) fn are_here(reference: &CubeTensor, shared_bytes: usize) -> bool {
    let number = element(reference);
    let sum = ElemType::Float(FloatKind::F32);
    let product = MmaConfig { a_type: number, b_type: number, cd_type: sum, m: 16, n: 16, k: 16 };
    let properties = reference.client.properties();
    let hardware = &properties.hardware;
    properties.features.matmul.cmma.contains(&product)
        && hardware.plane_size_max as usize == PLANE
        && shared_bytes + ALLOWANCE <= hardware.max_shared_memory_size
}

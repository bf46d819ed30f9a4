//! Products of matrices on a GPU: CubeCL's kernels, and which of them.

use burn::tensor::DType;
use burn_cubecl::kernel::matmul::{MatmulStrategy, matmul};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use cubecl::tf32;
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems, MatmulSetupError};
use cubek::matmul::launch::launch_ref;
use cubek::matmul::multi_level;
use cubek::std::InputBinding;

use super::tensor::{element, like, shape};

/// Multiplications of a product for which the best kernel is not looked for: to try dozens, each compiled, takes longer
/// than all that it would save.
const SMALL: usize = 1 << 21;

/// The product of two matrices, contiguous. Numbers of 32 bits keep them: where there are tensor cores, CubeCL would
/// round both matrices to TensorFloat-32, which has the fraction of f16.
#[expect(clippy::panic, reason = "burn's own operations do the same: shapes were checked, and no kernel is missing")]
pub(super) fn times(left: CubeTensor, right: CubeTensor) -> CubeTensor {
    let ([rows, depth], [_, columns]) = (shape(&left), shape(&right));
    let (out, dtype) = (like(&left, [rows, columns]), left.dtype);
    let rounds = dtype == DType::F32 && left.client.properties().supports_type(tf32::elem_type_native());
    let product = if rounds {
        unrounded(left, right, out)
    } else {
        let is_small = rows * columns * depth < SMALL;
        let strategy = if is_small { MatmulStrategy::Cube } else { MatmulStrategy::default() };
        matmul(left, right, Some(out), strategy, dtype)
    };
    match product {
        Ok(product) => product,
        Err(error) => panic!("a product of matrices that were checked: {error:?}"),
    }
}

/// Without tensor cores: every unit multiplies and adds for itself.
fn unrounded(left: CubeTensor, right: CubeTensor, out: CubeTensor) -> Result<CubeTensor, MatmulSetupError> {
    let number = element(&out);
    let mut elements = MatmulElems::from_globals(&MatmulGlobalElems { lhs: number, rhs: number, out: number });
    let strategy = multi_level::Strategy::DoubleUnit(Default::default()).into();
    let [left, right] = [left, right].map(|matrix| InputBinding::new(matrix.binding(), number));
    launch_ref(&strategy, &out.client, left, right, out.clone().binding(), &mut elements)?;
    Ok(out)
}

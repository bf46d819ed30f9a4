//! The operations of transformers in `f32` against plain tensor calls.

use std::sync::Arc;

use super::{Comparison, Outcome, reader};
use crate::Error;
use crate::kernels::transformer::composed;
use crate::kernels::*;

impl Comparison {
    pub(super) fn transformer(&mut self) -> Result<(), Error> {
        self.attention()?;
        self.norm_and_products()?;
        self.curves()
    }

    fn attention(&mut self) -> Result<(), Error> {
        let settings: [(&[usize], usize, usize, Option<usize>); 4] =
            [(&[1], 1, 2, None), (&[7, 1, 4], 2, 8, None), (&[150, 3], 2, 16, Some(5)), (&[640], 1, 8, None)];
        for (lengths, heads, size, reach) in settings {
            let packing = Packing::new(lengths)?;
            let rotation = Some(Arc::new(Rotation::new(1000.0, size, packing.longest())));
            let shape = AttentionShape { packing, heads, reach, rotation };
            let qkv = self.input(1, [shape.packing.token_count(), 3 * heads * size]);
            let pair = [attention(qkv.clone(), &shape)?, composed::attention(qkv.clone(), &shape)];
            let sizes = format!("{lengths:?}, {heads}x{size}, reach {reach:?}");
            self.compare("attention", &sizes, pair.map(Outcome::new), vec![("qkv", reader(&qkv))]);
        }
        Ok(())
    }

    fn norm_and_products(&mut self) -> Result<(), Error> {
        for [rows, inputs, outputs] in [[1, 4, 3], [5, 33, 7], [70, 64, 65]] {
            let sizes = format!("{rows} rows, {inputs} to {outputs}");
            let (x, weight) = (self.input(1, [rows, inputs]), self.input(2, [outputs, inputs]));
            let (scale, shift) = (self.input(3, [inputs]), self.input(4, [inputs]));
            let pair = [
                layer_norm(x.clone(), scale.clone(), shift.clone(), 1e-5)?,
                composed::layer_norm(x.clone(), scale.clone(), shift.clone(), 1e-5),
            ];
            let readers = vec![("x", reader(&x)), ("scale", reader(&scale)), ("shift", reader(&shift))];
            self.compare("layer norm", &sizes, pair.map(Outcome::new), readers);

            let plain = || x.clone().matmul(weight.clone().transpose());
            let pair = [product(x.clone(), weight.clone())?, plain()];
            self.compare(
                "product",
                &sizes,
                pair.map(Outcome::new),
                vec![("x", reader(&x)), ("weight", reader(&weight))],
            );

            let residual = self.input(5, [rows, outputs]);
            let pair = [product_onto(residual.clone(), x.clone(), weight.clone())?, residual.clone() + plain()];
            let readers = vec![("residual", reader(&residual)), ("x", reader(&x)), ("weight", reader(&weight))];
            self.compare("product onto", &sizes, pair.map(Outcome::new), readers);
        }
        Ok(())
    }

    fn curves(&mut self) -> Result<(), Error> {
        for how in [Curve::Gelu, Curve::GeluTanh, Curve::Silu, Curve::Relu, Curve::Tanh] {
            let (x, sizes) = (self.input(1, [9, 34]), format!("9 rows, 34 wide, {how:?}"));
            let pair = [curve(x.clone(), how), composed::curve(x.clone(), how)];
            self.compare("curve", &sizes, pair.map(Outcome::new), vec![("x", reader(&x))]);
            let pair = [gated(x.clone(), how)?, composed::gated(x.clone(), how)];
            self.compare("gate", &sizes, pair.map(Outcome::new), vec![("x", reader(&x))]);
        }
        for how in [Pooling::First, Pooling::Mean, Pooling::Maximum] {
            let (x, packing) = (self.input(1, [8, 5]), Packing::new(&[2, 1, 5])?);
            let pair = [gather(x.clone(), &packing, how)?, composed::gather(x.clone(), &packing, how)];
            self.compare("gathering", &format!("[2, 1, 5], {how:?}"), pair.map(Outcome::new), vec![("x", reader(&x))]);
        }
        Ok(())
    }
}

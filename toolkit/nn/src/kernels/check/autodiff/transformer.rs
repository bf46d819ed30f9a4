//! The operations of transformers, both ways.

use std::sync::Arc;

use super::{Comparison, Trial, reader};
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
        let settings: [(&[usize], usize, usize, Option<usize>); 6] = [
            (&[1], 1, 2, None),
            (&[7, 1, 4], 2, 8, None),
            (&[150, 3], 2, 16, Some(5)),
            (&[640], 1, 8, None),
            (&[70, 33], 2, 64, Some(20)),
            (&[90], 2, 80, None),
        ];
        for (lengths, heads, size, reach) in settings {
            let packing = Packing::new(lengths)?;
            let rotation = Some(Arc::new(Rotation::new(1000.0, size, packing.longest())));
            let shape = AttentionShape { packing, heads, reach, rotation };
            self.compare("attention", &format!("{lengths:?}, {heads}x{size}, reach {reach:?}"), |way| {
                let qkv = way.input(1, [shape.packing.token_count(), 3 * heads * size]);
                let y =
                    if way.plain { composed::attention(qkv.clone(), &shape) } else { attention(qkv.clone(), &shape)? };
                Ok(Trial::new(y, vec![("qkv", reader(&qkv))]))
            })?;
        }
        Ok(())
    }

    fn norm_and_products(&mut self) -> Result<(), Error> {
        for [rows, inputs, outputs] in [[1, 4, 3], [5, 33, 7], [70, 64, 65]] {
            let sizes = format!("{rows} rows, {inputs} to {outputs}");
            self.compare("layer norm", &sizes, |way| {
                let (x, scale, shift) = (way.input(1, [rows, inputs]), way.input(3, [inputs]), way.input(4, [inputs]));
                let (a, b, c) = (x.clone(), scale.clone(), shift.clone());
                let y = if way.plain { composed::layer_norm(a, b, c, 1e-5) } else { layer_norm(a, b, c, 1e-5)? };
                Ok(Trial::new(y, vec![("x", reader(&x)), ("scale", reader(&scale)), ("shift", reader(&shift))]))
            })?;
            self.compare("product", &sizes, |way| {
                let (x, weight) = (way.input(1, [rows, inputs]), way.input(2, [outputs, inputs]));
                let (a, b) = (x.clone(), weight.clone());
                let y = if way.plain { a.matmul(b.transpose()) } else { product(a, b)? };
                Ok(Trial::new(y, vec![("x", reader(&x)), ("weight", reader(&weight))]))
            })?;
            self.compare("product onto", &sizes, |way| {
                let (x, weight) = (way.input(1, [rows, inputs]), way.input(2, [outputs, inputs]));
                let residual = way.input(5, [rows, outputs]);
                let (r, a, b) = (residual.clone(), x.clone(), weight.clone());
                let y = if way.plain { r + a.matmul(b.transpose()) } else { product_onto(r, a, b)? };
                let inputs = vec![("residual", reader(&residual)), ("x", reader(&x)), ("weight", reader(&weight))];
                Ok(Trial::new(y, inputs))
            })?;
        }
        Ok(())
    }

    fn curves(&mut self) -> Result<(), Error> {
        for how in [Curve::Gelu, Curve::GeluTanh, Curve::Silu, Curve::Relu, Curve::Tanh] {
            let sizes = format!("9 rows, 34 wide, {how:?}");
            self.compare("curve", &sizes, |way| {
                let x = way.input(1, [9, 34]);
                let run = if way.plain { composed::curve } else { curve };
                Ok(Trial::new(run(x.clone(), how), vec![("x", reader(&x))]))
            })?;
            self.compare("gate", &sizes, |way| {
                let x = way.input(1, [9, 34]);
                let y = if way.plain { composed::gated(x.clone(), how) } else { gated(x.clone(), how)? };
                Ok(Trial::new(y, vec![("x", reader(&x))]))
            })?;
        }
        for how in [Pooling::First, Pooling::Mean, Pooling::Maximum] {
            let packing = Packing::new(&[2, 1, 5])?;
            self.compare("gathering", &format!("[2, 1, 5], {how:?}"), |way| {
                let x = way.input(1, [8, 5]);
                let y = if way.plain {
                    composed::gather(x.clone(), &packing, how)
                } else {
                    gather(x.clone(), &packing, how)?
                };
                Ok(Trial::new(y, vec![("x", reader(&x))]))
            })?;
        }
        Ok(())
    }
}

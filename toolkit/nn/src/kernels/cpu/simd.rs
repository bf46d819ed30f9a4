//! Activations over slices: plain loops that the compiler vectorises, built once for each
//! instruction set and picked at run time. Rust contracts no products into fused ones, so every
//! build gives the same bits.

/// eˣ by range reduction and a degree-6 polynomial; relative error below 2e-7 (Cephes' `expf`).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4_f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    y * f32::from_bits((((n as i32) + 127) << 23) as u32)
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent, as 2·sigmoid(2x) - 1.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    2.0 / (1.0 + exp(-2.0 * x)) - 1.0
}

/// Builds a function for plain, AVX2 and AVX-512 processors and picks one at run time.
macro_rules! for_each_processor {
    ($(#[$note:meta])* $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $output:ty)? $body:block) => {
        $(#[$note])*
        pub(crate) fn $name($($argument: $kind),*) $(-> $output)? {
            #[inline(always)]
            fn plain($($argument: $kind),*) $(-> $output)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn avx512($($argument: $kind),*) $(-> $output)? { plain($($argument),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $kind),*) $(-> $output)? { plain($($argument),*) }

                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl") {
                    // SAFETY: the processor has the features that the function was built for.
                    return unsafe { avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: as above.
                    return unsafe { avx2($($argument),*) };
                }
            }
            plain($($argument),*)
        }
    };
}
pub(crate) use for_each_processor;

for_each_processor! {
    /// Replaces each value by `e^(value - shift)` and gives their sum, added in a fixed order.
    exp_and_sum(values: &mut [f32], shift: f32) -> f32 {
        let mut lanes = [0.0_f32; 16];
        let mut blocks = values.chunks_exact_mut(16);
        for block in &mut blocks {
            for (value, lane) in block.iter_mut().zip(&mut lanes) {
                *value = exp(*value - shift);
                *lane += *value;
            }
        }
        let mut sum = 0.0;
        for value in blocks.into_remainder() {
            *value = exp(*value - shift);
            sum += *value;
        }
        lanes.iter().sum::<f32>() + sum
    }
}

for_each_processor! {
    /// The largest value.
    maximum(values: &[f32]) -> f32 {
        let mut lanes = [f32::NEG_INFINITY; 16];
        let blocks = values.chunks_exact(16);
        let rest = blocks.remainder();
        for block in blocks {
            for (value, lane) in block.iter().zip(&mut lanes) {
                *lane = if *value > *lane { *value } else { *lane };
            }
        }
        lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_close_to_the_standard_ones() {
        for step in -2000..2000 {
            let x = step as f32 * 0.05;
            let exact = f64::from(x).clamp(-87.0, 88.0).exp();
            assert!((f64::from(exp(x)) - exact).abs() <= exact * 3e-7, "exp({x})");
            assert!((tanh(x) - x.tanh()).abs() < 3e-7, "tanh({x})");
            assert!((sigmoid(x) - 1.0 / (1.0 + (-x).exp())).abs() < 3e-7, "sigmoid({x})");
        }
    }

    #[test]
    fn sums_and_maxima_cover_the_remainder() {
        let mut values: Vec<f32> = (0..37).map(|value| value as f32 * 0.1).collect();
        assert!((maximum(&values) - 3.6).abs() < 1e-6);
        let expected: f32 = values.iter().map(|value| (value - 3.6).exp()).sum();
        assert!((exp_and_sum(&mut values, 3.6) - expected).abs() < 1e-4);
    }
}

//! The number type of the kernels and what the processor does with it: `f32` for work, `f64` for the
//! gradient checks. Loops are plain Rust that the compiler vectorises, built once for each
//! instruction set and picked at run time. Rust contracts no products into fused ones, so every
//! build gives the same bits.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};
use std::sync::atomic::{AtomicU8, Ordering};

use faer::traits::ComplexField;

/// A real number of the kernels.
pub(crate) trait Element:
    ComplexField
    + Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + 'static
{
    const ZERO: Self;
    const ONE: Self;
    const LOWEST: Self;
    /// The nearest value.
    fn of(value: f64) -> Self;
    /// The same value, of a table of `f32`.
    fn of_single(value: f32) -> Self;
    /// The same value in `f64`.
    fn wide(self) -> f64;
    /// eˣ.
    fn exp(self) -> Self;
    /// √x.
    fn square_root(self) -> Self;
    /// Φ(x) and φ(x) of the normal distribution.
    fn normal(self) -> (Self, Self);

    /// 1 / (1 + e⁻ˣ).
    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }

    /// Hyperbolic tangent, as 2·sigmoid(2x) - 1.
    #[inline(always)]
    fn tanh(self) -> Self {
        let two = Self::ONE + Self::ONE;
        two / (Self::ONE + (-(two * self)).exp()) - Self::ONE
    }
}

impl Element for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOWEST: Self = f32::NEG_INFINITY;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }

    #[inline(always)]
    fn of_single(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    /// Range reduction and a degree-6 polynomial; relative error below 2e-7 (Cephes' `expf`).
    #[inline(always)]
    fn exp(self) -> Self {
        const ROUND: f32 = 12_582_912.0;
        let x = self.clamp(-87.0, 88.0);
        // The sum's last bits are the rounded exponent: no conversion to an integer is needed.
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
        let p = 1.987_569_1e-4_f32;
        let p = p * r + 1.398_199_9e-3;
        let p = p * r + 8.333_452e-3;
        let p = p * r + 4.166_579_6e-2;
        let p = p * r + 1.666_666_5e-1;
        let p = p * r + 0.5;
        let y = p * r * r + r + 1.0;
        y * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
    }

    #[inline(always)]
    fn square_root(self) -> Self {
        self.sqrt()
    }

    /// erf by Abramowitz and Stegun 7.1.26: absolute error below 2e-7.
    #[inline(always)]
    fn normal(self) -> (Self, Self) {
        let z = self.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let bell = Element::exp(-z * z);
        let t = 1.0 / (1.0 + 0.327_591_1 * z);
        let p = 1.061_405_4_f32;
        let p = p * t - 1.453_152_1;
        let p = p * t + 1.421_413_8;
        let p = p * t - 0.284_496_72;
        let p = p * t + 0.254_829_6;
        let tail = 0.5 * p * t * bell;
        (if self < 0.0 { tail } else { 1.0 - tail }, bell * 0.398_942_3)
    }
}

impl Element for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOWEST: Self = f64::NEG_INFINITY;

    fn of(value: f64) -> Self {
        value
    }

    fn of_single(value: f32) -> Self {
        f64::from(value)
    }

    fn wide(self) -> f64 {
        self
    }

    fn exp(self) -> Self {
        f64::exp(self)
    }

    fn square_root(self) -> Self {
        self.sqrt()
    }

    fn normal(self) -> (Self, Self) {
        let density = (-0.5 * self * self).exp() * 0.398_942_280_401_432_7;
        (0.5 * libm::erfc(-self * std::f64::consts::FRAC_1_SQRT_2), density)
    }
}

/// Which build of a function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Level {
    /// What the compiler makes of plain Rust for the target (NEON on 64-bit ARM).
    Plain,
    /// AVX2.
    Avx2,
    /// AVX-512.
    Avx512,
}

/// 0 until asked, then a level plus one.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// The best level of this processor.
#[inline]
pub(crate) fn level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        1 => Level::Plain,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => {
            let found = detect();
            LEVEL.store(found as u8 + 1, Ordering::Relaxed);
            found
        }
    }
}

fn detect() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let wide = is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl");
        if avx2 && wide && is_x86_feature_detected!("avx512f") {
            return Level::Avx512;
        }
        if avx2 {
            return Level::Avx2;
        }
    }
    Level::Plain
}

/// Builds a generic function for plain, AVX2 and AVX-512 processors and picks one at run time.
/// Others, NEON among them, get what the compiler makes of the plain one for the target.
macro_rules! for_each_processor {
    ($(#[$note:meta])* $name:ident<$element:ident>($($argument:ident: $kind:ty),* $(,)?) $(-> $output:ty)? $body:block) => {
        $(#[$note])*
        pub(crate) fn $name<$element: Element>($($argument: $kind),*) $(-> $output)? {
            #[inline(always)]
            fn plain<$element: Element>($($argument: $kind),*) $(-> $output)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn avx512<$element: Element>($($argument: $kind),*) $(-> $output)? { plain($($argument),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2<$element: Element>($($argument: $kind),*) $(-> $output)? { plain($($argument),*) }

                match $crate::kernels::cpu::element::level() {
                    // SAFETY: the processor has the features that the function was built for.
                    $crate::kernels::cpu::element::Level::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    $crate::kernels::cpu::element::Level::Avx2 => return unsafe { avx2($($argument),*) },
                    $crate::kernels::cpu::element::Level::Plain => {}
                }
            }
            plain($($argument),*)
        }
    };
}
pub(crate) use for_each_processor;

for_each_processor! {
    /// Replaces each value by `e^(value - shift)` and gives their sum, added in a fixed order.
    exp_and_sum<E>(values: &mut [E], shift: E) -> E {
        let mut lanes = [E::ZERO; 16];
        let mut blocks = values.chunks_exact_mut(16);
        for block in &mut blocks {
            for (value, lane) in block.iter_mut().zip(&mut lanes) {
                *value = (*value - shift).exp();
                *lane += *value;
            }
        }
        let mut sum = E::ZERO;
        for value in blocks.into_remainder() {
            *value = (*value - shift).exp();
            sum += *value;
        }
        lanes.iter().fold(E::ZERO, |total, lane| total + *lane) + sum
    }
}

for_each_processor! {
    /// Adds `bias` to a row and gives the row's largest value and, in `f64`, its sum.
    add_and_survey<E>(row: &mut [E], bias: &[E]) -> (E, f64) {
        let (mut largest, mut sums) = ([E::LOWEST; 16], [E::ZERO; 16]);
        let mut total = 0.0;
        let bias = &bias[..row.len()];
        for (block, bias) in row.chunks_mut(16).zip(bias.chunks(16)) {
            for ((value, bias), (largest, sum)) in block.iter_mut().zip(bias).zip(largest.iter_mut().zip(&mut sums)) {
                *value += *bias;
                *largest = if *value > *largest { *value } else { *largest };
                *sum += *value;
            }
        }
        for sum in sums {
            total += sum.wide();
        }
        (largest.into_iter().fold(E::LOWEST, |best, value| if value > best { value } else { best }), total)
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
            assert!((f64::from(Element::exp(x)) - exact).abs() <= exact * 3e-7, "exp({x})");
            assert!((Element::tanh(x) - x.tanh()).abs() < 3e-7, "tanh({x})");
            assert!((x.sigmoid() - 1.0 / (1.0 + (-x).exp())).abs() < 3e-7, "sigmoid({x})");
            let (below, density) = Element::normal(x);
            let (exact_below, exact_density) = Element::normal(f64::from(x));
            assert!((f64::from(below) - exact_below).abs() < 3e-7, "normal({x})");
            assert!((f64::from(density) - exact_density).abs() < 3e-7, "normal({x})");
        }
    }

    /// Runs at each level that the processor has. Other tests may run meanwhile: they cannot notice.
    fn at_each_level<R>(work: impl Fn() -> R) -> Vec<R> {
        let best = detect();
        let levels = [Level::Plain, Level::Avx2, Level::Avx512].into_iter().filter(|level| *level as u8 <= best as u8);
        let results = levels.map(|level| {
            LEVEL.store(level as u8 + 1, Ordering::Relaxed);
            work()
        });
        let results = results.collect();
        LEVEL.store(best as u8 + 1, Ordering::Relaxed);
        results
    }

    #[test]
    fn every_level_gives_the_same_bits() {
        let values = |count: usize| (0..count).map(|index| (index as f32 * 0.77).sin() * 3.0).collect::<Vec<f32>>();
        let results = at_each_level(|| {
            let (mut row, mut first, mut second) = (values(1003), values(1003), vec![0.01; 1003]);
            let survey = add_and_survey(&mut row, &values(1003));
            let sum = exp_and_sum(&mut row, survey.0);
            let step = crate::kernels::AdamStep {
                scale: 0.3,
                first_beta: 0.8,
                second_beta: 0.99,
                rate: 0.01,
                second_correction: 1.5,
                epsilon: 1e-8,
                coupled: 0.1,
                shrink: 0.9,
            };
            let gradient = values(1003);
            crate::kernels::adam(&mut row, &gradient, &mut first, &mut second, &step);
            let stream = glossa_base::seed::Stream::new(1, glossa_base::seed::Purpose::Dropout, 0, 0);
            let dropped = crate::kernels::factors(1003, stream, 0.3);
            (survey, sum, row, first, second, dropped, crate::kernels::squares(&gradient))
        });
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn sums_and_maxima_cover_the_remainder() {
        let mut values: Vec<f32> = (0..37).map(|value| value as f32 * 0.1 - 1.0).collect();
        let (largest, sum) = add_and_survey(&mut values, &[1.0; 37]);
        assert!((largest - 3.6).abs() < 1e-6);
        assert!((sum - 66.6).abs() < 1e-4);
        let expected: f32 = values.iter().map(|value| (value - 3.6).exp()).sum();
        assert!((exp_and_sum(&mut values, 3.6) - expected).abs() < 1e-4);
    }
}

//! Time of one matrix multiplication on one rank: peak, tiles, waves, alignment, memory.
//!
//! Twin: `shaders/model/roofline.wgsl`.

use super::parameters::Calibration;
use super::setting::Setting;
use crate::library::chip::Chip;
use crate::library::stack::Recipe;
use crate::library::workload::Precision;

/// Joins two lower bounds into one smooth, monotone time: (a^4 + b^4)^(1/4). Close to the larger, a fifth above it
/// where both are equal, as real kernels are.
pub fn smooth_max(a: f64, b: f64) -> f64 {
    let (large, small) = if a > b { (a, b) } else { (b, a) };
    if large <= 0.0 {
        return 0.0;
    }
    let ratio = (small / large).powi(2);
    large * (1.0 + ratio * ratio).sqrt().sqrt()
}

/// Bytes of one operand element and rate of the units that multiply it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GemmFormat {
    /// Dense peak × sustained fraction, FLOP/s at the highest clock.
    pub flops: f64,
    pub operand_bytes: f64,
    /// Inner sizes count double in narrow formats: they need a longer run-in.
    pub ramp: f64,
}

/// Dense 16-bit peak: bf16, else fp16.
pub fn half_peak(chip: &Chip) -> f64 {
    if chip.bf16_flops > 0.0 { chip.bf16_flops } else { chip.fp16_flops }
}

/// Peak of the layer GEMMs in a precision; 0 where the chip lacks it.
pub fn peak(chip: &Chip, precision: Precision) -> f64 {
    match precision {
        Precision::Fp32 => chip.fp32_flops,
        Precision::Tf32 => 0.5 * half_peak(chip),
        Precision::Fp16 => chip.fp16_flops,
        Precision::Bf16 => chip.bf16_flops,
        Precision::Fp8 => chip.fp8_flops,
        Precision::Int8 => chip.int8_flops,
        Precision::Fp4 => chip.fp4_flops,
    }
}

/// Whether 8- and 4-bit GEMMs take their scales in hardware blocks: the recipe asks for it, and a chip that multiplies
/// 4-bit numbers has the units.
pub fn block_scaled(setting: &Setting) -> bool {
    setting.stack.recipe == Recipe::Blocks && setting.chip.fp4_flops > 0.0
}

/// Format of the layer GEMMs. Only these run below 16 bit: LM head and attention core stay in [`Precision::Bf16`].
pub fn gemm_format(chip: &Chip, precision: Precision) -> GemmFormat {
    let peak = peak(chip, precision);
    match precision {
        Precision::Fp32 | Precision::Tf32 => {
            GemmFormat { flops: peak * chip.sustained_half, operand_bytes: 4.0, ramp: 1.0 }
        }
        Precision::Fp16 | Precision::Bf16 => {
            GemmFormat { flops: peak * chip.sustained_half, operand_bytes: 2.0, ramp: 1.0 }
        }
        Precision::Fp8 | Precision::Int8 => {
            GemmFormat { flops: peak * chip.sustained_eight, operand_bytes: 1.0, ramp: 2.0 }
        }
        Precision::Fp4 => GemmFormat { flops: peak * chip.sustained_four, operand_bytes: 0.56, ramp: 2.0 },
    }
}

/// Format of what stays in 16 bit (or in fp32, where everything does).
pub fn wide_format(chip: &Chip, precision: Precision) -> GemmFormat {
    match precision {
        Precision::Fp32 | Precision::Tf32 => gemm_format(chip, precision),
        _ => GemmFormat { flops: half_peak(chip) * chip.sustained_half, operand_bytes: 2.0, ramp: 1.0 },
    }
}

/// Rate lost where an inner or output size is not a multiple of 64 elements: the largest power of two that divides
/// both decides which vector width loads can use (assumed; the BLOOM sweep's h = 14400 and 13824 agree).
pub fn alignment(k: f64, n: f64) -> f64 {
    let twos = |x: f64| (x.max(1.0) as u32).trailing_zeros();
    match twos(k).min(twos(n)) {
        0 => 0.30,
        1 => 0.40,
        2 => 0.62,
        3 => 0.92,
        4 => 0.96,
        5 => 0.985,
        _ => 1.0,
    }
}

/// Share of a systolic array `array` wide that a size of `n` fills, whole arrays counted.
pub fn array_fill(n: f64, array: f64) -> f64 {
    n / ((n / array).ceil() * array)
}

/// How products are cut into tiles: tile sizes, and whether the products of a batch differ in m.
#[derive(Clone, Copy)]
struct Tiling {
    m: f64,
    n: f64,
    ragged: bool,
}

/// Share of the chip's rate that tiles of one size leave: padding at the edges, and cores idle in the last wave. The last
/// row of tiles of products that differ in m is half empty on average.
fn tiling(chip: &Chip, calibration: &Calibration, m: f64, n: f64, batch: f64, tile: Tiling) -> f64 {
    let rows = if tile.ragged { m / tile.m + 0.5 } else { (m / tile.m).ceil() };
    let columns = (n / tile.n).ceil();
    let waves = batch * rows * columns / chip.cores;
    let wave = waves / (waves + calibration.wave_loss * (waves.ceil() - waves));
    (m / (rows * tile.m)) * (n / (columns * tile.n)) * wave
}

/// The best that a library finds: the full tile either way round, or half of it, which reuses less of what it loads
/// (NVIDIA, "Matrix Multiplication Background User's Guide": tile and wave quantization, and their trade).
fn best_tiling(chip: &Chip, calibration: &Calibration, m: f64, n: f64, batch: f64, ragged: bool) -> f64 {
    let (tm, tn) = (chip.tile_m, chip.tile_n);
    let of = |tile_m, tile_n| tiling(chip, calibration, m, n, batch, Tiling { m: tile_m, n: tile_n, ragged });
    let full = of(tm, tn).max(of(tn, tm));
    let small = of(tm, 0.5 * tn).max(of(0.5 * tn, tm));
    full.max(calibration.small_tile * small)
}

/// Seconds of `batch` products (m × k)·(k × n) at a clock ratio. `ragged`: the products differ in m, of which the mean is
/// given, so that the last row of tiles of each is half empty on average.
// The figures of a product, in the order of its shader twin.
#[allow(clippy::too_many_arguments)]
pub fn gemm_time(
    chip: &Chip,
    calibration: &Calibration,
    clock: f64,
    format: GemmFormat,
    m: f64,
    n: f64,
    k: f64,
    batch: f64,
    ragged: bool,
) -> f64 {
    if m <= 0.0 || n <= 0.0 || k <= 0.0 || batch <= 0.0 {
        return 0.0;
    }
    let m = m.max(1.0);
    let shape = if chip.systolic {
        // One or two large arrays that hold k × n weights while m rows stream through: no waves, but whole arrays, and
        // a run-in of one array for each.
        array_fill(k, chip.tile_m) * array_fill(n, chip.tile_m) * (m / (m + chip.tile_m))
    } else {
        let ramp_k = k / (k + calibration.gemm_k_half * format.ramp);
        best_tiling(chip, calibration, m, n, batch, ragged) * ramp_k * alignment(k, n)
    };
    let compute = 2.0 * m * n * k * batch / (format.flops * calibration.gemm_derate * clock * shape);
    let bytes = batch * ((m * k + k * n) * format.operand_bytes + m * n * 2.0);
    smooth_max(compute, bytes / (chip.hbm_bytes_per_s * chip.hbm_fraction))
}

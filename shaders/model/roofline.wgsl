// Time of one matrix multiplication on one rank: peak, tiles, waves, alignment, memory.
//
// Twin: `src/model/roofline.rs`.

fn smooth_max(a: f32, b: f32) -> f32 {
    let large = max(a, b);
    let small = min(a, b);
    if large <= 0.0 {
        return 0.0;
    }
    let share = small / large;
    let ratio = share * share;
    return large * sqrt(sqrt(1.0 + ratio * ratio));
}

// Bytes of one operand element and rate of the units that multiply it.
struct GemmFormat {
    flops: f32,
    operand_bytes: f32,
    ramp: f32,
}

// Dense 16-bit peak: bf16, else fp16.
fn half_peak(chip: ChipRow) -> f32 {
    return select(chip.fp16_flops, chip.bf16_flops, chip.bf16_flops > 0.0);
}

fn peak(chip: ChipRow, precision_code: u32) -> f32 {
    switch precision_code {
        case PRECISION_FP32: { return chip.fp32_flops; }
        case PRECISION_TF32: { return 0.5 * half_peak(chip); }
        case PRECISION_FP16: { return chip.fp16_flops; }
        case PRECISION_BF16: { return chip.bf16_flops; }
        case PRECISION_FP8: { return chip.fp8_flops; }
        case PRECISION_INT8: { return chip.int8_flops; }
        default: { return chip.fp4_flops; }
    }
}

// fp32 or tf32: nothing is kept in 16 bit.
fn is_single(precision_code: u32) -> bool {
    return precision_code == PRECISION_FP32 || precision_code == PRECISION_TF32;
}

// Below 16 bit.
fn is_narrow(precision_code: u32) -> bool {
    return precision_code == PRECISION_FP8 || precision_code == PRECISION_INT8 || precision_code == PRECISION_FP4;
}

// The recipe takes scales in hardware blocks, and a chip that multiplies 4-bit numbers has the units.
fn block_scaled(setting: Setting) -> bool {
    return setting.stack.recipe == RECIPE_BLOCKS && setting.chip.fp4_flops > 0.0;
}

fn gemm_format(chip: ChipRow, precision_code: u32) -> GemmFormat {
    let peak_flops = peak(chip, precision_code);
    switch precision_code {
        case PRECISION_FP32, PRECISION_TF32: { return GemmFormat(peak_flops * chip.sustained_half, 4.0, 1.0); }
        case PRECISION_FP16, PRECISION_BF16: { return GemmFormat(peak_flops * chip.sustained_half, 2.0, 1.0); }
        case PRECISION_FP8, PRECISION_INT8: { return GemmFormat(peak_flops * chip.sustained_eight, 1.0, 2.0); }
        default: { return GemmFormat(peak_flops * chip.sustained_four, 0.56, 2.0); }
    }
}

fn wide_format(chip: ChipRow, precision_code: u32) -> GemmFormat {
    if is_single(precision_code) {
        return gemm_format(chip, precision_code);
    }
    return GemmFormat(half_peak(chip) * chip.sustained_half, 2.0, 1.0);
}

fn alignment(k: f32, n: f32) -> f32 {
    // Trailing zeros of both: the lowest bit set in either.
    let bits = u32(max(k, 1.0)) | u32(max(n, 1.0));
    if (bits & 1u) != 0u { return 0.30; }
    if (bits & 2u) != 0u { return 0.40; }
    if (bits & 4u) != 0u { return 0.62; }
    if (bits & 8u) != 0u { return 0.92; }
    if (bits & 16u) != 0u { return 0.96; }
    if (bits & 32u) != 0u { return 0.985; }
    return 1.0;
}

fn array_fill(n: f32, array_width: f32) -> f32 {
    return n / (ceil_divide(n, array_width) * array_width);
}

fn tiling(
    chip: ChipRow, calibration: CalibrationRow, m: f32, n: f32, batch: f32, tile_m: f32, tile_n: f32, ragged: bool,
) -> f32 {
    let columns = ceil_divide(n, tile_n);
    let rows = select(ceil_divide(m, tile_m), m / tile_m + 0.5, ragged);
    let tiles = batch * rows * columns;
    let waves = tiles / chip.cores;
    let idle = max(ceil_divide(tiles, chip.cores) - waves, 0.0);
    return (m / (rows * tile_m)) * (n / (columns * tile_n)) * (waves / (waves + calibration.wave_loss * idle));
}

fn best_tiling(chip: ChipRow, calibration: CalibrationRow, m: f32, n: f32, batch: f32, ragged: bool) -> f32 {
    let full = max(
        tiling(chip, calibration, m, n, batch, chip.tile_m, chip.tile_n, ragged),
        tiling(chip, calibration, m, n, batch, chip.tile_n, chip.tile_m, ragged),
    );
    let small = max(
        tiling(chip, calibration, m, n, batch, chip.tile_m, 0.5 * chip.tile_n, ragged),
        tiling(chip, calibration, m, n, batch, 0.5 * chip.tile_n, chip.tile_m, ragged),
    );
    return max(full, calibration.small_tile * small);
}

fn gemm_time(
    chip: ChipRow, calibration: CalibrationRow, clock: f32, format: GemmFormat, m_asked: f32, n: f32, k: f32, batch: f32,
    ragged: bool,
) -> f32 {
    if m_asked <= 0.0 || n <= 0.0 || k <= 0.0 || batch <= 0.0 {
        return 0.0;
    }
    let m = max(m_asked, 1.0);
    var shape = 0.0;
    if chip.systolic != 0u {
        shape = array_fill(k, chip.tile_m) * array_fill(n, chip.tile_m) * (m / (m + chip.tile_m));
    } else {
        let ramp_k = k / (k + calibration.gemm_k_half * format.ramp);
        shape = best_tiling(chip, calibration, m, n, batch, ragged) * ramp_k * alignment(k, n);
    }
    let compute = 2.0 * m * n * k * batch / (format.flops * calibration.gemm_derate * clock * shape);
    let bytes = batch * ((m * k + k * n) * format.operand_bytes + m * n * 2.0);
    return smooth_max(compute, bytes / (chip.hbm_bytes_per_s * chip.hbm_fraction));
}

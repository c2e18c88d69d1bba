// Time of the attention core (scores, softmax, values) on one rank.
//
// Twin: `src/model/attention.rs`.

struct AttentionTime {
    forward: f32,
    backward: f32,
    score_bytes: f32,
}

fn kernel_factor(kernel: u32, architecture: u32, calibration: CalibrationRow) -> f32 {
    let first = select(1.0, calibration.attention_first, kernel == ATTENTION_KERNEL_FLASH1);
    if architecture == ARCHITECTURE_AMPERE {
        return first;
    }
    if architecture == ARCHITECTURE_HOPPER {
        return select(calibration.attention_ported * first, calibration.attention_native, kernel == ATTENTION_KERNEL_NATIVE);
    }
    return calibration.attention_vendor;
}

fn attention_time(setting: Setting, plan: Plan, clock: f32) -> AttentionTime {
    let chip = setting.chip;
    let calibration = setting.calibration;
    let a = setting.workload;
    let tp = f32(plan.tp);
    let cp = f32(plan.cp);
    let b = f32(plan.micro_batch);
    let s = a.seq_len;
    let heads = a.heads / tp;
    let qk_dim = select(a.head_dim, a.nope_dim + a.rope_dim, a.kv_lora > 0.0);
    let v_dim = select(a.head_dim, a.v_dim, a.kv_lora > 0.0);
    let flops = select(half_peak(chip), peak(chip, plan.precision_code), is_single(plan.precision_code)) * clock;
    if setting.stack.attention == ATTENTION_KERNEL_UNFUSED {
        let flop = 2.0 * b * (s / cp) * s * (qk_dim + v_dim) * heads;
        let scores = 2.0 * b * heads * s * s / cp;
        let aligned = select(select(0.10, 0.15, a.head_dim % 4.0 == 0.0), 1.0, a.head_dim % 8.0 == 0.0);
        let compute = flop / (flops * calibration.unfused_rate * aligned);
        let memory_s = calibration.unfused_passes * scores / (chip.hbm_bytes_per_s * chip.hbm_fraction);
        return AttentionTime(compute + memory_s, 2.0 * compute + 1.3 * memory_s, scores);
    }
    let flop = 2.0 * b * (s / cp) * attended(a, s, a.causal != 0u) * (qk_dim + v_dim) * heads;
    var narrow = 1.0;
    if chip.systolic != 0u {
        narrow = array_fill(v_dim, chip.tile_m);
    } else if a.head_dim <= 64.0 && a.kv_lora == 0.0 && setting.stack.attention != ATTENTION_KERNEL_FLASH1 {
        narrow = select(
            calibration.attention_narrow, calibration.attention_narrow_native, setting.stack.attention == ATTENTION_KERNEL_NATIVE,
        );
    }
    let eight = setting.stack.narrow_attention != 0u && plan.precision_code == PRECISION_FP8 && block_scaled(setting);
    let factor = kernel_factor(setting.stack.attention, chip.architecture, calibration) * narrow
        * select(1.0, calibration.attention_eight, eight)
        * (s / (s + calibration.attention_half));
    return AttentionTime(
        flop / (flops * calibration.attention_forward * factor),
        2.5 * flop / (flops * calibration.attention_backward * factor),
        0.0,
    );
}

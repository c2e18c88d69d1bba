//! Time of the attention core (scores, softmax, values) on one rank.
//!
//! Twin: `shaders/model/attention.wgsl`.

use super::parameters::Calibration;
use super::plan::Plan;
use super::roofline::{array_fill, block_scaled, half_peak, peak};
use super::setting::Setting;
use super::weights::attended;
use crate::library::chip::Architecture;
use crate::library::stack::AttentionKernel;
use crate::library::workload::Precision;

/// Seconds of the attention core of one layer and micro-batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionTime {
    pub forward: f64,
    pub backward: f64,
    /// Bytes of the scores, where the kernel keeps them; 0 where it does not.
    pub score_bytes: f64,
}

/// Rate of a kernel generation on a chip, relative to FlashAttention-2 on A100.
pub fn kernel_factor(kernel: AttentionKernel, architecture: Architecture, calibration: &Calibration) -> f64 {
    let first = if kernel == AttentionKernel::Flash1 { calibration.attention_first } else { 1.0 };
    match architecture {
        Architecture::Ampere => first,
        Architecture::Hopper if kernel == AttentionKernel::Native => calibration.attention_native,
        Architecture::Hopper => calibration.attention_ported * first,
        Architecture::Other => calibration.attention_vendor,
    }
}

/// Times the attention core: fused kernels never write the scores, unfused ones move them several times.
pub fn attention_time(setting: &Setting, plan: &Plan, clock: f64) -> AttentionTime {
    let (chip, calibration) = (&setting.chip, &setting.calibration);
    let (a, run) = (&setting.workload.architecture, &setting.workload.run);
    let (tp, cp, b, s) = (f64::from(plan.tp), f64::from(plan.cp), f64::from(plan.micro_batch), run.seq_len);
    let heads = a.heads / tp;
    let (qk_dim, v_dim) = if a.kv_lora > 0.0 { (a.nope_dim + a.rope_dim, a.v_dim) } else { (a.head_dim, a.head_dim) };
    let single = plan.precision.is_single();
    let flops = if single { peak(chip, plan.precision) } else { half_peak(chip) } * clock;
    if setting.stack.attention == AttentionKernel::Unfused {
        let flop = 2.0 * b * (s / cp) * s * (qk_dim + v_dim) * heads;
        let scores = 2.0 * b * heads * s * s / cp;
        // Off the tensor cores where the head is not a multiple of 8 wide.
        let aligned = if a.head_dim % 8.0 == 0.0 {
            1.0
        } else if a.head_dim % 4.0 == 0.0 {
            0.15
        } else {
            0.10
        };
        let compute = flop / (flops * calibration.unfused_rate * aligned);
        let memory = calibration.unfused_passes * scores / (chip.hbm_bytes_per_s * chip.hbm_fraction);
        return AttentionTime {
            forward: compute + memory,
            backward: 2.0 * compute + 1.3 * memory,
            score_bytes: scores,
        };
    }
    let flop = 2.0 * b * (s / cp) * attended(a, s, a.causal) * (qk_dim + v_dim) * heads;
    let narrow = if chip.systolic {
        // Both products have the head as an inner or an outer size.
        array_fill(v_dim, chip.tile_m)
    } else if a.head_dim <= 64.0 && a.kv_lora == 0.0 {
        match setting.stack.attention {
            AttentionKernel::Flash1 => 1.0,
            AttentionKernel::Native => calibration.attention_narrow_native,
            _ => calibration.attention_narrow,
        }
    } else {
        1.0
    };
    let eight = setting.stack.narrow_attention && plan.precision == Precision::Fp8 && block_scaled(setting);
    let factor = kernel_factor(setting.stack.attention, chip.architecture, calibration)
        * narrow
        * if eight { calibration.attention_eight } else { 1.0 }
        * (s / (s + calibration.attention_half));
    AttentionTime {
        forward: flop / (flops * calibration.attention_forward * factor),
        backward: 2.5 * flop / (flops * calibration.attention_backward * factor),
        score_bytes: 0.0,
    }
}

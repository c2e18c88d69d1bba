//! Time of one layer for one micro-batch on one rank: GEMMs, attention, element-wise work, launches, communication.
//!
//! Twin: `shaders/model/operations.wgsl`.

use super::adapter::adapter_time;
use super::attention::attention_time;
use super::network::{Group, all_gather, all_reduce, all_to_all, fused_dispatch, group};
use super::plan::{Plan, Recompute, Shard};
use super::roofline::{GemmFormat, block_scaled, gemm_format, gemm_time, wide_format};
use super::setting::Setting;
use crate::library::stack::{AttentionKernel, Launch, Recipe};
use crate::library::workload::{Precision, Training};

/// Seconds of one pass (forward, or backward) over one layer, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PassTime {
    pub gemm: f64,
    pub attention: f64,
    /// Element-wise and other memory-bound kernels.
    pub vector: f64,
    /// Kernel gaps and the part of the host's time that the device waits for.
    pub launch: f64,
    /// Exposed tensor-, expert- and context-parallel communication.
    pub tp: f64,
    pub ep: f64,
    pub cp: f64,
}

impl PassTime {
    /// Time on the rank without communication.
    pub fn compute(&self) -> f64 {
        self.gemm + self.attention + self.vector + self.launch
    }
    /// Exposed communication.
    pub fn communication(&self) -> f64 {
        self.tp + self.ep + self.cp
    }
    /// The whole pass.
    pub fn total(&self) -> f64 {
        self.compute() + self.communication()
    }
    /// Weighted sum of two passes, cause by cause.
    pub fn mix(&self, weight: f64, other: &PassTime, other_weight: f64) -> PassTime {
        PassTime {
            gemm: weight * self.gemm + other_weight * other.gemm,
            attention: weight * self.attention + other_weight * other.attention,
            vector: weight * self.vector + other_weight * other.vector,
            launch: weight * self.launch + other_weight * other.launch,
            tp: weight * self.tp + other_weight * other.tp,
            ep: weight * self.ep + other_weight * other.ep,
            cp: weight * self.cp + other_weight * other.cp,
        }
    }
}

/// The mean layer of a workload: forward, backward, and the LM head with the loss on the last stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerTime {
    pub forward: PassTime,
    pub backward: PassTime,
    /// Last product of a dense layer with its communication, forward.
    pub tail: PassTime,
    /// Core attention alone, which selective recompute repeats where scores are kept.
    pub attention_forward: f64,
    /// Up-projections of latent attention, forward, which selective recompute repeats.
    pub latent_forward: f64,
    /// LM head and loss, forward and backward.
    pub head: PassTime,
    /// GEMMs of the LM head, forward.
    pub head_forward_gemm: f64,
    /// Input embedding, forward and backward.
    pub embedding: PassTime,
}

impl LayerTime {
    /// The plan with every field at its least that a layer's time does not depend on: plans with equal keys share one time.
    pub fn key(plan: &Plan) -> Plan {
        // Whether weights are cast anew, and for how many micro-batches, counts in narrow formats only.
        let casts = plan.precision.is_narrow() && plan.shard != Shard::Full;
        // Two micro-batches are at hand to hide the expert exchange where there is one.
        let alone = plan.ep > 1 && plan.pp > 1 && plan.vpp == 1;
        Plan {
            pp: if alone { 2 } else { 1 },
            vpp: 1,
            dp: 1,
            micro_batches: if casts { plan.micro_batches } else { 1 },
            recompute: Recompute::None,
            shard: if casts { Shard::None } else { Shard::Full },
            ..*plan
        }
    }

    /// LM head and loss of a forward pass alone: its GEMMs, a third of the passes over the logits, half of the rest.
    pub fn head_forward(&self) -> f64 {
        self.head_forward_gemm + self.head.vector / 3.0 + 0.5 * (self.head.launch + self.head.tp)
    }
}

/// GEMM of a linear layer with its two backward products.
#[derive(Clone, Copy, Debug, Default)]
struct Linear {
    forward: f64,
    backward: f64,
}

impl Linear {
    fn plus(self, other: Linear) -> Linear {
        Linear { forward: self.forward + other.forward, backward: self.backward + other.backward }
    }
    fn times(self, factor: f64) -> Linear {
        Linear { forward: self.forward * factor, backward: self.backward * factor }
    }
}

/// Forward GEMM, input gradient, and weight gradient unless the base is frozen.
fn linear(setting: &Setting, clock: f64, format: GemmFormat, m: f64, n: f64, k: f64) -> Linear {
    products(setting, clock, format, m, n, k, 1.0, false)
}

/// The same of `experts` experts with `m` tokens each on average, as one grouped product.
fn grouped(setting: &Setting, clock: f64, format: GemmFormat, m: f64, n: f64, k: f64, experts: f64) -> Linear {
    products(setting, clock, format, m, n, k, experts, true).times(1.0 / setting.calibration.grouped_gemm)
}

// The figures of a product, in the order of its shader twin.
#[allow(clippy::too_many_arguments)]
fn products(
    setting: &Setting,
    clock: f64,
    format: GemmFormat,
    m: f64,
    n: f64,
    k: f64,
    batch: f64,
    ragged: bool,
) -> Linear {
    let time = |m, n, k, ragged| gemm_time(&setting.chip, &setting.calibration, clock, format, m, n, k, batch, ragged);
    // Only its inner size differs from expert to expert, and is padded to what loads can use.
    let inner = if ragged { (m / 64.0).ceil() * 64.0 } else { m };
    let weight_gradient = if setting.workload.run.training == Training::Full { time(n, k, inner, false) } else { 0.0 };
    Linear { forward: time(m, n, k, ragged), backward: time(m, k, n, ragged) + weight_gradient }
}

/// Traffic of quantization over its minimum.
fn quantization(setting: &Setting, plan: &Plan) -> f64 {
    let c = &setting.calibration;
    let granularity = match setting.stack.recipe {
        _ if plan.precision == Precision::Fp4 => c.quantization_four,
        Recipe::Rowwise => c.quantization_rowwise,
        Recipe::Blocks if block_scaled(setting) => c.quantization_blocks,
        _ => 1.0,
    };
    c.quantization * granularity * if setting.chip.systolic { 0.5 } else { 1.0 }
}

/// Tokens of the busiest rank's experts over the mean. Capacity bounds it, and pads up to it.
fn expert_load(setting: &Setting, plan: &Plan, local: f64) -> f64 {
    let capacity = setting.workload.architecture.capacity;
    if plan.ep == 1 || capacity > 1.0 || setting.workload.run.balanced_routing {
        return capacity;
    }
    1.0 + setting.calibration.expert_imbalance / local.sqrt()
}

/// Host time of one kernel.
fn host_time(setting: &Setting, launch: Launch) -> f64 {
    let c = &setting.calibration;
    let seconds = match launch {
        Launch::Eager2020 => c.host_eager_old_s,
        Launch::Eager => c.host_eager_s,
        Launch::Graphs => c.host_graph_s,
    };
    if setting.chip.systolic { 0.2 * seconds } else { seconds }
}

/// Time added by launches: a gap for each kernel, and the wait for a host that is slower than the device,
/// (device^6 + host^6)^(1/6). Exposed communication is queued with the kernels, so it is part of the device's time. Where
/// launches block, host and device take turns.
fn launch_time(busy: f64, gap: f64, host: f64, blocking: bool) -> f64 {
    if blocking {
        return gap + host;
    }
    let device = busy + gap;
    let (large, small) = if device > host { (device, host) } else { (host, device) };
    if large <= 0.0 {
        return 0.0;
    }
    let ratio = small / large;
    large * (1.0 + ratio.powi(6)).powf(1.0 / 6.0) - busy
}

/// Vocabulary padded to the stack's multiple times tp, as every stack does.
pub fn padded_vocab(setting: &Setting, tp: u32) -> f64 {
    let multiple = f64::from(setting.stack.vocab_multiple * tp);
    (setting.workload.architecture.vocab / multiple).ceil() * multiple
}

/// Bytes an element that two RMS norms move beyond fused ones where PyTorch runs them operation by operation, in fp32
/// (to fp32, square, mean, scale, back, weight: 36 instead of 4 each), and likewise a rotary embedding (20 instead of 4).
const EAGER_NORMS: f64 = 64.0;
const EAGER_ROTARY: f64 = 16.0;

/// A pair of tensor-parallel collectives of one block: an all-reduce, or with sequence parallelism the gather before it
/// and the scatter after it. A stack that quantizes first gathers one byte an element.
fn tensor_exchange(setting: &Setting, plan: &Plan, activation: f64, narrow: bool, g: Group) -> f64 {
    let stack = &setting.stack;
    if plan.tp == 1 {
        return 0.0;
    }
    if !plan.sequence_parallel {
        return all_reduce(setting, activation, g);
    }
    let gathered = if narrow && stack.narrow_gathers { 0.5 * activation } else { activation };
    let copies = if stack.gathers_copy { 2.0 * (gathered + activation) } else { 0.0 };
    all_gather(setting, gathered, g)
        + all_gather(setting, activation, g)
        + copies / (setting.chip.hbm_bytes_per_s * setting.chip.hbm_fraction)
}

/// Times the mean layer: dense and MoE layers weighted by their number.
pub fn layer_time(setting: &Setting, plan: &Plan, clock: f64) -> LayerTime {
    let (chip, c, stack) = (&setting.chip, &setting.calibration, &setting.stack);
    let (a, run) = (&setting.workload.architecture, &setting.workload.run);
    let (tp, cp, b, s) = (f64::from(plan.tp), f64::from(plan.cp), f64::from(plan.micro_batch), run.seq_len);
    let h = a.hidden;
    let tokens = b * s / cp;
    let narrow = plan.precision.is_narrow();
    let mut format = gemm_format(chip, plan.precision);
    if narrow {
        format.flops *= stack.narrow_rate;
    }
    if narrow && plan.precision != Precision::Fp4 && block_scaled(setting) {
        format.flops *= c.block_scaled_gemm;
    }
    let wide = wide_format(chip, plan.precision);
    let bytes = if wide.operand_bytes > 2.0 { 4.0 } else { 2.0 };
    let hbm = chip.hbm_bytes_per_s * chip.hbm_fraction;
    let shard = if plan.sequence_parallel { tp } else { 1.0 };
    let matrices = if a.gated { 3.0 } else { 2.0 };
    let vector_factor = if stack.fused_vector_ops { c.vector_fused } else { c.vector_eager };
    let quantized = if narrow { quantization(setting, plan) } else { 0.0 };
    // Weights are cast once a step and kept (Transformer Engine's `is_first_microbatch`), unless they are gathered anew.
    let weight_casts = if plan.shard == Shard::Full { 1.0 } else { 1.0 / f64::from(plan.micro_batches.max(1)) };
    let weights_quantized = quantized * weight_casts;

    // Attention block.
    let core = attention_time(setting, plan, clock);
    let (q_width, kv_width) = (a.heads * a.head_dim / tp, (a.kv_heads * a.head_dim / tp).max(a.head_dim));
    let (projections, latent_forward) = if a.kv_lora > 0.0 {
        let down = linear(setting, clock, format, tokens, a.q_lora + a.kv_lora + a.rope_dim, h);
        let query_input = if a.q_lora > 0.0 { a.q_lora } else { h };
        let query = linear(setting, clock, format, tokens, a.heads * (a.nope_dim + a.rope_dim) / tp, query_input);
        let key_value = linear(setting, clock, format, tokens, a.heads * (a.nope_dim + a.v_dim) / tp, a.kv_lora);
        let output = linear(setting, clock, format, tokens, h, a.heads * a.v_dim / tp);
        (down.plus(query).plus(key_value).plus(output), query.forward + key_value.forward)
    } else {
        let plain = linear(setting, clock, format, tokens, q_width + 2.0 * kv_width, h)
            .plus(linear(setting, clock, format, tokens, h, q_width));
        (plain, 0.0)
    };
    let attention_weights = (2.0 * h * a.heads * a.head_dim + 2.0 * h * a.kv_heads * a.head_dim) / tp;
    let norms = tokens * bytes * (10.0 * h / shard + 2.0 * (q_width + kv_width));
    let eager_gated = !stack.fused_vector_ops && a.gated;
    let rotary =
        if eager_gated { tokens * (EAGER_NORMS * h / shard + EAGER_ROTARY * (q_width + kv_width)) } else { 0.0 };
    let attention_vector = (norms * vector_factor + rotary + tokens * (h + q_width) * 4.0 * quantized) / hbm;

    // Dense feed-forward.
    let width = a.ffn / tp;
    let dense_down = linear(setting, clock, format, tokens, h, width);
    let dense_gemm = linear(setting, clock, format, tokens, (matrices - 1.0) * width, h).plus(dense_down);
    let dense_vector = (tokens * bytes * matrices * width * vector_factor
        + tokens * (h + width) * 4.0 * quantized
        + (attention_weights + matrices * h * width) * 2.0 * weights_quantized)
        / hbm;

    // Expert feed-forward.
    let (ep, etp) = (f64::from(plan.ep), f64::from(plan.etp));
    let own_tokens = tokens / tp;
    let local = (a.experts / ep).max(1.0);
    // Such kernels exist for scales in blocks, in hardware or software.
    let fused = stack.moe_fused && narrow && (stack.recipe == Recipe::Rowwise || block_scaled(setting));
    let fusion = if fused { c.moe_fusion } else { 1.0 };
    // Tokens are sorted by rank before the exchange and by expert after it, and back, each with a read and a write, but for
    // the first read and the last write; a fused dispatcher sorts by expert only.
    let permutations = if fused_dispatch(setting) { 4.0 } else { 7.0 };
    // Biases are added expert by expert and the parts joined again: three passes over the inner products, four over the
    // outputs, forward.
    let expert_bias = if a.bias && !fused { 3.0 * (matrices - 1.0) * a.expert_ffn + 4.0 * h } else { 0.0 };
    let (moe_gemm, moe_vector) = if a.experts > 0.0 {
        let load = expert_load(setting, plan, local);
        let rows = (own_tokens * etp * a.top_k * load * ep / a.experts).max(1.0);
        let routed = grouped(setting, clock, format, rows, (matrices - 1.0) * a.expert_ffn / etp, h, local)
            .plus(grouped(setting, clock, format, rows, h, a.expert_ffn / etp, local));
        let shared = linear(setting, clock, format, tokens, (matrices - 1.0) * a.shared_ffn / tp, h).plus(linear(
            setting,
            clock,
            format,
            tokens,
            h,
            a.shared_ffn / tp,
        ));
        let visits = own_tokens * a.top_k * load;
        let moved = visits * 2.0 * (permutations * c.moe_vector * h + vector_factor * matrices * a.expert_ffn)
            + visits * (h + a.expert_ffn) * 4.0 * quantized
            + visits * 2.0 * expert_bias
            + local * matrices * h * a.expert_ffn * 2.0 * weights_quantized
            + own_tokens * a.experts * 24.0;
        (routed.plus(shared), fusion * moved / hbm)
    } else {
        (Linear::default(), 0.0)
    };

    // Launches.
    let kernels = if stack.fused_vector_ops { 14.0 } else { 24.0 }
        + if stack.attention == AttentionKernel::Unfused { 6.0 } else { 0.0 }
        + if narrow { 8.0 } else { 0.0 }
        + if plan.tp > 1 { 2.0 } else { 0.0 };
    let expert_kernels =
        if chip.systolic || fused { 0.0 } else { c.moe_kernels_per_expert * local * if narrow { 2.0 } else { 1.0 } };
    let routed_kernels = c.moe_kernels + expert_kernels;
    let moe_kernels = kernels + routed_kernels;
    let gap = if chip.systolic { 0.2 * c.kernel_gap_s } else { c.kernel_gap_s };
    let each_host = host_time(setting, stack.launch);
    // Graphs hold attention and router; the experts' sizes are known on the host only.
    let routed_launch =
        if stack.launch == Launch::Graphs && !(stack.moe_in_graphs && fused) { Launch::Eager } else { stack.launch };
    let dense_host = each_host * kernels;
    let moe_host = dense_host + host_time(setting, routed_launch) * routed_kernels;

    // Communication.
    let activation = tokens * h * bytes;
    let tp_group = group(setting, plan.tp, 1);
    let tp_hidden = 1.0 - c.overlap_tp * stack.overlap_tp;
    let reduce = tensor_exchange(setting, plan, activation, narrow, tp_group);
    let dense_tp = 2.0 * reduce * tp_hidden;
    let expert_reduce = if plan.etp > 1 { 2.0 * all_gather(setting, activation * a.top_k, tp_group) } else { 0.0 };
    let moe_tp = (reduce + expert_reduce) * tp_hidden;
    let ep_group = group(setting, plan.ep, plan.etp);
    let sent = own_tokens * h * bytes * expert_load(setting, plan, local);
    let exchange = 2.0 * all_to_all(setting, sent, a.top_k, a.route_groups, ep_group);
    let ring = if plan.cp > 1 {
        let cp_group = group(setting, plan.cp, plan.tp);
        let keys = 2.0
            * bytes
            * tokens
            * if a.kv_lora > 0.0 { a.heads * (a.nope_dim + a.v_dim) / (2.0 * tp) } else { kv_width };
        all_gather(setting, keys * cp, cp_group)
    } else {
        0.0
    };

    // Another micro-batch computes beside the exchange, where the schedule has two at hand.
    let overlapped = if ep_group.outside > 1.0 { stack.overlap_ep_fabric } else { stack.overlap_ep };
    let covers = c.overlap_ep * if plan.pp == 1 || plan.vpp > 1 { overlapped } else { 0.0 };
    let uncovered = |exchange: f64, busy: f64| exchange - exchange.min(covers * busy) * (1.0 - c.contention);

    // Passes.
    let adapters = adapter_time(setting, plan);
    let forward = |gemm: f64, vector: f64, kernels: f64, host: f64, tp: f64, ep: f64| {
        let vector = vector + adapters.forward;
        let tp = tp + adapters.communication;
        let busy = gemm + core.forward + vector;
        let (kernels, host) = (kernels + adapters.kernels, host + each_host * adapters.kernels);
        let ep = uncovered(ep, busy);
        let launch = launch_time(busy + tp + ep, gap * kernels, host, stack.blocking_launch);
        // The ring hides behind attention, and behind the host where that is slower.
        let cp = (ring - c.overlap_cp * (core.forward + launch)).max(0.0);
        PassTime { gemm, attention: core.forward, vector, launch, tp, ep, cp }
    };
    let backward = |gemm: f64, vector: f64, kernels: f64, host: f64, tp: f64, ep: f64| {
        let vector = 2.0 * vector + adapters.backward;
        let tp = tp + adapters.communication;
        let busy = gemm + core.backward + vector;
        let (kernels, host) = (kernels + adapters.kernels, host + each_host * adapters.kernels);
        let ep = uncovered(ep, busy);
        let launch = launch_time(busy + tp + ep, gap * 1.8 * kernels, 1.6 * host, stack.blocking_launch);
        let cp = (2.0 * ring - c.overlap_cp * (core.backward + launch)).max(0.0);
        PassTime { gemm, attention: core.backward, vector, launch, tp, ep, cp }
    };
    let dense_gemms = dense_gemm.plus(projections);
    let moe_gemms = moe_gemm.plus(projections);
    let moe_share = (a.moe_layers / a.layers).clamp(0.0, 1.0);
    let dense_share = 1.0 - moe_share;
    let dense_forward =
        forward(dense_gemms.forward, attention_vector + dense_vector, kernels, dense_host, dense_tp, 0.0);
    let dense_backward =
        backward(dense_gemms.backward, attention_vector + dense_vector, kernels, dense_host, dense_tp, 0.0);
    let moe_forward =
        forward(moe_gemms.forward, attention_vector + moe_vector, moe_kernels, moe_host, moe_tp, exchange);
    let moe_backward =
        backward(moe_gemms.backward, attention_vector + moe_vector, moe_kernels, moe_host, moe_tp, exchange);

    // LM head and loss, embedding.
    let vocab = padded_vocab(setting, plan.tp);
    let logits = linear(setting, clock, wide, tokens, vocab / tp, h);
    let modules = 1.0 + a.mtp_depth;
    let head_communication = if plan.tp > 1 { 2.0 * all_gather(setting, tokens * 8.0, tp_group) + reduce } else { 0.0 };
    LayerTime {
        forward: dense_forward.mix(dense_share, &moe_forward, moe_share),
        backward: dense_backward.mix(dense_share, &moe_backward, moe_share),
        tail: PassTime {
            gemm: dense_share * dense_down.forward,
            tp: dense_share * 0.5 * dense_tp,
            ..PassTime::default()
        },
        attention_forward: core.forward,
        latent_forward,
        head: PassTime {
            gemm: modules * (logits.forward + logits.backward) / c.head_efficiency,
            vector: modules * c.loss_bytes * tokens * vocab / tp / hbm,
            launch: modules * 8.0 * gap,
            tp: modules * head_communication,
            ..PassTime::default()
        },
        head_forward_gemm: modules * logits.forward / c.head_efficiency,
        embedding: PassTime { vector: tokens * h * 12.0 / hbm / shard, launch: 4.0 * gap, ..PassTime::default() },
    }
}

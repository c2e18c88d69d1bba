// Time of one layer for one micro-batch on one rank: GEMMs, attention, element-wise work, launches, communication.
//
// Twin: `src/model/operations.rs`.

struct PassTime {
    gemm: f32,
    attention: f32,
    vector: f32,
    launch: f32,
    tp: f32,
    ep: f32,
    cp: f32,
}

fn pass_compute(p: PassTime) -> f32 {
    return p.gemm + p.attention + p.vector + p.launch;
}

fn pass_communication(p: PassTime) -> f32 {
    return p.tp + p.ep + p.cp;
}

fn pass_total(p: PassTime) -> f32 {
    return pass_compute(p) + pass_communication(p);
}

fn pass_mix(p: PassTime, weight: f32, other: PassTime, other_weight: f32) -> PassTime {
    return PassTime(
        weight * p.gemm + other_weight * other.gemm,
        weight * p.attention + other_weight * other.attention,
        weight * p.vector + other_weight * other.vector,
        weight * p.launch + other_weight * other.launch,
        weight * p.tp + other_weight * other.tp,
        weight * p.ep + other_weight * other.ep,
        weight * p.cp + other_weight * other.cp,
    );
}

struct LayerTime {
    forward: PassTime,
    backward: PassTime,
    tail: PassTime,
    attention_forward: f32,
    head: PassTime,
    embedding: PassTime,
}

// GEMM of a linear layer with its two backward products.
struct Linear {
    forward: f32,
    backward: f32,
}

fn linear_plus(a: Linear, b: Linear) -> Linear {
    return Linear(a.forward + b.forward, a.backward + b.backward);
}

fn linear_times(a: Linear, factor: f32) -> Linear {
    return Linear(a.forward * factor, a.backward * factor);
}

fn linear_time(setting: Setting, clock: f32, format: GemmFormat, m: f32, n: f32, k: f32, batch: f32) -> Linear {
    var weight_gradient = 0.0;
    if setting.workload.training == FULL_TRAINING {
        weight_gradient = gemm_time(setting.chip, setting.calibration, clock, format, n, k, m, batch);
    }
    return Linear(
        gemm_time(setting.chip, setting.calibration, clock, format, m, n, k, batch),
        gemm_time(setting.chip, setting.calibration, clock, format, m, k, n, batch) + weight_gradient,
    );
}

fn host_time(setting: Setting, launch: u32) -> f32 {
    let c = setting.calibration;
    var seconds = c.host_graph_s;
    if launch == LAUNCH_EAGER2020 {
        seconds = c.host_eager_old_s;
    } else if launch == LAUNCH_EAGER {
        seconds = c.host_eager_s;
    }
    return select(seconds, 0.2 * seconds, setting.chip.systolic != 0u);
}

// (device^6 + host^6)^(1/6) − busy, with the small difference from the larger of the two kept apart.
fn launch_time(busy: f32, gap: f32, host: f32, blocking: bool) -> f32 {
    if blocking {
        return gap + host;
    }
    let device = busy + gap;
    let large = max(device, host);
    let small = min(device, host);
    if large <= 0.0 {
        return 0.0;
    }
    let ratio = small / large;
    let square = ratio * ratio;
    let above = select(host - busy, gap, device > host);
    return above + large * exp_minus_one(ln_one_plus(square * square * square) / 6.0);
}

fn padded_vocab(setting: Setting, tp: u32) -> f32 {
    let multiple = setting.stack.vocab_multiple * tp;
    return f32(ceil_quotient(u32(setting.workload.vocab), multiple) * multiple);
}

// `ring` is the context-parallel exchange of the pass, of which `hidden` of attention and launches can hide.
fn forward_pass(
    gemm: f32, attention: f32, vector: f32, gap: f32, kernels: f32, host: f32, tp: f32, ep: f32, ring: f32, hidden: f32,
    blocking: bool,
) -> PassTime {
    let busy = gemm + attention + vector;
    let launch = launch_time(busy + tp + ep, gap * kernels, host * kernels, blocking);
    return PassTime(gemm, attention, vector, launch, tp, ep, max(ring - hidden * (attention + launch), 0.0));
}

fn backward_pass(
    gemm: f32, attention: f32, vector: f32, gap: f32, kernels: f32, host: f32, tp: f32, ep: f32, ring: f32, hidden: f32,
    blocking: bool,
) -> PassTime {
    let busy = gemm + attention + vector;
    let launch = launch_time(busy + tp + ep, gap * 1.8 * kernels, host * 1.6 * kernels, blocking);
    return PassTime(gemm, attention, vector, launch, tp, ep, max(2.0 * ring - hidden * (attention + launch), 0.0));
}

const EAGER_NORMS = 64.0;
const EAGER_ROTARY = 16.0;

fn tensor_exchange(setting: Setting, plan: Plan, activation: f32, narrow: bool, g: Group) -> f32 {
    let stack = setting.stack;
    if plan.tp == 1u {
        return 0.0;
    }
    if plan.sequence_parallel == 0u {
        return all_reduce(setting, activation, g);
    }
    let gathered = select(activation, 0.5 * activation, narrow && stack.narrow_gathers != 0u);
    let copies = select(0.0, 2.0 * (gathered + activation), stack.gathers_copy != 0u);
    return all_gather(setting, gathered, g)
        + all_gather(setting, activation, g)
        + copies / (setting.chip.hbm_bytes_per_s * setting.chip.hbm_fraction);
}

fn layer_time(setting: Setting, plan: Plan, clock: f32) -> LayerTime {
    let chip = setting.chip;
    let c = setting.calibration;
    let stack = setting.stack;
    let a = setting.workload;
    let tp = f32(plan.tp);
    let cp = f32(plan.cp);
    let b = f32(plan.micro_batch);
    let s = a.seq_len;
    let h = a.hidden;
    let tokens = divide(b * s, cp);
    let narrow = is_narrow(plan.precision_code);
    var format = gemm_format(chip, plan.precision_code);
    if narrow {
        format.flops *= stack.narrow_rate;
    }
    let wide = wide_format(chip, plan.precision_code);
    let bytes = select(2.0, 4.0, wide.operand_bytes > 2.0);
    let hbm = chip.hbm_bytes_per_s * chip.hbm_fraction;
    let sharded_by = select(1.0, tp, plan.sequence_parallel != 0u);
    let matrices = select(2.0, 3.0, a.gated != 0u);
    let vector_factor = select(c.vector_eager, c.vector_fused, stack.fused_vector_ops != 0u);
    let quantized = select(
        0.0, c.quantization * stack.quantization_factor * select(1.0, 0.5, chip.systolic != 0u), narrow,
    );

    let weight_casts = select(divide(1.0, f32(max(plan.micro_batches, 1u))), 1.0, plan.shard == SHARD_FULL);

    // Attention block.
    let core = attention_time(setting, plan, clock);
    let q_width = divide(a.heads * a.head_dim, tp);
    let kv_width = max(divide(a.kv_heads * a.head_dim, tp), a.head_dim);
    var projections = Linear(0.0, 0.0);
    if a.kv_lora > 0.0 {
        let down = linear_time(setting, clock, format, tokens, a.q_lora + a.kv_lora + a.rope_dim, h, 1.0);
        let query_input = select(h, a.q_lora, a.q_lora > 0.0);
        let query = linear_time(
            setting, clock, format, tokens, divide(a.heads * (a.nope_dim + a.rope_dim), tp), query_input, 1.0,
        );
        let key_value = linear_time(
            setting, clock, format, tokens, divide(a.heads * (a.nope_dim + a.v_dim), tp), a.kv_lora, 1.0,
        );
        let output = linear_time(setting, clock, format, tokens, h, divide(a.heads * a.v_dim, tp), 1.0);
        projections = linear_plus(linear_plus(linear_plus(down, query), key_value), output);
    } else {
        projections = linear_plus(
            linear_time(setting, clock, format, tokens, q_width + 2.0 * kv_width, h, 1.0),
            linear_time(setting, clock, format, tokens, h, q_width, 1.0),
        );
    }
    let attention_weights = (2.0 * h * a.heads * a.head_dim + 2.0 * h * a.kv_heads * a.head_dim) / tp;
    let norms = tokens * bytes * (10.0 * h / sharded_by + 2.0 * (q_width + kv_width));
    let eager_gated = stack.fused_vector_ops == 0u && a.gated != 0u;
    let rotary = select(0.0, tokens * (EAGER_NORMS * h / sharded_by + EAGER_ROTARY * (q_width + kv_width)), eager_gated);
    let attention_vector = (norms * vector_factor + rotary + tokens * (h + q_width) * 4.0 * quantized) / hbm;

    // Dense feed-forward.
    let width = divide(a.ffn, tp);
    let dense_down = linear_time(setting, clock, format, tokens, h, width, 1.0);
    let dense_gemm = linear_plus(
        linear_time(setting, clock, format, tokens, (matrices - 1.0) * width, h, 1.0), dense_down,
    );
    let dense_vector = (tokens * bytes * matrices * width * vector_factor
        + tokens * (h + width) * 4.0 * quantized
        + (attention_weights + matrices * h * width) * 2.0 * quantized * weight_casts)
        / hbm;

    // Expert feed-forward.
    let ep = f32(plan.ep);
    let etp = f32(plan.etp);
    let own_tokens = divide(tokens, tp);
    let local = max(divide(a.experts, ep), 1.0);
    let fusion = select(1.0, c.moe_fusion, stack.moe_fused != 0u);
    var moe_gemm = Linear(0.0, 0.0);
    var moe_vector = 0.0;
    if a.experts > 0.0 {
        let rows = max(divide(own_tokens * etp * a.top_k * a.capacity * ep, a.experts), 1.0);
        let expert_width = divide(a.expert_ffn, etp);
        let grouped = linear_times(
            linear_plus(
                linear_time(setting, clock, format, rows, (matrices - 1.0) * expert_width, h, local),
                linear_time(setting, clock, format, rows, h, expert_width, local),
            ),
            1.0 + (1.0 / c.grouped_gemm - 1.0) * fusion,
        );
        let shared_width = divide(a.shared_ffn, tp);
        let shared_experts = linear_plus(
            linear_time(setting, clock, format, tokens, (matrices - 1.0) * shared_width, h, 1.0),
            linear_time(setting, clock, format, tokens, h, shared_width, 1.0),
        );
        let visits = own_tokens * a.top_k * a.capacity;
        let moved = visits * 2.0 * (6.0 * c.moe_vector * h + vector_factor * matrices * a.expert_ffn)
            + visits * (h + a.expert_ffn) * 4.0 * quantized
            + local * matrices * h * a.expert_ffn * 2.0 * quantized
            + own_tokens * a.experts * 24.0;
        moe_gemm = linear_plus(grouped, shared_experts);
        moe_vector = fusion * moved / hbm;
    }

    // Launches.
    let kernels = select(24.0, 14.0, stack.fused_vector_ops != 0u)
        + select(0.0, 6.0, stack.attention == ATTENTION_KERNEL_UNFUSED)
        + select(0.0, 8.0, narrow)
        + select(0.0, 2.0, plan.tp > 1u);
    let expert_kernels = select(c.moe_kernels_per_expert * local * select(1.0, 2.0, narrow), 0.0, chip.systolic != 0u);
    let moe_kernels = kernels + c.moe_kernels + expert_kernels;
    let gap = select(c.kernel_gap_s, 0.2 * c.kernel_gap_s, chip.systolic != 0u);
    let host = host_time(setting, stack.launch);
    let moe_launch = select(stack.launch, LAUNCH_EAGER, stack.launch == LAUNCH_GRAPHS && stack.moe_in_graphs == 0u);
    let moe_host = host_time(setting, moe_launch);

    // Communication.
    let activation = tokens * h * bytes;
    let tp_group = group(setting, plan.tp, 1u);
    let tp_hidden = 1.0 - c.overlap_tp * stack.overlap_tp;
    let reduce = tensor_exchange(setting, plan, activation, narrow, tp_group);
    let dense_tp = 2.0 * reduce * tp_hidden;
    var expert_reduce = 0.0;
    if plan.etp > 1u {
        expert_reduce = 2.0 * all_gather(setting, activation * a.top_k, tp_group);
    }
    let moe_tp = (reduce + expert_reduce) * tp_hidden;
    let ep_group = group(setting, plan.ep, plan.etp);
    let exchange = 2.0 * all_to_all(setting, own_tokens * h * bytes, a.top_k, a.route_groups, ep_group);
    let moe_ep = exchange * (1.0 - c.overlap_ep * stack.overlap_ep);
    var ring = 0.0;
    if plan.cp > 1u {
        let cp_group = group(setting, plan.cp, plan.tp);
        let keys = 2.0 * bytes * tokens * select(kv_width, a.heads * (a.nope_dim + a.v_dim) / (2.0 * tp), a.kv_lora > 0.0);
        ring = all_gather(setting, keys * cp, cp_group);
    }

    // Passes.
    let dense_gemms = linear_plus(dense_gemm, projections);
    let moe_gemms = linear_plus(moe_gemm, projections);
    let moe_share = clamp(a.moe_layers / a.layers, 0.0, 1.0);
    let dense_share = 1.0 - moe_share;
    let adapters = adapter_time(setting, plan);
    let dense_kernels = kernels + adapters.kernels;
    let expert_layer_kernels = moe_kernels + adapters.kernels;
    let dense_traffic = attention_vector + dense_vector;
    let moe_traffic = attention_vector + moe_vector;
    let dense_tensor = dense_tp + adapters.communication;
    let moe_tensor = moe_tp + adapters.communication;
    let dense_forward = forward_pass(
        dense_gemms.forward, core.forward, dense_traffic + adapters.forward, gap, dense_kernels, host, dense_tensor, 0.0, ring,
        c.overlap_cp, stack.blocking_launch != 0u,
    );
    let dense_backward = backward_pass(
        dense_gemms.backward, core.backward, 2.0 * dense_traffic + adapters.backward, gap, dense_kernels, host, dense_tensor,
        0.0, ring, c.overlap_cp, stack.blocking_launch != 0u,
    );
    let moe_forward = forward_pass(
        moe_gemms.forward, core.forward, moe_traffic + adapters.forward, gap, expert_layer_kernels, moe_host, moe_tensor,
        moe_ep, ring, c.overlap_cp, stack.blocking_launch != 0u,
    );
    let moe_backward = backward_pass(
        moe_gemms.backward, core.backward, 2.0 * moe_traffic + adapters.backward, gap, expert_layer_kernels, moe_host,
        moe_tensor, moe_ep, ring, c.overlap_cp, stack.blocking_launch != 0u,
    );

    // LM head and loss, embedding.
    let vocab = padded_vocab(setting, plan.tp);
    let logits = linear_time(setting, clock, wide, tokens, divide(vocab, tp), h, 1.0);
    let modules = 1.0 + a.mtp_depth;
    var head_communication = 0.0;
    if plan.tp > 1u {
        head_communication = 2.0 * all_gather(setting, tokens * 8.0, tp_group) + reduce;
    }
    return LayerTime(
        pass_mix(dense_forward, dense_share, moe_forward, moe_share),
        pass_mix(dense_backward, dense_share, moe_backward, moe_share),
        PassTime(dense_share * dense_down.forward, 0.0, 0.0, 0.0, dense_share * 0.5 * dense_tp, 0.0, 0.0),
        core.forward,
        PassTime(
            modules * (logits.forward + logits.backward) / c.head_efficiency,
            0.0,
            modules * c.loss_bytes * tokens * vocab / tp / hbm,
            modules * 8.0 * gap,
            modules * head_communication,
            0.0,
            0.0,
        ),
        PassTime(0.0, 0.0, tokens * h * 12.0 / hbm / sharded_by, 4.0 * gap, 0.0, 0.0, 0.0),
    );
}

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
    latent_forward: f32,
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

fn products(
    setting: Setting, clock: f32, format: GemmFormat, m: f32, n: f32, k: f32, batch: f32, ragged: bool,
) -> Linear {
    var weight_gradient = 0.0;
    if setting.workload.training == FULL_TRAINING {
        let inner = select(m, ceil_divide(m, 64.0) * 64.0, ragged);
        weight_gradient = gemm_time(setting.chip, setting.calibration, clock, format, n, k, inner, batch, false);
    }
    return Linear(
        gemm_time(setting.chip, setting.calibration, clock, format, m, n, k, batch, ragged),
        gemm_time(setting.chip, setting.calibration, clock, format, m, k, n, batch, ragged) + weight_gradient,
    );
}

fn linear_time(setting: Setting, clock: f32, format: GemmFormat, m: f32, n: f32, k: f32) -> Linear {
    return products(setting, clock, format, m, n, k, 1.0, false);
}

fn grouped_time(setting: Setting, clock: f32, format: GemmFormat, m: f32, n: f32, k: f32, experts: f32) -> Linear {
    return linear_times(products(setting, clock, format, m, n, k, experts, true), 1.0 / setting.calibration.grouped_gemm);
}

fn quantization_traffic(setting: Setting, plan: Plan) -> f32 {
    let c = setting.calibration;
    var granularity = 1.0;
    if plan.precision_code == PRECISION_FP4 {
        granularity = c.quantization_four;
    } else if setting.stack.recipe == RECIPE_ROWWISE {
        granularity = c.quantization_rowwise;
    } else if block_scaled(setting) {
        granularity = c.quantization_blocks;
    }
    return c.quantization * granularity * select(1.0, 0.5, setting.chip.systolic != 0u);
}

// Tokens of the busiest rank's experts over the mean. Capacity bounds it, and pads up to it.
fn expert_load(setting: Setting, plan: Plan, local: f32) -> f32 {
    let capacity = setting.workload.capacity;
    if plan.ep == 1u || capacity > 1.0 || setting.workload.balanced_routing != 0u {
        return capacity;
    }
    return 1.0 + setting.calibration.expert_imbalance / sqrt(local);
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

// Shares of attention and launches that hide the context-parallel ring, and of the compute that hides the expert exchange,
// and what the hidden exchange costs the compute beside it.
struct Covers {
    ring: f32,
    exchange: f32,
    contention: f32,
}

fn uncovered(covers: Covers, exchange: f32, busy: f32) -> f32 {
    return exchange - min(exchange, covers.exchange * busy) * (1.0 - covers.contention);
}

// `ring` is the context-parallel exchange of the pass, `ep` the expert one.
fn forward_pass(
    gemm: f32, attention: f32, vector: f32, gap: f32, kernels: f32, host: f32, tp: f32, ep: f32, ring: f32, covers: Covers,
    blocking: bool,
) -> PassTime {
    let busy = gemm + attention + vector;
    let open = uncovered(covers, ep, busy);
    let launch = launch_time(busy + tp + open, gap * kernels, host, blocking);
    let cp = max(ring - covers.ring * (attention + launch), 0.0);
    return PassTime(gemm, attention, vector, launch, tp, open, cp);
}

fn backward_pass(
    gemm: f32, attention: f32, vector: f32, gap: f32, kernels: f32, host: f32, tp: f32, ep: f32, ring: f32, covers: Covers,
    blocking: bool,
) -> PassTime {
    let busy = gemm + attention + vector;
    let open = uncovered(covers, ep, busy);
    let launch = launch_time(busy + tp + open, gap * 1.8 * kernels, 1.6 * host, blocking);
    let cp = max(2.0 * ring - covers.ring * (attention + launch), 0.0);
    return PassTime(gemm, attention, vector, launch, tp, open, cp);
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
    if narrow && plan.precision_code != PRECISION_FP4 && block_scaled(setting) {
        format.flops *= c.block_scaled_gemm;
    }
    let wide = wide_format(chip, plan.precision_code);
    let bytes = select(2.0, 4.0, wide.operand_bytes > 2.0);
    let hbm = chip.hbm_bytes_per_s * chip.hbm_fraction;
    let sharded_by = select(1.0, tp, plan.sequence_parallel != 0u);
    let matrices = select(2.0, 3.0, a.gated != 0u);
    let vector_factor = select(c.vector_eager, c.vector_fused, stack.fused_vector_ops != 0u);
    let quantized = select(0.0, quantization_traffic(setting, plan), narrow);
    let weight_casts = select(divide(1.0, f32(max(plan.micro_batches, 1u))), 1.0, plan.shard == SHARD_FULL);
    let weights_quantized = quantized * weight_casts;

    // Attention block.
    let core = attention_time(setting, plan, clock);
    let q_width = divide(a.heads * a.head_dim, tp);
    let kv_width = max(divide(a.kv_heads * a.head_dim, tp), a.head_dim);
    var projections = Linear(0.0, 0.0);
    var latent_forward = 0.0;
    if a.kv_lora > 0.0 {
        let down = linear_time(setting, clock, format, tokens, a.q_lora + a.kv_lora + a.rope_dim, h);
        let query_input = select(h, a.q_lora, a.q_lora > 0.0);
        let query = linear_time(
            setting, clock, format, tokens, divide(a.heads * (a.nope_dim + a.rope_dim), tp), query_input,
        );
        let key_value = linear_time(
            setting, clock, format, tokens, divide(a.heads * (a.nope_dim + a.v_dim), tp), a.kv_lora,
        );
        let output = linear_time(setting, clock, format, tokens, h, divide(a.heads * a.v_dim, tp));
        projections = linear_plus(linear_plus(linear_plus(down, query), key_value), output);
        latent_forward = query.forward + key_value.forward;
    } else {
        projections = linear_plus(
            linear_time(setting, clock, format, tokens, q_width + 2.0 * kv_width, h),
            linear_time(setting, clock, format, tokens, h, q_width),
        );
    }
    let attention_weights = (2.0 * h * a.heads * a.head_dim + 2.0 * h * a.kv_heads * a.head_dim) / tp;
    let norms = tokens * bytes * (10.0 * h / sharded_by + 2.0 * (q_width + kv_width));
    let eager_gated = stack.fused_vector_ops == 0u && a.gated != 0u;
    let rotary = select(0.0, tokens * (EAGER_NORMS * h / sharded_by + EAGER_ROTARY * (q_width + kv_width)), eager_gated);
    let attention_vector = (norms * vector_factor + rotary + tokens * (h + q_width) * 4.0 * quantized) / hbm;

    // Dense feed-forward.
    let width = divide(a.ffn, tp);
    let dense_down = linear_time(setting, clock, format, tokens, h, width);
    let dense_gemm = linear_plus(
        linear_time(setting, clock, format, tokens, (matrices - 1.0) * width, h), dense_down,
    );
    let dense_vector = (tokens * bytes * matrices * width * vector_factor
        + tokens * (h + width) * 4.0 * quantized
        + (attention_weights + matrices * h * width) * 2.0 * weights_quantized)
        / hbm;

    // Expert feed-forward.
    let ep = f32(plan.ep);
    let etp = f32(plan.etp);
    let own_tokens = divide(tokens, tp);
    let local = max(divide(a.experts, ep), 1.0);
    let fused = stack.moe_fused != 0u && narrow && (stack.recipe == RECIPE_ROWWISE || block_scaled(setting));
    let fusion = select(1.0, c.moe_fusion, fused);
    let permutations = select(7.0, 4.0, fused_dispatch(setting));
    let expert_bias = select(0.0, 3.0 * (matrices - 1.0) * a.expert_ffn + 4.0 * h, a.bias != 0u && !fused);
    var moe_gemm = Linear(0.0, 0.0);
    var moe_vector = 0.0;
    if a.experts > 0.0 {
        let load = expert_load(setting, plan, local);
        let rows = max(divide(own_tokens * etp * a.top_k * load * ep, a.experts), 1.0);
        let expert_width = divide(a.expert_ffn, etp);
        let routed = linear_plus(
            grouped_time(setting, clock, format, rows, (matrices - 1.0) * expert_width, h, local),
            grouped_time(setting, clock, format, rows, h, expert_width, local),
        );
        let shared_width = divide(a.shared_ffn, tp);
        let shared_experts = linear_plus(
            linear_time(setting, clock, format, tokens, (matrices - 1.0) * shared_width, h),
            linear_time(setting, clock, format, tokens, h, shared_width),
        );
        let visits = own_tokens * a.top_k * load;
        let moved = visits * 2.0 * (permutations * c.moe_vector * h + vector_factor * matrices * a.expert_ffn)
            + visits * (h + a.expert_ffn) * 4.0 * quantized
            + visits * 2.0 * expert_bias
            + local * matrices * h * a.expert_ffn * 2.0 * weights_quantized
            + own_tokens * a.experts * 24.0;
        moe_gemm = linear_plus(routed, shared_experts);
        moe_vector = fusion * moved / hbm;
    }

    // Launches.
    let kernels = select(24.0, 14.0, stack.fused_vector_ops != 0u)
        + select(0.0, 6.0, stack.attention == ATTENTION_KERNEL_UNFUSED)
        + select(0.0, 8.0, narrow)
        + select(0.0, 2.0, plan.tp > 1u);
    let expert_kernels = select(c.moe_kernels_per_expert * local * select(1.0, 2.0, narrow), 0.0, chip.systolic != 0u || fused);
    let routed_kernels = c.moe_kernels + expert_kernels;
    let moe_kernels = kernels + routed_kernels;
    let gap = select(c.kernel_gap_s, 0.2 * c.kernel_gap_s, chip.systolic != 0u);
    let host = host_time(setting, stack.launch);
    let captured = stack.moe_in_graphs != 0u && fused;
    let routed_launch = select(stack.launch, LAUNCH_EAGER, stack.launch == LAUNCH_GRAPHS && !captured);
    let dense_host = host * kernels;
    let moe_host = host * kernels + host_time(setting, routed_launch) * routed_kernels;

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
    let sent = own_tokens * h * bytes * expert_load(setting, plan, local);
    let exchange = 2.0 * all_to_all(setting, sent, a.top_k, a.route_groups, ep_group);
    let overlapped = select(stack.overlap_ep, stack.overlap_ep_fabric, ep_group.outside > 1.0);
    let covers = Covers(c.overlap_cp, select(0.0, c.overlap_ep * overlapped, plan.pp == 1u || plan.vpp > 1u), c.contention);
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
    let dense_hosted = dense_host + host * adapters.kernels;
    let moe_hosted = moe_host + host * adapters.kernels;
    let blocking = stack.blocking_launch != 0u;
    let dense_forward = forward_pass(
        dense_gemms.forward, core.forward, dense_traffic + adapters.forward, gap, dense_kernels, dense_hosted, dense_tensor,
        0.0, ring, covers, blocking,
    );
    let dense_backward = backward_pass(
        dense_gemms.backward, core.backward, 2.0 * dense_traffic + adapters.backward, gap, dense_kernels, dense_hosted,
        dense_tensor, 0.0, ring, covers, blocking,
    );
    let moe_forward = forward_pass(
        moe_gemms.forward, core.forward, moe_traffic + adapters.forward, gap, expert_layer_kernels, moe_hosted, moe_tensor,
        exchange, ring, covers, blocking,
    );
    let moe_backward = backward_pass(
        moe_gemms.backward, core.backward, 2.0 * moe_traffic + adapters.backward, gap, expert_layer_kernels, moe_hosted,
        moe_tensor, exchange, ring, covers, blocking,
    );

    // LM head and loss, embedding.
    let vocab = padded_vocab(setting, plan.tp);
    let logits = linear_time(setting, clock, wide, tokens, divide(vocab, tp), h);
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
        latent_forward,
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

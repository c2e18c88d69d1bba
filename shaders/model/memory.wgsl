// Device memory of the first and the last pipeline stage: states, activations, logits, reserve.
//
// Twin: `src/model/memory.rs`.

struct HeldParams {
    dense: f32,
    expert: f32,
    dense_group: u32,
    expert_group: u32,
    dense_shards: u32,
    expert_shards: u32,
}

fn held_total(held: HeldParams) -> f32 {
    return held.dense + held.expert;
}

struct StageMemory {
    states: f32,
    activations: f32,
    logits: f32,
    reserve: f32,
}

fn stage_total(stage: StageMemory) -> f32 {
    return stage.states + stage.activations + stage.logits + stage.reserve;
}

struct Memory {
    first: StageMemory,
    last: StageMemory,
    usable: f32,
}

fn memory_peak(held: Memory) -> f32 {
    return max(stage_total(held.first), stage_total(held.last));
}

// Layers of the fullest stage and of the last one.
struct StageLayers {
    fullest: f32,
    last: f32,
}

fn stage_layers(layers: f32, plan: Plan) -> StageLayers {
    let pp = f32(plan.pp);
    if plan.pp == 1u {
        return StageLayers(layers, layers);
    }
    let slots = plan.pp * plan.vpp;
    let count = u32(layers);
    let whole = count / slots;
    let rest = count % slots;
    if rest == 0u {
        let even = divide(layers, pp);
        return StageLayers(even, even);
    }
    if (count + 2u) % slots == 0u {
        let even = divide(layers + 2.0, pp);
        return StageLayers(even, even - 1.0);
    }
    let base = f32(whole * plan.vpp);
    return StageLayers(base + f32(ceil_quotient(rest, plan.pp)), base + f32(rest / plan.pp));
}

fn held_params(setting: Setting, plan: Plan, layers: f32) -> HeldParams {
    let a = setting.workload;
    let weights = weights_of(a);
    let tp = f32(plan.tp);
    let ep = f32(plan.ep);
    let etp = f32(plan.etp);
    let moe = clamp(a.moe_layers / a.layers, 0.0, 1.0);
    let router = select(0.0, a.hidden * a.experts, a.experts > 0.0);
    let dense = weights.attention / tp
        + (1.0 - moe) * weights.dense_ffn / tp
        + moe * ((weights.shared_experts - router) / tp + router);
    let expert = moe * a.experts * weights.expert / (ep * etp);
    let dense_group = plan.dp * plan.cp;
    let expert_group = max(plan.dp * plan.cp * plan.tp / (plan.ep * plan.etp), 1u);
    var dense_shards = dense_group;
    var expert_shards = expert_group;
    if plan.shard == SHARD_FULL && setting.stack.hybrid_sharding != 0u && setting.cluster.torus != 0u {
        dense_shards = u32(group(setting, dense_group, plan.tp).inside);
        expert_shards = u32(group(setting, expert_group, plan.ep * plan.etp).inside);
    }
    return HeldParams(layers * dense, layers * expert, dense_group, expert_group, dense_shards, expert_shards);
}

// Bytes of activations that one layer keeps for one micro-batch, and those of a checkpoint (its input).
struct ActivationBytes {
    kept: f32,
    checkpoint: f32,
}

fn activation_bytes(setting: Setting, plan: Plan) -> ActivationBytes {
    let a = setting.workload;
    let tp = f32(plan.tp);
    let cp = f32(plan.cp);
    let b = f32(plan.micro_batch);
    let s = a.seq_len;
    let tokens = b * s / cp;
    let sharded_by = select(1.0, tp, plan.sequence_parallel != 0u);
    let matrices = select(2.0, 3.0, a.gated != 0u);
    let single = is_single(plan.precision_code);
    let narrow = is_narrow(plan.precision_code);
    let bytes = select(2.0, 4.0, single);
    let elementwise = plan.recompute == RECOMPUTE_SELECTIVE && setting.stack.selective_elementwise != 0u;
    let projected = select(2.0 * (a.nope_dim + a.rope_dim) + a.v_dim, 0.0, elementwise);
    let attention = select(
        (2.0 * a.heads * a.head_dim + 2.0 * a.kv_heads * a.head_dim) / tp,
        a.q_lora + a.kv_lora + a.rope_dim + a.heads * (projected + a.v_dim) / tp,
        a.kv_lora > 0.0,
    );
    let moe = clamp(a.moe_layers / a.layers, 0.0, 1.0);
    let norms = select(4.0, 2.0, elementwise);
    let widths = select(matrices, matrices - 1.0, elementwise);
    let dense_ffn = widths * a.ffn / tp;
    let experts = a.top_k * a.capacity * (2.0 * a.hidden + widths * a.expert_ffn) / tp + widths * a.shared_ffn / tp;
    var kept = bytes * tokens * (norms * a.hidden / sharded_by + attention + (1.0 - moe) * dense_ffn + moe * experts)
        * select(1.0, 0.9, narrow)
        * setting.calibration.memory_activation;
    var scores = 0.0;
    if setting.stack.attention == ATTENTION_KERNEL_UNFUSED && plan.recompute == RECOMPUTE_NONE {
        scores = 2.5 * bytes * b * a.heads / tp * s * s / cp;
    }
    if plan.recompute == RECOMPUTE_SELECTIVE {
        kept = kept * (1.0 - setting.stack.selective_share);
    }
    return ActivationBytes(kept + scores, bytes * tokens * a.hidden / sharded_by);
}

fn in_flight(plan: Plan, stage: u32) -> f32 {
    let behind = plan.pp - stage - 1u;
    if plan.vpp > 1u {
        let chunks = f32(2u * behind + (plan.vpp - 1u) * plan.pp + 1u);
        return min(chunks, f32(plan.micro_batches) * f32(plan.vpp)) / f32(plan.vpp);
    }
    return f32(min(plan.micro_batches, behind + 1u));
}

fn state_bytes(setting: Setting, plan: Plan, params: f32, ranks: u32) -> f32 {
    let n = f32(ranks);
    let gradient = setting.stack.gradient_bytes;
    let adam = 12.0;
    if setting.workload.training != FULL_TRAINING {
        return params * select(2.0, 1.0, is_narrow(plan.precision_code)) / select(1.0, n, plan.shard == SHARD_FULL);
    }
    switch plan.shard {
        case SHARD_NONE: { return params * (2.0 + gradient + adam); }
        case SHARD_OPTIMIZER: { return params * (2.0 + gradient + adam / n); }
        case SHARD_GRADS: { return params * (2.0 + (gradient + adam) / n); }
        default: { return params * ((4.0 + adam) / n); }
    }
}

fn stage_memory(setting: Setting, plan: Plan, layers: f32, stage: u32) -> StageMemory {
    let a = setting.workload;
    let first = stage == 0u;
    let last = stage + 1u == plan.pp;
    let tp = f32(plan.tp);
    let vocab = padded_vocab(setting, plan.tp);
    var held = held_params(setting, plan, layers);
    if first {
        held.dense += (vocab + a.positions) * a.hidden / tp;
    }
    if last && (!first || a.tied == 0u) {
        held.dense += vocab * a.hidden / tp;
    }
    var states = state_bytes(setting, plan, held.dense, held.dense_shards)
        + state_bytes(setting, plan, held.expert, held.expert_shards);
    if plan.shard == SHARD_FULL {
        // Two gathered layers at work.
        states += 4.0 * held_total(held) / max(layers, 1.0);
    }
    let bytes = activation_bytes(setting, plan);
    let depth = in_flight(plan, stage) * layers;
    var activations = depth * bytes.kept;
    if plan.recompute == RECOMPUTE_FULL {
        activations = depth * bytes.checkpoint + bytes.kept;
    }
    let tokens = f32(plan.micro_batch) * a.seq_len / f32(plan.cp);
    return StageMemory(
        states,
        activations,
        select(0.0, select(12.0, 6.0, setting.stack.fused_loss != 0u) * tokens * vocab / tp, last),
        setting.calibration.memory_reserve_bytes,
    );
}

fn memory(setting: Setting, plan: Plan) -> Memory {
    let layers = stage_layers(setting.workload.layers, plan);
    return Memory(
        stage_memory(setting, plan, layers.fullest, 0u),
        stage_memory(setting, plan, layers.last, plan.pp - 1u),
        setting.chip.memory_bytes * setting.calibration.memory_usable,
    );
}

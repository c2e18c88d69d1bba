// Device memory of the first and the last pipeline stage: states, activations, what is held briefly, reserve.
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
    step: f32,
    activations: f32,
    working: f32,
    reserve: f32,
}

fn allocated(stage: StageMemory) -> f32 {
    return stage.states + max(stage.step, stage.activations + stage.working);
}

fn stage_total(stage: StageMemory) -> f32 {
    return allocated(stage) + stage.reserve;
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

// Bytes of activations of one layer and micro-batch.
struct ActivationBytes {
    whole: f32,
    kept: f32,
    checkpoint: f32,
    backward: f32,
}

// Feed-forward values a token of a layer: `widths` of its intermediate tensors, `rows` of dispatched inputs and outputs.
fn feed_forward_values(a: WorkloadRow, tp: f32, widths: f32, rows: f32) -> f32 {
    let moe = clamp(a.moe_layers / a.layers, 0.0, 1.0);
    let routed = a.top_k * a.capacity / tp;
    let experts = routed * (rows * a.hidden + widths * a.expert_ffn) + widths * a.shared_ffn / tp;
    return (1.0 - moe) * widths * a.ffn / tp + moe * experts;
}

fn activation_bytes(setting: Setting, plan: Plan) -> ActivationBytes {
    let a = setting.workload;
    let stack = setting.stack;
    let tp = f32(plan.tp);
    let cp = f32(plan.cp);
    let b = f32(plan.micro_batch);
    let s = a.seq_len;
    let tokens = b * s / cp;
    let sharded_by = select(1.0, tp, plan.sequence_parallel != 0u);
    let gathered = select(sharded_by, 1.0, stack.sequence_gathered_kept != 0u);
    let matrices = select(2.0, 3.0, a.gated != 0u);
    let single = is_single(plan.precision_code);
    let narrow = is_narrow(plan.precision_code);
    let bytes = select(2.0, 4.0, single);
    let scale = bytes * tokens * setting.calibration.memory_activation;
    let query = a.heads * a.head_dim / tp;
    let latent = a.q_lora + a.kv_lora + a.rope_dim;
    let wide = a.heads * (2.0 * (a.nope_dim + a.rope_dim) + a.v_dim) / tp;
    let compressed = a.kv_lora > 0.0;
    let projected = select(query + 2.0 * a.kv_heads * a.head_dim / tp, latent + wide, compressed);
    let attention = projected + select(query, a.heads * a.v_dim / tp, compressed);
    let separate = a.gated != 0u && stack.fused_vector_ops == 0u;
    let inputs = 2.0 * a.hidden / sharded_by + select(0.0, a.hidden / sharded_by, stack.dropout != 0u);
    let outputs = 2.0 * a.hidden / gathered;
    let halved = select(0.0, 0.5 * (outputs + feed_forward_values(a, tp, 1.0, 1.0)), narrow && stack.narrow_inputs_kept != 0u);
    let unread = select(a.hidden / gathered + feed_forward_values(a, tp, 1.0, 0.0), 0.0, a.training == FULL_TRAINING);
    let whole = inputs + outputs + attention + feed_forward_values(a, tp, matrices, 2.0)
        + select(0.0, 4.0 * a.hidden / sharded_by + feed_forward_values(a, tp, 1.0, 0.0), separate)
        - halved
        - unread;
    var selective = whole * (1.0 - stack.selective_share);
    if stack.selective_gemms != 0u {
        selective = 2.0 * a.hidden / sharded_by + (attention - projected)
            + 0.5 * (projected + feed_forward_values(a, tp, matrices - 1.0, 2.0));
    } else if stack.selective_elementwise != 0u {
        selective = inputs + (attention - select(0.0, wide, compressed)) + feed_forward_values(a, tp, matrices - 1.0, 2.0);
    }
    var scores = 0.0;
    if stack.attention == ATTENTION_KERNEL_UNFUSED {
        scores = select(1.0, 2.5, stack.dropout != 0u) * bytes * b * a.heads / tp * s * s / cp;
    }
    let checkpoint = bytes * tokens * a.hidden / sharded_by;
    var kept = checkpoint;
    switch plan.recompute {
        case RECOMPUTE_NONE: { kept = scale * whole + scores; }
        case RECOMPUTE_SELECTIVE: { kept = scale * selective; }
        default: {}
    }
    return ActivationBytes(
        scale * whole + scores,
        kept,
        checkpoint,
        bytes * tokens * (2.0 * a.hidden / gathered + feed_forward_values(a, tp, matrices - 1.0, 1.0)),
    );
}

fn in_flight(plan: Plan, stage: u32) -> f32 {
    let behind = plan.pp - stage - 1u;
    if plan.vpp > 1u {
        let chunks = f32(2u * behind + (plan.vpp - 1u) * plan.pp + 1u);
        return min(chunks, f32(plan.micro_batches) * f32(plan.vpp)) / f32(plan.vpp);
    }
    return f32(min(plan.micro_batches, behind + 1u));
}

// States of some parameters, and what the optimizer's step copies of their gradients.
struct StateBytes {
    held: f32,
    copied: f32,
}

fn state_bytes(setting: Setting, plan: Plan, params: f32, ranks: u32) -> StateBytes {
    let n = f32(ranks);
    let stack = setting.stack;
    if setting.workload.training != FULL_TRAINING {
        let held = select(2.0, 1.0, is_narrow(plan.precision_code)) / select(1.0, n, plan.shard == SHARD_FULL);
        return StateBytes(params * held, 0.0);
    }
    let gradient = stack.gradient_buffer_bytes;
    let copies = stack.optimizer_gradient_bytes;
    let adam = select(4.0, 12.0, stack.master_weights != 0u);
    switch plan.shard {
        case SHARD_NONE: { return StateBytes(params * (2.0 + gradient + adam), params * copies); }
        case SHARD_OPTIMIZER: { return StateBytes(params * (2.0 + gradient + adam / n), params * (copies / n)); }
        case SHARD_GRADS: { return StateBytes(params * (2.0 + (gradient + adam) / n), params * (copies / n)); }
        default: { return StateBytes(params * ((4.0 + adam) / n), 0.0); }
    }
}

fn gathered_bytes(setting: Setting, plan: Plan, held: HeldParams, ends: f32, layers: f32) -> f32 {
    let a = setting.workload;
    let gradient = select(0.0, setting.stack.gradient_bytes, a.training == FULL_TRAINING);
    if plan.pp > 1u && setting.stack.gathered_in_pipeline != 0u {
        return (2.0 + gradient) * held_total(held);
    }
    let layer = (held_total(held) - ends) / max(layers, 1.0);
    let dense = a.hidden * max(a.ffn, a.heads * a.head_dim) / f32(plan.tp);
    let experts = a.hidden * a.experts * a.expert_ffn / (f32(plan.ep) * f32(plan.etp));
    let unit = select(layer, min(max(dense, experts), layer), setting.stack.gathers_tensors != 0u);
    return 2.0 * ends + (4.0 + gradient) * unit;
}

fn stage_memory(setting: Setting, plan: Plan, layers: f32, stage: u32) -> StageMemory {
    let a = setting.workload;
    let stack = setting.stack;
    let first = stage == 0u;
    let last = stage + 1u == plan.pp;
    let tp = f32(plan.tp);
    let vocab = padded_vocab(setting, plan.tp);
    let embedding = select(0.0, (vocab + a.positions) * a.hidden / tp, first);
    let head = select(0.0, vocab * a.hidden / tp, last && (!first || a.tied == 0u));
    var held = held_params(setting, plan, layers);
    held.dense += embedding + head;
    let dense = state_bytes(setting, plan, held.dense, held.dense_shards);
    let expert = state_bytes(setting, plan, held.expert, held.expert_shards);
    let sharded = plan.shard == SHARD_FULL;
    var gathered = 0.0;
    if sharded {
        gathered = gathered_bytes(setting, plan, held, embedding + head, layers);
    }
    let bucket = stack.bucket_elements;
    let buckets = select(
        0.0,
        stack.gradient_bytes * max(bucket, max(embedding, head)) + 2.0 * bucket,
        bucket > 0.0 && plan.dp > 1u && !sharded,
    );
    let bytes = activation_bytes(setting, plan);
    let flight = in_flight(plan, stage);
    let outputs = select(0.0, flight * bytes.checkpoint, plan.pp > 1u && stack.pipeline_outputs_kept != 0u);
    let tokens = f32(plan.micro_batch) * a.seq_len / f32(plan.cp);
    let logit_bytes = select(stack.logit_bytes, stack.split_logit_bytes, plan.tp > 1u);
    let loss = select(0.0, logit_bytes * tokens * vocab / tp, last);
    let layer = bytes.backward + bytes.whole - min(bytes.kept, bytes.whole);
    return StageMemory(
        dense.held + expert.held + gathered,
        dense.copied + expert.copied + buckets,
        flight * layers * bytes.kept + outputs,
        max(loss, layer),
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

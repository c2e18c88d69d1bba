// Time of one optimizer step: pipeline, bubble, exposed communication, optimizer, stragglers.
//
// Twin: `src/model/schedule.rs`.

struct StepTime {
    gemm: f32,
    attention: f32,
    vector: f32,
    launch: f32,
    recompute: f32,
    head: f32,
    tp: f32,
    ep: f32,
    cp: f32,
    fsdp: f32,
    pp: f32,
    bubble: f32,
    imbalance: f32,
    dp: f32,
    optimizer: f32,
    straggler: f32,
    hidden_matrix: f32,
    hidden_memory: f32,
}

fn step_total(t: StepTime) -> f32 {
    return t.gemm + t.attention + t.vector + t.launch + t.recompute + t.head + t.tp + t.ep + t.cp
        + t.fsdp + t.pp + t.bubble + t.imbalance + t.dp + t.optimizer + t.straggler;
}

fn step_matrix(t: StepTime) -> f32 {
    return t.gemm + t.attention + t.hidden_matrix;
}

fn step_memory_bound(t: StepTime) -> f32 {
    return t.vector + t.optimizer + t.hidden_memory;
}

fn step_waiting(t: StepTime) -> f32 {
    return max(step_total(t) - step_matrix(t) - step_memory_bound(t), 0.0);
}

fn accumulation_bytes(setting: Setting) -> f32 {
    switch setting.stack.accumulation {
        case ACCUMULATION_EAGERHALF: { return 6.0; }
        case ACCUMULATION_EAGERMIXED: { return 18.0; }
        default: { return 8.0 * setting.calibration.accumulation_fused; }
    }
}

fn exposed(setting: Setting, compute: f32, share: f32, communication: f32) -> f32 {
    let hidden = min(communication, share * compute);
    return communication - hidden + setting.calibration.contention * hidden;
}

const ADAPTER_SHARE: f32 = 0.01;
const STEP_END_S: f32 = 2e-3;

fn reduction(setting: Setting, plan: Plan, params: f32, n: u32, stride: u32) -> f32 {
    let g = group(setting, n, stride);
    let gradients = params * setting.stack.gradient_bytes;
    if plan.shard == SHARD_NONE {
        return all_reduce(setting, gradients, g);
    }
    let weights = all_gather(setting, 2.0 * params, g);
    if setting.stack.reduce_scatter != 0u {
        return all_gather(setting, gradients, g) + weights;
    }
    return all_reduce(setting, gradients, g) + weights;
}

fn between_replicas(setting: Setting, params: f32, n: u32, shards: u32, stride: u32) -> f32 {
    let shard = params * setting.stack.gradient_bytes / f32(shards);
    return all_reduce(setting, shard, group(setting, n / shards, stride * shards));
}

// Bytes a parameter in which ZeRO-3 gathers weights.
fn gathered_width(setting: Setting, plan: Plan) -> f32 {
    return select(2.0, 1.5, is_narrow(plan.precision_code) && setting.stack.fused_vector_ops != 0u);
}

// All-gather or reduce-scatter of one layer's parameters over the ranks that shard them.
fn sharded_collective(setting: Setting, plan: Plan, one: HeldParams, bytes: f32) -> f32 {
    return all_gather(setting, one.dense * bytes, group(setting, one.dense_shards, plan.tp))
        + all_gather(setting, one.expert * bytes, group(setting, one.expert_shards, plan.ep * plan.etp));
}

// Exposed pipeline messages of one micro-batch on one rank, forward and backward.
fn pipeline_message(setting: Setting, plan: Plan) -> f32 {
    let tokens = f32(plan.micro_batch) * setting.workload.seq_len / f32(plan.cp);
    let scattered = plan.sequence_parallel != 0u || setting.stack.pipeline_scatter_gather != 0u;
    let bytes = 2.0 * tokens * setting.workload.hidden / select(1.0, f32(plan.tp), scattered);
    return 2.0 * f32(plan.vpp) * point_to_point(setting, bytes, plan.tp * plan.cp * plan.dp)
        * (1.0 - setting.calibration.overlap_pp * setting.stack.overlap_pp);
}

fn slowest_stage(layers: f32, pp: f32, head: f32, last: f32) -> f32 {
    return max(ceil_divide(layers - last, pp - 1.0), last + head);
}

fn balanced(layers: f32, pp: f32, head: f32) -> f32 {
    let mean = (layers + head) / pp;
    let last = clamp(floor(mean - head), 0.0, layers);
    return min(slowest_stage(layers, pp, head, last), slowest_stage(layers, pp, head, min(last + 1.0, layers)));
}

fn step_time(setting: Setting, plan: Plan, clock: f32) -> StepTime {
    return step_time_of(setting, plan, layer_time(setting, plan, clock));
}

// The same, given the time of its layers.
fn step_time_of(setting: Setting, plan: Plan, layer: LayerTime) -> StepTime {
    let c = setting.calibration;
    let stack = setting.stack;
    let a = setting.workload;
    let full_training = a.training == FULL_TRAINING;
    let hbm = setting.chip.hbm_bytes_per_s * setting.chip.hbm_fraction;
    let pp = f32(plan.pp);
    let vpp = f32(plan.vpp);
    let m = f32(plan.micro_batches);

    // One layer and micro-batch.
    var repeated = 0.0;
    if plan.recompute == RECOMPUTE_SELECTIVE {
        repeated = stack.selective_share;
    } else if plan.recompute == RECOMPUTE_FULL {
        repeated = 1.0;
    }
    let scores_again = select(
        0.0, layer.attention_forward, plan.recompute == RECOMPUTE_SELECTIVE && stack.attention == ATTENTION_KERNEL_UNFUSED,
    );
    let elementwise = select(
        0.0, layer.forward.vector, plan.recompute == RECOMPUTE_SELECTIVE && stack.selective_elementwise != 0u,
    );
    let projected = select(0.0, layer.latent_forward, elementwise > 0.0);
    var spared = PassTime(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    if plan.recompute == RECOMPUTE_FULL && stack.recompute_stops_early != 0u {
        spared = layer.tail;
    }
    let recompute = repeated * pass_total(layer.forward)
        - pass_total(spared)
        + scores_again
        + elementwise
        + projected;
    let recompute_matrix = repeated * (layer.forward.gemm + layer.forward.attention) - spared.gemm + scores_again + projected;
    let recompute_memory = repeated * layer.forward.vector + elementwise;

    let one = held_params(setting, plan, 1.0);
    let sharded = plan.shard == SHARD_FULL;
    var fsdp = 0.0;
    if sharded && plan.dp * plan.cp > 1u {
        let gather = sharded_collective(setting, plan, one, gathered_width(setting, plan));
        var scatter = 0.0;
        if full_training {
            scatter = sharded_collective(setting, plan, one, stack.gradient_bytes);
        }
        let share = c.overlap_fsdp * stack.overlap_fsdp;
        fsdp = exposed(setting, pass_total(layer.forward), share, gather)
            + exposed(setting, pass_total(layer.backward) + recompute, share, gather + scatter);
    }
    var accumulated = 1.0;
    if !full_training || (setting.chip.systolic != 0u && plan.micro_batches == 1u) {
        accumulated = 0.0;
    } else if sharded {
        accumulated = select(0.0, 1.0 / f32(one.dense_shards), plan.micro_batches > 1u);
    }
    let accumulation = accumulation_bytes(setting) * held_total(one) * accumulated / hbm;

    // Stages.
    let per_layer = pass_total(layer.forward) + pass_total(layer.backward) + recompute + fsdp + accumulation;
    let ends = pass_total(layer.head) + a.mtp_depth * per_layer;
    let head = ends + pass_total(layer.embedding);
    let mean = (a.layers * per_layer + head) / pp;
    let stages = stage_layers(a.layers, plan);
    var slowest = mean;
    if plan.pp != 1u && stack.balanced_stages != 0u && u32(a.layers) % (plan.pp * plan.vpp) != 0u {
        slowest = balanced(a.layers, pp, ends / per_layer) * per_layer;
    } else if plan.pp != 1u {
        slowest = max(
            stages.fullest * per_layer + 0.5 * pass_total(layer.embedding),
            stages.last * per_layer + ends + 0.5 * pass_total(layer.embedding),
        );
    }
    var message = 0.0;
    var bubble = 0.0;
    if plan.pp > 1u {
        message = pipeline_message(setting, plan);
        bubble = (pp - 1.0) / vpp * (mean + message);
    }

    // Once a step.
    let stage = held_params(setting, plan, a.layers / pp);
    let outer = a.hidden * a.vocab * select(2.0, 1.0, a.tied != 0u) / f32(plan.tp) / min(pp, 2.0);
    let dense = stage.dense + outer;
    let trained = select(ADAPTER_SHARE, 1.0, full_training);
    var communication = 0.0;
    if sharded {
        communication = between_replicas(setting, dense, stage.dense_group, stage.dense_shards, plan.tp)
            + between_replicas(setting, stage.expert, stage.expert_group, stage.expert_shards, plan.ep * plan.etp);
    } else {
        communication = reduction(setting, plan, dense, stage.dense_group, plan.tp)
            + reduction(setting, plan, stage.expert, stage.expert_group, plan.ep * plan.etp);
    }
    communication *= trained;
    let window = pass_total(layer.backward) * a.layers / pp * select(1.0, 1.0 + 1.0 / vpp, plan.pp > 1u);
    let dp = communication - min(communication, c.overlap_dp * stack.overlap_dp * window);
    let updated = select(
        dense / f32(stage.dense_shards) + stage.expert / f32(stage.expert_shards), dense + stage.expert, plan.shard == SHARD_NONE,
    ) * trained;
    let copied = select(dense + stage.expert, 0.0, sharded || !full_training);
    let optimizer = (c.optimizer_bytes * updated + 4.0 * copied) / hbm + STEP_END_S;

    // A stage's mean work, cause by cause; then what waiting adds.
    let layers = m * a.layers / pp;
    let heads = m / pp;
    let both = pass_mix(layer.forward, 1.0, layer.backward, 1.0);
    var t = StepTime(
        layers * both.gemm,
        layers * both.attention,
        layers * (both.vector + accumulation),
        layers * both.launch,
        layers * recompute,
        heads * head,
        layers * both.tp,
        layers * both.ep,
        layers * both.cp,
        layers * fsdp,
        m * message,
        bubble,
        m * (slowest - mean),
        dp,
        optimizer,
        0.0,
        layers * recompute_matrix + heads * layer.head.gemm,
        layers * recompute_memory + heads * (layer.head.vector + layer.embedding.vector),
    );
    let ranks = f32(plan_ranks(plan));
    t.straggler = step_total(t) * c.straggler * max(log2(ranks / 8.0), 0.0);
    return t;
}

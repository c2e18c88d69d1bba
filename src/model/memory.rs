//! Device memory of the first and the last pipeline stage: states, activations, what is held briefly, reserve.
//!
//! Twin: `shaders/model/memory.wgsl`. Activations follow the operation list of Korthikanti et al., "Reducing Activation Recomputation
//! in Large Transformer Models" (2022); states are those of mixed-precision Adam and ZeRO (Rajbhandari et al. 2020).

use super::network::group;
use super::operations::padded_vocab;
use super::plan::{Plan, Recompute, Shard};
use super::setting::Setting;
use super::weights::Weights;
use crate::library::stack::AttentionKernel;
use crate::library::workload::Training;

/// Bytes of a GiB.
pub const GIB: f64 = 1_073_741_824.0;

/// Parameters that a rank of one stage holds before data-parallel sharding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldParams {
    pub dense: f64,
    pub expert: f64,
    /// Ranks over which the dense and the expert parameters are sharded or reduced.
    pub dense_group: u32,
    pub expert_group: u32,
    /// Ranks over which each is sharded: the group, or its part inside one domain under hybrid sharding.
    pub dense_shards: u32,
    pub expert_shards: u32,
}

impl HeldParams {
    /// All parameters held.
    pub fn total(&self) -> f64 {
        self.dense + self.expert
    }
}

/// Bytes of one stage by use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageMemory {
    /// Weights, gradients, optimizer states.
    pub states: f64,
    /// Held at the end of a step only: buckets of the reduction, copies of gradients that the optimizer makes.
    pub step: f64,
    /// Kept for backward by the micro-batches in flight.
    pub activations: f64,
    /// Held briefly by a micro-batch: logits with their gradient, or the layer at work.
    pub working: f64,
    /// Context, libraries, communication buffers.
    pub reserve: f64,
}

impl StageMemory {
    /// What the framework's allocator hands out at most. Backward has given its tensors back when the step begins.
    pub fn allocated(&self) -> f64 {
        self.states + self.step.max(self.activations + self.working)
    }

    /// What the framework's allocator has taken from the device by then: blocks that backward gave back stay cached, and
    /// are too small for the flat buffers of the step.
    pub fn reserved(&self, cached: f64) -> f64 {
        cached * (self.states + self.step + self.activations + self.working)
    }

    /// What the stage needs on the device.
    pub fn total(&self) -> f64 {
        self.allocated() + self.reserve
    }
}

/// Memory of the first and the last stage (the others lie between them), and what a rank can hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    pub first: StageMemory,
    pub last: StageMemory,
    pub usable: f64,
}

impl Memory {
    /// Bytes of the fuller stage.
    pub fn peak(&self) -> f64 {
        self.first.total().max(self.last.total())
    }
}

/// Whether a whole number of slots fills up with layers evenly.
pub fn divides(slots: f64, layers: f64) -> bool {
    let share = layers / slots;
    share == share.floor()
}

/// Layers of the fullest stage and of the last one: as even as possible; where layers with embedding and head divide
/// evenly, these two count as a layer each.
pub fn stage_layers(layers: f64, plan: &Plan) -> (f64, f64) {
    let pp = f64::from(plan.pp);
    if plan.pp == 1 {
        return (layers, layers);
    }
    let slots = pp * f64::from(plan.vpp);
    let whole = (layers / slots).floor();
    let rest = layers - whole * slots;
    if rest == 0.0 {
        let even = layers / pp;
        return (even, even);
    }
    if divides(slots, layers + 2.0) {
        let even = (layers + 2.0) / pp;
        return (even, even - 1.0);
    }
    let base = whole * f64::from(plan.vpp);
    (base + (rest / pp).ceil(), base + (rest / pp).floor())
}

/// Parameters of one layer that a rank holds before data-parallel sharding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerParams {
    pub dense: f64,
    pub expert: f64,
}

/// Parameters that a rank holds of the mean layer.
pub fn layer_params(setting: &Setting, plan: &Plan) -> LayerParams {
    let a = &setting.workload.architecture;
    let weights = Weights::of(a);
    let (tp, ep, etp) = (f64::from(plan.tp), f64::from(plan.ep), f64::from(plan.etp));
    let moe = (a.moe_layers / a.layers).clamp(0.0, 1.0);
    let router = if a.experts > 0.0 { a.hidden * a.experts } else { 0.0 };
    let dense =
        weights.attention / tp + (1.0 - moe) * weights.dense_ffn / tp + moe * ((weights.shared - router) / tp + router);
    LayerParams { dense, expert: moe * a.experts * weights.expert / (ep * etp) }
}

/// Parameters that a rank holds in a stage of `layers` layers, without embedding and head.
pub fn held_params(setting: &Setting, plan: &Plan, layers: f64) -> HeldParams {
    held_params_of(setting, plan, &layer_params(setting, plan), layers)
}

/// The same, given what a layer holds.
pub fn held_params_of(setting: &Setting, plan: &Plan, one: &LayerParams, layers: f64) -> HeldParams {
    let dense_group = plan.dp * plan.cp;
    let expert_group = (plan.dp * plan.cp * plan.tp / (plan.ep * plan.etp)).max(1);
    let hybrid = plan.shard == Shard::Full && setting.stack.hybrid_sharding && setting.cluster.torus;
    let shards = |n: u32, stride: u32| if hybrid { group(setting, n, stride).inside as u32 } else { n };
    HeldParams {
        dense: layers * one.dense,
        expert: layers * one.expert,
        dense_group,
        expert_group,
        dense_shards: shards(dense_group, plan.tp),
        expert_shards: shards(expert_group, plan.ep * plan.etp),
    }
}

/// Bytes of activations of one layer and micro-batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivationBytes {
    /// Kept for backward where nothing is recomputed.
    pub whole: f64,
    /// Kept for backward under the plan's recompute.
    pub kept: f64,
    /// The layer's input.
    pub checkpoint: f64,
    /// Gradients at work in its backward.
    pub backward: f64,
}

/// Activations of one layer and one micro-batch.
pub fn activation_bytes(setting: &Setting, plan: &Plan) -> ActivationBytes {
    let (a, stack) = (&setting.workload.architecture, &setting.stack);
    let (tp, cp, b) = (f64::from(plan.tp), f64::from(plan.cp), f64::from(plan.micro_batch));
    let s = setting.workload.run.seq_len;
    let tokens = b * s / cp;
    let shard = if plan.sequence_parallel { tp } else { 1.0 };
    let gathered = if stack.sequence_gathered_kept { 1.0 } else { shard };
    let matrices = if a.gated { 3.0 } else { 2.0 };
    let bytes = if plan.precision.is_single() { 4.0 } else { 2.0 };
    let scale = bytes * tokens * setting.calibration.memory_activation;
    let query = a.heads * a.head_dim / tp;
    let (attention, projected, expanded) = if a.kv_lora > 0.0 {
        let latent = a.q_lora + a.kv_lora + a.rope_dim;
        let wide = a.heads * (2.0 * (a.nope_dim + a.rope_dim) + a.v_dim) / tp;
        (latent + wide + a.heads * a.v_dim / tp, latent + wide, wide)
    } else {
        (2.0 * query + 2.0 * a.kv_heads * a.head_dim / tp, query + 2.0 * a.kv_heads * a.head_dim / tp, 0.0)
    };
    let moe = (a.moe_layers / a.layers).clamp(0.0, 1.0);
    let routed = a.top_k * a.capacity / tp;
    let feed_forward = |widths: f64, rows: f64| {
        let experts = routed * (rows * a.hidden + widths * a.expert_ffn) + widths * a.shared_ffn / tp;
        (1.0 - moe) * widths * a.ffn / tp + moe * experts
    };
    // RMSNorm and SiLU as separate kernels keep an fp32 input of each norm and the gate's output.
    let separate = a.gated && !stack.fused_vector_ops;
    let inputs = 2.0 * a.hidden / shard + if stack.dropout { a.hidden / shard } else { 0.0 };
    let outputs = 2.0 * a.hidden / gathered;
    // Norms and activation functions write what GEMMs read: at half the bytes where it is kept in 8 bit.
    let halved = if plan.precision.is_narrow() && stack.narrow_inputs_kept {
        0.5 * (outputs + feed_forward(1.0, 1.0))
    } else {
        0.0
    };
    // A frozen base has no weight gradients: of the inputs of its GEMMs, only an adapter's is kept.
    let frozen = setting.workload.run.training != Training::Full;
    let unread = if frozen { a.hidden / gathered + feed_forward(1.0, 0.0) } else { 0.0 };
    let whole = inputs
        + outputs
        + attention
        + feed_forward(matrices, 2.0)
        + if separate { 4.0 * a.hidden / shard + feed_forward(1.0, 0.0) } else { 0.0 }
        - halved
        - unread;
    let selective = if stack.selective_gemms {
        // The layer's input, attention's output, every second GEMM's output.
        2.0 * a.hidden / shard + (attention - projected) + 0.5 * (projected + feed_forward(matrices - 1.0, 2.0))
    } else if stack.selective_elementwise {
        // Queries, keys and values of latent attention are projected up again.
        inputs + (attention - expanded) + feed_forward(matrices - 1.0, 2.0)
    } else {
        whole * (1.0 - stack.selective_share)
    };
    let scores = if stack.attention == AttentionKernel::Unfused {
        // Softmax's output; with dropout also its mask and its output.
        (if stack.dropout { 2.5 } else { 1.0 }) * bytes * b * a.heads / tp * s * s / cp
    } else {
        0.0
    };
    let checkpoint = bytes * tokens * a.hidden / shard;
    ActivationBytes {
        whole: scale * whole + scores,
        kept: match plan.recompute {
            Recompute::None => scale * whole + scores,
            Recompute::Selective => scale * selective,
            Recompute::Full => checkpoint,
        },
        checkpoint,
        backward: bytes * tokens * (2.0 * a.hidden / gathered + feed_forward(matrices - 1.0, 1.0)),
    }
}

/// Micro-batches in flight on stage `i`, in activations of the whole stage. Plain 1F1B: min(m, pp - i). Interleaved: the
/// rank warms up 2(pp - i - 1) + (vpp - 1)·pp chunks and holds one more (Narayanan et al. 2021), which for the first stage
/// is pp·(1 + (pp - 1)/(pp·vpp)).
pub fn in_flight(plan: &Plan, stage: u32) -> f64 {
    let behind = plan.pp - stage - 1;
    if plan.vpp > 1 {
        let chunks = f64::from(2 * behind + (plan.vpp - 1) * plan.pp + 1);
        chunks.min(f64::from(plan.micro_batches) * f64::from(plan.vpp)) / f64::from(plan.vpp)
    } else {
        f64::from(plan.micro_batches.min(behind + 1))
    }
}

/// Bytes of weights, gradients and optimizer states of `params` parameters sharded over `group` ranks, and of what the
/// optimizer's step copies of their gradients.
fn state_bytes(setting: &Setting, plan: &Plan, params: f64, group: u32) -> (f64, f64) {
    let (n, stack) = (f64::from(group), &setting.stack);
    if setting.workload.run.training != Training::Full {
        let held = if plan.precision.is_narrow() { 1.0 } else { 2.0 } / if plan.shard == Shard::Full { n } else { 1.0 };
        return (params * held, 0.0);
    }
    let gradient = stack.gradient_buffer_bytes;
    // Two moments, and the weights in fp32; or two moments in 16 bit.
    let adam = if stack.master_weights { 12.0 } else { 4.0 };
    let held = match plan.shard {
        Shard::None => 2.0 + gradient + adam,
        Shard::Optimizer => 2.0 + gradient + adam / n,
        Shard::Grads => 2.0 + (gradient + adam) / n,
        Shard::Full => (4.0 + adam) / n,
    };
    let copied = match plan.shard {
        Shard::None => stack.optimizer_gradient_bytes,
        Shard::Optimizer | Shard::Grads => stack.optimizer_gradient_bytes / n,
        Shard::Full => 0.0,
    };
    (params * held, params * copied)
}

/// Bytes of weights and gradients that full sharding has gathered at once: two units' weights (one at work, one
/// prefetched) with one unit's gradients, and the unit that holds embedding and head. A unit is a layer, or one of its
/// tensors. Some stacks keep a whole pipeline stage gathered, and add up its gradients unsharded, until the last
/// micro-batch is through.
fn gathered_bytes(setting: &Setting, plan: &Plan, held: &HeldParams, ends: f64, layers: f64) -> f64 {
    let (a, stack) = (&setting.workload.architecture, &setting.stack);
    let gradient = if setting.workload.run.training == Training::Full { stack.gradient_bytes } else { 0.0 };
    if plan.pp > 1 && stack.gathered_in_pipeline {
        return (2.0 + gradient) * held.total();
    }
    let layer = (held.total() - ends) / layers.max(1.0);
    let unit = if stack.gathers_tensors {
        let dense = a.hidden * a.ffn.max(a.heads * a.head_dim) / f64::from(plan.tp);
        let experts = a.hidden * a.experts * a.expert_ffn / (f64::from(plan.ep) * f64::from(plan.etp));
        dense.max(experts).min(layer)
    } else {
        layer
    };
    2.0 * ends + (4.0 + gradient) * unit
}

/// What plans that differ only in depth, replicas and sharding share of their memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerMemory {
    pub params: LayerParams,
    pub activations: ActivationBytes,
    /// Padded vocabulary.
    pub vocab: f64,
}

impl LayerMemory {
    /// The plan with every field at its least that this does not depend on: plans with equal keys share one value.
    pub fn key(plan: &Plan) -> Plan {
        Plan { pp: 1, vpp: 1, dp: 1, micro_batches: 1, shard: Shard::None, ..*plan }
    }
}

/// Memory of the mean layer.
pub fn layer_memory(setting: &Setting, plan: &Plan) -> LayerMemory {
    LayerMemory {
        params: layer_params(setting, plan),
        activations: activation_bytes(setting, plan),
        vocab: padded_vocab(setting, plan.tp),
    }
}

fn stage_memory(setting: &Setting, plan: &Plan, one: &LayerMemory, layers: f64, stage: u32) -> StageMemory {
    let (a, stack) = (&setting.workload.architecture, &setting.stack);
    let (first, last) = (stage == 0, stage + 1 == plan.pp);
    let tp = f64::from(plan.tp);
    let vocab = one.vocab;
    let embedding = if first { (vocab + a.positions) * a.hidden / tp } else { 0.0 };
    let head = if last && (!first || !a.tied) { vocab * a.hidden / tp } else { 0.0 };
    let mut held = held_params_of(setting, plan, &one.params, layers);
    held.dense += embedding + head;
    let (dense, dense_step) = state_bytes(setting, plan, held.dense, held.dense_shards);
    let (expert, expert_step) = state_bytes(setting, plan, held.expert, held.expert_shards);
    let sharded = plan.shard == Shard::Full;
    let gathered = if sharded { gathered_bytes(setting, plan, &held, embedding + head, layers) } else { 0.0 };
    // Gradients are reduced bucket by bucket; a tensor is never split. Updated weights are gathered likewise.
    let bucket = stack.bucket_elements;
    let buckets = if bucket > 0.0 && plan.dp > 1 && !sharded {
        stack.gradient_bytes * bucket.max(embedding.max(head)) + 2.0 * bucket
    } else {
        0.0
    };
    let bytes = &one.activations;
    let flight = in_flight(plan, stage);
    let outputs = if plan.pp > 1 && stack.pipeline_outputs_kept { flight * bytes.checkpoint } else { 0.0 };
    let tokens = f64::from(plan.micro_batch) * setting.workload.run.seq_len / f64::from(plan.cp);
    let logit_bytes = if plan.tp > 1 { stack.split_logit_bytes } else { stack.logit_bytes };
    let loss = if last { logit_bytes * tokens * vocab / tp } else { 0.0 };
    let layer = bytes.backward + bytes.whole - bytes.kept.min(bytes.whole);
    StageMemory {
        states: dense + expert + gathered,
        step: dense_step + expert_step + buckets,
        activations: flight * layers * bytes.kept + outputs,
        working: loss.max(layer),
        reserve: setting.calibration.memory_reserve_bytes,
    }
}

/// Memory of a plan.
pub fn memory(setting: &Setting, plan: &Plan) -> Memory {
    memory_of(setting, plan, &layer_memory(setting, plan))
}

/// The same, given the memory of its layers.
pub fn memory_of(setting: &Setting, plan: &Plan, one: &LayerMemory) -> Memory {
    let (fullest, last) = stage_layers(setting.workload.architecture.layers, plan);
    Memory {
        first: stage_memory(setting, plan, one, fullest, 0),
        last: stage_memory(setting, plan, one, last, plan.pp - 1),
        usable: setting.chip.memory_bytes * setting.calibration.memory_usable,
    }
}

//! Time of one optimizer step: pipeline, bubble, exposed communication, optimizer, stragglers.
//!
//! Twin: `shaders/model/schedule.wgsl`. Interleaved 1F1B after Narayanan et al., "Efficient Large-Scale Language Model
//! Training on GPU Clusters Using Megatron-LM" (SC 2021).

use super::memory::{HeldParams, LayerParams, divides, held_params, held_params_of, layer_params, stage_layers};
use super::network::{all_gather, all_reduce, group, point_to_point};
use super::operations::{LayerTime, PassTime, layer_time};
use super::plan::{Plan, Recompute, Shard};
use super::setting::Setting;
use crate::library::stack::{Accumulation, AttentionKernel};
use crate::library::workload::Training;

/// Seconds of a step by cause; they sum to the step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepTime {
    pub gemm: f64,
    pub attention: f64,
    pub vector: f64,
    pub launch: f64,
    pub recompute: f64,
    /// LM head, loss and embedding, spread over the stages.
    pub head: f64,
    pub tp: f64,
    pub ep: f64,
    pub cp: f64,
    /// Parameter gathers and gradient scatters of ZeRO-3 that stay exposed, and what the hidden ones cost compute.
    pub fsdp: f64,
    /// Pipeline messages.
    pub pp: f64,
    pub bubble: f64,
    /// Waiting for the slowest stage.
    pub imbalance: f64,
    /// Gradient reduction that stays exposed.
    pub dp: f64,
    pub optimizer: f64,
    pub straggler: f64,
    /// Matrix seconds (GEMM, attention) and memory-bound seconds inside `recompute` and `head`, for the power of each phase.
    pub hidden_matrix: f64,
    pub hidden_memory: f64,
}

impl StepTime {
    /// Names and seconds of the causes.
    pub fn causes(&self) -> [(&'static str, f64); 16] {
        [
            ("gemm", self.gemm),
            ("attention", self.attention),
            ("vector", self.vector),
            ("launch", self.launch),
            ("recompute", self.recompute),
            ("head", self.head),
            ("tp", self.tp),
            ("ep", self.ep),
            ("cp", self.cp),
            ("fsdp", self.fsdp),
            ("pp", self.pp),
            ("bubble", self.bubble),
            ("imbalance", self.imbalance),
            ("dp", self.dp),
            ("optimizer", self.optimizer),
            ("straggler", self.straggler),
        ]
    }

    /// The step.
    pub fn total(&self) -> f64 {
        self.causes().iter().map(|(_, seconds)| seconds).sum()
    }

    /// Seconds in which matrix units work.
    pub fn matrix(&self) -> f64 {
        self.gemm + self.attention + self.hidden_matrix
    }

    /// Seconds bound by device memory.
    pub fn memory_bound(&self) -> f64 {
        self.vector + self.optimizer + self.hidden_memory
    }

    /// Seconds in which the chip waits: exposed communication, bubbles, the host.
    pub fn waiting(&self) -> f64 {
        (self.total() - self.matrix() - self.memory_bound()).max(0.0)
    }
}

/// Bytes a parameter that the accumulation of weight gradients over micro-batches moves: a 16-bit sum (2 + 2 read, 2
/// written); a 16-bit gradient turned into a fp32 one and that added (2 + 4, 4 + 4 + 4: DeepSpeed's `bf16_optimizer.py`,
/// `update_hp_grads`); a fp32 sum inside the GEMM's epilogue.
fn accumulation_bytes(setting: &Setting) -> f64 {
    match setting.stack.accumulation {
        Accumulation::EagerHalf => 6.0,
        Accumulation::EagerMixed => 18.0,
        Accumulation::Fused => 8.0 * setting.calibration.accumulation_fused,
    }
}

/// Parameters of adapters over those of the model that they stand beside (assumed: at most a hundredth).
const ADAPTER_SHARE: f64 = 0.01;
/// Seconds of a step's end that no parameter pays for: gradient norm, its reduction, launches (assumed).
const STEP_END_S: f64 = 2e-3;

/// Exposed part of `communication` beside `compute`, of which a share can hide it; hiding slows the compute.
fn exposed(setting: &Setting, compute: f64, share: f64, communication: f64) -> f64 {
    let hidden = communication.min(share * compute);
    communication - hidden + setting.calibration.contention * hidden
}

/// Gradient reduction of one group of parameters, with the gather of updated weights where states are sharded.
fn reduction(setting: &Setting, plan: &Plan, params: f64, n: u32, stride: u32) -> f64 {
    let g = group(setting, n, stride);
    let gradients = params * setting.stack.gradient_bytes;
    let weights = all_gather(setting, 2.0 * params, g);
    if plan.shard == Shard::None {
        all_reduce(setting, gradients, g)
    } else if setting.stack.reduce_scatter {
        all_gather(setting, gradients, g) + weights
    } else {
        all_reduce(setting, gradients, g) + weights
    }
}

/// Gradient reduction between the replicas of hybrid sharding: each rank sends its shard across the domains.
fn between_replicas(setting: &Setting, params: f64, n: u32, shards: u32, stride: u32) -> f64 {
    let shard = params * setting.stack.gradient_bytes / f64::from(shards);
    all_reduce(setting, shard, group(setting, n / shards, stride * shards))
}

/// Bytes a parameter in which ZeRO-3 gathers weights.
fn gathered_width(setting: &Setting, plan: &Plan) -> f64 {
    if plan.precision.is_narrow() && setting.stack.fused_vector_ops { 1.5 } else { 2.0 }
}

/// All-gather or reduce-scatter of one layer's parameters over the ranks that shard them.
fn sharded_collective(setting: &Setting, plan: &Plan, one: &HeldParams, bytes: f64) -> f64 {
    all_gather(setting, one.dense * bytes, group(setting, one.dense_shards, plan.tp))
        + all_gather(setting, one.expert * bytes, group(setting, one.expert_shards, plan.ep * plan.etp))
}

/// Exposed part of a layer's parameter gather beside a forward pass of `forward` seconds, with what the hidden part
/// costs; 0 where parameters are not sharded.
pub(super) fn exposed_gather(setting: &Setting, plan: &Plan, forward: f64) -> f64 {
    if plan.shard != Shard::Full || plan.dp * plan.cp <= 1 {
        return 0.0;
    }
    let one = held_params(setting, plan, 1.0);
    let gather = sharded_collective(setting, plan, &one, gathered_width(setting, plan));
    exposed(setting, forward, setting.calibration.overlap_fsdp * setting.stack.overlap_fsdp, gather)
}

/// Exposed pipeline messages of one micro-batch on one rank, forward and backward; 0 without a pipeline.
pub(super) fn pipeline_message(setting: &Setting, plan: &Plan) -> f64 {
    if plan.pp <= 1 {
        return 0.0;
    }
    let tokens = f64::from(plan.micro_batch) * setting.workload.run.seq_len / f64::from(plan.cp);
    let scattered = plan.sequence_parallel || setting.stack.pipeline_scatter_gather;
    let split = if scattered { f64::from(plan.tp) } else { 1.0 };
    let bytes = 2.0 * tokens * setting.workload.architecture.hidden / split;
    2.0 * f64::from(plan.vpp)
        * point_to_point(setting, bytes, plan.tp * plan.cp * plan.dp)
        * (1.0 - setting.calibration.overlap_pp * setting.stack.overlap_pp)
}

/// Work of the slowest of `pp` stages that share `layers` layers as evenly as whole layers allow, where the last also
/// carries a head that is worth `head` layers.
fn balanced(layers: f64, pp: f64, head: f64) -> f64 {
    let mean = (layers + head) / pp;
    let last = (mean - head).floor().clamp(0.0, layers);
    let slowest = |last: f64| ((layers - last) / (pp - 1.0)).ceil().max(last + head);
    slowest(last).min(slowest((last + 1.0).min(layers)))
}

/// Times one step at a clock ratio.
pub fn step_time(setting: &Setting, plan: &Plan, clock: f64) -> StepTime {
    step_time_of(setting, plan, &layer_time(setting, plan, clock), &layer_params(setting, plan))
}

/// The same, given the time of its layers and the parameters that a rank holds of one.
pub fn step_time_of(setting: &Setting, plan: &Plan, layer: &LayerTime, params: &LayerParams) -> StepTime {
    let (c, stack, a) = (&setting.calibration, &setting.stack, &setting.workload.architecture);
    let full_training = setting.workload.run.training == Training::Full;
    let hbm = setting.chip.hbm_bytes_per_s * setting.chip.hbm_fraction;
    let (pp, vpp, m) = (f64::from(plan.pp), f64::from(plan.vpp), f64::from(plan.micro_batches));

    // One layer and micro-batch.
    let repeated = match plan.recompute {
        Recompute::None => 0.0,
        Recompute::Selective => stack.selective_share,
        Recompute::Full => 1.0,
    };
    let scores_again = if plan.recompute == Recompute::Selective && stack.attention == AttentionKernel::Unfused {
        layer.attention_forward
    } else {
        0.0
    };
    let elementwise =
        if plan.recompute == Recompute::Selective && stack.selective_elementwise { layer.forward.vector } else { 0.0 };
    let projected = if elementwise > 0.0 { layer.latent_forward } else { 0.0 };
    let spared =
        if plan.recompute == Recompute::Full && stack.recompute_stops_early { layer.tail } else { PassTime::default() };
    let recompute = repeated * layer.forward.total() - spared.total() + scores_again + elementwise + projected;
    let recompute_matrix =
        repeated * (layer.forward.gemm + layer.forward.attention) - spared.gemm + scores_again + projected;
    let recompute_memory = repeated * layer.forward.vector + elementwise;

    let one: HeldParams = held_params_of(setting, plan, params, 1.0);
    let sharded = plan.shard == Shard::Full;
    let fsdp = if sharded && plan.dp * plan.cp > 1 {
        let gather = sharded_collective(setting, plan, &one, gathered_width(setting, plan));
        let scatter = if full_training { sharded_collective(setting, plan, &one, stack.gradient_bytes) } else { 0.0 };
        let share = c.overlap_fsdp * stack.overlap_fsdp;
        exposed(setting, layer.forward.total(), share, gather)
            + exposed(setting, layer.backward.total() + recompute, share, gather + scatter)
    } else {
        0.0
    };
    let accumulated = if !full_training || (setting.chip.systolic && plan.micro_batches == 1) {
        0.0
    } else if sharded {
        if plan.micro_batches > 1 { 1.0 / f64::from(one.dense_shards) } else { 0.0 }
    } else {
        1.0
    };
    let accumulation = accumulation_bytes(setting) * one.total() * accumulated / hbm;

    // Stages.
    let per_layer = layer.forward.total() + layer.backward.total() + recompute + fsdp + accumulation;
    // Each token-prediction module is a layer before its own head.
    let ends = layer.head.total() + a.mtp_depth * per_layer;
    let head = ends + layer.embedding.total();
    let mean = (a.layers * per_layer + head) / pp;
    let (fullest, last) = stage_layers(a.layers, plan);
    let slowest = if plan.pp == 1 {
        mean
    } else if stack.balanced_stages && !divides(pp * vpp, a.layers) {
        balanced(a.layers, pp, ends / per_layer) * per_layer
    } else {
        (fullest * per_layer + 0.5 * layer.embedding.total())
            .max(last * per_layer + ends + 0.5 * layer.embedding.total())
    };
    let (message, bubble) = if plan.pp > 1 {
        let message = pipeline_message(setting, plan);
        (message, (pp - 1.0) / vpp * (mean + message))
    } else {
        (0.0, 0.0)
    };

    // Once a step.
    let stage = held_params_of(setting, plan, params, a.layers / pp);
    let outer = a.hidden * a.vocab * if a.tied { 1.0 } else { 2.0 } / f64::from(plan.tp) / pp.min(2.0);
    let dense = stage.dense + outer;
    let trained = if full_training { 1.0 } else { ADAPTER_SHARE };
    let communication = if sharded {
        between_replicas(setting, dense, stage.dense_group, stage.dense_shards, plan.tp)
            + between_replicas(setting, stage.expert, stage.expert_group, stage.expert_shards, plan.ep * plan.etp)
    } else {
        reduction(setting, plan, dense, stage.dense_group, plan.tp)
            + reduction(setting, plan, stage.expert, stage.expert_group, plan.ep * plan.etp)
    } * trained;
    let window = layer.backward.total() * a.layers / pp * if plan.pp > 1 { 1.0 + 1.0 / vpp } else { 1.0 };
    let dp = communication - communication.min(c.overlap_dp * stack.overlap_dp * window);
    let updated = if plan.shard == Shard::None {
        dense + stage.expert
    } else {
        dense / f64::from(stage.dense_shards) + stage.expert / f64::from(stage.expert_shards)
    } * trained;
    let copied = if sharded || !full_training { 0.0 } else { dense + stage.expert };
    let optimizer = (c.optimizer_bytes * updated + 4.0 * copied) / hbm + STEP_END_S;

    // A stage's mean work, cause by cause; then what waiting adds.
    let layers = m * a.layers / pp;
    let heads = m / pp;
    let both = layer.forward.mix(1.0, &layer.backward, 1.0);
    let mut step = StepTime {
        gemm: layers * both.gemm,
        attention: layers * both.attention,
        vector: layers * (both.vector + accumulation),
        launch: layers * both.launch,
        recompute: layers * recompute,
        head: heads * head,
        tp: layers * both.tp,
        ep: layers * both.ep,
        cp: layers * both.cp,
        fsdp: layers * fsdp,
        pp: m * message,
        bubble,
        imbalance: m * (slowest - mean),
        dp,
        optimizer,
        straggler: 0.0,
        hidden_matrix: layers * recompute_matrix + heads * layer.head.gemm,
        hidden_memory: layers * recompute_memory + heads * (layer.head.vector + layer.embedding.vector),
    };
    let ranks = plan.ranks() as f64;
    step.straggler = step.total() * c.straggler * (ranks / 8.0).log2().max(0.0);
    step
}

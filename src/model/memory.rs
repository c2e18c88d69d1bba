//! Device memory of the first and the last pipeline stage: states, activations, logits, reserve.
//!
//! Twin: `shaders/model/memory.wgsl`. Activations follow the operation list of Korthikanti et al., "Reducing Activation Recomputation
//! in Large Transformer Models" (2022), without dropout masks; states are those of mixed-precision Adam and ZeRO (Rajbhandari et al. 2020).

use super::network::group;
use super::operations::padded_vocab;
use super::plan::{Plan, Recompute, Shard};
use super::setting::Setting;
use super::weights::Weights;
use crate::library::stack::AttentionKernel;
use crate::library::workload::{Precision, Training};

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
    pub activations: f64,
    /// Logits of the last stage with their gradient.
    pub logits: f64,
    /// Context, libraries, communication buffers.
    pub reserve: f64,
}

impl StageMemory {
    /// The stage's bytes.
    pub fn total(&self) -> f64 {
        self.states + self.activations + self.logits + self.reserve
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
    if (layers + 2.0) % slots == 0.0 {
        let even = (layers + 2.0) / pp;
        return (even, even - 1.0);
    }
    let base = whole * f64::from(plan.vpp);
    (base + (rest / pp).ceil(), base + (rest / pp).floor())
}

/// Parameters that a rank holds in a stage of `layers` layers, without embedding and head.
pub fn held_params(setting: &Setting, plan: &Plan, layers: f64) -> HeldParams {
    let a = &setting.workload.architecture;
    let weights = Weights::of(a);
    let (tp, ep, etp) = (f64::from(plan.tp), f64::from(plan.ep), f64::from(plan.etp));
    let moe = (a.moe_layers / a.layers).clamp(0.0, 1.0);
    let router = if a.experts > 0.0 { a.hidden * a.experts } else { 0.0 };
    let dense =
        weights.attention / tp + (1.0 - moe) * weights.dense_ffn / tp + moe * ((weights.shared - router) / tp + router);
    let expert = moe * a.experts * weights.expert / (ep * etp);
    let dense_group = plan.dp * plan.cp;
    let expert_group = (plan.dp * plan.cp * plan.tp / (plan.ep * plan.etp)).max(1);
    let hybrid = plan.shard == Shard::Full && setting.stack.hybrid_sharding && setting.cluster.torus;
    let shards = |n: u32, stride: u32| if hybrid { group(setting, n, stride).inside as u32 } else { n };
    HeldParams {
        dense: layers * dense,
        expert: layers * expert,
        dense_group,
        expert_group,
        dense_shards: shards(dense_group, plan.tp),
        expert_shards: shards(expert_group, plan.ep * plan.etp),
    }
}

/// Bytes of activations that one layer keeps for one micro-batch, and those of a checkpoint (its input).
pub fn activation_bytes(setting: &Setting, plan: &Plan) -> (f64, f64) {
    let (a, stack) = (&setting.workload.architecture, &setting.stack);
    let (tp, cp, b) = (f64::from(plan.tp), f64::from(plan.cp), f64::from(plan.micro_batch));
    let s = setting.workload.run.seq_len;
    let tokens = b * s / cp;
    let shard = if plan.sequence_parallel { tp } else { 1.0 };
    let matrices = if a.gated { 3.0 } else { 2.0 };
    let single = matches!(plan.precision, Precision::Fp32 | Precision::Tf32);
    let narrow = !single && !matches!(plan.precision, Precision::Fp16 | Precision::Bf16);
    let bytes = if single { 4.0 } else { 2.0 };
    let elementwise = plan.recompute == Recompute::Selective && stack.selective_elementwise;
    let attention = if a.kv_lora > 0.0 {
        // Queries, keys and values are projected up again from the latents.
        let projected = if elementwise { 0.0 } else { 2.0 * (a.nope_dim + a.rope_dim) + a.v_dim };
        a.q_lora + a.kv_lora + a.rope_dim + a.heads * (projected + a.v_dim) / tp
    } else {
        (2.0 * a.heads * a.head_dim + 2.0 * a.kv_heads * a.head_dim) / tp
    };
    let moe = (a.moe_layers / a.layers).clamp(0.0, 1.0);
    // Norm inputs and outputs; the products of the feed-forward with the activation function's output.
    let norms = if elementwise { 2.0 } else { 4.0 };
    let widths = if elementwise { matrices - 1.0 } else { matrices };
    let dense_ffn = widths * a.ffn / tp;
    let experts = a.top_k * a.capacity * (2.0 * a.hidden + widths * a.expert_ffn) / tp + widths * a.shared_ffn / tp;
    let kept = bytes
        * tokens
        * (norms * a.hidden / shard + attention + (1.0 - moe) * dense_ffn + moe * experts)
        * if narrow { 0.9 } else { 1.0 }
        * setting.calibration.memory_activation;
    let scores = if stack.attention == AttentionKernel::Unfused && plan.recompute == Recompute::None {
        2.5 * bytes * b * a.heads / tp * s * s / cp
    } else {
        0.0
    };
    let kept = if plan.recompute == Recompute::Selective { kept * (1.0 - stack.selective_share) } else { kept };
    (kept + scores, bytes * tokens * a.hidden / shard)
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

/// Bytes of weights, gradients and optimizer states of `params` parameters sharded over `group` ranks.
fn state_bytes(setting: &Setting, plan: &Plan, params: f64, group: u32) -> f64 {
    let n = f64::from(group);
    let gradient = setting.stack.gradient_bytes;
    let adam = 12.0;
    if setting.workload.run.training != Training::Full {
        let narrow = matches!(plan.precision, Precision::Fp8 | Precision::Int8 | Precision::Fp4);
        return params * if narrow { 1.0 } else { 2.0 } / if plan.shard == Shard::Full { n } else { 1.0 };
    }
    params
        * match plan.shard {
            Shard::None => 2.0 + gradient + adam,
            Shard::Optimizer => 2.0 + gradient + adam / n,
            Shard::Grads => 2.0 + (gradient + adam) / n,
            Shard::Full => (4.0 + adam) / n,
        }
}

fn stage_memory(setting: &Setting, plan: &Plan, layers: f64, stage: u32) -> StageMemory {
    let a = &setting.workload.architecture;
    let (first, last) = (stage == 0, stage + 1 == plan.pp);
    let tp = f64::from(plan.tp);
    let vocab = padded_vocab(setting, plan.tp);
    let mut held = held_params(setting, plan, layers);
    if first {
        held.dense += (vocab + a.positions) * a.hidden / tp;
    }
    if last && (!first || !a.tied) {
        held.dense += vocab * a.hidden / tp;
    }
    let mut states = state_bytes(setting, plan, held.dense, held.dense_shards)
        + state_bytes(setting, plan, held.expert, held.expert_shards);
    if plan.shard == Shard::Full {
        // Two gathered layers at work.
        states += 4.0 * held.total() / layers.max(1.0);
    }
    let (kept, checkpoint) = activation_bytes(setting, plan);
    let depth = in_flight(plan, stage) * layers;
    let activations = if plan.recompute == Recompute::Full { depth * checkpoint + kept } else { depth * kept };
    let tokens = f64::from(plan.micro_batch) * setting.workload.run.seq_len / f64::from(plan.cp);
    // bf16 logits and their fp32 gradient; unfused, the loss keeps fp32 logits and log-probabilities too.
    let logit_bytes = if setting.stack.fused_loss { 6.0 } else { 12.0 };
    StageMemory {
        states,
        activations,
        logits: if last { logit_bytes * tokens * vocab / tp } else { 0.0 },
        reserve: setting.calibration.memory_reserve_bytes,
    }
}

/// Memory of a plan.
pub fn memory(setting: &Setting, plan: &Plan) -> Memory {
    let (fullest, last) = stage_layers(setting.workload.architecture.layers, plan);
    Memory {
        first: stage_memory(setting, plan, fullest, 0),
        last: stage_memory(setting, plan, last, plan.pp - 1),
        usable: setting.chip.memory_bytes * setting.calibration.memory_usable,
    }
}

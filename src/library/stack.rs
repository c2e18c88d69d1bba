//! A software stack as the model reads it: what it fuses, hides and launches.

use super::record::{Lacking, Record};

/// Generation of the attention kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum AttentionKernel {
    /// Batched GEMMs with the scores in memory (before mid-2022).
    Unfused = 0,
    Flash1 = 1,
    Flash2 = 2,
    /// FlashAttention-3, cuDNN, or the vendor's own.
    Native = 3,
}

/// How kernels reach the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Launch {
    Eager2020 = 0,
    Eager = 1,
    /// CUDA graphs or an ahead-of-time compiler.
    Graphs = 2,
}

/// How weight gradients are added up over micro-batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Accumulation {
    EagerHalf = 0,
    EagerMixed = 1,
    Fused = 2,
}

/// How tokens reach their experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Dispatch {
    /// A collective library's all-to-all: every copy of a token travels, and is sorted before and after.
    AllToAll = 0,
    /// Fused where the scale-up domain is larger than a node (HybridEP), a library's all-to-all elsewhere.
    FusedOnRacks = 1,
    /// Sorting and sending are one kernel, which sends a token once to each rank (DeepEP).
    Fused = 2,
}

/// Scaling granularity of 8-bit GEMMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Recipe {
    /// One scale a tensor.
    Tensorwise = 0,
    /// One scale a row or a tile of it, by software.
    Rowwise = 1,
    /// Blocks of 32 with hardware scales (OCP MX), where the chip multiplies these.
    Blocks = 2,
}

/// Few fields, each with a physical meaning.
#[derive(Clone, Debug)]
pub struct Stack {
    pub name: String,
    pub title: String,
    pub year: u32,
    pub vendors: Vec<String>,
    pub precisions: Vec<String>,
    pub attention: AttentionKernel,
    pub fused_vector_ops: bool,
    pub launch: Launch,
    pub moe_in_graphs: bool,
    pub moe_fused: bool,
    pub dispatch: Dispatch,
    /// Where layers cannot be divided evenly, each stage gets the number that balances it, LM head and embedding counted.
    pub balanced_stages: bool,
    /// The attention core runs in 8 bit where GEMMs do, on chips with block scales.
    pub narrow_attention: bool,
    pub gradient_bytes: f64,
    pub accumulation: Accumulation,
    pub overlap_tp: f64,
    pub overlap_fsdp: f64,
    pub overlap_dp: f64,
    pub overlap_ep: f64,
    pub overlap_ep_fabric: f64,
    pub overlap_pp: f64,
    pub sequence_parallel: bool,
    pub expert_tensor_parallel: bool,
    pub pipeline_scatter_gather: bool,
    pub interleaving: bool,
    pub recipe: Recipe,
    /// Share of a layer's forward that selective recompute repeats besides unfused attention.
    pub selective_share: f64,
    /// Selective recompute repeats norms and activation functions: two of the four hidden-wide tensors and the
    /// feed-forward's product are not kept.
    pub selective_elementwise: bool,
    /// The loss never holds the logits in fp32.
    pub fused_loss: bool,
    /// Full recompute stops before the last product of a layer, whose output backward does not read.
    pub recompute_stops_early: bool,
    /// Weights are sharded inside a scale-up domain and replicated over the domains (hybrid sharding).
    pub hybrid_sharding: bool,
    pub vocab_multiple: u32,
}

impl Stack {
    /// Reads a stack; the error names what is missing.
    pub fn from_record(record: &Record) -> Result<Stack, Lacking> {
        let mut need = record.needs();
        let flag = |key: &str, default: bool| record.flag(key).unwrap_or(default);
        let stack = Stack {
            name: record.name().to_owned(),
            title: record.text("title").unwrap_or_default().to_owned(),
            year: need.integer("year") as u32,
            vendors: record.texts("vendors").to_vec(),
            precisions: record.texts("precisions").to_vec(),
            attention: match need.word("attention_kernel") {
                "unfused" => AttentionKernel::Unfused,
                "flash1" => AttentionKernel::Flash1,
                "flash2" => AttentionKernel::Flash2,
                _ => AttentionKernel::Native,
            },
            fused_vector_ops: flag("fused_vector_ops", true),
            launch: match need.word("launch") {
                "eager_2020" => Launch::Eager2020,
                "eager" => Launch::Eager,
                _ => Launch::Graphs,
            },
            moe_in_graphs: flag("moe_in_graphs", false),
            moe_fused: flag("moe_fused", false),
            dispatch: match record.text("dispatch") {
                Some("fused") => Dispatch::Fused,
                Some("fused_on_racks") => Dispatch::FusedOnRacks,
                _ => Dispatch::AllToAll,
            },
            balanced_stages: flag("balanced_stages", false),
            narrow_attention: flag("narrow_attention", false),
            gradient_bytes: need.integer("gradient_bytes") as f64,
            accumulation: match need.word("accumulation") {
                "eager_half" => Accumulation::EagerHalf,
                "eager_mixed" => Accumulation::EagerMixed,
                _ => Accumulation::Fused,
            },
            overlap_tp: need.number("overlap.tp"),
            overlap_fsdp: need.number("overlap.fsdp"),
            overlap_dp: need.number("overlap.dp"),
            overlap_ep: need.number("overlap.ep"),
            overlap_ep_fabric: record.number("overlap.ep_fabric").or(record.number("overlap.ep")).unwrap_or(0.0),
            overlap_pp: need.number("overlap.pp"),
            sequence_parallel: flag("sequence_parallel", true),
            expert_tensor_parallel: flag("expert_tensor_parallel", false),
            pipeline_scatter_gather: flag("pipeline_scatter_gather", true),
            interleaving: flag("interleaving", false),
            recipe: match need.word("fp8_recipe") {
                "rowwise" | "subchannel" => Recipe::Rowwise,
                "mx" => Recipe::Blocks,
                _ => Recipe::Tensorwise,
            },
            selective_elementwise: flag("selective_elementwise", false),
            fused_loss: flag("fused_loss", false),
            recompute_stops_early: flag("recompute_stops_early", false),
            hybrid_sharding: flag("hybrid_sharding", false),
            selective_share: record.number("selective_share").unwrap_or(0.0),
            vocab_multiple: record.integer("vocab_multiple").unwrap_or(128) as u32,
        };
        need.finish(stack)
    }

    /// Whether the stack runs on chips of a vendor.
    pub fn runs_on(&self, vendor: &str) -> bool {
        self.vendors.iter().any(|v| v.eq_ignore_ascii_case(vendor))
    }
}

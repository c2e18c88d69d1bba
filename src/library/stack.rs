//! A software stack as the model reads it: what it fuses, hides and launches.

use super::record::{Lacking, Record};
use super::workload::Precision;
use crate::model::plan::{Recompute, Shard};

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

/// The plans that users of a stack choose from: what a search considers of the fields that are left open.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipes {
    pub tensor_parallel: bool,
    pub pipeline_parallel: bool,
    pub context_parallel: bool,
    pub recompute: Vec<Recompute>,
    pub shard: Vec<Shard>,
}

impl Default for Recipes {
    fn default() -> Recipes {
        Recipes {
            tensor_parallel: true,
            pipeline_parallel: true,
            context_parallel: true,
            recompute: Recompute::ALL.to_vec(),
            shard: vec![Shard::Optimizer, Shard::Full],
        }
    }
}

impl Recipes {
    fn from_record(record: &Record) -> Recipes {
        let any = Recipes::default();
        let flag = |key: &str| record.flag(key).unwrap_or(true);
        let words = |key: &str| record.texts(key).iter();
        let recompute: Vec<Recompute> = words("recipes.recompute").filter_map(|word| Recompute::parse(word)).collect();
        let shard: Vec<Shard> = words("recipes.shard").filter_map(|word| Shard::parse(word)).collect();
        Recipes {
            tensor_parallel: flag("recipes.tensor_parallel"),
            pipeline_parallel: flag("recipes.pipeline_parallel"),
            context_parallel: flag("recipes.context_parallel"),
            recompute: if recompute.is_empty() { any.recompute } else { recompute },
            shard: if shard.is_empty() { any.shard } else { shard },
        }
    }
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

/// Facts of the software, each with a physical meaning, in the order of the attribute table.
#[derive(Clone, Debug)]
pub struct Stack {
    pub name: String,
    pub title: String,
    pub year: u32,
    pub vendors: Vec<String>,
    pub precisions: Vec<String>,
    pub attention: AttentionKernel,
    /// The attention core runs in 8 bit where GEMMs do, on chips with block scales.
    pub narrow_attention: bool,
    pub fused_vector_ops: bool,
    pub launch: Launch,
    /// Host and device take turns: each launch waits for the kernel before it.
    pub blocking_launch: bool,
    pub moe_in_graphs: bool,
    pub moe_fused: bool,
    pub dispatch: Dispatch,
    pub gradient_bytes: f64,
    /// Sharded optimizers reduce gradients by reduce-scatter, else by all-reduce.
    pub reduce_scatter: bool,
    pub accumulation: Accumulation,
    pub overlap_tp: f64,
    pub overlap_fsdp: f64,
    pub overlap_dp: f64,
    pub overlap_ep: f64,
    pub overlap_ep_fabric: f64,
    pub overlap_pp: f64,
    pub sequence_parallel: bool,
    pub expert_tensor_parallel: bool,
    /// The sequence is not the outermost dimension, so that what is gathered or scattered along it is copied.
    pub gathers_copy: bool,
    pub pipeline_scatter_gather: bool,
    pub interleaving: bool,
    /// Where layers cannot be divided evenly, each stage gets the number that balances it, LM head and embedding counted.
    pub balanced_stages: bool,
    /// Weights are sharded inside a scale-up domain and replicated over the domains (hybrid sharding).
    pub hybrid_sharding: bool,
    pub recipe: Recipe,
    /// Rate of 8-bit GEMMs with the recipe's scales over the rate with one scale a tensor.
    pub narrow_rate: f64,
    /// Tensor-parallel gathers move activations that are quantized already.
    pub narrow_gathers: bool,
    /// Share of a layer's forward that selective recompute repeats besides unfused attention.
    pub selective_share: f64,
    /// Selective recompute repeats norms and activation functions: two of the four hidden-wide tensors and the
    /// feed-forward's product are not kept.
    pub selective_elementwise: bool,
    /// Selective recompute keeps a layer's input, attention's output and every second GEMM's output.
    pub selective_gemms: bool,
    /// Full recompute stops before the last product of a layer, whose output backward does not read.
    pub recompute_stops_early: bool,
    /// Bytes a logit at the peak of the loss: logits, probabilities, gradient.
    pub logit_bytes: f64,
    /// The same where the vocabulary is split over tp.
    pub split_logit_bytes: f64,
    pub vocab_multiple: u32,
    /// Bytes a parameter of all gradients held between micro-batches, where nothing shards them.
    pub gradient_buffer_bytes: f64,
    /// Bytes a parameter of the gradients that the optimizer's step copies for its shard.
    pub optimizer_gradient_bytes: f64,
    /// Adam has fp32 weights and moments; if not, both are 16 bit.
    pub master_weights: bool,
    /// Parameters of a bucket in which gradients are reduced and weights gathered; 0 where both happen in place.
    pub bucket_elements: f64,
    /// Full sharding gathers tensor by tensor, not layer by layer.
    pub gathers_tensors: bool,
    /// Full sharding keeps a pipeline stage gathered over all micro-batches.
    pub gathered_in_pipeline: bool,
    /// Sequence parallelism keeps the gathered inputs of GEMMs for backward instead of gathering them again.
    pub sequence_gathered_kept: bool,
    /// A pipeline stage keeps its output for backward.
    pub pipeline_outputs_kept: bool,
    /// Dropout is on by default, and its masks are kept.
    pub dropout: bool,
    /// 8- and 4-bit GEMMs keep their inputs for backward in 8 bit.
    pub narrow_inputs_kept: bool,
    pub recipes: Recipes,
}

/// CUTLASS kernels with a scale for each row and column against cuBLAS with one a tensor, on Hopper (assumed; torchao
/// documents rowwise scaling as the slower and more accurate recipe).
const ROWWISE_RATE: f64 = 0.65;

impl Stack {
    /// Reads a stack; the error names what is missing.
    pub fn from_record(record: &Record) -> Result<Stack, Lacking> {
        let mut need = record.needs();
        let flag = |key: &str, default: bool| record.flag(key).unwrap_or(default);
        let logit_bytes = record.integer("logit_bytes").unwrap_or(12) as f64;
        let gradient_bytes = need.integer("gradient_bytes") as f64;
        let rowwise = need.word("fp8_recipe") == "rowwise";
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
            narrow_attention: flag("narrow_attention", false),
            fused_vector_ops: flag("fused_vector_ops", true),
            launch: match need.word("launch") {
                "eager_2020" => Launch::Eager2020,
                "eager" => Launch::Eager,
                _ => Launch::Graphs,
            },
            blocking_launch: flag("blocking_launch", false),
            moe_in_graphs: flag("moe_in_graphs", false),
            moe_fused: flag("moe_fused", false),
            dispatch: match record.text("dispatch") {
                Some("fused") => Dispatch::Fused,
                Some("fused_on_racks") => Dispatch::FusedOnRacks,
                _ => Dispatch::AllToAll,
            },
            gradient_bytes,
            reduce_scatter: flag("reduce_scatter", true),
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
            gathers_copy: flag("gathers_copy", false),
            pipeline_scatter_gather: flag("pipeline_scatter_gather", true),
            interleaving: flag("interleaving", false),
            balanced_stages: flag("balanced_stages", false),
            hybrid_sharding: flag("hybrid_sharding", false),
            recipe: match need.word("fp8_recipe") {
                "rowwise" | "subchannel" => Recipe::Rowwise,
                "mx" => Recipe::Blocks,
                _ => Recipe::Tensorwise,
            },
            narrow_rate: if rowwise { ROWWISE_RATE } else { 1.0 },
            narrow_gathers: !rowwise,
            selective_share: record.number("selective_share").unwrap_or(0.0),
            selective_elementwise: flag("selective_elementwise", false),
            selective_gemms: flag("selective_gemms", false),
            recompute_stops_early: flag("recompute_stops_early", false),
            logit_bytes,
            split_logit_bytes: record.integer("split_logit_bytes").map_or(logit_bytes, |n| n as f64),
            vocab_multiple: record.integer("vocab_multiple").unwrap_or(128) as u32,
            gradient_buffer_bytes: record.integer("gradient_buffer_bytes").map_or(gradient_bytes, |n| n as f64),
            optimizer_gradient_bytes: record.integer("optimizer_gradient_bytes").unwrap_or(0) as f64,
            master_weights: flag("master_weights", true),
            bucket_elements: record.integer("bucket_elements").unwrap_or(0) as f64,
            gathers_tensors: flag("gathers_tensors", false),
            gathered_in_pipeline: flag("gathered_in_pipeline", false),
            sequence_gathered_kept: flag("sequence_gathered_kept", false),
            pipeline_outputs_kept: flag("pipeline_outputs_kept", false),
            dropout: flag("dropout", false),
            narrow_inputs_kept: flag("narrow_inputs_kept", false),
            recipes: Recipes::from_record(record),
        };
        need.finish(stack)
    }

    /// Whether the stack trains in a precision; each has the wide ones.
    pub fn trains_in(&self, precision: Precision) -> bool {
        !precision.is_narrow() || self.precisions.iter().any(|word| Precision::parse(word) == Some(precision))
    }

    /// Whether the stack runs on chips of a vendor.
    pub fn runs_on(&self, vendor: &str) -> bool {
        self.vendors.iter().any(|v| v.eq_ignore_ascii_case(vendor))
    }
}

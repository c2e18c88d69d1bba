//! The numbers of the model itself: calibrated constants and default assumptions.
//!
//! Each table is declared once: name, unit, range, meaning. The struct, the attribute table that `show` and the
//! reader use, and the order of the device row all come from that declaration. Values, with source and range, stand in
//! `evidence/calibration.toml` and `evidence/assumptions.toml`.

use crate::library::attribute::{Attribute, Need, Shape};
use crate::library::record::{Lacking, Record};

macro_rules! parameters {
    ($(#[$doc:meta])* $name:ident, $table:ident; $($field:ident: $unit:literal, $min:literal ..= $max:literal, $meaning:literal;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name { $(#[doc = $meaning] pub $field: f64,)* }

        /// Attribute table of the entry.
        pub const $table: &[Attribute] = &[$(Attribute {
            key: stringify!($field), unit: $unit, shape: Shape::Number { min: $min, max: $max }, need: Need::Always, meaning: $meaning,
        },)*];

        impl $name {
            /// Reads the entry; the error names what is missing.
            pub fn from_record(record: &Record) -> Result<$name, Lacking> {
                let mut need = record.needs();
                let value = $name { $($field: need.number(stringify!($field)),)* };
                need.finish(value)
            }

            /// The value of a key of the attribute table.
            pub fn get(&self, key: &str) -> Option<f64> {
                match key {
                    $(stringify!($field) => Some(self.$field),)*
                    _ => None,
                }
            }

            /// Enters the value of a key of the attribute table; a key that is not in it changes nothing.
            pub fn set(&mut self, key: &str, value: f64) {
                match key {
                    $(stringify!($field) => self.$field = value,)*
                    _ => {}
                }
            }
        }
    };
}
pub(crate) use parameters;

parameters! {
    /// Constants of the time model, fitted with priors from microbenchmarks or taken from them.
    Calibration, CALIBRATION;
    gemm_derate: "fraction", 0.5..=1.1, "large GEMM inside a training step over the best published GEMM of the chip";
    gemm_k_half: "elements", 0.0..=4096.0, "inner size at which a GEMM reaches half its rate (twice that in 8 and 4 bit)";
    wave_loss: "fraction", 0.0..=1.0, "share of the last wave's idle cores that is lost (split-K and stream-K recover the rest)";
    small_tile: "fraction", 0.3..=1.0, "rate of a GEMM kernel with half the tile, over the rate with the full tile";
    attention_forward: "fraction", 0.1..=1.0, "fused attention forward over the 16-bit peak: FlashAttention-2 on A100";
    attention_backward: "fraction", 0.1..=1.0, "fused attention backward over the 16-bit peak: FlashAttention-2 on A100";
    attention_first: "ratio", 0.1..=2.0, "kernels of 2022-23 (FlashAttention-1, Triton) relative to FlashAttention-2";
    attention_ported: "ratio", 0.1..=2.0, "kernels written for Ampere running on Hopper or later, relative to FlashAttention-2 on A100";
    attention_native: "ratio", 0.1..=2.0, "FlashAttention-3 or cuDNN on Hopper and later, relative to FlashAttention-2 on A100";
    attention_vendor: "ratio", 0.1..=2.0, "own kernels of other vendors, relative to FlashAttention-2 on A100";
    attention_narrow: "ratio", 0.1..=2.0, "heads of at most 64 columns relative to wider ones, FlashAttention-2";
    attention_narrow_native: "ratio", 0.1..=2.0, "likewise, FlashAttention-3, cuDNN and vendors' own";
    attention_eight: "ratio", 0.5..=2.0, "8-bit attention over 16-bit";
    attention_half: "tokens", 0.0..=4096.0, "sequence length at which fused attention reaches half its rate";
    unfused_rate: "fraction", 0.1..=1.0, "batched GEMMs of unfused attention over the 16-bit peak";
    unfused_passes: "passes", 1.0..=30.0, "times the scores move through memory in unfused attention, forward";
    vector_eager: "ratio", 1.0..=4.0, "bytes of element-wise kernels over the fused minimum, eager";
    vector_fused: "ratio", 1.0..=4.0, "bytes of element-wise kernels over the fused minimum, fused";
    kernel_gap_s: "s", 0.0..=1e-4, "device-side gap of each kernel";
    host_eager_old_s: "s", 0.0..=1e-3, "host time of each kernel, eager stacks of 2020-22";
    host_eager_s: "s", 0.0..=1e-3, "host time of each kernel, eager stacks from 2023";
    host_graph_s: "s", 0.0..=1e-3, "host time of each kernel, CUDA graphs or compiled";
    moe_kernels: "kernels", 0.0..=1000.0, "further kernels of a MoE layer, forward";
    moe_kernels_per_expert: "kernels", 0.0..=100.0, "further kernels per local expert, forward (twice that in 8 bit)";
    moe_vector: "ratio", 0.1..=10.0, "time of token permutation over that of its bytes";
    expert_imbalance: "ratio", 0.0..=3.0, "load of the busiest expert above the mean where routing is learned, over the root of the experts a rank holds";
    moe_fusion: "ratio", 0.1..=1.0, "MoE vector bytes of stacks that fuse them into the grouped GEMM";
    grouped_gemm: "fraction", 0.1..=1.0, "grouped GEMM over a plain GEMM of the same tiles";
    quantization: "ratio", 0.0..=4.0, "traffic of 8-bit quantization and transposes over its minimum";
    quantization_rowwise: "ratio", 0.5..=4.0, "likewise with a scale a row, over one scale a tensor";
    quantization_blocks: "ratio", 0.5..=4.0, "likewise in hardware blocks";
    quantization_four: "ratio", 0.5..=6.0, "likewise in 4 bit: Hadamard transform, two scale levels, stochastic rounding";
    block_scaled_gemm: "fraction", 0.5..=1.1, "GEMM with hardware block scales over one with a scale a tensor";
    scale_up_fraction: "fraction", 0.1..=1.2, "achieved share of the scale-up links in collectives";
    all_to_all: "ratio", 0.1..=1.2, "rate of a library's all-to-all over that of its other collectives";
    fabric_fraction: "fraction", 0.1..=1.2, "achieved share of the NIC in collectives";
    scale_up_latency_s: "s", 0.0..=1e-3, "fixed latency of a collective";
    scale_up_hop_s: "s", 0.0..=1e-3, "latency of a step of a ring inside the domain";
    fabric_hop_s: "s", 0.0..=1e-2, "latency of a step of a ring across the fabric";
    fabric_latency_s: "s", 0.0..=1e-2, "latency of a level of a tree across the fabric, one way";
    torus_links: "fraction", 0.1..=1.0, "share of a torus chip's links that one group's ring uses";
    overlap_tp: "fraction", 0.0..=1.0, "tensor-parallel communication hidden by stacks that overlap it";
    overlap_fsdp: "fraction", 0.0..=1.0, "share of layer compute that can hide parameter gathers";
    overlap_dp: "fraction", 0.0..=1.0, "share of the last backward that can hide gradient reduction";
    overlap_ep: "fraction", 0.0..=1.0, "share of layer compute that can hide the expert all-to-all";
    overlap_pp: "fraction", 0.0..=1.0, "pipeline point-to-point hidden by stacks that overlap it";
    overlap_cp: "fraction", 0.0..=1.0, "share of attention that can hide the context-parallel ring";
    contention: "fraction", 0.0..=0.5, "time that hidden communication costs the compute beside it, per second hidden";
    straggler: "fraction", 0.0..=0.1, "step time lost per doubling of the cluster beyond 8 chips";
    accumulation_fused: "fraction", 0.0..=1.0, "gradient accumulation traffic left when it is fused into the GEMM";
    optimizer_bytes: "B", 4.0..=100.0, "memory traffic of the optimizer per parameter held";
    loss_bytes: "B", 2.0..=100.0, "memory traffic of the loss per logit, forward and backward";
    head_efficiency: "fraction", 0.1..=1.5, "LM head GEMM relative to a layer GEMM of the same shape";
    memory_activation: "ratio", 0.2..=3.0, "activation bytes over those of the operation list";
    memory_reserve_bytes: "B", 0.0..=2e10, "device memory taken by context, libraries and communication buffers";
    memory_cached: "ratio", 1.0..=1.5, "memory that the allocator has taken from the device over what it handed out";
    memory_usable: "fraction", 0.5..=1.0, "share of the device memory that a run can fill before the allocator fails";
    power_memory_bound: "fraction", 0.1..=1.0, "chip power over its power under a saturated GEMM, in memory-bound phases";
    power_waiting: "fraction", 0.1..=1.0, "likewise, in exposed communication, bubbles and host gaps";
}

parameters! {
    /// What a run assumes of operation and money unless told otherwise.
    Assumptions, ASSUMPTIONS;
    restart_s: "s", 0.0..=1e6, "detection and restart after a failure";
    checkpoint_s: "s", 0.0..=1e5, "time that a checkpoint blocks training";
    startup_s: "s", 0.0..=1e7, "start of the run until the first step";
    evaluation_share: "fraction", 0.0..=0.9, "share of the useful time spent on evaluation, planned maintenance and data faults";
    critical_batch_scale: "tokens", 0.0..=1e12, "critical batch = scale x tokens^exponent";
    critical_batch_exponent: "", 0.0..=1.0, "critical batch = scale x tokens^exponent";
    minimum_used: "fraction", 0.01..=1.0, "least share of the chips that a searched plan may use";
    batch_tolerance: "fraction", 0.0..=0.5, "how far a searched plan may round the global batch";
    it_life_years: "years", 0.5..=50.0, "economic life of chips, servers and network";
    facility_life_years: "years", 1.0..=100.0, "economic life of the building and its plant";
    utilisation: "fraction", 0.001..=1.0, "share of its life in which the equipment earns";
    server_overhead: "ratio", 1.0..=5.0, "server price over the price of its chips";
    network_share: "fraction", 0.0..=0.9, "network's share of the cluster's hardware";
    it_operation_share: "per year", 0.0..=1.0, "maintenance and spares of IT, share of its capital a year";
    facility_operation_usd_per_w: "USD/W-year", 0.0..=10.0, "staff, maintenance and security of the facility";
    embodied_life_years: "years", 0.5..=50.0, "life over which embodied carbon is spread";
    start_delay_years: "years", 0.0..=20.0, "time from now until the run can start";
    chip_gain_per_year: "ratio", 1.0..=3.0, "growth of a chip's rates and capacity per year of that delay, at the same watts and price";
    value_of_delay_usd_per_day: "USD/day", 0.0..=1e10, "worth of having the run done a day earlier, from now until it is done";
}

//! The attribute tables: every key that a library file may hold, with unit, range and meaning.
//!
//! One table a kind of entry. The reader rejects what is not here, `check` enforces the ranges, `show` prints the
//! meanings, and the README points at `wattline show`: nothing else in the project lists the keys.

/// What may stand behind a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A finite number inside the closed range.
    Number { min: f64, max: f64 },
    /// A whole number inside the closed range.
    Integer { min: u64, max: u64 },
    /// `true` or `false`.
    Flag,
    /// Free text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
}

/// When a key must be present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The file is wrong without it (exit 2).
    Always,
    /// The entry is *incomplete* without it: it loads, and an estimate ends in exit 3 naming the key.
    ForEstimate,
    /// May be left out; the meaning says what then holds.
    Optional,
}

/// One key of a library file. A dotted key stands in a table: `node.host_w` is `host_w` under `[node]`.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    pub key: &'static str,
    pub unit: &'static str,
    pub shape: Shape,
    pub need: Need,
    pub meaning: &'static str,
}

const fn number(
    key: &'static str,
    unit: &'static str,
    min: f64,
    max: f64,
    need: Need,
    meaning: &'static str,
) -> Attribute {
    Attribute { key, unit, shape: Shape::Number { min, max }, need, meaning }
}
const fn integer(
    key: &'static str,
    unit: &'static str,
    min: u64,
    max: u64,
    need: Need,
    meaning: &'static str,
) -> Attribute {
    Attribute { key, unit, shape: Shape::Integer { min, max }, need, meaning }
}
const fn fraction(key: &'static str, need: Need, meaning: &'static str) -> Attribute {
    number(key, "fraction", 0.0, 1.0, need, meaning)
}
const fn text(key: &'static str, need: Need, meaning: &'static str) -> Attribute {
    Attribute { key, unit: "", shape: Shape::Text, need, meaning }
}
const fn texts(key: &'static str, need: Need, meaning: &'static str) -> Attribute {
    Attribute { key, unit: "", shape: Shape::Texts, need, meaning }
}
const fn flag(key: &'static str, need: Need, meaning: &'static str) -> Attribute {
    Attribute { key, unit: "", shape: Shape::Flag, need, meaning }
}
const fn word(key: &'static str, words: &'static [&'static str], need: Need, meaning: &'static str) -> Attribute {
    Attribute { key, unit: "", shape: Shape::Word(words), need, meaning }
}

use Need::{Always, ForEstimate, Optional};

/// How a value came to be known. Every value carries one.
pub const KINDS: [&str; 4] = ["measured", "datasheet", "estimate", "assumed"];

/// Keys that every library file shares.
pub const COMMON: &[Attribute] = &[
    text("name", Always, "kebab-case name, vendor first for chips; equals the file's name"),
    text("title", Always, "name as the publisher writes it"),
    texts("aliases", Optional, "other names under which the entry is found"),
    text("source", Always, "where values that state no source of their own were read"),
    word("kind", &KINDS, Always, "how values that state no kind of their own came to be known"),
    text("note", Optional, "what a reader must know before using the entry"),
];

/// `hardware-profiles/chips/*.toml`
pub const CHIP: &[Attribute] = &[
    text("vendor", Always, "maker"),
    text("family", Always, "generation; values are inherited inside a family by stated rules"),
    word(
        "status",
        &["shipping", "announced", "cancelled", "validation_only"],
        Always,
        "whether the chip can be bought",
    ),
    text("released", Optional, "year-month of first shipment (YYYY-MM)"),
    word(
        "architecture",
        &[
            "volta",
            "pascal",
            "ampere",
            "ada",
            "hopper",
            "blackwell",
            "rubin",
            "cdna",
            "tpu",
            "trainium",
            "gaudi",
            "ascend",
            "other",
        ],
        Always,
        "selects how far attention kernels of each generation reach on this chip",
    ),
    text("cluster", Always, "reference cluster: an entry of hardware-profiles/clusters"),
    integer(
        "ranks_per_chip",
        "ranks",
        1,
        2,
        Optional,
        "ranks that software sees a chip as (2: Trainium1 cores, MI250X dies); default 1. Every other figure is per chip",
    ),
    number("fp32_tflops", "TFLOP/s", 0.1, 1e4, Optional, "dense fp32 vector peak"),
    number("fp16_tflops", "TFLOP/s", 0.1, 1e5, Optional, "dense fp16 matrix peak with fp32 accumulation"),
    number("bf16_tflops", "TFLOP/s", 0.1, 1e5, Optional, "dense bf16 matrix peak; absent: the chip has no bf16"),
    number("fp8_tflops", "TFLOP/s", 0.1, 1e5, Optional, "dense fp8 matrix peak; absent: the chip has no fp8"),
    number("fp4_tflops", "TFLOP/s", 0.1, 2e5, Optional, "dense fp4 matrix peak; absent: the chip has no fp4"),
    number("int8_tops", "TOP/s", 0.1, 1e5, Optional, "dense int8 matrix peak"),
    number(
        "memory_gib",
        "GiB",
        1.0,
        1e4,
        ForEstimate,
        "device memory as sold (an \"80 GB\" part holds 80 units of 2^30 bytes)",
    ),
    number("hbm_gb_per_s", "GB/s", 10.0, 1e8, ForEstimate, "peak memory bandwidth"),
    number(
        "scale_up_gb_per_s",
        "GB/s",
        0.1,
        1e5,
        ForEstimate,
        "scale-up links, one direction, all links of a chip together",
    ),
    number(
        "nic_gb_per_s",
        "GB/s",
        0.1,
        1e4,
        ForEstimate,
        "scale-out bandwidth of the reference design per chip, one direction; a cluster may state its own",
    ),
    word(
        "matrix_unit",
        &["tensor_core", "systolic"],
        ForEstimate,
        "many small matrix units (tile and wave quantization) or few large ones (ramp on all three sizes)",
    ),
    integer("cores", "", 1, 1_000_000, ForEstimate, "units over which output tiles are spread (SMs, cores)"),
    integer("tile_m", "rows", 1, 4096, ForEstimate, "rows of the output tile of large GEMMs"),
    integer("tile_n", "columns", 1, 4096, ForEstimate, "columns of the output tile of large GEMMs"),
    fraction("sustained_gemm_16bit", ForEstimate, "best published large bf16/fp16 GEMM over the dense peak"),
    fraction("sustained_gemm_8bit", Optional, "best published large 8-bit GEMM over the dense peak; needed for fp8"),
    fraction("sustained_gemm_4bit", Optional, "best published large 4-bit GEMM over the dense peak; needed for fp4"),
    fraction("hbm_fraction", ForEstimate, "achieved share of peak memory bandwidth (stream, copy)"),
    number("tdp_w", "W", 10.0, 1e5, ForEstimate, "thermal design power of the chip"),
    number("load_w", "W", 10.0, 1e5, Optional, "measured power under a saturated GEMM; default 0.95 of TDP"),
    number(
        "static_w",
        "W",
        1.0,
        1e5,
        Optional,
        "power under load that does not scale with the clock; default 0.25 of load_w",
    ),
    number("idle_w", "W", 1.0, 1e5, ForEstimate, "power with no work resident"),
    number("default_cap_w", "W", 10.0, 1e5, Optional, "power cap under which the part is shipped, where below TDP"),
    number("cap_min_w", "W", 10.0, 1e5, Optional, "lowest settable power cap"),
    number("cap_max_w", "W", 10.0, 1e5, Optional, "highest settable power cap; default TDP"),
    number("base_mhz", "MHz", 100.0, 1e4, Optional, "base clock"),
    number("boost_mhz", "MHz", 100.0, 1e4, Optional, "highest clock"),
    number(
        "clock_exponent",
        "",
        1.0,
        3.0,
        Optional,
        "exponent of dynamic power in the clock, in place of voltage_floor and voltage_knee",
    ),
    fraction(
        "voltage_floor",
        Optional,
        "V_min over V at the clock of a saturated GEMM under TDP; default 0.7, range 0.65-0.9",
    ),
    fraction(
        "voltage_knee",
        Optional,
        "clock, over the same clock, below which V stays at V_min; default 0.7, range 0.65-0.9",
    ),
    number("chip_usd", "USD", 1.0, 1e7, Optional, "price of the bare chip or module"),
    number("server_share_usd", "USD", 1.0, 1e7, Optional, "price of a server divided by its chips"),
    number("all_in_usd", "USD", 1.0, 1e7, Optional, "price per chip with server and network, no building"),
    number("rental_usd_per_h", "USD/chip-h", 0.01, 1e3, Optional, "on-demand rental"),
    number("embodied_kg", "kgCO2e", 1.0, 1e6, ForEstimate, "emissions of making a chip with its share of the server"),
    number(
        "mtbf_h",
        "h",
        100.0,
        1e8,
        ForEstimate,
        "mean time between failures that interrupt a run, per chip with its share of the cluster",
    ),
    number("die_area_mm2", "mm2", 1.0, 1e6, Optional, "silicon area of all compute dies"),
    integer("die_count", "", 1, 100, Optional, "compute dies in the package"),
];

/// `hardware-profiles/clusters/*.toml`
pub const CLUSTER: &[Attribute] = &[
    text("vendor", Always, "maker of the reference design, or operator of the machine"),
    integer("node.chips", "chips", 1, 1024, Always, "chips in the power unit (server, tray or rack)"),
    number(
        "node.host_w",
        "W",
        0.0,
        1e6,
        Always,
        "everything in the node except its chips, at its AC input, under load",
    ),
    fraction("node.host_idle_share", Optional, "share of node.host_w that an idle node still draws; default 0.7"),
    text("node.includes", Always, "what node.host_w holds (CPU, memory, NICs, switches, fans, supply loss)"),
    number(
        "node.nameplate_w",
        "W",
        0.0,
        1e6,
        Optional,
        "published maximum of the whole node, for the check against the sum of its parts",
    ),
    number(
        "node.host_nameplate_w",
        "W",
        0.0,
        1e6,
        Optional,
        "node.host_w at nameplate, for the same check; default node.host_w",
    ),
    integer("scale_up.domain_chips", "chips", 1, 1_000_000, Always, "chips joined by the scale-up network"),
    word(
        "scale_up.topology",
        &["switched", "mesh", "torus_2d", "torus_3d"],
        Always,
        "how the scale-up network joins them",
    ),
    number(
        "scale_up.gb_per_s",
        "GB/s",
        0.1,
        1e5,
        Optional,
        "scale-up bandwidth per chip, one direction, where the cluster differs from the chip's own",
    ),
    number(
        "pod.gb_per_s",
        "GB/s",
        0.01,
        1e4,
        Optional,
        "NIC bandwidth per chip, one direction, as the cluster really had it; default the chip's nic_gb_per_s",
    ),
    integer("pod.chips", "chips", 1, 10_000_000, Always, "chips under one non-blocking part of the fabric"),
    number("pod.oversubscription", "ratio", 1.0, 100.0, Optional, "down-links over up-links inside a pod; default 1"),
    number(
        "pod.latency_us",
        "us",
        0.1,
        1e4,
        Optional,
        "added latency of a hop inside a pod above the calibrated one; default 0",
    ),
    number(
        "pod.fabric_w_per_chip",
        "W",
        0.0,
        1e4,
        Always,
        "switches and optics outside the node inside a pod, per chip",
    ),
    number("spine.oversubscription", "ratio", 1.0, 100.0, Optional, "further oversubscription between pods; default 1"),
    number("spine.latency_us", "us", 0.1, 1e4, Optional, "added latency between pods; default 0"),
    number(
        "spine.fabric_w_per_chip",
        "W",
        0.0,
        1e4,
        Optional,
        "switches and optics of the spine, per chip, once more than one pod is used; default 0",
    ),
    number(
        "storage.gb_per_s_per_chip",
        "GB/s",
        1e-4,
        1e3,
        Optional,
        "checkpoint write bandwidth per chip; default 0.1",
    ),
    number("storage.w_per_chip", "W", 0.0, 1e4, Optional, "storage power per chip; default 5"),
];

/// `workloads/*.toml`
pub const WORKLOAD: &[Attribute] = &[
    text("family", Always, "model family"),
    integer("released", "year", 2017, 2030, Optional, "year of publication"),
    integer(
        "architecture.layers",
        "",
        1,
        10_000,
        Optional,
        "transformer layers; absent: a coarse workload given by `coarse.params`",
    ),
    integer("architecture.hidden", "", 16, 1_000_000, Optional, "width of the residual stream"),
    integer("architecture.heads", "", 1, 10_000, Optional, "query heads"),
    integer("architecture.kv_heads", "", 1, 10_000, Optional, "key-value heads; default heads"),
    integer("architecture.head_dim", "", 1, 4096, Optional, "width of a head; default hidden / heads"),
    integer("architecture.ffn", "", 1, 10_000_000, Optional, "width of the dense feed-forward"),
    flag("architecture.gated", Optional, "feed-forward has three matrices instead of two; default true"),
    flag("architecture.bias", Optional, "linear layers carry biases (counted, free in time); default false"),
    flag("architecture.qkv_bias", Optional, "only the q, k and v projections carry biases; default false"),
    integer("architecture.vocab", "", 2, 10_000_000, Optional, "vocabulary as published, before padding"),
    integer("architecture.positions", "", 0, 100_000_000, Optional, "rows of a learned position embedding; default 0"),
    flag("architecture.tied_embeddings", Optional, "LM head shares the input embedding; default false"),
    flag("architecture.causal", Optional, "causal mask; false for encoders; default true"),
    integer(
        "architecture.sliding_window",
        "tokens",
        1,
        100_000_000,
        Optional,
        "window of the layers that attend locally",
    ),
    fraction(
        "architecture.sliding_share",
        Optional,
        "share of the layers that use the window; default 1 when a window is given",
    ),
    integer("architecture.experts", "", 2, 100_000, Optional, "routed experts in a MoE layer; absent: dense"),
    integer("architecture.top_k", "", 1, 1000, Optional, "routed experts that a token visits"),
    integer("architecture.expert_ffn", "", 1, 10_000_000, Optional, "width of one expert"),
    integer("architecture.shared_experts", "", 0, 1000, Optional, "experts that every token visits; default 0"),
    integer("architecture.shared_ffn", "", 1, 10_000_000, Optional, "width of one shared expert; default expert_ffn"),
    integer(
        "architecture.dense_layers",
        "",
        0,
        10_000,
        Optional,
        "leading layers that stay dense in a MoE model; default 0",
    ),
    integer(
        "architecture.moe_every",
        "",
        1,
        1000,
        Optional,
        "every n-th layer after the leading ones is MoE; default 1",
    ),
    number(
        "architecture.capacity_factor",
        "ratio",
        1.0,
        100.0,
        Optional,
        "padding of expert batches; default 1 (dropless)",
    ),
    integer(
        "architecture.route_groups",
        "",
        1,
        10_000,
        Optional,
        "most nodes that a token's experts may lie on (node-limited routing)",
    ),
    integer("architecture.q_lora_rank", "", 0, 100_000, Optional, "MLA: rank of the query compression (0: none)"),
    integer(
        "architecture.kv_lora_rank",
        "",
        1,
        100_000,
        Optional,
        "MLA: rank of the key-value compression; its presence selects MLA",
    ),
    integer("architecture.qk_nope_dim", "", 1, 4096, Optional, "MLA: head width without rotation"),
    integer("architecture.qk_rope_dim", "", 1, 4096, Optional, "MLA: head width with rotation"),
    integer("architecture.v_dim", "", 1, 4096, Optional, "MLA: value head width"),
    integer(
        "architecture.mtp_depth",
        "",
        0,
        16,
        Optional,
        "multi-token-prediction modules (one more layer and logits each); default 0",
    ),
    number("coarse.params", "", 1e3, 1e16, Optional, "total parameters of a workload given only as params and tokens"),
    number(
        "coarse.active_params",
        "",
        1e3,
        1e16,
        Optional,
        "active parameters of such a workload; default coarse.params",
    ),
    number("run.tokens", "tokens", 1.0, 1e18, Always, "tokens of the published run"),
    integer(
        "run.global_batch",
        "sequences",
        1,
        1_000_000_000,
        Always,
        "sequences a step in the published run (its main phase)",
    ),
    integer("run.seq_len", "tokens", 1, 100_000_000, Always, "sequence length of the published run (its main phase)"),
    word(
        "run.precision",
        &["fp32", "tf32", "fp16", "bf16", "fp8", "mxfp8", "fp4", "nvfp4", "int8"],
        Always,
        "precision of the layer GEMMs in the published run",
    ),
    word("run.training", &["full", "lora"], Optional, "what is trained; default full"),
    flag("run.balanced_routing", Optional, "every expert is forced to get equally many tokens; default false"),
    integer("run.lora_rank", "", 1, 100_000, Optional, "rank of the adapters; default 16"),
    number("published.total_params", "", 1e3, 1e16, Optional, "total parameters as published"),
    number("published.active_params", "", 1e3, 1e16, Optional, "active parameters as published"),
    word(
        "published.total_counts",
        &["all", "no_embedding", "no_input_embedding", "with_mtp"],
        Optional,
        "what the published total counts; default all (embedding and head, without MTP)",
    ),
    word(
        "published.active_counts",
        &["all", "no_embedding", "no_input_embedding", "with_mtp"],
        Optional,
        "what the published active count counts; default all",
    ),
];

/// `stacks/*.toml`
pub const STACK: &[Attribute] = &[
    text("version", Always, "version or date"),
    integer("year", "year", 2018, 2030, Always, "year of the version"),
    texts("vendors", Always, "chip vendors that the stack runs on"),
    word(
        "attention_kernel",
        &["unfused", "flash1", "flash2", "flash3", "native"],
        Always,
        "generation of the attention kernel; native: the chip vendor's own",
    ),
    flag(
        "narrow_attention",
        Optional,
        "the attention core runs in 8 bit where GEMMs do, on chips with block scales; default false",
    ),
    flag("fused_vector_ops", Always, "norms, activations, rotary, residuals run as fused kernels"),
    word(
        "launch",
        &["eager_2020", "eager", "graphs", "compiled"],
        Always,
        "how kernels reach the chip: the host cost of each",
    ),
    flag(
        "blocking_launch",
        Optional,
        "each launch waits for the kernel before it (CUDA_LAUNCH_BLOCKING=1); default false",
    ),
    flag("moe_in_graphs", Optional, "MoE layers are captured in graphs too; default false"),
    flag("moe_fused", Optional, "permutation, quantization and grouped GEMM of MoE layers are fused; default false"),
    word(
        "dispatch",
        &["all_to_all", "fused_on_racks", "fused"],
        Optional,
        "how tokens reach their experts: a library's all-to-all (the default), or kernels that sort and send in one and send a token once to each rank",
    ),
    integer("gradient_bytes", "B", 2, 4, Always, "bytes a parameter in which gradients are reduced"),
    flag("reduce_scatter", Optional, "sharded optimizers scatter gradients; false: they all-reduce them; default true"),
    word(
        "accumulation",
        &["eager_half", "eager_mixed", "fused"],
        Always,
        "how weight gradients are added up over micro-batches",
    ),
    fraction(
        "overlap.tp",
        Always,
        "share of tensor-parallel communication hidden behind GEMMs, over the calibrated share of stacks that hide it (1: as those)",
    ),
    fraction("overlap.fsdp", Always, "likewise, parameter gathers behind layer compute"),
    fraction("overlap.dp", Always, "likewise, gradient reduction behind backward"),
    fraction("overlap.ep", Always, "likewise, expert all-to-all"),
    fraction("overlap.ep_fabric", Optional, "likewise, of experts that lie across the fabric; default overlap.ep"),
    fraction("overlap.pp", Always, "likewise, pipeline point-to-point"),
    flag("sequence_parallel", Always, "sequence parallelism is the default when tp > 1"),
    flag("expert_tensor_parallel", Optional, "experts are sharded by tp too (etp = tp); default false"),
    flag(
        "gathers_copy",
        Optional,
        "tensor-parallel gathers and scatters copy, as the sequence is not outermost; default false",
    ),
    flag("pipeline_scatter_gather", Optional, "pipeline messages are split over the tp ranks; default true"),
    flag("interleaving", Optional, "interleaved pipeline schedules are available; default false"),
    flag(
        "balanced_stages",
        Optional,
        "stages are balanced layer by layer where they cannot be equal, LM head and embedding counted; default false",
    ),
    flag(
        "hybrid_sharding",
        Optional,
        "ZeRO-3 shards inside a torus domain (a slice) and replicates over the domains; default false",
    ),
    word(
        "fp8_recipe",
        &["none", "tensorwise", "rowwise", "mx", "subchannel"],
        Always,
        "scaling granularity of 8-bit GEMMs",
    ),
    fraction(
        "selective_share",
        Optional,
        "share of a layer's forward that selective recompute repeats, besides the scores of unfused attention; default 0",
    ),
    flag(
        "selective_elementwise",
        Optional,
        "selective recompute repeats norms and activation functions; default false",
    ),
    flag(
        "selective_gemms",
        Optional,
        "selective recompute keeps a layer's input, attention's output and every second GEMM's output; default false",
    ),
    flag(
        "recompute_stops_early",
        Optional,
        "full recompute does not repeat the last product of a layer, whose output backward does not read; default false",
    ),
    integer(
        "logit_bytes",
        "B",
        2,
        32,
        Optional,
        "bytes a logit at the peak of the loss: logits, probabilities, gradient; default 12",
    ),
    integer(
        "split_logit_bytes",
        "B",
        2,
        32,
        Optional,
        "the same where the vocabulary is split over tp; default logit_bytes",
    ),
    integer("vocab_multiple", "", 1, 4096, Optional, "vocabulary is padded to this times tp; default 128"),
    integer(
        "gradient_buffer_bytes",
        "B",
        2,
        16,
        Optional,
        "bytes a parameter of all gradients held between micro-batches; default gradient_bytes",
    ),
    integer(
        "optimizer_gradient_bytes",
        "B",
        0,
        16,
        Optional,
        "bytes a parameter of the gradients that the optimizer's step copies for its shard; default 0",
    ),
    flag("master_weights", Optional, "Adam has fp32 weights and moments, not 16-bit ones; default true"),
    integer(
        "bucket_elements",
        "",
        0,
        100_000_000_000,
        Optional,
        "parameters of a bucket in which gradients are reduced and weights gathered; default 0: both in place",
    ),
    flag("gathers_tensors", Optional, "full sharding gathers tensor by tensor, not layer by layer; default false"),
    flag(
        "gathered_in_pipeline",
        Optional,
        "full sharding keeps a pipeline stage gathered over all micro-batches; default false",
    ),
    flag(
        "sequence_gathered_kept",
        Optional,
        "sequence parallelism keeps the gathered inputs of GEMMs instead of gathering them again; default false",
    ),
    flag("pipeline_outputs_kept", Optional, "a pipeline stage keeps its output for backward; default false"),
    flag("dropout", Optional, "dropout is on by default and its masks are kept; default false"),
    flag(
        "narrow_inputs_kept",
        Optional,
        "8- and 4-bit GEMMs keep their inputs for backward in 8 bit, not in 16; default false",
    ),
    texts("precisions", Always, "precisions that the stack trains in"),
    text("recipes.source", Optional, "where the plans of the stack's users were read"),
    flag("recipes.tensor_parallel", Optional, "its users split tensors; default true"),
    flag("recipes.pipeline_parallel", Optional, "its users split layers into stages; default true"),
    flag("recipes.context_parallel", Optional, "its users split sequences; default true"),
    texts("recipes.recompute", Optional, "recompute modes that its users choose from; default none, selective, full"),
    texts("recipes.shard", Optional, "sharding that its users choose from; default optimizer, full"),
];

/// `sites/*.toml`. A price stands under `[price.KIND]`; the default kind is the first of this list that is present.
pub const PRICE_KINDS: [&str; 6] = ["industrial", "all_in", "tariff", "wholesale", "ppa", "claimed"];
pub const SITE: &[Attribute] = &[
    text("country", Always, "ISO 3166 code"),
    text("grid", Optional, "grid or market"),
    text("climate", Optional, "climate"),
    number("carbon.g_per_kwh", "gCO2e/kWh", 0.0, 2000.0, Always, "carbon intensity of the electricity used"),
    word(
        "carbon.convention",
        &["grid_average", "grid_average_production", "life_cycle", "residual", "plant"],
        Always,
        "what the intensity counts",
    ),
    integer("carbon.year", "year", 2015, 2030, Optional, "year of the intensity"),
    number("pue.full", "ratio", 1.0, 3.0, Always, "PUE at full load"),
    number(
        "pue.load_share",
        "fraction",
        0.05,
        1.0,
        Optional,
        "share of the facility's design load that the run's cluster is, at which PUE is read; default 1",
    ),
    fraction("curtailment", Optional, "share of renewable output that is curtailed in the region"),
    number("cap_mw", "MW", 0.001, 1e6, Optional, "firm power that the site can draw at its peak; absent: no limit"),
    number(
        "served_fraction",
        "fraction",
        0.001,
        1.0,
        Optional,
        "share of the megawatts asked for (cap_mw) that the grid serves; default 1",
    ),
    number(
        "availability",
        "fraction",
        0.001,
        1.0,
        Optional,
        "share of hours with power; a run stands still and draws nothing in the others; default 1",
    ),
    number(
        "stops_per_day",
        "stops/day",
        0.0,
        1000.0,
        Optional,
        "interruptions of supply or policy; each costs a checkpoint and a restart; default 0",
    ),
    number(
        "demand_charge_usd_per_kw_month",
        "USD/kW-month",
        0.0,
        1000.0,
        Optional,
        "charge on the facility's peak power, by the month; default 0",
    ),
    fraction("take_or_pay", Optional, "share of peak power x wall time that is billed whether used or not; default 0"),
    number(
        "carbon_price_usd_per_t",
        "USD/tCO2e",
        0.0,
        1e5,
        Optional,
        "price on the emissions of the electricity used, on top of the electricity price; default 0",
    ),
    number(
        "facility_usd_per_mw",
        "USD/MW",
        1e5,
        1e9,
        Always,
        "building, cooling and electrical plant per MW of critical IT load",
    ),
    number("cost_of_capital", "rate", 0.0, 0.5, Always, "annual rate of the annuity on IT and facility capital"),
    text("default_price", Always, "price kind that is used unless another is asked for"),
];

/// Keys under each `[price.KIND]` table of a site.
pub const PRICE: &[Attribute] = &[
    number("usd_per_kwh", "USD/kWh", -1.0, 10.0, Always, "price"),
    integer("year", "year", 2015, 2030, Optional, "year of the price"),
    text("meaning", Optional, "what the price holds (energy, network, levies)"),
];

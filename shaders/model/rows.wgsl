// What the host sends and what the device answers: one struct a row, every field f32 or u32 (flags are 0 or 1).
//
// Twin: `src/engine/rows.rs`, the only file that crosses from f64. Figures are per rank, in SI; energies are in GJ.

const FULL_TRAINING = 0u;
const LORA_TRAINING = 1u;

const PRECISION_FP32 = 0u;
const PRECISION_TF32 = 1u;
const PRECISION_FP16 = 2u;
const PRECISION_BF16 = 3u;
const PRECISION_FP8 = 4u;
const PRECISION_INT8 = 5u;
const PRECISION_FP4 = 6u;

const RECOMPUTE_NONE = 0u;
const RECOMPUTE_SELECTIVE = 1u;
const RECOMPUTE_FULL = 2u;

const SHARD_NONE = 0u;
const SHARD_OPTIMIZER = 1u;
const SHARD_GRADS = 2u;
const SHARD_FULL = 3u;

const ARCHITECTURE_AMPERE = 0u;
const ARCHITECTURE_HOPPER = 1u;
const ARCHITECTURE_OTHER = 2u;

const ATTENTION_KERNEL_UNFUSED = 0u;
const ATTENTION_KERNEL_FLASH1 = 1u;
const ATTENTION_KERNEL_FLASH2 = 2u;
const ATTENTION_KERNEL_NATIVE = 3u;

const LAUNCH_EAGER2020 = 0u;
const LAUNCH_EAGER = 1u;
const LAUNCH_GRAPHS = 2u;

const ACCUMULATION_EAGERHALF = 0u;
const ACCUMULATION_EAGERMIXED = 1u;
const ACCUMULATION_FUSED = 2u;

const DISPATCH_ALLTOALL = 0u;
const DISPATCH_FUSEDONRACKS = 1u;
const DISPATCH_FUSED = 2u;

const RECIPE_TENSORWISE = 0u;
const RECIPE_ROWWISE = 1u;
const RECIPE_BLOCKS = 2u;

// Why a plan cannot run; 0 where it can.
const FEASIBLE = 0u;
const REASON_HEADS = 1u;
const REASON_EXPERTS = 2u;
const REASON_LAYERS = 3u;
const REASON_SCHEDULE = 4u;
const REASON_PRECISION = 5u;
const REASON_MEMORY = 6u;
const REASON_FAILURES = 7u;
const REASON_SITEPOWER = 8u;
const REASON_POWERCAP = 9u;
const REASON_BATCH = 10u;
// The point of the space is no plan at all: nothing was evaluated.
const NO_PLAN = 11u;

struct ChipRow {
    architecture: u32,
    fp32_flops: f32,
    fp16_flops: f32,
    bf16_flops: f32,
    fp8_flops: f32,
    fp4_flops: f32,
    int8_flops: f32,
    memory_bytes: f32,
    hbm_bytes_per_s: f32,
    scale_up_bytes_per_s: f32,
    nic_bytes_per_s: f32,
    systolic: u32,
    cores: f32,
    tile_m: f32,
    tile_n: f32,
    sustained_half: f32,
    sustained_eight: f32,
    sustained_four: f32,
    hbm_fraction: f32,
    tdp_w: f32,
    load_w: f32,
    static_w: f32,
    idle_w: f32,
    clock_exponent: f32,
    voltage_floor: f32,
    voltage_knee: f32,
    all_in_usd: f32,
    server_share_usd: f32,
    chip_usd: f32,
    rental_usd_per_s: f32,
    embodied_kg: f32,
    mtbf_s: f32,
}

struct ClusterRow {
    node_chips: f32,
    node_host_w: f32,
    host_idle_share: f32,
    domain_chips: f32,
    torus: u32,
    pod_chips: f32,
    pod_oversubscription: f32,
    pod_latency_s: f32,
    pod_fabric_w: f32,
    spine_oversubscription: f32,
    spine_latency_s: f32,
    spine_fabric_w: f32,
    storage_w: f32,
}

// Architecture and run.
struct WorkloadRow {
    layers: f32,
    hidden: f32,
    heads: f32,
    kv_heads: f32,
    head_dim: f32,
    ffn: f32,
    gated: u32,
    bias: u32,
    qkv_bias: u32,
    vocab: f32,
    positions: f32,
    tied: u32,
    causal: u32,
    window: f32,
    window_share: f32,
    experts: f32,
    top_k: f32,
    expert_ffn: f32,
    shared_ffn: f32,
    moe_layers: f32,
    capacity: f32,
    route_groups: f32,
    q_lora: f32,
    kv_lora: f32,
    nope_dim: f32,
    rope_dim: f32,
    v_dim: f32,
    mtp_depth: f32,
    tokens: f32,
    global_batch: f32,
    seq_len: f32,
    training: u32,
    balanced_routing: u32,
}

struct StackRow {
    attention: u32,
    fused_vector_ops: u32,
    launch: u32,
    blocking_launch: u32,
    moe_in_graphs: u32,
    moe_fused: u32,
    dispatch: u32,
    balanced_stages: u32,
    narrow_attention: u32,
    gradient_bytes: f32,
    reduce_scatter: u32,
    accumulation: u32,
    overlap_tp: f32,
    overlap_fsdp: f32,
    overlap_dp: f32,
    overlap_ep: f32,
    overlap_ep_fabric: f32,
    overlap_pp: f32,
    pipeline_scatter_gather: u32,
    interleaving: u32,
    narrow_rate: f32,
    narrow_gathers: u32,
    gathers_copy: u32,
    recipe: u32,
    selective_share: f32,
    selective_elementwise: u32,
    recompute_stops_early: u32,
    hybrid_sharding: u32,
    logit_bytes: f32,
    split_logit_bytes: f32,
    vocab_multiple: u32,
    selective_gemms: u32,
    gradient_buffer_bytes: f32,
    optimizer_gradient_bytes: f32,
    master_weights: u32,
    bucket_elements: f32,
    gathers_tensors: u32,
    gathered_in_pipeline: u32,
    sequence_gathered_kept: u32,
    pipeline_outputs_kept: u32,
    dropout: u32,
    narrow_inputs_kept: u32,
}

// `cap_w` is 1e30 where the site sets no limit.
struct SiteRow {
    usd_per_gj: f32,
    kg_per_gj: f32,
    pue_full: f32,
    load_share: f32,
    cap_w: f32,
    availability: f32,
    stops_per_day: f32,
    demand_usd_per_w_month: f32,
    take_or_pay: f32,
    carbon_usd_per_kg: f32,
    facility_usd_per_w: f32,
    cost_of_capital: f32,
}

// In the order of `parameters.rs`.
struct CalibrationRow {
    gemm_derate: f32,
    gemm_k_half: f32,
    wave_loss: f32,
    small_tile: f32,
    attention_forward: f32,
    attention_backward: f32,
    attention_first: f32,
    attention_ported: f32,
    attention_native: f32,
    attention_vendor: f32,
    attention_narrow: f32,
    attention_narrow_native: f32,
    attention_eight: f32,
    attention_half: f32,
    unfused_rate: f32,
    unfused_passes: f32,
    vector_eager: f32,
    vector_fused: f32,
    kernel_gap_s: f32,
    host_eager_old_s: f32,
    host_eager_s: f32,
    host_graph_s: f32,
    moe_kernels: f32,
    moe_kernels_per_expert: f32,
    moe_vector: f32,
    expert_imbalance: f32,
    moe_fusion: f32,
    grouped_gemm: f32,
    quantization: f32,
    quantization_rowwise: f32,
    quantization_blocks: f32,
    quantization_four: f32,
    block_scaled_gemm: f32,
    scale_up_fraction: f32,
    all_to_all: f32,
    fabric_fraction: f32,
    scale_up_latency_s: f32,
    scale_up_hop_s: f32,
    fabric_hop_s: f32,
    fabric_latency_s: f32,
    torus_links: f32,
    overlap_tp: f32,
    overlap_fsdp: f32,
    overlap_dp: f32,
    overlap_ep: f32,
    overlap_pp: f32,
    overlap_cp: f32,
    contention: f32,
    straggler: f32,
    accumulation_fused: f32,
    optimizer_bytes: f32,
    loss_bytes: f32,
    head_efficiency: f32,
    memory_activation: f32,
    memory_reserve_bytes: f32,
    memory_cached: f32,
    memory_usable: f32,
    power_memory_bound: f32,
    power_waiting: f32,
}

struct AssumptionsRow {
    restart_s: f32,
    checkpoint_s: f32,
    startup_s: f32,
    evaluation_share: f32,
    critical_batch_scale: f32,
    critical_batch_exponent: f32,
    minimum_used: f32,
    batch_tolerance: f32,
    it_life_years: f32,
    facility_life_years: f32,
    utilisation: f32,
    server_overhead: f32,
    network_share: f32,
    it_operation_share: f32,
    facility_operation_usd_per_w: f32,
    embodied_life_years: f32,
    start_delay_years: f32,
    chip_gain_per_year: f32,
    value_of_delay_usd_per_day: f32,
}

// Terms of the design: cap and ranks that are not part of any profile.
struct DesignRow {
    // Power cap per rank.
    cap_w: f32,
    // Ranks paid for and powered, spares included.
    ranks: f32,
    rental: u32,
}

// What one evaluation reads besides the plan.
struct Setting {
    chip: ChipRow,
    cluster: ClusterRow,
    workload: WorkloadRow,
    stack: StackRow,
    site: SiteRow,
    calibration: CalibrationRow,
    assumptions: AssumptionsRow,
    design: DesignRow,
}

// A complete layout.
struct Plan {
    tp: u32,
    cp: u32,
    pp: u32,
    vpp: u32,
    dp: u32,
    ep: u32,
    etp: u32,
    micro_batch: u32,
    micro_batches: u32,
    recompute: u32,
    shard: u32,
    sequence_parallel: u32,
    precision_code: u32,
}

// What a run on a plan comes to; figures hold where `reason` is FEASIBLE, `found` and `limit` where it is not.
struct Outcome {
    reason: u32,
    found: f32,
    limit: f32,
    memory_bytes: f32,
    step_s: f32,
    goodput: f32,
    wall_s: f32,
    facility_gj: f32,
    it_gj: f32,
    cost_usd: f32,
    carbon_kg: f32,
    peak_facility_w: f32,
}

//! Profiles as the device reads them: the only file that crosses from f64 to f32.
//!
//! Twin: `shaders/model/rows.wgsl` (and `space.wgsl`). Field names, order and types are held against the shader module by
//! the tests below.

use bytemuck::{Pod, Zeroable};

use crate::library::chip::Chip;
use crate::library::cluster::Cluster;
use crate::library::site::Site;
use crate::library::stack::Stack;
use crate::library::workload::{Training, Workload};
use crate::model::parameters::{Assumptions, Calibration};
use crate::model::plan::Reason;
use crate::model::setting::Setting;
use crate::search::space::{AXES, PlanSpace};

/// Stands for "no limit" on the device, where infinities are not portable.
pub const NO_LIMIT: f32 = 1e30;

/// Joules in the device's unit of energy.
pub const J_PER_GJ: f64 = 1e9;

/// A host value as a device scalar.
trait Cross<T> {
    fn cross(self) -> T;
}

impl Cross<f32> for f64 {
    fn cross(self) -> f32 {
        (self as f32).clamp(-NO_LIMIT, NO_LIMIT)
    }
}

impl Cross<u32> for u32 {
    fn cross(self) -> u32 {
        self
    }
}

impl Cross<u32> for bool {
    fn cross(self) -> u32 {
        u32::from(self)
    }
}

/// Declares rows: each field with its type on the device and the host value that it holds.
macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident($value:ident: $source:ty) { $($field:ident: $scalar:ty = $from:expr;)* })*) => {$(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
        pub struct $name { $(pub $field: $scalar,)* }

        impl $name {
            /// Name and type of each field, in order.
            pub const FIELDS: &[(&str, &str)] = &[$((stringify!($field), stringify!($scalar)),)*];

            /// Crosses from the host's value.
            pub fn new($value: $source) -> $name {
                $name { $($field: Cross::cross($from),)* }
            }
        }
    )*};
}

rows! {
    /// One rank of a chip.
    ChipRow(chip: &Chip) {
        architecture: u32 = chip.architecture as u32;
        fp32_flops: f32 = chip.fp32_flops;
        fp16_flops: f32 = chip.fp16_flops;
        bf16_flops: f32 = chip.bf16_flops;
        fp8_flops: f32 = chip.fp8_flops;
        fp4_flops: f32 = chip.fp4_flops;
        int8_flops: f32 = chip.int8_flops;
        memory_bytes: f32 = chip.memory_bytes;
        hbm_bytes_per_s: f32 = chip.hbm_bytes_per_s;
        scale_up_bytes_per_s: f32 = chip.scale_up_bytes_per_s;
        nic_bytes_per_s: f32 = chip.nic_bytes_per_s;
        systolic: u32 = chip.systolic;
        cores: f32 = chip.cores;
        tile_m: f32 = chip.tile_m;
        tile_n: f32 = chip.tile_n;
        sustained_half: f32 = chip.sustained_half;
        sustained_eight: f32 = chip.sustained_eight;
        sustained_four: f32 = chip.sustained_four;
        hbm_fraction: f32 = chip.hbm_fraction;
        tdp_w: f32 = chip.tdp_w;
        load_w: f32 = chip.load_w;
        static_w: f32 = chip.static_w;
        idle_w: f32 = chip.idle_w;
        clock_exponent: f32 = chip.clock_exponent;
        voltage_floor: f32 = chip.voltage_floor;
        voltage_knee: f32 = chip.voltage_knee;
        all_in_usd: f32 = chip.all_in_usd;
        server_share_usd: f32 = chip.server_share_usd;
        chip_usd: f32 = chip.chip_usd;
        rental_usd_per_s: f32 = chip.rental_usd_per_s;
        embodied_kg: f32 = chip.embodied_kg;
        mtbf_s: f32 = chip.mtbf_s;
    }

    /// Node, scale-up domain, fabric and storage, per rank.
    ClusterRow(cluster: &Cluster) {
        node_chips: f32 = cluster.node_chips;
        node_host_w: f32 = cluster.node_host_w;
        host_idle_share: f32 = cluster.host_idle_share;
        domain_chips: f32 = cluster.domain_chips;
        torus: u32 = cluster.torus;
        pod_chips: f32 = cluster.pod_chips;
        pod_oversubscription: f32 = cluster.pod_oversubscription;
        pod_latency_s: f32 = cluster.pod_latency_s;
        pod_fabric_w: f32 = cluster.pod_fabric_w;
        spine_oversubscription: f32 = cluster.spine_oversubscription;
        spine_latency_s: f32 = cluster.spine_latency_s;
        spine_fabric_w: f32 = cluster.spine_fabric_w;
        storage_w: f32 = cluster.storage_w;
    }

    /// Architecture and run.
    WorkloadRow(workload: &Workload) {
        layers: f32 = workload.architecture.layers;
        hidden: f32 = workload.architecture.hidden;
        heads: f32 = workload.architecture.heads;
        kv_heads: f32 = workload.architecture.kv_heads;
        head_dim: f32 = workload.architecture.head_dim;
        ffn: f32 = workload.architecture.ffn;
        gated: u32 = workload.architecture.gated;
        bias: u32 = workload.architecture.bias;
        qkv_bias: u32 = workload.architecture.qkv_bias;
        vocab: f32 = workload.architecture.vocab;
        positions: f32 = workload.architecture.positions;
        tied: u32 = workload.architecture.tied;
        causal: u32 = workload.architecture.causal;
        window: f32 = workload.architecture.window;
        window_share: f32 = workload.architecture.window_share;
        experts: f32 = workload.architecture.experts;
        top_k: f32 = workload.architecture.top_k;
        expert_ffn: f32 = workload.architecture.expert_ffn;
        shared_ffn: f32 = workload.architecture.shared_ffn;
        moe_layers: f32 = workload.architecture.moe_layers;
        capacity: f32 = workload.architecture.capacity;
        route_groups: f32 = workload.architecture.route_groups;
        q_lora: f32 = workload.architecture.q_lora;
        kv_lora: f32 = workload.architecture.kv_lora;
        nope_dim: f32 = workload.architecture.nope_dim;
        rope_dim: f32 = workload.architecture.rope_dim;
        v_dim: f32 = workload.architecture.v_dim;
        mtp_depth: f32 = workload.architecture.mtp_depth;
        tokens: f32 = workload.run.tokens;
        global_batch: f32 = workload.run.global_batch;
        seq_len: f32 = workload.run.seq_len;
        training: u32 = matches!(workload.run.training, Training::Lora { .. });
        balanced_routing: u32 = workload.run.balanced_routing;
    }

    /// Software stack.
    StackRow(stack: &Stack) {
        attention: u32 = stack.attention as u32;
        fused_vector_ops: u32 = stack.fused_vector_ops;
        launch: u32 = stack.launch as u32;
        blocking_launch: u32 = stack.blocking_launch;
        moe_in_graphs: u32 = stack.moe_in_graphs;
        moe_fused: u32 = stack.moe_fused;
        dispatch: u32 = stack.dispatch as u32;
        balanced_stages: u32 = stack.balanced_stages;
        narrow_attention: u32 = stack.narrow_attention;
        gradient_bytes: f32 = stack.gradient_bytes;
        reduce_scatter: u32 = stack.reduce_scatter;
        accumulation: u32 = stack.accumulation as u32;
        overlap_tp: f32 = stack.overlap_tp;
        overlap_fsdp: f32 = stack.overlap_fsdp;
        overlap_dp: f32 = stack.overlap_dp;
        overlap_ep: f32 = stack.overlap_ep;
        overlap_ep_fabric: f32 = stack.overlap_ep_fabric;
        overlap_pp: f32 = stack.overlap_pp;
        pipeline_scatter_gather: u32 = stack.pipeline_scatter_gather;
        interleaving: u32 = stack.interleaving;
        narrow_rate: f32 = stack.narrow_rate;
        narrow_gathers: u32 = stack.narrow_gathers;
        gathers_copy: u32 = stack.gathers_copy;
        recipe: u32 = stack.recipe as u32;
        selective_share: f32 = stack.selective_share;
        selective_elementwise: u32 = stack.selective_elementwise;
        recompute_stops_early: u32 = stack.recompute_stops_early;
        hybrid_sharding: u32 = stack.hybrid_sharding;
        logit_bytes: f32 = stack.logit_bytes;
        split_logit_bytes: f32 = stack.split_logit_bytes;
        vocab_multiple: u32 = stack.vocab_multiple;
        selective_gemms: u32 = stack.selective_gemms;
        gradient_buffer_bytes: f32 = stack.gradient_buffer_bytes;
        optimizer_gradient_bytes: f32 = stack.optimizer_gradient_bytes;
        master_weights: u32 = stack.master_weights;
        bucket_elements: f32 = stack.bucket_elements;
        gathers_tensors: u32 = stack.gathers_tensors;
        gathered_in_pipeline: u32 = stack.gathered_in_pipeline;
        sequence_gathered_kept: u32 = stack.sequence_gathered_kept;
        pipeline_outputs_kept: u32 = stack.pipeline_outputs_kept;
        dropout: u32 = stack.dropout;
        narrow_inputs_kept: u32 = stack.narrow_inputs_kept;
    }

    /// Site.
    SiteRow(site: &Site) {
        usd_per_gj: f32 = site.usd_per_j() * J_PER_GJ;
        kg_per_gj: f32 = site.kg_per_j() * J_PER_GJ;
        pue_full: f32 = site.pue_full;
        load_share: f32 = site.load_share;
        cap_w: f32 = site.cap_w;
        availability: f32 = site.availability;
        stops_per_day: f32 = site.stops_per_day;
        demand_usd_per_w_month: f32 = site.demand_usd_per_w_month;
        take_or_pay: f32 = site.take_or_pay;
        carbon_usd_per_kg: f32 = site.carbon_usd_per_kg;
        facility_usd_per_w: f32 = site.facility_usd_per_w;
        cost_of_capital: f32 = site.cost_of_capital;
    }

    /// Calibrated constants, in declaration order.
    CalibrationRow(calibration: &Calibration) {
        gemm_derate: f32 = calibration.gemm_derate;
        gemm_k_half: f32 = calibration.gemm_k_half;
        wave_loss: f32 = calibration.wave_loss;
        small_tile: f32 = calibration.small_tile;
        attention_forward: f32 = calibration.attention_forward;
        attention_backward: f32 = calibration.attention_backward;
        attention_first: f32 = calibration.attention_first;
        attention_ported: f32 = calibration.attention_ported;
        attention_native: f32 = calibration.attention_native;
        attention_vendor: f32 = calibration.attention_vendor;
        attention_narrow: f32 = calibration.attention_narrow;
        attention_narrow_native: f32 = calibration.attention_narrow_native;
        attention_eight: f32 = calibration.attention_eight;
        attention_half: f32 = calibration.attention_half;
        unfused_rate: f32 = calibration.unfused_rate;
        unfused_passes: f32 = calibration.unfused_passes;
        vector_eager: f32 = calibration.vector_eager;
        vector_fused: f32 = calibration.vector_fused;
        kernel_gap_s: f32 = calibration.kernel_gap_s;
        host_eager_old_s: f32 = calibration.host_eager_old_s;
        host_eager_s: f32 = calibration.host_eager_s;
        host_graph_s: f32 = calibration.host_graph_s;
        moe_kernels: f32 = calibration.moe_kernels;
        moe_kernels_per_expert: f32 = calibration.moe_kernels_per_expert;
        moe_vector: f32 = calibration.moe_vector;
        expert_imbalance: f32 = calibration.expert_imbalance;
        moe_fusion: f32 = calibration.moe_fusion;
        grouped_gemm: f32 = calibration.grouped_gemm;
        quantization: f32 = calibration.quantization;
        quantization_rowwise: f32 = calibration.quantization_rowwise;
        quantization_blocks: f32 = calibration.quantization_blocks;
        quantization_four: f32 = calibration.quantization_four;
        block_scaled_gemm: f32 = calibration.block_scaled_gemm;
        scale_up_fraction: f32 = calibration.scale_up_fraction;
        all_to_all: f32 = calibration.all_to_all;
        fabric_fraction: f32 = calibration.fabric_fraction;
        scale_up_latency_s: f32 = calibration.scale_up_latency_s;
        scale_up_hop_s: f32 = calibration.scale_up_hop_s;
        fabric_hop_s: f32 = calibration.fabric_hop_s;
        fabric_latency_s: f32 = calibration.fabric_latency_s;
        torus_links: f32 = calibration.torus_links;
        overlap_tp: f32 = calibration.overlap_tp;
        overlap_fsdp: f32 = calibration.overlap_fsdp;
        overlap_dp: f32 = calibration.overlap_dp;
        overlap_ep: f32 = calibration.overlap_ep;
        overlap_pp: f32 = calibration.overlap_pp;
        overlap_cp: f32 = calibration.overlap_cp;
        contention: f32 = calibration.contention;
        straggler: f32 = calibration.straggler;
        accumulation_fused: f32 = calibration.accumulation_fused;
        optimizer_bytes: f32 = calibration.optimizer_bytes;
        loss_bytes: f32 = calibration.loss_bytes;
        head_efficiency: f32 = calibration.head_efficiency;
        memory_activation: f32 = calibration.memory_activation;
        memory_reserve_bytes: f32 = calibration.memory_reserve_bytes;
        memory_cached: f32 = calibration.memory_cached;
        memory_usable: f32 = calibration.memory_usable;
        power_memory_bound: f32 = calibration.power_memory_bound;
        power_waiting: f32 = calibration.power_waiting;
    }

    /// Assumptions, in declaration order.
    AssumptionsRow(assumptions: &Assumptions) {
        restart_s: f32 = assumptions.restart_s;
        checkpoint_s: f32 = assumptions.checkpoint_s;
        startup_s: f32 = assumptions.startup_s;
        evaluation_share: f32 = assumptions.evaluation_share;
        critical_batch_scale: f32 = assumptions.critical_batch_scale;
        critical_batch_exponent: f32 = assumptions.critical_batch_exponent;
        minimum_used: f32 = assumptions.minimum_used;
        batch_tolerance: f32 = assumptions.batch_tolerance;
        it_life_years: f32 = assumptions.it_life_years;
        facility_life_years: f32 = assumptions.facility_life_years;
        utilisation: f32 = assumptions.utilisation;
        server_overhead: f32 = assumptions.server_overhead;
        network_share: f32 = assumptions.network_share;
        it_operation_share: f32 = assumptions.it_operation_share;
        facility_operation_usd_per_w: f32 = assumptions.facility_operation_usd_per_w;
        embodied_life_years: f32 = assumptions.embodied_life_years;
        start_delay_years: f32 = assumptions.start_delay_years;
        chip_gain_per_year: f32 = assumptions.chip_gain_per_year;
        value_of_delay_usd_per_day: f32 = assumptions.value_of_delay_usd_per_day;
    }

    /// Terms of the design that are part of no profile; `chips` as in [`crate::model::estimate`].
    DesignRow(terms: (&Setting, f64)) {
        cap_w: f32 = terms.0.cap_w;
        ranks: f32 = terms.1 * terms.0.ranks_per_chip;
        rental: u32 = terms.0.rental;
    }

    /// What the axes of a space do not say.
    SpaceRow(space: &PlanSpace) {
        dp: u32 = space.dp.unwrap_or(0);
        etp: u32 = space.etp.unwrap_or(0);
        expert_tensor_parallel: u32 = space.expert_tensor_parallel;
        ep_length: u32 = space.ep.len() as u32;
        precision_code: u32 = space.precision as u32;
        batch_target: u32 = space.batch.target;
        batch_least: u32 = space.batch.least;
        batch_most: u32 = space.batch.most;
        ranks: u32 = space.ranks;
        least_ranks: u32 = space.least_ranks;
    }

    /// One value an axis: lengths, or the digits of an index.
    Axes(values: [u32; AXES]) {
        tp: u32 = values[0];
        cp: u32 = values[1];
        pp: u32 = values[2];
        vpp: u32 = values[3];
        ep: u32 = values[4];
        micro_batch: u32 = values[5];
        recompute: u32 = values[6];
        shard: u32 = values[7];
        sequence_parallel: u32 = values[8];
        fill: u32 = values[9];
    }
}

/// Declares an answer of the device.
macro_rules! answers {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $scalar:ty;)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
        pub struct $name { $(pub $field: $scalar,)* }

        impl $name {
            /// Name and type of each field, in order.
            pub const FIELDS: &[(&str, &str)] = &[$((stringify!($field), stringify!($scalar)),)*];
        }
    };
}

answers! {
    /// What the device answers for one point of a space; `reason` is 0 where the plan runs, [`NO_PLAN`] where there is none.
    Outcome {
        reason: u32;
        found: f32;
        limit: f32;
        memory_bytes: f32;
        step_s: f32;
        goodput: f32;
        wall_s: f32;
        facility_gj: f32;
        it_gj: f32;
        cost_usd: f32;
        carbon_kg: f32;
        peak_facility_w: f32;
    }
}

/// The code of a point that is no plan.
pub const NO_PLAN: u32 = 1 + Reason::ALL.len() as u32;

/// All rows of a setting, as `Setting` of the shader.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct SettingRows {
    pub chip: ChipRow,
    pub cluster: ClusterRow,
    pub workload: WorkloadRow,
    pub stack: StackRow,
    pub site: SiteRow,
    pub calibration: CalibrationRow,
    pub assumptions: AssumptionsRow,
    pub design: DesignRow,
}

impl SettingRows {
    /// Rows of a run on `chips` chips.
    pub fn new(setting: &Setting, chips: f64) -> SettingRows {
        SettingRows {
            chip: ChipRow::new(&setting.chip),
            cluster: ClusterRow::new(&setting.cluster),
            workload: WorkloadRow::new(&setting.workload),
            stack: StackRow::new(&setting.stack),
            site: SiteRow::new(&setting.site),
            calibration: CalibrationRow::new(&setting.calibration),
            assumptions: AssumptionsRow::new(&setting.assumptions),
            design: DesignRow::new((setting, chips)),
        }
    }
}

/// Values of all axes, one list after the other: what stands at each digit.
pub fn axis_values(space: &PlanSpace) -> Vec<u32> {
    [&space.tp, &space.cp, &space.pp, &space.vpp, &space.ep, &space.micro_batch]
        .into_iter()
        .flatten()
        .copied()
        .chain(space.recompute.iter().map(|r| *r as u32))
        .chain(space.shard.iter().map(|s| *s as u32))
        .chain(space.sequence_parallel.iter().map(|on| u32::from(*on)))
        .chain(space.fill.iter().copied())
        .collect()
}

/// Digits of an index in the mixed radix of the axes, the last axis fastest.
pub fn digits(space: &PlanSpace, index: u64) -> Axes {
    let mut rest = index;
    let mut at = [0; AXES];
    for (digit, length) in at.iter_mut().zip(space.lengths()).rev() {
        *digit = (rest % u64::from(length)) as u32;
        rest /= u64::from(length);
    }
    Axes::new(at)
}

/// What the kernels read of one chunk of a space.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct Inputs {
    pub setting: SettingRows,
    pub space: SpaceRow,
    pub lengths: Axes,
    /// Digits of the chunk's first point, and its points.
    pub base: Axes,
    pub count: u32,
    /// Relative distance from the best value within which the reference decides.
    pub near_tie: f32,
}

impl Inputs {
    /// The inputs of a search; [`Inputs::chunk`] says which part of it.
    pub fn new(setting: &Setting, space: &PlanSpace, chips: f64, near_tie: f32) -> Inputs {
        Inputs {
            setting: SettingRows::new(setting, chips),
            space: SpaceRow::new(space),
            lengths: Axes::new(space.lengths()),
            base: Axes::new([0; AXES]),
            count: 0,
            near_tie,
        }
    }

    /// The same search from another point on.
    pub fn chunk(&self, space: &PlanSpace, begin: u64, count: u32) -> Inputs {
        Inputs { base: digits(space, begin), count, ..*self }
    }
}

/// What the kernels list of a chunk, after the best of each objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum List {
    /// Rejections nearest to running.
    Nearest = 4,
    /// Plans that may lie on the frontier of time and energy.
    Frontier = 5,
    /// Plans of which f32 cannot tell whether they run; no count holds them.
    Doubtful = 6,
}

/// Objectives, and the rejections nearest to running.
pub const RANKED: usize = 5;

/// Lists of a chunk.
pub const LISTS: usize = 7;

/// Offsets that a list holds at most.
pub const MOST_PICKED: usize = 512;

/// Bins of wall time, each with the least energy in it and before it.
pub const BINS_SIZE: u64 = 2 * 4 * 4096;

/// Bytes of the time of a layer.
pub const LAYER_SIZE: u64 = 4 * 37;

/// What the device found in a chunk.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct Tally {
    pub queued: u32,
    /// Standing of the best of each list, which orders values as whole numbers.
    pub best: [u32; RANKED],
    /// Feasible plans, then plans rejected by reason.
    pub count: [u32; 1 + Reason::ALL.len()],
    /// Plans that came up for each list; more than [`MOST_PICKED`] are lost.
    pub picked: [u32; LISTS],
    list: [u32; LISTS * MOST_PICKED],
}

impl Tally {
    /// Offsets of a list, in no order.
    pub fn list(&self, list: usize) -> &[u32] {
        let kept = (self.picked[list] as usize).min(MOST_PICKED);
        &self.list[list * MOST_PICKED..][..kept]
    }

    /// The best value of an objective; `None` where nothing is feasible.
    pub fn best_value(&self, objective: usize) -> Option<f32> {
        let place = self.best[objective];
        let bits = if place >= 1 << 31 { place } else { !place ^ (1 << 31) };
        (place != 0).then(|| f32::from_bits(bits))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use wgpu::naga;

    use super::*;
    use crate::engine::shaders;
    use crate::library::chip::Architecture;
    use crate::library::stack::{Accumulation, AttentionKernel, Dispatch, Launch, Recipe};
    use crate::library::workload::Precision;
    use crate::model::cost::{MONTH_S, YEAR_S};
    use crate::model::goodput::{DAY_S, LEAST_GOODPUT};
    use crate::model::parameters::{ASSUMPTIONS, CALIBRATION};
    use crate::model::plan::{Recompute, Shard};

    fn module() -> naga::Module {
        let text = [shaders::MODEL, shaders::BINDINGS, shaders::BEST].concat();
        naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&text)))
    }

    /// Members of a struct of the module: name, type, offset; and its size.
    fn members(module: &naga::Module, name: &str) -> (Vec<(String, String, u32)>, u32) {
        let (_, found) = module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name)).expect(name);
        let naga::TypeInner::Struct { members, span } = &found.inner else { panic!("{name} is no struct") };
        let scalar = |ty: naga::Handle<naga::Type>| match module.types[ty].inner {
            naga::TypeInner::Scalar(naga::Scalar::F32) => "f32".to_owned(),
            naga::TypeInner::Scalar(naga::Scalar::U32) => "u32".to_owned(),
            ref other => format!("{other:?}"),
        };
        let members = members.iter().map(|m| (m.name.clone().unwrap_or_default(), scalar(m.ty), m.offset)).collect();
        (members, *span)
    }

    fn members_size(module: &naga::Module, name: &str) -> u64 {
        u64::from(members(module, name).1)
    }

    fn literal(module: &naga::Module, name: &str) -> f64 {
        let (_, constant) = module.constants.iter().find(|(_, c)| c.name.as_deref() == Some(name)).expect(name);
        match module.global_expressions[constant.init] {
            naga::Expression::Literal(naga::Literal::U32(n)) => f64::from(n),
            naga::Expression::Literal(naga::Literal::F32(n)) => f64::from(n),
            naga::Expression::Literal(naga::Literal::AbstractFloat(n)) => n,
            naga::Expression::Literal(naga::Literal::AbstractInt(n)) => n as f64,
            ref other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn host_rows_lie_as_the_shader_reads_them() {
        let module = module();
        for (name, fields, size) in [
            ("ChipRow", ChipRow::FIELDS, size_of::<ChipRow>()),
            ("ClusterRow", ClusterRow::FIELDS, size_of::<ClusterRow>()),
            ("WorkloadRow", WorkloadRow::FIELDS, size_of::<WorkloadRow>()),
            ("StackRow", StackRow::FIELDS, size_of::<StackRow>()),
            ("SiteRow", SiteRow::FIELDS, size_of::<SiteRow>()),
            ("CalibrationRow", CalibrationRow::FIELDS, size_of::<CalibrationRow>()),
            ("AssumptionsRow", AssumptionsRow::FIELDS, size_of::<AssumptionsRow>()),
            ("DesignRow", DesignRow::FIELDS, size_of::<DesignRow>()),
            ("SpaceRow", SpaceRow::FIELDS, size_of::<SpaceRow>()),
            ("Axes", Axes::FIELDS, size_of::<Axes>()),
            ("Outcome", Outcome::FIELDS, size_of::<Outcome>()),
        ] {
            let (members, span) = members(&module, name);
            let host: Vec<_> =
                fields.iter().zip(0..).map(|((f, t), i)| ((*f).to_owned(), (*t).to_owned(), 4 * i)).collect();
            assert_eq!(members, host, "{name}");
            assert_eq!(span as usize, size, "{name}");
        }
    }

    #[test]
    fn inputs_and_tally_lie_as_the_kernels_read_them() {
        macro_rules! offsets {
            ($name:ident: $($field:ident)*) => {
                vec![$((stringify!($field).to_owned(), std::mem::offset_of!($name, $field) as u32),)*]
            };
        }
        let module = module();
        for (name, offsets, size) in [
            ("Inputs", offsets!(Inputs: setting space lengths base count near_tie), size_of::<Inputs>()),
            (
                "Setting",
                offsets!(SettingRows: chip cluster workload stack site calibration assumptions design),
                size_of::<SettingRows>(),
            ),
            ("Bins", vec![("least".to_owned(), 0), ("before".to_owned(), BINS_SIZE as u32 / 2)], BINS_SIZE as usize),
            ("Tally", offsets!(Tally: queued best count picked list), size_of::<Tally>()),
        ] {
            let (members, span) = members(&module, name);
            let found: Vec<_> = members.into_iter().map(|(field, _, offset)| (field, offset)).collect();
            assert_eq!(found, offsets, "{name}");
            assert_eq!(span as usize, size, "{name}");
        }
        assert_eq!(literal(&module, "MOST_PICKED") as usize, MOST_PICKED);
        assert_eq!(members_size(&module, "LayerTime"), LAYER_SIZE);
        for (list, name) in [(List::Nearest, "NEAREST"), (List::Frontier, "FRONTIER"), (List::Doubtful, "DOUBTFUL")] {
            assert_eq!(literal(&module, &format!("LIST_{name}")) as u32, list as u32);
        }
    }

    #[test]
    fn standings_give_their_values_back() {
        // `standing` of the kernel.
        let standing = |value: f32| {
            let bits = value.to_bits();
            if bits >= 1 << 31 { bits } else { !(bits ^ (1 << 31)) }
        };
        let mut tally = Tally::zeroed();
        assert_eq!(tally.best_value(0), None);
        let values = [-3e38, -2.5, -1e-30, 0.0, 1e-30, 1.0, 1.5, 3e38];
        for pair in values.windows(2) {
            assert!(standing(pair[0]) > standing(pair[1]), "{pair:?}");
        }
        for value in values {
            tally.best[0] = standing(value);
            assert_eq!(tally.best_value(0), Some(value));
        }
    }

    #[test]
    fn parameter_rows_follow_their_declaration() {
        for (fields, table) in [(CalibrationRow::FIELDS, CALIBRATION), (AssumptionsRow::FIELDS, ASSUMPTIONS)] {
            let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
            let keys: Vec<_> = table.iter().map(|attribute| attribute.key).collect();
            assert_eq!(names, keys);
        }
    }

    #[test]
    fn codes_and_constants_agree() {
        let module = module();
        let mut checked = 0;
        let mut agree = |prefix: &str, variant: String, code: u32| {
            let name = format!("{prefix}_{}", variant.to_uppercase());
            assert_eq!(literal(&module, &name), f64::from(code), "{name}");
            checked += 1;
        };
        Reason::ALL.iter().for_each(|v| agree("REASON", format!("{v:?}"), *v as u32));
        Precision::ALL.iter().for_each(|v| agree("PRECISION", format!("{v:?}"), *v as u32));
        Recompute::ALL.iter().for_each(|v| agree("RECOMPUTE", format!("{v:?}"), *v as u32));
        Shard::ALL.iter().for_each(|v| agree("SHARD", format!("{v:?}"), *v as u32));
        for v in [Architecture::Ampere, Architecture::Hopper, Architecture::Other] {
            agree("ARCHITECTURE", format!("{v:?}"), v as u32);
        }
        for v in [AttentionKernel::Unfused, AttentionKernel::Flash1, AttentionKernel::Flash2, AttentionKernel::Native] {
            agree("ATTENTION_KERNEL", format!("{v:?}"), v as u32);
        }
        for v in [Launch::Eager2020, Launch::Eager, Launch::Graphs] {
            agree("LAUNCH", format!("{v:?}"), v as u32);
        }
        for v in [Dispatch::AllToAll, Dispatch::FusedOnRacks, Dispatch::Fused] {
            agree("DISPATCH", format!("{v:?}"), v as u32);
        }
        for v in [Recipe::Tensorwise, Recipe::Rowwise, Recipe::Blocks] {
            agree("RECIPE", format!("{v:?}"), v as u32);
        }
        for v in [Accumulation::EagerHalf, Accumulation::EagerMixed, Accumulation::Fused] {
            agree("ACCUMULATION", format!("{v:?}"), v as u32);
        }
        let prefixes = [
            "REASON_",
            "PRECISION_",
            "RECOMPUTE_",
            "SHARD_",
            "ARCHITECTURE_",
            "ATTENTION_KERNEL_",
            "LAUNCH_",
            "ACCUMULATION_",
            "DISPATCH_",
            "RECIPE_",
        ];
        let coded = module
            .constants
            .iter()
            .filter(|(_, c)| c.name.as_deref().is_some_and(|name| prefixes.iter().any(|p| name.starts_with(p))))
            .count();
        assert_eq!(coded, checked, "every code of the shader has its variant");
        assert_eq!(literal(&module, "NO_PLAN") as usize, Reason::ALL.len() + 1);
        assert_eq!(literal(&module, "LEAST_GOODPUT") as f32, LEAST_GOODPUT as f32);
        for (name, seconds) in [("DAY_S", DAY_S), ("MONTH_S", MONTH_S), ("YEAR_S", YEAR_S)] {
            assert_eq!(literal(&module, name), seconds);
        }
        assert_eq!(literal(&module, "GJ_PER_J") as f32, (1.0 / J_PER_GJ) as f32);
    }
}

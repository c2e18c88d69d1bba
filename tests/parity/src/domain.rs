//! Random runs over the whole range that the model is meant for.

use wattline::library::chip::{Architecture as ChipArchitecture, Chip};
use wattline::library::cluster::Cluster;
use wattline::library::site::{Carbon, Price, Site};
use wattline::library::stack::{Accumulation, AttentionKernel, Dispatch, Launch, Recipe, Recipes, Stack};
use wattline::library::workload::{Architecture, Precision, Run, Training, Workload};
use wattline::model::parameters::{Assumptions, Calibration};
use wattline::model::plan::{Plan, Recompute, Shard};
use wattline::model::setting::Setting;
use wattline::search::space::{Batch, Fixed, PlanSpace};

/// SplitMix64: a small generator with a fixed sequence.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// In [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    /// Evenly on a logarithmic scale.
    pub fn scale(&mut self, low: f64, high: f64) -> f64 {
        (self.between(low.ln(), high.ln())).exp()
    }
    /// A whole number, both ends included.
    pub fn whole(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % (high - low + 1)
    }
    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }
    pub fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.roll() as usize % items.len()]
    }
}

/// The shipped constants, each moved by up to `spread`.
pub fn calibration(dice: &mut Dice, spread: f64) -> Calibration {
    let mut near = |value: f64| value * dice.between(1.0 - spread, 1.0 + spread);
    Calibration {
        gemm_derate: near(0.947),
        gemm_k_half: near(163.0),
        wave_loss: near(0.51),
        small_tile: near(0.9),
        attention_forward: near(0.605),
        attention_backward: near(0.454),
        attention_first: near(0.67),
        attention_ported: near(0.47),
        attention_native: near(0.93),
        attention_vendor: near(0.68),
        attention_narrow: near(0.9),
        attention_narrow_native: near(0.77),
        attention_eight: near(1.3),
        attention_half: near(358.0),
        unfused_rate: near(0.5),
        unfused_passes: near(7.1),
        vector_eager: near(1.55),
        vector_fused: near(1.2),
        kernel_gap_s: near(4e-6),
        host_eager_old_s: near(2.7e-5),
        host_eager_s: near(8e-6),
        host_graph_s: near(1e-6),
        moe_kernels: near(45.6),
        moe_kernels_per_expert: near(3.3),
        moe_vector: near(1.6),
        expert_imbalance: near(0.15),
        moe_fusion: near(0.72),
        grouped_gemm: near(0.8),
        quantization: near(0.71),
        quantization_rowwise: near(2.0),
        quantization_blocks: near(1.5),
        quantization_four: near(1.8),
        block_scaled_gemm: near(0.95),
        scale_up_fraction: near(0.8),
        all_to_all: near(0.8),
        fabric_fraction: near(0.8),
        scale_up_latency_s: near(1.34e-5),
        scale_up_hop_s: near(1.9e-6),
        fabric_hop_s: near(4e-6),
        fabric_latency_s: near(8.5e-6),
        torus_links: near(0.5),
        overlap_tp: near(0.334),
        overlap_fsdp: near(0.75),
        overlap_dp: near(0.75),
        overlap_ep: near(0.75),
        overlap_pp: near(0.564),
        overlap_cp: near(0.75),
        contention: near(0.07),
        straggler: near(0.0037),
        accumulation_fused: near(0.379),
        optimizer_bytes: near(34.4),
        loss_bytes: near(22.8),
        head_efficiency: near(0.83),
        memory_activation: near(1.0),
        memory_reserve_bytes: near(2.5e9),
        memory_cached: 1.08,
        memory_usable: near(0.8),
        power_memory_bound: near(0.68),
        power_waiting: near(0.36),
    }
}

/// Assumptions over their ranges; half of the runs start now, at no worth of their days.
pub fn assumptions(dice: &mut Dice) -> Assumptions {
    // Terms that most runs leave at their defaults leave the sequence of all else as it is.
    let mut terms = Dice(!dice.0);
    let waits = terms.chance(0.5);
    Assumptions {
        restart_s: dice.scale(1.0, 3e4),
        checkpoint_s: if dice.chance(0.05) { 0.0 } else { dice.scale(0.01, 3e3) },
        startup_s: dice.scale(1.0, 1e5),
        evaluation_share: dice.between(0.0, 0.3),
        critical_batch_scale: dice.scale(1.0, 500.0),
        critical_batch_exponent: dice.between(0.3, 0.6),
        minimum_used: dice.between(0.5, 1.0),
        batch_tolerance: dice.between(0.0, 0.3),
        it_life_years: dice.between(1.0, 10.0),
        facility_life_years: dice.between(5.0, 40.0),
        utilisation: dice.between(0.05, 1.0),
        server_overhead: dice.between(1.0, 2.0),
        network_share: dice.between(0.0, 0.5),
        it_operation_share: dice.between(0.0, 0.1),
        facility_operation_usd_per_w: dice.between(0.0, 1.0),
        embodied_life_years: dice.between(1.0, 10.0),
        start_delay_years: if waits { terms.between(0.0, 5.0) } else { 0.0 },
        chip_gain_per_year: if waits { terms.between(1.0, 1.6) } else { 1.0 },
        value_of_delay_usd_per_day: if waits { terms.scale(1e2, 1e7) } else { 0.0 },
    }
}

/// A chip from a P100 to a wafer.
pub fn chip(dice: &mut Dice) -> Chip {
    let half = dice.scale(2e13, 5e15);
    let tdp_w = if dice.chance(0.05) { dice.scale(2500.0, 25000.0) } else { dice.between(150.0, 2300.0) };
    let load_w = tdp_w * dice.between(0.8, 1.0);
    let lacks_bf16 = dice.chance(0.15);
    let eight = dice.chance(0.7);
    let four = dice.chance(0.4);
    let price = dice.whole(0, 2);
    Chip {
        name: "random-chip".to_owned(),
        title: String::new(),
        vendor: "nvidia".to_owned(),
        cluster: String::new(),
        announced: false,
        architecture: dice.of(&[ChipArchitecture::Ampere, ChipArchitecture::Hopper, ChipArchitecture::Other]),
        ranks_per_chip: if dice.chance(0.2) { 2 } else { 1 },
        fp32_flops: if dice.chance(0.2) { 0.0 } else { half / dice.between(4.0, 16.0) },
        fp16_flops: if dice.chance(0.1) && !lacks_bf16 { 0.0 } else { half },
        bf16_flops: if lacks_bf16 { 0.0 } else { half },
        fp8_flops: if eight { 2.0 * half } else { 0.0 },
        fp4_flops: if four { 4.0 * half } else { 0.0 },
        int8_flops: if eight { 2.0 * half } else { 0.0 },
        memory_bytes: dice.scale(1.5e10, 6e11),
        hbm_bytes_per_s: dice.scale(3e11, 3e13),
        scale_up_bytes_per_s: dice.scale(1e10, 3e12),
        nic_bytes_per_s: dice.scale(1e9, 4e11),
        systolic: dice.chance(0.3),
        cores: dice.whole(1, 320) as f64,
        tile_m: dice.of(&[64.0, 96.0, 128.0, 256.0]),
        tile_n: dice.of(&[64.0, 128.0, 192.0, 256.0]),
        sustained_half: dice.between(0.4, 0.95),
        sustained_eight: if dice.chance(0.9) { dice.between(0.4, 0.9) } else { 0.0 },
        sustained_four: if dice.chance(0.9) { dice.between(0.4, 0.9) } else { 0.0 },
        hbm_fraction: dice.between(0.6, 0.95),
        tdp_w,
        load_w,
        static_w: load_w * dice.between(0.1, 0.5),
        idle_w: load_w * dice.between(0.05, 0.3),
        default_cap_w: tdp_w,
        cap_min_w: 0.0,
        cap_max_w: tdp_w,
        clock_exponent: dice.between(1.2, 3.0),
        voltage_floor: if dice.chance(0.5) { dice.between(0.5, 0.95) } else { 0.0 },
        voltage_knee: dice.between(0.2, 0.95),
        all_in_usd: if price == 0 { dice.scale(3e3, 4e6) } else { 0.0 },
        server_share_usd: if price == 1 { dice.scale(3e3, 4e6) } else { 0.0 },
        chip_usd: dice.scale(2e3, 3e6),
        rental_usd_per_s: dice.scale(0.1, 50.0) / 3600.0,
        embodied_kg: dice.scale(10.0, 2e4),
        mtbf_s: dice.scale(2e6, 3e9),
    }
}

/// A cluster from a single node's fabric to a torus pod.
pub fn cluster(dice: &mut Dice) -> Cluster {
    let node_chips = dice.of(&[1.0, 2.0, 4.0, 8.0, 16.0, 72.0]);
    let domain_chips = dice.of(&[1.0, 4.0, 6.0, 8.0, 16.0, 64.0, 72.0, 144.0, 384.0, 4096.0, 8960.0]);
    let host_w = dice.between(50.0, 800.0) * node_chips;
    Cluster {
        name: "random-cluster".to_owned(),
        title: String::new(),
        node_chips,
        node_host_w: host_w,
        host_idle_share: dice.between(0.3, 1.0),
        host_nameplate_w: host_w,
        nameplate_w: 0.0,
        domain_chips,
        torus: dice.chance(0.2),
        scale_up_bytes_per_s: if dice.chance(0.5) { 0.0 } else { dice.scale(1e10, 2e12) },
        nic_bytes_per_s: if dice.chance(0.5) { 0.0 } else { dice.scale(1e9, 4e11) },
        pod_chips: dice.of(&[256.0, 1024.0, 2560.0, 3072.0, 16384.0, 65536.0]),
        pod_oversubscription: dice.between(1.0, 4.0),
        pod_latency_s: dice.between(0.0, 1e-5),
        pod_fabric_w: dice.between(0.0, 150.0),
        spine_oversubscription: dice.between(1.0, 8.0),
        spine_latency_s: dice.between(0.0, 2e-5),
        spine_fabric_w: dice.between(0.0, 100.0),
        storage_bytes_per_s: 1e8,
        storage_w: dice.between(0.0, 20.0),
    }
}

/// Dense, grouped-query, windowed, encoder, mixture-of-experts, latent-attention, tied, adapter-trained workloads.
pub fn workload(dice: &mut Dice) -> Workload {
    let heads = dice.of(&[12.0, 16.0, 20.0, 24.0, 25.0, 32.0, 40.0, 48.0, 64.0, 96.0, 112.0, 128.0]);
    let head_dim = dice.of(&[64.0, 64.0, 80.0, 96.0, 100.0, 112.0, 118.0, 127.0, 128.0, 128.0, 192.0, 256.0]);
    let hidden = if dice.chance(0.7) { heads * head_dim } else { 64.0 * dice.whole(8, 320) as f64 };
    let moe = dice.chance(0.4);
    let latent = dice.chance(0.25);
    let windowed = dice.chance(0.25);
    let layers = dice.whole(2, 160) as f64;
    let experts = if moe { dice.of(&[8.0, 16.0, 60.0, 64.0, 128.0, 160.0, 256.0, 384.0]) } else { 0.0 };
    let top_k = if moe { dice.whole(1, 8) as f64 } else { 0.0 };
    let expert_ffn = if moe { 64.0 * dice.whole(6, 256) as f64 } else { 0.0 };
    let dense_layers = dice.whole(0, 3).min(layers as u64) as f64;
    let seq_len = if dice.chance(0.7) {
        dice.of(&[512.0, 1024.0, 2048.0, 4096.0, 8192.0, 32768.0, 131072.0])
    } else {
        dice.whole(128, 40000) as f64
    };
    Workload {
        name: "random-workload".to_owned(),
        title: String::new(),
        architecture: Architecture {
            layers,
            hidden,
            heads,
            kv_heads: if dice.chance(0.5) { heads } else { dice.of(&[1.0, 2.0, 4.0, 8.0]) },
            head_dim,
            ffn: if moe && dice.chance(0.3) { 0.0 } else { dice.of(&[4.0, 8.0 / 3.0, 3.5]) * hidden }.round(),
            gated: dice.chance(0.7),
            bias: dice.chance(0.3),
            qkv_bias: dice.chance(0.2),
            vocab: dice.of(&[
                30522.0, 32000.0, 50257.0, 51200.0, 65536.0, 100_352.0, 128_256.0, 129_280.0, 152_064.0, 262_144.0,
            ]),
            positions: if dice.chance(0.3) { seq_len } else { 0.0 },
            tied: dice.chance(0.3),
            causal: dice.chance(0.85),
            window: if windowed { dice.of(&[128.0, 512.0, 1024.0, 4096.0]) } else { 0.0 },
            window_share: if windowed { dice.between(0.1, 1.0) } else { 0.0 },
            experts,
            top_k,
            expert_ffn,
            shared_ffn: if moe && dice.chance(0.5) { expert_ffn } else { 0.0 },
            moe_layers: if moe { layers - dense_layers } else { 0.0 },
            capacity: if dice.chance(0.7) { 1.0 } else { dice.between(1.0, 2.0) },
            route_groups: if dice.chance(0.3) { dice.whole(1, 8) as f64 } else { 0.0 },
            q_lora: if latent && dice.chance(0.7) { 1536.0 } else { 0.0 },
            kv_lora: if latent { 512.0 } else { 0.0 },
            nope_dim: if latent { 128.0 } else { 0.0 },
            rope_dim: if latent { 64.0 } else { 0.0 },
            v_dim: if latent { 128.0 } else { 0.0 },
            mtp_depth: if dice.chance(0.1) { 1.0 } else { 0.0 },
        },
        coarse: false,
        run: Run {
            tokens: dice.scale(1e9, 1e14),
            global_batch: dice.scale(8.0, 20000.0).round(),
            seq_len,
            precision: dice.of(&Precision::ALL),
            training: if dice.chance(0.1) { Training::Lora { rank: 16.0 } } else { Training::Full },
            balanced_routing: dice.chance(0.3),
        },
        published_total: None,
        published_active: None,
    }
}

/// Any mixture of a stack's fields.
pub fn stack(dice: &mut Dice) -> Stack {
    // What memory alone reads leaves the sequence of all else as it is.
    let mut held = Dice(!dice.0);
    Stack {
        name: "random-stack".to_owned(),
        title: String::new(),
        year: 2024,
        vendors: Vec::new(),
        precisions: Vec::new(),
        attention: dice.of(&[
            AttentionKernel::Unfused,
            AttentionKernel::Flash1,
            AttentionKernel::Flash2,
            AttentionKernel::Native,
        ]),
        fused_vector_ops: dice.chance(0.7),
        launch: dice.of(&[Launch::Eager2020, Launch::Eager, Launch::Graphs]),
        blocking_launch: dice.chance(0.1),
        moe_in_graphs: dice.chance(0.5),
        moe_fused: dice.chance(0.5),
        dispatch: dice.of(&[Dispatch::AllToAll, Dispatch::FusedOnRacks, Dispatch::Fused]),
        balanced_stages: dice.chance(0.5),
        narrow_attention: dice.chance(0.5),
        gradient_bytes: dice.of(&[2.0, 4.0]),
        reduce_scatter: dice.chance(0.8),
        accumulation: dice.of(&[Accumulation::EagerHalf, Accumulation::EagerMixed, Accumulation::Fused]),
        overlap_tp: dice.unit(),
        overlap_fsdp: dice.unit(),
        overlap_dp: dice.unit(),
        overlap_ep: dice.unit(),
        overlap_ep_fabric: dice.unit(),
        overlap_pp: dice.unit(),
        sequence_parallel: dice.chance(0.7),
        expert_tensor_parallel: dice.chance(0.3),
        pipeline_scatter_gather: dice.chance(0.7),
        interleaving: dice.chance(0.7),
        narrow_rate: dice.of(&[0.65, 1.0]),
        narrow_gathers: dice.chance(0.7),
        gathers_copy: dice.chance(0.3),
        recipe: dice.of(&[Recipe::Tensorwise, Recipe::Rowwise, Recipe::Blocks]),
        selective_elementwise: dice.chance(0.5),
        recompute_stops_early: dice.chance(0.5),
        hybrid_sharding: dice.chance(0.5),
        selective_gemms: held.chance(0.3),
        logit_bytes: dice.of(&[4.0, 6.0, 12.0]),
        split_logit_bytes: held.of(&[6.0, 12.0, 16.0]),
        selective_share: if dice.chance(0.5) { 0.0 } else { dice.between(0.0, 0.4) },
        vocab_multiple: dice.of(&[1, 64, 128]),
        recipes: Recipes::default(),
        gradient_buffer_bytes: held.of(&[2.0, 4.0, 6.0]),
        optimizer_gradient_bytes: held.of(&[0.0, 4.0, 6.0]),
        master_weights: held.chance(0.8),
        bucket_elements: held.of(&[0.0, 5e8]),
        gathers_tensors: held.chance(0.5),
        gathered_in_pipeline: held.chance(0.5),
        sequence_gathered_kept: held.chance(0.5),
        pipeline_outputs_kept: held.chance(0.5),
        dropout: held.chance(0.5),
        narrow_inputs_kept: held.chance(0.5),
    }
}

/// A site, with or without a cap, at times with a negative price; half of them with the further terms of supply.
pub fn site(dice: &mut Dice) -> Site {
    let mut terms = Dice(!dice.0);
    let firm = terms.chance(0.5);
    let usd_per_kwh = if dice.chance(0.05) { dice.between(-0.1, 0.0) } else { dice.between(0.01, 0.3) };
    Site {
        name: "random-site".to_owned(),
        title: String::new(),
        price_kind: "industrial".to_owned(),
        price: Price::Flat { usd_per_j: usd_per_kwh / 3.6e6 },
        carbon: Carbon::Flat { kg_per_j: dice.between(0.005, 1.0) / 3.6e6 },
        pue_full: dice.between(1.02, 1.8),
        load_share: if firm { 1.0 } else { terms.between(0.05, 1.0) },
        cap_w: if dice.chance(0.5) { f64::INFINITY } else { dice.scale(1e5, 5e9) },
        served_fraction: 1.0,
        availability: if firm { 1.0 } else { terms.between(0.2, 1.0) },
        stops_per_day: if firm || terms.chance(0.5) { 0.0 } else { terms.scale(0.01, 10.0) },
        demand_usd_per_w_month: if firm { 0.0 } else { terms.between(0.0, 0.05) },
        take_or_pay: if firm { 0.0 } else { terms.unit() },
        carbon_usd_per_kg: if firm { 0.0 } else { terms.between(0.0, 0.5) },
        facility_usd_per_w: dice.between(3.0, 30.0),
        cost_of_capital: if dice.chance(0.1) { 0.0 } else { dice.scale(1e-4, 0.3) },
    }
}

/// A whole setting; one in six is rented, one in four capped.
pub fn setting(dice: &mut Dice) -> Setting {
    let chip = chip(dice);
    let cap = dice.chance(0.25).then(|| chip.tdp_w * dice.between(0.1, 1.1));
    let mut setting = Setting::new(
        &chip,
        &cluster(dice),
        &workload(dice),
        &stack(dice),
        &site(dice),
        calibration(dice, 0.2),
        assumptions(dice),
        cap,
    );
    setting.rental = dice.chance(0.17);
    setting
}

/// A layout of any sizes, most of which no planner would propose.
pub fn plan(dice: &mut Dice, setting: &Setting) -> Plan {
    let a = &setting.workload.architecture;
    let tp = if dice.chance(0.9) { dice.of(&[1, 2, 4, 8, 16]) } else { dice.whole(1, 12) as u32 };
    let pp = if dice.chance(0.6) { dice.of(&[1, 2, 4, 8, 16]) } else { dice.whole(1, 40) as u32 };
    let vpp = if dice.chance(0.7) { 1 } else { dice.whole(1, 8) as u32 };
    let ep = if a.experts > 0.0 { dice.of(&[1, 2, 4, 8, 16, 64]) } else { 1 };
    let units = dice.scale(1.0, 200.0) as u32;
    let dp = if dice.chance(0.7) { dice.scale(1.0, 2000.0) as u32 } else { 64 * dice.scale(1.0, 60.0) as u32 };
    Plan {
        tp,
        cp: if dice.chance(0.7) { 1 } else { dice.of(&[2, 3, 4, 8, 16]) },
        pp,
        vpp,
        dp,
        ep,
        etp: if dice.chance(0.3) { tp } else { 1 },
        micro_batch: dice.of(&[1, 1, 2, 3, 4, 8]),
        micro_batches: if vpp > 1 { units * pp } else { units },
        recompute: dice.of(&Recompute::ALL),
        shard: dice.of(&Shard::ALL),
        sequence_parallel: tp > 1 && dice.chance(0.6),
        precision: if dice.chance(0.5) { Precision::Bf16 } else { dice.of(&Precision::ALL) },
    }
}

/// A space of plans of a setting, and the chips that it may use.
pub fn space(dice: &mut Dice, setting: &Setting) -> (PlanSpace, f64) {
    let ranks = if dice.chance(0.7) { 1u32 << dice.whole(0, 15) } else { dice.scale(1.0, 40000.0) as u32 };
    let ranks = (ranks.max(1) as f64 * setting.ranks_per_chip) as u32;
    let batch = if dice.chance(0.3) {
        Batch::exact(setting.workload.run.global_batch as u32)
    } else {
        Batch::within(setting.workload.run.global_batch, setting.assumptions.batch_tolerance)
    };
    let mut fixed = Fixed::default();
    if dice.chance(0.2) {
        fixed.dp = Some(dice.of(&[1, 2, 8, 64]));
    }
    if dice.chance(0.2) {
        fixed.etp = Some(1);
    }
    if dice.chance(0.2) {
        fixed.precision = Some(Precision::Bf16);
    }
    let exact = dice.chance(0.2);
    (PlanSpace::new(setting, &fixed, ranks, batch, exact), f64::from(ranks) / setting.ranks_per_chip)
}

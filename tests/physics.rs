//! The model against figures that were published, derived elsewhere, or can be worked out by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::LazyLock;

use wattline::library::entry_kind::EntryKind;
use wattline::library::stack::AttentionKernel;
use wattline::library::store::{Library, Status};
use wattline::library::workload::Precision;
use wattline::model::cost::annuity;
use wattline::model::goodput::{best_interval, renewal};
use wattline::model::memory::{activation_bytes, memory};
use wattline::model::network::{Group, all_gather, all_reduce, group, scale_up_rate};
use wattline::model::plan::{Plan, Recompute, Shard};
use wattline::model::power::{clock_under_cap, dynamic_share, part_load_pue};
use wattline::model::schedule::step_time;
use wattline::model::setting::Setting;
use wattline::model::weights::{Weights, model_flop_per_token};

/// Publishers round their counts, and leave out biases, norms or positions.
const COUNT: f64 = 0.01;
/// FLOP a token as Megatron-Bridge counts them: the same terms, another treatment of the smallest.
const FLOP: f64 = 0.01;
/// Nameplates of whole systems differ by source: 132 to 145 kW for one rack.
const NAMEPLATE: f64 = 0.10;
/// A minimum is flat: the interval of the sixth Newton step costs no more than this above the true one.
const RENEWAL: f64 = 1e-6;
/// Closed forms worked out in f64.
const EXACT: f64 = 1e-12;
/// The clock under a cap is bisected to 30 bits.
const CLOCK: f64 = 1e-8;

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::open::<&Path>(&[]).unwrap());

fn near(what: &str, value: f64, known: f64, tolerance: f64) {
    assert!((value / known - 1.0).abs() <= tolerance, "{what}: {value} is not {known}");
}

fn setting(chip: &str, workload: &str, stack: &str) -> Setting {
    let chip = LIBRARY.chip(chip).unwrap();
    Setting::new(
        &chip,
        &LIBRARY.cluster(&chip.cluster).unwrap(),
        &LIBRARY.workload(workload).unwrap(),
        &LIBRARY.stack(stack).unwrap(),
        &LIBRARY.site("us-average", None).unwrap(),
        LIBRARY.calibration().unwrap(),
        LIBRARY.assumptions().unwrap(),
        None,
    )
}

fn plan(tp: u32, pp: u32, vpp: u32, dp: u32, micro_batches: u32) -> Plan {
    Plan {
        tp,
        cp: 1,
        pp,
        vpp,
        dp,
        ep: 1,
        etp: 1,
        micro_batch: 1,
        micro_batches,
        recompute: Recompute::None,
        shard: Shard::Optimizer,
        sequence_parallel: false,
        precision: Precision::Bf16,
    }
}

#[test]
fn the_library_is_as_large_as_promised() {
    let complete = |kind| LIBRARY.listing(kind).0.iter().filter(|l| l.status == Status::Complete).count();
    assert!(complete(EntryKind::Chip) >= 36, "{}", complete(EntryKind::Chip));
    assert!(complete(EntryKind::Cluster) >= 12);
    assert!(complete(EntryKind::Workload) >= 40);
    assert!(complete(EntryKind::Stack) >= 8);
    assert!(complete(EntryKind::Site) >= 60);
}

#[test]
fn every_workload_has_a_run() {
    for name in LIBRARY.names(EntryKind::Workload) {
        let record = LIBRARY.record(EntryKind::Workload, &name).unwrap();
        for key in ["run.tokens", "run.global_batch", "run.seq_len", "run.precision"] {
            assert!(record.sourced(key).is_some(), "{name} has no {key}");
        }
    }
}

#[test]
fn published_parameter_counts_are_reproduced_by_their_publishers_way_of_counting() {
    let (mut totals, mut actives) = (0, 0);
    for name in LIBRARY.names(EntryKind::Workload) {
        let workload = LIBRARY.workload(&name).unwrap();
        if workload.coarse {
            continue;
        }
        let weights = Weights::of(&workload.architecture);
        if let Some((published, counts)) = workload.published_total {
            near(&name, weights.total(&workload.architecture, counts), published, COUNT);
            totals += 1;
        }
        if let Some((published, counts)) = workload.published_active {
            near(&format!("{name}, active"), weights.active(&workload.architecture, counts), published, COUNT);
            actives += 1;
        }
    }
    assert!(totals >= 40 && actives >= 8, "{totals} totals, {actives} active counts");
}

#[test]
fn a_coarse_workload_has_the_parameters_that_it_states() {
    // Layers, heads and experts are whole.
    const ROUNDED: f64 = 0.02;
    for name in LIBRARY.names(EntryKind::Workload) {
        let record = LIBRARY.record(EntryKind::Workload, &name).unwrap();
        let workload = LIBRARY.workload(&name).unwrap();
        if let (true, Some(params)) = (workload.coarse, record.number("coarse.params")) {
            let weights = Weights::of(&workload.architecture);
            near(
                &name,
                weights.total(&workload.architecture, wattline::library::workload::Counts::All),
                params,
                ROUNDED,
            );
        }
    }
}

#[test]
fn model_flop_of_a_token_are_those_of_the_publishers() {
    for (name, seq_len, causal, full) in
        [("llama-3.1-405b", 8192.0, 2.524e12, 2.625e12), ("llama-3.1-70b", 8192.0, 4.49e11, 4.82e11)]
    {
        let mut workload = LIBRARY.workload(name).unwrap();
        workload.run.seq_len = seq_len;
        near(name, model_flop_per_token(&workload.architecture, &workload.run, false), causal, FLOP);
        near(name, model_flop_per_token(&workload.architecture, &workload.run, true), full, FLOP);
    }
}

#[test]
fn model_flop_are_six_a_parameter_and_token_where_attention_is_short() {
    // Norms and the input embedding are parameters without FLOP.
    const APART: f64 = 0.02;
    let mut workload = LIBRARY.workload("llama-3.1-405b").unwrap();
    workload.run.seq_len = 1.0;
    let a = &workload.architecture;
    let multiplied = Weights::of(a).total(a, wattline::library::workload::Counts::NoInputEmbedding);
    near("6N", model_flop_per_token(a, &workload.run, false), 6.0 * multiplied, APART);
}

#[test]
fn nameplate_power_is_the_published_one() {
    for (chip, cluster, published_w) in [
        ("nvidia-h100-sxm", "hgx-h100", 10_200.0),
        ("nvidia-gb200-nvl72", "nvl72-gb200", 132_000.0),
        ("huawei-ascend-910c", "cloudmatrix-384", 559_000.0),
    ] {
        let (chip, rack) = (LIBRARY.chip(chip).unwrap(), LIBRARY.cluster(cluster).unwrap());
        near(cluster, rack.node_chips * chip.tdp_w + rack.host_nameplate_w, published_w, NAMEPLATE);
        near(cluster, rack.nameplate_w, published_w, NAMEPLATE);
        assert!(rack.node_host_w <= rack.host_nameplate_w, "{cluster}");
    }
}

#[test]
fn a_loan_of_one_dollar_is_paid_off_by_its_annuity() {
    // 10 % over 5 years: 0.1·1.1^5/(1.1^5 − 1) = 0.161051/0.61051.
    near("annuity", annuity(0.10, 5.0), 0.161_051 / 0.610_51, EXACT);
    near("no interest", annuity(0.0, 5.0), 0.2, EXACT);
    for (rate, years) in [(0.10, 5), (0.07, 20), (0.001, 3)] {
        let debt = (0..years).fold(1.0, |debt, _| debt * (1.0 + rate) - annuity(rate, f64::from(years)));
        assert!(debt.abs() < 1e-9, "{debt} is left");
    }
}

/// The least of a function with one minimum, by golden section.
fn least(mut low: f64, mut high: f64, of: impl Fn(f64) -> f64) -> f64 {
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    for _ in 0..200 {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low));
        if of(a) < of(b) { high = b } else { low = a }
    }
    of(0.5 * (low + high))
}

#[test]
fn the_checkpoint_interval_is_the_best_one() {
    for checkpoint in [0.5, 5.0, 60.0, 600.0] {
        for mtbf in [60.0, 300.0, 3600.0, 86_400.0, 1e7, 1e10] {
            // Where a checkpoint takes longer than a failure lets it, goodput is below what is called feasible.
            if checkpoint > mtbf {
                continue;
            }
            let exact =
                |interval: f64| mtbf / interval * (600.0_f64 / mtbf).exp() * ((interval + checkpoint) / mtbf).exp_m1();
            let found = exact(best_interval(checkpoint, mtbf));
            let best = least(1e-6 * mtbf, mtbf, exact);
            assert!(found <= best * (1.0 + RENEWAL), "δ {checkpoint}, M {mtbf}: {found} against {best}");
        }
    }
}

#[test]
fn the_renewal_formula_is_dalys() {
    // e^x − 1 is a series of two terms below 1e-3: a third of x² off there.
    const SERIES: f64 = 4e-7;
    for (interval, checkpoint, restart, mtbf) in
        [(600.0, 5.0, 600.0, 1e4_f64), (60.0, 5.0, 300.0, 1e7), (1e4, 60.0, 600.0, 1e4)]
    {
        let daly: f64 = mtbf / interval * (restart / mtbf).exp() * ((interval + checkpoint) / mtbf).exp_m1();
        near("renewal", renewal(interval, checkpoint, restart, mtbf), daly, SERIES);
    }
}

#[test]
fn the_best_interval_tends_to_youngs_for_rare_failures() {
    for ratio in [1e4, 1e6, 1e8] {
        let young = (2.0f64 * 5.0 * 5.0 * ratio).sqrt();
        // The next term of the expansion in √(2δ/M).
        let next = (2.0f64 / ratio).sqrt() / 3.0;
        near("interval", best_interval(5.0, 5.0 * ratio), young, 1.1 * next);
    }
}

/// GPT-3 on chips whose links are free: nothing but the pipeline is left to wait for.
fn without_communication() -> Setting {
    let mut s = setting("nvidia-a100-sxm-80gb", "gpt-3-175b", "megatron-core-2025");
    s.chip.scale_up_bytes_per_s = 1e300;
    s.chip.nic_bytes_per_s = 1e300;
    s.calibration.scale_up_latency_s = 0.0;
    s.calibration.fabric_latency_s = 0.0;
    s.calibration.scale_up_hop_s = 0.0;
    s.calibration.fabric_hop_s = 0.0;
    s.cluster.pod_latency_s = 0.0;
    s.calibration.straggler = 0.0;
    s
}

#[test]
fn the_bubble_is_the_textbook_share_without_communication() {
    let s = without_communication();
    for (pp, vpp, m) in [(2, 1, 8), (8, 1, 8), (8, 1, 64), (8, 3, 64), (16, 6, 32), (4, 12, 4), (1, 1, 8)] {
        let step = step_time(&s, &plan(1, pp, vpp, 1, m), 1.0);
        let work = step.gemm + step.attention + step.vector + step.launch + step.recompute + step.head;
        let share = f64::from(pp - 1) / f64::from(vpp * m);
        assert!(
            (step.bubble / work - share).abs() <= EXACT * share.max(1.0),
            "pp {pp} vpp {vpp} m {m}: {}",
            step.bubble / work
        );
        assert!(step.tp + step.pp + step.dp + step.ep + step.cp < EXACT * work);
    }
}

#[test]
fn a_ring_all_reduce_moves_twice_what_the_others_hold() {
    let mut s = without_communication();
    s.chip.scale_up_bytes_per_s = 300e9;
    let bytes = 1e9;
    for n in [2u32, 4, 8] {
        let g = group(&s, n, 1);
        assert_eq!((g.inside, g.outside), (f64::from(n), 1.0));
        let share = f64::from(n - 1) / f64::from(n);
        near("ring", all_reduce(&s, bytes, g), 2.0 * share * bytes / scale_up_rate(&s), EXACT);
        near("gather", all_gather(&s, bytes, g), share * bytes / scale_up_rate(&s), EXACT);
    }
    assert_eq!(all_reduce(&s, bytes, group(&s, 1, 1)), 0.0);
}

#[test]
fn a_group_lies_on_the_largest_divisor_that_fits_into_a_domain() {
    // 64 of an NVL72's 72 in a group of 128; 36 in a group of 72 that are two apart.
    let s = setting("nvidia-gb200-nvl72", "gpt-3-175b", "megatron-core-2025");
    let at = |n, stride| {
        let Group { inside, outside, .. } = group(&s, n, stride);
        (inside, outside)
    };
    assert_eq!(at(128, 1), (64.0, 2.0));
    assert_eq!(at(72, 2), (36.0, 2.0));
    assert_eq!(at(8, 100), (1.0, 8.0));
}

#[test]
fn a_ring_across_domains_passes_every_member_through_all_nics_of_a_domain() {
    let mut s = without_communication();
    s.chip.nic_bytes_per_s = 25e9;
    let g = group(&s, 64, 1);
    assert_eq!((g.inside, g.outside), (8.0, 8.0));
    let rate = wattline::model::network::fabric_rate(&s, false);
    near("gather", all_gather(&s, 1e9, g), 63.0 / 64.0 * 1e9 / (8.0 * rate), EXACT);
    // 56 steps inside, 7 across.
    s.calibration.scale_up_hop_s = 2e-6;
    s.calibration.fabric_hop_s = 4e-6;
    near("steps", all_gather(&s, 1.0, g), 1.0 / (8.0 * rate) * 63.0 / 64.0 + 140e-6, EXACT);
}

#[test]
fn a_plain_layer_keeps_what_korthikanti_et_al_count() {
    // Table 2 of "Reducing Activation Recomputation in Large Transformer Models" (2022), with unfused attention and dropout:
    // s·b·h·(10 + 24/t + 5·a·s/(h·t)) under tensor parallelism, s·b·h/t·(34 + 5·a·s/h) with sequence parallelism,
    // s·b·h·34/t with selective recompute, s·b·h·2 with full recompute.
    let mut s = setting("nvidia-a100-sxm-80gb", "gpt-3-175b", "megatron-sp-2022");
    let a = s.workload.architecture.clone();
    assert_eq!((a.ffn, a.kv_heads, a.gated), (4.0 * a.hidden, a.heads, false));
    assert_eq!((s.stack.attention, s.stack.dropout), (AttentionKernel::Unfused, true));
    let sbh = s.workload.run.seq_len * a.hidden;
    let scores = 5.0 * a.heads * s.workload.run.seq_len / a.hidden;
    let layer = |tp: u32, sequence_parallel, recompute| {
        let plan = Plan { sequence_parallel, recompute, ..plan(tp, 1, 1, 1, 1) };
        activation_bytes(&s, &plan).kept / sbh
    };
    near("whole", layer(1, false, Recompute::None), 34.0 + scores, EXACT);
    near("tensor parallel", layer(8, false, Recompute::None), 10.0 + (24.0 + scores) / 8.0, EXACT);
    near("sequence parallel", layer(8, true, Recompute::None), (34.0 + scores) / 8.0, EXACT);
    near("selective", layer(8, true, Recompute::Selective), 34.0 / 8.0, EXACT);
    near("full", layer(8, false, Recompute::Full), 2.0, EXACT);
    // Without dropout two masks of a byte each are not there.
    s.stack.dropout = false;
    near("no masks", activation_bytes(&s, &plan(1, 1, 1, 1, 1)).kept / sbh, 32.0 + 0.4 * scores, EXACT);
}

#[test]
fn mixed_precision_adam_takes_the_stacks_bytes_and_twelve_sharded_ones() {
    let mut s = setting("nvidia-a100-sxm-80gb", "gpt-3-13b", "megatron-core-2023");
    let stage = |s: &Setting, shard, dp| memory(s, &Plan { shard, ..plan(1, 1, 1, dp, 1) }).first;
    let params = stage(&s, Shard::None, 1).states / 18.0;
    // The padded vocabulary and learned positions are held; biases too.
    near("parameters", params, 12.9e9, 0.02);
    near("ZeRO-1", stage(&s, Shard::Optimizer, 8).states, params * (2.0 + 4.0 + 12.0 / 8.0), EXACT);
    let states = |shard| stage(&s, shard, 8).states;
    assert!(states(Shard::Full) < states(Shard::Grads) && states(Shard::Grads) < states(Shard::Optimizer));
    // 16-bit gradients stay beside unsharded fp32 ones; a shard's copies live only in the step.
    s.stack.gradient_buffer_bytes = 6.0;
    s.stack.optimizer_gradient_bytes = 4.0;
    let copied = stage(&s, Shard::Optimizer, 8);
    near("unsharded gradients", copied.states, params * (2.0 + 6.0 + 12.0 / 8.0), EXACT);
    near("copies", copied.step, params * 4.0 / 8.0, EXACT);
    // Weights, gradients and both moments in 16 bit.
    s.stack.master_weights = false;
    s.stack.gradient_buffer_bytes = 2.0;
    near("pure bf16", stage(&s, Shard::None, 1).states, params * 8.0, EXACT);
}

#[test]
fn full_sharding_in_a_pipeline_may_keep_the_stage_gathered() {
    let mut s = setting("nvidia-h100-sxm", "llama-3.1-405b", "torchtitan-2024-compile");
    let split = Plan { shard: Shard::Full, ..plan(8, 8, 1, 8, 8) };
    let kept = memory(&s, &split).first;
    s.stack.gathered_in_pipeline = false;
    let resharded = memory(&s, &split).first;
    let params = 405e9 / 64.0;
    // 2 bytes of weights and 4 of gradients a parameter, unsharded; the layers of 8 stages are uneven.
    near("gathered", kept.states, params * (2.0 + 4.0 + 16.0 / 8.0), 0.06);
    assert!(resharded.states < 0.4 * kept.states);
}

#[test]
fn the_clock_under_a_cap_inverts_the_dynamic_power() {
    for name in LIBRARY.names(EntryKind::Chip) {
        let Ok(chip) = LIBRARY.chip(&name) else { continue };
        for share in [0.2, 0.5, 0.7, 0.9, 0.999] {
            let cap = chip.static_w + share * (chip.load_w - chip.static_w);
            if let Some(clock) = clock_under_cap(&chip, cap) {
                near(&name, dynamic_share(&chip, clock), share, CLOCK);
            } else {
                assert!(share < 0.5, "{name} cannot run at {cap} W");
            }
        }
        assert_eq!(clock_under_cap(&chip, chip.load_w), Some(1.0));
        assert_eq!(clock_under_cap(&chip, 0.9 * chip.static_w), None);
    }
}

#[test]
fn an_h100_at_500_w_runs_at_five_sixths_of_its_clock() {
    // (500 − 0.25·665)/(0.75·665) of the dynamic power r·V², with 665 W under a saturated GEMM and V = 0.84 up to 0.77 of
    // the clock, linear from there to 1.
    let chip = LIBRARY.chip("nvidia-h100-sxm").unwrap();
    let clock = clock_under_cap(&chip, 500.0).unwrap();
    let volts = 0.84 + 0.16 * (clock - 0.77) / 0.23;
    near("dynamic power", clock * volts * volts, 333.75 / 498.75, CLOCK);
    assert!((0.80..0.86).contains(&clock), "{clock}");
    // The part that Meta runs at 500 W.
    let shipped = LIBRARY.chip("nvidia-h100-96gb-500w").unwrap();
    let clock = clock_under_cap(&shipped, shipped.default_cap_w).unwrap();
    assert!((0.78..=1.0).contains(&clock), "{clock}");
}

#[test]
fn a_facility_is_at_its_full_load_pue_at_full_load_and_above_it_below() {
    near("full", part_load_pue(1.25, 1.0), 1.25, EXACT);
    near("half", part_load_pue(1.25, 0.5), 1.0 + 0.25 * 1.2, EXACT);
    assert!(part_load_pue(1.25, 0.0).is_finite());
}

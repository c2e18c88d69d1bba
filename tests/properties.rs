//! What holds for every setting and every plan, however odd: no panic, no figure that is no number, monotone answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use wattline::library::chip::Chip;
use wattline::library::cluster::Cluster;
use wattline::library::entry_kind::EntryKind;
use wattline::library::site::{Carbon, Price, Site};
use wattline::library::stack::Stack;
use wattline::library::store::Library;
use wattline::library::workload::{Precision, Workload};
use wattline::model::goodput::token_growth;
use wattline::model::memory::{in_flight, stage_layers};
use wattline::model::network::largest_divisor;
use wattline::model::parameters::{Assumptions, Calibration};
use wattline::model::plan::{Plan, Recompute, Shard};
use wattline::model::roofline::{gemm_format, gemm_time};
use wattline::model::setting::Setting;
use wattline::model::{Estimate, estimate, layout, settle};
use wattline::search::Objective;
use wattline::search::space::{Batch, Fixed, PlanSpace, gcd};

/// Sums of about twenty f64 terms lose a few units in the last place.
const ROUNDING: f64 = 1e-12;
/// A time may grow by this much and still count as not slower: sums in another order, and joins of two bounds.
const NOT_SLOWER: f64 = 1e-9;
/// The clock under a cap is bisected to 30 bits.
const CLOCK: f64 = 1e-8;
/// The checkpoint interval is the sixth Newton step towards the best one, and e^x − 1 is a series below 1e-3.
const INTERVAL: f64 = 1e-6;
/// Cases of each property; all together take seconds.
const CASES: u32 = 2000;

struct Shelves {
    chips: Vec<Chip>,
    clusters: Vec<Cluster>,
    workloads: Vec<Workload>,
    stacks: Vec<Stack>,
    sites: Vec<Site>,
    calibration: Calibration,
    assumptions: Assumptions,
}

static SHELVES: LazyLock<Shelves> = LazyLock::new(|| {
    let library = Library::open::<&Path>(&[]).unwrap();
    let names = |kind| library.names(kind);
    Shelves {
        chips: names(EntryKind::Chip).iter().filter_map(|name| library.chip(name).ok()).collect(),
        clusters: names(EntryKind::Cluster).iter().filter_map(|name| library.cluster(name).ok()).collect(),
        workloads: names(EntryKind::Workload).iter().filter_map(|name| library.workload(name).ok()).collect(),
        stacks: names(EntryKind::Stack).iter().filter_map(|name| library.stack(name).ok()).collect(),
        sites: names(EntryKind::Site).iter().filter_map(|name| library.site(name, None).ok()).collect(),
        calibration: library.calibration().unwrap(),
        assumptions: library.assumptions().unwrap(),
    }
});

/// A factor between a tenth and ten, or one.
fn factor() -> impl Strategy<Value = f64> {
    prop_oneof![2 => Just(1.0), 3 => (-1.0_f64..1.0).prop_map(|e| 10f64.powf(e))]
}

/// A setting out of library entries that need not belong together, with their figures stretched.
fn setting() -> impl Strategy<Value = Setting> {
    let entries = (0usize..1000, 0usize..1000, 0usize..1000, 0usize..1000, 0usize..1000);
    let figures = proptest::collection::vec(factor(), 16);
    (entries, figures, 0.0_f64..3.0, prop_oneof![Just(None), (0.2_f64..1.2).prop_map(Some)], any::<bool>()).prop_map(
        |((chip, cluster, workload, stack, site), f, memory, cap, rental)| {
            let shelf = &*SHELVES;
            let mut chip = shelf.chips[chip % shelf.chips.len()].clone();
            let mut cluster = shelf.clusters[cluster % shelf.clusters.len()].clone();
            let mut workload = shelf.workloads[workload % shelf.workloads.len()].clone();
            let mut site = shelf.sites[site % shelf.sites.len()].clone();
            let mut assumptions = shelf.assumptions;
            for peak in [&mut chip.fp32_flops, &mut chip.fp16_flops, &mut chip.bf16_flops, &mut chip.fp8_flops] {
                *peak *= f[0];
            }
            chip.hbm_bytes_per_s *= f[1];
            chip.scale_up_bytes_per_s *= f[2];
            chip.nic_bytes_per_s *= f[3];
            chip.mtbf_s *= f[4];
            chip.all_in_usd *= f[5];
            chip.embodied_kg *= f[6];
            chip.memory_bytes *= 10f64.powf(memory);
            cluster.node_host_w *= f[7];
            cluster.pod_fabric_w *= f[8];
            workload.run.tokens *= f[9];
            workload.run.seq_len = (workload.run.seq_len * f[10]).round().max(1.0);
            site.facility_usd_per_w *= f[11];
            site.pue_full = 1.0 + (site.pue_full - 1.0) * f[12].min(3.0);
            assumptions.checkpoint_s *= f[13];
            assumptions.restart_s *= f[14];
            assumptions.startup_s *= f[15];
            let cap_w = cap.map(|share| share * chip.tdp_w);
            let stack = &shelf.stacks[stack % shelf.stacks.len()];
            let mut setting =
                Setting::new(&chip, &cluster, &workload, stack, &site, shelf.calibration, assumptions, cap_w);
            setting.rental = rental && chip.rental_usd_per_s > 0.0;
            setting
        },
    )
}

fn sizes() -> impl Strategy<Value = u32> {
    prop_oneof![6 => (0u32..6).prop_map(|e| 1 << e), 1 => 1u32..20]
}

/// A plan of any shape; most fit some setting.
fn plan() -> impl Strategy<Value = Plan> {
    let sizes = (sizes(), prop_oneof![3 => Just(1u32), 1 => sizes()], sizes(), 1u32..4, sizes(), sizes());
    let switches = (0usize..3, 0usize..4, any::<bool>(), any::<bool>(), 0usize..7, 0u32..4);
    (sizes, 1u32..9, 1u32..65, switches).prop_map(
        |((tp, cp, pp, vpp, dp, ep), micro_batch, count, (recompute, shard, sequence_parallel, whole, number, moe))| {
            let vpp = if pp > 1 { vpp } else { 1 };
            let etp = if whole { 1 } else { tp };
            Plan {
                tp,
                cp,
                pp,
                vpp,
                dp,
                ep: if moe == 0 { ep } else { 1 },
                etp: if moe == 0 { etp } else { 1 },
                micro_batch,
                micro_batches: if vpp > 1 { count * pp } else { count },
                recompute: Recompute::ALL[recompute],
                shard: Shard::ALL[shard],
                sequence_parallel,
                precision: if number < 3 { Precision::Bf16 } else { Precision::ALL[number] },
            }
        },
    )
}

/// A setting with a plan, and the share of spares beside it.
/// Terms of supply and finance, each of which may be left at its default.
fn terms() -> impl Strategy<Value = [f64; 9]> {
    proptest::collection::vec(prop_oneof![2 => Just(0.0), 1 => 0.0_f64..1.0], 9)
        .prop_map(|shares| std::array::from_fn(|at| shares[at]))
}

/// Enters terms, each from its default (0) to far beyond use (1); a start later is not among them, for it is another chip's.
fn enter(setting: &mut Setting, terms: [f64; 9]) {
    let [dark, stops, empty, demand, take, carbon, utilisation, wait, worth] = terms;
    setting.site.availability = 1.0 - 0.8 * dark;
    setting.site.stops_per_day = 20.0 * stops;
    setting.site.load_share = 1.0 - 0.95 * empty;
    setting.site.demand_usd_per_w_month = 0.1 * demand;
    setting.site.take_or_pay = take;
    setting.site.carbon_usd_per_kg = carbon;
    setting.assumptions.utilisation = 1.0 - 0.95 * utilisation;
    setting.assumptions.start_delay_years = 10.0 * wait;
    setting.assumptions.value_of_delay_usd_per_day = 1e7 * worth;
}

/// A case, half of the time with terms of supply and finance.
fn case() -> impl Strategy<Value = (Setting, Plan, f64)> {
    (plain_case(), prop_oneof![Just([0.0; 9]), terms()]).prop_map(|((mut setting, plan, chips), terms)| {
        enter(&mut setting, terms);
        (setting, plan, chips)
    })
}

/// A case before the terms of supply and finance.
fn plain_case() -> impl Strategy<Value = (Setting, Plan, f64)> {
    (setting(), plan(), prop_oneof![Just(0.0), 0.0_f64..0.1]).prop_map(|(mut setting, mut plan, spare)| {
        // Half of the power-cap and precision draws would be rejected before anything is computed. No part accepts a cap
        // below what it draws standing idle.
        if wattline::model::roofline::peak(&setting.chip, plan.precision) <= 0.0 {
            plan.precision = if setting.chip.bf16_flops > 0.0 { Precision::Bf16 } else { Precision::Fp16 };
        }
        setting.cap_w = setting.cap_w.max(1.2 * setting.chip.static_w).max(setting.chip.idle_w);
        let chips = (plan.ranks() as f64 / setting.ranks_per_chip * (1.0 + spare)).ceil();
        (setting, plan, chips)
    })
}

/// Every figure of an estimate with its name.
fn figures(e: &Estimate) -> Vec<(&'static str, f64)> {
    let mut all = vec![
        ("chips_used", e.chips_used),
        ("chips_spare", e.chips_spare),
        ("clock", e.clock),
        ("memory", e.memory.peak()),
        ("usable", e.memory.usable),
        ("step_s", e.step_s),
        ("steps", e.steps),
        ("hidden_matrix", e.step.hidden_matrix),
        ("hidden_memory", e.step.hidden_memory),
        ("waiting", e.step.waiting()),
        ("goodput", e.wall.goodput),
        ("wall_s", e.wall.wall_s),
        ("training_s", e.wall.training_s),
        ("checkpoint_s", e.wall.checkpoint_s),
        ("idle_s", e.wall.idle_s),
        ("interval_s", e.wall.interval_s),
        ("mtbf_s", e.wall.mtbf_s),
        ("rank_training_w", e.power.rank_training_w),
        ("peak_it_w", e.power.peak_it_w),
        ("peak_facility_w", e.power.peak_facility_w),
        ("pue", e.power.pue),
        ("chips_usd", e.cost.chips),
        ("facility_usd", e.cost.facility),
        ("operations_usd", e.cost.operations),
        ("rental_usd", e.cost.rental),
        ("carbon_price_usd", e.cost.carbon_price),
        ("delay_usd", e.cost.delay),
        ("start_delay_s", e.start_delay_s),
        ("powered_s", e.wall.powered_s),
        ("operational_kg", e.carbon.operational),
        ("embodied_kg", e.carbon.embodied),
    ];
    for stage in [e.memory.first, e.memory.last] {
        all.extend([
            ("states", stage.states),
            ("activations", stage.activations),
            ("working", stage.working),
            ("step", stage.step),
            ("reserve", stage.reserve),
        ]);
    }
    all.extend(e.step.causes());
    all.extend(e.power.causes());
    all
}

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() <= ROUNDING * left.abs().max(right.abs())
}

/// What is left of two estimates when a change may have made either infeasible.
fn both(
    before: Result<Estimate, wattline::model::Rejection>,
    after: Result<Estimate, wattline::model::Rejection>,
) -> Option<(Estimate, Estimate)> {
    Some((before.ok()?, after.ok()?))
}

#[test]
fn enough_of_the_random_cases_are_feasible_to_say_something() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut reasons: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
    for _ in 0..1000 {
        let (setting, plan, chips) = case().new_tree(&mut runner).unwrap().current();
        let word = estimate(&setting, &plan, chips).map_or_else(|rejection| rejection.reason.word(), |_| "feasible");
        *reasons.entry(word).or_default() += 1;
    }
    assert!(reasons["feasible"] > 250, "{reasons:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_global_rejects: 100_000, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn an_estimate_holds_only_finite_figures_that_are_not_negative((setting, plan, chips) in case()) {
        if let Ok(e) = estimate(&setting, &plan, chips) {
            for (name, value) in figures(&e) {
                prop_assert!(value.is_finite(), "{name} is {value} for {plan:?}");
                let below = match name {
                    "imbalance" => ROUNDING * e.step_s,
                    "training_s" | "checkpoint_s" | "idle_s" => ROUNDING * e.wall.wall_s,
                    _ => 0.0,
                };
                prop_assert!(value >= -below, "{name} is {value} for {plan:?}");
            }
            prop_assert!(e.cost.electricity.is_finite());
        }
    }

    #[test]
    fn the_parts_of_an_estimate_sum_to_their_totals((setting, plan, chips) in case()) {
        if let Ok(e) = estimate(&setting, &plan, chips) {
            prop_assert!(e.wall.goodput > 0.0 && e.wall.goodput <= 1.0, "goodput {}", e.wall.goodput);
            prop_assert!(close(e.step.causes().iter().map(|c| c.1).sum(), e.step_s));
            prop_assert!(close(e.power.causes().iter().map(|c| c.1).sum(), e.power.facility_j()));
            prop_assert!(close(e.wall.training_s + e.wall.checkpoint_s + e.wall.idle_s, e.wall.powered_s));
            prop_assert!(e.wall.powered_s <= e.wall.wall_s);
            prop_assert!(close(e.steps * e.step_s / e.wall.goodput, e.wall.wall_s));
            prop_assert!(e.step.matrix() + e.step.memory_bound() <= e.step_s * (1.0 + ROUNDING), "{:?}", e.step);
            prop_assert!(e.power.peak_facility_w * e.wall.powered_s >= e.power.facility_j() * (1.0 - ROUNDING));
            prop_assert!(e.chips_used + e.chips_spare == chips);
        }
    }

    #[test]
    fn what_a_site_makes_of_a_run_never_falls_with_its_time_or_its_energy(
        (setting, plan, chips) in case(),
        (longer, hungrier) in (prop_oneof![Just(0.0), 0.0_f64..3.0], prop_oneof![Just(0.0), 0.0_f64..3.0]),
    ) {
        // The exact factoring of a sweep rests on it: a plan that is slower and hungrier than another never wins.
        let mut setting = setting;
        setting.site.cap_w = f64::INFINITY;
        if let Ok(run) = estimate(&setting, &plan, chips) {
            let mut worse = run;
            worse.wall.wall_s *= 1.0 + longer;
            worse.wall.powered_s *= 1.0 + longer;
            let power = &mut worse.power;
            for joules in [&mut power.matrix_j, &mut power.memory_bound_j, &mut power.waiting_j, &mut power.idle_j,
                &mut power.host_j, &mut power.fabric_j, &mut power.storage_j] {
                *joules *= 1.0 + hungrier;
            }
            let (run, worse) = (settle(&setting, &run).unwrap(), settle(&setting, &worse).unwrap());
            for objective in Objective::ALL {
                let (before, after) = (objective.of(&run), objective.of(&worse));
                prop_assert!(after >= before * (1.0 - ROUNDING), "{}: {before} to {after}", objective.word());
            }
            prop_assert_eq!(run.power.peak_facility_w, worse.power.peak_facility_w);
        }
    }

    #[test]
    fn terms_of_a_site_but_its_hours_and_stops_change_neither_time_nor_equipment(
        (setting, plan, chips) in plain_case(),
        terms in terms(),
    ) {
        let mut other = setting.clone();
        enter(&mut other, [0.0, 0.0, terms[2], terms[3], terms[4], terms[5], terms[6], 0.0, terms[8]]);
        if let Some((before, after)) = both(estimate(&setting, &plan, chips), estimate(&other, &plan, chips)) {
            prop_assert_eq!(before.wall, after.wall);
            prop_assert_eq!(before.power.it_j(), after.power.it_j());
            prop_assert!(settle(&other, &before) == Ok(after));
        }
    }

    #[test]
    fn fewer_hours_and_more_stops_are_never_faster((setting, plan, chips) in plain_case(), dark in 0.0_f64..0.8, stops in 0.0_f64..20.0) {
        let mut worse = setting.clone();
        worse.site.availability = 1.0 - dark;
        worse.site.stops_per_day = stops;
        if let Some((before, after)) = both(estimate(&setting, &plan, chips), estimate(&worse, &plan, chips)) {
            prop_assert!(after.wall.wall_s >= before.wall.wall_s * (1.0 - ROUNDING));
            prop_assert!(after.wall.powered_s >= before.wall.powered_s * (1.0 - ROUNDING));
            prop_assert!(after.power.it_j() >= before.power.it_j() * (1.0 - ROUNDING));
            // The calendar's own equation.
            let a = &worse.assumptions;
            let lost = stops * after.wall.wall_s / 86_400.0 * (a.checkpoint_s + a.restart_s);
            prop_assert!(close(after.wall.wall_s * (1.0 - dark), before.wall.wall_s + lost));
        }
    }

    #[test]
    fn more_bandwidth_is_never_slower((setting, plan, chips) in case(), which in 0usize..3, factor in 1.0_f64..20.0) {
        let mut faster = setting.clone();
        match which {
            0 => faster.chip.hbm_bytes_per_s *= factor,
            1 => faster.chip.scale_up_bytes_per_s *= factor,
            _ => faster.chip.nic_bytes_per_s *= factor,
        }
        if let Some((before, after)) = both(estimate(&setting, &plan, chips), estimate(&faster, &plan, chips)) {
            prop_assert!(after.step_s <= before.step_s * (1.0 + NOT_SLOWER), "{} to {}", before.step_s, after.step_s);
            prop_assert!(after.wall.wall_s <= before.wall.wall_s * (1.0 + NOT_SLOWER));
        }
    }

    #[test]
    fn a_higher_peak_is_never_slower((setting, plan, chips) in case(), factor in 1.0_f64..20.0) {
        let mut faster = setting.clone();
        let chip = &mut faster.chip;
        for peak in [&mut chip.fp32_flops, &mut chip.fp16_flops, &mut chip.bf16_flops, &mut chip.fp8_flops, &mut chip.int8_flops, &mut chip.fp4_flops] {
            *peak *= factor;
        }
        if let Some((before, after)) = both(estimate(&setting, &plan, chips), estimate(&faster, &plan, chips)) {
            prop_assert!(after.step_s <= before.step_s * (1.0 + NOT_SLOWER), "{} to {}", before.step_s, after.step_s);
        }
    }

    #[test]
    fn less_latency_is_never_slower((setting, plan, chips) in case(), share in 0.0_f64..1.0) {
        let mut faster = setting.clone();
        faster.calibration.scale_up_latency_s *= share;
        faster.calibration.fabric_latency_s *= share;
        faster.calibration.kernel_gap_s *= share;
        if let Some((before, after)) = both(estimate(&setting, &plan, chips), estimate(&faster, &plan, chips)) {
            prop_assert!(after.step_s <= before.step_s * (1.0 + NOT_SLOWER), "{} to {}", before.step_s, after.step_s);
        }
    }

    #[test]
    fn doubling_the_price_doubles_the_bill_and_nothing_else((mut setting, plan, chips) in case()) {
        // What demand costs does not hang on the price.
        setting.site.demand_usd_per_w_month = 0.0;
        let mut dearer = setting.clone();
        dearer.site.price = Price::Flat { usd_per_j: 2.0 * setting.site.usd_per_j() };
        if let (Ok(mut before), Ok(after)) = (estimate(&setting, &plan, chips), estimate(&dearer, &plan, chips)) {
            prop_assert_eq!(after.cost.electricity, 2.0 * before.cost.electricity);
            prop_assert!(after.cost.total() >= before.cost.total());
            before.cost.electricity = after.cost.electricity;
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn doubling_the_intensity_doubles_operational_carbon_and_nothing_else((mut setting, plan, chips) in case()) {
        // A carbon price would turn it into money.
        setting.site.carbon_usd_per_kg = 0.0;
        let mut dirtier = setting.clone();
        dirtier.site.carbon = Carbon::Flat { kg_per_j: 2.0 * setting.site.kg_per_j() };
        if let (Ok(mut before), Ok(after)) = (estimate(&setting, &plan, chips), estimate(&dirtier, &plan, chips)) {
            prop_assert_eq!(after.carbon.operational, 2.0 * before.carbon.operational);
            before.carbon.operational = after.carbon.operational;
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn dearer_chips_are_never_cheaper_and_change_nothing_but_money((setting, plan, chips) in case(), factor in 1.0_f64..10.0) {
        let mut dearer = setting.clone();
        let chip = &mut dearer.chip;
        for price in [&mut chip.all_in_usd, &mut chip.server_share_usd, &mut chip.chip_usd, &mut chip.rental_usd_per_s] {
            *price *= factor;
        }
        if let (Ok(mut before), Ok(after)) = (estimate(&setting, &plan, chips), estimate(&dearer, &plan, chips)) {
            prop_assert!(after.cost.total() >= before.cost.total());
            before.cost = after.cost;
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn a_lower_power_cap_is_never_faster_and_never_peaks_higher((setting, plan, chips) in case(), share in 0.3_f64..1.0) {
        let mut capped = setting.clone();
        capped.cap_w *= share;
        if let Some((before, after)) = both(estimate(&setting, &plan, chips), estimate(&capped, &plan, chips)) {
            prop_assert!(after.step_s >= before.step_s * (1.0 - CLOCK), "{} to {}", before.step_s, after.step_s);
            prop_assert!(after.power.peak_it_w <= before.power.peak_it_w);
            prop_assert!(after.power.rank_training_w <= before.power.rank_training_w * (1.0 + CLOCK));
            prop_assert!(after.power.rank_training_w <= capped.cap_w.max(setting.chip.static_w) * (1.0 + CLOCK));
        }
    }

    #[test]
    fn more_memory_never_makes_a_plan_infeasible_and_changes_nothing((setting, plan, chips) in case(), factor in 1.0_f64..100.0) {
        if let Ok(mut before) = estimate(&setting, &plan, chips) {
            let mut larger = setting.clone();
            larger.chip.memory_bytes *= factor;
            let after = estimate(&larger, &plan, chips).unwrap();
            before.memory.usable = after.memory.usable;
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn more_failures_are_never_faster((setting, plan, chips) in case(), share in 0.01_f64..1.0) {
        let mut frail = setting.clone();
        frail.chip.mtbf_s *= share;
        if let Some((before, after)) = both(estimate(&setting, &plan, chips), estimate(&frail, &plan, chips)) {
            prop_assert!(after.wall.wall_s >= before.wall.wall_s * (1.0 - INTERVAL), "{:?} to {:?}", before.wall, after.wall);
            prop_assert_eq!(before.step_s, after.step_s);
        }
    }

    #[test]
    fn a_higher_pue_never_takes_less_energy((setting, plan, chips) in case(), factor in 1.0_f64..5.0) {
        let mut hotter = setting.clone();
        hotter.site.pue_full = 1.0 + (setting.site.pue_full - 1.0) * factor;
        if let Some((before, after)) = both(estimate(&setting, &plan, chips), estimate(&hotter, &plan, chips)) {
            prop_assert!(after.power.facility_j() >= before.power.facility_j());
            prop_assert_eq!(before.power.it_j(), after.power.it_j());
            prop_assert_eq!(before.wall, after.wall);
        }
    }

    #[test]
    fn more_tokens_never_take_less_time((setting, plan, chips) in case(), factor in 1.0_f64..10.0) {
        // Beyond the critical batch more tokens raise that batch, and with it the worth of each.
        prop_assume!(token_growth(&setting, plan.global_batch() as f64 * setting.workload.run.seq_len) == 1.0);
        let mut longer = setting.clone();
        longer.workload.run.tokens *= factor;
        if let Some((before, after)) = both(estimate(&setting, &plan, chips), estimate(&longer, &plan, chips)) {
            prop_assert!(after.wall.wall_s >= before.wall.wall_s * (1.0 - ROUNDING), "{:?} to {:?}", before.wall, after.wall);
        }
    }

    #[test]
    fn a_setting_of_nonsense_is_rejected_or_finite(
        (setting, plan, chips) in case(),
        which in 0usize..14,
        value in prop_oneof![Just(0.0), Just(-1.0), Just(f64::NAN), Just(f64::INFINITY), Just(1e-300), Just(1e300)],
    ) {
        // No profile reaches the model with such a value: the checks stand before it. Still it must not panic.
        let mut odd = setting;
        *match which {
            0 => &mut odd.chip.hbm_bytes_per_s,
            1 => &mut odd.chip.nic_bytes_per_s,
            2 => &mut odd.chip.bf16_flops,
            3 => &mut odd.chip.mtbf_s,
            4 => &mut odd.chip.memory_bytes,
            5 => &mut odd.chip.load_w,
            6 => &mut odd.chip.cores,
            7 => &mut odd.cluster.node_chips,
            8 => &mut odd.cluster.domain_chips,
            9 => &mut odd.site.pue_full,
            10 => &mut odd.workload.run.tokens,
            11 => &mut odd.workload.run.seq_len,
            12 => &mut odd.assumptions.utilisation,
            _ => &mut odd.cap_w,
        } = value;
        let _ = estimate(&odd, &plan, chips);
    }

    #[test]
    fn a_gemm_of_more_tiles_never_takes_less_time(
        chip in 0usize..1000,
        (rows, columns, depth) in (1u32..200, 1u32..200, 1u32..200),
        (more_rows, more_columns, more_depth) in (0u32..9, 0u32..9, 0u32..9),
        batch in 1u32..64,
        precision in 2usize..5,
    ) {
        let shelf = &*SHELVES;
        let chip = &shelf.chips[chip % shelf.chips.len()];
        let precision = Precision::ALL[precision];
        let format = gemm_format(chip, precision);
        prop_assume!(format.flops > 0.0);
        // Whole tiles, and inner sizes of whole cache lines.
        const LINE: f64 = 64.0;
        let wide = chip.tile_n.max(LINE);
        let time = |m: u32, n: u32, k: u32| {
            let (m, n, k) = (f64::from(m) * chip.tile_m, f64::from(n) * wide, f64::from(k) * LINE);
            gemm_time(chip, &shelf.calibration, 1.0, format, m, n, k, f64::from(batch), false)
        };
        let before = time(rows, columns, depth);
        let after = time(rows + more_rows, columns + more_columns, depth + more_depth);
        prop_assert!(after >= before * (1.0 - ROUNDING), "{}: {before} to {after}", chip.name);
        let peak = format.flops * shelf.calibration.gemm_derate;
        let flop = 2.0 * f64::from(rows) * chip.tile_m * f64::from(columns) * wide * f64::from(depth) * LINE * f64::from(batch);
        prop_assert!(before >= flop / peak * (1.0 - ROUNDING), "{}: faster than its peak", chip.name);
    }

    #[test]
    fn the_largest_divisor_divides_and_is_the_largest(n in 1u32..5000, most in 0u32..6000) {
        let found = largest_divisor(n, most);
        let plain = (1..=n).filter(|d| n % d == 0 && *d <= most.max(1)).max().unwrap();
        prop_assert_eq!(found, plain);
    }

    #[test]
    fn the_greatest_common_divisor_is_the_greatest(a in 1u32..3000, b in 1u32..3000) {
        let plain = (1..=a.min(b)).rfind(|d| a % d == 0 && b % d == 0).unwrap();
        prop_assert_eq!(gcd(a, b), plain);
        prop_assert_eq!(gcd(b, a), plain);
        prop_assert_eq!(gcd(a, 0), a);
    }

    #[test]
    fn the_stages_of_a_pipeline_hold_every_layer_once(layers in 1u32..200, pp in 1u32..65, vpp in 1u32..9) {
        prop_assume!(pp <= layers && pp * vpp <= layers + 2);
        let mut plan = small_plan(1, 1, pp, 8);
        plan.vpp = if pp > 1 { vpp } else { 1 };
        let (fullest, last) = stage_layers(f64::from(layers), &plan);
        let (layers, stages) = (f64::from(layers), f64::from(pp));
        prop_assert!(last <= fullest && last >= 0.0);
        prop_assert!(fullest * stages >= layers, "{fullest} on {stages} stages hold {layers}");
        // No stage is more than one round of virtual stages above the mean.
        prop_assert!(fullest < layers / stages + f64::from(plan.vpp) + 1.0, "{fullest}");
        if pp > 1 {
            prop_assert!(fullest == fullest.round() && last == last.round());
        }
    }

    #[test]
    fn no_stage_holds_more_micro_batches_than_there_are(pp in 1u32..65, vpp in 1u32..9, count in 1u32..500) {
        let mut plan = small_plan(1, 1, pp, 8);
        plan.micro_batches = count;
        plan.vpp = if pp > 1 { vpp } else { 1 };
        for stage in 0..pp {
            let held = in_flight(&plan, stage);
            prop_assert!(held >= 1.0 && held <= f64::from(count), "{held}");
            prop_assert!(stage == 0 || held <= in_flight(&plan, stage - 1), "{held}");
        }
    }

    #[test]
    fn every_index_of_a_space_is_a_sound_plan_or_none(
        (mut setting, _, _) in case(),
        (fixed, ranks) in (fixed(), prop_oneof![1u32..600, Just(1_000_000u32)]),
        (target, kind, exact) in (prop_oneof![1u32..5000, 1u32..1_000_000_000], 0usize..2, any::<bool>()),
        start in any::<u64>(),
    ) {
        setting.assumptions.minimum_used = 0.9;
        let batch = if kind == 0 { Batch::exact(target) } else { Batch::within(f64::from(target), 0.1) };
        let space = PlanSpace::new(&setting, &fixed, ranks, batch, exact);
        let length = space.len();
        prop_assert_eq!(space.is_empty(), length == 0);
        // The whole of a small space, a stretch of a large one.
        let first = if length > 20_000 { start % (length - 20_000) } else { 0 };
        for index in first..length.min(first + 20_000) {
            let Some(plan) = space.decode(index) else { continue };
            prop_assert!(plan.ranks() <= u64::from(ranks) && plan.ranks() >= u64::from(space.least_ranks), "{plan:?}");
            prop_assert!(plan.global_batch() >= u64::from(batch.least) && plan.global_batch() <= u64::from(batch.most), "{plan:?}");
            prop_assert!(plan.vpp == 1 || (plan.pp > 1 && plan.micro_batches % plan.pp == 0), "{plan:?}");
            for (stated, used) in [(fixed.tp, plan.tp), (fixed.pp, plan.pp), (fixed.dp, plan.dp), (fixed.micro_batch, plan.micro_batch)] {
                prop_assert!(stated.is_none_or(|n| n == used), "{plan:?}");
            }
            if fixed.dp.is_none() {
                prop_assert_eq!(plan.tp * plan.cp * plan.dp % (plan.ep * plan.etp), 0, "{:?}", plan);
            }
        }
    }
}

fn fixed() -> impl Strategy<Value = Fixed> {
    let one = || prop_oneof![3 => Just(None), 1 => sizes().prop_map(Some)];
    (one(), one(), one(), one()).prop_map(|(tp, pp, dp, micro_batch)| Fixed {
        tp,
        pp,
        dp,
        micro_batch,
        ..Fixed::default()
    })
}

fn small_plan(tp: u32, dp: u32, pp: u32, micro_batches: u32) -> Plan {
    Plan {
        tp,
        cp: 1,
        pp,
        vpp: 1,
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

fn known(chip: &str, workload: &str) -> Setting {
    let library = Library::open::<&Path>(&[]).unwrap();
    let chip = library.chip(chip).unwrap();
    let shelf = &*SHELVES;
    Setting::new(
        &chip,
        &library.cluster(&chip.cluster).unwrap(),
        &library.workload(workload).unwrap(),
        &library.stack("megatron-core-2025").unwrap(),
        &library.site("us-average", None).unwrap(),
        shelf.calibration,
        shelf.assumptions,
        None,
    )
}

#[test]
fn a_batch_just_beyond_the_critical_one_takes_hardly_more_tokens() {
    // A continuous function cannot rise by more than this over so short a step.
    const SMALL: f64 = 1e-3;
    let setting = known("nvidia-h100-sxm", "gpt-3-13b");
    let run = &setting.workload.run;
    let reference = wattline::model::goodput::critical_batch_tokens(&setting).max(run.global_batch * run.seq_len);
    let mut before = 1.0;
    for step in 0..30_000 {
        let growth = token_growth(&setting, reference * (0.5 + 1e-4 * f64::from(step)));
        assert!(growth >= before && growth <= before * (1.0 + SMALL), "{before} to {growth}");
        before = growth;
    }
}

/// What tells two plans apart.
fn key(plan: &Plan) -> String {
    format!("{plan:?}")
}

#[test]
fn a_space_of_exact_chips_and_batch_holds_every_plan_that_plain_loops_find() {
    let setting = known("nvidia-a100-sxm-80gb", "gpt-3-13b");
    let recipes = &setting.stack.recipes;
    let (ranks, batch) = (64u32, 96u32);
    let space = PlanSpace::new(&setting, &Fixed::default(), ranks, Batch::exact(batch), true);
    let listed: BTreeSet<String> = (0..space.len())
        .filter_map(|index| space.decode(index))
        .filter(|plan| layout::check(&setting, plan).is_ok())
        .map(|plan| key(&plan))
        .collect();
    let mut looped = BTreeSet::new();
    for tp in 1..=ranks {
        for pp in 1..=ranks {
            for vpp in 1..=16 {
                for micro_batch in [1, 2, 4, 8, 16] {
                    if ranks % (tp * pp) != 0
                        || !tp.is_power_of_two()
                        || tp > 8
                        || [3, 5, 6, 7, 9].contains(&vpp) && vpp > 6
                    {
                        continue;
                    }
                    let dp = ranks / (tp * pp);
                    if batch % (dp * micro_batch) != 0 {
                        continue;
                    }
                    for &recompute in &recipes.recompute {
                        for &shard in &recipes.shard {
                            let plan = Plan {
                                vpp,
                                micro_batch,
                                recompute,
                                shard,
                                sequence_parallel: tp > 1,
                                precision: space.precision,
                                ..small_plan(tp, dp, pp, batch / (dp * micro_batch))
                            };
                            if space.vpp.contains(&vpp)
                                && space.pp.contains(&pp)
                                && layout::check(&setting, &plan).is_ok()
                            {
                                looped.insert(key(&plan));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(looped.len() > 100);
    let lost: Vec<&String> = looped.difference(&listed).collect();
    assert!(lost.is_empty(), "{} of {}: {:?}", lost.len(), looped.len(), lost.first());
    let extra: Vec<&String> = listed.difference(&looped).collect();
    assert!(extra.is_empty(), "{}: {:?}", extra.len(), extra.first());
}

#[test]
fn a_typed_batch_finds_every_data_parallel_size_that_the_spares_allow() {
    let setting = known("nvidia-a100-sxm-80gb", "gpt-3-13b");
    for ranks in [11u32, 16, 33, 60, 63, 88, 100, 127] {
        for batch in [96u32, 100, 500, 1000, 1536] {
            let fixed = Fixed { pp: Some(1), micro_batch: Some(1), ..Fixed::default() };
            let space = PlanSpace::new(&setting, &fixed, ranks, Batch::exact(batch), false);
            let listed: BTreeSet<(u32, u32)> =
                (0..space.len()).filter_map(|index| space.decode(index)).map(|plan| (plan.tp, plan.dp)).collect();
            let least = (0.9 * f64::from(ranks)).ceil() as u32;
            for &tp in &space.tp {
                let sizes: Vec<u32> = (1..=ranks / tp).filter(|dp| tp * dp >= least && batch % dp == 0).collect();
                for dp in sizes {
                    assert!(listed.contains(&(tp, dp)), "{ranks} ranks, batch {batch}: no tp={tp} dp={dp}");
                }
            }
        }
    }
}

#[test]
fn the_best_of_a_search_is_the_best_of_its_plans() {
    use wattline::search::{Objective, search};
    let setting = known("nvidia-a100-sxm-80gb", "gpt-3-13b");
    let space = PlanSpace::new(&setting, &Fixed::default(), 64, Batch::within(128.0, 0.1), false);
    let found = search(&setting, &space, 64.0);
    let all: Vec<Estimate> = (0..space.len())
        .filter_map(|i| space.decode(i))
        .filter_map(|plan| estimate(&setting, &plan, 64.0).ok())
        .collect();
    assert_eq!(found.feasible, all.len() as u64);
    assert_eq!(found.evaluated, found.feasible + found.rejected.iter().sum::<u64>());
    for objective in Objective::ALL {
        let best = all.iter().map(|e| objective.of(e)).fold(f64::INFINITY, f64::min);
        assert_eq!(objective.of(found.by(objective).unwrap()), best, "{}", objective.word());
    }
}

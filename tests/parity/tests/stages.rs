//! Each stage of the shader model, as Rust, against its f64 twin on random runs.

use wattline::library::workload::Precision;
use wattline::model::attention::attention_time;
use wattline::model::carbon::emissions;
use wattline::model::cost::{annuity, cost};
use wattline::model::goodput::{best_interval, renewal, token_growth, wall};
use wattline::model::layout::check;
use wattline::model::memory::{held_params, in_flight, memory, stage_layers};
use wattline::model::network::{Group, all_gather, all_to_all, group, largest_divisor, point_to_point};
use wattline::model::operations::{PassTime, layer_time};
use wattline::model::plan::Plan;
use wattline::model::power::{Power, clock_under_cap, part_load_pue, power};
use wattline::model::roofline::{alignment, gemm_format, gemm_time, peak, wide_format};
use wattline::model::schedule::{StepTime, step_time};
use wattline::model::setting::Setting;
use wattline::model::weights::{Weights, attended};
use wattline_parity::domain::{self, Dice};
use wattline_parity::tolerance::{TOLERANCES, Tally};
use wattline_parity::{device, plan, setting};

const CASES: u64 = 3000;
/// Share of the cases that may lie on an edge of the model.
const EDGES: f64 = 0.02;

/// Random runs whose plan can be laid out, with the chips that they are given.
fn runs(seed: u64, count: u64) -> impl Iterator<Item = (Setting, Plan, f64)> {
    let mut dice = Dice(seed);
    std::iter::repeat_with(move || {
        let setting = domain::setting(&mut dice);
        let plan = domain::plan(&mut dice, &setting);
        let spare = dice.between(1.0, 1.2);
        let chips = (plan.ranks() as f64 / setting.ranks_per_chip * spare).ceil();
        (setting, plan, chips)
    })
    .filter(|(setting, plan, _)| check(setting, plan).is_ok())
    .take(count as usize)
}

fn device_group(g: Group) -> device::Group {
    device::Group { n: g.n as f32, inside: g.inside as f32, outside: g.outside as f32, beyond_pod: g.beyond_pod }
}

#[test]
fn gemms_take_the_same_time() {
    let mut dice = Dice(1);
    let mut tally = Tally::new("gemm");
    while tally.cases < 4 * CASES {
        let setting = domain::setting(&mut dice);
        let on_device = wattline_parity::setting(&setting, 1.0);
        let precision = dice.of(&Precision::ALL);
        let (m, n, k) =
            (dice.scale(1.0, 3e5).round(), dice.scale(16.0, 3e5).round(), 8.0 * dice.scale(2.0, 4e3).round());
        let batch = if dice.chance(0.7) { 1.0 } else { dice.whole(1, 64) as f64 };
        let ragged = dice.chance(0.3);
        let clock = dice.between(0.3, 1.0);
        let format = if dice.chance(0.2) { wide_format } else { gemm_format };
        let device_format = {
            let f = format(&setting.chip, precision);
            device::GemmFormat { flops: f.flops as f32, operand_bytes: f.operand_bytes as f32, ramp: f.ramp as f32 }
        };
        if format(&setting.chip, precision).flops <= 0.0 {
            continue;
        }
        let time = device::gemm_time(
            on_device.chip,
            on_device.calibration,
            clock as f32,
            device_format,
            m as f32,
            n as f32,
            k as f32,
            batch as f32,
            ragged,
        );
        let reference = |s: &Setting| {
            vec![gemm_time(&s.chip, &s.calibration, clock, format(&s.chip, precision), m, n, k, batch, ragged)]
        };
        tally.hold(&setting, &[time], reference, &(m, n, k, batch, ragged, precision));
    }
    tally.close(EDGES);
}

#[test]
fn formats_peaks_and_alignment_agree() {
    let mut dice = Dice(2);
    for _ in 0..CASES {
        let setting = domain::setting(&mut dice);
        let chip = wattline_parity::setting(&setting, 1.0).chip;
        for precision in Precision::ALL {
            let code = precision as u32;
            assert_eq!(device::peak(chip, code) as f64 as f32, peak(&setting.chip, precision) as f32);
            for (ours, theirs) in [
                (gemm_format(&setting.chip, precision), device::gemm_format(chip, code)),
                (wide_format(&setting.chip, precision), device::wide_format(chip, code)),
            ] {
                assert!((f64::from(theirs.flops) - ours.flops).abs() <= 3e-7 * ours.flops, "{precision:?}");
                assert_eq!(theirs.operand_bytes, ours.operand_bytes as f32);
                assert_eq!(theirs.ramp, ours.ramp as f32);
            }
        }
        let (k, n) = (dice.whole(1, 1 << 18), dice.whole(1, 1 << 18) << dice.whole(0, 4));
        assert_eq!(device::alignment(k as f32, n as f32), alignment(k as f64, n as f64) as f32);
    }
}

#[test]
fn attention_takes_the_same_time() {
    let mut tally = Tally::new("attention");
    for (run, plan_, chips) in runs(3, CASES) {
        let time = device::attention_time(setting(&run, chips), plan(&plan_), 0.8);
        let reference = |s: &Setting| {
            let t = attention_time(s, &plan_, f64::from(0.8_f32));
            vec![t.forward, t.backward]
        };
        tally.hold(&run, &[time.forward, time.backward], reference, &plan_);
    }
    tally.close(0.002);
}

#[test]
fn keys_attended_to_and_weights_agree() {
    let mut tally = Tally::new("memory");
    for (run, _, chips) in runs(4, CASES) {
        let row = setting(&run, chips).workload;
        let weights = device::weights_of(row);
        let reference = |s: &Setting| {
            let w = Weights::of(&s.workload.architecture);
            vec![w.attention, w.dense_ffn, w.expert, w.shared]
        };
        tally.hold(
            &run,
            &[weights.attention, weights.dense_ffn, weights.expert, weights.shared_experts],
            reference,
            &row,
        );
        for causal in [false, true] {
            let s = run.workload.run.seq_len;
            let keys = device::attended(row, s as f32, causal);
            tally.hold(&run, &[keys], |run| vec![attended(&run.workload.architecture, s, causal)], &row);
        }
    }
    // A window's two terms cancel where it is nearly as long as the sequence: a few cases lose a digit there.
    tally.close(1e-3);
}

#[test]
fn groups_lie_alike_in_the_machine() {
    let mut dice = Dice(5);
    for _ in 0..20 * CASES {
        let (n, most) = (dice.scale(1.0, 2e5) as u32, dice.scale(1.0, 1e4) as u32);
        assert_eq!(device::largest_divisor(n, most), largest_divisor(n, most), "{n} within {most}");
    }
    for n in 1..300 {
        for most in 1..310 {
            assert_eq!(device::largest_divisor(n, most), largest_divisor(n, most), "{n} within {most}");
        }
    }
    for _ in 0..CASES {
        let run = domain::setting(&mut dice);
        let (n, stride) = (dice.scale(1.0, 1e4) as u32, dice.scale(1.0, 1e4) as u32);
        let (ours, theirs) = (group(&run, n, stride), device::group(setting(&run, 1.0), n, stride));
        assert_eq!(theirs, device_group(ours), "{n} by {stride}");
    }
}

#[test]
fn collectives_take_the_same_time() {
    let mut dice = Dice(6);
    let mut tally = Tally::new("collective");
    for _ in 0..4 * CASES {
        let run = domain::setting(&mut dice);
        let row = setting(&run, 1.0);
        let (n, stride) = (dice.scale(1.0, 2e4) as u32, dice.scale(1.0, 1e3) as u32);
        let bytes = dice.scale(1e3, 1e12);
        let copies = dice.whole(1, 12) as f64;
        let limit = if dice.chance(0.5) { 0.0 } else { dice.whole(1, 8) as f64 };
        let g = group(&run, n, stride);
        let (b, c, l) = (bytes as f32, copies as f32, limit as f32);
        let what = (g, bytes, copies, limit);
        tally.hold(&run, &[device::all_gather(row, b, device_group(g))], |s| vec![all_gather(s, bytes, g)], &what);
        tally.hold(
            &run,
            &[device::all_to_all(row, b, c, l, device_group(g))],
            |s| vec![all_to_all(s, bytes, copies, limit, g)],
            &what,
        );
        tally.hold(&run, &[device::point_to_point(row, b, stride)], |s| vec![point_to_point(s, bytes, stride)], &what);
    }
    tally.close(0.0);
}

fn device_pass(p: &device::PassTime) -> [f32; 7] {
    [p.gemm, p.attention, p.vector, p.launch, p.tp, p.ep, p.cp]
}

fn pass(p: &PassTime) -> Vec<f64> {
    vec![p.gemm, p.attention, p.vector, p.launch, p.tp, p.ep, p.cp]
}

#[test]
fn layers_take_the_same_time() {
    let mut tally = Tally::new("layer");
    for (run, layout, chips) in runs(7, 2 * CASES) {
        let time = device::layer_time(setting(&run, chips), plan(&layout), 0.9);
        let clock = f64::from(0.9_f32);
        tally.hold(&run, &device_pass(&time.forward), |s| pass(&layer_time(s, &layout, clock).forward), &layout);
        tally.hold(&run, &device_pass(&time.backward), |s| pass(&layer_time(s, &layout, clock).backward), &layout);
        tally.hold(&run, &device_pass(&time.head), |s| pass(&layer_time(s, &layout, clock).head), &layout);
        tally.hold(&run, &device_pass(&time.embedding), |s| pass(&layer_time(s, &layout, clock).embedding), &layout);
    }
    tally.close(EDGES);
}

#[test]
fn memory_is_the_same() {
    let mut tally = Tally::new("memory");
    for (run, layout, chips) in runs(8, 2 * CASES) {
        let held = device::memory(setting(&run, chips), plan(&layout));
        let reference = |s: &Setting| {
            let m = memory(s, &layout);
            vec![
                m.first.states,
                m.first.step,
                m.first.activations,
                m.first.working,
                m.last.states,
                m.last.step,
                m.last.activations,
                m.last.working,
                m.usable,
            ]
        };
        let (first, last) = (held.first, held.last);
        tally.hold(
            &run,
            &[
                first.states,
                first.step,
                first.activations,
                first.working,
                last.states,
                last.step,
                last.activations,
                last.working,
                held.usable,
            ],
            reference,
            &layout,
        );
        let layers = device::stage_layers(run.workload.architecture.layers as f32, plan(&layout));
        let (fullest, least) = stage_layers(run.workload.architecture.layers, &layout);
        tally.hold(&run, &[layers.fullest, layers.last], |_| vec![fullest, least], &layout);
        tally.hold(&run, &[device::in_flight(plan(&layout), 0u32)], |_| vec![in_flight(&layout, 0)], &layout);
        let params = device::held_params(setting(&run, chips), plan(&layout), 2.0);
        let reference = held_params(&run, &layout, 2.0);
        assert_eq!((params.dense_group, params.expert_group), (reference.dense_group, reference.expert_group));
        assert_eq!((params.dense_shards, params.expert_shards), (reference.dense_shards, reference.expert_shards));
    }
    tally.close(0.0);
}

fn device_step(t: &device::StepTime) -> [f32; 18] {
    [
        t.gemm,
        t.attention,
        t.vector,
        t.launch,
        t.recompute,
        t.head,
        t.tp,
        t.ep,
        t.cp,
        t.fsdp,
        t.pp,
        t.bubble,
        t.imbalance,
        t.dp,
        t.optimizer,
        t.straggler,
        t.hidden_matrix,
        t.hidden_memory,
    ]
}

fn step_parts(t: &StepTime) -> Vec<f64> {
    let causes = t.causes().into_iter().map(|(_, seconds)| seconds);
    causes.chain([t.hidden_matrix, t.hidden_memory]).collect()
}

/// Parts of a step without cancellation, each of which is held to its own size.
const PRODUCTS: [usize; 10] = [0, 1, 2, 4, 5, 6, 7, 14, 15, 16];

#[test]
fn steps_take_the_same_time() {
    let mut tally = Tally::new("step");
    for (run, layout, chips) in runs(9, 2 * CASES) {
        let time = device::step_time(setting(&run, chips), plan(&layout), 1.0);
        tally.hold(&run, &device_step(&time), |s| step_parts(&step_time(s, &layout, 1.0)), &layout);
        for part in PRODUCTS {
            let reference = |s: &Setting| vec![step_parts(&step_time(s, &layout, 1.0))[part]];
            tally.hold(&run, &[device_step(&time)[part]], reference, &(part, layout));
        }
    }
    tally.close(EDGES);
}

#[test]
fn checkpoints_and_failures_cost_the_same() {
    let mut dice = Dice(10);
    let mut tally = Tally::new("wall");
    for _ in 0..4 * CASES {
        let run = domain::setting(&mut dice);
        let row = setting(&run, 1.0);
        let (ranks, useful_s) = (dice.scale(1.0, 2e6).floor(), dice.scale(1e3, 1e9));
        let reference = wall(&run, ranks, useful_s);
        let hours = device::wall(row, ranks as f32, useful_s as f32);
        if reference.goodput < 1e-6 {
            // Beyond every use, and beyond the range of f32.
            assert!(hours.goodput < 1e-5, "{reference:?}");
            continue;
        }
        // The interval lies at a flat minimum: what it costs is held more tightly than where it lies.
        let (checkpoint, mtbf) = (run.assumptions.checkpoint_s, reference.mtbf_s);
        let interval = device::best_interval(checkpoint as f32, mtbf as f32);
        tally.hold(&run, &[interval], |s| vec![best_interval(s.assumptions.checkpoint_s, mtbf)], &(checkpoint, mtbf));
        let parts = |s: &Setting| {
            let w = wall(s, ranks, useful_s);
            vec![w.training_s, w.checkpoint_s, w.idle_s, w.powered_s]
        };
        tally.hold(
            &run,
            &[hours.training_s, hours.checkpoint_s, hours.idle_s, hours.powered_s],
            parts,
            &(ranks, useful_s, run.assumptions),
        );
        tally.hold(&run, &[hours.goodput], |s| vec![wall(s, ranks, useful_s).goodput], &(ranks, useful_s));
        let batch_tokens = dice.scale(1e4, 1e9);
        tally.hold(
            &run,
            &[device::token_growth(row, batch_tokens as f32)],
            |s| vec![token_growth(s, batch_tokens)],
            &batch_tokens,
        );
        let restart = run.assumptions.restart_s;
        tally.hold(
            &run,
            &[device::renewal(interval, checkpoint as f32, restart as f32, mtbf as f32)],
            |_| vec![renewal(f64::from(interval), checkpoint, restart, mtbf)],
            &(interval, checkpoint, restart, mtbf),
        );
    }
    tally.close(EDGES);
}

fn joules(p: &Power) -> Vec<f64> {
    p.causes().into_iter().map(|(_, j)| j * 1e-9).collect()
}

#[test]
fn power_and_energy_are_the_same() {
    let mut tally = Tally::new("power");
    for (run, layout, chips) in runs(11, CASES) {
        let row = setting(&run, chips);
        let clock = device::clock_under_cap(row.chip, row.design.cap_w);
        let reference = clock_under_cap(&run.chip, run.cap_w).unwrap_or(0.0);
        tally.hold(&run, &[clock], |_| vec![reference], &run.cap_w);
        let clock = if clock > 0.0 { clock } else { 0.7 };
        let step = step_time(&run, &layout, f64::from(clock));
        let ranks = chips * run.ranks_per_chip;
        let hours = wall(&run, layout.ranks() as f64, 1e6);
        if hours.goodput < 0.05 {
            continue;
        }
        let parts: Vec<f32> = step_parts(&step).into_iter().map(|s| s as f32).collect();
        let device_hours = device::Wall {
            goodput: hours.goodput as f32,
            wall_s: hours.wall_s as f32,
            powered_s: hours.powered_s as f32,
            training_s: hours.training_s as f32,
            checkpoint_s: hours.checkpoint_s as f32,
            idle_s: hours.idle_s as f32,
            interval_s: hours.interval_s as f32,
            mtbf_s: hours.mtbf_s as f32,
            progress: hours.progress as f32,
        };
        let p = &parts;
        let device_step = device::StepTime::new(
            p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12], p[13], p[14], p[15],
            p[16], p[17],
        );
        let watts = device::power(row, plan(&layout), ranks as f32, clock, device_step, device_hours);
        let reference = |s: &Setting| power(s, &layout, ranks, f64::from(clock), &step, &hours);
        let energies = [
            watts.matrix_gj,
            watts.memory_bound_gj,
            watts.waiting_gj,
            watts.idle_gj,
            watts.host_gj,
            watts.fabric_gj,
            watts.storage_gj,
            watts.facility_overhead_gj,
        ];
        tally.hold(&run, &energies, |s| joules(&reference(s)), &layout);
        for (ours, theirs) in [
            (reference(&run).rank_training_w, watts.rank_training_w),
            (reference(&run).peak_it_w, watts.peak_it_w),
            (reference(&run).peak_facility_w, watts.peak_facility_w),
            (reference(&run).pue, watts.pue),
        ] {
            tally.hold(&run, &[theirs], |_| vec![ours], &layout);
        }
        let load = 0.5 * watts.pue;
        tally.hold(
            &run,
            &[device::part_load_pue(1.3, load)],
            |_| vec![part_load_pue(f64::from(1.3_f32), f64::from(load))],
            &load,
        );
    }
    tally.close(EDGES);
}

#[test]
fn money_and_carbon_are_the_same() {
    let mut dice = Dice(12);
    let mut money = Tally::new("cost");
    let mut carbon = Tally::new("carbon");
    for _ in 0..4 * CASES {
        let run = domain::setting(&mut dice);
        let row = setting(&run, 1.0);
        let ranks = dice.scale(1.0, 2e5).floor();
        let (wall_s, peak_it_w) = (dice.scale(1e3, 1e9), ranks * dice.scale(200.0, 3e3));
        let joules = wall_s * peak_it_w * dice.between(0.3, 1.0);
        let gigajoules = (joules * 1e-9) as f32;
        let c = device::cost(row, ranks as f32, wall_s as f32, peak_it_w as f32, gigajoules);
        let parts = |s: &Setting| {
            let c = cost(s, ranks, wall_s, peak_it_w, joules);
            vec![c.chips, c.facility, c.operations, c.electricity, c.rental, c.carbon_price, c.delay]
        };
        let theirs = [c.chips, c.facility, c.operations, c.electricity, c.rental, c.carbon_price, c.delay];
        money.hold(&run, &theirs, parts, &(ranks, wall_s));
        let e = device::emissions(row, ranks as f32, wall_s as f32, gigajoules);
        let parts = |s: &Setting| {
            let e = emissions(s, ranks, wall_s, joules);
            vec![e.operational, e.embodied]
        };
        carbon.hold(&run, &[e.operational, e.embodied], parts, &(ranks, wall_s));
        let (rate, years) = (dice.scale(1e-7, 0.5), dice.between(0.5, 50.0));
        money.hold(&run, &[device::annuity(rate as f32, years as f32)], |_| vec![annuity(rate, years)], &(rate, years));
    }
    money.close(0.0);
    carbon.close(0.0);
}

#[test]
fn layouts_are_rejected_for_the_same_reason() {
    let mut dice = Dice(13);
    let mut seen = [0; 11];
    for _ in 0..10 * CASES {
        let run = domain::setting(&mut dice);
        let layout = domain::plan(&mut dice, &run);
        let theirs = device::check(setting(&run, 1.0), plan(&layout));
        let ours = check(&run, &layout).map_or_else(|r| (r.reason as u32, r.found, r.limit), |()| (0, 0.0, 0.0));
        assert_eq!((theirs.reason, f64::from(theirs.found), f64::from(theirs.limit)), ours, "{layout:?}");
        seen[ours.0 as usize] += 1;
    }
    for (reason, count) in seen.iter().enumerate().take(6) {
        assert!(*count > 20, "reason {reason} came up {count} times");
    }
}

/// The constants that stages must not lose: one moved by a thousandth has to be seen.
#[test]
fn a_constant_moved_by_a_thousandth_is_caught() {
    assert!(
        TOLERANCES.iter().all(|t| t.name == "dispatch" || t.relative <= 2e-5),
        "tolerances stay far below a thousandth"
    );
    assert!(TOLERANCES.iter().all(|t| !t.why.is_empty()));
    let plant = |change: &dyn Fn(&mut device::Setting)| -> f64 {
        let (mut caught, mut all) = (0.0, 0.0);
        for (run, layout, chips) in runs(14, 200) {
            let mut row = setting(&run, chips);
            change(&mut row);
            let time = device::step_time(row, plan(&layout), 1.0);
            all += 1.0;
            let (theirs, ours) = (device_step(&time), step_parts(&step_time(&run, &layout, 1.0)));
            let mut tally = Tally::new("step");
            if !PRODUCTS.iter().all(|part| tally.agree(&[theirs[*part]], &[ours[*part]])) {
                caught += 1.0;
            }
        }
        caught / all
    };
    assert!(plant(&|_| {}) < EDGES, "unchanged constants agree");
    assert!(plant(&|row| row.calibration.gemm_derate *= 1.001) > 0.5);
    assert!(plant(&|row| row.calibration.scale_up_fraction *= 1.001) > 0.3);
    assert!(plant(&|row| row.calibration.optimizer_bytes *= 1.001) > 0.7);
    assert!(plant(&|row| row.calibration.straggler *= 1.001) > 0.7);
    assert!(plant(&|row| row.chip.hbm_bytes_per_s *= 0.999) > 0.7);
}

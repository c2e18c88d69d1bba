//! The whole shader model, from the index of a plan to its outcome, against the reference.

use wattline::engine::rows::{self, Axes, SpaceRow};
use wattline::model::setting::Setting;
use wattline::model::{Estimate, estimate};
use wattline::search::space::{AXES, PlanSpace, gcd};
use wattline_parity::domain::{self, Dice};
use wattline_parity::tolerance::{Tally, tolerance, verdicts_agree};
use wattline_parity::{device, plan, setting, words};

fn axes(values: Axes) -> device::Axes {
    device::Axes::from_words(words(&values))
}

/// What `plan_at` of the kernels does: digits, values, plan.
fn plan_at(space: &PlanSpace, base: u64, offset: u32) -> Option<device::Plan> {
    let lengths = space.lengths();
    let at = device::digits(axes(Axes::new(lengths)), axes(rows::digits(space, base)), offset);
    let digits =
        [at.tp, at.cp, at.pp, at.vpp, at.ep, at.micro_batch, at.recompute, at.shard, at.sequence_parallel, at.fill];
    let values = rows::axis_values(space);
    let mut found = [0; AXES];
    let mut begin = 0;
    for axis in 0..AXES {
        found[axis] = values[(begin + digits[axis]) as usize];
        begin += lengths[axis];
    }
    let row = device::SpaceRow::from_words(words(&SpaceRow::new(space)));
    let decoded = device::decode(row, axes(Axes::new(found)));
    decoded.exists.then_some(decoded.plan)
}

#[test]
fn indices_decode_to_the_same_plans() {
    let mut dice = Dice(21);
    let (mut plans, mut points) = (0, 0);
    for _ in 0..400 {
        let run = domain::setting(&mut dice);
        let (space, _) = domain::space(&mut dice, &run);
        for _ in 0..200 {
            let offset = dice.whole(0, 70_000);
            let index = dice.roll() % space.len();
            let base = index.saturating_sub(offset);
            let ours = space.decode(index);
            assert_eq!(plan_at(&space, base, (index - base) as u32), ours.as_ref().map(plan), "{index} of {space:?}");
            plans += u32::from(ours.is_some());
            points += 1;
        }
    }
    println!("{plans} plans among {points} points");
    assert!(plans > 1000 && points - plans > 1000);
}

#[test]
fn indices_beyond_32_bits_decode_alike() {
    let mut dice = Dice(22);
    let run = domain::setting(&mut dice);
    let (mut space, _) = domain::space(&mut dice, &run);
    // Lists long enough for 2^40 points.
    space.tp = vec![1, 2, 4, 8];
    space.pp = (1..=64).collect();
    space.vpp = (1..=64).collect();
    space.ep = (1..=64).collect();
    space.micro_batch = (1..=1 << 14).collect();
    space.cp = (1..=16).collect();
    assert!(space.len() > 1 << 40);
    for _ in 0..4_000 {
        let base = dice.roll() % (space.len() - (1 << 24));
        let offset = dice.whole(0, 1 << 24) as u32;
        assert_eq!(plan_at(&space, base, offset), space.decode(base + u64::from(offset)).as_ref().map(plan));
    }
}

#[test]
fn products_and_divisors_survive_32_bits() {
    let mut dice = Dice(23);
    for _ in 0..10_000 {
        let (a, b) = (dice.scale(1.0, 4e9) as u32, dice.scale(1.0, 4e9) as u32);
        assert_eq!(device::saturating_product(a, b), a.saturating_mul(b));
        assert_eq!(device::gcd(a, b), gcd(a, b));
    }
    assert_eq!(device::saturating_product(0u32, 7u32), 0);
}

/// The figures that winners are chosen by.
fn figures(e: &Estimate) -> [f64; 8] {
    [
        e.memory.peak(),
        e.step_s,
        e.wall.goodput,
        e.wall.wall_s,
        e.power.facility_j() * 1e-9,
        e.cost.total(),
        e.carbon.total(),
        e.power.peak_facility_w,
    ]
}

#[test]
fn whole_runs_come_to_the_same() {
    let mut dice = Dice(24);
    let mut tally = Tally::new("estimate");
    let slack = tolerance("estimate");
    let mut seen = [0; 11];
    for _ in 0..30_000 {
        let run = domain::setting(&mut dice);
        let layout = domain::plan(&mut dice, &run);
        let chips = (layout.ranks() as f64 / run.ranks_per_chip * dice.between(1.0, 1.2)).ceil();
        let outcome = device::estimate(setting(&run, chips), plan(&layout));
        let reference = estimate(&run, &layout, chips);
        assert!(
            verdicts_agree(&run, &layout, chips, outcome.reason, &reference, slack),
            "{} on the device, {reference:?}",
            outcome.reason
        );
        let Ok(ours) = reference else {
            seen[outcome.reason as usize] += 1;
            continue;
        };
        if outcome.reason != 0 {
            continue;
        }
        seen[0] += 1;
        let theirs = [
            outcome.memory_bytes,
            outcome.step_s,
            outcome.goodput,
            outcome.wall_s,
            outcome.facility_gj,
            outcome.cost_usd,
            outcome.carbon_kg,
            outcome.peak_facility_w,
        ];
        // A negative price may bring a cost close to nothing: it is held against the sum of its parts.
        let parts = ours.cost.total() - 2.0 * ours.cost.electricity.min(0.0);
        for (part, value) in theirs.into_iter().enumerate() {
            if part == 5 {
                let other = (parts - ours.cost.total()) as f32;
                tally.hold(&run, &[value, other], |s| cost_and_parts(s, &layout, chips, f64::from(other)), &layout);
            } else {
                let reference = |s: &Setting| vec![estimate(s, &layout, chips).map_or(f64::NAN, |e| figures(&e)[part])];
                tally.hold(&run, &[value], reference, &(part, layout));
            }
        }
    }
    println!("feasible, then by reason: {seen:?}");
    for reason in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] {
        assert!(seen[reason] > 20, "reason {reason} came up {} times", seen[reason]);
    }
    tally.close(0.02);
}

fn cost_and_parts(run: &Setting, layout: &wattline::model::plan::Plan, chips: f64, other: f64) -> Vec<f64> {
    vec![estimate(run, layout, chips).map_or(f64::NAN, |e| e.cost.total()), other]
}

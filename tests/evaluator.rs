//! The evaluator of many plans says bit by bit what one plan at a time says, for much less work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "parity/src/domain.rs"]
#[allow(dead_code)]
mod domain;

use domain::Dice;
use wattline::model::estimate;
use wattline::model::evaluator::Evaluator;
use wattline::model::memory::{LayerMemory, layer_memory};
use wattline::model::operations::{LayerTime, layer_time};
use wattline::model::plan::Plan;
use wattline::model::setting::Setting;
use wattline::search::space::{Batch, PlanSpace};
use wattline::search::{self, Found};

/// A random design whose space has at most `most` points.
fn design(dice: &mut Dice, most: u64) -> (Setting, PlanSpace, f64) {
    loop {
        let setting = domain::setting(dice);
        let (space, chips) = domain::space(dice, &setting);
        if space.len() <= most {
            return (setting, space, chips);
        }
    }
}

/// Every digit of a value, so that no difference is rounded away.
fn digits(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

/// Every plan by itself, in the order of the indices.
fn one_by_one(setting: &Setting, space: &PlanSpace, chips: f64) -> Found {
    let mut found = Found::nothing();
    for plan in (0..space.len()).filter_map(|index| space.decode(index)) {
        found.offer(estimate(setting, &plan, chips));
    }
    found
}

#[test]
fn a_layer_depends_on_nothing_but_its_key() {
    let mut dice = Dice(41);
    let mut same = 0;
    for _ in 0..20_000 {
        let setting = domain::setting(&mut dice);
        let plan = domain::plan(&mut dice, &setting);
        let clock = dice.between(0.1, 1.0);
        let (key, memory_key) = (LayerTime::key(&plan), LayerMemory::key(&plan));
        assert_eq!(digits(&layer_time(&setting, &plan, clock)), digits(&layer_time(&setting, &key, clock)), "{plan:?}");
        assert_eq!(digits(&layer_memory(&setting, &plan)), digits(&layer_memory(&setting, &memory_key)), "{plan:?}");
        assert_eq!((LayerTime::key(&key), LayerMemory::key(&memory_key)), (key, memory_key));
        same += u32::from(key == plan);
    }
    assert!(same < 1000, "most keys put fields aside");
}

#[test]
fn an_evaluator_says_what_an_estimate_says_bit_by_bit() {
    let mut dice = Dice(42);
    let (mut feasible, mut rejected) = (0, 0);
    for _ in 0..400 {
        let setting = domain::setting(&mut dice);
        let chips = dice.scale(1.0, 1e5).ceil();
        let mut evaluator = Evaluator::new(&setting, chips);
        let mut plan = domain::plan(&mut dice, &setting);
        for _ in 0..60 {
            // Neighbours share most fields, as in a space.
            let other = domain::plan(&mut dice, &setting);
            plan = match dice.whole(0, 6) {
                0 => other,
                1 => Plan { pp: other.pp, vpp: other.vpp, ..plan },
                2 => Plan { recompute: other.recompute, ..plan },
                3 => Plan { shard: other.shard, ..plan },
                4 => Plan { micro_batches: other.micro_batches, ..plan },
                5 => Plan { micro_batch: other.micro_batch, ..plan },
                _ => Plan { sequence_parallel: plan.tp > 1 && other.sequence_parallel, ..plan },
            };
            let (ours, alone) = (evaluator.estimate(&plan), estimate(&setting, &plan, chips));
            assert_eq!(digits(&ours), digits(&alone), "{plan:?}");
            if alone.is_ok() { feasible += 1 } else { rejected += 1 }
        }
    }
    assert!(feasible > 1000 && rejected > 1000, "{feasible} feasible, {rejected} rejected");
}

#[test]
fn visiting_a_space_meets_the_plans_of_all_indices_in_order() {
    let mut dice = Dice(43);
    for _ in 0..60 {
        let (_, space, _) = design(&mut dice, 60_000);
        let decoded: Vec<Plan> = (0..space.len()).filter_map(|index| space.decode(index)).collect();
        let sizes = space.len() / space.switches();
        // In one go, and in pieces that end anywhere.
        let mut visited = Vec::new();
        space.visit(0..sizes, |plan| visited.push(*plan));
        assert_eq!(visited, decoded, "{space:?}");
        visited.clear();
        let mut begin = 0;
        while begin < sizes {
            let end = (begin + dice.whole(1, 40)).min(sizes);
            space.visit(begin..end, |plan| visited.push(*plan));
            begin = end;
        }
        assert_eq!(visited, decoded, "{space:?}");
    }
}

#[test]
fn a_search_finds_what_estimating_plan_by_plan_finds() {
    let mut dice = Dice(44);
    let mut feasible = 0;
    for _ in 0..40 {
        let (setting, space, chips) = design(&mut dice, 100_000);
        let (found, alone) = (search::search(&setting, &space, chips), one_by_one(&setting, &space, chips));
        assert_eq!(digits(&found), digits(&alone), "{space:?}");
        feasible += found.feasible;
    }
    assert!(feasible > 10_000, "{feasible}");
}

#[test]
fn a_search_times_far_fewer_layers_than_plans() {
    let mut dice = Dice(45);
    let (mut layers, mut plans) = (0, 0);
    for _ in 0..20 {
        let (setting, mut space, chips) = design(&mut dice, 1_000_000);
        space.precision = wattline::library::workload::Precision::Bf16;
        space.batch = Batch::within(2048.0, 0.1);
        let mut evaluator = Evaluator::new(&setting, chips);
        space.visit(0..space.len() / space.switches(), |plan| plans += u64::from(evaluator.estimate(plan).is_ok()));
        layers += evaluator.layers_timed();
    }
    println!("{layers} layers timed for {plans} plans that run");
    assert!(plans > 10_000 && layers * 10 < plans, "{layers} layers timed for {plans} plans that run");
}

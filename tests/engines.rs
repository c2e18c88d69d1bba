//! Both engines on the same spaces, with a real dispatch on whatever adapter there is.
//!
//! Without an adapter each test says so and passes, unless `WATTLINE_REQUIRE_ADAPTER=1` asks it to fail.

#![allow(clippy::expect_used, clippy::panic)]

#[path = "parity/src/domain.rs"]
#[allow(dead_code)]
mod domain;

#[path = "parity/src/tolerance.rs"]
#[allow(dead_code)]
mod tolerance;

use domain::Dice;
use tolerance::{Tally, margin, tolerance, verdicts_agree};
use wattline::engine::gpu::{self, Gpu};
use wattline::engine::rows::NO_PLAN;
use wattline::engine::{Engine, EngineChoice, EngineFault, select};
use wattline::library::store::Library;
use wattline::model::estimate;
use wattline::model::plan::{Reason, Shard};
use wattline::model::setting::Setting;
use wattline::scenario::Scenario;
use wattline::search::space::PlanSpace;
use wattline::search::{self, Found, Objective};

/// Times that a driver may crash before a test gives up.
const CRASHES: u32 = 8;

/// Runs a test in a process of its own. Debian 12's lavapipe (Mesa 22.3) wrote out of bounds while it compiled kernels
/// with many uniform bindings; none crashed since their inputs are one storage buffer. A process that a signal ends is
/// started again; one whose assertions fail, or that ends by signals every time, fails the test.
fn apart(name: &str, test: fn()) {
    const CHILD: &str = "WATTLINE_ENGINES_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return test();
    }
    let program = std::env::current_exe().expect("a test knows its own path");
    for crash in 1..=CRASHES {
        let ran = std::process::Command::new(&program)
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, "1")
            .output()
            .expect("the test binary starts");
        let text = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        match ran.status.code() {
            Some(0) => {
                assert!(text.contains("1 passed"), "{name} did not run:\n{text}");
                print!("{text}");
                return;
            }
            Some(code) => panic!("{name} failed ({code}):\n{text}"),
            None => println!("the driver crashed in {name} ({crash} of {CRASHES}: {})", ran.status),
        }
    }
    panic!("the driver crashed in {name} every time");
}

/// The first adapter, software ones included.
fn device() -> Option<Gpu> {
    let Some(adapter) = gpu::adapters().into_iter().next() else {
        assert!(std::env::var("WATTLINE_REQUIRE_ADAPTER").is_err(), "no adapter, and one is required");
        println!("skipped: no adapter on this machine");
        return None;
    };
    let gpu = Gpu::open(&adapter).expect("the adapter gives a device");
    println!("on {}", gpu.name());
    Some(gpu)
}

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

#[test]
fn every_point_comes_to_the_same() {
    apart("every_point_comes_to_the_same", || {
        let Some(gpu) = device() else { return };
        let mut dice = Dice(31);
        let mut tally = Tally::new("dispatch");
        let slack = tolerance("dispatch");
        let mut seen = [0; 12];
        let mut largest = [0.0_f64; 6];
        for _ in 0..60 {
            let (setting, space, chips) = design(&mut dice, 1 << 24);
            let begin = dice.roll() % space.len();
            let range = begin..(begin + 20_000).min(space.len());
            let outcomes = gpu.evaluate(&setting, &space, chips, range.clone()).expect("the device answers");
            assert_eq!(outcomes.len() as u64, range.end - range.start);
            for (index, outcome) in range.zip(outcomes) {
                let Some(plan) = space.decode(index) else {
                    assert_eq!(outcome.reason, NO_PLAN);
                    continue;
                };
                let reference = estimate(&setting, &plan, chips);
                assert!(
                    verdicts_agree(&setting, &plan, chips, outcome.reason, &reference, slack),
                    "{outcome:?} {reference:?}"
                );
                seen[outcome.reason as usize] += 1;
                let (Ok(ours), 0) = (reference, outcome.reason) else { continue };
                let negative = -2.0 * ours.cost.electricity.min(0.0);
                let pairs = [
                    (outcome.memory_bytes, ours.memory.peak()),
                    (outcome.step_s, ours.step_s),
                    (outcome.wall_s, ours.wall.wall_s),
                    (outcome.facility_gj, ours.power.facility_j() * 1e-9),
                    (outcome.cost_usd + negative as f32, ours.cost.total() + negative),
                    (outcome.carbon_kg, ours.carbon.total()),
                ];
                for (part, (theirs, ours)) in pairs.into_iter().enumerate() {
                    let near = |s: &Setting| {
                        vec![estimate(s, &plan, chips).map_or(f64::NAN, |e| {
                            [
                                e.memory.peak(),
                                e.step_s,
                                e.wall.wall_s,
                                e.power.facility_j() * 1e-9,
                                e.cost.total() + negative,
                                e.carbon.total(),
                            ][part]
                        })]
                    };
                    tally.hold(&setting, &[theirs], near, &(part, plan));
                    let difference = (f64::from(theirs) / ours - 1.0).abs();
                    if difference <= slack {
                        largest[part] = largest[part].max(difference);
                    }
                }
            }
        }
        println!("feasible, rejected by reason, no plan: {seen:?}");
        println!(
            "largest differences of memory, step, wall, energy, cost, carbon: {}",
            largest.map(|d| format!("{d:.1e}")).join(", ")
        );
        tally.close(0.01);
    });
}

#[test]
fn both_engines_find_the_same_winners() {
    apart("both_engines_find_the_same_winners", || {
        let Some(gpu) = device() else { return };
        let slack = tolerance("dispatch");
        let mut dice = Dice(32);
        let (mut same, mut all) = (0, 0);
        for round in 0..50 {
            let (setting, space, chips) = design(&mut dice, if round < 4 { 3_000_000 } else { 400_000 });
            let ours = search::search(&setting, &space, chips);
            let theirs = gpu.search(&setting, &space, chips).expect("the device answers");
            assert_eq!(theirs.evaluated, ours.evaluated);
            // Plans whose verdict f32 may turn, only those.
            let doubtful = || {
                (0..space.len())
                    .filter_map(|index| space.decode(index))
                    .filter(|plan| Reason::ALL.iter().any(|reason| margin(&setting, plan, chips, *reason) <= slack))
                    .count() as u64
            };
            if theirs.feasible != ours.feasible || theirs.rejected != ours.rejected {
                let gap = theirs.feasible.abs_diff(ours.feasible);
                assert!(gap <= doubtful(), "{} against {} feasible", theirs.feasible, ours.feasible);
            }
            for objective in Objective::ALL {
                let (Some(a), Some(b)) = (ours.by(objective), theirs.by(objective)) else {
                    assert_eq!(ours.by(objective).is_some(), theirs.by(objective).is_some());
                    continue;
                };
                all += 1;
                if a == b {
                    same += 1;
                } else {
                    let (a, b) = (objective.of(a), objective.of(b));
                    assert!(b >= a && (b - a).abs() <= slack * a.abs(), "{objective:?}: {a} and {b}");
                }
            }
            assert_eq!(theirs.nearest.map(|r| r.reason), ours.nearest.map(|r| r.reason));
        }
        println!("{same} of {all} winners are the very same plan");
        assert!(same * 100 >= all * 99);
    });
}

/// Every digit of the plans of a frontier.
fn digits(found: &Found) -> String {
    format!("{:?}", found.frontier.plans())
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
fn both_engines_find_the_frontier_that_estimating_plan_by_plan_finds() {
    apart("both_engines_find_the_frontier_that_estimating_plan_by_plan_finds", || {
        let Some(gpu) = device() else { return };
        let mut dice = Dice(35);
        let (mut same, mut all, mut longest) = (0, 0, 0);
        for round in 0..60 {
            let (setting, mut space, chips) = design(&mut dice, 150_000);
            if round % 3 == 0 {
                // Ties: what changes nothing at tp 1, and what changes nothing without replicas.
                space.sequence_parallel = vec![false, true];
                space.shard = Shard::ALL.to_vec();
                space.micro_batch = vec![1, 1, 2, 2];
            }
            let brute = one_by_one(&setting, &space, chips);
            let ours = search::search(&setting, &space, chips);
            let theirs = gpu.search(&setting, &space, chips).expect("the device answers");
            assert_eq!(digits(&ours), digits(&brute), "{space:?}");
            assert_eq!(theirs.evaluated, brute.evaluated);
            all += 1;
            longest = longest.max(brute.frontier.plans().len());
            if digits(&theirs) == digits(&brute)
                && (theirs.feasible, theirs.rejected) == (brute.feasible, brute.rejected)
            {
                same += 1;
            } else {
                println!(
                    "round {round}: {} and {} feasible, frontiers of {} and {}",
                    theirs.feasible,
                    brute.feasible,
                    theirs.frontier.plans().len(),
                    brute.frontier.plans().len()
                );
            }
        }
        println!("{same} of {all} frontiers and counts are the same in every digit; the longest has {longest} plans");
        assert_eq!(same, all);
    });
}

#[test]
fn a_crowd_of_equal_plans_has_the_frontier_of_one_of_them() {
    apart("a_crowd_of_equal_plans_has_the_frontier_of_one_of_them", || {
        let Some(gpu) = device() else { return };
        let mut dice = Dice(36);
        let (setting, mut space, chips) = loop {
            let (setting, space, chips) = design(&mut dice, 20_000);
            if one_by_one(&setting, &space, chips).feasible > 100 {
                break (setting, space, chips);
            }
        };
        // More equal plans than a list of the device holds: the reference takes the chunk over.
        space.micro_batch = space.micro_batch.iter().flat_map(|m| vec![*m; 2000]).collect();
        let (ours, theirs) = (search::search(&setting, &space, chips), gpu.search(&setting, &space, chips));
        let theirs = theirs.expect("the device answers");
        assert_eq!(digits(&theirs), digits(&ours));
        assert_eq!(
            (theirs.evaluated, theirs.feasible, theirs.rejected),
            (ours.evaluated, ours.feasible, ours.rejected)
        );
        assert_eq!(theirs.best, ours.best);
    });
}

#[test]
fn the_shipped_sweep_of_gpt_3_13b_comes_to_the_same_on_both_engines() {
    apart("the_shipped_sweep_of_gpt_3_13b_comes_to_the_same_on_both_engines", || {
        let Some(gpu) = device() else { return };
        let slack = tolerance("dispatch");
        let library = Library::open::<&str>(&[]).expect("the embedded library opens");
        let scenario = Scenario::read(&library, "gpt-3-13b-on-64-a100").expect("the scenario is shipped");
        let design = scenario.designs(&library, "gpt-3-13b", &[]).expect("it resolves").remove(0);
        let mut feasible = 0;
        for space in scenario.spaces(&design).expect("its axes hold") {
            let outcomes =
                gpu.evaluate(&design.setting, &space, design.chips, 0..space.len()).expect("the device answers");
            for (index, outcome) in (0..space.len()).zip(outcomes) {
                let Some(plan) = space.decode(index) else {
                    assert_eq!(outcome.reason, NO_PLAN);
                    continue;
                };
                match estimate(&design.setting, &plan, design.chips) {
                    Err(rejection) => assert_eq!(outcome.reason, rejection.reason as u32, "{plan:?}"),
                    Ok(e) => {
                        assert_eq!(outcome.reason, 0, "{plan:?}");
                        feasible += 1;
                        for (theirs, ours) in [
                            (outcome.step_s, e.step_s),
                            (outcome.memory_bytes, e.memory.peak()),
                            (outcome.facility_gj, e.power.facility_j() * 1e-9),
                            (outcome.cost_usd, e.cost.total()),
                            (outcome.carbon_kg, e.carbon.total()),
                        ] {
                            assert!(
                                (f64::from(theirs) / ours - 1.0).abs() <= slack,
                                "{theirs} against {ours}: {plan:?}"
                            );
                        }
                    }
                }
            }
            let ours = search::search(&design.setting, &space, design.chips);
            let theirs = gpu.search(&design.setting, &space, design.chips).expect("the device answers");
            assert_eq!((theirs.evaluated, theirs.feasible), (ours.evaluated, ours.feasible));
            for objective in Objective::ALL {
                assert_eq!(theirs.by(objective), ours.by(objective), "{}", objective.word());
            }
            assert_eq!(digits(&theirs), digits(&ours));
            assert!(!ours.frontier.plans().is_empty());
        }
        assert!(feasible > 5000, "{feasible} feasible plans");
    });
}

#[test]
fn an_engine_says_what_it_is() {
    apart("an_engine_says_what_it_is", || {
        let (engine, why) = select(EngineChoice::Cpu).expect("the CPU is always there");
        assert_eq!((engine.name(), why), ("cpu", None));
        match select(EngineChoice::Gpu) {
            Ok((engine, _)) => assert_ne!(engine.name(), "cpu"),
            Err(fault) => {
                assert_eq!(fault, EngineFault::NoAdapter);
                assert!(fault.to_string().contains("--engine cpu"), "{fault}");
            }
        }
        let (engine, why) = select(EngineChoice::Auto).expect("auto falls back to the CPU");
        assert!(why.is_some());
        if engine.device().is_none() {
            assert_eq!(engine.name(), "cpu");
        }
    });
}

#[test]
fn a_lost_device_hands_the_rest_to_the_cpu() {
    apart("a_lost_device_hands_the_rest_to_the_cpu", || {
        let Some(gpu) = device() else { return };
        let mut dice = Dice(33);
        let (setting, space, chips) = design(&mut dice, 200_000);
        let ours = search::search(&setting, &space, chips);
        gpu.give_up("pulled out by a test");
        let engine = Engine::gpu(gpu);
        let theirs = engine.search(&setting, &space, chips).expect("the CPU takes over");
        assert_eq!(theirs.best, ours.best);
        let warning = engine.take_warning().expect("the user is told");
        assert!(warning.contains("pulled out by a test") && warning.contains("CPU"), "{warning}");
        assert_eq!(engine.take_warning(), None);
    });
}

#[test]
fn an_empty_space_has_no_best_plan() {
    apart("an_empty_space_has_no_best_plan", || {
        let Some(gpu) = device() else { return };
        let mut dice = Dice(34);
        let (setting, mut space, chips) = design(&mut dice, 200_000);
        space.tp.clear();
        let found = gpu.search(&setting, &space, chips).expect("nothing is dispatched");
        assert_eq!((found.evaluated, found.feasible, found.best), (0, 0, [None; 4]));
    });
}

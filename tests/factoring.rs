//! The factored sweep finds what evaluating every design finds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::atomic::AtomicBool;

use wattline::engine::Engine;
use wattline::engine::gpu::{self, Gpu};
use wattline::library::source_text::SourceText;
use wattline::library::store::Library;
use wattline::model::estimate;
use wattline::model::plan::Plan;
use wattline::model::setting::Setting;
use wattline::results::{Row, fields};
use wattline::scenario::Scenario;
use wattline::search::frontier::pareto;
use wattline::search::space::PlanSpace;
use wattline::search::{Found, Objective, search_to};
use wattline::sweep::answer::Answer;
use wattline::sweep::group::{Keep, Rows, answer};
use wattline::sweep::run::{End, Sweep};
use wattline::sweep::space::{Group, Space};

/// Two chips, sizes, power caps, places with their own hours, prices on both sides of zero.
const SMALL: &str = r#"
name = "small"
title = "A small space"
question = "Is the factored answer the answer?"
workloads = ["llama-2-13b"]

[[design]]
name = "either"
chip = ["nvidia-h100-sxm", "nvidia-a100-sxm-80gb"]
chips = [64, 128]
power_cap_share = [1.0, 0.7]
site = ["us-virginia", "no-norway", "cn-inner-mongolia"]
usd_per_kwh = [-0.02, 0.03, 0.3]
tokens = 2e11

[[design]]
name = "interruptible"
chip = "nvidia-h100-sxm"
cap_mw = [0.1, 0.2]
site = ["us-texas", "ca-quebec"]
set = { "site.availability" = [1.0, 0.7], "site.take_or_pay" = 0.9, "site.carbon_price_usd_per_t" = 80 }
tokens = 2e11

[plans]
tp = [1, 2, 4, 8]
pp = [1, 2, 4]
vpp = [1, 2, 5]
micro_batch = [1, 2, 4]
"#;

fn scenario(text: &'static str) -> (Library, Scenario) {
    let library = Library::open::<&Path>(&[]).unwrap();
    let scenario = Scenario::parse(&library, &SourceText::new("small.toml", text)).unwrap();
    (library, scenario)
}

fn swept(scenario: &Scenario, space: &Space, engine: &Engine, top: usize, part: (u64, u64)) -> Answer {
    let search = |depth: usize, setting: &Setting, spaces: &[PlanSpace], chips: f64| {
        let mut found = Found::nothing_of(depth);
        for plans in spaces {
            found = found.join(if depth == 1 {
                engine.search(setting, plans, chips).unwrap()
            } else {
                search_to(depth, setting, plans, chips)
            });
        }
        Ok(found)
    };
    let sweep = Sweep::new(scenario, space, Keep { top, rows: Rows::None }, part).unwrap();
    let mut found = Answer::new(space, &scenario.objectives(), top);
    let end = sweep.run(0, &mut found, &search, None, &AtomicBool::new(false), &mut |_, _| {}).unwrap();
    assert_eq!(end, End::Done);
    found
}

/// Every design of a space, looked up cell by cell and estimated plan by plan.
fn each_design(library: &Library, scenario: &Scenario, space: &Space) -> Vec<(String, u64, Plan, [f64; 4])> {
    let mut all = Vec::new();
    for cell in 0..space.cells {
        let design = space.design(library, scenario, &[], cell).unwrap();
        let name = space.blocks[space.cell(cell).block].block.design.clone();
        for plans in scenario.spaces(&design).unwrap() {
            for plan in (0..plans.len()).filter_map(|index| plans.decode(index)) {
                if let Ok(e) = estimate(&design.setting, &plan, design.chips) {
                    all.push((name.clone(), cell, plan, Objective::ALL.map(|o| o.of(&e))));
                }
            }
        }
    }
    all
}

fn agrees(engine: &Engine, top: usize) {
    let (library, scenario) = scenario(SMALL);
    let space = Space::new(&library, &scenario, &[]).unwrap();
    let all = each_design(&library, &scenario, &space);
    let answer = swept(&scenario, &space, engine, top, (1, 1));
    assert_eq!(answer.totals().2, all.len() as u64, "designs that can run");
    assert!(answer.totals().1 * 3 < answer.totals().0, "{:?}: little was factored", answer.totals());
    for part in &answer.parts {
        for objective in Objective::ALL {
            let mut values: Vec<f64> =
                all.iter().filter(|d| d.0 == part.design).map(|d| d.3[objective as usize]).collect();
            values.sort_by(f64::total_cmp);
            values.truncate(top);
            let found: Vec<f64> = part.best[objective as usize].iter().map(|c| c.figures[objective as usize]).collect();
            assert_eq!(found, values, "{} {}", part.design, objective.word());
        }
    }
    let points: Vec<[f64; 4]> = all.iter().map(|d| d.3).collect();
    let mut brute: Vec<[f64; 4]> = pareto(&points).into_iter().map(|at| points[at]).collect();
    let mut found: Vec<[f64; 4]> = answer.frontiers[0].1.iter().map(|c| c.figures).collect();
    let order = |a: &[f64; 4], b: &[f64; 4]| a.partial_cmp(b).unwrap();
    brute.sort_by(order);
    found.sort_by(order);
    assert!(brute.len() > 3);
    assert_eq!(found, brute, "the frontier");
}

#[test]
fn the_cpu_engine_finds_the_best_and_the_frontier_of_every_design() {
    agrees(&Engine::cpu(), 1);
}

#[test]
fn the_k_best_designs_are_the_k_best_of_all() {
    agrees(&Engine::cpu(), 7);
}

#[test]
fn a_device_finds_the_best_and_the_frontier_of_every_design() {
    let Some(adapter) = gpu::adapters().into_iter().next() else {
        assert!(std::env::var_os("WATTLINE_REQUIRE_ADAPTER").is_none(), "no adapter");
        println!("no adapter here: nothing to test");
        return;
    };
    agrees(&Engine::gpu(Gpu::open(&adapter).unwrap()), 1);
}

/// Designs of the large space that are evaluated one by one.
const DRAWN: u64 = 100_000;

#[test]
fn a_hundred_thousand_designs_drawn_from_the_large_space_have_the_same_winners() {
    let library = Library::open::<&Path>(&[]).unwrap();
    let scenario = Scenario::read(&library, "a-billion-designs").unwrap();
    let space = Space::new(&library, &scenario, &[]).unwrap();
    let search = |depth: usize, setting: &Setting, spaces: &[PlanSpace], chips: f64| {
        let join = |found: Found, plans: &PlanSpace| found.join(search_to(depth, setting, plans, chips));
        Ok(spaces.iter().fold(Found::nothing_of(depth), join))
    };
    let column = |name: &str| fields().iter().position(|field| field.name == name).unwrap();
    let figures = ["wall_s", "facility_energy_j", "cost_usd", "co2_kg"].map(column);
    let (index, objective) = (column("index"), column("objective"));
    // A linear congruential generator (Knuth's MMIX) draws the cells.
    let mut state = 20_261_122_u64;
    let (mut drawn, mut compared) = (0, 0);
    while drawn < DRAWN {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = (state >> 11) % space.cells;
        let cell = space.cell(number);
        let own = |g: &&Group| {
            (g.block, g.size, g.cap) == (cell.block, cell.size, cell.cap) && g.sites.contains(&(cell.site as u32))
        };
        let group = space.groups.iter().find(own).unwrap();
        let factored = answer(&space, &scenario, group, Keep { top: 1, rows: Rows::Best }, &search).unwrap();
        let design = space.design(&library, &scenario, &[], number).unwrap();
        let mut best = [f64::INFINITY; 4];
        for plans in scenario.spaces(&design).unwrap() {
            for plan in (0..plans.len()).filter_map(|index| plans.decode(index)) {
                drawn += 1;
                if let Ok(e) = estimate(&design.setting, &plan, design.chips) {
                    for objective in Objective::ALL {
                        best[objective as usize] = best[objective as usize].min(objective.of(&e));
                    }
                }
            }
        }
        let rows: Vec<_> = factored.rows.iter().filter(|r| r.cells[index].number() == Some(number as f64)).collect();
        assert_eq!(rows.is_empty(), best[0].is_infinite(), "cell {number}");
        for (at, word) in Objective::ALL.map(Objective::word).into_iter().enumerate().filter(|_| !rows.is_empty()) {
            let won = |row: &&&Row| row.cells[objective].text().unwrap().split(',').any(|w| w == word);
            let row = rows.iter().find(won).unwrap();
            assert_eq!(row.cells[figures[at]].number(), Some(best[at]), "cell {number}, {word}");
            compared += 1;
        }
    }
    assert!(compared > 40, "only {compared} winners came up");
}

#[test]
fn partitions_hold_every_design_once_and_their_joint_answer_is_the_whole_answer() {
    let (library, scenario) = scenario(SMALL);
    let space = Space::new(&library, &scenario, &[]).unwrap();
    let whole = swept(&scenario, &space, &Engine::cpu(), 1, (1, 1));
    let parts: Vec<Answer> = (1..=3).map(|i| swept(&scenario, &space, &Engine::cpu(), 1, (i, 3))).collect();
    let sum = |of: fn((u64, u64, u64)) -> u64| parts.iter().map(|p| of(p.totals())).sum::<u64>();
    assert_eq!((sum(|t| t.0), sum(|t| t.1), sum(|t| t.2)), whole.totals());
    for (at, part) in whole.parts.iter().enumerate() {
        for objective in Objective::ALL {
            let least = |answer: &Answer| {
                answer.parts[at].best[objective as usize].first().map(|c| c.figures[objective as usize])
            };
            let joint = parts.iter().filter_map(least).fold(f64::INFINITY, f64::min);
            assert_eq!(Some(joint), part.best[objective as usize].first().map(|c| c.figures[objective as usize]));
        }
    }
}

#[test]
fn a_saved_answer_goes_on_as_if_nothing_had_happened() {
    let (library, scenario) = scenario(SMALL);
    let space = Space::new(&library, &scenario, &[]).unwrap();
    let answer = swept(&scenario, &space, &Engine::cpu(), 3, (1, 1));
    let again = Answer::new(&space, &scenario.objectives(), 3).resume(&answer.save()).unwrap();
    assert_eq!(again.totals(), answer.totals());
    assert_eq!(again.frontiers, answer.frontiers);
    for (a, b) in again.parts.iter().zip(&answer.parts) {
        assert_eq!((&a.best, a.rejected, a.nearest), (&b.best, b.rejected, b.nearest));
    }
    assert!(Answer::new(&space, &scenario.objectives(), 3).resume(b"{}").is_err());
}

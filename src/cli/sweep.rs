//! `wattline sweep`: every plan of a scenario's designs, best per design and objective.

use std::process::ExitCode;
use std::time::Instant;

use clap::{ArgAction, Args};
use serde_json::{Value, json};

use super::engine::EngineArgument;
use super::estimate::{carbon, dollars, duration, energy, wrap};
use super::output::{self, FAINT, HEADING};
use super::{Global, Outcome};
use crate::design::Design;
use crate::report;
use crate::scenario::Scenario;
use crate::search::space::PlanSpace;
use crate::search::{Found, Objective};

const EXAMPLES: &str = "\
Examples:
  wattline sweep gpt-3-13b-on-64-a100
  wattline sweep gpt-3-13b-on-64-a100 --engine gpu --json
  wattline sweep my-scenario.toml --dry-run";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A scenario of the library or a TOML file
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// Print the size of the space, axis by axis, and stop
    #[arg(long)]
    dry_run: bool,
    /// Any field of every design; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", action = ArgAction::Append)]
    set: Vec<String>,
    #[command(flatten)]
    engine: EngineArgument,
}

/// One design on one workload, with its plan spaces.
struct Task {
    workload: String,
    design: Design,
    spaces: Vec<PlanSpace>,
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let library = global.open_library()?;
    let scenario = Scenario::read(&library, &arguments.scenario)?;
    let mut tasks = Vec::new();
    for workload in &scenario.workloads {
        for design in scenario.designs(&library, workload, &arguments.set)? {
            output::warnings(&design.warnings);
            let spaces = scenario.spaces(&design)?;
            tasks.push(Task { workload: workload.clone(), design, spaces });
        }
    }
    if arguments.dry_run {
        if global.json {
            output::json(&dry_json(&scenario, &tasks))?;
        } else {
            output::answer(&dry_page(&scenario, &tasks))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let engine = arguments.engine.select(tasks.iter().flat_map(|t| &t.spaces).map(PlanSpace::len).sum())?;
    let started = Instant::now();
    let mut results: Vec<(Task, Found)> = Vec::new();
    for task in tasks {
        let mut found = Found::nothing();
        for space in &task.spaces {
            found = found.join(engine.search(&task.design.setting, space, task.design.chips)?);
        }
        results.push((task, found));
    }
    let elapsed = started.elapsed().as_secs_f64();
    if global.json {
        output::json(&document(&scenario, &results, engine.name(), elapsed))?;
    } else {
        output::answer(&page(&scenario, &results, engine.name(), elapsed))?;
    }
    let feasible = results.iter().any(|(_, found)| found.feasible > 0);
    Ok(if feasible { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

const AXES: [&str; 10] =
    ["tp", "cp", "pp", "vpp", "ep", "micro_batch", "recompute", "shard", "sequence_parallel", "batch"];

fn dry_page(scenario: &Scenario, tasks: &[Task]) -> String {
    let mut text = format!("{HEADING}{}{HEADING:#}\n", scenario.title);
    for task in tasks {
        let points: u64 = task.spaces.iter().map(PlanSpace::len).sum();
        text += &format!("{} on {}: {points} points\n", task.design.name, task.workload);
        for space in &task.spaces {
            let axes: Vec<String> = AXES.iter().zip(space.lengths()).map(|(axis, n)| format!("{axis} {n}")).collect();
            let line = format!("{} (batch {})", axes.join(" x "), space.batch.target);
            text += &format!("  {}", wrap(&line, 76).replace("\n  ", "\n    "));
        }
    }
    text
}

fn dry_json(scenario: &Scenario, tasks: &[Task]) -> Value {
    let designs: Vec<Value> = tasks
        .iter()
        .map(|task| {
            let spaces: Vec<Value> = task
                .spaces
                .iter()
                .map(|s| {
                    let axes: serde_json::Map<String, Value> =
                        AXES.iter().zip(s.lengths()).map(|(a, n)| ((*a).to_owned(), n.into())).collect();
                    json!({ "points": s.len(), "axes": axes, "global_batch": s.batch.target })
                })
                .collect();
            json!({ "design": task.design.name, "workload": task.workload, "spaces": spaces })
        })
        .collect();
    let points: u64 = tasks.iter().flat_map(|t| &t.spaces).map(PlanSpace::len).sum();
    json!({ "scenario": scenario.name, "dry_run": true, "designs": points, "tasks": designs })
}

fn page(scenario: &Scenario, results: &[(Task, Found)], engine: &str, elapsed: f64) -> String {
    let mut text = format!("{HEADING}{}{HEADING:#}\n", scenario.title);
    for (task, found) in results {
        text += &format!(
            "\n{HEADING}{}{HEADING:#}, {}: {} plans evaluated, {} feasible\n",
            task.design.name, task.workload, found.evaluated, found.feasible
        );
        if found.feasible == 0 {
            let (reason, detail) = report::nothing_found(&task.design, found);
            text += &wrap(&format!("not feasible ({reason}): {detail}"), 78);
            continue;
        }
        let rows = Objective::ALL
            .iter()
            .filter_map(|objective| {
                let e = found.by(*objective)?;
                Some(vec![
                    objective.word().to_owned(),
                    report::plan_text(&e.plan),
                    duration(e.step_s),
                    duration(e.wall.wall_s),
                    energy(e.power.facility_j()),
                    dollars(e.cost.total()),
                    carbon(e.carbon.total()),
                ])
            })
            .collect();
        text += &output::table(&["BEST", "PLAN", "STEP", "TIME", "ENERGY", "COST", "CO2E"], &[0, 2, 3, 4, 5, 6], rows);
    }
    let evaluated: u64 = results.iter().map(|(_, f)| f.evaluated).sum();
    text += &format!(
        "\n{FAINT}{evaluated} full evaluations by {engine} in {elapsed:.3} s ({:.0} a second){FAINT:#}\n",
        evaluated as f64 / elapsed.max(1e-9)
    );
    text
}

fn document(scenario: &Scenario, results: &[(Task, Found)], engine: &str, elapsed: f64) -> Value {
    let mut best = Vec::new();
    for (task, found) in results {
        for objective in Objective::ALL {
            if let Some(e) = found.by(objective) {
                let mut fields = report::estimate_json(&task.design, e);
                fields.insert("design".into(), task.design.name.clone().into());
                fields.insert("workload".into(), task.workload.clone().into());
                fields.insert("objective".into(), objective.word().into());
                best.push(Value::Object(fields));
            }
        }
    }
    let rejected: Vec<Value> = results
        .iter()
        .filter(|(_, found)| found.feasible == 0)
        .map(|(task, found)| {
            let (reason, detail) = report::nothing_found(&task.design, found);
            json!({ "design": task.design.name, "workload": task.workload, "reason": reason, "detail": detail })
        })
        .collect();
    let evaluated: u64 = results.iter().map(|(_, f)| f.evaluated).sum();
    json!({
        "scenario": scenario.name,
        "engine": engine,
        "designs": results.iter().flat_map(|(t, _)| &t.spaces).map(PlanSpace::len).sum::<u64>(),
        "evaluated": evaluated,
        "feasible": results.iter().map(|(_, f)| f.feasible).sum::<u64>(),
        "resumed_designs": 0,
        "elapsed_s": elapsed,
        "evaluations_per_s": evaluated as f64 / elapsed.max(1e-9),
        "best": best,
        "rejected": rejected,
        "frontier": [],
        "crossovers": [],
    })
}

//! `wattline sensitivity`: which inputs a scenario's designs hang on.

use std::process::ExitCode;

use clap::{ArgAction, Args};
use serde_json::{Value, json};

use super::compare::chances_of;
use super::engine::EngineArgument;
use super::estimate::{carbon, dollars, duration, energy, objective, wrap};
use super::output::{self, FAINT, HEADING};
use super::{Global, Outcome};
use crate::compare::{Judged, judge};
use crate::design::Design;
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::shape::figure;
use crate::scenario::Scenario;
use crate::search::Objective;
use crate::sensitivity::{Influence, Sensitivity, sensitivity};

const EXAMPLES: &str = "\
Examples:
  wattline sensitivity s01-headline
  wattline sensitivity my-scenario.toml --objective time --samples 4096";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A scenario of the library or a TOML file
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// What is looked at: time, energy, cost or carbon
    #[arg(long, default_value = "cost", value_name = "OBJECTIVE")]
    objective: String,
    /// Points of the variance's shares; each costs an estimate of every plan for every input that matters
    #[arg(long, default_value_t = 1024, value_name = "N", value_parser = clap::value_parser!(u32).range(16..=1_000_000))]
    samples: u32,
    /// Any field of every design, such as assumptions.utilisation=0.8; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", action = ArgAction::Append)]
    set: Vec<String>,
    #[command(flatten)]
    engine: EngineArgument,
}

/// Inputs that a page has room for.
const SHOWN: usize = 15;

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let library = global.open_library()?;
    let objective = objective(&arguments.objective)?;
    let scenario = Scenario::read(&library, &arguments.scenario)?;
    let questions = scenario
        .workloads
        .iter()
        .map(|workload| Ok((workload, scenario.designs(&library, workload, &arguments.set)?)))
        .collect::<Result<Vec<_>, Fault>>()?;
    let points = questions.iter().flat_map(|(_, designs)| designs).flat_map(Design::spaces).map(|s| s.len()).sum();
    let engine = arguments.engine.select(points)?;
    let search =
        |design: &Design, chips: f64| engine.search_spaces(&design.setting, &scenario.spaces_of(design, chips)?, chips);
    let mut designs = Vec::new();
    let mut probabilities = Vec::new();
    let mut feasible = false;
    for (workload, asked) in questions {
        let sides = judge(asked, &search)?;
        let chances = chances_of(&sides, objective);
        for (side, chance) in sides.iter().zip(&chances) {
            let found = sensitivity(side, objective, arguments.samples as usize)?;
            feasible |= found.is_some();
            if !global.json {
                output::answer(&page(workload, side, objective, *chance, found.as_ref()))?;
            }
            designs.push(design_json(workload, side, objective, found.as_ref()));
        }
        let best: serde_json::Map<String, Value> =
            sides.iter().zip(chances).map(|(side, p)| (side.design.name.clone(), json!(p))).collect();
        probabilities.push(json!({ "workload": workload, "best": best }));
    }
    if !feasible {
        output::warnings(&[Diagnostic::warning("no design of the scenario is feasible").key("design")]);
    }
    if global.json {
        output::json(&json!({
            "scenario": scenario.name, "objective": objective.word(), "unit": objective.unit(),
            "samples": arguments.samples, "engine": engine.name(), "designs": designs, "probability": probabilities,
        }))?;
    }
    Ok(if feasible { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn shown(objective: Objective, value: f64) -> String {
    if !value.is_finite() {
        return "nothing runs".to_owned();
    }
    match objective {
        Objective::Time => duration(value),
        Objective::Energy => energy(value),
        Objective::Cost => dollars(value),
        Objective::Carbon => format!("{} CO2e", carbon(value)),
    }
}

fn page(
    workload: &str,
    side: &Judged,
    objective: Objective,
    chance: Option<f64>,
    found: Option<&Sensitivity>,
) -> String {
    let name = &side.design.name;
    let Some(found) = found else { return format!("{HEADING}{name}{HEADING:#}  {workload}: not feasible\n\n") };
    let chance = chance.map_or(String::new(), |p| format!(", the best of all with {:.0} %", 100.0 * p));
    let mut text = format!(
        "{HEADING}{name}{HEADING:#}  {workload}: {} {}{chance}\n",
        objective.word(),
        shown(objective, found.figure)
    );
    let share = |value: f64, error: f64| format!("{value:.2} ±{error:.2}");
    let rows = found.influences.iter().take(SHOWN).map(|i| {
        vec![
            short(&i.of.input.name).to_owned(),
            format!("{} to {}", figure(i.of.low), figure(i.of.high)),
            format!("{} to {}", shown(objective, i.at_low), shown(objective, i.at_high)),
            i.index.map_or_else(|| "-".to_owned(), |x| share(x.first, x.first_error)),
            i.index.map_or_else(|| "-".to_owned(), |x| share(x.total, x.total_error)),
        ]
    });
    let header = ["INPUT", "RANGE", "FIGURE", "ALONE", "WITH OTHERS"];
    text += &output::table(&header, &[0, 3, 4], rows.collect());
    let more = found.influences.len().saturating_sub(SHOWN);
    let note = format!(
        "{more} further inputs move it less; shares of the variance from {} points ({} of them, where nothing runs, left out), plans chosen anew, chips held",
        found.points, found.left_out
    );
    text += &format!("{FAINT}{}{FAINT:#}\n", wrap(&note, 78));
    text
}

/// A key without the kinds of which there is one entry.
fn short(name: &str) -> &str {
    ["assumptions.", "calibration."].into_iter().find_map(|kind| name.strip_prefix(kind)).unwrap_or(name)
}

fn design_json(workload: &str, side: &Judged, objective: Objective, found: Option<&Sensitivity>) -> Value {
    let influence = |i: &Influence| {
        json!({
            "input": i.of.input.name, "unit": i.of.input.unit,
            "low": i.of.low, "value": i.of.value, "high": i.of.high,
            "at_low": i.at_low, "at_high": i.at_high,
            "first_order": i.index.map(|x| x.first), "first_order_error": i.index.map(|x| x.first_error),
            "total": i.index.map(|x| x.total), "total_error": i.index.map(|x| x.total_error),
        })
    };
    json!({
        "name": side.design.name, "workload": workload, "objective": objective.word(),
        "feasible": found.is_some(),
        "figure": found.map(|f| f.figure),
        "inputs": found.map(|f| f.influences.iter().map(influence).collect::<Vec<_>>()),
        "points": found.map(|f| f.points), "left_out": found.map(|f| f.left_out),
    })
}

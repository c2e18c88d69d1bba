//! `wattline sweep`: every design of a scenario, the best of each objective, the frontier, and a file of them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{ArgAction, Args};
use serde_json::{Map, Value, json};

use super::crossover;
use super::engine::{Chosen, EngineArgument};
use super::estimate::{carbon, dollars, duration, energy, wrap};
use super::output::{self, FAINT, HEADING};
use super::{Global, Outcome};
use crate::compare::crossover::{Crossover, between_all};
use crate::compare::judge;
use crate::design::Design;
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::site::J_PER_KWH;
use crate::library::store::Library;
use crate::model::setting::Setting;
use crate::model::{Estimate, estimate};
use crate::report;
use crate::results::{self, Cell, Header, Identity, Keep as KeepRows, Opened, Row, fields};
use crate::scenario::Scenario;
use crate::search::space::PlanSpace;
use crate::search::{Found, search_to};
use crate::sweep::answer::{Answer, Part};
use crate::sweep::group::{Candidate, Keep, Rows};
use crate::sweep::run::{End, Sweep};
use crate::sweep::space::{Blocked, Space};

const EXAMPLES: &str = "\
Examples:
  wattline sweep gpt-3-13b-on-64-a100
  wattline sweep gpt-3-13b-on-64-a100 --top 5 --engine gpu --json
  wattline sweep a-billion-designs --dry-run
  wattline sweep s01-headline --out results.parquet
  wattline sweep s01-headline --out results.parquet --resume      after a kill
  wattline sweep a-billion-designs --keep frontier --partition 3/8 --out part-3.parquet

A row of the file is a design: a chip, a size, a power cap, a site and a price with a plan.
`--keep best` writes the best of each of them by objective, `frontier` the designs that no
other one beats in everything, `all` every plan that can run. `wattline merge` joins
partitions, `wattline plot` draws a file.";

/// Exit code of a process that was interrupted, as shells have it.
const INTERRUPTED: u8 = 130;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A scenario of the library or a TOML file
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// Print the size of the space, axis by axis, with the time it would take, and stop
    #[arg(long)]
    dry_run: bool,
    /// Write the designs to a file: .parquet, .csv or .jsonl
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Which designs the file holds
    #[arg(long, value_name = "WHICH", default_value = "best", value_parser = ["best", "frontier", "all"])]
    keep: String,
    /// How many of the best designs to print, of each design and objective
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    top: u32,
    /// Go on where an interrupted sweep with the same --out stopped
    #[arg(long, requires = "out")]
    resume: bool,
    /// Answer one part of the space, such as 3/8 (parts count from 1)
    #[arg(long, value_name = "I/N", value_parser = partition)]
    partition: Option<(u64, u64)>,
    /// Any field of every design; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", action = ArgAction::Append)]
    set: Vec<String>,
    #[command(flatten)]
    engine: EngineArgument,
}

fn partition(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
    match parts {
        Some((i, n)) if (1..=n).contains(&i) => Ok((i, n)),
        _ => Err("write a part and how many there are, such as 3/8; parts count from 1".to_owned()),
    }
}

/// What is known of a sweep once it ended.
struct Swept<'a> {
    library: &'a Library,
    scenario: &'a Scenario,
    space: &'a Space,
    set: &'a [String],
    engine: &'a str,
    answer: Answer,
    resumed: u64,
    elapsed: f64,
    /// Plans evaluated by this process.
    evaluated: u64,
    /// What the scenario asks for, by workload.
    crossovers: Vec<(String, Crossover)>,
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let library = global.open_library()?;
    let scenario = Scenario::read(&library, &arguments.scenario)?;
    let space = Space::new(&library, &scenario, &arguments.set)?;
    let mut told: Vec<Diagnostic> = Vec::new();
    for warning in space.blocks.iter().flat_map(|b| &b.designs).flat_map(|d| &d.warnings) {
        if !told.contains(warning) {
            told.push(warning.clone());
        }
    }
    output::warnings(&told);
    for skipped in &space.skipped {
        output::remark(&format!("left out {} on {}: {}", skipped.chip, skipped.workload, skipped.detail));
    }
    let keep_rows = KeepRows::parse(&arguments.keep).unwrap_or(KeepRows::Best);
    let rows = match (&arguments.out, keep_rows) {
        (None, _) | (_, KeepRows::Frontier) => Rows::None,
        (_, KeepRows::Best) => Rows::Best,
        (_, KeepRows::All) => Rows::All,
    };
    let keep = Keep { top: arguments.top as usize, rows };
    let part = arguments.partition.unwrap_or((1, 1));
    let points = points(&scenario, &space, part)?;
    let sweep = Sweep::new(&scenario, &space, keep, part)?;
    if arguments.dry_run {
        return dry_run(global, &sweep, points, &arguments.engine);
    }
    // The file is opened before a device is woken.
    let (mut sink, mut answer, first) = match &arguments.out {
        None => (None, Answer::new(&space, &scenario.objectives(), keep.top), 0),
        Some(path) => {
            let header = Header {
                scenario: scenario.name.clone(),
                scenario_hash: space.fingerprint(&scenario, &arguments.set),
                library_hash: library.fingerprint(),
                keep: keep_rows,
                objectives: scenario.objectives(),
                top: keep.top as u64,
                partition: arguments.partition,
                designs: space.cells,
                groups: sweep.units.len() as u64,
            };
            let fresh = Answer::new(&space, &scenario.objectives(), keep.top);
            match results::open(path, &header, arguments.resume)? {
                Opened::Finished => {
                    output::remark(&format!("{} is finished: nothing to do", path.display()));
                    return Ok(ExitCode::SUCCESS);
                }
                Opened::Fresh(sink) => {
                    if arguments.resume {
                        output::remark(&format!("no partial result of {}: a fresh start", path.display()));
                    }
                    (Some(sink), fresh, 0)
                }
                Opened::Resumed(sink, progress) => {
                    let answer = fresh.resume(&progress.state)?;
                    (Some(sink), answer, progress.groups as usize)
                }
            }
        }
    };
    let resumed = answer.totals();
    let engine = if rows == Rows::All || keep.top > 1 {
        // Every figure of every plan, or plans beyond the best: the reference answers.
        arguments.engine.select(0)?
    } else {
        arguments.engine.select(points)?
    };
    let search = |depth: usize, setting: &Setting, spaces: &[PlanSpace], chips: f64| {
        searched(&engine, depth, setting, spaces, chips)
    };
    let stop = interrupted()?;
    let progress = output::designs(sweep.units.len() as u64);
    progress.set_position(first as u64);
    progress.reset_eta();
    let started = Instant::now();
    let end = sweep.run(first, &mut answer, &search, sink.as_mut(), &stop, &mut |at, found| {
        let (designs, evaluated, _) = found.totals();
        let rate = (evaluated - resumed.1) as f64 / started.elapsed().as_secs_f64().max(1e-9);
        progress.set_message(format!("{designs} designs, {} evaluations/s", super::estimate::scaled(rate, "").trim()));
        progress.set_position(at as u64);
    })?;
    progress.finish_and_clear();
    let swept = Swept {
        library: &library,
        scenario: &scenario,
        space: &space,
        set: &arguments.set,
        engine: engine.name(),
        evaluated: answer.totals().1 - resumed.1,
        answer,
        resumed: resumed.0,
        elapsed: started.elapsed().as_secs_f64(),
        crossovers: if end == End::Done { crossovers(&library, &scenario, arguments, &engine)? } else { Vec::new() },
    };
    if let End::Stopped(at) = end {
        let kept = if arguments.out.is_some() { "; --resume goes on from here" } else { "" };
        output::remark(&format!("interrupted after {at} of {} groups{kept}", sweep.units.len()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if let (Some(sink), Some(path)) = (sink, &arguments.out) {
        let last = if keep_rows == KeepRows::Frontier { swept.frontier_rows()? } else { Vec::new() };
        sink.finish_with(&last)?;
        output::remark(&format!("wrote {}", path.display()));
    }
    if global.json {
        output::json(&swept.document()?)?;
    } else {
        output::answer(&swept.page()?)?;
    }
    let (_, _, feasible) = swept.answer.totals();
    let any = feasible > 0 && swept.answer.parts.iter().any(|p| p.best.iter().any(|b| !b.is_empty()));
    Ok(if any { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// The crossovers that a scenario asks for between its designs as stated, without the axes of `[sweep]`.
fn crossovers(
    library: &Library,
    scenario: &Scenario,
    arguments: &Arguments,
    engine: &Chosen,
) -> Result<Vec<(String, Crossover)>, Fault> {
    let asked = scenario.asked()?;
    if asked.is_empty() || arguments.partition.is_some() {
        return Ok(Vec::new());
    }
    let search =
        |design: &Design, chips: f64| engine.search_spaces(&design.setting, &scenario.spaces_of(design, chips)?, chips);
    let mut found = Vec::new();
    for workload in &scenario.workloads {
        let sides = judge(scenario.designs(library, workload, &arguments.set)?, &search)?;
        found.extend(between_all(&sides, &asked, &search)?.into_iter().map(|c| (workload.clone(), c)));
    }
    Ok(found)
}

/// The plans of all batches of a group.
fn searched(
    engine: &Chosen,
    depth: usize,
    setting: &Setting,
    spaces: &[PlanSpace],
    chips: f64,
) -> Result<Found, Fault> {
    if depth == 1 {
        return engine.search_spaces(setting, spaces, chips);
    }
    let join = |found: Found, space| found.join(search_to(depth, setting, space, chips));
    Ok(spaces.iter().fold(Found::nothing_of(depth), join))
}

/// A flag that Ctrl-C raises; a second one ends the process at once.
fn interrupted() -> Result<Arc<AtomicBool>, Fault> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
    })
    .map_err(|e| Fault::work(Diagnostic::error(format!("no handler for Ctrl-C: {e}"))))?;
    Ok(flag)
}

/// Groups that are looked at to tell how many points all of them have.
const SAMPLED: usize = 512;

/// Points of all plan spaces, extrapolated from a sample where there are many groups.
fn points(scenario: &Scenario, space: &Space, (part, of): (u64, u64)) -> Result<u64, Fault> {
    let own: Vec<usize> = (0..space.groups.len()).filter(|at| *at as u64 % of == part - 1).collect();
    let stride = own.len().div_ceil(SAMPLED).max(1);
    let mut points = 0;
    for at in own.iter().step_by(stride) {
        points += space.plans(scenario, &space.groups[*at])?.iter().map(PlanSpace::len).sum::<u64>();
    }
    Ok((points as f64 * own.len() as f64 / own.len().div_ceil(stride).max(1) as f64) as u64)
}

/// Blocks that a dry run lists.
const SHOWN: usize = 40;

/// Names of the axes of a plan space, slowest first.
const PLAN_AXES: [&str; 10] =
    ["tp", "cp", "pp", "vpp", "ep", "micro_batch", "recompute", "shard", "sequence_parallel", "batch"];

/// The lengths of the axes of each block, those of the plans at its first size.
fn axes(sweep: &Sweep<'_>) -> Result<Vec<Value>, Fault> {
    let space = sweep.space;
    let of = |(at, b): (usize, &Blocked)| {
        let mut plans = Map::new();
        if let Some(group) = space.groups.iter().find(|g| g.block == at)
            && let Some(first) = space.plans(sweep.scenario, group)?.first()
        {
            plans.extend(PLAN_AXES.iter().zip(first.lengths()).map(|(axis, n)| ((*axis).to_owned(), n.into())));
        }
        let s = &b.designs[0].setting;
        Ok(json!({
            "workload": b.block.workload, "design": b.block.design, "chip": s.chip.name,
            "precision": s.workload.run.precision.word(), "sizes": b.sizes.len(), "power_caps": b.designs.len(),
            "sites": b.sites.len(), "prices": b.prices.len().max(1), "plans": plans,
        }))
    };
    space.blocks.iter().enumerate().map(of).collect()
}

/// Sizes of the space by axis, and the time that a short run makes likely.
fn dry_run(global: &Global, sweep: &Sweep<'_>, points: u64, engine: &EngineArgument) -> Outcome {
    let engine = engine.select(points)?;
    let search = |depth: usize, setting: &Setting, spaces: &[PlanSpace], chips: f64| {
        searched(&engine, depth, setting, spaces, chips)
    };
    // Units spread over the space, as many as half a second takes.
    let started = Instant::now();
    let (mut tried, mut found) = (0_usize, Answer::new(sweep.space, &sweep.scenario.objectives(), 1));
    for at in 0..sweep.units.len() {
        let unit = sweep.units[(at * 7919) % sweep.units.len()].clone();
        let one = Sweep { units: vec![unit], ..Sweep { units: Vec::new(), ..*sweep } };
        one.run(0, &mut found, &search, None, &AtomicBool::new(false), &mut |_, _| {})?;
        tried += 1;
        if started.elapsed() > Duration::from_millis(500) {
            break;
        }
    }
    let share = sweep.units.len() as f64 / tried.max(1) as f64;
    let seconds = started.elapsed().as_secs_f64() * share;
    let (designs, evaluated, _) = found.totals();
    let (designs, evaluated) = (designs as f64 * share, evaluated as f64 * share);
    let blocks = axes(sweep)?;
    if global.json {
        output::json(&json!({
            "scenario": sweep.scenario.name, "dry_run": true, "engine": engine.name(), "axes": blocks,
            "cells": sweep.space.cells, "groups": sweep.units.len(), "points": points,
            "designs": designs.round(), "evaluations": evaluated.round(), "expected_s": seconds,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!("{HEADING}{}{HEADING:#}\n", sweep.scenario.title);
    let cells = |v: &Value, key: &str| match &v[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let keys = ["workload", "design", "chip", "precision", "sizes", "power_caps", "sites", "prices"];
    let shown = blocks.iter().take(SHOWN).map(|b| keys.iter().map(|k| cells(b, k)).collect()).collect();
    let heads = ["WORKLOAD", "DESIGN", "CHIP", "IN", "SIZES", "CAPS", "SITES", "PRICES"];
    text += &output::table(&heads, &[0, 1, 2, 3], shown);
    if blocks.len() > SHOWN {
        text += &format!("and {} more\n", blocks.len() - SHOWN);
    }
    if let Some(Value::Object(plans)) = blocks.first().map(|b| &b["plans"]) {
        let plans: Vec<String> =
            PLAN_AXES.iter().filter_map(|axis| Some(format!("{axis} {}", plans.get(*axis)?))).collect();
        text += &wrap(&format!("plans of the first size: {}", plans.join(" x ")), 78);
    }
    let facts = format!(
        "{} cells in {} groups; about {} plan evaluations answer about {} designs; about {} on {}",
        sweep.space.cells,
        sweep.units.len(),
        super::estimate::scaled(evaluated, "").trim(),
        super::estimate::scaled(designs, "").trim(),
        duration(seconds),
        engine.name()
    );
    text += &format!("\n{}", wrap(&facts, 78));
    output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

impl Swept<'_> {
    /// A candidate looked up and estimated anew by the reference.
    fn explained(&self, candidate: &Candidate) -> Result<(Design, Estimate), Fault> {
        let design = self.space.design(self.library, self.scenario, self.set, candidate.cell)?;
        let chips = design.chips;
        let e = estimate(&design.setting, &candidate.plan, chips).map_err(|r| {
            let message = format!("cell {} changed its mind: {}", candidate.cell, report::rejection_text(&design, &r));
            Fault::work(Diagnostic::error(message).help("please report this with the scenario"))
        })?;
        Ok((design, e))
    }

    fn row(&self, candidate: &Candidate) -> Result<Row, Fault> {
        let (design, e) = self.explained(candidate)?;
        Ok(Row::new(&Identity { index: candidate.cell, objectives: &[] }, &design, &e))
    }

    /// The frontiers of all workloads as rows.
    fn frontier_rows(&self) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        for (_, front) in &self.answer.frontiers {
            for candidate in front {
                rows.push(self.row(candidate)?);
            }
        }
        Ok(rows)
    }

    /// What a part found, or why it found nothing.
    fn nothing(&self, part: &Part) -> (String, String) {
        if part.constrained > 0 {
            let limits = self.scenario.constraints.text();
            return ("constraints".to_owned(), format!("no design keeps {limits}"));
        }
        let block =
            self.space.blocks.iter().find(|b| b.block.design == part.design && b.block.workload == part.workload);
        let Some(design) = block.map(|b| &b.designs[0]) else { return (String::new(), String::new()) };
        let found = Found {
            evaluated: part.evaluated,
            feasible: part.feasible,
            nearest: part.nearest,
            rejected: part.rejected,
            ..Found::nothing()
        };
        let (reason, detail) = report::nothing_found(design, &found);
        (reason.to_owned(), detail)
    }

    fn page(&self) -> Result<String, Fault> {
        let mut text = format!("{HEADING}{}{HEADING:#}\n{}", self.scenario.title, wrap(&self.scenario.question, 78));
        let objectives = self.scenario.objectives();
        for part in &self.answer.parts {
            text += &format!(
                "\n{HEADING}{}{HEADING:#}, {}: {} designs, {} plans evaluated, {} feasible\n",
                part.design, part.workload, part.designs, part.evaluated, part.feasible
            );
            if part.best.iter().all(Vec::is_empty) {
                let (reason, detail) = self.nothing(part);
                text += &wrap(&format!("not feasible ({reason}): {detail}"), 78);
                continue;
            }
            let mut rows = Vec::new();
            for objective in &objectives {
                for candidate in &part.best[*objective as usize] {
                    let (design, e) = self.explained(candidate)?;
                    let mut cells =
                        vec![objective.word().to_owned(), self.place(candidate, &design), report::plan_text(&e.plan)];
                    cells.extend([
                        duration(e.step_s),
                        duration(e.wall.wall_s),
                        energy(e.power.facility_j()),
                        dollars(e.cost.total()),
                        carbon(e.carbon.total()),
                    ]);
                    rows.push(cells);
                }
            }
            let heads = ["BEST", "DESIGN", "PLAN", "STEP", "TIME", "ENERGY", "COST", "CO2E"];
            text += &output::table(&heads, &[0, 3, 4, 5, 6, 7], rows);
        }
        for (workload, front) in self.answer.frontiers.iter().filter(|(_, front)| front.len() > 1) {
            let words: Vec<&str> = objectives.iter().map(|o| o.word()).collect();
            text +=
                &format!("\n{HEADING}frontier{HEADING:#} of {}, {workload}: {} designs", words.join(", "), front.len());
            let shown = spread(front.len(), FRONTIER_LINES);
            text += &if shown.len() < front.len() { format!(", of which {}\n", shown.len()) } else { "\n".to_owned() };
            let mut rows = Vec::new();
            for at in shown {
                let (design, e) = self.explained(&front[at])?;
                let name = &self.space.blocks[self.space.cell(front[at].cell).block].block.design;
                rows.push(vec![
                    name.clone(),
                    self.place(&front[at], &design),
                    duration(e.wall.wall_s),
                    energy(e.power.facility_j()),
                    dollars(e.cost.total()),
                    carbon(e.carbon.total()),
                ]);
            }
            text += &output::table(&["", "DESIGN", "TIME", "ENERGY", "COST", "CO2E"], &[0, 2, 3, 4, 5], rows);
        }
        for workload in &self.scenario.workloads {
            let own: Vec<Crossover> =
                self.crossovers.iter().filter(|(w, _)| w == workload).map(|(_, c)| c.clone()).collect();
            if !own.is_empty() {
                text +=
                    &format!("\n{HEADING}where the winner changes{HEADING:#}, {workload}\n{}", crossover::table(&own));
            }
        }
        let (designs, evaluated, _) = self.answer.totals();
        let facts = format!(
            "{designs} designs answered, {} of them factored; {evaluated} full evaluations by {} in {:.3} s ({:.0} a second)",
            designs - evaluated,
            self.engine,
            self.elapsed,
            self.evaluated as f64 / self.elapsed.max(1e-9)
        );
        text += &format!("\n{FAINT}{}{FAINT:#}", wrap(&facts, 78));
        Ok(text)
    }

    /// Where a design stands on the axes that its block varies.
    fn place(&self, candidate: &Candidate, design: &Design) -> String {
        let b = &self.space.blocks[self.space.cell(candidate.cell).block];
        let s = &design.setting;
        let mut words = Vec::new();
        let chips = self
            .space
            .blocks
            .iter()
            .filter(|o| o.block.design == b.block.design && o.block.workload == b.block.workload);
        if chips.count() > 1 {
            words.push(s.chip.name.clone());
            words.extend(
                b.block.varied.iter().filter(|(axis, _)| axis != "chip").map(|(axis, value)| format!("{axis}={value}")),
            );
        }
        words.push(format!("{} chips", design.chips));
        if b.designs.len() > 1 {
            words.push(format!("{:.0} W", s.cap_w * s.ranks_per_chip));
        }
        if b.sites.len() > 1 {
            words.push(s.site.name.clone());
        }
        if b.prices.len() > 1 {
            words.push(format!("${:.4}/kWh", s.site.usd_per_j() * J_PER_KWH));
        }
        words.join(", ")
    }

    fn document(&self) -> Result<Value, Fault> {
        let mut best = Vec::new();
        for part in &self.answer.parts {
            for objective in self.scenario.objectives() {
                for (rank, candidate) in part.best[objective as usize].iter().enumerate() {
                    let (design, e) = self.explained(candidate)?;
                    let mut entry = report::estimate_json(&design, &e);
                    entry.insert("design".into(), part.design.clone().into());
                    entry.insert("workload".into(), part.workload.clone().into());
                    entry.insert("objective".into(), objective.word().into());
                    entry.insert("rank".into(), (rank + 1).into());
                    entry.insert("index".into(), candidate.cell.into());
                    entry.insert("chip".into(), design.setting.chip.name.clone().into());
                    entry.insert("site".into(), design.setting.site.name.clone().into());
                    entry.insert("usd_per_kwh".into(), (design.setting.site.usd_per_j() * J_PER_KWH).into());
                    best.push(Value::Object(entry));
                }
            }
        }
        let rejected: Vec<Value> = self
            .answer
            .parts
            .iter()
            .filter(|part| part.best.iter().all(Vec::is_empty))
            .map(|part| {
                let (reason, detail) = self.nothing(part);
                json!({ "design": part.design, "workload": part.workload, "reason": reason, "detail": detail })
            })
            .chain(self.space.skipped.iter().map(|s| {
                json!({ "design": s.design, "workload": s.workload, "chip": s.chip, "reason": "profile", "detail": s.detail })
            }))
            .collect();
        let frontier: Vec<Value> = self.frontier_rows()?.iter().map(row_json).collect();
        let (designs, evaluated, feasible) = self.answer.totals();
        Ok(json!({
            "scenario": self.scenario.name,
            "engine": self.engine,
            "designs": designs,
            "evaluated": evaluated,
            "factored": designs - evaluated,
            "feasible": if feasible > 0 { json!(feasible) } else { json!(false) },
            "resumed_designs": self.resumed,
            "elapsed_s": self.elapsed,
            "evaluations_per_s": self.evaluated as f64 / self.elapsed.max(1e-9),
            "best": best,
            "rejected": rejected,
            "frontier": frontier,
            "crossovers": self.crossovers.iter().map(|(workload, c)| crossover::json(workload, c)).collect::<Vec<_>>(),
        }))
    }
}

/// Lines of a frontier on a page.
const FRONTIER_LINES: usize = 12;

/// Indices spread evenly over a list, its ends among them.
fn spread(length: usize, most: usize) -> Vec<usize> {
    if length <= most {
        return (0..length).collect();
    }
    (0..most).map(|at| at * (length - 1) / (most - 1)).collect()
}

/// A row as a flat object.
fn row_json(row: &Row) -> Value {
    let pairs = fields().iter().zip(&row.cells).map(|(field, cell)| (field.name.to_string(), cell_json(cell)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn cell_json(cell: &Cell) -> Value {
    match cell {
        Cell::Number(n) => json!(n),
        Cell::Count(n) => json!(n),
        Cell::Flag(f) => json!(f),
        Cell::Text(t) => json!(t),
    }
}

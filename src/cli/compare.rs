//! `wattline compare`: designs side by side, and where the winner changes. The program's main job.

use std::process::ExitCode;

use clap::{ArgAction, Args, ValueEnum};
use serde_json::{Value, json};

use super::crossover;
use super::engine::EngineArgument;
use super::estimate::{between, carbon, dollars, duration, energy, scaled, wrap};
use super::output::{self, FAINT, HEADING};
use super::{Global, Outcome};
use crate::compare::crossover::{Asked, Crossover, between_all};
use crate::compare::equal::{Compensation, Terms, compensation, on_equal_terms};
use crate::compare::shadow::{Shadow, shadow};
use crate::compare::{Judged, Search, judge, winner};
use crate::design::Design;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::model::Estimate;
use crate::report;
use crate::scenario::Scenario;
use crate::search::Objective;
use crate::supply::terms;
use crate::uncertainty::chance::{Side, chances};
use crate::uncertainty::figures::{Bands, Uncertainty, bands, uncertainty};

const EXAMPLES: &str = "\
Examples:
  wattline compare                       the headline: scarce power against plentiful power
  wattline compare my-scenario.toml
  wattline compare --set assumptions.utilisation=0.8
  wattline compare --crossover cost:pue --crossover time:chip.mtbf_h:B
  wattline compare --equal days --compensation
  wattline compare --json > answer.json

`wattline list scenarios` names the shipped ones; `wattline show scenario s01-headline`
prints one to start your own from.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A scenario of the library or a TOML file
    #[arg(value_name = "SCENARIO", default_value = "s01-headline")]
    scenario: String,
    /// Any field of every design, such as assumptions.utilisation=0.8; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", action = ArgAction::Append)]
    set: Vec<String>,
    /// A crossover to solve in place of the usual ones: OBJECTIVE:INPUT or OBJECTIVE:INPUT:DESIGN, where an input is a
    /// short name (usd_per_kwh, chips, pue, mtbf_h ...) or a key as --set takes it; may be repeated
    #[arg(long = "crossover", value_name = "QUESTION", action = ArgAction::Append)]
    crossover: Vec<String>,
    /// Every design with as many chips as have the first one's megawatts, cost or days
    #[arg(long, value_enum, value_name = "TERMS")]
    equal: Option<EqualTerms>,
    /// How many chips, megawatts, MWh and dollars of each design replace those of one, else of the first, at equal days
    #[arg(long, value_name = "DESIGN", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    compensation: Option<String>,
    #[command(flatten)]
    engine: EngineArgument,
}

/// `--equal`: what is equal.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum EqualTerms {
    /// Megawatts at the peak
    Megawatts,
    /// Dollars of the run
    Cost,
    /// Days of the run
    Days,
}

impl EqualTerms {
    fn terms(self) -> Terms {
        match self {
            EqualTerms::Megawatts => Terms::Megawatts,
            EqualTerms::Cost => Terms::Cost,
            EqualTerms::Days => Terms::Days,
        }
    }
}

/// What the bands and the percentages of a page say.
const HOW_SURE: &str = "\
P10-P90 holds four in five runs, by the misses of published ones and the ranges of the inputs; its middle lies above \
the figure of a searched plan, for people run less than the best. Where goodput is low, restart time and failure rate \
spread it most. The percentage beside a winner is its chance to win when all of that is drawn together.";

/// The answer for one workload.
struct Answer {
    workload: String,
    sides: Vec<Judged>,
    variants: Vec<(usize, Judged)>,
    crossovers: Vec<Crossover>,
    /// Of each side.
    shadows: Vec<Option<Shadow>>,
    /// Of each side but the first, where it is asked for.
    compensation: Vec<(String, Option<Compensation>)>,
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let library = global.open_library()?;
    let scenario = Scenario::read(&library, &arguments.scenario)?;
    if scenario.side_count()? < 2 {
        let help = "add a second [[design]], or ask `wattline sweep` for the best plan of one";
        let message = format!("{} has one design: nothing to compare", scenario.name);
        return Err(Fault::input(Diagnostic::error(message).key("design").help(help)).into());
    }
    let names = scenario.names()?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // What the command line asks stands in place of what the scenario asks.
    let asked = if arguments.crossover.is_empty() {
        scenario.asked()?
    } else {
        arguments.crossover.iter().map(|text| Asked::parse(text, &names)).collect::<Result<Vec<_>, Fault>>()?
    };
    let replaced = replaced(arguments, &scenario.names()?)?;
    // Everything is looked up before a device is woken.
    let questions = scenario
        .workloads
        .iter()
        .map(|workload| {
            let designs = scenario.designs(&library, workload, &arguments.set)?;
            let variants = scenario.variants(&library, workload, &arguments.set)?;
            Ok((workload, designs, variants))
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let points =
        questions.iter().flat_map(|(_, designs, _)| designs).flat_map(Design::spaces).map(|s| s.len()).sum::<u64>();
    // Crossovers search each space about a dozen times more.
    let engine = arguments.engine.select(12 * points)?;
    let progress = output::progress();
    let search = |design: &Design, chips: f64| {
        progress.set_message(format!("{}: plans of {} on {chips} chips", design.setting.workload.title, design.name));
        progress.inc(1);
        engine.search_spaces(&design.setting, &scenario.spaces_of(design, chips)?, chips)
    };
    let mut answers = Vec::new();
    for (workload, designs, variants) in questions {
        if answers.is_empty() {
            for design in &designs {
                output::warnings(&design.warnings);
            }
            price_kinds(&designs);
            if !global.json {
                progress.suspend(|| output::answer(&heading(&scenario, &designs)))?;
            }
        }
        let sides = judge(designs, &search)?;
        let variants: Vec<(usize, Judged)> = variants
            .into_iter()
            .map(|(at, design)| {
                let judged = match sides.get(at).and_then(|side| side.repriced(&design)) {
                    Some(judged) => Some(judged),
                    None => judge(vec![design], &search)?.pop(),
                };
                Ok(judged.map(|judged| (at, judged)))
            })
            .filter_map(Result::transpose)
            .collect::<Result<_, Fault>>()?;
        let sides = match arguments.equal {
            Some(terms) => equalised(sides, terms.terms(), &search)?,
            None => sides,
        };
        let found = between_all(&sides, &asked, &search)?;
        let shadows = sides.iter().map(|side| shadow(side, &search)).collect::<Result<_, Fault>>()?;
        let compensation = match replaced {
            Some(name) => {
                let base = sides.iter().position(|side| side.design.name == name).unwrap_or(0);
                compensation(&sides, base, &search)?
            }
            None => Vec::new(),
        };
        let answer = Answer { workload: workload.clone(), sides, variants, crossovers: found, shadows, compensation };
        if !global.json {
            progress.suspend(|| output::answer(&page(&scenario, &answer)))?;
        }
        answers.push(answer);
    }
    progress.finish_and_clear();
    let feasible = answers.iter().any(|a| a.sides.iter().any(|s| s.estimate().is_some()));
    if global.json {
        output::json(&document(&scenario, &answers, engine.name()))?;
    } else {
        output::answer(&footer(&answers, engine.name()))?;
    }
    Ok(if feasible { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// The design that others replace: one of the scenario's, or none for the first.
fn replaced<'a>(arguments: &'a Arguments, names: &[String]) -> Result<Option<&'a str>, Fault> {
    match arguments.compensation.as_deref() {
        Some(name) if !name.is_empty() && !names.iter().any(|known| known == name) => {
            let message = format!("{} is no design here", quoted(name));
            let help = format!("write one of {}", names.join(", "));
            Err(Fault::input(Diagnostic::error(message).key("compensation").help(help)))
        }
        given => Ok(given),
    }
}

/// The sides on equal terms with the first; one that no size brings there is left as it is, with a warning.
fn equalised(sides: Vec<Judged>, terms: Terms, search: &Search<'_>) -> Result<Vec<Judged>, Fault> {
    let equal = on_equal_terms(&sides, terms, search)?;
    let brought = |(side, equal): (Judged, Option<Judged>)| {
        equal.unwrap_or_else(|| {
            let message = format!("no number of chips brings {} to the terms of the first design", side.design.name);
            output::warnings(&[Diagnostic::warning(message).key("equal")]);
            side
        })
    };
    Ok(sides.into_iter().zip(equal).map(brought).collect())
}

/// Prices of different kinds do not compare.
fn price_kinds(designs: &[Design]) {
    let mut kinds: Vec<&str> = designs.iter().map(|d| d.setting.site.price_kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() > 1 {
        let message = format!("the designs pay prices of different kinds: {}", kinds.join(", "));
        let help = "give price_kind in each [[design]] to compare like with like";
        output::warnings(&[Diagnostic::warning(message).key("price_kind").help(help)]);
    }
}

fn input(design: &Design, key: &str) -> String {
    design.inputs.iter().find(|i| i.key == key).map_or_else(String::new, |i| match &i.value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// The question and the inputs of each side, above the answer.
fn heading(scenario: &Scenario, designs: &[Design]) -> String {
    let mut text = format!("{HEADING}{}{HEADING:#}\n{}\n", scenario.title, wrap(&scenario.question, 78));
    for design in designs {
        let s = &design.setting;
        let title = scenario.title_of(&design.name);
        text += &format!("{HEADING}{}{HEADING:#}  {title}\n", design.name);
        let per_chip = crate::model::power::peak_rank_w(s, design.chips * s.ranks_per_chip) * s.ranks_per_chip;
        let facts = [
            format!(
                "{} ({:.0} W each with node and fabric, ${:.0} with server and network)",
                s.chip.name,
                per_chip,
                crate::model::cost::all_in_usd(s) * s.ranks_per_chip
            ),
            format!("{}, {}, stack {}", s.cluster.name, input(design, "precision"), s.stack.name),
            format!(
                "{}: ${}/kWh, {:.0} gCO2e/kWh, PUE {:.2}, capital at {:.0} %",
                s.site.name,
                (s.site.usd_per_j() * 3.6e6 * 1e4).round() / 1e4,
                s.site.kg_per_j() * 3.6e9,
                s.site.pue_full,
                100.0 * s.site.cost_of_capital
            ),
            format!("{} chips: as many as {:.0} MW keep at their peak", design.chips, s.site.cap_w * 1e-6),
        ];
        let shown = if s.site.cap_w.is_finite() { &facts[..] } else { &facts[..3] };
        let terms: Vec<String> = terms(s).into_iter().map(|term| term.states).collect();
        for fact in shown.iter().chain((!terms.is_empty()).then_some(&terms.join("; "))) {
            text += &format!("   {}", wrap(fact, 74).replace("\n  ", "\n     "));
        }
    }
    text
}

fn page(scenario: &Scenario, answer: &Answer) -> String {
    let mut text = String::new();
    let Some(first) = answer.sides.first() else { return text };
    let (total, active) = report::parameters(&first.design);
    let size = if active < 0.99 * total { format!(", {} active", scaled(active, "").trim()) } else { String::new() };
    let run = &first.design.setting.workload.run;
    text += &format!(
        "\n{HEADING}{}{HEADING:#}  {} parameters{size}; {} tokens\n",
        first.design.setting.workload.title,
        scaled(total, "").trim(),
        scaled(run.tokens, "").trim()
    );
    text += &format!("{FAINT}{}{FAINT:#}", wrap(&shape(&first.design), 78));
    let mut header = vec![""];
    header.extend(answer.sides.iter().map(|s| s.design.name.as_str()));
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |label: &str, show: &dyn Fn(&Judged) -> String| {
        let mut cells = vec![label.to_owned()];
        cells.extend(answer.sides.iter().map(show));
        rows.push(cells);
    };
    let any =
        |part: &dyn Fn(&Estimate) -> f64| answer.sides.iter().filter_map(Judged::estimate).any(|e| part(e) != 0.0);
    let figure = |show: fn(&Design, &crate::model::Estimate) -> String| {
        move |s: &Judged| s.estimate().map_or_else(|| "-".to_owned(), |e| show(&s.design, e))
    };
    row(
        "chips",
        &figure(|_, e| {
            if e.chips_spare > 0.0 {
                format!("{} ({} spare)", e.chips_used + e.chips_spare, e.chips_spare)
            } else {
                format!("{}", e.chips_used)
            }
        }),
    );
    row("plan", &figure(|_, e| report::plan_text(&e.plan)));
    row("batch", &figure(|_, e| format!("{} sequences", e.plan.global_batch())));
    row("MFU", &figure(|d, e| format!("{:.1} %", 100.0 * report::rates(d, e).mfu)));
    row("goodput", &figure(|_, e| format!("{:.1} %", 100.0 * e.wall.goodput)));
    row("time", &figure(|_, e| duration(e.wall.wall_s)));
    row("  P10-P90", &figure(|d, e| between(bands_of(d, e).wall_s, duration)));
    if any(&|e| e.start_delay_s) {
        row("  done", &figure(|_, e| format!("in {}", duration(e.done_s()))));
    }
    row("energy", &figure(|_, e| energy(e.power.facility_j())));
    row("  P10-P90", &figure(|d, e| between(bands_of(d, e).facility_energy_j, energy)));
    row(
        "power",
        &figure(|_, e| {
            format!(
                "{} average, {} peak",
                scaled(e.power.facility_j() / e.wall.powered_s, "W"),
                scaled(e.power.peak_facility_w, "W")
            )
        }),
    );
    row("cost", &figure(|_, e| dollars(e.cost.total())));
    row("  P10-P90", &figure(|d, e| between(bands_of(d, e).cost_usd, dollars)));
    row("  chips", &figure(|_, e| dollars(e.cost.chips + e.cost.rental)));
    row("  facility", &figure(|_, e| dollars(e.cost.facility)));
    row("  operations", &figure(|_, e| dollars(e.cost.operations)));
    row(
        "  electricity",
        &figure(|_, e| {
            format!("{} ({:.0} %)", dollars(e.cost.electricity), 100.0 * e.cost.electricity / e.cost.total())
        }),
    );
    if any(&|e| e.cost.carbon_price) {
        row("  carbon price", &figure(|_, e| dollars(e.cost.carbon_price)));
    }
    if any(&|e| e.cost.delay) {
        row("  days", &figure(|_, e| dollars(e.cost.delay)));
    }
    row("carbon", &figure(|_, e| format!("{} CO2e", carbon(e.carbon.total()))));
    row("  P10-P90", &figure(|d, e| between(bands_of(d, e).co2_kg, carbon)));
    row("bound by", &|s| s.binds.join("; "));
    row("1 % more MW", &|s| shadow_of(answer, s).map_or_else(|| "-".to_owned(), |x| per_percent(s, x)));
    text += &output::table(&header, &[0], rows);
    for side in answer.sides.iter().filter(|s| s.estimate().is_none()) {
        let (reason, detail) = report::nothing_found(&side.design, &side.found);
        text += &wrap(&format!("{} is not feasible ({reason}): {detail}", side.design.name), 78);
    }
    for side in &answer.sides {
        text += &better_plans(side);
        text += &fewer_chips(side).map_or_else(String::new, |note| wrap(&note, 78));
    }
    text += "\n";
    let verdicts: Vec<(String, usize)> = Objective::ALL
        .iter()
        .filter_map(|objective| {
            let best = winner(&answer.sides, *objective)?;
            let best_value = answer.sides[best].figure(*objective)?;
            let next = answer
                .sides
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != best)
                .filter_map(|(_, s)| s.figure(*objective))
                .fold(f64::INFINITY, f64::min);
            let name = &answer.sides[best].design.name;
            let chance = chances_of(&answer.sides, *objective).get(best).copied().flatten().unwrap_or(1.0);
            let length = objective.word().len() + name.len() + 18;
            let sure = percent(chance);
            Some((
                format!("{} {HEADING}{name}{HEADING:#} ({:.2} x, {sure})", objective.word(), next / best_value),
                length,
            ))
        })
        .collect();
    // One line where it holds them all.
    let separator = if verdicts.iter().map(|(_, length)| length).sum::<usize>() > 74 { "\n         " } else { ", " };
    let verdicts: Vec<String> = verdicts.into_iter().map(|(verdict, _)| verdict).collect();
    text += &format!("winner   {}\n", verdicts.join(separator));
    for (at, variant) in &answer.variants {
        let title = scenario.title_of(&variant.design.name);
        let line = match variant.estimate() {
            None => format!("{title}: not feasible"),
            Some(e) => {
                let others: Vec<String> = answer
                    .sides
                    .iter()
                    .enumerate()
                    .filter(|(side, _)| side != at)
                    .filter_map(|(_, s)| {
                        let o = s.estimate()?;
                        Some(format!(
                            "against {}: time x{:.2}, cost x{:.2}",
                            s.design.name,
                            e.wall.wall_s / o.wall.wall_s,
                            e.cost.total() / o.cost.total()
                        ))
                    })
                    .collect();
                format!(
                    "{title}: {}, {}, {} ({})",
                    duration(e.wall.wall_s),
                    energy(e.power.facility_j()),
                    dollars(e.cost.total()),
                    others.join("; ")
                )
            }
        };
        text += &format!("also     {}", wrap(&line, 68).replace("\n  ", "\n         "));
    }
    text += &format!("\n{HEADING}where the winner changes{HEADING:#}\n");
    text += &crossover::table(&answer.crossovers);
    text += &compensation_table(answer);
    text
}

fn shadow_of<'a>(answer: &'a Answer, side: &Judged) -> Option<&'a Shadow> {
    let at = answer.sides.iter().position(|s| s.design.name == side.design.name)?;
    answer.shadows.get(at)?.as_ref()
}

/// Days, dollars and tonnes of a hundredth more chips and megawatts.
fn per_percent(side: &Judged, shadow: &Shadow) -> String {
    if shadow.days == 0.0 {
        return "changes nothing".to_owned();
    }
    let per = 0.01 * side.allowed / shadow.chips;
    let signed = |value: f64, text: String| if value < 0.0 { format!("-{text}") } else { format!("+{text}") };
    let (days, usd, tonnes) = (shadow.days * per, shadow.usd * per, shadow.tonnes * per);
    format!(
        "{}, {}, {} CO2e",
        signed(days, duration(days.abs() * 86_400.0)),
        signed(usd, dollars(usd.abs())),
        signed(tonnes, carbon(tonnes.abs() * 1e3))
    )
}

/// What replaces one chip of the first design.
fn compensation_table(answer: &Answer) -> String {
    let Some(against) = answer.compensation.iter().find_map(|(_, found)| Some(&found.as_ref()?.against)) else {
        return String::new();
    };
    let rows = answer.compensation.iter().map(|(name, found)| match found {
        None => vec![name.clone(), "as fast with no number of chips".to_owned()],
        Some(c) => {
            let mut cells = vec![name.clone(), format!("{:.2} ({:.0})", c.times[0], c.chips)];
            cells.push(format!("{:.2} ({})", c.times[1], scaled(c.megawatts * 1e6, "W")));
            cells.push(format!("{:.2} ({})", c.times[2], energy(c.megawatt_hours * 3.6e9)));
            cells.push(format!("{:.2} ({})", c.times[3], dollars(c.usd)));
            cells
        }
    });
    format!(
        "\n{HEADING}what replaces one chip, megawatt, MWh or dollar of {against} at equal days{HEADING:#}\n{}",
        output::table(&["DESIGN", "CHIPS", "POWER", "ENERGY", "COST"], &[0], rows.collect())
    )
}

/// What a side does not buy of the chips that its megawatts keep.
fn fewer_chips(side: &Judged) -> Option<String> {
    let (name, allowed) = (&side.design.name, side.allowed);
    let e = side.estimate()?;
    let bought = e.chips_used + e.chips_spare;
    (bought < allowed)
        .then(|| format!("{name}: the megawatts keep {allowed} chips; {bought} are used, more would be no faster"))
}

/// Where another plan than the fastest, which the column shows, is better for another objective.
fn better_plans(side: &Judged) -> String {
    let mut plans: Vec<(&Estimate, Vec<Objective>)> = Vec::new();
    for (objective, e) in side.better_plans() {
        match plans.iter_mut().find(|(known, _)| known.plan == e.plan) {
            Some((_, objectives)) => objectives.push(objective),
            None => plans.push((e, vec![objective])),
        }
    }
    let lines = plans.into_iter().map(|(e, objectives)| {
        let words: Vec<&str> = objectives.iter().map(|o| o.word()).collect();
        let line = format!(
            "{} is best on {} with {}: {}, {}, {}, {} CO2e",
            side.design.name,
            words.join(", "),
            report::plan_text(&e.plan),
            duration(e.wall.wall_s),
            energy(e.power.facility_j()),
            dollars(e.cost.total()),
            carbon(e.carbon.total())
        );
        wrap(&line, 78)
    });
    lines.collect()
}

fn bands_of(design: &Design, e: &Estimate) -> Bands {
    bands(e, &uncertainty(design, e), &design.spread)
}

/// How sure a verdict is; never quite certain.
fn percent(chance: f64) -> String {
    match 100.0 * chance {
        p if p > 99.0 => "> 99 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

/// The chance of each side to be best on an objective; none for a side that is not feasible.
pub(super) fn chances_of(sides: &[Judged], objective: Objective) -> Vec<Option<f64>> {
    let feasible: Vec<(usize, &Judged, &Estimate)> =
        sides.iter().enumerate().filter_map(|(at, side)| Some((at, side, side.found.by(objective)?))).collect();
    let uncertain: Vec<Uncertainty> = feasible.iter().map(|(_, side, e)| uncertainty(&side.design, e)).collect();
    let drawn: Vec<Side> = feasible
        .iter()
        .zip(&uncertain)
        .map(|((_, side, estimate), uncertainty)| Side {
            stack: &side.design.setting.stack.name,
            chip: &side.design.setting.chip.name,
            estimate,
            uncertainty,
        })
        .collect();
    let mut found = vec![None; sides.len()];
    let Some((_, first, _)) = feasible.first() else { return found };
    for ((at, ..), chance) in feasible.iter().zip(chances(&drawn, objective, &first.design.spread)) {
        found[*at] = Some(chance);
    }
    found
}

/// The network and the batch, as the scenario fixes them.
fn shape(design: &Design) -> String {
    let a = &design.setting.workload.architecture;
    let ffn = if a.experts > 0.0 {
        let shared =
            if a.shared_ffn > 0.0 { format!(" and {} shared", a.shared_ffn / a.expert_ffn) } else { String::new() };
        format!("{} experts of ffn {}{shared}, top {}", a.experts, a.expert_ffn, a.top_k)
    } else {
        format!("{}ffn {}", if a.gated { "gated " } else { "" }, a.ffn)
    };
    let (least, most) = (design.batches.first().map_or(0, |b| b.target), design.batches.last().map_or(0, |b| b.most));
    let batch = if design.batches.len() > 1 {
        format!("batch {least} sequences, at most {most} (critical batch)")
    } else {
        format!("batch {least} sequences")
    };
    format!(
        "{} layers, hidden {}, {}/{} heads, {ffn}, vocabulary {}; sequence {}, {batch}",
        a.layers, a.hidden, a.heads, a.kv_heads, a.vocab, design.setting.workload.run.seq_len
    )
}

fn footer(answers: &[Answer], engine: &str) -> String {
    let mut notes: Vec<String> = Vec::new();
    for side in answers.iter().flat_map(|a| &a.sides) {
        for note in report::coverage(&side.design) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    let mut text = format!("\n{FAINT}");
    for note in notes {
        text += &wrap(&format!("note: {note}"), 78);
    }
    text += &wrap(HOW_SURE, 78);
    text += &format!("searched by {engine}; `--json` holds every figure with its source{FAINT:#}\n");
    text
}

fn side_json(workload: &str, judged: &Judged, title: &str) -> Value {
    let mut fields = match judged.estimate() {
        Some(e) => report::estimate_json(&judged.design, e),
        None => {
            let (reason, detail) = report::nothing_found(&judged.design, &judged.found);
            match report::infeasible_json(&judged.design, reason, &detail) {
                Value::Object(map) => map,
                _ => serde_json::Map::new(),
            }
        }
    };
    fields.insert("name".into(), judged.design.name.clone().into());
    fields.insert("title".into(), title.into());
    fields.insert("workload".into(), workload.into());
    fields.insert("binds".into(), json!(judged.binds));
    fields.insert("chips_allowed".into(), judged.allowed.into());
    fields.insert("note".into(), fewer_chips(judged).into());
    let better: Vec<Value> = judged
        .better_plans()
        .map(|(objective, e)| {
            let mut best = report::estimate_json(&judged.design, e);
            best.insert("objective".into(), objective.word().into());
            Value::Object(best)
        })
        .collect();
    fields.insert("better_plans".into(), better.into());
    fields.insert("coverage".into(), report::coverage(&judged.design).into());
    fields.insert("sources".into(), report::sources(&judged.design));
    Value::Object(fields)
}

fn shadow_json(shadow: &Shadow) -> Value {
    json!({
        "step_chips": shadow.chips,
        "step_mw": shadow.megawatts,
        "days_per_chip": shadow.days / shadow.chips,
        "usd_per_chip": shadow.usd / shadow.chips,
        "t_per_chip": shadow.tonnes / shadow.chips,
        "days_per_mw": shadow.days / shadow.megawatts,
        "usd_per_mw": shadow.usd / shadow.megawatts,
        "t_per_mw": shadow.tonnes / shadow.megawatts,
        "days_per_usd": shadow.days_per_usd(),
    })
}

fn compensation_json(workload: &str, name: &str, found: &Option<Compensation>) -> Value {
    match found {
        None => json!({ "workload": workload, "name": name, "chips": Value::Null }),
        Some(c) => json!({
            "workload": workload, "name": name, "against": c.against,
            "chips": c.chips, "megawatts": c.megawatts, "energy_mwh": c.megawatt_hours, "cost_usd": c.usd,
            "times_chips": c.times[0], "times_megawatts": c.times[1],
            "times_energy": c.times[2], "times_cost": c.times[3],
        }),
    }
}

fn document(scenario: &Scenario, answers: &[Answer], engine: &str) -> Value {
    let mut designs = Vec::new();
    let mut variants = Vec::new();
    let mut found = Vec::new();
    let mut winners = Vec::new();
    let mut compensations = Vec::new();
    for answer in answers {
        for (side, shadow) in answer.sides.iter().zip(&answer.shadows) {
            let mut fields = side_json(&answer.workload, side, scenario.title_of(&side.design.name));
            fields["shadow_prices"] = shadow.as_ref().map_or(Value::Null, shadow_json);
            designs.push(fields);
        }
        compensations.extend(answer.compensation.iter().map(|(name, c)| compensation_json(&answer.workload, name, c)));
        for (_, side) in &answer.variants {
            variants.push(side_json(&answer.workload, side, scenario.title_of(&side.design.name)));
        }
        for objective in Objective::ALL {
            let name = winner(&answer.sides, objective).map(|at| answer.sides[at].design.name.clone());
            let chances = chances_of(&answer.sides, objective);
            let probability: serde_json::Map<String, Value> =
                answer.sides.iter().zip(chances).map(|(side, p)| (side.design.name.clone(), json!(p))).collect();
            // Of each side's own best plan for the objective, which need not be its fastest.
            let figures: serde_json::Map<String, Value> =
                answer.sides.iter().map(|s| (s.design.name.clone(), json!(s.figure(objective)))).collect();
            winners.push(json!({
                "workload": answer.workload, "objective": objective.word(), "winner": name, "probability": probability,
                "figures": figures, "unit": objective.unit(),
            }));
        }
        found.extend(answer.crossovers.iter().map(|c| crossover::json(&answer.workload, c)));
    }
    json!({
        "scenario": scenario.name,
        "question": scenario.question,
        "engine": engine,
        "designs": designs,
        "variants": variants,
        "winners": winners,
        "crossovers": found,
        "compensation": compensations,
    })
}

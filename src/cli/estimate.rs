//! `wattline estimate`: one training run.

use std::process::ExitCode;

use clap::{ArgAction, Args};
use serde_json::Value;

use super::output::{self, FAINT, HEADING};
use super::{Ending, Global, Outcome};
use crate::design::{Ask, Design, parse_plan, parse_precision};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::overrides::Overrides;
use crate::library::shape::figure;
use crate::model::Estimate;
use crate::model::cost::billed_j;
use crate::model::memory::GIB;
use crate::report;
use crate::search::space::PlanSpace;
use crate::search::{Found, Objective};
use crate::uncertainty::band::Band;
use crate::uncertainty::figures::{bands, uncertainty};

const EXAMPLES: &str = "\
Examples:
  wattline estimate --workload llama-3.1-405b --chip h100 --chips 16384 --plan tp=8,pp=16,cp=1
  wattline estimate --workload deepseek-v3 --chip h800 --chips 2048 --site cn-inner-mongolia
  wattline estimate --workload ./config.json --chip gb200 --chips 1152 --tokens 2e12 --json
  wattline estimate --workload gpt-3-175b --chip a100 --chips 1024 --set chip.tdp_w=350

--plan fixes the fields that it names; every other one is searched, and dp follows from the chips.
With --plan auto a plan may leave up to a tenth of the chips as spares.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A workload of the library, a TOML file, or a Hugging Face config.json
    #[arg(long, value_name = "NAME|FILE")]
    workload: String,
    /// A chip of the library or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    chip: String,
    /// How many chips; left out, as many as the site's megawatts keep
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    chips: Option<String>,
    /// Fields of the plan: tp, cp, pp, vpp, dp, ep, etp, micro_batch, recompute, shard, sequence_parallel
    #[arg(long, value_name = "PLAN", default_value = "auto")]
    plan: String,
    /// Cluster around the chips [default: the chip's reference cluster]
    #[arg(long, value_name = "NAME|FILE")]
    cluster: Option<String>,
    /// Where it runs [default: us-average]
    #[arg(long, value_name = "NAME|FILE")]
    site: Option<String>,
    /// Which of the site's prices: industrial, all_in, tariff, wholesale, ppa, claimed
    #[arg(long, value_name = "KIND")]
    price_kind: Option<String>,
    /// Electricity price in place of the site's
    #[arg(long, value_name = "USD/kWh", allow_hyphen_values = true)]
    price: Option<String>,
    /// Megawatts that the site can draw at its peak
    #[arg(long, value_name = "MW", allow_hyphen_values = true)]
    cap_mw: Option<String>,
    /// Software stack [default: the vendor's newest]
    #[arg(long, value_name = "NAME|FILE")]
    stack: Option<String>,
    /// Tokens of the run [default: those of the published run]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    tokens: Option<String>,
    /// Sequences a step, exactly [default: about as many as in the published run]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    global_batch: Option<String>,
    /// Tokens of a sequence [default: as in the published run]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    seq_len: Option<String>,
    /// Precision of the layer GEMMs [default: as in the published run]
    #[arg(long, value_name = "P")]
    precision: Option<String>,
    /// Power cap of each chip, W [default: none]
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    power_cap: Option<String>,
    /// What the searched plan should make small: time, energy, cost or carbon
    #[arg(long, value_name = "WHAT", default_value = "time")]
    objective: String,
    /// Rent the chips instead of owning them
    #[arg(long)]
    rental: bool,
    /// Any other field, such as chip.tdp_w=650 or assumptions.restart_s=300; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", action = ArgAction::Append)]
    set: Vec<String>,
    #[command(flatten)]
    engine: super::engine::EngineArgument,
}

/// Reads a number of the command line such as `15.6e12`.
pub fn number(key: &str, text: &str) -> Result<f64, Fault> {
    match text.replace('_', "").parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(Fault::input(
            Diagnostic::error(format!("--{} is {}", key.replace('_', "-"), quoted(text)))
                .key(key)
                .help("write a finite number such as 16384 or 15.6e12"),
        )),
    }
}

fn optional(key: &str, text: Option<&String>) -> Result<Option<f64>, Fault> {
    text.map(|text| number(key, text)).transpose()
}

/// A whole number that fits the device's counters.
pub fn whole(key: &str, text: Option<&String>) -> Result<Option<u32>, Fault> {
    let Some(value) = optional(key, text)? else { return Ok(None) };
    if !(1.0..=1e9).contains(&value) || value.fract() != 0.0 {
        let message = format!("--{} is {}", key.replace('_', "-"), figure(value));
        return Err(Fault::input(Diagnostic::error(message).key(key).help("write a whole number from 1 to 1e9")));
    }
    Ok(Some(value as u32))
}

/// Reads an objective's word.
pub fn objective(word: &str) -> Result<Objective, Fault> {
    Objective::parse(word).ok_or_else(|| {
        let message = format!("unknown objective {}", quoted(word));
        Fault::input(Diagnostic::error(message).key("objective").help("write time, energy, cost or carbon"))
    })
}

impl Arguments {
    fn ask(&self) -> Result<Ask, Fault> {
        Ok(Ask {
            name: String::new(),
            workload: self.workload.clone(),
            chip: self.chip.clone(),
            cluster: self.cluster.clone(),
            stack: self.stack.clone(),
            site: self.site.clone(),
            price_kind: self.price_kind.clone(),
            usd_per_kwh: optional("price", self.price.as_ref())?,
            chips: optional("chips", self.chips.as_ref())?,
            cap_mw: optional("cap_mw", self.cap_mw.as_ref())?,
            power_cap_w: optional("power_cap", self.power_cap.as_ref())?,
            power_cap_share: None,
            fixed: parse_plan(&self.plan)?,
            tokens: optional("tokens", self.tokens.as_ref())?,
            global_batch: whole("global_batch", self.global_batch.as_ref())?,
            grow_batch: false,
            seq_len: optional("seq_len", self.seq_len.as_ref())?,
            precision: self.precision.as_deref().map(parse_precision).transpose()?,
            rental: self.rental,
            overrides: Overrides::parse(&self.set)?,
        })
    }
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let ask = arguments.ask()?;
    let objective = objective(&arguments.objective)?;
    let library = global.open_library()?;
    let design = Design::resolve(&library, &ask)?;
    output::warnings(&design.warnings);
    let engine = arguments.engine.select(design.spaces().iter().map(PlanSpace::len).sum())?;
    let found = engine.search_design(&design, design.chips)?;
    let Some(estimate) = found.by(objective) else {
        return refuse(&design, &found, global);
    };
    if global.json {
        let mut document = report::estimate_json(&design, estimate);
        document.insert("objective".into(), objective.word().into());
        document.insert("plans_evaluated".into(), found.evaluated.into());
        document.insert("plans_feasible".into(), found.feasible.into());
        document.insert("engine".into(), engine.name().into());
        document.insert("coverage".into(), report::coverage(&design).into());
        document.insert("sources".into(), report::sources(&design));
        output::json(&Value::Object(document))?;
    } else {
        output::answer(&page(&design, estimate, &found))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Nothing fits: exit 3, with its document under `--json`.
fn refuse(design: &Design, found: &Found, global: &Global) -> Outcome {
    let (reason, detail) = report::nothing_found(design, found);
    let fault = Fault::infeasible(Diagnostic::error(format!("not feasible ({reason}): {detail}")).key(reason));
    if global.json {
        output::diagnostics(&fault.diagnostics);
        output::json(&report::infeasible_json(design, reason, &detail))?;
        return Ok(ExitCode::from(fault.code()));
    }
    Err(Ending::Fault(fault))
}

/// Seconds in words.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 2.0 * 86_400.0 => format!("{:.1} days", s / 86_400.0),
        s if s >= 7200.0 => format!("{:.1} h", s / 3600.0),
        s if s >= 120.0 => format!("{:.1} min", s / 60.0),
        s if s >= 0.1 => format!("{s:.2} s"),
        s => format!("{:.2} ms", s * 1e3),
    }
}

/// Three significant digits with a prefix: 118 GWh, 23.4 MW, $ 4.51 M.
pub fn scaled(value: f64, unit: &str) -> String {
    let (factor, prefix) = match value.abs() {
        v if v >= 1e15 => (1e15, "P"),
        v if v >= 1e12 => (1e12, "T"),
        v if v >= 1e9 => (1e9, "G"),
        v if v >= 1e6 => (1e6, "M"),
        v if v >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let scaled = value / factor;
    let digits = if scaled.abs() >= 100.0 {
        0
    } else if scaled.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{scaled:.digits$} {prefix}{unit}")
}

fn gib(bytes: f64) -> String {
    format!("{:.1} GiB", bytes / GIB)
}

/// USD in words.
pub fn dollars(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let v = value.abs();
    if v >= 1e9 {
        format!("{sign}${:.2} bn", v / 1e9)
    } else if v >= 1e8 {
        format!("{sign}${:.0} M", v / 1e6)
    } else if v >= 1e6 {
        format!("{sign}${:.1} M", v / 1e6)
    } else if v >= 1e3 {
        format!("{sign}${:.0} k", v / 1e3)
    } else {
        format!("{sign}${v:.2}")
    }
}

/// Watt-hours in words.
pub fn energy(joules: f64) -> String {
    scaled(joules / 3600.0, "Wh")
}

/// Kilograms of CO2e in words.
pub fn carbon(kg: f64) -> String {
    if kg >= 1e3 { scaled(kg * 1e-3, "t") } else { scaled(kg, "kg") }
}

/// The edges of a band.
pub fn between(band: Band, show: impl Fn(f64) -> String) -> String {
    format!("{} to {}", show(band.p10), show(band.p90))
}

/// A band in a sentence: its median is named where a searched plan moves it off the estimate.
fn likely(band: Band, estimate: f64, show: impl Fn(f64) -> String) -> String {
    let median =
        if (band.p50 / estimate - 1.0).abs() > 0.005 { format!(", P50 {}", show(band.p50)) } else { String::new() };
    format!("P10-P90 {}{median}", between(band, show))
}

fn page(design: &Design, e: &Estimate, found: &Found) -> String {
    let sure = bands(e, &uncertainty(design, e), &design.spread);
    let r = report::rates(design, e);
    let setting = &design.setting;
    let chips = e.chips_used + e.chips_spare;
    let (total, active) = report::parameters(design);
    let mut text = String::new();
    let mut line = |label: &str, value: String| text += &row(label, "", &value);
    let size = if active < 0.99 * total {
        format!("{} parameters, {} active", scaled(total, "").trim(), scaled(active, "").trim())
    } else {
        format!("{} parameters", scaled(total, "").trim())
    };
    line(
        "run",
        format!("{}, {size}, {} tokens", setting.workload.title, scaled(setting.workload.run.tokens, "").trim()),
    );
    let spare = if e.chips_spare > 0.0 { format!(" ({} spare)", e.chips_spare) } else { String::new() };
    line("on", format!("{chips} x {}{spare}", setting.chip.title));
    line("", format!("cluster {}, stack {}, site {}", setting.cluster.name, setting.stack.name, setting.site.name));
    if let Some(cap) = design.inputs.iter().find(|i| i.key == "power_cap").and_then(|i| i.value.as_f64()) {
        line("", format!("power cap {cap} W a chip: {:.0} % of the clock", 100.0 * e.clock));
    }
    line("plan", report::plan_text(&e.plan));
    if found.evaluated > 1 {
        line("", format!("best of {} plans, {} of which fit", found.evaluated, found.feasible));
    }
    text.push('\n');
    text += &row(
        "time",
        &duration(e.wall.wall_s),
        &format!(" ({} a step, {:.0} steps, goodput {:.1} %)", duration(e.step_s), e.steps, 100.0 * e.wall.goodput),
    );
    text += &row("", "", &likely(sure.wall_s, e.wall.wall_s, duration));
    if e.start_delay_s > 0.0 {
        text += &row("done", &duration(e.done_s()), &format!(" from now (start after {})", duration(e.start_delay_s)));
    }
    text += &row(
        "speed",
        "",
        &format!(
            "{} tokens/s, {:.0} TFLOP/s a chip, MFU {:.1} %",
            scaled(r.tokens_per_s, "").trim(),
            r.tflops_per_chip,
            100.0 * r.mfu
        ),
    );
    text += &row(
        "memory",
        "",
        &format!(
            "{} of {} usable (P10-P90 {})",
            gib(e.memory.peak()),
            gib(e.memory.usable),
            between(sure.memory_bytes, gib)
        ),
    );
    text += &row(
        "power",
        "",
        &format!(
            "{} average{}, {} peak at the meter; {:.0} W a chip in training",
            scaled(e.power.facility_j() / e.wall.powered_s, "W"),
            if e.wall.powered_s < e.wall.wall_s { " while powered" } else { "" },
            scaled(e.power.peak_facility_w, "W"),
            e.power.rank_training_w * setting.ranks_per_chip
        ),
    );
    let billed = billed_j(&setting.site, e.power.peak_it_w, e.wall.wall_s, e.power.facility_j());
    let unused = if billed > e.power.facility_j() && !setting.rental {
        format!("; {} billed", energy(billed))
    } else {
        String::new()
    };
    text += &row("energy", &energy(e.power.facility_j()), &format!(" (PUE {:.2}{unused})", e.power.pue));
    text += &row("", "", &likely(sure.facility_energy_j, e.power.facility_j(), energy));
    let mut parts = if setting.rental {
        vec!["rental".to_owned()]
    } else {
        vec![
            format!("chips {}", dollars(e.cost.chips)),
            format!("facility {}", dollars(e.cost.facility)),
            format!("operations {}", dollars(e.cost.operations)),
            format!("electricity {}", dollars(e.cost.electricity)),
        ]
    };
    for (part, value) in [("carbon price", e.cost.carbon_price), ("days", e.cost.delay)] {
        if value != 0.0 {
            parts.push(format!("{part} {}", dollars(value)));
        }
    }
    text += &row("cost", &dollars(e.cost.total()), &format!(" ({})", parts.join(", ")));
    text += &row("", "", &likely(sure.cost_usd, e.cost.total(), dollars));
    text += &row(
        "carbon",
        &format!("{} CO2e", carbon(e.carbon.total())),
        &format!(" (operational {}, embodied {})", carbon(e.carbon.operational), carbon(e.carbon.embodied)),
    );
    text += &row("", "", &likely(sure.co2_kg, e.carbon.total(), carbon));
    text += &format!("\n{HEADING}where a step goes{HEADING:#}\n");
    let mut causes = e.step.causes().to_vec();
    causes.sort_by(|a, b| b.1.total_cmp(&a.1));
    text += &shares(&causes, e.step_s, duration);
    text += &format!("\n{HEADING}where the energy goes{HEADING:#}\n");
    let mut causes = e.power.causes().to_vec();
    causes.sort_by(|a, b| b.1.total_cmp(&a.1));
    text += &shares(&causes, e.power.facility_j(), energy);
    text += &format!("\n{FAINT}");
    for note in report::coverage(design) {
        text += &wrap(&format!("note: {note}"), 78);
    }
    let defaults: Vec<String> = design
        .inputs
        .iter()
        .filter(|i| i.source == "default")
        .map(|i| match (i.value.as_str(), i.value.as_f64()) {
            (Some(word), _) => format!("{} {word}", i.key),
            (_, Some(number)) if number >= 1e6 => format!("{} {number:e}", i.key),
            (_, Some(number)) => format!("{} {number}", i.key),
            _ => format!("{} {}", i.key, i.value),
        })
        .collect();
    text += &wrap(&format!("by default: {}", defaults.join(", ")), 78);
    text += &format!("{FAINT:#}");
    text
}

/// Breaks a line at spaces.
pub fn wrap(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        if length > 0 && length + 1 + word.len() > width {
            lines.push_str("\n  ");
            length = 2;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += word.len();
    }
    lines.push('\n');
    lines
}

/// A label, a figure in bold, and the rest of the line, broken below the figure.
fn row(label: &str, figure: &str, rest: &str) -> String {
    let value = wrap(&format!("{figure}{rest}"), 68).replace("\n  ", "\n           ");
    let rest = value.get(figure.len()..).unwrap_or_default();
    format!("{FAINT}{label:<10}{FAINT:#} {HEADING}{figure}{HEADING:#}{rest}")
}

/// A bar for each cause of at least half a percent.
fn shares(causes: &[(&'static str, f64)], total: f64, show: impl Fn(f64) -> String) -> String {
    let mut text = String::new();
    for (name, value) in causes.iter().filter(|(_, v)| *v > 0.005 * total) {
        let share = value / total;
        let bar = "█".repeat((share * 30.0).round() as usize);
        text += &format!("  {name:<18} {:>5.1} %  {:>12}  {bar}\n", 100.0 * share, show(*value));
    }
    text
}

//! `wattline claims --measured FILE…`: a measured benchmark against hardware, prediction and claims.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::output::{self, FAINT, HEADING};
use super::{Global, Outcome, estimate};
use crate::design::{parse_plan, parse_precision};
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::measured::assess::{Assessed, Assessment, Quantity, Told, assess, rounded};
use crate::measured::power::Scope;
use crate::measured::{Measured, read};
use crate::report;

/// Most results of one table that are assessed.
const MOST_RECORDS: usize = 64;

/// A measured run and what its files do not tell.
#[derive(Args, Debug, Clone, Default)]
pub struct Arguments {
    /// A benchmark of your own: MLPerf logs or results, a CSV of tokens/s, power logs; files of one run, or its folder
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub measured: Vec<PathBuf>,
    /// Chip that was measured [default: as the file tells]
    #[arg(long, requires = "measured", value_name = "NAME|FILE")]
    pub chip: Option<String>,
    /// How many chips ran [default: as the file tells]
    #[arg(long, requires = "measured", value_name = "N", allow_hyphen_values = true)]
    pub chips: Option<String>,
    /// What was trained [default: as the file tells]
    #[arg(long, requires = "measured", value_name = "NAME|FILE")]
    pub workload: Option<String>,
    /// Precision of the layer GEMMs
    #[arg(long, requires = "measured", value_name = "P")]
    pub precision: Option<String>,
    /// Software stack [default: the vendor's newest]
    #[arg(long, requires = "measured", value_name = "NAME|FILE")]
    pub stack: Option<String>,
    /// Cluster around the chips [default: the chip's reference cluster]
    #[arg(long, requires = "measured", value_name = "NAME|FILE")]
    pub cluster: Option<String>,
    /// Tokens of a sequence [default: as the file or the benchmark's rules tell]
    #[arg(long, requires = "measured", value_name = "N", allow_hyphen_values = true)]
    pub seq_len: Option<String>,
    /// Sequences a step [default: as the file tells]
    #[arg(long, requires = "measured", value_name = "N", allow_hyphen_values = true)]
    pub global_batch: Option<String>,
    /// Tokens that the run trained, where a file states its minutes alone
    #[arg(long, requires = "measured", value_name = "N", allow_hyphen_values = true)]
    pub tokens: Option<String>,
    /// Fields of the plan that ran, such as tp=8,pp=4 [default: the best is searched]
    #[arg(long, requires = "measured", value_name = "PLAN")]
    pub plan: Option<String>,
    /// What one power meter measures [default: as the file tells]
    #[arg(long, requires = "measured", value_enum, ignore_case = true, value_name = "WHAT")]
    pub metered: Option<MeteredArgument>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MeteredArgument {
    /// A chip
    Chip,
    /// A server
    Node,
    /// Every server of the run
    All,
}

/// A claim about the same chip, in the unit of a quantity that was measured.
#[derive(Clone, Debug)]
pub struct ClaimLine {
    pub id: String,
    pub claimant: String,
    pub quote: String,
    pub quantity: Quantity,
    pub unit: String,
    pub claimed_low: f64,
    pub claimed_high: f64,
}

impl Arguments {
    /// What the command line tells of the run.
    fn told(&self) -> Result<Told, Fault> {
        let figure = |key: &str, text: &Option<String>| text.as_deref().map(|text| above_zero(key, text)).transpose();
        Ok(Told {
            chip: self.chip.clone(),
            chips: figure("chips", &self.chips)?,
            workload: self.workload.clone(),
            precision: self.precision.as_deref().map(parse_precision).transpose()?,
            stack: self.stack.clone(),
            cluster: self.cluster.clone(),
            seq_len: figure("seq_len", &self.seq_len)?,
            global_batch: estimate::whole("global_batch", self.global_batch.as_ref())?,
            tokens: figure("tokens", &self.tokens)?,
            metered: self.metered.map(|metered| match metered {
                MeteredArgument::Chip => Scope::Chip,
                MeteredArgument::Node => Scope::Node,
                MeteredArgument::All => Scope::All,
            }),
            plan: self.plan.as_deref().map(parse_plan).transpose()?.unwrap_or_default(),
        })
    }
}

fn above_zero(key: &str, text: &str) -> Result<f64, Fault> {
    let value = estimate::number(key, text)?;
    if value > 0.0 {
        return Ok(value);
    }
    let message = format!("--{} is {text}", key.replace('_', "-"));
    Err(Fault::input(Diagnostic::error(message).key(key).help("write a number above 0")))
}

/// Reads the files and assesses every run in them.
pub fn assessments(arguments: &Arguments, global: &Global) -> Result<Vec<Assessment>, Fault> {
    let told = arguments.told()?;
    let records: Vec<Measured> = read(&arguments.measured)?;
    let library = global.open_library()?;
    let (mut found, mut faults): (Vec<Assessment>, Vec<Fault>) = (Vec::new(), Vec::new());
    for record in records.iter().take(MOST_RECORDS) {
        match assess(&library, record, &told) {
            Ok(assessment) => found.push(assessment),
            Err(fault) => faults.push(fault),
        }
    }
    let Some(first) = found.first_mut() else {
        return Err(faults.into_iter().next().unwrap_or_else(nothing));
    };
    for fault in faults {
        let message = format!("one of the runs is left out: {}", fault.message());
        first.warnings.push(Diagnostic::warning(message).key("measured"));
    }
    if records.len() > MOST_RECORDS {
        let message = format!("{MOST_RECORDS} results of {} are assessed", records.len());
        first.warnings.push(Diagnostic::warning(message).key("measured").help("give a table of the others"));
    }
    Ok(found)
}

fn nothing() -> Fault {
    Fault::input(Diagnostic::error("the files hold no measured run").key("measured").help("name a log of a run"))
}

/// Prints assessments, and how claims about the same quantities compare.
pub fn show(arguments: &Arguments, assessments: &[Assessment], claims: &[ClaimLine], global: &Global) -> Outcome {
    for assessment in assessments {
        output::warnings(&assessment.warnings);
    }
    if global.json {
        output::json(&document(arguments, assessments, claims))?;
    } else {
        let pages: Vec<String> = assessments.iter().map(|assessment| page(assessment, claims)).collect();
        output::answer(&pages.join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn document(arguments: &Arguments, assessments: &[Assessment], claims: &[ClaimLine]) -> Value {
    let files: Vec<String> = arguments.measured.iter().map(|path| path.display().to_string()).collect();
    let rows: Vec<Value> =
        assessments.iter().flat_map(|of| of.quantities.iter().map(|row| quantity(of, row))).collect();
    let missing: Vec<&String> = assessments.iter().flat_map(|assessment| &assessment.missing).collect();
    let warnings: Vec<Value> =
        assessments.iter().flat_map(|assessment| assessment.warnings.iter().map(Diagnostic::to_json)).collect();
    let runs: Vec<Value> = assessments.iter().map(run_json).collect();
    let compared: Vec<Value> = assessments
        .iter()
        .flat_map(|assessment| pairs(assessment, claims))
        .map(|(claim, row)| {
            json!({
                "id": claim.id, "claimant": claim.claimant, "quote": claim.quote, "quantity": row.quantity.word(),
                "unit": claim.unit, "claimed": [claim.claimed_low, claim.claimed_high], "measured": row.measured,
                "measured_over_claimed": ratio(row, claim),
            })
        })
        .collect();
    json!({
        "file": files.first(), "files": files, "runs": runs, "measured": rows, "claims": compared, "missing": missing,
        "warnings": warnings,
    })
}

fn run_json(of: &Assessment) -> Value {
    let setting = &of.design.setting;
    let run = &setting.workload.run;
    json!({
        "title": of.title, "files": of.files, "workload": setting.workload.name, "chip": setting.chip.name,
        "chips": of.design.chips, "cluster": setting.cluster.name, "stack": setting.stack.name,
        "precision": run.precision.word(), "seq_len": run.seq_len, "global_batch": of.estimate.plan.global_batch(),
        "plan": report::plan_json(&of.estimate.plan), "plans_evaluated": of.plans, "coverage": report::coverage(&of.design),
    })
}

fn quantity(of: &Assessment, row: &Assessed) -> Value {
    json!({
        "run": of.title, "quantity": row.quantity.word(), "unit": row.quantity.unit(), "measured": row.measured,
        "from": row.from, "bound": row.bound, "sustained": row.sustained,
        "predicted": { "p10": row.predicted.p10, "p50": row.predicted.p50, "p90": row.predicted.p90 },
        "place": row.place.word(), "position": row.position, "why": row.why,
    })
}

/// The claims about a quantity that was measured, with its row.
fn pairs<'a>(of: &'a Assessment, claims: &'a [ClaimLine]) -> impl Iterator<Item = (&'a ClaimLine, &'a Assessed)> {
    let row = |claim: &ClaimLine| of.quantities.iter().find(|row| row.quantity == claim.quantity);
    claims.iter().filter_map(move |claim| Some((claim, row(claim)?)))
}

/// Measured over claimed; of a range its middle.
fn ratio(row: &Assessed, claim: &ClaimLine) -> f64 {
    row.measured / (claim.claimed_low * claim.claimed_high).sqrt()
}

fn page(of: &Assessment, claims: &[ClaimLine]) -> String {
    let setting = &of.design.setting;
    let run = &setting.workload.run;
    let mut text = format!("{HEADING}{}{HEADING:#}\n", of.title);
    let batch = of.estimate.plan.global_batch();
    let mut line = |label: &str, value: String| text += &format!("{FAINT}{label:<7}{FAINT:#} {value}\n");
    line(
        "run",
        format!(
            "{}, {} sequences of {} tokens a step, {}",
            setting.workload.title,
            batch,
            run.seq_len,
            run.precision.word()
        ),
    );
    line(
        "on",
        format!(
            "{} x {}, cluster {}, stack {}",
            of.design.chips, setting.chip.title, setting.cluster.name, setting.stack.name
        ),
    );
    let searched = if of.plans > 1 { format!(", the best of {} plans", of.plans) } else { String::new() };
    line("plan", format!("{}{searched}", report::plan_text(&of.estimate.plan)));
    text.push('\n');
    let row = |row: &Assessed| {
        let figure = |value: f64| figure(row.quantity, value);
        let bound = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), figure);
        let band = row.predicted;
        let mut cells = vec![title(row.quantity)];
        cells.extend([row.measured, band.p10, band.p50, band.p90].map(figure));
        cells.extend([bound(row.sustained), bound(row.bound)]);
        cells
    };
    let header = ["", "measured", "P10", "P50", "P90", "sustained", "bound"];
    text += &output::table(&header, &[0, 1, 2, 3, 4, 5, 6], of.quantities.iter().map(row).collect());
    text.push('\n');
    // The rates of a run are one measurement in three units, and so lie in one place.
    let mut places: Vec<(&str, String)> = Vec::new();
    for row in &of.quantities {
        let place = (kind(row.quantity), row.position.clone());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    for (kind, position) in places {
        text += &format!("{FAINT}{kind:<7}{FAINT:#} {position}\n");
    }
    let mut notes: Vec<String> = Vec::new();
    for row in &of.quantities {
        let new: Vec<String> = row.why.iter().filter(|why| !notes.contains(why)).cloned().collect();
        notes.extend(new);
    }
    // Rates share their origin.
    for row in &of.quantities {
        let from = format!("read from {}", row.from);
        if matches!(row.quantity, Quantity::TokensPerSPerChip | Quantity::ChipW | Quantity::NodeW)
            && !notes.contains(&from)
        {
            notes.push(from);
        }
    }
    notes.extend(of.missing.iter().map(|missing| format!("not assessed: {missing}")));
    text.push('\n');
    for note in notes {
        text += &format!("{note}\n");
    }
    let compared: Vec<Vec<String>> = pairs(of, claims)
        .map(|(claim, row)| {
            let (low, high) = (figure(row.quantity, claim.claimed_low), figure(row.quantity, claim.claimed_high));
            vec![
                claim.id.clone(),
                title(row.quantity),
                if low == high { low } else { format!("{low} to {high}") },
                figure(row.quantity, row.measured),
                format!("{:.2}", ratio(row, claim)),
            ]
        })
        .collect();
    if !compared.is_empty() {
        text.push('\n');
        let header = ["claim", "", "claimed", "measured", "measured/claimed"];
        text += &output::table(&header, &[0, 1, 2, 3, 4], compared);
        text += &format!(
            "{FAINT}a claimed ratio is taken times the rate predicted for its baseline on this run{FAINT:#}\n"
        );
    }
    text
}

fn kind(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::TokensPerSPerChip | Quantity::TflopsPerChip | Quantity::Mfu => "speed",
        Quantity::TimeToTrain => "time",
        Quantity::ChipW | Quantity::NodeW => "power",
        Quantity::ChipJPerToken | Quantity::NodeJPerToken => "energy",
    }
}

/// A quantity with the unit of its figures.
fn title(quantity: Quantity) -> String {
    let unit = match quantity {
        Quantity::TokensPerSPerChip | Quantity::TflopsPerChip => "",
        Quantity::Mfu => ", %",
        Quantity::TimeToTrain => ", min",
        Quantity::ChipW | Quantity::NodeW => ", W",
        Quantity::ChipJPerToken | Quantity::NodeJPerToken => ", mJ",
    };
    format!("{}{unit}", quantity.title())
}

fn figure(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Mfu => format!("{:.1}", 100.0 * value),
        Quantity::TimeToTrain => rounded(value / 60.0),
        Quantity::ChipJPerToken | Quantity::NodeJPerToken => rounded(1e3 * value),
        _ => rounded(value),
    }
}

//! Predicts the measured rows of a table from their configuration alone.

use rayon::prelude::*;

use super::convention::Convention;
use super::inference::Inference;
use super::judged::{Judged, Obstacle, Quantity, Status};
use super::plan::{Chosen, Stated, UNSTATED_CHIPS, chips, choose, plan_is_stated};
use super::power::Systems;
use super::table::{Row, Table, TableKind};
use super::vocabulary::{Names, Words, warnings};
use super::{memory, power, subject};
use crate::library::chip::Chip;
use crate::library::cluster::Cluster;
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::site::Site;
use crate::library::stack::{Recipe, Stack};
use crate::library::store::Library;
use crate::library::workload::Workload;
use crate::model::parameters::{Assumptions, Calibration};
use crate::model::setting::Setting;
use crate::model::weights::model_flop_per_token;

/// What predictions share.
pub struct Predictor<'a> {
    pub library: &'a Library,
    pub inference: Inference,
    pub systems: Systems,
    calibration: Calibration,
    assumptions: Assumptions,
    site: Site,
}

/// Every row of a table beside its prediction.
#[derive(Clone, Debug)]
pub struct Judgement {
    pub kind: TableKind,
    pub file: String,
    pub rows: Vec<Judged>,
    pub warnings: Vec<Diagnostic>,
}

impl<'a> Predictor<'a> {
    /// A predictor over a library.
    pub fn new(library: &'a Library) -> Result<Predictor<'a>, Fault> {
        Ok(Predictor {
            library,
            inference: Inference::shipped()?,
            systems: Systems::shipped()?,
            calibration: library.calibration()?,
            assumptions: library.assumptions()?,
            site: library.site("us-average", None)?,
        })
    }

    /// Judges every row of a table; a fault where no row can be used.
    pub fn judge(&self, table: &Table) -> Result<Judgement, Fault> {
        let names = Names::of(table, self.library);
        let judge = |row: &Row| {
            let mut judged = Judged::new(row.text("id"), row.text("source"), row.text("kind"), row.text("chip"));
            judged.plan_stated = plan_is_stated(row);
            let outcome = match table.kind {
                TableKind::Runs => self.judge_run(row, &names, &mut judged),
                TableKind::Memory => memory::judge(self, row, &names, &mut judged),
                TableKind::Power => power::judge(self, row, &mut judged),
            };
            if let Err(obstacle) = outcome {
                judged.stop(obstacle);
            }
            judged
        };
        let rows: Vec<Judged> = table.rows.par_iter().map(judge).collect();
        if !rows.iter().any(Judged::is_usable) {
            return Err(nothing_usable(table, &rows));
        }
        let unknown: Vec<_> =
            rows.iter().enumerate().filter_map(|(at, row)| Some((at, row.unknown.as_ref()?))).collect();
        let mut found = table.warnings.clone();
        found.extend(warnings(table, &unknown));
        Ok(Judgement { kind: table.kind, file: table.file().to_owned(), rows, warnings: found })
    }

    fn judge_run(&self, row: &Row, names: &Names, judged: &mut Judged) -> Result<(), Obstacle> {
        if let Some((quantity, measured)) = measurement(row, None) {
            (judged.quantity, judged.measured) = (Some(quantity), measured);
        }
        excluded(row)?;
        let subject = self.subject(row, names, judged)?;
        let (quantity, measured) =
            measurement(row, Some(&subject)).ok_or_else(|| Obstacle::states_no("measurement"))?;
        needs(row, quantity)?;
        let stated_chips = chips(row);
        let chips = stated_chips.unwrap_or(UNSTATED_CHIPS);
        if stated_chips.is_none() {
            judged.inferred.push("chips");
        }
        if quantity == Quantity::PeakMemoryGib {
            return memory::score(row, &subject, chips, judged);
        }
        let chosen = choose(&subject.setting, &subject.stated, chips, &mut judged.inferred)?;
        judged.memory_disagrees = !chosen.fits;
        judged.score(quantity, predicted(row, &subject, &chosen, chips, quantity), measured);
        Ok(())
    }

    /// Everything that a row states of a run, checked against the library.
    pub fn subject(&self, row: &Row, names: &Names, judged: &mut Judged) -> Result<Subject, Obstacle> {
        let words = Words::of(row)?;
        let (chip, cluster) = names.machine(row)?;
        judged.chip.clone_from(&chip.name);
        let mut stack = self.stack(row, names, &chip.vendor, judged)?;
        match row.text("precision") {
            "mxfp8" => stack.recipe = Recipe::Blocks,
            "fp8" if stack.recipe == Recipe::Blocks => stack.recipe = Recipe::Tensorwise,
            _ => {}
        }
        judged.stack = stack.name.clone();
        if let Some(why) = &row.impossible {
            return Err(Obstacle::Lacks(why.clone()));
        }
        let mut cluster = cluster.clone();
        if let Some(gbps) = row.positive("nic_gbps_per_chip") {
            cluster.nic_bytes_per_s = gbps * 1e9 / 8.0;
        }
        if let Some(domain) = row.number("domain_chips").filter(|chips| *chips >= 1.0) {
            cluster.domain_chips = domain;
        }
        let workload = subject::workload(row, &words, names.workload(row), chip, &mut judged.inferred)?;
        let setting = self.setting(chip, &cluster, &workload, &stack);
        let convention = Convention::of(row.text("flops_convention"), workload.run.precision);
        Ok(Subject { chip: chip.clone(), setting, stated: Stated::of(row, &words), convention })
    }

    /// The parts of an evaluation with the predictor's constants.
    pub fn setting(&self, chip: &Chip, cluster: &Cluster, workload: &Workload, stack: &Stack) -> Setting {
        Setting::new(chip, cluster, workload, stack, &self.site, self.calibration, self.assumptions, None)
    }

    /// The stack that a row names, or else the one that the ordered table infers.
    fn stack(&self, row: &Row, names: &Names, vendor: &str, judged: &mut Judged) -> Result<Stack, Obstacle> {
        if !row.text("stack").is_empty() {
            return names.stack(row).cloned();
        }
        judged.inferred.push("stack");
        self.library.stack(self.inference.stack(row, vendor)).map_err(|fault| Obstacle::Lacks(fault.message()))
    }
}

/// What a row ran, where and how.
pub struct Subject {
    pub chip: Chip,
    pub setting: Setting,
    pub stated: Stated,
    pub convention: Convention,
}

/// Rows that their own notes rule out.
pub fn excluded(row: &Row) -> Result<(), Obstacle> {
    if row.text("confidence") == "recalled" {
        return Err(Obstacle::Excluded("recalled, not read at its source"));
    }
    if row.remarks().any(|remark| remark.starts_with("FLAG")) {
        return Err(Obstacle::Excluded("flagged as inconsistent at its source"));
    }
    Ok(())
}

/// The quantity that a row is judged on, and its value. A utilisation needs the subject's peak.
fn measurement(row: &Row, subject: Option<&Subject>) -> Option<(Quantity, f64)> {
    let step = row.positive("sec_per_iter").or_else(|| {
        // A table may state the step time beside rates too rounded to judge by; it never hides tokens per second.
        row.remark_number("implied iteration time ").filter(|_| row.positive("tokens_per_s_per_chip").is_none())
    });
    let utilised = || {
        let mfu = row.positive("mfu_reported")?;
        Some(subject.map_or(f64::NAN, |subject| mfu * subject.convention.peak_of(&subject.chip) * 1e-12))
    };
    let stated = |quantity: Quantity, value: Option<f64>| value.map(|value| (quantity, value));
    stated(Quantity::StepS, step)
        .or_else(|| stated(Quantity::TokensPerSPerChip, row.positive("tokens_per_s_per_chip")))
        .or_else(|| stated(Quantity::TflopsPerChip, row.positive("tflops_per_chip").or_else(utilised)))
        .or_else(|| stated(Quantity::Days, row.positive("days")))
        .or_else(|| stated(Quantity::ChipHours, row.positive("chip_hours")))
        .or_else(|| stated(Quantity::EnergyMwh, row.positive("energy_MWh")))
        .or_else(|| stated(Quantity::PeakMemoryGib, row.positive("peak_memory_GiB")))
}

/// What a quantity cannot be predicted without.
fn needs(row: &Row, quantity: Quantity) -> Result<(), Obstacle> {
    let whole_run = matches!(quantity, Quantity::Days | Quantity::ChipHours | Quantity::EnergyMwh);
    if whole_run && row.positive("tokens_total").is_none() {
        return Err(Obstacle::states_no("number of tokens (tokens_total)"));
    }
    if quantity == Quantity::StepS && row.count("global_batch_seqs").is_none() {
        return Err(Obstacle::states_no("global batch (global_batch_seqs)"));
    }
    if matches!(quantity, Quantity::StepS | Quantity::Days | Quantity::EnergyMwh) && chips(row).is_none() {
        return Err(Obstacle::states_no("number of chips"));
    }
    Ok(())
}

/// The estimate in the row's own quantity.
fn predicted(row: &Row, subject: &Subject, chosen: &Chosen, chips: f64, quantity: Quantity) -> f64 {
    let (setting, estimate) = (&subject.setting, &chosen.estimate);
    let run = &setting.workload.run;
    let used = estimate.chips_used.min(chips).max(1.0);
    let goodput = estimate.wall.goodput;
    let rate = estimate.plan.global_batch() as f64 * run.seq_len / (used * estimate.step_s);
    let rate_as_stated = if row.remarked("whole run") { rate * goodput } else { rate };
    let convention = &subject.convention;
    match quantity {
        Quantity::StepS => {
            let batch = row.number("global_batch_seqs").unwrap_or(estimate.plan.global_batch() as f64);
            batch * run.seq_len / (chips * rate)
        }
        Quantity::TokensPerSPerChip => rate_as_stated,
        Quantity::TflopsPerChip => {
            let flop = model_flop_per_token(&setting.workload.architecture, run, convention.full_attention);
            rate_as_stated * flop * convention.recompute_factor(estimate.plan.recompute) * 1e-12
        }
        Quantity::Days => run.tokens / (rate * chips) / goodput / 86_400.0,
        Quantity::ChipHours => run.tokens / rate / goodput / 3600.0,
        Quantity::EnergyMwh => {
            let pue = row.number("pue").filter(|pue| *pue >= 1.0);
            pue.map_or(estimate.power.facility_j(), |pue| estimate.power.it_j() * pue) / 3.6e9
        }
        // Judged elsewhere.
        Quantity::NodeW | Quantity::PeakMemoryGib => f64::NAN,
    }
}

/// One fault for a table of which no row can be used: the reasons, the commonest first.
fn nothing_usable(table: &Table, rows: &[Judged]) -> Fault {
    let mut reasons: Vec<(&str, usize, usize)> = Vec::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.status != Status::Scored) {
        match reasons.iter_mut().find(|(reason, ..)| *reason == row.reason) {
            Some((_, count, _)) => *count += 1,
            None => reasons.push((&row.reason, 1, at)),
        }
    }
    reasons.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    let shown: Vec<String> =
        reasons.iter().take(3).map(|(reason, count, _)| format!("{reason} ({count} of {})", rows.len())).collect();
    let message = format!("no row can be predicted: {}", shown.join("; "));
    let Some((first, row)) = reasons.first().and_then(|(_, _, at)| Some((rows.get(*at)?, table.rows.get(*at)?))) else {
        return Fault::input(Diagnostic::error(message).in_file(table.file()));
    };
    Fault::input(match &first.unknown {
        Some(unknown) => table.point(Diagnostic::error(message), row, unknown.column).help(unknown.help.clone()),
        None => {
            table.point(Diagnostic::error(message), row, "id").help("see `wattline help validate` for what a row needs")
        }
    })
}

//! Predicts the measured rows of a table from their configuration alone.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::benchmark::{Benchmarks, Evaluations};
use super::blind::{Blinded, Laboratories};
use super::convention::Convention;
use super::exclusion::Exclusions;
use super::inference::Inference;
use super::judged::{Judged, Obstacle, Quantity, Status};
use super::parallelism::parallelism;
use super::plan::{Chosen, Stated, chips, choose, is_whole_run, plan_is_stated, usual_chips};
use super::power::Systems;
use super::prepared::{Case, Prepared};
use super::table::{Row, Table, TableKind};
use super::vocabulary::{Names, Words, warnings};
use super::{memory, power, power_caps, subject};
use crate::library::chip::Chip;
use crate::library::cluster::Cluster;
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::entry_kind::EntryKind;
use crate::library::shape::figure;
use crate::library::site::Site;
use crate::library::stack::{Recipe, Stack};
use crate::library::store::Library;
use crate::library::workload::{Precision, Workload};
use crate::model::Estimate;
use crate::model::evaluation::evaluation_time;
use crate::model::parameters::{Assumptions, Calibration};
use crate::model::roofline::peak;
use crate::model::setting::Setting;
use crate::model::weights::model_flop_per_token;
use crate::uncertainty::exposure::{Component, Exposure};
use crate::uncertainty::spread::Spread;

/// Bytes a logit of a fused loss: bf16 logits and an fp32 copy that becomes the gradient.
const FUSED_LOGIT_BYTES: f64 = 6.0;

/// What predictions share.
#[derive(Clone)]
pub struct Predictor<'a> {
    pub library: &'a Library,
    pub inference: Inference,
    pub systems: Systems,
    benchmarks: Benchmarks,
    exclusions: Exclusions,
    calibration: Calibration,
    assumptions: Assumptions,
    site: Site,
    spread: Spread,
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
            benchmarks: Benchmarks::shipped()?,
            exclusions: Exclusions::shipped()?,
            calibration: library.calibration()?,
            assumptions: library.assumptions()?,
            site: library.site("us-average", None)?,
            spread: library.spread()?,
        })
    }

    /// Judges every row of a table; a fault where no row can be used.
    pub fn judge(&self, table: &Table) -> Result<Judgement, Fault> {
        let rows = self.judge_rows(table);
        if !rows.iter().any(Judged::is_usable) {
            return Err(nothing_usable(table, &rows));
        }
        let unknown: Vec<_> =
            rows.iter().enumerate().filter_map(|(at, row)| Some((at, row.unknown.as_ref()?))).collect();
        let mut found = table.warnings.clone();
        found.extend(warnings(table, &unknown));
        Ok(Judgement { kind: table.kind, file: table.file().to_owned(), rows, warnings: found })
    }

    /// Judges every row of a table as a stranger's; see [`super::blind`].
    pub fn judge_blind(&self, table: &Table) -> Result<Vec<Judged>, Fault> {
        let laboratories = Laboratories::shipped()?;
        let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for seen in [&Table::shipped(TableKind::Runs.shipped())?, table] {
            if !matches!(seen.kind, TableKind::Runs | TableKind::Memory) {
                continue;
            }
            for prepared in self.prepare(seen) {
                let row = prepared.label();
                users.entry(row.stack.clone()).or_default().insert(laboratories.of(&row.source).to_owned());
            }
        }
        let own = users.into_iter().filter(|(_, laboratories)| laboratories.len() == 1);
        let own: Vec<(String, String)> =
            own.filter_map(|(stack, only)| Some((stack, only.into_iter().next()?))).collect();
        let blinded = Blinded::of(table, &self.inference.words());
        let barred = blinded.sources().flat_map(|(number, source)| {
            let laboratory = laboratories.of(source);
            own.iter()
                .filter(move |(_, only)| only == laboratory)
                .map(move |(stack, _)| (number.to_owned(), stack.clone()))
        });
        let stranger = Predictor {
            inference: self.inference.without(barred.collect()),
            systems: Systems::default(),
            ..self.clone()
        };
        let mut rows = stranger.judge_rows(&blinded.table);
        for row in &mut rows {
            row.source = blinded.name(&row.source).to_owned();
        }
        // A contradiction is found by cells that are blanked now.
        for (row, stated) in rows.iter_mut().zip(&table.rows) {
            if let Some(reason) = self.exclusions.reason(stated) {
                row.set_aside(reason);
            }
        }
        Ok(rows)
    }

    fn judge_rows(&self, table: &Table) -> Vec<Judged> {
        let names = Names::of(table, self.library);
        let judge = |row: &Row| {
            let mut judged = blank(row);
            let outcome = match table.kind {
                TableKind::Runs => return self.prepare_row(row, &names).judge(&self.calibration),
                TableKind::Power => power::judge(self, row, &mut judged),
                TableKind::Memory => memory::judge(self, row, &names, &mut judged),
                TableKind::PowerCaps => power_caps::judge(self, table, row, Quantity::RelativeThroughput, &mut judged),
            };
            if let Err(obstacle) = outcome {
                judged.stop(obstacle);
            }
            if let Some(reason) = self.exclusions.reason(row) {
                judged.set_aside(reason);
            }
            judged
        };
        let mut rows: Vec<Judged> = table.rows.par_iter().map(judge).collect();
        if table.kind == TableKind::Runs {
            rows.extend(table.rows.iter().filter_map(|row| self.judge_metered(row, &names)));
        }
        if table.kind == TableKind::PowerCaps {
            rows.extend(table.rows.iter().filter_map(|row| self.judge_energy(table, row)));
        }
        rows.iter_mut().for_each(|row| row.spread(&self.spread));
        rows
    }

    /// The rows of a table of runs with all that their predictions need but the constants.
    pub fn prepare<'t>(&self, table: &'t Table) -> Vec<Prepared<'t>> {
        let names = Names::of(table, self.library);
        table.rows.par_iter().map(|row| self.prepare_row(row, &names)).collect()
    }

    fn prepare_row<'t>(&self, row: &'t Row, names: &Names) -> Prepared<'t> {
        let mut judged = blank(row);
        let case = self.case(row, names, &mut judged);
        Prepared::new(row, judged, case, self.exclusions.reason(row))
    }

    /// The energy of a whole run whose servers were metered, beside the time that the row is judged on. Energies that are
    /// chip-hours times a nameplate are no measurement.
    fn judge_metered(&self, row: &Row, names: &Names) -> Option<Judged> {
        let metered = row.remarks().any(|remark| remark.starts_with("node power "));
        let measured = row.positive("energy_MWh").filter(|_| metered)?;
        let mut judged = blank(row);
        if self.exclusions.reason(row).is_some() {
            return None;
        }
        let subject = self.subject(row, names, &mut judged).ok()?;
        needs(row, Quantity::EnergyMwh).ok()?;
        let chips = chips(row)?;
        let chosen = choose(&subject.setting, &subject.stated, chips, &mut judged.inferred).ok()?;
        judged.score(Quantity::EnergyMwh, servers_mwh(&subject.setting, &chosen, chips), measured);
        Some(judged)
    }

    /// The energy that a row of a power-cap table states beside the throughput, where it can be judged.
    fn judge_energy(&self, table: &Table, row: &Row) -> Option<Judged> {
        let mut judged = Judged::new(row.text("id"), row.text("source"), row.text("kind"), row.text("gpu"));
        power_caps::judge(self, table, row, Quantity::RelativeEnergy, &mut judged).ok()?;
        Some(judged)
    }

    /// Chip power while waiting, over that under a saturated GEMM.
    pub fn waiting_share(&self) -> f64 {
        self.calibration.power_waiting
    }

    fn case(&self, row: &Row, names: &Names, judged: &mut Judged) -> Result<Case, Obstacle> {
        if let Some((quantity, measured)) = measurement(row, None) {
            (judged.quantity, judged.measured) = (Some(quantity), measured);
        }
        let subject = self.subject(row, names, judged)?;
        let (quantity, measured) = measurement(row, Some(&subject)).ok_or_else(|| unmeasured(row))?;
        needs(row, quantity)?;
        let stated_chips = chips(row);
        if stated_chips.is_none() {
            judged.inferred.push("chips");
        }
        let chips = stated_chips.unwrap_or_else(|| usual_chips(row, &subject.setting));
        Ok(Case { subject, chips, quantity, measured })
    }

    /// Everything that a row states of a run, checked against the library.
    pub fn subject(&self, row: &Row, names: &Names, judged: &mut Judged) -> Result<Subject, Obstacle> {
        let words = Words::of(row)?;
        let (chip, cluster) = names.machine(row)?;
        judged.chip.clone_from(&chip.name);
        let mut stack = self.stack(row, names, chip, words.precision, judged)?;
        judged.stack.clone_from(&stack.name);
        configure(&mut stack, row);
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
        let known = names.workload(row);
        let workload = subject::workload(row, &words, known, chip, &stack, &mut judged.inferred)?;
        let evaluations = known.and_then(|known| {
            let run = &workload.run;
            self.benchmarks.evaluations(row, &known.name, run.training, run.global_batch)
        });
        let setting = self.setting(chip, &cluster, &workload, &stack);
        judged.exposure = self.exposure(&setting, judged);
        let convention = Convention::of(row.text("flops_convention"), workload.run.precision);
        let stated = Stated::of(row, &words, known, setting.workload.run.seq_len);
        Ok(Subject { chip: chip.clone(), setting, stated, convention, evaluations })
    }

    /// What the prediction of a row on a setting leans on.
    pub fn exposure(&self, setting: &Setting, judged: &Judged) -> Option<Exposure> {
        let chip = self.library.record(EntryKind::Chip, &setting.chip.name).ok()?;
        let whole = judged.quantity.is_some_and(Quantity::is_whole_run);
        let exposure = Exposure::of(setting, &chip, !judged.plan_stated);
        Some(exposure.with(Component::WholeRun, if whole { 1.0 } else { 0.0 }))
    }

    /// The parts of an evaluation with the predictor's constants.
    pub fn setting(&self, chip: &Chip, cluster: &Cluster, workload: &Workload, stack: &Stack) -> Setting {
        Setting::new(chip, cluster, workload, stack, &self.site, self.calibration, self.assumptions, None)
    }

    /// The stack that a row names; else the likeliest that trains in the precision stated; else the vendor's newest of the
    /// row's year that does.
    fn stack(
        &self,
        row: &Row,
        names: &Names,
        chip: &Chip,
        precision: Option<Precision>,
        judged: &mut Judged,
    ) -> Result<Stack, Obstacle> {
        if !row.text("stack").is_empty() {
            return names.stack(row).cloned();
        }
        judged.inferred.push("stack");
        let trains =
            |stack: &Stack| precision.filter(|word| peak(chip, *word) > 0.0).is_none_or(|word| stack.trains_in(word));
        let open = |name: &str| self.library.stack(name).map_err(|fault| Obstacle::Lacks(fault.message()));
        let likely = self.inference.stacks(row, &chip.vendor);
        if let Some(found) = likely.iter().map(|name| open(name)).find(|stack| stack.as_ref().map_or(true, trains)) {
            return found;
        }
        let year = row.number("year").unwrap_or(f64::INFINITY);
        let entries = self.library.names(EntryKind::Stack);
        let allowed = entries.iter().filter(|name| self.inference.allows(row, name)).filter_map(|name| open(name).ok());
        let newest = allowed
            .filter(|stack| stack.runs_on(&chip.vendor) && trains(stack) && f64::from(stack.year) <= year)
            .reduce(|newest, stack| if stack.year > newest.year { stack } else { newest });
        // Where none trains in it, the likeliest is named as the one that does not.
        newest.map_or_else(|| open(self.inference.stack(row, &chip.vendor)), Ok)
    }
}

/// Sets what a row says of a stack's switches.
fn configure(stack: &mut Stack, row: &Row) {
    match row.text("precision") {
        "mxfp8" => stack.recipe = Recipe::Blocks,
        "fp8" if stack.recipe == Recipe::Blocks => stack.recipe = Recipe::Tensorwise,
        _ => {}
    }
    if let Some(dropout) = row.remark_number("dropout ") {
        stack.dropout = dropout > 0.0;
    }
    stack.master_weights &= !row.remarked("pure bf16");
    if row.remarked("fused cross entropy") {
        stack.logit_bytes = stack.logit_bytes.min(FUSED_LOGIT_BYTES);
        stack.split_logit_bytes = stack.split_logit_bytes.min(FUSED_LOGIT_BYTES);
    }
}

/// A row of which nothing is known but what it is called.
fn blank(row: &Row) -> Judged {
    let mut judged = Judged::new(row.text("id"), row.text("source"), row.text("kind"), row.text("chip"));
    judged.plan_stated = plan_is_stated(row);
    row.text("precision").clone_into(&mut judged.precision);
    if row.text("system").is_empty() {
        judged.parallelism = parallelism(row);
    }
    judged
}

/// What a row ran, where and how.
#[derive(Clone)]
pub struct Subject {
    pub chip: Chip,
    pub setting: Setting,
    pub stated: Stated,
    pub convention: Convention,
    /// Evaluations that the measured time holds.
    pub evaluations: Option<Evaluations>,
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

/// Why a row has no measurement.
fn unmeasured(row: &Row) -> Obstacle {
    let stated = TableKind::Runs.measurements().iter().find_map(|column| Some((column, row.number(column)?)));
    match stated {
        Some((column, value)) => Obstacle::Lacks(format!("`{column}` is {}, which no run can have", figure(value))),
        None => Obstacle::states_no("measurement"),
    }
}

/// What a quantity cannot be predicted without.
fn needs(row: &Row, quantity: Quantity) -> Result<(), Obstacle> {
    if quantity.is_whole_run() && row.positive("tokens_total").is_none() {
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
pub fn predicted(row: &Row, subject: &Subject, estimate: &Estimate, chips: f64, quantity: Quantity) -> f64 {
    let setting = &subject.setting;
    let run = &setting.workload.run;
    let used = estimate.chips_used.min(chips).max(1.0);
    let goodput = estimate.wall.goodput;
    let beside_s = subject.evaluations.map_or(0.0, |held| {
        held.start_s + held.per_step * evaluation_time(setting, &estimate.plan, estimate.clock, held.sequences)
    });
    let rate = estimate.plan.global_batch() as f64 * run.seq_len / (used * (estimate.step_s + beside_s));
    let rate_as_stated = if is_whole_run(row) { rate * goodput } else { rate };
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
        Quantity::NodeW | Quantity::RelativeThroughput | Quantity::RelativeEnergy | Quantity::PeakMemoryGib => f64::NAN,
    }
}

/// Model FLOP/s of a chip of an estimate.
pub fn model_flops(setting: &Setting, estimate: &Estimate) -> f64 {
    let run = &setting.workload.run;
    let rate = estimate.plan.global_batch() as f64 * run.seq_len / (estimate.chips_used.max(1.0) * estimate.step_s);
    rate * model_flop_per_token(&setting.workload.architecture, run, false)
}

/// Energy of the steps of a whole run at the inputs of its servers, MWh: no fabric, storage or facility.
fn servers_mwh(setting: &Setting, chosen: &Chosen, chips: f64) -> f64 {
    let (run, estimate) = (&setting.workload.run, &chosen.estimate);
    let steps = run.tokens / (estimate.plan.global_batch() as f64 * run.seq_len);
    let rank_w = estimate.power.rank_training_w + setting.cluster.node_host_w / setting.cluster.node_chips;
    steps * estimate.step_s * chips * setting.ranks_per_chip * rank_w / 3.6e9
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

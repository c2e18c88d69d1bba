//! Predicts one measured row from its configuration alone: no measured column is read here but the one compared with.

use super::inference::Inference;
use super::table::Row;
use crate::library::chip::Chip;
use crate::library::diagnostic::Fault;
use crate::library::site::Site;
use crate::library::store::Library;
use crate::library::workload::{Architecture, Precision, Run, Training, Workload};
use crate::model::estimate_unconstrained;
use crate::model::parameters::{Assumptions, Calibration};
use crate::model::plan::{Plan, Recompute, Shard};
use crate::model::roofline::peak;
use crate::model::setting::Setting;
use crate::model::weights::model_flop_per_token;
use crate::model::{Estimate, estimate};
use crate::search::space::{Batch, Fixed, PlanSpace};
use rayon::prelude::*;

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Scored,
    /// The row lacks what a prediction needs.
    Unscored,
    /// Flagged or recalled, or of a chip or word that the library does not know.
    Skipped,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Scored => "scored",
            Status::Unscored => "unscored",
            Status::Skipped => "skipped",
        }
    }
}

/// A row beside its prediction.
#[derive(Clone, Debug)]
pub struct Judged {
    pub id: String,
    pub source: String,
    pub kind: String,
    pub chip: String,
    pub quantity: &'static str,
    pub measured: f64,
    pub predicted: f64,
    /// ln(predicted/measured) in the sense of time, energy or power; positive: too slow, too much.
    pub error: f64,
    pub status: Status,
    pub reason: String,
    pub stack: String,
    /// Fields that the row does not state and the prediction chose.
    pub inferred: Vec<&'static str>,
    pub plan_stated: bool,
    /// The memory model calls a plan infeasible that did run.
    pub memory_disagrees: bool,
}

/// What predictions share.
pub struct Predictor<'a> {
    library: &'a Library,
    inference: Inference,
    calibration: Calibration,
    assumptions: Assumptions,
    site: Site,
}

/// The quantity that a row is judged on: the first of the contract's list that it states.
fn measured(row: &Row) -> Option<(&'static str, f64)> {
    let positive = |column: &str| row.number(column).filter(|n| *n > 0.0);
    positive("sec_per_iter")
        .map(|v| ("step_s", v))
        .or_else(|| positive("tokens_per_s_per_chip").map(|v| ("tokens_per_s_per_chip", v)))
        .or_else(|| implied_step(row).map(|v| ("step_s", v)))
        .or_else(|| positive("tflops_per_chip").map(|v| ("tflops_per_chip", v)))
        .or_else(|| positive("mfu_reported").map(|v| ("mfu", v)))
        .or_else(|| positive("days").map(|v| ("days", v)))
        .or_else(|| positive("chip_hours").map(|v| ("chip_hours", v)))
        .or_else(|| positive("energy_MWh").map(|v| ("energy_mwh", v)))
}

/// Step time that a table states beside rounded FLOP rates.
fn implied_step(row: &Row) -> Option<f64> {
    let notes = row.text("notes");
    let rest = notes.split("implied iteration time ").nth(1)?;
    rest.split(|c: char| !(c.is_ascii_digit() || c == '.')).next()?.parse().ok()
}

impl<'a> Predictor<'a> {
    /// A predictor over a library.
    pub fn new(library: &'a Library) -> Result<Predictor<'a>, Fault> {
        Ok(Predictor {
            library,
            inference: Inference::shipped()?,
            calibration: library.calibration()?,
            assumptions: library.assumptions()?,
            site: library.site("us-average", None)?,
        })
    }

    /// The same predictor with other constants, for fits.
    pub fn with_calibration(mut self, calibration: Calibration) -> Predictor<'a> {
        self.calibration = calibration;
        self
    }

    /// Judges every row.
    pub fn judge_all(&self, rows: &[Row]) -> Vec<Judged> {
        rows.par_iter().map(|row| self.judge(row)).collect()
    }

    /// Judges one row.
    pub fn judge(&self, row: &Row) -> Judged {
        let stated = ["tp", "pp", "micro_batch", "chips"].iter().all(|c| row.number(c).is_some());
        let mut judged = Judged {
            id: row.text("id").to_owned(),
            source: row.text("source").to_owned(),
            kind: row.text("kind").to_owned(),
            chip: row.text("chip").to_owned(),
            quantity: "",
            measured: f64::NAN,
            predicted: f64::NAN,
            error: f64::NAN,
            status: Status::Unscored,
            reason: String::new(),
            stack: String::new(),
            inferred: Vec::new(),
            plan_stated: stated,
            memory_disagrees: false,
        };
        if row.text("notes").contains("FLAG") || row.text("confidence") == "recalled" {
            judged.status = Status::Skipped;
            judged.reason =
                if row.text("confidence") == "recalled" { "recalled".into() } else { "flagged by its source".into() };
            return judged;
        }
        let Some((quantity, value)) = measured(row) else {
            judged.reason = "states no measurement".into();
            return judged;
        };
        judged.quantity = quantity;
        judged.measured = value;
        match self.predict(row, &mut judged) {
            Ok(predicted) if predicted.is_finite() && predicted > 0.0 => {
                let rate = matches!(quantity, "tokens_per_s_per_chip" | "tflops_per_chip" | "mfu");
                judged.predicted = predicted;
                judged.error = if rate { (value / predicted).ln() } else { (predicted / value).ln() };
                judged.status = Status::Scored;
            }
            Ok(_) => judged.reason = "the prediction is not finite".into(),
            Err((status, reason)) => {
                judged.status = status;
                judged.reason = reason;
            }
        }
        judged
    }

    fn predict(&self, row: &Row, judged: &mut Judged) -> Result<f64, (Status, String)> {
        let skip = |fault: Fault| (Status::Skipped, fault.message());
        let lack = |what: &str| (Status::Unscored, format!("states no {what}"));
        if row.text("chip").is_empty() {
            return Err(lack("chip"));
        }
        let chip = self.library.chip(row.text("chip")).map_err(skip)?;
        let stack_name = if row.text("stack").is_empty() {
            judged.inferred.push("stack");
            self.inference.stack(row, &chip.vendor).to_owned()
        } else {
            row.text("stack").to_owned()
        };
        let stack = self.library.stack(&stack_name).map_err(skip)?;
        judged.stack = stack.name.clone();
        let mut cluster = self.library.cluster(&chip.cluster).map_err(skip)?;
        if let Some(gbps) = row.number("nic_gbps_per_chip") {
            cluster.nic_bytes_per_s = gbps * 1e9 / 8.0;
        }
        if let Some(domain) = row.number("domain_chips") {
            cluster.domain_chips = domain;
        }
        let workload = self.workload(row, &chip, judged)?;
        let chips = row.number("chips").filter(|n| *n >= 1.0).unwrap_or_else(|| {
            judged.inferred.push("chips");
            512.0
        });
        let setting =
            Setting::new(&chip, &cluster, &workload, &stack, &self.site, self.calibration, self.assumptions, None);
        let (estimate, fits) = self.plan(row, &setting, chips, judged)?;
        judged.memory_disagrees = !fits;
        Ok(quantity(row, &setting, &estimate, chips, judged.quantity))
    }

    /// The row's workload: its own columns over the library's entry of that name.
    fn workload(&self, row: &Row, chip: &Chip, judged: &mut Judged) -> Result<Workload, (Status, String)> {
        let name = row.text("model_name");
        let base_name = name.trim_end_matches(|c: char| c == 'L' || c.is_ascii_digit()).trim_end_matches('-');
        let known = self.library.workload(name).or_else(|_| self.library.workload(base_name)).ok();
        let number = |column: &str| row.number(column);
        let mut architecture = match (known.as_ref(), number("layers").zip(number("hidden")).zip(number("heads"))) {
            (Some(known), None) => {
                judged.inferred.push("architecture");
                known.architecture.clone()
            }
            (known, Some(((layers, hidden), heads))) => {
                let mut a = known.map_or_else(|| Architecture::stand_in(1e9, 1e9), |w| w.architecture.clone());
                let proxy = known.is_some_and(|w| w.architecture.layers > layers);
                a.layers = layers;
                a.hidden = hidden;
                a.heads = heads;
                a.gated = number("gated_mlp").map_or(a.gated, |g| g > 0.0);
                if known.is_none() {
                    a.head_dim = hidden / heads;
                    a.tied = !a.gated;
                    a.experts = 0.0;
                }
                a.kv_heads = number("kv_heads").unwrap_or(if known.is_some() { a.kv_heads } else { heads });
                a.experts = number("experts").unwrap_or(0.0);
                a.ffn =
                    number("ffn_hidden").unwrap_or(if known.is_some() && a.ffn > 0.0 { a.ffn } else { 4.0 * hidden });
                a.vocab = number("vocab").unwrap_or(if known.is_some() { a.vocab } else { 50_257.0 });
                if a.experts > 0.0 {
                    a.top_k = number("experts_active").unwrap_or(a.top_k.max(1.0));
                    a.expert_ffn =
                        number("expert_ffn_hidden").unwrap_or(if a.expert_ffn > 0.0 { a.expert_ffn } else { a.ffn });
                    let known_moe = known.map_or(0.0, |w| w.architecture.moe_layers);
                    let dense = known.map_or(0.0, |w| (w.architecture.layers - w.architecture.moe_layers).max(0.0));
                    a.moe_layers = if known_moe == 0.0 {
                        layers
                    } else if row.noted("one dense layer") {
                        layers - 1.0
                    } else if known_moe * 2.0 <= known.map_or(0.0, |w| w.architecture.layers) {
                        (layers / 2.0).floor()
                    } else {
                        (layers - dense).max(1.0)
                    };
                } else {
                    a.moe_layers = 0.0;
                }
                if proxy && !row.noted("mtp") {
                    a.mtp_depth = 0.0;
                }
                if row.text("attention") != "mla" {
                    a.kv_lora = 0.0;
                }
                a
            }
            (None, None) => {
                let active = number("params_active_B").or(number("params_total_B"));
                let Some(active) = active.filter(|n| *n > 0.0) else {
                    return Err((Status::Unscored, "states neither a shape nor a known model".into()));
                };
                judged.inferred.push("architecture");
                let total = number("params_total_B").unwrap_or(active).max(active);
                Architecture::stand_in(total * 1e9, active * 1e9)
            }
        };
        if row.noted("head-dim 256") {
            architecture.head_dim = 256.0;
        }
        if row.noted("encoder") || name.starts_with("bert") {
            architecture.causal = false;
        }
        if row.noted("no mtp") || !(row.noted("mtp") || judged.stack.starts_with("megatron-core-202")) {
            architecture.mtp_depth = 0.0;
        }
        let precision = match row.text("precision") {
            "" => {
                judged.inferred.push("precision");
                if chip.bf16_flops > 0.0 { Precision::Bf16 } else { Precision::Fp16 }
            }
            word => Precision::parse(word).ok_or_else(|| (Status::Skipped, format!("unknown precision `{word}`")))?,
        };
        let precision = if peak(chip, precision) > 0.0 {
            precision
        } else if chip.bf16_flops > 0.0 {
            Precision::Bf16
        } else {
            Precision::Fp16
        };
        let seq_len = number("seq_len").unwrap_or_else(|| {
            judged.inferred.push("seq_len");
            known.as_ref().map_or(2048.0, |w| w.run.seq_len)
        });
        let run = Run {
            tokens: number("tokens_total").or(known.as_ref().map(|w| w.run.tokens)).unwrap_or(1e12),
            global_batch: number("global_batch_seqs").unwrap_or(0.0),
            seq_len,
            precision,
            training: if row.noted("lora") { Training::Lora { rank: 16.0 } } else { Training::Full },
        };
        Ok(Workload {
            name: name.to_owned(),
            title: name.to_owned(),
            architecture,
            coarse: false,
            run,
            published_total: None,
            published_active: None,
        })
    }

    /// The row's plan: what it states, and the best of the rest.
    fn plan(
        &self,
        row: &Row,
        setting: &Setting,
        chips: f64,
        judged: &mut Judged,
    ) -> Result<(Estimate, bool), (Status, String)> {
        let ranks = (chips * setting.ranks_per_chip).round() as u32;
        let pp = row.count("pp");
        let mut fixed = Fixed {
            tp: row.count("tp"),
            cp: row.count("cp"),
            pp,
            vpp: row.count("vpp"),
            ep: row.count("ep"),
            micro_batch: row.count("micro_batch"),
            recompute: match row.text("recompute") {
                "" => None,
                word => Some(
                    Recompute::parse(word)
                        .ok_or_else(|| (Status::Skipped, format!("unknown word `{word}` in recompute")))?,
                ),
            },
            shard: row.number("zero_or_fsdp_stage").and_then(|z| Shard::parse(&format!("{z:.0}"))),
            sequence_parallel: row.number("seq_parallel").map(|n| n > 0.0),
            ..Fixed::default()
        };
        if judged.plan_stated {
            // What a table leaves out beside a full plan has its plain value.
            fixed.cp = fixed.cp.or(Some(1));
            fixed.shard = fixed.shard.or(Some(Shard::Optimizer));
            if !setting.stack.interleaving || fixed.pp == Some(1) {
                fixed.vpp = Some(fixed.vpp.unwrap_or(1));
            }
            let experts = setting.workload.architecture.experts;
            if fixed.ep.is_none() && experts > 0.0 {
                fixed.ep = Some((experts as u32).min(8));
            }
            let tp = fixed.tp.unwrap_or(1);
            let block = tp * fixed.cp.unwrap_or(1) * fixed.pp.unwrap_or(1);
            let dp = (ranks / block.max(1)).max(1);
            let mut micro_batch = fixed.micro_batch.unwrap_or(1);
            let batch = match row.count("global_batch_seqs") {
                Some(batch) => batch,
                None => {
                    judged.inferred.push("global_batch_seqs");
                    dp * micro_batch * if fixed.pp.unwrap_or(1) > 1 { 4 * fixed.pp.unwrap_or(1) } else { 1 }
                }
            };
            let mut micro_batches = (f64::from(batch) / (f64::from(dp) * f64::from(micro_batch))).round() as u32;
            if fixed.pp.unwrap_or(1) > 1 && micro_batches <= 1 && micro_batch > 1 {
                // A local batch that the pipeline splits.
                micro_batches = micro_batch;
                micro_batch = 1;
            }
            if micro_batches == 0 {
                micro_batch = (batch / dp).max(1);
                micro_batches = 1;
            }
            let plan = Plan {
                tp,
                cp: fixed.cp.unwrap_or(1),
                pp: fixed.pp.unwrap_or(1),
                vpp: fixed.vpp.unwrap_or(1),
                dp,
                ep: fixed.ep.unwrap_or(1).max(1),
                etp: if setting.stack.expert_tensor_parallel && experts > 0.0 { tp } else { 1 },
                micro_batch,
                micro_batches,
                recompute: fixed.recompute.unwrap_or(Recompute::None),
                shard: fixed.shard.unwrap_or(Shard::Optimizer),
                sequence_parallel: tp > 1 && fixed.sequence_parallel.unwrap_or(setting.stack.sequence_parallel),
                precision: setting.workload.run.precision,
            };
            return complete(setting, plan, &fixed, chips, judged);
        }
        // No full plan: the tool's own best.
        judged.inferred.push("plan");
        let batch = match row.count("global_batch_seqs") {
            Some(batch) => Batch::within(f64::from(batch), 0.0),
            None => {
                judged.inferred.push("global_batch_seqs");
                let target = f64::from(ranks) * f64::from(fixed.micro_batch.unwrap_or(4))
                    / f64::from(fixed.tp.unwrap_or(1) * fixed.pp.unwrap_or(1));
                Batch::within(target.max(1.0), 0.5)
            }
        };
        let space = PlanSpace::new(setting, &fixed, ranks, batch, false);
        let mut best: Option<Estimate> = None;
        let mut fallback: Option<Estimate> = None;
        for index in 0..space.len() {
            let Some(plan) = space.decode(index) else { continue };
            if let Ok(found) = estimate(setting, &plan, chips) {
                let rate = |e: &Estimate| e.step_s / e.plan.global_batch() as f64;
                if best.as_ref().is_none_or(|b| rate(&found) < rate(b)) {
                    best = Some(found);
                }
            } else if best.is_none()
                && let Ok(found) = estimate_unconstrained(setting, &plan, chips)
                && fallback.as_ref().is_none_or(|f| found.memory.peak() < f.memory.peak())
            {
                fallback = Some(found);
            }
        }
        match (best, fallback) {
            (Some(best), _) => Ok((best, true)),
            (None, Some(fallback)) => Ok((fallback, false)),
            (None, None) => Err((Status::Unscored, "no plan of these sizes can be laid out".into())),
        }
    }
}

/// Fills what a stated plan leaves open: the fastest interleaving, the least recompute that fits.
fn complete(
    setting: &Setting,
    plan: Plan,
    fixed: &Fixed,
    chips: f64,
    judged: &mut Judged,
) -> Result<(Estimate, bool), (Status, String)> {
    let depths: Vec<u32> = if fixed.vpp.is_some() {
        vec![plan.vpp]
    } else {
        judged.inferred.push("vpp");
        let per_stage = setting.workload.architecture.layers / f64::from(plan.pp);
        (1..=12).filter(|v| *v == 1 || per_stage % f64::from(*v) == 0.0).collect()
    };
    let modes = if fixed.recompute.is_some() {
        vec![plan.recompute]
    } else {
        judged.inferred.push("recompute");
        vec![Recompute::None, Recompute::Selective, Recompute::Full]
    };
    let mut loosest = None;
    for recompute in modes {
        let mut best: Option<Estimate> = None;
        for vpp in &depths {
            let candidate = Plan { vpp: *vpp, recompute, ..plan };
            match crate::model::estimate_as_measured(setting, &candidate, chips) {
                Ok(found) => {
                    let better = |b: &Estimate| found.step_s < b.step_s;
                    if best.as_ref().is_none_or(better) {
                        best = Some(found);
                    }
                }
                Err(rejection) => {
                    if depths.len() == 1 {
                        return Err((
                            Status::Unscored,
                            format!("the plan cannot be laid out ({})", rejection.reason.word()),
                        ));
                    }
                }
            }
        }
        if let Some(best) = best {
            if best.memory.peak() <= best.memory.usable {
                return Ok((best, true));
            }
            loosest = loosest.or(Some(best));
        }
    }
    // It did run: the memory model is wrong about it, and says so.
    loosest.map(|e| (e, false)).ok_or_else(|| (Status::Unscored, "no interleaving can be laid out".into()))
}

/// The estimate in the row's own quantity.
fn quantity(row: &Row, setting: &Setting, estimate: &Estimate, chips: f64, name: &str) -> f64 {
    let run = &setting.workload.run;
    let used = estimate.chips_used.min(chips).max(1.0);
    let rate = estimate.plan.global_batch() as f64 * run.seq_len / (used * estimate.step_s);
    let convention = row.text("flops_convention");
    let flop = || {
        let full = convention.contains("full")
            || convention.contains("hardware")
            || convention.contains("peak 190")
            || convention.is_empty();
        let mut flop =
            model_flop_per_token(&setting.workload.architecture, run, full && !convention.contains("causal half"));
        if convention.contains("hardware") && estimate.plan.recompute == Recompute::Full {
            flop *= 4.0 / 3.0;
        }
        flop
    };
    match name {
        "step_s" => {
            let batch = row.number("global_batch_seqs").unwrap_or(estimate.plan.global_batch() as f64);
            batch * run.seq_len / (chips * rate)
        }
        "tokens_per_s_per_chip" => rate,
        "tflops_per_chip" => rate * flop() * 1e-12,
        "mfu" => {
            rate * flop()
                / (peak(&setting.chip, Precision::Bf16).max(peak(&setting.chip, Precision::Fp16))
                    * setting.ranks_per_chip)
        }
        "days" => run.tokens / (rate * chips) / estimate.wall.goodput / 86_400.0,
        "chip_hours" => run.tokens / rate / estimate.wall.goodput / 3600.0,
        "energy_mwh" => estimate.power.facility_j() / 3.6e9,
        _ => f64::NAN,
    }
}

//! How a row's run was laid out: what it states, and the best of the rest.

use super::judged::Obstacle;
use super::table::Row;
use super::vocabulary::Words;
use crate::library::stack::Recipes;
use crate::library::workload::Workload;
use crate::model::memory::GIB;
use crate::model::plan::{Plan, Reason, Recompute, Shard};
use crate::model::roofline::half_peak;
use crate::model::setting::Setting;
use crate::model::weights::model_flop_per_token;
use crate::model::{Estimate, Rejection, estimate, estimate_as_measured};
use crate::search::space::{Batch, Fixed, PlanSpace};

/// Chips of a row that states none and is judged per chip: enough for any plan, few enough that failures cost little.
pub const UNSTATED_CHIPS: f64 = 512.0;
/// Seconds that a whole production run takes where a row states no chips: Llama 3 405B took 54 days (paper, section 3.3).
const PRODUCTION_RUN_S: f64 = 54.0 * 86_400.0;
/// Utilisation at which such a run's chips are counted.
const PRODUCTION_UTILISATION: f64 = 0.4;
/// Tokens of a step of a production run that neither the row nor the library states: GPT-3 3.2 M, Llama 2 4.2 M.
const PRODUCTION_BATCH_TOKENS: f64 = 4.2e6;
/// How far that batch may be rounded.
const PRODUCTION_BATCH_TOLERANCE: f64 = 0.1;
/// Micro-batches a stage where a pipelined row states no global batch: enough to make the bubble small.
const UNSTATED_DEPTH: u64 = 4;
/// Experts a rank group holds where a row states no expert parallelism: one node.
const UNSTATED_EXPERT_GROUP: u32 = 8;
/// How far a batch may be from the stated one where no plan divides that one.
const CLOSE_BATCH_TOLERANCE: f64 = 0.5;

/// What is stated of a plan.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    pub fixed: Fixed,
    pub global_batch: Option<u32>,
    /// Sequences a step that a whole run most likely had, where it states none.
    pub usual_batch: Option<f64>,
    /// Sizes, micro-batch and chips are stated: what else is blank has its plain value.
    pub whole: bool,
}

impl Stated {
    /// What a row states.
    pub fn of(row: &Row, words: &Words, known: Option<&Workload>, seq_len: f64) -> Stated {
        let fixed = Fixed {
            tp: row.count("tp"),
            cp: row.count("cp"),
            pp: row.count("pp"),
            vpp: row.count("vpp"),
            ep: row.count("ep"),
            etp: row.remark_number("expert tp ").map(|n| n as u32),
            micro_batch: micro_batch(row),
            recompute: words.recompute,
            shard: words.shard,
            sequence_parallel: row.number("seq_parallel").map(|on| on > 0.0),
            ..Fixed::default()
        };
        let published = known.filter(|known| !known.coarse).map(|known| known.run.global_batch * known.run.seq_len);
        let usual = (published.unwrap_or(PRODUCTION_BATCH_TOKENS) / seq_len).max(1.0);
        Stated {
            fixed,
            global_batch: row.count("global_batch_seqs"),
            usual_batch: is_whole_run(row).then_some(usual),
            whole: plan_is_stated(row),
        }
    }
}

/// Whether a row's figure is of a whole production run: start-up, restarts and evaluation are in it.
pub fn is_whole_run(row: &Row) -> bool {
    row.remarked("whole run")
        || ["days", "chip_hours", "energy_MWh"].iter().any(|column| row.positive(column).is_some())
            && ["sec_per_iter", "tokens_per_s_per_chip", "tflops_per_chip", "mfu_reported"]
                .iter()
                .all(|column| row.positive(column).is_none())
}

/// Chips of a row that states none: as many as make a whole run one of usual length, or else a cluster that suits any plan.
pub fn usual_chips(row: &Row, setting: &Setting) -> f64 {
    if !is_whole_run(row) {
        return UNSTATED_CHIPS;
    }
    let (chip, run) = (&setting.chip, &setting.workload.run);
    let flop = run.tokens * model_flop_per_token(&setting.workload.architecture, run, false);
    let rate = PRODUCTION_UTILISATION * half_peak(chip) * setting.ranks_per_chip;
    (flop / (rate * PRODUCTION_RUN_S)).log2().round().exp2().clamp(8.0, 65_536.0)
}

/// Whether a row states chips, sizes and micro-batch.
pub fn plan_is_stated(row: &Row) -> bool {
    chips(row).is_some() && row.count("tp").is_some() && row.count("pp").is_some() && micro_batch(row).is_some()
}

/// Sequences of a micro-batch. One that a pipeline splits is the local batch.
fn micro_batch(row: &Row) -> Option<u32> {
    row.count("micro_batch").or_else(|| {
        let local = row.number("global_batch_seqs")? / row.number("dp")?;
        (row.remarked("local batch split over pipeline") && local >= 1.0).then_some(local as u32)
    })
}

/// Chips that a row states, or that its parallel sizes multiply to.
pub fn chips(row: &Row) -> Option<f64> {
    row.number("chips").or_else(|| {
        let sizes = row.number("dp")? * row.number("tp")? * row.number("pp")? * row.number("cp").unwrap_or(1.0);
        (sizes <= 1e8).then_some(sizes)
    })
}

/// A plan with its estimate.
pub struct Chosen {
    pub estimate: Estimate,
    /// Whether the memory model agrees that it runs.
    pub fits: bool,
}

/// The plan of a run on `chips` chips, and in `inferred` what was not stated of it.
pub fn choose(
    setting: &Setting,
    stated: &Stated,
    chips: f64,
    inferred: &mut Vec<&'static str>,
) -> Result<Chosen, Obstacle> {
    let ranks = (chips * setting.ranks_per_chip).round() as u32;
    if stated.whole {
        complete(setting, stated, ranks, chips, inferred)
    } else {
        search(setting, stated, ranks, chips, inferred)
    }
}

/// Fills what a whole plan leaves open: the fastest interleaving, the least recompute that fits.
fn complete(
    setting: &Setting,
    stated: &Stated,
    ranks: u32,
    chips: f64,
    inferred: &mut Vec<&'static str>,
) -> Result<Chosen, Obstacle> {
    let plan = plain(setting, stated, ranks, inferred)?;
    let fixed = &stated.fixed;
    let depths: Vec<u32> = if fixed.vpp.is_some() || plan.pp == 1 || !setting.stack.interleaving {
        vec![plan.vpp]
    } else {
        inferred.push("vpp");
        let per_stage = setting.workload.architecture.layers / f64::from(plan.pp);
        (1..=12).filter(|depth| *depth == 1 || per_stage % f64::from(*depth) == 0.0).collect()
    };
    let modes = if fixed.recompute.is_some() {
        vec![plan.recompute]
    } else {
        inferred.push("recompute");
        Recompute::ALL.to_vec()
    };
    let fastest = |recompute: Recompute| {
        let candidates = depths.iter().map(|vpp| Plan { vpp: *vpp, recompute, ..plan });
        let found = candidates.filter_map(|plan| estimate_as_measured(setting, &plan, chips).ok());
        found.min_by(|a, b| a.step_s.total_cmp(&b.step_s))
    };
    let found: Vec<Estimate> = modes.into_iter().filter_map(fastest).collect();
    let fits = |estimate: &&Estimate| estimate.memory.peak() <= estimate.memory.usable;
    let Some(loosest) = found.first() else {
        return Err(Obstacle::Lacks("its plan cannot be laid out".to_owned()));
    };
    let Some(least) = found.iter().find(fits) else {
        // It did run: the memory model is wrong about it, and says so.
        return Ok(Chosen { estimate: *loosest, fits: false });
    };
    let mut estimate = *least;
    if let Some(full) = found.iter().find(|found| found.plan.recompute == Recompute::Full) {
        estimate.step_s = estimate.step_s.min(partial_step(loosest, full));
    }
    Ok(Chosen { estimate, fits: true })
}

/// Step of a run that recomputes as many of its layers as memory asks for, and no more (Megatron's block method): between
/// the step of none and that of all in proportion to the memory that is short.
fn partial_step(none: &Estimate, full: &Estimate) -> f64 {
    let short = none.memory.peak() - none.memory.usable;
    let saved = none.memory.peak() - full.memory.peak();
    if short <= 0.0 || saved < short {
        return full.step_s;
    }
    none.step_s + (full.step_s - none.step_s) * short / saved
}

/// The plan that a row states, with what a table leaves out beside a whole plan at its plain value.
fn plain(setting: &Setting, stated: &Stated, ranks: u32, inferred: &mut Vec<&'static str>) -> Result<Plan, Obstacle> {
    let fixed = &stated.fixed;
    let (tp, cp, pp) = (fixed.tp.unwrap_or(1), fixed.cp.unwrap_or(1), fixed.pp.unwrap_or(1));
    let block = u64::from(tp) * u64::from(cp) * u64::from(pp);
    if block > u64::from(ranks) {
        return Err(Obstacle::Lacks(format!("tp {tp} x cp {cp} x pp {pp} need {block} ranks, and there are {ranks}")));
    }
    let dp = ranks / block as u32;
    let experts = setting.workload.architecture.experts;
    let ep = match fixed.ep {
        Some(ep) => ep,
        None if experts > 0.0 => {
            inferred.push("ep");
            (experts as u32).clamp(1, UNSTATED_EXPERT_GROUP)
        }
        None => 1,
    };
    let mut micro_batch = fixed.micro_batch.unwrap_or(1);
    let batch = match stated.global_batch {
        Some(batch) => batch,
        None => {
            inferred.push("global_batch_seqs");
            let depth = if pp > 1 { UNSTATED_DEPTH * u64::from(pp) } else { 1 };
            (u64::from(dp) * u64::from(micro_batch) * depth).min(u64::from(u32::MAX)) as u32
        }
    };
    let mut micro_batches = (f64::from(batch) / (f64::from(dp) * f64::from(micro_batch))).round() as u32;
    if pp > 1 && micro_batches <= 1 && micro_batch > 1 {
        // A local batch that the pipeline splits: into as many as it has stages, where that is even.
        let pieces = if micro_batch % pp == 0 { pp } else { micro_batch };
        micro_batches = pieces;
        micro_batch /= pieces;
    }
    if micro_batches == 0 {
        micro_batch = (batch / dp).max(1);
        micro_batches = 1;
    }
    let splits_experts = setting.stack.expert_tensor_parallel && experts > 0.0;
    Ok(Plan {
        tp,
        cp,
        pp,
        vpp: fixed.vpp.unwrap_or(1),
        dp,
        ep,
        etp: fixed.etp.unwrap_or(if splits_experts { tp } else { 1 }).max(1),
        micro_batch,
        micro_batches,
        recompute: fixed.recompute.unwrap_or(Recompute::None),
        shard: fixed.shard.unwrap_or(Shard::Optimizer),
        sequence_parallel: tp > 1 && fixed.sequence_parallel.unwrap_or(setting.stack.sequence_parallel),
        precision: setting.workload.run.precision,
    })
}

/// The tool's own best plan under what is stated.
fn search(
    setting: &Setting,
    stated: &Stated,
    ranks: u32,
    chips: f64,
    inferred: &mut Vec<&'static str>,
) -> Result<Chosen, Obstacle> {
    inferred.push("plan");
    let fixed = &stated.fixed;
    let batch = match (stated.global_batch, stated.usual_batch) {
        (Some(batch), _) => Batch::within(f64::from(batch), 0.0),
        (None, Some(usual)) => {
            inferred.push("global_batch_seqs");
            Batch::within(usual, PRODUCTION_BATCH_TOLERANCE)
        }
        (None, None) => {
            inferred.push("global_batch_seqs");
            let split = f64::from(fixed.tp.unwrap_or(1)) * f64::from(fixed.pp.unwrap_or(1));
            Batch::within((f64::from(ranks) * f64::from(fixed.micro_batch.unwrap_or(4)) / split).max(1.0), 0.5)
        }
    };
    // It did run: if not on a plan that its stack's users choose, on another; if no batch divides so, on one close by.
    let mut open = setting.clone();
    open.stack.recipes = Recipes::default();
    let close = stated.global_batch.map_or(batch, |stated| Batch::within(f64::from(stated), CLOSE_BATCH_TOLERANCE));
    let mut nearest: Option<Rejection> = None;
    for (recipes, batch) in [(setting, batch), (&open, batch), (&open, close)] {
        let (best, closest) = best_of(setting, &PlanSpace::new(recipes, fixed, ranks, batch, false), chips);
        if let Some(estimate) = best {
            return Ok(Chosen { estimate, fits: true });
        }
        nearest = nearest.or(closest);
    }
    let Some(rejection) = nearest else {
        return Err(Obstacle::Lacks("states no plan, and none of these sizes can be laid out".to_owned()));
    };
    let (found, limit) = (rejection.found / GIB, rejection.limit / GIB);
    Err(Obstacle::Lacks(format!("states no plan, and none fits: the closest needs {found:.0} of {limit:.0} GiB")))
}

/// The fastest plan of a space, and the rejection for memory that came closest to running.
fn best_of(setting: &Setting, space: &PlanSpace, chips: f64) -> (Option<Estimate>, Option<Rejection>) {
    let mut best: Option<Estimate> = None;
    let mut closest: Option<Rejection> = None;
    let pace = |found: &Estimate| found.step_s / found.plan.global_batch() as f64;
    for plan in (0..space.len()).filter_map(|index| space.decode(index)) {
        match estimate(setting, &plan, chips) {
            Ok(found) if best.as_ref().is_none_or(|best| pace(&found) < pace(best)) => best = Some(found),
            Err(rejection) if rejection.reason == Reason::Memory => {
                closest = Some(closest.filter(|closest| closest.found <= rejection.found).unwrap_or(rejection));
            }
            _ => {}
        }
    }
    (best, closest)
}

//! An estimate as the JSON document that scripts rely on, and as text.

use serde_json::{Map, Value, json};

use crate::design::Design;
use crate::library::record::Value as RecordValue;
use crate::library::workload::Training;
use crate::model::cost::{billed_j, demand_usd};
use crate::model::memory::{GIB, StageMemory, memory};
use crate::model::plan::{Plan, Reason, Recompute};
use crate::model::roofline::{half_peak, peak};
use crate::model::weights::{Weights, model_flop_per_token};
use crate::model::{Estimate, Rejection};
use crate::search::Found;
use crate::supply::{Term, terms};
use crate::uncertainty::band::Band;
use crate::uncertainty::coverage::{Measured, extrapolations};
use crate::uncertainty::figures::{bands, gemm_is_assumed, uncertainty};

/// Figures of an estimate that need more than its stages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    pub tokens_per_s: f64,
    pub tokens_per_s_per_chip: f64,
    pub tflops_per_chip: f64,
    pub mfu: f64,
    pub mfu_bf16: f64,
    pub mfu_full_attention: f64,
    pub hfu: f64,
}

/// Rates of an estimate, per chip in use.
pub fn rates(design: &Design, e: &Estimate) -> Rates {
    let setting = &design.setting;
    let (a, run) = (&setting.workload.architecture, &setting.workload.run);
    let tokens_per_s = e.plan.global_batch() as f64 * run.seq_len / e.step_s;
    let per_chip = tokens_per_s / e.chips_used;
    let flop = model_flop_per_token(a, run, false);
    let passes = if run.training == Training::Full { 3.0 } else { 2.0 };
    let forward_layers = flop / passes - 2.0 * (1.0 + a.mtp_depth) * a.vocab * a.hidden;
    let repeated = match e.plan.recompute {
        Recompute::None => 0.0,
        Recompute::Selective => setting.stack.selective_share,
        Recompute::Full => 1.0,
    };
    let chip_peak = peak(&setting.chip, e.plan.precision) * setting.ranks_per_chip;
    let rate = per_chip * flop;
    Rates {
        tokens_per_s,
        tokens_per_s_per_chip: per_chip,
        tflops_per_chip: rate * 1e-12,
        mfu: rate / chip_peak,
        mfu_bf16: rate / (half_peak(&setting.chip) * setting.ranks_per_chip),
        mfu_full_attention: per_chip * model_flop_per_token(a, run, true) / chip_peak,
        hfu: per_chip * (flop + repeated * forward_layers) / chip_peak,
    }
}

/// A plan with every field as used.
pub fn plan_json(plan: &Plan) -> Value {
    json!({
        "tp": plan.tp, "pp": plan.pp, "vpp": plan.vpp, "cp": plan.cp, "ep": plan.ep, "etp": plan.etp, "dp": plan.dp,
        "micro_batch": plan.micro_batch, "micro_batches": plan.micro_batches, "global_batch": plan.global_batch(),
        "recompute": plan.recompute.word(), "shard": plan.shard.word(), "sequence_parallel": plan.sequence_parallel,
        "precision": plan.precision.word(), "schedule": plan.schedule(),
    })
}

/// A plan in one line.
pub fn plan_text(plan: &Plan) -> String {
    let mut text = format!("tp{} pp{}", plan.tp, plan.pp);
    if plan.vpp > 1 {
        text += &format!(" vpp{}", plan.vpp);
    }
    if plan.cp > 1 {
        text += &format!(" cp{}", plan.cp);
    }
    if plan.ep > 1 {
        text += &format!(" ep{}", plan.ep);
    }
    text += &format!(" dp{}, micro-batch {} x {}", plan.dp, plan.micro_batch, plan.micro_batches);
    text += match plan.shard.word() {
        "none" => "",
        "optimizer" => ", ZeRO-1",
        "grads" => ", ZeRO-2",
        _ => ", ZeRO-3",
    };
    if plan.recompute != Recompute::None {
        text += &format!(", {} recompute", plan.recompute.word());
    }
    if plan.sequence_parallel {
        text += ", sequence parallel";
    }
    text
}

/// Fields of the plan that the user gave; a design always fixes its precision, given or not.
fn plan_stated(design: &Design) -> Vec<&'static str> {
    let given = design.inputs.iter().any(|input| input.key == "precision" && input.source != "default");
    design.fixed.stated().into_iter().filter(|field| given || *field != "precision").collect()
}

/// P10, P50 and P90 of the figures.
fn bands_json(design: &Design, e: &Estimate) -> Value {
    let bands = bands(e, &uncertainty(design, e), &design.spread);
    let band = |b: Band| json!({ "p10": b.p10, "p50": b.p50, "p90": b.p90 });
    json!({
        "step_s": band(bands.step_s),
        "wall_s": band(bands.wall_s),
        "facility_energy_j": band(bands.facility_energy_j),
        "cost_usd": band(bands.cost_usd),
        "co2_kg": band(bands.co2_kg),
        "memory_bytes": band(bands.memory_bytes),
    })
}

fn object(pairs: &[(&'static str, f64)]) -> Value {
    Value::Object(pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<Map<_, _>>())
}

/// The estimate's fields of the contract, without sources.
pub fn estimate_json(design: &Design, e: &Estimate) -> Map<String, Value> {
    let r = rates(design, e);
    let setting = &design.setting;
    let wall = &e.wall;
    let chips = e.chips_used + e.chips_spare;
    let nodes = chips * setting.ranks_per_chip / setting.cluster.node_chips;
    let chip_j = e.power.matrix_j + e.power.memory_bound_j + e.power.waiting_j + e.power.idle_j;
    let tokens = e.steps * e.plan.global_batch() as f64 * setting.workload.run.seq_len;
    let mut cost = if setting.rental {
        json!({ "total": e.cost.total(), "rental": e.cost.rental, "operations": e.cost.operations, "electricity": e.cost.electricity })
    } else {
        json!({
            "total": e.cost.total(), "chips": e.cost.chips, "facility": e.cost.facility,
            "operations": e.cost.operations, "electricity": e.cost.electricity,
        })
    };
    for (part, dollars) in [("carbon_price", e.cost.carbon_price), ("delay", e.cost.delay)] {
        if dollars != 0.0 {
            cost[part] = json!(dollars);
        }
    }
    let billed = billed_j(&setting.site, e.power.peak_it_w, wall.wall_s, e.power.facility_j());
    let demand = demand_usd(&setting.site, e.power.peak_it_w, wall.wall_s);
    let stage = |m: &StageMemory| json!({ "states": m.states, "step": m.step, "activations": m.activations, "working": m.working, "reserve": m.reserve, "total": m.total() });
    let document = json!({
        "feasible": true,
        "rejected": null,
        "plan": plan_json(&e.plan),
        "plan_stated": plan_stated(design),
        "chips": chips,
        "chips_used": e.chips_used,
        "chips_spare": e.chips_spare,
        "step_s": e.step_s,
        "steps": e.steps,
        "tokens": tokens,
        "seq_len": setting.workload.run.seq_len,
        "tokens_per_s": r.tokens_per_s,
        "tokens_per_s_per_chip": r.tokens_per_s_per_chip,
        "tflops_per_chip": r.tflops_per_chip,
        "mfu": r.mfu,
        "mfu_bf16": r.mfu_bf16,
        "mfu_full_attention": r.mfu_full_attention,
        "hfu": r.hfu,
        "memory_bytes": e.memory.peak(),
        "memory": { "first_stage": stage(&e.memory.first), "last_stage": stage(&e.memory.last), "usable_bytes": e.memory.usable },
        "goodput": wall.goodput,
        "wall_s": wall.wall_s,
        "start_delay_s": e.start_delay_s,
        "done_s": e.done_s(),
        "wall": {
            "powered_s": wall.powered_s, "training_s": wall.training_s, "checkpoint_s": wall.checkpoint_s, "idle_s": wall.idle_s,
            "checkpoint_interval_s": wall.interval_s, "mtbf_s": wall.mtbf_s,
        },
        "clock_ratio": e.clock,
        "avg_chip_w": chip_j / chips / wall.wall_s,
        "training_chip_w": e.power.rank_training_w * setting.ranks_per_chip,
        "avg_node_w": (chip_j + e.power.host_j) / nodes / wall.wall_s,
        "avg_it_w": e.power.it_j() / wall.wall_s,
        "avg_facility_w": e.power.facility_j() / wall.wall_s,
        "peak_it_w": e.power.peak_it_w,
        "peak_facility_w": e.power.peak_facility_w,
        "pue": e.power.pue,
        "it_energy_j": e.power.it_j(),
        "facility_energy_j": e.power.facility_j(),
        "billed_energy_j": if setting.rental { 0.0 } else { billed },
        "energy_j_per_step": e.power.facility_j() / e.steps,
        "energy_j_per_token": e.power.facility_j() / tokens,
        "cost_usd": cost,
        "demand_charge_usd": if setting.rental { 0.0 } else { demand },
        "cost_usd_per_token": e.cost.total() / tokens,
        "cost_usd_per_model_flop": e.cost.total() / (tokens * model_flop_per_token(&setting.workload.architecture, &setting.workload.run, false)),
        "electricity_share": e.cost.electricity / e.cost.total(),
        "co2_kg": { "operational": e.carbon.operational, "embodied": e.carbon.embodied, "total": e.carbon.total() },
        "breakdown": { "step_s": object(&e.step.causes()), "facility_energy_j": object(&e.power.causes()) },
        "bands": bands_json(design, e),
    });
    match document {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What an estimate rests on beyond what was measured, and what the scalar terms in use leave out.
pub fn coverage(design: &Design) -> Vec<String> {
    let measured = Measured::shipped();
    let mut notes: Vec<String> = extrapolations(design, measured).into_iter().map(|found| found.note).collect();
    let chip = &design.setting.chip.name;
    if !measured.is_metered(chip) {
        notes.push(format!("no metered node of {chip} is in the evidence"));
    }
    if gemm_is_assumed(design) {
        notes.push(format!("no published GEMM rate of {chip} in {}", design.setting.workload.run.precision.word()));
    }
    notes.extend(terms(&design.setting).iter().map(Term::note));
    notes
}

/// Inputs as used, and every value of the entries behind them with unit, kind and source.
pub fn sources(design: &Design) -> Value {
    let mut entries = Map::new();
    for record in &design.records {
        let mut values = Map::new();
        for (key, sourced) in record.values() {
            let value = match &sourced.value {
                RecordValue::Number(n) => json!(n),
                RecordValue::Integer(n) => json!(n),
                RecordValue::Flag(f) => json!(f),
                RecordValue::Text(t) => json!(t),
                RecordValue::Texts(t) => json!(t),
            };
            if matches!(key, "name" | "title" | "aliases" | "source" | "kind" | "note") {
                continue;
            }
            let mut entry = json!({ "value": value, "kind": sourced.kind.word(), "source": &*sourced.source });
            if let Some((low, high)) = sourced.range {
                entry["range"] = json!([low, high]);
            }
            if let Some(rule) = &sourced.rule {
                entry["rule"] = json!(rule);
            }
            values.insert(key.to_owned(), entry);
        }
        entries.insert(record.kind().word().to_owned(), json!({ "name": record.name(), "values": values }));
    }
    let inputs: Map<String, Value> = design
        .inputs
        .iter()
        .map(|i| (i.key.to_owned(), json!({ "value": i.value, "unit": i.unit, "source": i.source })))
        .collect();
    json!({ "inputs": inputs, "entries": entries })
}

/// The document of a design that cannot run.
pub fn infeasible_json(design: &Design, reason: &str, detail: &str) -> Value {
    json!({
        "feasible": false,
        "rejected": { "reason": reason, "detail": detail },
        "plan_stated": plan_stated(design),
        "chips": design.chips,
        "coverage": coverage(design),
        "sources": sources(design),
    })
}

fn gib(bytes: f64) -> f64 {
    bytes / GIB
}

/// What a rejection means, in words.
pub fn rejection_text(design: &Design, r: &Rejection) -> String {
    let chip = &design.setting.chip.name;
    match r.reason {
        Reason::Memory => {
            let m = memory(&design.setting, &r.plan);
            let (stage, bytes) = if m.first.total() >= m.last.total() { (0, m.first) } else { (r.plan.pp - 1, m.last) };
            format!(
                "stage {stage} of {} needs {:.1} GiB (states {:.1}, activations {:.1}, working {:.1}, or {:.1} in the optimizer's step, \
                 reserve {:.1}) and {chip} can fill {:.1} GiB: more chips, tp, pp, sharding or recompute",
                r.plan.pp,
                gib(r.found),
                gib(bytes.states),
                gib(bytes.activations),
                gib(bytes.working),
                gib(bytes.step),
                gib(bytes.reserve),
                gib(r.limit)
            )
        }
        Reason::Heads => format!("{} heads do not divide by tp={}", r.limit, r.found),
        Reason::Experts => format!("{} experts do not lie evenly on ep={}", r.limit, r.found),
        Reason::Layers => format!("{} stages for {} layers", r.found, r.limit),
        Reason::Schedule => "the stack cannot interleave such a pipeline".to_owned(),
        Reason::Precision => format!("{chip} lacks {}", design.setting.workload.run.precision.word()),
        Reason::Failures => format!(
            "{} come faster than progress: {:.1} % of the time would be useful, {:.0} % is the least",
            if design.setting.site.stops_per_day > 0.0 { "failures and stops" } else { "failures" },
            100.0 * r.found.max(0.0),
            100.0 * r.limit
        ),
        Reason::SitePower => {
            let (found, limit) = (r.found * 1e-6, r.limit * 1e-6);
            let digits = if limit < 1.0 { 4 } else { 2 };
            format!("the peak of {found:.digits$} MW is above the site's {limit:.digits$} MW")
        }
        Reason::PowerCap => format!(
            "a cap of {:.0} W leaves nothing above the {:.0} W that {chip} draws at any clock",
            r.found * design.setting.ranks_per_chip,
            r.limit * design.setting.ranks_per_chip
        ),
        Reason::Batch => "no batch near the target divides by dp x micro_batch".to_owned(),
    }
}

/// Reason and detail of a search that found nothing.
pub fn nothing_found(design: &Design, found: &Found) -> (&'static str, String) {
    match &found.nearest {
        Some(rejection) => {
            let mut detail = rejection_text(design, rejection);
            if found.evaluated > 1 {
                let counts: Vec<String> = Reason::ALL
                    .iter()
                    .zip(found.rejected)
                    .filter(|(_, n)| *n > 0)
                    .map(|(reason, n)| format!("{} {n}", reason.word()))
                    .collect();
                detail += &format!(" (closest of {} plans; rejected by {})", found.evaluated, counts.join(", "));
            }
            (rejection.reason.word(), detail)
        }
        None => (
            "batch",
            format!(
                "no plan of {} chips has a batch within bounds of {} sequences: fewer chips, a larger batch, or other sizes",
                design.chips,
                design.batches.first().map_or(0, |b| b.target)
            ),
        ),
    }
}

/// Total and active parameters of the design's workload.
pub fn parameters(design: &Design) -> (f64, f64) {
    let a = &design.setting.workload.architecture;
    let weights = Weights::of(a);
    use crate::library::workload::Counts;
    (weights.total(a, Counts::All), weights.active(a, Counts::All))
}

//! The bands of an estimate's figures.
//!
//! | figure | width, in quadrature |
//! |---|---|
//! | step | the exposure's components |
//! | wall time | and what a whole run adds: restart, evaluation, failures |
//! | energy | wall time, power of the node |
//! | cost | wall time; by their shares: energy and price of the electricity, price of the chips |
//! | carbon | wall time; by their shares: energy and intensity of the electricity, carbon of manufacture |
//! | memory | its own |
//!
//! A range in a profile is where its sources disagree, and is read as an 80 % band of that input.

use super::band::{Band, Width};
use super::coverage::{Extrapolation, Measured, extrapolations};
use super::exposure::{self, Component, Exposure, gemm_key};
use super::spread::{Spread, Z};
use crate::design::Design;
use crate::library::entry_kind::EntryKind;
use crate::library::record::Record;
use crate::model::Estimate;
use crate::model::goodput::{LEAST_GOODPUT, wall};
use crate::model::setting::Setting;
use crate::search::Objective;

/// An input of a figure that is uncertain by itself, and who shares it.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub name: &'static str,
    /// The entry that states it: designs with the same entry share the error.
    pub owner: String,
    pub width: Width,
}

/// Why an estimate's figures are uncertain.
#[derive(Clone, Debug)]
pub struct Uncertainty {
    /// Of a step, and of the run from its first hour to its last.
    pub step: Exposure,
    pub run: Exposure,
    /// What restart, evaluation and failures may add to the run beyond the usual.
    pub operation: Input,
    pub power: Input,
    pub chip_price: Input,
    pub electricity_price: Input,
    pub intensity: Input,
    pub embodied: Input,
    /// What was not measured, in words.
    pub extrapolations: Vec<Extrapolation>,
}

/// Bands of the figures of an estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    pub step_s: Band,
    pub wall_s: Band,
    pub facility_energy_j: Band,
    pub cost_usd: Band,
    pub co2_kg: Band,
    pub memory_bytes: Band,
}

/// Whether the sizes that validation calls a stated plan were left to the search.
pub fn is_searched(design: &Design) -> bool {
    let fixed = &design.fixed;
    fixed.tp.is_none() || fixed.pp.is_none() || fixed.micro_batch.is_none()
}

impl Uncertainty {
    /// What moves the figure of an objective besides the time of its steps, each with the share of the figure that it moves.
    pub fn inputs(&self, estimate: &Estimate, objective: Objective) -> Vec<(&Input, f64)> {
        let (cost, carbon) = (&estimate.cost, &estimate.carbon);
        let electricity = share(cost.electricity, cost.total());
        let operational = share(carbon.operational, carbon.total());
        let mut inputs = vec![(&self.operation, 1.0)];
        inputs.extend(match objective {
            Objective::Time => vec![],
            Objective::Energy => vec![(&self.power, 1.0)],
            Objective::Cost => vec![
                (&self.power, electricity),
                (&self.electricity_price, electricity),
                (&self.chip_price, share(cost.chips + cost.rental, cost.total())),
            ],
            Objective::Carbon => vec![
                (&self.power, operational),
                (&self.intensity, operational),
                (&self.embodied, share(carbon.embodied, carbon.total())),
            ],
        });
        inputs
    }
}

/// What makes the figures of an estimate uncertain.
pub fn uncertainty(design: &Design, estimate: &Estimate) -> Uncertainty {
    let (setting, spread) = (&design.setting, &design.spread);
    let measured = Measured::shipped();
    let extrapolations = extrapolations(design, measured);
    let chip = record(design, EntryKind::Chip);
    let searched = is_searched(design);
    let mut step = match chip {
        Some(chip) => Exposure::of(setting, chip, searched),
        None => Exposure::default().with(Component::Run, 1.0).with(Component::Stack, 1.0),
    };
    for extrapolation in &extrapolations {
        step = step.with(extrapolation.component, extrapolation.weight);
    }
    step = step.with(Component::Range, excess(gemm_width(design, estimate), gemm_class(&step, spread)));
    let run = step.with(Component::WholeRun, 1.0);
    let sides = operation_width(design, estimate);
    let operation = Width::new(excess(sides.below, spread.whole_run), excess(sides.above, spread.whole_run));
    let power = Width::of_power(spread, measured.is_metered(&setting.chip.name));
    let name = |kind: EntryKind| record(design, kind).map_or_else(String::new, |record| record.name().to_owned());
    let input = |name: &'static str, owner: String, width: Width| Input { name, owner, width };
    let price = format!("price.{}.usd_per_kwh", setting.site.price_kind);
    Uncertainty {
        step,
        run,
        operation: input("operation", name(EntryKind::Chip), operation),
        power: input("power", name(EntryKind::Chip), power),
        chip_price: input("chip price", name(EntryKind::Chip), range(chip, price_key(design))),
        electricity_price: input(
            "electricity price",
            name(EntryKind::Site),
            range(record(design, EntryKind::Site), &price),
        ),
        intensity: input(
            "intensity",
            name(EntryKind::Site),
            range(record(design, EntryKind::Site), "carbon.g_per_kwh"),
        ),
        embodied: input("embodied", name(EntryKind::Chip), range(chip, "embodied_kg")),
        extrapolations,
    }
}

/// The bands of an estimate.
pub fn bands(estimate: &Estimate, of: &Uncertainty, spread: &Spread) -> Bands {
    let slower = of.step.shift(spread).exp();
    let step = Width::of_time(&of.step, spread);
    let run = Width::of_time(&of.run, spread);
    let width = |objective: Objective| {
        let inputs = of.inputs(estimate, objective);
        inputs.iter().fold(run, |width, (input, share)| width.and(input.width.times(*share)))
    };
    let band = |objective: Objective| {
        let fixed = objective.fixed(estimate);
        Band::around((objective.of(estimate) - fixed) * slower, width(objective)).plus(fixed)
    };
    Bands {
        step_s: Band::around(estimate.step_s * slower, step),
        wall_s: Band::around(estimate.wall.wall_s * slower, width(Objective::Time)),
        facility_energy_j: band(Objective::Energy),
        cost_usd: band(Objective::Cost),
        co2_kg: band(Objective::Carbon),
        memory_bytes: Band::around(estimate.memory.peak(), Width::of_memory(spread)),
    }
}

/// A part's share of a whole that may be nothing or, at negative prices, less.
fn share(part: f64, whole: f64) -> f64 {
    if whole.abs() > 0.0 { (part / whole).abs().min(1.0) } else { 0.0 }
}

/// Whether the chip's sustained GEMM rate in the design's precision is assumed.
pub fn gemm_is_assumed(design: &Design) -> bool {
    let precision = design.setting.workload.run.precision;
    record(design, EntryKind::Chip).is_none_or(|chip| exposure::gemm_is_assumed(chip, precision))
}

fn record(design: &Design, kind: EntryKind) -> Option<&Record> {
    design.records.iter().find(|record| record.kind() == kind)
}

/// The width of a value's range; none where it states none.
fn range(record: Option<&Record>, key: &str) -> Width {
    let Some((value, (low, high))) = record.and_then(|r| Some((r.number(key)?, r.sourced(key)?.range?))) else {
        return Width::default();
    };
    // A range of a price near or below zero has no logarithm.
    let side = |ratio: f64| if ratio.is_finite() && ratio > 1.0 { ratio.ln() / Z } else { 0.0 };
    Width::new(side(value / low), side(high / value))
}

/// Key of the price that the cost of a design rests on.
fn price_key(design: &Design) -> &'static str {
    let chip = &design.setting.chip;
    if design.setting.rental {
        "rental_usd_per_h"
    } else if chip.all_in_usd > 0.0 {
        "all_in_usd"
    } else if chip.server_share_usd > 0.0 {
        "server_share_usd"
    } else {
        "chip_usd"
    }
}

/// What a width has beyond one that residuals already hold: the residuals were had with typical inputs.
fn excess(own: f64, held: f64) -> f64 {
    (own * own - held * held).max(0.0).sqrt()
}

/// Standard deviation of a step from the range of the chip's sustained GEMM rate: GEMMs slow down with the rate, and so
/// does the step by their share of it.
fn gemm_width(design: &Design, estimate: &Estimate) -> f64 {
    let width = range(record(design, EntryKind::Chip), gemm_key(design.setting.workload.run.precision));
    let matrix: f64 =
        estimate.step.causes().iter().filter(|(cause, _)| matches!(*cause, "gemm" | "head")).map(|(_, s)| s).sum();
    0.5 * (width.below + width.above) * share(matrix, estimate.step_s)
}

/// What the residuals hold of it: the extra width of an assumed rate, and of a published one that of sources at large.
fn gemm_class(exposure: &Exposure, spread: &Spread) -> f64 {
    if exposure.has(Component::Gemm) { spread.gemm } else { spread.stack }
}

/// Width of the wall time from the ranges of restart, evaluation and failure rate, one at a time.
fn operation_width(design: &Design, estimate: &Estimate) -> Width {
    let setting = &design.setting;
    let ranks = estimate.plan.ranks() as f64;
    let useful_s = estimate.steps * estimate.step_s;
    let (assumptions, chip) = (record(design, EntryKind::Assumptions), record(design, EntryKind::Chip));
    let over = |record: Option<&Record>, key: &str, enter: &dyn Fn(&mut Setting, f64)| {
        let Some((low, high)) = record.and_then(|r| r.sourced(key)?.range) else { return Width::default() };
        let ratio = |value: f64| {
            let mut changed = setting.clone();
            enter(&mut changed, value);
            let wall = wall(&changed, ranks, useful_s);
            // Below the least goodput the run would be stopped, and set up otherwise.
            let longest = useful_s / LEAST_GOODPUT;
            let wall_s = if wall.wall_s.is_finite() { wall.wall_s.min(longest) } else { longest };
            (wall_s / estimate.wall.wall_s).ln() / Z
        };
        let (one, other) = (ratio(low), ratio(high));
        Width::new((-one.min(other)).max(0.0), one.max(other).max(0.0))
    };
    let per_chip_h = chip.and_then(|c| c.number("mtbf_h")).unwrap_or(1.0);
    let mtbf_s = setting.chip.mtbf_s;
    over(assumptions, "restart_s", &|s, value| s.assumptions.restart_s = value)
        .and(over(assumptions, "evaluation_share", &|s, value| s.assumptions.evaluation_share = value))
        .and(over(chip, "mtbf_h", &|s, value| s.chip.mtbf_s = mtbf_s * value / per_chip_h))
}

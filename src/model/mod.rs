//! The physics: one file a stage, each with a twin in `shaders/model/`.
//!
//! [`estimate`] reads as the method section of a paper: layout → memory → clock → step → goodput → power → cost → carbon.

pub mod adapter;
pub mod attention;
pub mod carbon;
pub mod cost;
pub mod evaluation;
pub mod evaluator;
pub mod goodput;
pub mod layout;
pub mod memory;
pub mod network;
pub mod operations;
pub mod parameters;
pub mod plan;
pub mod power;
pub mod roofline;
pub mod schedule;
pub mod setting;
pub mod weights;

use carbon::{Emissions, emissions};
use cost::{Cost, cost, start_delay_s};
use goodput::{LEAST_GOODPUT, Pace, Wall, growth_start, pace, token_growth_from, wall_at};
use memory::{LayerParams, Memory, layer_params, memory};
use operations::{LayerTime, layer_time};
use plan::{Plan, Reason};
use power::{Power, clock_under_cap, power};
use schedule::{StepTime, step_time_of};
use setting::Setting;

/// Everything that a run on a plan comes to, with every intermediate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub plan: Plan,
    /// Chips in use, and idle ones that are paid for and powered.
    pub chips_used: f64,
    pub chips_spare: f64,
    /// Clock of the compute phases over the highest clock.
    pub clock: f64,
    pub memory: Memory,
    pub step: StepTime,
    pub step_s: f64,
    pub steps: f64,
    /// From now until the run starts.
    pub start_delay_s: f64,
    pub wall: Wall,
    pub power: Power,
    pub cost: Cost,
    pub carbon: Emissions,
}

impl Estimate {
    /// From now until the run is done.
    pub fn done_s(&self) -> f64 {
        self.start_delay_s + self.wall.wall_s
    }
}

/// Why a plan cannot run, with what was found and what was allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rejection {
    pub reason: Reason,
    pub found: f64,
    pub limit: f64,
    pub plan: Plan,
}

/// Estimates a run on `chips` chips, of which the plan uses all but the spares.
pub fn estimate(setting: &Setting, plan: &Plan, chips: f64) -> Result<Estimate, Rejection> {
    layout::check(setting, plan)?;
    let memory = memory(setting, plan);
    let clock = admit(setting, plan, &memory, clock_under_cap(&setting.chip, setting.cap_w))?;
    let run = Run { setting, plan, ranks: chips * setting.ranks_per_chip, clock, memory };
    run.finish(
        &layer_time(setting, plan, clock),
        &layer_params(setting, plan),
        pace(setting, plan.ranks() as f64),
        growth_start(setting),
    )
}

/// The clock of a plan that fits into memory and under the power cap.
fn admit(setting: &Setting, plan: &Plan, memory: &Memory, clock: Option<f64>) -> Result<f64, Rejection> {
    if memory.peak() > memory.usable {
        return Err(Rejection { reason: Reason::Memory, found: memory.peak(), limit: memory.usable, plan: *plan });
    }
    clock.ok_or_else(|| Rejection {
        reason: Reason::PowerCap,
        found: setting.cap_w,
        limit: setting.chip.static_w.max(setting.chip.idle_w),
        plan: *plan,
    })
}

/// Estimates a plan that is known to have run: neither its layout nor its memory is questioned.
pub fn estimate_as_measured(setting: &Setting, plan: &Plan, chips: f64) -> Result<Estimate, Rejection> {
    let clock = clock_under_cap(&setting.chip, setting.cap_w).unwrap_or(1.0);
    let run = Run { setting, plan, ranks: chips * setting.ranks_per_chip, clock, memory: memory(setting, plan) };
    run.finish(
        &layer_time(setting, plan, clock),
        &layer_params(setting, plan),
        pace(setting, plan.ranks() as f64),
        growth_start(setting),
    )
}

/// A plan that has been admitted.
struct Run<'a> {
    setting: &'a Setting,
    plan: &'a Plan,
    ranks: f64,
    clock: f64,
    memory: Memory,
}

impl Run<'_> {
    /// From the time of a layer to everything that the run comes to.
    fn finish(
        self,
        layer: &LayerTime,
        params: &LayerParams,
        pace: Pace,
        growth_start: f64,
    ) -> Result<Estimate, Rejection> {
        let Run { setting, plan, ranks, clock, memory } = self;
        let step = step_time_of(setting, plan, layer, params);
        let step_s = step.total();
        let run = &setting.workload.run;
        let batch_tokens = plan.global_batch() as f64 * run.seq_len;
        let steps = run.tokens * token_growth_from(growth_start, batch_tokens) / batch_tokens;
        let wall = wall_at(setting, pace, steps * step_s);
        if wall.progress.is_nan() || wall.progress < LEAST_GOODPUT {
            return Err(Rejection {
                reason: Reason::Failures,
                found: wall.progress,
                limit: LEAST_GOODPUT,
                plan: *plan,
            });
        }
        let power = power(setting, plan, ranks, clock, &step, &wall);
        let chips_used = plan.ranks() as f64 / setting.ranks_per_chip;
        let estimate = Estimate {
            plan: *plan,
            chips_used,
            chips_spare: ranks / setting.ranks_per_chip - chips_used,
            clock,
            memory,
            step,
            step_s,
            steps,
            start_delay_s: start_delay_s(setting),
            wall,
            power,
            cost: Cost::default(),
            carbon: Emissions::default(),
        };
        settle(setting, &estimate)
    }
}

/// What the same run comes to at the setting's site, at its prices: nothing of the site but its availability and stops
/// (which [`goodput::wall`] has put into the calendar) enters the time of a run or the energy of its equipment. Everything here grows
/// with both, or stays, at prices that are not negative, so that only plans on the frontier of time and energy can win.
pub fn settle(setting: &Setting, run: &Estimate) -> Result<Estimate, Rejection> {
    let ranks = (run.chips_used + run.chips_spare) * setting.ranks_per_chip;
    let wall_s = run.wall.wall_s;
    let power = run.power.at_site(&setting.site, run.wall.powered_s);
    if power.peak_facility_w > setting.site.cap_w * 1.000_001 {
        return Err(Rejection {
            reason: Reason::SitePower,
            found: power.peak_facility_w,
            limit: setting.site.cap_w,
            plan: run.plan,
        });
    }
    let cost = cost(setting, ranks, wall_s, power.peak_it_w, power.facility_j());
    let carbon = emissions(setting, ranks, wall_s, power.facility_j());
    Ok(Estimate { start_delay_s: start_delay_s(setting), power, cost, carbon, ..*run })
}

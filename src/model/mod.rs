//! The physics: one file a stage, each with a twin in `shaders/model/`.
//!
//! [`estimate`] reads as the method section of a paper: layout → memory → clock → step → goodput → power → cost → carbon.

pub mod adapter;
pub mod attention;
pub mod carbon;
pub mod cost;
pub mod evaluation;
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
use goodput::{LEAST_GOODPUT, Wall, token_growth, wall};
use memory::{Memory, memory};
use plan::{Plan, Reason};
use power::{Power, clock_under_cap, power};
use schedule::{StepTime, step_time};
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
    if memory.peak() > memory.usable {
        return Err(Rejection { reason: Reason::Memory, found: memory.peak(), limit: memory.usable, plan: *plan });
    }
    let ranks = chips * setting.ranks_per_chip;
    let Some(clock) = clock_under_cap(&setting.chip, setting.cap_w) else {
        return Err(Rejection {
            reason: Reason::PowerCap,
            found: setting.cap_w,
            limit: setting.chip.static_w.max(setting.chip.idle_w),
            plan: *plan,
        });
    };
    finish(setting, plan, ranks, clock, memory)
}

/// Estimates a plan that is known to have run: neither its layout nor its memory is questioned.
pub fn estimate_as_measured(setting: &Setting, plan: &Plan, chips: f64) -> Result<Estimate, Rejection> {
    let clock = clock_under_cap(&setting.chip, setting.cap_w).unwrap_or(1.0);
    finish(setting, plan, chips * setting.ranks_per_chip, clock, memory(setting, plan))
}

fn finish(setting: &Setting, plan: &Plan, ranks: f64, clock: f64, memory: Memory) -> Result<Estimate, Rejection> {
    let step = step_time(setting, plan, clock);
    let step_s = step.total();
    let run = &setting.workload.run;
    let batch_tokens = plan.global_batch() as f64 * run.seq_len;
    let steps = run.tokens * token_growth(setting, batch_tokens) / batch_tokens;
    let wall = wall(setting, plan.ranks() as f64, steps * step_s);
    if wall.progress.is_nan() || wall.progress < LEAST_GOODPUT {
        return Err(Rejection { reason: Reason::Failures, found: wall.progress, limit: LEAST_GOODPUT, plan: *plan });
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

/// What the same run comes to at the setting's site, at its prices: nothing of the site but its availability and stops
/// (which [`wall`] has put into the calendar) enters the time of a run or the energy of its equipment. Everything here grows
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
    Ok(Estimate { power, cost, carbon, ..*run })
}

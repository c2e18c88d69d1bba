//! One group of a sweep: its plans timed once, then settled at every site and price.

use std::ops::Range;

use super::space::{Cell, Group, Space, at_price};
use crate::design::Design;
use crate::library::diagnostic::Fault;
use crate::model::evaluator::Evaluator;
use crate::model::plan::{Plan, Reason};
use crate::model::setting::Setting;
use crate::model::{Estimate, Rejection, settle};
use crate::results::{Identity, Row};
use crate::scenario::Scenario;
use crate::scenario::constraints::Constraints;
use crate::search::frontier::pareto;
use crate::search::space::PlanSpace;
use crate::search::{Found, Objective, nearer};

/// An engine's search of the plans of a setting on so many chips, with a frontier of a depth.
pub type Search<'a> = dyn Fn(usize, &Setting, &[PlanSpace], f64) -> Result<Found, Fault> + Sync + 'a;

/// A design that may be among the best: its figures by objective, its cell, its plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub figures: [f64; 4],
    pub cell: u64,
    pub plan: Plan,
}

/// What a group came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Plans evaluated, and those that can run at the group's sites.
    pub evaluated: u64,
    pub feasible: u64,
    /// Designs answered: each plan in each cell; and those that can run and keep the constraints.
    pub designs: u64,
    pub feasible_designs: u64,
    /// Why plans, and cells, were rejected, in the order of [`Reason::ALL`].
    pub rejected: [u64; Reason::ALL.len()],
    /// Cells in which no plan keeps the scenario's constraints.
    pub constrained: u64,
    pub nearest: Option<Rejection>,
    /// The best designs of each objective, the best first.
    pub best: [Vec<Candidate>; 4],
    /// The designs that no other one of the group beats in everything.
    pub frontier: Vec<Candidate>,
    /// The best of each cell, where they are kept.
    pub rows: Vec<Row>,
}

/// Which designs become rows as they are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    None,
    /// The best of each cell, by objective.
    Best,
    /// Every one that can run and keeps the constraints.
    All,
}

/// What a sweep keeps of each group.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Best designs of each objective.
    pub top: usize,
    pub rows: Rows,
}

impl Candidate {
    /// The candidate's figures with those that do not matter put aside.
    fn judged(&self, objectives: &[Objective]) -> [f64; 4] {
        std::array::from_fn(|at| if objectives.contains(&Objective::ALL[at]) { self.figures[at] } else { 0.0 })
    }
}

/// The candidates that no other one beats in all objectives, in order.
pub fn unbeaten(candidates: Vec<Candidate>, objectives: &[Objective]) -> Vec<Candidate> {
    let points: Vec<[f64; 4]> = candidates.iter().map(|c| c.judged(objectives)).collect();
    pareto(&points).into_iter().map(|at| candidates[at]).collect()
}

/// Enters a candidate into a list of the best; of equals the first stays before.
pub fn enter(list: &mut Vec<Candidate>, candidate: Candidate, objective: Objective, top: usize) {
    let value = candidate.figures[objective as usize];
    if list.len() >= top && list.last().is_some_and(|worst| worst.figures[objective as usize] <= value) {
        return;
    }
    let place = list.partition_point(|c| c.figures[objective as usize] <= value);
    list.insert(place, candidate);
    list.truncate(top);
}

/// The constraints of a scenario on one design.
fn keeps(constraints: &Constraints, e: &Estimate, figures: &[f64; 4]) -> bool {
    let most = |limit: Option<f64>, figure: f64| limit.is_none_or(|most| figure <= most * (1.0 + 1e-12));
    most(constraints.deadline_days, figures[Objective::Time as usize] / 86_400.0)
        && most(constraints.budget_usd, figures[Objective::Cost as usize])
        && most(constraints.co2_t, figures[Objective::Carbon as usize] * 1e-3)
        && most(constraints.cap_mw, e.power.peak_facility_w * 1e-6)
        && most(constraints.chips, e.chips_used + e.chips_spare)
}

/// Times the plans of a group with an engine and settles those that can win in each of its cells.
pub fn answer(
    space: &Space,
    scenario: &Scenario,
    group: &Group,
    keep: Keep,
    search: &Search<'_>,
) -> Result<Outcome, Fault> {
    if let Some(outcome) = beyond_supply(space, scenario, group) {
        return Ok(outcome);
    }
    let plans = space.plans(scenario, group)?;
    if pays_for_energy(space, group) {
        // More energy may be better there: every plan is settled.
        let points = plans.iter().map(PlanSpace::len).sum();
        return answer_each(space, scenario, group, keep, 0..points);
    }
    let setting = space.setting(group);
    let found = search(keep.top, &setting, &plans, group.chips)?;
    Ok(settle_cells(space, scenario, group, keep, setting, &found, found.frontier.plans()))
}

/// Times the plans of some points of a group on the CPU and settles all of them.
pub fn answer_each(
    space: &Space,
    scenario: &Scenario,
    group: &Group,
    keep: Keep,
    points: Range<u64>,
) -> Result<Outcome, Fault> {
    if let Some(outcome) = beyond_supply(space, scenario, group) {
        return Ok(outcome);
    }
    let setting = space.setting(group);
    let mut evaluator = Evaluator::new(&setting, group.chips);
    let mut found = Found::nothing();
    let mut runs: Vec<Estimate> = Vec::new();
    let mut first = 0;
    for plans in space.plans(scenario, group)? {
        let end = first + plans.len();
        for point in points.start.max(first)..points.end.min(end) {
            let Some(plan) = plans.decode(point - first) else { continue };
            let outcome = evaluator.estimate(&plan);
            runs.extend(outcome.iter());
            found.offer(outcome);
        }
        first = end;
    }
    Ok(settle_cells(space, scenario, group, keep, setting, &found, &runs))
}

/// A group of more chips than there are.
fn beyond_supply(space: &Space, scenario: &Scenario, group: &Group) -> Option<Outcome> {
    let most = scenario.constraints.chips?;
    (group.chips > most).then(|| Outcome { constrained: space.places(group), ..Outcome::default() })
}

/// Whether any cell of a group has a price below zero.
fn pays_for_energy(space: &Space, group: &Group) -> bool {
    let block = &space.blocks[group.block];
    if block.prices.is_empty() {
        group.sites.iter().any(|site| block.sites[*site as usize].usd_per_j() < 0.0)
    } else {
        block.prices.iter().any(|usd| *usd < 0.0)
    }
}

/// Settles runs of a group, which were timed in the setting `place`, in each of its cells.
fn settle_cells(
    space: &Space,
    scenario: &Scenario,
    group: &Group,
    keep: Keep,
    mut place: Setting,
    found: &Found,
    runs: &[Estimate],
) -> Outcome {
    let block = &space.blocks[group.block];
    let objectives = scenario.objectives();
    let mut outcome = Outcome {
        evaluated: found.evaluated,
        feasible: found.feasible,
        designs: found.evaluated * space.places(group),
        rejected: found.rejected,
        nearest: found.nearest,
        ..Outcome::default()
    };
    let least_price = block.prices.iter().copied().fold(f64::INFINITY, f64::min);
    let mut front = Vec::new();
    // Only rows want a whole design, with the entries behind it.
    let mut design = (keep.rows != Rows::None).then(|| block.designs[group.cap].clone());
    let mut settled: Vec<(Candidate, Estimate)> = Vec::with_capacity(runs.len());
    for site in &group.sites {
        let site = *site as usize;
        place.site = block.site(group.size, site);
        for price in 0..block.prices.len().max(1) {
            at_price(&mut place.site, &block.prices, price);
            let cell = Cell { block: group.block, size: group.size, cap: group.cap, site, price };
            let index = space.index(cell);
            settled.clear();
            let mut refused = None;
            for run in runs {
                match settle(&place, run) {
                    Ok(e) => {
                        let figures = Objective::ALL.map(|o| o.of(&e));
                        if keeps(&scenario.constraints, &e, &figures) {
                            settled.push((Candidate { figures, cell: index, plan: e.plan }, e));
                        }
                    }
                    // The limit of a site binds every plan of a group alike: they have the same peak.
                    Err(rejection) => {
                        refused = Some(rejection);
                        break;
                    }
                }
            }
            if let Some(rejection) = refused {
                outcome.rejected[rejection.reason as usize - 1] += found.feasible;
                outcome.nearest = nearer(outcome.nearest, Some(rejection));
                continue;
            }
            outcome.feasible_designs += found.feasible;
            if settled.is_empty() {
                outcome.constrained += u64::from(found.feasible > 0);
                continue;
            }
            for objective in &objectives {
                for (candidate, _) in &settled {
                    enter(&mut outcome.best[*objective as usize], *candidate, *objective, keep.top);
                }
            }
            // At a higher price of the same site nothing falls.
            if block.prices.is_empty() || block.prices[price] <= least_price {
                front.extend(settled.iter().map(|(candidate, _)| *candidate));
            }
            let Some(design) = &mut design else { continue };
            if keep.rows == Rows::All {
                outcome.rows.extend(settled.iter().map(|one| row(design, group, &place, one, &[])));
            } else {
                for (objectives, at) in winners(&settled, &objectives) {
                    outcome.rows.push(row(design, group, &place, &settled[at], &objectives));
                }
            }
        }
    }
    outcome.frontier = unbeaten(front, &objectives);
    outcome
}

/// The designs of a cell that are best in something, with what they are best in.
fn winners(settled: &[(Candidate, Estimate)], objectives: &[Objective]) -> Vec<(Vec<Objective>, usize)> {
    let mut winners: Vec<(Vec<Objective>, usize)> = Vec::new();
    for objective in objectives {
        let value = |at: usize| settled[at].0.figures[*objective as usize];
        let best = (1..settled.len()).fold(0, |best, at| if value(at) < value(best) { at } else { best });
        match winners.iter_mut().find(|(_, at)| *at == best) {
            Some((won, _)) => won.push(*objective),
            None => winners.push((vec![*objective], best)),
        }
    }
    winners
}

/// A settled design as a row.
fn row(
    design: &mut Design,
    group: &Group,
    place: &Setting,
    one: &(Candidate, Estimate),
    objectives: &[Objective],
) -> Row {
    design.setting.site.clone_from(&place.site);
    design.chips = group.chips;
    Row::new(&Identity { index: one.0.cell, objectives }, design, &one.1)
}

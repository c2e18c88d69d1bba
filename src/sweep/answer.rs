//! What a sweep has found so far: counts, the best designs, the frontier.

use serde::{Deserialize, Serialize};

use super::group::{Candidate, Outcome, enter, unbeaten};
use super::space::Space;
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::model::Rejection;
use crate::model::plan::{Plan, Reason};
use crate::search::{Objective, nearer};

/// What was found of one design of the scenario on one workload.
#[derive(Clone, Debug)]
pub struct Part {
    pub workload: String,
    pub design: String,
    /// Plans evaluated, and those that can run.
    pub evaluated: u64,
    pub feasible: u64,
    /// Designs answered, and those that can run.
    pub designs: u64,
    pub feasible_designs: u64,
    pub rejected: [u64; Reason::ALL.len()],
    /// Cells whose every plan breaks a constraint of the scenario.
    pub constrained: u64,
    pub nearest: Option<Rejection>,
    /// The best designs of each objective, in the order of [`Objective::ALL`].
    pub best: [Vec<Candidate>; 4],
}

/// The answer to a scenario, or to the groups of it that were answered.
#[derive(Clone, Debug)]
pub struct Answer {
    top: usize,
    objectives: Vec<Objective>,
    pub parts: Vec<Part>,
    /// Of each workload, the designs that no other beats in all objectives.
    pub frontiers: Vec<(String, Vec<Candidate>)>,
}

impl Answer {
    /// An answer without groups yet.
    pub fn new(space: &Space, objectives: &[Objective], top: usize) -> Answer {
        let mut answer = Answer { top, objectives: objectives.to_vec(), parts: Vec::new(), frontiers: Vec::new() };
        for b in &space.blocks {
            let (workload, design) = (&b.block.workload, &b.block.design);
            if !answer.parts.iter().any(|p| p.workload == *workload && p.design == *design) {
                answer.parts.push(Part {
                    workload: workload.clone(),
                    design: design.clone(),
                    evaluated: 0,
                    feasible: 0,
                    designs: 0,
                    feasible_designs: 0,
                    rejected: [0; Reason::ALL.len()],
                    constrained: 0,
                    nearest: None,
                    best: Default::default(),
                });
            }
            if !answer.frontiers.iter().any(|(w, _)| w == workload) {
                answer.frontiers.push((workload.clone(), Vec::new()));
            }
        }
        answer
    }

    /// Takes the outcomes of groups in, in their order.
    pub fn take(&mut self, space: &Space, outcomes: &[(usize, Outcome)]) {
        for (group, outcome) in outcomes {
            let block = &space.blocks[space.groups[*group].block].block;
            let own = |p: &&mut Part| p.workload == block.workload && p.design == block.design;
            if let Some(part) = self.parts.iter_mut().find(own) {
                part.evaluated += outcome.evaluated;
                part.feasible += outcome.feasible;
                part.designs += outcome.designs;
                part.feasible_designs += outcome.feasible_designs;
                part.constrained += outcome.constrained;
                part.nearest = nearer(part.nearest, outcome.nearest);
                for (sum, more) in part.rejected.iter_mut().zip(outcome.rejected) {
                    *sum += more;
                }
                for objective in Objective::ALL {
                    for candidate in &outcome.best[objective as usize] {
                        enter(&mut part.best[objective as usize], *candidate, objective, self.top);
                    }
                }
            }
            if let Some((_, front)) = self.frontiers.iter_mut().find(|(w, _)| *w == block.workload) {
                front.extend(&outcome.frontier);
            }
        }
        for (_, front) in &mut self.frontiers {
            *front = unbeaten(std::mem::take(front), &self.objectives);
        }
    }

    /// Designs answered, plans evaluated, designs that can run.
    pub fn totals(&self) -> (u64, u64, u64) {
        let sum = |of: fn(&Part) -> u64| self.parts.iter().map(of).sum();
        (sum(|p| p.designs), sum(|p| p.evaluated), sum(|p| p.feasible_designs))
    }

    /// The answer as bytes, from which [`Answer::resume`] goes on as if nothing had happened.
    pub fn save(&self) -> Vec<u8> {
        let saved = Saved {
            parts: self.parts.iter().map(SavedPart::of).collect(),
            frontiers: self.frontiers.iter().map(|(_, f)| f.iter().map(SavedCandidate::of).collect()).collect(),
        };
        serde_json::to_vec(&saved).unwrap_or_default()
    }

    /// Goes on from what [`Answer::save`] wrote.
    pub fn resume(mut self, bytes: &[u8]) -> Result<Answer, Fault> {
        let broken = |why: String| {
            let help = "run it again without --resume";
            let message = format!("the partial result cannot be read: {why}");
            Fault::input(Diagnostic::error(message).key("resume").help(help))
        };
        let saved: Saved = serde_json::from_slice(bytes).map_err(|e| broken(e.to_string()))?;
        if saved.parts.len() != self.parts.len() || saved.frontiers.len() != self.frontiers.len() {
            return Err(broken("it belongs to other designs".to_owned()));
        }
        for (part, saved) in self.parts.iter_mut().zip(saved.parts) {
            saved.enter(part).ok_or_else(|| broken("a plan in it is none".to_owned()))?;
        }
        for ((_, front), saved) in self.frontiers.iter_mut().zip(saved.frontiers) {
            *front = candidates(&saved).ok_or_else(|| broken("a plan in it is none".to_owned()))?;
        }
        Ok(self)
    }
}

/// Figures are kept as bits, so that nothing is rounded.
#[derive(Serialize, Deserialize)]
struct SavedCandidate {
    figures: [u64; 4],
    cell: u64,
    plan: [u32; 13],
}

#[derive(Serialize, Deserialize)]
struct SavedPart {
    counts: [u64; 5],
    rejected: [u64; Reason::ALL.len()],
    nearest: Option<(u32, u64, u64, [u32; 13])>,
    best: [Vec<SavedCandidate>; 4],
}

#[derive(Serialize, Deserialize)]
struct Saved {
    parts: Vec<SavedPart>,
    frontiers: Vec<Vec<SavedCandidate>>,
}

impl SavedCandidate {
    fn of(c: &Candidate) -> SavedCandidate {
        SavedCandidate { figures: c.figures.map(f64::to_bits), cell: c.cell, plan: c.plan.codes() }
    }
}

fn candidates(saved: &[SavedCandidate]) -> Option<Vec<Candidate>> {
    let one = |s: &SavedCandidate| {
        Some(Candidate { figures: s.figures.map(f64::from_bits), cell: s.cell, plan: Plan::from_codes(s.plan)? })
    };
    saved.iter().map(one).collect()
}

impl SavedPart {
    fn of(p: &Part) -> SavedPart {
        SavedPart {
            counts: [p.evaluated, p.feasible, p.designs, p.feasible_designs, p.constrained],
            rejected: p.rejected,
            nearest: p.nearest.map(|r| (r.reason as u32, r.found.to_bits(), r.limit.to_bits(), r.plan.codes())),
            best: std::array::from_fn(|o| p.best[o].iter().map(SavedCandidate::of).collect()),
        }
    }

    fn enter(self, part: &mut Part) -> Option<()> {
        [part.evaluated, part.feasible, part.designs, part.feasible_designs, part.constrained] = self.counts;
        part.rejected = self.rejected;
        part.nearest = match self.nearest {
            None => None,
            Some((reason, found, limit, plan)) => Some(Rejection {
                reason: *Reason::ALL.get((reason as usize).checked_sub(1)?)?,
                found: f64::from_bits(found),
                limit: f64::from_bits(limit),
                plan: Plan::from_codes(plan)?,
            }),
        };
        for (list, saved) in part.best.iter_mut().zip(&self.best) {
            *list = candidates(saved)?;
        }
        Some(())
    }
}

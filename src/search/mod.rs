//! From a space of plans to the best one.

pub mod frontier;
pub mod space;

use rayon::prelude::*;
use serde::Deserialize;

use crate::model::evaluator::Evaluator;
use crate::model::plan::Reason;
use crate::model::setting::Setting;
use crate::model::{Estimate, Rejection};
use frontier::Frontier;
use space::PlanSpace;

/// What a design is judged by; less is better in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Objective {
    Time = 0,
    Energy = 1,
    Cost = 2,
    Carbon = 3,
}

impl Objective {
    pub const ALL: [Objective; 4] = [Objective::Time, Objective::Energy, Objective::Cost, Objective::Carbon];

    pub fn word(self) -> &'static str {
        ["time", "energy", "cost", "carbon"][self as usize]
    }

    /// Unit of [`Objective::of`].
    pub fn unit(self) -> &'static str {
        ["s", "J", "USD", "kgCO2e"][self as usize]
    }

    pub fn parse(word: &str) -> Option<Objective> {
        Objective::ALL.into_iter().find(|o| o.word().eq_ignore_ascii_case(word))
    }

    /// The figure of an estimate: s, J, USD or kgCO2e.
    pub fn of(self, estimate: &Estimate) -> f64 {
        match self {
            Objective::Time => estimate.done_s(),
            Objective::Energy => estimate.power.facility_j(),
            Objective::Cost => estimate.cost.total(),
            Objective::Carbon => estimate.carbon.total(),
        }
    }

    /// The part of the figure that no error of the run can move: the wait for its start, and what that is worth.
    pub fn fixed(self, estimate: &Estimate) -> f64 {
        match self {
            Objective::Time => estimate.start_delay_s,
            Objective::Cost => estimate.cost.delay * estimate.start_delay_s / estimate.done_s(),
            Objective::Energy | Objective::Carbon => 0.0,
        }
    }
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Best estimate of each objective, in the order of [`Objective::ALL`]; `None` where nothing is feasible.
    pub best: [Option<Estimate>; 4],
    /// The plans that can be best at some site and price.
    pub frontier: Frontier,
    /// Plans evaluated, and those that can run.
    pub evaluated: u64,
    pub feasible: u64,
    /// The rejection closest to running, and how often each reason came up (in the order of [`Reason::ALL`]).
    pub nearest: Option<Rejection>,
    pub rejected: [u64; Reason::ALL.len()],
}

impl Found {
    /// A search that has not begun.
    pub fn nothing() -> Found {
        Found::nothing_of(1)
    }

    /// The same with a frontier of a depth.
    pub fn nothing_of(depth: usize) -> Found {
        Found {
            best: [None; 4],
            frontier: Frontier::new(depth),
            evaluated: 0,
            feasible: 0,
            nearest: None,
            rejected: [0; Reason::ALL.len()],
        }
    }

    /// Best estimate of an objective.
    pub fn by(&self, objective: Objective) -> Option<&Estimate> {
        self.best[objective as usize].as_ref()
    }

    /// Takes in one more outcome.
    pub fn offer(&mut self, outcome: Result<Estimate, Rejection>) {
        self.evaluated += 1;
        match &outcome {
            Ok(_) => self.feasible += 1,
            Err(rejection) => self.rejected[rejection.reason as usize - 1] += 1,
        }
        self.consider(outcome);
    }

    /// Takes in an outcome that has been counted.
    pub fn consider(&mut self, outcome: Result<Estimate, Rejection>) {
        match outcome {
            Ok(estimate) => {
                self.frontier.offer(&estimate);
                for objective in Objective::ALL {
                    let best = &mut self.best[objective as usize];
                    if best.as_ref().is_none_or(|b| objective.of(&estimate) < objective.of(b)) {
                        *best = Some(estimate);
                    }
                }
            }
            Err(rejection) => {
                self.nearest = nearer(self.nearest, Some(rejection));
            }
        }
    }

    /// Joins the searches of two spaces; the first wins a tie.
    pub fn join(mut self, other: Found) -> Found {
        self.frontier.join(&other.frontier);
        self.evaluated += other.evaluated;
        self.feasible += other.feasible;
        for (count, more) in self.rejected.iter_mut().zip(other.rejected) {
            *count += more;
        }
        self.nearest = nearer(self.nearest, other.nearest);
        for objective in Objective::ALL {
            let slot = objective as usize;
            self.best[slot] = match (self.best[slot], other.best[slot]) {
                // The earlier chunk wins a tie, so that the answer does not depend on the number of threads.
                (Some(a), Some(b)) => Some(if objective.of(&b) < objective.of(&a) { b } else { a }),
                (a, b) => a.or(b),
            };
        }
        self
    }
}

/// The rejection that got furthest; between two for memory, the smaller need.
pub(crate) fn nearer(a: Option<Rejection>, b: Option<Rejection>) -> Option<Rejection> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let rank = |r: &Rejection| (r.reason as u32) % Reason::Batch as u32;
            Some(if rank(&b) > rank(&a) || (rank(&b) == rank(&a) && b.found / b.limit < a.found / a.limit) {
                b
            } else {
                a
            })
        }
        (a, b) => a.or(b),
    }
}

/// Evaluates every plan of a space on the CPU, on all cores, and keeps the best of each objective and the frontier.
pub fn search(setting: &Setting, space: &PlanSpace, chips: f64) -> Found {
    search_to(1, setting, space, chips)
}

/// The same with a frontier of a depth.
pub fn search_to(depth: usize, setting: &Setting, space: &PlanSpace, chips: f64) -> Found {
    /// Points of a piece of work: enough to find layers again, few enough to keep all cores busy to the end.
    const CHUNK: u64 = 1 << 14;
    let switches = space.switches();
    let sizes = space.len().checked_div(switches).unwrap_or(0);
    let chunk = CHUNK.div_ceil(switches.max(1));
    (0..sizes.div_ceil(chunk))
        .into_par_iter()
        .map_init(
            || Evaluator::new(setting, chips),
            |evaluator, at| {
                let mut found = Found::nothing_of(depth);
                let sizes = at * chunk..((at + 1) * chunk).min(sizes);
                space.visit(sizes, |plan| found.offer(evaluator.estimate(plan)));
                found
            },
        )
        .reduce(|| Found::nothing_of(depth), Found::join)
}

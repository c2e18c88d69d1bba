//! The best figure of a side as a function of one of its inputs, with the plan chosen anew at every value.

use std::collections::HashMap;

use super::envelope::bought;
use super::input::{Input, Lever};
use super::{Judged, Search};
use crate::design::Design;
use crate::library::diagnostic::{Exit, Fault};
use crate::model::goodput::wall;
use crate::model::power::power;
use crate::model::setting::Setting;
use crate::model::{Estimate, estimate, settle};
use crate::report::rates;
use crate::search::{Found, Objective};

/// A plan counts as better from this share on: below it lies the rounding of f64.
const BETTER: f64 = 1e-12;

/// A figure, and which plan of the curve it is.
pub type Figure = (f64, usize);

/// How the curve is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The input is another side's.
    Still,
    /// The plans of the time-energy frontier, priced anew: no other plan can win, whatever the price.
    Settled,
    /// The steps of the same plans, stretched.
    Paced,
    /// The plans found so far, estimated anew; a search at a value says whether another one is better there.
    Pooled,
    /// The input moves the chips or the space of the plans: a search at every value.
    Searched,
}

/// The least figure of one side over the values of an input.
pub struct Curve<'a> {
    side: &'a Judged,
    input: &'a Input,
    objective: Objective,
    search: &'a Search<'a>,
    way: Way,
    pool: Vec<Estimate>,
    /// MFU of the fastest plan as it is.
    mfu: f64,
    /// Searches of [`Way::Searched`]: by the chips where the input is settled, else by the value.
    searched: HashMap<u64, Found>,
}

/// Every plan of a search that can win.
pub fn plans(found: &Found) -> Vec<Estimate> {
    let mut plans: Vec<Estimate> = found.frontier.plans().to_vec();
    for best in found.best.iter().flatten() {
        if !plans.iter().any(|plan| plan.plan == best.plan) {
            plans.push(*best);
        }
    }
    plans
}

impl<'a> Curve<'a> {
    /// The curve of a side; where `moves` is false the input is another side's.
    pub fn new(
        side: &'a Judged,
        input: &'a Input,
        moves: bool,
        objective: Objective,
        search: &'a Search<'a>,
    ) -> Result<Curve<'a>, Fault> {
        let mfu = side.estimate().map_or(0.0, |e| rates(&side.design, e).mfu);
        let pool = plans(&side.found);
        let way = if !moves {
            Way::Still
        } else if input.lever == Lever::Mfu {
            Way::Paced
        } else if moves_plans(side, input) {
            Way::Searched
        } else if input.settles() {
            Way::Settled
        } else {
            Way::Pooled
        };
        Ok(Curve { side, input, objective, search, way, pool, mfu, searched: HashMap::new() })
    }

    /// Whether every value costs a search.
    pub fn is_searched(&self) -> bool {
        self.way == Way::Searched
    }

    /// The best figure at a value: infinite where nothing runs, `None` where the value contradicts itself.
    pub fn at(&mut self, x: f64) -> Result<Option<Figure>, Fault> {
        let nothing = (f64::INFINITY, usize::MAX);
        match self.way {
            Way::Still => {
                return Ok(Some(self.side.figure(self.objective).map_or(nothing, |figure| (figure, 0))));
            }
            Way::Paced => {
                let setting = &self.side.design.setting;
                return Ok(Some(self.least(|e| paced(setting, e, self.mfu / x))));
            }
            Way::Settled | Way::Pooled | Way::Searched => {}
        }
        let trial = match self.input.moved(&self.side.design, x) {
            Ok(trial) => trial,
            Err(fault) if fault.exit == Exit::Infeasible => return Ok(Some(nothing)),
            Err(_) => return Ok(None),
        };
        Ok(Some(match self.way {
            Way::Settled => self.least(|e| settle(&trial.setting, e).ok()),
            Way::Pooled => self.least(|e| estimate(&trial.setting, &e.plan, size(e)).ok()),
            _ => self.search_at(&trial, x)?,
        }))
    }

    /// Searches anew at a value; true where a plan came in that is better there than all known ones.
    pub fn renew(&mut self, x: f64) -> Result<bool, Fault> {
        if self.way != Way::Pooled {
            return Ok(false);
        }
        let (Some((known, _)), Ok(trial)) = (self.at(x)?, self.input.moved(&self.side.design, x)) else {
            return Ok(false);
        };
        let (chips, found) = bought(&trial, self.search)?;
        let better = found.by(self.objective).is_some_and(|e| self.objective.of(e) < known * (1.0 - BETTER));
        let resized = trial.may_buy_fewer() && !self.pool.iter().any(|plan| size(plan) == chips);
        if better || resized {
            for plan in plans(&found) {
                if !self.pool.iter().any(|known| known.plan == plan.plan && size(known) == size(&plan)) {
                    self.pool.push(plan);
                }
            }
        }
        Ok(better || resized)
    }

    /// The least figure of the plans that were found: of several sizes, those of the size that is fastest.
    fn least(&self, moved: impl Fn(&Estimate) -> Option<Estimate>) -> Figure {
        let moved: Vec<(usize, Estimate)> =
            self.pool.iter().enumerate().filter_map(|(at, e)| Some((at, moved(e)?))).collect();
        let of = |objective: Objective| {
            move |a: &&(usize, Estimate), b: &&(usize, Estimate)| objective.of(&a.1).total_cmp(&objective.of(&b.1))
        };
        let Some((_, fastest)) = moved.iter().min_by(of(Objective::Time)) else { return (f64::INFINITY, usize::MAX) };
        let best = moved.iter().filter(|(_, e)| size(e) == size(fastest)).min_by(of(self.objective));
        best.map_or((f64::INFINITY, usize::MAX), |(at, e)| (self.objective.of(e), *at))
    }

    fn search_at(&mut self, trial: &Design, x: f64) -> Result<Figure, Fault> {
        let key = if self.input.settles() { trial.chips } else { x }.to_bits();
        if !self.searched.contains_key(&key) {
            self.searched.insert(key, bought(trial, self.search)?.1);
        }
        let Some(found) = self.searched.get(&key) else { return Ok((f64::INFINITY, usize::MAX)) };
        // Searched at another price where the chips are the same: settled at this one.
        let figures =
            plans(found).into_iter().filter_map(|e| Some(self.objective.of(&settle(&trial.setting, &e).ok()?)));
        Ok((figures.fold(f64::INFINITY, f64::min), key as usize))
    }
}

/// Chips that a plan's figures are of, used or not.
fn size(e: &Estimate) -> f64 {
    e.chips_used + e.chips_spare
}

/// The run with steps `factor` times as long.
pub fn paced(setting: &Setting, e: &Estimate, factor: f64) -> Option<Estimate> {
    let wall = wall(setting, e.plan.ranks() as f64, e.steps * e.step_s * factor);
    let ranks = (e.chips_used + e.chips_spare) * setting.ranks_per_chip;
    let power = power(setting, &e.plan, ranks, e.clock, &e.step, &wall);
    settle(setting, &Estimate { step_s: e.step_s * factor, wall, power, ..*e }).ok()
}

/// Whether an input moves the number of chips or what plans there are.
fn moves_plans(side: &Judged, input: &Input) -> bool {
    let design = &side.design;
    let (low, high) = input.range(design);
    let middle = low + 0.5 * (high - low);
    // Where a range has no end or an end contradicts itself, the others tell.
    [low, middle, high, low + 0.01 * (high - low), low + 0.9 * (high - low)]
        .into_iter()
        .filter(|x| x.is_finite())
        .filter_map(|x| input.moved(design, if input.whole { x.round() } else { x }).ok())
        .any(|trial| {
            trial.chips != side.allowed || (!input.settles() && trial.spaces() != design.spaces_of(side.allowed))
        })
}

//! Sizes at which the winner changes: chips and megawatts of a side, the plan searched anew at every size.
//!
//! Time lies on the upper envelope: more chips allowed is never worse, for the further ones may stand idle. A side whose chips
//! follow from its megawatts does not even buy them ([`super::envelope`]), which holds for every figure; the other figures of
//! a side of typed chips are those of the size itself. Sizes are whole nodes.

use super::crossover::{Crossover, Moves, Question};
use super::envelope::{bought, fastest, node};
use super::input::{Input, Lever, megawatts};
use super::{Judged, Search};
use crate::design::{Design, MOST_CHIPS};
use crate::library::diagnostic::Fault;
use crate::model::Estimate;
use crate::search::Objective;

/// How many times the chips of a side are multiplied, or divided, in search of a size that changes the winner.
const MOST_GROWTH: f64 = 8.0;

/// The least figure of one side over its size in nodes.
pub struct Sizes<'a> {
    design: Design,
    objective: Objective,
    search: &'a Search<'a>,
    /// Chips of a node.
    pub node: f64,
    /// What was found: nodes and figure.
    seen: Vec<(f64, f64)>,
    /// The best plans with the chips that were allowed.
    fastest: Vec<(f64, Estimate)>,
}

impl<'a> Sizes<'a> {
    pub fn new(side: &Judged, objective: Objective, search: &'a Search<'a>) -> Sizes<'a> {
        let mut design = side.design.clone();
        design.setting.site.cap_w = f64::INFINITY;
        design.chips = side.allowed;
        let node = node(&design);
        let now = (design.chips / node).floor().max(1.0);
        let seen = side.figure(objective).map(|figure| (now, figure)).into_iter().collect();
        let fastest = side.estimate().map(|e| (side.allowed, *e)).into_iter().collect();
        Sizes { design, objective, search, node, seen, fastest }
    }

    /// The side's own size, and the largest.
    pub fn now(&self) -> f64 {
        (self.design.chips / self.node).floor().max(1.0)
    }

    pub fn most(&self) -> f64 {
        (MOST_CHIPS / self.node).floor()
    }

    /// The figure of a number of nodes; infinite where nothing runs.
    pub fn figure(&mut self, nodes: f64) -> Result<f64, Fault> {
        if let Some((_, figure)) = self.seen.iter().find(|(size, _)| *size == nodes) {
            return Ok(self.envelope(nodes, *figure));
        }
        let design = Design { chips: nodes * self.node, ..self.design.clone() };
        let best = match (design.may_buy_fewer(), self.objective) {
            (true, Objective::Time) => {
                let known = self.fastest.iter().filter(|(chips, _)| *chips <= design.chips);
                let known = known.max_by(|a, b| a.0.total_cmp(&b.0)).copied();
                let all = (self.search)(&design, design.chips)?;
                fastest(&design, &all, known, self.search)?
            }
            (true, _) => bought(&design, self.search)?.1.by(self.objective).copied(),
            (false, _) => (self.search)(&design, design.chips)?.by(self.objective).copied(),
        };
        self.fastest.extend(best.map(|best| (design.chips, best)));
        let figure = best.map_or(f64::INFINITY, |e| self.objective.of(&e));
        self.seen.push((nodes, figure));
        Ok(self.envelope(nodes, figure))
    }

    fn envelope(&self, nodes: f64, figure: f64) -> f64 {
        if self.objective != Objective::Time {
            return figure;
        }
        self.seen.iter().filter(|(size, _)| *size <= nodes).map(|(_, figure)| *figure).fold(f64::INFINITY, f64::min)
    }
}

/// Crossovers over the chips of one side, or over the megawatts that keep them.
pub fn sizes(a: &Judged, b: &Judged, question: &Question, search: &Search<'_>) -> Result<Vec<Crossover>, Fault> {
    let blank = Crossover::of(a, b, question);
    let (side, other) = if question.moves == Moves::Second { (b, a) } else { (a, b) };
    if question.moves == Moves::Both {
        return Ok(vec![Crossover {
            note: "ask for one side's: sizes of two chips do not move alike".to_owned(),
            ..blank
        }]);
    }
    if side.design.exact {
        return Ok(vec![Crossover { note: "the plan fixes the chips".to_owned(), ..blank }]);
    }
    let Some(target) = other.figure(question.objective) else { return Ok(Vec::new()) };
    let mut sizes = Sizes::new(side, question.objective, search);
    // A tie goes to the first side.
    let second_moves = question.moves == Moves::Second;
    let wins = move |figure: f64| if second_moves { figure < target } else { figure <= target };
    let wins_now = wins(sizes.figure(sizes.now())?);
    let mut values = Vec::new();
    let mut last = f64::INFINITY;
    if question.objective == Objective::Time {
        // The envelope falls with the size: one change, above where it loses, below where it wins.
        let (mut from, mut to) = (sizes.now(), sizes.now());
        let most = sizes.most().min(MOST_GROWTH * sizes.now());
        loop {
            to = if wins_now { (to / 1.5).floor() } else { (to * 2.0).min(most) };
            if to < 1.0 {
                break;
            }
            last = sizes.figure(to)?;
            if wins(last) != wins_now {
                values.push(narrow(&mut sizes, from, to, target, &wins)?);
                break;
            }
            from = to;
            if !wins_now && to >= most {
                break;
            }
        }
    } else {
        let now = sizes.now();
        let mut steps: Vec<f64> = (-6..=6).map(|half| (now * (0.5 * f64::from(half)).exp2()).round()).collect();
        steps.retain(|nodes| (1.0..=sizes.most()).contains(nodes));
        steps.dedup();
        for pair in steps.windows(2) {
            let (low, high) = (wins(sizes.figure(pair[0])?), wins(sizes.figure(pair[1])?));
            if low != high {
                // Counted from today's size outwards.
                let (from, to) = if pair[0] < now { (pair[1], pair[0]) } else { (pair[0], pair[1]) };
                values.push(narrow(&mut sizes, from, to, target, &wins)?);
            }
        }
    }
    if values.is_empty() {
        let note = match (question.objective, wins_now) {
            (Objective::Time, true) => format!("even one node of {} is faster", side.design.name),
            (Objective::Time, false) => {
                format!("{MOST_GROWTH} x as many still take {:.1} days", last / 86_400.0)
            }
            (_, true) => format!("from 1/{MOST_GROWTH} to {MOST_GROWTH} x as many, {} stays ahead", side.design.name),
            (_, false) => format!("from 1/{MOST_GROWTH} to {MOST_GROWTH} x as many, {} stays ahead", other.design.name),
        };
        return Ok(vec![Crossover { note, ..blank }]);
    }
    Ok(values
        .into_iter()
        .map(|nodes| {
            let chips = nodes * sizes.node;
            let value = if question.input.lever == Lever::Chips { chips } else { megawatts(&side.design, chips) };
            Crossover { value: Some(value), ..blank.clone() }
        })
        .collect())
}

/// The answers over chips as megawatts, or the other way round.
pub fn in_unit(a: &Judged, b: &Judged, question: &Question, answers: Vec<Crossover>) -> Vec<Crossover> {
    let side = if question.moves == Moves::Second { b } else { a };
    let chips = |input: &Input, value: f64| {
        if input.lever == Lever::Chips { value } else { chips_of(&side.design, value) }
    };
    answers
        .into_iter()
        .map(|c| {
            let value = c
                .value
                .map(|value| chips(&c.input, value))
                .map(|chips| if question.input.lever == Lever::Chips { chips } else { megawatts(&side.design, chips) });
            Crossover { value, note: c.note, ..Crossover::of(a, b, question) }
        })
        .collect()
}

/// Chips, in whole nodes, of the megawatts that keep them.
fn chips_of(design: &Design, megawatts: f64) -> f64 {
    crate::design::chips_under(&design.setting, megawatts * design.setting.site.served_fraction * 1e6 * (1.0 + 1e-9))
}

/// The first size from `from`, whose winner is today's, towards `to`, whose is not, at which the winner differs: halved, and
/// every other time read off the line between the ends, for time falls nearly as a power of the size.
fn narrow(sizes: &mut Sizes<'_>, from: f64, to: f64, target: f64, wins: &dyn Fn(f64) -> bool) -> Result<f64, Fault> {
    let (mut from, mut to) = ((from, sizes.figure(from)?), (to, sizes.figure(to)?));
    let there = wins(to.1);
    for round in 0u32.. {
        if (to.0 - from.0).abs() <= 1.0 {
            break;
        }
        let (least, most) = (from.0.min(to.0) + 1.0, from.0.max(to.0) - 1.0);
        let line = (target / from.1).ln() / (to.1 / from.1).ln();
        let guess = from.0 * (to.0 / from.0).powf(line);
        // A node beyond the guess on either side in turn, so that the bracket closes from both.
        let guess = guess.floor() + f64::from(round / 2 % 2);
        let nodes = if round % 2 == 0 && guess.is_finite() { guess } else { 0.5 * (from.0 + to.0) };
        let nodes = nodes.floor().clamp(least, most);
        let figure = sizes.figure(nodes)?;
        if wins(figure) == there { to = (nodes, figure) } else { from = (nodes, figure) }
    }
    Ok(to.0)
}

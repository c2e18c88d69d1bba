//! What a claim would change: the headline scenario with the inputs that the claim, if true, would give it.
//!
//! Only the scenario's first workload is asked about. A side that the claim does not touch keeps its search, and so does
//! one whose inputs enter after time and equipment energy: its plans are priced anew.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::compare::input::{Input, Lever};
use crate::compare::{self, Judged, paced, plans};
use crate::design::{Ask, Design};
use crate::library::diagnostic::{Diagnostic, Exit, Fault, quoted};
use crate::library::nearest::nearest;
use crate::library::store::Library;
use crate::model::settle;
use crate::report::rates;
use crate::scenario::Scenario;
use crate::search::{Found, Objective, search};

/// The scenario that claims are laid over.
pub const HEADLINE: &str = "s01-headline";
/// A factor that moves less than this is said to stay.
const NOTICEABLE: f64 = 0.005;

/// What the headline scenario would have to assume if a claim holds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IfTrue {
    pub says: String,
    /// `SIDE.INPUT`, or `both.INPUT`, and its value.
    pub set: BTreeMap<String, f64>,
}

/// The headline scenario before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    pub says: String,
    /// The scenario has these values as it is.
    pub assumed: bool,
    /// Sides that would get larger and are no faster for it: what they get stays unused.
    pub idle: Vec<String>,
    pub before: Standing,
    pub after: Standing,
}

/// Who stands where.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    pub sides: Vec<SideFigures>,
    pub verdicts: Vec<Verdict>,
}

/// The figures of a side, each of its best plan for it; none where no plan runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideFigures {
    pub name: String,
    pub days: Option<f64>,
    pub gwh: Option<f64>,
    pub million_usd: Option<f64>,
    pub kt: Option<f64>,
}

/// Who wins on an objective, and how many times the next one's figure is the winner's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub objective: &'static str,
    pub winner: Option<String>,
    /// None where the winner is the only side that runs.
    pub factor: Option<f64>,
}

/// The headline scenario, searched once.
pub struct Headline {
    scenario: Scenario,
    designs: Vec<Design>,
    base: OnceLock<Vec<Judged>>,
}

/// Inputs of one side with their values.
type Moves = Vec<(Input, f64)>;

impl Headline {
    /// Looks up the scenario's sides; nothing is searched yet.
    pub fn new(library: &Library) -> Result<Headline, Fault> {
        let scenario = Scenario::read(library, HEADLINE)?;
        let workload = scenario.workloads.first().cloned().unwrap_or_default();
        let designs = scenario.designs(library, &workload, &[])?;
        Ok(Headline { scenario, designs, base: OnceLock::new() })
    }

    /// Whether names and values can be laid over the scenario; searches nothing.
    pub fn check(&self, if_true: &IfTrue) -> Result<(), Fault> {
        for (design, moves) in self.designs.iter().zip(self.moves(if_true)?) {
            match laid(design, &moves) {
                Err(fault) if fault.exit != Exit::Infeasible => return Err(fault),
                _ => {}
            }
        }
        Ok(())
    }

    /// What the scenario answers, and what it would if the claim holds.
    pub fn effect(&self, if_true: &IfTrue) -> Result<Effect, Fault> {
        let moves = self.moves(if_true)?;
        let base = self.base()?;
        let (mut sides, mut idle) = (Vec::new(), Vec::new());
        for (side, moves) in base.iter().zip(&moves) {
            let (side, is_idle) = self.offered(side, moves)?;
            idle.extend(is_idle.then(|| side.design.name.clone()));
            sides.push(side);
        }
        let same = |side: &Judged, input: &Input, value: f64| {
            // A price in dollars has been through joules.
            input.today(&side.design, &side.found).is_some_and(|today| (today - value).abs() <= 1e-9 * value.abs())
        };
        let assumed = base.iter().zip(&moves).all(|(side, moves)| moves.iter().all(|(i, value)| same(side, i, *value)));
        let (before, after) = (Standing::of(base), Standing::of(&sides));
        Ok(Effect { says: if_true.says.clone(), assumed, idle, before, after })
    }

    fn base(&self) -> Result<&[Judged], Fault> {
        if let Some(base) = self.base.get() {
            return Ok(base);
        }
        let base = self.designs.iter().map(|design| judged(&self.scenario, design.clone()));
        let base = base.collect::<Result<Vec<_>, Fault>>()?;
        Ok(self.base.get_or_init(|| base))
    }

    /// What moves of each side.
    fn moves(&self, if_true: &IfTrue) -> Result<Vec<Moves>, Fault> {
        let mut moves: Vec<Moves> = vec![Vec::new(); self.designs.len()];
        for (path, value) in &if_true.set {
            let (whose, input) = self.split(path)?;
            let input = Input::parse(input).map_err(|fault| of_key(fault, path))?;
            if !value.is_finite() {
                let help = format!("write a number of {}", if input.unit.is_empty() { "no unit" } else { input.unit });
                let message = format!("{} has no finite value", quoted(path));
                return Err(Fault::input(Diagnostic::error(message).key(path).help(help)));
            }
            for (design, moves) in self.designs.iter().zip(&mut moves) {
                if whose.is_none_or(|name| name == design.name) {
                    moves.push((input.clone(), *value));
                }
            }
        }
        Ok(moves)
    }

    /// The side that a path names, none for both, and the input.
    fn split<'a>(&self, path: &'a str) -> Result<(Option<&str>, &'a str), Fault> {
        let mut names: Vec<&str> = self.designs.iter().map(|design| design.name.as_str()).collect();
        names.push("both");
        // The longer name first: `A` begins `A.8` too.
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let rest = |name: &str| path.strip_prefix(name)?.strip_prefix('.');
        if let Some((name, input)) = names.iter().find_map(|name| Some((*name, rest(name)?))) {
            return Ok(((name != "both").then_some(name), input));
        }
        names.sort_unstable();
        let input = path.split_once('.').map_or(path, |(_, input)| input);
        let known = Input::names();
        let input = [path, input].into_iter().find(|word| Input::parse(word).is_ok());
        let near = input.or_else(|| nearest(path, known.iter().map(String::as_str), 1).first().copied());
        let example = near.unwrap_or("usd_per_kwh");
        let help = format!("write SIDE.INPUT with one of {}, such as \"A.{example}\"", names.join(", "));
        let message = format!("{} names no side of {}", quoted(path), self.scenario.name);
        Err(Fault::input(Diagnostic::error(message).key(path).help(help)))
    }

    /// A side with what it is offered, and whether it leaves further chips or megawatts unused.
    fn offered(&self, side: &Judged, moves: &Moves) -> Result<(Judged, bool), Fault> {
        let moved = self.moved(side, moves)?;
        let as_large: Moves = moves.iter().filter(|(input, value)| !grows(side, input, *value)).cloned().collect();
        if as_large.len() == moves.len() {
            return Ok((moved, false));
        }
        let kept = self.moved(side, &as_large)?;
        let days = |side: &Judged| side.figure(Objective::Time).unwrap_or(f64::INFINITY);
        Ok(if days(&kept) <= days(&moved) { (kept, true) } else { (moved, false) })
    }

    /// A side with other values of its inputs.
    fn moved(&self, side: &Judged, moves: &Moves) -> Result<Judged, Fault> {
        if moves.is_empty() {
            return Ok(side.clone());
        }
        let design = match laid(&side.design, moves) {
            Ok(design) => design,
            // Too few megawatts for a single node, say.
            Err(fault) if fault.exit == Exit::Infeasible => {
                return Ok(Judged { found: Found::nothing(), ..side.clone() });
            }
            Err(fault) => return Err(fault),
        };
        let is_pace = |input: &Input| input.lever == Lever::Mfu;
        let settles = moves.iter().all(|(input, _)| input.settles() || is_pace(input));
        let mut judged = if settles && design.chips == side.allowed {
            let design = Design { chips: side.design.chips, ..design };
            let mut found = Found::nothing();
            plans(&side.found).iter().for_each(|plan| found.offer(settle(&design.setting, plan)));
            Judged { design, found, ..side.clone() }
        } else {
            judged(&self.scenario, design)?
        };
        if let Some((_, mfu)) = moves.iter().find(|(input, _)| is_pace(input)) {
            judged.found = at_mfu(&judged, *mfu);
        }
        Ok(judged)
    }
}

/// Whether a value is a larger size than a side has.
fn grows(side: &Judged, input: &Input, value: f64) -> bool {
    matches!(input.lever, Lever::Megawatts | Lever::Chips)
        && input.today(&side.design, &side.found).is_some_and(|today| value > today)
}

/// A design with its best plans, by the CPU.
pub(super) fn judged(scenario: &Scenario, design: Design) -> Result<Judged, Fault> {
    Judged::new(design, &|design, chips| best_plans(scenario, design, chips))
}

/// The best plans of a design on a number of chips.
pub(super) fn best_plans(scenario: &Scenario, design: &Design, chips: f64) -> Result<Found, Fault> {
    let spaces = scenario.spaces_of(design, chips)?;
    let found = spaces.iter().map(|space| search(&design.setting, space, chips));
    Ok(found.fold(Found::nothing(), Found::join))
}

/// The design with the values of its inputs; MFU, which no design states, is left as it is.
fn laid(design: &Design, moves: &Moves) -> Result<Design, Fault> {
    let mut ask: Ask = design.ask.clone();
    for (input, value) in moves {
        match input.lever {
            Lever::Megawatts => (ask.cap_mw, ask.chips) = (Some(*value), None),
            Lever::Chips => ask.chips = Some(*value),
            Lever::Mfu if !(0.001..=1.0).contains(value) => {
                let diagnostic = Diagnostic::error(format!("an MFU of {value}")).key("mfu");
                return Err(Fault::input(diagnostic.help("write a fraction between 0.001 and 1")));
            }
            _ => input.lay(&mut ask, *value)?,
        }
    }
    design.asked_anew(&ask)
}

/// What a side comes to when every step stretches or shrinks until its fastest plan has an MFU.
fn at_mfu(side: &Judged, mfu: f64) -> Found {
    let mut found = Found::nothing();
    let Some(now) = side.estimate().map(|e| rates(&side.design, e).mfu) else { return found };
    for plan in plans(&side.found).iter().filter_map(|plan| paced(&side.design.setting, plan, now / mfu)) {
        found.offer(Ok(plan));
    }
    found
}

/// The fault with the key that the claim's file has.
fn of_key(mut fault: Fault, key: &str) -> Fault {
    fault.diagnostics.iter_mut().for_each(|diagnostic| diagnostic.key = Some(key.to_owned()));
    fault
}

impl Standing {
    fn of(sides: &[Judged]) -> Standing {
        Standing {
            sides: sides.iter().map(SideFigures::of).collect(),
            verdicts: Objective::ALL.into_iter().map(|objective| Verdict::of(sides, objective)).collect(),
        }
    }

    pub fn verdict(&self, objective: Objective) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.objective == objective.word())
    }

    pub fn side(&self, name: &str) -> Option<&SideFigures> {
        self.sides.iter().find(|side| side.name == name)
    }
}

impl SideFigures {
    fn of(side: &Judged) -> SideFigures {
        let figure = |objective, unit: f64| side.figure(objective).map(|figure| figure / unit);
        SideFigures {
            name: side.design.name.clone(),
            days: figure(Objective::Time, 86_400.0),
            gwh: figure(Objective::Energy, 3.6e12),
            million_usd: figure(Objective::Cost, 1e6),
            kt: figure(Objective::Carbon, 1e6),
        }
    }
}

impl Verdict {
    fn of(sides: &[Judged], objective: Objective) -> Verdict {
        let best = compare::winner(sides, objective);
        let others = sides.iter().enumerate().filter(|(at, _)| Some(*at) != best);
        let next = others.filter_map(|(_, side)| side.figure(objective)).min_by(f64::total_cmp);
        let first = best.and_then(|at| sides[at].figure(objective));
        Verdict {
            objective: objective.word(),
            winner: best.map(|at| sides[at].design.name.clone()),
            factor: first.zip(next).map(|(first, next)| next / first),
        }
    }

    fn stays(&self, other: &Verdict) -> bool {
        let close = match (self.factor, other.factor) {
            (Some(a), Some(b)) => (a / b - 1.0).abs() < NOTICEABLE,
            (a, b) => a == b,
        };
        close && self.winner == other.winner
    }

    /// `A wins by 1.59x`.
    fn text(&self) -> String {
        match (&self.winner, self.factor) {
            (Some(winner), Some(factor)) => format!("{winner} wins by {}", times(factor)),
            (Some(winner), None) => format!("only {winner} can run"),
            (None, _) => "no side can run".to_owned(),
        }
    }
}

impl Effect {
    /// Objectives on which another side wins if the claim holds.
    pub fn turned(&self) -> Vec<&'static str> {
        let pairs = self.before.verdicts.iter().zip(&self.after.verdicts);
        pairs.filter(|(before, after)| before.winner != after.winner).map(|(before, _)| before.objective).collect()
    }

    /// In one line: `time: A wins by 1.59x → 1.21x; winner unchanged`.
    pub fn text(&self) -> String {
        if self.assumed {
            return "the headline scenario assumes it as it is".to_owned();
        }
        let mut parts = Vec::new();
        for (before, after) in self.before.verdicts.iter().zip(&self.after.verdicts) {
            if before.stays(after) {
                continue;
            }
            let then = match after.factor {
                Some(factor) if before.winner == after.winner && before.factor.is_some() => times(factor),
                _ => after.text(),
            };
            parts.push(format!("{}: {} → {then}", before.objective, before.text()));
        }
        if !self.idle.is_empty() {
            parts.push(format!("{} is no faster with what is added", self.idle.join(" and ")));
        }
        if parts.is_empty() {
            return "no figure of one side against the other moves".to_owned();
        }
        let turned = self.turned();
        parts.push(if turned.is_empty() {
            "winner unchanged".to_owned()
        } else {
            format!("another winner on {}", turned.join(", "))
        });
        parts.join("; ")
    }
}

/// A factor in three digits.
fn times(factor: f64) -> String {
    if factor < 10.0 { format!("{factor:.2}x") } else { format!("{factor:.1}x") }
}

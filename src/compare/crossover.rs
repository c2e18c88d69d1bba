//! Where the winner changes: every value of an input at which another side becomes the best on an objective.
//!
//! Both sides run their best plan for the objective at every value. What enters after time and equipment energy (prices,
//! capital, carbon, PUE) is settled over the time-energy frontier of the plans, which holds every plan that can win. What
//! enters before (restart time, failures, caps) is solved over the plans known so far and searched anew at the solution,
//! until the search finds no better plan there. Chips and megawatts are searched at every size: see [`super::size`].

use super::change::{Changes, Gap, Scan, changes, grid};
use super::curve::Curve;
use super::input::{Input, Lever};
use super::size::sizes;
use super::{Judged, Search};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::shape::figure;
use crate::search::Objective;

/// Width at which a bracket is a point: some roundings of f64.
const RELATIVE: f64 = 1e-14;
/// The same where every value costs a search.
const RELATIVE_SEARCHED: f64 = 1e-9;
/// Searches until a value is given up on; each round brings in a better plan.
const MOST_ROUNDS: u32 = 24;
/// Figures closer than this are one figure: the rounding of f64.
const EQUAL: f64 = 1e-12;

/// Whose input moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    First,
    Second,
    Both,
}

/// What is asked of a pair of sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub objective: Objective,
    pub input: Input,
    pub moves: Moves,
}

impl Question {
    /// A question by the input's short name or its key.
    pub fn new(objective: Objective, input: &str, moves: Moves) -> Result<Question, Fault> {
        Ok(Question { objective, input: Input::parse(input)?, moves })
    }
}

/// A question of the command line, `OBJECTIVE:INPUT` or `OBJECTIVE:INPUT:DESIGN`; without a design, of each side in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub objective: Objective,
    pub input: Input,
    /// A design's name, or `both`.
    pub whose: Option<String>,
    /// The two designs that it is asked of; without, every pair.
    pub between: Option<[String; 2]>,
}

impl Asked {
    pub fn parse(text: &str, designs: &[&str]) -> Result<Asked, Fault> {
        let wrong = |message: String, help: &str| Fault::input(Diagnostic::error(message).key("crossover").help(help));
        let usage = "write OBJECTIVE:INPUT or OBJECTIVE:INPUT:DESIGN, such as cost:usd_per_kwh:A";
        let mut parts = text.split(':').map(str::trim);
        let (Some(objective), Some(input)) = (parts.next(), parts.next()) else {
            return Err(wrong(format!("a crossover of {} names no input", quoted(text)), usage));
        };
        let Some(objective) = Objective::parse(objective) else {
            let help = "an objective is time, energy, cost or carbon";
            return Err(wrong(format!("{} is no objective", quoted(objective)), help));
        };
        let whose = parts.next().map(str::to_owned);
        if let Some(unknown) = whose.as_deref().filter(|w| *w != "both" && !designs.contains(w)) {
            let help = format!("write one of {}, or both", designs.join(", "));
            return Err(wrong(format!("{} is no design here", quoted(unknown)), &help));
        }
        Ok(Asked { objective, input: Input::parse(input)?, whose, between: None })
    }

    /// The questions that it puts to a pair of sides.
    pub fn of(&self, a: &Judged, b: &Judged) -> Vec<Question> {
        if self.between.as_ref().is_some_and(|pair| !pair.contains(&a.design.name) || !pair.contains(&b.design.name)) {
            return Vec::new();
        }
        let moves: &[Moves] = match self.whose.as_deref() {
            None => &[Moves::First, Moves::Second],
            Some("both") => &[Moves::Both],
            Some(name) if name == a.design.name => &[Moves::First],
            Some(name) if name == b.design.name => &[Moves::Second],
            Some(_) => &[],
        };
        let question = |moves| Question { objective: self.objective, input: self.input.clone(), moves };
        moves.iter().copied().map(question).collect()
    }
}

/// Value of an input at which the winner changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossover {
    pub objective: Objective,
    /// The two sides, the one whose input moves first.
    pub side: String,
    pub other: String,
    /// Both sides' input moves.
    pub both: bool,
    pub input: Input,
    /// The input today; none where nothing states it, or where the sides differ and both move.
    pub today: Option<f64>,
    /// Where the winner changes; `None`: nowhere.
    pub value: Option<f64>,
    /// Why there is none, or what the value means.
    pub note: String,
}

impl Crossover {
    /// A crossover that is not known yet.
    pub(super) fn of(a: &Judged, b: &Judged, question: &Question) -> Crossover {
        let (side, other) = if question.moves == Moves::Second { (b, a) } else { (a, b) };
        let (today, theirs) =
            (question.input.today(&side.design, &side.found), question.input.today(&other.design, &other.found));
        Crossover {
            objective: question.objective,
            side: side.design.name.clone(),
            other: other.design.name.clone(),
            both: question.moves == Moves::Both,
            input: question.input.clone(),
            today: today.filter(|_| question.moves != Moves::Both || today == theirs),
            value: None,
            note: String::new(),
        }
    }

    /// Whose input it is, as a page says it.
    pub fn whose(&self) -> &str {
        if self.both { "both" } else { &self.side }
    }
}

/// What is asked of every pair: time over sizes, rate and failures, money over prices, carbon over the grid.
pub fn standard(a: &Judged, b: &Judged) -> Result<Vec<Question>, Fault> {
    let mut asked = Vec::new();
    let sides = [(Moves::First, a), (Moves::Second, b)];
    for (moves, _) in sides {
        for input in ["chips", "cap_mw", "mfu", "restart_s"] {
            asked.push(Question::new(Objective::Time, input, moves)?);
        }
    }
    for (moves, side) in sides {
        if !side.design.setting.rental {
            for input in ["usd_per_kwh", "all_in_usd", "cost_of_capital", "utilisation"] {
                asked.push(Question::new(Objective::Cost, input, moves)?);
            }
            // More PUE under a cap is fewer chips: a search a value, asked for where it matters.
            let question = Question::new(Objective::Cost, "pue", moves)?;
            if !Curve::new(side, &question.input, true, Objective::Cost, &|_, _| Ok(side.found.clone()))?.is_searched()
            {
                asked.push(question);
            }
        }
    }
    for input in ["carbon_price_usd_per_t", "value_of_delay_usd_per_day"] {
        // Terms that a library of these sides does not know are not asked about.
        asked.extend(Question::new(Objective::Cost, input, Moves::Both));
    }
    for (moves, _) in sides {
        asked.push(Question::new(Objective::Carbon, "g_per_kwh", moves)?);
    }
    Ok(asked)
}

/// The crossovers of two sides: those that are asked for, else the standard ones.
pub fn crossovers(a: &Judged, b: &Judged, asked: &[Asked], search: &Search<'_>) -> Result<Vec<Crossover>, Fault> {
    if asked.is_empty() {
        return answers(a, b, &standard(a, b)?, search);
    }
    let questions: Vec<Question> = asked.iter().flat_map(|asked| asked.of(a, b)).collect();
    answers(a, b, &questions, search)
}

/// What is asked of every pair of sides.
pub fn between_all(sides: &[Judged], asked: &[Asked], search: &Search<'_>) -> Result<Vec<Crossover>, Fault> {
    let mut found = Vec::new();
    for first in 0..sides.len() {
        for second in first + 1..sides.len() {
            found.extend(crossovers(&sides[first], &sides[second], asked, search)?);
        }
    }
    Ok(found)
}

/// The answers to questions over two sides, in their order; none where a side has no plan.
pub fn answers(a: &Judged, b: &Judged, asked: &[Question], search: &Search<'_>) -> Result<Vec<Crossover>, Fault> {
    if a.estimate().is_none() || b.estimate().is_none() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for question in asked {
        match question.input.lever {
            Lever::Chips | Lever::Megawatts => {
                // The same searches answer both.
                let answered = |c: &&Crossover| {
                    matches!(c.input.lever, Lever::Chips | Lever::Megawatts)
                        && c.objective == question.objective
                        && *c.side == Crossover::of(a, b, question).side
                };
                let before: Vec<Crossover> = found.iter().filter(answered).cloned().collect();
                found.extend(if before.is_empty() {
                    sizes(a, b, question, search)?
                } else {
                    super::size::in_unit(a, b, question, before)
                });
            }
            _ => found.extend(solve(a, b, question, search)?),
        }
    }
    Ok(found)
}

/// Every value of a continuous input at which the winner changes; one answer without a value where there is none.
fn solve(a: &Judged, b: &Judged, question: &Question, search: &Search<'_>) -> Result<Vec<Crossover>, Fault> {
    let blank = Crossover::of(a, b, question);
    let input = &question.input;
    let mut first = Curve::new(a, input, question.moves != Moves::Second, question.objective, search)?;
    let mut second = Curve::new(b, input, question.moves != Moves::First, question.objective, search)?;
    let moved = if question.moves == Moves::Second { b } else { a };
    let (low, high) = input.range(&moved.design);
    let searched = first.is_searched() || second.is_searched();
    let today = blank.today.unwrap_or(0.0);
    let mut values = if searched { grid(low, high, today, 2, 1) } else { grid(low, high, today, 32, 12) };
    if input.whole {
        values.iter_mut().for_each(|value| *value = value.round());
        values.dedup();
    }
    let scan = Scan {
        grid: values,
        relative: if searched { RELATIVE_SEARCHED } else { RELATIVE },
        whole: input.whole,
        refinements: if searched { 0 } else { 10 },
    };
    let mut found = Changes::default();
    for _ in 0..MOST_ROUNDS {
        let mut compare = |x: f64| {
            let (Some(one), Some(two)) = (first.at(x)?, second.at(x)?) else { return Ok(None) };
            Ok(Some(Gap { first: one.0, second: two.0, plans: (one.1, two.1) }))
        };
        found = changes(&mut compare, &scan)?;
        let mut doubtful: Vec<f64> = found.brackets.iter().map(|bracket| bracket.middle()).collect();
        if doubtful.is_empty() {
            doubtful.extend(closest(&found).map(|(x, _)| x));
        }
        let mut grew = false;
        for x in doubtful {
            grew |= first.renew(x)?;
            grew |= second.renew(x)?;
        }
        if !grew {
            break;
        }
    }
    if found.brackets.is_empty() {
        let note = why_never(&found, &blank, a, b);
        return Ok(vec![Crossover { note, ..blank }]);
    }
    Ok(found
        .brackets
        .iter()
        .map(|bracket| {
            // Of whole numbers, the first at which the winner differs from today's.
            let whole = if bracket.low < today { bracket.low } else { bracket.high };
            Crossover { value: Some(if input.whole { whole } else { bracket.middle() }), ..blank.clone() }
        })
        .collect())
}

/// The value at which the loser comes closest.
fn closest(found: &Changes) -> Option<(f64, Gap)> {
    found
        .seen
        .iter()
        .copied()
        .filter(|(_, gap)| gap.ratio().is_finite())
        .min_by(|a, b| a.1.ratio().total_cmp(&b.1.ratio()))
}

fn why_never(found: &Changes, blank: &Crossover, a: &Judged, b: &Judged) -> String {
    let Some((x, gap)) = closest(found) else { return "one side runs at no value".to_owned() };
    let figures = |pick: fn(&Gap) -> f64| {
        let values = found.seen.iter().map(|(_, gap)| pick(gap)).filter(|v| v.is_finite());
        let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), v: f64| (l.min(v), m.max(v)));
        most - least > EQUAL * most.abs()
    };
    if !figures(|gap| gap.first) && !figures(|gap| gap.second) {
        return "the input does not matter".to_owned();
    }
    let (loser, winner) = if gap.second_wins() { (a, b) } else { (b, a) };
    let value = figure(rounded(x));
    let unit = match blank.input.unit {
        "" | "fraction" | "rate" | "ratio" => String::new(),
        unit => format!(" {unit}"),
    };
    format!("even at {value}{unit} {} is {:.2} x {}", loser.design.name, gap.ratio(), winner.design.name)
}

/// Four digits of a value.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powi(3 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

//! Claims that one side of a scenario beats another: by how much it does, how sure that is, and under which conditions.

use super::effect::{best_plans, judged};
use crate::compare::Judged;
use crate::compare::crossover::{Crossover, Question, answers, standard};
use crate::compare::input::Lever;
use crate::design::Design;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::nearest::nearest;
use crate::library::store::Library;
use crate::model::Estimate;
use crate::scenario::Scenario;
use crate::search::Objective;
use crate::uncertainty::band::Band;
use crate::uncertainty::chance::{Side, chances, ratio};
use crate::uncertainty::figures::uncertainty;

/// A value of an input at which the winner changes, or why none does.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// SIDE.INPUT.
    pub input: String,
    pub says: String,
    /// How far from today's value it is, as a factor above 1; none where that has no sense.
    pub factor: Option<f64>,
}

/// How two sides of a scenario stand to each other.
#[derive(Clone, Debug, PartialEq)]
pub struct WinnerStanding {
    /// The baseline's figure over the subject's: above 1, the subject is better.
    pub ratio: Band,
    /// The same of the estimates themselves.
    pub estimate: f64,
    /// That the subject is better.
    pub chance: f64,
    /// Values of an input that make the subject the better side, each alone while all else stays; where it is that
    /// already, the values that keep it so.
    pub conditions: Vec<Condition>,
    /// Inputs of which no value changes the winner, and why.
    pub never: Vec<Condition>,
}

/// Compares two sides of a scenario on an objective, on its first workload.
pub fn winner(
    library: &Library,
    scenario: &str,
    objective: Objective,
    subject: &str,
    baseline: &str,
) -> Result<WinnerStanding, Fault> {
    let scenario = Scenario::read(library, scenario)?;
    let designs = designs(library, &scenario)?;
    let side = |name: &str| judged(&scenario, named(&scenario, &designs, name)?.clone());
    let (subject, baseline) = (side(subject)?, side(baseline)?);
    let (first, second) = (best(&subject, objective)?, best(&baseline, objective)?);
    let (of_first, of_second) = (uncertainty(&subject.design, first), uncertainty(&baseline.design, second));
    let drawn =
        |judged: &'_ Judged| (judged.design.setting.stack.name.clone(), judged.design.setting.chip.name.clone());
    let names = [drawn(&subject), drawn(&baseline)];
    let sides = [
        Side { stack: &names[0].0, chip: &names[0].1, estimate: first, uncertainty: &of_first },
        Side { stack: &names[1].0, chip: &names[1].1, estimate: second, uncertainty: &of_second },
    ];
    let spread = &subject.design.spread;
    let mut standing = WinnerStanding {
        ratio: ratio(&sides[0], &sides[1], objective, spread),
        estimate: objective.of(second) / objective.of(first),
        chance: chances(&sides, objective, spread).first().copied().unwrap_or(f64::NAN),
        conditions: Vec::new(),
        never: Vec::new(),
    };
    let wins = standing.estimate >= 1.0;
    for crossovers in asked(&scenario, objective, &subject, &baseline)? {
        match condition(&crossovers, wins) {
            Some(condition) => standing.conditions.push(condition),
            None => standing.never.extend(crossovers.first().map(|c| Condition {
                input: key(c),
                says: format!("{}: {}", what(c), c.note),
                factor: None,
            })),
        }
    }
    Ok(standing)
}

/// The scenario's designs and variants for its first workload.
fn designs(library: &Library, scenario: &Scenario) -> Result<Vec<Design>, Fault> {
    let workload = scenario.workloads.first().cloned().unwrap_or_default();
    let mut designs = scenario.designs(library, &workload, &[])?;
    designs.extend(scenario.variants(library, &workload, &[])?.into_iter().map(|(_, design)| design));
    Ok(designs)
}

fn named<'a>(scenario: &Scenario, designs: &'a [Design], name: &str) -> Result<&'a Design, Fault> {
    designs.iter().find(|design| design.name == name).ok_or_else(|| {
        let names: Vec<&str> = designs.iter().map(|design| design.name.as_str()).collect();
        let near = nearest(name, names.iter().copied(), 1).first().map(|near| format!("did you mean {near}? "));
        let help = format!("{}the sides are {}", near.unwrap_or_default(), names.join(", "));
        let message = format!("{} is no side of {}", quoted(name), scenario.name);
        Fault::input(Diagnostic::error(message).key(name).help(help))
    })
}

fn best(side: &Judged, objective: Objective) -> Result<&Estimate, Fault> {
    side.found.by(objective).ok_or_else(|| {
        let nearest = side.found.nearest.map(|rejection| rejection.reason.word()).unwrap_or_default();
        let message = format!("no plan of {} runs: {nearest}", side.design.name);
        Fault::infeasible(Diagnostic::error(message).key(&side.design.name))
    })
}

/// The crossovers of two sides that the scenario asks for, input by input.
fn asked(
    scenario: &Scenario,
    objective: Objective,
    subject: &Judged,
    baseline: &Judged,
) -> Result<Vec<Vec<Crossover>>, Fault> {
    let asked = scenario.asked()?;
    let mut questions: Vec<Question> = if asked.is_empty() {
        standard(subject, baseline)?
    } else {
        asked.iter().flat_map(|asked| asked.of(subject, baseline)).collect()
    };
    questions.retain(|question| question.objective == objective);
    let search = |design: &Design, chips: f64| best_plans(scenario, design, chips);
    let answer = |question: &Question| answers(subject, baseline, std::slice::from_ref(question), &search);
    questions.iter().map(answer).collect()
}

/// An input and whose it is.
fn what(crossover: &Crossover) -> String {
    format!("{} of {}", crossover.input.words(), crossover.whose())
}

/// The same as a scenario writes it.
fn key(crossover: &Crossover) -> String {
    format!("{}.{}", crossover.whose(), crossover.input.name)
}

/// One input's crossovers as the condition under which the subject wins; none where no value changes the winner.
fn condition(crossovers: &[Crossover], wins: bool) -> Option<Condition> {
    let first = crossovers.first()?;
    let what = what(first);
    let values: Vec<f64> = crossovers.iter().filter_map(|crossover| crossover.value).collect();
    if values.is_empty() {
        return None;
    }
    let Some(today) = first.today else {
        let at: Vec<String> = values.iter().map(|value| quantity(first, *value)).collect();
        let says = format!("{what}: the winner changes at {}", at.join(" and "));
        return Some(Condition { input: key(first), says, factor: None });
    };
    // The nearest change on either side of today.
    let below = values.iter().copied().filter(|value| *value <= today).max_by(f64::total_cmp);
    let above = values.iter().copied().filter(|value| *value > today).min_by(f64::total_cmp);
    let bound = |word: &str, value: f64| format!("{word} {}", quantity(first, value));
    let parts = if wins {
        [below.map(|value| bound("at least", value)), above.map(|value| bound("at most", value))]
    } else {
        [below.map(|value| bound("at most", value)), above.map(|value| bound("at least", value))]
    };
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let join = if wins { " and " } else { ", or " };
    let says = format!("{what} {} (now {})", parts.join(join), quantity(first, today));
    let far = |value: f64| (value / today).max(today / value);
    let factor = below.into_iter().chain(above).map(far).min_by(f64::total_cmp);
    Some(Condition { input: key(first), says, factor })
}

/// A value of an input with its unit.
fn quantity(crossover: &Crossover, value: f64) -> String {
    match (&crossover.input.lever, crossover.input.unit) {
        (Lever::Chips, _) => format!("{value:.0}"),
        (Lever::Megawatts, _) => format!("{value:.0} MW"),
        (_, "USD/kWh") => format!("${value:.3}/kWh"),
        (_, "USD") => format!("${value:.0}"),
        (_, "gCO2e/kWh") => format!("{value:.0} g/kWh"),
        (_, "fraction" | "rate" | "ratio" | "") => format!("{value:.3}"),
        (_, unit) => match unit.strip_prefix("USD/") {
            Some(per) => format!("${value:.2}/{per}"),
            None if value.abs() < 10.0 => format!("{value:.2} {unit}"),
            None => format!("{value:.0} {unit}"),
        },
    }
}

//! Crossovers as a page and as a document show them.

use serde_json::{Value, json};

use super::estimate::{dollars, scaled};
use super::output;
use crate::compare::crossover::Crossover;
use crate::compare::input::Lever;

/// Each with its value today and where the winner changes.
pub fn table(crossovers: &[Crossover]) -> String {
    let mut rows = Vec::new();
    for c in crossovers {
        let now = c.today.map_or_else(|| "-".to_owned(), |value| quantity(c, value));
        let value = c.value.map_or_else(|| format!("never: {}", c.note), |value| quantity(c, value));
        rows.push(vec![c.objective.word().to_owned(), format!("{} of {}", c.input.words(), c.whose()), now, value]);
    }
    output::table(&["FIGURE", "INPUT", "NOW", "WINNER CHANGES AT"], &[0, 1, 2], rows)
}

/// The same as an object.
pub fn json(workload: &str, c: &Crossover) -> Value {
    json!({
        "workload": workload,
        "input": if c.both { c.input.name.clone() } else { format!("{}.{}", c.side, c.input.name) },
        "moves": c.whose(),
        "between": [c.side, c.other],
        "objective": c.objective.word(),
        "value": c.value,
        "unit": c.input.unit,
        "today": c.today,
        "note": if c.note.is_empty() { Value::Null } else { c.note.clone().into() },
    })
}

/// A value of an input, as a page says it.
fn quantity(c: &Crossover, value: f64) -> String {
    match (&c.input.lever, c.input.unit) {
        (Lever::Chips, _) => format!("{value:.0}"),
        (Lever::Megawatts, _) => scaled(value * 1e6, "W"),
        (_, "USD/kWh") => format!("${value:.3}/kWh"),
        (_, "USD") => format!("${value:.0}"),
        (_, "gCO2e/kWh") => format!("{value:.0} g/kWh"),
        (_, "fraction" | "rate" | "ratio" | "") => format!("{value:.3}"),
        (_, unit) => match unit.strip_prefix("USD/") {
            Some(per) => format!("{}/{per}", dollars(value)),
            None if value.abs() < 10.0 => format!("{value:.2} {unit}"),
            None => format!("{value:.0} {unit}"),
        },
    }
}

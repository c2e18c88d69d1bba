//! The crossovers that a scenario asks for.

use serde::Deserialize;

use crate::library::attribute::Shape;
use crate::library::diagnostic::{Diagnostic, quoted};
use crate::library::entry_kind::EntryKind;
use crate::library::nearest::nearest;
use crate::search::Objective;

/// Inputs that have a name of their own; any numeric `--set` key is one too.
pub const INPUTS: [&str; 12] = [
    "usd_per_kwh",
    "cap_mw",
    "chips",
    "all_in_usd",
    "pue",
    "mfu",
    "restart_s",
    "g_per_kwh",
    "carbon_price_usd_per_t",
    "utilisation",
    "cost_of_capital",
    "value_of_delay_usd_per_day",
];

/// At what value of an input does the better of two designs change?
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    pub between: [String; 2],
    pub objective: Objective,
    /// The design whose input moves and the input: `A.usd_per_kwh`, `A.site.availability`.
    pub input: String,
}

impl Asked {
    /// The design whose input moves, the other one, and the input.
    pub fn parts(&self) -> Option<(&str, &str, &str)> {
        let [first, second] = &self.between;
        let of = |name: &str| self.input.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
        // The longer name first: `A` begins `A.8` too.
        let mut sides = [(first, second), (second, first)];
        sides.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        sides.into_iter().find_map(|(side, other)| Some((side.as_str(), other.as_str(), of(side)?)))
    }

    /// What is wrong with it, given the names of all designs and variants.
    pub fn check(&self, names: &[&str]) -> Result<(), Diagnostic> {
        let wrong = |message: String, key: &str, help: String| Err(Diagnostic::error(message).key(key).help(help));
        let [first, second] = &self.between;
        for name in &self.between {
            if !names.contains(&name.as_str()) {
                let message = format!("a crossover names {}, which is no design", quoted(name));
                return wrong(message, "between", format!("write two of {}", names.join(", ")));
            }
        }
        if first == second {
            let message = format!("a crossover is between {} and itself", quoted(first));
            return wrong(message, "between", format!("write two of {}", names.join(", ")));
        }
        let Some((_, _, input)) = self.parts() else {
            let message = format!("input {} belongs to neither {first} nor {second}", quoted(&self.input));
            return wrong(message, "input", format!("write \"{first}.usd_per_kwh\", or another input of the two"));
        };
        if INPUTS.contains(&input) || is_number(input) {
            return Ok(());
        }
        let near = nearest(input, INPUTS, 1).first().map_or(String::new(), |near| format!("did you mean {near}? "));
        let help = format!("{near}write one of {}, or a numeric key of --set such as site.pue.full", INPUTS.join(", "));
        wrong(format!("unknown input {}", quoted(input)), "input", help)
    }
}

/// Whether a `--set` key whose value is a number.
fn is_number(key: &str) -> bool {
    let attribute = key.split_once('.').and_then(|(kind, key)| EntryKind::parse(kind)?.attribute(key));
    attribute.is_some_and(|a| matches!(a.shape, Shape::Number { .. } | Shape::Integer { .. }))
}

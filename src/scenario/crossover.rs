//! The crossovers that a scenario asks for.

use serde::Deserialize;

use crate::compare::crossover::Asked;
use crate::compare::input::Input;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::search::Objective;

/// At what value of an input does the better of two designs change?
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    pub between: [String; 2],
    pub objective: Objective,
    /// The design whose input moves and the input: `A.usd_per_kwh`, `A.site.availability`; `both.pue` moves that of both.
    pub input: String,
}

impl Sought {
    /// Whose input moves, and the input.
    fn parts(&self) -> Option<(&str, &str)> {
        let [first, second] = &self.between;
        let mut whose = [first.as_str(), second.as_str(), "both"];
        // The longer name first: `A` begins `A.8` too.
        whose.sort_by_key(|name| std::cmp::Reverse(name.len()));
        whose.into_iter().find_map(|name| Some((name, self.input.strip_prefix(name)?.strip_prefix('.')?)))
    }

    /// The question as `compare` puts it, given the names of all sides.
    pub fn asked(&self, sides: &[&str]) -> Result<Asked, Fault> {
        let wrong = |message: String, key: &str, help: String| {
            Err(Fault::input(Diagnostic::error(message).key(key).help(help)))
        };
        let [first, second] = &self.between;
        for name in &self.between {
            if !sides.contains(&name.as_str()) {
                let message = format!("a crossover names {}, which is no design", quoted(name));
                return wrong(message, "between", format!("write two of {}", sides.join(", ")));
            }
        }
        if first == second {
            let message = format!("a crossover is between {} and itself", quoted(first));
            return wrong(message, "between", format!("write two of {}", sides.join(", ")));
        }
        let Some((whose, input)) = self.parts() else {
            let message = format!("input {} belongs to neither {first} nor {second}", quoted(&self.input));
            return wrong(message, "input", format!("write \"{first}.usd_per_kwh\", or another input of the two"));
        };
        let input = Input::parse(input).map_err(|mut fault| {
            for diagnostic in &mut fault.diagnostics {
                diagnostic.key = Some("input".to_owned());
            }
            fault
        })?;
        Ok(Asked {
            objective: self.objective,
            input,
            whose: Some(whose.to_owned()),
            between: Some(self.between.clone()),
        })
    }
}

//! What every design of a scenario has to keep to.

use serde::Deserialize;

use super::block::Block;
use super::place::Places;
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::shape::figure;

/// Limits, each optional.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Constraints {
    pub deadline_days: Option<f64>,
    pub budget_usd: Option<f64>,
    /// Peak megawatts of the facility.
    pub cap_mw: Option<f64>,
    /// Supply of chips.
    pub chips: Option<f64>,
    pub co2_t: Option<f64>,
}

impl Constraints {
    /// The limits in words.
    pub fn text(&self) -> String {
        let limits = [
            (self.deadline_days, "a deadline of", " days"),
            (self.budget_usd, "a budget of $", ""),
            (self.cap_mw, "a peak of", " MW"),
            (self.chips, "a supply of", " chips"),
            (self.co2_t, "", " t CO2e"),
        ];
        let words = limits.into_iter().filter_map(|(limit, before, after)| {
            let gap = if before.is_empty() || before.ends_with('$') { "" } else { " " };
            limit.map(|limit| format!("{before}{gap}{}{after}", figure(limit)))
        });
        words.collect::<Vec<_>>().join(" and ")
    }

    /// Limits that nothing can meet, by themselves or against every value of a design's own field. `blocks`: the design as
    /// stated and as `[sweep]` widens it.
    pub fn check(&self, blocks: &[Block], places: &Places) -> Result<(), Fault> {
        let alone = [
            ("deadline_days", self.deadline_days, "no run takes less than no time"),
            ("budget_usd", self.budget_usd, "every run costs something"),
            ("cap_mw", self.cap_mw, "every chip draws power"),
            ("chips", self.chips, "every run takes a chip"),
            ("co2_t", self.co2_t, "every run emits something"),
        ];
        for (key, limit, why) in alone {
            let least = if key == "chips" { 1.0 } else { f64::MIN_POSITIVE };
            if let Some(limit) = limit.filter(|limit| !limit.is_finite() || *limit < least) {
                let message = format!("constraints.{key} = {} contradicts every design: {why}", figure(limit));
                let help = "write a number above 0, or leave the key out";
                let diagnostic = Diagnostic::error(message).key(format!("constraints.{key}")).help(help);
                return Err(places.fault(diagnostic, &[&format!("constraints.{key}")]));
            }
        }
        let mut names: Vec<&str> = blocks.iter().map(|block| block.design.as_str()).collect();
        names.dedup();
        for name in names {
            let own = || blocks.iter().filter(|block| block.design == name);
            let chips = own().map(|block| block.chips.as_slice()).collect::<Vec<_>>();
            let cap_mw = own().map(|block| block.cap_mw.as_slice()).collect::<Vec<_>>();
            // A design without sizes takes as many chips as fit: they contradict nothing.
            for (key, limit, axes) in [("chips", self.chips, chips), ("cap_mw", self.cap_mw, cap_mw)] {
                let least = axes.iter().flat_map(|axis| axis.iter()).copied().fold(f64::INFINITY, f64::min);
                let Some(limit) = limit.filter(|limit| least.is_finite() && least > *limit) else { continue };
                if key == "cap_mw" && own().any(|block| !block.chips.is_empty()) {
                    // The chips decide what is drawn; the design's cap is only its own limit.
                    continue;
                }
                let from = if axes.iter().any(|axis| axis.len() > 1) { "at least " } else { "" };
                let message = format!(
                    "constraints.{key} = {} contradicts design {name}, whose {key} is {from}{}",
                    figure(limit),
                    figure(least)
                );
                let help = format!("raise constraints.{key}, or give the design a smaller {key}");
                let diagnostic = Diagnostic::error(message).key(format!("constraints.{key}")).help(help);
                return Err(places.fault(diagnostic, &[&format!("constraints.{key}")]));
            }
        }
        Ok(())
    }
}

//! What an estimate rests on beyond what was measured, and by how much that widens its band.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::exposure::Component;
use crate::design::Design;
use crate::library::diagnostic::Fault;
use crate::library::shape::grouped;
use crate::library::store::Library;
use crate::library::workload::Counts;
use crate::model::weights::Weights;
use crate::validate::exclusion::Exclusions;
use crate::validate::inference::Inference;
use crate::validate::plan::chips;
use crate::validate::power::Systems;
use crate::validate::table::Table;

/// One extrapolation: a component of the spread, how strongly it applies, and the sentence for the reader.
#[derive(Clone, Debug, PartialEq)]
pub struct Extrapolation {
    pub component: Component,
    pub weight: f64,
    pub note: String,
}

/// What the shipped evidence measured, by the library's names.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Precisions of the measured runs on each chip.
    chips: BTreeMap<String, BTreeSet<String>>,
    stacks: BTreeSet<String>,
    /// Chips whose nodes were metered.
    metered: BTreeSet<String>,
    most_chips: f64,
    most_parameters: f64,
    longest_sequence: f64,
}

impl Measured {
    /// The extent of the evidence in the program, read once.
    pub fn shipped() -> &'static Measured {
        static MEASURED: OnceLock<Measured> = OnceLock::new();
        // Evidence that cannot be read measures nothing: every band is then an extrapolation.
        MEASURED.get_or_init(|| Measured::read().unwrap_or_default())
    }

    fn read() -> Result<Measured, Fault> {
        let library = Library::open::<&str>(&[])?;
        let (inference, exclusions) = (Inference::shipped()?, Exclusions::shipped()?);
        let mut measured = Measured::default();
        let mut chips_by_word: BTreeMap<String, Option<(String, String)>> = BTreeMap::new();
        for row in &Table::shipped("published_runs.csv")?.rows {
            if exclusions.reason(row).is_some() {
                continue;
            }
            let word = row.text("chip");
            let known = chips_by_word
                .entry(word.to_owned())
                .or_insert_with(|| library.chip(word).ok().map(|chip| (chip.name, chip.vendor)));
            let Some((chip, vendor)) = known.clone() else { continue };
            let precision = row.text("precision").to_ascii_lowercase();
            measured.chips.entry(chip).or_default().insert(precision);
            let stack = if row.text("stack").is_empty() { inference.stack(row, &vendor) } else { row.text("stack") };
            measured.stacks.insert(stack.to_owned());
            measured.most_chips = measured.most_chips.max(chips(row).unwrap_or(0.0));
            measured.most_parameters = measured.most_parameters.max(row.number("params_total_B").unwrap_or(0.0) * 1e9);
            measured.longest_sequence = measured.longest_sequence.max(row.number("seq_len").unwrap_or(0.0));
        }
        let systems = Systems::shipped()?;
        for row in &Table::shipped("power_measured.csv")?.rows {
            measured.metered.extend(systems.chip(row, &library));
        }
        Ok(measured)
    }

    /// Whether nodes of a chip were metered.
    pub fn is_metered(&self, chip: &str) -> bool {
        self.metered.contains(chip)
    }
}

/// Doublings beyond a bound; none within it.
fn doublings(value: f64, bound: f64) -> f64 {
    if bound > 0.0 && value > bound { (value / bound).log2() } else { 0.0 }
}

/// Every extrapolation of a design.
pub fn extrapolations(design: &Design, measured: &Measured) -> Vec<Extrapolation> {
    let setting = &design.setting;
    let (chip, stack, workload) = (&setting.chip.name, &setting.stack.name, &setting.workload);
    let precision = workload.run.precision.word();
    let mut found = Vec::new();
    let mut add = |component: Component, weight: f64, note: String| {
        if weight > 0.0 {
            found.push(Extrapolation { component, weight, note });
        }
    };
    match measured.chips.get(chip) {
        None => add(Component::Chip, 1.0, format!("no measured training run on {chip} is in the evidence")),
        Some(precisions) if !precisions.contains(precision) => {
            add(Component::NewPrecision, 1.0, format!("no measured run in {precision} on {chip} is in the evidence"));
        }
        Some(_) => {}
    }
    if !measured.stacks.contains(stack) {
        add(Component::NewStack, 1.0, format!("no measured run of stack {stack} is in the evidence"));
    }
    add(
        Component::BeyondChips,
        doublings(design.chips, measured.most_chips),
        format!("more chips than the largest measured run ({})", grouped(measured.most_chips)),
    );
    let parameters = Weights::of(&workload.architecture).total(&workload.architecture, Counts::All);
    add(
        Component::BeyondSize,
        doublings(parameters, measured.most_parameters),
        format!(
            "more parameters than the largest measured model ({} billion)",
            (measured.most_parameters * 1e-9).round()
        ),
    );
    add(
        Component::BeyondSequence,
        doublings(workload.run.seq_len, measured.longest_sequence),
        format!("longer sequences than the longest measured ones ({} tokens)", grouped(measured.longest_sequence)),
    );
    if workload.coarse {
        add(Component::Coarse, 1.0, "workload given by params and tokens alone: coarse".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_within_the_bounds_is_an_extrapolation() {
        assert_eq!(doublings(512.0, 1024.0), 0.0);
        assert_eq!(doublings(4096.0, 1024.0), 2.0);
        assert_eq!(grouped(16384.0), "16,384");
        assert_eq!(grouped(512.0), "512");
    }

    #[test]
    fn the_evidence_measured_something_of_everything() {
        let measured = Measured::shipped();
        assert!(measured.chips.contains_key("nvidia-h100-sxm") && measured.is_metered("nvidia-h100-sxm"));
        assert!(!measured.stacks.is_empty() && measured.most_chips > 1000.0);
        assert!(measured.most_parameters > 1e11 && measured.longest_sequence > 8192.0);
    }
}

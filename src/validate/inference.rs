//! Which software stack a row ran, where it does not say: one ordered table, `evidence/stacks.toml`.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::table::Row;
use crate::library::diagnostic::Fault;
use crate::library::store::evidence_table;

/// A rule: all conditions that it states must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rule {
    words: Vec<String>,
    also: Vec<String>,
    without: Vec<String>,
    vendors: Vec<String>,
    from_year: Option<u32>,
    to_year: Option<u32>,
    precisions: Vec<String>,
    recompute: Vec<String>,
    sequence_parallel: Option<bool>,
    min_zero: Option<u32>,
    max_tp: Option<u32>,
    max_pp: Option<u32>,
    /// Tensor-parallel size, stages or interleaving are stated, or are not.
    plan_stated: Option<bool>,
    stack: String,
}

/// Where no rule matches, which the last rule of the table excludes.
const LAST_RESORT: &str = "megatron-core-2023";

/// The ordered table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inference {
    rule: Vec<Rule>,
    /// Stacks that the rows of a source must do without.
    #[serde(skip)]
    barred: BTreeSet<(String, String)>,
}

impl Inference {
    /// Reads the table that ships with the library.
    pub fn shipped() -> Result<Inference, Fault> {
        evidence_table("stacks.toml")
    }

    /// The words that the rules look for.
    pub fn words(&self) -> Vec<&str> {
        self.rule.iter().flat_map(|rule| &rule.words).map(String::as_str).collect()
    }

    /// The same table where the rows of a source do without a stack, for each pair of both; the last resort is never barred.
    pub fn without(&self, barred: BTreeSet<(String, String)>) -> Inference {
        Inference { barred, ..self.clone() }
    }

    /// Whether the rows of a source may have a stack.
    pub fn allows(&self, row: &Row, stack: &str) -> bool {
        !self.barred.iter().any(|(source, barred)| source == row.text("source") && barred == stack)
    }

    /// Name of the stack of a row on a chip of a vendor.
    pub fn stack(&self, row: &Row, vendor: &str) -> &str {
        self.stacks(row, vendor).first().copied().unwrap_or(LAST_RESORT)
    }

    /// Names of the stacks that a row may have had, the likeliest first.
    pub fn stacks(&self, row: &Row, vendor: &str) -> Vec<&str> {
        let text = [row.text("source"), row.text("url_or_ref"), row.text("notes"), row.text("model_name")]
            .join(" ")
            .to_ascii_lowercase();
        let year = row.number("year").unwrap_or(2024.0) as u32;
        let any = |words: &[String]| words.iter().any(|w| text.contains(&w.to_ascii_lowercase()));
        let among =
            |words: &[String], word: &str| words.is_empty() || words.iter().any(|w| w.eq_ignore_ascii_case(word));
        let matches = |rule: &Rule| {
            self.allows(row, &rule.stack)
                && (rule.words.is_empty() || any(&rule.words))
                && (rule.also.is_empty() || any(&rule.also))
                && !any(&rule.without)
                && among(&rule.vendors, vendor)
                && rule.from_year.is_none_or(|y| year >= y)
                && rule.to_year.is_none_or(|y| year <= y)
                && among(&rule.precisions, row.text("precision"))
                && among(&rule.recompute, row.text("recompute"))
                && rule.sequence_parallel.is_none_or(|on| row.number("seq_parallel").is_some_and(|n| (n > 0.0) == on))
                && rule.min_zero.is_none_or(|z| row.number("zero_or_fsdp_stage").is_some_and(|n| n >= f64::from(z)))
                && rule.max_tp.is_none_or(|most| row.number("tp").is_none_or(|n| n <= f64::from(most)))
                && rule.max_pp.is_none_or(|most| row.number("pp").is_none_or(|n| n <= f64::from(most)))
                && rule.plan_stated.is_none_or(|stated| stated == row.number("tp").or(row.number("pp")).is_some())
        };
        let found = self.rule.iter().filter(|rule| matches(rule)).map(|rule| rule.stack.as_str());
        found.chain([LAST_RESORT]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::store::Library;

    fn stack(texts: &[(&'static str, &str)], numbers: &[(&'static str, f64)], vendor: &str) -> String {
        let Ok(inference) = Inference::shipped() else { unreachable!("the table ships with the program") };
        inference.stack(&Row::of(texts, numbers), vendor).to_owned()
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        assert_eq!(stack(&[("notes", "maxtext")], &[], "NVIDIA"), "maxtext-xla");
        assert_eq!(stack(&[("notes", "torchtitan eager, no compile")], &[], "NVIDIA"), "torchtitan-2024-eager");
        assert_eq!(stack(&[("notes", "torchtitan compile")], &[], "NVIDIA"), "torchtitan-2024-compile");
        assert_eq!(stack(&[], &[], "Google"), "maxtext-xla");
        assert_eq!(stack(&[("source", "Megatron-Bridge 26.06")], &[("year", 2026.0)], "NVIDIA"), "megatron-core-2026");
        assert_eq!(stack(&[("source", "Megatron-Bridge 25.09")], &[("year", 2025.0)], "NVIDIA"), "megatron-core-2025");
        assert_eq!(stack(&[("source", "Megatron")], &[("year", 2020.0)], "NVIDIA"), "megatron-2020");
    }

    #[test]
    fn a_row_that_says_nothing_still_has_a_stack() {
        assert_eq!(stack(&[], &[], "Nobody"), LAST_RESORT);
    }

    #[test]
    fn every_stack_of_the_table_is_in_the_library() -> Result<(), Fault> {
        let library = Library::open::<&str>(&[])?;
        for rule in &Inference::shipped()?.rule {
            library.stack(&rule.stack)?;
        }
        Ok(())
    }
}

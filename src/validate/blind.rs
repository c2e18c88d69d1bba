//! A table read as a stranger's: nothing tells the reader which source it has before it.
//!
//! Sources are numbered, their names and the words of software are blanked wherever a rule could read them, hand-given
//! labels are dropped, and a stack that serves one laboratory alone is not to be had for that laboratory's rows. What
//! the rows themselves state of shape, plan, chip, year and measurement stays. The constants are those of the fit.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::table::Table;
use crate::library::diagnostic::Fault;
use crate::library::store::evidence_table;

/// Cells that somebody typed to help the reader, beyond what a source states.
const LABELS: [&str; 3] = ["stack", "nic_gbps_per_chip", "domain_chips"];

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Laboratory {
    name: String,
    begins: Vec<String>,
}

/// Which laboratory a source is of: `evidence/laboratories.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Laboratories {
    laboratory: Vec<Laboratory>,
}

impl Laboratories {
    /// Reads the list that ships with the evidence.
    pub fn shipped() -> Result<Laboratories, Fault> {
        evidence_table("laboratories.toml")
    }

    /// The laboratory of a source: its own name where the list has none.
    pub fn of<'a>(&'a self, source: &'a str) -> &'a str {
        let is = |laboratory: &&Laboratory| laboratory.begins.iter().any(|begin| source.starts_with(begin.as_str()));
        self.laboratory.iter().find(is).map_or(source, |laboratory| laboratory.name.as_str())
    }
}

/// A table of which nothing says where it is from.
pub struct Blinded {
    pub table: Table,
    names: BTreeMap<String, String>,
}

impl Blinded {
    /// Blanks the names of sources, the given words, and the labels.
    pub fn of(table: &Table, words: &[&str]) -> Blinded {
        let sources: BTreeSet<&str> = table.rows.iter().map(|row| row.text("source")).collect();
        let numbers: BTreeMap<&str, String> =
            sources.into_iter().enumerate().map(|(at, source)| (source, format!("source {}", at + 1))).collect();
        let names = numbers.iter().map(|(source, number)| (number.clone(), (*source).to_owned())).collect();
        let mut words: Vec<&str> = words.iter().copied().chain(numbers.keys().copied()).collect();
        // A word that holds another goes first, so that nothing of it remains.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let mut blind = table.clone();
        for row in &mut blind.rows {
            let number = numbers.get(row.text("source")).cloned().unwrap_or_default();
            let notes = without(row.text("notes"), &words);
            row.state("source", number);
            row.state("notes", notes);
            row.state("url_or_ref", String::new());
            LABELS.iter().for_each(|label| row.forget(label));
        }
        Blinded { table: blind, names }
    }

    /// The true name of a numbered source.
    pub fn name(&self, number: &str) -> &str {
        self.names.get(number).map_or("", String::as_str)
    }

    /// The numbered sources with their true names.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(|(number, name)| (number.as_str(), name.as_str()))
    }
}

/// A text without some words, in any case.
fn without(text: &str, words: &[&str]) -> String {
    let mut text = text.to_owned();
    for word in words.iter().filter(|word| !word.is_empty()).map(|word| word.to_ascii_lowercase()) {
        while let Some(at) = text.to_ascii_lowercase().find(&word) {
            text.replace_range(at..at + word.len(), "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::source_text::SourceText;

    #[test]
    fn a_blinded_row_keeps_what_it_ran_and_not_who_ran_it() -> Result<(), Fault> {
        let text = "source,url_or_ref,chip,chips,layers,hidden,heads,sec_per_iter,notes,stack,domain_chips\n\
                    A lab,https://a,h100,8,32,4096,32,1.5,MegaTron; head-dim 256; as in A Lab,nemo-2024,72\n";
        let table = Table::parse(SourceText::new("runs.csv", text), None)?;
        let blind = Blinded::of(&table, &["megatron"]);
        let row = &blind.table.rows[0];
        assert_eq!((row.text("source"), row.text("url_or_ref"), row.text("stack")), ("source 1", "", ""));
        assert_eq!(row.number("domain_chips"), None);
        assert_eq!(row.remark_number("head-dim "), Some(256.0));
        assert!(!row.text("notes").to_lowercase().contains("lab") && !row.text("notes").contains("Mega"));
        assert_eq!(
            (row.text("chip"), row.number("layers"), row.number("sec_per_iter")),
            ("h100", Some(32.0), Some(1.5))
        );
        assert_eq!(blind.name("source 1"), "A lab");
        Ok(())
    }

    #[test]
    fn tables_of_one_laboratory_are_known_by_how_they_begin() -> Result<(), Fault> {
        let laboratories = Laboratories::shipped()?;
        assert_eq!(laboratories.of("MLPerf Training v3.0"), laboratories.of("MLPerf Training v5.1"));
        assert_eq!(laboratories.of("somebody"), "somebody");
        Ok(())
    }
}

//! Rows that take no part in the figures: recalled, flagged at their source, or contradicted by other rows.
//!
//! They are kept, predicted and listed with the reason. `evidence/contradictions.toml` holds the contradicted ones and,
//! for each, the row that contradicts it and the ratio between both, which a test recomputes from the tables.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::table::Row;
use crate::library::diagnostic::Fault;
use crate::library::store::evidence_table;

/// Cells that a row must have, by column.
pub type Cells = BTreeMap<String, String>;

/// A row that another row contradicts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contradiction {
    pub row: Cells,
    /// The row that it cannot stand beside.
    pub against: Cells,
    pub column: String,
    /// Value of `column` in the row over that in the other.
    pub ratio: f64,
    /// The arithmetic, in words.
    pub reason: String,
}

/// The contradicted rows of the shipped tables.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusions {
    contradiction: Vec<Contradiction>,
}

impl Exclusions {
    /// Reads the list that ships with the evidence.
    pub fn shipped() -> Result<Exclusions, Fault> {
        evidence_table("contradictions.toml")
    }

    /// Why a row takes no part in the figures; none where it does.
    pub fn reason(&self, row: &Row) -> Option<&str> {
        if row.text("confidence") == "recalled" {
            return Some("recalled, not read at its source");
        }
        if row.remarks().any(|remark| remark.starts_with("FLAG")) {
            return Some("flagged as inconsistent at its source");
        }
        self.contradiction.iter().find(|entry| is(row, &entry.row)).map(|entry| entry.reason.as_str())
    }
}

fn is(row: &Row, cells: &Cells) -> bool {
    !cells.is_empty() && cells.iter().all(|(column, text)| row.text(column) == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::table::Table;

    #[test]
    fn every_contradiction_can_be_recomputed_from_the_tables() -> Result<(), Fault> {
        let mut rows = Vec::new();
        for name in ["published_runs.csv", "memory_measured.csv", "power_measured.csv"] {
            rows.extend(Table::shipped(name)?.rows);
        }
        for entry in Exclusions::shipped()?.contradiction {
            let value = |cells: &Cells| {
                let mut found = rows.iter().filter(|row| is(row, cells));
                let value = found.next().and_then(|row| row.number(&entry.column));
                assert!(value.is_some() && found.next().is_none(), "one row with {cells:?}");
                value.unwrap_or(f64::NAN)
            };
            let ratio = value(&entry.row) / value(&entry.against);
            assert!((ratio / entry.ratio - 1.0).abs() < 0.005, "{}: {ratio}", entry.reason);
        }
        Ok(())
    }

    #[test]
    fn a_plain_row_takes_part() -> Result<(), Fault> {
        let exclusions = Exclusions::shipped()?;
        assert_eq!(exclusions.reason(&Row::of(&[("id", "mine")], &[])), None);
        assert!(exclusions.reason(&Row::of(&[("notes", "late;FLAG: doubtful")], &[])).is_some());
        assert!(exclusions.reason(&Row::of(&[("confidence", "recalled")], &[])).is_some());
        Ok(())
    }
}

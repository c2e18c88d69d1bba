//! How right the predictions are of sources that the fit has seen, of others, and of whole runs: never one mean.
//!
//! Here every row counts: one without a prediction as a factor of two, unless it was set aside as recalled, flagged or
//! contradicted.

use std::collections::{BTreeMap, BTreeSet};

use twox_hash::XxHash64;

use super::judged::{Judged, MISSED, Status};
use super::score::{LEAST_ROWS, mean, quantile, source_medians, summarise};
use super::table::{Table, TableKind};
use crate::library::diagnostic::Fault;

/// Sources that are locked away while structure is chosen.
const LOCKED: usize = 5;

/// Which rows are summed up by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Steps of sources that took part in the shipped fit.
    Known,
    /// Steps of sources that did not.
    New,
    /// Days, hours and energy from a run's first step to its last, of all sources.
    WholeRuns,
}

impl Ground {
    pub const ALL: [Ground; 3] = [Ground::Known, Ground::New, Ground::WholeRuns];

    /// The key in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Ground::Known => "known",
            Ground::New => "new",
            Ground::WholeRuns => "whole_runs",
        }
    }

    /// What a page calls it.
    pub fn title(self) -> &'static str {
        match self {
            Ground::Known => "known",
            Ground::New => "new",
            Ground::WholeRuns => "whole runs",
        }
    }
}

/// Errors over some sources; NaN of no rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub scored: usize,
    /// Rows without a prediction, each counted as a factor of two.
    pub missed: usize,
    /// Sources in the mean of medians: those with [`LEAST_ROWS`] rows, or all where none has so many.
    pub sources: usize,
    pub mean_of_source_medians: f64,
    pub median_abs_error: f64,
    pub p90_abs_error: f64,
    /// Shares inside the 80 % bands: of the scored rows, and of a source's in the mean.
    pub inside: f64,
    pub inside_by_source: f64,
}

/// The sources of the shipped table of a kind: what the fit has seen.
pub fn known_sources(kind: TableKind) -> Result<BTreeSet<String>, Fault> {
    Ok(Table::shipped(kind.shipped())?.rows.iter().map(|row| row.text("source").to_owned()).collect())
}

/// Where a row belongs.
pub fn ground(row: &Judged, known: &BTreeSet<String>) -> Ground {
    let whole = matches!(row.kind.as_str(), "gpu_hours" | "energy") || row.quantity.is_some_and(|q| q.is_whole_run());
    match (whole, known.contains(&row.source)) {
        (true, _) => Ground::WholeRuns,
        (false, true) => Ground::Known,
        (false, false) => Ground::New,
    }
}

/// |error| of a row here; none where it was set aside, or states a fact that has no error.
fn counted(row: &Judged) -> Option<f64> {
    match row.status {
        Status::Scored => Some(row.error.abs()),
        Status::Skipped if row.unknown.is_none() => None,
        _ => row.agrees.is_none().then_some(MISSED),
    }
}

/// Sums rows up.
pub fn standing<'a>(rows: impl IntoIterator<Item = &'a Judged>) -> Standing {
    let rows: Vec<&Judged> = rows.into_iter().collect();
    let errors: Vec<(&str, f64)> = rows.iter().filter_map(|row| Some((row.source.as_str(), counted(row)?))).collect();
    let mut sizes: Vec<f64> = errors.iter().map(|(_, size)| *size).collect();
    let medians = source_medians(&errors);
    let summary = summarise(rows);
    Standing {
        scored: summary.scored,
        missed: errors.len() - summary.scored,
        sources: medians.len(),
        mean_of_source_medians: mean(&medians),
        median_abs_error: quantile(&mut sizes, 0.5),
        p90_abs_error: quantile(&mut sizes, 0.9),
        inside: summary.inside,
        inside_by_source: summary.inside_by_source,
    }
}

/// The locked sources of a table: of those with [`LEAST_ROWS`] rows, the ones whose names have the smallest xxh64.
pub fn locked(table: &Table) -> BTreeSet<String> {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &table.rows {
        *rows.entry(row.text("source")).or_default() += 1;
    }
    let mut names: Vec<&str> = rows.into_iter().filter(|(_, rows)| *rows >= LEAST_ROWS).map(|(name, _)| name).collect();
    names.sort_by_key(|name| XxHash64::oneshot(0, name.as_bytes()));
    names.into_iter().take(LOCKED).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::source_text::SourceText;
    use crate::validate::judged::{Obstacle, Quantity};

    fn row(source: &str, predicted: f64) -> Judged {
        let mut row = Judged::new("1", source, "", "");
        row.score(Quantity::TflopsPerChip, predicted, 1.0);
        row
    }

    #[test]
    fn a_row_without_a_prediction_counts_as_a_factor_of_two_unless_it_is_set_aside() {
        let mut lost = Judged::new("2", "a", "", "");
        lost.stop(Obstacle::states_no("batch"));
        let mut aside = lost.clone();
        aside.set_aside("recalled");
        let standing = standing(&[row("a", 1.0), lost, aside]);
        assert_eq!((standing.scored, standing.missed), (1, 1));
        assert!((standing.median_abs_error - 0.5 * MISSED).abs() < 1e-12);
    }

    #[test]
    fn known_new_and_whole_runs_are_told_apart() {
        let known = BTreeSet::from(["a".to_owned()]);
        assert_eq!(ground(&row("a", 1.0), &known), Ground::Known);
        assert_eq!(ground(&row("b", 1.0), &known), Ground::New);
        assert_eq!(ground(&Judged::new("1", "a", "gpu_hours", ""), &known), Ground::WholeRuns);
    }

    #[test]
    fn five_sources_are_locked_whatever_the_order_of_the_rows() -> Result<(), Fault> {
        let line = |source: usize| format!("s{source},h100,8,32,4096,32,1.5\n").repeat(LEAST_ROWS);
        let head = "source,chip,chips,layers,hidden,heads,sec_per_iter\nfew,h100,8,32,4096,32,1.5\n";
        let table = |order: &mut dyn Iterator<Item = usize>| {
            Table::parse(SourceText::new("runs.csv", format!("{head}{}", order.map(line).collect::<String>())), None)
        };
        let drawn = locked(&table(&mut (0..9))?);
        assert_eq!(drawn.len(), LOCKED);
        assert!(!drawn.contains("few"));
        assert_eq!(drawn, locked(&table(&mut (0..9).rev())?));
        Ok(())
    }
}

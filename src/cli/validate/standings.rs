//! Known sources, new ones and whole runs, as they are read and blind; the locked sources.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::page::wrapped;
use crate::cli::output::{self, size};
use crate::library::diagnostic::{Fault, printable};
use crate::validate::judged::Judged;
use crate::validate::predict::{Judgement, Predictor};
use crate::validate::score::mean;
use crate::validate::standing::{Ground, Standing, ground, known_sources, locked, standing};
use crate::validate::table::{Table, TableKind};

/// The standings of one table.
pub struct Standings {
    kind: TableKind,
    known: BTreeSet<String>,
    locked: BTreeSet<String>,
    plain: Vec<Judged>,
    blind: Option<Vec<Judged>>,
}

impl Standings {
    /// Of a table and its judgement; with a predictor, blind too.
    pub fn of(table: &Table, judgement: &Judgement, blind: Option<&Predictor<'_>>) -> Result<Standings, Fault> {
        // A cap's throughput depends on no source, stack or label.
        let blind = blind.filter(|_| table.kind != TableKind::PowerCaps);
        Ok(Standings {
            kind: table.kind,
            known: known_sources(table.kind)?,
            locked: locked(table),
            plain: judgement.rows.clone(),
            blind: blind.map(|predictor| predictor.judge_blind(table)).transpose()?,
        })
    }

    fn on(&self, rows: &[Judged], wanted: Ground) -> Standing {
        standing(rows.iter().filter(|row| ground(row, &self.known) == wanted))
    }

    /// Lines of a table for people; nothing where all rows are of one ground and none is blind.
    pub fn page(&self) -> String {
        let readings = [("", Some(&self.plain)), ("blind ", self.blind.as_ref())];
        let mut lines = Vec::new();
        for (before, rows) in readings.into_iter().filter_map(|(before, rows)| Some((before, rows?))) {
            for ground in Ground::ALL {
                let standing = self.on(rows, ground);
                if standing.scored + standing.missed > 0 {
                    lines.push(line(format!("{before}{}", ground.title()), &standing));
                }
            }
        }
        if lines.len() < 2 {
            return String::new();
        }
        let mut text = "\n".to_owned();
        text.push_str(&output::table(&HEADER, &[1, 2, 3, 4, 5, 6, 7], lines));
        text.push_str(&wrapped(
            "Here every row without a prediction counts as a factor of two. MEAN is that of the sources' medians, BANDS the \
             share of rows inside their 80 % band. Known: the shipped fit used rows of the source.",
        ));
        if self.blind.is_some() {
            text.push_str(&wrapped(
                "Blind: sources, product words and labels blanked, no stack of the laboratory's own; the constants are \
                 those of the fit, known sources included.",
            ));
        }
        text
    }

    /// Enters the standings into a summary: as read, and under `blind`.
    pub fn enter(&self, summary: &mut Value) {
        for ground in Ground::ALL {
            summary[ground.word()] = document(&self.on(&self.plain, ground));
        }
        let Some(rows) = &self.blind else { return };
        let steps = rows.iter().filter(|row| ground(row, &self.known) != Ground::WholeRuns);
        let mut blind = document(&standing(steps));
        for ground in Ground::ALL {
            blind[ground.word()] = document(&self.on(rows, ground));
        }
        summary["blind"] = blind;
    }

    /// The rows that the locked sources are scored on: blind where that was asked for.
    fn locked_rows(&self) -> impl Iterator<Item = &Judged> {
        self.blind.as_ref().unwrap_or(&self.plain).iter().filter(|row| self.locked.contains(&row.source))
    }

    /// Over all of them; the mean is that of every one, however few of its rows are scored.
    fn locked_mean(&self) -> Standing {
        let medians: Vec<f64> = self.locked_sources().iter().map(|(_, of)| of.median_abs_error).collect();
        Standing { sources: medians.len(), mean_of_source_medians: mean(&medians), ..standing(self.locked_rows()) }
    }

    fn locked_sources(&self) -> Vec<(&str, Standing)> {
        let of = |source: &str| standing(self.locked_rows().filter(|row| row.source == source));
        self.locked.iter().map(|source| (source.as_str(), of(source))).collect()
    }
}

const HEADER: [&str; 8] = ["", "SCORED", "MISSED", "SOURCES", "  MEAN", "MEDIAN", "   P90", "BANDS"];

fn line(name: String, standing: &Standing) -> Vec<String> {
    vec![
        name,
        format!("{:>6}", standing.scored),
        format!("{:>6}", standing.missed),
        format!("{:>7}", standing.sources),
        size(standing.mean_of_source_medians),
        size(standing.median_abs_error),
        size(standing.p90_abs_error),
        if standing.inside.is_finite() { format!("{:.0} %", 100.0 * standing.inside) } else { String::new() },
    ]
}

/// Numbers that do not exist are null.
fn document(standing: &Standing) -> Value {
    json!({
        "scored": standing.scored,
        "missed": standing.missed,
        "sources": standing.sources,
        "mean_of_source_medians": standing.mean_of_source_medians,
        "median_abs_error": standing.median_abs_error,
        "p90_abs_error": standing.p90_abs_error,
        "inside": { "rows": standing.inside, "sources": standing.inside_by_source },
    })
}

/// The locked sources of each table for people, with their mean.
pub fn locked_page(tables: &[Standings]) -> String {
    let mut text = String::new();
    for table in tables.iter().filter(|table| !table.locked.is_empty()) {
        let mut lines: Vec<Vec<String>> =
            table.locked_sources().iter().map(|(source, standing)| line(printable(source), standing)).collect();
        lines.push(line("all of them".to_owned(), &table.locked_mean()));
        let read = if table.blind.is_some() { "blind" } else { "as read" };
        text.push_str(&format!("Locked sources of {}, {read}\n\n", table.kind.word()));
        text.push_str(&output::table(&HEADER, &[1, 2, 3, 4, 5, 6, 7], lines));
        text.push('\n');
    }
    if text.is_empty() { "no source has rows enough to be locked\n".to_owned() } else { text }
}

/// The same as one document, a key for each kind of table.
pub fn locked_document(tables: &[Standings]) -> Value {
    let mut all = json!({});
    for table in tables.iter().filter(|table| !table.locked.is_empty()) {
        let mut entry = document(&table.locked_mean());
        entry["by_source"] = table
            .locked_sources()
            .iter()
            .map(|(source, standing)| {
                let mut entry = document(standing);
                entry["source"] = json!(source);
                entry
            })
            .collect();
        entry["blind"] = json!(table.blind.is_some());
        all[table.kind.word()] = entry;
    }
    all
}

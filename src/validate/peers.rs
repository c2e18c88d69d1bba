//! Other predictors on measured sets: what they publish or were measured to reach, beside our own errors there.

use std::path::PathBuf;

use serde::Deserialize;

use super::baseline::{self, LeftOut};
use super::column_map::ColumnMap;
use super::judged::Judged;
use super::predict::{Judgement, Predictor};
use super::score::summarise;
use super::table::Table;
use crate::library::diagnostic::Fault;
use crate::library::store::{evidence_source, evidence_table};

/// The variable that names a folder of further evidence, which is not shipped.
pub const FACTS: &str = "WATTLINE_FACTS";

/// The folder that [`FACTS`] names.
pub fn facts() -> Option<PathBuf> {
    std::env::var_os(FACTS).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Errors of one predictor on one set; NaN where they are not known.
#[derive(Clone, Debug)]
pub struct Line {
    pub set: String,
    pub predictor: String,
    pub rows: usize,
    pub median_abs_error: f64,
    pub p90_abs_error: f64,
    pub mape: f64,
    /// Where the figure comes from; empty where it was computed here.
    pub source: String,
}

/// A set of measured runs on which others state their error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Set {
    #[serde(rename = "vtrain-single-node")]
    VtrainSingleNode,
    #[serde(rename = "vtrain-multi-node")]
    VtrainMultiNode,
    #[serde(rename = "korthikanti-table-5")]
    KorthikantiTable5,
}

impl Set {
    const ALL: [Set; 3] = [Set::VtrainSingleNode, Set::VtrainMultiNode, Set::KorthikantiTable5];

    fn title(self) -> &'static str {
        match self {
            Set::VtrainSingleNode => "vTrain, 2-8 A100",
            Set::VtrainMultiNode => "vTrain, 64-512 A100",
            Set::KorthikantiTable5 => "Korthikanti table 5",
        }
    }

    /// The rows of this set: among the judged ones, or in the folder of further evidence.
    fn rows(self, judged: &[Judged], predictor: &Predictor<'_>) -> Result<Option<Vec<Judged>>, Fault> {
        let file = match self {
            Set::VtrainSingleNode => "single_node_a100.csv",
            Set::VtrainMultiNode => "multi_node_a100.csv",
            Set::KorthikantiTable5 => {
                let own = judged.iter().filter(|row| row.source == "Korthikanti2022 Table5");
                return Ok(Some(own.cloned().collect()));
            }
        };
        let Some(facts) = facts() else { return Ok(None) };
        let map = ColumnMap::parse(&evidence_source("columns/vtrain.toml")?)?;
        let table = Table::read(&facts.join("vtrain").join(file), Some(&map))?;
        Ok(Some(predictor.judge(&table)?.rows))
    }
}

/// What another predictor reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    set: Set,
    predictor: String,
    kind: FigureKind,
    rows: usize,
    mape: f64,
    median: Option<f64>,
    p90: Option<f64>,
    source: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FigureKind {
    Published,
    Measured,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    figure: Vec<Figure>,
}

fn figures() -> Result<Vec<Figure>, Fault> {
    Ok(evidence_table::<Figures>("peers.toml")?.figure)
}

/// A table's rows by us and by the constant rate.
pub fn beside_constant_rate(judgement: &Judgement) -> Vec<Line> {
    compared("these rows", &judgement.rows)
}

/// Our errors and those of others on the sets for which others state theirs.
pub fn beside_peers(judgement: &Judgement, predictor: &Predictor<'_>) -> Result<Vec<Line>, Fault> {
    let figures = figures()?;
    let mut lines = Vec::new();
    for set in Set::ALL {
        match set.rows(&judgement.rows, predictor)? {
            Some(rows) => lines.extend(compared(set.title(), &rows)),
            None => lines.push(unread(set)),
        }
        lines.extend(figures.iter().filter(|figure| figure.set == set).map(Figure::line));
    }
    Ok(lines)
}

impl Figure {
    fn line(&self) -> Line {
        let kind = match self.kind {
            FigureKind::Published => "as published",
            FigureKind::Measured => "measured",
        };
        Line {
            set: self.set.title().to_owned(),
            predictor: format!("{} ({kind}, whole set)", self.predictor),
            rows: self.rows,
            median_abs_error: self.median.unwrap_or(f64::NAN),
            p90_abs_error: self.p90.unwrap_or(f64::NAN),
            mape: self.mape,
            source: self.source.clone(),
        }
    }
}

/// A set that is not at hand.
fn unread(set: Set) -> Line {
    Line {
        set: set.title().to_owned(),
        predictor: format!("wattline (set {FACTS} to the folder that holds vtrain/)"),
        rows: 0,
        median_abs_error: f64::NAN,
        p90_abs_error: f64::NAN,
        mape: f64::NAN,
        source: String::new(),
    }
}

/// Rows by us, and the same rows by the constant rate where other rows are there to fit it on.
fn compared(set: &str, rows: &[Judged]) -> Vec<Line> {
    let ours: Vec<Judged> = rows.iter().filter(|row| baseline::is_speed(row)).cloned().collect();
    let sources = ours.windows(2).any(|pair| matches!(pair, [a, b] if a.source != b.source));
    let left_out = LeftOut::ALL.into_iter().filter(|left_out| *left_out != LeftOut::Source || sources);
    let constant = left_out.map(|left_out| line(set, left_out.title(), &baseline::predicted(&ours, left_out)));
    std::iter::once(line(set, "wattline, as shipped", &ours)).chain(constant).collect()
}

fn line(set: &str, predictor: &str, rows: &[Judged]) -> Line {
    let summary = summarise(rows);
    Line {
        set: set.to_owned(),
        predictor: predictor.to_owned(),
        rows: summary.scored,
        median_abs_error: summary.median_abs_error,
        p90_abs_error: summary.p90_abs_error,
        mape: summary.mape,
        source: String::new(),
    }
}

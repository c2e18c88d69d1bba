//! A claim with its verdict and the whole chain behind it.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::effect::Effect;
use super::statement::{Claim, Metric};
use super::unit::Unit;
use super::verdict::Verdict;
use crate::uncertainty::band::Band;

/// A mismatch between the two sides, and the factor of the ratio that it supplies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mismatch {
    pub what: String,
    pub factor: f64,
    /// Whether the quote's own words state it.
    pub disclosed: bool,
}

/// A claim with its verdict and the whole chain behind it, in the claim's own unit.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    pub id: String,
    pub claimant: String,
    pub date: String,
    pub quote: String,
    pub source: String,
    pub metric: Metric,
    pub verdict: Verdict,
    pub conditions: Vec<String>,
    /// Whether any one of the conditions is enough; otherwise all are needed.
    pub any_of: bool,
    /// What no plan can exceed under all that the claim leaves open.
    pub bound: Option<f64>,
    #[serde(serialize_with = "band")]
    pub predicted: Option<Band>,
    pub claimed: f64,
    pub claimed_range: [f64; 2],
    pub measured: Option<f64>,
    pub measured_by: Option<String>,
    /// Whether the measurement is of the very systems and workload.
    pub measured_same: bool,
    /// Whether the claimant published the measurement.
    pub measured_by_claimant: bool,
    /// Whether the measurement of the same systems bears the claim out.
    pub borne_out: Option<bool>,
    pub unit: String,
    pub why: String,
    /// ln(claimed / P50) in the sense of achievement: how far above the middle of the band the claim lies.
    pub margin: Option<f64>,
    /// The ratio like with like, and what each mismatch multiplies it by.
    pub like_with_like: Option<f64>,
    pub mismatches: Vec<Mismatch>,
    /// Resources of the subject over those of the baseline, per chip.
    pub resources: Vec<(String, f64)>,
    /// What the claim's own figures come to.
    pub arithmetic: Vec<(String, f64)>,
    pub notes: Vec<String>,
    /// What the headline scenario would answer if the claim holds, where the claim bears on it.
    pub if_true: Option<Effect>,
    /// The verdict without any measurement of the claim's own systems, and whether it lets the claim hold for the systems
    /// as the claim itself describes them.
    pub unmeasured: Verdict,
    pub holds_unmeasured: bool,
}

fn band<S: Serializer>(band: &Option<Band>, to: S) -> Result<S::Ok, S::Error> {
    band.map(|band| BTreeMap::from([("p10", band.p10), ("p50", band.p50), ("p90", band.p90)])).serialize(to)
}

impl Trial {
    /// A trial that has not begun.
    pub(super) fn new(claim: &Claim) -> Trial {
        Trial {
            id: claim.id.clone(),
            claimant: claim.claimant.clone(),
            date: claim.date.clone(),
            quote: claim.quote.clone(),
            source: claim.source.clone(),
            metric: claim.metric,
            verdict: Verdict::NotTestable,
            conditions: Vec::new(),
            any_of: false,
            bound: None,
            predicted: None,
            claimed: claim.value.middle(),
            claimed_range: [claim.value.low, claim.value.high],
            measured: None,
            measured_by: None,
            measured_same: false,
            measured_by_claimant: false,
            borne_out: None,
            unit: claim.unit().word.to_owned(),
            why: String::new(),
            margin: None,
            like_with_like: None,
            mismatches: Vec::new(),
            resources: Vec::new(),
            arithmetic: Vec::new(),
            notes: Vec::new(),
            if_true: None,
            unmeasured: Verdict::NotTestable,
            holds_unmeasured: false,
        }
    }

    /// A value of the claim's unit in base units; a ratio as an advantage.
    pub fn base(&self, value: f64) -> f64 {
        match Unit::parse(&self.unit) {
            Some(unit) if self.metric != Metric::Arithmetic => unit.base(self.metric, value),
            _ => value,
        }
    }

    /// Whether the bound is the least of something that is spent.
    pub fn is_floor(&self) -> bool {
        self.metric.less_is_better() && !Unit::parse(&self.unit).is_some_and(Unit::is_ratio)
    }

    /// The trial with its verdict.
    pub(super) fn end(self, verdict: Verdict, why: String) -> Trial {
        let unmeasured = if verdict == Verdict::Contradicted { self.unmeasured } else { verdict };
        Trial { verdict, why, unmeasured, ..self }
    }
}

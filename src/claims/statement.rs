//! What a claim file states: who, when, which words, which systems, what is left open. Never a verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::effect::IfTrue;
pub use super::terms::{
    Activity, Basis, Boundary, Convention, Difference, Metric, ModelClass, Per, QuoteStatus, Sense, Sparsity,
};
use super::unit::Unit;
use crate::library::workload::Precision;
use crate::search::Objective;

/// Share of a value that its rounding is taken for, at most.
const MOST_ROUNDING: f64 = 0.05;

/// One number or a range, with how finely it was written.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "toml::Value", into = "[f64; 2]")]
pub struct Stated {
    pub low: f64,
    pub high: f64,
    /// Half a unit of the last digit.
    pub rounding: f64,
}

impl Stated {
    /// The middle, on the scale of ratios where both ends are positive.
    pub fn middle(self) -> f64 {
        if self.low > 0.0 { (self.low * self.high).sqrt() } else { 0.5 * (self.low + self.high) }
    }

    /// The ends with the rounding of their digits; "3 x" is not 2.5 x.
    pub fn rounded(self) -> (f64, f64) {
        let within = |end: f64| self.rounding.min(MOST_ROUNDING * end.abs());
        (self.low - within(self.low), self.high + within(self.high))
    }
}

impl From<Stated> for [f64; 2] {
    fn from(stated: Stated) -> [f64; 2] {
        [stated.low, stated.high]
    }
}

impl TryFrom<toml::Value> for Stated {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Stated, String> {
        let one = |value: &toml::Value| -> Option<(f64, f64)> {
            match value {
                toml::Value::Integer(n) => Some((*n as f64, 0.5)),
                toml::Value::Float(f) if f.is_finite() => {
                    let text = format!("{f:?}");
                    let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
                    let large = f.abs() >= 1e5 || text.contains('e');
                    // 2.788e6 states four digits.
                    let step =
                        if large { 10f64.powf(f.abs().log10().floor() - 3.0) } else { 10f64.powi(-(digits as i32)) };
                    Some((*f, 0.5 * step))
                }
                _ => None,
            }
        };
        let stated = match &value {
            toml::Value::Array(ends) => match ends.as_slice() {
                [low, high] => one(low).zip(one(high)).map(|(low, high)| Stated {
                    low: low.0,
                    high: high.0,
                    rounding: low.1.min(high.1),
                }),
                _ => None,
            },
            single => one(single).map(|(value, rounding)| Stated { low: value, high: value, rounding }),
        };
        stated.filter(|s| s.low <= s.high).ok_or_else(|| "write a number, or [LOW, HIGH]".to_owned())
    }
}

/// One name or several: what is left open.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    pub fn all(&self) -> &[String] {
        match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Several(names) => names,
        }
    }
}

/// Further chips of a mixed fleet.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Also {
    pub chip: String,
    pub chips: f64,
}

/// A system as the claim states it; what it does not state is open.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct System {
    /// The claim's own words.
    pub name: String,
    pub chip: Option<Names>,
    pub chips: Option<f64>,
    pub precision: Option<String>,
    pub sparsity: Sparsity,
    pub stack: Option<String>,
    pub plan: Option<String>,
    pub cluster: Option<String>,
    pub site: Option<String>,
    /// Chips joined by the scale-up network, where it is not the cluster's usual number.
    pub domain_chips: Option<f64>,
    pub power_cap_w: Option<f64>,
    pub pue: Option<f64>,
    pub g_per_kwh: Option<f64>,
    pub usd_per_kwh: Option<f64>,
    pub usd_per_chip_hour: Option<f64>,
    pub chip_hours: Option<f64>,
    pub days: Option<f64>,
    pub megawatts: Option<f64>,
    pub racks: Option<f64>,
    pub also: Vec<Also>,
}

impl System {
    /// Chips that it may be of.
    pub fn chips_named(&self) -> &[String] {
        self.chip.as_ref().map_or(&[], Names::all)
    }

    /// The precision that is stated.
    pub fn precision(&self) -> Option<Precision> {
        self.precision.as_deref().and_then(Precision::parse)
    }
}

/// What the claimed value must equal by the claim's own figures.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub says: String,
    pub formula: String,
}

/// A claim as its file states it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub id: String,
    pub claimant: String,
    pub date: String,
    pub quote: String,
    pub quote_status: QuoteStatus,
    pub source: String,
    pub basis: Basis,
    #[serde(default)]
    pub activity: Activity,
    #[serde(default)]
    pub model_class: ModelClass,
    pub metric: Metric,
    pub value: Stated,
    pub unit: String,
    #[serde(default)]
    pub sense: Sense,
    per: Option<Per>,
    pub workload: Option<String>,
    pub describes: Option<String>,
    pub tokens: Option<f64>,
    pub seq_len: Option<f64>,
    pub global_batch: Option<u32>,
    #[serde(default)]
    pub convention: Convention,
    #[serde(default)]
    pub boundary: Boundary,
    #[serde(default)]
    pub discloses: BTreeSet<Difference>,
    #[serde(default)]
    pub subject: System,
    pub baseline: Option<System>,
    #[serde(default)]
    pub numbers: BTreeMap<String, Stated>,
    #[serde(default, rename = "identity")]
    pub identities: Vec<Identity>,
    pub formula: Option<String>,
    /// The claimant ran what the claim is about.
    #[serde(default)]
    pub own: bool,
    /// Inputs of the scenario that the claim itself is about, as SIDE.INPUT.
    #[serde(default)]
    pub lever: Vec<String>,
    /// Other readings that its words admit, each with the formula that it needs.
    #[serde(default, rename = "reading")]
    pub readings: Vec<Identity>,
    pub scenario: Option<String>,
    pub objective: Option<Objective>,
    pub if_true: Option<IfTrue>,
}

/// A published measurement: the shape of a claim, from somebody who measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    pub name: String,
    pub publisher: String,
    pub date: String,
    pub source: String,
    pub status: String,
    #[serde(default)]
    pub activity: Activity,
    #[serde(default)]
    pub model_class: ModelClass,
    pub metric: Metric,
    pub value: Stated,
    pub unit: String,
    #[serde(default)]
    pub per: Per,
    pub workload: Option<String>,
    pub describes: Option<String>,
    pub tokens: Option<f64>,
    pub seq_len: Option<f64>,
    #[serde(default)]
    pub convention: Convention,
    #[serde(default)]
    pub boundary: Boundary,
    #[serde(default)]
    pub subject: System,
    pub baseline: Option<System>,
}

impl Claim {
    /// The unit; checked when the file was read.
    pub fn unit(&self) -> Unit {
        Unit::parse(&self.unit).unwrap_or(Unit::PLAIN)
    }

    /// What the value is of; megawatts are a system's unless stated otherwise, all else is a chip's.
    pub fn per(&self) -> Per {
        let whole = self.metric == Metric::Power && !self.unit().is_ratio();
        self.per.unwrap_or(if whole { Per::System } else { Per::Chip })
    }

    /// Whether somebody reckons what others did: then too large a quantity is no modesty.
    pub fn is_an_outsiders(&self) -> bool {
        matches!(self.basis, Basis::Estimate | Basis::Reported) && !self.own
    }

    /// Whether both sides are of one chip: the claim is about something else.
    pub fn is_of_one_chip(&self) -> bool {
        self.baseline.as_ref().is_some_and(|baseline| baseline.chips_named() == self.subject.chips_named())
    }

    /// Whether the quote's own words state a difference.
    pub fn says(&self, difference: Difference) -> bool {
        self.discloses.contains(&difference)
    }
}

/// The system and the key of a chip's profile that a name of a formula means: `subject_tdp_w`, `baseline_all_in_usd`.
pub fn side_value<'a>(claim: &'a Claim, name: &'a str) -> Option<(&'a System, &'a str)> {
    match name.split_once('_')? {
        ("subject", key) => Some((&claim.subject, key)),
        ("baseline", key) => Some((claim.baseline.as_ref()?, key)),
        _ => None,
    }
}

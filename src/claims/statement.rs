//! What a claim file states: who, when, which words, which systems, what is left open. Never a verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::effect::IfTrue;
use super::figures::Figures;
use super::formula::Formula;
use super::unit::Unit;
use crate::design::parse_plan;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::entry_kind::EntryKind;
use crate::library::nearest::nearest;
use crate::library::shape::figure;
use crate::library::source_text::SourceText;
use crate::library::store::Library;
use crate::library::workload::Precision;
use crate::scenario::Scenario;
use crate::scenario::place::Places;
use crate::search::Objective;

/// How the words of a quote were come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuoteStatus {
    Exact,
    Press,
    Elided,
    Recalled,
}

/// What the claimant says the number rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    Measured,
    Projected,
    Specification,
    Goal,
    /// An outsider's reckoning.
    Estimate,
    /// Somebody retells another's number.
    Reported,
}

/// What is claimed to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    #[default]
    Training,
    FineTuning,
    Inference,
    ReinforcementLearning,
    /// Rates of data sheets: nothing is run.
    Peak,
    /// A site's power and cooling.
    Facility,
    /// Grids and markets.
    Economy,
    /// What a network carries.
    Network,
    /// The claim does not say what was run.
    Unstated,
}

/// What kind of network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelClass {
    #[default]
    Transformer,
    Convolutional,
    Recommender,
    Speech,
    /// Several kinds at once.
    Mixed,
    Unstated,
}

/// What is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    Throughput,
    TimeToTrain,
    Mfu,
    ScalingEfficiency,
    Goodput,
    Energy,
    Power,
    PerfPerWatt,
    Cost,
    CostOfOwnership,
    Carbon,
    /// A side of a scenario is at least as good as another.
    Winner,
    /// A figure of the debate.
    Arithmetic,
}

impl Metric {
    pub const ALL: [Metric; 13] = [
        Metric::Throughput,
        Metric::TimeToTrain,
        Metric::Mfu,
        Metric::ScalingEfficiency,
        Metric::Goodput,
        Metric::Energy,
        Metric::Power,
        Metric::PerfPerWatt,
        Metric::Cost,
        Metric::CostOfOwnership,
        Metric::Carbon,
        Metric::Winner,
        Metric::Arithmetic,
    ];

    /// As a file and a page write it.
    pub fn word(self) -> &'static str {
        match self {
            Metric::Throughput => "throughput",
            Metric::TimeToTrain => "time_to_train",
            Metric::Mfu => "mfu",
            Metric::ScalingEfficiency => "scaling_efficiency",
            Metric::Goodput => "goodput",
            Metric::Energy => "energy",
            Metric::Power => "power",
            Metric::PerfPerWatt => "perf_per_watt",
            Metric::Cost => "cost",
            Metric::CostOfOwnership => "cost_of_ownership",
            Metric::Carbon => "carbon",
            Metric::Winner => "winner",
            Metric::Arithmetic => "arithmetic",
        }
    }

    /// Less is better in an absolute value, and "x less" is the better ratio.
    pub fn spends(self) -> bool {
        matches!(self, Metric::Energy | Metric::Power | Metric::Cost | Metric::Carbon)
    }

    /// Whether a smaller absolute value is the better one.
    pub fn less_is_better(self) -> bool {
        self.spends() || matches!(self, Metric::TimeToTrain)
    }
}

/// How the words bound the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sense {
    #[default]
    About,
    UpTo,
    AtLeast,
    AtMost,
}

/// What a ratio or a rate is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    #[default]
    Chip,
    /// The systems as they stand, with their counts.
    System,
    Rack,
    Watt,
    Dollar,
}

/// Which FLOP a utilisation or a rate counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Convention {
    Model,
    /// Recomputed passes too.
    Hardware,
    /// Causal attention counted in full.
    FullAttention,
    #[default]
    Unstated,
}

/// Around what power and energy are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    Chip,
    Node,
    Facility,
    #[default]
    Unstated,
}

/// A difference between the two sides that the quote's own words state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    Precision,
    Chips,
    Software,
    Sparsity,
    Site,
    Boundary,
    Domain,
    Cooling,
}

/// Zeros that the tensor units skip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Sparsity {
    #[default]
    #[serde(rename = "none")]
    None,
    #[serde(rename = "2:4")]
    TwoOfFour,
    #[serde(rename = "unstructured")]
    Unstructured,
}

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimFile {
    #[serde(default, rename = "claim")]
    claims: Vec<Claim>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasurementFile {
    #[serde(default, rename = "result")]
    results: Vec<Measurement>,
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

    /// Whether both sides are of one chip: the claim is about something else.
    pub fn is_of_one_chip(&self) -> bool {
        self.baseline.as_ref().is_some_and(|baseline| baseline.chips_named() == self.subject.chips_named())
    }

    /// Whether the quote's own words state a difference.
    pub fn says(&self, difference: Difference) -> bool {
        self.discloses.contains(&difference)
    }
}

/// Reads the claims of a file; every fault at once, each at its line.
pub fn read(library: &Library, source: &SourceText) -> Result<Vec<Claim>, Fault> {
    let file: ClaimFile = parsed(source)?;
    let mut places = Places::default();
    places.add(source)?;
    let mut faults = Vec::new();
    if file.claims.is_empty() {
        let help =
            "a claim file holds [[claim]] tables; `wattline claims --show nv-hopper-6x` prints one to start from";
        faults.push(Diagnostic::error("the file states no claim").in_file(source.file()).help(help));
    }
    for (at, claim) in file.claims.iter().enumerate() {
        let mut check = Check { library, places: &places, at, faults: &mut faults };
        check.claim(claim);
        if file.claims[..at].iter().any(|other| other.id == claim.id) {
            check.fault("id", format!("two claims are called {}", quoted(&claim.id)), "give each its own id");
        }
    }
    if faults.is_empty() { Ok(file.claims) } else { Err(Fault::inputs(faults)) }
}

/// Reads a file of measurements.
pub fn read_measurements(source: &SourceText) -> Result<Vec<Measurement>, Fault> {
    let file: MeasurementFile = parsed(source)?;
    let unfit = file.results.iter().find(|r| !Unit::parse(&r.unit).is_some_and(|unit| unit.fits(r.metric)));
    match unfit {
        Some(result) => {
            let message = format!("{}: {} is no unit of {}", result.name, quoted(&result.unit), result.metric.word());
            Err(Fault::input(Diagnostic::error(message).in_file(source.file()).key("unit")))
        }
        None => Ok(file.results),
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(source: &SourceText) -> Result<T, Fault> {
    toml::from_str(source.text()).map_err(|error| {
        let mut diagnostic = Diagnostic::error(error.message().to_owned()).in_file(source.file());
        if let Some(span) = error.span() {
            diagnostic = diagnostic.at(source, span);
        }
        Fault::input(diagnostic.help("`wattline claims --show nv-hopper-6x` prints a claim to start from"))
    })
}

/// Checks one claim, and points what it finds at its key.
struct Check<'a> {
    library: &'a Library,
    places: &'a Places,
    at: usize,
    faults: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn fault(&mut self, key: &str, message: String, help: impl Into<String>) {
        let whole = format!("claim.{}", self.at);
        let table = key.rsplit_once('.').map_or_else(|| whole.clone(), |(table, _)| format!("{whole}.{table}"));
        let diagnostic = Diagnostic::error(message).key(key).help(help);
        self.faults.push(self.places.point(diagnostic, &[&format!("{whole}.{key}"), &table, &whole]));
    }

    fn claim(&mut self, claim: &Claim) {
        if claim.id.trim().is_empty() || claim.id.contains(char::is_whitespace) {
            self.fault("id", format!("the id is {}", quoted(&claim.id)), "write one word, such as nv-hopper-6x");
        }
        for (key, text) in [("claimant", &claim.claimant), ("quote", &claim.quote), ("source", &claim.source)] {
            if text.trim().is_empty() {
                self.fault(key, format!("{} has no {key}", claim.id), "a claim says who claims what, and where");
            }
        }
        if !is_date(&claim.date) {
            self.fault("date", format!("the date is {}", quoted(&claim.date)), "write YYYY-MM or YYYY-MM-DD");
        }
        self.value(claim);
        if let Some(name) = &claim.workload {
            self.entry(EntryKind::Workload, "workload", name);
        }
        for (key, value) in [("tokens", claim.tokens), ("seq_len", claim.seq_len)] {
            self.positive(key, value);
        }
        self.system("subject", &claim.subject);
        if let Some(baseline) = &claim.baseline {
            self.system("baseline", baseline);
        }
        self.arithmetic(claim);
    }

    fn value(&mut self, claim: &Claim) {
        let (low, high) = (claim.value.low, claim.value.high);
        let Some(unit) = Unit::parse(&claim.unit) else {
            let near = nearest(&claim.unit, Unit::words(), 1);
            let hint = near.first().map_or(String::new(), |near| format!("did you mean {near}? "));
            let help = format!("{hint}units of {}: {}", claim.metric.word(), Unit::fitting(claim.metric).join(", "));
            return self.fault("unit", format!("unknown unit {}", quoted(&claim.unit)), help);
        };
        if !unit.fits(claim.metric) {
            let message = format!("{} is no unit of {}", quoted(unit.word), claim.metric.word());
            return self.fault("unit", message, format!("write one of {}", Unit::fitting(claim.metric).join(", ")));
        }
        let arithmetic = claim.metric == Metric::Arithmetic;
        if (unit.is_ratio() || !arithmetic) && low <= 0.0 {
            let what = if unit.is_ratio() { "a ratio" } else { claim.metric.word() };
            self.fault("value", format!("{what} is {}", figure(low)), "write a number above 0");
        }
        let share = matches!(claim.metric, Metric::Goodput);
        let all = unit.word == "% less" && high >= 100.0;
        if all || (share && high > 100.0) {
            self.fault("value", format!("{} {} leaves nothing", figure(high), unit.word), "write less than 100");
        }
        let compares = unit.is_ratio() && !arithmetic || claim.metric == Metric::ScalingEfficiency;
        if compares && claim.baseline.is_none() && claim.metric != Metric::Winner {
            let message = format!("{} claims a ratio and names no baseline", claim.id);
            self.fault("baseline", message, "add [claim.baseline]: what the subject is compared with");
        }
    }

    /// A name that must be in the library.
    fn entry(&mut self, kind: EntryKind, key: &str, name: &str) {
        if let Err(fault) = self.library.record(kind, name) {
            self.unread(key, kind, fault);
        }
    }

    /// What is wrong with an entry that the claim names.
    fn unread(&mut self, key: &str, kind: EntryKind, fault: Fault) {
        let first = fault.diagnostics.into_iter().next();
        let (message, help) = first.map_or((String::new(), None), |d| (d.message, d.help));
        self.fault(key, message, help.unwrap_or_else(|| format!("`wattline list {}`", kind.plural())));
    }

    fn positive(&mut self, key: &str, value: Option<f64>) {
        if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
            self.fault(key, format!("{key} is {}", figure(value)), "write a number above 0");
        }
    }

    fn system(&mut self, side: &str, system: &System) {
        for chip in system.chips_named() {
            self.entry(EntryKind::Chip, &format!("{side}.chip"), chip);
        }
        for also in &system.also {
            self.entry(EntryKind::Chip, &format!("{side}.also"), &also.chip);
            self.positive(&format!("{side}.also"), Some(also.chips));
        }
        for (kind, key, name) in [
            (EntryKind::Stack, "stack", &system.stack),
            (EntryKind::Cluster, "cluster", &system.cluster),
            (EntryKind::Site, "site", &system.site),
        ] {
            if let Some(name) = name {
                self.entry(kind, &format!("{side}.{key}"), name);
            }
        }
        for (key, value) in [
            ("chips", system.chips),
            ("domain_chips", system.domain_chips),
            ("power_cap_w", system.power_cap_w),
            ("usd_per_chip_hour", system.usd_per_chip_hour),
            ("chip_hours", system.chip_hours),
            ("days", system.days),
            ("megawatts", system.megawatts),
            ("racks", system.racks),
        ] {
            self.positive(&format!("{side}.{key}"), value);
        }
        if let Some(pue) = system.pue.filter(|pue| !(1.0..=5.0).contains(pue)) {
            self.fault(&format!("{side}.pue"), format!("pue is {}", figure(pue)), "write a number from 1 to 5");
        }
        if let Some(word) = system.precision.as_deref().filter(|word| Precision::parse(word).is_none()) {
            let known = Precision::ALL.map(Precision::word);
            let near = nearest(word, known, 1).first().map_or(String::new(), |near| format!("; did you mean {near}?"));
            let help = format!("write one of {}{near}", known.join(", "));
            self.fault(&format!("{side}.precision"), format!("unknown precision {}", quoted(word)), help);
        }
        if let Some(Err(fault)) = system.plan.as_deref().map(parse_plan) {
            self.fault(&format!("{side}.plan"), fault.message(), "write tp=8,pp=16");
        }
    }

    fn arithmetic(&mut self, claim: &Claim) {
        match (claim.metric, &claim.formula) {
            (Metric::Arithmetic, None) if claim.identities.is_empty() => {
                let help =
                    "add formula = \"…\" over [claim.numbers] and the figures of the library, or a [[claim.identity]]";
                self.fault("formula", format!("{} is arithmetic without a formula", claim.id), help);
            }
            (Metric::Arithmetic, _) | (_, None) => {}
            (_, Some(_)) => {
                let help = "write metric = \"arithmetic\", or put it into [[claim.identity]]";
                self.fault("formula", format!("a formula stands beside {}", claim.metric.word()), help);
            }
        }
        let formulas = claim.formula.iter().map(|text| ("formula", text));
        let formulas: Vec<_> = formulas.chain(claim.identities.iter().map(|i| ("identity", &i.formula))).collect();
        for (key, text) in formulas {
            match Formula::parse(text) {
                Err(error) => self.fault(key, error.message, error.help),
                Ok(formula) => self.names(claim, key, &formula),
            }
        }
        if claim.metric == Metric::Winner {
            match &claim.scenario {
                Some(name) => {
                    if let Err(fault) = Scenario::read(self.library, name) {
                        self.unread("scenario", EntryKind::Scenario, fault);
                    }
                }
                None => self.fault(
                    "scenario",
                    format!("{} names no scenario", claim.id),
                    "write scenario = \"s01-headline\"",
                ),
            }
            if claim.baseline.is_none() || claim.objective.is_none() {
                let help = "name objective, and the sides of the scenario as [claim.subject] and [claim.baseline]";
                self.fault("objective", format!("{} does not say who wins over whom at what", claim.id), help);
            }
        }
    }

    fn names(&mut self, claim: &Claim, key: &str, formula: &Formula) {
        let figures = match Figures::shipped() {
            Ok(figures) => figures,
            Err(fault) => return self.faults.extend(fault.diagnostics),
        };
        let stated = |name: &str| {
            let own = name == "claimed" || claim.numbers.contains_key(name) || figures.get(name).is_some();
            own || side_value(claim, name).is_some_and(|(_, key)| EntryKind::Chip.attribute(key).is_some())
        };
        for name in formula.names().into_iter().filter(|name| !stated(name)) {
            let own = nearest(name, claim.numbers.keys().map(String::as_str), 1).first().copied();
            let near =
                own.or_else(|| figures.nearest(name)).map_or(String::new(), |near| format!("did you mean {near}? "));
            let help = format!(
                "{near}a name stands in [claim.numbers], in evidence/figures.toml, or is subject_ or baseline_ with a key of a chip"
            );
            self.fault(key, format!("the formula names {}, which nothing states", quoted(name)), help);
        }
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

/// YYYY-MM or YYYY-MM-DD.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u32>().unwrap_or(0))
    };
    match parts.as_slice() {
        [year, month, rest @ ..] => {
            number(year, 4).is_some()
                && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
                && match rest {
                    [] => true,
                    [day] => number(day, 2).is_some_and(|day| (1..=31).contains(&day)),
                    _ => false,
                }
        }
        _ => false,
    }
}

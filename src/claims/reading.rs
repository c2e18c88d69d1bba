//! From the text of a claim file to checked claims, or to everything that is wrong with it.

use serde::Deserialize;

use super::figures::Figures;
use super::formula::Formula;
use super::statement::{Claim, Measurement, Metric, System, side_value};
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
        let formulas: Vec<_> =
            formulas.chain(claim.identities.iter().chain(&claim.readings).map(|i| ("identity", &i.formula))).collect();
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

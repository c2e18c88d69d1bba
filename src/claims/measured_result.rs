//! Published measurements beside a claim: those of the same systems and the same quantity.

use std::sync::OnceLock;

use super::reading::read_measurements;
use super::statement::{Activity, Claim, Measurement, Metric, Per, System};
use super::unit::Unit;
use crate::library::diagnostic::Fault;
use crate::library::store::{Library, evidence_source};

/// Runs of one configuration differ by as much, and so do the submitters of one benchmark round: less is no contradiction.
pub const TOLERANCE: f64 = 1.08;
/// Two numbers of chips that are taken for the same.
const SAME_SIZE: f64 = 1.15;

/// A measurement with its likeness to the claim.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    pub result: &'static Measurement,
    /// In the claim's base units: low and high.
    pub low: f64,
    pub high: f64,
    /// Same systems, precision, size and workload: it can contradict the claim. Else it only stands beside it.
    pub same: bool,
    score: u32,
}

impl Beside {
    pub fn middle(&self) -> f64 {
        (self.low * self.high).sqrt()
    }

    /// Whether the claimant published it: their names share a word.
    pub fn is_by(&self, claimant: &str) -> bool {
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2).map(str::to_lowercase).collect()
        };
        let own = words(claimant);
        words(&self.result.publisher).iter().any(|word| own.contains(word) && word != "and" && word != "press")
    }
}

/// The shipped measurements.
pub fn shipped() -> Result<&'static [Measurement], Fault> {
    static SHIPPED: OnceLock<Result<Vec<Measurement>, Fault>> = OnceLock::new();
    let read = || read_measurements(&evidence_source("results.toml")?);
    SHIPPED.get_or_init(read).as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

/// The likest measurement of a claim's quantity on its systems.
pub fn beside(library: &Library, claim: &Claim, results: &'static [Measurement]) -> Option<Beside> {
    let found = results.iter().filter_map(|result| compare(library, claim, result));
    // Of the likest, the later round.
    found.max_by(|a, b| (a.score, a.same, &a.result.date).cmp(&(b.score, b.same, &b.result.date)))
}

/// What a quantity is measured by, whatever it is called.
fn family(metric: Metric) -> Metric {
    match metric {
        Metric::TimeToTrain => Metric::Throughput,
        Metric::PerfPerWatt => Metric::Energy,
        Metric::CostOfOwnership => Metric::Cost,
        other => other,
    }
}

fn compare(library: &Library, claim: &Claim, result: &'static Measurement) -> Option<Beside> {
    let unit = Unit::parse(&result.unit)?;
    let own = claim.unit();
    let alike = family(claim.metric) == family(result.metric) && unit.is_ratio() == own.is_ratio();
    if !alike || (!unit.is_ratio() && (unit.dimension != own.dimension || claim.metric != result.metric)) {
        return None;
    }
    let kind = |activity: Activity| if activity == Activity::FineTuning { Activity::Training } else { activity };
    if kind(claim.activity) != kind(result.activity) || claim.convention_differs(result) {
        return None;
    }
    let subject = chips_match(library, !own.is_ratio(), &claim.subject, &result.subject)?;
    let baseline = match (&claim.baseline, &result.baseline) {
        (Some(ours), Some(theirs)) => chips_match(library, false, ours, theirs)?,
        (None, None) => Likeness { same: true, score: 0 },
        // A ratio has two sides; a baseline beside an absolute value is context.
        _ if !unit.is_ratio() => Likeness { same: true, score: 0 },
        _ => return None,
    };
    let workload = match (name_of(library, &claim.workload), name_of(library, &result.workload)) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => claim.describes.is_some() && claim.describes == result.describes,
    };
    // An absolute time or energy of another run is no measure of this one.
    let whole = claim.workload.as_deref().and_then(|name| library.workload(name).ok()).map(|w| w.run.tokens);
    let per_run = matches!(claim.metric, Metric::TimeToTrain | Metric::Energy | Metric::Cost | Metric::Carbon);
    if !unit.is_ratio() && per_run && !(workload && tokens_match(claim.tokens.or(whole), result.tokens)) {
        return None;
    }
    let same_activity = claim.activity == result.activity;
    let same = subject.same && baseline.same && workload && same_activity;
    if claim.is_of_one_chip() && !same {
        // Two runs of one chip differ by what else they are about.
        return None;
    }
    let factor = normalise(claim, result)?;
    let base = |value: f64| unit.base(result.metric, value) * factor;
    let (a, b) = (base(result.value.low), base(result.value.high));
    Some(Beside {
        result,
        low: a.min(b),
        high: a.max(b),
        same,
        score: subject.score + baseline.score + if workload { 4 } else { 0 } + if same_activity { 4 } else { 0 },
    })
}

impl Claim {
    /// Whether a measurement counts FLOP or watts otherwise.
    fn convention_differs(&self, result: &Measurement) -> bool {
        use super::statement::Convention::Unstated;
        self.metric == Metric::Mfu
            && self.convention != Unstated
            && result.convention != Unstated
            && self.convention != result.convention
    }
}

fn name_of(library: &Library, workload: &Option<String>) -> Option<String> {
    use crate::library::entry_kind::EntryKind;
    library.record(EntryKind::Workload, workload.as_deref()?).ok().map(|record| record.name().to_owned())
}

fn tokens_match(ours: Option<f64>, theirs: Option<f64>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours / theirs).max(theirs / ours) < 1.5,
        (None, None) => true,
        _ => false,
    }
}

#[derive(Clone, Copy)]
struct Likeness {
    same: bool,
    score: u32,
}

/// Whether two systems are of one chip; and how much else they share.
fn chips_match(library: &Library, absolute: bool, ours: &System, theirs: &System) -> Option<Likeness> {
    use crate::library::entry_kind::EntryKind;
    let canonical = |name: &String| library.record(EntryKind::Chip, name).ok().map(|record| record.name().to_owned());
    let own: Vec<String> = ours.chips_named().iter().filter_map(canonical).collect();
    if own.is_empty() && absolute {
        // A claim that names no chip is about the run, whatever it ran on.
        return Some(Likeness { same: true, score: 0 });
    }
    let other: Vec<String> = theirs.chips_named().iter().filter_map(canonical).collect();
    if !own.iter().any(|name| other.contains(name)) {
        return None;
    }
    let precision = match (ours.precision(), theirs.precision()) {
        (Some(a), Some(b)) => Some(a == b),
        _ => None,
    };
    let size = match (ours.chips, theirs.chips) {
        (Some(a), Some(b)) => Some((a / b).max(b / a) <= SAME_SIZE),
        _ => None,
    };
    let stack = match (&ours.stack, &theirs.stack) {
        (Some(a), Some(b)) => Some(a == b),
        _ => None,
    };
    let agreements = [precision, size, stack];
    Some(Likeness {
        same: agreements.iter().all(|agreement| *agreement != Some(false)),
        score: agreements
            .iter()
            .map(|agreement| match agreement {
                Some(true) => 2,
                None => 1,
                Some(false) => 0,
            })
            .sum(),
    })
}

/// What turns the measurement's ratio into one per what the claim is per.
fn normalise(claim: &Claim, result: &Measurement) -> Option<f64> {
    let whole = |per: Per| matches!(per, Per::System | Per::Rack);
    if whole(claim.per()) == whole(result.per) || !matches!(family(claim.metric), Metric::Throughput | Metric::Power) {
        return Some(1.0);
    }
    // The counts of the side that is stated for whole systems.
    let of_result = whole(result.per);
    let (subject, baseline) = if of_result {
        (result.subject.chips, result.baseline.as_ref().and_then(|b| b.chips))
    } else {
        (claim.subject.chips, claim.baseline.as_ref().and_then(|b| b.chips))
    };
    let factor = subject? / if claim.unit().is_ratio() { baseline? } else { 1.0 };
    // Fewer chips draw less: power falls where a rate grows.
    let factor = if claim.metric == Metric::Power && claim.unit().is_ratio() { 1.0 / factor } else { factor };
    Some(if of_result { 1.0 / factor } else { factor })
}

//! The verdict on a claim: the first that applies of seven, by searching everything that the claim leaves open.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use super::condition::{self, Found};
use super::effect::{Effect, Headline};
use super::figures::{Figure, Figures};
use super::formula::{Formula, Interval};
use super::measured_result::{self, Beside, TOLERANCE};
use super::part::Part;
use super::predict::{PILOT_WORKLOAD, Prediction, less_is_better, predict};
use super::run::{Runs, SIZES, Why};
use super::setup::{self, Admissible, Change, Choice, Setup, USUAL_WORKLOADS, admissible};
use super::standing::winner;
use super::statement::{self, Activity, Basis, Claim, Metric, ModelClass, Sense};
use super::unit::Unit;
use crate::library::diagnostic::Fault;
use crate::library::entry_kind::EntryKind;
use crate::uncertainty::band::Band;

/// Figures of a sum may differ by as much before they contradict each other: sources round.
const ARITHMETIC: f64 = 0.05;

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    NotTestable,
    Contradicted,
    Impossible,
    Plausible,
    Conservative,
    OnlyIf,
    Overstated,
}

impl Verdict {
    pub const ALL: [Verdict; 7] = [
        Verdict::NotTestable,
        Verdict::Contradicted,
        Verdict::Impossible,
        Verdict::Plausible,
        Verdict::Conservative,
        Verdict::OnlyIf,
        Verdict::Overstated,
    ];

    /// As `--json` writes it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::NotTestable => "not_testable",
            Verdict::Contradicted => "contradicted",
            Verdict::Impossible => "impossible",
            Verdict::Plausible => "plausible",
            Verdict::Conservative => "conservative",
            Verdict::OnlyIf => "only_if",
            Verdict::Overstated => "overstated",
        }
    }

    /// Whether the claim holds as it stands.
    pub fn holds(self) -> bool {
        matches!(self, Verdict::Plausible | Verdict::Conservative)
    }
}

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
    pub metric: &'static str,
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

/// What is claimed, as achievement: more is better, or larger where an outsider reckons a quantity.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub low: f64,
    pub high: f64,
    /// More of the quantity is less of an achievement.
    inverse: bool,
}

impl Asked {
    fn of(claim: &Claim) -> Asked {
        let unit = claim.unit();
        let (mut low, mut high) = claim.value.rounded();
        // Bounds are meant as they are written.
        match claim.sense {
            Sense::AtLeast => low = claim.value.low,
            Sense::AtMost => high = claim.value.high,
            _ => {}
        }
        let (a, b) = (unit.base(claim.metric, low), unit.base(claim.metric, high));
        let inverse = less_is_better(claim, claim.metric);
        let (mut low, high) = if inverse { (1.0 / a.max(b), 1.0 / a.min(b)) } else { (a.min(b), a.max(b)) };
        // "Less than half the speed" is met by any slower one; "more than 4 x" claims 4 x.
        let rises = (b >= a) != inverse;
        if claim.sense == if rises { Sense::AtMost } else { Sense::AtLeast } {
            low = f64::MIN_POSITIVE;
        }
        Asked { low, high, inverse }
    }

    /// A band of base units as achievement.
    fn turned(&self, band: Band) -> Band {
        if self.inverse { Band { p10: 1.0 / band.p90, p50: 1.0 / band.p50, p90: 1.0 / band.p10 } } else { band }
    }

    fn middle(&self) -> f64 {
        if self.low > f64::MIN_POSITIVE { (self.low * self.high).sqrt() } else { self.high }
    }

    /// Inside the band.
    pub fn meets(&self, band: Band) -> bool {
        self.low <= band.p90 && self.high >= band.p10
    }

    /// Above it.
    pub fn exceeds(&self, band: Band) -> bool {
        self.low > band.p90
    }
}

/// The court: the library, its runs, the measurements.
pub struct Court<'a> {
    pub runs: Runs<'a>,
    results: &'static [super::statement::Measurement],
    figures: Figures,
    headline: Headline,
}

impl<'a> Court<'a> {
    pub fn new(library: &'a crate::library::store::Library) -> Result<Court<'a>, Fault> {
        Ok(Court {
            runs: Runs::new(library),
            results: measured_result::shipped()?,
            figures: Figures::shipped()?,
            headline: Headline::new(library)?,
        })
    }

    /// Puts claims on trial, on all cores.
    pub fn try_all(&self, claims: &[Claim]) -> Result<Vec<Trial>, Fault> {
        claims.par_iter().map(|claim| self.try_claim(claim)).collect()
    }

    /// Puts a claim on trial.
    pub fn try_claim(&self, claim: &Claim) -> Result<Trial, Fault> {
        let mut trial = self.verdict(claim)?;
        trial.if_true = claim.if_true.as_ref().map(|if_true| self.headline.effect(if_true)).transpose()?;
        Ok(trial)
    }

    fn verdict(&self, claim: &Claim) -> Result<Trial, Fault> {
        let mut trial = blank(claim);
        let asked = Asked::of(claim);
        let beside = measured_result::beside(self.runs.library, claim, self.results);
        if let Some(beside) = &beside {
            trial.measured = Some(claim.unit().of_base(claim.metric, beside.middle()));
            trial.measured_by = Some(format!("{}, {}", beside.result.name, beside.result.publisher));
            trial.measured_same = beside.same;
        }
        let contradiction = self.own_arithmetic(claim, &mut trial)?;
        if let Some(why) = out_of_scope(claim) {
            return Ok(trial.end(Verdict::NotTestable, why));
        }
        match claim.metric {
            Metric::Arithmetic => return self.figure(claim, trial, contradiction),
            Metric::Winner => return self.side_of_a_scenario(claim, trial, &asked),
            _ => {}
        }
        let ground = match self.ground(claim)? {
            Ok(ground) => ground,
            Err(why) => {
                let verdict = if contradiction.is_some() { Verdict::Contradicted } else { Verdict::NotTestable };
                return Ok(trial.end(verdict, contradiction.unwrap_or(why)));
            }
        };
        self.decompose(claim, &ground, &mut trial)?;
        for note in &ground.said.notes {
            if !trial.notes.contains(note) {
                trial.notes.push(note.clone());
            }
        }
        let unit = claim.unit();
        let said = ground.said.band;
        let shown = |base: f64| unit.of_base(claim.metric, base);
        let (a, b) = (shown(said.p10), shown(said.p90));
        trial.predicted = Some(Band { p10: a.min(b), p50: shown(said.p50), p90: a.max(b) });
        let achieved = asked.turned(said);
        trial.margin = Some((asked.middle() / achieved.p50).ln());
        let outcome = self.weigh(claim, &asked, &ground)?;
        trial.bound = Some(shown(outcome.bound));
        trial.unmeasured = outcome.verdict;
        trial.holds_unmeasured = outcome.verdict.holds() || outcome.verdict == Verdict::OnlyIf && outcome.own;
        if let Some(why) = contradiction {
            return Ok(trial.end(Verdict::Contradicted, why));
        }
        let of_measurement = beside.filter(|beside| beside.same).map(|beside| contradicts(claim, &asked, &beside));
        trial.borne_out = of_measurement.as_ref().map(Option::is_none);
        if let Some(why) = of_measurement.flatten() {
            return Ok(trial.end(Verdict::Contradicted, why));
        }
        trial.conditions = outcome.conditions;
        if let Some(changed) = outcome.changed {
            let (a, b) = (shown(changed.p10), shown(changed.p90));
            trial.notes.insert(0, format!("with that: {} to {} {}", digits(a.min(b)), digits(a.max(b)), unit.word));
        }
        let verdict = outcome.verdict;
        Ok(Trial { verdict, why: outcome.why, ..trial })
    }

    /// What the claim's own figures come to; a sentence where they contradict it.
    fn own_arithmetic(&self, claim: &Claim, trial: &mut Trial) -> Result<Option<String>, Fault> {
        let mut contradiction = None;
        for identity in &claim.identities {
            let Some(interval) = self.evaluate(claim, &identity.formula) else { continue };
            trial.arithmetic.push((identity.says.clone(), interval.mid));
            if let Some(off) = outside(claim, &interval) {
                let message = format!(
                    "its own figures say otherwise: {} is {}, not {} {} ({off})",
                    identity.says,
                    digits(interval.mid),
                    spoken(claim),
                    claim.unit().word
                );
                contradiction.get_or_insert(message);
            }
        }
        Ok(contradiction)
    }

    fn evaluate(&self, claim: &Claim, text: &str) -> Option<Interval> {
        let formula = Formula::parse(text).ok()?;
        let value = |name: &str| -> Option<Interval> {
            if name == "claimed" {
                return Some(Interval { low: claim.value.low, mid: claim.value.middle(), high: claim.value.high });
            }
            if let Some(stated) = claim.numbers.get(name) {
                return Some(Interval { low: stated.low, mid: stated.middle(), high: stated.high });
            }
            self.figures.get(name).map(Figure::interval).or_else(|| self.of_side(claim, name))
        };
        formula.evaluate(&value).ok()
    }

    /// `subject_KEY` and `baseline_KEY`: a value of the profile of a side's chip, with the range of its sources.
    fn of_side(&self, claim: &Claim, name: &str) -> Option<Interval> {
        let (system, key) = statement::side_value(claim, name)?;
        let record = self.runs.library.record(EntryKind::Chip, system.chips_named().first()?).ok()?;
        let value = record.number(key)?;
        let (low, high) = record.sourced(key).and_then(|sourced| sourced.range).unwrap_or((value, value));
        Some(Interval { low, mid: value, high })
    }

    /// A figure of the debate against the cited data.
    fn figure(&self, claim: &Claim, mut trial: Trial, contradiction: Option<String>) -> Result<Trial, Fault> {
        let interval = claim.formula.as_deref().and_then(|formula| self.evaluate(claim, formula));
        if let Some(interval) = interval {
            trial.predicted = Some(Band { p10: interval.low, p50: interval.mid, p90: interval.high });
            trial.margin = Some((claim.value.middle() / interval.mid).abs().ln());
            trial.notes.extend(self.cited(claim));
            if let Some(off) = outside(claim, &interval) {
                let why = format!(
                    "the cited data give {}, not {} {} ({off})",
                    range(interval.low, interval.mid, interval.high),
                    spoken(claim),
                    claim.unit().word
                );
                return Ok(trial.end(Verdict::Contradicted, why));
            }
        }
        if let Some(why) = contradiction {
            return Ok(trial.end(Verdict::Contradicted, why));
        }
        let why = match interval {
            Some(interval) => {
                format!("the cited data give {}", range(interval.low, interval.mid, interval.high))
            }
            None => "its own figures agree".to_owned(),
        };
        Ok(trial.end(Verdict::Plausible, why))
    }

    /// The figures that a formula reads, with their sources.
    fn cited(&self, claim: &Claim) -> Vec<String> {
        let Some(formula) = claim.formula.as_deref().and_then(|text| Formula::parse(text).ok()) else {
            return Vec::new();
        };
        let names = formula.names();
        let figures = names.iter().filter_map(|name| self.figures.get(name));
        figures
            .map(|f| format!("{}: {} {} ({}; {})", f.title, digits(f.value), f.unit, f.kind.word(), f.source))
            .collect()
    }

    fn side_of_a_scenario(&self, claim: &Claim, mut trial: Trial, asked: &Asked) -> Result<Trial, Fault> {
        let (Some(scenario), Some(objective), Some(baseline)) = (&claim.scenario, claim.objective, &claim.baseline)
        else {
            return Ok(trial.end(Verdict::NotTestable, "names no scenario".to_owned()));
        };
        let standing = winner(self.runs.library, scenario, objective, &claim.subject.name, &baseline.name)?;
        trial.predicted = Some(standing.ratio);
        trial.margin = Some((asked.middle() / standing.ratio.p50).ln());
        trial.notes.extend(standing.never.iter().cloned());
        let (subject, word) = (&claim.subject.name, objective.word());
        let chance = format!("the chance of {subject} is {:.0} %", 100.0 * standing.chance);
        // A side that loses in the middle of the band wins under a condition, however wide the band is.
        let (verdict, why) = if standing.ratio.p50 >= asked.low {
            (Verdict::Plausible, format!("{subject} wins on {word} in {scenario}; {chance}"))
        } else if !standing.conditions.is_empty() {
            (trial.conditions, trial.any_of) = (standing.conditions, true);
            (Verdict::OnlyIf, format!("in {scenario} {} wins on {word} as it stands; {chance}", baseline.name))
        } else if asked.meets(standing.ratio) {
            (Verdict::Plausible, format!("{subject} may win on {word} in {scenario}; {chance}"))
        } else {
            (
                Verdict::Overstated,
                format!("in {scenario} {} wins on {word}, whatever it asks about; {chance}", baseline.name),
            )
        };
        Ok(trial.end(verdict, why))
    }

    /// What the claim says, with what it leaves open on both sides alike, and its prediction.
    fn ground(&self, claim: &Claim) -> Result<Result<Ground, Why>, Fault> {
        let library = self.runs.library;
        let choices = match self.choices(claim) {
            Ok(choices) => choices,
            Err(why) => return Ok(Err(why)),
        };
        let whole = claim.workload.as_deref().and_then(|name| library.workload(name).ok()).map(|w| w.run.tokens);
        let fixed = claim.subject.chips.is_some() || claim.baseline.as_ref().is_some_and(|b| b.chips.is_some());
        let runs_nothing = matches!(claim.activity, Activity::Peak | Activity::Facility);
        let sizes = if fixed || runs_nothing { &SIZES[..1] } else { &SIZES[..] };
        let mut last = String::new();
        for size in sizes {
            // What the claim says must run; like with like may not (no common precision).
            for choice in &choices {
                let like = Setup::like(claim, choice, whole, *size);
                let admissible = admissible(claim, &like, &choice.subject, choice.baseline.as_ref());
                let said = admissible.disclosed.iter().fold(like.clone(), |setup, change| setup.with(claim, change));
                match predict(&self.runs, claim, &said.at(choice))? {
                    Err(why) => last = why,
                    Ok(prediction) => {
                        let mut ground = Ground {
                            like: like.at(choice),
                            setup: said,
                            said: prediction,
                            admissible,
                            choice: choice.clone(),
                            choices,
                            sized: fixed || runs_nothing,
                        };
                        let open = self.open(claim, &ground, &ground.setup)?;
                        ground.said = open.unwrap_or(ground.said);
                        return Ok(Ok(ground));
                    }
                }
            }
        }
        Ok(Err(last))
    }

    /// Chips and workloads that the claim leaves open, those that it names first.
    fn choices(&self, claim: &Claim) -> Result<Vec<Choice>, Why> {
        let library = self.runs.library;
        let compares = claim.unit().is_ratio() || claim.metric == Metric::ScalingEfficiency;
        let runs_nothing = matches!(claim.activity, Activity::Peak | Activity::Facility);
        let baseline = claim.baseline.as_ref().filter(|_| compares).map(|b| b.chips_named());
        let one_chip = baseline.is_some_and(|named| named == claim.subject.chips_named());
        let mut subjects = claim.subject.chips_named().to_vec();
        if subjects.is_empty() && !runs_nothing && (!compares || one_chip) {
            subjects = setup::usual_chips(library, &claim.date);
        }
        if subjects.is_empty() {
            return Err("it names no chip whose figures are published".to_owned());
        }
        let hours = claim.subject.chip_hours.is_some();
        let rate = matches!(claim.metric, Metric::Mfu | Metric::Throughput | Metric::Goodput | Metric::Power);
        let workloads: Vec<&str> = match claim.workload.as_deref() {
            // Hours that are stated are priced at the watts of training, whatever ran in them.
            _ if hours && matches!(claim.metric, Metric::Energy | Metric::Carbon) => vec![PILOT_WORKLOAD],
            Some(name) => vec![name],
            None if runs_nothing => USUAL_WORKLOADS[..1].to_vec(),
            None if compares || rate => USUAL_WORKLOADS.to_vec(),
            None => return Err("it names no workload, so there is no run to compute".to_owned()),
        };
        let mut choices = Vec::new();
        for subject in &subjects {
            let part = Part::of(library, subject)?;
            let others: Vec<Option<String>> = match baseline {
                None => vec![None],
                Some(_) if one_chip => vec![Some(subject.clone())],
                Some([]) => return Err("its baseline is no chip whose figures are published".to_owned()),
                Some(named) => named.iter().cloned().map(Some).collect(),
            };
            for other in others {
                let baseline = other.map(|name| Part::of(library, &name)).transpose()?;
                choices.extend(workloads.iter().map(|workload| Choice {
                    subject: part.clone(),
                    baseline: baseline.clone(),
                    workload: (*workload).to_owned(),
                }));
            }
        }
        Ok(choices)
    }

    /// The prediction of a setup over what the claim leaves open: the band that holds all of it.
    pub fn open(&self, claim: &Claim, ground: &Ground, setup: &Setup) -> Result<Option<Prediction>, Fault> {
        let mut joined: Option<Prediction> = None;
        let first = std::iter::once(&ground.choice);
        let less = less_is_better(claim, claim.metric);
        for choice in first.chain(&ground.choices) {
            let Some(prediction) = self.at_any_size(claim, ground, &setup.at(choice))? else { continue };
            joined = Some(match joined {
                None => prediction,
                Some(mut known) => {
                    known.band.p10 = known.band.p10.min(prediction.band.p10);
                    known.band.p90 = known.band.p90.max(prediction.band.p90);
                    known.bound =
                        if less { known.bound.min(prediction.bound) } else { known.bound.max(prediction.bound) };
                    known
                }
            });
        }
        Ok(joined)
    }

    /// The prediction of one choice, at the next size on which it fits where the claim states none.
    fn at_any_size(&self, claim: &Claim, ground: &Ground, setup: &Setup) -> Result<Option<Prediction>, Fault> {
        let size = setup.subject.chips;
        let larger = SIZES.into_iter().filter(|larger| *larger > size && !ground.sized);
        let sizes = larger.map(|size| setup.with(claim, &Change::Scale(size)));
        for setup in std::iter::once(setup.clone()).chain(sizes) {
            if let Ok(prediction) = predict(&self.runs, claim, &setup)? {
                return Ok(Some(prediction));
            }
        }
        Ok(None)
    }

    /// The ratio like with like, and what each stated mismatch multiplies it by.
    fn decompose(&self, claim: &Claim, ground: &Ground, trial: &mut Trial) -> Result<(), Fault> {
        let Some(baseline) = &ground.choice.baseline else { return Ok(()) };
        let resource = |what: &str, ours: Option<f64>, theirs: Option<f64>| {
            ours.zip(theirs).filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| (what.to_owned(), a / b))
        };
        let subject = &ground.choice.subject;
        let widths = ground.like.subject.precision.zip(ground.like.baseline.as_ref().and_then(|b| b.precision));
        let peaks = widths.map(|(s, b)| (subject.peak(s), baseline.peak(b)));
        trial.resources.extend(resource("dense peak at like precision", peaks.map(|p| p.0), peaks.map(|p| p.1)));
        trial.resources.extend(resource("memory bandwidth", subject.hbm_bytes_per_s(), baseline.hbm_bytes_per_s()));
        trial.resources.extend(resource("memory", subject.memory_gib(), baseline.memory_gib()));
        trial.resources.extend(resource(
            "scale-up bandwidth",
            subject.scale_up_gb_per_s(),
            baseline.scale_up_gb_per_s(),
        ));
        trial.resources.extend(resource("TDP", subject.tdp_w(), baseline.tdp_w()));
        let Ok(first) = predict(&self.runs, claim, &ground.like)? else { return Ok(()) };
        trial.like_with_like = Some(claim.unit().of_base(claim.metric, first.band.p50));
        let mut setup = ground.like.clone();
        let mut before = first.band.p50;
        let disclosed = ground.admissible.disclosed.iter().map(|change| (change, true));
        let stated = ground.admissible.further.iter().filter(|change| condition::is_stated(claim, change));
        for (change, disclosed) in disclosed.chain(stated.map(|change| (change, false))) {
            setup = setup.with(claim, change);
            let Ok(now) = predict(&self.runs, claim, &setup.at(&ground.choice))? else { continue };
            let what = condition::words(&setup, change);
            trial.mismatches.push(Mismatch { what, factor: now.band.p50 / before, disclosed });
            before = now.band.p50;
        }
        Ok(())
    }

    /// Where the claimed value lies: impossible, in the band, below it, in it under conditions, or above it.
    fn weigh(&self, claim: &Claim, asked: &Asked, ground: &Ground) -> Result<Outcome, Fault> {
        let sets = condition::sets(&ground.admissible.further, claim);
        let mut bound = ground.said.bound;
        let inverse = asked.inverse;
        let better = |a: f64, b: f64| if inverse { a.min(b) } else { a.max(b) };
        let mut reached: Option<(Vec<Change>, Setup, Prediction)> = None;
        let said = asked.turned(ground.said.band);
        for set in &sets {
            // One change at a time for the bound; more of them only until the claim is met.
            if set.len() > 1 && (reached.is_some() || asked.meets(said)) {
                break;
            }
            let setup = set.iter().fold(ground.setup.clone(), |setup, change| setup.with(claim, change));
            let Some(prediction) = self.open(claim, ground, &setup)? else { continue };
            bound = better(bound, prediction.bound);
            if reached.is_none() && asked.meets(asked.turned(prediction.band)) {
                reached = Some((set.clone(), setup, prediction));
            }
        }
        let outcome = |verdict: Verdict, why: String| Outcome {
            verdict,
            why,
            bound,
            conditions: Vec::new(),
            own: true,
            changed: None,
        };
        let unit = claim.unit();
        let shown = |base: f64| shown(unit.of_base(claim.metric, base), unit.word);
        let band = format!(
            "{} to {} {}",
            shown(ground.said.band.p10.min(ground.said.band.p90)),
            shown(ground.said.band.p90.max(ground.said.band.p10)),
            unit.word
        );
        let rescue = condition::rescue(self, claim, asked.low, inverse, ground)?;
        let most = if inverse { 1.0 / bound } else { bound };
        let reachable = most * rescue.slack;
        if asked.low > reachable && reached.is_none() {
            let factor = asked.low / reachable;
            let side = if inverse { "below" } else { "above" };
            let why = format!(
                "{} x {side} every hardware bound under all that the claim leaves open ({} {})",
                digits(factor),
                shown(bound),
                unit.word
            );
            return Ok(outcome(Verdict::Impossible, why));
        }
        if asked.meets(said) {
            return Ok(outcome(Verdict::Plausible, format!("inside the predicted band of {band}")));
        }
        let outsider = matches!(claim.basis, Basis::Estimate | Basis::Reported) && inverse;
        if !asked.exceeds(said) && !outsider {
            let factor = said.p10 / asked.high;
            return Ok(outcome(
                Verdict::Conservative,
                format!("{} x less than the P10 of what is achievable ({band})", digits(factor)),
            ));
        }
        if let Some((set, setup, prediction)) = reached {
            let conditions: Vec<String> = set.iter().map(|change| condition::words(&setup, change)).collect();
            let why = format!("as it is said, {band} is to be expected");
            let own = set.iter().all(|change| condition::is_stated(claim, change));
            let changed = Some(prediction.band);
            return Ok(Outcome { verdict: Verdict::OnlyIf, why, bound, conditions, own, changed });
        }
        if let Some(Found { conditions, why }) = rescue.found {
            return Ok(Outcome {
                verdict: Verdict::OnlyIf,
                why: format!("as it is said, {band} is to be expected; {why}"),
                bound,
                conditions,
                own: false,
                changed: None,
            });
        }
        if asked.exceeds(said) {
            let factor = asked.low / said.p90;
            let side = if inverse { "less than" } else { "above" };
            let why =
                format!("{} x {side} the predicted band of {band}, and no admissible choice helps", digits(factor));
            return Ok(outcome(Verdict::Overstated, why));
        }
        // An outsider's reckoning of a quantity that is too large.
        let factor = said.p10 / asked.high;
        Ok(outcome(Verdict::Overstated, format!("{} x more than the predicted band of {band}", digits(factor))))
    }
}

/// What the verdict of a claim about runs rests on.
pub struct Ground {
    pub like: Setup,
    /// Like with like with what the quote's own words say.
    pub setup: Setup,
    pub said: Prediction,
    pub admissible: Admissible,
    /// The first choice of chips and workload that can run, and all that the claim leaves open.
    pub choice: Choice,
    choices: Vec<Choice>,
    /// Whether the claim states how many chips.
    sized: bool,
}

struct Outcome {
    verdict: Verdict,
    why: String,
    bound: f64,
    conditions: Vec<String>,
    /// Whether the claim itself states the conditions, in a footnote or elsewhere.
    own: bool,
    /// The band under the conditions.
    changed: Option<Band>,
}

impl Trial {
    /// A value of the claim's unit in base units; a ratio as an advantage.
    pub fn base(&self, value: f64) -> f64 {
        let metric = Metric::ALL.into_iter().find(|metric| metric.word() == self.metric);
        match (Unit::parse(&self.unit), metric) {
            (Some(unit), Some(metric)) if metric != Metric::Arithmetic => unit.base(metric, value),
            _ => value,
        }
    }

    fn end(self, verdict: Verdict, why: String) -> Trial {
        let unmeasured = if verdict == Verdict::Contradicted { self.unmeasured } else { verdict };
        Trial { verdict, why, unmeasured, ..self }
    }
}

fn blank(claim: &Claim) -> Trial {
    Trial {
        id: claim.id.clone(),
        claimant: claim.claimant.clone(),
        date: claim.date.clone(),
        quote: claim.quote.clone(),
        source: claim.source.clone(),
        metric: claim.metric.word(),
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

/// Why no model of training can judge the claim.
fn out_of_scope(claim: &Claim) -> Option<String> {
    let why = match claim.activity {
        Activity::Inference => "it is about inference, and wattline computes training",
        Activity::Network => "it states what a network carries, and no run",
        Activity::Unstated => "its metric is undefined: it does not say what was run and what was measured",
        Activity::ReinforcementLearning => "its time goes into generating text, and wattline computes training",
        _ => match claim.model_class {
            _ if matches!(claim.activity, Activity::Peak | Activity::Facility | Activity::Economy) => return None,
            ModelClass::Convolutional => "it is about a convolutional network, and wattline computes transformers",
            ModelClass::Recommender => "it is about a recommender, and wattline computes transformers",
            ModelClass::Speech => "it is about a speech model, and wattline computes text transformers",
            _ => return None,
        },
    };
    let counts = super::setup::counts(claim).filter(|_| claim.unit().is_ratio());
    let per_chip = counts.map(|(subject, baseline)| {
        let ratio = claim.unit().base(claim.metric, claim.value.middle());
        format!(
            "; chip for chip it says {} x ({} chips against {})",
            digits(ratio * baseline / subject),
            digits(subject),
            digits(baseline)
        )
    });
    Some(format!("{why}{}", per_chip.unwrap_or_default()))
}

/// What a measurement of the very systems says against a claim.
fn contradicts(claim: &Claim, asked: &Asked, beside: &Beside) -> Option<String> {
    let (low, high) = if asked.inverse { (1.0 / beside.high, 1.0 / beside.low) } else { (beside.low, beside.high) };
    let outsider = matches!(claim.basis, Basis::Estimate | Basis::Reported);
    let over = asked.low > high * TOLERANCE;
    let under = outsider && asked.high < low / TOLERANCE;
    let unit = claim.unit();
    (over || under).then(|| {
        format!(
            "measured: {} {} ({}, {}, {})",
            digits(unit.of_base(claim.metric, beside.middle())),
            unit.word,
            beside.result.name,
            beside.result.publisher,
            beside.result.date
        )
    })
}

/// How far the claimed value lies outside an interval; none where it lies inside, within rounding.
fn outside(claim: &Claim, interval: &Interval) -> Option<String> {
    let (low, high) = claim.value.rounded();
    let slack = ARITHMETIC * interval.mid.abs();
    let below = high < interval.low - slack && claim.sense != Sense::AtLeast;
    let above = low > interval.high + slack && claim.sense != Sense::AtMost;
    let short = high < interval.low - slack && claim.sense == Sense::AtMost;
    if !(below || above || short) {
        return None;
    }
    let nearest = if above { interval.high } else { interval.low };
    let off = 100.0 * (claim.value.middle() / nearest - 1.0);
    Some(format!("{}{} % off", if off > 0.0 { "+" } else { "" }, digits(off)))
}

/// The claimed value as it was spoken.
pub fn spoken(claim: &Claim) -> String {
    let (low, high) = (claim.value.low, claim.value.high);
    let number = if low == high { digits(low) } else { format!("{} to {}", digits(low), digits(high)) };
    match claim.sense {
        Sense::About => number,
        Sense::UpTo => format!("up to {number}"),
        Sense::AtLeast => format!("at least {number}"),
        Sense::AtMost => format!("at most {number}"),
    }
}

fn range(low: f64, mid: f64, high: f64) -> String {
    if low == high { digits(mid) } else { format!("{} ({} to {})", digits(mid), digits(low), digits(high)) }
}

/// A number in a unit: differences in percent know no smaller step than a tenth.
pub fn shown(value: f64, unit: &str) -> String {
    let difference = unit.starts_with('%') && unit != "%";
    if difference && value.abs() < 10.0 { digits((10.0 * value).round() / 10.0) } else { digits(value) }
}

/// A number with three significant digits.
pub fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let size = value.abs().log10().floor();
    if size >= 7.0 || size < -4.0 {
        return format!("{value:.2e}");
    }
    let places = (2.0 - size).max(0.0) as usize;
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

//! Where a claimed value lies: beyond the bound, in the band, below it, in it under conditions, or above it.

use super::asked::Asked;
use super::condition::{self, Found};
use super::court::Court;
use super::ground::Ground;
use super::predict::{Prediction, predict};
use super::setup::{Change, Setup};
use super::statement::{Claim, Metric};
use super::trial::{Mismatch, Trial};
use super::verdict::Verdict;
use super::wording::{digits, shown};
use crate::library::diagnostic::Fault;
use crate::uncertainty::band::Band;

/// A change that moves the middle of a band by less than this (ln) is no condition.
const NOTICEABLE: f64 = 0.03;

/// The verdict of the model alone.
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) why: String,
    pub(super) bound: f64,
    pub(super) conditions: Vec<String>,
    /// Whether the claim itself states the conditions, in a footnote or elsewhere.
    pub(super) own: bool,
    /// The band under the conditions.
    pub(super) changed: Option<Band>,
}

impl Court<'_> {
    /// The chips, of several that the claim names, on which it is met, where there are others.
    fn chips_that_meet(&self, claim: &Claim, asked: &Asked, ground: &Ground) -> Result<Option<Vec<String>>, Fault> {
        let named = claim.subject.chips_named();
        if named.len() < 2 || claim.is_of_one_chip() {
            return Ok(None);
        }
        let mut meeting: Vec<String> = Vec::new();
        let mut tried = 0;
        for name in named {
            let Some(prediction) = self.open_on(claim, ground, &ground.setup, Some(name))? else { continue };
            tried += 1;
            if asked.meets(asked.turned(prediction.band)) {
                meeting.push(name.clone());
            }
        }
        Ok(Some(meeting).filter(|meeting| !meeting.is_empty() && meeting.len() < tried))
    }

    /// The ratio like with like, and what each stated mismatch multiplies it by.
    pub(super) fn decompose(&self, claim: &Claim, ground: &Ground, trial: &mut Trial) -> Result<(), Fault> {
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
    pub(super) fn weigh(&self, claim: &Claim, asked: &Asked, ground: &Ground) -> Result<Outcome, Fault> {
        let sets = condition::sets(&ground.admissible.further, claim);
        let mut bound = ground.said.bound;
        let inverse = asked.inverse;
        let better = |a: f64, b: f64| if inverse { a.min(b) } else { a.max(b) };
        // Changes that hardly move the middle only widen the band: no conditions.
        let mut idle: Vec<Change> = Vec::new();
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
            let moves = (prediction.band.p50 / ground.said.band.p50).ln().abs() >= NOTICEABLE;
            if set.len() == 1 && !moves {
                idle.push(set[0].clone());
            }
            if set.iter().any(|change| idle.contains(change)) {
                continue;
            }
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
        let in_unit = |value: f64| shown(value, unit.word);
        let said_band = ground.said.band;
        let ends = [said_band.p10, said_band.p90].map(|base| unit.of_base(claim.metric, base));
        let (least, most) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let band = format!("{} to {} {}", in_unit(least), in_unit(most), unit.word);
        let said_so = if ground.admissible.disclosed.is_empty() { "like with like" } else { "as it is said" };
        let rescue = condition::rescue(self, claim, asked.low, inverse, ground)?;
        let reachable = if inverse { 1.0 / bound } else { bound } * rescue.slack;
        if asked.low > reachable && reached.is_none() {
            let factor = asked.low / reachable;
            let side = if inverse { "below" } else { "above" };
            let why = format!(
                "{} x {side} every hardware bound under all that the claim leaves open ({} {})",
                digits(factor),
                in_unit(unit.of_base(claim.metric, bound)),
                unit.word
            );
            return Ok(outcome(Verdict::Impossible, why));
        }
        if asked.meets(said) {
            if let Some(chips) = self.chips_that_meet(claim, asked, ground)? {
                let conditions = vec![format!("the chip is {}", chips.join(" or "))];
                let why = "on the other chips that it leaves open the band lies elsewhere".to_owned();
                return Ok(Outcome { verdict: Verdict::OnlyIf, why, bound, conditions, own: true, changed: None });
            }
            return Ok(outcome(Verdict::Plausible, format!("inside the predicted band of {band}")));
        }
        let outsider = claim.is_an_outsiders() && inverse;
        // Where the grid is open, it is the condition, whichever way the claim is off.
        let of_grid = claim.metric == Metric::Carbon && rescue.found.is_some();
        if !asked.exceeds(said) && !outsider && !of_grid {
            let factor = said.p10 / asked.high;
            let side = if inverse { "more than" } else { "less than" };
            let why = format!("{} x {side} what is to be expected: {band}", digits(factor));
            return Ok(outcome(Verdict::Conservative, why));
        }
        if let Some((set, setup, prediction)) = reached {
            let conditions: Vec<String> = set.iter().map(|change| condition::words(&setup, change)).collect();
            let why = format!("{said_so}, {band} is to be expected");
            let own = set.iter().all(|change| condition::is_stated(claim, change));
            let changed = Some(prediction.band);
            return Ok(Outcome { verdict: Verdict::OnlyIf, why, bound, conditions, own, changed });
        }
        if let Some(Found { conditions, why }) = rescue.found {
            return Ok(Outcome {
                verdict: Verdict::OnlyIf,
                why: format!("{said_so}, {band} is to be expected; {why}"),
                bound,
                conditions,
                own: false,
                changed: None,
            });
        }
        if asked.exceeds(said) {
            let factor = asked.low / said.p90;
            let side = if inverse { "less than" } else { "above" };
            let tried = condition::tried(claim, ground);
            let why = format!("{} x {side} the predicted band of {band}; {tried}", digits(factor));
            return Ok(outcome(Verdict::Overstated, why));
        }
        // An outsider's reckoning of a quantity that is too large.
        let factor = said.p10 / asked.high;
        Ok(outcome(Verdict::Overstated, format!("{} x more than the predicted band of {band}", digits(factor))))
    }
}

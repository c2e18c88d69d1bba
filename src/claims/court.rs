//! The court: the library, its runs, the measurements and figures; and the order in which a claim is tried.

use rayon::prelude::*;

use super::asked::Asked;
use super::effect::Headline;
use super::figures::Figures;
use super::measured_result::{self, Beside, TOLERANCE};
use super::run::Runs;
use super::setup::counts;
use super::standing::{Condition, winner};
use super::statement::{Activity, Claim, Measurement, Metric, ModelClass};
use super::trial::Trial;
use super::verdict::Verdict;
use super::wording::digits;
use crate::library::diagnostic::Fault;
use crate::library::store::Library;
use crate::uncertainty::band::Band;

/// Inputs that would have to be more than so many times today's are no admissible conditions.
const FARTHEST: f64 = 3.0;

/// The court: the library, its runs, the measurements.
pub struct Court<'a> {
    pub runs: Runs<'a>,
    results: &'static [Measurement],
    pub(super) figures: Figures,
    headline: Headline,
}

impl<'a> Court<'a> {
    pub fn new(library: &'a Library) -> Result<Court<'a>, Fault> {
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
        let mut trial = Trial::new(claim);
        let asked = Asked::of(claim);
        let beside = measured_result::beside(self.runs.library, claim, self.results);
        if let Some(beside) = &beside {
            trial.measured = Some(claim.unit().of_base(claim.metric, beside.middle()));
            trial.measured_by = Some(format!("{}, {}", beside.result.name, beside.result.publisher));
            trial.measured_same = beside.same;
            trial.measured_by_claimant = beside.is_by(&claim.claimant);
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
        let by_model = matches!(verdict, Verdict::Overstated | Verdict::Conservative | Verdict::Impossible)
            || verdict == Verdict::OnlyIf && !outcome.own;
        if by_model && trial.borne_out == Some(true) {
            // What was measured can be done, whatever the model's band says.
            let alone = verdict.word().replace('_', " ");
            let why = format!("measured so, though the model alone finds it {alone}: {}", outcome.why);
            trial.conditions.clear();
            return Ok(Trial { verdict: Verdict::Plausible, why, ..trial });
        }
        Ok(Trial { verdict, why: outcome.why, ..trial })
    }

    fn side_of_a_scenario(&self, claim: &Claim, mut trial: Trial, asked: &Asked) -> Result<Trial, Fault> {
        let (Some(scenario), Some(objective), Some(baseline)) = (&claim.scenario, claim.objective, &claim.baseline)
        else {
            return Ok(trial.end(Verdict::NotTestable, "names no scenario".to_owned()));
        };
        let standing = winner(self.runs.library, scenario, objective, &claim.subject.name, &baseline.name)?;
        trial.predicted = Some(standing.ratio);
        trial.margin = Some((asked.middle() / standing.ratio.p50).ln());
        let (subject, word) = (&claim.subject.name, objective.word());
        let chance = format!("the chance of {subject} is {:.0} %", 100.0 * standing.chance);
        // What the claim itself is about comes first; then whatever the scenario asks, within reason.
        let is_lever = |condition: &Condition| claim.lever.contains(&condition.input);
        let near = |condition: &Condition| condition.factor.is_none_or(|factor| factor <= FARTHEST);
        let of_claim = |condition: &&Condition| (claim.lever.is_empty() || is_lever(condition)) && near(condition);
        let conditions: Vec<String> = standing.conditions.iter().filter(of_claim).map(|c| c.says.clone()).collect();
        let others = standing.conditions.iter().filter(|c| !of_claim(c)).chain(&standing.never);
        trial.notes.extend(others.map(|condition| condition.says.clone()));
        // A side that loses in the middle of the band wins under a condition, however wide the band is.
        let (verdict, why) = if standing.ratio.p50 >= asked.low {
            (Verdict::Plausible, format!("{subject} wins on {word} in {scenario}; {chance}"))
        } else if !conditions.is_empty() {
            (trial.conditions, trial.any_of) = (conditions, true);
            (Verdict::OnlyIf, format!("in {scenario} {} wins on {word} as it stands; {chance}", baseline.name))
        } else {
            let never = standing.never.iter().find(|never| is_lever(never));
            let why =
                never.map_or_else(|| "no input that it asks about changes that".to_owned(), |never| never.says.clone());
            (Verdict::Overstated, format!("in {scenario} {} wins on {word}: {why}; {chance}", baseline.name))
        };
        Ok(trial.end(verdict, why))
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
    let rate = matches!(claim.metric, Metric::Throughput | Metric::TimeToTrain | Metric::Power);
    let counts = counts(claim).filter(|_| rate && claim.unit().is_ratio());
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
    let outsider = claim.is_an_outsiders();
    let over = asked.ends.0 > high * TOLERANCE;
    let under = outsider && asked.ends.1 < low / TOLERANCE;
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

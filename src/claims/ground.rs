//! The ground of a verdict: what a claim says of runs, with all that it leaves open on both sides alike.

use super::admissible::{Admissible, admissible};
use super::court::Court;
use super::part::Part;
use super::predict::{PILOT_WORKLOAD, Prediction, less_is_better, predict};
use super::run::{SIZES, Why};
use super::setup::{self, Change, Choice, Setup, USUAL_WORKLOADS};
use super::statement::{Claim, Metric};
use crate::library::diagnostic::Fault;

/// What the verdict of a claim about runs rests on.
pub struct Ground {
    pub like: Setup,
    /// Like with like with what the quote's own words say.
    pub setup: Setup,
    pub said: Prediction,
    pub admissible: Admissible,
    /// The first choice of chips and workload that can run, and the others that the claim leaves open.
    pub choice: Choice,
    others: Vec<Choice>,
    /// Whether the claim states how many chips.
    sized: bool,
}

impl Court<'_> {
    /// What the claim says, with what it leaves open on both sides alike, and its prediction.
    pub(super) fn ground(&self, claim: &Claim) -> Result<Result<Ground, Why>, Fault> {
        let library = self.runs.library;
        let choices = match self.choices(claim) {
            Ok(choices) => choices,
            Err(why) => return Ok(Err(why)),
        };
        let whole = claim.workload.as_deref().and_then(|name| library.workload(name).ok()).map(|w| w.run.tokens);
        let fixed = claim.subject.chips.is_some() || claim.baseline.as_ref().is_some_and(|b| b.chips.is_some());
        let runs_nothing = claim.activity.runs_nothing();
        let sizes = if fixed || runs_nothing { &SIZES[..1] } else { &SIZES[..] };
        let mut last = String::new();
        for size in sizes {
            // What the claim says must run; like with like may not (no common precision).
            for (at, choice) in choices.iter().enumerate() {
                let like = Setup::like(claim, choice, whole, *size);
                let admissible = admissible(claim, &like, &choice.subject, choice.baseline.as_ref());
                let said = admissible.disclosed.iter().fold(like.clone(), |setup, change| setup.with(claim, change));
                match predict(&self.runs, claim, &said.at(choice))? {
                    Err(why) => last = why,
                    Ok(prediction) => {
                        let mut others = choices;
                        let choice = others.remove(at);
                        let mut ground = Ground {
                            like: like.at(&choice),
                            setup: said,
                            said: prediction,
                            admissible,
                            choice,
                            others,
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
    pub(super) fn choices(&self, claim: &Claim) -> Result<Vec<Choice>, Why> {
        let library = self.runs.library;
        let compares = claim.unit().is_ratio() || claim.metric == Metric::ScalingEfficiency;
        let runs_nothing = claim.activity.runs_nothing();
        let baseline = claim.baseline.as_ref().filter(|_| compares).map(|b| b.chips_named());
        let one_chip = claim.is_of_one_chip();
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
        self.open_on(claim, ground, setup, None)
    }

    /// The same on one of the chips that the claim names, or on all.
    pub(super) fn open_on(
        &self,
        claim: &Claim,
        ground: &Ground,
        setup: &Setup,
        chip: Option<&str>,
    ) -> Result<Option<Prediction>, Fault> {
        let mut joined: Option<Prediction> = None;
        let first = std::iter::once(&ground.choice);
        let less = less_is_better(claim, claim.metric);
        let on_chip = |choice: &&Choice| chip.is_none_or(|chip| choice.subject.name == chip);
        for choice in first.chain(&ground.others).filter(on_chip) {
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
    pub(super) fn at_any_size(
        &self,
        claim: &Claim,
        ground: &Ground,
        setup: &Setup,
    ) -> Result<Option<Prediction>, Fault> {
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
}

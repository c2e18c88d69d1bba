//! What a claim says of a run that somebody measured: a ratio becomes a rate on the baseline's predicted one.

use super::court::Court;
use super::part::Part;
use super::run::{Case, Run};
use super::setup::{Choice, Setup};
use super::statement::{Activity, Claim, Metric, Per};
use super::unit::Dimension;
use crate::design::Design;
use crate::library::diagnostic::Fault;
use crate::measured::assess::Quantity;
use crate::report::rates;

impl Court<'_> {
    /// The quantity of a measured run that a claim about its chip states, with the claimed range in the quantity's unit.
    pub fn claimed_of(&self, claim: &Claim, run: &Design) -> Result<Option<(Quantity, f64, f64)>, Fault> {
        let setting = &run.setting;
        let library = self.runs.library;
        let is_chip = |name: &String| Part::of(library, name).is_ok_and(|part| part.name == setting.chip.name);
        let trains = matches!(claim.activity, Activity::Training | Activity::FineTuning);
        if !trains || claim.per() != Per::Chip || !claim.subject.chips_named().iter().any(is_chip) {
            return Ok(None);
        }
        let named = claim.workload.as_deref().and_then(|name| library.workload(name).ok());
        if named.is_some_and(|workload| workload.name != setting.workload.name) {
            return Ok(None);
        }
        let (low, high) = (claim.value.low, claim.value.high);
        let unit = claim.unit();
        let base = |value: f64| unit.base(claim.metric, value);
        Ok(match (claim.metric, unit.dimension) {
            (Metric::Mfu, _) => Some((Quantity::Mfu, base(low), base(high))),
            (Metric::Throughput, Dimension::Flop) => {
                Some((Quantity::TflopsPerChip, base(low) * 1e-12, base(high) * 1e-12))
            }
            (Metric::Throughput, Dimension::Tokens) => Some((Quantity::TokensPerSPerChip, base(low), base(high))),
            (Metric::Power, Dimension::Power) => Some((Quantity::ChipW, base(low), base(high))),
            (Metric::Throughput | Metric::TimeToTrain, Dimension::Ratio) => {
                let rate = self.rate_of_baseline(claim, run)?;
                rate.map(|rate| (Quantity::TokensPerSPerChip, rate * base(low), rate * base(high)))
            }
            _ => None,
        })
    }

    /// Tokens a second of a chip of the claim's baseline on the measured run's workload and size, in the middle of its band.
    fn rate_of_baseline(&self, claim: &Claim, run: &Design) -> Result<Option<f64>, Fault> {
        let library = self.runs.library;
        let named = claim.baseline.as_ref().and_then(|baseline| baseline.chips_named().first());
        let (Some(named), Ok(subject)) = (named, Part::of(library, &run.setting.chip.name)) else { return Ok(None) };
        let Ok(baseline) = Part::of(library, named) else { return Ok(None) };
        let choice = Choice { subject, baseline: Some(baseline), workload: run.setting.workload.name.clone() };
        let like = Setup::like(claim, &choice, None, run.chips);
        let Some(case) = like.baseline else { return Ok(None) };
        let precision = claim.baseline.as_ref().and_then(super::statement::System::precision).or(case.precision);
        let case = Case { chips: run.chips, precision, ..case };
        let searched = self.runs.of(&case)?;
        let rate = |run: &Run| rates(&run.design, &run.estimate).tokens_per_s_per_chip / run.slower();
        Ok(searched.as_ref().as_ref().ok().map(rate))
    }
}

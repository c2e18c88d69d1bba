//! A claim's own figures, and the cited ones, against what it says.

use super::court::Court;
use super::figures::{Figure, Kind};
use super::formula::{Formula, Interval};
use super::statement::{self, Basis, Claim, Sense};
use super::trial::Trial;
use super::verdict::Verdict;
use super::wording::{digits, range, spoken};
use crate::library::diagnostic::Fault;
use crate::library::entry_kind::EntryKind;
use crate::uncertainty::band::Band;

/// Figures of a sum may differ by as much before they contradict each other: sources round.
const ARITHMETIC: f64 = 0.05;

impl Court<'_> {
    /// What the claim's own figures come to; a sentence where they contradict it.
    pub(super) fn own_arithmetic(&self, claim: &Claim, trial: &mut Trial) -> Result<Option<String>, Fault> {
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

    pub(super) fn evaluate(&self, claim: &Claim, text: &str) -> Option<Interval> {
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
    pub(super) fn of_side(&self, claim: &Claim, name: &str) -> Option<Interval> {
        let (system, key) = statement::side_value(claim, name)?;
        let record = self.runs.library.record(EntryKind::Chip, system.chips_named().first()?).ok()?;
        let value = record.number(key)?;
        let (low, high) = record.sourced(key).and_then(|sourced| sourced.range).unwrap_or((value, value));
        Some(Interval { low, mid: value, high })
    }

    /// A figure of the debate against the cited data.
    pub(super) fn figure(
        &self,
        claim: &Claim,
        mut trial: Trial,
        contradiction: Option<String>,
    ) -> Result<Trial, Fault> {
        if let Some(why) = contradiction {
            return Ok(trial.end(Verdict::Contradicted, why));
        }
        let interval = claim.formula.as_deref().and_then(|formula| self.evaluate(claim, formula));
        if let Some(interval) = interval {
            trial.predicted = Some(Band { p10: interval.low, p50: interval.mid, p90: interval.high });
            trial.margin = Some((claim.value.middle() / interval.mid).abs().ln());
            trial.notes.extend(self.cited(claim));
            if let Some(off) = outside(claim, &interval) {
                let cited = range(interval.low, interval.mid, interval.high);
                let claimed = format!("{} {}", spoken(claim), claim.unit().word);
                let reading = claim.readings.iter().find(|reading| {
                    self.evaluate(claim, &reading.formula).is_some_and(|interval| outside(claim, &interval).is_none())
                });
                if let Some(reading) = reading {
                    trial.conditions = vec![reading.says.clone()];
                    return Ok(trial.end(
                        Verdict::OnlyIf,
                        format!("read plainly, the cited data give {cited}, not {claimed} ({off})"),
                    ));
                }
                if claim.basis != Basis::Reported && self.is_forecast(claim) {
                    // Forecasts differ, and prove nobody wrong; who retells one can be.
                    let more = claim.value.middle() > interval.mid;
                    let verdict = if more { Verdict::Overstated } else { Verdict::Conservative };
                    let side = if more { "more" } else { "less" };
                    let why = format!("{side} than the cited forecasts: {cited}, not {claimed} ({off})");
                    return Ok(trial.end(verdict, why));
                }
                return Ok(
                    trial.end(Verdict::Contradicted, format!("the cited data give {cited}, not {claimed} ({off})"))
                );
            }
        }
        let why = match interval {
            Some(interval) => {
                format!("the cited data give {}", range(interval.low, interval.mid, interval.high))
            }
            None => "its own figures agree".to_owned(),
        };
        Ok(trial.end(Verdict::Plausible, why))
    }

    /// Whether a figure that the claim's formula reads is a forecast.
    fn is_forecast(&self, claim: &Claim) -> bool {
        let formula = claim.formula.as_deref().and_then(|text| Formula::parse(text).ok());
        let names = formula.as_ref().map_or_else(Vec::new, Formula::names);
        names.into_iter().any(|name| self.figures.get(name).is_some_and(|figure| figure.kind == Kind::Forecast))
    }

    /// The figures that a formula reads, with their sources.
    pub(super) fn cited(&self, claim: &Claim) -> Vec<String> {
        let Some(formula) = claim.formula.as_deref().and_then(|text| Formula::parse(text).ok()) else {
            return Vec::new();
        };
        let names = formula.names();
        let figures = names.iter().filter_map(|name| self.figures.get(name));
        figures
            .map(|f| format!("{}: {} {} ({}; {})", f.title, digits(f.value), f.unit, f.kind.word(), f.source))
            .collect()
    }
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

//! A row beside its prediction.

use super::vocabulary::UnknownWord;
use crate::model::plan::Plan;
use crate::uncertainty::band::{Band, Width};
use crate::uncertainty::exposure::Exposure;
use crate::uncertainty::spread::Spread;

/// What is compared, in the order in which a row's statements are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    StepS,
    TokensPerSPerChip,
    TflopsPerChip,
    Days,
    ChipHours,
    EnergyMwh,
    NodeW,
    /// Under a power cap, over that at full power.
    RelativeThroughput,
    RelativeEnergy,
    PeakMemoryGib,
}

impl Quantity {
    /// Times and rates of training.
    pub const TIMES: [Quantity; 5] =
        [Quantity::StepS, Quantity::TokensPerSPerChip, Quantity::TflopsPerChip, Quantity::Days, Quantity::ChipHours];

    pub fn word(self) -> &'static str {
        match self {
            Quantity::StepS => "step_s",
            Quantity::TokensPerSPerChip => "tokens_per_s_per_chip",
            Quantity::TflopsPerChip => "tflops_per_chip",
            Quantity::Days => "days",
            Quantity::ChipHours => "chip_hours",
            Quantity::EnergyMwh => "energy_mwh",
            Quantity::NodeW => "node_w",
            Quantity::RelativeThroughput => "relative_throughput",
            Quantity::RelativeEnergy => "relative_energy",
            Quantity::PeakMemoryGib => "peak_memory_gib",
        }
    }

    /// Seconds of a step or tokens per second: what a speed measurement is, without conversion.
    pub fn is_timed(self) -> bool {
        matches!(self, Quantity::StepS | Quantity::TokensPerSPerChip)
    }

    /// One of [`Quantity::TIMES`].
    pub fn is_time(self) -> bool {
        Quantity::TIMES.contains(&self)
    }

    /// From the first hour of a run to its last, beyond its steps.
    pub fn is_whole_run(self) -> bool {
        matches!(self, Quantity::Days | Quantity::ChipHours | Quantity::EnergyMwh)
    }

    /// Whether more is faster.
    pub fn is_rate(self) -> bool {
        matches!(self, Quantity::TokensPerSPerChip | Quantity::TflopsPerChip | Quantity::RelativeThroughput)
    }

    /// Error in the sense of time, energy or power: positive where the prediction is too slow or too much.
    pub fn error(self, predicted: f64, measured: f64) -> f64 {
        if self.is_rate() { (measured / predicted).ln() } else { (predicted / measured).ln() }
    }
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Scored,
    /// The row lacks what a prediction needs, or measured something that has no error.
    Unscored,
    /// Flagged, recalled or contradicted, or of a chip or word that the library does not know.
    Skipped,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Scored => "scored",
            Status::Unscored => "unscored",
            Status::Skipped => "skipped",
        }
    }
}

/// |error| of a speed that found no prediction: a factor of two.
pub const MISSED: f64 = std::f64::consts::LN_2;

/// A row beside its prediction. Numbers that are not known are NaN here and null in JSON.
#[derive(Clone, Debug)]
pub struct Judged {
    pub id: String,
    pub source: String,
    pub kind: String,
    /// Name in the library; as the row states it where the library does not know it.
    pub chip: String,
    /// As the row states it.
    pub precision: String,
    /// One word for how the run was spread over its chips.
    pub parallelism: String,
    pub quantity: Option<Quantity>,
    pub measured: f64,
    pub predicted: f64,
    /// NaN where the row is not scored, predicted or not.
    pub error: f64,
    /// Predicted model FLOP/s of a chip, attention halved where causal.
    pub model_flops: f64,
    /// Dense peak of the chip in the row's precision, FLOP/s.
    pub peak_flops: f64,
    pub status: Status,
    /// Why a row is not scored; empty where it is.
    pub reason: String,
    pub stack: String,
    /// Fields that the row does not state and the prediction chose.
    pub inferred: Vec<&'static str>,
    pub plan_stated: bool,
    /// The plan that was estimated.
    pub plan: Option<Plan>,
    /// The memory model calls a plan infeasible that did run.
    pub memory_disagrees: bool,
    /// A fact without an error (it fitted, it did not fit, at least so much): whether the prediction agrees.
    pub agrees: Option<bool>,
    /// Why the row was skipped, where a word was the reason.
    pub unknown: Option<UnknownWord>,
    /// What the prediction leans on.
    pub exposure: Option<Exposure>,
    /// ln of the prediction's median over the estimate.
    pub shift: f64,
    /// P10, P50 and P90 in the row's quantity; the prediction is the P50.
    pub band: Option<Band>,
}

/// Why a row gets no score.
#[derive(Clone, Debug)]
pub enum Obstacle {
    /// The row lacks what a prediction needs.
    Lacks(String),
    Unknown(UnknownWord),
    /// The library knows the word, and the chip or the software cannot do it.
    Refused(UnknownWord),
}

impl Obstacle {
    pub fn states_no(what: &str) -> Obstacle {
        Obstacle::Lacks(format!("states no {what}"))
    }
}

impl Judged {
    /// A row of which nothing is known yet.
    pub fn new(id: &str, source: &str, kind: &str, chip: &str) -> Judged {
        Judged {
            id: id.to_owned(),
            source: source.to_owned(),
            kind: kind.to_owned(),
            chip: chip.to_owned(),
            precision: String::new(),
            parallelism: String::new(),
            quantity: None,
            measured: f64::NAN,
            predicted: f64::NAN,
            error: f64::NAN,
            model_flops: f64::NAN,
            peak_flops: f64::NAN,
            status: Status::Unscored,
            reason: String::new(),
            stack: String::new(),
            inferred: Vec::new(),
            plan_stated: false,
            plan: None,
            memory_disagrees: false,
            agrees: None,
            unknown: None,
            exposure: None,
            shift: 0.0,
            band: None,
        }
    }

    /// Enters a prediction beside the measurement.
    pub fn score(&mut self, quantity: Quantity, predicted: f64, measured: f64) {
        self.quantity = Some(quantity);
        self.measured = measured;
        if predicted.is_finite() && predicted > 0.0 && measured.is_finite() && measured > 0.0 {
            self.predicted = predicted;
            self.error = quantity.error(predicted, measured);
            self.status = Status::Scored;
        } else {
            self.reason = "the prediction is not finite".to_owned();
        }
    }

    /// Moves a scored estimate to its median, and gives it its 80 % band.
    pub fn spread(&mut self, spread: &Spread) {
        let (Some(quantity), Some(exposure), Status::Scored) = (self.quantity, self.exposure, self.status) else {
            return;
        };
        let time = Width::of_time(&exposure, spread);
        let width = match quantity {
            Quantity::NodeW => Width::of_power(spread, true),
            Quantity::PeakMemoryGib => Width::of_memory(spread),
            Quantity::EnergyMwh => time.and(Width::of_power(spread, true)),
            _ => time,
        };
        if quantity.is_time() || quantity == Quantity::EnergyMwh {
            let shift = exposure.shift(spread) - self.shift;
            self.shift += shift;
            self.predicted *= if quantity.is_rate() { (-shift).exp() } else { shift.exp() };
            self.error += shift;
        }
        let around = if quantity.is_rate() { Band::inverse_around } else { Band::around };
        self.band = Some(around(self.predicted, width));
    }

    /// Whether the band holds the measurement.
    pub fn inside(&self) -> Option<bool> {
        self.band.map(|band| band.holds(self.measured))
    }

    /// Enters why there is no score.
    pub fn stop(&mut self, obstacle: Obstacle) {
        (self.status, self.reason) = match obstacle {
            Obstacle::Lacks(reason) => (Status::Unscored, reason),
            Obstacle::Unknown(word) => (Status::Skipped, self.unknown.insert(word).message.clone()),
            Obstacle::Refused(word) => (Status::Unscored, self.unknown.insert(word).message.clone()),
        };
    }

    /// Takes the row out of the figures; its prediction stays beside its measurement.
    pub fn set_aside(&mut self, reason: &str) {
        self.status = Status::Skipped;
        reason.clone_into(&mut self.reason);
        self.error = f64::NAN;
        self.agrees = None;
        self.memory_disagrees = false;
    }

    /// |error| in the figures: of a scored row its own; of a speed that found no prediction, a factor of two.
    pub fn counted_error(&self) -> Option<f64> {
        match self.status {
            Status::Scored => Some(self.error.abs()),
            Status::Unscored if self.is_missed() => Some(MISSED),
            _ => None,
        }
    }

    /// A speed that found no prediction.
    pub fn is_missed(&self) -> bool {
        self.status == Status::Unscored && self.quantity.is_some_and(Quantity::is_timed)
    }

    /// The row took part: it has an error, or a fact that the prediction meets or misses.
    pub fn is_usable(&self) -> bool {
        self.status == Status::Scored || self.agrees.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_positive_where_the_prediction_is_too_slow_or_too_much() {
        for quantity in [Quantity::StepS, Quantity::Days, Quantity::ChipHours, Quantity::EnergyMwh, Quantity::NodeW] {
            assert!(quantity.error(2.0, 1.0) > 0.0 && quantity.error(1.0, 2.0) < 0.0);
        }
        for quantity in [Quantity::TokensPerSPerChip, Quantity::TflopsPerChip] {
            assert!(quantity.error(2.0, 1.0) < 0.0 && quantity.error(1.0, 2.0) > 0.0);
        }
        assert_eq!(Quantity::StepS.error(3.0, 3.0), 0.0);
    }
}

//! Units of claims: which fit a metric, and what a value in one means.

use super::terms::Metric;

/// What a number in a unit is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// So many times as good.
    Times,
    /// So many times less of something.
    TimesLess,
    PercentMore,
    PercentLess,
    /// An absolute quantity: so many base units (tokens/s, FLOP/s, s, chip-s, J, W, USD, kg, 1).
    Absolute(f64),
}

/// A unit: its word and its meaning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    pub word: &'static str,
    pub reading: Reading,
    pub dimension: Dimension,
}

/// What an absolute unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    Ratio,
    Tokens,
    Flop,
    Time,
    ChipTime,
    Share,
    Energy,
    Power,
    Money,
    Mass,
    /// Of the debate's figures: no run is computed in it.
    Other,
}

const fn ratio(word: &'static str, reading: Reading) -> Unit {
    Unit { word, reading, dimension: Dimension::Ratio }
}

const fn absolute(word: &'static str, dimension: Dimension, factor: f64) -> Unit {
    Unit { word, reading: Reading::Absolute(factor), dimension }
}

/// Every unit.
const UNITS: [Unit; 37] = [
    ratio("x", Reading::Times),
    ratio("x more", Reading::Times),
    ratio("x less", Reading::TimesLess),
    ratio("% more", Reading::PercentMore),
    ratio("% less", Reading::PercentLess),
    absolute("tokens/s", Dimension::Tokens, 1.0),
    absolute("TFLOP/s", Dimension::Flop, 1e12),
    absolute("PFLOP/s", Dimension::Flop, 1e15),
    absolute("EFLOP/s", Dimension::Flop, 1e18),
    absolute("s", Dimension::Time, 1.0),
    absolute("min", Dimension::Time, 60.0),
    absolute("h", Dimension::Time, 3600.0),
    absolute("days", Dimension::Time, 86_400.0),
    absolute("months", Dimension::Time, 2_629_800.0),
    absolute("years", Dimension::Time, 31_557_600.0),
    absolute("chip hours", Dimension::ChipTime, 3600.0),
    absolute("million chip hours", Dimension::ChipTime, 3.6e9),
    absolute("%", Dimension::Share, 0.01),
    absolute("J", Dimension::Energy, 1.0),
    absolute("kWh", Dimension::Energy, 3.6e6),
    absolute("MWh", Dimension::Energy, 3.6e9),
    absolute("GWh", Dimension::Energy, 3.6e12),
    absolute("TWh", Dimension::Energy, 3.6e15),
    absolute("W", Dimension::Power, 1.0),
    absolute("kW", Dimension::Power, 1e3),
    absolute("MW", Dimension::Power, 1e6),
    absolute("GW", Dimension::Power, 1e9),
    absolute("USD", Dimension::Money, 1.0),
    absolute("million USD", Dimension::Money, 1e6),
    absolute("billion USD", Dimension::Money, 1e9),
    absolute("kg", Dimension::Mass, 1.0),
    absolute("t", Dimension::Mass, 1e3),
    absolute("kt", Dimension::Mass, 1e6),
    absolute("USD/kWh", Dimension::Other, 1.0),
    absolute("PUE", Dimension::Other, 1.0),
    absolute("parameters", Dimension::Other, 1.0),
    absolute("chips", Dimension::Other, 1.0),
];

impl Unit {
    /// A plain ratio.
    pub const PLAIN: Unit = ratio("x", Reading::Times);

    /// The unit of a word, whatever its case.
    pub fn parse(word: &str) -> Option<Unit> {
        UNITS.into_iter().find(|unit| unit.word == word).or_else(|| {
            let mut near = UNITS.into_iter().filter(|unit| unit.word.eq_ignore_ascii_case(word));
            near.next().filter(|_| near.next().is_none())
        })
    }

    /// Every word.
    pub fn words() -> impl Iterator<Item = &'static str> {
        UNITS.into_iter().map(|unit| unit.word)
    }

    pub fn is_ratio(self) -> bool {
        self.dimension == Dimension::Ratio
    }

    /// Whether claims of the metric may be stated in the unit.
    pub fn fits(self, metric: Metric) -> bool {
        use Dimension::{ChipTime, Energy, Flop, Mass, Money, Power, Ratio, Share, Time, Tokens};
        match metric {
            Metric::Throughput => matches!(self.dimension, Ratio | Tokens | Flop),
            Metric::TimeToTrain => matches!(self.dimension, Ratio | Time | ChipTime),
            Metric::Mfu | Metric::ScalingEfficiency | Metric::Goodput => self.dimension == Share,
            Metric::Energy => matches!(self.dimension, Ratio | Energy),
            Metric::Power => matches!(self.dimension, Ratio | Power),
            Metric::PerfPerWatt | Metric::CostOfOwnership => self.dimension == Ratio,
            Metric::Cost => matches!(self.dimension, Ratio | Money),
            Metric::Carbon => matches!(self.dimension, Ratio | Mass),
            Metric::Winner => self.word == "x",
            Metric::Arithmetic => true,
        }
    }

    /// Words of the units that fit a metric.
    pub fn fitting(metric: Metric) -> Vec<&'static str> {
        UNITS.into_iter().filter(|unit| unit.fits(metric)).map(|unit| unit.word).collect()
    }

    /// Whether the ratio is one of something that is spent: "x" of time is how many times faster, "% less" is less time.
    fn spends(self, metric: Metric) -> bool {
        metric.spends()
            || metric == Metric::TimeToTrain && self.reading != Reading::Times
            || metric == Metric::CostOfOwnership && matches!(self.reading, Reading::PercentLess | Reading::TimesLess)
    }

    /// A value in base units; a ratio as how many times better the subject is than the baseline.
    pub fn base(self, metric: Metric, value: f64) -> f64 {
        let spends = self.spends(metric);
        match self.reading {
            Reading::Times if spends => 1.0 / value,
            Reading::Times => value,
            Reading::TimesLess if spends => value,
            Reading::TimesLess => 1.0 / value,
            Reading::PercentMore if spends => 1.0 / (1.0 + 0.01 * value),
            Reading::PercentMore => 1.0 + 0.01 * value,
            Reading::PercentLess if spends => 1.0 / (1.0 - 0.01 * value),
            Reading::PercentLess => 1.0 - 0.01 * value,
            Reading::Absolute(factor) => factor * value,
        }
    }

    /// The inverse of [`Unit::base`].
    pub fn of_base(self, metric: Metric, base: f64) -> f64 {
        let spends = self.spends(metric);
        match self.reading {
            Reading::Times if spends => 1.0 / base,
            Reading::Times => base,
            Reading::TimesLess if spends => base,
            Reading::TimesLess => 1.0 / base,
            Reading::PercentMore if spends => 100.0 * (1.0 / base - 1.0),
            Reading::PercentMore => 100.0 * (base - 1.0),
            Reading::PercentLess if spends => 100.0 * (1.0 - 1.0 / base),
            Reading::PercentLess => 100.0 * (1.0 - base),
            Reading::Absolute(factor) => base / factor,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_of_speed_is_another_percentage_of_cost() {
        let more = Unit::parse("% more").unwrap();
        let less = Unit::parse("% less").unwrap();
        // 30 % more throughput: 1.3 x, so the same work takes 1/1.3 = 76.9 % of the time: 23.1 % less.
        let faster = more.base(Metric::Throughput, 30.0);
        assert!((faster - 1.3).abs() < 1e-12);
        assert!((less.of_base(Metric::Cost, faster) - 23.076_923).abs() < 1e-5);
        assert!((less.base(Metric::TimeToTrain, 31.0) - 1.0 / 0.69).abs() < 1e-12);
        // 95 % less energy is 20 x less.
        assert!((less.base(Metric::Energy, 95.0) - 20.0).abs() < 1e-9);
    }

    #[test]
    fn every_unit_reads_back_what_it_wrote() {
        for unit in Unit::words().map(|word| Unit::parse(word).unwrap()) {
            for metric in Metric::ALL.into_iter().filter(|metric| unit.fits(*metric)) {
                let back = unit.of_base(metric, unit.base(metric, 40.0));
                assert!((back - 40.0).abs() < 1e-9, "{} of {metric:?}", unit.word);
            }
        }
    }

    #[test]
    fn a_unit_of_another_quantity_does_not_fit() {
        assert!(!Unit::parse("MWh").unwrap().fits(Metric::Mfu));
        assert!(Unit::parse("mwh").unwrap().fits(Metric::Energy));
        assert!(Unit::fitting(Metric::Goodput) == ["%"]);
    }
}

//! P10, P50 and P90 of a figure.

use super::exposure::Exposure;
use super::spread::{Spread, Z};

/// An 80 % band around its median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub p10: f64,
    pub p50: f64,
    pub p90: f64,
}

/// Standard deviations of the logarithm below and above the median.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Width {
    pub below: f64,
    pub above: f64,
}

impl Width {
    pub fn new(below: f64, above: f64) -> Width {
        Width { below, above }
    }

    /// Both of two independent causes, in quadrature.
    pub fn and(self, other: Width) -> Width {
        Width { below: self.below.hypot(other.below), above: self.above.hypot(other.above) }
    }

    /// The width of a part on the whole.
    pub fn times(self, share: f64) -> Width {
        Width { below: share * self.below, above: share * self.above }
    }

    /// The width of a time.
    pub fn of_time(exposure: &Exposure, spread: &Spread) -> Width {
        let (fast, slow) = exposure.skews(spread);
        let sd = exposure.sd(spread);
        Width { below: fast * sd, above: slow * sd }
    }

    pub fn of_power(spread: &Spread, metered: bool) -> Width {
        let sd = if metered { spread.power } else { spread.power.hypot(spread.power_chip) };
        Width { below: spread.power_less * sd, above: spread.power_more * sd }
    }

    pub fn of_memory(spread: &Spread) -> Width {
        Width { below: spread.memory_less * spread.memory, above: spread.memory_more * spread.memory }
    }
}

impl Band {
    /// The band of the same figure and a part that is known.
    pub fn plus(self, known: f64) -> Band {
        Band { p10: self.p10 + known, p50: self.p50 + known, p90: self.p90 + known }
    }

    /// The band of a figure whose median is `p50`.
    pub fn around(p50: f64, width: Width) -> Band {
        let edges = [p50 * (-Z * width.below).exp(), p50 * (Z * width.above).exp()];
        // A cost may be negative, at negative prices.
        Band { p10: edges[0].min(edges[1]), p50, p90: edges[0].max(edges[1]) }
    }

    /// The band of a fixed multiple of the figure.
    pub fn times(self, factor: f64) -> Band {
        Band { p10: self.p10 * factor, p50: self.p50 * factor, p90: self.p90 * factor }
    }

    /// The band of equally likely values, at least one.
    pub fn of(mut values: Vec<f64>) -> Band {
        values.sort_by(f64::total_cmp);
        let last = values.len().saturating_sub(1) as f64;
        let at = |share: f64| values.get((share * last).round() as usize).copied().unwrap_or(f64::NAN);
        Band { p10: at(0.1), p50: at(0.5), p90: at(0.9) }
    }

    /// The band of one over the figure, such as a rate from a time.
    pub fn inverse_around(p50: f64, width: Width) -> Band {
        Band::around(p50, Width { below: width.above, above: width.below })
    }

    pub fn holds(&self, value: f64) -> bool {
        self.p10 <= value && value <= self.p90
    }
}

//! What is claimed, as an achievement that is met, missed or exceeded.

use super::predict::less_is_better;
use super::statement::{Claim, Sense};
use crate::uncertainty::band::Band;

/// What is claimed, as achievement: more is better, or larger where an outsider reckons a quantity.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub low: f64,
    pub high: f64,
    /// The ends of a claimed range; of one value the same.
    pub ends: (f64, f64),
    /// More of the quantity is less of an achievement.
    pub inverse: bool,
}

impl Asked {
    pub(super) fn of(claim: &Claim) -> Asked {
        let unit = claim.unit();
        let (mut low, mut high) = claim.value.rounded();
        if claim.value.low < claim.value.high {
            // A range is met where its middle is: one end alone is not what it says.
            let middle = |a: f64, b: f64| {
                unit.of_base(claim.metric, (unit.base(claim.metric, a) * unit.base(claim.metric, b)).sqrt())
            };
            (low, high) = (middle(claim.value.low, claim.value.high), middle(claim.value.low, claim.value.high));
        }
        // Bounds are meant as they are written.
        match claim.sense {
            Sense::AtLeast => low = low.max(claim.value.low),
            Sense::AtMost => high = high.min(claim.value.high),
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
        let (c, d) = (unit.base(claim.metric, claim.value.low), unit.base(claim.metric, claim.value.high));
        let (c, d) = (c.min(d), c.max(d));
        let ends = if inverse { (1.0 / d, 1.0 / c) } else { (c, d) };
        Asked { low, high, ends: (low.min(ends.0), high.max(ends.1)), inverse }
    }

    /// A band of base units as achievement.
    pub(super) fn turned(&self, band: Band) -> Band {
        if self.inverse { Band { p10: 1.0 / band.p90, p50: 1.0 / band.p50, p90: 1.0 / band.p10 } } else { band }
    }

    pub(super) fn middle(&self) -> f64 {
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

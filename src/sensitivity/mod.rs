//! Which inputs a design's figure hangs on: one at a time, and as shares of its variance.
//!
//! An input is uncertain where its profile states a range, which is read as an 80 % band (as in [`crate::uncertainty`]), or
//! where a default one stands in [`uncertain`]. The chips of a design are held; its plan is chosen anew at every draw among
//! those of its time-energy frontier.

pub mod indices;

use rayon::prelude::*;

use crate::compare::Judged;
use crate::compare::input::Input;
use crate::design::{Ask, Design};
use crate::library::diagnostic::Fault;
use crate::library::entry_kind::EntryKind;
use crate::model::{Estimate, estimate};
use crate::search::Objective;
use crate::uncertainty::spread::Z;
use indices::{Index, Sample, point};

/// Kinds of entries whose ranges are looked at.
const KINDS: [EntryKind; 6] = [
    EntryKind::Chip,
    EntryKind::Cluster,
    EntryKind::Site,
    EntryKind::Stack,
    EntryKind::Assumptions,
    EntryKind::Calibration,
];

/// Rules of a search, not facts of a run: whoever changes them changes the question.
const RULES: [&str; 2] = ["minimum_used", "batch_tolerance"];

/// A swing below this share of the figure is not drawn: it adds nothing to the variance.
const LEAST_SWING: f64 = 1e-3;

/// An input with the band that it may lie in.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncertain {
    pub input: Input,
    pub low: f64,
    pub value: f64,
    pub high: f64,
}

/// An input with the figures at the ends of its band, and its shares of the variance where it was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Influence {
    pub of: Uncertain,
    /// Infinite where nothing runs.
    pub at_low: f64,
    pub at_high: f64,
    pub index: Option<Index>,
}

impl Influence {
    /// How far the figure moves from one end to the other.
    pub fn swing(&self) -> f64 {
        let swing = (self.at_high - self.at_low).abs();
        if swing.is_nan() { 0.0 } else { swing }
    }
}

/// What a design's figure hangs on, the most important input first.
#[derive(Clone, Debug)]
pub struct Sensitivity {
    pub figure: f64,
    pub influences: Vec<Influence>,
    /// Points drawn, and those of them at which no plan runs.
    pub points: usize,
    pub left_out: usize,
}

/// The uncertain inputs of a design.
pub fn uncertain(design: &Design) -> Result<Vec<Uncertain>, Fault> {
    let mut found = Vec::new();
    for record in design.records.iter().filter(|record| KINDS.contains(&record.kind())) {
        for (key, sourced) in record.values() {
            let (Some(value), Some((low, high))) = (record.number(key), sourced.range) else { continue };
            let priced = record.kind() == EntryKind::Site && key.starts_with("price.");
            if low <= value && value <= high && low < high && !priced && !RULES.contains(&key) {
                let input = Input::parse(&format!("{}.{key}", record.kind().word()))?;
                found.push(Uncertain { input, low, value, high });
            }
        }
    }
    // Where a profile states none: power usage effectiveness within 0.05, prices within a quarter, capital from 4 to 15 %.
    let site = &design.setting.site;
    let price = site.usd_per_j() * crate::library::site::J_PER_KWH;
    let key = format!("price.{}.usd_per_kwh", site.price_kind);
    let stated = design.records.iter().find(|r| r.kind() == EntryKind::Site);
    let stated =
        stated.and_then(|site| site.sourced(&key)?.range).filter(|(low, high)| *low <= price && price <= *high);
    let defaults = [
        ("usd_per_kwh", price, stated.unwrap_or((0.75 * price, 1.25 * price))),
        ("site.pue.full", site.pue_full, ((site.pue_full - 0.05).max(1.0), site.pue_full + 0.05)),
        ("site.cost_of_capital", site.cost_of_capital, (0.04, 0.15)),
    ];
    for (name, value, (low, high)) in defaults {
        if low < high && low <= value && value <= high && !found.iter().any(|u| u.input.name == name) {
            found.push(Uncertain { input: Input::parse(name)?, low, value, high });
        }
    }
    Ok(found)
}

impl Uncertain {
    /// The value at a quantile: normal in the logarithm (in the value itself where it may be 0), each side with its own width.
    fn at(&self, quantile: f64, design: &Design) -> f64 {
        let z = normal(quantile) / Z;
        let end = if z < 0.0 { self.low } else { self.high };
        let value = if self.low > 0.0 {
            self.value * (z.abs() * (end / self.value).ln()).exp()
        } else {
            self.value + z.abs() * (end - self.value)
        };
        let (least, most) = self.input.range(design);
        let value = value.clamp(least, most);
        if self.input.whole { value.round() } else { value }
    }
}

/// Quantile of the standard normal distribution: P. J. Acklam's rational approximation, good to 1.2e-9.
fn normal(quantile: f64) -> f64 {
    const TAIL: f64 = 0.024_25;
    let p = quantile.clamp(1e-12, 1.0 - 1e-12);
    if p > 1.0 - TAIL {
        return -normal(1.0 - p);
    }
    let polynomial = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, c| sum * x + c);
    if p < TAIL {
        let q = (-2.0 * p.ln()).sqrt();
        let over = [
            -7.784_894_002_430_293e-3,
            -3.223_964_580_411_365e-1,
            -2.400_758_277_161_838,
            -2.549_732_539_343_734,
            4.374_664_141_464_968,
            2.938_163_982_698_783,
        ];
        let under =
            [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416, 1.0];
        return polynomial(&over, q) / polynomial(&under, q);
    }
    let q = p - 0.5;
    let over = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    let under = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    q * polynomial(&over, q * q) / polynomial(&under, q * q)
}

/// A design whose chips are held, and the plans that it may choose from.
struct Subject<'a> {
    design: &'a Design,
    ask: Ask,
    plans: Vec<Estimate>,
    objective: Objective,
}

impl Subject<'_> {
    /// The best figure with other values of some inputs; infinite where nothing runs or the values contradict each other.
    fn figure<'u>(&self, values: impl IntoIterator<Item = (&'u Uncertain, f64)>) -> f64 {
        let mut ask = self.ask.clone();
        for (uncertain, value) in values {
            if uncertain.input.lay(&mut ask, value).is_err() {
                return f64::INFINITY;
            }
        }
        let Ok(trial) = self.design.asked_anew(&ask) else { return f64::INFINITY };
        let figures = self.plans.iter().filter_map(|e| estimate(&trial.setting, &e.plan, trial.chips).ok());
        figures.map(|e| self.objective.of(&e)).fold(f64::INFINITY, f64::min)
    }
}

/// What a side's figure hangs on; none where no plan runs.
pub fn sensitivity(side: &Judged, objective: Objective, points: usize) -> Result<Option<Sensitivity>, Fault> {
    let design = &side.design;
    // Chips are held: what they draw is not bound by the site's megawatts, but counts.
    let ask = Ask { chips: Some(design.chips), cap_mw: Some(1e6), ..design.ask.clone() };
    let subject = Subject { design, ask, plans: crate::compare::plans(&side.found), objective };
    if subject.plans.is_empty() {
        return Ok(None);
    }
    let figure = subject.figure([]);
    let mut influences: Vec<Influence> = uncertain(design)?
        .into_par_iter()
        .map(|of| {
            let (at_low, at_high) = (subject.figure([(&of, of.low)]), subject.figure([(&of, of.high)]));
            Influence { of, at_low, at_high, index: None }
        })
        .collect();
    influences.sort_by(|a, b| b.swing().total_cmp(&a.swing()));
    let drawn: Vec<Uncertain> =
        influences.iter().filter(|i| i.swing() > LEAST_SWING * figure.abs()).map(|i| i.of.clone()).collect();
    let rows: Vec<(f64, f64, Vec<f64>)> = (0..points)
        .into_par_iter()
        .map(|at| {
            let point = point(at, drawn.len());
            let (a, b) = point.split_at(drawn.len());
            let of = |quantiles: &[f64]| {
                subject.figure(drawn.iter().zip(quantiles).map(|(of, quantile)| (of, of.at(*quantile, design))))
            };
            let mixed = (0..drawn.len()).map(|input| {
                let mut mixed = a.to_vec();
                mixed[input] = b[input];
                of(&mixed)
            });
            (of(a), of(b), mixed.collect())
        })
        .collect();
    let sample = Sample {
        a: rows.iter().map(|row| row.0).collect(),
        b: rows.iter().map(|row| row.1).collect(),
        mixed: (0..drawn.len()).map(|input| rows.iter().map(|row| row.2[input]).collect()).collect(),
    };
    let (sample, left_out) = sample.finite();
    for (influence, index) in influences.iter_mut().zip(sample.indices()) {
        influence.index = Some(index);
    }
    Ok(Some(Sensitivity { figure, influences, points, left_out }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stated accuracy of the quantile's approximation, with room.
    const QUANTILE: f64 = 1e-8;

    #[test]
    fn quantiles_of_the_normal_distribution_are_those_of_the_tables() {
        for (p, z) in [(0.5, 0.0), (0.9, Z), (0.1, -Z), (0.975, 1.959_963_984_540_054), (0.001, -3.090_232_306_167_814)]
        {
            assert!((normal(p) - z).abs() < QUANTILE, "{p}");
        }
    }
}

//! The chance that a design is the best of several, and the ratio of two, by correlated draws.
//!
//! Each latent error is drawn once for its owner: two designs on one stack share what the stack's facts leave out, two on
//! one chip what is not known of it, and two at one site its price. What they share hardly moves their ratio. The draws
//! are the same on every run and every machine: a counter is hashed with the owner's name.

use super::band::Band;
use super::exposure::{Exposure, Owner};
use super::figures::{Input, Uncertainty};
use super::spread::Spread;
use crate::model::Estimate;
use crate::search::Objective;

/// Draws; the chance is then known to about half a percent.
const DRAWS: u64 = 10_000;

/// A design with its estimate and what makes it uncertain.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    pub stack: &'a str,
    pub chip: &'a str,
    pub estimate: &'a Estimate,
    pub uncertainty: &'a Uncertainty,
}

/// The chance of each side to be best on an objective; they sum to 1.
pub fn chances(sides: &[Side<'_>], objective: Objective, spread: &Spread) -> Vec<f64> {
    let figures: Vec<Figure> =
        sides.iter().enumerate().map(|(at, side)| Figure::of(side, at, objective, spread)).collect();
    let mut wins = vec![0.0; sides.len()];
    for draw in 0..DRAWS {
        let best = figures.iter().map(|figure| figure.at(draw)).enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some(won) = best.and_then(|(at, _)| wins.get_mut(at)) {
            *won += 1.0 / DRAWS as f64;
        }
    }
    wins
}

/// The figure of `b` over that of `a` on an objective: above 1, `a` is the better one.
pub fn ratio(a: &Side<'_>, b: &Side<'_>, objective: Objective, spread: &Spread) -> Band {
    let of = |side: &Side<'_>, at: usize| Figure::of(side, at, objective, spread);
    even([of(a, 0), of(b, 1)], [of(a, 1), of(b, 0)])
}

/// The time of a token on a chip of `b` over that of `a`, by their steps alone: above 1, `a` has the faster chip. The
/// lengths of a sequence of both tell how many tokens a step has.
pub fn step_ratio(a: &Side<'_>, b: &Side<'_>, seq_len: [f64; 2], spread: &Spread) -> Band {
    let of_a = |at: usize| Figure::of_step(a, at, seq_len[0], spread);
    let of_b = |at: usize| Figure::of_step(b, at, seq_len[1], spread);
    even([of_a(0), of_b(1)], [of_a(1), of_b(0)])
}

/// The band of the second figure over the first, from draws and the same draws with the sides' own errors exchanged: two
/// sides that are alike come out even.
fn even(pair: [Figure; 2], exchanged: [Figure; 2]) -> Band {
    let ratios = |[a, b]: &[Figure; 2]| (0..DRAWS).map(|draw| b.at(draw) / a.at(draw)).collect::<Vec<f64>>();
    Band::of([ratios(&pair), ratios(&exchanged)].concat())
}

/// A latent standard normal error: the seed of its draws.
#[derive(Clone, Copy, Debug)]
struct Latent(u64);

/// An error whose sides differ: `below` standard deviations of the logarithm on one, `above` on the other.
#[derive(Clone, Copy, Debug)]
struct Split {
    latent: Latent,
    below: f64,
    above: f64,
}

/// The figure that an objective looks at: a part without error, and a product of a median and of errors.
struct Figure {
    /// What no error moves.
    fixed: f64,
    median: f64,
    /// Errors of the time with their standard deviations, and the skews of their sum.
    time: Vec<(Latent, f64)>,
    fast: f64,
    slow: f64,
    others: Vec<Split>,
}

impl Figure {
    fn of(side: &Side<'_>, at: usize, objective: Objective, spread: &Spread) -> Figure {
        let of = side.uncertainty;
        let inputs = of.inputs(side.estimate, objective);
        let others = inputs.into_iter().map(|(input, share)| split(input, share)).collect();
        let (fast, slow) = of.run.skews(spread);
        let fixed = objective.fixed(side.estimate);
        let median = (objective.of(side.estimate) - fixed) * of.run.shift(spread).exp();
        Figure { fixed, median, time: latents(&of.run, side, at, spread), fast, slow, others }
    }

    /// Chip seconds of a token.
    fn of_step(side: &Side<'_>, at: usize, seq_len: f64, spread: &Spread) -> Figure {
        let (exposure, estimate) = (&side.uncertainty.step, side.estimate);
        let (fast, slow) = exposure.skews(spread);
        let tokens = estimate.plan.global_batch() as f64 * seq_len;
        let median = estimate.step_s * estimate.chips_used / tokens * exposure.shift(spread).exp();
        Figure { fixed: 0.0, median, time: latents(exposure, side, at, spread), fast, slow, others: Vec::new() }
    }

    /// The figure in one draw.
    fn at(&self, draw: u64) -> f64 {
        let sum: f64 = self.time.iter().map(|(latent, sd)| sd * latent.normal(draw)).sum();
        let time = if sum < 0.0 { self.fast * sum } else { self.slow * sum };
        let others: f64 = self.others.iter().map(|split| split.at(draw)).sum();
        self.fixed + self.median * (time + others).exp()
    }
}

/// The latent errors of a side's time: each belongs to the run, the stack, the chip or the model.
fn latents(exposure: &Exposure, side: &Side<'_>, at: usize, spread: &Spread) -> Vec<(Latent, f64)> {
    exposure
        .parts(spread)
        .map(|(component, sd)| {
            let owner = match component.owner() {
                Owner::Run => at.to_string(),
                Owner::Stack => side.stack.to_owned(),
                Owner::Chip => side.chip.to_owned(),
                Owner::Model => String::new(),
            };
            (Latent::new(component.key(), &owner), sd)
        })
        .collect()
}

fn split(input: &Input, share: f64) -> Split {
    let width = input.width.times(share);
    Split { latent: Latent::new(input.name, &input.owner), below: width.below, above: width.above }
}

impl Split {
    fn at(&self, draw: u64) -> f64 {
        let normal = self.latent.normal(draw);
        if normal < 0.0 { self.below * normal } else { self.above * normal }
    }
}

impl Latent {
    /// The error of that name that belongs to that owner (FNV-1a).
    fn new(name: &str, owner: &str) -> Latent {
        let bytes = name.bytes().chain([0]).chain(owner.bytes());
        Latent(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    /// A standard normal number (Box and Muller), the same for the same draw.
    fn normal(self, draw: u64) -> f64 {
        let start = self.0.wrapping_add(draw.wrapping_mul(2));
        let radius = (-2.0 * (1.0 - uniform(start)).ln()).sqrt();
        radius * (std::f64::consts::TAU * uniform(start.wrapping_add(1))).cos()
    }
}

/// A uniform number in [0, 1) from a counter (SplitMix64).
fn uniform(counter: u64) -> f64 {
    let mut z = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_standard_normal_and_owners_are_independent() {
        let draws = |owner: &str| -> Vec<f64> { (0..DRAWS).map(|n| Latent::new("stack", owner).normal(n)).collect() };
        let (a, b) = (draws("a"), draws("b"));
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let products: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
        let squares: Vec<f64> = a.iter().map(|a| a * a).collect();
        // Three standard errors of 10,000 draws.
        assert!(mean(&a).abs() < 0.03 && (mean(&squares) - 1.0).abs() < 0.05 && mean(&products).abs() < 0.03);
    }
}

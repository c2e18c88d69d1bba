//! First-order and total Sobol indices with their bootstrap errors.
//!
//! Two independent samples A and B of the unit cube, and for each input A with that input's column from B. First order by
//! Saltelli et al., "Variance based sensitivity analysis of model output" (Computer Physics Communications 181, 2010),
//! total by Jansen, "Analysis of variance designs for model output" (Computer Physics Communications 117, 1999). The points
//! are an additive-recurrence sequence (a lattice of square roots of primes), shifted at random by a fixed seed.

/// Bootstrap resamples of an error.
const RESAMPLES: u64 = 100;

/// One input's share of the variance: alone, and with all that it interacts with; each with its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Index {
    pub first: f64,
    pub first_error: f64,
    pub total: f64,
    pub total_error: f64,
}

/// Figures of the two samples and of A with one column of B, point by point.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub a: Vec<f64>,
    pub b: Vec<f64>,
    /// By input.
    pub mixed: Vec<Vec<f64>>,
}

/// The points of A and B: numbers in [0, 1), the first `inputs` of a point are A's, the others B's.
pub fn point(at: usize, inputs: usize) -> Vec<f64> {
    let mut primes = Vec::with_capacity(2 * inputs);
    let mut candidate = 2u32;
    while primes.len() < 2 * inputs {
        if primes.iter().take_while(|p| *p * *p <= candidate).all(|p| candidate % p != 0) {
            primes.push(candidate);
        }
        candidate += 1;
    }
    let turn = |(dimension, prime): (usize, &u32)| {
        (uniform(dimension as u64) + (at + 1) as f64 * f64::from(*prime).sqrt().fract()).fract()
    };
    primes.iter().enumerate().map(turn).collect()
}

/// A uniform number in [0, 1) from a counter (SplitMix64).
fn uniform(counter: u64) -> f64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

impl Sample {
    /// The sample without the points at which a figure does not exist, and how many those are.
    pub fn finite(&self) -> (Sample, usize) {
        let keeps = |at: &usize| {
            [&self.a, &self.b].into_iter().chain(&self.mixed).all(|v| v.get(*at).is_some_and(|x| x.is_finite()))
        };
        let kept: Vec<usize> = (0..self.a.len()).filter(keeps).collect();
        let of = |values: &Vec<f64>| kept.iter().map(|at| values[*at]).collect::<Vec<f64>>();
        let sample = Sample { a: of(&self.a), b: of(&self.b), mixed: self.mixed.iter().map(of).collect() };
        (sample, self.a.len() - kept.len())
    }

    /// The index of every input.
    pub fn indices(&self) -> Vec<Index> {
        let n = self.a.len();
        let all: Vec<usize> = (0..n).collect();
        (0..self.mixed.len())
            .map(|input| {
                let (first, total) = self.estimate(input, &all);
                let (mut firsts, mut totals) = (Vec::new(), Vec::new());
                for resample in 0..RESAMPLES {
                    let draw = |at: usize| (uniform(resample * n as u64 + at as u64) * n as f64) as usize;
                    let drawn: Vec<usize> = (0..n).map(draw).collect();
                    let (f, t) = self.estimate(input, &drawn);
                    firsts.push(f);
                    totals.push(t);
                }
                Index { first, first_error: deviation(&firsts), total, total_error: deviation(&totals) }
            })
            .collect()
    }

    fn estimate(&self, input: usize, at: &[usize]) -> (f64, f64) {
        let n = at.len().max(1) as f64;
        let both = at.iter().flat_map(|i| [self.a[*i], self.b[*i]]);
        let mean = both.clone().sum::<f64>() / (2.0 * n);
        let variance = both.map(|y| (y - mean) * (y - mean)).sum::<f64>() / (2.0 * n);
        if variance <= 0.0 {
            return (0.0, 0.0);
        }
        let mixed = &self.mixed[input];
        let first = at.iter().map(|i| (self.b[*i] - mean) * (mixed[*i] - self.a[*i])).sum::<f64>() / n;
        let total = at.iter().map(|i| (self.a[*i] - mixed[*i]).powi(2)).sum::<f64>() / (2.0 * n);
        (first / variance, total / variance)
    }
}

fn deviation(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Error of an index from 8,192 points of a function as rough as Ishigami's: three standard errors.
    const INDEX: f64 = 0.03;

    #[test]
    fn ishigami_has_its_known_indices() {
        let ishigami = |u: &[f64]| {
            let [x, y, z] = [0, 1, 2].map(|i| std::f64::consts::PI * (2.0 * u[i] - 1.0));
            x.sin() + 7.0 * y.sin().powi(2) + 0.1 * z.powi(4) * x.sin()
        };
        let mut sample = Sample { mixed: vec![Vec::new(); 3], ..Sample::default() };
        for at in 0..8192 {
            let point = point(at, 3);
            let (a, b) = point.split_at(3);
            sample.a.push(ishigami(a));
            sample.b.push(ishigami(b));
            for input in 0..3 {
                let mut mixed = a.to_vec();
                mixed[input] = b[input];
                sample.mixed[input].push(ishigami(&mixed));
            }
        }
        // Closed form at a = 7, b = 0.1.
        let known = [(0.3139, 0.5576), (0.4424, 0.4424), (0.0, 0.2437)];
        for (index, (first, total)) in sample.indices().iter().zip(known) {
            assert!((index.first - first).abs() < INDEX, "{index:?} for {first}");
            assert!((index.total - total).abs() < INDEX, "{index:?} for {total}");
            assert!(index.first_error < INDEX && index.total_error < INDEX, "{index:?}");
        }
    }

    #[test]
    fn points_without_a_figure_are_left_out_and_counted() {
        let sample = Sample { a: vec![1.0, f64::INFINITY, 2.0], b: vec![2.0; 3], mixed: vec![vec![1.0; 3]] };
        let (finite, left_out) = sample.finite();
        assert_eq!((finite.a, left_out), (vec![1.0, 2.0], 1));
    }
}

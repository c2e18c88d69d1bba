//! The constants of highest posterior density: Levenberg and Marquardt's method on robustly weighted errors and priors.
//!
//! Minimised over coordinates x, each the distance of a constant from its prior in the prior's sd:
//! sum over rows of w (sqrt(1 + (e/noise)^2) - 1) + sum of x^2 / 2. The first part is the soft-L1 loss, quadratic for small
//! errors e and linear for large ones.

use rayon::prelude::*;

use super::linear::Symmetric;
use super::terms::{Constant, Loss};
use crate::model::parameters::Calibration;
use crate::validate::prepared::Frozen;

/// Step of the numeric derivatives, in coordinates.
const DIFFERENCE: f64 = 1e-3;
/// Steps shorter than this, in coordinates, end a descent: for a prior of 20 % they change a constant by 2e-5.
const LEAST_STEP: f64 = 1e-4;
/// Descents take ten steps or so.
const MOST_STEPS: usize = 40;
/// Descents between which the rows' open choices (recompute, interleaving) are made anew.
const MOST_ROUNDS: usize = 6;
/// Error of a row that cannot be predicted with the constants tried.
const FAILED: f64 = 3.0;
/// Damping: at first, and the most after which no step is looked for.
const FIRST_DAMPING: f64 = 1e-2;
const MOST_DAMPING: f64 = 1e6;

/// A row that takes part in a fit, with its weight.
#[derive(Clone)]
pub struct Weighted<'t> {
    pub frozen: Frozen<'t>,
    pub weight: f64,
}

/// A fit.
#[derive(Clone, Debug)]
pub struct Fit {
    pub calibration: Calibration,
    /// Coordinates of the constants that were free.
    pub coordinates: Vec<f64>,
    /// Posterior sd over prior sd, constant by constant.
    pub narrowing: Vec<f64>,
    /// Rows that took part.
    pub rows: usize,
    /// Steps taken.
    pub steps: usize,
}

/// What a fit works on.
pub struct Problem<'a, 't> {
    pub loss: Loss,
    /// The constants that are free.
    pub constants: &'a [&'a Constant],
    /// All other constants.
    pub base: Calibration,
    pub rows: Vec<Weighted<'t>>,
}

impl Problem<'_, '_> {
    /// Minimises from a start.
    pub fn solve(mut self, start: &[f64]) -> Fit {
        let mut x = start.to_vec();
        let mut steps = 0;
        for round in 0..MOST_ROUNDS {
            let changed = self.choose_again(&x);
            if round > 0 && changed == 0 {
                break;
            }
            steps += self.descend(&mut x);
        }
        let narrowing = self.narrowing(&x);
        Fit { calibration: self.calibration(&x), coordinates: x, narrowing, rows: self.rows.len(), steps }
    }

    /// The constants at a point.
    fn calibration(&self, x: &[f64]) -> Calibration {
        let mut calibration = self.base;
        for (constant, coordinate) in self.constants.iter().zip(x) {
            calibration.set(constant.key, constant.value(*coordinate));
        }
        calibration
    }

    /// Makes the open choices of all rows anew; how many plans changed.
    fn choose_again(&mut self, x: &[f64]) -> usize {
        let calibration = self.calibration(x);
        self.rows.par_iter_mut().map(|row| usize::from(row.frozen.choose_again(&calibration))).sum()
    }

    /// Errors of all rows at each of some points, row by row.
    fn errors_at(&mut self, points: &[Calibration]) -> Vec<Vec<f64>> {
        let at = |row: &mut Weighted<'_>| -> Vec<f64> {
            let error = |calibration: &Calibration| {
                let error = row.frozen.error(calibration);
                if error.is_finite() { error } else { FAILED }
            };
            points.iter().map(error).collect()
        };
        self.rows.par_iter_mut().map(at).collect()
    }

    /// The sum that is minimised.
    fn cost(&mut self, x: &[f64]) -> f64 {
        let errors = self.errors_at(&[self.calibration(x)]);
        let noise = self.loss.noise;
        let cost = |(row, errors): (&Weighted<'_>, &Vec<f64>)| -> f64 {
            errors.iter().map(|error| row.weight * ((1.0 + (error / noise).powi(2)).sqrt() - 1.0)).sum()
        };
        self.rows.iter().zip(&errors).map(cost).sum::<f64>() + 0.5 * x.iter().map(|x| x * x).sum::<f64>()
    }

    /// Error and derivatives of each row at a point.
    fn derivatives(&mut self, x: &[f64]) -> Vec<(f64, Vec<f64>)> {
        let mut points = vec![self.calibration(x)];
        for at in 0..x.len() {
            let mut moved = x.to_vec();
            moved[at] += DIFFERENCE;
            points.push(self.calibration(&moved));
        }
        let slopes = |errors: Vec<f64>| {
            let here = errors.first().copied().unwrap_or(FAILED);
            (here, errors.iter().skip(1).map(|error| (error - here) / DIFFERENCE).collect())
        };
        self.errors_at(&points).into_iter().map(slopes).collect()
    }

    /// Gradient and curvature of the sum. The loss curves by (1 + z^2)^-power: 1/2 bounds it from above everywhere, so that
    /// steps go down; 3/2 is the curvature itself.
    fn curvature(&mut self, x: &[f64], power: f64) -> (Vec<f64>, Symmetric) {
        let derivatives = self.derivatives(x);
        let noise = self.loss.noise;
        let mut gradient = x.to_vec();
        let mut curvature = Symmetric::identity(x.len());
        for (row, (error, slopes)) in self.rows.iter().zip(&derivatives) {
            let flatness = 1.0 + (error / noise).powi(2);
            let scale = row.weight / (noise * noise);
            for (gradient, slope) in gradient.iter_mut().zip(slopes) {
                *gradient += scale * flatness.powf(-0.5) * error * slope;
            }
            curvature.add_outer(scale * flatness.powf(-power), slopes);
        }
        (gradient, curvature)
    }

    /// Goes down until steps are short; how many it took.
    fn descend(&mut self, x: &mut Vec<f64>) -> usize {
        let mut cost = self.cost(x);
        let mut damping = FIRST_DAMPING;
        for step in 0..MOST_STEPS {
            let (gradient, curvature) = self.curvature(x, 0.5);
            let longest = loop {
                let Some(factor) = curvature.damped(damping).factor() else { return step };
                let change = factor.solve(&gradient);
                let moved: Vec<f64> = x.iter().zip(&change).map(|(x, change)| x - change).collect();
                let found = self.cost(&moved);
                if found < cost {
                    (cost, *x) = (found, moved);
                    damping *= 0.2;
                    break change.iter().fold(0.0, |most: f64, change| most.max(change.abs()));
                }
                damping *= 5.0;
                if damping > MOST_DAMPING {
                    return step;
                }
            };
            if longest < LEAST_STEP {
                return step + 1;
            }
        }
        MOST_STEPS
    }

    /// Posterior sd of each constant over its prior sd.
    fn narrowing(&mut self, x: &[f64]) -> Vec<f64> {
        let (_, curvature) = self.curvature(x, 1.5);
        match curvature.factor() {
            Some(factor) => factor.inverse_diagonal().into_iter().map(f64::sqrt).collect(),
            None => vec![f64::NAN; x.len()],
        }
    }
}

impl Fit {
    /// No fit at all: the constants as they are.
    pub fn none(calibration: Calibration) -> Fit {
        Fit { calibration, coordinates: Vec::new(), narrowing: Vec::new(), rows: 0, steps: 0 }
    }
}

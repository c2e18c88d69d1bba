//! Symmetric positive definite systems of a few dozen unknowns.

/// A symmetric matrix, row by row.
#[derive(Clone, Debug)]
pub struct Symmetric {
    size: usize,
    values: Vec<f64>,
}

impl Symmetric {
    /// The identity.
    pub fn identity(size: usize) -> Symmetric {
        let mut matrix = Symmetric { size, values: vec![0.0; size * size] };
        for at in 0..size {
            matrix.values[at * size + at] = 1.0;
        }
        matrix
    }

    /// Adds weight x v v^T.
    pub fn add_outer(&mut self, weight: f64, v: &[f64]) {
        for (row, left) in self.values.chunks_exact_mut(self.size.max(1)).zip(v) {
            let scaled = weight * left;
            if scaled != 0.0 {
                for (value, right) in row.iter_mut().zip(v) {
                    *value += scaled * right;
                }
            }
        }
    }

    /// The matrix with its diagonal times 1 + damping.
    pub fn damped(&self, damping: f64) -> Symmetric {
        let mut matrix = self.clone();
        for at in 0..self.size {
            matrix.values[at * self.size + at] *= 1.0 + damping;
        }
        matrix
    }

    /// The Cholesky factor; none where the matrix is not positive definite.
    pub fn factor(&self) -> Option<Factor> {
        let n = self.size;
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
                let rest = self.values[i * n + j] - dot;
                lower[i * n + j] = if i == j {
                    if rest.is_nan() || rest <= 0.0 {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / lower[j * n + j]
                };
            }
        }
        Some(Factor { size: n, lower })
    }
}

/// A lower triangle L with L L^T the matrix.
#[derive(Clone, Debug)]
pub struct Factor {
    size: usize,
    lower: Vec<f64>,
}

impl Factor {
    /// Solves matrix x = right.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let n = self.size;
        let mut x = right.to_vec();
        for i in 0..n {
            let dot: f64 = (0..i).map(|k| self.lower[i * n + k] * x[k]).sum();
            x[i] = (x[i] - dot) / self.lower[i * n + i];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| self.lower[k * n + i] * x[k]).sum();
            x[i] = (x[i] - dot) / self.lower[i * n + i];
        }
        x
    }

    /// Diagonal of the inverse.
    pub fn inverse_diagonal(&self) -> Vec<f64> {
        let unit = |at: usize| (0..self.size).map(|k| if k == at { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
        (0..self.size).map(|at| self.solve(&unit(at)).get(at).copied().unwrap_or(f64::NAN)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved_and_its_inverse_has_the_right_diagonal() {
        let mut matrix = Symmetric::identity(2);
        matrix.add_outer(1.0, &[1.0, 2.0]);
        // [[2, 2], [2, 5]], whose inverse is [[5, -2], [-2, 2]] / 6.
        let Some(factor) = matrix.factor() else { unreachable!("positive definite") };
        let x = factor.solve(&[4.0, 7.0]);
        assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 1.0).abs() < 1e-12, "{x:?}");
        let diagonal = factor.inverse_diagonal();
        assert!((diagonal[0] - 5.0 / 6.0).abs() < 1e-12 && (diagonal[1] - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn no_unknowns_are_a_system_too() {
        let mut matrix = Symmetric::identity(0);
        matrix.add_outer(1.0, &[]);
        assert!(matrix.factor().is_some_and(|factor| factor.solve(&[]).is_empty()));
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        let mut matrix = Symmetric::identity(2);
        matrix.add_outer(-2.0, &[1.0, 0.0]);
        assert!(matrix.factor().is_none());
    }
}

//! Many rows as a cloud: where they are too many to draw, one for each small bin of the picture.

use std::collections::HashSet;

use super::axis::Axis;

/// Rows that are drawn one by one.
const MOST: usize = 8000;
/// Bins across and up.
const BINS: (f64, f64) = (240.0, 160.0);

/// Points that stand for all of them, by index: the first of each bin, so that the same rows give the same picture.
pub fn thinned(points: &[(f64, f64)], x: &Axis, y: &Axis) -> Vec<usize> {
    if points.len() <= MOST {
        return (0..points.len()).collect();
    }
    let bin = |place: f64, bins: f64| (place.clamp(0.0, 1.0) * bins) as u32;
    let mut taken = HashSet::new();
    let first = |&at: &usize| {
        let (px, py) = points[at];
        taken.insert((bin(x.place(px), BINS.0), bin(y.place(py), BINS.1)))
    };
    (0..points.len()).filter(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::quantity::Quantity;

    #[test]
    fn a_million_rows_become_some_thousands_and_always_the_same() {
        let points: Vec<(f64, f64)> = (0..1_000_000_u64)
            .map(|n| ((n.wrapping_mul(7919) % 10_007) as f64, (n.wrapping_mul(104_729) % 9973) as f64))
            .collect();
        let axis = Axis::of(&Quantity::of("a", "", 1e4), (0.0, 10_007.0), false);
        let kept = thinned(&points, &axis, &axis);
        assert!((1000..=241 * 161).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept, thinned(&points, &axis, &axis));
        assert_eq!(thinned(&points[..100], &axis, &axis).len(), 100);
    }
}

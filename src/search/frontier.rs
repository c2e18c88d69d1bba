//! What no other beats in everything: plans in time and energy, designs in up to four objectives.

use crate::model::Estimate;

/// Plans of one run that can be best at some price of time and energy.
///
/// Money, carbon and the energy at the meter grow with the wall time and with the energy of the equipment, and know nothing
/// else of a plan ([`crate::model::settle`]). A plan that another one beats in both is the best at no site and no price; one
/// that `depth` others beat is never among the `depth` best. In order of time.
#[derive(Clone, Debug)]
pub struct Frontier {
    depth: usize,
    plans: Vec<Estimate>,
}

impl Frontier {
    /// An empty one that keeps the plans which fewer than `depth` others beat.
    pub fn new(depth: usize) -> Frontier {
        Frontier { depth: depth.max(1), plans: Vec::new() }
    }

    /// The plans, the fastest first.
    pub fn plans(&self) -> &[Estimate] {
        &self.plans
    }

    /// Takes a plan in, unless enough others are as good in both; of equals the first stays.
    pub fn offer(&mut self, estimate: &Estimate) {
        insert(&mut self.plans, estimate, self.depth);
    }

    /// Takes in what another search found after this one.
    pub fn join(&mut self, other: &Frontier) {
        for plan in other.plans() {
            self.offer(plan);
        }
    }
}

/// Time and equipment energy of a plan.
fn key(e: &Estimate) -> (f64, f64) {
    (e.wall.wall_s, e.power.it_j())
}

/// Enters a plan into a list in order of time in which fewer than `depth` others are as good as each.
fn insert(plans: &mut Vec<Estimate>, estimate: &Estimate, depth: usize) {
    let (time, energy) = key(estimate);
    let place = plans.partition_point(|p| key(p) <= (time, energy));
    let better = plans[..place].iter().rev().filter(|p| key(p).1 <= energy).take(depth).count();
    if better >= depth {
        return;
    }
    plans.insert(place, *estimate);
    if depth == 1 {
        // Those behind it that need as much energy are beaten now.
        let beaten = plans[place + 1..].iter().take_while(|p| key(p).1 >= energy).count();
        plans.drain(place + 1..place + 1 + beaten);
        return;
    }
    let keys: Vec<(f64, f64)> = plans.iter().map(key).collect();
    let mut at = 0;
    plans.retain(|p| {
        let better = keys[..at].iter().filter(|k| k.1 <= key(p).1).take(depth).count();
        at += 1;
        at <= place + 1 || better < depth
    });
}

/// Indices of the points that no other point is as good as in every objective, less being better: in lexicographic order, and
/// of equal points the first. O(n log n) in two objectives, O(n log^(D-2) n) beyond: Kung, Luccio and Preparata, "On Finding
/// the Maxima of a Set of Vectors", JACM 22 (1975).
pub fn pareto<const D: usize>(points: &[[f64; D]]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).filter(|i| points[*i].iter().all(|x| !x.is_nan())).collect();
    order.sort_by(|a, b| lexicographic(&points[*a], &points[*b]).then(a.cmp(b)));
    if D <= 2 {
        // A walk along the first objective: a point stays if it lowers the last one.
        let mut least = f64::INFINITY;
        let mut first = true;
        order.retain(|i| {
            let last = points[*i][D - 1];
            let stays = first || last < least;
            (first, least) = (false, least.min(last));
            stays
        });
        return order;
    }
    front(points, &order)
}

fn lexicographic<const D: usize>(a: &[f64; D], b: &[f64; D]) -> std::cmp::Ordering {
    a.iter().zip(b).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

/// Whether `a` is as good as `b` in every objective from `k` on.
fn covers<const D: usize>(a: &[f64; D], b: &[f64; D], k: usize) -> bool {
    a[k..].iter().zip(&b[k..]).all(|(x, y)| x <= y)
}

/// Below this many pairs, comparing each with each is faster than dividing.
const FEW_PAIRS: usize = 2048;

/// The frontier of points in lexicographic order: that of the first half, and what it leaves of that of the second.
fn front<const D: usize>(points: &[[f64; D]], order: &[usize]) -> Vec<usize> {
    if order.len() * order.len() <= FEW_PAIRS {
        let mut kept: Vec<usize> = Vec::with_capacity(order.len());
        for i in order {
            if !kept.iter().any(|k| covers(&points[*k], &points[*i], 0)) {
                kept.push(*i);
            }
        }
        return kept;
    }
    let (left, right) = order.split_at(order.len() / 2);
    let mut kept = front(points, left);
    let rest = front(points, right);
    // The left half is no worse in the first objective: the others decide.
    let rest = uncovered(points, &kept, rest, 1);
    kept.extend(rest);
    kept
}

/// Those of `rest`, in their order, that no point of `by` covers in the objectives from `k` on.
fn uncovered<const D: usize>(points: &[[f64; D]], by: &[usize], rest: Vec<usize>, k: usize) -> Vec<usize> {
    if by.is_empty() || rest.is_empty() {
        return rest;
    }
    if by.len() * rest.len() <= FEW_PAIRS {
        return rest.into_iter().filter(|i| !by.iter().any(|j| covers(&points[*j], &points[*i], k))).collect();
    }
    if k + 1 == D {
        let least = by.iter().map(|j| points[*j][k]).fold(f64::INFINITY, f64::min);
        return rest.into_iter().filter(|i| points[*i][k] < least).collect();
    }
    if k + 2 == D {
        let mut steps: Vec<(f64, f64)> = by.iter().map(|j| (points[*j][k], points[*j][k + 1])).collect();
        steps.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut least = f64::INFINITY;
        for step in &mut steps {
            least = least.min(step.1);
            step.1 = least;
        }
        return rest
            .into_iter()
            .filter(|i| {
                let before = steps.partition_point(|s| s.0 <= points[*i][k]);
                before == 0 || points[*i][k + 1] < steps[before - 1].1
            })
            .collect();
    }
    let mut values: Vec<f64> = by.iter().chain(&rest).map(|i| points[*i][k]).collect();
    values.sort_by(f64::total_cmp);
    let most = values[values.len() - 1];
    let mut middle = values[values.len() / 2];
    if middle >= most {
        let below = values.partition_point(|v| *v < most);
        if below == 0 {
            return uncovered(points, by, rest, k + 1);
        }
        middle = values[below - 1];
    }
    let low = |i: &usize| points[*i][k] <= middle;
    let (by_low, by_high): (Vec<usize>, Vec<usize>) = by.iter().copied().partition(low);
    let (rest_low, rest_high): (Vec<usize>, Vec<usize>) = rest.iter().copied().partition(low);
    let kept_low = uncovered(points, &by_low, rest_low, k);
    let kept_high = uncovered(points, &by_high, rest_high, k);
    let kept_high = uncovered(points, &by_low, kept_high, k + 1);
    // Back into the order of `rest`.
    let (mut low_at, mut high_at) = (kept_low.into_iter().peekable(), kept_high.into_iter().peekable());
    rest.into_iter().filter(|i| low_at.next_if_eq(i).is_some() || high_at.next_if_eq(i).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in [0, 1) (SplitMix64), a few of them equal.
    fn drawn<const D: usize>(n: usize, seed: u64, grid: f64) -> Vec<[f64; D]> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 * grid).floor() / grid
        };
        (0..n).map(|_| std::array::from_fn(|_| next())).collect()
    }

    fn by_comparing_each_with_each<const D: usize>(points: &[[f64; D]]) -> Vec<usize> {
        let beaten = |i: usize| {
            (0..points.len()).any(|j| covers(&points[j], &points[i], 0) && (points[j] != points[i] || j < i))
        };
        (0..points.len()).filter(|i| !beaten(*i)).collect()
    }

    fn agrees<const D: usize>() {
        for (n, seed) in (0..12).map(|s| (1 << s, s as u64)) {
            for grid in [4.0, 1e9] {
                let mut points = drawn::<D>(n, seed, grid);
                if grid > 4.0 {
                    // Near a plane, where most points are on the frontier.
                    for point in &mut points {
                        let sum: f64 = point.iter().sum();
                        point[D - 1] += D as f64 - sum;
                    }
                }
                let mut found = pareto(&points);
                found.sort_unstable();
                assert_eq!(found, by_comparing_each_with_each(&points), "{n} points, {D} objectives, grid {grid}");
            }
        }
    }

    #[test]
    fn the_frontier_is_what_comparing_each_with_each_finds() {
        agrees::<1>();
        agrees::<2>();
        agrees::<3>();
        agrees::<4>();
    }
}

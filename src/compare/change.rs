//! Values at which a comparison changes sign: brackets on a grid, refined where the plans change, then bisected.

use crate::library::diagnostic::Fault;

/// A comparison at one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Figure of the first side and of the second; infinite where nothing runs.
    pub first: f64,
    pub second: f64,
    /// Which plans they are: two values with the same ones have no further plan between them that matters.
    pub plans: (usize, usize),
}

impl Gap {
    /// Whether the second side wins; a tie goes to the first.
    pub fn second_wins(&self) -> bool {
        self.second < self.first
    }

    /// The loser's figure over the winner's.
    pub fn ratio(&self) -> f64 {
        self.first.max(self.second) / self.first.min(self.second)
    }

    /// Neither side runs: nobody wins.
    fn is_void(&self) -> bool {
        !self.first.is_finite() && !self.second.is_finite()
    }
}

/// How values are looked through and how far a bracket is narrowed.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Ascending.
    pub grid: Vec<f64>,
    /// Width of a bracket, relative to its ends, at which it counts as a point.
    pub relative: f64,
    /// Only whole numbers.
    pub whole: bool,
    /// How often an interval is halved between whose ends the plans change but not the winner.
    pub refinements: u32,
}

/// Two neighbouring values between which the winner changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    pub low: f64,
    pub high: f64,
}

impl Bracket {
    /// The value itself where the input is continuous.
    pub fn middle(&self) -> f64 {
        self.low + 0.5 * (self.high - self.low)
    }
}

/// What is compared: `None` where the value contradicts itself.
pub type Comparison<'a> = dyn FnMut(f64) -> Result<Option<Gap>, Fault> + 'a;

/// Everything that a scan found: values where the winner changes, and all that was looked at on the way.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub brackets: Vec<Bracket>,
    pub seen: Vec<(f64, Gap)>,
}

/// Every change of the winner along the grid.
pub fn changes(compare: &mut Comparison<'_>, scan: &Scan) -> Result<Changes, Fault> {
    let mut found = Changes::default();
    let mut before: Option<(f64, Gap)> = None;
    for x in &scan.grid {
        let gap = compare(*x)?.filter(|gap| !gap.is_void());
        let Some(gap) = gap else {
            before = None;
            continue;
        };
        if let Some(last) = before {
            between(compare, scan, last, (*x, gap), scan.refinements, &mut found)?;
        }
        found.seen.push((*x, gap));
        before = Some((*x, gap));
    }
    Ok(found)
}

fn between(
    compare: &mut Comparison<'_>,
    scan: &Scan,
    low: (f64, Gap),
    high: (f64, Gap),
    refinements: u32,
    found: &mut Changes,
) -> Result<(), Fault> {
    if low.1.second_wins() != high.1.second_wins() {
        found.brackets.push(bisect(compare, scan, low, high)?);
        return Ok(());
    }
    if refinements == 0 || low.1.plans == high.1.plans || (scan.whole && high.0 - low.0 <= 1.0) {
        return Ok(());
    }
    let x = middle(low.0, high.0, scan.whole);
    if let Some(gap) = compare(x)?.filter(|gap| !gap.is_void()) {
        between(compare, scan, low, (x, gap), refinements - 1, found)?;
        found.seen.push((x, gap));
        between(compare, scan, (x, gap), high, refinements - 1, found)?;
    }
    Ok(())
}

fn middle(low: f64, high: f64, whole: bool) -> f64 {
    let middle = low + 0.5 * (high - low);
    if whole { middle.floor() } else { middle }
}

fn bisect(
    compare: &mut Comparison<'_>,
    scan: &Scan,
    mut low: (f64, Gap),
    mut high: (f64, Gap),
) -> Result<Bracket, Fault> {
    let least = if scan.whole { 1.0 } else { 0.0 };
    while high.0 - low.0 > (scan.relative * low.0.abs().max(high.0.abs())).max(least) {
        let x = middle(low.0, high.0, scan.whole);
        if x <= low.0 || x >= high.0 {
            break;
        }
        // A value that contradicts itself counts as one where the winner is as above it.
        match compare(x)? {
            Some(gap) if gap.second_wins() == low.1.second_wins() && !gap.is_void() => low = (x, gap),
            Some(gap) => high = (x, gap),
            None => high.0 = x,
        }
    }
    Ok(Bracket { low: low.0, high: high.0 })
}

/// A grid over a range: even steps, and steps of a quarter octave to either side of today's value.
pub fn grid(low: f64, high: f64, today: f64, even: u32, octaves: i32) -> Vec<f64> {
    let mut grid = vec![low, high];
    grid.extend((1..even).map(|step| low + (high - low) * f64::from(step) / f64::from(even)));
    if today > 0.0 {
        grid.extend((-4 * octaves..=4 * octaves).map(|step| today * (0.25 * f64::from(step)).exp2()));
    }
    grid.retain(|x| (low..=high).contains(x));
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    grid
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Rounding of a bisected value.
    const BISECTED: f64 = 1e-12;

    #[test]
    fn every_change_of_sign_is_found_also_two_between_neighbours_where_the_plans_change() {
        // A wins near 3 only, by a plan of its own that the grid steps over.
        let mut compare = |x: f64| {
            let special = 4.0 + 30.0 * (x - 3.3).abs();
            let (first, plan) = if special < 5.0 { (special, 1) } else { (6.0 - x * 0.01, usize::from(x > 3.3) * 2) };
            Ok(Some(Gap { first, second: 5.0, plans: (plan, 0) }))
        };
        let scan = Scan { grid: vec![0.0, 2.0, 4.0, 8.0], relative: 1e-13, whole: false, refinements: 8 };
        let found = changes(&mut compare, &scan).unwrap();
        let at: Vec<f64> = found.brackets.iter().map(Bracket::middle).collect();
        assert_eq!(at.len(), 2, "{at:?}");
        assert!(
            (at[0] / (3.3 - 1.0 / 30.0) - 1.0).abs() < BISECTED && (at[1] / (3.3 + 1.0 / 30.0) - 1.0).abs() < BISECTED
        );
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let mut compare = |x: f64| Ok(Some(Gap { first: x, second: 7.5, plans: (0, 0) }));
        let scan = Scan { grid: vec![1.0, 100.0], relative: 0.0, whole: true, refinements: 0 };
        assert_eq!(changes(&mut compare, &scan).unwrap().brackets, [Bracket { low: 7.0, high: 8.0 }]);
    }
}

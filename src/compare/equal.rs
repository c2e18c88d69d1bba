//! Designs on equal terms: as many chips as have the first design's megawatts, cost or days.

use super::input::megawatts;
use super::size::Sizes;
use super::{Judged, Search, judge};
use crate::design::{MOST_CHIPS, chips_under};
use crate::library::diagnostic::Fault;
use crate::model::Estimate;
use crate::search::Objective;

/// What is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Megawatts at the peak.
    Megawatts,
    /// Dollars of the run: as many chips as cost no more.
    Cost,
    /// Days: as few chips as take no longer.
    Days,
}

/// How many times more or fewer chips are tried: an old chip does a hundredth of a new one.
const MOST_GROWTH: f64 = 1024.0;

/// The chips of a side on equal terms with the first; none where no size reaches them.
fn chips_on(side: &Judged, first: &Estimate, terms: Terms, search: &Search<'_>) -> Result<Option<f64>, Fault> {
    if side.design.exact {
        return Ok(None);
    }
    let (objective, target) = match terms {
        Terms::Megawatts => {
            // A hair more, so that rounding takes no node away.
            let chips = chips_under(&side.design.setting, first.power.peak_facility_w * (1.0 + 1e-9));
            return Ok((1.0..=MOST_CHIPS).contains(&chips).then_some(chips));
        }
        Terms::Cost => (Objective::Cost, first.cost.total()),
        Terms::Days => (Objective::Time, first.done_s()),
    };
    let mut sizes = Sizes::new(side, objective, search);
    let now = sizes.now();
    // Days are reached by more chips, costs by fewer.
    let grows = terms == Terms::Days;
    let holds = |figure: f64| figure <= target * (1.0 + 1e-12);
    let holds_now = holds(sizes.figure(now)?);
    let upwards = holds_now != grows;
    let (mut from, mut to) = (now, now);
    loop {
        to = if upwards { (to * 2.0).min(sizes.most()) } else { (to / 2.0).floor() };
        let beyond = to < 1.0 || to == from || to > MOST_GROWTH * now || to * MOST_GROWTH < now;
        if beyond {
            // Still held at the last size, or never.
            return Ok(holds_now.then_some(from * sizes.node));
        }
        if holds(sizes.figure(to)?) != holds_now {
            break;
        }
        from = to;
    }
    let (mut held, mut not) = if holds_now { (from, to) } else { (to, from) };
    while (held - not).abs() > 1.0 {
        let middle = (0.5 * (held + not)).floor();
        if holds(sizes.figure(middle)?) { held = middle } else { not = middle }
    }
    Ok(Some(held * sizes.node))
}

/// The sides on equal terms with the first one, each with its plans searched anew; none where no size reaches them.
pub fn on_equal_terms(sides: &[Judged], terms: Terms, search: &Search<'_>) -> Result<Vec<Option<Judged>>, Fault> {
    let Some(first) = sides.first().and_then(Judged::estimate) else { return Ok(vec![None; sides.len()]) };
    let mut equal = vec![sides.first().cloned()];
    for side in &sides[1..] {
        let Some(chips) = chips_on(side, first, terms, search)? else {
            equal.push(None);
            continue;
        };
        let mut design = side.design.clone();
        design.setting.site.cap_w = f64::INFINITY;
        design.chips = chips;
        equal.push(judge(vec![design], search)?.pop().filter(|judged| judged.estimate().is_some()));
    }
    Ok(equal)
}

/// What replaces a design at equal days.
#[derive(Clone, Debug, PartialEq)]
pub struct Compensation {
    pub name: String,
    pub against: String,
    /// Of this design on the days of the other, and over those of the other.
    pub chips: f64,
    pub megawatts: f64,
    pub megawatt_hours: f64,
    pub usd: f64,
    pub times: [f64; 4],
}

/// What each other side takes to replace the one at `base`; none where no number of chips is as fast.
pub fn compensation(
    sides: &[Judged],
    base: usize,
    search: &Search<'_>,
) -> Result<Vec<(String, Option<Compensation>)>, Fault> {
    let figures = |judged: &Judged| {
        let e = judged.estimate()?;
        let (design, chips) = (&judged.design, judged.design.chips);
        Some([chips, megawatts(design, chips), e.power.facility_j() / 3.6e9, e.cost.total()])
    };
    if sides.is_empty() {
        return Ok(Vec::new());
    }
    let mut sides = sides.to_vec();
    let last = base.min(sides.len().saturating_sub(1));
    sides[..=last].rotate_right(1);
    let equal = on_equal_terms(&sides, Terms::Days, search)?;
    let Some((name, base)) = sides.first().and_then(|first| Some((first.design.name.clone(), figures(first)?))) else {
        return Ok(Vec::new());
    };
    let rows = sides.iter().zip(&equal).skip(1).map(|(side, judged)| {
        let found = judged.as_ref().and_then(figures).map(|at| Compensation {
            name: side.design.name.clone(),
            against: name.clone(),
            chips: at[0],
            megawatts: at[1],
            megawatt_hours: at[2],
            usd: at[3],
            times: std::array::from_fn(|i| at[i] / base[i]),
        });
        (side.design.name.clone(), found)
    });
    Ok(rows.collect())
}

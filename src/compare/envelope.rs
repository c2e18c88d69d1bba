//! How many chips a side buys of those that its megawatts keep: as many as make it fastest, for further ones would only fail
//! more often. What is not bought is not built, costs nothing and draws nothing. So more megawatts never make a side slower,
//! and never dearer without making it faster.
//!
//! The search of a size covers the plans that use most of it (`assumptions.minimum_used`). The sizes of one fixed ladder, each
//! the least that the one above may use, cover every smaller number of chips between them, whatever the megawatts are.

use super::Search;
use crate::design::Design;
use crate::library::diagnostic::Fault;
use crate::model::Estimate;
use crate::model::goodput::pace;
use crate::model::plan::Reason;
use crate::search::{Found, Objective};

/// A smaller size is searched where it would be faster if its chips did as much each as the best seen, over this.
const HOPE: f64 = 0.7;

/// Chips of a node, the least that can be bought.
pub fn node(design: &Design) -> f64 {
    (design.setting.cluster.node_chips / design.setting.ranks_per_chip).max(1.0)
}

/// The chips that a plan uses, rounded up to whole nodes: all that a design which need not buy more does buy.
pub fn used(design: &Design, plan: &Estimate) -> f64 {
    let node = node(design);
    ((plan.chips_used / node).ceil() * node).min(plan.chips_used + plan.chips_spare)
}

/// The chips that a design buys of those that it may, and its plans on them.
pub fn bought(design: &Design, search: &Search<'_>) -> Result<(f64, Found), Fault> {
    let all = search(design, design.chips)?;
    if !design.may_buy_fewer() {
        return Ok((design.chips, all));
    }
    let chips = fastest(design, &all, None, search)?.map_or(design.chips, |best| used(design, &best));
    if chips == design.chips {
        return Ok((chips, all));
    }
    let found = search(design, chips)?;
    let wall_s = |found: &Found| found.by(Objective::Time).map_or(f64::INFINITY, |e| e.wall.wall_s);
    Ok(if wall_s(&found) <= wall_s(&all) { (chips, found) } else { (design.chips, all) })
}

/// The fastest plan on the chips of a design, of which all plans are known, or on fewer; `known` is a smaller size and the
/// fastest plan on it or on fewer.
pub fn fastest(
    design: &Design,
    all: &Found,
    known: Option<(f64, Estimate)>,
    search: &Search<'_>,
) -> Result<Option<Estimate>, Fault> {
    let faster = |best: Option<Estimate>, e: Option<Estimate>| match (best, e) {
        (Some(best), Some(e)) => Some(if e.wall.wall_s < best.wall.wall_s { e } else { best }),
        (best, e) => best.or(e),
    };
    let now = all.by(Objective::Time).copied();
    let mut best = faster(now, known.map(|(_, e)| e));
    // Smaller sizes keep what the best plan recomputes and shards; the size that is best is searched in full.
    let mut narrow = design.clone();
    if let Some(best) = best {
        narrow.fixed.recompute = Some(best.plan.recompute);
        narrow.fixed.shard = Some(best.plan.shard);
    } else if all.nearest.is_some_and(|rejection| rejection.reason == Reason::Memory) {
        // What does not fit fits even less on fewer chips.
        return Ok(None);
    }
    let slowness = |chips: f64| pace(&design.setting, chips * design.setting.ranks_per_chip).ratio / chips;
    // Useful seconds times chips.
    let work = |e: &Estimate| e.steps * e.step_s * e.chips_used;
    let mut least_work = now.iter().chain(&best).map(work).fold(f64::INFINITY, f64::min);
    let known_chips = known.map_or(0.0, |(chips, _)| chips);
    for chips in ladder(design).into_iter().take_while(|chips| *chips > known_chips) {
        let is_hopeless =
            |best: Estimate| HOPE * least_work * slowness(chips) >= work(&best) * slowness(best.chips_used);
        if best.is_some_and(is_hopeless) {
            continue;
        }
        let found = search(&narrow, chips)?.by(Objective::Time).copied();
        least_work = found.iter().map(work).fold(least_work, f64::min);
        best = faster(best, found);
    }
    Ok(best)
}

/// The sizes of the ladder below a design's, the largest first.
fn ladder(design: &Design) -> Vec<f64> {
    let (node, share) = (node(design), design.setting.assumptions.minimum_used);
    let next = |nodes: &f64| Some((nodes / share).floor().max(nodes + 1.0));
    let nodes = std::iter::successors(Some(1.0), next).map(|nodes| nodes * node);
    let mut sizes: Vec<f64> = nodes.take_while(|chips| *chips < design.chips).collect();
    sizes.reverse();
    sizes
}

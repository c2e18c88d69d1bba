//! Shadow prices: what a further megawatt, chip or dollar is worth in days, dollars and tonnes at a side's optimum.

use super::envelope::{node, used};
use super::input::megawatts;
use super::{Judged, Search};
use crate::design::MOST_CHIPS;
use crate::library::diagnostic::Fault;
use crate::model::estimate;
use crate::search::Objective;

/// Steps of the chips that are tried, as shares: whole nodes and whole replicas make the smallest one a plateau at times.
const STEPS: [f64; 3] = [0.01, 0.05, 0.2];

const DAY_S: f64 = 86_400.0;

/// What some more chips change of the fastest run, searched anew with them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shadow {
    /// The step: chips, and the megawatts that keep them.
    pub chips: f64,
    pub megawatts: f64,
    /// Its effect; less time is negative.
    pub days: f64,
    pub usd: f64,
    pub tonnes: f64,
}

impl Shadow {
    /// Days of a further dollar; none where more chips do not cost more.
    pub fn days_per_usd(&self) -> Option<f64> {
        (self.usd > 0.0).then(|| self.days / self.usd)
    }
}

/// The shadow prices of a side; none where no plan runs or a plan fixes the chips.
pub fn shadow(side: &Judged, search: &Search<'_>) -> Result<Option<Shadow>, Fault> {
    let Some(e) = side.estimate().filter(|_| !side.design.exact) else { return Ok(None) };
    let mut design = side.design.clone();
    design.setting.site.cap_w = f64::INFINITY;
    let (node, allowed) = (node(&design), side.allowed);
    let mut none = None;
    for share in STEPS {
        let chips = (share * allowed / node).round().max(1.0) * node;
        if allowed + chips > MOST_CHIPS {
            break;
        }
        let found = search(&design, allowed + chips)?;
        let Some(more) = found.by(Objective::Time) else { continue };
        let more = match design.may_buy_fewer() {
            true => estimate(&design.setting, &more.plan, used(&design, more)).unwrap_or(*more),
            false => *more,
        };
        let shadow = Shadow {
            chips,
            megawatts: megawatts(&design, allowed + chips) - megawatts(&design, allowed),
            days: (more.done_s() - e.done_s()) / DAY_S,
            usd: more.cost.total() - e.cost.total(),
            tonnes: (more.carbon.total() - e.carbon.total()) * 1e-3,
        };
        if shadow.days < 0.0 {
            return Ok(Some(shadow));
        }
        // More chips may stay idle: no day is lost by them, and none is won.
        none = Some(Shadow { days: 0.0, usd: 0.0, tonnes: 0.0, ..shadow });
    }
    Ok(none)
}

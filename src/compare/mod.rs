//! Two or more designs side by side: who wins on what, what binds each, and where the winner changes.
//!
//! A side is judged on each objective by its own best plan for it; the plan that is shown is the fastest. A crossover is
//! solved on that optimum, not on a plan that was best before the input moved: see [`crossover`].

pub mod change;
pub mod crossover;
mod curve;
pub mod envelope;
pub mod equal;
pub mod input;
pub mod shadow;
pub mod size;

use crate::design::{Ask, Design, MOST_CHIPS};
use crate::library::diagnostic::Fault;
use crate::model::{Estimate, settle};
use crate::search::{Found, Objective};
pub use curve::{paced, plans};

/// Searches the plans of a design with a number of chips.
pub type Search<'a> = dyn Fn(&Design, f64) -> Result<Found, Fault> + 'a;

/// A design with its best plans, or what the search found instead.
#[derive(Clone, Debug)]
pub struct Judged {
    /// With the chips that it buys.
    pub design: Design,
    /// Chips that its megawatts keep: see [`envelope`]. Those bought where they were typed.
    pub allowed: f64,
    pub found: Found,
    pub binds: Vec<String>,
}

impl Judged {
    /// A design with its best plans, on as many of its chips as make it fastest where it need not buy them all.
    pub fn new(design: Design, search: &Search<'_>) -> Result<Judged, Fault> {
        let allowed = design.chips;
        let (chips, found) = envelope::bought(&design, search)?;
        Ok(Judged { design: Design { chips, ..design }, allowed, found, binds: Vec::new() })
    }

    /// A design that another price of electricity sets apart from this one, and nothing else: the same plans, priced anew.
    pub fn repriced(&self, design: &Design) -> Option<Judged> {
        let apart = |design: &Design| Ask { name: String::new(), usd_per_kwh: None, ..design.ask.clone() };
        let can = self.estimate().is_some()
            && design.setting.site.usd_per_j() >= 0.0
            && design.batches == self.design.batches;
        if !can || apart(design) != apart(&self.design) {
            return None;
        }
        let mut found = Found::nothing();
        plans(&self.found).iter().for_each(|plan| found.offer(settle(&design.setting, plan)));
        Some(Judged { design: Design { chips: self.design.chips, ..design.clone() }, found, ..self.clone() })
    }

    /// The fastest plan's estimate.
    pub fn estimate(&self) -> Option<&Estimate> {
        self.found.by(Objective::Time)
    }

    /// The figure of the best plan for an objective.
    pub fn figure(&self, objective: Objective) -> Option<f64> {
        self.found.by(objective).map(|e| objective.of(e))
    }

    /// Objectives for which another plan is better than the fastest, with its estimate.
    pub fn better_plans(&self) -> impl Iterator<Item = (Objective, &Estimate)> {
        Objective::ALL.into_iter().filter_map(|objective| {
            let (fastest, best) = (self.estimate()?, self.found.by(objective)?);
            (objective.of(best) < objective.of(fastest)).then_some((objective, best))
        })
    }
}

/// Searches every design and says what binds it.
pub fn judge(designs: Vec<Design>, search: &Search<'_>) -> Result<Vec<Judged>, Fault> {
    designs
        .into_iter()
        .map(|design| {
            let mut judged = Judged::new(design, search)?;
            judged.binds = binds(&judged, search)?;
            Ok(judged)
        })
        .collect()
}

/// The side that is best on an objective, each with its own best plan for it.
pub fn winner(sides: &[Judged], objective: Objective) -> Option<usize> {
    (0..sides.len())
        .filter_map(|at| sides[at].figure(objective).map(|figure| (at, figure)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(at, _)| at)
}

/// What keeps a side from being faster: found by giving it a quarter more chips, and by its own step.
fn binds(side: &Judged, search: &Search<'_>) -> Result<Vec<String>, Fault> {
    let mut binds = Vec::new();
    let Some(e) = side.estimate() else {
        return Ok(vec!["nothing feasible".to_owned()]);
    };
    let design = &side.design;
    let derived = design.inputs.iter().any(|i| i.key == "chips" && i.source.contains("megawatts"));
    let mut more = design.clone();
    more.setting.site.cap_w = f64::INFINITY;
    let larger = search(&more, (1.25 * side.allowed).min(MOST_CHIPS))?;
    // More chips allowed is never worse: the spare ones may stay idle.
    let gain = larger.by(Objective::Time).map_or(0.0, |l| 1.0 - l.wall.wall_s / e.wall.wall_s).max(0.0);
    if derived {
        let megawatts = design.setting.site.cap_w * 1e-6;
        binds.push(if gain > 0.05 {
            format!("{megawatts:.0} MW (a quarter more would save {:.0} % of the days)", 100.0 * gain)
        } else {
            format!("not the {megawatts:.0} MW (a quarter more would save {:.0} % of the days)", 100.0 * gain)
        });
    }
    let largest = design.batches.iter().map(|b| b.most).max().unwrap_or(0);
    if gain <= 0.05 && e.plan.global_batch() as f64 > 0.8 * f64::from(largest) {
        binds.push("the critical batch".to_owned());
    }
    let powered = e.wall.goodput * (e.wall.wall_s / e.wall.powered_s);
    if powered < 0.8 {
        let minutes = e.wall.mtbf_s / 60.0;
        let stops = design.setting.site.stops_per_day;
        let stops = if stops > 0.0 { format!("and {stops} stops a day, ") } else { String::new() };
        binds
            .push(format!("failures (one every {minutes:.0} min, {stops}{:.0} % of the time useful)", 100.0 * powered));
    }
    if design.setting.site.availability < 1.0 {
        binds.push(format!("power ({:.0} % of the hours)", 100.0 * design.setting.site.availability));
    }
    if e.memory.peak() > 0.9 * e.memory.usable {
        binds.push("memory".to_owned());
    }
    let lost: Vec<(&str, f64)> = e
        .step
        .causes()
        .into_iter()
        .filter(|(cause, s)| !matches!(*cause, "gemm" | "attention" | "vector" | "head") && *s > 0.1 * e.step_s)
        .collect();
    for (cause, seconds) in lost {
        binds.push(format!("{cause} ({:.0} % of a step)", 100.0 * seconds / e.step_s));
    }
    if binds.is_empty() {
        binds.push("compute".to_owned());
    }
    Ok(binds)
}

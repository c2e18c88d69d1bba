//! Two or more designs side by side: who wins on what, what binds each, and where the winner changes.
//!
//! Every side runs its fastest plan. A crossover is solved, not read off a grid: in closed form where the judged figure is
//! linear in the input (prices, chip cost, model FLOP utilisation), by bisection over whole nodes with the plan searched
//! anew at each size where it is not (chips, megawatts).

use crate::design::{Design, MOST_CHIPS};
use crate::library::diagnostic::Fault;
use crate::library::site::J_PER_KWH;
use crate::model::Estimate;
use crate::model::cost::{all_in_usd, billed_j};
use crate::model::goodput::{stretch, wall};
use crate::model::power::{peak_pue, peak_rank_w};
use crate::report::rates;
use crate::search::{Found, Objective};

/// How many times the chips of a slower side are multiplied in search of a size that catches up.
const MOST_GROWTH: f64 = 8.0;

/// Searches the plans of a design with a number of chips.
pub type Search<'a> = dyn Fn(&Design, f64) -> Result<Found, Fault> + 'a;

/// A design with its fastest plan, or what the search found instead.
#[derive(Clone, Debug)]
pub struct Judged {
    pub design: Design,
    pub found: Found,
    pub binds: Vec<String>,
}

impl Judged {
    /// The fastest plan's estimate.
    pub fn estimate(&self) -> Option<&Estimate> {
        self.found.by(Objective::Time)
    }
}

/// Value of an input of one side at which the winner changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossover {
    pub objective: Objective,
    /// Side whose input moves, and the other.
    pub side: String,
    pub other: String,
    pub input: &'static str,
    pub unit: &'static str,
    /// The input today.
    pub today: f64,
    /// Where the winner changes; `None`: nowhere.
    pub value: Option<f64>,
    /// Why there is none, or what the value means.
    pub note: String,
}

/// Searches every design and says what binds it.
pub fn judge(designs: Vec<Design>, search: &Search<'_>) -> Result<Vec<Judged>, Fault> {
    designs
        .into_iter()
        .map(|design| {
            let found = search(&design, design.chips)?;
            let mut judged = Judged { design, found, binds: Vec::new() };
            judged.binds = binds(&judged, search)?;
            Ok(judged)
        })
        .collect()
}

/// The side that is best on an objective.
pub fn winner(sides: &[Judged], objective: Objective) -> Option<usize> {
    (0..sides.len())
        .filter_map(|at| sides[at].estimate().map(|e| (at, objective.of(e))))
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
    let larger = search(&more, (1.25 * design.chips).min(MOST_CHIPS))?;
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

/// Every crossover between two sides.
pub fn crossovers(a: &Judged, b: &Judged, search: &Search<'_>) -> Result<Vec<Crossover>, Fault> {
    let (Some(ea), Some(eb)) = (a.estimate(), b.estimate()) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (side, e, other, eo) in [(a, ea, b, eb), (b, eb, a, ea)] {
        found.extend(sizes(side, e, other, eo, search)?);
        found.push(utilisation(side, e, other, eo));
        found.push(restart(side, e, other, eo));
    }
    for (side, e, other, eo) in [(a, ea, b, eb), (b, eb, a, ea)] {
        if !side.design.setting.rental {
            found.push(price(side, e, other, eo));
            found.push(chip_cost(side, e, other, eo));
        }
    }
    for (side, e, other, eo) in [(a, ea, b, eb), (b, eb, a, ea)] {
        found.push(intensity(side, e, other, eo));
    }
    Ok(found)
}

fn crossover(
    objective: Objective,
    side: &Judged,
    other: &Judged,
    input: &'static str,
    unit: &'static str,
    today: f64,
) -> Crossover {
    Crossover {
        objective,
        side: side.design.name.clone(),
        other: other.design.name.clone(),
        input,
        unit,
        today,
        value: None,
        note: String::new(),
    }
}

/// Where a figure that is linear in an input, `today` at `x` with slope `slope`, meets a target; below 0 is never.
fn linear(mut c: Crossover, figure: f64, slope: f64, target: f64) -> Crossover {
    let value = c.today + (target - figure) / slope;
    if !value.is_finite() {
        c.note = "the input does not matter".to_owned();
    } else if value < 0.0 {
        c.note = format!("even at 0 it is {:.2} x {}", (figure - c.today * slope) / target, c.other);
    } else {
        c.value = Some(value);
    }
    c
}

/// Electricity price of a side at which the two cost the same.
fn price(side: &Judged, e: &Estimate, other: &Judged, eo: &Estimate) -> Crossover {
    let site = &side.design.setting.site;
    let c = crossover(Objective::Cost, side, other, "usd_per_kwh", "USD/kWh", site.usd_per_j() * J_PER_KWH);
    let billed = billed_j(site, e.power.peak_it_w, e.wall.wall_s, e.power.facility_j());
    linear(c, e.cost.total(), billed / J_PER_KWH, eo.cost.total())
}

/// All-in price of a side's chips at which the two cost the same.
fn chip_cost(side: &Judged, e: &Estimate, other: &Judged, eo: &Estimate) -> Crossover {
    let setting = &side.design.setting;
    let today = all_in_usd(setting) * setting.ranks_per_chip;
    let c = crossover(Objective::Cost, side, other, "all_in_usd", "USD/chip", today);
    // Capital and its maintenance scale with the chip's price; the building's operation does not.
    let chips = e.chips_used + e.chips_spare;
    let share = e.wall.wall_s / crate::model::cost::YEAR_S / setting.assumptions.utilisation;
    let slope = e.cost.chips / today + chips * setting.assumptions.it_operation_share * share;
    linear(c, e.cost.total(), slope, eo.cost.total())
}

/// Carbon intensity of a side's electricity at which the two emit the same.
fn intensity(side: &Judged, e: &Estimate, other: &Judged, eo: &Estimate) -> Crossover {
    let today = side.design.setting.site.kg_per_j() * J_PER_KWH * 1e3;
    let c = crossover(Objective::Carbon, side, other, "g_per_kwh", "gCO2e/kWh", today);
    linear(c, e.carbon.total(), e.power.facility_j() / J_PER_KWH * 1e-3, eo.carbon.total())
}

/// Wall time with which a side is done when the other is.
fn wall_to_match(e: &Estimate, eo: &Estimate) -> f64 {
    eo.done_s() - e.start_delay_s
}

/// MFU of a side at which both take the same time: steps stretch, start-up does not.
fn utilisation(side: &Judged, e: &Estimate, other: &Judged, eo: &Estimate) -> Crossover {
    let mfu = rates(&side.design, e).mfu;
    let mut c = crossover(Objective::Time, side, other, "mfu", "fraction", mfu);
    let setting = &side.design.setting;
    let startup = setting.assumptions.startup_s * stretch(setting);
    let longer = (wall_to_match(e, eo) - startup) / (e.wall.wall_s - startup);
    let value = mfu / longer;
    if longer > 0.0 && value <= 1.0 {
        c.value = Some(value);
    } else {
        c.note = format!("it would take an MFU of {:.2}", value);
    }
    c
}

/// Time of detection and restart of a side at which both take the same time: decides large clusters, and is assumed.
fn restart(side: &Judged, e: &Estimate, other: &Judged, eo: &Estimate) -> Crossover {
    let mut setting = side.design.setting.clone();
    let today = setting.assumptions.restart_s;
    let mut c = crossover(Objective::Time, side, other, "restart_s", "s", today);
    let (ranks, useful) = (e.plan.ranks() as f64, e.steps * e.step_s);
    let target = wall_to_match(e, eo);
    let mut days = |restart: f64| {
        setting.assumptions.restart_s = restart;
        wall(&setting, ranks, useful).wall_s
    };
    let at_once = days(0.0);
    if at_once > target {
        c.note = format!("even if restarts took no time it needs {:.2} x the days of {}", at_once / target, c.other);
        return c;
    }
    let (mut low, mut high) = (0.0, today.max(1.0));
    while days(high) < target {
        (low, high) = (high, 2.0 * high);
        if high > 1e7 {
            c.note = "restarts do not matter".to_owned();
            return c;
        }
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if days(middle) < target { low = middle } else { high = middle }
    }
    c.value = Some(0.5 * (low + high));
    c
}

/// Chips and megawatts of a side at which both take the same time, the plan searched anew at every size.
fn sizes(
    side: &Judged,
    e: &Estimate,
    other: &Judged,
    eo: &Estimate,
    search: &Search<'_>,
) -> Result<[Crossover; 2], Fault> {
    let setting = &side.design.setting;
    let node = (setting.cluster.node_chips / setting.ranks_per_chip).max(1.0);
    let facility_w = |chips: f64| {
        let ranks = chips * setting.ranks_per_chip;
        ranks * peak_rank_w(setting, ranks) * peak_pue(&setting.site)
    };
    let mut chips = crossover(Objective::Time, side, other, "chips", "chips", side.design.chips);
    let mut power = crossover(Objective::Time, side, other, "cap_mw", "MW", facility_w(side.design.chips) * 1e-6);
    if side.design.exact {
        chips.note = "the plan fixes the chips".to_owned();
        power.note.clone_from(&chips.note);
        return Ok([chips, power]);
    }
    let target = wall_to_match(e, eo);
    let mut design = side.design.clone();
    design.setting.site.cap_w = f64::INFINITY;
    // More chips allowed is never worse: the envelope of what was found at smaller sizes.
    let mut seen: Vec<(f64, f64)> = vec![(side.design.chips, e.wall.wall_s)];
    let mut days = |nodes: f64| -> Result<f64, Fault> {
        let n = nodes * node;
        let wall = search(&design, n)?.by(Objective::Time).map_or(f64::INFINITY, |e| e.wall.wall_s);
        seen.push((n, wall));
        Ok(seen.iter().filter(|(size, _)| *size <= n).map(|(_, wall)| *wall).fold(f64::INFINITY, f64::min))
    };
    let now = (side.design.chips / node).floor().max(1.0);
    let most = (MOST_CHIPS / node).floor();
    // Bracket: `slow` nodes miss the target, `fast` nodes reach it.
    let (mut slow, mut fast);
    if e.wall.wall_s > target {
        (slow, fast) = (now, now);
        loop {
            fast = (fast * 2.0).min(most);
            let wall = days(fast)?;
            if wall <= target {
                break;
            }
            slow = fast;
            if fast >= most || fast >= MOST_GROWTH * now {
                chips.note = format!("{MOST_GROWTH} x as many still take {:.1} days", wall / 86_400.0);
                power.note.clone_from(&chips.note);
                return Ok([chips, power]);
            }
        }
    } else {
        (slow, fast) = (now, now);
        loop {
            slow = (slow / 1.5).floor();
            if slow < 1.0 {
                slow = 0.0;
                break;
            }
            if days(slow)? > target {
                break;
            }
            fast = slow;
        }
    }
    while fast - slow > 1.0 {
        let middle = ((slow + fast) * 0.5).floor();
        if days(middle)? <= target { fast = middle } else { slow = middle }
    }
    chips.value = Some(fast * node);
    power.value = Some(facility_w(fast * node) * 1e-6);
    Ok([chips, power])
}

//! Under which conditions a claim would hold: the smallest set of changes, or what the baseline, the price or the grid
//! must have been.

use super::court::Court;
use super::ground::Ground;
use super::part::Part;
use super::setup::{Change, Setup, sparse_factor};
use super::statement::{Boundary, Claim, Convention, Metric, Sparsity, System};
use super::wording::digits;
use crate::library::diagnostic::Fault;
use crate::library::workload::Precision;
use crate::model::cost::all_in_usd;

/// MFU below which hardly any published run lies: the 1st percentile of 6 N tokens/s over the peak of the 354 runs in 16 bit
/// on V100, A100, H100, H800, B200 and GB200 in `evidence/published_runs.csv`. A baseline may have been as bad; to assume
/// a worse one would excuse any claim.
pub const LEAST_MFU: f64 = 0.10;
/// MFU that hardly any published run exceeds: the 99th percentile of the 287 that state one.
const MOST_MFU: f64 = 0.64;
/// A price may differ from the library's by as much.
const PRICE_FACTOR: f64 = 3.0;
/// The cleanest and the dirtiest grids, g/kWh.
const GRIDS: (f64, f64) = (5.0, 1000.0);
/// Most changes that are tried together.
const MOST_CHANGES: usize = 3;

/// Whether the claim itself, in quote or footnote, states the change.
pub fn is_stated(claim: &Claim, change: &Change) -> bool {
    let baseline = claim.baseline.as_ref();
    match change {
        Change::Precision(subject, other) => {
            let stated = (claim.subject.precision(), baseline.and_then(System::precision));
            stated == (*subject, *other) && stated.0.is_some()
        }
        Change::Sparsity(..) => claim.subject.sparsity != Sparsity::None,
        Change::Counts | Change::BaselineStack(_) | Change::Sites | Change::Domain(..) => true,
        _ => false,
    }
}

/// The kind of a change: two of one kind exclude each other.
fn kind(change: &Change) -> u8 {
    match change {
        Change::Precision(..) => 0,
        Change::Sparsity(..) => 1,
        Change::Counts => 2,
        Change::BaselineStack(_) => 3,
        Change::Sites => 4,
        Change::Scale(_) => 5,
        Change::Convention(_) => 6,
        Change::Boundary(_) => 7,
        Change::PowerCap(_) => 8,
        Change::Rental => 9,
        Change::Domain(..) => 10,
    }
}

/// Sets of changes, the smallest first; of one size those that the claim itself states first.
pub fn sets(further: &[Change], claim: &Claim) -> Vec<Vec<Change>> {
    let mut ordered: Vec<&Change> = further.iter().collect();
    ordered.sort_by_key(|change| !is_stated(claim, change));
    let mut all: Vec<Vec<Change>> = Vec::new();
    let mut last: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..MOST_CHANGES {
        let mut next = Vec::new();
        for set in &last {
            let from = set.last().map_or(0, |last| last + 1);
            for at in from..ordered.len() {
                if set.iter().all(|&other| kind(ordered[other]) != kind(ordered[at])) {
                    next.push(set.iter().copied().chain([at]).collect::<Vec<usize>>());
                }
            }
        }
        all.extend(next.iter().map(|set| set.iter().map(|&at| ordered[at].clone()).collect()));
        last = next;
    }
    all
}

/// A change in words.
pub fn words(setup: &Setup, change: &Change) -> String {
    let word = |precision: &Option<Precision>| precision.map_or("its own precision", Precision::word);
    match change {
        Change::Precision(subject, None) if setup.baseline.is_none() => format!("the run is in {}", word(subject)),
        Change::Precision(Some(subject), Some(baseline)) if subject == baseline => {
            format!("both sides run in {}", subject.word())
        }
        Change::Precision(subject, baseline) => format!("{} against {}", word(subject), word(baseline)),
        Change::Sparsity(subject, _) => {
            let name = if *subject == Sparsity::TwoOfFour { "2:4" } else { "unstructured" };
            let (low, high) = sparse_factor(*subject);
            let factor = if low == high { digits(low) } else { format!("{} to {}", digits(low), digits(high)) };
            format!("{name} sparsity counted ({factor} x the dense rate)")
        }
        Change::Counts => match setup.counts {
            Some((subject, baseline)) => format!(
                "system against system: {} chips against {} ({} x as many)",
                digits(subject),
                digits(baseline),
                digits(subject / baseline)
            ),
            None => "system against system".to_owned(),
        },
        Change::BaselineStack(stack) => format!("the baseline runs {stack}"),
        Change::Sites => "each side at its own place".to_owned(),
        Change::Scale(chips) => format!("at {} chips", digits(*chips)),
        Change::Convention(Convention::Hardware) => "recomputed passes are counted (hardware FLOP)".to_owned(),
        Change::Convention(Convention::FullAttention) => "causal attention is counted in full".to_owned(),
        Change::Convention(_) => "model FLOP are counted".to_owned(),
        Change::Boundary(Boundary::Chip) => "the chips alone are counted, no host and no building".to_owned(),
        Change::Boundary(_) => "the servers alone are counted, no building".to_owned(),
        Change::PowerCap(share) => {
            format!("the subject's chips are capped at {} % of their TDP, and run slower", digits(100.0 * share))
        }
        Change::Domain(subject, baseline) => {
            let joined = |chips: &Option<f64>| chips.map_or_else(|| "the usual number of".to_owned(), digits);
            match baseline {
                Some(_) => format!("a scale-up network of {} chips against {}", joined(subject), joined(baseline)),
                None => format!("the subject's scale-up network joins {} chips", joined(subject)),
            }
        }
        Change::Rental => "each chip-hour costs what the library lists for rental".to_owned(),
    }
}

/// What would have to be true of the baseline, the price or the grid.
pub struct Found {
    pub conditions: Vec<String>,
    pub why: String,
}

/// How far beyond the bound a worse baseline carries, and the conditions that bring the claim into the band.
pub struct Rescue {
    pub slack: f64,
    pub found: Option<Found>,
}

/// Solves for what the claim leaves open without saying so: how badly its baseline ran, at what price, on what grid.
pub fn rescue(court: &Court<'_>, claim: &Claim, asked: f64, inverse: bool, ground: &Ground) -> Result<Rescue, Fault> {
    let none = Rescue { slack: 1.0, found: None };
    if claim.activity.runs_nothing() || claim.metric == Metric::ScalingEfficiency {
        return Ok(none);
    }
    if ground.choice.baseline.is_none() {
        return absolute(court, claim, asked, inverse, ground).map(|found| Rescue { slack: 1.0, found });
    }
    // The claim's own mismatches are facts; what is left must come from what it does not state.
    let stated: Vec<&Change> = ground.admissible.further.iter().filter(|change| is_stated(claim, change)).collect();
    let setup = stated.iter().fold(ground.setup.clone(), |setup, change| setup.with(claim, change));
    let Some(prediction) = court.open(claim, ground, &setup)? else { return Ok(none) };
    let Some((mfu, slow)) = prediction.baseline else { return Ok(none) };
    let precisions = (claim.subject.precision(), claim.baseline.as_ref().and_then(System::precision));
    // A change of precision on one chip is made on one software.
    let one_software = claim.is_of_one_chip() && precisions.0 != precisions.1;
    let stated_stack = claim.baseline.as_ref().is_some_and(|baseline| baseline.stack.is_some());
    let speed = matches!(claim.metric, Metric::Throughput | Metric::TimeToTrain);
    // Watts of one chip against its own are about power and cooling, not about software.
    let other_matter = claim.metric == Metric::Power || claim.is_of_one_chip() && !speed;
    let open_software = !stated_stack && !one_software && !other_matter;
    let p50 = prediction.band.p50;
    let mut conditions: Vec<String> = stated.iter().map(|change| words(&setup, change)).collect();
    let priced = matches!(claim.metric, Metric::Cost | Metric::CostOfOwnership);
    if priced && prices(claim).is_none() {
        let factor = asked / p50;
        if factor > 1.0 && factor <= PRICE_FACTOR {
            let library = chip_hour_ratio(court, &setup.at(&ground.choice))?;
            let needed = library.map_or(String::new(), |ratio| {
                format!(
                    "a chip-hour of the subject costs at most {} times the baseline's (the library's prices give {})",
                    digits(ratio / factor),
                    digits(ratio)
                )
            });
            conditions.push(needed);
            let why = "its price basis is not stated".to_owned();
            return Ok(Rescue { slack: PRICE_FACTOR, found: Some(Found { conditions, why }) });
        }
        return Ok(Rescue { slack: PRICE_FACTOR, found: None });
    }
    let grid_is_stated = claim.baseline.as_ref().is_some_and(|baseline| baseline.g_per_kwh.is_some());
    if claim.metric == Metric::Carbon && !grid_is_stated {
        let factor = asked / p50;
        let most = GRIDS.1 / GRIDS.0;
        let found = (factor > 1.0 && factor <= most).then(|| {
            conditions.push(format!("the baseline's grid emits {} x as much for each kWh", digits(factor)));
            Found { conditions, why: "time and energy do not give it".to_owned() }
        });
        return Ok(Rescue { slack: most, found });
    }
    if !open_software {
        return Ok(Rescue { slack: slow, found: None });
    }
    let needed = mfu * p50 / asked;
    let found = (needed < mfu && needed >= LEAST_MFU).then(|| {
        conditions.push(format!(
            "the baseline ran at no more than {} % MFU ({} % is predicted for it)",
            digits(100.0 * needed),
            digits(100.0 * mfu)
        ));
        Found { conditions, why: "the rest is the baseline's software".to_owned() }
    });
    Ok(Rescue { slack: (mfu / LEAST_MFU).max(slow), found })
}

/// Prices of both sides, where the claim states them.
fn prices(claim: &Claim) -> Option<(f64, f64)> {
    claim.subject.usd_per_chip_hour.zip(claim.baseline.as_ref()?.usd_per_chip_hour)
}

/// Price of the subject's chip over that of the baseline's, as the library has them.
fn chip_hour_ratio(court: &Court<'_>, setup: &Setup) -> Result<Option<f64>, Fault> {
    let Some(case) = &setup.baseline else { return Ok(None) };
    let (subject, baseline) = (court.runs.of(&setup.subject)?, court.runs.of(case)?);
    let price = |run: &super::run::Run| all_in_usd(&run.design.setting) * run.design.setting.ranks_per_chip;
    Ok(match (subject.as_ref(), baseline.as_ref()) {
        (Ok(subject), Ok(baseline)) => Some(price(subject) / price(baseline)),
        _ => None,
    })
}

/// What price or grid an absolute claim needs, where it states none.
fn absolute(
    court: &Court<'_>,
    claim: &Claim,
    asked: f64,
    inverse: bool,
    ground: &Ground,
) -> Result<Option<Found>, Fault> {
    let run = court.runs.of(&ground.setup.at(&ground.choice).subject)?;
    let Ok(run) = run.as_ref() else { return Ok(None) };
    let value = if inverse { 1.0 / asked } else { asked };
    let hours_stated = claim.subject.chip_hours.is_some() && matches!(claim.metric, Metric::Energy | Metric::Carbon);
    let of_time = inverse && claim.metric != Metric::Power && !hours_stated;
    let of_mfu = || {
        let mfu = run.mfu();
        let needed = mfu * ground.said.band.p50 / value;
        let word = if needed > mfu { "reaches" } else { "reaches no more than" };
        (LEAST_MFU..=MOST_MFU).contains(&needed).then(|| Found {
            conditions: vec![format!(
                "the run {word} {} % MFU ({} % is predicted)",
                digits(100.0 * needed),
                digits(100.0 * mfu)
            )],
            why: "published runs reach as much".to_owned(),
        })
    };
    Ok(match claim.metric {
        Metric::Cost if claim.subject.usd_per_chip_hour.is_none() => {
            let hours = run.design.chips * run.estimate.wall.wall_s / 3600.0;
            let price = value / hours;
            let listed = Part::of(court.runs.library, &ground.choice.subject.name).ok().and_then(|part| part.rental());
            let admissible =
                listed.is_some_and(|(_, (low, high))| (low / PRICE_FACTOR..=high * PRICE_FACTOR).contains(&price));
            admissible.then(|| Found {
                conditions: vec![format!("a chip-hour costs ${}", digits(price))],
                why: "its price basis is not stated".to_owned(),
            })
        }
        Metric::Carbon if claim.subject.g_per_kwh.is_none() && claim.subject.site.is_none() => {
            let now = run.design.setting.site.kg_per_j() * 3.6e9;
            let grid = now * value / ground.said.band.p50;
            (GRIDS.0..=GRIDS.1).contains(&grid).then(|| Found {
                conditions: vec![format!("the grid emits {} g for each kWh", digits(grid))],
                why: "its grid is not stated".to_owned(),
            })
        }
        _ if of_time => of_mfu(),
        _ => None,
    })
}

/// What was tried in vain.
pub fn tried(claim: &Claim, ground: &Ground) -> String {
    // One of each kind stands for the others.
    let mut kinds: Vec<u8> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for change in &ground.admissible.further {
        if !kinds.contains(&kind(change)) {
            kinds.push(kind(change));
            names.push(words(&ground.setup.with(claim, change), change));
        }
    }
    match names.as_slice() {
        [] => "nothing that it leaves open helps".to_owned(),
        names => format!("no admissible choice helps ({})", names.join("; ")),
    }
}

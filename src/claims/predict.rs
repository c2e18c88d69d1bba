//! What the model expects of a claim's quantity on one setup: P10, P50 and P90 in base units.
//!
//! A ratio is an advantage: how many times better the subject is than the baseline. The errors of the two sides are
//! drawn together, so that what they share (a stack, a chip's unknowns, a price) hardly moves their ratio.

use super::part::Part;
use super::run::{Case, Run, Runs, Why};
use super::setup::{Setup, sparse_factor};
use super::statement::{Activity, Boundary, Claim, Convention, Metric, Per, Sparsity, System};
use super::unit::Dimension;
use crate::library::diagnostic::Fault;
use crate::library::workload::Precision;
use crate::model::power::peak_rank_w;
use crate::model::weights::model_flop_per_token;
use crate::report::rates;
use crate::search::Objective;
use crate::uncertainty::band::{Band, Width};
use crate::uncertainty::chance::{ratio, step_ratio};

/// Data sheets round their peaks by as much.
const DATA_SHEET: f64 = 0.04;
/// Announced parts change, and watts that nobody published are a guess.
const ANNOUNCED: f64 = 0.10;
const GUESSED_WATTS: f64 = 0.30;
/// What hosts add to the TDP differs by as much between systems.
const HOST_WATTS: f64 = 0.08;
/// Standard deviation of ln MFU over the published runs in 16 bit (P10 0.21, P90 0.50): what peaks alone leave open.
const UTILISATION: f64 = 0.34;
/// The middle of those runs.
const USUAL_MFU: f64 = 0.35;
/// PUE of the best fleets and of the usual data centre of a survey (Google 2024; Uptime Institute 2024).
const PUE_RANGE: (f64, f64) = (1.09, 1.56);
/// A pilot run: power hardly depends on the workload.
pub const PILOT_WORKLOAD: &str = "llama-3.1-70b";
pub const PILOT_CHIPS: f64 = 512.0;

/// What a setup comes to.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// In base units; an advantage where the claim is a ratio.
    pub band: Band,
    /// The same at the hardware's bound: the subject's matrix units at the best rate that they were ever seen to sustain.
    pub bound: f64,
    /// MFU that the baseline is predicted to have, and how much slower than predicted it may be within its band.
    pub baseline: Option<(f64, f64)>,
    pub notes: Vec<String>,
}

/// A prediction, or why there is none.
pub type Predicted = Result<Prediction, Why>;

/// Predicts a claim's quantity on a setup.
pub fn predict(runs: &Runs<'_>, claim: &Claim, setup: &Setup) -> Result<Predicted, Fault> {
    match claim.activity {
        Activity::Peak => Ok(of_data_sheets(runs, claim, setup)),
        Activity::Facility if claim.metric == Metric::Power => of_site(runs, claim),
        _ => match incomplete(runs, claim, setup) {
            Some(lacks) => Ok(of_peaks(runs, claim, setup, &lacks)),
            None => of_runs(runs, claim, setup),
        },
    }
}

/// What a side's profile lacks.
fn incomplete(runs: &Runs<'_>, claim: &Claim, setup: &Setup) -> Option<String> {
    let speed =
        matches!(claim.metric, Metric::Throughput | Metric::TimeToTrain | Metric::Mfu) && claim.unit().is_ratio();
    let chips = std::iter::once(&setup.subject).chain(&setup.baseline).map(|case| &case.chip);
    chips.filter_map(|chip| Part::of(runs.library, chip).ok()?.lacks(speed)).next()
}

/// A ratio of runs where a profile says too little to compute one: that of the peaks, each side at a utilisation that
/// published runs have.
fn of_peaks(runs: &Runs<'_>, claim: &Claim, setup: &Setup, lacks: &str) -> Predicted {
    let rates = matches!(claim.metric, Metric::Throughput | Metric::TimeToTrain | Metric::Energy | Metric::PerfPerWatt);
    if setup.baseline.is_none() || !rates {
        return Err(lacks.to_owned());
    }
    let peaks = of_data_sheets(runs, claim, setup).map_err(|why| format!("{lacks}; {why}"))?;
    let width = 2.0_f64.sqrt() * UTILISATION;
    let band = Band::around(peaks.band.p50, Width::new(width, width));
    let notes = vec![format!("{lacks}: peaks alone, each side at the utilisation of published runs")];
    Ok(Prediction { band, bound: peaks.band.p90 / USUAL_MFU, baseline: Some((USUAL_MFU, 1.0)), notes })
}

/// Tries what may fail in words.
macro_rules! or_why {
    ($outcome:expr) => {
        match $outcome {
            Ok(value) => value,
            Err(why) => return Ok(Err(why)),
        }
    };
}

fn of_runs(runs: &Runs<'_>, claim: &Claim, setup: &Setup) -> Result<Predicted, Fault> {
    let subject = runs.of(&setup.subject)?;
    let subject = or_why!(subject.as_ref().as_ref().map_err(Clone::clone));
    let headroom = headroom(runs, subject);
    let Some(case) = &setup.baseline else {
        let band = or_why!(absolute(claim, setup, subject));
        let bound = match claim.metric {
            Metric::Goodput => 1.0,
            // Hours that the claim states cannot be fewer; chips that only wait draw half.
            Metric::Energy | Metric::Carbon if claim.subject.chip_hours.is_some() => band.p10 * 0.5,
            // Power is no rate: the bound is what the chips alone draw.
            Metric::Power => band.p10 * 0.5,
            metric if less_is_better(claim, metric) => band.p50 / headroom,
            _ => band.p50 * headroom,
        };
        return Ok(Ok(Prediction { band, bound, baseline: None, notes: notes(subject) }));
    };
    let baseline = runs.of(case)?;
    let baseline = or_why!(baseline.as_ref().as_ref().map_err(Clone::clone));
    let band = advantage(claim, setup, subject, baseline);
    let bound = match claim.metric {
        Metric::ScalingEfficiency => 1.0,
        Metric::Power => band.p90 * 2.0,
        _ => band.p50 * headroom,
    };
    let band = if claim.metric == Metric::Power { band } else { Band { p90: band.p90.min(bound), ..band } };
    let slow = baseline.bands().step_s;
    let mut notes = notes(subject);
    notes.extend(self::notes(baseline));
    Ok(Ok(Prediction { band, bound, baseline: Some((baseline.mfu(), slow.p90 / slow.p50)), notes }))
}

/// Whether less of the claim's absolute value is better.
pub fn less_is_better(claim: &Claim, metric: Metric) -> bool {
    metric.less_is_better() && !claim.unit().is_ratio()
}

/// How much faster than predicted the subject would be at its matrix units' best rate, all else free.
fn headroom(runs: &Runs<'_>, run: &Run) -> f64 {
    let setting = &run.design.setting;
    let Ok(part) = Part::of(runs.library, &setting.chip.name) else { return f64::INFINITY };
    part.ceiling(run.precision()) / run.mfu()
}

/// What the run leans on.
fn notes(run: &Run) -> Vec<String> {
    run.uncertainty.extrapolations.iter().map(|extrapolation| extrapolation.note.clone()).collect()
}

/// A share of power or energy that a boundary leaves in.
fn within(boundary: Boundary, run: &Run) -> f64 {
    let power = &run.estimate.power;
    let chips_j = power.matrix_j + power.memory_bound_j + power.waiting_j + power.idle_j;
    match boundary {
        Boundary::Chip => chips_j / power.facility_j(),
        Boundary::Node => (chips_j + power.host_j) / power.facility_j(),
        Boundary::Facility | Boundary::Unstated => 1.0,
    }
}

/// How many times better the subject is than the baseline.
fn advantage(claim: &Claim, setup: &Setup, subject: &Run, baseline: &Run) -> Band {
    let (a, b) = (subject.side(), baseline.side());
    let spread = &subject.design.spread;
    let counts = setup.counts.map_or(1.0, |(subject, baseline)| subject / baseline);
    match claim.metric {
        Metric::Energy | Metric::PerfPerWatt => {
            let share = within(setup.boundary, baseline) / within(setup.boundary, subject);
            ratio(&a, &b, Objective::Energy, spread).times(share)
        }
        Metric::Cost | Metric::CostOfOwnership => ratio(&a, &b, Objective::Cost, spread),
        Metric::Carbon => ratio(&a, &b, Objective::Carbon, spread),
        Metric::Power => {
            let of = |run: &Run| watts(run, setup.boundary) / run.design.chips;
            let width = subject.uncertainty.power.width.and(baseline.uncertainty.power.width);
            Band::around(of(baseline) / of(subject) / counts, width.times(std::f64::consts::FRAC_1_SQRT_2))
        }
        _ => {
            let tokens = [subject, baseline].map(|run| run.design.setting.workload.run.seq_len);
            step_ratio(&a, &b, tokens, spread).times(counts)
        }
    }
}

/// Mean watts of a run.
fn watts(run: &Run, boundary: Boundary) -> f64 {
    run.estimate.power.facility_j() / run.estimate.wall.powered_s * within(boundary, run)
}

/// An absolute quantity of a run.
fn absolute(claim: &Claim, setup: &Setup, run: &Run) -> Result<Band, Why> {
    let (e, design) = (&run.estimate, &run.design);
    let bands = run.bands();
    let rates = rates(design, e);
    let setting = &design.setting;
    let step_width = Width::of_time(&run.uncertainty.step, &design.spread);
    let slower = run.slower();
    let chips = if claim.per() == Per::Chip { 1.0 } else { design.chips };
    // A rate over a whole run counts its interruptions; one of its steps does not.
    let per_s = Band::inverse_around(rates.tokens_per_s_per_chip * chips / slower, step_width);
    let flop_share = match setup.convention {
        Convention::Hardware => rates.hfu / rates.mfu,
        Convention::FullAttention => rates.mfu_full_attention / rates.mfu,
        Convention::Model | Convention::Unstated => 1.0,
    };
    let flop = model_flop_per_token(&setting.workload.architecture, &setting.workload.run, false) * flop_share;
    let inside = within(setup.boundary, run);
    if let Some(hours) = claim.subject.chip_hours
        && matches!(claim.metric, Metric::Energy | Metric::Carbon)
    {
        return Ok(of_hours(claim, setup, run, hours * 3600.0));
    }
    // A slice of a run: its steps alone, at the pace of the whole.
    let slice_s = setup.slice.map(|tokens| {
        let time = Band::around(tokens / (rates.tokens_per_s_per_chip * design.chips) * slower, step_width);
        (time, bands.step_s.p50 * e.steps)
    });
    let share = slice_s.map_or(1.0, |(time, whole_s)| time.p50 / whole_s);
    Ok(match (claim.metric, claim.unit().dimension) {
        (Metric::Throughput, Dimension::Tokens) => per_s,
        (Metric::Throughput, _) => per_s.times(flop),
        (Metric::TimeToTrain, dimension) => {
            let time = slice_s.map_or(bands.wall_s, |(time, _)| time);
            time.times(if dimension == Dimension::ChipTime { design.chips } else { 1.0 })
        }
        (Metric::Mfu, _) => Band::inverse_around(rates.mfu * flop_share / slower, step_width),
        (Metric::Goodput, _) => {
            let wall = Width::of_time(&run.uncertainty.run, &design.spread);
            let whole = Width::new(
                (wall.below.powi(2) - step_width.below.powi(2)).max(0.0).sqrt(),
                (wall.above.powi(2) - step_width.above.powi(2)).max(0.0).sqrt(),
            );
            let band = Band::inverse_around(e.wall.goodput, whole.and(run.uncertainty.operation.width));
            Band { p90: band.p90.min(1.0), ..band }
        }
        (Metric::Energy, _) => bands.facility_energy_j.times(inside * share),
        (Metric::Power, _) => {
            let per = if claim.per() == Per::Chip { design.chips } else { 1.0 };
            Band::around(watts(run, setup.boundary) / per, run.uncertainty.power.width)
        }
        (Metric::Cost, _) => bands.cost_usd.times(share),
        (Metric::Carbon, _) => {
            let operational = e.carbon.operational / e.carbon.total();
            bands.co2_kg.times(operational * inside * share)
        }
        (metric, _) => return Err(format!("{} is a ratio", metric.word())),
    })
}

/// Energy or carbon of the chip-hours that a claim states, at the watts of training.
fn of_hours(claim: &Claim, setup: &Setup, run: &Run, chip_s: f64) -> Band {
    let site = &run.design.setting.site;
    let joules = chip_s * watts(run, setup.boundary) / run.design.chips;
    let power = run.uncertainty.power.width;
    match claim.metric {
        Metric::Carbon => Band::around(joules * site.kg_per_j(), power.and(run.uncertainty.intensity.width)),
        _ => Band::around(joules, power),
    }
}

/// Peaks against peaks.
fn of_data_sheets(runs: &Runs<'_>, claim: &Claim, setup: &Setup) -> Predicted {
    let per_watt = matches!(claim.metric, Metric::PerfPerWatt | Metric::Energy);
    // The rate, and how far off it may be.
    let rate = |case: &Case, system: &System, sparsity: Sparsity| -> Result<(f64, f64), Why> {
        let part = Part::of(runs.library, &case.chip)?;
        let precision = case.precision.unwrap_or(Precision::Bf16);
        let peak = part.peak(precision);
        if peak <= 0.0 {
            return Err(format!("no dense {} rate of {} is published", precision.word(), part.name));
        }
        let (least, most) = sparse_factor(sparsity);
        let rate = peak * (least * most).sqrt();
        let announced = if part.is_announced() { ANNOUNCED } else { DATA_SHEET };
        let off = announced.hypot((most / least).sqrt() - 1.0);
        if !per_watt {
            return Ok((rate, off));
        }
        let stated = system.megawatts.zip(system.chips).map(|(megawatts, chips)| megawatts * 1e6 / chips);
        match stated.or(part.tdp_w()) {
            Some(watts) if stated.is_some() => Ok((rate / watts, off)),
            Some(watts) if part.tdp_is_published() => Ok((rate / watts, off.hypot(HOST_WATTS))),
            Some(watts) => Ok((rate / watts, off.hypot(GUESSED_WATTS))),
            None => Err(format!("no watts of {} are published", part.name)),
        }
    };
    let subject = rate(&setup.subject, &claim.subject, setup.sparsity.0)?;
    let (value, off) = match (&setup.baseline, &claim.baseline) {
        (Some(case), Some(system)) => {
            let counts = setup.counts.map_or(1.0, |(subject, baseline)| subject / baseline);
            let counts = if per_watt { 1.0 } else { counts };
            let baseline = rate(case, system, setup.sparsity.1)?;
            (subject.0 / baseline.0 * counts, subject.1.hypot(baseline.1))
        }
        _ => (subject.0 * if claim.per() == Per::Chip { 1.0 } else { claim.subject.chips.unwrap_or(1.0) }, subject.1),
    };
    let band = Band { p10: value / (1.0 + off), p50: value, p90: value * (1.0 + off) };
    Ok(Prediction { band, bound: band.p90, baseline: None, notes: Vec::new() })
}

/// Megawatts of a site: from what its chips draw in training at the best PUE to what it must provide at the usual one.
fn of_site(runs: &Runs<'_>, claim: &Claim) -> Result<Predicted, Fault> {
    let subject = &claim.subject;
    let (Some(chip), Some(chips)) = (subject.chips_named().first(), subject.chips) else {
        return Ok(Err("states no number of chips".to_owned()));
    };
    let fleet =
        std::iter::once((chip.as_str(), chips)).chain(subject.also.iter().map(|also| (also.chip.as_str(), also.chips)));
    let pue = subject.pue.map_or(PUE_RANGE, |pue| (pue, pue));
    let middle = (pue.0 * pue.1).sqrt();
    let (mut band, mut bound) = (Band { p10: 0.0, p50: 0.0, p90: 0.0 }, 0.0);
    for (chip, chips) in fleet {
        let run = runs.of(&pilot(chip))?;
        let run = or_why!(run.as_ref().as_ref().map_err(Clone::clone));
        let setting = &run.design.setting;
        let drawn = run.estimate.power.it_j() / run.estimate.wall.powered_s / run.design.chips;
        let drawn = Band::around(drawn, run.uncertainty.power.width);
        let provided = peak_rank_w(setting, chips * setting.ranks_per_chip) * setting.ranks_per_chip;
        band.p10 += chips * drawn.p10 * pue.0;
        band.p50 += chips * (drawn.p50 * provided).sqrt() * middle;
        band.p90 += chips * provided * pue.1;
        bound += chips * drawn.p10;
    }
    let per = if claim.per() == Per::Chip { chips } else { 1.0 };
    let band = Band { p10: band.p10 / per, p50: band.p50 / per, p90: band.p90 / per };
    Ok(Ok(Prediction { band, bound: bound / per, baseline: None, notes: Vec::new() }))
}

/// A run that shows what a chip draws while it trains.
fn pilot(chip: &str) -> Case {
    Case { chip: chip.to_owned(), chips: PILOT_CHIPS, workload: PILOT_WORKLOAD.to_owned(), ..Case::default() }
}

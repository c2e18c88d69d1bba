//! What a claim's own words, footnotes and gaps admit beyond like with like.

use super::part::Part;
use super::run::SIZES;
use super::setup::{Change, Setup, Sited, counts};
use super::statement::{Activity, Boundary, Claim, Convention, Difference, Metric, Per, Sparsity, System};
use super::width::Width;
use crate::library::workload::Precision;

/// Power caps that are tried, as shares of TDP.
const CAPS: [f64; 4] = [0.85, 0.75, 0.65, 0.55];

/// The changes that a claim's own words, footnotes and gaps admit, the likeliest first. `disclosed` ones are part of what
/// the quote says.
pub struct Admissible {
    pub disclosed: Vec<Change>,
    pub further: Vec<Change>,
}

/// What a claim admits beyond like with like.
pub fn admissible(claim: &Claim, like: &Setup, subject: &Part, baseline: Option<&Part>) -> Admissible {
    let mut found = Admissible { disclosed: Vec::new(), further: Vec::new() };
    let mut put = |difference: Option<Difference>, change: Change| {
        if difference.is_some_and(|difference| claim.says(difference)) {
            found.disclosed.push(change);
        } else {
            found.further.push(change);
        }
    };
    let stated = (claim.subject.precision(), claim.baseline.as_ref().and_then(System::precision));
    let like_now = (like.subject.precision, like.baseline.as_ref().and_then(|case| case.precision));
    // Between two runs of one chip that state no precision the claim is about something else.
    let other_matter = claim.is_of_one_chip() && stated == (None, None);
    let both = stated.0.is_some() && (stated.1.is_some() || baseline.is_none());
    if let Some(other) = baseline.filter(|_| !other_matter) {
        if both && stated != like_now {
            put(Some(Difference::Precision), Change::Precision(stated.0, stated.1));
        }
        if !both {
            // Open on one side or both: the same width on both, else narrower for the subject.
            for (s, b) in open_precisions(subject, other, stated) {
                if (s, b) != like_now {
                    put(None, Change::Precision(s, b));
                }
            }
        }
    } else if baseline.is_none()
        && stated.0.is_none()
        && claim.activity != Activity::Peak
        && !matches!(claim.metric, Metric::Goodput | Metric::Power)
    {
        for width in [Width::Eight, Width::Four] {
            if let Some(narrow) = width.on(subject).filter(|narrow| Some(*narrow) != like_now.0) {
                put(None, Change::Precision(Some(narrow), None));
            }
        }
    }
    let sparsity = (claim.subject.sparsity, claim.baseline.as_ref().map_or(Sparsity::None, |b| b.sparsity));
    if sparsity != (Sparsity::None, Sparsity::None) {
        put(Some(Difference::Sparsity), Change::Sparsity(sparsity.0, sparsity.1));
    } else if claim.activity == Activity::Peak && has_sparse_units(subject) {
        put(None, Change::Sparsity(Sparsity::TwoOfFour, Sparsity::None));
    }
    let rates = matches!(claim.metric, Metric::Throughput | Metric::TimeToTrain);
    if rates && matches!(claim.per(), Per::System | Per::Rack) && counts(claim).is_some() {
        put(Some(Difference::Chips), Change::Counts);
    }
    let domains = (claim.subject.domain_chips, claim.baseline.as_ref().and_then(|b| b.domain_chips));
    if domains != (None, None) {
        put(Some(Difference::Domain), Change::Domain(domains.0, domains.1));
    }
    let like_stack = like.baseline.as_ref().and_then(|case| case.stack.as_ref());
    let stack = claim.baseline.as_ref().and_then(|b| b.stack.clone());
    if let Some(stack) = stack.filter(|stack| Some(stack) != like_stack) {
        put(Some(Difference::Software), Change::BaselineStack(stack));
    }
    if claim
        .baseline
        .as_ref()
        .is_some_and(|b| Sited::of(b) != Sited::default() && Sited::of(b) != Sited::of(&claim.subject))
    {
        put(Some(Difference::Site), Change::Sites);
    }
    let utilises = matches!(claim.metric, Metric::Mfu | Metric::Throughput) && claim.baseline.is_none();
    if utilises && claim.convention == Convention::Unstated && claim.activity != Activity::Peak {
        put(None, Change::Convention(Convention::FullAttention));
        put(None, Change::Convention(Convention::Hardware));
    }
    let spends = matches!(claim.metric, Metric::Energy | Metric::Power | Metric::Carbon);
    if spends && claim.boundary == Boundary::Unstated && claim.activity != Activity::Peak {
        put(Some(Difference::Boundary), Change::Boundary(Boundary::Node));
        put(Some(Difference::Boundary), Change::Boundary(Boundary::Chip));
    }
    let saves = matches!(claim.metric, Metric::Energy | Metric::PerfPerWatt) && claim.activity != Activity::Peak;
    if saves && other_matter && claim.subject.power_cap_w.is_none() {
        for share in CAPS {
            put(None, Change::PowerCap(share));
        }
    }
    let priced = matches!(claim.metric, Metric::Cost | Metric::CostOfOwnership);
    let listed = subject.rental().is_some() && baseline.is_some_and(|part| part.rental().is_some());
    if priced && listed && claim.subject.usd_per_chip_hour.is_none() {
        put(None, Change::Rental);
    }
    let unsized_ = claim.subject.chips.is_none() && claim.baseline.as_ref().is_none_or(|b| b.chips.is_none());
    if unsized_ && baseline.is_some() && !claim.is_of_one_chip() && claim.activity != Activity::Peak {
        for size in SIZES.into_iter().filter(|size| *size > like.subject.chips).skip(1).take(2) {
            put(None, Change::Scale(size));
        }
    }
    found
}

/// Tensor units that skip two of four zeros came with the A100 (NVIDIA A100 whitepaper, 2020).
fn has_sparse_units(part: &Part) -> bool {
    part.vendor == "NVIDIA" && part.released().is_some_and(|released| released >= "2020-05")
}

/// Pairs of precisions that the claim leaves open: equal widths, then narrower ones for the subject.
fn open_precisions(
    subject: &Part,
    baseline: &Part,
    stated: (Option<Precision>, Option<Precision>),
) -> Vec<(Option<Precision>, Option<Precision>)> {
    let widths = [Width::Sixteen, Width::Eight, Width::Four];
    let of = |chip: &Part, stated: Option<Precision>| -> Vec<Precision> {
        stated.map_or_else(|| widths.into_iter().filter_map(|width| width.on(chip)).collect(), |p| vec![p])
    };
    let mut pairs = Vec::new();
    for narrower in [false, true] {
        for s in of(subject, stated.0) {
            for b in of(baseline, stated.1) {
                let (ws, wb) = (Width::of(s), Width::of(b));
                if (ws == wb && !narrower) || (ws < wb && narrower) {
                    pairs.push((Some(s), Some(b)));
                }
            }
        }
    }
    pairs
}

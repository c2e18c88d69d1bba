//! How a claim is put to the test: both sides with every choice made, like with like, and the changes to it that are
//! admissible.

use super::part::Part;
use super::predict::PILOT_CHIPS;
use super::run::Case;
use super::statement::{Activity, Boundary, Claim, Convention, Metric, Per, Sparsity, System};
use super::width::{Width, like_with_like};
use crate::library::store::Library;
use crate::library::workload::Precision;

/// Workloads that stand for training at large where a claim names none: a small and a large dense model, a mixture of
/// experts.
pub const USUAL_WORKLOADS: [&str; 3] = ["llama-3.1-70b", "llama-3.1-8b", "mixtral-8x7b"];

/// What data sheets credit unstructured zeros with: 8 to 10 times the dense rate.
const UNSTRUCTURED: (f64, f64) = (8.0, 10.0);

/// Chips that stand for those of their day where a claim names none.
const USUAL_CHIPS: [&str; 5] =
    ["nvidia-a100-sxm-80gb", "nvidia-h100-sxm", "nvidia-v100-sxm2-32gb", "google-tpu-v4", "nvidia-gb200-nvl72"];

/// A run of less than this share of its workload's tokens is a benchmark's slice: its batch is that of the whole.
const SLICE: f64 = 0.05;

/// What may differ from like with like, or from what a claim seems to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Precisions of subject and baseline.
    Precision(Option<Precision>, Option<Precision>),
    /// Zeros skipped on the subject's side, and on the baseline's.
    Sparsity(Sparsity, Sparsity),
    /// The systems as they stand, not chip against chip.
    Counts,
    /// The baseline on the software that is stated for it.
    BaselineStack(String),
    /// Each side at the place, the PUE and the grid that is stated for it.
    Sites,
    /// Another number of chips on both sides.
    Scale(f64),
    /// Recomputed passes or full attention counted.
    Convention(Convention),
    /// Energy or power of the chips alone, or of the servers without the building.
    Boundary(Boundary),
    /// The subject's chips under a cap, as a share of their TDP.
    PowerCap(f64),
    /// Both sides at the hourly prices of the library.
    Rental,
    /// Chips that the scale-up network of each side joins, as stated.
    Domain(Option<f64>, Option<f64>),
}

/// What the claim leaves open on both sides alike: chips and workload. Its band holds all of them.
#[derive(Clone, Debug)]
pub struct Choice {
    pub subject: Part,
    pub baseline: Option<Part>,
    pub workload: String,
}

/// Both sides of a claim with every choice made.
#[derive(Clone, Debug)]
pub struct Setup {
    pub subject: Case,
    pub baseline: Option<Case>,
    /// Chips of each side as a claim about whole systems counts them.
    pub counts: Option<(f64, f64)>,
    pub sparsity: (Sparsity, Sparsity),
    pub convention: Convention,
    pub boundary: Boundary,
    /// Cap of the subject's chips as a share of their TDP; both sides at the library's hourly prices.
    cap: Option<f64>,
    rental: bool,
    /// Tokens of a benchmark's slice, whose batch and pace are those of the whole run.
    pub slice: Option<f64>,
    /// Sites and prices as stated, laid on by [`Change::Sites`].
    stated_sites: [Sited; 2],
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sited {
    site: Option<String>,
    pue: Option<f64>,
    g_per_kwh: Option<f64>,
    usd_per_kwh: Option<f64>,
}

impl Sited {
    pub(super) fn of(system: &System) -> Sited {
        let System { site, pue, g_per_kwh, usd_per_kwh, .. } = system;
        Sited { site: site.clone(), pue: *pue, g_per_kwh: *g_per_kwh, usd_per_kwh: *usd_per_kwh }
    }

    fn lay(&self, case: &mut Case) {
        case.site.clone_from(&self.site);
        (case.pue, case.g_per_kwh, case.usd_per_kwh) = (self.pue, self.g_per_kwh, self.usd_per_kwh);
    }
}

/// What sparsity multiplies a dense peak by, at least and at most.
pub fn sparse_factor(sparsity: Sparsity) -> (f64, f64) {
    match sparsity {
        Sparsity::None => (1.0, 1.0),
        Sparsity::TwoOfFour => (2.0, 2.0),
        Sparsity::Unstructured => UNSTRUCTURED,
    }
}

/// Chips that a claim of a date may be about where it names none.
pub fn usual_chips(library: &Library, date: &str) -> Vec<String> {
    let of_its_day = |name: &&str| {
        Part::of(library, name).is_ok_and(|part| part.released().is_some_and(|released| released <= date))
    };
    USUAL_CHIPS.into_iter().filter(of_its_day).map(str::to_owned).collect()
}

fn case(claim: &Claim, system: &System, chip: &str, workload: &str, chips: f64, precision: Option<Precision>) -> Case {
    Case {
        chip: chip.to_owned(),
        chips,
        precision,
        workload: workload.to_owned(),
        tokens: None,
        seq_len: claim.seq_len,
        global_batch: claim.global_batch,
        lora: claim.activity == Activity::FineTuning,
        stack: system.stack.clone(),
        cluster: system.cluster.clone(),
        site: system.site.clone(),
        plan: system.plan.clone(),
        domain_chips: None,
        power_cap_w: system.power_cap_w,
        pue: system.pue,
        g_per_kwh: system.g_per_kwh,
        usd_per_kwh: system.usd_per_kwh,
        usd_per_chip_hour: system.usd_per_chip_hour,
    }
}

impl Setup {
    /// Like with like: equal precision, chip against chip, dense, the same site, the newest software on both sides.
    pub fn like(claim: &Claim, choice: &Choice, whole: Option<f64>, size: f64) -> Setup {
        let (subject, baseline) = (&choice.subject, choice.baseline.as_ref());
        let workload = choice.workload.as_str();
        let slice = claim.tokens.filter(|tokens| whole.is_some_and(|whole| *tokens < SLICE * whole));
        let none = System::default();
        let other = claim.baseline.as_ref().unwrap_or(&none);
        let (ps, pb) =
            like_with_like((subject, claim.subject.precision()), baseline.map(|chip| (chip, other.precision())));
        let chips = claim.subject.chips.or(other.chips).unwrap_or(size);
        let mut first = case(claim, &claim.subject, &subject.name, workload, chips, ps);
        let second = baseline.map(|part| {
            let chips = other.chips.or(claim.subject.chips).unwrap_or(size);
            let mut second = case(claim, other, &part.name, workload, chips, pb);
            // Like software: the subject's where it is stated and runs there, else the newest of each.
            second.stack.clone_from(&first.stack);
            if subject.vendor != part.vendor && other.stack != first.stack {
                second.stack = None;
            }
            // A claim about one place is about one place on both sides.
            Sited::of(&claim.subject).lay(&mut second);
            second.tokens = claim.tokens.filter(|_| slice.is_none());
            second
        });
        first.tokens = claim.tokens.filter(|_| slice.is_none());
        if claim.subject.chip_hours.is_some() && matches!(claim.metric, Metric::Energy | Metric::Carbon) {
            (first.chips, first.tokens) = (PILOT_CHIPS, None);
        }
        Setup {
            subject: first,
            baseline: second,
            // Megawatts of whole systems are those of all their chips.
            counts: counts(claim).filter(|_| claim.metric == Metric::Power && claim.per() == Per::System),
            cap: None,
            rental: false,
            sparsity: (Sparsity::None, Sparsity::None),
            convention: match claim.convention {
                Convention::Unstated => Convention::Model,
                stated => stated,
            },
            boundary: match claim.boundary {
                Boundary::Unstated => Boundary::Facility,
                stated => stated,
            },
            slice,
            stated_sites: [Sited::of(&claim.subject), Sited::of(other)],
        }
    }

    /// With a change laid on.
    pub fn with(&self, claim: &Claim, change: &Change) -> Setup {
        let mut setup = self.clone();
        match change {
            Change::Precision(subject, baseline) => {
                setup.subject.precision = *subject;
                if let Some(case) = &mut setup.baseline {
                    case.precision = *baseline;
                }
            }
            Change::Sparsity(subject, baseline) => setup.sparsity = (*subject, *baseline),
            Change::Counts => setup.counts = counts(claim),
            Change::BaselineStack(stack) => {
                if let Some(case) = &mut setup.baseline {
                    case.stack = Some(stack.clone());
                }
            }
            Change::Sites => {
                self.stated_sites[0].lay(&mut setup.subject);
                if let Some(case) = &mut setup.baseline {
                    self.stated_sites[1].lay(case);
                }
            }
            Change::Scale(chips) => {
                setup.subject.chips = *chips;
                if let Some(case) = &mut setup.baseline {
                    case.chips = *chips;
                }
            }
            Change::Convention(convention) => setup.convention = *convention,
            Change::Boundary(boundary) => setup.boundary = *boundary,
            Change::PowerCap(share) => setup.cap = Some(*share),
            Change::Rental => setup.rental = true,
            Change::Domain(subject, baseline) => {
                setup.subject.domain_chips = *subject;
                if let Some(case) = &mut setup.baseline {
                    case.domain_chips = *baseline;
                }
            }
        }
        setup
    }

    /// The same with other choices of what the claim leaves open: precisions of the same width, the same shares and kinds.
    pub fn at(&self, choice: &Choice) -> Setup {
        let mut setup = self.clone();
        let lay = |case: &mut Case, part: &Part| {
            if case.chip != part.name {
                case.chip.clone_from(&part.name);
                case.precision = case.precision.and_then(|precision| Width::of(precision).on(part));
            }
            case.workload.clone_from(&choice.workload);
            if self.rental {
                case.usd_per_chip_hour = part.rental().map(|(price, _)| price);
            }
        };
        lay(&mut setup.subject, &choice.subject);
        if let (Some(case), Some(part)) = (&mut setup.baseline, &choice.baseline) {
            lay(case, part);
        }
        if let (Some(share), Some(tdp_w)) = (self.cap, choice.subject.tdp_w()) {
            setup.subject.power_cap_w = Some(share * tdp_w);
        }
        setup
    }
}

/// Chips of each side where they differ: of the systems, or of a rack of each.
pub fn counts(claim: &Claim) -> Option<(f64, f64)> {
    let baseline = claim.baseline.as_ref()?;
    let of = |system: &System| {
        let racks = if claim.per() == Per::Rack { system.racks.unwrap_or(1.0) } else { 1.0 };
        Some(system.chips? / racks)
    };
    of(&claim.subject).zip(of(baseline)).filter(|(subject, baseline)| subject != baseline)
}

//! How a claim is put to the test: both sides with every choice made, like with like, and the changes to it that are
//! admissible.

use super::part::Part;
use super::predict::PILOT_CHIPS;
use super::run::{Case, SIZES};
use super::statement::{Activity, Boundary, Claim, Convention, Difference, Metric, Per, Sparsity, System};
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

/// Power caps that are tried, as shares of TDP.
const CAPS: [f64; 4] = [0.85, 0.75, 0.65, 0.55];

/// A run of less than this share of its workload's tokens is a benchmark's slice: its batch is that of the whole.
const SLICE: f64 = 0.05;

/// Bits of the layer GEMMs: what "equal precision" compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    Four,
    Eight,
    Sixteen,
    /// Tensor units on 32-bit numbers cut to 19 bits.
    Nineteen,
    ThirtyTwo,
}

impl Width {
    pub const ALL: [Width; 5] = [Width::Sixteen, Width::Eight, Width::Four, Width::Nineteen, Width::ThirtyTwo];

    pub fn of(precision: Precision) -> Width {
        match precision {
            Precision::Fp32 => Width::ThirtyTwo,
            Precision::Tf32 => Width::Nineteen,
            Precision::Fp16 | Precision::Bf16 => Width::Sixteen,
            Precision::Fp8 | Precision::Int8 => Width::Eight,
            Precision::Fp4 => Width::Four,
        }
    }

    /// The chip's precision of that width; none where it lacks one.
    pub fn on(self, chip: &Part) -> Option<Precision> {
        let known: &[Precision] = match self {
            Width::ThirtyTwo => &[Precision::Fp32],
            Width::Nineteen => &[Precision::Tf32],
            Width::Sixteen => &[Precision::Bf16, Precision::Fp16],
            Width::Eight => &[Precision::Fp8, Precision::Int8],
            Width::Four => &[Precision::Fp4],
        };
        known.iter().copied().find(|precision| chip.peak(*precision) > 0.0)
    }
}

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
struct Sited {
    site: Option<String>,
    pue: Option<f64>,
    g_per_kwh: Option<f64>,
    usd_per_kwh: Option<f64>,
}

impl Sited {
    fn of(system: &System) -> Sited {
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

/// The precisions of like with like: those stated where they are of one width, else one width that both chips have.
pub fn like_with_like(
    subject: (&Part, Option<Precision>),
    baseline: Option<(&Part, Option<Precision>)>,
) -> (Option<Precision>, Option<Precision>) {
    let Some(baseline) = baseline else { return (subject.1, None) };
    let on_both = |width: Width| width.on(subject.0).zip(width.on(baseline.0));
    let stated = [baseline.1, subject.1].into_iter().flatten().map(Width::of);
    if let (Some(s), Some(b)) = (subject.1, baseline.1)
        && Width::of(s) == Width::of(b)
    {
        return (Some(s), Some(b));
    }
    match stated.chain(Width::ALL).find_map(on_both) {
        Some((s, b)) => (Some(s), Some(b)),
        None => (subject.1, baseline.1),
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
            counts: None,
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
    } else if baseline.is_none() && stated.0.is_none() && claim.activity != Activity::Peak {
        for width in [Width::Eight, Width::Four] {
            if let Some(narrow) = width.on(subject).filter(|narrow| Some(*narrow) != like_now.0) {
                put(None, Change::Precision(Some(narrow), None));
            }
        }
    }
    let sparsity = (claim.subject.sparsity, claim.baseline.as_ref().map_or(Sparsity::None, |b| b.sparsity));
    if sparsity != (Sparsity::None, Sparsity::None) {
        put(Some(Difference::Sparsity), Change::Sparsity(sparsity.0, sparsity.1));
    } else if claim.activity == Activity::Peak && subject.vendor == "NVIDIA" {
        put(None, Change::Sparsity(Sparsity::TwoOfFour, Sparsity::None));
    }
    let rates = matches!(claim.metric, Metric::Throughput | Metric::TimeToTrain | Metric::Power);
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

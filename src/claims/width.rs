//! Bits of the layer GEMMs: what "equal precision" compares.

use super::part::Part;
use crate::library::workload::Precision;

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
    pub fn on(self, part: &Part) -> Option<Precision> {
        // Training in int8 is known of TPUs alone.
        let trains = |precision: &Precision| *precision != Precision::Int8 || part.vendor == "Google";
        let known: &[Precision] = match self {
            Width::ThirtyTwo => &[Precision::Fp32],
            Width::Nineteen => &[Precision::Tf32],
            Width::Sixteen => &[Precision::Bf16, Precision::Fp16],
            Width::Eight => &[Precision::Fp8, Precision::Int8],
            Width::Four => &[Precision::Fp4],
        };
        let published = known.iter().copied().filter(|precision| trains(precision) && part.peak(*precision) > 0.0);
        // Of one width the faster; the first of equals.
        published.reduce(|a, b| if part.peak(b) > part.peak(a) { b } else { a })
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

//! How far the two models may lie apart, and why.

use wattline::model::goodput::LEAST_GOODPUT;
use wattline::model::memory::memory;
use wattline::model::plan::{Plan, Reason};
use wattline::model::power::{clock_under_cap, peak_pue, peak_rank_w};
use wattline::model::setting::Setting;
use wattline::model::{Estimate, Rejection, estimate};

/// A named bound on a relative difference.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub name: &'static str,
    pub relative: f64,
    pub why: &'static str,
}

/// Rounding of f32 is 6e-8 an operation; a stage chains tens to hundreds of them.
pub const TOLERANCES: &[Tolerance] = &[
    Tolerance { name: "gemm", relative: 4e-6, why: "about twenty operations" },
    Tolerance { name: "attention", relative: 1e-6, why: "about thirty operations" },
    Tolerance {
        name: "collective",
        relative: 1e-6,
        why: "about twenty operations, log2, and ln(1 - x) for all-to-all",
    },
    Tolerance {
        name: "layer",
        relative: 5e-6,
        why: "a sum of GEMMs, attention and collectives; differences against the pass",
    },
    Tolerance { name: "memory", relative: 1e-6, why: "sums of parameters and bytes; no cancellation" },
    Tolerance { name: "step", relative: 8e-6, why: "causes against the whole step: exposed times are differences" },
    Tolerance {
        name: "wall",
        relative: 4e-6,
        why: "exponentials and logarithms of ratios, written without cancellation",
    },
    Tolerance { name: "power", relative: 2e-6, why: "energy by level against the whole; waiting is a difference" },
    Tolerance {
        name: "cost",
        relative: 1e-6,
        why: "annuities without cancellation; parts against the sum of their sizes",
    },
    Tolerance { name: "carbon", relative: 1e-6, why: "two products" },
    Tolerance { name: "estimate", relative: 5e-6, why: "all stages one after the other" },
    Tolerance {
        name: "dispatch",
        relative: 1e-3,
        why: "drivers divide, take logarithms and powers less exactly than IEEE asks",
    },
    Tolerance {
        name: "edge",
        relative: 5e-6,
        why: "f32 inputs lie this far from a jump of the model (a tile more, a limit met) or nearer",
    },
];

/// The tolerance of a name.
#[allow(clippy::panic)]
pub fn tolerance(name: &str) -> f64 {
    TOLERANCES.iter().find(|t| t.name == name).unwrap_or_else(|| panic!("no tolerance is named {name}")).relative
}

/// The settings that cannot be told apart from one in f32, as far as jumps of the model go: tiles, waves, rows an expert.
pub fn neighbours(setting: &Setting) -> Vec<Setting> {
    let edge = tolerance("edge");
    let mut near = Vec::new();
    for factor in [1.0 - edge, 1.0 + edge] {
        let mut moved = setting.clone();
        moved.workload.run.seq_len *= factor;
        near.push(moved);
        let mut moved = setting.clone();
        moved.chip.cores *= factor;
        near.push(moved);
        let mut moved = setting.clone();
        moved.workload.architecture.capacity *= factor;
        near.push(moved);
    }
    near
}

/// How far a run lies from the limit of a reason that depends on reals, relative to the limit; infinite for reasons that
/// depend on whole numbers alone.
pub fn margin(setting: &Setting, plan: &Plan, chips: f64, reason: Reason) -> f64 {
    let ratio = match reason {
        Reason::Memory => {
            let held = memory(setting, plan);
            held.peak() / held.usable
        }
        Reason::PowerCap => return clock_under_cap(&setting.chip, setting.cap_w).map_or(0.0, |clock| clock - 0.05),
        Reason::SitePower => {
            let ranks = chips * setting.ranks_per_chip;
            ranks * peak_rank_w(setting, ranks) * peak_pue(&setting.site) / setting.site.cap_w
        }
        Reason::Failures => {
            let mut lenient = setting.clone();
            // Everything else that could reject the plan stays out of the way.
            lenient.site.cap_w = f64::INFINITY;
            lenient.calibration.memory_usable = 1e30;
            match estimate(&lenient, plan, chips) {
                Ok(estimate) => estimate.wall.progress / LEAST_GOODPUT,
                Err(rejection) => rejection.found / LEAST_GOODPUT,
            }
        }
        _ => return f64::INFINITY,
    };
    (ratio - 1.0).abs()
}

/// Whether a device's verdict (0: feasible) stands beside the reference's: alike, or the run lies within `slack` of the
/// limit that one saw met and the other not.
pub fn verdicts_agree(
    setting: &Setting,
    plan: &Plan,
    chips: f64,
    device: u32,
    reference: &Result<Estimate, Rejection>,
    slack: f64,
) -> bool {
    let ours = reference.as_ref().map_or_else(|r| r.reason as u32, |_| 0);
    let near = |code: u32| {
        let reason = Reason::ALL.into_iter().find(|r| *r as u32 == code);
        reason.is_some_and(|reason| margin(setting, plan, chips, reason) <= slack)
    };
    device == ours || near(device) || near(ours)
}

/// Keeps count of comparisons, the largest difference seen, and the cases that lay on an edge.
#[derive(Clone, Debug)]
pub struct Tally {
    name: &'static str,
    tolerance: f64,
    pub cases: u64,
    pub edges: u64,
    pub largest: f64,
}

impl Tally {
    pub fn new(name: &'static str) -> Tally {
        Tally { name, tolerance: tolerance(name), cases: 0, edges: 0, largest: 0.0 }
    }

    /// Largest difference of the parts, relative to `scale`.
    fn difference(device: &[f32], reference: &[f64], scale: f64) -> f64 {
        assert_eq!(device.len(), reference.len());
        let differences = device.iter().zip(reference).map(|(d, r)| {
            let gap = (f64::from(*d) - r).abs();
            if gap == 0.0 { 0.0 } else { gap / scale }
        });
        // A NaN is as far away as can be.
        differences.fold(0.0, |most, d| if d.is_nan() { f64::INFINITY } else { f64::max(most, d) })
    }

    /// Whether parts agree, relative to their sum of sizes.
    pub fn agree(&mut self, device: &[f32], reference: &[f64]) -> bool {
        let scale: f64 = reference.iter().map(|r| r.abs()).sum();
        let difference = Tally::difference(device, reference, scale.max(f64::MIN_POSITIVE));
        if difference <= self.tolerance {
            self.largest = self.largest.max(difference);
            true
        } else {
            false
        }
    }

    /// Compares parts of a whole; where they differ, the reference must jump to the device's answer within an edge.
    #[track_caller]
    pub fn hold(
        &mut self,
        setting: &Setting,
        device: &[f32],
        reference: impl Fn(&Setting) -> Vec<f64>,
        what: &dyn std::fmt::Debug,
    ) {
        self.cases += 1;
        let exact = reference(setting);
        if self.agree(device, &exact) {
            return;
        }
        self.edges += 1;
        let near: Vec<Vec<f64>> = neighbours(setting).iter().map(&reference).collect();
        let scale: f64 = exact.iter().map(|r| r.abs()).sum();
        let slack = 4.0 * self.tolerance * scale;
        for (part, value) in device.iter().enumerate() {
            let values = || near.iter().map(|n| n[part]).chain([exact[part]]);
            let low = values().fold(f64::INFINITY, f64::min) - slack;
            let high = values().fold(f64::NEG_INFINITY, f64::max) + slack;
            let value = f64::from(*value);
            assert!(
                value >= low && value <= high,
                "{}: part {part} is {value} on the device and {} in the reference (relative {:.1e} of {scale}); {what:?}",
                self.name,
                exact[part],
                (value - exact[part]).abs() / scale,
            );
        }
    }

    /// Ends a comparison: jumps must be rare, or they would hide faults.
    #[track_caller]
    pub fn close(self, most_edges: f64) {
        println!(
            "{:12} {:6} cases, largest difference {:.1e}, {} on an edge",
            self.name, self.cases, self.largest, self.edges
        );
        assert!(self.cases > 0, "{}: nothing was compared", self.name);
        let share = self.edges as f64 / self.cases as f64;
        assert!(share <= most_edges, "{}: {share:.4} of the cases lie on an edge", self.name);
    }
}

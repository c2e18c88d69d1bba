//! How far the two models may lie apart, and why.

use wattline::model::setting::Setting;

/// A named bound on a relative difference.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub name: &'static str,
    pub relative: f64,
    pub why: &'static str,
}

/// Rounding of f32 is 6e-8 an operation; a stage chains tens to hundreds of them.
pub const TOLERANCES: &[Tolerance] = &[
    Tolerance { name: "gemm", relative: 2e-6, why: "about twenty operations" },
    Tolerance { name: "attention", relative: 2e-6, why: "about thirty operations" },
    Tolerance { name: "collective", relative: 3e-6, why: "about twenty operations, log2, and ln(1 - x) for all-to-all" },
    Tolerance { name: "layer", relative: 3e-6, why: "a sum of GEMMs, attention and collectives; differences against the pass" },
    Tolerance { name: "memory", relative: 3e-6, why: "sums of parameters and bytes; no cancellation" },
    Tolerance { name: "step", relative: 5e-6, why: "causes against the whole step: exposed times are differences" },
    Tolerance { name: "wall", relative: 1e-5, why: "exponentials and logarithms of ratios, written without cancellation" },
    Tolerance { name: "power", relative: 1e-5, why: "energy by level against the whole; waiting is a difference" },
    Tolerance { name: "cost", relative: 1e-5, why: "annuities without cancellation; parts against the sum of their sizes" },
    Tolerance { name: "carbon", relative: 1e-5, why: "two products" },
    Tolerance { name: "estimate", relative: 2e-5, why: "all stages one after the other" },
    Tolerance { name: "dispatch", relative: 1e-3, why: "drivers divide, take logarithms and powers less exactly than IEEE asks" },
    Tolerance { name: "edge", relative: 5e-6, why: "f32 inputs lie this far from a jump of the model (a tile more, a limit met) or nearer" },
];

/// The tolerance of a name.
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
    pub fn hold(&mut self, setting: &Setting, device: &[f32], reference: impl Fn(&Setting) -> Vec<f64>, what: &dyn std::fmt::Debug) {
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
        println!("{:12} {:6} cases, largest difference {:.1e}, {} on an edge", self.name, self.cases, self.largest, self.edges);
        assert!(self.cases > 0, "{}: nothing was compared", self.name);
        let share = self.edges as f64 / self.cases as f64;
        assert!(share <= most_edges, "{}: {share:.4} of the cases lie on an edge", self.name);
    }
}

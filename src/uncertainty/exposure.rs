//! What an estimate leans on that measured runs show to be uncertain.

use super::spread::Spread;
use crate::library::record::{Kind, Record};
use crate::library::workload::{Precision, Training};
use crate::model::setting::Setting;

/// A reason why a measured time may differ from its estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    Run,
    Stack,
    /// The sustained GEMM rate is assumed.
    Gemm,
    /// No measured run on the chip.
    Chip,
    MixtureOfExperts,
    Narrow,
    Adapters,
    Searched,
    WholeRun,
    NewStack,
    NewPrecision,
    BeyondChips,
    BeyondSize,
    BeyondSequence,
    Coarse,
    /// The estimate leans more on an input with a wide range than measured runs did.
    Range,
}

/// Who shares a component's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nobody else.
    Run,
    Stack,
    Chip,
    /// Every design: it is the model's own.
    Model,
}

impl Component {
    pub const ALL: [Component; 16] = [
        Component::Run,
        Component::Stack,
        Component::Gemm,
        Component::Chip,
        Component::MixtureOfExperts,
        Component::Narrow,
        Component::Adapters,
        Component::Searched,
        Component::WholeRun,
        Component::NewStack,
        Component::NewPrecision,
        Component::BeyondChips,
        Component::BeyondSize,
        Component::BeyondSequence,
        Component::Coarse,
        Component::Range,
    ];

    /// Key of the spread's table; a range carries its own width.
    pub fn key(self) -> &'static str {
        match self {
            Component::Run => "run",
            Component::Stack => "stack",
            Component::Gemm => "gemm",
            Component::Chip => "chip",
            Component::MixtureOfExperts => "moe",
            Component::Narrow => "narrow",
            Component::Adapters => "adapters",
            Component::Searched => "searched",
            Component::WholeRun => "whole_run",
            Component::NewStack => "new_stack",
            Component::NewPrecision => "new_precision",
            Component::BeyondChips => "beyond_chips",
            Component::BeyondSize => "beyond_size",
            Component::BeyondSequence => "beyond_sequence",
            Component::Coarse => "coarse",
            Component::Range => "range",
        }
    }

    pub fn owner(self) -> Owner {
        match self {
            Component::Run => Owner::Run,
            Component::Stack
            | Component::MixtureOfExperts
            | Component::Narrow
            | Component::Adapters
            | Component::Searched
            | Component::NewStack => Owner::Stack,
            Component::Gemm | Component::Chip | Component::NewPrecision | Component::Range => Owner::Chip,
            Component::WholeRun
            | Component::BeyondChips
            | Component::BeyondSize
            | Component::BeyondSequence
            | Component::Coarse => Owner::Model,
        }
    }

    /// Standard deviation of ln time for each unit of exposure.
    pub fn sd(self, spread: &Spread) -> f64 {
        spread.get(self.key()).unwrap_or(1.0)
    }
}

/// Variance of each component, in the order of [`Component::ALL`].
pub type Variances = [f64; Component::ALL.len()];

/// Variances of a spread.
pub fn variances(spread: &Spread) -> Variances {
    Component::ALL.map(|component| component.sd(spread).powi(2))
}

/// How much an estimate is exposed to each component: 0 not at all, 1 fully, more beyond the calibrated range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exposure {
    weights: [f64; Component::ALL.len()],
}

impl Exposure {
    /// The exposure of a step on a known chip and stack.
    pub fn of(setting: &Setting, chip: &Record, searched: bool) -> Exposure {
        let run = &setting.workload.run;
        Exposure::default()
            .with(Component::Run, 1.0)
            .with(Component::Stack, 1.0)
            .with(Component::Gemm, weight(gemm_is_assumed(chip, run.precision)))
            .with(Component::MixtureOfExperts, weight(setting.workload.architecture.experts > 0.0))
            .with(Component::Narrow, weight(run.precision.is_narrow()))
            .with(Component::Adapters, weight(run.training != Training::Full))
            .with(Component::Searched, weight(searched))
            .with(Component::Coarse, weight(setting.workload.coarse))
    }

    /// The same with another weight of one component.
    pub fn with(mut self, component: Component, weight: f64) -> Exposure {
        self.weights[component as usize] = weight;
        self
    }

    pub fn weight(&self, component: Component) -> f64 {
        self.weights[component as usize]
    }

    pub fn has(&self, component: Component) -> bool {
        self.weight(component) != 0.0
    }

    /// Components that the estimate is exposed to, with their standard deviations.
    pub fn parts<'a>(&'a self, spread: &'a Spread) -> impl Iterator<Item = (Component, f64)> + 'a {
        Component::ALL.into_iter().filter(|c| self.has(*c)).map(|c| (c, self.weight(c) * c.sd(spread)))
    }

    /// Standard deviation of ln time before the skew: the components are independent.
    pub fn sd(&self, spread: &Spread) -> f64 {
        self.variance(&variances(spread)).sqrt()
    }

    /// The same squared, of variances by component.
    pub fn variance(&self, variances: &Variances) -> f64 {
        self.weights.iter().zip(variances).map(|(weight, variance)| weight * weight * variance).sum()
    }

    /// ln of what measured runs take over the estimate, in the median: 0 unless the plan was searched.
    pub fn shift(&self, spread: &Spread) -> f64 {
        if !self.has(Component::Searched) {
            return 0.0;
        }
        spread.searched_shift + self.weight(Component::Adapters) * spread.adapters_shift
    }

    /// Skews to the fast and to the slow side.
    pub fn skews(&self, spread: &Spread) -> (f64, f64) {
        if self.has(Component::Searched) {
            (spread.searched_fast, spread.searched_slow)
        } else {
            (spread.stated_fast, spread.stated_slow)
        }
    }
}

fn weight(exposed: bool) -> f64 {
    if exposed { 1.0 } else { 0.0 }
}

/// Key of the sustained GEMM rate that a precision runs at.
pub fn gemm_key(precision: Precision) -> &'static str {
    match precision {
        Precision::Fp8 | Precision::Int8 => "sustained_gemm_8bit",
        Precision::Fp4 => "sustained_gemm_4bit",
        _ => "sustained_gemm_16bit",
    }
}

/// Whether a chip's sustained GEMM rate in a precision is assumed, not published.
pub fn gemm_is_assumed(chip: &Record, precision: Precision) -> bool {
    chip.sourced(gemm_key(precision)).is_none_or(|rate| rate.kind == Kind::Assumed)
}

//! The words of claim files: metrics, kinds of activity, conventions, boundaries, differences.

use serde::{Deserialize, Serialize};

/// How the words of a quote were come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuoteStatus {
    Exact,
    Press,
    Elided,
    Recalled,
}

/// What the claimant says the number rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    Measured,
    Projected,
    Specification,
    Goal,
    /// An outsider's reckoning.
    Estimate,
    /// Somebody retells another's number.
    Reported,
}

/// What is claimed to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    #[default]
    Training,
    FineTuning,
    Inference,
    ReinforcementLearning,
    /// Rates of data sheets: nothing is run.
    Peak,
    /// A site's power and cooling.
    Facility,
    /// Grids and markets.
    Economy,
    /// What a network carries.
    Network,
    /// The claim does not say what was run.
    Unstated,
}

impl Activity {
    /// Data sheets and sites: there is no run to compute.
    pub fn runs_nothing(self) -> bool {
        matches!(self, Activity::Peak | Activity::Facility)
    }
}

/// What kind of network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelClass {
    #[default]
    Transformer,
    Convolutional,
    Recommender,
    Speech,
    /// Several kinds at once.
    Mixed,
    Unstated,
}

/// What is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    Throughput,
    TimeToTrain,
    Mfu,
    ScalingEfficiency,
    Goodput,
    Energy,
    Power,
    PerfPerWatt,
    Cost,
    CostOfOwnership,
    Carbon,
    /// A side of a scenario is at least as good as another.
    Winner,
    /// A figure of the debate.
    Arithmetic,
}

impl Metric {
    pub const ALL: [Metric; 13] = [
        Metric::Throughput,
        Metric::TimeToTrain,
        Metric::Mfu,
        Metric::ScalingEfficiency,
        Metric::Goodput,
        Metric::Energy,
        Metric::Power,
        Metric::PerfPerWatt,
        Metric::Cost,
        Metric::CostOfOwnership,
        Metric::Carbon,
        Metric::Winner,
        Metric::Arithmetic,
    ];

    /// As a file and a page write it.
    pub fn word(self) -> &'static str {
        match self {
            Metric::Throughput => "throughput",
            Metric::TimeToTrain => "time_to_train",
            Metric::Mfu => "mfu",
            Metric::ScalingEfficiency => "scaling_efficiency",
            Metric::Goodput => "goodput",
            Metric::Energy => "energy",
            Metric::Power => "power",
            Metric::PerfPerWatt => "perf_per_watt",
            Metric::Cost => "cost",
            Metric::CostOfOwnership => "cost_of_ownership",
            Metric::Carbon => "carbon",
            Metric::Winner => "winner",
            Metric::Arithmetic => "arithmetic",
        }
    }

    /// Less is better in an absolute value, and "x less" is the better ratio.
    pub fn spends(self) -> bool {
        matches!(self, Metric::Energy | Metric::Power | Metric::Cost | Metric::Carbon)
    }

    /// Whether a smaller absolute value is the better one.
    pub fn less_is_better(self) -> bool {
        self.spends() || matches!(self, Metric::TimeToTrain)
    }
}

/// How the words bound the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sense {
    #[default]
    About,
    UpTo,
    AtLeast,
    AtMost,
}

/// What a ratio or a rate is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    #[default]
    Chip,
    /// The systems as they stand, with their counts.
    System,
    Rack,
    Watt,
    Dollar,
}

/// Which FLOP a utilisation or a rate counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Convention {
    Model,
    /// Recomputed passes too.
    Hardware,
    /// Causal attention counted in full.
    FullAttention,
    #[default]
    Unstated,
}

/// Around what power and energy are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    Chip,
    Node,
    Facility,
    #[default]
    Unstated,
}

/// A difference between the two sides that the quote's own words state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    Precision,
    Chips,
    Software,
    Sparsity,
    Site,
    Boundary,
    Domain,
    Cooling,
}

/// Zeros that the tensor units skip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Sparsity {
    #[default]
    #[serde(rename = "none")]
    None,
    #[serde(rename = "2:4")]
    TwoOfFour,
    #[serde(rename = "unstructured")]
    Unstructured,
}

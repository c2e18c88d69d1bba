//! The seven verdicts, in the order in which they are tried.

use serde::Serialize;

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    NotTestable,
    Contradicted,
    Impossible,
    Plausible,
    Conservative,
    OnlyIf,
    Overstated,
}

impl Verdict {
    pub const ALL: [Verdict; 7] = [
        Verdict::NotTestable,
        Verdict::Contradicted,
        Verdict::Impossible,
        Verdict::Plausible,
        Verdict::Conservative,
        Verdict::OnlyIf,
        Verdict::Overstated,
    ];

    /// As `--json` writes it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::NotTestable => "not_testable",
            Verdict::Contradicted => "contradicted",
            Verdict::Impossible => "impossible",
            Verdict::Plausible => "plausible",
            Verdict::Conservative => "conservative",
            Verdict::OnlyIf => "only_if",
            Verdict::Overstated => "overstated",
        }
    }

    /// Whether the claim holds as it stands.
    pub fn holds(self) -> bool {
        matches!(self, Verdict::Plausible | Verdict::Conservative)
    }
}

//! How often verdicts agree with published measurements of the very systems that a claim is about.

use serde::Serialize;

use super::trial::Trial;
use super::verdict::Verdict;

/// Verdicts that were reached without the measurement, beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Claims with a measurement of the same systems and workload by somebody else than the claimant.
    pub measured: usize,
    /// Of those, claims that hold by both, or fail by both.
    pub agree: usize,
    /// Ids of the others.
    pub differ: Vec<String>,
}

/// The agreement of trials.
pub fn of(trials: &[Trial]) -> Agreement {
    let mut agreement = Agreement::default();
    for trial in trials {
        let independent = trial.unmeasured != Verdict::NotTestable && !trial.measured_by_claimant;
        let Some(borne_out) = trial.borne_out.filter(|_| independent) else { continue };
        agreement.measured += 1;
        if borne_out == trial.holds_unmeasured {
            agreement.agree += 1;
        } else {
            agreement.differ.push(trial.id.clone());
        }
    }
    agreement
}

impl Agreement {
    /// In one line; none where nothing was measured.
    pub fn line(&self) -> Option<String> {
        (self.measured > 0).then(|| {
            let others =
                if self.differ.is_empty() { String::new() } else { format!("; not {}", self.differ.join(", ")) };
            format!(
                "of {} that others measured on the same systems, {} verdicts agree with it without using it{others}",
                self.measured, self.agree
            )
        })
    }
}

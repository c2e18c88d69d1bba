//! Axes of the plan space that a scenario states.

use serde::Deserialize;

use super::axis::Numbers;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::shape::figure;
use crate::model::plan::{Recompute, Shard};
use crate::search::space::PlanSpace;

/// Axes of the plan space; one left out takes the tool's own values.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Axes {
    pub tp: Option<Numbers>,
    pub cp: Option<Numbers>,
    pub pp: Option<Numbers>,
    pub vpp: Option<Numbers>,
    pub ep: Option<Numbers>,
    pub micro_batch: Option<Numbers>,
    pub recompute: Option<Vec<String>>,
    pub shard: Option<Vec<String>>,
    pub sequence_parallel: Option<Vec<bool>>,
}

impl Axes {
    /// Replaces the axes of a space by the stated ones.
    pub fn narrow(&self, space: &mut PlanSpace) -> Result<(), Fault> {
        let sizes = [
            ("tp", &self.tp, &mut space.tp),
            ("cp", &self.cp, &mut space.cp),
            ("pp", &self.pp, &mut space.pp),
            ("vpp", &self.vpp, &mut space.vpp),
            ("ep", &self.ep, &mut space.ep),
            ("micro_batch", &self.micro_batch, &mut space.micro_batch),
        ];
        for (name, stated, axis) in sizes {
            let Some(stated) = stated else { continue };
            let values = stated.values(name, true).map_err(Fault::input)?;
            if let Some(wrong) = values.iter().find(|v| !(1.0..=1e6).contains(*v) || v.fract() != 0.0) {
                let message = format!("axis {name} holds {}, a size that cannot be", figure(*wrong));
                let help = "list whole numbers from 1 to 1000000";
                return Err(Fault::input(Diagnostic::error(message).key(name).help(help)));
            }
            *axis = values.into_iter().map(|v| v as u32).collect();
            axis.sort_unstable();
        }
        let unknown = |axis: &str, word: &str, known: &str| {
            Fault::input(
                Diagnostic::error(format!("unknown word {} in axis {axis}", quoted(word)))
                    .key(axis)
                    .help(format!("write some of {known}")),
            )
        };
        if let Some(words) = &self.recompute {
            space.recompute = words
                .iter()
                .map(|w| Recompute::parse(w).ok_or_else(|| unknown("recompute", w, "none, selective, full")))
                .collect::<Result<_, _>>()?;
        }
        if let Some(words) = &self.shard {
            space.shard = words
                .iter()
                .map(|w| Shard::parse(w).ok_or_else(|| unknown("shard", w, "none, optimizer, grads, full")))
                .collect::<Result<_, _>>()?;
        }
        if let Some(flags) = &self.sequence_parallel {
            space.sequence_parallel.clone_from(flags);
        }
        if space.is_empty() {
            return Err(Fault::input(
                Diagnostic::error("the plan space is empty").key("plans").help("every axis needs a value"),
            ));
        }
        Ok(())
    }
}

//! Axes of the plan space that a scenario states.

use serde::Deserialize;

use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::model::plan::{Recompute, Shard};
use crate::search::space::PlanSpace;

/// Axes of the plan space; one left out takes the tool's own values.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Axes {
    pub tp: Option<Vec<u32>>,
    pub cp: Option<Vec<u32>>,
    pub pp: Option<Vec<u32>>,
    pub vpp: Option<Vec<u32>>,
    pub ep: Option<Vec<u32>>,
    pub micro_batch: Option<Vec<u32>>,
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
            if let Some(values) = stated {
                if values.is_empty() || values.iter().any(|v| *v == 0 || *v > 1_000_000) {
                    let help = "list whole numbers from 1 to 1000000";
                    return Err(Fault::input(
                        Diagnostic::error(format!("axis {name} is empty or holds a size that cannot be"))
                            .key(name)
                            .help(help),
                    ));
                }
                axis.clone_from(values);
                axis.sort_unstable();
                axis.dedup();
            }
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

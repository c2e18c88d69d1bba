//! Predicts measured device memory. What a meter counts decides what it is compared with.
//!
//! | `memory_kind` | compared with |
//! |---|---|
//! | `allocated` (`max_memory_allocated`) | what the allocator handed out at most: states, with activations or the step |
//! | `reserved` (`max_memory_reserved`) | what it took from the device: states, activations, step, times `memory_cached` |
//! | `nvidia_smi` (the device) | the same and the reserve for context, libraries, buffers |
//! | `oom`, `fits` | need and reserve against what `capacity_GiB` can hold: a fact that is met or missed |
//! | nothing | need and reserve |
//!
//! Cached blocks go back to the device when it runs full, so no reading is expected above what a run can fill.
//!
//! | `what` | compared with |
//! |---|---|
//! | `total` or nothing | all of the above |
//! | `weights+optimizer` | states |
//! | `activations` | activations and what is held briefly on top |
//!
//! The notes name the stage that was read (`last stage`, `stage 0`); without one it is the fuller of first and last.

use super::judged::{Judged, Obstacle, Quantity, Status};
use super::plan::{Stated, UNSTATED_CHIPS, chips as chips_of, choose};
use super::predict::{Predictor, Subject};
use super::table::Row;
use super::vocabulary::{Names, UnknownWord};
use crate::model::memory::{GIB, Memory, StageMemory};
use crate::model::plan::Shard;

/// A published lower bound is missed only beyond the rounding of its own units.
const ROUNDING: f64 = 0.97;

const KINDS: [&str; 5] = ["allocated", "reserved", "nvidia_smi", "oom", "fits"];
const SUBJECTS: [&str; 3] = ["total", "weights+optimizer", "activations"];

/// Judges a row of a memory table.
pub fn judge(predictor: &Predictor<'_>, row: &Row, names: &Names, judged: &mut Judged) -> Result<(), Obstacle> {
    judged.quantity = Some(Quantity::PeakMemoryGib);
    judged.measured = row.positive("peak_memory_GiB").unwrap_or(f64::NAN);
    let subject = predictor.subject(row, names, judged)?;
    if chips_of(row).is_none() {
        judged.inferred.push("chips");
    }
    score(row, &subject, chips_of(row).unwrap_or(UNSTATED_CHIPS), judged)
}

/// Compares a row's memory with that of its plan.
pub fn score(row: &Row, subject: &Subject, chips: f64, judged: &mut Judged) -> Result<(), Obstacle> {
    let kind = known(row, "memory_kind", &KINDS)?;
    let what = known(row, "what", &SUBJECTS)?;
    if row.text("kind") == "memory_hybrid" {
        return Err(Obstacle::Lacks("layers without attention: not a transformer".to_owned()));
    }
    if row.number("seq_len").is_none() && what != "weights+optimizer" {
        return Err(Obstacle::states_no("sequence length"));
    }
    let fixed = &subject.stated.fixed;
    for (size, what) in [(fixed.tp, "tp"), (fixed.pp, "pp"), (fixed.micro_batch, "micro-batch")] {
        size.ok_or_else(|| Obstacle::states_no(what))?;
    }
    // Without sharding over replicas their number does not matter.
    if chips_of(row).is_none() && fixed.shard != Some(Shard::None) {
        return Err(Obstacle::states_no("chips or dp, over which the states are sharded"));
    }
    let stated = Stated { whole: true, ..subject.stated.clone() };
    let chosen = choose(&subject.setting, &stated, chips, &mut judged.inferred)?;
    judged.memory_disagrees = !chosen.fits;
    let memory = &chosen.estimate.memory;
    let stage = stage(row, memory)?;
    let cached = subject.setting.calibration.memory_cached;
    let bytes = match (what, kind) {
        ("weights+optimizer", _) => stage.states,
        ("activations", _) => stage.activations + stage.working,
        (_, "allocated") => stage.allocated(),
        (_, "reserved") => stage.reserved(cached).min(memory.usable),
        (_, "nvidia_smi") => (stage.reserved(cached) + stage.reserve).min(memory.usable.max(stage.total())),
        _ => stage.total(),
    };
    judged.predicted = bytes / GIB;
    if matches!(kind, "oom" | "fits") {
        let capacity = row.positive("capacity_GiB").unwrap_or(subject.chip.memory_bytes / GIB);
        let usable = capacity * subject.setting.calibration.memory_usable;
        let fits = judged.predicted <= usable;
        judged.fact(fits == (kind == "fits"), &format!("{kind}: a run can fill {usable:.1} GiB"));
    } else if let Some(measured) = row.positive("peak_memory_GiB") {
        if row.remarked("lower bound") && what != "weights+optimizer" {
            judged.fact(judged.predicted >= ROUNDING * measured, &format!("at least {measured} GiB were seen"));
        } else {
            judged.score(Quantity::PeakMemoryGib, judged.predicted, measured);
        }
    } else {
        return Err(Obstacle::states_no("measurement"));
    }
    Ok(())
}

/// A word of a row; empty where it states none.
fn known<'a>(row: &'a Row, column: &'static str, words: &[&'static str]) -> Result<&'a str, Obstacle> {
    let word = row.text(column);
    if word.is_empty() || words.contains(&word) {
        Ok(word)
    } else {
        Err(Obstacle::Unknown(UnknownWord::among(column, word, words)))
    }
}

/// The stage that a row's meter read.
fn stage(row: &Row, memory: &Memory) -> Result<StageMemory, Obstacle> {
    let number = row.remark_after("stage ");
    if row.remarked("last stage") || number.is_some_and(|rest| rest.ends_with(" last")) {
        return Ok(memory.last);
    }
    match number {
        Some("0") => Ok(memory.first),
        Some(rest) if rest.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Obstacle::Lacks("a middle stage: the model computes the first and the last".to_owned()))
        }
        _ if memory.first.total() >= memory.last.total() => Ok(memory.first),
        _ => Ok(memory.last),
    }
}

impl Judged {
    /// Enters a fact that has no error.
    fn fact(&mut self, agrees: bool, what: &str) {
        self.status = Status::Unscored;
        self.agrees = Some(agrees);
        let verdict = if agrees { "agrees" } else { "disagrees" };
        self.reason = format!("{what}; the prediction {verdict} (a one-sided fact has no error)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        let stage = |states: f64| StageMemory { states, activations: 1.0, ..StageMemory::default() };
        Memory { first: stage(3.0), last: stage(2.0), usable: 10.0 }
    }

    fn states(notes: &str) -> Option<f64> {
        stage(&Row::of(&[("notes", notes)], &[]), &memory()).ok().map(|stage| stage.states)
    }

    #[test]
    fn the_notes_name_the_stage_that_was_read() {
        assert_eq!(states("megatron-lm;last stage"), Some(2.0));
        assert_eq!(states("stage 1 last"), Some(2.0));
        assert_eq!(states("stage 0;lower bound"), Some(3.0));
        assert_eq!(states("stage 1"), None);
        assert_eq!(states("max over ranks"), Some(3.0));
        assert_eq!(states(""), Some(3.0));
    }
}

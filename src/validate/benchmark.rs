//! Runs timed from start to a target quality: how often their rules evaluate, by one table, `evidence/benchmarks.toml`.

use serde::Deserialize;

use super::table::Row;
use crate::library::diagnostic::Fault;
use crate::library::store::evidence_table;
use crate::library::workload::Training;

/// When a benchmark evaluates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Schedule {
    workload: String,
    #[serde(default)]
    lora: bool,
    #[serde(default)]
    rounds: Vec<String>,
    every: f64,
    #[serde(default)]
    every_per_batch: f64,
    sequences: f64,
    #[serde(default)]
    skip: f64,
    #[serde(default)]
    skip_per_batch: f64,
    #[allow(dead_code)]
    source: String,
}

/// The table of schedules, and the words of rows whose time spans evaluations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benchmarks {
    start_s: f64,
    words: Vec<String>,
    schedule: Vec<Schedule>,
}

/// What a measured time holds besides steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluations {
    /// Evaluations for each step of training.
    pub per_step: f64,
    /// Held-out sequences of one.
    pub sequences: f64,
    /// Seconds before the first step, for each step of training; 0 where the number of steps is not known.
    pub start_s: f64,
}

impl Benchmarks {
    /// Reads the table that ships with the library.
    pub fn shipped() -> Result<Benchmarks, Fault> {
        evidence_table("benchmarks.toml")
    }

    /// The evaluations of a row that trained `workload` with a global batch; `None` where its time holds none, or where
    /// no rule is known.
    pub fn evaluations(&self, row: &Row, workload: &str, training: Training, batch: f64) -> Option<Evaluations> {
        let text = [row.text("source"), row.text("url_or_ref"), row.text("notes")].join(" ").to_ascii_lowercase();
        let any = |words: &[String]| words.iter().any(|word| text.contains(word.as_str()));
        if !any(&self.words) || batch < 1.0 {
            return None;
        }
        let lora = training != Training::Full;
        let fits = |schedule: &&Schedule| {
            schedule.workload == workload
                && schedule.lora == lora
                && (schedule.rounds.is_empty() || any(&schedule.rounds))
        };
        let schedule = self.schedule.iter().find(fits)?;
        let steps_between = ((schedule.every + schedule.every_per_batch * batch) / batch).ceil();
        let skipped = (schedule.skip + schedule.skip_per_batch * batch).floor();
        let trained = row.positive("tokens_total").zip(row.positive("seq_len"));
        let sequences = schedule.sequences;
        Some(match trained.map(|(tokens, length)| tokens / (length * batch)) {
            Some(steps) => {
                let per_step = ((steps / steps_between - skipped) / steps).max(0.0);
                Evaluations { per_step, sequences, start_s: self.start_s / steps }
            }
            None => Evaluations { per_step: 1.0 / steps_between, sequences, start_s: 0.0 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::store::Library;

    fn evaluations(notes: &str, workload: &str, training: Training, batch: f64, tokens: f64) -> Option<Evaluations> {
        let Ok(benchmarks) = Benchmarks::shipped() else { unreachable!("the table ships with the program") };
        let row = Row::of(&[("notes", notes)], &[("tokens_total", tokens), ("seq_len", 8192.0)]);
        benchmarks.evaluations(&row, workload, training, batch)
    }

    #[test]
    fn evaluations_follow_the_benchmarks_rules() {
        let lora = Training::Lora { rank: 16.0 };
        // 3,840 sequences in steps of 8: ten evaluations, of which the first three are left out.
        let found = evaluations("includes evaluation", "llama-2-70b", lora, 8.0, 3840.0 * 8192.0);
        assert_eq!(found.map(|found| (found.per_step, found.sequences)), Some((7.0 / 480.0, 173.0)));
        assert_eq!(evaluations("", "llama-2-70b", lora, 8.0, 3840.0 * 8192.0), None);
        assert_eq!(evaluations("includes evaluation", "llama-2-70b", Training::Full, 8.0, 1e9), None);
        // A run too short for the first evaluation holds none.
        let short = evaluations("includes evaluation", "llama-2-70b", lora, 8.0, 800.0 * 8192.0);
        assert_eq!(short.map(|found| found.per_step), Some(0.0));
    }

    #[test]
    fn every_workload_of_the_table_is_in_the_library() -> Result<(), Fault> {
        let library = Library::open::<&str>(&[])?;
        for schedule in &Benchmarks::shipped()?.schedule {
            library.workload(&schedule.workload)?;
        }
        Ok(())
    }
}

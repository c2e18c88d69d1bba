//! A sweep from its first group to its last: in order, in parallel, in bounded memory, and stoppable.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::answer::Answer;
use super::group::{Keep, Outcome, Rows, Search, answer, answer_each};
use super::space::Space;
use crate::library::diagnostic::Fault;
use crate::results::{Row, Sink};
use crate::scenario::Scenario;

/// Rows that a batch of groups may bring.
const MOST_ROWS: u64 = 40_000;
/// Groups of a batch.
const MOST_UNITS: usize = 512;
/// A batch should take about this long, so that little is lost when the process is stopped.
const PACE: Duration = Duration::from_millis(200);

/// What is answered in one piece: a group, or some of its plans where all of them are kept.
#[derive(Clone, Debug)]
pub struct Unit {
    pub group: usize,
    pub points: Option<Range<u64>>,
}

/// A sweep as it was asked.
pub struct Sweep<'a> {
    pub scenario: &'a Scenario,
    pub space: &'a Space,
    pub units: Vec<Unit>,
    pub keep: Keep,
}

/// How far a sweep came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// It was asked to stop before the unit of that number.
    Stopped(usize),
}

impl<'a> Sweep<'a> {
    /// The units of a sweep; of the partitions, each takes every `of`-th group, from the `part`-th on.
    pub fn new(scenario: &'a Scenario, space: &'a Space, keep: Keep, (part, of): (u64, u64)) -> Result<Self, Fault> {
        let mut units = Vec::new();
        for (at, group) in space.groups.iter().enumerate() {
            if at as u64 % of != part - 1 {
                continue;
            }
            if keep.rows != Rows::All {
                units.push(Unit { group: at, points: None });
                continue;
            }
            let points: u64 = space.plans(scenario, group)?.iter().map(|s| s.len()).sum();
            let piece = (MOST_ROWS / space.places(group)).max(1);
            units.extend(
                (0..points.div_ceil(piece))
                    .map(|n| Unit { group: at, points: Some(n * piece..((n + 1) * piece).min(points)) }),
            );
        }
        Ok(Sweep { scenario, space, units, keep })
    }

    /// Answers a unit.
    fn unit(&self, unit: &Unit, search: &Search<'_>) -> Result<Outcome, Fault> {
        let group = &self.space.groups[unit.group];
        match &unit.points {
            None => answer(self.space, self.scenario, group, self.keep, search),
            Some(points) => answer_each(self.space, self.scenario, group, self.keep, points.clone()),
        }
    }

    /// Rows that a unit brings at most.
    fn rows(&self, unit: &Unit) -> u64 {
        let places = self.space.places(&self.space.groups[unit.group]);
        match (self.keep.rows, &unit.points) {
            (Rows::All, Some(points)) => (points.end - points.start) * places,
            (Rows::Best, _) => 4 * places,
            _ => 0,
        }
    }

    /// Answers the units from the `first` on, a batch at a time; what a batch brought is in the sink before the next begins.
    /// `done` hears how many units are.
    pub fn run(
        &self,
        first: usize,
        found: &mut Answer,
        search: &Search<'_>,
        mut sink: Option<&mut Sink>,
        stop: &AtomicBool,
        done: &mut dyn FnMut(usize, &Answer),
    ) -> Result<End, Fault> {
        let mut at = first;
        let mut length = 2_usize;
        while at < self.units.len() {
            if stop.load(Ordering::Relaxed) {
                return Ok(End::Stopped(at));
            }
            let mut end = at + 1;
            let mut rows = self.rows(&self.units[at]);
            while end < (at + length).min(self.units.len()) && rows + self.rows(&self.units[end]) <= MOST_ROWS {
                rows += self.rows(&self.units[end]);
                end += 1;
            }
            let begun = Instant::now();
            let mut outcomes: Vec<(usize, Outcome)> = self.units[at..end]
                .par_iter()
                .map(|unit| Ok((unit.group, self.unit(unit, search)?)))
                .collect::<Result<_, Fault>>()?;
            found.take(self.space, &outcomes);
            at = end;
            if let Some(sink) = &mut sink {
                let rows: Vec<Row> = outcomes.iter_mut().flat_map(|(_, o)| std::mem::take(&mut o.rows)).collect();
                sink.commit(at as u64, &rows, &found.save())?;
            }
            done(at, found);
            // The next batch takes about the pace.
            let took = begun.elapsed();
            if took > 2 * PACE {
                length = (length / 2).max(1);
            } else if took < PACE / 2 {
                length = (length * 2).min(MOST_UNITS);
            }
        }
        Ok(End::Done)
    }
}

//! What the errors of a fit come to, in sample and left out.

use super::{Group, LeftOut, Origin, Study, rows_of};
use crate::validate::judged::Judged;
use crate::validate::score::{Summary, summarise};

/// The same rows predicted in four ways.
pub struct Ways {
    /// Without any fit: the constants that may be fitted at their priors.
    pub priors: Vec<(Origin, Judged)>,
    pub in_sample: Vec<(Origin, Judged)>,
    pub by_source: Vec<LeftOut>,
    pub by_chip: Vec<LeftOut>,
}

impl Ways {
    /// Predicts all rows in all ways.
    pub fn of(study: &Study<'_>, progress: &dyn Fn(&str)) -> Ways {
        progress("priors alone");
        Ways {
            priors: study.judge(&study.priors, &|_, _| true),
            in_sample: study.judge(&study.fit.calibration, &|_, _| true),
            by_source: study.left_out(Group::Source, &|name| progress(&format!("without {name}"))),
            by_chip: study.left_out(Group::Chip, &|name| progress(&format!("without {name}"))),
        }
    }

    /// Rows of some origins in each way, under its name.
    pub fn rows(&self, origins: &[Origin]) -> [(&'static str, Vec<Judged>); 4] {
        let left = |left: &[LeftOut]| rows_of(left.iter().flat_map(|left| &left.rows), origins);
        [
            ("priors", rows_of(&self.priors, origins)),
            ("in_sample", rows_of(&self.in_sample, origins)),
            ("left_out_by_source", left(&self.by_source)),
            ("left_out_by_chip", left(&self.by_chip)),
        ]
    }
}

/// vTrain's rows predicted by a fit of the other half of them (and of all other rows).
pub struct Halves {
    pub word: &'static str,
    pub single: Summary,
    pub multi: Summary,
}

/// Splits vTrain's rows in two and predicts each half without itself: every second row, and small from large models.
pub fn halves(study: &Study<'_>, progress: &dyn Fn(&str)) -> Vec<Halves> {
    let theirs: Vec<usize> =
        study.entries.iter().enumerate().filter(|(_, e)| e.origin != Origin::Runs).map(|(at, _)| at).collect();
    let width =
        |at: usize| study.entries.get(at).and_then(|entry| entry.prepared.row().number("hidden")).unwrap_or(0.0);
    let mut widths: Vec<f64> = theirs.iter().map(|at| width(*at)).collect();
    widths.sort_by(f64::total_cmp);
    let Some(middle) = widths.get(widths.len() / 2).copied() else { return Vec::new() };
    let splits: [(&'static str, Vec<bool>); 2] = [
        ("every_second_row", theirs.iter().enumerate().map(|(nth, _)| nth % 2 == 0).collect()),
        ("small_from_large_models", theirs.iter().map(|at| width(*at) < middle).collect()),
    ];
    let mut found = Vec::new();
    for (word, sides) in splits {
        let mut rows = Vec::new();
        for side in [false, true] {
            progress(&format!("half of vTrain, {}", word.replace('_', " ")));
            let mut left = vec![false; study.entries.len()];
            for (at, one) in theirs.iter().zip(&sides) {
                left[*at] = *one == side;
            }
            let fit = study.fit_of(&|at, _| !left[at]);
            rows.extend(study.judge(&fit.calibration, &|at, _| left[at]));
        }
        let part = |origin: Origin| summarise(&rows_of(&rows, &[origin]));
        found.push(Halves { word, single: part(Origin::SingleNode), multi: part(Origin::MultiNode) });
    }
    found
}

//! Fits the constants of the time model on measured runs, and predicts runs with constants that never saw them.
//!
//! terms (priors, rows, loss) → rows with their open choices made → constants of highest posterior density → the same
//! without one source, without one chip → errors. A fitted constant has one value for all chips, stacks, sources and models.

pub mod file;
pub mod linear;
pub mod posterior;
pub mod score;
pub mod terms;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;

use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::store::evidence_source;
use crate::model::parameters::Calibration;
use crate::validate::column_map::ColumnMap;
use crate::validate::judged::{Judged, Status};
use crate::validate::predict::Predictor;
use crate::validate::prepared::{Frozen, Prepared};
use crate::validate::table::{Table, TableKind};
use posterior::{Fit, Problem, Weighted};
use terms::{Constant, Terms};

/// Where a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Our own columns: the published runs, or a user's.
    Runs,
    /// vTrain's measurements on one node, and on several.
    SingleNode,
    MultiNode,
}

/// The tables that a fit reads.
pub struct Tables(Vec<(Origin, Table)>);

impl Tables {
    /// The published runs, and vTrain's measurements where a folder of further evidence has them.
    pub fn shipped(facts: Option<&Path>) -> Result<Tables, Fault> {
        let mut tables = vec![(Origin::Runs, Table::shipped("published_runs.csv")?)];
        if let Some(facts) = facts {
            let map = ColumnMap::parse(&evidence_source("columns/vtrain.toml")?)?;
            for (origin, name) in
                [(Origin::SingleNode, "single_node_a100.csv"), (Origin::MultiNode, "multi_node_a100.csv")]
            {
                tables.push((origin, Table::read(&facts.join("vtrain").join(name), Some(&map))?));
            }
        }
        Ok(Tables(tables))
    }

    /// A user's own runs alone.
    pub fn of(table: Table) -> Result<Tables, Fault> {
        if table.kind == TableKind::Runs {
            Ok(Tables(vec![(Origin::Runs, table)]))
        } else {
            let message = format!("a table of {} has no times to fit", table.kind.word());
            let help = "give a table with one of sec_per_iter, tokens_per_s_per_chip, tflops_per_chip";
            Err(Fault::input(Diagnostic::error(message).in_file(table.file()).help(help)))
        }
    }

    /// What was passed over in reading.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter().flat_map(|(_, table)| &table.warnings)
    }
}

/// A row of a study.
pub struct Entry<'t> {
    pub origin: Origin,
    pub prepared: Prepared<'t>,
    /// The row as a fit uses it; none where the terms do not admit it.
    frozen: Option<Frozen<'t>>,
}

impl Entry<'_> {
    /// Whether the row may take part in a fit.
    pub fn is_fitted(&self) -> bool {
        self.frozen.is_some()
    }

    fn label(&self, group: Group) -> &str {
        match group {
            Group::Source => &self.prepared.label().source,
            Group::Chip => &self.prepared.label().chip,
        }
    }
}

/// What rows are left out by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Source,
    Chip,
}

/// A fit without some rows, and the rows left out as it predicts them.
pub struct LeftOut {
    /// Source or chip; none for the rows of groups that take no part in the fit of all rows.
    pub group: Option<String>,
    /// Constants of the fit.
    pub calibration: Calibration,
    pub rows: Vec<(Origin, Judged)>,
}

/// All measured rows, the terms of the fit, and the fit of all rows.
pub struct Study<'t> {
    pub terms: Terms,
    pub entries: Vec<Entry<'t>>,
    /// The shipped constants, with the priors of those that may be fitted.
    pub priors: Calibration,
    /// Which of the constants the rows determine, and posterior over prior sd of all.
    pub identified: Vec<bool>,
    pub narrowing: Vec<f64>,
    /// The fit of all rows: of the identified constants, the others at their priors.
    pub fit: Fit,
}

impl<'t> Study<'t> {
    /// Prepares all rows and fits them.
    pub fn new(
        predictor: &Predictor<'_>,
        tables: &'t Tables,
        terms: Terms,
        progress: &dyn Fn(&str),
    ) -> Result<Study<'t>, Fault> {
        let mut priors = predictor.library.calibration()?;
        for constant in &terms.constants {
            priors.set(constant.key, constant.prior);
        }
        progress("rows");
        let mut entries = Vec::new();
        for (origin, table) in &tables.0 {
            let prepared = predictor.prepare(table);
            let enter = |prepared: Prepared<'t>| {
                let admitted = prepared.quantity().is_some_and(|quantity| terms.admits(prepared.label(), quantity));
                let frozen = if admitted { prepared.freeze(&priors) } else { None };
                Entry { origin: *origin, prepared, frozen }
            };
            entries.extend(prepared.into_par_iter().map(enter).collect::<Vec<_>>());
        }
        let fitted = entries.iter().filter(|entry| entry.is_fitted()).count();
        if fitted == 0 {
            let file = tables.0.first().map_or("", |(_, table)| table.file());
            let message =
                "no row can be fitted: each needs a whole plan (chips, tp, pp, micro_batch) and a time or rate";
            return Err(Fault::input(Diagnostic::error(message).in_file(file).help("`wattline validate` says why")));
        }
        progress("all rows");
        let mut study =
            Study { terms, entries, priors, identified: Vec::new(), narrowing: Vec::new(), fit: Fit::none(priors) };
        let count = study.terms.constants.len();
        study.identified = vec![true; count];
        let everything = study.refit(&|_, _| true, &vec![0.0; count]);
        study.identified = everything.narrowing.iter().map(|sd| *sd <= study.terms.loss.identified).collect();
        study.narrowing.clone_from(&everything.narrowing);
        progress("the identified constants");
        let start = vec![0.0; study.free().len()];
        study.fit = study.refit(&|_, _| true, &start);
        Ok(study)
    }

    /// The constants that are fitted.
    pub fn free(&self) -> Vec<&Constant> {
        let pairs = self.terms.constants.iter().zip(&self.identified);
        pairs.filter(|(_, identified)| **identified).map(|(constant, _)| constant).collect()
    }

    /// Fits the rows that a rule keeps.
    pub fn fit_of(&self, keep: &dyn Fn(usize, &Entry<'t>) -> bool) -> Fit {
        self.refit(keep, &self.fit.coordinates)
    }

    fn refit(&self, keep: &dyn Fn(usize, &Entry<'t>) -> bool, start: &[f64]) -> Fit {
        let kept: Vec<&Entry<'t>> =
            self.entries.iter().enumerate().filter(|(at, entry)| keep(*at, entry)).map(|(_, entry)| entry).collect();
        // Two tables of one source measure two things, and weigh as two.
        let mut counts: BTreeMap<(Origin, &str), f64> = BTreeMap::new();
        for entry in kept.iter().filter(|entry| entry.is_fitted()) {
            *counts.entry((entry.origin, entry.label(Group::Source))).or_default() += 1.0;
        }
        let weighted = |entry: &&Entry<'t>| {
            let count = counts.get(&(entry.origin, entry.label(Group::Source))).copied().unwrap_or(1.0);
            let weight = (self.terms.loss.rows_per_source / count).min(1.0);
            Some(Weighted { frozen: entry.frozen.clone()?, weight })
        };
        let rows = kept.iter().filter_map(weighted).collect();
        let constants = self.free();
        Problem { loss: self.terms.loss, constants: &constants, base: self.priors, rows }.solve(start)
    }

    /// Scored rows of a rule, predicted with some constants.
    pub fn judge(
        &self,
        calibration: &Calibration,
        of: &(dyn Fn(usize, &Entry<'t>) -> bool + Sync),
    ) -> Vec<(Origin, Judged)> {
        let judge = |(at, entry): (usize, &Entry<'t>)| {
            let judged = of(at, entry).then(|| entry.prepared.judge(calibration))?;
            (judged.status == Status::Scored).then_some((entry.origin, judged))
        };
        self.entries.par_iter().enumerate().filter_map(judge).collect()
    }

    /// Each group's rows predicted by a fit without them. Rows of groups that take no part in the fit stand last, predicted
    /// by the fit of all rows.
    pub fn left_out(&self, group: Group, progress: &dyn Fn(&str)) -> Vec<LeftOut> {
        let fitted = self.entries.iter().filter(|entry| entry.is_fitted());
        let groups: BTreeSet<&str> = fitted.map(|entry| entry.label(group)).collect();
        let leave = |left: &&str| {
            progress(left);
            let fit = self.fit_of(&|_, entry| entry.label(group) != *left);
            let rows = self.judge(&fit.calibration, &|_, entry| entry.label(group) == *left);
            LeftOut { group: Some((*left).to_owned()), calibration: fit.calibration, rows }
        };
        let mut found: Vec<LeftOut> = groups.iter().map(leave).collect();
        let rows = self.judge(&self.fit.calibration, &|_, entry| !groups.contains(entry.label(group)));
        found.push(LeftOut { group: None, calibration: self.fit.calibration, rows });
        found
    }
}

/// Every scored row of the published runs, with stated and with chosen plan, all quantities, each predicted with constants
/// that were fitted without its source. vTrain's rows take part in the fits where `facts` has them, and are not among the
/// rows returned.
///
/// `facts` is the folder that `WATTLINE_FACTS` names.
pub fn left_out(predictor: &Predictor<'_>, facts: Option<&Path>) -> Result<Vec<Judged>, Fault> {
    let tables = Tables::shipped(facts)?;
    let study = Study::new(predictor, &tables, Terms::shipped()?, &|_| {})?;
    let left = study.left_out(Group::Source, &|_| {});
    Ok(rows_of(left.iter().flat_map(|left| &left.rows), &[Origin::Runs]))
}

/// The rows of some origins.
pub fn rows_of<'a>(rows: impl IntoIterator<Item = &'a (Origin, Judged)>, origins: &[Origin]) -> Vec<Judged> {
    rows.into_iter().filter(|(origin, _)| origins.contains(origin)).map(|(_, row)| row.clone()).collect()
}

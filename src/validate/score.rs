//! Summaries of errors: over rows, by source, by chip, by stack.

use std::collections::BTreeMap;

use super::judged::{Judged, Status};

/// Errors of a set of rows; NaN where no row is scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub scored: usize,
    pub unscored: usize,
    pub skipped: usize,
    pub median_abs_error: f64,
    /// Median |error| of each source, averaged over the sources.
    pub mean_of_source_medians: f64,
    /// Mean |predicted/measured - 1|.
    pub mape: f64,
    pub p90_abs_error: f64,
    /// Median signed error; positive: too slow, too much.
    pub bias: f64,
    /// Scored rows whose plan did run and which the memory model calls infeasible.
    pub memory_disagreements: usize,
    /// One-sided facts that the predictions meet, and those that they miss.
    pub facts_met: usize,
    pub facts_missed: usize,
    /// Share of the scored rows whose measurement lies inside its 80 % band, and the mean of the sources' shares.
    pub inside: f64,
    pub inside_by_source: f64,
}

/// Value below which a share of the values lies, interpolated; NaN of nothing.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let low = at.floor() as usize;
    let high = (low + 1).min(last);
    values[low] + (values[high] - values[low]) * (at - low as f64)
}

/// Summarises rows.
pub fn summarise<'a>(rows: impl IntoIterator<Item = &'a Judged>) -> Summary {
    let rows: Vec<&Judged> = rows.into_iter().collect();
    let scored: Vec<&&Judged> = rows.iter().filter(|row| row.status == Status::Scored).collect();
    let mut sizes: Vec<f64> = scored.iter().map(|row| row.error.abs()).collect();
    let mut signed: Vec<f64> = scored.iter().map(|row| row.error).collect();
    let mut sources: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in &scored {
        sources.entry(&row.source).or_default().push(row.error.abs());
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let medians: Vec<f64> = sources.values_mut().map(|errors| quantile(errors, 0.5)).collect();
    let mut held: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in &scored {
        held.entry(&row.source).or_default().extend(row.inside().map(|inside| if inside { 1.0 } else { 0.0 }));
    }
    held.retain(|_, rows| !rows.is_empty());
    let every: Vec<f64> = held.values().flatten().copied().collect();
    let shares: Vec<f64> = held.values().map(|rows| mean(rows)).collect();
    let ratios: Vec<f64> = scored.iter().map(|row| (row.predicted / row.measured - 1.0).abs()).collect();
    let count = |status: Status| rows.iter().filter(|row| row.status == status).count();
    Summary {
        scored: scored.len(),
        unscored: count(Status::Unscored),
        skipped: count(Status::Skipped),
        median_abs_error: quantile(&mut sizes, 0.5),
        mean_of_source_medians: mean(&medians),
        mape: mean(&ratios),
        p90_abs_error: quantile(&mut sizes, 0.9),
        bias: quantile(&mut signed, 0.5),
        memory_disagreements: scored.iter().filter(|row| row.memory_disagrees).count(),
        facts_met: rows.iter().filter(|row| row.agrees == Some(true)).count(),
        inside: mean(&every),
        inside_by_source: mean(&shares),
        facts_missed: rows.iter().filter(|row| row.agrees == Some(false)).count(),
    }
}

/// Summaries by a label of the rows, in the label's order.
pub fn by<'a>(rows: &'a [Judged], label: impl Fn(&'a Judged) -> &'a str) -> Vec<(String, Summary)> {
    let mut groups: BTreeMap<&str, Vec<&'a Judged>> = BTreeMap::new();
    for row in rows {
        groups.entry(label(row)).or_default().push(row);
    }
    groups.into_iter().map(|(label, rows)| (label.to_owned(), summarise(rows))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::judged::Quantity;

    fn row(source: &str, predicted: f64, measured: f64) -> Judged {
        let mut row = Judged::new("1", source, "", "");
        row.score(Quantity::StepS, predicted, measured);
        row
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&mut [1.0, 2.0], 0.5), 1.5);
        assert_eq!(quantile(&mut [0.0, 10.0], 0.9), 9.0);
        assert_eq!(quantile(&mut [7.0], 0.9), 7.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }

    #[test]
    fn every_source_weighs_the_same_in_the_mean_of_source_medians() {
        let mut rows = vec![row("large", 2.0, 1.0); 9];
        rows.push(row("small", 1.0, 1.0));
        let summary = summarise(&rows);
        assert_eq!(summary.scored, 10);
        assert!((summary.mean_of_source_medians - 0.5 * 2.0_f64.ln()).abs() < 1e-12);
        assert!((summary.median_abs_error - 2.0_f64.ln()).abs() < 1e-12);
        assert!((summary.mape - 0.9).abs() < 1e-12);
        assert!(summary.bias > 0.0);
        assert_eq!(by(&rows, |row| &row.source).len(), 2);
    }

    #[test]
    fn nothing_scored_has_no_error() {
        let summary = summarise(&[Judged::new("1", "", "", "")]);
        assert_eq!((summary.scored, summary.unscored), (0, 1));
        assert!(summary.mape.is_nan() && summary.bias.is_nan() && summary.mean_of_source_medians.is_nan());
    }
}

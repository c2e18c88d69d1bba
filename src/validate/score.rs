//! Summaries of errors: over rows, by source, by chip, by stack.

use super::predict::{Judged, Status};
use std::collections::BTreeMap;

/// Errors of a set of rows.
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
    pub memory_disagreements: usize,
}

/// Value below which a share of the sorted values lies, interpolated.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let at = share * (values.len() - 1) as f64;
    let low = at.floor() as usize;
    let high = (low + 1).min(values.len() - 1);
    values[low] + (values[high] - values[low]) * (at - low as f64)
}

/// Summarises rows.
pub fn summarise<'a>(rows: impl IntoIterator<Item = &'a Judged>) -> Summary {
    let rows: Vec<&Judged> = rows.into_iter().collect();
    let scored: Vec<&&Judged> = rows.iter().filter(|r| r.status == Status::Scored).collect();
    let mut sizes: Vec<f64> = scored.iter().map(|r| r.error.abs()).collect();
    let mut signed: Vec<f64> = scored.iter().map(|r| r.error).collect();
    let mut sources: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in &scored {
        sources.entry(&row.source).or_default().push(row.error.abs());
    }
    let count = sources.len() as f64;
    let medians: f64 = sources.values_mut().map(|errors| quantile(errors, 0.5)).sum();
    Summary {
        scored: scored.len(),
        unscored: rows.iter().filter(|r| r.status == Status::Unscored).count(),
        skipped: rows.iter().filter(|r| r.status == Status::Skipped).count(),
        median_abs_error: quantile(&mut sizes, 0.5),
        mean_of_source_medians: if count > 0.0 { medians / count } else { f64::NAN },
        mape: scored.iter().map(|r| (r.predicted / r.measured - 1.0).abs()).sum::<f64>() / scored.len().max(1) as f64,
        p90_abs_error: quantile(&mut sizes, 0.9),
        bias: quantile(&mut signed, 0.5),
        memory_disagreements: scored.iter().filter(|r| r.memory_disagrees).count(),
    }
}

/// Summaries by a label of the rows, in the label's order.
pub fn by<'a>(rows: &'a [Judged], label: impl Fn(&Judged) -> &str) -> Vec<(String, Summary)> {
    let mut groups: BTreeMap<String, Vec<&'a Judged>> = BTreeMap::new();
    for row in rows {
        groups.entry(label(row).to_owned()).or_default().push(row);
    }
    groups.into_iter().map(|(label, rows)| (label, summarise(rows))).collect()
}

//! Summaries of errors: over rows, and by what they have in common.

use std::collections::BTreeMap;

use super::judged::{Judged, MISSED, Quantity, Status};

/// Rows that a source has at least to count in the mean over sources.
pub const LEAST_ROWS: usize = 4;

/// Errors of a set of rows; NaN where no row is scored. A speed that found no prediction counts as a factor of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub scored: usize,
    pub unscored: usize,
    pub skipped: usize,
    /// Unscored rows that state a speed: each counts as a factor of two in every |error| below.
    pub missed: usize,
    pub median_abs_error: f64,
    /// Median |error| of each source, averaged over the sources with [`LEAST_ROWS`] rows; over all sources where none
    /// has so many.
    pub mean_of_source_medians: f64,
    /// Sources in that mean.
    pub sources: usize,
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
    let counted: Vec<(&str, f64)> =
        rows.iter().filter_map(|row| Some((row.source.as_str(), row.counted_error()?))).collect();
    let mut sizes: Vec<f64> = counted.iter().map(|(_, size)| *size).collect();
    let mut signed: Vec<f64> = scored.iter().map(|row| row.error).collect();
    let medians = source_medians(&counted);
    let missed = rows.iter().filter(|row| row.is_missed()).count();
    let ratios = scored.iter().map(|row| (row.predicted / row.measured - 1.0).abs());
    let ratios: Vec<f64> = ratios.chain(std::iter::repeat_n(MISSED.exp() - 1.0, missed)).collect();
    let mut held: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in &scored {
        held.entry(&row.source).or_default().extend(row.inside().map(|inside| if inside { 1.0 } else { 0.0 }));
    }
    held.retain(|_, rows| !rows.is_empty());
    let every: Vec<f64> = held.values().flatten().copied().collect();
    let shares: Vec<f64> = held.values().map(|rows| mean(rows)).collect();
    let count = |status: Status| rows.iter().filter(|row| row.status == status).count();
    Summary {
        scored: scored.len(),
        unscored: count(Status::Unscored),
        skipped: count(Status::Skipped),
        missed,
        median_abs_error: quantile(&mut sizes, 0.5),
        mean_of_source_medians: mean(&medians),
        sources: medians.len(),
        mape: mean(&ratios),
        p90_abs_error: quantile(&mut sizes, 0.9),
        bias: quantile(&mut signed, 0.5),
        memory_disagreements: scored.iter().filter(|row| row.memory_disagrees).count(),
        facts_met: rows.iter().filter(|row| row.agrees == Some(true)).count(),
        facts_missed: rows.iter().filter(|row| row.agrees == Some(false)).count(),
        inside: mean(&every),
        inside_by_source: mean(&shares),
    }
}

/// Mean of values; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Median |error| of each source that counts: those with [`LEAST_ROWS`] rows, or all where none has so many.
pub fn source_medians(counted: &[(&str, f64)]) -> Vec<f64> {
    let mut sources: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (source, size) in counted {
        sources.entry(source).or_default().push(*size);
    }
    let least = if sources.values().any(|errors| errors.len() >= LEAST_ROWS) { LEAST_ROWS } else { 1 };
    sources.retain(|_, errors| errors.len() >= least);
    sources.values_mut().map(|errors| quantile(errors, 0.5)).collect()
}

/// Rows that are summed up by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    All,
    /// The row states its plan.
    StatedPlan,
    /// The tool chose the plan.
    ChosenPlan,
    /// The row states TFLOP/s or a utilisation alone, which the convention of its source turns into a rate.
    Converted,
}

impl Part {
    pub const ALL: [Part; 4] = [Part::StatedPlan, Part::ChosenPlan, Part::Converted, Part::All];

    pub fn word(self) -> &'static str {
        match self {
            Part::All => "all",
            Part::StatedPlan => "stated_plan",
            Part::ChosenPlan => "chosen_plan",
            Part::Converted => "tflops_or_mfu",
        }
    }

    fn holds(self, row: &Judged) -> bool {
        match self {
            Part::All => true,
            Part::StatedPlan => row.plan_stated,
            Part::ChosenPlan => !row.plan_stated,
            Part::Converted => row.quantity == Some(Quantity::TflopsPerChip),
        }
    }

    /// The summary of the rows of this part.
    pub fn summary(self, rows: &[Judged]) -> Summary {
        summarise(rows.iter().filter(|row| self.holds(row)))
    }
}

/// Why rows are not scored, with how many each, the commonest first. One-sided facts are no such rows.
pub fn reasons(rows: &[Judged]) -> Vec<(Status, &str, usize)> {
    let mut counts: BTreeMap<(&str, &str), (Status, usize)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.status != Status::Scored && row.agrees.is_none()) {
        counts.entry((row.status.word(), &row.reason)).or_insert((row.status, 0)).1 += 1;
    }
    let mut reasons: Vec<(Status, &str, usize)> =
        counts.into_iter().map(|((_, reason), (status, count))| (status, reason, count)).collect();
    reasons.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    reasons
}

/// |error| of the rows that were set aside and could be predicted: what leaving them out leaves out.
pub fn set_aside(rows: &[Judged]) -> Vec<f64> {
    let aside = rows.iter().filter(|row| row.status == Status::Skipped);
    aside
        .filter_map(|row| Some(row.quantity?.error(row.predicted, row.measured).abs()))
        .filter(|size| size.is_finite())
        .collect()
}

/// Signed errors between which 80 % of the scored rows lie: (P10, P90).
pub fn band(rows: &[Judged]) -> (f64, f64) {
    let scored = rows.iter().filter(|row| row.status == Status::Scored);
    let mut errors: Vec<f64> = scored.map(|row| row.error).collect();
    (quantile(&mut errors, 0.1), quantile(&mut errors, 0.9))
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
        let mut rows = vec![row("large", 2.0, 1.0); 16];
        rows.extend(vec![row("small", 1.0, 1.0); 4]);
        let summary = summarise(&rows);
        assert_eq!((summary.scored, summary.sources), (20, 2));
        assert!((summary.mean_of_source_medians - 0.5 * 2.0_f64.ln()).abs() < 1e-12);
        assert!((summary.median_abs_error - 2.0_f64.ln()).abs() < 1e-12);
        assert!((summary.mape - 0.8).abs() < 1e-12);
        assert!(summary.bias > 0.0);
        assert_eq!(by(&rows, |row| &row.source).len(), 2);
    }

    #[test]
    fn a_source_of_few_rows_counts_only_where_all_have_few() {
        let mut rows = vec![row("large", 2.0, 1.0); LEAST_ROWS];
        let few = vec![row("few", 1.0, 1.0); LEAST_ROWS - 1];
        rows.extend(few.clone());
        assert_eq!(summarise(&rows).mean_of_source_medians, 2.0_f64.ln());
        assert_eq!(summarise(&few).mean_of_source_medians, 0.0);
    }

    #[test]
    fn a_speed_without_a_prediction_counts_as_a_factor_of_two() {
        let mut lost = Judged::new("2", "a", "", "");
        lost.quantity = Some(Quantity::StepS);
        let summary = summarise(&[row("a", 1.0, 1.0), lost.clone()]);
        assert_eq!((summary.scored, summary.unscored, summary.missed), (1, 1, 1));
        assert!((summary.median_abs_error - 0.5 * MISSED).abs() < 1e-12 && (summary.mape - 0.5).abs() < 1e-12);
        assert_eq!(summary.bias, 0.0);
        lost.quantity = Some(Quantity::Days);
        assert_eq!(summarise(&[row("a", 1.0, 1.0), lost]).median_abs_error, 0.0);
    }

    #[test]
    fn a_row_set_aside_keeps_its_prediction_and_leaves_the_figures() {
        let mut aside = row("a", 2.0, 1.0);
        aside.set_aside("odd");
        let rows = [row("a", 1.0, 1.0), aside];
        assert_eq!((summarise(&rows).skipped, summarise(&rows).median_abs_error), (1, 0.0));
        assert_eq!(set_aside(&rows), [2.0_f64.ln()]);
        assert_eq!(reasons(&rows), [(Status::Skipped, "odd", 1)]);
    }

    #[test]
    fn nothing_scored_has_no_error() {
        let summary = summarise(&[Judged::new("1", "", "", "")]);
        assert_eq!((summary.scored, summary.unscored), (0, 1));
        assert!(summary.mape.is_nan() && summary.bias.is_nan() && summary.mean_of_source_medians.is_nan());
    }
}

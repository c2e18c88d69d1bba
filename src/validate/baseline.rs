//! The predictor to beat: one constant model-FLOP rate for each chip and precision, fitted on other measured rows.
//!
//! The rate of a chip and precision is the median of what its other rows reached, attention halved where causal. A chip
//! or precision that no other row has gets the median utilisation of all other rows: more than such a predictor knows.

use std::collections::{BTreeMap, BTreeSet};

use super::judged::{Judged, Quantity, Status};
use super::score::quantile;

/// Parts into which the rows are split where each part is predicted from the others.
const FOLDS: usize = 5;

/// Which rows are fitted on none of their own kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Every fifth row.
    Fifth,
    /// All rows of one source.
    Source,
}

impl LeftOut {
    pub const ALL: [LeftOut; 2] = [LeftOut::Fifth, LeftOut::Source];

    pub fn title(self) -> &'static str {
        match self {
            LeftOut::Fifth => "constant rate, fitted on 4/5 of the rows",
            LeftOut::Source => "constant rate, fitted on other sources",
        }
    }

    fn fold(self, at: usize, row: &Judged) -> String {
        match self {
            LeftOut::Fifth => (at % FOLDS).to_string(),
            LeftOut::Source => row.source.clone(),
        }
    }
}

/// A row's speed: what the baseline can predict.
struct Speed<'a> {
    row: &'a Judged,
    fold: String,
    class: (&'a str, &'a str),
    /// Measured model FLOP/s of a chip.
    reached: f64,
}

/// Whether the baseline can predict a row: it is scored on a time or a rate.
pub fn is_speed(row: &Judged) -> bool {
    row.status == Status::Scored && row.quantity.is_some_and(Quantity::is_time) && row.model_flops > 0.0
}

/// The same rows, predicted by the constant rate; without the rows for which nothing else was measured.
pub fn predicted(rows: &[Judged], left_out: LeftOut) -> Vec<Judged> {
    let speeds: Vec<Speed<'_>> = rows
        .iter()
        .filter(|row| is_speed(row))
        .enumerate()
        .map(|(at, row)| Speed {
            row,
            fold: left_out.fold(at, row),
            class: (&row.chip, &row.precision),
            // The error is that of the time: the rate reached is the predicted one times the time's ratio.
            reached: row.model_flops * row.error.exp(),
        })
        .collect();
    let folds: BTreeSet<&str> = speeds.iter().map(|speed| speed.fold.as_str()).collect();
    folds.into_iter().flat_map(|fold| predict_fold(&speeds, fold)).collect()
}

/// Rows of a fold, predicted from the rows of the others.
fn predict_fold(speeds: &[Speed<'_>], fold: &str) -> Vec<Judged> {
    let mut classes: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    let mut utilisations = Vec::new();
    for speed in speeds.iter().filter(|speed| speed.fold != fold) {
        classes.entry(speed.class).or_default().push(speed.reached);
        utilisations.push(speed.reached / speed.row.peak_flops);
    }
    let rates: BTreeMap<(&str, &str), f64> =
        classes.into_iter().map(|(class, mut rates)| (class, quantile(&mut rates, 0.5))).collect();
    let utilisation = quantile(&mut utilisations, 0.5);
    let own = speeds.iter().filter(|speed| speed.fold == fold);
    own.filter_map(|speed| {
        let rate = rates.get(&speed.class).copied().unwrap_or(utilisation * speed.row.peak_flops);
        let time_ratio = speed.reached / rate;
        let quantity = speed.row.quantity?;
        let measured = speed.row.measured;
        let mut row = speed.row.clone();
        row.score(quantity, if quantity.is_rate() { measured / time_ratio } else { measured * time_ratio }, measured);
        time_ratio.is_finite().then_some(row)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::score::summarise;

    /// A row whose prediction is too slow by a factor.
    fn row(source: &str, chip: &str, model_flops: f64, factor: f64) -> Judged {
        let mut row = Judged::new("1", source, "", chip);
        row.score(Quantity::StepS, factor, 1.0);
        (row.model_flops, row.peak_flops) = (model_flops, 1000.0);
        row
    }

    #[test]
    fn one_rate_for_all_rows_is_found_exactly() {
        // All reached 400: the baseline is right where the predictions are not.
        let rows: Vec<Judged> = (1..=10).map(|n| row("a", "x", 400.0 / f64::from(n), f64::from(n))).collect();
        let baseline = predicted(&rows, LeftOut::Fifth);
        assert_eq!(baseline.len(), 10);
        assert!(summarise(&baseline).p90_abs_error < 1e-12);
    }

    #[test]
    fn a_chip_of_no_other_row_gets_the_utilisation_of_the_others() {
        let mut rows = vec![row("a", "x", 400.0, 1.0); 4];
        rows.push(row("b", "y", 200.0, 1.0));
        let baseline = predicted(&rows, LeftOut::Source);
        // 0.4 of the peak where 0.2 were reached: too fast by two.
        assert!(baseline.iter().any(|row| row.chip == "y" && (row.error + 2.0_f64.ln()).abs() < 1e-12));
    }

    #[test]
    fn a_row_is_not_fitted_on_itself() {
        let rows = [row("a", "x", 400.0, 1.0), row("b", "x", 100.0, 1.0)];
        let baseline = predicted(&rows, LeftOut::Source);
        assert!(baseline.iter().all(|row| (row.error.abs() - 4.0_f64.ln()).abs() < 1e-12));
    }
}

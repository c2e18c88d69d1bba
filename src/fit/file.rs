//! The fitted constants as the text of `evidence/calibration.toml`.

use toml::de::DeValue;

use super::Study;
use super::terms::Constant;
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::reader;
use crate::library::record::Record;
use crate::library::shape::figure;
use crate::library::source_text::SourceText;
use crate::model::parameters::Calibration;

/// Digits that a fit is worth.
const DIGITS: usize = 3;

/// A value to the digits that a fit is worth.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value)
}

/// Whether two values are the same but for their rounding: the last digit may differ by one.
pub fn same_but_for_rounding(left: f64, right: f64) -> bool {
    let unit = 10f64.powi(left.abs().log10().floor() as i32 + 1 - DIGITS as i32);
    (left - right).abs() <= 1.5 * unit
}

/// The constants as a file states them: rounded.
pub fn constants(study: &Study<'_>) -> Calibration {
    let mut calibration = study.fit.calibration;
    for constant in &study.terms.constants {
        if let Some(value) = calibration.get(constant.key) {
            calibration.set(constant.key, rounded(value));
        }
    }
    calibration
}

/// A calibration file's text with the constants of a study in place of its own. Ranges stay, unless a fit leaves them.
pub fn text(study: &Study<'_>, source: &SourceText, record: &Record, evidence: &str) -> Result<String, Fault> {
    let document = reader::parse(source).map_err(Fault::input)?;
    let calibration = constants(study);
    let mut replacements = Vec::new();
    for (constant, identified) in study.terms.constants.iter().zip(&study.identified) {
        let value = calibration.get(constant.key).unwrap_or(constant.prior);
        let written = entry(constant, value, *identified, record, evidence);
        let span = document
            .get_ref()
            .iter()
            .find(|(key, _)| key.get_ref() == constant.key)
            .filter(|(_, value)| matches!(value.get_ref(), DeValue::Table(_) | DeValue::Float(_) | DeValue::Integer(_)))
            .map(|(_, value)| value.span())
            // What a [table] spans is its head.
            .filter(|span| source.text().get(span.clone()).is_some_and(|text| !text.starts_with('[')));
        match span {
            Some(span) => replacements.push((span, written)),
            None => {
                let message =
                    format!("`{}` is not in the calibration that the fit is to be written into", constant.key);
                let help = format!("add {} = {}", constant.key, figure(constant.prior));
                return Err(Fault::input(
                    Diagnostic::error(message).in_file(source.file()).key(constant.key).help(help),
                ));
            }
        }
    }
    let mut text = source.text().to_owned();
    replacements.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    for (span, written) in replacements {
        text.replace_range(span, &written);
    }
    Ok(text)
}

/// `{ value = …, range = […], kind = "…", source = "…" }`
fn entry(constant: &Constant, value: f64, identified: bool, record: &Record, evidence: &str) -> String {
    let range = record.sourced(constant.key).and_then(|sourced| sourced.range);
    let range = range.map_or(String::new(), |(low, high)| {
        format!("range = [{}, {}], ", number(low.min(value)), number(high.max(value)))
    });
    let (kind, source) = if identified {
        ("estimate", format!("`wattline fit` on {evidence}; prior {}: {}", figure(constant.prior), constant.source))
    } else {
        ("assumed", format!("{}; not identified by `wattline fit`", constant.source))
    };
    let source = source.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{{ value = {}, {range}kind = \"{kind}\", source = \"{source}\" }}", number(value))
}

/// A TOML float.
fn number(value: f64) -> String {
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_three_digits() {
        assert_eq!([rounded(0.93456), rounded(2.7247e-5), rounded(163.18)], [0.935, 2.72e-5, 163.0]);
        assert!(same_but_for_rounding(0.935, 0.936) && !same_but_for_rounding(0.935, 0.937));
        assert!(same_but_for_rounding(2.72e-5, 2.73e-5) && !same_but_for_rounding(2.72e-5, 2.8e-5));
        assert!(same_but_for_rounding(163.0, 163.4) && !same_but_for_rounding(163.0, 166.0));
    }
}

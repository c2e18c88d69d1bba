//! Numbers and claimed values in words.

use super::statement::{Claim, Sense};

/// The claimed value as it was spoken.
pub fn spoken(claim: &Claim) -> String {
    let (low, high) = (claim.value.low, claim.value.high);
    let number = if low == high { digits(low) } else { format!("{} to {}", digits(low), digits(high)) };
    match claim.sense {
        Sense::About => number,
        Sense::UpTo => format!("up to {number}"),
        Sense::AtLeast => format!("at least {number}"),
        Sense::AtMost => format!("at most {number}"),
    }
}

/// A middle with its range.
pub fn range(low: f64, mid: f64, high: f64) -> String {
    if low == high { digits(mid) } else { format!("{} ({} to {})", digits(mid), digits(low), digits(high)) }
}

/// A number in a unit: differences in percent know no smaller step than a tenth.
pub fn shown(value: f64, unit: &str) -> String {
    let difference = unit.starts_with('%') && unit != "%";
    if difference && value.abs() < 10.0 { digits((10.0 * value).round() / 10.0) } else { digits(value) }
}

/// A number with three significant digits.
pub fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let size = value.abs().log10().floor();
    if !(-4.0..7.0).contains(&size) {
        return format!("{value:.2e}");
    }
    let places = (2.0 - size).max(0.0) as usize;
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

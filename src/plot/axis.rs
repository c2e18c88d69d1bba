//! An axis: what it shows, from where to where, linear or logarithmic.

use super::quantity::Quantity;

/// Decades that an axis spans at least where it is logarithmic unasked.
const LOG_DECADES: f64 = 1.5;
/// Room beyond the values, as a share of the axis.
const MARGIN: f64 = 0.05;

/// Which axes are logarithmic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Log {
    /// Where the values are positive and span more than 1.5 decades.
    #[default]
    Auto,
    None,
    X,
    Y,
    Both,
}

impl Log {
    /// What is asked of the horizontal axis; `None` where it is left open.
    pub fn x(self) -> Option<bool> {
        (self != Log::Auto).then_some(matches!(self, Log::X | Log::Both))
    }

    pub fn y(self) -> Option<bool> {
        (self != Log::Auto).then_some(matches!(self, Log::Y | Log::Both))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub label: String,
    pub log: bool,
    pub low: f64,
    pub high: f64,
    /// Names of the places 1, 2, 3 … where the axis counts categories.
    pub names: Vec<String>,
}

/// Least and largest of the finite values.
pub fn bounds(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    finite.fold(None, |bounds, value| match bounds {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

/// Whether values between these are shown on a logarithmic axis unasked.
pub fn wants_log(low: f64, high: f64) -> bool {
    low > 0.0 && (high / low).log10() > LOG_DECADES
}

impl Axis {
    /// The axis of a quantity whose shown values lie between two bounds, with some room beyond them.
    pub fn of(quantity: &Quantity, (low, high): (f64, f64), log: bool) -> Axis {
        let (low, high) = if log { roomy_log(low, high) } else { roomy(low, high) };
        Axis { label: quantity.label(), log, low, high, names: Vec::new() }
    }

    /// The same without room beyond the bounds.
    pub fn tight(quantity: &Quantity, (low, high): (f64, f64), log: bool) -> Axis {
        Axis { label: quantity.label(), log, low, high, names: Vec::new() }
    }

    /// An axis of categories.
    pub fn named(label: String, names: Vec<String>) -> Axis {
        Axis { label, log: false, low: 0.5, high: names.len() as f64 + 0.5, names }
    }

    /// Where a value lies: 0 at the start, 1 at the end.
    pub fn place(&self, value: f64) -> f64 {
        if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// The value at a place.
    pub fn value(&self, place: f64) -> f64 {
        if self.log { self.low * (self.high / self.low).powf(place) } else { self.low + (self.high - self.low) * place }
    }
}

fn roomy_log(low: f64, high: f64) -> (f64, f64) {
    let room = (high / low).powf(MARGIN).max(1.12);
    ((low / room).max(f64::MIN_POSITIVE), (high * room).min(f64::MAX))
}

fn roomy(low: f64, high: f64) -> (f64, f64) {
    let span = high - low;
    if span <= f64::EPSILON * high.abs() {
        let room = if high == 0.0 { 1.0 } else { 0.5 * high.abs() };
        return (low - room, high + room);
    }
    // Zero belongs on the axis where the values come near it.
    let start = if low >= 0.0 && low < 0.4 * high { 0.0 } else { low - MARGIN * span };
    let end = if high <= 0.0 && high > 0.4 * low { 0.0 } else { high + MARGIN * span };
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_logarithmic_where_positive_values_span_a_decade_and_a_half() {
        assert!(wants_log(1.0, 40.0));
        assert!(!wants_log(1.0, 20.0));
        assert!(!wants_log(0.0, 1e9));
        assert!(!wants_log(-1.0, 1e9));
    }

    #[test]
    fn every_value_lies_within_its_axis_and_its_place_leads_back() {
        let quantity = Quantity::of("wall_s", "s", 1e6);
        for (low, high, log) in
            [(1.0, 1e4, true), (3.0, 3.0, true), (0.0, 5.0, false), (7.0, 7.0, false), (-4.0, -1.0, false)]
        {
            let axis = Axis::of(&quantity, (low, high), log);
            assert!(axis.low < high && axis.high > low && axis.low <= low && axis.high >= high);
            let back = axis.value(axis.place(high));
            assert!((back - high).abs() <= 1e-12 * high.abs().max(1.0), "{back} is not {high}");
        }
    }
}

//! What a column is called on an axis, and the unit that people read it in.

/// A column as an axis shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    pub name: String,
    /// Empty where the values have none.
    pub unit: String,
    /// The file's values over what is shown.
    pub factor: f64,
    /// Such as throughput, which a frontier wants large.
    pub more_is_better: bool,
}

/// Names that are clearer than the column's own.
const NAMES: [(&str, &str); 15] = [
    ("wall_s", "training time"),
    ("step_s", "step time"),
    ("facility_energy_j", "facility energy"),
    ("it_energy_j", "equipment energy"),
    ("cost_usd", "cost"),
    ("co2_kg", "CO₂e"),
    ("peak_facility_w", "peak facility power"),
    ("avg_facility_w", "mean facility power"),
    ("power_cap_w", "power cap of a chip"),
    ("usd_per_kwh", "electricity price"),
    ("g_per_kwh", "carbon intensity"),
    ("memory_bytes", "memory of the fullest chip"),
    ("tokens_per_s", "throughput"),
    ("mfu", "MFU"),
    ("tflops_per_chip", "model compute of a chip"),
];

const BETTER: [&str; 7] =
    ["mfu", "hfu", "goodput", "tokens_per_s", "tokens_per_s_per_chip", "tflops_per_chip", "served_fraction"];

/// Units of a column by the end of its name, where the file states none.
const ENDINGS: [(&str, &str); 8] = [
    ("_per_s", "1/s"),
    ("_s", "s"),
    ("_j", "J"),
    ("_w", "W"),
    ("_usd", "USD"),
    ("_kg", "kgCO2e"),
    ("_bytes", "B"),
    ("usd_per_kwh", "USD/kWh"),
];

const DAY_S: f64 = 86_400.0;
const GIB: f64 = 1_073_741_824.0;

/// Units in which a quantity is read: least typical value, name, size. The largest first.
fn ladder(unit: &str) -> &'static [(f64, &'static str, f64)] {
    match unit {
        "s" => &[
            (2.0 * DAY_S, "days", DAY_S),
            (7200.0, "hours", 3600.0),
            (180.0, "minutes", 60.0),
            (1.0, "s", 1.0),
            (1e-3, "ms", 1e-3),
            (0.0, "µs", 1e-6),
        ],
        "J" => &[
            (3.6e15, "TWh", 3.6e15),
            (3.6e12, "GWh", 3.6e12),
            (3.6e9, "MWh", 3.6e9),
            (3.6e6, "kWh", 3.6e6),
            (1e3, "kJ", 1e3),
            (0.0, "J", 1.0),
        ],
        "W" => &[(1e9, "GW", 1e9), (1e6, "MW", 1e6), (1e4, "kW", 1e3), (0.0, "W", 1.0)],
        "USD" => &[(1e9, "B$", 1e9), (1e6, "M$", 1e6), (1e4, "k$", 1e3), (0.0, "$", 1.0)],
        "kgCO2e" => &[(1e9, "Mt", 1e9), (1e6, "kt", 1e6), (1e3, "t", 1e3), (0.0, "kg", 1.0)],
        "B" => &[(GIB, "GiB", GIB), (0.0, "MiB", GIB / 1024.0)],
        "USD/kWh" => &[(0.0, "$/kWh", 1.0)],
        "gCO2e/kWh" => &[(0.0, "g CO₂e/kWh", 1.0)],
        _ => &[],
    }
}

impl Quantity {
    /// The quantity of a column, in the unit that suits a typical value.
    pub fn of(column: &str, unit: &str, typical: f64) -> Quantity {
        let ending = ENDINGS.iter().find(|(ending, _)| column.ends_with(ending));
        let unit = if unit.is_empty() { ending.map_or("", |(_, unit)| unit) } else { unit };
        let step = ladder(unit).iter().find(|(least, _, _)| typical.abs() >= *least);
        let (shown, factor) = step.map_or((unit, 1.0), |(_, name, size)| (name, *size));
        let known = NAMES.iter().find(|(name, _)| *name == column).map(|(_, words)| (*words).to_owned());
        let name = known.unwrap_or_else(|| words(column));
        Quantity { name, unit: shown.to_owned(), factor, more_is_better: BETTER.contains(&column) }
    }

    /// Name and unit, as an axis has them.
    pub fn label(&self) -> String {
        if self.unit.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.unit) }
    }
}

/// A column's name without its unit, as words.
fn words(column: &str) -> String {
    let unit = ["_s", "_j", "_w", "_usd", "_kg", "_bytes"].into_iter().find(|unit| column.ends_with(unit));
    let stem = match unit {
        Some(unit) if !column.ends_with("_per_s") => column.strip_suffix(unit).unwrap_or(column),
        _ => column,
    };
    stem.replace('_', " ")
}

/// A number to be read, not measured: three digits.
pub fn rounded(value: f64) -> String {
    let step = 10.0_f64.powf(value.abs().max(1e-9).log10().floor() - 2.0);
    number((value / step).round() * step)
}

/// A number beside an axis: four digits at most, thousands apart.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size > 0.0 && !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}").replace(".000e", "e").replace("00e", "e");
    }
    let digits = (3.0 - size.max(1e-4).log10().floor()).clamp(0.0, 8.0) as usize;
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |text| ("-", text));
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 && whole.len() > 4 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if grouped == "0" && rest.is_none() { "" } else { sign };
    rest.map_or_else(|| format!("{sign}{grouped}"), |rest| format!("{sign}{grouped}.{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_shown_in_the_unit_that_people_read() {
        let label = |column: &str, typical: f64| Quantity::of(column, "", typical).label();
        assert_eq!(label("wall_s", 90.0 * DAY_S), "training time (days)");
        assert_eq!(label("wall_s", 5.0 * 3600.0), "training time (hours)");
        assert_eq!(label("facility_energy_j", 2e14), "facility energy (GWh)");
        assert_eq!(label("cost_usd", 4e8), "cost (M$)");
        assert_eq!(label("co2_kg", 3e7), "CO₂e (kt)");
        assert_eq!(label("peak_facility_w", 5e7), "peak facility power (MW)");
        assert_eq!(label("usd_per_kwh", 0.1), "electricity price ($/kWh)");
        assert_eq!(label("chips", 16384.0), "chips");
        assert_eq!(label("step_s_tensor_parallel", 3.0), "step s tensor parallel");
        assert_eq!(Quantity::of("anything", "widgets", 3.0).label(), "anything (widgets)");
    }

    #[test]
    fn a_number_has_four_digits_at_most_and_its_thousands_apart() {
        let shown = [0.0, 0.05, 0.3, 1.5, 250.0, 1000.0, 16384.0, 1e6, 2e9, 1.5e-5, -3.25].map(number);
        assert_eq!(shown, ["0", "0.05", "0.3", "1.5", "250", "1000", "16,384", "1,000,000", "2e9", "1.5e-5", "-3.25"]);
    }
}

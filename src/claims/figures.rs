//! The figures of the debate, `evidence/figures.toml`: what formulas of claims name, each with its source.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::formula::Interval;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::nearest::nearest;
use crate::library::reader;
use crate::library::source_text::SourceText;
use crate::library::store::evidence_source;

/// What a figure rests on.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Measured,
    /// An office, an agency or a company counted it.
    Statistic,
    /// Somebody expects it.
    Forecast,
    Estimate,
    Assumed,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Measured => "measured",
            Kind::Statistic => "statistic",
            Kind::Forecast => "forecast",
            Kind::Estimate => "estimate",
            Kind::Assumed => "assumed",
        }
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// As formulas write it.
    pub name: String,
    pub title: String,
    /// With its range, where sources disagree.
    pub value: f64,
    pub range: Option<[f64; 2]>,
    pub unit: String,
    /// The year, month or day that it is of.
    pub date: String,
    pub kind: Kind,
    pub source: String,
}

impl Figure {
    pub fn interval(&self) -> Interval {
        Interval::new(self.value, self.range.unwrap_or([self.value; 2]))
    }
}

/// All figures, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    all: Vec<Figure>,
}

/// A figure as the file states it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    name: Spanned<String>,
    title: Spanned<String>,
    value: Spanned<f64>,
    range: Option<Spanned<[f64; 2]>>,
    unit: String,
    date: Spanned<String>,
    kind: Kind,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    figure: Vec<Stated>,
}

impl Figures {
    /// The figures that the program carries.
    pub fn shipped() -> Result<Figures, Fault> {
        Figures::parse(&evidence_source("figures.toml")?)
    }

    /// Reads a file of figures; all faults of its values at once.
    pub fn parse(source: &SourceText) -> Result<Figures, Fault> {
        // What is no TOML is said as everywhere.
        reader::parse(source).map_err(Fault::input)?;
        let file: File = toml::from_str(source.text()).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let help =
                "a [[figure]] has name, title, value, unit, date, kind and source, and range where sources differ";
            Fault::input(Diagnostic::error(error.message()).at(source, span).help(help))
        })?;
        let mut figures = Figures::default();
        let mut faults = Vec::new();
        for stated in file.figure {
            faults.extend(complaints(&stated, &figures).into_iter().map(|complaint| complaint.at(source)));
            figures.all.push(Figure {
                name: stated.name.into_inner(),
                title: stated.title.into_inner(),
                value: stated.value.into_inner(),
                range: stated.range.map(Spanned::into_inner),
                unit: stated.unit,
                date: stated.date.into_inner(),
                kind: stated.kind,
                source: stated.source.into_inner(),
            });
        }
        if faults.is_empty() { Ok(figures) } else { Err(Fault::inputs(faults)) }
    }

    pub fn get(&self, name: &str) -> Option<&Figure> {
        self.all.iter().find(|figure| figure.name == name)
    }

    pub fn all(&self) -> &[Figure] {
        &self.all
    }

    /// The figure that a misspelt name most likely meant.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.all.iter().map(|figure| figure.name.as_str()), 1).first().copied()
    }
}

/// What is wrong with a value.
struct Complaint {
    key: &'static str,
    message: String,
    span: Range<usize>,
    help: &'static str,
}

impl Complaint {
    fn at(self, source: &SourceText) -> Diagnostic {
        Diagnostic::error(self.message).at(source, self.span).key(self.key).help(self.help)
    }
}

fn complaints(stated: &Stated, known: &Figures) -> Vec<Complaint> {
    let mut found = Vec::new();
    let mut complain = |key, message: String, span, help| found.push(Complaint { key, message, span, help });
    let name = stated.name.get_ref();
    if !is_name(name) {
        let help = "write small letters, digits and _, such as us_generation_twh";
        complain("name", format!("{} is no name of a figure", quoted(name)), stated.name.span(), help);
    } else if known.get(name).is_some() {
        let message = format!("two figures are called {}", quoted(name));
        complain("name", message, stated.name.span(), "give each its own name, or one of them a range");
    }
    for (key, text) in [("title", &stated.title), ("source", &stated.source)] {
        if text.get_ref().trim().is_empty() {
            let message = format!("the {key} of {} is empty", quoted(name));
            complain(key, message, text.span(), "say what the figure is, and which document states it");
        }
    }
    if !is_date(stated.date.get_ref()) {
        let message = format!("{} is no date", quoted(stated.date.get_ref()));
        complain("date", message, stated.date.span(), "write YYYY, YYYY-MM or YYYY-MM-DD");
    }
    let value = *stated.value.get_ref();
    if !value.is_finite() {
        complain("value", format!("{} has no finite value", quoted(name)), stated.value.span(), "write a number");
    }
    if let Some(range) = &stated.range {
        let [low, high] = *range.get_ref();
        // Also false where one of them is no number.
        if !(low <= value && value <= high && low.is_finite() && high.is_finite()) {
            let message = format!("the range {low} to {high} of {} does not hold its value {value}", quoted(name));
            complain("range", message, range.span(), "write [least, most] around the value");
        }
    }
    found
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
}

/// A year, with or without its month and day.
fn is_date(date: &str) -> bool {
    let parts: Vec<&str> = date.split('-').collect();
    let number = |part: &str, digits: usize, most: u32| {
        part.len() == digits
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u32>().is_ok_and(|number| (1..=most).contains(&number))
    };
    let limits = [(4, 9999), (2, 12), (2, 31)];
    parts.len() <= 3 && parts.iter().zip(limits).all(|(part, (digits, most))| number(part, digits, most))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: &str = "[[figure]]\nname = \"peak_gw\"\ntitle = \"Peak\"\nvalue = 750\nrange = [745, 760]\nunit = \"GW\"\n\
                        date = \"2024\"\nkind = \"statistic\"\nsource = \"a table\"\n";

    fn parse(text: &str) -> Result<Figures, Fault> {
        Figures::parse(&SourceText::new("figures.toml", text.to_owned()))
    }

    #[test]
    fn the_shipped_figures_are_read() {
        let figures = Figures::shipped().unwrap();
        assert!(figures.all().len() > 20);
        let peak = figures.get("us_peak_demand_gw").unwrap();
        assert!(peak.interval().holds(peak.value) && peak.unit == "GW");
        assert_eq!(figures.nearest("us_peak_demand"), Some("us_peak_demand_gw"));
        assert_eq!(figures.get("us_peak_demand"), None);
    }

    #[test]
    fn a_figure_has_its_range_or_is_exact() {
        let figures = parse(GOOD).unwrap();
        assert_eq!(figures.get("peak_gw").unwrap().interval(), Interval { low: 745.0, mid: 750.0, high: 760.0 });
        let exact = parse(&GOOD.replace("range = [745, 760]\n", "")).unwrap();
        assert!(exact.get("peak_gw").unwrap().interval().is_exact());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            (GOOD.repeat(2), "two figures are called `peak_gw`", 11),
            (GOOD.replace("peak_gw", "Peak GW"), "`Peak GW` is no name of a figure", 2),
            (GOOD.replace("[745, 760]", "[760, 770]"), "does not hold its value 750", 5),
            (GOOD.replace("\"2024\"", "\"summer\""), "`summer` is no date", 7),
            (GOOD.replace("\"2024\"", "\"2024-13\""), "`2024-13` is no date", 7),
            (GOOD.replace("a table", " "), "the source of `peak_gw` is empty", 9),
            (GOOD.replace("statistic", "rumour"), "rumour", 8),
            (GOOD.replace("unit", "units"), "units", 6),
            (GOOD.replace("value = 750\n", ""), "value", 1),
            (GOOD.replace("= 750", "= nan"), "no finite value", 4),
            ("[[figure]\n".to_owned(), "not valid TOML", 1),
        ];
        for (text, message, line) in cases {
            let fault = parse(&text).unwrap_err();
            let first = &fault.diagnostics[0];
            assert!(first.message.contains(message) && first.help.is_some(), "{fault}");
            assert_eq!(first.line(), Some(line), "{fault}");
        }
    }
}

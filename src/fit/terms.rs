//! What is fitted and on what: `evidence/fit.toml`, or a file of that form.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::library::attribute::Shape;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::nearest::nearest;
use crate::library::shape::figure;
use crate::library::source_text::SourceText;
use crate::library::store::evidence;
use crate::model::parameters::CALIBRATION;
use crate::uncertainty::exposure::Component;
use crate::validate::judged::{Judged, Quantity};

/// Where the shipped terms stand.
const FILE: &str = "evidence/fit.toml";

/// What a prior is normal in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// ln(value).
    Log,
    /// ln(value / (1 - value)).
    Logit,
    /// The value itself.
    Linear,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    prior: Spanned<f64>,
    sd: Spanned<f64>,
    transform: Transform,
    source: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rows: Rows,
    loss: Loss,
    constants: BTreeMap<Spanned<String>, Stated>,
}

/// Which rows take part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    stated_plan: bool,
    published_gemm: bool,
    quantities: Spanned<Vec<String>>,
}

/// How errors are weighed.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// ln error beyond which a row counts linearly.
    pub noise: f64,
    /// As many rows as a source weighs at most.
    pub rows_per_source: f64,
    /// Posterior over prior sd above which a constant stays at its prior.
    pub identified: f64,
}

/// A constant that may be fitted. Its coordinate is the distance from the prior, in the prior's sd.
#[derive(Clone, Debug)]
pub struct Constant {
    pub key: &'static str,
    pub prior: f64,
    /// Relative sd of the prior.
    pub sd: f64,
    pub transform: Transform,
    pub source: String,
    /// Bounds of the attribute.
    least: f64,
    most: f64,
}

impl Constant {
    /// The value at a coordinate.
    pub fn value(&self, coordinate: f64) -> f64 {
        let value = match self.transform {
            Transform::Log => self.prior * (self.sd * coordinate).exp(),
            Transform::Logit => {
                // d logit / d ln value = 1 / (1 - value)
                let odds_against = (1.0 - self.prior) / self.prior * (-self.sd / (1.0 - self.prior) * coordinate).exp();
                1.0 / (1.0 + odds_against)
            }
            Transform::Linear => self.prior * (1.0 + self.sd * coordinate),
        };
        value.clamp(self.least, self.most)
    }

    /// Relative change of the value per unit of the coordinate.
    pub fn relative_slope(&self, coordinate: f64) -> f64 {
        let value = self.value(coordinate);
        match self.transform {
            Transform::Log => self.sd,
            Transform::Logit => self.sd * (1.0 - value) / (1.0 - self.prior),
            Transform::Linear => self.sd * self.prior / value,
        }
    }
}

/// The constants that may be fitted, the rows that take part, the loss.
#[derive(Clone, Debug)]
pub struct Terms {
    pub constants: Vec<Constant>,
    pub loss: Loss,
    stated_plan: bool,
    published_gemm: bool,
    quantities: Vec<Quantity>,
}

impl Terms {
    /// The terms inside the program.
    pub fn shipped() -> Result<Terms, Fault> {
        let text = evidence("fit.toml").unwrap_or_default();
        Terms::parse(&SourceText::new(FILE, text))
    }

    /// Parses a file of terms.
    pub fn parse(source: &SourceText) -> Result<Terms, Fault> {
        let file: File = toml::from_str(source.text()).map_err(|error| {
            let end = source.text().len();
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            let diagnostic = Diagnostic::error(message).at(source, error.span().unwrap_or(end..end));
            Fault::input(diagnostic.help("the terms of a fit have the form of evidence/fit.toml"))
        })?;
        let quantities = file.rows.quantities.get_ref().iter().map(|word| {
            Quantity::TIMES.into_iter().find(|quantity| quantity.word() == word).ok_or_else(|| {
                let words = Quantity::TIMES.map(Quantity::word).join(", ");
                let diagnostic = Diagnostic::error(format!("{} is no time or rate", quoted(word)))
                    .at(source, file.rows.quantities.span())
                    .key("quantities");
                Fault::input(diagnostic.help(format!("the words are {words}")))
            })
        });
        let quantities = quantities.collect::<Result<Vec<_>, _>>()?;
        let Loss { noise, rows_per_source, identified } = file.loss;
        if ![noise, rows_per_source, identified].iter().all(|number| *number > 0.0 && number.is_finite()) {
            let diagnostic = Diagnostic::error("the figures of [loss] must be above zero").in_file(source.file());
            return Err(Fault::input(diagnostic.key("loss")));
        }
        let stated =
            |key: &'static str| file.constants.iter().find(|(name, _)| name.get_ref() == key).map(|(_, stated)| stated);
        if let Some((name, _)) = file.constants.iter().find(|(name, _)| !is_constant(name.get_ref())) {
            return Err(unknown(source, name));
        }
        let constants = CALIBRATION.iter().filter_map(|attribute| Some((attribute, stated(attribute.key)?))).map(
            |(attribute, stated)| {
                let (least, most) = match attribute.shape {
                    Shape::Number { min, max } => (min, max),
                    _ => (f64::MIN_POSITIVE, f64::MAX),
                };
                constant(source, attribute.key, stated, least, most)
            },
        );
        let constants = constants.collect::<Result<Vec<_>, _>>()?;
        if constants.is_empty() {
            return Err(Fault::input(Diagnostic::error("no constant to fit").in_file(source.file()).key("constants")));
        }
        let Rows { stated_plan, published_gemm, .. } = file.rows;
        Ok(Terms { constants, loss: file.loss, stated_plan, published_gemm, quantities })
    }

    /// Whether a row takes part in the fit, where it can be predicted.
    pub fn admits(&self, row: &Judged, quantity: Quantity) -> bool {
        let assumed = row.exposure.is_some_and(|exposure| exposure.has(Component::Gemm));
        (row.plan_stated || !self.stated_plan)
            && !(assumed && self.published_gemm)
            && self.quantities.contains(&quantity)
    }
}

fn is_constant(name: &str) -> bool {
    CALIBRATION.iter().any(|attribute| attribute.key == name)
}

fn unknown(source: &SourceText, name: &Spanned<String>) -> Fault {
    let near = nearest(name.get_ref(), CALIBRATION.iter().map(|attribute| attribute.key), 3).join(", ");
    let help = if near.is_empty() {
        "`wattline show calibration calibration` lists the constants".to_owned()
    } else {
        format!("did you mean {near}?")
    };
    let message = format!("unknown constant {}", quoted(name.get_ref()));
    Fault::input(Diagnostic::error(message).at(source, name.span()).key(name.get_ref()).help(help))
}

fn constant(source: &SourceText, key: &'static str, stated: &Stated, least: f64, most: f64) -> Result<Constant, Fault> {
    let (prior, sd) = (*stated.prior.get_ref(), *stated.sd.get_ref());
    let wrong = |span, message: String, help: String| {
        Err(Fault::input(Diagnostic::error(message).at(source, span).key(key).help(help)))
    };
    let open = stated.transform == Transform::Logit;
    if !(prior >= least && prior <= most && prior > 0.0) || (open && prior >= 1.0) {
        let message = format!("the prior of `{key}` is {}", figure(prior));
        let bounds = format!("write a number above 0 and from {} to {}", figure(least), figure(most));
        return wrong(stated.prior.span(), message, if open { format!("{bounds}, below 1") } else { bounds });
    }
    if !(sd > 0.0 && sd <= 10.0) {
        let help = "write the relative uncertainty of the prior: 0.2 for 20 %".to_owned();
        return wrong(stated.sd.span(), format!("the sd of `{key}` is {}", figure(sd)), help);
    }
    Ok(Constant { key, prior, sd, transform: stated.transform, source: stated.source.clone(), least, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[rows]\nstated_plan = true\npublished_gemm = true\nquantities = [\"step_s\"]\n[loss]\nnoise = 0.1\n\
                        rows_per_source = 4\nidentified = 0.9\n[constants]\n";

    fn parse(constants: &str) -> Result<Terms, Fault> {
        Terms::parse(&SourceText::new("fit.toml", format!("{HEAD}{constants}")))
    }

    #[test]
    fn the_shipped_terms_are_read() -> Result<(), Fault> {
        assert!(Terms::shipped()?.constants.len() > 10);
        Ok(())
    }

    #[test]
    fn a_coordinate_of_one_is_one_sd_of_the_prior() -> Result<(), Fault> {
        let terms = parse(
            "gemm_derate = { prior = 0.9, sd = 0.05, transform = \"log\", source = \"s\" }\n\
             overlap_tp = { prior = 0.5, sd = 0.2, transform = \"logit\", source = \"s\" }\n\
             contention = { prior = 0.1, sd = 0.5, transform = \"linear\", source = \"s\" }\n",
        )?;
        for constant in &terms.constants {
            let step = 1e-6;
            assert!((constant.value(0.0) - constant.prior).abs() < 1e-12, "{}", constant.key);
            let slope = (constant.value(step) - constant.value(0.0)) / (step * constant.prior);
            assert!((slope - constant.sd).abs() < 1e-4 * constant.sd, "{}: {slope}", constant.key);
            let slope = (constant.value(0.5 + step) / constant.value(0.5)).ln() / step;
            assert!((slope / constant.relative_slope(0.5) - 1.0).abs() < 1e-4, "{}: {slope}", constant.key);
        }
        assert!(terms.constants.iter().all(|constant| constant.value(1e6).is_finite()));
        Ok(())
    }

    #[test]
    fn a_fault_names_its_line_and_what_to_write() {
        for (constants, help) in [
            ("gemm_derat = { prior = 0.9, sd = 0.05, transform = \"log\", source = \"s\" }", "gemm_derate"),
            ("gemm_derate = { prior = 9, sd = 0.05, transform = \"log\", source = \"s\" }", "from 0.5 to 1.1"),
            ("overlap_tp = { prior = 1.0, sd = 0.05, transform = \"logit\", source = \"s\" }", "below 1"),
            ("gemm_derate = { prior = 0.9, sd = 0, transform = \"log\", source = \"s\" }", "uncertainty"),
            ("gemm_derate = { prior = 0.9, sd = 0.1, transform = \"cube\", source = \"s\" }", "fit.toml"),
        ] {
            let Err(fault) = parse(constants) else { unreachable!("{constants}") };
            let diagnostic = &fault.diagnostics[0];
            assert_eq!(diagnostic.line(), Some(HEAD.lines().count() + 1), "{diagnostic}");
            assert!(diagnostic.help.as_deref().is_some_and(|text| text.contains(help)), "{diagnostic}");
        }
        assert!(parse("").is_err());
    }
}

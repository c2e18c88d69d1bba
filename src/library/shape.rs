//! What the shape of an attribute admits, whatever the input was written in.

use super::attribute::{Attribute, Shape};
use super::diagnostic::quoted;
use super::nearest::nearest;
use super::record::Value;

/// A value as an input states it.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw<'a> {
    Integer(i128),
    Number(f64),
    Flag(bool),
    Text(&'a str),
    /// Only of texts.
    List(Vec<&'a str>),
    /// Nothing that any attribute takes; the words name it.
    Other(&'static str),
}

impl Raw<'_> {
    fn describe(&self) -> String {
        match self {
            Raw::Integer(number) => format!("the number {number}"),
            Raw::Number(number) => format!("the number {}", figure(*number)),
            Raw::Flag(flag) => flag.to_string(),
            Raw::Text(text) => format!("the text {}", quoted(text)),
            Raw::List(_) => "a list".to_owned(),
            Raw::Other(what) => (*what).to_owned(),
        }
    }
}

/// Why a value is not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    pub message: String,
    pub help: String,
}

/// A number as a person writes it.
pub fn figure(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) { format!("{number:e}") } else { format!("{number}") }
}

/// The value, if the attribute takes it.
pub fn admit(attribute: &Attribute, key: &str, raw: &Raw<'_>) -> Result<Value, Complaint> {
    match attribute.shape {
        Shape::Number { min, max } => {
            let number = match raw {
                Raw::Integer(number) => *number as f64,
                Raw::Number(number) => *number,
                _ => return Err(wrong_type(attribute, key, raw)),
            };
            if !number.is_finite() {
                return Err(Complaint {
                    message: format!("`{key}` is {number}, which is not a finite number"),
                    help: format!(
                        "write {}, or leave the key out where the value is unknown",
                        span(attribute, min, max)
                    ),
                });
            }
            if number < min || number > max {
                return Err(outside(attribute, key, number, min, max));
            }
            Ok(Value::Number(number))
        }
        Shape::Integer { min, max } => {
            let number = match raw {
                Raw::Integer(number) => *number as f64,
                Raw::Number(number) => *number,
                _ => return Err(wrong_type(attribute, key, raw)),
            };
            if !number.is_finite() || number.fract() != 0.0 {
                return Err(Complaint {
                    message: format!("`{key}` is {}, which is not a whole number", figure(number)),
                    help: format!("write {}", span(attribute, min as f64, max as f64)),
                });
            }
            if number < min as f64 || number > max as f64 {
                return Err(outside(attribute, key, number, min as f64, max as f64));
            }
            Ok(Value::Integer(number as u64))
        }
        Shape::Flag => match raw {
            Raw::Flag(flag) => Ok(Value::Flag(*flag)),
            _ => Err(wrong_type(attribute, key, raw)),
        },
        Shape::Text => match raw {
            Raw::Text(text) if text.trim().is_empty() => Err(Complaint {
                message: format!("`{key}` is empty"),
                help: format!("write its {}, or leave the key out", attribute.meaning),
            }),
            Raw::Text(text) => Ok(Value::Text((*text).to_owned())),
            _ => Err(wrong_type(attribute, key, raw)),
        },
        Shape::Word(words) => match raw {
            Raw::Text(text) if words.contains(text) => Ok(Value::Text((*text).to_owned())),
            Raw::Text(text) => {
                let near = nearest(text, words.iter().copied(), 1);
                let hint = near.first().map(|word| format!("did you mean \"{word}\"? ")).unwrap_or_default();
                Err(Complaint {
                    message: format!("`{key}` is {}, which is not one of its words", quoted(text)),
                    help: format!("{hint}the words are {}", words.join(", ")),
                })
            }
            _ => Err(wrong_type(attribute, key, raw)),
        },
        Shape::Texts => match raw {
            Raw::List(texts) => Ok(Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect())),
            _ => Err(wrong_type(attribute, key, raw)),
        },
    }
}

fn wrong_type(attribute: &Attribute, key: &str, raw: &Raw<'_>) -> Complaint {
    let (wanted, example) = match attribute.shape {
        Shape::Number { min, max } => ("a number", span(attribute, min, max)),
        Shape::Integer { min, max } => ("a whole number", span(attribute, min as f64, max as f64)),
        Shape::Flag => ("true or false", format!("`{key} = true` or `{key} = false`")),
        Shape::Text => ("text", format!("`{key} = \"…\"`: {}", attribute.meaning)),
        Shape::Word(words) => ("a word", format!("one of \"{}\"", words.join("\", \""))),
        Shape::Texts => ("a list of texts", format!("`{key} = [\"…\", \"…\"]`")),
    };
    let number = matches!(attribute.shape, Shape::Number { .. } | Shape::Integer { .. });
    let help = match raw {
        Raw::Text(text) if number && text.trim().parse::<f64>().is_ok_and(f64::is_finite) => {
            format!("write `{key} = {}`, without quotes", text.trim())
        }
        Raw::Text(text) if matches!(attribute.shape, Shape::Texts) => format!("write `{key} = [{text:?}]`"),
        Raw::Text(text) if matches!(attribute.shape, Shape::Flag) && matches!(*text, "true" | "false") => {
            format!("write `{key} = {text}`, without quotes")
        }
        _ => format!("write {example}"),
    };
    Complaint { message: format!("`{key}` takes {wanted}, and this is {}", raw.describe()), help }
}

fn outside(attribute: &Attribute, key: &str, number: f64, min: f64, max: f64) -> Complaint {
    let unit = if attribute.unit.is_empty() { String::new() } else { format!(" {}", attribute.unit) };
    let help = if attribute.unit == "fraction" && number > 1.0 && number <= 100.0 {
        format!("a fraction of 1: write {} for {} %", figure(number / 100.0), figure(number))
    } else {
        format!("{key} is the {}", attribute.meaning)
    };
    let range = if unit == " fraction" { String::new() } else { unit };
    Complaint {
        message: format!(
            "`{key}` is {}; it must lie between {} and {}{range}",
            figure(number),
            figure(min),
            figure(max)
        ),
        help,
    }
}

fn span(attribute: &Attribute, min: f64, max: f64) -> String {
    let unit = if attribute.unit.is_empty() { String::new() } else { format!(" {}", attribute.unit) };
    let what = if matches!(attribute.shape, Shape::Integer { .. }) { "a whole number" } else { "a number" };
    format!("{what} between {} and {}{unit}", figure(min), figure(max))
}

/// A whole number with separators: 16,384.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

//! One parsed entry: every value with its source, and the list of what a reader of it misses.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry_kind::EntryKind;

/// How a value came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Measured,
    Datasheet,
    Estimate,
    Assumed,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Measured, Kind::Datasheet, Kind::Estimate, Kind::Assumed];

    /// The word of a file; [`super::attribute::KINDS`] lists them.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Measured => "measured",
            Kind::Datasheet => "datasheet",
            Kind::Estimate => "estimate",
            Kind::Assumed => "assumed",
        }
    }

    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What stands behind a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Integer(u64),
    Flag(bool),
    Text(String),
    Texts(Vec<String>),
}

/// Where a value was written; line 0 where there is no file (the command line).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub file: Arc<str>,
    pub line: usize,
}

/// A value with its parents.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced {
    pub value: Value,
    pub kind: Kind,
    pub source: Arc<str>,
    /// Where sources disagree.
    pub range: Option<(f64, f64)>,
    /// How an inherited or derived value came about.
    pub rule: Option<String>,
    pub origin: Origin,
}

/// One entry of the library: dotted keys and what stands behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    kind: EntryKind,
    name: String,
    values: BTreeMap<String, Sourced>,
}

impl Record {
    /// An entry whose values were checked against the attribute table of its kind.
    pub(super) fn new(kind: EntryKind, name: String, values: BTreeMap<String, Sourced>) -> Record {
        Record { kind, name, values }
    }

    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of a dotted key with its source.
    pub fn sourced(&self, key: &str) -> Option<&Sourced> {
        self.values.get(key)
    }

    /// All values, by key.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Sourced)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(super) fn put(&mut self, key: &str, value: Sourced) {
        self.values.insert(key.to_owned(), value);
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key).map(|sourced| &sourced.value)
    }

    /// A number; whole numbers are numbers too.
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.value(key)? {
            Value::Number(number) => Some(*number),
            Value::Integer(number) => Some(*number as f64),
            _ => None,
        }
    }

    pub fn integer(&self, key: &str) -> Option<u64> {
        match self.value(key)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        match self.value(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.value(key)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A list of texts; empty where the key is absent.
    pub fn texts(&self, key: &str) -> &[String] {
        match self.value(key) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// Starts to read the values without which an estimate is impossible.
    pub fn needs(&self) -> Needs<'_> {
        Needs { record: self, missing: Vec::new() }
    }
}

/// Reads needed values and notes those that are missing, so that one message names them all.
#[derive(Debug)]
pub struct Needs<'a> {
    record: &'a Record,
    missing: Vec<String>,
}

impl<'a> Needs<'a> {
    /// The number, or a harmless 1 that [`Needs::finish`] never lets out.
    pub fn number(&mut self, key: &str) -> f64 {
        self.record.number(key).unwrap_or_else(|| {
            self.lack(key);
            1.0
        })
    }

    /// The whole number, or a harmless 1 that [`Needs::finish`] never lets out.
    pub fn integer(&mut self, key: &str) -> u64 {
        self.record.integer(key).unwrap_or_else(|| {
            self.lack(key);
            1
        })
    }

    /// The word, or an empty one that [`Needs::finish`] never lets out.
    pub fn word(&mut self, key: &str) -> &'a str {
        self.record.text(key).unwrap_or_else(|| {
            self.lack(key);
            ""
        })
    }

    /// Notes that a key is missing.
    pub fn lack(&mut self, key: &str) {
        if !self.missing.iter().any(|missing| missing == key) {
            self.missing.push(key.to_owned());
        }
    }

    /// The value, if nothing was missing.
    pub fn finish<T>(self, value: T) -> Result<T, Lacking> {
        if self.missing.is_empty() {
            Ok(value)
        } else {
            Err(Lacking { kind: self.record.kind, entry: self.record.name.clone(), keys: self.missing })
        }
    }
}

/// An entry lacks what an estimate needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    pub kind: EntryKind,
    pub entry: String,
    pub keys: Vec<String>,
}

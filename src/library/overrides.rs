//! `--set kind.key=value`: values of the command line over those of the library.

use std::sync::Arc;

use super::attribute::{Attribute, Shape};
use super::consistency::findings;
use super::diagnostic::{Diagnostic, Fault, Severity, quoted};
use super::entry_kind::EntryKind;
use super::nearest::nearest;
use super::record::{Kind, Origin, Record, Sourced, Value};
use super::shape::{Raw, admit};

/// Kinds whose values the command line may set.
pub(crate) const SETTABLE: [EntryKind; 8] = [
    EntryKind::Chip,
    EntryKind::Cluster,
    EntryKind::Workload,
    EntryKind::Site,
    EntryKind::Stack,
    EntryKind::Calibration,
    EntryKind::Assumptions,
    EntryKind::Spread,
];

/// Values that stand over those of every entry of their kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    values: Vec<(EntryKind, String, Sourced)>,
}

impl Overrides {
    /// Reads the arguments of `--set`; all faults at once.
    pub fn parse<S: AsRef<str>>(arguments: &[S]) -> Result<Overrides, Fault> {
        let mut overrides = Overrides::default();
        let mut faults = Vec::new();
        for argument in arguments {
            match one(argument.as_ref()) {
                Ok(value) => overrides.values.push(value),
                Err(diagnostic) => faults.push(diagnostic),
            }
        }
        if faults.is_empty() { Ok(overrides) } else { Err(Fault::inputs(faults)) }
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds a typed value, as if `--set` had stated it (`--tokens`, `--seq-len`).
    pub fn set(&mut self, kind: EntryKind, key: &str, value: &str) -> Result<(), Fault> {
        self.values.push(one(&format!("{}.{key}={value}", kind.word())).map_err(Fault::input)?);
        Ok(())
    }

    /// The entry with the values of its kind laid over it.
    pub fn apply(&self, mut record: Record) -> Result<Record, Fault> {
        let mut touched = false;
        let asked = record.kind();
        for (_, key, value) in self.values.iter().filter(|(kind, _, _)| *kind == asked) {
            record.put(key, value.clone());
            touched = true;
        }
        if !touched {
            return Ok(record);
        }
        let broken: Vec<Diagnostic> = findings(&record)
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| {
                let message = format!("with --set, {} is inconsistent: {}", record.name(), finding.message);
                Diagnostic::error(message).key(finding.key).help(finding.help)
            })
            .collect();
        if broken.is_empty() { Ok(record) } else { Err(Fault::inputs(broken)) }
    }
}

fn one(argument: &str) -> Result<(EntryKind, String, Sourced), Diagnostic> {
    let usage = "write --set KIND.KEY=VALUE, such as --set chip.tdp_w=650";
    let Some((path, text)) = argument.split_once('=') else {
        return Err(Diagnostic::error(format!("--set {} has no value", quoted(argument))).key(argument).help(usage));
    };
    let (path, text) = (path.trim(), text.trim());
    let Some((word, key)) = path.split_once('.') else {
        return Err(without_kind(path));
    };
    let Some(kind) = SETTABLE.into_iter().find(|kind| kind.word() == word) else {
        return Err(without_kind(path));
    };
    let identity = ["name", "aliases", "source", "kind"].contains(&key);
    let Some(attribute) = kind.attribute(key).filter(|_| !identity) else {
        let keys = kind.keys();
        let same_name = keys.iter().map(String::as_str).find(|known| known.rsplit('.').next() == Some(key));
        let near = same_name.or_else(|| nearest(key, keys.iter().map(String::as_str), 1).first().copied());
        let help = match near {
            Some(near) if !identity => format!("did you mean {word}.{near}?"),
            _ => format!("`wattline show {word} NAME` lists its keys"),
        };
        return Err(Diagnostic::error(format!("--set cannot set {}", quoted(path))).key(path).help(help));
    };
    let value = value(attribute, path, text)?;
    let sourced = Sourced {
        value,
        kind: Kind::Assumed,
        source: "command line".into(),
        range: None,
        rule: None,
        origin: Origin { file: Arc::from("--set"), line: 0 },
    };
    Ok((kind, key.to_owned(), sourced))
}

/// A key without its kind: says which kinds have such a key.
fn without_kind(path: &str) -> Diagnostic {
    let homes: Vec<String> = SETTABLE
        .into_iter()
        .flat_map(|kind| kind.keys().into_iter().map(move |key| (kind, key)))
        .filter(|(_, key)| key == path || key.strip_suffix(path).is_some_and(|table| table.ends_with('.')))
        .map(|(kind, key)| format!("{}.{key}", kind.word()))
        .take(4)
        .collect();
    let words: Vec<&str> = SETTABLE.iter().map(|kind| kind.word()).collect();
    let near = nearest(path.split('.').next().unwrap_or(path), words.iter().copied(), 1);
    let help = match (homes.is_empty(), near.first()) {
        (false, _) => format!("did you mean {}?", homes.join(", ")),
        (true, Some(near)) => format!("did you mean `{near}.…`?"),
        (true, None) => format!("a key starts with its kind: {}", words.join(", ")),
    };
    Diagnostic::error(format!("--set knows no {}", quoted(path))).key(path).help(help)
}

fn value(attribute: &Attribute, path: &str, text: &str) -> Result<Value, Diagnostic> {
    let raw = match attribute.shape {
        Shape::Number { .. } | Shape::Integer { .. } => {
            text.replace('_', "").parse().map_or(Raw::Text(text), Raw::Number)
        }
        Shape::Flag => match text {
            "true" => Raw::Flag(true),
            "false" => Raw::Flag(false),
            other => Raw::Text(other),
        },
        Shape::Text | Shape::Word(_) => Raw::Text(text),
        Shape::Texts => Raw::List(text.split(',').map(str::trim).collect()),
    };
    admit(attribute, path, &raw)
        .map_err(|complaint| Diagnostic::error(format!("--set: {}", complaint.message)).key(path).help(complaint.help))
}

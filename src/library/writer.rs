//! An entry as the TOML text that a user may save, edit and check.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::record::{Record, Sourced, Value};
use super::shape::figure;

/// Keys that describe the file and never carry a source of their own.
const IDENTITY: [&str; 6] = ["name", "title", "aliases", "source", "kind", "note"];

/// Source and kind of most values: the file states them once.
struct Common {
    source: String,
    kind: &'static str,
}

impl Common {
    fn of(record: &Record) -> Common {
        let mut counts: BTreeMap<(&str, &'static str), usize> = BTreeMap::new();
        for (_, sourced) in record.values().filter(|(key, _)| !IDENTITY.contains(key)) {
            *counts.entry((&*sourced.source, sourced.kind.word())).or_default() += 1;
        }
        match counts.into_iter().max_by_key(|(_, count)| *count) {
            Some(((source, kind), _)) => Common { source: source.to_owned(), kind },
            None => Common { source: record.text("source").unwrap_or_default().to_owned(), kind: "assumed" },
        }
    }
}

/// The whole entry: every value that the reader would find again, in the order of the attribute table.
pub fn toml(record: &Record) -> String {
    let mut keys: Vec<String> = record.kind().keys();
    keys.retain(|key| record.sourced(key).is_some());
    let common = Common::of(record);
    let mut text = String::new();
    let mut open = "";
    // Keys outside any table come first: after a [table] they would belong to it.
    let (top, nested): (Vec<&String>, Vec<&String>) = keys.iter().partition(|key| !key.contains('.'));
    for key in top.into_iter().chain(nested) {
        let Some(sourced) = record.sourced(key) else { continue };
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        if table != open {
            let _ = write!(text, "\n[{table}]\n");
            open = table;
        }
        let _ = writeln!(text, "{name} = {}", stated(&common, key, sourced));
        if key == "note" || (key == "kind" && record.sourced("note").is_none()) {
            text.push('\n');
        }
    }
    text
}

/// Plain where the value inherits the file's source and kind, an inline table elsewhere.
fn stated(common: &Common, key: &str, sourced: &Sourced) -> String {
    let value = match key {
        "source" => quote(&common.source),
        "kind" => quote(common.kind),
        _ => literal(&sourced.value),
    };
    let (own_source, own_kind) = (*common.source != *sourced.source, common.kind != sourced.kind.word());
    if IDENTITY.contains(&key) || (!own_source && !own_kind && sourced.range.is_none() && sourced.rule.is_none()) {
        return value;
    }
    let mut parts = vec![format!("value = {value}")];
    if own_kind {
        parts.push(format!("kind = \"{}\"", sourced.kind.word()));
    }
    if own_source {
        parts.push(format!("source = {}", quote(&sourced.source)));
    }
    if let Some((low, high)) = sourced.range {
        parts.push(format!("range = [{}, {}]", figure(low), figure(high)));
    }
    if let Some(rule) = &sourced.rule {
        parts.push(format!("rule = {}", quote(rule)));
    }
    format!("{{ {} }}", parts.join(", "))
}

fn literal(value: &Value) -> String {
    match value {
        Value::Number(number) => figure(*number),
        Value::Integer(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Text(text) => quote(text),
        Value::Texts(texts) => format!("[{}]", texts.iter().map(|text| quote(text)).collect::<Vec<_>>().join(", ")),
    }
}

/// A basic TOML string.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

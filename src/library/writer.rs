//! An entry as the TOML text that a user may save, edit and check.

use std::fmt::Write;

use super::record::{Record, Sourced, Value};
use super::shape::figure;

/// Keys that describe the file and never carry a source of their own.
const IDENTITY: [&str; 6] = ["name", "title", "aliases", "source", "kind", "note"];

/// The whole entry: every value that the reader would find again, in the order of the attribute table.
pub fn toml(record: &Record) -> String {
    let mut keys: Vec<String> = record.kind().keys();
    keys.retain(|key| record.sourced(key).is_some());
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
        let _ = writeln!(text, "{name} = {}", stated(record, key, sourced));
        if key == "note" || (key == "kind" && record.sourced("note").is_none()) {
            text.push('\n');
        }
    }
    text
}

/// Plain where the value inherits the file's source and kind, an inline table elsewhere.
fn stated(record: &Record, key: &str, sourced: &Sourced) -> String {
    let value = literal(&sourced.value);
    let inherits = record.text("source") == Some(&*sourced.source) && record.text("kind") == Some(sourced.kind.word());
    if IDENTITY.contains(&key) || (inherits && sourced.range.is_none() && sourced.rule.is_none()) {
        return value;
    }
    let mut parts = vec![format!("value = {value}")];
    if record.text("kind") != Some(sourced.kind.word()) {
        parts.push(format!("kind = \"{}\"", sourced.kind.word()));
    }
    if record.text("source") != Some(&*sourced.source) {
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

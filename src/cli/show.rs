//! `wattline show KIND NAME`: one entry, every value with its parents.

use std::fmt::Write;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value as Json, json};

use super::output::{self, FAINT, HEADING};
use super::{Global, Outcome};
use crate::library::attribute::{Attribute, COMMON, Need};
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::entry_kind::EntryKind;
use crate::library::record::{Record, Sourced, Value};
use crate::library::shape::figure;
use crate::library::store::{Library, missing_keys};
use crate::library::{reader, writer};

const EXAMPLES: &str = "\
Examples:
  wattline show chip nvidia-h100-sxm
  wattline show site us-virginia --json
  wattline show workload ./config.json        how a Hugging Face config is read
  wattline show chip h100 --toml > mine.toml  save, edit, `wattline check` it
  wattline show calibration                   the constants of the time model";

/// Units that say nothing beside the value.
const DIMENSIONLESS: [&str; 4] = ["fraction", "ratio", "rate", "year"];

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What kind of entry
    #[arg(value_enum, ignore_case = true)]
    kind: ShownKind,
    /// Its name, an alias, or the path of a file; calibration and assumptions need none
    name: Option<String>,
    /// Print it in the form of a library file
    #[arg(long, conflicts_with = "json")]
    toml: bool,
}

/// Every kind of entry, in singular or plural.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ShownKind {
    #[value(alias = "chips")]
    Chip,
    #[value(alias = "clusters")]
    Cluster,
    #[value(alias = "workloads")]
    Workload,
    #[value(alias = "sites")]
    Site,
    #[value(alias = "stacks")]
    Stack,
    #[value(alias = "scenarios")]
    Scenario,
    Calibration,
    #[value(alias = "assumption")]
    Assumptions,
    Spread,
}

impl From<ShownKind> for EntryKind {
    fn from(kind: ShownKind) -> EntryKind {
        match kind {
            ShownKind::Chip => EntryKind::Chip,
            ShownKind::Cluster => EntryKind::Cluster,
            ShownKind::Workload => EntryKind::Workload,
            ShownKind::Site => EntryKind::Site,
            ShownKind::Stack => EntryKind::Stack,
            ShownKind::Scenario => EntryKind::Scenario,
            ShownKind::Calibration => EntryKind::Calibration,
            ShownKind::Assumptions => EntryKind::Assumptions,
            ShownKind::Spread => EntryKind::Spread,
        }
    }
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let kind = EntryKind::from(arguments.kind);
    let name = named(kind, arguments.name.as_deref())?;
    let library = global.open_library()?;
    if kind == EntryKind::Scenario {
        return scenario(&library, name, global.json);
    }
    let reading = library.reading(kind, name)?;
    output::warnings(&reading.diagnostics);
    let record = reading.into_result()?;
    if arguments.toml {
        output::raw(file(&library, &record, name)?.as_bytes())?;
    } else if global.json {
        output::json(&document(&record))?;
    } else {
        output::answer(&page(&record))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn named(kind: EntryKind, name: Option<&str>) -> Result<&str, Fault> {
    match (kind, name) {
        (_, Some(name)) => Ok(name),
        (EntryKind::Calibration | EntryKind::Assumptions | EntryKind::Spread, None) => Ok(kind.word()),
        (_, None) => {
            let help = format!("`wattline list {}` shows the names", kind.plural());
            let message = format!("`wattline show {}` needs a name", kind.word());
            Err(Fault::input(Diagnostic::error(message).key("NAME").help(help)))
        }
    }
}

/// A scenario is a question, not a set of values: its text is what there is to show.
fn scenario(library: &Library, name: &str, json: bool) -> Outcome {
    let source = library.scenario_text(name)?;
    if json {
        output::json(&json!({ "kind": "scenario", "name": name, "file": source.file(), "toml": source.text() }))?;
    } else {
        output::raw(source.text().as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The library file itself, or the same in one piece where it extends another or was no TOML; then what is missing.
fn file(library: &Library, record: &Record, name: &str) -> Result<String, Fault> {
    let source = library.text(record.kind(), name)?;
    let whole = reader::top_level(&source).is_some_and(|top| top.extends.is_none());
    let mut text = if whole { source.text().to_owned() } else { writer::toml(record) };
    let missing = missing_keys(record);
    if !missing.is_empty() {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str("\n# An estimate needs these, and no source states them:\n");
        for key in missing {
            let attribute = record.kind().attribute(&key);
            let (unit, meaning) = attribute.map_or(("", ""), |a| (a.unit, a.meaning));
            let _ = writeln!(text, "# {key} =   # {unit}{}{meaning}", if unit.is_empty() { "" } else { ": " });
        }
    }
    Ok(text)
}

fn document(record: &Record) -> Json {
    let kind = record.kind();
    let mut values = Map::new();
    for key in kind.keys().into_iter().filter(|key| key != "name") {
        let Some(sourced) = record.sourced(&key) else { continue };
        let attribute = kind.attribute(&key);
        values.insert(
            key,
            json!({
                "value": json_value(&sourced.value),
                "unit": attribute.map(|a| a.unit),
                "kind": sourced.kind.word(),
                "source": &*sourced.source,
                "range": sourced.range.map(|(low, high)| [low, high]),
                "rule": sourced.rule,
                "file": &*sourced.origin.file,
                "line": sourced.origin.line,
                "meaning": attribute.map(|a| a.meaning),
            }),
        );
    }
    let missing: Vec<Json> =
        missing_keys(record).iter().map(|key| json!({ "key": key, "set": set_of(record, key) })).collect();
    let unstated: Vec<Json> = unstated(record)
        .into_iter()
        .map(|(key, a)| json!({ "key": key, "unit": a.unit, "meaning": a.meaning }))
        .collect();
    json!({
        "kind": kind.word(),
        "name": record.name(),
        "title": record.text("title"),
        "values": values,
        "missing": missing,
        "unstated": unstated,
    })
}

fn json_value(value: &Value) -> Json {
    match value {
        Value::Number(number) => json!(number),
        Value::Integer(number) => json!(number),
        Value::Flag(flag) => json!(flag),
        Value::Text(text) => json!(text),
        Value::Texts(texts) => json!(texts),
    }
}

fn set_of(record: &Record, key: &str) -> String {
    format!("--set {}.{key}=…", record.kind().word())
}

fn page(record: &Record) -> String {
    let mut sources: Vec<&str> = Vec::new();
    let mut text = heading(record);
    let mut rows = Vec::new();
    for key in record.kind().keys() {
        let Some(sourced) = record.sourced(&key).filter(|_| !COMMON.iter().any(|a| a.key == key)) else { continue };
        let number = sources.iter().position(|known| *known == &*sourced.source).unwrap_or_else(|| {
            sources.push(&sourced.source);
            sources.len() - 1
        });
        let unit = record.kind().attribute(&key).map_or("", |a| a.unit);
        let kind = sourced.kind.word().to_owned();
        let value = format!("{} {}", shown(&sourced.value), if DIMENSIONLESS.contains(&unit) { "" } else { unit });
        rows.push(vec![key, value.trim_end().to_owned(), kind, parents(sourced, number + 1)]);
    }
    text.push_str(&output::table(&["KEY", "VALUE", "KIND", "FROM"], &[0, 2], rows));
    if !sources.is_empty() {
        let _ = writeln!(text, "\n{HEADING}Sources{HEADING:#}");
        for (index, source) in sources.iter().enumerate() {
            let _ = writeln!(text, "{}", wrapped(&format!("[{}] ", index + 1), source));
        }
    }
    let missing = missing_keys(record);
    if !missing.is_empty() {
        let _ = writeln!(text, "\n{HEADING}Missing{HEADING:#}: an estimate needs these");
        for key in missing {
            let attribute = record.kind().attribute(&key);
            let unit = attribute.map_or("", |a| a.unit);
            let words = format!(
                "{key}: {}{}{unit}",
                attribute.map_or("", |a| a.meaning),
                if unit.is_empty() { "" } else { ", " }
            );
            let _ = writeln!(text, "{}\n      {}", wrapped("  ", &words), set_of(record, &key));
        }
    }
    let unstated = unstated(record);
    if !unstated.is_empty() {
        let _ = writeln!(text, "\n{HEADING}Not stated{HEADING:#}: a file or --set may");
        for (key, attribute) in unstated {
            let unit = if attribute.unit.is_empty() || DIMENSIONLESS.contains(&attribute.unit) {
                String::new()
            } else {
                format!(", {}", attribute.unit)
            };
            let _ = writeln!(text, "{}", wrapped("  ", &format!("{key}: {}{unit}", attribute.meaning)));
        }
    }
    text
}

/// Keys that the entry leaves at their defaults, or without a value; prices of further kinds apart.
fn unstated(record: &Record) -> Vec<(String, &'static Attribute)> {
    let kind = record.kind();
    kind.keys()
        .into_iter()
        .filter(|key| record.sourced(key).is_none() && !key.starts_with("price."))
        .filter_map(|key| Some((kind.attribute(&key)?, key)))
        .filter(|(attribute, key)| attribute.need == Need::Optional && !COMMON.iter().any(|a| a.key == key))
        .map(|(attribute, key)| (key, attribute))
        .collect()
}

fn heading(record: &Record) -> String {
    let title = record.text("title").unwrap_or_default();
    let mut text = format!("{HEADING}{}{HEADING:#}  {title}\n", record.name());
    let aliases = record.texts("aliases");
    if !aliases.is_empty() {
        let _ = writeln!(text, "{FAINT}{}{FAINT:#}", wrapped("also ", &aliases.join(", ")));
    }
    if let Some(note) = record.text("note") {
        let _ = writeln!(text, "{}", wrapped("note ", note));
    }
    text.push('\n');
    text
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => figure(*number),
        Value::Integer(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Text(text) => text.clone(),
        Value::Texts(texts) => texts.join(", "),
    }
}

/// `[2] 70 to 111; rule`.
fn parents(sourced: &Sourced, number: usize) -> String {
    let mut text = format!("[{number}]");
    if let Some((low, high)) = sourced.range {
        let _ = write!(text, " {} to {}", figure(low), figure(high));
    }
    if let Some(rule) = &sourced.rule {
        let _ = write!(text, "{} {rule}", if sourced.range.is_some() { ";" } else { "" });
    }
    text
}

/// Words wrapped to the page, later lines under the first word.
fn wrapped(head: &str, words: &str) -> String {
    let room = usize::from(output::width());
    let indent = " ".repeat(head.chars().count());
    let mut text = head.to_owned();
    let mut column = indent.len();
    let mut first = true;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if !first && column + 1 + length > room {
            text.push('\n');
            text.push_str(&indent);
            column = indent.len();
        } else if !first {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
        first = false;
    }
    text
}

//! From the text of a library file to a checked entry, or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::attribute::{Attribute, COMMON, KINDS, Need, Shape};
use super::consistency::{Finding, findings};
use super::diagnostic::{Diagnostic, Fault, Severity, quoted};
use super::entry_kind::EntryKind;
use super::nearest::nearest;
use super::record::{Kind, Origin, Record, Sourced, Value};
use super::shape::{Raw, admit, figure};
use super::source_text::SourceText;

/// Whose file it is: the library's own files must state where their numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Library,
    User,
}

/// What a file holds, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Absent where there is an error among the diagnostics.
    pub record: Option<Record>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    pub fn into_result(self) -> Result<Record, Fault> {
        match self.record {
            Some(record) => Ok(record),
            None => Err(Fault::inputs(self.diagnostics.into_iter().filter(Diagnostic::is_error).collect())),
        }
    }
}

/// Most findings that a file is told; the rest would not be read.
const MOST_FINDINGS: usize = 60;

/// Keys of an inline table that sources one value.
const SOURCED_KEYS: [&str; 5] = ["value", "kind", "source", "range", "rule"];

/// Finds the entry that a file extends.
pub type Base<'a> = &'a dyn Fn(&str) -> Result<Record, Fault>;

/// Reads one file. `stem` is its name without the ending.
pub fn read(kind: EntryKind, source: &SourceText, stem: &str, owner: Owner, base: Base<'_>) -> Reading {
    let mut reader =
        Reader { kind, source, stem, owner, found: BTreeMap::new(), extends: None, diagnostics: Vec::new() };
    let record = match parse(source) {
        Ok(table) => {
            reader.walk(table.get_ref(), "");
            reader.finish(base)
        }
        Err(diagnostic) => {
            reader.diagnostics.push(diagnostic);
            None
        }
    };
    let mut diagnostics = reader.diagnostics;
    // As a reader of the file meets them; what has no place comes last.
    diagnostics
        .sort_by_key(|d| d.position.as_ref().map_or((usize::MAX, 0), |position| (position.line, position.column)));
    if diagnostics.len() > MOST_FINDINGS {
        diagnostics.truncate(MOST_FINDINGS);
        diagnostics.push(Diagnostic::error("there are more findings than are shown here").in_file(source.file()));
    }
    Reading { record, diagnostics }
}

/// Parses TOML, keeping every span.
pub fn parse(source: &SourceText) -> Result<Spanned<DeTable<'_>>, Diagnostic> {
    DeTable::parse(source.text()).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        let end = source.text().len();
        Diagnostic::error(format!("this is not valid TOML: {message}"))
            .at(source, error.span().unwrap_or(end..end))
            .help("`wattline show chip nvidia-h100-sxm --toml` prints a file to start from")
    })
}

/// What a file says of itself, whatever else is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopLevel {
    pub name: Option<String>,
    pub title: Option<String>,
    pub aliases: Vec<String>,
    pub extends: Option<String>,
}

/// Reads only the keys by which an entry is found; none where the file is not TOML.
pub fn top_level(source: &SourceText) -> Option<TopLevel> {
    let table = parse(source).ok()?;
    let mut top = TopLevel::default();
    for (key, value) in table.get_ref() {
        let text = value.get_ref().as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("name", _) => top.name = text,
            ("title", _) => top.title = text,
            ("extends", _) => top.extends = text,
            ("aliases", DeValue::Array(aliases)) => {
                top.aliases = aliases.iter().filter_map(|alias| alias.get_ref().as_str()).map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    Some(top)
}

/// A value with its place, before it inherits the file's source and kind.
struct Found {
    value: Value,
    kind: Option<Kind>,
    source: Option<Arc<str>>,
    range: Option<(f64, f64)>,
    rule: Option<String>,
    span: Range<usize>,
}

struct Reader<'a> {
    kind: EntryKind,
    source: &'a SourceText,
    stem: &'a str,
    owner: Owner,
    found: BTreeMap<String, Found>,
    extends: Option<(String, Range<usize>)>,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn fault(&mut self, key: &str, span: Range<usize>, message: String, help: String) {
        self.diagnostics.push(Diagnostic::error(message).key(key).help(help).at(self.source, span));
    }

    fn walk(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (name, value) in table {
            if self.diagnostics.len() > MOST_FINDINGS {
                return;
            }
            let key = format!("{prefix}{}", name.get_ref());
            if prefix.is_empty() && key == "extends" {
                self.extend(value);
            } else if name.get_ref().contains('.') {
                self.unknown(&key, name.span(), false);
            } else if let Some(attribute) = self.kind.attribute(&key) {
                self.value(attribute, key, value);
            } else if self.is_table(&key) {
                match value.get_ref() {
                    DeValue::Table(inner) => self.walk(inner, &format!("{key}.")),
                    _ => {
                        let help = format!("write its keys under [{key}]: {}", self.keys_under(&key));
                        self.fault(&key, value.span(), format!("`{key}` is a table"), help);
                    }
                }
            } else {
                self.unknown(&key, name.span(), matches!(value.get_ref(), DeValue::Table(_)));
            }
        }
    }

    /// Whether a dotted prefix of some key.
    fn is_table(&self, key: &str) -> bool {
        let within = |known: &str| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
        self.kind.keys().iter().any(|known| within(known))
    }

    fn keys_under(&self, table: &str) -> String {
        let prefix = if table.is_empty() { String::new() } else { format!("{table}.") };
        let mut names: Vec<String> = Vec::new();
        for key in self.kind.keys() {
            if let Some(rest) = key.strip_prefix(&prefix) {
                let name = rest.split('.').next().unwrap_or(rest).to_owned();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names.join(", ")
    }

    fn unknown(&mut self, key: &str, span: Range<usize>, table: bool) {
        let help = if table { self.nearest_table(key) } else { self.nearest_key(key) };
        self.fault(key, span, format!("unknown key {}", quoted(key)), help);
    }

    /// Help for a key that the kind does not have: the same name in another table, the likest name, or all names.
    fn nearest_key(&self, key: &str) -> String {
        let keys = self.kind.keys();
        let name_of = |key: &str| key.rsplit('.').next().map(str::to_owned).unwrap_or_default();
        let named = |name: &str| keys.iter().map(String::as_str).find(|known| name_of(known) == name);
        let names: Vec<String> = keys.iter().map(|known| name_of(known)).collect();
        let near = named(&name_of(key))
            .or_else(|| nearest(key, keys.iter().map(String::as_str), 1).first().copied())
            .or_else(|| named(nearest(&name_of(key), names.iter().map(String::as_str), 1).first()?));
        match near.map(|near| (near, near.rsplit_once('.'))) {
            Some((near, Some((table, name)))) if !key.starts_with(&format!("{table}.")) => {
                format!("did you mean `{near}`? write `{name}` under [{table}]")
            }
            Some((near, _)) => format!("did you mean `{near}`?"),
            None => {
                let table = key.rsplit_once('.').map_or("", |(table, _)| table);
                let place = if table.is_empty() { format!("a {}", self.kind.word()) } else { format!("[{table}]") };
                format!("keys of {place}: {}", self.keys_under(table))
            }
        }
    }

    /// Help for a table that the kind does not have.
    fn nearest_table(&self, key: &str) -> String {
        let mut tables: Vec<String> = self
            .kind
            .keys()
            .iter()
            .filter_map(|known| known.rsplit_once('.'))
            .map(|(table, _)| table.to_owned())
            .collect();
        tables.sort();
        tables.dedup();
        match (nearest(key, tables.iter().map(String::as_str), 1).first(), tables.is_empty()) {
            (Some(near), _) => format!("did you mean [{near}]?"),
            (None, true) => format!("a {} has no tables", self.kind.word()),
            (None, false) => format!("tables of a {}: [{}]", self.kind.word(), tables.join("], [")),
        }
    }

    fn extend(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::String(name) if self.owner == Owner::User => {
                self.extends = Some((name.clone().into_owned(), value.span()));
            }
            DeValue::String(_) => {
                let help = "only a user's own file extends another entry".to_owned();
                self.fault("extends", value.span(), "a library file states all its values".to_owned(), help);
            }
            _ => {
                let help = format!("write `extends = \"…\"`; `wattline list {}` shows the names", self.kind.plural());
                self.fault("extends", value.span(), "`extends` takes the name of an entry".to_owned(), help);
            }
        }
    }

    /// A plain value, or an inline table with its own source.
    fn value(&mut self, attribute: &Attribute, key: String, value: &Spanned<DeValue<'_>>) {
        let DeValue::Table(table) = value.get_ref() else {
            match admit(attribute, &key, &raw(value.get_ref())) {
                Ok(admitted) => {
                    let found = Found {
                        value: admitted,
                        kind: None,
                        source: None,
                        range: None,
                        rule: None,
                        span: value.span(),
                    };
                    self.found.insert(key, found);
                }
                Err(complaint) => self.fault(&key, value.span(), complaint.message, complaint.help),
            }
            return;
        };
        let faults = self.diagnostics.len();
        let mut found =
            Found { value: Value::Flag(false), kind: None, source: None, range: None, rule: None, span: value.span() };
        let mut stated = false;
        for (name, part) in table {
            if self.diagnostics.len() > MOST_FINDINGS {
                return;
            }
            let part_key = format!("{key}.{}", name.get_ref());
            match (name.get_ref().as_ref(), part.get_ref()) {
                ("value", inner) => match admit(attribute, &key, &raw(inner)) {
                    Ok(admitted) => {
                        stated = true;
                        found.value = admitted;
                        found.span = part.span();
                    }
                    Err(complaint) => self.fault(&key, part.span(), complaint.message, complaint.help),
                },
                ("kind", DeValue::String(word)) if Kind::parse(word).is_some() => found.kind = Kind::parse(word),
                ("kind", inner) => {
                    let help = format!("the kinds are {}", KINDS.join(", "));
                    let stands = if let DeValue::String(word) = inner { quoted(word) } else { "no word".to_owned() };
                    self.fault(&part_key, part.span(), format!("`{part_key}` is {stands}"), help);
                }
                ("source", DeValue::String(text)) if !text.trim().is_empty() => {
                    found.source = Some(text.as_ref().into())
                }
                ("rule", DeValue::String(text)) if !text.trim().is_empty() => {
                    found.rule = Some(text.clone().into_owned())
                }
                ("source" | "rule", _) => {
                    let help = format!("write `{} = \"…\"`, or leave it out", name.get_ref());
                    self.fault(&part_key, part.span(), format!("`{part_key}` takes text"), help);
                }
                ("range", inner) => match bounds(inner) {
                    Some(range) if matches!(attribute.shape, Shape::Number { .. } | Shape::Integer { .. }) => {
                        found.range = Some(range);
                    }
                    _ => {
                        let help =
                            format!("write `range = [LOW, HIGH]` with two finite numbers beside a number `{key}`");
                        self.fault(&part_key, part.span(), format!("`{part_key}` is no range"), help);
                    }
                },
                (other, _) => {
                    let near = nearest(other, SOURCED_KEYS, 1);
                    let help = match near.first() {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("a sourced value holds {}", SOURCED_KEYS.join(", ")),
                    };
                    self.fault(&part_key, name.span(), format!("unknown key {}", quoted(&part_key)), help);
                }
            }
        }
        if !stated && self.diagnostics.len() == faults {
            let help = format!("write `{key} = {{ value = …, source = \"…\" }}`");
            self.fault(&key, value.span(), format!("`{key}` states no value"), help);
        }
        if let (Some((low, high)), Some(number)) = (found.range, as_number(&found.value))
            && stated
            && !(low..=high).contains(&number)
        {
            let message =
                format!("`{key}` is {}, outside its own range {} to {}", figure(number), figure(low), figure(high));
            self.fault(&key, found.span.clone(), message, "widen the range, or correct the value".to_owned());
        }
        if stated {
            self.found.insert(key, found);
        }
    }

    /// Inherits sources, starts from the extended entry, and checks what only the whole entry shows.
    fn finish(&mut self, base: Base<'_>) -> Option<Record> {
        let extended = self.extended(base);
        if self.owner == Owner::User {
            self.default_common();
        }
        let text = |reader: &Self, key: &str| match reader.found.get(key) {
            Some(Found { value: Value::Text(text), .. }) => Some(text.clone()),
            _ => None,
        };
        let kind = text(self, "kind").and_then(|word| Kind::parse(&word)).unwrap_or(Kind::Assumed);
        let source: Arc<str> = text(self, "source").unwrap_or_default().into();
        let name = text(self, "name").unwrap_or_default();
        if self.owner == Owner::Library && !name.is_empty() && name != self.stem {
            let span = self.found.get("name").map_or(0..0, |found| found.span.clone());
            let help = format!("name the file {name}.toml, or write `name = \"{}\"`", self.stem);
            self.fault("name", span, format!("the file is called {}.toml and its entry {name}", self.stem), help);
        }
        let file = self.source.shared_file();
        let mut values: BTreeMap<String, Sourced> = match &extended {
            Some(record) => record.values().map(|(key, value)| (key.to_owned(), value.clone())).collect(),
            None => BTreeMap::new(),
        };
        values.retain(|key, _| !matches!(key.as_str(), "aliases"));
        for (key, found) in &self.found {
            let sourced = Sourced {
                value: found.value.clone(),
                kind: found.kind.unwrap_or(kind),
                source: found.source.clone().unwrap_or_else(|| Arc::clone(&source)),
                range: found.range,
                rule: found.rule.clone(),
                origin: Origin { file: Arc::clone(&file), line: self.source.line_at(found.span.start).0 },
            };
            values.insert(key.clone(), sourced);
        }
        self.demand(&values);
        let record = Record::new(self.kind, name, values);
        // Rules between values would only repeat what is already said of a value that was not admitted.
        if !self.diagnostics.iter().any(Diagnostic::is_error) {
            for finding in findings(&record) {
                self.report(finding);
            }
        }
        let sound = !self.diagnostics.iter().any(Diagnostic::is_error);
        sound.then_some(record)
    }

    fn extended(&mut self, base: Base<'_>) -> Option<Record> {
        let (name, span) = self.extends.clone()?;
        match base(&name) {
            Ok(record) => Some(record),
            Err(fault) => {
                for diagnostic in fault.diagnostics {
                    let here = if diagnostic.file.is_none() {
                        diagnostic.at(self.source, span.clone()).key("extends")
                    } else {
                        diagnostic
                    };
                    self.diagnostics.push(here);
                }
                None
            }
        }
    }

    /// A user's file may leave out what only the library needs.
    fn default_common(&mut self) {
        let name = match self.found.get("name") {
            Some(Found { value: Value::Text(name), .. }) => name.clone(),
            _ => self.stem.to_owned(),
        };
        let file = std::path::Path::new(self.source.file());
        let short = file.file_name().map_or_else(|| self.stem.into(), |name| name.to_string_lossy());
        let defaults = [
            ("source", format!("user file {short}")),
            ("kind", Kind::Assumed.word().to_owned()),
            ("title", name.clone()),
            ("name", name),
        ];
        for (key, text) in defaults {
            let unstated =
                Found { value: Value::Text(text), kind: None, source: None, range: None, rule: None, span: 0..0 };
            self.found.entry(key.to_owned()).or_insert(unstated);
        }
    }

    /// Every key that must be there.
    fn demand(&mut self, values: &BTreeMap<String, Sourced>) {
        // Where the base could not be read, nothing is known of what is missing; what was read and not admitted is not missing.
        if self.extends.is_some() && self.diagnostics.iter().any(Diagnostic::is_error) {
            return;
        }
        for attribute in COMMON.iter().chain(self.kind.table()) {
            let refused = self.diagnostics.iter().any(|d| d.key.as_deref() == Some(attribute.key));
            if attribute.need == Need::Always && !values.contains_key(attribute.key) && !refused {
                let unit = if attribute.unit.is_empty() { String::new() } else { format!(", in {}", attribute.unit) };
                let example = match attribute.shape {
                    Shape::Number { .. } | Shape::Integer { .. } => "…".to_owned(),
                    Shape::Flag => "true".to_owned(),
                    Shape::Text => "\"…\"".to_owned(),
                    Shape::Word(words) => format!("\"{}\"", words.join("|")),
                    Shape::Texts => "[\"…\"]".to_owned(),
                };
                let write = match attribute.key.rsplit_once('.') {
                    Some((table, name)) => format!("`{name} = {example}` under [{table}]"),
                    None => format!("`{} = {example}`", attribute.key),
                };
                self.diagnostics.push(
                    Diagnostic::error(format!("missing key `{}`", attribute.key))
                        .in_file(self.source.file())
                        .key(attribute.key)
                        .help(format!("write {write}: {}{unit}", attribute.meaning)),
                );
            }
        }
    }

    fn report(&mut self, finding: Finding) {
        let diagnostic = match finding.severity {
            Severity::Error => Diagnostic::error(finding.message),
            Severity::Warning => Diagnostic::warning(finding.message),
        };
        let diagnostic = diagnostic.key(finding.key.clone()).help(finding.help);
        let placed = match self.found.get(&finding.key) {
            Some(found) => diagnostic.at(self.source, found.span.clone()),
            None => diagnostic.in_file(self.source.file()),
        };
        self.diagnostics.push(placed);
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        _ => None,
    }
}

/// A TOML value as the shapes see it.
fn raw<'a>(value: &'a DeValue<'_>) -> Raw<'a> {
    match value {
        DeValue::Integer(integer) => match i128::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()) {
            Ok(number) => Raw::Integer(number),
            Err(_) => Raw::Other("a number too large to hold"),
        },
        DeValue::Float(float) => match float.as_str().replace('_', "").parse() {
            Ok(number) => Raw::Number(number),
            Err(_) => Raw::Other("no number"),
        },
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::String(text) => Raw::Text(text),
        DeValue::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
            texts.map_or(Raw::Other("a list that does not hold texts alone"), Raw::List)
        }
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(_) => Raw::Other("a table"),
    }
}

/// `[LOW, HIGH]`, finite and in order.
fn bounds(value: &DeValue<'_>) -> Option<(f64, f64)> {
    let DeValue::Array(items) = value else { return None };
    let numbers: Option<Vec<f64>> = items
        .iter()
        .map(|item| match raw(item.get_ref()) {
            Raw::Integer(number) => Some(number as f64),
            Raw::Number(number) if number.is_finite() => Some(number),
            _ => None,
        })
        .collect();
    match numbers?.as_slice() {
        [low, high] if low <= high => Some((*low, *high)),
        _ => None,
    }
}

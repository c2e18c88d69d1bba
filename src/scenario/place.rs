//! Where each key of a scenario stands: in its own file or in the one that it includes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::reader;
use crate::library::source_text::SourceText;

/// One key's place.
#[derive(Clone, Debug)]
struct Place {
    source: usize,
    span: Range<usize>,
    /// The texts that stand there, by which a fault that knows only the value finds its key.
    texts: Vec<String>,
}

/// Places by dotted path; designs and variants stand under their names: `design.A.chips`.
#[derive(Clone, Debug, Default)]
pub struct Places {
    sources: Vec<Arc<SourceText>>,
    found: BTreeMap<String, Place>,
}

impl Places {
    /// Lays the places of a file over those known.
    pub fn add(&mut self, source: &SourceText) -> Result<(), Fault> {
        let table = reader::parse(source).map_err(Fault::input)?;
        self.sources.push(Arc::new(source.clone()));
        self.walk(table.get_ref(), "");
        Ok(())
    }

    fn walk(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (name, value) in table {
            self.note(format!("{prefix}{}", name.get_ref()), name.span().start..value.span().end, value);
        }
    }

    fn note(&mut self, path: String, span: Range<usize>, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(inner) => self.walk(inner, &format!("{path}.")),
            DeValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        let name = inner.get("name").and_then(|name| name.get_ref().as_str());
                        let part = name.map_or_else(|| at.to_string(), str::to_owned);
                        self.note(format!("{path}.{part}"), item.span(), item);
                    }
                }
            }
            _ => {}
        }
        let texts = match value.get_ref() {
            DeValue::String(text) => vec![text.to_string()],
            DeValue::Array(items) => {
                items.iter().filter_map(|item| item.get_ref().as_str()).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        self.found.insert(path, Place { source: self.sources.len() - 1, span, texts });
    }

    /// Points a finding at the first of some paths that stands in a file, or else at the scenario's own file.
    pub fn point(&self, diagnostic: Diagnostic, paths: &[&str]) -> Diagnostic {
        if diagnostic.file.is_some() {
            return diagnostic;
        }
        match paths.iter().find_map(|path| self.found.get(*path)) {
            Some(place) => self.at(diagnostic, place),
            None => match self.sources.last() {
                Some(own) => diagnostic.in_file(own.file()),
                None => diagnostic,
            },
        }
    }

    /// The same as a fault of the input.
    pub fn fault(&self, diagnostic: Diagnostic, paths: &[&str]) -> Fault {
        Fault::input(self.point(diagnostic, paths))
    }

    /// Points what a look-up of a design found at the field that it came from.
    pub fn within(&self, mut fault: Fault, tables: &[&str]) -> Fault {
        fault.diagnostics =
            fault.diagnostics.into_iter().map(|diagnostic| self.of_look_up(diagnostic, tables)).collect();
        fault
    }

    /// The same for one finding.
    pub fn of_look_up(&self, diagnostic: Diagnostic, tables: &[&str]) -> Diagnostic {
        let Some(key) = diagnostic.key.clone().filter(|_| diagnostic.file.is_none()) else { return diagnostic };
        let field = match key.as_str() {
            "power_cap" => "power_cap_w",
            other => other,
        };
        for table in tables {
            let by_key = [format!("{table}.{field}"), format!("{table}.set.{field}")];
            if let Some(place) = by_key.iter().find_map(|path| self.found.get(path)) {
                return self.at(diagnostic, place);
            }
            let prefix = format!("{table}.");
            let by_text = self
                .found
                .range(prefix.clone()..)
                .take_while(|(path, _)| path.starts_with(&prefix))
                .find(|(_, place)| place.texts.contains(&key));
            if let Some((_, place)) = by_text {
                return self.at(diagnostic, place);
            }
        }
        match self.found.get("workloads").filter(|place| place.texts.contains(&key)) {
            Some(place) => self.at(diagnostic, place),
            None => self.point(diagnostic, tables),
        }
    }

    fn at(&self, diagnostic: Diagnostic, place: &Place) -> Diagnostic {
        match self.sources.get(place.source) {
            Some(source) => diagnostic.at(source, place.span.clone()),
            None => diagnostic,
        }
    }
}

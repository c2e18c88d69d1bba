//! Another lab's columns: which of its columns, times a factor, or which constant stands for each of ours.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::column::{Field, column, names};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::nearest::nearest;
use crate::library::reader;
use crate::library::source_text::SourceText;

const SECTIONS: [&str; 5] = ["title", "source", "kind", "constants", "columns"];

/// One of the other lab's columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    pub column: String,
    pub scale: f64,
}

/// A map file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnMap {
    pub constants: BTreeMap<&'static str, String>,
    pub columns: BTreeMap<&'static str, Mapped>,
}

impl ColumnMap {
    /// Reads a map file.
    pub fn read(path: &Path) -> Result<ColumnMap, Fault> {
        ColumnMap::parse(&SourceText::read(path)?)
    }

    /// Parses a map.
    pub fn parse(source: &SourceText) -> Result<ColumnMap, Fault> {
        let document = reader::parse(source).map_err(|mut diagnostic| {
            diagnostic.help = Some("a column map is TOML with [constants] and [columns]".to_owned());
            Fault::input(diagnostic)
        })?;
        let mut map = ColumnMap::default();
        for (section, value) in document.get_ref() {
            match (section.get_ref().as_ref(), value.get_ref()) {
                ("title" | "source" | "kind", _) => {}
                ("constants", DeValue::Table(table)) => map.read_constants(source, table)?,
                ("columns", DeValue::Table(table)) => map.read_columns(source, table)?,
                ("constants" | "columns", _) => {
                    let name = section.get_ref();
                    return Err(fault(
                        source,
                        value.span(),
                        name,
                        format!("`{name}` takes a table"),
                        format!("write [{name}]"),
                    ));
                }
                (other, _) => {
                    let help = match nearest(other, SECTIONS, 1).first() {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "a column map has title, source, kind, [constants] and [columns]".to_owned(),
                    };
                    return Err(fault(source, section.span(), other, format!("unknown key {}", quoted(other)), help));
                }
            }
        }
        Ok(map)
    }

    fn read_constants(&mut self, source: &SourceText, table: &DeTable<'_>) -> Result<(), Fault> {
        for (name, value) in table {
            let (field, kind) = known(source, name.get_ref(), name.span())?;
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.as_str().replace('_', ""),
                DeValue::Float(number) => number.as_str().replace('_', ""),
                DeValue::Boolean(flag) => u8::from(*flag).to_string(),
                _ => String::new(),
            };
            let number = text.parse::<f64>().is_ok_and(f64::is_finite);
            if text.is_empty() || (kind != Field::Text && !number) {
                let wanted = if kind == Field::Text { "text" } else { "a number" };
                let help = format!("write {field} = VALUE, or leave it out where it is unknown");
                return Err(fault(source, value.span(), field, format!("`{field}` takes {wanted}"), help));
            }
            self.constants.insert(field, text);
        }
        Ok(())
    }

    fn read_columns(&mut self, source: &SourceText, table: &DeTable<'_>) -> Result<(), Fault> {
        for (name, value) in table {
            let (field, kind) = known(source, name.get_ref(), name.span())?;
            let mapped = match value.get_ref() {
                DeValue::String(column) => Some(Mapped { column: column.to_string(), scale: 1.0 }),
                DeValue::Table(table) => scaled(table, kind),
                _ => None,
            };
            let Some(mapped) = mapped else {
                let help = format!(
                    "write {field} = \"COLUMN\", or for a number {field} = {{ column = \"COLUMN\", scale = 0.001 }}"
                );
                return Err(fault(source, value.span(), field, format!("`{field}` names no column"), help));
            };
            self.columns.insert(field, mapped);
        }
        Ok(())
    }
}

/// `{ column = "time (ms)", scale = 0.001 }`
fn scaled(table: &DeTable<'_>, kind: Field) -> Option<Mapped> {
    let mut mapped = Mapped { column: String::new(), scale: 1.0 };
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("column", DeValue::String(column)) => mapped.column = column.to_string(),
            ("scale", DeValue::Float(number)) if kind != Field::Text => {
                mapped.scale = number.as_str().replace('_', "").parse().ok()?
            }
            ("scale", DeValue::Integer(number)) if kind != Field::Text => {
                mapped.scale = number.as_str().replace('_', "").parse().ok()?
            }
            _ => return None,
        }
    }
    (!mapped.column.is_empty() && mapped.scale.is_finite()).then_some(mapped)
}

fn known(source: &SourceText, name: &str, span: Range<usize>) -> Result<(&'static str, Field), Fault> {
    column(name).ok_or_else(|| {
        let near = nearest(name, names(), 3).join(", ");
        let help = if near.is_empty() {
            "the fields are the columns of published_runs.csv".to_owned()
        } else {
            format!("did you mean {near}?")
        };
        fault(source, span, name, format!("unknown field {}", quoted(name)), help)
    })
}

fn fault(source: &SourceText, span: Range<usize>, key: &str, message: String, help: String) -> Fault {
    Fault::input(Diagnostic::error(message).at(source, span).key(key).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str) -> Result<ColumnMap, Fault> {
        ColumnMap::parse(&SourceText::new("map.toml", text))
    }

    #[test]
    fn a_map_holds_constants_columns_and_factors() -> Result<(), Fault> {
        let map = parse(
            "title = \"t\"\n[constants]\nchip = \"h100\"\nvocab = 50_257\n[columns]\nchips = \"# GPUs\"\nsec_per_iter = { column = \"ms\", scale = 0.001 }\n",
        )?;
        assert_eq!(map.constants["vocab"], "50257");
        assert_eq!(map.columns["chips"], Mapped { column: "# GPUs".to_owned(), scale: 1.0 });
        assert_eq!(map.columns["sec_per_iter"].scale, 0.001);
        Ok(())
    }

    #[test]
    fn a_fault_of_a_map_names_its_line_and_the_nearest_field() {
        let Err(fault) = parse("[columns]\nchipz = \"GPUs\"\n") else { unreachable!("an unknown field") };
        let diagnostic = &fault.diagnostics[0];
        assert_eq!(diagnostic.line(), Some(2));
        assert!(diagnostic.help.as_deref().is_some_and(|help| help.contains("chips")), "{diagnostic}");
        for text in [
            "[constants]\nchips = \"many\"",
            "[columns]\nchips = 3",
            "[colums]\n",
            "columns = 1",
            "[columns]\nchip = { column = \"x\", scale = 2 }",
        ] {
            assert!(ColumnMap::parse(&SourceText::new("map.toml", text)).is_err(), "{text}");
        }
    }
}

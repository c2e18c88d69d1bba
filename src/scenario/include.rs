//! A scenario over the one that it includes.

use std::path::Path;

use toml::{Table, Value};

use super::Scenario;
use super::place::Places;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::source_text::SourceText;
use crate::library::store::Library;

/// The whole table of a scenario, its own keys over those that it includes, and where each stands.
pub fn read(library: &Library, source: &SourceText) -> Result<(Table, Places), Fault> {
    let mut places = Places::default();
    let table = gather(library, source, &mut places, &mut Vec::new())?;
    Ok((table, places))
}

fn gather(
    library: &Library,
    source: &SourceText,
    places: &mut Places,
    chain: &mut Vec<String>,
) -> Result<Table, Fault> {
    chain.push(source.file().to_owned());
    let own = one(source)?;
    let base = match own.get("include") {
        Some(Value::String(name)) => {
            let included = included(library, source, name).map_err(|fault| blame(fault, source))?;
            if chain.iter().any(|file| file == included.file()) {
                let circle = format!("{} -> {}", chain.join(" -> "), included.file());
                let help = "include a scenario that does not lead back here";
                let diagnostic = Diagnostic::error(format!("`include` leads in a circle: {circle}"));
                return Err(blame(Fault::input(diagnostic.key("include").help(help)), source));
            }
            gather(library, &included, places, chain)?
        }
        _ => Table::new(),
    };
    places.add(source)?;
    Ok(over(base, own))
}

/// One file's table, its types checked while its lines are known.
fn one(source: &SourceText) -> Result<Table, Fault> {
    let fault = |error: toml::de::Error| {
        let mut diagnostic = Diagnostic::error(error.message().to_owned()).in_file(source.file());
        if let Some(span) = error.span() {
            diagnostic = diagnostic.at(source, span);
        }
        Fault::input(diagnostic.help("`wattline show scenario s01-headline` prints a whole one"))
    };
    toml::from_str::<Scenario>(source.text()).map_err(fault)?;
    toml::from_str(source.text()).map_err(fault)
}

/// A scenario of the library, or a file beside the one that names it.
fn included(library: &Library, source: &SourceText, name: &str) -> Result<SourceText, Fault> {
    let path = Path::new(name);
    let beside = Path::new(source.file()).parent().map(|folder| folder.join(path));
    match beside.filter(|_| path.is_relative() && path.extension().is_some_and(|ending| ending == "toml")) {
        Some(beside) => SourceText::read(&beside),
        None => library.scenario_text(name),
    }
}

/// Points a fault of the look-up at the key that asked for it.
fn blame(mut fault: Fault, source: &SourceText) -> Fault {
    let mut places = Places::default();
    if places.add(source).is_ok() {
        fault.diagnostics = fault
            .diagnostics
            .into_iter()
            .map(|d| {
                // A file that cannot be read names itself in its message; the line at fault is the one that names it.
                let d = Diagnostic { file: d.file.filter(|_| d.position.is_some()), ..d };
                places.point(d, &["include"])
            })
            .collect();
    }
    fault
}

/// Sections whose keys are laid over each other one by one.
const SECTIONS: [&str; 3] = ["constraints", "plans", "sweep"];
/// Lists whose entries meet by name.
const NAMED: [&str; 2] = ["design", "variant"];

fn over(mut base: Table, own: Table) -> Table {
    for (key, value) in own {
        match (base.get_mut(&key), value) {
            (Some(Value::Array(known)), Value::Array(entries)) if NAMED.contains(&key.as_str()) => {
                for entry in entries {
                    lay(known, entry);
                }
            }
            (Some(Value::Table(known)), Value::Table(entry)) if SECTIONS.contains(&key.as_str()) => {
                fields(known, entry);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
    base
}

/// Lays an entry over the one of its name, or adds it.
fn lay(known: &mut Vec<Value>, entry: Value) {
    let named = known.iter_mut().find(|other| other.get("name").is_some() && other.get("name") == entry.get("name"));
    match (named, entry) {
        (Some(Value::Table(base)), Value::Table(own)) => fields(base, own),
        (_, entry) => known.push(entry),
    }
}

/// Lays fields over fields; those of `set` one by one.
fn fields(base: &mut Table, own: Table) {
    for (key, value) in own {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(known)), Value::Table(entry)) if key == "set" => known.extend(entry),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// A scenario that includes nothing and lacks what every one has.
pub fn lacks(key: &str) -> Diagnostic {
    Diagnostic::error(format!("the scenario has no {}", quoted(key)))
        .key(key)
        .help("`wattline show scenario s01-headline` prints a whole one")
}

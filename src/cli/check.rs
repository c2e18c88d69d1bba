//! `wattline check FILE…`: everything that is wrong with a user's own files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::show::ShownKind;
use super::{Global, Outcome, output};
use crate::claims::reading;
use crate::library::diagnostic::{Diagnostic, Exit};
use crate::library::entry_kind::EntryKind;
use crate::library::reader;
use crate::library::recognise;
use crate::library::source_text::SourceText;
use crate::library::store::{Library, missing_keys};
use crate::scenario::Scenario;

/// Designs of a scenario that are looked up; names repeat after that.
const MOST_LOOK_UPS: usize = 1_000;

const EXAMPLES: &str = "\
Examples:
  wattline check my-chip.toml
  wattline check --kind site ours/*.toml
  wattline check config.json

A file's kind is that of --kind, of the folder it stands in (chips, sites, …), or the one its keys belong to.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Library files and claim files (TOML), or a Hugging Face config.json
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What kind of entry the files hold
    #[arg(long, value_enum, ignore_case = true)]
    kind: Option<ShownKind>,
}

/// What is known of one file.
struct Checked {
    file: String,
    /// The word of its kind.
    kind: Option<&'static str>,
    name: Option<String>,
    findings: Vec<Diagnostic>,
}

impl Checked {
    fn count(&self, errors: bool) -> usize {
        self.findings.iter().filter(|finding| finding.is_error() == errors).count()
    }
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let library = global.open_library()?;
    let kind = arguments.kind.map(EntryKind::from);
    let checked: Vec<Checked> = arguments.files.iter().map(|file| check(&library, file, kind)).collect();
    if global.json {
        output::json(&document(&checked))?;
    } else {
        for one in &checked {
            output::diagnostics(&one.findings);
            output::answer(&verdict(one))?;
        }
    }
    let sound = checked.iter().all(|one| one.count(true) == 0);
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(Exit::Input as u8) })
}

fn check(library: &Library, path: &Path, asked: Option<EntryKind>) -> Checked {
    let kind = asked.map(EntryKind::word);
    let mut checked = Checked { file: path.display().to_string(), kind, name: None, findings: Vec::new() };
    let source = match SourceText::read(path) {
        Ok(source) => source,
        Err(fault) => {
            checked.findings = fault.diagnostics;
            return checked;
        }
    };
    let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if !json && let Err(diagnostic) = reader::parse(&source) {
        checked.findings.push(diagnostic);
        return checked;
    }
    if asked.is_none() && reader::parse(&source).is_ok_and(|table| table.get_ref().contains_key("claim")) {
        checked.kind = Some("claims");
        checked.findings = reading::read(library, &source).err().map_or_else(Vec::new, |fault| fault.diagnostics);
        return checked;
    }
    let kind = asked.or_else(|| recognise::of_folder(path)).or_else(|| recognise::of_text(&source));
    let Some(kind) = kind.or_else(|| of_base(library, &source)) else {
        let message = "this file's keys belong to no kind of entry, or to several";
        let help = "state the kind: --kind chip, cluster, workload, site, stack or scenario";
        checked.findings.push(Diagnostic::error(message).in_file(source.file()).help(help));
        return checked;
    };
    checked.kind = Some(kind.word());
    match kind {
        EntryKind::Scenario => scenario(library, &source, &mut checked),
        _ => entry(library, path, kind, &mut checked),
    }
    checked
}

/// The parser's faults, and what the look-up of every design finds.
fn scenario(library: &Library, source: &SourceText, checked: &mut Checked) {
    let looked_up = Scenario::parse(library, source).and_then(|scenario| {
        checked.name = Some(scenario.name.clone());
        scenario.look_up(library, MOST_LOOK_UPS)
    });
    match looked_up {
        Ok(warnings) => checked.findings = warnings,
        Err(fault) => checked.findings = fault.diagnostics,
    }
}

fn entry(library: &Library, path: &Path, kind: EntryKind, checked: &mut Checked) {
    match library.read_file(kind, path) {
        Ok(reading) => {
            checked.findings = reading.diagnostics;
            if let Some(record) = reading.record {
                checked.name = Some(record.name().to_owned());
                let missing = missing_keys(&record);
                if !missing.is_empty() {
                    let sets: Vec<String> =
                        missing.iter().map(|key| format!("--set {}.{key}=…", kind.word())).collect();
                    let message = format!("an estimate needs what this {} lacks: {}", kind.word(), missing.join(", "));
                    let help = format!("state them here, or with {}", sets.join(" "));
                    checked.findings.push(Diagnostic::warning(message).in_file(checked.file.clone()).help(help));
                }
            }
        }
        Err(fault) => checked.findings = fault.diagnostics,
    }
}

/// The kind of the entry that a file extends, where only one kind has an entry of that name.
fn of_base(library: &Library, source: &SourceText) -> Option<EntryKind> {
    let base = reader::top_level(source)?.extends?;
    let mut homes =
        EntryKind::ALL.into_iter().filter(|kind| *kind != EntryKind::Scenario && library.text(*kind, &base).is_ok());
    match (homes.next(), homes.next()) {
        (Some(kind), None) => Some(kind),
        _ => None,
    }
}

fn verdict(checked: &Checked) -> String {
    let what = match (checked.kind, &checked.name) {
        (Some(kind), Some(name)) => format!("{kind} {name}: "),
        (Some(kind), None) => format!("{kind}: "),
        (None, _) => String::new(),
    };
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let found = match (checked.count(true), checked.count(false)) {
        (0, 0) => "nothing wrong".to_owned(),
        (0, warnings) => plural(warnings, "warning"),
        (errors, 0) => plural(errors, "error"),
        (errors, warnings) => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    };
    format!("{}: {what}{found}", checked.file)
}

/// Every file with its findings; the first error also stands where every command's error stands.
fn document(checked: &[Checked]) -> Value {
    let list = |one: &Checked, errors: bool| -> Vec<Value> {
        one.findings.iter().filter(|finding| finding.is_error() == errors).map(Diagnostic::to_json).collect()
    };
    let files: Vec<Value> = checked
        .iter()
        .map(|one| {
            json!({
                "file": one.file,
                "kind": one.kind,
                "name": one.name,
                "errors": list(one, true),
                "warnings": list(one, false),
            })
        })
        .collect();
    let first = checked.iter().flat_map(|one| &one.findings).find(|finding| finding.is_error());
    match first {
        Some(error) => json!({ "error": error.to_json(), "files": files }),
        None => json!({ "files": files }),
    }
}

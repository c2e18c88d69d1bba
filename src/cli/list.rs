//! `wattline list KIND`: the names of the library.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Global, Outcome, output};
use crate::library::entry_kind::EntryKind;
use crate::library::store::{Listing, Status};

const EXAMPLES: &str = "\
Examples:
  wattline list chips
  wattline list sites --json
  wattline list workloads --library ./our-models";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What to list
    #[arg(value_enum, ignore_case = true)]
    kind: ListedKind,
}

/// The kinds of which there are many entries; each is accepted in singular too.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ListedKind {
    #[value(alias = "chip")]
    Chips,
    #[value(alias = "cluster")]
    Clusters,
    #[value(alias = "workload")]
    Workloads,
    #[value(alias = "site")]
    Sites,
    #[value(alias = "stack")]
    Stacks,
    #[value(alias = "scenario")]
    Scenarios,
}

impl From<ListedKind> for EntryKind {
    fn from(kind: ListedKind) -> EntryKind {
        match kind {
            ListedKind::Chips => EntryKind::Chip,
            ListedKind::Clusters => EntryKind::Cluster,
            ListedKind::Workloads => EntryKind::Workload,
            ListedKind::Sites => EntryKind::Site,
            ListedKind::Stacks => EntryKind::Stack,
            ListedKind::Scenarios => EntryKind::Scenario,
        }
    }
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    let kind = EntryKind::from(arguments.kind);
    let library = global.open_library()?;
    let (listings, diagnostics) = library.listing(kind);
    output::diagnostics(&diagnostics);
    if global.json {
        let entries: Vec<Value> = listings.iter().map(document).collect();
        output::json(&json!({ "entries": entries }))?;
    } else {
        output::answer(&page(kind, &listings))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn document(listing: &Listing) -> Value {
    json!({
        "name": listing.name,
        "title": listing.title,
        "status": listing.status.word(),
        "missing": listing.missing,
    })
}

fn page(kind: EntryKind, listings: &[Listing]) -> String {
    let rows = listings.iter().map(|l| vec![l.name.clone(), l.title.clone(), l.status.word().to_owned()]).collect();
    let table = output::table(&["NAME", "TITLE", "STATUS"], &[0, 2], rows);
    let count = |status: Status| listings.iter().filter(|listing| listing.status == status).count();
    let parts: Vec<String> = [Status::Complete, Status::Incomplete, Status::Announced]
        .into_iter()
        .filter(|status| count(*status) > 0)
        .map(|status| format!("{} {}", count(status), output::status(status)))
        .collect();
    let kinds = if listings.len() == 1 { kind.word() } else { kind.plural() };
    format!(
        "{table}\n{} {kinds}: {}; `wattline show {} NAME` shows one\n",
        listings.len(),
        parts.join(", "),
        kind.word()
    )
}

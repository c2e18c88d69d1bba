//! The words of a row that the library must know: chip, stack, precision, recompute, attention, sharding.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::table::{Row, Table};
use crate::library::chip::Chip;
use crate::library::cluster::Cluster;
use crate::library::diagnostic::{Diagnostic, Exit, Fault, quoted};
use crate::library::nearest::nearest;
use crate::library::stack::Stack;
use crate::library::store::Library;
use crate::library::workload::{Precision, Workload};
use crate::model::plan::{Recompute, Shard};

use super::judged::Obstacle;

const PRECISIONS: [&str; 10] = ["fp32", "tf32", "fp16", "bf16", "fp8", "mxfp8", "int8", "fp4", "nvfp4", "mxfp4"];
const ATTENTIONS: [&str; 4] = ["mha", "mqa", "gqa", "mla"];

/// A word that the library does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    pub column: &'static str,
    pub word: String,
    pub message: String,
    pub help: String,
}

impl UnknownWord {
    /// A word that is not among a column's words.
    pub fn among(column: &'static str, word: &str, known: &[&str]) -> UnknownWord {
        let help = match nearest(word, known.iter().copied(), 1).first() {
            Some(near) => format!("did you mean `{near}`? The words are {}", known.join(", ")),
            None => format!("the words are {}", known.join(", ")),
        };
        UnknownWord { column, word: word.to_owned(), message: format!("unknown {column} {}", quoted(word)), help }
    }

    /// A name that the library refuses.
    pub fn refused(column: &'static str, word: &str, fault: &Fault) -> UnknownWord {
        let help = fault.diagnostics.first().and_then(|diagnostic| diagnostic.help.clone());
        UnknownWord { column, word: word.to_owned(), message: fault.message(), help: help.unwrap_or_default() }
    }
}

/// A chip with its reference cluster.
pub type Machine = (Chip, Cluster);

/// Every name that a table uses, looked up once.
pub struct Names {
    machines: BTreeMap<String, Result<Machine, Fault>>,
    stacks: BTreeMap<String, Result<Stack, Fault>>,
    workloads: BTreeMap<String, Option<Workload>>,
}

impl Names {
    /// Looks up the chips, stacks and models of a table.
    pub fn of(table: &Table, library: &Library) -> Names {
        let distinct = |column: &str| -> Vec<String> {
            let mut words: Vec<String> = table.rows.iter().map(|row| row.text(column).to_owned()).collect();
            words.sort();
            words.dedup();
            words.retain(|word| !word.is_empty());
            words
        };
        let machine = |word: &String| {
            let chip = library.chip(word)?;
            let cluster = library.cluster(&chip.cluster)?;
            Ok((chip, cluster))
        };
        Names {
            machines: distinct("chip").into_iter().map(|word| (word.clone(), machine(&word))).collect(),
            stacks: distinct("stack").into_iter().map(|word| (word.clone(), library.stack(&word))).collect(),
            workloads: distinct("model_name")
                .into_par_iter()
                .map(|word| (word.clone(), model(library, &word)))
                .collect(),
        }
    }

    /// The chip that a row names.
    pub fn machine(&self, row: &Row) -> Result<&Machine, Obstacle> {
        found("chip", row.text("chip"), self.machines.get(row.text("chip")))
    }

    /// The stack that a row names.
    pub fn stack(&self, row: &Row) -> Result<&Stack, Obstacle> {
        found("stack", row.text("stack"), self.stacks.get(row.text("stack")))
    }

    /// The library's entry for the row's model, if there is one.
    pub fn workload(&self, row: &Row) -> Option<&Workload> {
        self.workloads.get(row.text("model_name")).and_then(Option::as_ref)
    }
}

fn found<'a, T>(column: &'static str, word: &str, known: Option<&'a Result<T, Fault>>) -> Result<&'a T, Obstacle> {
    match known {
        None => Err(Obstacle::states_no(column)),
        Some(Ok(entry)) => Ok(entry),
        // A profile that lacks what an estimate needs is known, and cannot be predicted with.
        Some(Err(fault)) if fault.exit == Exit::Infeasible => Err(Obstacle::Lacks(fault.message())),
        Some(Err(fault)) => Err(Obstacle::Unknown(UnknownWord::refused(column, word, fault))),
    }
}

/// The library's entry of a model's name; of the model that a proxy stands for (`grok-1-4L`, `deepseek-v3-proxy-…`).
fn model(library: &Library, name: &str) -> Option<Workload> {
    let shortened = || {
        let name = name.split_once("-proxy").map_or(name, |(whole, _)| whole);
        match name.rsplit_once('-') {
            Some((whole, layers)) if is_layers(layers) => whole,
            _ => name,
        }
    };
    library.workload(name).or_else(|_| library.workload(shortened())).ok()
}

/// `4L`
fn is_layers(word: &str) -> bool {
    word.strip_suffix('L').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The words of a row that are not names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Words {
    pub precision: Option<Precision>,
    pub recompute: Option<Recompute>,
    pub shard: Option<Shard>,
    pub latent_attention: bool,
}

impl Words {
    /// Checks every word that a row states.
    pub fn of(row: &Row) -> Result<Words, Obstacle> {
        let recomputes = Recompute::ALL.map(Recompute::word);
        let attention = row.text("attention").to_ascii_lowercase();
        if !attention.is_empty() && !ATTENTIONS.contains(&attention.as_str()) {
            return Err(Obstacle::Unknown(UnknownWord::among("attention", &attention, &ATTENTIONS)));
        }
        let shard = match row.number("zero_or_fsdp_stage") {
            None => None,
            Some(stage) => Some(Shard::parse(&stage.to_string()).ok_or_else(|| {
                Obstacle::Unknown(UnknownWord::among("zero_or_fsdp_stage", &stage.to_string(), &["0", "1", "2", "3"]))
            })?),
        };
        Ok(Words {
            precision: word(row, "precision", &PRECISIONS, Precision::parse)?,
            recompute: word(row, "recompute", &recomputes, Recompute::parse)?,
            shard,
            latent_attention: attention == "mla",
        })
    }
}

fn word<T>(
    row: &Row,
    column: &'static str,
    known: &[&str],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Obstacle> {
    match row.text(column) {
        "" => Ok(None),
        stated => match parse(stated) {
            Some(value) => Ok(Some(value)),
            None => Err(Obstacle::Unknown(UnknownWord::among(column, stated, known))),
        },
    }
}

/// One warning for each unknown word, however many rows use it.
pub fn warnings(table: &Table, unknown: &[(usize, &UnknownWord)]) -> Vec<Diagnostic> {
    let mut groups: Vec<(&UnknownWord, Vec<&Row>)> = Vec::new();
    for (index, word) in unknown {
        let Some(row) = table.rows.get(*index) else { continue };
        match groups.iter_mut().find(|(known, _)| known.column == word.column && known.word == word.word) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((word, vec![row])),
        }
    }
    let mut found = Vec::new();
    for (word, rows) in groups {
        let Some(first) = rows.first() else { continue };
        let more = if rows.len() > 1 { format!(" and {} more", rows.len() - 1) } else { String::new() };
        let message = format!("{}: row {}{more} not scored", word.message, quoted(first.text("id")));
        found.push(table.point(Diagnostic::warning(message), first, word.column).help(word.help.clone()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_names_the_nearest() {
        let row = Row::of(&[("precision", "bf61")], &[]);
        let Err(Obstacle::Unknown(unknown)) = Words::of(&row) else { unreachable!("bf61 is no precision") };
        assert_eq!(unknown.column, "precision");
        assert!(unknown.help.contains("`bf16`"), "{}", unknown.help);
        assert!(Words::of(&Row::of(&[("recompute", "some")], &[])).is_err());
        assert!(Words::of(&Row::of(&[("attention", "GQA")], &[])).is_ok());
        assert!(Words::of(&Row::of(&[], &[("zero_or_fsdp_stage", 4.0)])).is_err());
    }

    #[test]
    fn a_blank_word_is_not_stated() {
        let Ok(words) = Words::of(&Row::default()) else { unreachable!("nothing is stated") };
        assert_eq!(words, Words { precision: None, recompute: None, shard: None, latent_attention: false });
    }

    #[test]
    fn a_proxy_is_known_by_its_layers() {
        assert!(is_layers("16L") && !is_layers("L") && !is_layers("1B") && !is_layers("L8"));
    }
}

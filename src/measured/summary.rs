//! Tables of MLPerf results: minutes to train, by system and benchmark.

use std::path::Path;

use super::benchmark::Benchmark;
use super::column::{number, words};
use super::recognise::Format;
use super::table::{Row, Table};
use super::{Measured, Said};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// Which columns are what.
struct Columns {
    submitter: Option<usize>,
    system: Option<usize>,
    accelerator: Option<usize>,
    count: Option<usize>,
    nodes: Option<usize>,
    /// Columns of minutes, with the benchmark's name.
    benchmarks: Vec<(usize, String)>,
    /// In a table with a row for each result: the columns of the benchmark and of its minutes.
    long: Option<(usize, usize)>,
}

impl Columns {
    fn of(names: &[String]) -> Columns {
        let spelt: Vec<Vec<String>> = names.iter().map(|name| words(name)).collect();
        let has = |at: usize, known: &[&str]| spelt[at].iter().any(|word| known.contains(&word.as_str()));
        let find = |fits: &dyn Fn(usize) -> bool| (0..names.len()).find(|at| fits(*at));
        let joined = |at: usize| spelt[at].join("_");
        let accelerator = |at: usize| has(at, &["accelerator", "accelerators", "a", "gpu", "gpus", "chip", "chips"]);
        let counts = |at: usize| has(at, &["number", "num", "count", "total"]) || joined(at).ends_with("_count");
        let minutes = |at: usize| has(at, &["minutes", "min", "result", "score", "latency", "value", "values", "time"]);
        let of_benchmark = find(&|at| has(at, &["benchmark"]) && !has(at, &["id", "type"]));
        Columns {
            submitter: find(&|at| has(at, &["submitter", "organization", "org"])),
            system: find(&|at| has(at, &["system"]) && !has(at, &["type"])),
            accelerator: find(&|at| accelerator(at) && !counts(at)),
            count: find(&|at| accelerator(at) && counts(at) && !has(at, &["per", "memory"])),
            nodes: find(&|at| has(at, &["nodes"])),
            benchmarks: (0..names.len())
                .filter(|at| Benchmark::named(&names[*at]).is_some() || Benchmark::is_outside(&names[*at]))
                .map(|at| (at, names[at].clone()))
                .collect(),
            long: of_benchmark.zip(find(&minutes)),
        }
    }
}

/// Every result of text in a table.
pub fn read(path: &Path) -> Result<Vec<Measured>, Fault> {
    let mut table = Table::open(path)?;
    let file = table.file().to_owned();
    let columns = Columns::of(&table.names);
    let (mut found, mut outside, mut rows) = (Vec::new(), 0, 0);
    let mut warnings = Vec::new();
    while let Some(row) = table.advance()? {
        rows += 1;
        let results: Vec<(String, &str)> = match columns.long {
            Some((benchmark, minutes)) => vec![(row.get(benchmark).to_owned(), row.get(minutes))],
            None => columns.benchmarks.iter().map(|(at, name)| (name.clone(), row.get(*at))).collect(),
        };
        for (benchmark, text) in results {
            if Benchmark::named(&benchmark).is_none() {
                outside += usize::from(number(text).is_some());
                continue;
            }
            match number(text) {
                Some(minutes) if minutes > 0.0 => found.push(result(&file, &columns, &row, &benchmark, minutes)),
                _ if text.is_empty() || text == "-" => {}
                _ => warnings.push(
                    Diagnostic::warning(format!("{} of {benchmark} is no number of minutes", quoted(text)))
                        .at_line(file.as_str(), row.line, &row.text())
                        .help("the result is left out"),
                ),
            }
        }
    }
    match found.first_mut() {
        Some(first) => {
            first.warnings.extend(warnings);
            Ok(found)
        }
        None => {
            let known: Vec<&str> = Benchmark::names().collect();
            let message = format!("{} holds no result of a benchmark of text in {rows} rows", quoted(&file));
            let help = format!("{outside} results are of other benchmarks; these are known: {}", known.join(", "));
            Err(Fault::input(Diagnostic::error(message).in_file(file).key("measured").help(help)))
        }
    }
}

fn result(file: &str, columns: &Columns, row: &Row<'_>, benchmark: &str, minutes: f64) -> Measured {
    let mut measured = Measured::of(file, Format::Summary);
    let text = |at: Option<usize>| at.map(|at| row.get(at).to_owned()).filter(|text| !text.is_empty());
    let place = |what: &str| format!("{what} in line {}", row.line);
    let title: Vec<String> = [text(columns.submitter), text(columns.system)].into_iter().flatten().collect();
    measured.title = title.join(", ");
    measured.chip = text(columns.accelerator).map(|chip| Said::new(chip, place("the accelerator")));
    let count = text(columns.count).and_then(|count| number(&count)).filter(|count| *count >= 1.0);
    measured.chips = count.map(|count| Said::new(count, place("the number of accelerators")));
    measured.workload = Some(Said::new(benchmark.to_owned(), place("the benchmark")));
    measured.run_s = Some(Said::new(minutes * 60.0, place("the minutes")));
    if let Some(rule) = Benchmark::named(benchmark) {
        let by_rule = |value: f64| Said::new(value, "the benchmark's rules");
        measured.seq_len = rule.seq_len.map(by_rule);
        measured.lora_rank = rule.lora_rank.map(by_rule);
    }
    if measured.chips.is_none()
        && let Some(nodes) = text(columns.nodes)
    {
        let message = format!("the row states {} nodes, and no number of accelerators", quoted(&nodes));
        let warning = Diagnostic::warning(message).at_line(file, row.line, &row.text());
        measured.warnings.push(warning.help("give the number with --chips"));
    }
    measured
}

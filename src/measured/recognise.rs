//! Which kind of measurement a file holds, by its content.

use std::path::Path;

use super::benchmark::Benchmark;
use super::column::{self, words};
use super::lines::Lines;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `:::MLLOG` lines of MLPerf, of training or of power.
    #[default]
    Mllog,
    /// A table of MLPerf results.
    Summary,
    /// A table of throughputs by step.
    Throughput,
    /// A table of watts, of nvidia-smi or another program.
    PowerTable,
    /// `nvidia-smi dmon`.
    Dmon,
    /// `ipmitool dcmi power reading`, or `ipmi-dcmi`, again and again.
    Ipmi,
    /// SPEC PTDaemon: `Time,…,Watts,…`.
    Ptd,
}

impl Format {
    pub fn title(self) -> &'static str {
        match self {
            Format::Mllog => "MLPerf log",
            Format::Summary => "MLPerf result table",
            Format::Throughput => "throughput table",
            Format::PowerTable => "power table",
            Format::Dmon => "nvidia-smi dmon",
            Format::Ipmi => "IPMI power readings",
            Format::Ptd => "PTDaemon power log",
        }
    }
}

/// The marker of MLPerf's logging package.
pub const MARKER: &str = ":::MLLOG";

/// The format of a file; where it has none, the fault says what a measurement looks like.
pub fn recognise(path: &Path) -> Result<Format, Fault> {
    let mut lines = Lines::open(path)?;
    let mut header: Option<(usize, String)> = None;
    let mut wrong: Option<String> = None;
    while let Some((number, line)) = lines.advance()? {
        if let Some(format) = of_line(&line) {
            return Ok(format);
        }
        let text = line.trim();
        if header.is_none() && !text.is_empty() && !text.starts_with('#') {
            match of_header(text) {
                Ok(Some(format)) => return Ok(format),
                Ok(None) => {}
                Err(what) => wrong = Some(what),
            }
            header = Some((number, text.to_owned()));
        }
    }
    let file = lines.file().to_owned();
    let name = quoted(&file);
    let (number, text) = header.unwrap_or((1, String::new()));
    let diagnostic = match wrong {
        Some(what) => Diagnostic::error(format!("{name}: {what}")),
        None => Diagnostic::error(format!("{name} holds no measurement that is known")),
    };
    let help = "a measurement is an MLPerf log (`:::MLLOG` lines) or result table, a CSV with a column such as \
                tokens/s, tokens/s/gpu or step_time_ms, or power readings: nvidia-smi --query-gpu=timestamp,index,\
                power.draw --format=csv, nvidia-smi dmon, ipmitool dcmi power reading, timestamp,watts";
    Err(Fault::input(diagnostic.at_line(file, number, &text).key("measured").help(help)))
}

/// The format that a line proves.
fn of_line(line: &str) -> Option<Format> {
    if line.contains(MARKER) {
        return Some(Format::Mllog);
    }
    if is_ipmi(line) {
        return Some(Format::Ipmi);
    }
    let trimmed = line.trim_start();
    if trimmed.starts_with("Time,") && trimmed.contains(",Watts,") {
        return Some(Format::Ptd);
    }
    let is_dmon = || trimmed.split_whitespace().any(|word| word == "pwr");
    (trimmed.starts_with('#') && is_dmon()).then_some(Format::Dmon)
}

/// Whether a line is a power reading of a board's controller.
pub fn is_ipmi(line: &str) -> bool {
    let start = line.trim_start();
    start.starts_with("Instantaneous power reading") || start.starts_with("Current Power")
}

/// The format that a table's first line tells; an error names the unit or the column at fault.
fn of_header(line: &str) -> Result<Option<Format>, String> {
    let names = split(line);
    let power: Vec<_> = names.iter().filter_map(|name| Some((name, column::power(name)?))).collect();
    if names.iter().any(|name| column::rate(name).is_some()) {
        return Ok(Some(Format::Throughput));
    }
    let words: Vec<Vec<String>> = names.iter().map(|name| words(name)).collect();
    let mentions = |word: &str| words.iter().flatten().any(|known| known == word);
    let benchmark = names.iter().any(|name| Benchmark::named(name).is_some() || Benchmark::is_outside(name));
    let system = mentions("submitter") || mentions("accelerator") || mentions("accelerators") || mentions("system");
    if system && (benchmark || mentions("benchmark")) {
        return Ok(Some(Format::Summary));
    }
    if power.iter().any(|(_, found)| found.is_ok()) {
        return Ok(Some(Format::PowerTable));
    }
    if let Some((name, Err(unit))) = power.first() {
        return Err(format!("the column {} is in {unit}, not in watts", quoted(name)));
    }
    let rate = ["throughput", "tokens", "tok", "samples", "speed"];
    let unitless = names.iter().zip(&words).find(|(_, words)| words.iter().any(|word| rate.contains(&word.as_str())));
    match unitless {
        Some((name, _)) if names.len() > 1 => Err(format!(
            "the column {} names no rate; tokens/s, tokens/s/gpu, samples/s or step_time_s do",
            quoted(name)
        )),
        _ => Ok(None),
    }
}

/// What separates the values of a line.
pub fn delimiter(line: &str) -> u8 {
    let count = |byte: u8| line.bytes().filter(|b| *b == byte).count();
    let candidates = [b',', b';', b'\t'];
    candidates.into_iter().max_by_key(|byte| (count(*byte), *byte == b',')).unwrap_or(b',')
}

fn split(line: &str) -> Vec<String> {
    line.split(delimiter(line) as char).map(|name| name.trim().trim_matches('"').trim().to_owned()).collect()
}

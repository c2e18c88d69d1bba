//! Logs of MLPerf Training: what ran, how long its steps took, how many sequences they trained.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::benchmark::Benchmark;
use super::lines::Lines;
use super::power::{self, PowerLog};
use super::recognise::{Format, MARKER};
use super::{Measured, Said};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// One `:::MLLOG` entry.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: Value,
    time_ms: Option<f64>,
    metadata: Option<Map<String, Value>>,
}

impl Entry {
    fn number(&self) -> Option<f64> {
        as_number(&self.value)
    }

    fn noted(&self, names: &[&str]) -> Option<f64> {
        let metadata = self.metadata.as_ref()?;
        names.iter().find_map(|name| as_number(metadata.get(*name)?))
    }

    /// What has been trained so far: sequences, or tokens.
    fn count(&self) -> Option<f64> {
        self.noted(&["samples_count", "first_epoch_num", "epoch_num"])
    }
}

/// Logs write numbers as texts too.
fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A stretch of training between two marks.
#[derive(Clone, Copy, Debug)]
struct Block {
    from_ms: f64,
    to_ms: f64,
    /// Sequences or tokens, where both marks count.
    trained: Option<f64>,
}

/// A mark that waits for its end.
#[derive(Clone, Copy, Debug)]
struct Open {
    at_ms: f64,
    count: Option<f64>,
    /// What the mark says the block will train.
    planned: Option<f64>,
}

/// One run of a log.
#[derive(Debug, Default)]
struct Run {
    settings: BTreeMap<String, Value>,
    start_ms: Option<f64>,
    stop_ms: Option<f64>,
    status: Option<String>,
    blocks: Vec<Block>,
    epochs: Vec<Block>,
    evaluations: Vec<Block>,
    open_block: Option<Open>,
    open_epoch: Option<Open>,
    open_evaluation: Option<Open>,
    /// The largest count, when it was reached, and the first.
    first: Option<(f64, f64)>,
    latest: Option<(f64, f64)>,
    throughputs: Vec<f64>,
    trained_samples: Option<f64>,
    last_ms: f64,
    last_line: (usize, String),
}

/// Keys whose first value is kept.
const SETTINGS: [&str; 15] = [
    "submission_benchmark",
    "submission_platform",
    "submission_org",
    "global_batch_size",
    "max_sequence_length",
    "max_seq_length",
    "number_of_nodes",
    "accelerators_per_node",
    "world_size",
    "num_gpus",
    "lora_rank",
    "precision",
    "training_precision",
    "accelerator_model_name",
    "gradient_accumulation_steps",
];

impl Run {
    fn take(&mut self, entry: &Entry) {
        let key = entry.key.to_ascii_lowercase();
        if SETTINGS.contains(&key.as_str()) && !entry.value.is_null() {
            self.settings.entry(key.clone()).or_insert_with(|| entry.value.clone());
        }
        let at_ms = entry.time_ms.unwrap_or(self.last_ms);
        self.last_ms = self.last_ms.max(at_ms);
        let open = || Open { at_ms, count: entry.count(), planned: entry.noted(&["epoch_count"]) };
        match key.as_str() {
            "run_start" => self.start_ms = self.start_ms.or(Some(at_ms)),
            "run_stop" => {
                self.stop_ms = self.stop_ms.or(Some(at_ms));
                let status = entry.metadata.as_ref().and_then(|metadata| as_text(metadata.get("status")?));
                self.status = self.status.take().or(status);
            }
            "block_start" => self.open_block = later(self.open_block, open()),
            "block_stop" => close(&mut self.open_block, &mut self.blocks, at_ms, entry.count()),
            "epoch_start" => self.open_epoch = later(self.open_epoch, open()),
            "epoch_stop" => close(&mut self.open_epoch, &mut self.epochs, at_ms, entry.count()),
            "eval_start" => self.open_evaluation = self.open_evaluation.or_else(|| Some(open())),
            "eval_stop" => close(&mut self.open_evaluation, &mut self.evaluations, at_ms, entry.count()),
            "tracked_stats" | "throughput" => {
                let nested = entry.value.get("throughput").and_then(as_number);
                self.throughputs.extend(nested.or_else(|| entry.number().filter(|_| key == "throughput")));
            }
            // `train_samples` is the size of the data set.
            "trained_samples" => self.trained_samples = entry.number(),
            _ => {}
        }
        let counts = ["block_start", "block_stop", "eval_start", "eval_stop", "eval_accuracy", "run_stop"];
        if self.start_ms.is_some()
            && counts.contains(&key.as_str())
            && let Some(count) = entry.count()
        {
            self.first = self.first.or(Some((at_ms, count)));
            if self.latest.is_none_or(|(_, latest)| count > latest) {
                self.latest = Some((at_ms, count));
            }
        }
    }

    /// Whether anything of training stands in it.
    fn is_training(&self) -> bool {
        self.start_ms.is_some() || !self.blocks.is_empty() || self.settings.contains_key("submission_benchmark")
    }

    /// Seconds of a stretch that evaluations do not take.
    fn without_evaluations(&self, from_ms: f64, to_ms: f64) -> f64 {
        let overlap = |e: &Block| (e.to_ms.min(to_ms) - e.from_ms.max(from_ms)).max(0.0);
        let evaluated: f64 = self.evaluations.iter().map(overlap).sum();
        (to_ms - from_ms - evaluated).max(0.0) * 1e-3
    }

    fn setting(&self, names: &[&str]) -> Option<(&Value, String)> {
        names.iter().find_map(|name| Some((self.settings.get(*name)?, (*name).to_owned())))
    }

    fn said(&self, names: &[&str]) -> Option<Said<f64>> {
        let (value, name) = self.setting(names)?;
        Some(Said::new(as_number(value).filter(|number| *number > 0.0)?, name))
    }

    fn text(&self, names: &[&str]) -> Option<Said<String>> {
        let (value, name) = self.setting(names)?;
        Some(Said::new(as_text(value)?, name))
    }

    /// The run as a record.
    fn finish(self, file: &str) -> Measured {
        let mut measured = Measured::of(file, Format::Mllog);
        let title = [self.text(&["submission_org"]), self.text(&["submission_platform"])];
        measured.title = title.into_iter().flatten().map(|said| said.value).collect::<Vec<_>>().join(", ");
        measured.workload = self.text(&["submission_benchmark"]);
        measured.chip = self.text(&["accelerator_model_name"]).or_else(|| self.text(&["submission_platform"]));
        measured.global_batch = self.said(&["global_batch_size"]);
        measured.seq_len = self.said(&["max_sequence_length", "max_seq_length"]);
        measured.lora_rank = self.said(&["lora_rank"]);
        measured.precision = self.text(&["precision", "training_precision"]);
        let of_nodes = || {
            let (nodes, each) = (self.said(&["number_of_nodes"])?, self.said(&["accelerators_per_node"])?);
            Some(Said::new(nodes.value * each.value, "number_of_nodes x accelerators_per_node"))
        };
        measured.chips = self.said(&["world_size", "num_gpus"]).or_else(of_nodes);
        let rule = measured.workload.as_ref().and_then(|said| Benchmark::named(&said.value));
        if measured.seq_len.is_none()
            && let Some(length) = rule.and_then(|rule| rule.seq_len)
        {
            measured.seq_len = Some(Said::new(length, "the benchmark's rules"));
        }
        if measured.lora_rank.is_none()
            && let Some(rank) = rule.and_then(|rule| rule.lora_rank)
        {
            measured.lora_rank = Some(Said::new(rank, "the benchmark's rules"));
        }
        self.time(&mut measured);
        measured
    }

    fn time(&self, measured: &mut Measured) {
        let file = measured.files.first().cloned().unwrap_or_default();
        let (line, text) = &self.last_line;
        let mut warn = |message: String, help: &str| {
            measured.warnings.push(Diagnostic::warning(message).at_line(file.as_str(), *line, text).help(help));
        };
        match (self.start_ms, self.stop_ms) {
            (Some(start), Some(stop)) if stop > start => {
                measured.run_s = Some(Said::new((stop - start) * 1e-3, "run_start to run_stop"));
            }
            (Some(_), _) => warn(
                "the log ends before run_stop".to_owned(),
                "the time of the run is not known; the rate of its steps is that of its whole blocks",
            ),
            (None, _) => warn(
                "the log has no run_start".to_owned(),
                "the time of the run is not known; the rate of its steps is that of its whole blocks",
            ),
        }
        if let Some(status) = self.status.as_deref().filter(|status| *status != "success") {
            let message = format!("the run ended as {}, not as success", quoted(status));
            warn(message, "its steps are measured all the same");
        }
        if self.open_block.is_some() {
            warn("the last block has no end".to_owned(), "it is left out");
        }
        // Counts below a batch are of epochs.
        let least = measured.global_batch.as_ref().map_or(1.0, |said| said.value);
        let counts = |block: &&Block| block.trained.is_some_and(|trained| trained >= least);
        let blocks = if self.blocks.iter().any(|block| counts(&block)) { &self.blocks } else { &self.epochs };
        let counted: Vec<&Block> = blocks.iter().filter(counts).collect();
        let (trained, seconds, from) = if counted.is_empty() {
            let Some((trained, seconds, from)) = self.whole() else {
                self.by_throughput(measured);
                return;
            };
            (vec![trained], seconds, from)
        } else {
            let seconds = counted.iter().map(|block| self.without_evaluations(block.from_ms, block.to_ms)).sum();
            let from = format!("{} blocks without evaluations", counted.len());
            (counted.iter().filter_map(|block| block.trained).collect(), seconds, from)
        };
        if seconds <= 0.0 {
            warn("its blocks take no time".to_owned(), "the clock of the log does not run");
            self.by_throughput(measured);
            return;
        }
        measured.training_s = Some(Said::new(seconds, from.clone()));
        let total: f64 = trained.iter().sum();
        let seq_len = measured.seq_len.as_ref().map(|said| said.value);
        let samples = match seq_len {
            Some(length) if in_tokens(measured, &trained, length) => {
                let from = format!("{from}; the log counts tokens: every count is a multiple of batch x length");
                measured.tokens = Some(Said::new(total, from.clone()));
                Said::new(total / length, from)
            }
            _ => {
                measured.tokens = seq_len.map(|length| Said::new(total * length, format!("{from}, x {length}")));
                Said::new(total, from)
            }
        };
        measured.samples = Some(samples);
    }

    /// What was trained over the whole run, where no block counts.
    fn whole(&self) -> Option<(f64, f64, String)> {
        let start = self.start_ms?;
        let (to_ms, count) = self.latest.or_else(|| Some((self.stop_ms?, self.trained_samples?)))?;
        // A log that starts to count late starts with a checkpoint: the first count is the base.
        let (from_ms, base) = match self.first {
            Some((at_ms, first)) if first < count && self.first != self.latest => (at_ms, first),
            _ => (start, 0.0),
        };
        let seconds = self.without_evaluations(from_ms, to_ms);
        let from = "counts of evaluations, their time left out".to_owned();
        (count > base && seconds > 0.0).then_some((count - base, seconds, from))
    }

    /// The rate that the log states itself.
    fn by_throughput(&self, measured: &mut Measured) {
        let mut rates: Vec<f64> = self.throughputs.iter().copied().filter(|rate| *rate > 0.0).collect();
        if rates.is_empty() {
            return;
        }
        rates.sort_by(f64::total_cmp);
        let median = rates[rates.len() / 2];
        let from = format!("median of {} values of tracked_stats throughput", rates.len());
        let gpt3 = measured
            .workload
            .as_ref()
            .is_some_and(|said| Benchmark::named(&said.value).is_some_and(|b| b.name == "gpt3"));
        if gpt3 {
            measured.tokens_per_s = Some(Said::new(median, format!("{from}, in tokens/s")));
        } else {
            measured.samples_per_s = Some(Said::new(median, format!("{from}, read as samples/s")));
        }
    }
}

/// Which of two marks without an end between them holds: the first, as the second is of another rank, unless the second
/// counts more, so that an end is missing.
fn later(first: Option<Open>, second: Open) -> Option<Open> {
    let holds = |first: &Open| second.count.zip(first.count).is_none_or(|(second, first)| second <= first);
    Some(first.filter(holds).unwrap_or(second))
}

/// Ends an open stretch.
fn close(open: &mut Option<Open>, closed: &mut Vec<Block>, to_ms: f64, count: Option<f64>) {
    let Some(Open { at_ms, count: start, planned }) = open.take() else { return };
    let counted = count.zip(start).map(|(count, start)| count - start).filter(|trained| *trained > 0.0);
    closed.push(Block { from_ms: at_ms, to_ms, trained: counted.or(planned).filter(|trained| *trained > 0.0) });
}

/// Whether counts are of tokens: some logs of GPT-3 count so, in multiples of batch x length.
fn in_tokens(measured: &Measured, trained: &[f64], length: f64) -> bool {
    let gpt3 =
        measured.workload.as_ref().and_then(|said| Benchmark::named(&said.value)).is_some_and(|b| b.name == "gpt3");
    match measured.global_batch.as_ref().map(|said| said.value) {
        Some(batch) => trained.iter().all(|count| count % (batch * length) == 0.0),
        None => gpt3 && trained.iter().all(|count| count % length == 0.0 && count / length >= 1000.0),
    }
}

/// Every run of a log, with the power that it tells.
pub fn read(path: &Path) -> Result<Vec<Measured>, Fault> {
    let mut lines = Lines::open(path)?;
    let file = lines.file().to_owned();
    let mut runs = vec![Run::default()];
    let mut power = PowerLog::default();
    let mut broken: Option<(usize, String)> = None;
    let (mut broken_lines, mut whole_entries) = (0, 0);
    while let Some((number, line)) = lines.advance()? {
        if !line.contains(MARKER) {
            continue;
        }
        // Ranks that write at once may put several entries on a line.
        for text in line.split(MARKER).skip(1) {
            let mut entries = serde_json::Deserializer::from_str(text).into_iter::<Entry>();
            let Some(Ok(entry)) = entries.next() else {
                broken_lines += 1;
                broken.get_or_insert_with(|| (number, line.to_string()));
                continue;
            };
            whole_entries += 1;
            if power.take(&file, &entry.key, entry.number(), entry.time_ms) {
                continue;
            }
            let begins = matches!(entry.key.as_str(), "init_start" | "run_start");
            if begins && let Some(last) = runs.last().filter(|last| last.stop_ms.is_some()) {
                let settings = last.settings.clone();
                runs.push(Run { settings, ..Run::default() });
            }
            if let Some(run) = runs.last_mut() {
                run.take(&entry);
                run.last_line = (number, line.to_string());
            }
        }
    }
    let mut found: Vec<Measured> = runs.into_iter().filter(Run::is_training).map(|run| run.finish(&file)).collect();
    if let Some(meters) = power.meters() {
        if found.is_empty() {
            found.push(Measured::of(&file, Format::Mllog));
        }
        if let Some(first) = found.first_mut() {
            power::finish(first, meters)?;
        }
    }
    if let Some((number, text)) = &broken {
        let message =
            format!("{broken_lines} of {} entries are broken JSON, this one first", broken_lines + whole_entries);
        let warning = Diagnostic::warning(message).at_line(file.as_str(), *number, text).help("they are left out");
        found.iter_mut().take(1).for_each(|first| first.warnings.push(warning.clone()));
    }
    let switch = || whole_entries > 0 && broken_lines == 0 && found.is_empty();
    if found.iter().any(|run| run.is_run() || run.power.is_some()) {
        return Ok(found);
    }
    if switch() && file.rsplit(['/', '\\']).next().is_some_and(|name| name.starts_with("sw_")) {
        // The estimate of a switch's power, which no meter measures.
        return Ok(Vec::new());
    }
    Err(nothing(&file, &found, broken, whole_entries))
}

/// A log of which nothing can be used.
fn nothing(file: &str, found: &[Measured], broken: Option<(usize, String)>, whole: usize) -> Fault {
    let message = match (found.is_empty(), whole) {
        (_, 0) => format!("no entry of {} is whole", quoted(file)),
        (true, _) => format!("{} has entries of MLPerf, but neither run_start nor power_reading", quoted(file)),
        (false, _) => format!("{} has no run whose steps can be timed", quoted(file)),
    };
    let help = "needed are run_start and run_stop, or block_start and block_stop with samples_count, or power_reading";
    let mut diagnostic = Diagnostic::error(message).in_file(file).key("measured").help(help);
    if let Some((number, text)) = broken {
        diagnostic = diagnostic.at_line(file, number, &text);
    }
    let mut diagnostics = vec![diagnostic];
    diagnostics.extend(found.iter().flat_map(|run| run.warnings.iter().cloned()));
    Fault::inputs(diagnostics)
}

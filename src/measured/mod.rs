//! A user's own measured benchmark: what its files tell, and where it stands.

pub mod assess;
pub mod benchmark;
mod column;
pub mod lines;
mod mllog;
pub mod power;
pub mod recognise;
mod summary;
mod table;
mod throughput;
mod timestamp;

use std::path::{Path, PathBuf};

use self::power::Meters;
use self::recognise::Format;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// A value, and what told it.
#[derive(Clone, Debug, PartialEq)]
pub struct Said<T> {
    pub value: T,
    pub from: String,
}

impl<T> Said<T> {
    pub fn new(value: T, from: impl Into<String>) -> Said<T> {
        Said { value, from: from.into() }
    }
}

/// What files tell of one run, and of the power that it drew.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub files: Vec<String>,
    pub format: Format,
    /// Who ran it, on what, in the file's words.
    pub title: String,
    /// Runs of the same that are taken together.
    pub runs: usize,
    /// The chip in the file's words.
    pub chip: Option<Said<String>>,
    pub chips: Option<Said<f64>>,
    /// A benchmark of MLPerf or a workload, in the file's words.
    pub workload: Option<Said<String>>,
    pub lora_rank: Option<Said<f64>>,
    pub global_batch: Option<Said<f64>>,
    pub seq_len: Option<Said<f64>>,
    pub precision: Option<Said<String>>,
    /// Trained in `training_s`.
    pub samples: Option<Said<f64>>,
    pub tokens: Option<Said<f64>>,
    /// Seconds of steps, without evaluations.
    pub training_s: Option<Said<f64>>,
    /// Seconds from the start of the clock to its stop.
    pub run_s: Option<Said<f64>>,
    pub samples_per_s: Option<Said<f64>>,
    pub tokens_per_s: Option<Said<f64>>,
    pub tokens_per_s_per_chip: Option<Said<f64>>,
    pub step_s: Option<Said<f64>>,
    pub tflops_per_chip: Option<Said<f64>>,
    pub mfu: Option<Said<f64>>,
    pub power: Option<Meters>,
    /// What is missing or odd, with its place.
    pub warnings: Vec<Diagnostic>,
}

impl Measured {
    fn of(file: &str, format: Format) -> Measured {
        Measured { files: vec![file.to_owned()], format, runs: 1, ..Measured::default() }
    }

    /// Whether it tells how fast something ran.
    pub fn is_run(&self) -> bool {
        let rates = [
            &self.samples_per_s,
            &self.tokens_per_s,
            &self.tokens_per_s_per_chip,
            &self.step_s,
            &self.tflops_per_chip,
            &self.mfu,
            &self.run_s,
        ];
        rates.iter().any(|rate| rate.is_some()) || self.training_s.is_some()
    }

    /// Whether it tells work and the seconds that it took.
    fn counts(&self) -> bool {
        self.samples.is_some() && self.training_s.is_some()
    }

    /// Whether two logs are runs of the same benchmark on the same system.
    fn repeats(&self, other: &Measured) -> bool {
        self.format == Format::Mllog
            && other.format == Format::Mllog
            && self.title == other.title
            && self.workload == other.workload
            && self.chips == other.chips
            && self.global_batch == other.global_batch
    }

    /// Takes in another run of the same: work and seconds add up, rates follow from the sums.
    fn join(&mut self, other: Measured) {
        let (counts, others) = (self.counts(), other.counts());
        // The time of a run is the mean over the runs.
        let (runs, more) = (self.runs as f64, other.runs as f64);
        self.run_s = self.run_s.take().zip(other.run_s).map(|(a, b)| {
            Said::new((a.value * runs + b.value * more) / (runs + more), "mean time from run_start to run_stop")
        });
        let summed = |a: &mut Option<Said<f64>>, b: Option<Said<f64>>| {
            *a = a.take().zip(b).map(|(a, b)| Said::new(a.value + b.value, a.from));
        };
        if counts && others {
            summed(&mut self.samples, other.samples);
            summed(&mut self.tokens, other.tokens);
            summed(&mut self.training_s, other.training_s);
        } else if others {
            // The one with a count stands for both.
            (self.samples, self.tokens, self.training_s) = (other.samples, other.tokens, other.training_s);
        }
        match (&mut self.power, other.power) {
            (Some(power), Some(more)) => power.join(more),
            (power @ None, more) => *power = more,
            (Some(_), None) => {}
        }
        self.runs += other.runs;
        self.files.extend(other.files);
        self.warnings.extend(other.warnings);
    }
}

/// Reads files and folders; runs of the same are taken together, and power logs belong to the run beside them.
pub fn read<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<Measured>, Fault> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(parts(path.as_ref())?);
    }
    let mut records: Vec<Measured> = Vec::new();
    for file in &files {
        let found = match recognise::recognise(file)? {
            Format::Mllog => mllog::read(file)?,
            Format::Summary => summary::read(file)?,
            Format::Throughput => {
                let mut run = throughput::read(file)?;
                power::beside(file, &mut run)?;
                vec![run]
            }
            format => vec![power::read(file, format)?],
        };
        for record in found {
            match records.iter_mut().find(|known| known.repeats(&record)) {
                Some(known) => known.join(record),
                None => records.push(record),
            }
        }
    }
    Ok(attach(records))
}

/// Power goes to the one run that it can belong to.
fn attach(records: Vec<Measured>) -> Vec<Measured> {
    let (mut runs, metered): (Vec<Measured>, Vec<Measured>) = records.into_iter().partition(Measured::is_run);
    let mut together: Vec<Measured> = Vec::new();
    for record in metered {
        let scope = |of: &Measured| of.power.as_ref().and_then(|power| power.scope);
        match together.iter_mut().find(|known| scope(known) == scope(&record)) {
            Some(known) => known.join(record),
            None => together.push(record),
        }
    }
    if let [run] = runs.as_mut_slice()
        && run.power.is_none()
        && !together.is_empty()
    {
        let meters = together.remove(0);
        run.power = meters.power;
        run.files.extend(meters.files);
        run.warnings.extend(meters.warnings);
    }
    runs.extend(together);
    runs
}

/// The files of a path: itself, or a folder's `result_*.txt` with the power logs under `power/`.
fn parts(path: &Path) -> Result<Vec<PathBuf>, Fault> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = logs_in(path)?;
    let power = path.join("power");
    if power.is_dir() {
        files.extend(logs_in(&power)?);
        for folder in entries(&power)?.into_iter().filter(|entry| entry.is_dir()) {
            files.extend(logs_in(&folder)?);
        }
    }
    if files.is_empty() {
        let shown = path.display().to_string();
        let message = format!("the folder {} holds no log that MLPerf's rules name", quoted(&shown));
        let help = "such are result_*.txt, and node_*.txt and sw_*.txt under power/; name other files one by one";
        return Err(Fault::input(Diagnostic::error(message).in_file(shown).key("measured").help(help)));
    }
    Ok(files)
}

fn logs_in(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let named = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let prefix = ["result_", "node_", "sw_"].iter().any(|prefix| name.starts_with(prefix));
        path.is_file() && prefix && [".txt", ".log", ".out"].iter().any(|end| name.ends_with(end))
    };
    Ok(entries(folder)?.into_iter().filter(named).collect())
}

/// What a folder holds, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let unreadable = |error: std::io::Error| {
        let shown = folder.display().to_string();
        let message = format!("the folder {} cannot be read: {error}", quoted(&shown));
        Fault::input(Diagnostic::error(message).in_file(shown).key("measured"))
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        found.push(entry.map_err(unreadable)?.path());
    }
    found.sort();
    Ok(found)
}

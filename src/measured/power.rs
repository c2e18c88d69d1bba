//! Power logs: readings of meters over time, into means, percentiles and energy.

use std::collections::BTreeMap;
use std::path::Path;

use super::column::{self, number, words};
use super::lines::Lines;
use super::recognise::{Format, is_ipmi};
use super::table::Table;
use super::timestamp::seconds;
use super::{Measured, Said};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};

/// What one meter measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Chip,
    /// A server at its input.
    Node,
    /// Every server of the run together.
    All,
}

impl Scope {
    pub fn word(self) -> &'static str {
        match self {
            Scope::Chip => "chip",
            Scope::Node => "node",
            Scope::All => "all",
        }
    }
}

/// Longest pause between two readings over which power is integrated, s.
const LONGEST_PAUSE_S: f64 = 300.0;
/// Readings below this share of P90 are taken as idle.
const BUSY: f64 = 0.5;
/// Readings that no meter gives.
const PLAUSIBLE_W: std::ops::RangeInclusive<f64> = 0.1..=1e9;
/// Steps of the histogram in a watt.
const STEPS: f64 = 10.0;

/// The readings of one meter.
#[derive(Clone, Debug, Default)]
struct Meter {
    readings: u64,
    sum_w: f64,
    seconds: f64,
    energy_j: f64,
    last: Option<(f64, f64)>,
}

/// The readings of all meters of a log, of any length in little memory.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    pub scope: Option<Scope>,
    /// What the log is, in words.
    pub from: String,
    meters: BTreeMap<String, Meter>,
    /// Readings by tenths of a watt.
    histogram: BTreeMap<u64, u64>,
    /// Readings that say nothing, such as [N/A].
    pub skipped: u64,
    /// Pauses too long to integrate over.
    pub pauses: u64,
}

impl Meters {
    pub fn new(scope: Option<Scope>, from: impl Into<String>) -> Meters {
        Meters { scope, from: from.into(), ..Meters::default() }
    }

    /// Takes in a reading of a meter, with its time where the log tells it.
    pub fn read(&mut self, meter: &str, at_s: Option<f64>, watts: f64) {
        if !PLAUSIBLE_W.contains(&watts) {
            self.skipped += 1;
            return;
        }
        if !self.meters.contains_key(meter) {
            self.meters.insert(meter.to_owned(), Meter::default());
        }
        let Some(meter) = self.meters.get_mut(meter) else { return };
        meter.readings += 1;
        meter.sum_w += watts;
        *self.histogram.entry((watts * STEPS).round() as u64).or_default() += 1;
        let Some(at_s) = at_s else { return };
        if let Some((before_s, before_w)) = meter.last {
            let passed = at_s - before_s;
            if (0.0..=LONGEST_PAUSE_S).contains(&passed) {
                meter.seconds += passed;
                meter.energy_j += 0.5 * (watts + before_w) * passed;
            } else {
                self.pauses += 1;
            }
        }
        meter.last = Some((at_s, watts));
    }

    /// Joins the meters of another log.
    pub fn join(&mut self, other: Meters) {
        for (name, meter) in other.meters {
            // A name that both logs use is two meters, as in logs of two servers.
            let name = if self.meters.contains_key(&name) { format!("{name} ({})", self.meters.len()) } else { name };
            self.meters.insert(name, meter);
        }
        for (watts, count) in other.histogram {
            *self.histogram.entry(watts).or_default() += count;
        }
        self.skipped += other.skipped;
        self.pauses += other.pauses;
    }

    /// Scales every reading, as losses before the meter do.
    fn scale(&mut self, factor: f64) {
        for meter in self.meters.values_mut() {
            meter.sum_w *= factor;
            meter.energy_j *= factor;
        }
        let scaled = |(watts, count): (u64, u64)| ((watts as f64 * factor).round() as u64, count);
        self.histogram = std::mem::take(&mut self.histogram).into_iter().map(scaled).collect();
    }

    pub fn count(&self) -> usize {
        self.meters.len()
    }

    pub fn readings(&self) -> u64 {
        self.meters.values().map(|meter| meter.readings).sum()
    }

    /// Mean watts of a meter over all of the log: over time where it is told, else over readings.
    pub fn mean_w(&self) -> f64 {
        let of = |meter: &Meter| {
            if meter.seconds > 0.0 { meter.energy_j / meter.seconds } else { meter.sum_w / meter.readings as f64 }
        };
        self.meters.values().map(of).sum::<f64>() / self.count() as f64
    }

    /// Watts below which a share of the readings lies.
    pub fn percentile_w(&self, share: f64) -> f64 {
        let rank = (share * self.readings() as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        for (watts, count) in &self.histogram {
            below += count;
            if below >= rank {
                return *watts as f64 / STEPS;
            }
        }
        f64::NAN
    }

    pub fn least_w(&self) -> f64 {
        self.histogram.keys().next().map_or(f64::NAN, |watts| *watts as f64 / STEPS)
    }

    /// Mean watts of a meter while the machine works, and the share of the readings that is idle: those below half of P90.
    pub fn training_w(&self) -> (f64, f64) {
        let least = BUSY * self.percentile_w(0.9) * STEPS;
        let busy = self.histogram.iter().filter(|(watts, _)| **watts as f64 >= least);
        let (sum, count) =
            busy.fold((0.0, 0), |(sum, n), (watts, count)| (sum + *watts as f64 * *count as f64, n + count));
        let idle = 1.0 - count as f64 / self.readings() as f64;
        // Without idle readings the mean is that over time.
        if idle == 0.0 { (self.mean_w(), 0.0) } else { (sum / count as f64 / STEPS, idle) }
    }

    /// Seconds that the longest meter measured.
    pub fn seconds(&self) -> Option<f64> {
        let longest = self.meters.values().map(|meter| meter.seconds).fold(0.0, f64::max);
        (longest > 0.0).then_some(longest)
    }

    /// Energy of all meters.
    pub fn kwh(&self) -> Option<f64> {
        let joules: f64 = self.meters.values().map(|meter| meter.energy_j).sum();
        (joules > 0.0).then_some(joules / 3.6e6)
    }
}

/// Reads a power log that is not MLPerf's.
pub fn read(path: &Path, format: Format) -> Result<Measured, Fault> {
    let mut measured = Measured::of(&path.display().to_string(), format);
    let meters = match format {
        Format::Dmon => dmon(path)?,
        Format::Ipmi => ipmi(path)?,
        Format::Ptd => ptd(path)?,
        _ => table(path, &mut measured)?,
    };
    finish(&mut measured, meters)?;
    Ok(measured)
}

/// Takes in the watts that stand beside throughputs in a table, if there are any.
pub fn beside(path: &Path, measured: &mut Measured) -> Result<(), Fault> {
    let columns = Columns::of(&Table::open(path)?.names);
    let Some((.., name)) = columns.power.first() else { return Ok(()) };
    if columns.scope.is_none() {
        let message = format!("the column {} does not tell what its meter measures", quoted(name));
        let help = "it is left out; call it gpu_power_w or node_power_w";
        measured
            .warnings
            .push(Diagnostic::warning(message).in_file(path.display().to_string()).key("power").help(help));
        return Ok(());
    }
    let meters = table(path, measured)?;
    if meters.readings() > 0 { finish(measured, meters) } else { Ok(()) }
}

/// Puts meters into a record, with what is odd about them.
pub fn finish(measured: &mut Measured, meters: Meters) -> Result<(), Fault> {
    let file = measured.files.first().cloned().unwrap_or_default();
    if meters.readings() == 0 {
        let message = format!("{} holds no power reading in watts", quoted(&file));
        let help = format!("{} values that are no power were skipped", meters.skipped);
        return Err(Fault::input(Diagnostic::error(message).in_file(file).key("measured").help(help)));
    }
    let mut warn = |message: String, help: &str| {
        measured.warnings.push(Diagnostic::warning(message).in_file(file.clone()).key("power").help(help));
    };
    if meters.skipped > 0 {
        warn(format!("{} readings are no power, such as [N/A]", meters.skipped), "they are left out");
    }
    if meters.pauses > 0 {
        let message = format!("{} gaps of more than {LONGEST_PAUSE_S} s or backwards in time", meters.pauses);
        warn(message, "no energy is counted over a gap");
    }
    if meters.seconds().is_none() {
        warn(
            "the log tells no times: no energy, and a mean over readings".to_owned(),
            "log a timestamp with each reading",
        );
    }
    let (_, idle) = meters.training_w();
    if idle > 0.02 {
        let message = format!("{:.0} % of the readings lie below half of P90", 100.0 * idle);
        warn(message, "they are taken as idle, and left out of the mean while training");
    }
    measured.power = Some(meters);
    Ok(())
}

/// `nvidia-smi dmon`, with or without date and time (`-o DT`).
fn dmon(path: &Path) -> Result<Meters, Fault> {
    let mut meters = Meters::new(Some(Scope::Chip), Format::Dmon.title());
    let mut names: Vec<String> = Vec::new();
    let mut lines = Lines::open(path)?;
    while let Some((_, line)) = lines.advance()? {
        let text = line.trim_start();
        if let Some(header) = text.strip_prefix('#') {
            if header.split_whitespace().any(|word| word == "pwr") {
                names = header.split_whitespace().map(str::to_ascii_lowercase).collect();
            }
            continue;
        }
        let values: Vec<&str> = text.split_whitespace().collect();
        let of = |name: &str| values.get(names.iter().position(|known| known == name)?).copied();
        let Some(power) = of("pwr") else { continue };
        let time = of("time").map(|time| format!("{} {time}", of("date").unwrap_or_default()));
        let at_s = time.and_then(|time| seconds(&time));
        meters.read(&format!("gpu {}", of("gpu").unwrap_or("0")), at_s, power.parse().unwrap_or(f64::NAN));
    }
    Ok(meters)
}

/// Repeated output of a controller: the reading, then its time, or a time before it.
fn ipmi(path: &Path) -> Result<Meters, Fault> {
    let mut meters = Meters::new(Some(Scope::Node), Format::Ipmi.title());
    let mut lines = Lines::open(path)?;
    // A reading waits for the controller's own time, which follows it; a loop around the tool prints one before it.
    let mut waiting: Option<(Option<f64>, f64)> = None;
    let mut stamped: Option<f64> = None;
    while let Some((_, line)) = lines.advance()? {
        let (key, value) = line.split_once(':').unwrap_or((&line, ""));
        let own = ["IPMI timestamp", "Time Stamp"].iter().any(|known| key.trim().eq_ignore_ascii_case(known));
        if is_ipmi(&line) {
            if let Some((at_s, watts)) = waiting.take() {
                meters.read("node", at_s, watts);
            }
            waiting = Some((stamped.take(), watts_of(value)));
        } else if own {
            if let Some((at_s, watts)) = waiting.take() {
                meters.read("node", seconds(value).or(at_s), watts);
            }
        } else if let Some(at_s) = seconds(&line) {
            stamped = Some(at_s);
        }
    }
    if let Some((at_s, watts)) = waiting {
        meters.read("node", at_s, watts);
    }
    Ok(meters)
}

/// `412 Watts`; not a number where the unit is another.
fn watts_of(text: &str) -> f64 {
    let mut parts = text.split_whitespace();
    let value = parts.next().and_then(|value| value.parse::<f64>().ok()).unwrap_or(f64::NAN);
    match parts.next().map(str::to_ascii_lowercase).as_deref() {
        None | Some("watts" | "watt" | "w") => value,
        _ => f64::NAN,
    }
}

/// `Time,01-22-2021 15:05:14.313,Watts,412.97,Volts,…`.
fn ptd(path: &Path) -> Result<Meters, Fault> {
    let mut meters = Meters::new(Some(Scope::Node), Format::Ptd.title());
    let mut lines = Lines::open(path)?;
    while let Some((_, line)) = lines.advance()? {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let after = |name: &str| fields.get(fields.iter().position(|field| *field == name)? + 1).copied();
        let (Some(time), Some(watts)) = (after("Time"), after("Watts")) else { continue };
        meters.read("analyzer", seconds(time), watts.parse().unwrap_or(f64::NAN));
    }
    Ok(meters)
}

/// The power of MLPerf's own logs: readings between the start and the stop, times the efficiency of a conversion.
#[derive(Debug)]
pub struct PowerLog {
    meters: Meters,
    efficiency: f64,
    stopped: bool,
}

impl Default for PowerLog {
    fn default() -> PowerLog {
        PowerLog {
            meters: Meters::new(Some(Scope::Node), "power_reading of an MLPerf log"),
            efficiency: 1.0,
            stopped: false,
        }
    }
}

impl PowerLog {
    /// Takes in a line of the log; says whether it was one of power.
    pub fn take(&mut self, file: &str, key: &str, value: Option<f64>, at_ms: Option<f64>) -> bool {
        match (key, value) {
            ("power_reading", value) if !self.stopped => {
                self.meters.read(file, at_ms.map(|ms| ms * 1e-3), value.unwrap_or(f64::NAN));
            }
            ("conversion_eff", Some(efficiency)) if efficiency > 0.0 => self.efficiency = efficiency,
            ("power_measurement_stop", _) => self.stopped = true,
            ("power_measurement_start", _) => self.stopped = false,
            ("power_reading" | "conversion_eff" | "interconnect_power_est", _) => {}
            _ => return false,
        }
        true
    }

    /// The meters, if there was a reading.
    pub fn meters(mut self) -> Option<Meters> {
        if self.efficiency != 1.0 {
            self.meters.scale(self.efficiency);
        }
        (self.meters.readings() + self.meters.skipped > 0).then_some(self.meters)
    }
}

/// Which columns of a table are what.
struct Columns {
    /// With the factor to watts and the meter's name.
    power: Vec<(usize, f64, String)>,
    time: Option<usize>,
    date: Option<usize>,
    meters: Vec<usize>,
    scope: Option<Scope>,
}

impl Columns {
    fn of(names: &[String]) -> Columns {
        let spelt: Vec<Vec<String>> = names.iter().map(|name| words(name)).collect();
        let mentions = |at: usize, known: &[&str]| spelt[at].iter().any(|word| known.contains(&word.as_str()));
        let drawn = |at: usize| column::power(&names[at])?.ok();
        let mut power: Vec<(usize, f64, String)> =
            (0..names.len()).filter_map(|at| drawn(at).map(|column| (at, column.factor, names[at].clone()))).collect();
        // gpu0_power, gpu1_power … are meters each; of several ways to state one power the first is taken.
        let unnumbered = |at: usize| -> String {
            let letters = |word: &String| word.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
            spelt[at].iter().map(letters).collect::<Vec<_>>().join(" ")
        };
        let alike = power.first().map(|(at, ..)| unnumbered(*at));
        power.retain(|(at, ..)| Some(unnumbered(*at)) == alike);
        let exact = |known: &[&str]| (0..names.len()).find(|at| known.contains(&spelt[*at].join(" ").as_str()));
        let is_meter = |at: &usize| {
            let known = ["index", "gpu", "uuid", "gpu uuid", "gpu index", "gpu id", "id", "device", "rank", "bus id"];
            let named = known.contains(&spelt[*at].join(" ").as_str());
            (named || mentions(*at, &["node", "host", "hostname", "server"])) && drawn(*at).is_none()
        };
        let nvidia_smi = names.iter().any(|name| name.contains("power.draw"));
        let of_power = |known: &[&str]| power.iter().any(|(at, ..)| mentions(*at, known));
        let numbered = power.iter().any(|(at, ..)| spelt[*at].iter().any(|word| word.starts_with("gpu")));
        let scope = if nvidia_smi || numbered || of_power(&["gpu", "chip", "accelerator", "device", "card", "npu"]) {
            Some(Scope::Chip)
        } else if of_power(&["node", "server", "system", "host", "chassis", "psu", "dcmi", "ipmi", "input"]) {
            Some(Scope::Node)
        } else {
            None
        };
        Columns {
            time: exact(&[
                "timestamp",
                "time",
                "time stamp",
                "datetime",
                "time ms",
                "time s",
                "epoch",
                "ts",
                "t",
                "seconds",
                "elapsed s",
            ]),
            date: exact(&["date"]),
            meters: (0..names.len()).filter(is_meter).collect(),
            power,
            scope,
        }
    }
}

/// A table with a header.
fn table(path: &Path, measured: &mut Measured) -> Result<Meters, Fault> {
    let mut table = Table::open(path)?;
    let columns = Columns::of(&table.names);
    let what = columns.power.first().map(|(at, ..)| table.names[*at].clone()).unwrap_or_default();
    let mut meters = Meters::new(columns.scope, format!("column {}", quoted(&what)));
    let chip = table.position(|name| matches!(words(name).join(" ").as_str(), "name" | "gpu name" | "product"));
    while let Some(row) = table.advance()? {
        let at_s = columns.time.and_then(|time| {
            let time = row.get(time);
            columns.date.map_or_else(|| seconds(time), |date| seconds(&format!("{} {time}", row.get(date))))
        });
        let id: Vec<&str> = columns.meters.iter().map(|at| row.get(*at)).collect();
        for (at, factor, name) in &columns.power {
            let watts = number(row.get(*at)).map_or(f64::NAN, |value| value * factor);
            let meter = if columns.power.len() > 1 { format!("{} {name}", id.join(" ")) } else { id.join(" ") };
            meters.read(&meter, at_s, watts);
        }
        if measured.chip.is_none()
            && let Some(name) = chip.map(|at| row.get(at)).filter(|name| !name.is_empty())
        {
            measured.chip = Some(Said::new(name.to_owned(), "the column of names"));
        }
    }
    Ok(meters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_the_area_under_the_readings_and_a_gap_has_none() {
        let mut meters = Meters::new(Some(Scope::Chip), "test");
        for (at, watts) in [(0.0, 100.0), (10.0, 300.0), (1000.0, 300.0), (1010.0, 300.0)] {
            meters.read("0", Some(at), watts);
        }
        // (100 + 300) / 2 x 10 s + 300 x 10 s = 5,000 J over 20 s.
        assert_eq!(meters.kwh(), Some(5000.0 / 3.6e6));
        assert_eq!(meters.seconds(), Some(20.0));
        assert_eq!((meters.mean_w(), meters.pauses), (250.0, 1));
    }

    #[test]
    fn idle_readings_do_not_count_as_training() {
        let mut meters = Meters::new(Some(Scope::Chip), "test");
        (0..20).for_each(|_| meters.read("0", None, 80.0));
        (0..80).for_each(|_| meters.read("0", None, 600.0));
        let (watts, idle) = meters.training_w();
        assert_eq!((watts, meters.percentile_w(0.9), meters.least_w()), (600.0, 600.0, 80.0));
        assert!((idle - 0.2).abs() < 1e-12);
        assert!((meters.mean_w() - (0.2 * 80.0 + 0.8 * 600.0)).abs() < 1e-9);
    }
}

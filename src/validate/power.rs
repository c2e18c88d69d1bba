//! Predicts measured server power: the chips' mean while training and the host, at the node's input.
//!
//! Fabric, storage and the facility lie beyond a server's meter. What a table's systems and workloads are, stands in
//! `evidence/systems.toml`.

use serde::Deserialize;

use super::judged::{Judged, Obstacle, Quantity};
use super::plan::{Stated, choose};
use super::predict::Predictor;
use super::table::Row;
use super::vocabulary::UnknownWord;
use crate::library::chip::Chip;
use crate::library::diagnostic::{Fault, quoted};
use crate::library::nearest::nearest;
use crate::library::store::{Library, evidence_table};
use crate::library::workload::{Precision, Training};
use crate::model::power::phase_w as chip_phase_w;
use crate::model::setting::Setting;
use crate::search::space::Fixed;

/// A server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct System {
    names: Vec<String>,
    chip: String,
    cluster: String,
}

/// A run that is metered trains for at least half of its time.
const MOST_START: f64 = 0.5;

/// Which phase a micro-benchmark consists of.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Matrix,
    MemoryBound,
    Waiting,
}

/// A run as configured on so many nodes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    nodes: u32,
    batch: u32,
    tp: Option<u32>,
    pp: Option<u32>,
    cp: Option<u32>,
}

/// What a server ran.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Load {
    names: Vec<String>,
    workload: Option<String>,
    stack: Option<String>,
    precision: Option<String>,
    seq_len: Option<f64>,
    lora_rank: Option<f64>,
    /// Minutes of a metered run in which it does not train yet.
    start_min: Option<f64>,
    #[serde(default)]
    runs: Vec<Run>,
    phase: Option<Phase>,
    outside: Option<String>,
}

/// The table of systems and of what they ran.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Systems {
    system: Vec<System>,
    workload: Vec<Load>,
}

impl Systems {
    /// Reads the table that ships with the library.
    pub fn shipped() -> Result<Systems, Fault> {
        evidence_table("systems.toml")
    }

    /// The server of a row; of a name that the table lacks, the reference server of the chip in it (`Dell 8xH100`).
    fn system(&self, row: &Row, library: &Library) -> Result<System, Obstacle> {
        let name = row.text("system");
        let named = |system: &&System| system.names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let by_chip = || {
            let chip = chip_in(name, library)?;
            Some(System { names: vec![name.to_owned()], chip: chip.name, cluster: chip.cluster })
        };
        self.system
            .iter()
            .find(named)
            .cloned()
            .or_else(by_chip)
            .ok_or_else(|| unknown("system", name, self.system.iter().flat_map(|s| &s.names)))
    }

    /// Name of the chip that a row metered.
    pub fn chip(&self, row: &Row, library: &Library) -> Option<String> {
        self.system(row, library).ok().map(|system| system.chip)
    }

    /// What a row ran; of a name that the table lacks, the library's workload.
    fn load(&self, row: &Row, library: &Library) -> Result<Load, Obstacle> {
        let name = row.text("workload").split(';').next().unwrap_or_default().trim();
        let named = |load: &&Load| load.names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let in_library = || {
            let workload = library.workload(&name.replace(' ', "-")).ok().filter(|_| !name.is_empty())?;
            Some(Load { names: vec![name.to_owned()], workload: Some(workload.name), ..Load::default() })
        };
        self.workload
            .iter()
            .find(named)
            .cloned()
            .or_else(in_library)
            .ok_or_else(|| unknown("workload", name, self.workload.iter().flat_map(|w| &w.names)))
    }
}

/// The chip that a word, or two words together, of a server's name stand for.
fn chip_in(name: &str, library: &Library) -> Option<Chip> {
    let words: Vec<&str> = name
        .split([' ', '(', ')', ','])
        .map(|word| match word.split_once(['x', 'X']) {
            Some((count, rest)) if !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()) => rest,
            _ => word,
        })
        .filter(|word| !word.is_empty())
        .collect();
    let pairs = words.windows(2).map(|pair| pair.join("-"));
    let single = words.iter().map(|word| (*word).to_owned());
    pairs.chain(single).find_map(|word| library.chip(&word).ok())
}

fn unknown<'a>(column: &'static str, word: &str, known: impl Iterator<Item = &'a String>) -> Obstacle {
    if word.is_empty() {
        return Obstacle::states_no(column);
    }
    let help = match nearest(word, known.map(String::as_str), 1).first() {
        Some(near) => format!("did you mean `{near}`? The known ones stand in evidence/systems.toml"),
        None => "the known ones stand in evidence/systems.toml".to_owned(),
    };
    Obstacle::Unknown(UnknownWord {
        column,
        word: word.to_owned(),
        message: format!("unknown {column} {}", quoted(word)),
        help,
    })
}

/// Judges a row of a power table.
pub fn judge(predictor: &Predictor<'_>, row: &Row, judged: &mut Judged) -> Result<(), Obstacle> {
    judged.quantity = Some(Quantity::NodeW);
    judged.measured = row.positive("mean_W_per_node").unwrap_or(f64::NAN);
    judged.kind = "power".to_owned();
    let system = predictor.systems.system(row, predictor.library)?;
    judged.chip = system.chip.clone();
    let load = predictor.systems.load(row, predictor.library)?;
    if let Some(why) = &row.impossible {
        return Err(Obstacle::Lacks(why.clone()));
    }
    if let Some(why) = &load.outside {
        return Err(Obstacle::Lacks(why.clone()));
    }
    let measured = row.positive("mean_W_per_node").ok_or_else(|| Obstacle::states_no("power of the node"))?;
    let predicted = node_w(predictor, row, &system, &load, judged)?;
    judged.score(Quantity::NodeW, predicted, measured);
    Ok(())
}

/// Watts of one node while it works, at its input.
fn node_w(
    predictor: &Predictor<'_>,
    row: &Row,
    system: &System,
    load: &Load,
    judged: &mut Judged,
) -> Result<f64, Obstacle> {
    let library = predictor.library;
    let lacks = |fault: Fault| Obstacle::Lacks(fault.message());
    let chip = library.chip(&system.chip).map_err(lacks)?;
    let cluster = library.cluster(&system.cluster).map_err(lacks)?;
    let name = load.workload.as_deref().unwrap_or("gpt-3-175b");
    let mut workload = library.workload(name).map_err(lacks)?;
    let stack = library.stack(load.stack.as_deref().unwrap_or("megatron-core-2023")).map_err(lacks)?;
    if let Some(phase) = load.phase {
        let setting = predictor.setting(&chip, &cluster, &workload, &stack);
        judged.exposure = predictor.exposure(&setting, judged);
        return Ok(cluster.node_chips * setting.ranks_per_chip * phase_w(&setting, phase) + cluster.node_host_w);
    }
    judged.stack = stack.name.clone();
    judged.inferred.extend(["stack", "precision"]);
    workload.run.seq_len = load.seq_len.unwrap_or(workload.run.seq_len);
    if let Some(precision) = load.precision.as_deref().and_then(Precision::parse) {
        workload.run.precision = precision;
    }
    if let Some(rank) = load.lora_rank {
        workload.run.training = Training::Lora { rank };
    }
    let nodes = row.count("n_nodes").unwrap_or(1);
    let known = load.runs.iter().find(|run| run.nodes == nodes);
    if known.is_none() {
        judged.inferred.extend(["plan", "global_batch_seqs"]);
    }
    let fixed = known.map_or(Fixed::default(), |run| Fixed { tp: run.tp, pp: run.pp, cp: run.cp, ..Fixed::default() });
    let stated = Stated { fixed, global_batch: known.map(|run| run.batch), ..Stated::default() };
    let setting = predictor.setting(&chip, &cluster, &workload, &stack);
    let chips = f64::from(nodes) * cluster.node_chips;
    judged.exposure = predictor.exposure(&setting, judged);
    let chosen = choose(&setting, &stated, chips, &mut judged.inferred)?;
    let chips_w = chosen.estimate.power.rank_training_w * setting.ranks_per_chip * cluster.node_chips;
    let idle_w = cluster.node_chips * chip.idle_w + cluster.host_idle_share * cluster.node_host_w;
    let start = load.start_min.unwrap_or(0.0) / row.positive("duration_min").unwrap_or(f64::INFINITY);
    Ok(mean_w(chips_w + cluster.node_host_w, idle_w, start))
}

/// Mean watts of a run that trains but for a share of its time at the start.
fn mean_w(training_w: f64, idle_w: f64, start: f64) -> f64 {
    let start = start.min(MOST_START);
    (1.0 - start) * training_w + start * idle_w
}

/// Watts of one rank in one phase, as `model::power` takes them.
fn phase_w(setting: &Setting, phase: Phase) -> f64 {
    let share = match phase {
        Phase::Matrix => 1.0,
        Phase::MemoryBound => setting.calibration.power_memory_bound,
        Phase::Waiting => setting.calibration.power_waiting,
    };
    chip_phase_w(&setting.chip, share, setting.cap_w)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_the_table_lacks_is_known_by_its_chip() -> Result<(), Fault> {
        let library = Library::open::<&str>(&[])?;
        for (name, chip) in [("Dell XE9680 8xH100", "nvidia-h100-sxm"), ("Lenovo 8xB200 SXM", "nvidia-b200-sxm")] {
            assert_eq!(chip_in(name, &library).map(|chip| chip.name).as_deref(), Some(chip), "{name}");
        }
        assert!(chip_in("a machine", &library).is_none());
        Ok(())
    }

    #[test]
    fn a_start_counts_at_the_power_of_an_idle_server() {
        assert_eq!(mean_w(7000.0, 2000.0, 0.0), 7000.0);
        assert_eq!(mean_w(7000.0, 2000.0, 0.2), 6000.0);
        assert_eq!(mean_w(7000.0, 2000.0, 3.0), 4500.0);
    }

    #[test]
    fn every_name_of_the_shipped_table_is_in_the_library() -> Result<(), Fault> {
        let systems = Systems::shipped()?;
        let library = Library::open::<&str>(&[])?;
        for system in &systems.system {
            library.chip(&system.chip)?;
            library.cluster(&system.cluster)?;
        }
        for load in &systems.workload {
            let kinds = [load.workload.is_some(), load.phase.is_some(), load.outside.is_some()];
            assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{:?}", load.names);
            if let Some(name) = &load.workload {
                library.workload(name)?;
            }
            if let Some(stack) = &load.stack {
                library.stack(stack)?;
            }
            assert!(load.precision.as_deref().is_none_or(|word| Precision::parse(word).is_some()));
        }
        Ok(())
    }
}

//! The kinds of entries: their folders, their words on the command line, their attribute tables.

use super::attribute::{Attribute, CHIP, CLUSTER, COMMON, PRICE, PRICE_KINDS, SITE, STACK, WORKLOAD};
use crate::model::parameters::{ASSUMPTIONS, CALIBRATION};
use crate::uncertainty::spread::SPREAD;

/// What an entry describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    Chip,
    Cluster,
    Workload,
    Site,
    Stack,
    /// A question over designs. Only its raw TOML passes through the library; the scenario parser reads it.
    Scenario,
    Calibration,
    Assumptions,
    Spread,
}

impl EntryKind {
    /// Kinds of which the library holds many entries, in the order of the help texts.
    pub const LISTED: [EntryKind; 6] = [
        EntryKind::Chip,
        EntryKind::Cluster,
        EntryKind::Workload,
        EntryKind::Site,
        EntryKind::Stack,
        EntryKind::Scenario,
    ];

    pub const ALL: [EntryKind; 9] = [
        EntryKind::Chip,
        EntryKind::Cluster,
        EntryKind::Workload,
        EntryKind::Site,
        EntryKind::Stack,
        EntryKind::Scenario,
        EntryKind::Calibration,
        EntryKind::Assumptions,
        EntryKind::Spread,
    ];

    /// The word of `--set` keys and messages.
    pub fn word(self) -> &'static str {
        match self {
            EntryKind::Chip => "chip",
            EntryKind::Cluster => "cluster",
            EntryKind::Workload => "workload",
            EntryKind::Site => "site",
            EntryKind::Stack => "stack",
            EntryKind::Scenario => "scenario",
            EntryKind::Calibration => "calibration",
            EntryKind::Assumptions => "assumptions",
            EntryKind::Spread => "spread",
        }
    }

    /// The word of `wattline list`.
    pub fn plural(self) -> &'static str {
        match self {
            EntryKind::Chip => "chips",
            EntryKind::Cluster => "clusters",
            EntryKind::Workload => "workloads",
            EntryKind::Site => "sites",
            EntryKind::Stack => "stacks",
            EntryKind::Scenario => "scenarios",
            EntryKind::Calibration => "calibration",
            EntryKind::Assumptions => "assumptions",
            EntryKind::Spread => "spread",
        }
    }

    /// Either word, whatever its case.
    pub fn parse(word: &str) -> Option<EntryKind> {
        EntryKind::ALL
            .into_iter()
            .find(|kind| word.eq_ignore_ascii_case(kind.word()) || word.eq_ignore_ascii_case(kind.plural()))
    }

    /// Folder of the embedded library; calibration, assumptions and spread are single files of `evidence`.
    pub fn folder(self) -> &'static str {
        match self {
            EntryKind::Chip => "hardware-profiles/chips",
            EntryKind::Cluster => "hardware-profiles/clusters",
            EntryKind::Workload => "workloads",
            EntryKind::Site => "sites",
            EntryKind::Stack => "stacks",
            EntryKind::Scenario => "scenarios",
            EntryKind::Calibration | EntryKind::Assumptions | EntryKind::Spread => "evidence",
        }
    }

    /// The attributes of the kind besides [`COMMON`].
    pub fn table(self) -> &'static [Attribute] {
        match self {
            EntryKind::Chip => CHIP,
            EntryKind::Cluster => CLUSTER,
            EntryKind::Workload => WORKLOAD,
            EntryKind::Site => SITE,
            EntryKind::Stack => STACK,
            EntryKind::Calibration => CALIBRATION,
            EntryKind::Assumptions => ASSUMPTIONS,
            EntryKind::Spread => SPREAD,
            EntryKind::Scenario => &[],
        }
    }

    /// The attribute behind a dotted key. A site's `price.KIND.x` is found under `x` of [`PRICE`].
    pub fn attribute(self, key: &str) -> Option<&'static Attribute> {
        if let Some(found) = COMMON.iter().chain(self.table()).find(|a| a.key == key) {
            return Some(found);
        }
        let (kind, rest) = key.strip_prefix("price.")?.split_once('.')?;
        (self == EntryKind::Site && PRICE_KINDS.contains(&kind)).then(|| PRICE.iter().find(|a| a.key == rest)).flatten()
    }

    /// Every full key that an entry of the kind may hold, in the order in which files state them.
    pub fn keys(self) -> Vec<String> {
        let mut keys: Vec<String> = COMMON.iter().chain(self.table()).map(|a| a.key.to_owned()).collect();
        if self == EntryKind::Site {
            for kind in PRICE_KINDS {
                keys.extend(PRICE.iter().map(|a| format!("price.{kind}.{}", a.key)));
            }
        }
        keys
    }
}

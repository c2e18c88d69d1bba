//! What a result file says of itself, and in what two of them differ.

use std::collections::BTreeMap;

use crate::search::Objective;

use super::row::objectives_text;

/// Which designs a result keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The best of each cell of the space, by objective.
    Best,
    /// Those of each workload that no other beats in every objective.
    Frontier,
    /// Every one that can run.
    All,
}

impl Keep {
    pub const ALL: [Keep; 3] = [Keep::Best, Keep::Frontier, Keep::All];

    pub fn word(self) -> &'static str {
        match self {
            Keep::Best => "best",
            Keep::Frontier => "frontier",
            Keep::All => "all",
        }
    }

    pub fn parse(word: &str) -> Option<Keep> {
        Keep::ALL.into_iter().find(|keep| keep.word() == word)
    }
}

/// What a result is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub scenario: String,
    pub scenario_hash: String,
    pub library_hash: String,
    pub keep: Keep,
    /// What the designs are judged by.
    pub objectives: Vec<Objective>,
    /// Best designs of each objective in the answer.
    pub top: u64,
    /// Shard and shards, from 1.
    pub partition: Option<(u64, u64)>,
    /// Size of the whole space, whatever the shard.
    pub designs: u64,
    /// Pieces of it, or of its shard, that are committed one after the other.
    pub groups: u64,
}

const SCENARIO: &str = "scenario";
const SCENARIO_HASH: &str = "scenario_hash";
const LIBRARY_HASH: &str = "library_hash";
const KEEP: &str = "keep";
const OBJECTIVES: &str = "objectives";
const TOP: &str = "top";
const PARTITION: &str = "partition";
const DESIGNS: &str = "designs";
const GROUPS: &str = "groups";
const WATTLINE: &str = "wattline";

/// Keys of a result's metadata with what they mean to a reader of a difference.
const KEYS: [(&str, &str); 10] = [
    (SCENARIO, "scenario"),
    (SCENARIO_HASH, "text of the scenario with --set (hash)"),
    (LIBRARY_HASH, "library (hash)"),
    (KEEP, "--keep"),
    (OBJECTIVES, "objectives"),
    (TOP, "--top"),
    (PARTITION, "--partition"),
    (DESIGNS, "designs of the space"),
    (GROUPS, "groups of the space"),
    (WATTLINE, "version of wattline"),
];

impl Header {
    /// The key-value pairs that a file carries.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let mut pairs = vec![
            (SCENARIO, self.scenario.clone()),
            (SCENARIO_HASH, self.scenario_hash.clone()),
            (LIBRARY_HASH, self.library_hash.clone()),
            (KEEP, self.keep.word().to_owned()),
            (OBJECTIVES, objectives_text(&self.objectives)),
            (TOP, self.top.to_string()),
            (DESIGNS, self.designs.to_string()),
            (GROUPS, self.groups.to_string()),
            (WATTLINE, env!("CARGO_PKG_VERSION").to_owned()),
        ];
        if let Some((shard, shards)) = self.partition {
            pairs.push((PARTITION, format!("{shard}/{shards}")));
        }
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The header behind a file's pairs; `None` where one is missing or says nothing that a sweep writes.
    pub fn parse(metadata: &BTreeMap<String, String>) -> Option<Header> {
        let text = |key: &str| metadata.get(key).cloned();
        let count = |key: &str| metadata.get(key)?.parse::<u64>().ok();
        let partition = match metadata.get(PARTITION) {
            None => None,
            Some(shard) => {
                let (shard, shards) = shard.split_once('/')?;
                let (shard, shards): (u64, u64) = (shard.parse().ok()?, shards.parse().ok()?);
                (1..=shards).contains(&shard).then_some((shard, shards))?;
                Some((shard, shards))
            }
        };
        let objectives = text(OBJECTIVES)?;
        Some(Header {
            scenario: text(SCENARIO)?,
            scenario_hash: text(SCENARIO_HASH)?,
            library_hash: text(LIBRARY_HASH)?,
            keep: Keep::parse(metadata.get(KEEP)?)?,
            objectives: objectives
                .split(',')
                .filter(|word| !word.is_empty())
                .map(Objective::parse)
                .collect::<Option<Vec<_>>>()?,
            top: count(TOP)?,
            partition,
            designs: count(DESIGNS)?,
            groups: count(GROUPS)?,
        })
    }
}

/// What may differ between the parts of one result.
pub const OF_A_PART: [&str; 2] = [PARTITION, GROUPS];

/// In what two results differ, a line each: what it is, there and here.
pub fn differences(there: &BTreeMap<String, String>, here: &BTreeMap<String, String>) -> Vec<String> {
    let value = |pairs: &BTreeMap<String, String>, key: &str| pairs.get(key).cloned().unwrap_or_else(|| "none".into());
    KEYS.iter()
        .map(|(key, meaning)| (meaning, value(there, key), value(here, key)))
        .filter(|(_, there, here)| there != here)
        .map(|(meaning, there, here)| format!("{meaning}: {there} there, {here} here"))
        .collect()
}

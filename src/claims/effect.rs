//! (stand-in until the debate branch lands)
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::library::diagnostic::Fault;
use crate::library::store::Library;
use crate::search::Objective;
use crate::uncertainty::band::Band;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IfTrue {
    pub says: String,
    pub set: BTreeMap<String, f64>,
}
pub struct WinnerStanding {
    pub ratio: Band,
    pub conditions: Vec<String>,
}
pub fn winner(_: &Library, _: &str, _: Objective, _: &str, _: &str) -> Result<WinnerStanding, Fault> {
    Ok(WinnerStanding { ratio: Band { p10: 0.5, p50: 0.7, p90: 0.9 }, conditions: vec![] })
}

//! The inputs of a design that a question may move: one table of short names, and every other key as `--set` writes it.

use crate::design::{Ask, Design};
use crate::library::attribute::Shape;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::entry_kind::EntryKind;
use crate::library::nearest::nearest;
use crate::library::overrides::SETTABLE;
use crate::library::record::Record;
use crate::library::site::J_PER_KWH;
use crate::model::cost::all_in_usd;
use crate::model::power::{peak_pue, peak_rank_w};
use crate::report::rates;
use crate::search::Found;
use crate::search::Objective;

/// How an input is moved.
#[derive(Clone, Debug, PartialEq)]
pub enum Lever {
    /// Chips of the design, and the megawatts that keep them.
    Chips,
    Megawatts,
    /// Model FLOP utilisation of the fastest plan: every step stretches or shrinks by as much.
    Mfu,
    Price,
    PowerCap,
    /// A value of an entry of the library.
    Value {
        kind: EntryKind,
        key: String,
    },
}

/// An input that a crossover, a shadow price or a sensitivity moves.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Short name, or the key as `--set` takes it.
    pub name: String,
    pub unit: &'static str,
    pub lever: Lever,
    /// Only whole numbers.
    pub whole: bool,
    least: f64,
    most: f64,
}

/// A row of the table of short names.
struct Row {
    name: &'static str,
    /// As `--set` takes it.
    key: &'static str,
    /// As a page says it.
    words: &'static str,
    /// What holds where an entry leaves the key out.
    unset: Option<f64>,
}

const fn row(name: &'static str, key: &'static str, words: &'static str, unset: Option<f64>) -> Row {
    Row { name, key, words, unset }
}

/// Short names of keys that `--set` takes.
const ROWS: [Row; 24] = [
    row("all_in_usd", "chip.all_in_usd", "chip, all-in", None),
    row("rental_usd_per_h", "chip.rental_usd_per_h", "rental", None),
    row("mtbf_h", "chip.mtbf_h", "time between failures of a chip", None),
    row("embodied_kg", "chip.embodied_kg", "carbon of making a chip", None),
    row("g_per_kwh", "site.carbon.g_per_kwh", "carbon intensity", None),
    row("pue", "site.pue.full", "PUE", None),
    row("load_share", "site.pue.load_share", "load of the facility", Some(1.0)),
    row("cost_of_capital", "site.cost_of_capital", "cost of capital", None),
    row("facility_usd_per_mw", "site.facility_usd_per_mw", "facility", None),
    row("carbon_price_usd_per_t", "site.carbon_price_usd_per_t", "carbon price", Some(0.0)),
    row("availability", "site.availability", "hours with power", Some(1.0)),
    row("stops_per_day", "site.stops_per_day", "stops a day", Some(0.0)),
    row("served_fraction", "site.served_fraction", "megawatts served", Some(1.0)),
    row("demand_charge_usd_per_kw_month", "site.demand_charge_usd_per_kw_month", "demand charge", Some(0.0)),
    row("take_or_pay", "site.take_or_pay", "take or pay", Some(0.0)),
    row("utilisation", "assumptions.utilisation", "utilisation", None),
    row("it_life_years", "assumptions.it_life_years", "life of the chips", None),
    row("facility_life_years", "assumptions.facility_life_years", "life of the facility", None),
    row("restart_s", "assumptions.restart_s", "restart time", None),
    row("checkpoint_s", "assumptions.checkpoint_s", "checkpoint time", None),
    row("startup_s", "assumptions.startup_s", "start-up time", None),
    row("start_delay_years", "assumptions.start_delay_years", "delay of the start", None),
    row("chip_gain_per_year", "assumptions.chip_gain_per_year", "chips' gain a year", None),
    row("value_of_delay_usd_per_day", "assumptions.value_of_delay_usd_per_day", "value of a day", None),
];

/// Keys that enter after the time of a run and the energy of its equipment: [`crate::model::settle`] prices a run anew.
const SETTLED: [(EntryKind, &[&str]); 3] = [
    (
        EntryKind::Site,
        &[
            "carbon.g_per_kwh",
            "carbon_price_usd_per_t",
            "pue.full",
            "pue.load_share",
            "facility_usd_per_mw",
            "cost_of_capital",
            "demand_charge_usd_per_kw_month",
            "take_or_pay",
        ],
    ),
    (
        EntryKind::Assumptions,
        &[
            "it_life_years",
            "facility_life_years",
            "utilisation",
            "server_overhead",
            "network_share",
            "it_operation_share",
            "facility_operation_usd_per_w",
            "embodied_life_years",
            "value_of_delay_usd_per_day",
        ],
    ),
    (EntryKind::Chip, &["all_in_usd", "server_share_usd", "chip_usd", "rental_usd_per_h", "embodied_kg"]),
];

/// Inputs that are not a key of an entry: name, words, unit and lever.
const BESIDE: [(&str, &str, &str, Lever); 5] = [
    ("chips", "chips", "chips", Lever::Chips),
    ("cap_mw", "megawatts", "MW", Lever::Megawatts),
    ("mfu", "MFU", "fraction", Lever::Mfu),
    ("usd_per_kwh", "electricity price", "USD/kWh", Lever::Price),
    ("power_cap_w", "power cap", "W", Lever::PowerCap),
];

impl Input {
    /// Reads a short name or a key of `--set`.
    pub fn parse(word: &str) -> Result<Input, Fault> {
        if let Some((name, _, unit, lever)) = BESIDE.iter().find(|(name, ..)| *name == word) {
            let (least, most) = match lever {
                Lever::Mfu => (0.001, 1.0),
                Lever::Price => (0.0, 10.0),
                _ => (0.0, f64::INFINITY),
            };
            let input = Input { name: (*name).to_owned(), unit, lever: lever.clone(), whole: false, least, most };
            return Ok(input);
        }
        let path = ROWS.iter().find(|row| row.name == word).map_or(word, |row| row.key);
        let unknown = || {
            let names = Input::names();
            let near = nearest(word, names.iter().map(String::as_str), 1);
            let hint = near.first().map_or(String::new(), |n| format!("did you mean {n}? "));
            let help = format!("{hint}an input is a short name such as usd_per_kwh, or a key as --set takes it");
            Fault::input(Diagnostic::error(format!("{} is no input", quoted(word))).key(word).help(help))
        };
        let (kind, key) = path.split_once('.').ok_or_else(unknown)?;
        let kind = SETTABLE.into_iter().find(|known| known.word() == kind).ok_or_else(unknown)?;
        let attribute = kind.attribute(key).ok_or_else(unknown)?;
        let (least, most, whole) = match attribute.shape {
            Shape::Number { min, max } => (min, max, false),
            Shape::Integer { min, max } => (min as f64, max as f64, true),
            _ => {
                let message = format!("{} is no number", quoted(path));
                return Err(Fault::input(Diagnostic::error(message).key(word).help("name an input that is a number")));
            }
        };
        Ok(Input {
            name: word.to_owned(),
            unit: attribute.unit,
            lever: Lever::Value { kind, key: key.to_owned() },
            whole,
            least,
            most,
        })
    }

    /// Every short name, and every key of a number.
    pub fn names() -> Vec<String> {
        let mut names: Vec<String> = BESIDE.iter().map(|(name, ..)| (*name).to_owned()).collect();
        names.extend(ROWS.iter().map(|row| row.name.to_owned()));
        for kind in SETTABLE {
            names.extend(kind.keys().into_iter().map(|key| format!("{}.{key}", kind.word())));
        }
        names
    }

    /// As a page says it.
    pub fn words(&self) -> &str {
        let beside = BESIDE.iter().map(|(name, words, ..)| (*name, *words));
        let rows = ROWS.iter().map(|row| (row.name, row.words));
        beside.chain(rows).find(|(name, _)| *name == self.name).map_or(&self.name, |(_, words)| words)
    }

    /// Whether it enters after time and equipment energy, as long as the chips stay what they are.
    pub fn settles(&self) -> bool {
        match &self.lever {
            Lever::Price => true,
            Lever::Value { kind, key } => {
                SETTLED.iter().any(|(settled, keys)| settled == kind && keys.contains(&key.as_str()))
                    || (*kind == EntryKind::Site && key.starts_with("price."))
            }
            _ => false,
        }
    }

    /// Least and most value that makes sense for a design.
    pub fn range(&self, design: &Design) -> (f64, f64) {
        let chip = &design.setting.chip;
        match self.lever {
            Lever::PowerCap => {
                let least = chip.idle_w.max(chip.static_w).max(chip.cap_min_w);
                (least * design.setting.ranks_per_chip, chip.tdp_w * design.setting.ranks_per_chip)
            }
            // Below nothing, a plan that wastes energy would win.
            Lever::Value { kind: EntryKind::Site, ref key } if key.starts_with("price.") => (0.0, self.most),
            _ => (self.least, self.most),
        }
    }

    /// The value of a design as it stands; none where nothing states one.
    pub fn today(&self, design: &Design, found: &Found) -> Option<f64> {
        let setting = &design.setting;
        match &self.lever {
            Lever::Chips => Some(design.chips),
            Lever::Megawatts => Some(megawatts(design, design.chips)),
            Lever::Mfu => found.by(Objective::Time).map(|e| rates(design, e).mfu),
            Lever::Price => Some(setting.site.usd_per_j() * J_PER_KWH),
            Lever::PowerCap => Some(setting.cap_w.min(setting.chip.tdp_w) * setting.ranks_per_chip),
            Lever::Value { kind: EntryKind::Chip, key } if key == "all_in_usd" => {
                Some(all_in_usd(setting) * setting.ranks_per_chip)
            }
            Lever::Value { kind, key } => record(design, *kind)
                .and_then(|record| record.number(key))
                .or_else(|| ROWS.iter().find(|row| row.name == self.name).and_then(|row| row.unset)),
        }
    }

    /// The design with another value of the input; not for chips, megawatts and MFU, which no design states.
    pub fn moved(&self, design: &Design, value: f64) -> Result<Design, Fault> {
        let mut ask = design.ask.clone();
        self.lay(&mut ask, value)?;
        design.asked_anew(&ask)
    }

    /// Enters a value of the input into what is asked.
    pub fn lay(&self, ask: &mut Ask, value: f64) -> Result<(), Fault> {
        match &self.lever {
            Lever::Price => ask.usd_per_kwh = Some(value),
            Lever::PowerCap => (ask.power_cap_w, ask.power_cap_share) = (Some(value), None),
            Lever::Value { kind, key } => {
                // A price that was typed stands over those of the site.
                if *kind == EntryKind::Site && key.starts_with("price.") {
                    ask.usd_per_kwh = None;
                }
                ask.overrides.set(*kind, key, &format!("{value:?}"))?;
            }
            Lever::Chips | Lever::Megawatts | Lever::Mfu => {}
        }
        Ok(())
    }
}

fn record(design: &Design, kind: EntryKind) -> Option<&Record> {
    design.records.iter().find(|record| record.kind() == kind)
}

/// Megawatts that must be asked for so that a number of chips is kept at its peak.
pub fn megawatts(design: &Design, chips: f64) -> f64 {
    let setting = &design.setting;
    let ranks = chips * setting.ranks_per_chip;
    ranks * peak_rank_w(setting, ranks) * peak_pue(&setting.site) / setting.site.served_fraction * 1e-6
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn short_names_stand_for_keys_that_the_tables_hold_or_are_about_to() {
        for (name, ..) in BESIDE {
            assert!(Input::parse(name).is_ok(), "{name}");
        }
        for name in ["all_in_usd", "g_per_kwh", "pue", "restart_s", "utilisation", "cost_of_capital", "mtbf_h"] {
            let input = Input::parse(name).unwrap();
            assert!(matches!(input.lever, Lever::Value { .. }) && input.words() != name || name == "utilisation");
        }
        assert!(Input::parse("assumptions.restart_s").is_ok());
        assert!(Input::parse("chip.vendor").unwrap_err().message().contains("no number"));
        assert!(Input::parse("usd_per_kw").unwrap_err().to_string().contains("usd_per_kwh"));
    }
}

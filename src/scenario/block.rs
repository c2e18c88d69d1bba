//! The designs of a scenario in blocks: one look-up each, with sizes, caps and places as axes.

use std::sync::Arc;

use super::axis::{Numbers, Texts};
use super::place::Places;
use super::side::Side;
use crate::design::{Ask, Design, LARGEST_BATCH, MOST_CHIPS, parse_plan, parse_precision};
use crate::library::diagnostic::{Diagnostic, Fault};
use crate::library::overrides::Overrides;
use crate::library::shape::figure;

/// Most look-ups of a scenario: each takes its own search of plans.
pub const MOST_BLOCKS: u128 = 100_000;

/// A limit on a chip's power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PowerCap {
    Watts(f64),
    /// Of the chip's TDP.
    Share(f64),
}

/// One value of every field that needs a look-up of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    pub chip: String,
    pub cluster: Option<String>,
    pub stack: Option<String>,
    pub precision: Option<String>,
    pub seq_len: Option<f64>,
    pub global_batch: Option<u32>,
    pub tokens: Option<f64>,
    /// `key=value`, as `--set` takes them.
    pub set: Vec<String>,
    pub price_kind: Option<String>,
    pub plan: Option<String>,
    pub rental: bool,
    pub grow_batch: bool,
}

/// Everything of one design that needs its own look-up, single-valued; sizes, caps and places as axes.
#[derive(Clone, Debug)]
pub struct Block {
    pub workload: String,
    /// Name of the `[[design]]`.
    pub design: String,
    pub point: Point,
    /// The values of the axes that have several, in the order of the axes: `("chip", "nvidia-h100-sxm")`.
    pub varied: Vec<(String, String)>,
    /// Empty: as many as the megawatts keep.
    pub chips: Vec<f64>,
    /// The sizes come from a range: [`Block::sizes`] rounds them.
    pub rounded: bool,
    /// Empty: the site's own.
    pub cap_mw: Vec<f64>,
    /// Empty: none.
    pub power_cap: Vec<PowerCap>,
    pub sites: Vec<Option<String>>,
    /// Empty: the site's own.
    pub usd_per_kwh: Vec<f64>,
    pub(super) places: Arc<Places>,
    /// Tables of the file that the block's fields stand in.
    pub(super) tables: Vec<String>,
}

impl Block {
    /// What to look up: without chips, caps, site and price.
    pub fn ask(&self, common: &[String]) -> Result<Ask, Fault> {
        let point = &self.point;
        let settings: Vec<&String> = point.set.iter().chain(common).collect();
        let ask = || {
            Ok(Ask {
                name: self.design.clone(),
                workload: self.workload.clone(),
                chip: point.chip.clone(),
                cluster: point.cluster.clone(),
                stack: point.stack.clone(),
                price_kind: point.price_kind.clone(),
                fixed: parse_plan(point.plan.as_deref().unwrap_or("auto"))?,
                tokens: point.tokens,
                global_batch: point.global_batch,
                grow_batch: point.grow_batch,
                seq_len: point.seq_len,
                precision: point.precision.as_deref().map(parse_precision).transpose()?,
                rental: point.rental,
                overrides: Overrides::parse(&settings)?,
                ..Ask::default()
            })
        };
        ask().map_err(|fault| self.blame(fault))
    }

    /// Designs of the block, before plans; sizes that rounding makes equal count apart.
    pub fn size(&self) -> u128 {
        let axes =
            [self.chips.len(), self.cap_mw.len(), self.power_cap.len(), self.sites.len(), self.usd_per_kwh.len()];
        axes.into_iter().map(|n| n.max(1) as u128).product()
    }

    /// The sizes for a looked-up design: those of a range in whole domains where at least four of them fit, else in whole
    /// nodes; each once.
    pub fn sizes(&self, design: &Design) -> Vec<f64> {
        if !self.rounded {
            return self.chips.clone();
        }
        let setting = &design.setting;
        let node = (setting.cluster.node_chips / setting.ranks_per_chip).max(1.0);
        let domain = (setting.cluster.domain_chips / setting.ranks_per_chip).max(1.0);
        let mut sizes: Vec<f64> = self.chips.iter().map(|chips| whole(*chips, node, domain)).collect();
        sizes.dedup();
        sizes
    }

    /// Points a fault of the block's look-up at the field that it came from.
    pub fn blame(&self, fault: Fault) -> Fault {
        let tables: Vec<&str> = self.tables.iter().map(String::as_str).collect();
        self.places.within(fault, &tables)
    }

    /// Every design of the block by itself.
    pub fn singles(&self) -> Vec<Single> {
        let mut singles = Vec::new();
        for chips in or_none(&self.chips) {
            for cap_mw in or_none(&self.cap_mw) {
                for power_cap in or_none(&self.power_cap) {
                    for site in &self.sites {
                        for usd_per_kwh in or_none(&self.usd_per_kwh) {
                            singles.push(Single { chips, cap_mw, power_cap, site: site.clone(), usd_per_kwh });
                        }
                    }
                }
            }
        }
        singles
    }

    /// Their names: the design's, with the axes that set each apart.
    pub fn names(&self) -> Vec<String> {
        self.singles().iter().map(|single| single.name(self)).collect()
    }
}

/// One value of each axis of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Single {
    pub chips: Option<f64>,
    pub cap_mw: Option<f64>,
    pub power_cap: Option<PowerCap>,
    pub site: Option<String>,
    pub usd_per_kwh: Option<f64>,
}

impl Single {
    /// The whole design.
    pub fn ask(&self, block: &Block, common: &[String]) -> Result<Ask, Fault> {
        let (power_cap_w, power_cap_share) = match self.power_cap {
            Some(PowerCap::Watts(watts)) => (Some(watts), None),
            Some(PowerCap::Share(share)) => (None, Some(share)),
            None => (None, None),
        };
        Ok(Ask {
            name: self.name(block),
            chips: self.chips,
            cap_mw: self.cap_mw,
            power_cap_w,
            power_cap_share,
            site: self.site.clone(),
            usd_per_kwh: self.usd_per_kwh,
            ..block.ask(common)?
        })
    }

    fn name(&self, block: &Block) -> String {
        let mut name = block.design.clone();
        let mut add = |several: bool, axis: &str, value: Option<String>| {
            if let (true, Some(value)) = (several, value) {
                name += &format!(" {axis}={value}");
            }
        };
        for (axis, value) in &block.varied {
            add(true, axis, Some(value.clone()));
        }
        add(block.chips.len() > 1, "chips", self.chips.map(figure));
        add(block.cap_mw.len() > 1, "cap_mw", self.cap_mw.map(figure));
        match self.power_cap {
            Some(PowerCap::Watts(watts)) => add(block.power_cap.len() > 1, "power_cap_w", Some(figure(watts))),
            Some(PowerCap::Share(share)) => add(block.power_cap.len() > 1, "power_cap_share", Some(figure(share))),
            None => {}
        }
        add(block.sites.len() > 1, "site", self.site.clone());
        add(block.usd_per_kwh.len() > 1, "usd_per_kwh", self.usd_per_kwh.map(figure));
        name
    }
}

/// The values of an axis, or the one absence of any.
fn or_none<T: Copy>(values: &[T]) -> Vec<Option<T>> {
    if values.is_empty() { vec![None] } else { values.iter().copied().map(Some).collect() }
}

/// Chips in whole domains where at least four fit, else in whole nodes; at least one node.
fn whole(chips: f64, node: f64, domain: f64) -> f64 {
    let unit = if chips >= 4.0 * domain { domain } else { node };
    ((chips / unit).round() * unit).max(node)
}

/// What the blocks of a side have in common.
pub(super) struct Common<'a> {
    pub workload: &'a str,
    pub grow_batch: bool,
    pub places: &'a Arc<Places>,
    pub tables: &'a [String],
}

/// The blocks of a side, in the order of its axes: chip, cluster, stack, precision, seq_len, global_batch, tokens, `set`,
/// price_kind.
pub(super) fn blocks(side: &Side, common: &Common<'_>) -> Result<Vec<Block>, Diagnostic> {
    let chip = texts("chip", &side.chip)?;
    let cluster = texts("cluster", &side.cluster)?;
    let stack = texts("stack", &side.stack)?;
    let precision = texts("precision", &side.precision)?;
    let seq_len = numbers("seq_len", &side.seq_len, true, (1.0, 1e8))?;
    let global_batch = numbers("global_batch", &side.global_batch, true, (1.0, f64::from(LARGEST_BATCH)))?;
    let tokens = numbers("tokens", &side.tokens, false, (f64::MIN_POSITIVE, 1e18))?;
    let mut set = Vec::new();
    for (key, values) in &side.set {
        set.push((key, values.values(key)?));
    }
    let price_kind = texts("price_kind", &side.price_kind)?;

    let chips = numbers("chips", &side.chips, true, (1.0, MOST_CHIPS))?;
    let cap_mw = numbers("cap_mw", &side.cap_mw, false, (f64::MIN_POSITIVE, 1e6))?;
    let watts = numbers("power_cap_w", &side.power_cap_w, false, (f64::MIN_POSITIVE, 1e6))?;
    let shares = numbers("power_cap_share", &side.power_cap_share, false, (f64::MIN_POSITIVE, 2.0))?;
    if !watts.is_empty() && !shares.is_empty() {
        let message = format!("{} states power_cap_w and power_cap_share", side.name);
        return Err(Diagnostic::error(message).key("power_cap_share").help("state the cap in one of the two ways"));
    }
    let power_cap = watts.into_iter().map(PowerCap::Watts).chain(shares.into_iter().map(PowerCap::Share)).collect();
    let sites = absent_or(texts("site", &side.site)?);
    let usd_per_kwh = numbers("usd_per_kwh", &side.usd_per_kwh, false, (-1.0, 10.0))?;
    let rounded = side.chips.as_ref().is_some_and(Numbers::is_range);
    let frame = Block {
        workload: common.workload.to_owned(),
        design: side.name.clone(),
        point: Point {
            plan: side.plan.clone(),
            rental: side.rental.unwrap_or(false),
            grow_batch: common.grow_batch,
            ..Point::default()
        },
        varied: Vec::new(),
        chips,
        rounded,
        cap_mw,
        power_cap,
        sites,
        usd_per_kwh,
        places: Arc::clone(common.places),
        tables: common.tables.to_vec(),
    };

    let mut axes: Vec<(&str, usize)> = vec![
        ("chip", chip.len()),
        ("cluster", cluster.len()),
        ("stack", stack.len()),
        ("precision", precision.len()),
        ("seq_len", seq_len.len()),
        ("global_batch", global_batch.len()),
        ("tokens", tokens.len()),
    ];
    axes.extend(set.iter().map(|(key, values)| (key.as_str(), values.len())));
    axes.push(("price_kind", price_kind.len()));
    let count: u128 = axes.iter().map(|(_, n)| (*n).max(1) as u128).product();
    if count > MOST_BLOCKS {
        let sizes: Vec<String> = axes.iter().filter(|(_, n)| *n > 1).map(|(axis, n)| format!("{axis} {n}")).collect();
        let longest = axes.iter().max_by_key(|(_, n)| *n).map_or("design", |(axis, _)| axis);
        let message = format!("{} asks for {count} look-ups: {}", side.name, sizes.join(" x "));
        let help = format!("at most {MOST_BLOCKS}; sizes, caps, sites and prices are not among them");
        return Err(Diagnostic::error(message).key(longest).help(help));
    }
    let mut blocks = Vec::new();
    for index in 0..count as usize {
        // The last axis turns fastest.
        let mut rest = index;
        let mut at: Vec<usize> = axes
            .iter()
            .rev()
            .map(|(_, n)| {
                let place = rest % (*n).max(1);
                rest /= (*n).max(1);
                place
            })
            .collect();
        at.reverse();
        let mut block = frame.clone();
        block.point.chip = chip.get(at[0]).cloned().unwrap_or_default();
        block.point.cluster = cluster.get(at[1]).cloned();
        block.point.stack = stack.get(at[2]).cloned();
        block.point.precision = precision.get(at[3]).cloned();
        block.point.seq_len = seq_len.get(at[4]).copied();
        block.point.global_batch = global_batch.get(at[5]).map(|batch| *batch as u32);
        block.point.tokens = tokens.get(at[6]).copied();
        for ((key, values), place) in set.iter().zip(&at[7..]) {
            block.point.set.extend(values.get(*place).map(|value| format!("{key}={value}")));
        }
        block.point.price_kind = price_kind.get(at[7 + set.len()]).cloned();
        block.varied = varied(&block.point, &axes);
        blocks.push(block);
    }
    Ok(blocks)
}

/// The values of the axes that have several.
fn varied(point: &Point, axes: &[(&str, usize)]) -> Vec<(String, String)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |number: Option<f64>| number.map(figure).unwrap_or_default();
    axes.iter()
        .filter(|(_, n)| *n > 1)
        .map(|(axis, _)| {
            let value = match *axis {
                "chip" => point.chip.clone(),
                "cluster" => text(&point.cluster),
                "stack" => text(&point.stack),
                "precision" => text(&point.precision),
                "seq_len" => number(point.seq_len),
                "global_batch" => number(point.global_batch.map(f64::from)),
                "tokens" => number(point.tokens),
                "price_kind" => text(&point.price_kind),
                key => {
                    let stated = point.set.iter().find_map(|s| s.strip_prefix(key)?.strip_prefix('='));
                    stated.unwrap_or_default().to_owned()
                }
            };
            ((*axis).to_owned(), value)
        })
        .collect()
}

fn absent_or(values: Vec<String>) -> Vec<Option<String>> {
    if values.is_empty() { vec![None] } else { values.into_iter().map(Some).collect() }
}

fn texts(axis: &str, stated: &Option<Texts>) -> Result<Vec<String>, Diagnostic> {
    stated.as_ref().map_or(Ok(Vec::new()), |texts| texts.values(axis))
}

fn numbers(
    axis: &str,
    stated: &Option<Numbers>,
    whole: bool,
    (least, most): (f64, f64),
) -> Result<Vec<f64>, Diagnostic> {
    let values = stated.as_ref().map_or(Ok(Vec::new()), |numbers| numbers.values(axis, whole))?;
    let wrong = values.iter().find(|v| !(least..=most).contains(*v) || (whole && v.fract() != 0.0));
    match wrong {
        None => Ok(values),
        Some(wrong) => {
            let kind = if whole { "whole numbers" } else { "numbers" };
            let least =
                if least == f64::MIN_POSITIVE { "above 0".to_owned() } else { format!("from {}", figure(least)) };
            let help = format!("write {kind} {least} up to {}", figure(most));
            Err(Diagnostic::error(format!("{axis} is {}", figure(*wrong))).key(axis).help(help))
        }
    }
}

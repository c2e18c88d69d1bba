//! From what the user asked to something that can be estimated: names looked up, defaults filled in and noted, sizes checked.

use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::entry_kind::EntryKind;
use crate::library::nearest::nearest;
use crate::library::overrides::Overrides;
use crate::library::record::Record;
use crate::library::shape::figure;
use crate::library::site::{J_PER_KWH, Price, Site};
use crate::library::store::Library;
use crate::library::workload::{Precision, Workload};
use crate::library::{chip::Chip, cluster::Cluster, stack::Stack};
use crate::model::goodput::critical_batch_tokens;
use crate::model::parameters::{Assumptions, Calibration};
use crate::model::plan::{Recompute, Shard};
use crate::model::power::{peak_pue, peak_rank_w};
use crate::model::roofline::peak;
use crate::model::setting::Setting;
use crate::search::space::{Batch, Fixed, PlanSpace};
use crate::uncertainty::spread::Spread;

/// Most chips of a design: sizes stay exact in the device's numbers.
pub const MOST_CHIPS: f64 = 1e7;

/// Largest batch that may be typed, in sequences: counters of 32 bits hold it with room for rounding.
pub const LARGEST_BATCH: u32 = 1_000_000_000;

/// The site of a design that names none.
const DEFAULT_SITE: &str = "us-average";

/// What the user asked for; what is left out gets its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    pub name: String,
    pub workload: String,
    pub chip: String,
    pub cluster: Option<String>,
    pub stack: Option<String>,
    pub site: Option<String>,
    pub price_kind: Option<String>,
    pub usd_per_kwh: Option<f64>,
    /// Chips of the design; left out, as many as the megawatts keep.
    pub chips: Option<f64>,
    pub cap_mw: Option<f64>,
    /// Per chip.
    pub power_cap_w: Option<f64>,
    /// The same, as a share of the chip's TDP.
    pub power_cap_share: Option<f64>,
    pub fixed: Fixed,
    pub tokens: Option<f64>,
    pub global_batch: Option<u32>,
    /// The batch may grow to the critical one.
    pub grow_batch: bool,
    pub seq_len: Option<f64>,
    pub precision: Option<Precision>,
    pub rental: bool,
    pub overrides: Overrides,
}

/// An input as used, and where it came from: `default`, `command line`, `scenario` or a library entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub key: &'static str,
    pub value: serde_json::Value,
    pub unit: &'static str,
    pub source: String,
}

/// Everything that an estimate or a search of one design needs.
#[derive(Clone, Debug)]
pub struct Design {
    pub name: String,
    pub setting: Setting,
    pub chips: f64,
    /// Every chip must be used: sizes were typed with a named plan.
    pub exact: bool,
    pub fixed: Fixed,
    pub batches: Vec<Batch>,
    pub inputs: Vec<Input>,
    pub warnings: Vec<Diagnostic>,
    /// How far measured runs lie from their estimates.
    pub spread: Spread,
    /// The entries behind the design, with the sources of their values.
    pub records: Vec<Record>,
    /// What it was resolved from.
    pub ask: Ask,
}

/// Where the entries of a design come from.
enum Entries<'a> {
    Library(&'a Library),
    /// A design that was resolved before and is asked for with other values.
    Resolved(&'a Design),
}

impl Entries<'_> {
    fn record(&self, kind: EntryKind, name: &str) -> Result<Record, Fault> {
        match self {
            Entries::Library(library) => library.record(kind, name),
            Entries::Resolved(design) => design
                .records
                .iter()
                .find(|record| record.kind() == kind)
                .cloned()
                .ok_or_else(|| Fault::input(Diagnostic::error(format!("the design has no {} {name}", kind.word())))),
        }
    }

    /// The stack of a design that names none.
    fn stack(&self, vendor: &str) -> Result<String, Fault> {
        match self {
            Entries::Library(library) => newest_stack(library, vendor),
            Entries::Resolved(design) => Ok(design.setting.stack.name.clone()),
        }
    }
}

fn wrong(key: &str, message: String, help: impl Into<String>) -> Fault {
    Fault::input(Diagnostic::error(message).key(key).help(help))
}

/// Reads `tp=8,pp=16,recompute=full`; `auto` fixes nothing.
pub fn parse_plan(text: &str) -> Result<Fixed, Fault> {
    const KEYS: [&str; 12] = [
        "tp",
        "cp",
        "pp",
        "vpp",
        "dp",
        "ep",
        "etp",
        "micro_batch",
        "recompute",
        "shard",
        "sequence_parallel",
        "precision",
    ];
    let mut fixed = Fixed::default();
    let mut stated: Vec<String> = Vec::new();
    if text.trim().eq_ignore_ascii_case("auto") {
        return Ok(fixed);
    }
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let usage = "write --plan tp=8,pp=16,micro_batch=1 or --plan auto";
        let Some((key, value)) = part.split_once('=').map(|(k, v)| (k.trim(), v.trim())) else {
            return Err(wrong("plan", format!("{} in --plan has no value", quoted(part)), usage));
        };
        let key = match key.to_ascii_lowercase().replace('-', "_").as_str() {
            "mbs" => "micro_batch".to_owned(),
            "zero" => "shard".to_owned(),
            "sp" => "sequence_parallel".to_owned(),
            other => other.to_owned(),
        };
        if stated.contains(&key) {
            return Err(wrong(&key, format!("{key} stands twice in --plan"), "write each field once"));
        }
        stated.push(key.clone());
        let whole = || -> Result<Option<u32>, Fault> {
            match value.parse::<u32>() {
                Ok(n) if (1..=1_000_000).contains(&n) => Ok(Some(n)),
                _ => Err(wrong(&key, format!("{key} is {}", quoted(value)), "write a whole number from 1 to 1000000")),
            }
        };
        let words = |known: &[&str]| {
            let near = nearest(value, known.iter().copied(), 1);
            let hint = near.first().map_or(String::new(), |n| format!("; did you mean {n}?"));
            wrong(&key, format!("{key} is {}", quoted(value)), format!("write one of {}{hint}", known.join(", ")))
        };
        match key.as_str() {
            "tp" => fixed.tp = whole()?,
            "cp" => fixed.cp = whole()?,
            "pp" => fixed.pp = whole()?,
            "vpp" => fixed.vpp = whole()?,
            "dp" => fixed.dp = whole()?,
            "ep" => fixed.ep = whole()?,
            "etp" => fixed.etp = whole()?,
            "micro_batch" => fixed.micro_batch = whole()?,
            "recompute" => {
                fixed.recompute = Some(Recompute::parse(value).ok_or_else(|| words(&["none", "selective", "full"]))?);
            }
            "shard" => {
                fixed.shard = Some(Shard::parse(value).ok_or_else(|| words(&["none", "optimizer", "grads", "full"]))?);
            }
            "sequence_parallel" => {
                fixed.sequence_parallel = Some(match value.to_ascii_lowercase().as_str() {
                    "true" | "1" | "on" | "yes" => true,
                    "false" | "0" | "off" | "no" => false,
                    _ => return Err(words(&["true", "false"])),
                });
            }
            "precision" => fixed.precision = Some(parse_precision(value)?),
            _ => {
                let near = nearest(&key, KEYS, 1);
                let hint = near.first().map_or(String::new(), |n| format!("did you mean {n}? "));
                let help = format!("{hint}a plan has {}", KEYS.join(", "));
                return Err(wrong(&key, format!("unknown plan field {}", quoted(&key)), help));
            }
        }
    }
    Ok(fixed)
}

/// Reads a precision's word.
pub fn parse_precision(word: &str) -> Result<Precision, Fault> {
    Precision::parse(word).ok_or_else(|| {
        let known = Precision::ALL.map(Precision::word);
        let near = nearest(word, known, 1);
        let hint = near.first().map_or(String::new(), |n| format!("; did you mean {n}?"));
        wrong(
            "precision",
            format!("unknown precision {}", quoted(word)),
            format!("write one of {}{hint}", known.join(", ")),
        )
    })
}

impl Fixed {
    /// Whether the user named any of the sizes that multiply to the chips.
    pub fn names_sizes(&self) -> bool {
        self.tp.is_some() || self.pp.is_some() || self.cp.is_some() || self.dp.is_some()
    }

    /// Names of the fields that the user gave.
    pub fn stated(&self) -> Vec<&'static str> {
        [
            ("tp", self.tp.is_some()),
            ("cp", self.cp.is_some()),
            ("pp", self.pp.is_some()),
            ("vpp", self.vpp.is_some()),
            ("dp", self.dp.is_some()),
            ("ep", self.ep.is_some()),
            ("etp", self.etp.is_some()),
            ("micro_batch", self.micro_batch.is_some()),
            ("recompute", self.recompute.is_some()),
            ("shard", self.shard.is_some()),
            ("sequence_parallel", self.sequence_parallel.is_some()),
            ("precision", self.precision.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, stated)| stated.then_some(name))
        .collect()
    }
}

/// The newest stack that runs on chips of a vendor.
fn newest_stack(library: &Library, vendor: &str) -> Result<String, Fault> {
    let mut newest: Option<(u32, String)> = None;
    for name in library.names(EntryKind::Stack) {
        let stack = library.stack(&name)?;
        // A year's first stack in the order of names wins a tie, so that the choice is stable.
        if stack.runs_on(vendor) && newest.as_ref().is_none_or(|(year, _)| stack.year > *year) {
            newest = Some((stack.year, name));
        }
    }
    newest.map(|(_, name)| name).ok_or_else(|| {
        let message = format!("the library has no stack that runs on chips of {vendor}");
        Fault::infeasible(
            Diagnostic::error(message).key("stack").help("name one with --stack; `wattline list stacks` shows them"),
        )
    })
}

impl Design {
    /// Looks everything up, fills in defaults, checks sizes.
    pub fn resolve(library: &Library, ask: &Ask) -> Result<Design, Fault> {
        if let Some(kind) = &ask.price_kind {
            // Through the library, which names the price kinds that a site has.
            library.site(ask.site.as_deref().unwrap_or(DEFAULT_SITE), Some(kind))?;
        }
        Design::assemble(&Entries::Library(library), ask)
    }

    /// The same design with another answer to what was asked, of the same chip, cluster, stack, site and workload.
    pub fn asked_anew(&self, ask: &Ask) -> Result<Design, Fault> {
        Design::assemble(&Entries::Resolved(self), ask)
    }

    fn assemble(entries: &Entries<'_>, ask: &Ask) -> Result<Design, Fault> {
        let mut inputs = Vec::new();
        let mut warnings = Vec::new();
        let mut records = Vec::new();
        let mut note = |key: &'static str, value: serde_json::Value, unit: &'static str, source: &str| {
            inputs.push(Input { key, value, unit, source: source.to_owned() });
        };
        let mut entry = |kind: EntryKind, name: &str| -> Result<Record, Fault> {
            let record = ask.overrides.apply(entries.record(kind, name)?)?;
            records.push(record.clone());
            Ok(record)
        };
        let given = |typed: bool| if typed { "command line" } else { "default" };

        let chip = Chip::from_record(&entry(EntryKind::Chip, &ask.chip)?)?;
        let cluster_name = ask.cluster.clone().unwrap_or_else(|| chip.cluster.clone());
        let cluster = Cluster::from_record(&entry(EntryKind::Cluster, &cluster_name)?)?;
        let stack_name = match &ask.stack {
            Some(name) => name.clone(),
            None => entries.stack(&chip.vendor)?,
        };
        let stack = Stack::from_record(&entry(EntryKind::Stack, &stack_name)?)?;
        let site_name = ask.site.clone().unwrap_or_else(|| DEFAULT_SITE.to_owned());
        let mut site = Site::from_record(&entry(EntryKind::Site, &site_name)?, ask.price_kind.as_deref())?;
        let mut workload = Workload::from_record(&entry(EntryKind::Workload, &ask.workload)?)?;
        let calibration = Calibration::from_record(&entry(EntryKind::Calibration, "calibration")?)?;
        let assumptions = Assumptions::from_record(&entry(EntryKind::Assumptions, "assumptions")?)?;
        let spread = Spread::from_record(&entry(EntryKind::Spread, "spread")?)?;

        note("workload", workload.name.clone().into(), "", "command line");
        note("chip", chip.name.clone().into(), "", "command line");
        note("cluster", cluster.name.clone().into(), "", given(ask.cluster.is_some()));
        note("stack", stack.name.clone().into(), "", given(ask.stack.is_some()));
        note("site", site.name.clone().into(), "", given(ask.site.is_some()));
        if !stack.runs_on(&chip.vendor) {
            let message = format!("stack {} is not known to run on chips of {}", stack.name, chip.vendor);
            warnings.push(Diagnostic::warning(message).key("stack"));
        }

        let positive = |key: &'static str, value: Option<f64>, most: f64| -> Result<Option<f64>, Fault> {
            match value {
                Some(v) if !v.is_finite() || v <= 0.0 || v > most => Err(wrong(
                    key,
                    format!("{key} is {}", figure(v)),
                    format!("write a number above 0 and at most {most:e}"),
                )),
                value => Ok(value),
            }
        };
        if let Some(tokens) = positive("tokens", ask.tokens, 1e18)? {
            workload.run.tokens = tokens;
        }
        note("tokens", workload.run.tokens.into(), "tokens", given(ask.tokens.is_some()));
        if let Some(seq_len) = positive("seq_len", ask.seq_len, 1e8)? {
            if seq_len.fract() != 0.0 {
                return Err(wrong(
                    "seq_len",
                    format!("seq_len is {}", figure(seq_len)),
                    "write a whole number of tokens",
                ));
            }
            if ask.global_batch.is_none() {
                // The published batch is kept in tokens.
                workload.run.global_batch =
                    (workload.run.global_batch * workload.run.seq_len / seq_len).round().max(1.0);
            }
            workload.run.seq_len = seq_len;
        }
        note("seq_len", workload.run.seq_len.into(), "tokens", given(ask.seq_len.is_some()));
        if let Some(batch) = ask.global_batch.filter(|batch| !(1..=LARGEST_BATCH).contains(batch)) {
            let help = format!("write a whole number from 1 to {LARGEST_BATCH}");
            return Err(wrong("global_batch", format!("global_batch is {batch}"), help));
        }
        let target = ask.global_batch.map_or(workload.run.global_batch, f64::from);
        note("global_batch", target.into(), "sequences", given(ask.global_batch.is_some()));
        let asked = ask.fixed.precision.or(ask.precision).unwrap_or(workload.run.precision);
        let usable = |p: Precision| {
            peak(&chip, p) > 0.0
                && match p {
                    Precision::Fp8 | Precision::Int8 => chip.sustained_eight > 0.0,
                    Precision::Fp4 => chip.sustained_four > 0.0,
                    _ => true,
                }
        };
        workload.run.precision = if usable(asked) {
            asked
        } else {
            let instead = if chip.bf16_flops > 0.0 { Precision::Bf16 } else { Precision::Fp16 };
            let message = format!("{} has no {}: estimated in {}", chip.name, asked.word(), instead.word());
            warnings.push(Diagnostic::warning(message).key("precision"));
            instead
        };
        note(
            "precision",
            workload.run.precision.word().into(),
            "",
            given(ask.precision.is_some() || ask.fixed.precision.is_some()),
        );
        if workload.coarse {
            let message = format!("{} is given by params and tokens alone: the estimate is coarse", workload.name);
            warnings.push(Diagnostic::warning(message).key("workload").help("give its architecture for a better one"));
        }
        if chip.announced {
            warnings.push(Diagnostic::warning(format!("{} is announced, not shipping", chip.name)).key("chip"));
        }

        if let Some(price) = ask.usd_per_kwh {
            if !price.is_finite() || !(-1.0..=10.0).contains(&price) {
                return Err(wrong(
                    "usd_per_kwh",
                    format!("usd_per_kwh is {}", figure(price)),
                    "write a price between -1 and 10 USD/kWh",
                ));
            }
            site.price = Price::Flat { usd_per_j: price / J_PER_KWH };
            site.price_kind = "given".to_owned();
        }
        note(
            "usd_per_kwh",
            (site.usd_per_j() * J_PER_KWH).into(),
            "USD/kWh",
            if ask.usd_per_kwh.is_some() { "command line" } else { &site.price_kind },
        );
        if let Some(cap) = positive("cap_mw", ask.cap_mw, 1e6)? {
            site.ask_megawatts(cap);
        }
        if site.cap_w.is_finite() {
            note("cap_mw", (site.cap_w / site.served_fraction * 1e-6).into(), "MW", given(ask.cap_mw.is_some()));
            if site.served_fraction < 1.0 {
                note("served_mw", (site.cap_w * 1e-6).into(), "MW", "cap_mw x served_fraction");
            }
        } else if site.served_fraction < 1.0 {
            let message = "served_fraction is a share of cap_mw, and the site sets none".to_owned();
            warnings
                .push(Diagnostic::warning(message).key("site.served_fraction").help("give the megawatts asked for"));
        }
        let power_cap_w = ask.power_cap_w.or(ask.power_cap_share.map(|share| share * chip.tdp_w));
        if let Some(cap) = positive("power_cap", power_cap_w, 1e6)? {
            let (least, most) = (chip.cap_min_w, chip.cap_max_w.max(chip.tdp_w));
            if cap > most * 1.000_001 {
                return Err(wrong(
                    "power_cap",
                    format!("a cap of {cap} W is above the {most} W of {}", chip.name),
                    format!("write at most {most}, or set chip.cap_max_w"),
                ));
            }
            if cap < least {
                let message = format!("{} is not known to accept caps below {least} W", chip.name);
                warnings.push(Diagnostic::warning(message).key("power_cap"));
            }
            note("power_cap", cap.into(), "W", "command line");
        }
        let mut setting =
            Setting::new(&chip, &cluster, &workload, &stack, &site, calibration, assumptions, power_cap_w);
        setting.rental = ask.rental;
        if ask.rental && chip.rental_usd_per_s <= 0.0 {
            let message = format!("no rental price of {} is known", chip.name);
            return Err(Fault::infeasible(
                Diagnostic::error(message)
                    .key("chip.rental_usd_per_h")
                    .help("supply it with --set chip.rental_usd_per_h=USD"),
            ));
        }
        note("cost", if ask.rental { "rental" } else { "ownership" }.into(), "", given(ask.rental));

        // Chips.
        let chips = match ask.chips {
            Some(n) => {
                if !n.is_finite() || n < 1.0 || n.fract() != 0.0 {
                    return Err(wrong(
                        "chips",
                        format!("a design of {} chips", figure(n)),
                        "write a whole number of at least 1",
                    ));
                }
                if n > MOST_CHIPS {
                    return Err(wrong(
                        "chips",
                        format!("a design of {} chips", figure(n)),
                        format!("at most {MOST_CHIPS:e} are estimated at once"),
                    ));
                }
                note("chips", n.into(), "chips", "command line");
                n
            }
            None if setting.site.cap_w.is_finite() => {
                let n = chips_under(&setting, setting.site.cap_w).min(MOST_CHIPS);
                if n < 1.0 {
                    let message = format!(
                        "{:.3} MW does not keep one node of {} at its peak",
                        setting.site.cap_w * 1e-6,
                        chip.name
                    );
                    return Err(Fault::infeasible(
                        Diagnostic::error(message).key("cap_mw").help("give more megawatts, or type --chips"),
                    ));
                }
                note("chips", n.into(), "chips", "as many as the megawatts keep");
                n
            }
            None => {
                return Err(wrong(
                    "chips",
                    "no number of chips".to_owned(),
                    "give --chips N, or a site with a cap in megawatts",
                ));
            }
        };
        let exact = ask.fixed.names_sizes() && ask.chips.is_some();
        let mut fixed = ask.fixed.clone();
        fixed.precision = Some(workload.run.precision);
        let batches = batches(&setting, ask, target);
        let design = Design {
            name: if ask.name.is_empty() { format!("{} x {}", chips, chip.name) } else { ask.name.clone() },
            setting,
            chips,
            exact,
            fixed,
            batches,
            inputs,
            warnings,
            spread,
            records,
            ask: ask.clone(),
        };
        design.check_named_plan()?;
        Ok(design)
    }

    /// What contradicts itself in a named plan is the input's fault, not infeasible.
    fn check_named_plan(&self) -> Result<(), Fault> {
        let a = &self.setting.workload.architecture;
        let f = &self.fixed;
        let ranks = self.ranks();
        if let Some(tp) = f.tp.filter(|tp| a.heads as u32 % tp != 0) {
            let heads = a.heads as u32;
            let fits: Vec<String> = (1..=heads.min(64)).filter(|n| heads % n == 0).map(|n| n.to_string()).collect();
            return Err(wrong(
                "tp",
                format!("{heads} heads of {} do not divide by tp={tp}", self.setting.workload.name),
                format!("write one of {}", fits.join(", ")),
            ));
        }
        if let Some(ep) = f.ep {
            if a.experts == 0.0 && ep > 1 {
                return Err(wrong(
                    "ep",
                    format!("{} has no experts to spread over ep={ep}", self.setting.workload.name),
                    "leave ep out",
                ));
            }
            if a.experts > 0.0 && a.experts as u32 % ep != 0 {
                return Err(wrong(
                    "ep",
                    format!("{} experts do not divide by ep={ep}", a.experts),
                    "write a divisor of the experts",
                ));
            }
        }
        if let Some(etp) = f.etp.filter(|etp| *etp > 1 && f.tp != Some(*etp)) {
            let help =
                f.tp.map_or("state tp with it, or write etp=1".to_owned(), |tp| format!("write etp=1 or etp={tp}"));
            return Err(wrong("etp", format!("etp={etp} is neither 1 nor the plan's tp"), help));
        }
        if let Some(pp) = f.pp.filter(|pp| f64::from(*pp) > a.layers) {
            return Err(wrong(
                "pp",
                format!("{pp} stages for {} layers", a.layers),
                format!("write at most pp={}", a.layers),
            ));
        }
        if self.exact {
            let sizes = [f.tp, f.cp, f.pp, f.dp].map(|n| u64::from(n.unwrap_or(1)));
            let block = sizes.into_iter().fold(1, u64::saturating_mul);
            let complete = f.dp.is_some() && f.tp.is_some() && f.pp.is_some() && f.cp.is_some();
            if u64::from(ranks) % block != 0 || (complete && block != u64::from(ranks)) {
                let named: Vec<String> = [("tp", f.tp), ("cp", f.cp), ("pp", f.pp), ("dp", f.dp)]
                    .iter()
                    .filter_map(|(key, n)| n.map(|n| format!("{key}={n}")))
                    .collect();
                let below = u64::from(ranks) / block * block;
                let help = if complete || below == 0 {
                    format!("{} make {block} ranks: give as many, or leave dp out", named.join(" "))
                } else {
                    let ranks_per_chip = self.setting.ranks_per_chip as u64;
                    format!("{} chips would divide; with --plan auto some may stay spare", below / ranks_per_chip)
                };
                let unit = if self.setting.ranks_per_chip > 1.0 { "ranks" } else { "chips" };
                return Err(wrong(
                    "plan",
                    format!("{} multiply to {block}, and {ranks} {unit} are no multiple of it", named.join(" ")),
                    help,
                ));
            }
            if let (Some(batch), Some(mb)) = (self.batches.first().filter(|b| b.least == b.most), f.micro_batch) {
                let tp_cp_pp: u64 = [f.tp, f.cp, f.pp].iter().map(|n| u64::from(n.unwrap_or(1))).product();
                let one_cp = f.cp.is_some() || self.spaces().iter().all(|space| space.cp.len() == 1);
                let known = f.dp.is_some() || (f.tp.is_some() && f.pp.is_some() && one_cp);
                let dp = f.dp.map_or(u64::from(ranks) / tp_cp_pp.max(1), u64::from);
                if known && dp > 0 && u64::from(batch.target) % (dp * u64::from(mb)) != 0 {
                    let unit = dp * u64::from(mb);
                    let near = (u64::from(batch.target) / unit).max(1) * unit;
                    return Err(wrong(
                        "global_batch",
                        format!("a batch of {} does not divide by dp x micro_batch = {dp} x {mb}", batch.target),
                        if u64::from(batch.target) % dp == 0 {
                            format!("write {near}, or leave micro_batch out")
                        } else {
                            format!("write {near}")
                        },
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether the chips, which follow from the megawatts, are only the most that may be bought.
    pub fn may_buy_fewer(&self) -> bool {
        self.ask.chips.is_none()
    }

    /// Ranks of the design.
    pub fn ranks(&self) -> u32 {
        (self.chips * self.setting.ranks_per_chip) as u32
    }

    /// The plan spaces of the design, one for each batch that it may have.
    pub fn spaces(&self) -> Vec<PlanSpace> {
        self.spaces_of(self.chips)
    }

    /// The same for another number of chips.
    pub fn spaces_of(&self, chips: f64) -> Vec<PlanSpace> {
        let ranks = (chips * self.setting.ranks_per_chip) as u32;
        self.batches.iter().map(|batch| PlanSpace::new(&self.setting, &self.fixed, ranks, *batch, self.exact)).collect()
    }
}

/// The batches that a search tries: the target, and steps from it to the critical batch where it may grow.
fn batches(setting: &Setting, ask: &Ask, target: f64) -> Vec<Batch> {
    if let (Some(batch), false) = (ask.global_batch, ask.grow_batch) {
        return vec![Batch::exact(batch)];
    }
    let tolerance = setting.assumptions.batch_tolerance;
    let mut batches = vec![Batch::within(target, tolerance)];
    if ask.grow_batch {
        let critical = critical_batch_tokens(setting) / setting.workload.run.seq_len;
        let mut batch = target * (1.0 + 2.0 * tolerance);
        while batch < critical * (1.0 - tolerance) {
            batches.push(Batch::within(batch, tolerance));
            batch *= 1.0 + 2.0 * tolerance;
        }
        if critical > target * (1.0 + tolerance) {
            batches.push(Batch::within(critical / (1.0 + tolerance), tolerance));
        }
    }
    batches
}

/// Chips, in whole nodes, whose peak facility power stays under a cap.
pub fn chips_under(setting: &Setting, cap_w: f64) -> f64 {
    let node = setting.cluster.node_chips;
    let nodes = |ranks: f64| (ranks / node).floor();
    let pue = peak_pue(&setting.site);
    // The spine's watts come in once a run spans pods.
    let within_pod = cap_w / (peak_rank_w(setting, 1.0) * pue);
    let beyond = cap_w / (peak_rank_w(setting, f64::INFINITY) * pue);
    let ranks = nodes(beyond.max(within_pod.min(setting.cluster.pod_chips))) * node;
    ranks / setting.ranks_per_chip
}

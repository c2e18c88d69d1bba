//! Terms of supply and finance beyond price and megawatts, in words: what is in use, and what its scalar form leaves out.

use crate::library::shape::figure;
use crate::model::setting::Setting;

/// A term that differs from its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// What holds.
    pub states: String,
    /// What one number for all hours cannot say.
    pub leaves_out: String,
}

impl Term {
    /// Both in one sentence.
    pub fn note(&self) -> String {
        format!("{}: {}", self.states, self.leaves_out)
    }
}

fn percent(share: f64) -> String {
    figure((1e4 * share).round() / 100.0)
}

/// The terms in use, in the order of the files that state them.
pub fn terms(setting: &Setting) -> Vec<Term> {
    let (site, a) = (&setting.site, &setting.assumptions);
    let name = &site.name;
    let mut found = Vec::new();
    let mut add = |used: bool, states: String, leaves_out: String| {
        if used {
            found.push(Term { states, leaves_out });
        }
    };
    add(
        site.served_fraction < 1.0,
        format!("{} % of the megawatts asked for at {name} are served", percent(site.served_fraction)),
        "the same at all times, with no ramp by date".to_owned(),
    );
    let gaps = if site.stops_per_day > 0.0 {
        ""
    } else {
        ", and going dark costs no checkpoint and no restart (site.stops_per_day)"
    };
    add(
        site.availability < 1.0,
        format!("power at {name} in {} % of the hours (availability)", percent(site.availability)),
        format!(
            "when the hours lie is not modelled; in the others nothing is drawn, not even by idle chips, and capital is paid{gaps}"
        ),
    );
    add(
        site.stops_per_day > 0.0,
        format!("{} stops a day at {name}", figure(site.stops_per_day)),
        format!(
            "each costs a checkpoint of {} s and a restart of {} s; when they come is not modelled",
            figure(a.checkpoint_s),
            figure(a.restart_s)
        ),
    );
    add(
        site.load_share < 1.0,
        format!("PUE of {name} at {} % of its design load", percent(site.load_share)),
        "other tenants and seasons are not modelled, and the capital of the empty part is not charged \
         (assumptions.utilisation spreads capital)"
            .to_owned(),
    );
    let paid = |what: &str| {
        if setting.rental { "rental holds electricity: not charged".to_owned() } else { what.to_owned() }
    };
    add(
        site.demand_usd_per_w_month > 0.0,
        format!("demand charge of ${}/kW-month at {name}", figure(rounded(1e3 * site.demand_usd_per_w_month))),
        paid("on the peak with every chip at its cap, by the day: no metered quarter hours, ratchets or begun months"),
    );
    add(
        site.take_or_pay > 0.0,
        format!("take-or-pay of {} % of the peak at {name}", percent(site.take_or_pay)),
        paid("settled over the whole run, not hour by hour or year by year"),
    );
    add(
        site.carbon_usd_per_kg > 0.0,
        format!("carbon price of ${}/t at {name}", figure(rounded(1e3 * site.carbon_usd_per_kg))),
        paid("on the electricity's emissions, at one price and intensity for all hours; not on those of manufacture"),
    );
    add(
        a.utilisation < 1.0,
        format!("equipment in use for {} % of its life (utilisation)", percent(a.utilisation)),
        "spreads capital, operation and embodied carbon; what it draws between runs is not counted".to_owned(),
    );
    let chips = if a.chip_gain_per_year > 1.0 {
        format!(
            "chips gain x{} a year in rates and capacity at the same watts and price, and not in latency",
            figure(a.chip_gain_per_year)
        )
    } else {
        "chips are those of today (assumptions.chip_gain_per_year)".to_owned()
    };
    add(
        a.start_delay_years > 0.0,
        format!("start after {} years", figure(a.start_delay_years)),
        format!("{chips}; prices, grid and interest stay as they are"),
    );
    add(
        a.value_of_delay_usd_per_day > 0.0,
        format!("${} for each day until the run is done", figure(a.value_of_delay_usd_per_day)),
        "the same for every day, not discounted".to_owned(),
    );
    found
}

/// Without the last digits that a change of units leaves.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

//! A site as the model reads it: price, carbon, facility, climate, megawatts.

use super::record::{Lacking, Record};

/// What electricity costs. Hour-by-hour series come later behind the same name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Price {
    /// One price at all hours, USD per joule.
    Flat { usd_per_j: f64 },
}

/// What electricity emits. Hour-by-hour series come later behind the same name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Carbon {
    /// One intensity at all hours, kgCO2e per joule.
    Flat { kg_per_j: f64 },
}

/// One place.
#[derive(Clone, Debug)]
pub struct Site {
    pub name: String,
    pub title: String,
    /// Kind of price in use (`industrial`, `wholesale`, …): prices of different kinds are not comparable.
    pub price_kind: String,
    pub price: Price,
    pub carbon: Carbon,
    /// PUE at full load.
    pub pue_full: f64,
    /// The cluster's share of the design load of its facility.
    pub load_share: f64,
    /// Firm power at the peak, W, as served; infinite where the site sets no limit.
    pub cap_w: f64,
    /// Share of the megawatts asked for that the grid serves; `cap_w` holds it already.
    pub served_fraction: f64,
    /// Share of hours with power.
    pub availability: f64,
    pub stops_per_day: f64,
    pub demand_usd_per_w_month: f64,
    /// Share of peak power times wall time that is billed whether used or not.
    pub take_or_pay: f64,
    /// On the emissions of the electricity, USD per kgCO2e.
    pub carbon_usd_per_kg: f64,
    pub facility_usd_per_w: f64,
    pub cost_of_capital: f64,
}

/// Joules in a kilowatt-hour.
pub const J_PER_KWH: f64 = 3.6e6;

impl Site {
    /// Reads a site with the price of the asked kind (`None`: its default kind).
    pub fn from_record(record: &Record, price_kind: Option<&str>) -> Result<Site, Lacking> {
        let mut need = record.needs();
        let price_kind = price_kind.or(record.text("default_price")).unwrap_or("industrial").to_owned();
        let usd_per_kwh = need.number(&format!("price.{price_kind}.usd_per_kwh"));
        let or = |key: &str, default: f64| record.number(key).unwrap_or(default);
        let served_fraction = or("served_fraction", 1.0);
        let site = Site {
            name: record.name().to_owned(),
            title: record.text("title").unwrap_or_default().to_owned(),
            price: Price::Flat { usd_per_j: usd_per_kwh / J_PER_KWH },
            price_kind,
            carbon: Carbon::Flat { kg_per_j: need.number("carbon.g_per_kwh") * 1e-3 / J_PER_KWH },
            pue_full: need.number("pue.full"),
            load_share: or("pue.load_share", 1.0),
            cap_w: record.number("cap_mw").map_or(f64::INFINITY, |mw| mw * 1e6) * served_fraction,
            served_fraction,
            availability: or("availability", 1.0),
            stops_per_day: or("stops_per_day", 0.0),
            demand_usd_per_w_month: or("demand_charge_usd_per_kw_month", 0.0) * 1e-3,
            take_or_pay: or("take_or_pay", 0.0),
            carbon_usd_per_kg: or("carbon_price_usd_per_t", 0.0) * 1e-3,
            facility_usd_per_w: need.number("facility_usd_per_mw") * 1e-6,
            cost_of_capital: need.number("cost_of_capital"),
        };
        need.finish(site)
    }

    /// Sets the megawatts asked for, of which the site gets what the grid serves.
    pub fn ask_megawatts(&mut self, megawatts: f64) {
        self.cap_w = megawatts * 1e6 * self.served_fraction;
    }

    /// USD per joule.
    pub fn usd_per_j(&self) -> f64 {
        let Price::Flat { usd_per_j } = self.price;
        usd_per_j
    }

    /// kgCO2e per joule.
    pub fn kg_per_j(&self) -> f64 {
        let Carbon::Flat { kg_per_j } = self.carbon;
        kg_per_j
    }
}

//! One design of a scenario, as its file states it: every field may be one value or an axis.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::axis::{Numbers, Settings, Texts};

/// One design of a scenario, a variant of one, or the axes that `sweep` lays over every design.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Side {
    pub name: String,
    /// Of a variant: the design that it changes.
    pub of: Option<String>,
    pub title: Option<String>,
    pub note: Option<String>,
    pub chip: Option<Texts>,
    pub cluster: Option<Texts>,
    pub stack: Option<Texts>,
    pub site: Option<Texts>,
    pub price_kind: Option<Texts>,
    pub usd_per_kwh: Option<Numbers>,
    pub chips: Option<Numbers>,
    pub cap_mw: Option<Numbers>,
    /// Per chip.
    pub power_cap_w: Option<Numbers>,
    /// Per chip, of its TDP.
    pub power_cap_share: Option<Numbers>,
    pub tokens: Option<Numbers>,
    pub global_batch: Option<Numbers>,
    pub seq_len: Option<Numbers>,
    pub precision: Option<Texts>,
    pub plan: Option<String>,
    pub rental: Option<bool>,
    /// Further fields, as `--set` takes them.
    pub set: BTreeMap<String, Settings>,
}

impl Side {
    /// These fields over those of a design.
    pub fn over(&self, base: &Side) -> Side {
        fn first<T: Clone>(own: &Option<T>, base: &Option<T>) -> Option<T> {
            own.as_ref().or(base.as_ref()).cloned()
        }
        let mut set = base.set.clone();
        set.extend(self.set.clone());
        // A cap is stated in one of two ways.
        let (by_watts, by_share) = match (&self.power_cap_w, &self.power_cap_share) {
            (None, None) => (&base.power_cap_w, &base.power_cap_share),
            (watts, share) => (watts, share),
        };
        Side {
            name: self.name.clone(),
            of: self.of.clone(),
            title: first(&self.title, &base.title),
            note: first(&self.note, &base.note),
            chip: first(&self.chip, &base.chip),
            cluster: first(&self.cluster, &base.cluster),
            stack: first(&self.stack, &base.stack),
            site: first(&self.site, &base.site),
            price_kind: first(&self.price_kind, &base.price_kind),
            usd_per_kwh: first(&self.usd_per_kwh, &base.usd_per_kwh),
            chips: first(&self.chips, &base.chips),
            cap_mw: first(&self.cap_mw, &base.cap_mw),
            power_cap_w: by_watts.clone(),
            power_cap_share: by_share.clone(),
            tokens: first(&self.tokens, &base.tokens),
            global_batch: first(&self.global_batch, &base.global_batch),
            seq_len: first(&self.seq_len, &base.seq_len),
            precision: first(&self.precision, &base.precision),
            plan: first(&self.plan, &base.plan),
            rental: first(&self.rental, &base.rental),
            set,
        }
    }

    /// The design with the axes of `[sweep]` laid over it.
    pub fn widened(&self, sweep: &Side) -> Side {
        let mut wide = sweep.over(self);
        wide.name.clone_from(&self.name);
        if sweep.cap_mw.is_some() && sweep.chips.is_none() {
            // An axis of megawatts is one of sizes.
            wide.chips = None;
        }
        wide
    }
}

//! Rules between the values of one entry, which no single range can state.

use super::attribute::{PRICE, PRICE_KINDS};
use super::diagnostic::Severity;
use super::entry_kind::EntryKind;
use super::record::Record;
use super::shape::figure;

/// A rule that an entry breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// The key at which the rule is reported.
    pub key: String,
    pub message: String,
    pub help: String,
}

/// Every rule that an entry breaks.
pub fn findings(record: &Record) -> Vec<Finding> {
    let mut rules = Rules { record, findings: Vec::new() };
    match record.kind() {
        EntryKind::Chip => rules.chip(),
        EntryKind::Cluster => rules.cluster(),
        EntryKind::Workload => rules.workload(),
        EntryKind::Site => rules.site(),
        EntryKind::Stack
        | EntryKind::Scenario
        | EntryKind::Calibration
        | EntryKind::Assumptions
        | EntryKind::Spread => {}
    }
    rules.findings
}

struct Rules<'a> {
    record: &'a Record,
    findings: Vec<Finding>,
}

impl Rules<'_> {
    fn report(&mut self, severity: Severity, key: &str, message: String, help: &str) {
        self.findings.push(Finding { severity, key: key.to_owned(), message, help: help.to_owned() });
    }

    /// `small` must not exceed `large`, where both are known.
    fn ordered(&mut self, severity: Severity, small: &str, large: &str, help: &str) {
        if let (Some(low), Some(high)) = (self.record.number(small), self.record.number(large))
            && low > high
        {
            let message = format!("`{small}` is {}, above `{large}`, {}", figure(low), figure(high));
            self.report(severity, small, message, help);
        }
    }

    /// A key without which another has no meaning.
    fn together(&mut self, given: &str, needed: &str, why: &str) {
        if self.record.sourced(given).is_some() && self.record.sourced(needed).is_none() {
            self.report(Severity::Error, needed, format!("missing key `{needed}`, which `{given}` needs"), why);
        }
    }

    fn chip(&mut self) {
        use Severity::{Error, Warning};
        self.ordered(Error, "idle_w", "tdp_w", "an idle chip draws less than its thermal design power");
        self.ordered(Error, "static_w", "load_w", "static power is a part of the power under load");
        self.ordered(Error, "cap_min_w", "cap_max_w", "swap them");
        self.ordered(Error, "cap_min_w", "tdp_w", "the lowest cap cannot lie above the thermal design power");
        self.ordered(Error, "base_mhz", "boost_mhz", "swap them");
        self.ordered(Warning, "default_cap_w", "tdp_w", "leave the cap out where the part ships at its TDP");
        self.ordered(Warning, "load_w", "tdp_w", "a chip rarely draws more than its TDP for long");
        self.together("voltage_floor", "voltage_knee", "the V(f) curve takes both");
        self.together("voltage_knee", "voltage_floor", "the V(f) curve takes both");
        for (peak, share) in [("fp8_tflops", "sustained_gemm_8bit"), ("fp4_tflops", "sustained_gemm_4bit")] {
            if self.record.number(peak).is_some() && self.record.number(share).is_none() {
                let message =
                    format!("`{peak}` is given and `{share}` is not: the chip is not estimated in that precision");
                self.report(Warning, share, message, "state the best published large GEMM over the dense peak");
            }
        }
    }

    fn cluster(&mut self) {
        self.ordered(
            Severity::Warning,
            "scale_up.domain_chips",
            "pod.chips",
            "a non-blocking pod usually holds at least one scale-up domain",
        );
    }

    fn workload(&mut self) {
        use Severity::{Error, Warning};
        let has = |key: &str| self.record.sourced(key).is_some();
        if !has("architecture.layers") {
            if !has("coarse.params") {
                self.report(
                    Error,
                    "architecture.layers",
                    "the workload has neither `architecture.layers` nor `coarse.params`".to_owned(),
                    "describe the network under [architecture], or state its size under [coarse] for a rough estimate",
                );
            }
            self.ordered(Error, "coarse.active_params", "coarse.params", "active parameters are a part of the total");
            return;
        }
        for key in ["architecture.hidden", "architecture.heads", "architecture.vocab"] {
            self.together("architecture.layers", key, "a network with layers needs it");
        }
        if has("architecture.experts") {
            self.together("architecture.experts", "architecture.top_k", "routed experts that a token visits");
            self.together("architecture.experts", "architecture.expert_ffn", "width of one expert");
        } else {
            self.together("architecture.layers", "architecture.ffn", "width of the dense feed-forward");
        }
        for key in ["architecture.qk_nope_dim", "architecture.qk_rope_dim", "architecture.v_dim"] {
            self.together("architecture.kv_lora_rank", key, "multi-head latent attention has three head widths");
        }
        self.ordered(
            Error,
            "architecture.top_k",
            "architecture.experts",
            "a token cannot visit more experts than there are",
        );
        self.ordered(
            Error,
            "architecture.dense_layers",
            "architecture.layers",
            "leading dense layers are a part of all layers",
        );
        self.ordered(
            Error,
            "published.active_params",
            "published.total_params",
            "active parameters are a part of the total",
        );
        self.divides("architecture.kv_heads", "architecture.heads", "query heads share key-value heads evenly");
        if !has("architecture.head_dim") && !has("architecture.kv_lora_rank") {
            self.divides("architecture.heads", "architecture.hidden", "or state `architecture.head_dim`");
        }
        if has("coarse.params") {
            let message = "`coarse.params` is given beside `architecture.layers` and is not used".to_owned();
            self.report(Warning, "coarse.params", message, "leave [coarse] out where the network is described");
        }
    }

    fn divides(&mut self, part: &str, whole: &str, help: &str) {
        if let (Some(small), Some(large)) = (self.record.integer(part), self.record.integer(whole))
            && small > 0
            && large % small != 0
        {
            let message = format!("`{whole}` ({large}) is no multiple of `{part}` ({small})");
            self.report(Severity::Error, part, message, help);
        }
    }

    fn site(&mut self) {
        let present = price_kinds(self.record);
        let Some(asked) = self.record.text("default_price").map(str::to_owned) else { return };
        if !present.contains(&asked.as_str()) {
            let known = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
            let message = format!("`default_price` names `{asked}`, and the site has no [price.{asked}]");
            self.report(Severity::Error, "default_price", message, &format!("price kinds of this site: {known}"));
        }
        for kind in present {
            let missing = PRICE.iter().filter(|a| a.need == super::attribute::Need::Always);
            let keys: Vec<String> = missing.map(|a| format!("price.{kind}.{}", a.key)).collect();
            for key in keys {
                if self.record.sourced(&key).is_none() {
                    self.report(
                        Severity::Error,
                        &key,
                        format!("missing key `{key}`"),
                        "a price table states its price",
                    );
                }
            }
        }
    }
}

/// Kinds of price that a site states, in the order of [`PRICE_KINDS`].
pub fn price_kinds(record: &Record) -> Vec<&'static str> {
    PRICE_KINDS
        .into_iter()
        .filter(|kind| PRICE.iter().any(|a| record.sourced(&format!("price.{kind}.{}", a.key)).is_some()))
        .collect()
}

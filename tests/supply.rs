//! Terms of supply and finance, each against arithmetic written out by hand from a run without it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use program::{answer, file, number, same, wattline, words};
use serde_json::Value;

/// The same sums in another order, through JSON.
const EXACT: f64 = 1e-12;
/// Sums of parts: the contract's identities.
const IDENTITY: f64 = 1e-6;

/// A run whose plan is fixed, so that only the terms differ.
const RUN: &str = "estimate --workload gpt-3-13b --chips 1024 --engine cpu \
    --plan tp=2,pp=2,cp=1,vpp=1,micro_batch=1,recompute=none,shard=optimizer,sequence_parallel=true";

fn line(chip: &str, terms: &[&str]) -> String {
    terms.iter().fold(format!("{RUN} --chip {chip}"), |line, term| format!("{line} --set {term}"))
}

fn run(terms: &[&str]) -> Value {
    answer(&line("nvidia-h100-sxm", terms))
}

fn notes(document: &Value) -> String {
    document["coverage"].to_string()
}

/// What every answer keeps, whatever its terms.
fn identities(document: &Value) {
    let get = |key: &str| number(document, &format!("/{key}"));
    let sum = |key: &str| {
        let parts = document[key].as_object().unwrap().iter().filter(|(part, _)| *part != "total");
        parts.map(|(_, value)| value.as_f64().unwrap()).sum::<f64>()
    };
    same("wall", get("wall_s"), get("steps") * get("step_s") / get("goodput"), IDENTITY);
    same("energy", get("facility_energy_j"), get("avg_facility_w") * get("wall_s"), IDENTITY);
    same("cost", get("cost_usd/total"), sum("cost_usd"), IDENTITY);
    same("carbon", get("co2_kg/total"), sum("co2_kg"), IDENTITY);
    let spent: f64 =
        ["training_s", "checkpoint_s", "idle_s"].iter().map(|part| number(document, &format!("/wall/{part}"))).sum();
    same("powered", get("wall/powered_s"), spent, IDENTITY);
}

#[test]
fn terms_at_their_defaults_change_no_figure() {
    let defaults = [
        "site.availability=1",
        "site.stops_per_day=0",
        "site.pue.load_share=1",
        "site.demand_charge_usd_per_kw_month=0",
        "site.take_or_pay=0",
        "site.served_fraction=1",
        "site.carbon_price_usd_per_t=0",
        "assumptions.start_delay_years=0",
        "assumptions.chip_gain_per_year=1.5",
        "assumptions.value_of_delay_usd_per_day=0",
    ];
    let (mut plain, mut stated) = (run(&[]), run(&defaults));
    let parts: Vec<&String> = plain["cost_usd"].as_object().unwrap().keys().collect();
    assert_eq!(parts, ["chips", "electricity", "facility", "operations", "total"]);
    identities(&plain);
    for document in [&mut plain, &mut stated] {
        document.as_object_mut().unwrap().remove("sources");
    }
    assert_eq!(plain, stated);
}

#[test]
fn interruptible_power_stretches_the_calendar_and_the_capital_and_not_the_energy() {
    // S5: 0.01 for 70 % of the hours, two stops a day of 60 s + 600 s, against firm power at 0.056.
    let common = ["assumptions.checkpoint_s=60", "assumptions.restart_s=600"];
    let firm = answer(&format!("{} --price 0.056", line("huawei-ascend-910c", &common)));
    let terms = [&common[..], &["site.availability=0.7", "site.stops_per_day=2"]].concat();
    let dark = answer(&format!("{} --price 0.01", line("huawei-ascend-910c", &terms)));
    let of = |document: &Value, key: &str| number(document, &format!("/{key}"));
    // C·0.7 = W + 2·C/86400·660, so C = W / (0.7 - 0.015278).
    let longer = 1.0 / (0.7 - 1320.0 / 86_400.0);
    same("1.46 times the days", longer, 1.460_446, IDENTITY);
    same("wall", of(&dark, "wall_s"), longer * of(&firm, "wall_s"), EXACT);
    same("powered", of(&dark, "wall/powered_s"), 0.7 * of(&dark, "wall_s"), EXACT);
    let stops = 2.0 * of(&dark, "wall_s") / 86_400.0;
    same("restarts", of(&dark, "wall/idle_s"), of(&firm, "wall/idle_s") + 600.0 * stops, EXACT);
    same("checkpoints", of(&dark, "wall/checkpoint_s"), of(&firm, "wall/checkpoint_s") + 60.0 * stops, EXACT);
    for part in ["chips", "facility", "operations"] {
        let key = format!("cost_usd/{part}");
        same(part, of(&dark, &key), longer * of(&firm, &key), EXACT);
    }
    // Nothing is drawn in the dark: the energy grows by what the stops draw, which is idle power for 2 % of the time.
    let energy = of(&dark, "facility_energy_j") / of(&firm, "facility_energy_j");
    assert!(energy > 1.0 && energy < 1.03, "{energy}");
    // Idle capital costs several times what the cheap energy saves.
    let saved = of(&firm, "cost_usd/electricity") - of(&dark, "cost_usd/electricity");
    let idle = of(&dark, "cost_usd/total") - of(&firm, "cost_usd/total") + saved;
    assert!(saved > 0.0 && idle > 2.0 * saved, "{idle} against {saved}");
    identities(&dark);
    assert!(notes(&dark).contains("when the hours lie is not modelled"), "{}", notes(&dark));
    assert!(notes(&dark).contains("checkpoint of 60 s and a restart of 600 s"), "{}", notes(&dark));
}

#[test]
fn hours_without_power_alone_cost_no_energy() {
    let (firm, dark) = (run(&[]), run(&["site.availability=0.7"]));
    for key in ["/it_energy_j", "/facility_energy_j", "/cost_usd/electricity", "/co2_kg/operational", "/pue"] {
        same(key, number(&firm, key), number(&dark, key), EXACT);
    }
    same("average", number(&dark, "/avg_facility_w"), 0.7 * number(&firm, "/avg_facility_w"), EXACT);
    same("peak", number(&dark, "/peak_facility_w"), number(&firm, "/peak_facility_w"), EXACT);
    assert!(notes(&dark).contains("site.stops_per_day"), "{}", notes(&dark));
}

#[test]
fn more_stops_than_hours_are_failures() {
    // 150 stops of 605 s are 1.05 days.
    let terms = ["site.stops_per_day=150", "assumptions.checkpoint_s=5", "assumptions.restart_s=600"];
    let ran = wattline(&words(&format!("{} --json", line("nvidia-h100-sxm", &terms))));
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let document = ran.json();
    assert_eq!(document["rejected"]["reason"], "failures");
    assert!(document["rejected"]["detail"].as_str().unwrap().starts_with("failures and stops"), "{document:#}");
}

#[test]
fn idle_equipment_and_empty_halls_cost_what_they_should() {
    // S6: capital over the share of its life in use; PUE at a fifth of the load rises by 0.12 to 0.25.
    let full = run(&["site.pue.full=1.25"]);
    for (utilisation, factor) in [("0.2", 5.0), ("0.5", 2.0), ("0.8", 1.25)] {
        let idle = run(&["site.pue.full=1.25", &format!("assumptions.utilisation={utilisation}")]);
        for part in ["/cost_usd/chips", "/cost_usd/facility", "/cost_usd/operations", "/co2_kg/embodied"] {
            same(part, number(&idle, part), factor * number(&full, part), EXACT);
        }
        same("bill", number(&idle, "/cost_usd/electricity"), number(&full, "/cost_usd/electricity"), EXACT);
        assert!(notes(&idle).contains("spreads capital"));
    }
    let empty = run(&["site.pue.full=1.25", "site.pue.load_share=0.2"]);
    let load = number(&full, "/avg_it_w") / number(&full, "/peak_it_w");
    // PUE(x) = 1 + 0.25·(0.8 + 0.2/x), at x and at 0.2·x; the peak at x = 1 and at 0.2.
    same("full", number(&full, "/pue"), 1.0 + 0.25 * (0.8 + 0.2 / load), EXACT);
    same("empty", number(&empty, "/pue"), 1.0 + 0.25 * (0.8 + 0.2 / (0.2 * load)), EXACT);
    same("peak", number(&empty, "/peak_facility_w"), 1.45 * number(&empty, "/peak_it_w"), EXACT);
    let penalty = 0.25 * 0.2 * (1.0 / 0.2 - 1.0);
    assert!((0.12..=0.25).contains(&penalty), "{penalty}");
    identities(&empty);
}

#[test]
fn demand_is_charged_on_the_peak_by_the_month() {
    // S9: 12 USD/kW-month adds 12 / (730.5 h x load factor) to each kWh: 1.93 c at 0.85.
    same("1.93 c", 12.0 / (730.5 * 0.85), 0.019_326, 1e-4);
    let (plain, charged) = (run(&[]), run(&["site.demand_charge_usd_per_kw_month=12"]));
    let months = number(&plain, "/wall_s") / (730.5 * 3600.0);
    let demand = 12.0 * number(&plain, "/peak_facility_w") * 1e-3 * months;
    same("demand", number(&charged, "/demand_charge_usd"), demand, EXACT);
    let added = number(&charged, "/cost_usd/electricity") - number(&plain, "/cost_usd/electricity");
    same("bill", added, demand, IDENTITY);
    let kwh = number(&plain, "/facility_energy_j") / 3.6e6;
    let load_factor = number(&plain, "/avg_facility_w") / number(&plain, "/peak_facility_w");
    same("per kWh", added / kwh, 12.0 / (730.5 * load_factor), IDENTITY);
    identities(&charged);
}

#[test]
fn energy_that_must_be_taken_is_billed_whether_used_or_not() {
    // S10: 90 % of the peak at 100 USD/MWh.
    let price = format!("{} --price 0.1", line("nvidia-h100-sxm", &[]));
    let plain = answer(&price);
    let peak_hours = number(&plain, "/peak_facility_w") * number(&plain, "/wall_s");
    let used = number(&plain, "/facility_energy_j");
    assert!(used < 0.9 * peak_hours, "a load factor above 0.9 would bill what is used");
    for share in [0.3, 0.9, 1.0] {
        let bound = answer(&format!("{price} --set site.take_or_pay={share}"));
        let billed = used.max(share * peak_hours);
        same("billed", number(&bound, "/billed_energy_j"), billed, EXACT);
        same("bill", number(&bound, "/cost_usd/electricity"), billed / 3.6e6 * 0.1, EXACT);
        same("used", number(&bound, "/facility_energy_j"), used, EXACT);
        identities(&bound);
    }
}

#[test]
fn a_carbon_price_is_paid_on_the_emissions_of_the_electricity() {
    let (plain, priced) = (run(&[]), run(&["site.carbon_price_usd_per_t=80"]));
    let paid = number(&priced, "/cost_usd/carbon_price");
    same("80 a tonne", paid, 80.0 * number(&plain, "/co2_kg/operational") * 1e-3, EXACT);
    same("total", number(&priced, "/cost_usd/total"), number(&plain, "/cost_usd/total") + paid, EXACT);
    identities(&priced);
}

#[test]
fn a_later_start_runs_on_better_chips_and_costs_its_days() {
    // S11: wait three years for chips 1.4 times better a year, 2.744 times in all, or start today.
    let terms = ["assumptions.start_delay_years=3", "assumptions.chip_gain_per_year=1.4"];
    let (now, later) = (run(&[]), run(&terms));
    let wait = 3.0 * 365.25 * 86_400.0;
    same("wait", number(&later, "/start_delay_s"), wait, EXACT);
    same("done", number(&later, "/done_s"), wait + number(&later, "/wall_s"), EXACT);
    assert_eq!(number(&now, "/done_s"), number(&now, "/wall_s"));
    // The same chip with every rate and its memory multiplied by hand.
    let values = |key: &str| number(&now, &format!("/sources/entries/chip/values/{key}/value"));
    let rates = [
        "fp16_tflops",
        "bf16_tflops",
        "fp32_tflops",
        "memory_gib",
        "hbm_gb_per_s",
        "scale_up_gb_per_s",
        "nic_gb_per_s",
    ];
    let better: Vec<String> = rates.iter().map(|key| format!("chip.{key}={}", 2.744 * values(key))).collect();
    let better = run(&better.iter().map(String::as_str).collect::<Vec<_>>());
    for key in ["/step_s", "/wall_s", "/facility_energy_j", "/peak_facility_w", "/memory/usable_bytes"] {
        same(key, number(&later, key), number(&better, key), 1e-9);
    }
    let faster = number(&now, "/wall_s") / number(&later, "/wall_s");
    assert!(faster > 1.0 && faster < 2.744, "{faster}: latency and start-up do not improve");
    // Value of a day at which both cost the same: what waiting saves over the days that it takes longer.
    let saved = number(&now, "/cost_usd/total") - number(&later, "/cost_usd/total");
    let days = (number(&later, "/done_s") - number(&now, "/done_s")) / 86_400.0;
    let worth = format!("assumptions.value_of_delay_usd_per_day={}", saved / days);
    let (now, later) = (run(&[&worth]), run(&[&terms[..], &[&worth]].concat()));
    same("switch", number(&now, "/cost_usd/total"), number(&later, "/cost_usd/total"), 1e-9);
    same("days", number(&later, "/cost_usd/delay"), saved / days * number(&later, "/done_s") / 86_400.0, EXACT);
    identities(&now);
    identities(&later);
    assert!(notes(&later).contains("start after 3 years"), "{}", notes(&later));
}

#[test]
fn the_grid_serves_a_share_of_the_megawatts_asked_for() {
    let ask = "estimate --workload gpt-3-13b --chip nvidia-h100-sxm --engine cpu --plan micro_batch=1";
    let served = answer(&format!("{ask} --cap-mw 1 --set site.served_fraction=0.57"));
    let less = answer(&format!("{ask} --cap-mw 0.57"));
    assert_eq!(served["chips"], less["chips"]);
    assert!(number(&served, "/peak_facility_w") <= 0.57e6);
    same("asked", number(&served, "/sources/inputs/cap_mw/value"), 1.0, EXACT);
    same("served", number(&served, "/sources/inputs/served_mw/value"), 0.57, EXACT);
}

#[test]
fn a_term_outside_its_range_is_an_input_error() {
    for (term, words_of_help) in [
        ("site.availability=70", "write 0.7 for 70 %"),
        ("site.availability=0", "availability"),
        ("site.take_or_pay=1.1", "take_or_pay"),
        ("site.pue.load_share=0", "load_share"),
        ("site.stops_per_day=-1", "stops_per_day"),
        ("assumptions.chip_gain_per_year=0.9", "chip_gain_per_year"),
        ("site.availibility=0.7", "did you mean site.availability?"),
    ] {
        let ran = wattline(&words(&line("nvidia-h100-sxm", &[term])));
        assert_eq!(ran.code, 2, "{term}: {}", ran.stderr);
        assert!(ran.stderr.contains(words_of_help), "{term}: {}", ran.stderr);
    }
}

#[test]
fn a_comparison_counts_the_wait_and_says_what_its_terms_leave_out() {
    let scenario = r#"
name = "wait"
title = "Now or later"
question = "Is it worth to wait?"
workloads = ["gpt-3-13b"]
[[design]]
name = "now"
chip = "nvidia-a100-sxm-80gb"
site = "us-virginia"
chips = 512
plan = "tp=2,pp=1,cp=1,micro_batch=1,recompute=none,shard=optimizer,sequence_parallel=true"
set = { "site.availability" = 0.7 }
[[design]]
name = "later"
chip = "nvidia-h100-sxm"
site = "us-virginia"
chips = 512
plan = "tp=2,pp=1,cp=1,micro_batch=1,recompute=none,shard=optimizer,sequence_parallel=true"
set = { "assumptions.start_delay_years" = 1, "assumptions.value_of_delay_usd_per_day" = 100 }
"#;
    let (_folder, path) = file("wait.toml", scenario.as_bytes());
    let line = format!("compare {} --engine cpu", path.display());
    let document = answer(&line);
    let side = |at: usize| &document["designs"][at];
    assert!(number(side(1), "/wall_s") < number(side(0), "/wall_s"));
    let winner = document["winners"].as_array().unwrap().iter().find(|w| w["objective"] == "time").unwrap();
    assert_eq!(winner["winner"], "now", "a year of waiting loses to days of running");
    assert!(winner["probability"]["now"].as_f64().unwrap() > 0.999);
    let ran = wattline(&words(&line));
    assert_eq!(ran.code, 0);
    let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "power at us-virginia in 70 % of the hours",
        "when the hours lie is not modelled",
        "start after 1 years",
        "done",
    ] {
        assert!(text.contains(words), "no {words:?} in {}", ran.stdout);
    }
}

//! Crossovers against arithmetic written out by hand, and against the winner on either side of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use program::{file, number, same, wattline};
use serde_json::Value;

/// A crossover is solved in f64; what is left is the rounding of a number printed and read again.
const SOLVED: f64 = 1e-9;

/// How far beside a crossover the winner is looked at: far enough that rounding decides nothing, near enough that no other
/// crossover lies between.
const BESIDE: f64 = 1e-6;

/// Joules in a kilowatt-hour, seconds in a year of 365.25 days.
const J_PER_KWH: f64 = 3.6e6;
const YEAR_S: f64 = 365.25 * 86_400.0;

/// Two designs with a few hundred chips; lines go into both, or into one of them.
fn compare(new: &str, old: &str, arguments: &[&str]) -> Value {
    let text = format!(
        "name = \"pair\"\ntitle = \"Old or new\"\nquestion = \"Which?\"\nworkloads = [\"llama-2-7b\"]\n\
         [[design]]\nname = \"new\"\nchip = \"nvidia-h100-sxm\"\nsite = \"us-virginia\"\nchips = 192\n{new}\n\
         [[design]]\nname = \"old\"\nchip = \"nvidia-a100-sxm-80gb\"\nsite = \"cn-inner-mongolia\"\nchips = 512\n{old}\n"
    );
    let (_folder, path) = file("pair.toml", text.as_bytes());
    let mut line = vec!["compare", path.to_str().unwrap(), "--engine", "cpu", "--json"];
    line.extend(arguments);
    let ran = wattline(&line);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.json()
}

/// The crossovers of one question.
fn asked(question: &str) -> Vec<Value> {
    compare("", "", &["--crossover", question])["crossovers"].as_array().unwrap().clone()
}

fn values(question: &str) -> Vec<f64> {
    asked(question).iter().filter_map(|c| c["value"].as_f64()).collect()
}

fn winner(document: &Value, objective: &str) -> String {
    let said = document["winners"].as_array().unwrap().iter().find(|w| w["objective"] == objective).unwrap();
    said["winner"].as_str().unwrap().to_owned()
}

fn design<'a>(document: &'a Value, name: &str) -> &'a Value {
    document["designs"].as_array().unwrap().iter().find(|design| design["name"] == name).unwrap()
}

/// The best plans' figures of both sides.
fn figures(document: &Value, objective: &str) -> (f64, f64) {
    let said = document["winners"].as_array().unwrap().iter().find(|w| w["objective"] == objective).unwrap();
    (number(said, "/figures/new"), number(said, "/figures/old"))
}

/// Every value of a question, set anew with the plans searched again: both sides equal there, another winner on either
/// side of it.
fn changes_the_winner(question: &str, line: impl Fn(f64) -> String, at_least: usize) {
    let objective = question.split(':').next().unwrap();
    let side = question.split(':').next_back().unwrap();
    let quick = ["--crossover", "time:mfu:new"];
    let at = |value: f64| match side {
        "new" => compare(&line(value), "", &quick),
        "old" => compare("", &line(value), &quick),
        _ => compare(&line(value), &line(value), &quick),
    };
    let found = values(question);
    assert!(found.len() >= at_least, "{question}: {found:?}");
    for value in found {
        let (new, old) = figures(&at(value), objective);
        same(&format!("{question} = {value}"), new, old, SOLVED);
        let (below, above) = (at(value * (1.0 - BESIDE)), at(value * (1.0 + BESIDE)));
        assert_ne!(winner(&below, objective), winner(&above, objective), "{question} = {value}");
    }
}

fn set(key: &str) -> impl Fn(f64) -> String {
    let key = key.to_owned();
    move |value| format!("set = {{ \"{key}\" = {value:?} }}")
}

#[test]
fn the_price_of_a_crossover_is_the_difference_of_costs_over_the_energy() {
    let document = compare("", "", &["--crossover", "cost:usd_per_kwh:new"]);
    let (new, old) = (design(&document, "new"), design(&document, "old"));
    let kwh = number(new, "/facility_energy_j") / J_PER_KWH;
    let today = number(new, "/cost_usd/electricity") / kwh;
    let by_hand = today + (number(old, "/cost_usd/total") - number(new, "/cost_usd/total")) / kwh;
    same("USD/kWh", number(&document, "/crossovers/0/value"), by_hand, SOLVED);
}

#[test]
fn the_price_of_a_chip_at_a_crossover_is_what_its_annuity_and_upkeep_leave() {
    let document = compare("", "", &["--crossover", "cost:all_in_usd:old"]);
    let (new, old) = (design(&document, "new"), design(&document, "old"));
    let assumed = |key: &str| number(old, &format!("/sources/entries/assumptions/values/{key}/value"));
    let (rate, years) = (0.06, assumed("it_life_years"));
    let annuity = rate / (1.0 - (1.0_f64 + rate).powf(-years));
    // A dollar more a chip costs the run its annuity and its upkeep for the share of a year that the run takes.
    let slope = 512.0 * (annuity + assumed("it_operation_share")) * number(old, "/wall_s") / YEAR_S;
    let today = number(&document, "/crossovers/0/today");
    let by_hand = today + (number(new, "/cost_usd/total") - number(old, "/cost_usd/total")) / slope;
    same("USD", number(&document, "/crossovers/0/value"), by_hand, SOLVED);
}

#[test]
fn the_utilisation_of_a_crossover_spreads_capital_and_upkeep_only() {
    let document = compare("", "", &["--crossover", "cost:utilisation:new"]);
    let (new, old) = (design(&document, "new"), design(&document, "old"));
    let capital = ["chips", "facility", "operations"].map(|part| number(new, &format!("/cost_usd/{part}")));
    let by_hand = capital.iter().sum::<f64>() / (number(old, "/cost_usd/total") - number(new, "/cost_usd/electricity"));
    same("utilisation", number(&document, "/crossovers/0/value"), by_hand, SOLVED);
}

#[test]
fn the_intensity_of_a_crossover_is_what_the_energy_may_emit() {
    let document = compare("", "", &["--crossover", "carbon:g_per_kwh:old"]);
    let (new, old) = (design(&document, "new"), design(&document, "old"));
    let kwh = number(old, "/facility_energy_j") / J_PER_KWH;
    let by_hand = (number(new, "/co2_kg/total") - number(old, "/co2_kg/embodied")) / kwh * 1e3;
    same("g/kWh", number(&document, "/crossovers/0/value"), by_hand, SOLVED);
}

#[test]
fn at_a_price_the_winner_changes() {
    changes_the_winner("cost:usd_per_kwh:new", |value| format!("usd_per_kwh = {value:?}"), 1);
    changes_the_winner("cost:cost_of_capital:new", set("site.cost_of_capital"), 1);
    changes_the_winner("cost:it_life_years:old", set("assumptions.it_life_years"), 1);
}

#[test]
fn at_a_time_of_failures_the_winner_changes_with_the_plans_searched_again() {
    changes_the_winner("time:restart_s:new", set("assumptions.restart_s"), 1);
    changes_the_winner("time:mtbf_h:new", set("chip.mtbf_h"), 1);
    changes_the_winner("time:chip.hbm_gb_per_s:old", set("chip.hbm_gb_per_s"), 1);
    changes_the_winner("cost:startup_s:new", set("assumptions.startup_s"), 0);
}

#[test]
fn at_a_power_cap_the_winner_changes() {
    changes_the_winner("time:power_cap_w:new", |value| format!("power_cap_w = {value:?}"), 1);
}

#[test]
fn never_is_said_with_how_close_it_comes() {
    let found = asked("cost:usd_per_kwh:old");
    assert_eq!(found.len(), 1);
    assert!(found[0]["value"].is_null());
    let note = found[0]["note"].as_str().unwrap();
    assert!(note.starts_with("even at 0 USD/kWh old is 1.") && note.ends_with(" x new"), "{note}");
    let found = asked("time:usd_per_kwh:old");
    assert_eq!(found[0]["note"], "the input does not matter");
}

#[test]
fn an_input_of_both_sides_moves_on_both() {
    changes_the_winner("cost:restart_s:both", set("assumptions.restart_s"), 0);
    let found = asked("cost:utilisation:both");
    assert_eq!((found[0]["moves"].as_str(), found[0]["input"].as_str()), (Some("both"), Some("utilisation")));
}

#[test]
fn under_a_cap_more_pue_leaves_fewer_chips() {
    // 251 kW keep the 192 chips at a PUE of 1.2; the crossover is searched anew at every number of chips.
    let text = "name = \"capped\"\ntitle = \"Capped\"\nquestion = \"Which?\"\nworkloads = [\"llama-2-7b\"]\n\
         [[design]]\nname = \"new\"\nchip = \"nvidia-h100-sxm\"\nsite = \"us-virginia\"\ncap_mw = 0.252\nPUE\n\
         [[design]]\nname = \"old\"\nchip = \"nvidia-a100-sxm-80gb\"\nsite = \"cn-inner-mongolia\"\nchips = 512\n";
    let ask = |pue: &str, question: &str| {
        let (_folder, path) = file("capped.toml", text.replace("PUE", pue).as_bytes());
        let ran = wattline(&["compare", path.to_str().unwrap(), "--engine", "cpu", "--json", "--crossover", question]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.json()
    };
    let found = ask("", "time:pue:new");
    let value = number(&found, "/crossovers/0/value");
    let at = |pue: f64| {
        let document = ask(&format!("set = {{ \"site.pue.full\" = {pue:?} }}"), "time:mfu:new");
        (winner(&document, "time"), number(design(&document, "new"), "/chips"))
    };
    let ((before, most), (after, fewer)) = (at(value * (1.0 - BESIDE)), at(value * (1.0 + BESIDE)));
    assert_eq!((before.as_str(), after.as_str()), ("new", "old"), "PUE {value}");
    assert!(fewer < most, "{fewer} chips of {most}");
}

#[test]
fn a_question_that_cannot_be_is_an_input_error() {
    for (question, says) in [
        ("cost", "names no input"),
        ("money:usd_per_kwh", "is no objective"),
        ("cost:usd_per_kw", "did you mean usd_per_kwh"),
        ("cost:chip.vendor", "is no number"),
        ("cost:usd_per_kwh:nobody", "is no design"),
    ] {
        let ran = wattline(&["compare", "s01-headline", "--crossover", question]);
        assert_eq!(ran.code, 2, "{question}: {}", ran.stdout);
        assert!(ran.stderr.contains(says), "{question}: {}", ran.stderr);
    }
}

#[test]
fn on_equal_terms_the_designs_have_the_same_megawatts_or_no_more_dollars_or_no_more_days() {
    let quick = ["--crossover", "time:mfu:new", "--equal"];
    // At 18,000 USD a chip the old ones cost less in their own number, so that more of them cost the same.
    let cheap = "set = { \"chip.all_in_usd\" = 18000 }";
    let equal = |terms: &str| {
        let document = compare("", cheap, &[&quick[..], &[terms]].concat());
        let of = |name: &str, pointer: &str| number(design(&document, name), pointer);
        let pair = |pointer: &str| (of("new", pointer), of("old", pointer));
        (pair("/peak_facility_w"), pair("/cost_usd/total"), pair("/wall_s"), of("old", "/chips"))
    };
    let node = 8.0;
    let ((new, old), .., chips) = equal("megawatts");
    assert!(old <= new * (1.0 + SOLVED) && old * (chips + node) / chips > new, "{old} W for {new} W");
    let (_, (new, old), _, chips) = equal("cost");
    assert!(old <= new * (1.0 + SOLVED), "{old} USD for {new}");
    let next = chips + node;
    let line = format!(
        "estimate --workload llama-2-7b --chip nvidia-a100-sxm-80gb --site cn-inner-mongolia --chips {next} --engine cpu \
         --json --set chip.all_in_usd=18000"
    );
    let more = wattline(&program::words(&line));
    assert!(
        more.code == 3 || number(&more.json(), "/cost_usd/total") > new,
        "{next} chips cost no more than {new} USD"
    );
    let (.., (new, old), chips) = equal("days");
    assert!(old <= new * (1.0 + SOLVED), "{old} s for {new}");
    // The 512 chips of the scenario are slower.
    assert!(chips > 512.0, "{chips}");
}

#[test]
fn compensation_is_the_ratio_of_two_designs_that_take_the_same_days() {
    let document = compare("", "", &["--crossover", "time:mfu:new", "--compensation"]);
    let row = &document["compensation"][0];
    assert_eq!((row["name"].as_str(), row["against"].as_str()), (Some("old"), Some("new")));
    let chips = number(row, "/chips");
    same("chips", number(row, "/times_chips"), chips / 192.0, SOLVED);
    let equal = compare("", "", &["--crossover", "time:mfu:new", "--equal", "days"]);
    let (new, old) = (design(&equal, "new"), design(&equal, "old"));
    same("chips", chips, number(old, "/chips"), SOLVED);
    for (ratio, pointer) in [
        ("/times_cost", "/cost_usd/total"),
        ("/times_energy", "/facility_energy_j"),
        ("/times_megawatts", "/peak_facility_w"),
    ] {
        same(ratio, number(row, ratio), number(old, pointer) / number(new, pointer), SOLVED);
    }
}

#[test]
fn a_shadow_price_is_what_the_step_changes() {
    let document = compare("", "", &["--crossover", "time:mfu:new"]);
    let old = design(&document, "old");
    let step = number(old, "/shadow_prices/step_chips");
    let line = format!(
        "estimate --workload llama-2-7b --chip nvidia-a100-sxm-80gb --site cn-inner-mongolia --chips {} --engine cpu --json",
        512.0 + step
    );
    let more = wattline(&program::words(&line)).json();
    let days = (number(&more, "/wall_s") - number(old, "/wall_s")) / 86_400.0;
    same("days", number(old, "/shadow_prices/days_per_chip") * step, days, SOLVED);
    let usd = number(&more, "/cost_usd/total") - number(old, "/cost_usd/total");
    // A small difference of two large numbers.
    same("USD", number(old, "/shadow_prices/usd_per_chip") * step, usd, BESIDE);
    assert!(days < 0.0);
}

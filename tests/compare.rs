//! `wattline compare`: winners that agree with the designs, and crossovers at which both sides are really equal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use std::sync::LazyLock;

use program::{file, number, same, wattline, words};
use serde_json::Value;

/// A crossover is solved in f64; what is left is the rounding of a number printed and read again.
const SOLVED: f64 = 1e-6;

/// Two designs of a few hundred chips; `{a}` and `{b}` take more lines.
const SCENARIO: &str = "\
name = \"small\"
title = \"Old chips or new\"
question = \"Do 512 A100 on cheap power beat 192 H100?\"
workloads = [\"llama-2-7b\"]

[[design]]
name = \"new\"
chip = \"nvidia-h100-sxm\"
site = \"us-virginia\"
chips = 192
{a}

[[design]]
name = \"old\"
chip = \"nvidia-a100-sxm-80gb\"
site = \"cn-inner-mongolia\"
chips = 512
{b}

[[variant]]
name = \"new-at-400w\"
of = \"new\"
title = \"new at 400 W\"
power_cap_w = 400
";

fn compare(a: &str, b: &str) -> Value {
    let (_folder, path) = file("small.toml", SCENARIO.replace("{a}", a).replace("{b}", b).as_bytes());
    let ran = wattline(&["compare", path.to_str().unwrap(), "--engine", "cpu", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.json()
}

static ANSWER: LazyLock<Value> = LazyLock::new(|| compare("", ""));

const OBJECTIVES: [(&str, &str); 4] =
    [("time", "/wall_s"), ("energy", "/facility_energy_j"), ("cost", "/cost_usd/total"), ("carbon", "/co2_kg/total")];

fn design<'a>(document: &'a Value, name: &str) -> &'a Value {
    document["designs"].as_array().unwrap().iter().find(|design| design["name"] == name).unwrap()
}

/// Figures of both sides' own best plans for an objective.
fn figures(document: &Value, objective: &str) -> (f64, f64) {
    let said = document["winners"].as_array().unwrap().iter().find(|w| w["objective"] == objective).unwrap();
    (number(said, "/figures/new"), number(said, "/figures/old"))
}

/// The crossovers whose input ends in a word, each with the side whose input moves.
fn crossovers(input: &str) -> Vec<(&'static Value, &'static str)> {
    let found: Vec<_> = ANSWER["crossovers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["input"].as_str().unwrap().rsplit('.').next() == Some(input))
        .map(|c| (c, c["between"][0].as_str().unwrap()))
        .collect();
    assert!(!found.is_empty(), "no crossover of {input}");
    found
}

/// Both sides are equal once the input of one has the crossover's value.
fn meets(input: &str, objective: &str, line: impl Fn(f64) -> String) {
    let mut solved = 0;
    for (crossover, side) in crossovers(input) {
        assert_eq!(crossover["objective"], objective);
        let Some(value) = crossover["value"].as_f64() else {
            assert!(crossover["note"].is_string(), "{crossover:#}");
            continue;
        };
        let there = if side == "new" { compare(&line(value), "") } else { compare("", &line(value)) };
        let (new, old) = figures(&there, objective);
        same(&format!("{objective} at {input} of {side} = {value}"), new, old, SOLVED);
        solved += 1;
    }
    assert!(solved > 0, "no crossover of {input} has a value");
}

#[test]
fn the_document_holds_what_the_contract_promises() {
    assert_eq!(ANSWER["scenario"], "small");
    let designs = ANSWER["designs"].as_array().unwrap();
    assert_eq!(designs.len(), 2);
    for design in designs {
        assert!(design["name"].is_string() && design["feasible"] == true && design["plan"].is_object());
        for key in ["wall_s", "mfu", "goodput", "facility_energy_j", "chips_used", "tokens_per_s"] {
            assert!(design[key].as_f64().is_some_and(|n| n > 0.0), "{key}");
        }
        assert!(design["sources"]["entries"]["chip"].is_object());
        assert!(!design["binds"].as_array().unwrap().is_empty());
        for input in ["chip", "site", "chips"] {
            assert_eq!(design["sources"]["inputs"][input]["source"], "scenario", "{input}");
        }
        assert_eq!(design["sources"]["inputs"]["stack"]["source"], "default");
    }
    for crossover in ANSWER["crossovers"].as_array().unwrap() {
        for key in ["input", "objective", "unit"] {
            assert!(crossover[key].is_string(), "{key} of {crossover:#}");
        }
        assert_eq!(crossover["between"].as_array().unwrap().len(), 2);
        assert!(crossover["value"].is_null() || crossover["value"].as_f64().is_some_and(f64::is_finite));
        assert!(
            !crossover["value"].is_null() || crossover["note"].is_string(),
            "never, and no word why: {crossover:#}"
        );
    }
    let inputs: Vec<&str> =
        ANSWER["crossovers"].as_array().unwrap().iter().map(|c| c["input"].as_str().unwrap()).collect();
    for input in ["usd_per_kwh", "cap_mw", "all_in_usd", "chips", "mfu"] {
        for side in ["new", "old"] {
            assert!(inputs.iter().any(|known| *known == format!("{side}.{input}")), "{side}.{input} in {inputs:?}");
        }
    }
    assert_eq!(ANSWER["variants"][0]["name"], "new-at-400w");
    assert!(number(ANSWER.pointer("/variants/0").unwrap(), "/wall_s") > number(design(&ANSWER, "new"), "/wall_s"));
}

#[test]
fn the_winner_is_the_design_with_the_least() {
    for (objective, pointer) in OBJECTIVES {
        let (new, old) = figures(&ANSWER, objective);
        let said = ANSWER["winners"].as_array().unwrap().iter().find(|w| w["objective"] == objective).unwrap();
        assert_eq!(said["winner"], if new <= old { "new" } else { "old" }, "{objective}");
        // Judged by its own best plan, a side is no worse than by the one that is shown, and no other unless that is said.
        for (name, figure) in [("new", new), ("old", old)] {
            let shown = number(design(&ANSWER, name), pointer);
            let better = design(&ANSWER, name)["better_plans"].as_array().unwrap();
            match better.iter().find(|plan| plan["objective"] == objective) {
                Some(plan) => same(objective, figure, number(plan, pointer), SOLVED),
                None => same(objective, figure, shown, SOLVED),
            }
            assert!(figure <= shown, "{objective} of {name}");
        }
    }
}

#[test]
fn a_design_answers_as_estimate_does() {
    let ran = wattline(&words(
        "estimate --workload llama-2-7b --chip nvidia-h100-sxm --site us-virginia --chips 192 --engine cpu --json",
    ));
    let alone = ran.json();
    let side = design(&ANSWER, "new");
    for key in ["plan", "wall_s", "cost_usd", "co2_kg", "facility_energy_j", "breakdown"] {
        assert_eq!(alone[key], side[key], "{key}");
    }
}

#[test]
fn at_the_price_of_a_crossover_both_sides_cost_the_same() {
    meets("usd_per_kwh", "cost", |value| format!("usd_per_kwh = {value:?}"));
}

#[test]
fn at_the_chip_cost_of_a_crossover_both_sides_cost_the_same() {
    meets("all_in_usd", "cost", |value| format!("set = {{ \"chip.all_in_usd\" = {value:?} }}"));
}

#[test]
fn at_the_intensity_of_a_crossover_both_sides_emit_the_same() {
    meets("g_per_kwh", "carbon", |value| format!("set = {{ \"site.carbon.g_per_kwh\" = {value:?} }}"));
}

#[test]
fn at_the_restart_time_of_a_crossover_both_sides_take_the_same_time() {
    let values = crossovers("restart_s").into_iter().filter_map(|(c, _)| c["value"].as_f64());
    // `--set` takes at most a million seconds.
    if values.into_iter().any(|value| value <= 1e6) {
        meets("restart_s", "time", |value| format!("set = {{ \"assumptions.restart_s\" = {value:?} }}"));
    }
}

#[test]
fn at_the_mfu_of_a_crossover_both_sides_take_the_same_time() {
    for (crossover, side) in crossovers("mfu") {
        let other = if side == "new" { "old" } else { "new" };
        let (side, other) = (design(&ANSWER, side), design(&ANSWER, other));
        same("MFU today", number(crossover, "/today"), number(side, "/mfu"), SOLVED);
        let Some(value) = crossover["value"].as_f64() else { continue };
        // Steps stretch with the inverse of the MFU; the start of a run does not.
        let startup = number(side, "/sources/entries/assumptions/values/startup_s/value");
        let stretched = startup + (number(side, "/wall_s") - startup) * number(side, "/mfu") / value;
        same("time", stretched, number(other, "/wall_s"), SOLVED);
    }
}

#[test]
fn the_size_of_a_crossover_is_the_first_whose_winner_is_another() {
    for (crossover, side) in crossovers("chips") {
        let Some(value) = crossover["value"].as_f64() else { continue };
        let (chip, site, node) = match side {
            "new" => ("nvidia-h100-sxm", "us-virginia", 8.0),
            _ => ("nvidia-a100-sxm-80gb", "cn-inner-mongolia", 8.0),
        };
        let (target, now) = match side {
            "new" => (number(design(&ANSWER, "old"), "/wall_s"), 192.0),
            _ => (number(design(&ANSWER, "new"), "/wall_s"), 512.0),
        };
        let wall = |chips: f64| {
            let line = format!(
                "estimate --workload llama-2-7b --chip {chip} --site {site} --chips {chips} --engine cpu --json"
            );
            let ran = wattline(&words(&line));
            if ran.code == 3 { f64::INFINITY } else { number(&ran.json(), "/wall_s") }
        };
        assert_eq!(value % node, 0.0);
        assert_ne!(value, now, "the winner cannot be another one at today's size");
        // Fewer chips may lay out better: the answer lies on the envelope of what fewer can do.
        let reached =
            |chips: f64| (0..4).map(|less| wall(chips - node * f64::from(less))).fold(f64::INFINITY, f64::min);
        let (fast, slow) = if value < now { (value + node, value) } else { (value, value - node) };
        assert!(reached(fast) <= target * (1.0 + SOLVED), "{side}: {fast} chips are too slow");
        assert!(reached(slow) > target * (1.0 - SOLVED), "{side}: {slow} chips are enough");
    }
}

#[test]
fn the_megawatts_of_a_crossover_keep_its_chips() {
    for ((power, side), (chips, _)) in crossovers("cap_mw").into_iter().zip(crossovers("chips")) {
        let (Some(megawatts), Some(chips)) = (power["value"].as_f64(), chips["value"].as_f64()) else { continue };
        let (chip, site) = match side {
            "new" => ("nvidia-h100-sxm", "us-virginia"),
            _ => ("nvidia-a100-sxm-80gb", "cn-inner-mongolia"),
        };
        // A hair more, so that rounding takes no node away.
        let cap = megawatts * (1.0 + 1e-9);
        let line =
            format!("estimate --workload llama-2-7b --chip {chip} --site {site} --cap-mw {cap} --engine cpu --json");
        let ran = wattline(&words(&line));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(number(&ran.json(), "/chips"), chips, "{side} at {megawatts} MW");
    }
}

#[test]
fn prices_of_different_kinds_are_warned_about() {
    let text = SCENARIO.replace("{a}", "price_kind = \"industrial\"").replace("{b}", "usd_per_kwh = 0.03");
    let (_folder, path) = file("small.toml", text.as_bytes());
    let ran = wattline(&["compare", path.to_str().unwrap(), "--engine", "cpu"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("different kinds"), "{}", ran.stderr);
    assert!(!ran.stdout.contains('\u{1b}'));
}

#[test]
fn the_page_of_a_comparison_fits_into_eighty_columns() {
    let (_folder, path) = file("small.toml", SCENARIO.replace("{a}", "").replace("{b}", "").as_bytes());
    let ran = wattline(&["compare", path.to_str().unwrap(), "--engine", "cpu"]);
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    // Some dozens of chips draw kilowatts.
    let megawatts: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("megawatts of")).collect();
    assert!(!megawatts.is_empty() && megawatts.iter().all(|line| line.contains(" kW")), "{}", ran.stdout);
    let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in ["P10-P90 holds four in five runs", "its chance to win"] {
        assert!(text.contains(said), "the page does not explain its bands: {text}");
    }
}

#[test]
fn a_side_that_is_not_feasible_says_why_beside_the_one_that_is() {
    let (_folder, path) = file(
        "small.toml",
        SCENARIO
            .replace("{a}", "")
            .replace("{b}", "")
            .replace("llama-2-7b", "llama-3.1-405b")
            .replace("192", "8")
            .as_bytes(),
    );
    let ran = wattline(&["compare", path.to_str().unwrap(), "--engine", "cpu", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let document = ran.json();
    assert_eq!(design(&document, "new")["feasible"], false);
    assert_eq!(design(&document, "new")["rejected"]["reason"], "memory");
    assert_eq!(design(&document, "old")["feasible"], true);
    assert_eq!(document["winners"][0]["winner"], "old");
}

#[test]
fn the_headline_runs_without_an_argument() {
    let ran = wattline(&["compare"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for title in ["winner", "where the winner changes", "A in fp8", "subsidised", "P10-P90"] {
        assert!(ran.stdout.contains(title), "no {title} in {}", ran.stdout);
    }
}

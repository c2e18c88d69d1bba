//! `wattline estimate`: every field of the contract, and the identities between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use std::path::Path;
use std::sync::LazyLock;

use program::{answer, number, same, wattline, words};
use serde_json::Value;
use wattline::library::entry_kind::EntryKind;
use wattline::library::record::{Kind, Value as Known};
use wattline::library::store::{Library, Status};
use wattline::library::workload::Precision;
use wattline::model::roofline::{half_peak, peak};

/// The contract's own figure for every identity between printed numbers.
const IDENTITY: f64 = 1e-6;

/// The three runs by which the contract is judged, each with its chip and what its plan states.
const RUNS: [(&str, &str, &[&str]); 3] = [
    (
        "estimate --workload llama-3.1-405b --chip nvidia-h100-sxm --chips 16384 --plan tp=8,pp=16,cp=1 --tokens 15.6e12",
        "nvidia-h100-sxm",
        &["tp", "cp", "pp"],
    ),
    ("estimate --workload deepseek-v3 --chip nvidia-h800-sxm --chips 2048", "nvidia-h800-sxm", &[]),
    ("estimate --workload gpt-3-175b --chip nvidia-a100-sxm-80gb --chips 1024", "nvidia-a100-sxm-80gb", &[]),
];

static ANSWERS: LazyLock<Vec<Value>> = LazyLock::new(|| RUNS.iter().map(|(line, ..)| answer(line)).collect());

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::open::<&Path>(&[]).unwrap());

const NUMBERS: &[&str] = &[
    "chips",
    "chips_used",
    "chips_spare",
    "step_s",
    "steps",
    "tokens_per_s",
    "tokens_per_s_per_chip",
    "tflops_per_chip",
    "mfu",
    "mfu_bf16",
    "mfu_full_attention",
    "hfu",
    "memory_bytes",
    "goodput",
    "wall_s",
    "avg_chip_w",
    "avg_node_w",
    "avg_it_w",
    "avg_facility_w",
    "peak_facility_w",
    "it_energy_j",
    "facility_energy_j",
    "cost_usd_per_token",
    "electricity_share",
    "energy_j_per_token",
    "cost_usd/total",
    "cost_usd/chips",
    "cost_usd/facility",
    "cost_usd/operations",
    "cost_usd/electricity",
    "co2_kg/operational",
    "co2_kg/embodied",
    "co2_kg/total",
];
const WHOLE: &[&str] = &["tp", "pp", "vpp", "cp", "ep", "etp", "dp", "micro_batch", "global_batch"];
const WORDS: &[&str] = &["recompute", "shard", "precision", "schedule"];

fn at(document: &Value, key: &str) -> f64 {
    number(document, &format!("/{key}"))
}

fn sum(object: &Value) -> f64 {
    object.as_object().unwrap().values().map(|value| value.as_f64().unwrap()).sum()
}

#[test]
fn every_field_of_the_contract_is_there_with_its_type() {
    for (document, (line, _, stated)) in ANSWERS.iter().zip(RUNS) {
        assert_eq!(document["feasible"], true, "{line}");
        assert!(document["rejected"].is_null());
        for key in NUMBERS {
            let value = at(document, key);
            assert!(value.is_finite() && value >= 0.0, "{line}: {key} is {value}");
            assert!(value > 0.0 || *key == "chips_spare", "{line}: {key} is 0");
        }
        for key in WHOLE {
            assert!(document["plan"][key].as_u64().is_some_and(|n| n > 0), "{line}: {key}");
        }
        for key in WORDS {
            assert!(document["plan"][key].is_string(), "{line}: {key}");
        }
        assert!(document["plan"]["sequence_parallel"].is_boolean());
        assert_eq!(document["plan_stated"], serde_json::json!(stated));
        assert!(document["coverage"].as_array().unwrap().iter().all(Value::is_string));
        for part in ["step_s", "facility_energy_j"] {
            let causes = document["breakdown"][part].as_object().unwrap();
            assert!(!causes.is_empty() && causes.values().all(|v| v.as_f64().is_some_and(|n| n >= 0.0)), "{part}");
        }
    }
}

#[test]
fn the_parts_of_a_breakdown_sum_to_their_total() {
    for document in ANSWERS.iter() {
        same("step", sum(&document["breakdown"]["step_s"]), at(document, "step_s"), IDENTITY);
        let energy = sum(&document["breakdown"]["facility_energy_j"]);
        same("energy", energy, at(document, "facility_energy_j"), IDENTITY);
        for whole in ["cost_usd", "co2_kg"] {
            let total = at(document, &format!("{whole}/total"));
            same(whole, sum(&document[whole]), 2.0 * total, IDENTITY);
        }
    }
}

#[test]
fn the_figures_of_an_estimate_agree_with_each_other() {
    for (document, (_, chip, _)) in ANSWERS.iter().zip(RUNS) {
        let get = |key: &str| at(document, key);
        let seq_len = get("seq_len");
        assert_eq!(seq_len, number(document, "/sources/inputs/seq_len/value"));
        let batch = get("plan/global_batch");
        same("energy", get("facility_energy_j"), get("avg_facility_w") * get("wall_s"), IDENTITY);
        same("IT energy", get("it_energy_j"), get("avg_it_w") * get("wall_s"), IDENTITY);
        same("tokens", get("tokens_per_s"), batch * seq_len / get("step_s"), IDENTITY);
        same("wall", get("wall_s"), get("steps") * get("step_s") / get("goodput"), IDENTITY);
        let chip = LIBRARY.chip(chip).unwrap();
        let precision = Precision::parse(document["plan"]["precision"].as_str().unwrap()).unwrap();
        let rate = get("tflops_per_chip") * 1e12;
        same("mfu", get("mfu"), rate / peak(&chip, precision), IDENTITY);
        same("mfu_bf16", get("mfu_bf16"), rate / half_peak(&chip), IDENTITY);
        same("rate", get("tokens_per_s_per_chip") * get("chips_used"), get("tokens_per_s"), IDENTITY);
        same("chips", get("chips_used") + get("chips_spare"), get("chips"), IDENTITY);
        let plan = &document["plan"];
        let ranks: u64 = ["tp", "cp", "pp", "dp"].iter().map(|key| plan[key].as_u64().unwrap()).product();
        assert_eq!(ranks as f64, get("chips_used"));
        let tokens = get("steps") * batch * seq_len;
        same("cost of a token", get("cost_usd_per_token") * tokens, get("cost_usd/total"), IDENTITY);
        same("energy of a token", get("energy_j_per_token") * tokens, get("facility_energy_j"), IDENTITY);
        same("share", get("electricity_share") * get("cost_usd/total"), get("cost_usd/electricity"), IDENTITY);
        assert!(get("hfu") >= get("mfu") && get("mfu_full_attention") > get("mfu"));
        assert!(get("goodput") <= 1.0 && get("peak_facility_w") > get("avg_facility_w"));
        assert!(get("avg_node_w") > get("avg_chip_w"));
    }
}

#[test]
fn what_nobody_typed_has_default_as_its_source() {
    let [llama, deepseek, gpt] = &ANSWERS[..] else { panic!("three answers") };
    for document in [llama, deepseek, gpt] {
        for key in ["cluster", "stack", "site", "global_batch", "seq_len", "precision", "cost"] {
            assert_eq!(document["sources"]["inputs"][key]["source"], "default", "{key}");
        }
        assert_eq!(document["sources"]["inputs"]["site"]["value"], "us-average");
        assert_eq!(document["sources"]["inputs"]["cost"]["value"], "ownership");
        assert_eq!(document["sources"]["inputs"]["chips"]["source"], "command line");
    }
    assert_eq!(llama["sources"]["inputs"]["tokens"]["source"], "command line");
    assert_eq!(number(llama, "/sources/inputs/global_batch/value"), 2048.0);
    assert_eq!(number(llama, "/sources/inputs/seq_len/value"), 8192.0);
    assert_eq!(deepseek["sources"]["inputs"]["tokens"]["source"], "default");
    assert_eq!(number(deepseek, "/sources/inputs/tokens/value"), 14.8e12);
    assert_eq!(number(deepseek, "/sources/inputs/global_batch/value"), 15_360.0);
    assert_eq!(deepseek["plan"]["precision"], "fp8");
    assert_eq!(number(gpt, "/sources/inputs/tokens/value"), 300e9);
    assert_eq!(number(gpt, "/sources/inputs/global_batch/value"), 1536.0);
}

#[test]
fn every_value_of_every_entry_has_a_kind_and_a_source() {
    for document in ANSWERS.iter() {
        for (key, input) in document["sources"]["inputs"].as_object().unwrap() {
            assert!(input["source"].as_str().is_some_and(|text| !text.is_empty()), "{key}");
            assert!(!input["value"].is_null() && input["unit"].is_string(), "{key}");
        }
        let entries = document["sources"]["entries"].as_object().unwrap();
        for kind in ["chip", "cluster", "workload", "stack", "site", "calibration", "assumptions"] {
            let values = entries[kind]["values"].as_object().unwrap();
            assert!(!values.is_empty(), "{kind}");
            for (key, value) in values {
                assert!(value["source"].as_str().is_some_and(|text| !text.is_empty()), "{kind} {key}");
                assert!(value["kind"].as_str().is_some_and(|word| Kind::parse(word).is_some()), "{kind} {key}");
            }
        }
    }
}

#[test]
fn json_is_one_document_and_nothing_else_on_stdout() {
    let ran = wattline(&words(&format!("{} --json", RUNS[2].0)));
    assert!(ran.stdout.starts_with('{') && ran.stdout.ends_with("}\n"));
    assert_eq!(ran.json()["feasible"], true);
    assert!(!ran.stderr.contains("error") && !ran.stderr.contains("warning"), "{}", ran.stderr);
}

#[test]
fn the_page_of_an_estimate_fits_into_eighty_columns_without_colours() {
    let ran = wattline(&words(RUNS[2].0));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stdout.contains('\u{1b}'));
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn fields_that_a_plan_states_are_kept_as_they_are() {
    let document = answer(
        "estimate --workload gpt-3-13b --chip nvidia-a100-sxm-80gb --chips 128 --global-batch 512 --precision bf16 \
         --plan tp=4,pp=4,cp=1,vpp=2,dp=8,micro_batch=2,recompute=full,shard=optimizer,sequence_parallel=true",
    );
    for (key, value) in
        [("tp", 4), ("pp", 4), ("cp", 1), ("vpp", 2), ("dp", 8), ("micro_batch", 2), ("global_batch", 512)]
    {
        assert_eq!(document["plan"][key], value, "{key}");
    }
    assert_eq!(document["plan"]["recompute"], "full");
    assert_eq!(document["plan"]["shard"], "optimizer");
    assert_eq!(document["plan"]["sequence_parallel"], true);
    assert_eq!(document["plan"]["schedule"], "interleaved");
    assert_eq!(document["plan"]["precision"], "bf16");
    let stated: Vec<&str> = document["plan_stated"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    for key in ["tp", "pp", "cp", "vpp", "dp", "micro_batch", "recompute", "shard", "sequence_parallel", "precision"] {
        assert!(stated.contains(&key), "{key} is not in {stated:?}");
    }
    assert!(!stated.contains(&"ep"));
}

#[test]
fn a_named_plan_uses_exactly_the_typed_chips() {
    let document = answer("estimate --workload gpt-3-13b --chip h100 --chips 120 --plan tp=8,pp=3");
    assert_eq!(at(&document, "chips_used"), 120.0);
    assert_eq!(at(&document, "chips_spare"), 0.0);
    assert_eq!(document["plan"]["dp"], 5);
}

#[test]
fn a_searched_plan_leaves_at_most_a_tenth_as_spares() {
    let document = answer("estimate --workload gpt-3-13b --chip h100 --chips 127 --plan auto");
    let used = at(&document, "chips_used");
    assert!((0.9 * 127.0..127.0).contains(&used), "{used}");
    assert_eq!(used + at(&document, "chips_spare"), 127.0);
    assert_eq!(document["plan_stated"], serde_json::json!([]));
}

#[test]
fn a_typed_batch_is_exact_and_a_default_one_is_near_its_target() {
    // 1000 sequences divide by no data-parallel size that uses all of 88 chips: ten groups, or forty pairs, do.
    let document = answer("estimate --workload llama-2-7b --chip h100 --chips 88 --global-batch 1000");
    assert_eq!(document["plan"]["global_batch"], 1000);
    let document = answer("estimate --workload llama-2-7b --chip h100 --chips 88");
    let target = number(&document, "/sources/inputs/global_batch/value");
    assert!((at(&document, "plan/global_batch") / target - 1.0).abs() <= 0.1);
    // One micro-batch a replica, and more replicas than the target has sequences.
    let document = answer("estimate --workload gpt-3-13b --chip h100 --chips 260 --global-batch 256 --plan auto");
    assert_eq!(document["plan"]["global_batch"], 256);
}

#[test]
fn more_replicas_than_the_target_has_sequences_round_the_batch_up() {
    let document =
        answer("estimate --workload gpt-3-175b --chip h100 --chips 12800 --plan tp=8,pp=1,dp=1600,shard=full");
    assert_eq!(document["plan"]["global_batch"], 1600);
}

#[test]
fn a_precision_that_the_chip_lacks_falls_back_with_a_warning() {
    for (line, instead) in [
        ("estimate --workload deepseek-v3 --chip nvidia-a100-sxm-80gb --chips 4096", "bf16"),
        ("estimate --workload llama-2-7b --chip nvidia-v100-sxm2-32gb --chips 512", "fp16"),
        ("estimate --workload llama-2-7b --chip h100 --chips 64 --precision fp4", "bf16"),
    ] {
        let ran = wattline(&words(&format!("{line} --json")));
        assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
        assert_eq!(ran.json()["plan"]["precision"], instead, "{line}");
        assert_eq!(ran.stderr.matches("warning:").count(), 1, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("estimated in"), "{line}: {}", ran.stderr);
    }
}

#[test]
fn rent_takes_the_place_of_capital() {
    let document = answer("estimate --workload llama-2-7b --chip h100 --chips 64 --rental");
    let cost = document["cost_usd"].as_object().unwrap();
    assert!(cost.contains_key("rental") && !cost.contains_key("chips") && !cost.contains_key("facility"));
    same("cost", sum(&document["cost_usd"]), 2.0 * at(&document, "cost_usd/total"), IDENTITY);
}

#[test]
fn a_power_cap_slows_the_run_and_saves_the_chips_energy() {
    let line = "estimate --workload llama-2-7b --chip h100 --chips 64 --plan tp=1,pp=1,micro_batch=2,shard=full,recompute=none";
    let free = answer(line);
    let capped = answer(&format!("{line} --power-cap 450"));
    assert!(at(&capped, "step_s") > at(&free, "step_s"));
    assert!(at(&capped, "avg_chip_w") < at(&free, "avg_chip_w") && at(&capped, "avg_chip_w") <= 450.0);
    let chip_energy = |document: &Value| at(document, "avg_chip_w") * at(document, "wall_s");
    assert!(chip_energy(&capped) < chip_energy(&free));
    assert!(at(&capped, "peak_facility_w") < at(&free, "peak_facility_w"));
    let page = wattline(&words(&format!("{line} --power-cap 450"))).stdout;
    let clock = format!("power cap 450 W a chip: {:.0} % of the clock", 100.0 * at(&capped, "clock_ratio"));
    assert!(page.contains(&clock), "{page}");
}

#[test]
fn megawatts_give_the_chips_that_nobody_typed() {
    let document = answer("estimate --workload llama-2-7b --chip h100 --cap-mw 0.5");
    let chips = at(&document, "chips");
    assert_eq!(chips % 8.0, 0.0);
    assert!(at(&document, "peak_facility_w") <= 0.5e6 * (1.0 + IDENTITY));
    let one_node_more = at(&document, "peak_facility_w") * (chips + 8.0) / chips;
    assert!(one_node_more > 0.5e6, "{chips} chips");
    assert_eq!(document["sources"]["inputs"]["chips"]["source"], "as many as the megawatts keep");
}

#[test]
fn a_design_that_is_not_feasible_still_prints_its_document() {
    let ran = wattline(&words("estimate --workload llama-3.1-405b --chip h100 --chips 8 --plan tp=8,pp=1,dp=1 --json"));
    assert_eq!(ran.code, 3);
    let document = ran.json();
    assert_eq!(document["feasible"], false);
    assert_eq!(document["rejected"]["reason"], "memory");
    assert!(document["rejected"]["detail"].as_str().unwrap().contains("GiB"));
    assert_eq!(document["plan_stated"], serde_json::json!(["tp", "pp", "dp"]));
    assert!(ran.stderr.contains("error:"));
}

#[test]
fn an_input_that_is_wrong_prints_its_error_document() {
    let ran = wattline(&words("estimate --workload gpt-3-13b --chip h100 --chips 64 --plan tp=3 --json"));
    assert_eq!(ran.code, 2);
    let document = ran.json();
    for key in ["message", "file", "line", "key", "help"] {
        assert!(document["error"].get(key).is_some(), "{key}");
    }
    assert_eq!(document["error"]["key"], "tp");
}

/// Any value that a key of the chip may hold, for keys whose value does not matter to a test.
fn supply(key: &str) -> String {
    let h100 = LIBRARY.record(EntryKind::Chip, "nvidia-h100-sxm").unwrap();
    match &h100.sourced(key).unwrap_or_else(|| panic!("H100 has no {key}")).value {
        Known::Number(number) => number.to_string(),
        Known::Integer(number) => number.to_string(),
        Known::Text(text) => text.clone(),
        other => panic!("{key}: {other:?}"),
    }
}

#[test]
fn an_incomplete_chip_names_what_it_lacks_and_runs_once_it_is_supplied() {
    let (listings, _) = LIBRARY.listing(EntryKind::Chip);
    let incomplete: Vec<_> = listings.iter().filter(|listing| listing.status == Status::Incomplete).collect();
    assert!(!incomplete.is_empty());
    for chip in incomplete {
        let line = format!("estimate --workload llama-2-7b --chip {} --chips 64 --plan auto --json", chip.name);
        let ran = wattline(&words(&line));
        assert_eq!(ran.code, 3, "{}: {}", chip.name, ran.stderr);
        assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
        let document = ran.json();
        assert_eq!(document["feasible"], false);
        assert_eq!(document["rejected"]["reason"], "incomplete");
        let detail = document["rejected"]["detail"].as_str().unwrap();
        let mut supplied = words(&line).into_iter().map(str::to_owned).collect::<Vec<_>>();
        for key in &chip.missing {
            assert!(detail.contains(&format!("--set chip.{key}=")), "{}: no {key} in {detail}", chip.name);
            supplied.extend(["--set".to_owned(), format!("chip.{key}={}", supply(key))]);
        }
        let ran = wattline(&supplied);
        // What the H100's figures do not fit together with, or a vendor without a stack, may still be refused.
        let other = ran.stderr.contains("inconsistent") || ran.stderr.contains("no stack");
        assert!(ran.code == 0 || other, "{}: {}", chip.name, ran.stderr);
    }
}

#[test]
fn a_chip_announced_but_not_shipping_says_so() {
    let (listings, _) = LIBRARY.listing(EntryKind::Chip);
    let announced = listings.iter().find(|l| l.status == Status::Announced && l.missing.is_empty());
    let Some(chip) = announced else { return };
    let ran = wattline(&words(&format!("estimate --workload llama-2-7b --chip {} --chips 144", chip.name)));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("announced"), "{}", ran.stderr);
}

#[test]
fn a_coarse_workload_says_that_its_estimate_is_coarse() {
    let ran = wattline(&words("estimate --workload coarse-70b --chip h100 --chips 512 --json"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("coarse"), "{}", ran.stderr);
    assert!(ran.json()["coverage"].as_array().unwrap().iter().any(|note| note.as_str().unwrap().contains("coarse")));
}

//! `wattline validate`, run as a user runs it: the shipped evidence, tables of one's own, faulty ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// Accuracies that are promised, each with the reason for its value.
struct Tolerance {
    most: f64,
    reason: &'static str,
}

const STATED_PLANS: Tolerance = Tolerance {
    most: 0.15,
    reason: "0.116 when fitted; a leave-source-out fit scatters by 0.03 (bootstrap over sources)",
};
const VTRAIN: Tolerance = Tolerance {
    most: 0.12,
    reason: "8.6 % and 7.0 % when fitted; vTrain itself, from profiled kernels, has 8.4 % and 14.7 %",
};
const NODE_POWER: Tolerance =
    Tolerance { most: 0.09, reason: "the promise: mean node watts within 9 %; 0.05 when fitted, 0.08 left out" };
const CAPPED_THROUGHPUT: Tolerance =
    Tolerance { most: 0.03, reason: "the aim for chips with a measured curve; 0.02 when fitted" };
const CAPPED_ENERGY: Tolerance = Tolerance { most: 0.06, reason: "0.04 when fitted" };
const METERED_ENERGY: Tolerance = Tolerance { most: 0.1, reason: "the sum of a run's errors of time and of power" };
const PEAK_MEMORY: Tolerance = Tolerance {
    most: 0.06,
    reason: "mean 0.043, counted rather than fitted; max_reserved alone scatters by 2-15 % above what was allocated",
};
const PEAK_MEMORY_OF_A_SOURCE: Tolerance = Tolerance {
    most: 0.08,
    reason: "medians of 0.01 to 0.06; readings are rounded to a GB, which may be 1e9 bytes or a GiB",
};
const SHIFT: Tolerance =
    Tolerance { most: 1e-9, reason: "the same arithmetic in the printed and in the computed error" };

impl Tolerance {
    fn admits(&self, error: f64) {
        assert!(error.is_finite() && error < self.most, "{error} is not below {}: {}", self.most, self.reason);
    }
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn validate(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_wattline")).arg("validate").args(arguments).output().unwrap();
    let ran = Ran {
        code: output.status.code().expect("an exit code, not a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

fn document(arguments: &[&str]) -> Value {
    let ran = validate(&[arguments, &["--json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The shipped evidence, judged once.
fn shipped() -> &'static Value {
    static SHIPPED: OnceLock<Value> = OnceLock::new();
    SHIPPED.get_or_init(|| document(&[]))
}

/// A file in a folder of its own; the folder lives as long as the value.
fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

const HEAD: &str = "id,chip,chips,layers,hidden,heads,seq_len,tp,pp,micro_batch,global_batch_seqs,precision,recompute,attention,stack,sec_per_iter,days,tokens_total,notes,confidence\n";
const ROW: &str = "good,h100,64,32,4096,32,4096,2,1,1,128,bf16,none,gqa,,2.0,,,,\n";

fn judged(rows: &str) -> (Value, String) {
    let (_folder, path) = file("runs.csv", format!("{HEAD}{rows}").as_bytes());
    let ran = validate(&[path.to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    (serde_json::from_str(&ran.stdout).unwrap(), ran.stderr)
}

fn row<'a>(document: &'a Value, id: &str) -> &'a Value {
    document["rows"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no row {id}"))
}

/// A faulty input ends in exit 2 with one diagnostic, in words and in JSON.
fn refused(arguments: &[&str]) -> Value {
    let ran = validate(&[arguments, &["--json"]].concat());
    assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(document.get("others").is_none(), "{document}");
    document["error"].clone()
}

fn refused_file(name: &str, bytes: &[u8]) -> Value {
    let (_folder, path) = file(name, bytes);
    let error = refused(&[path.to_str().unwrap()]);
    assert!(error["file"].as_str().unwrap().ends_with(name), "{error}");
    error
}

#[test]
fn the_published_runs_with_stated_plans_are_predicted_within_the_promise() {
    let stated = &shipped()["summary"]["stated_plan"];
    assert!(stated["scored"].as_u64().unwrap() > 600);
    STATED_PLANS.admits(stated["mean_of_source_medians"].as_f64().unwrap());
}

#[test]
fn the_node_power_of_transformers_is_predicted_within_the_promise() {
    let power = &shipped()["power"];
    let scored: Vec<&Value> =
        power["rows"].as_array().unwrap().iter().filter(|row| row["status"] == "scored").collect();
    // Row 15 contradicts itself: 3,354 W less 8 x 338 W leave 650 W for a host that draws 1,140 to 1,780 W elsewhere.
    let sizes = scored
        .iter()
        .filter(|row| row["id"] != "15")
        .map(|row| (row["predicted"].as_f64().unwrap() / row["measured"].as_f64().unwrap() - 1.0).abs());
    let sizes: Vec<f64> = sizes.collect();
    assert!(sizes.len() >= 14);
    NODE_POWER.admits(sizes.iter().sum::<f64>() / sizes.len() as f64);
    for row in power["rows"].as_array().unwrap() {
        assert_eq!(row["quantity"], "node_w");
        assert!(row["status"] == "scored" || !row["reason"].as_str().unwrap().is_empty());
    }
}

#[test]
fn the_cap_curves_are_predicted_within_the_promise() {
    let caps = &shipped()["power_caps"];
    for (quantity, tolerance) in [("relative_throughput", CAPPED_THROUGHPUT), ("relative_energy", CAPPED_ENERGY)] {
        let groups = caps["by_quantity"].as_array().unwrap();
        let group = groups.iter().find(|group| group["quantity"] == quantity).unwrap();
        assert!(group["scored"].as_u64().unwrap() >= 30);
        tolerance.admits(group["mape"].as_f64().unwrap());
    }
}

#[test]
fn the_metered_energy_of_a_whole_run_is_predicted() {
    let rows = shipped()["rows"].as_array().unwrap();
    let metered: Vec<&Value> = rows.iter().filter(|row| row["quantity"] == "energy_mwh").collect();
    let run = metered.iter().find(|row| row["id"] == "mlperf-training-v4-0-power-002").unwrap();
    METERED_ENERGY.admits(run["error"].as_f64().unwrap().abs());
}

#[test]
fn peak_memory_of_stated_plans_is_predicted_within_the_promise() {
    let memory = &shipped()["memory"];
    assert!(memory["summary"]["scored"].as_u64().unwrap() > 130);
    PEAK_MEMORY.admits(memory["summary"]["mape"].as_f64().unwrap());
    for source in memory["by_source"].as_array().unwrap().iter().filter(|s| s["scored"].as_u64() >= Some(3)) {
        PEAK_MEMORY_OF_A_SOURCE.admits(source["median_abs_error"].as_f64().unwrap());
    }
}

#[test]
fn what_ran_fits_and_what_ran_out_of_memory_does_not() {
    let shipped = shipped();
    let facts = &shipped["memory"]["summary"];
    let (met, missed) = (facts["facts_met"].as_u64().unwrap(), facts["facts_missed"].as_u64().unwrap());
    assert!(met >= 17 && missed <= 2, "{met} facts met, {missed} missed");
    let runs = shipped["rows"].as_array().unwrap();
    let denied: Vec<_> = runs.iter().filter(|row| row["memory_disagrees"] == true).collect();
    assert!(denied.len() <= 4, "runs that did run, and would not fit: {denied:#?}");
}

#[test]
fn vtrain_is_predicted_within_the_promise_where_the_facts_are_at_hand() {
    let Some(facts) = std::env::var_os("WATTLINE_FACTS") else {
        println!("skipped: WATTLINE_FACTS is not set");
        return;
    };
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("evidence/columns/vtrain.toml");
    for (name, rows) in [("single_node_a100.csv", 500), ("multi_node_a100.csv", 40)] {
        let path = Path::new(&facts).join("vtrain").join(name);
        let document = document(&[path.to_str().unwrap(), "--columns", map.to_str().unwrap()]);
        assert!(document["summary"]["scored"].as_u64().unwrap() >= rows, "{name}");
        VTRAIN.admits(document["summary"]["mape"].as_f64().unwrap());
    }
}

#[test]
fn the_document_holds_what_the_contract_promises() {
    let document = shipped();
    let numbers = [
        "scored",
        "unscored",
        "skipped",
        "median_abs_error",
        "mean_of_source_medians",
        "mape",
        "p90_abs_error",
        "bias",
    ];
    let summary = &document["summary"];
    for part in [summary, &summary["all"], &summary["stated_plan"], &summary["chosen_plan"]] {
        for key in numbers {
            assert!(part[key].is_number(), "{key}");
        }
    }
    for part in ["tflops_or_mfu", "set_aside"] {
        assert!(summary[part]["median_abs_error"].is_number(), "{part}");
    }
    for group in ["source", "chip", "stack", "parallelism", "precision", "quantity", "kind"] {
        let entries = document[format!("by_{group}")].as_array().unwrap();
        assert!(entries.iter().all(|entry| entry[group].is_string() && entry["scored"].is_u64()));
    }
    let rows = document["rows"].as_array().unwrap();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        let keys = [
            "id",
            "source",
            "kind",
            "quantity",
            "measured",
            "predicted",
            "error",
            "status",
            "reason",
            "stack",
            "inferred",
            "plan_stated",
        ];
        assert!(keys.iter().all(|key| row.get(key).is_some()), "{row}");
        *counts.entry(row["status"].as_str().unwrap()).or_default() += 1;
        assert_eq!(row["status"] == "scored", row["error"].is_number(), "{row}");
        assert_eq!(row["status"] == "scored", row["reason"].is_null(), "{row}");
    }
    for (status, count) in counts {
        assert_eq!(summary[status].as_u64(), Some(count), "{status}");
    }
}

#[test]
fn an_error_is_positive_where_the_prediction_is_too_slow_and_negative_where_it_is_too_fast() {
    for row in shipped()["rows"].as_array().unwrap().iter().filter(|row| row["status"] == "scored") {
        let (predicted, measured) = (row["predicted"].as_f64().unwrap(), row["measured"].as_f64().unwrap());
        let rate = matches!(row["quantity"].as_str().unwrap(), "tokens_per_s_per_chip" | "tflops_per_chip");
        let error = if rate { (measured / predicted).ln() } else { (predicted / measured).ln() };
        SHIFT.admits((error - row["error"].as_f64().unwrap()).abs());
    }
}

#[test]
fn whole_runs_without_tokens_are_unscored_and_say_why() {
    let power = row(shipped(), "mlperf-training-v4-0-power-001");
    assert_eq!((&power["status"], &power["quantity"]), (&"unscored".into(), &"days".into()));
    assert!(power["reason"].as_str().unwrap().contains("tokens_total"));
    let (document, _) = judged(&format!("{ROW}no-tokens,h100,64,32,4096,32,4096,,,,,bf16,,,,,3.5,,,\n"));
    assert_eq!(row(&document, "no-tokens")["status"], "unscored");
}

#[test]
fn flagged_and_recalled_rows_are_skipped() {
    let (document, _) = judged(&format!(
        "{ROW}flagged,h100,64,32,4096,32,4096,2,1,1,128,bf16,none,gqa,,2.0,,,odd;FLAG: odd,\n\
         recalled,h100,64,32,4096,32,4096,2,1,1,128,bf16,none,gqa,,2.0,,,,recalled\n"
    ));
    assert_eq!(row(&document, "flagged")["status"], "skipped");
    assert_eq!(row(&document, "recalled")["status"], "skipped");
    assert_eq!(row(&document, "good")["status"], "scored");
}

#[test]
fn contradicted_rows_are_kept_with_their_prediction_and_the_arithmetic() {
    for id in ["nvidia-megatron-bridge-perf--173", "nvidia-megatron-bridge-perf--209"] {
        let row = row(shipped(), id);
        assert!(row["status"] == "skipped" && row["predicted"].is_number() && row["error"].is_null(), "{row}");
        assert!(row["reason"].as_str().unwrap().starts_with("contradicted: 5,"), "{row}");
    }
    let power = shipped()["power"]["rows"].as_array().unwrap();
    let contradicted: Vec<&Value> =
        power.iter().filter(|row| row["reason"].as_str().is_some_and(|why| why.contains("650 W"))).collect();
    assert_eq!(contradicted.len(), 1);
    assert_eq!(contradicted[0]["measured"], 3354.0);
}

#[test]
fn a_speed_that_finds_no_prediction_counts_as_a_factor_of_two() {
    let rows = format!("{ROW}lost,h100,8,32,4096,32,4096,8,4,1,128,bf16,none,gqa,,2.0,,,,\n");
    let (document, _) = judged(&rows);
    let (summary, good) = (&document["summary"], row(&document, "good")["error"].as_f64().unwrap().abs());
    assert_eq!((summary["unscored"].as_u64(), summary["counted_as_a_factor_of_two"].as_u64()), (Some(1), Some(1)));
    let median = 0.5 * (good + std::f64::consts::LN_2);
    SHIFT.admits((summary["median_abs_error"].as_f64().unwrap() - median).abs());
    // Run time is no speed, and is not counted.
    let (document, _) = judged(&format!("{ROW}run,h100,64,32,4096,32,4096,,,,,bf16,,,,,3.5,,,\n"));
    assert_eq!(document["summary"]["counted_as_a_factor_of_two"], 0);
}

#[test]
fn the_headline_averages_sources_of_four_rows_or_more() {
    let sources = shipped()["by_source"].as_array().unwrap();
    let medians: Vec<f64> = sources
        .iter()
        .filter(|source| source["scored"].as_u64() >= Some(4))
        .map(|source| source["median_abs_error"].as_f64().unwrap())
        .collect();
    let all = &shipped()["summary"]["all"];
    assert_eq!(all["sources"].as_u64(), Some(medians.len() as u64));
    let mean = medians.iter().sum::<f64>() / medians.len() as f64;
    SHIFT.admits((all["mean_of_source_medians"].as_f64().unwrap() - mean).abs());
}

#[test]
fn parallelism_is_one_word_for_each_row() {
    let (document, _) = judged(&format!("{ROW}blank,h100,64,32,4096,32,4096,,,,128,bf16,,gqa,,2.0,,,,\n"));
    assert_eq!(row(&document, "good")["parallelism"], "tensor");
    assert_eq!(row(&document, "blank")["parallelism"], "chosen");
    let words: Vec<&str> =
        document["by_parallelism"].as_array().unwrap().iter().map(|g| g["parallelism"].as_str().unwrap()).collect();
    assert_eq!(words, ["chosen", "tensor"]);
}

#[test]
fn nothing_is_left_out_in_silence() {
    let reasons = shipped()["summary"]["reasons"].as_array().unwrap();
    let listed: u64 = reasons.iter().map(|reason| reason["rows"].as_u64().unwrap()).sum();
    let summary = &shipped()["summary"];
    assert_eq!(listed, summary["unscored"].as_u64().unwrap() + summary["skipped"].as_u64().unwrap());
}

#[test]
fn predictions_are_better_than_a_constant_rate_on_the_same_rows() {
    let document = document(&["--baseline"]);
    let lines = document["baseline"].as_array().unwrap();
    let own: Vec<&Value> = lines.iter().filter(|line| line["set"] == "these rows").collect();
    assert_eq!(own.len(), 3);
    for figure in ["median_abs_error", "p90_abs_error", "mape"] {
        assert!(own.iter().all(|line| line["rows"] == own[0]["rows"]));
        assert!(own[1..].iter().all(|line| own[0][figure].as_f64() < line[figure].as_f64()), "{figure}: {own:?}");
    }
    let published = lines.iter().find(|line| line["predictor"].as_str().unwrap().starts_with("vTrain")).unwrap();
    assert!(published["predictor"].as_str().unwrap().contains("as published, whole set"));
    assert!(published["source"].is_string());
}

#[test]
fn a_scatter_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, start) in [("a.svg", &b"<svg"[..]), ("b.PNG", b"\x89PNG")] {
        let ran = validate(&["--scatter", &path(name), "--by", "parallelism"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(std::fs::read(path(name)).unwrap().starts_with(start), "{name}");
    }
    for name in ["c.pdf", "c", "nowhere/c.svg", "."] {
        refused(&["--scatter", &path(name)]);
    }
    refused(&["/nonexistent/runs.csv", "--scatter", &path("d.svg")]);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn texts_of_a_table_cannot_steer_the_terminal() {
    let rows = format!("{HEAD}{}", ROW.replace("good", &format!("\u{1b}[31m{}", "long".repeat(1000))));
    let (_folder, path) = file("runs.csv", rows.as_bytes());
    let ran = validate(&[path.to_str().unwrap(), "--rows"]);
    assert!(ran.code == 0 && !ran.stdout.contains('\u{1b}') && ran.stdout.lines().all(|line| line.len() < 200));
}

#[test]
fn odd_but_sound_tables_are_read() {
    let plain = format!("{HEAD}{ROW}");
    let rows = [
        ("byte order mark", format!("\u{feff}{plain}")),
        ("carriage returns", plain.replace('\n', "\r\n")),
        ("spaces", plain.replace(',', " , ")),
        ("capitals", format!("{}{ROW}", HEAD.to_uppercase())),
        ("blank lines", format!("{HEAD}\n\n{ROW}\n{}\n", ",".repeat(19))),
        ("a quoted line break", plain.replace("good", "\"go\nod\"")),
        ("a long field", plain.replace("good", &"long".repeat(100_000))),
        ("a tiny time", format!("{plain}{}", ROW.replace("2.0", "1e-300"))),
        ("a huge time", format!("{plain}{}", ROW.replace("2.0", "1e300"))),
        ("a negative time", format!("{plain}{}", ROW.replace("2.0", "-2.0"))),
        ("a long sequence", format!("{plain}{}", ROW.replace("32,4096,2,", "32,1e9,2,"))),
        ("half a chip", format!("{plain}{}", ROW.replace("64", "64.5"))),
    ];
    for (what, text) in rows {
        let (_folder, path) = file("runs.csv", text.as_bytes());
        let ran = validate(&[path.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= 100), "{what}: {}", ran.stdout);
    }
}

#[test]
fn an_unknown_word_skips_its_row_with_a_warning_that_names_the_nearest() {
    let (document, warnings) = judged(&format!(
        "{ROW}chip,H100-80GB-SMX,64,32,4096,32,4096,2,1,1,128,bf16,none,gqa,,2.0,,,,\n\
         stack,h100,64,32,4096,32,4096,2,1,1,128,bf16,none,gqa,megatron-core-2032,2.0,,,,\n\
         precision,h100,64,32,4096,32,4096,2,1,1,128,bf61,none,gqa,,2.0,,,,\n\
         recompute,h100,64,32,4096,32,4096,2,1,1,128,bf16,ful,gqa,,2.0,,,,\n\
         attention,h100,64,32,4096,32,4096,2,1,1,128,bf16,none,gqqa,,2.0,,,,\n"
    ));
    assert_eq!(row(&document, "good")["status"], "scored");
    let near = [
        ("chip", "nvidia-h100-sxm"),
        ("stack", "megatron-core-2023"),
        ("precision", "bf16"),
        ("recompute", "full"),
        ("attention", "gqa"),
    ];
    for (id, near) in near {
        assert_eq!(row(&document, id)["status"], "skipped", "{id}");
        assert!(warnings.contains(near) && warnings.contains(&format!("row `{id}`")), "{id}: {warnings}");
    }
    assert_eq!(document["warnings"].as_array().unwrap().len(), near.len());
    assert!(document["warnings"][0]["line"] == 3 && document["warnings"][0]["key"] == "chip");
}

#[test]
fn a_word_that_many_rows_use_is_one_warning() {
    let bad = "x,nvidia-h100-smx,64,32,4096,32,4096,2,1,1,128,bf16,none,gqa,,2.0,,,,\n";
    let (document, warnings) = judged(&format!("{ROW}{}", bad.repeat(50)));
    assert_eq!(document["summary"]["skipped"], 50);
    assert_eq!(warnings.matches("warning:").count(), 1);
    assert!(warnings.contains("and 49 more"), "{warnings}");
}

#[test]
fn a_size_that_no_run_can_have_leaves_the_other_rows_alone() {
    let (document, _) = judged(&format!(
        "{ROW}negative,h100,-64,32,4096,32,4096,2,1,1,128,bf16,none,gqa,,2.0,,,,\n\
         huge,h100,64,32,4096,32,4096,99999999999,1,1,128,bf16,none,gqa,,2.0,,,,\n\
         crowded,h100,8,32,4096,32,4096,8,4,1,128,bf16,none,gqa,,2.0,,,,\n"
    ));
    for id in ["negative", "huge", "crowded"] {
        assert_eq!(row(&document, id)["status"], "unscored", "{id}");
    }
    assert_eq!(row(&document, "good")["status"], "scored");
}

#[test]
fn what_a_row_does_not_state_is_named() {
    let (document, _) = judged(&format!("{ROW}bare,h100,64,32,4096,32,,,,,128,,,,,2.0,,,,\n"));
    let names = |id: &str| row(&document, id)["inferred"].as_array().unwrap().clone();
    assert_eq!(names("good"), ["stack"]);
    for field in ["stack", "seq_len", "precision", "plan"] {
        assert!(names("bare").contains(&field.into()), "{field}");
    }
    assert_eq!(row(&document, "bare")["plan_stated"], false);
    assert_eq!(row(&document, "good")["plan_stated"], true);
}

#[test]
fn a_table_without_an_id_gets_row_numbers_and_unknown_columns_one_warning() {
    let text = "chip,chips,layers,hidden,heads,seq_len,tp,pp,micro_batch,global_batch_seqs,sec_per_iter,colour,mood\n\
                h100,64,32,4096,32,4096,2,1,1,128,2.0,red,good\n";
    let (_folder, path) = file("runs.csv", text.as_bytes());
    let ran = validate(&[path.to_str().unwrap(), "--json"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["rows"][0]["id"], "1");
    assert_eq!(ran.stderr.matches("warning:").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("`colour`, `mood`"));
}

#[test]
fn large_errors_are_no_fault() {
    let (document, _) = judged("slow,h100,64,32,4096,32,4096,2,1,1,128,bf16,none,gqa,,2e9,,,,\n");
    assert!(document["summary"]["median_abs_error"].as_f64().unwrap() > 10.0);
}

#[test]
fn a_utilisation_is_expressed_as_a_rate() {
    let text = "chip,chips,layers,hidden,heads,seq_len,tp,pp,micro_batch,global_batch_seqs,mfu_reported,flops_convention\n\
                h100,64,32,4096,32,4096,2,1,1,128,0.4,model; causal half; peak 1000\n";
    let (_folder, path) = file("runs.csv", text.as_bytes());
    let document = document(&[path.to_str().unwrap()]);
    assert_eq!(document["rows"][0]["quantity"], "tflops_per_chip");
    assert!((document["rows"][0]["measured"].as_f64().unwrap() - 400.0).abs() < 1e-6);
}

#[test]
fn memory_and_power_tables_are_judged_on_their_own_quantities() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("evidence");
    for (name, kind, quantity) in
        [("memory_measured.csv", "memory", "peak_memory_gib"), ("power_measured.csv", "power", "node_w")]
    {
        let document = document(&[root.join(name).to_str().unwrap()]);
        assert_eq!(document["kind"], kind);
        assert!(document["rows"].as_array().unwrap().iter().all(|row| row["quantity"] == quantity), "{name}");
        assert!(document["summary"]["scored"].as_u64().unwrap() > 0);
    }
}

#[test]
fn a_page_is_eighty_columns_wide_and_says_what_an_error_is() {
    for arguments in [&["--by", "stack"][..], &["--by", "chip", "--rows"], &["--by", "parallelism", "--baseline"]] {
        let ran = validate(arguments);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("error = ln(predicted / measured)"));
        assert!(
            ran.stdout.contains("stated plan")
                && ran.stdout.contains("Node power")
                && ran.stdout.contains("Peak memory")
        );
        for line in ran.stdout.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn faulty_tables_are_refused_with_their_place() {
    let line = |error: &Value| error["line"].as_u64();
    let missing = refused_file("a.csv", b"chip,chips,layer,hidden,heads,sec_per_iter\nh100,8,32,4096,32,1\n");
    assert!(
        missing["message"].as_str().unwrap().contains("layers") && missing["help"].as_str().unwrap().contains("layer")
    );
    assert_eq!(line(&missing), Some(1));
    let text = refused_file("b.csv", format!("{HEAD}{ROW}{}", ROW.replace("4096", "wide")).as_bytes());
    assert_eq!((line(&text), &text["key"]), (Some(3), &"hidden".into()));
    assert_eq!(line(&refused_file("c.csv", format!("{HEAD}{ROW}h100,8\n").as_bytes())), Some(3));
    for (name, cell) in [("nan", "NaN"), ("inf", "inf"), ("large", "1e999"), ("share", "40%")] {
        let error = refused_file(&format!("{name}.csv"), format!("{HEAD}{}", ROW.replace("2.0", cell)).as_bytes());
        assert!(error["key"] == "sec_per_iter" && line(&error) == Some(2), "{error}");
    }
    let negative = refused_file("negative.csv", format!("{HEAD}{}", ROW.replace("2.0", "-2.0")).as_bytes());
    assert!(negative["message"].as_str().unwrap().contains("`sec_per_iter` is -2"), "{negative}");
    let semicolons = refused_file("semicolons.csv", format!("{HEAD}{ROW}").replace(',', ";").as_bytes());
    assert!(semicolons["help"].as_str().unwrap().contains("commas"));
    refused_file("twice.csv", format!("{}{ROW}", HEAD.replace("days", "sec_per_iter")).as_bytes());
    refused_file("open.csv", format!("{HEAD}\"{ROW}").as_bytes());
    let wide: Vec<u8> = format!("{HEAD}{ROW}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused_file("utf16.csv", &[&[0xff, 0xfe], &wide[..]].concat());
    assert!(refused_file("blank.csv", b" \n")["message"].as_str().unwrap().contains("empty"));
    refused_file("d.csv", HEAD.as_bytes());
    refused_file("e.csv", b"");
    refused_file("f.csv", b"chip,chips\xff\n");
    let unknown = refused_file("g.csv", format!("{HEAD}{}", ROW.replace("h100", "h1000-smx")).as_bytes());
    assert!(unknown["message"].as_str().unwrap().contains("no row"), "{unknown}");
    refused_file("h.csv", format!("{HEAD}x,h100,64,32,4096,32,4096,2,1,1,128,bf16,none,gqa,,,,,,\n").as_bytes());
    refused(&["/nonexistent/runs.csv"]);
    refused(&[env!("CARGO_MANIFEST_DIR")]);
}

#[test]
fn faulty_column_maps_are_refused_with_their_place() {
    let (_folder, runs) = file("runs.csv", format!("{HEAD}{ROW}").as_bytes());
    let runs = runs.to_str().unwrap();
    for (map, line) in [
        ("[columns]\nchipz = \"chip\"\n", Some(2)),
        ("[constants]\nyear = \"soon\"\n", Some(2)),
        ("[columns\n", Some(1)),
        ("[columns]\nchips = \"no such column\"\n", Some(1)),
    ] {
        let (_folder, path) = file("map.toml", map.as_bytes());
        assert_eq!(refused(&[runs, "--columns", path.to_str().unwrap()])["line"].as_u64(), line, "{map}");
    }
    refused(&[runs, "--columns", "/nonexistent/map.toml"]);
    let (_folder, large) = file("large.toml", &vec![b'#'; (16 << 20) + 1]);
    refused(&[runs, "--columns", large.to_str().unwrap()]);
    assert_eq!(validate(&["--columns", runs]).code, 2);
    assert_eq!(validate(&["--by", "colour"]).code, 2);
}

#[test]
fn a_blind_reading_is_printed_beside_the_plain_one_and_never_in_one_mean_with_it() {
    let document = document(&["--blind"]);
    let summary = &document["summary"];
    for part in [&summary["known"], &summary["whole_runs"], &summary["blind"]] {
        assert!(part["scored"].as_u64().unwrap() > 0, "{part}");
        assert!(part["inside"]["rows"].is_number() && part["inside"]["sources"].is_number(), "{part}");
    }
    // The shipped table holds no source that the fit has not seen.
    assert_eq!(summary["new"]["scored"], 0);
    let mean = |part: &Value| part["mean_of_source_medians"].as_f64().unwrap();
    assert!(mean(&summary["blind"]) > mean(&summary["known"]), "{summary}");
    // Nothing of the plain figures moves.
    assert_eq!(summary["mean_of_source_medians"], shipped()["summary"]["mean_of_source_medians"]);
    assert!(shipped()["summary"]["blind"].is_null());
}

#[test]
fn a_source_that_the_fit_never_saw_is_new() {
    let (document, _) = judged(ROW);
    let summary = &document["summary"];
    assert_eq!((&summary["known"]["scored"], &summary["new"]["scored"]), (&Value::from(0), &Value::from(1)));
}

#[test]
fn the_locked_sources_are_five_and_their_mean_is_that_of_each() {
    let document = document(&["--locked"]);
    let runs = &document["runs"];
    let medians: Vec<f64> =
        runs["by_source"].as_array().unwrap().iter().map(|s| s["median_abs_error"].as_f64().unwrap()).collect();
    assert_eq!(medians.len(), 5);
    let mean = medians.iter().sum::<f64>() / 5.0;
    assert!((runs["mean_of_source_medians"].as_f64().unwrap() - mean).abs() < 1e-12);
}

#[test]
fn a_stated_precision_changes_the_prediction_or_is_refused_and_never_replaced() {
    let row_of = |id: &str, chip: &str, precision: &str, notes: &str| {
        format!("{id},{chip},64,32,4096,32,4096,2,1,1,128,{precision},none,gqa,,2.0,,,{notes},\n")
    };
    let mut rows = String::new();
    // Software that is known for 16 and 8 bit alone, and none.
    for notes in ["", "mlperf", "deepspeed"] {
        for precision in ["bf16", "fp8", "nvfp4"] {
            rows.push_str(&row_of(&format!("{notes}-{precision}"), "b200", precision, notes));
        }
    }
    rows.push_str(&row_of("refused", "a100", "fp8", ""));
    let (document, warnings) = judged(&rows);
    for notes in ["", "mlperf", "deepspeed"] {
        let seconds = |precision: &str| {
            let row = row(&document, &format!("{notes}-{precision}"));
            assert_eq!(row["status"], "scored", "{row}");
            row["predicted"].as_f64().unwrap()
        };
        let (wide, eight, four) = (seconds("bf16"), seconds("fp8"), seconds("nvfp4"));
        assert!(wide > eight && eight > four, "{notes}: {wide} {eight} {four}");
    }
    let refused = row(&document, "refused");
    assert!(refused["status"] == "unscored" && refused["predicted"].is_null(), "{refused}");
    assert_eq!(document["summary"]["counted_as_a_factor_of_two"], 1);
    assert!(warnings.contains("has no rate in fp8") && warnings.contains("not scored"), "{warnings}");
}

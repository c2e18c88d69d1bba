//! `wattline fit`, run as a user runs it: constants recovered from runs that the model itself made, the shipped constants
//! reproduced, the written file read back, faulty input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use program::{answer, file, wattline};
use serde_json::Value;

fn evidence(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("evidence").join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The shipped calibration with other values.
fn calibration(values: &BTreeMap<String, f64>) -> String {
    let mut table: toml::Table = std::fs::read_to_string(evidence("calibration.toml")).unwrap().parse().unwrap();
    for (key, value) in values {
        let entry = table[key].as_table_mut().unwrap();
        entry.insert("value".to_owned(), (*value).into());
        entry.remove("range");
    }
    table.to_string()
}

/// The published runs as they would have been measured if these constants were true.
fn runs_under(values: &BTreeMap<String, f64>) -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = file("calibration.toml", calibration(values).as_bytes());
    let library = path.parent().unwrap();
    let judged = answer(&format!("validate {} --library {}", text(&evidence("published_runs.csv")), text(library)));
    let judged: BTreeMap<&str, &Value> =
        judged["rows"].as_array().unwrap().iter().map(|row| (row["id"].as_str().unwrap(), row)).collect();
    let mut reader = csv::Reader::from_path(evidence("published_runs.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let at = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let measured = [
        ("step_s", at("sec_per_iter")),
        ("tokens_per_s_per_chip", at("tokens_per_s_per_chip")),
        ("tflops_per_chip", at("tflops_per_chip")),
    ];
    let runs = folder.path().join("runs.csv");
    let mut writer = csv::Writer::from_path(&runs).unwrap();
    writer.write_record(&headers).unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        let row = judged[&record[at("id")]];
        let Some((_, column)) = measured.iter().find(|(quantity, _)| row["quantity"] == *quantity) else { continue };
        if row["status"] != "scored" || row["plan_stated"] != true {
            continue;
        }
        let fields = record.iter().enumerate().map(|(index, field)| match index {
            index if index == *column => row["predicted"].to_string(),
            index if measured.iter().any(|(_, other)| index == *other) => String::new(),
            _ => field.to_owned(),
        });
        writer.write_record(fields).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    (folder, runs)
}

/// The shipped terms for runs without noise: what the priors say hardly matters.
fn confident_terms() -> String {
    let terms = std::fs::read_to_string(evidence("fit.toml")).unwrap();
    let lines = terms.lines().map(|line| match line.split_whitespace().next() {
        Some("noise") => "noise = 0.003",
        Some("rows_per_source") => "rows_per_source = 1000",
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn constants(document: &Value) -> &Vec<Value> {
    document["constants"].as_array().unwrap()
}

/// Every constant that may be fitted, at its prior; those that published runs determine, away from it by half an sd.
fn a_truth() -> BTreeMap<String, f64> {
    let shipped = answer(&format!("fit {} --quick", text(&evidence("published_runs.csv"))));
    let mut sign = 1.0;
    let value = |constant: &Value| {
        let prior = constant["prior"].as_f64().unwrap();
        if constant["identified"] == true {
            sign = -sign;
        }
        let moved = if constant["identified"] == true { sign * 0.5 } else { 0.0 };
        let sd = constant["prior_relative_sd"].as_f64().unwrap();
        // Shares stay below 1.
        let most = if prior < 1.0 { 0.5 * (1.0 + prior) } else { f64::INFINITY };
        (constant["key"].as_str().unwrap().to_owned(), (prior * (moved * sd).exp()).min(most))
    };
    constants(&shipped).iter().map(value).collect()
}

#[test]
fn constants_are_recovered_from_runs_that_the_model_made_and_the_written_file_is_the_fit() {
    let truth = a_truth();
    let (folder, runs) = runs_under(&truth);
    let terms = folder.path().join("terms.toml");
    std::fs::write(&terms, confident_terms()).unwrap();
    let out = folder.path().join("fitted").join("calibration.toml");
    std::fs::create_dir(out.parent().unwrap()).unwrap();
    let fit = format!("fit {} --priors {}", text(&runs), text(&terms));
    let document = answer(&format!("{fit} --quick --out {}", text(&out)));
    assert!(document["fitted_rows"].as_u64().unwrap() > 500);
    let (mut determined, mut close) = (0, 0);
    for constant in constants(&document) {
        let key = constant["key"].as_str().unwrap();
        let number = |name: &str| constant[name].as_f64().unwrap();
        if constant["identified"] == true && number("relative_sd") < 0.1 * number("prior_relative_sd") {
            determined += 1;
            let error = (number("fit") / truth[key]).ln().abs();
            // Each GEMM takes the better of several tiles, so errors without noise have kinks, at which a descent stops short.
            assert!(error < 0.12, "{key} is {}, the runs were made with {}", number("fit"), truth[key]);
            close += i32::from(error < 0.01);
        }
    }
    assert!(determined >= 10, "{determined} constants are determined");
    assert!(2 * close >= determined, "{close} of {determined} determined constants are met within 1 %");

    // The written file is a library entry with the fitted constants, and writing it anew changes nothing.
    let library = text(out.parent().unwrap());
    assert_eq!(wattline(&["check", text(&out)]).code, 0);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(wattline(&words(&format!("{fit} --check --library {library}"))).code, 0);
    assert_eq!(wattline(&words(&format!("{fit} --check"))).code, 1);
    let first = std::fs::read(&out).unwrap();
    answer(&format!("{fit} --quick --library {library} --out {}", text(&out)));
    assert_eq!(first, std::fs::read(&out).unwrap());
    assert_eq!(std::fs::read_dir(library).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn the_shipped_constants_are_those_of_the_fit_where_the_facts_are_at_hand() {
    if std::env::var_os("WATTLINE_FACTS").is_none() {
        println!("skipped: WATTLINE_FACTS is not set");
        return;
    }
    let ran = wattline(&["fit", "--check"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn scores_are_of_rows_that_the_fit_has_not_seen_and_the_page_is_eighty_columns_wide() {
    // Two sources of a few rows: quick to leave out one by one.
    let whole = std::fs::read_to_string(evidence("published_runs.csv")).unwrap();
    let lines = whole.lines().enumerate().filter(|(at, line)| {
        *at == 0 || line.contains("Korthikanti2022 Table5") || line.contains("Megatron-LM repo 2020 scaling table")
    });
    let few: Vec<&str> = lines.map(|(_, line)| line).collect();
    let (_folder, path) = file("few.csv", few.join("\n").as_bytes());
    let document = answer(&format!("fit {}", text(&path)));
    let scores = &document["scores"]["stated_plan"];
    for way in ["priors", "in_sample", "left_out_by_source", "left_out_by_chip"] {
        assert_eq!(scores[way]["scored"], scores["priors"]["scored"], "{way}");
        assert!(scores[way]["mean_of_source_medians"].as_f64().unwrap() < 0.5, "{way}");
    }
    let left = document["left_out_by_source"].as_array().unwrap();
    assert_eq!(left.len(), 2);
    assert_eq!(document["by_source"].as_array().unwrap().len(), 2);
    // One source's rows are predicted from the other's alone: the error is not that of the fit of both.
    assert_ne!(scores["in_sample"]["median_abs_error"], scores["left_out_by_source"]["median_abs_error"]);
    let ran = wattline(&["fit", text(&path)]);
    assert_eq!(ran.code, 0);
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn runs_that_determine_no_constant_leave_all_at_their_priors() {
    let runs = "chip,chips,layers,hidden,heads,seq_len,global_batch_seqs,precision,tp,pp,micro_batch,sec_per_iter\n\
        h100,8,1000,40960,32,4096,64,bf16,8,1,1,1e-30\n";
    let (_folder, path) = file("runs.csv", runs.as_bytes());
    let document = answer(&format!("fit {} --quick", text(&path)));
    assert_eq!(document["fitted_rows"], 1);
    for constant in constants(&document) {
        assert_eq!((&constant["identified"], &constant["fit"]), (&false.into(), &constant["prior"]), "{constant}");
    }
}

#[test]
fn faulty_input_is_refused_with_its_place() {
    let refused = |arguments: &[&str]| {
        let ran = wattline(&[arguments, &["--json"]].concat());
        assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
        ran.json()["error"].clone()
    };
    let (_folder, terms) = file("terms.toml", confident_terms().replace("gemm_derate ", "gemm_derat ").as_bytes());
    let error = refused(&["fit", "--priors", text(&terms)]);
    assert!(error["help"].as_str().unwrap().contains("gemm_derate"), "{error}");
    assert!(error["line"].is_u64(), "{error}");
    refused(&["fit", "--priors", "/nonexistent/terms.toml"]);
    refused(&["fit", "--facts", "/nonexistent"]);
    refused(&["fit", "/nonexistent/runs.csv"]);
    refused(&["fit", text(&evidence("memory_measured.csv"))]);
    refused(&["fit", "--out", "/nonexistent/calibration.toml"]);
    let folder = tempfile::tempdir().unwrap();
    refused(&["fit", "--out", text(folder.path())]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let output = Command::new(env!("CARGO_BIN_EXE_wattline"))
        .args(["fit", "--check"])
        .env_remove("WATTLINE_FACTS")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "the shipped constants cannot be checked without vTrain's runs");
}

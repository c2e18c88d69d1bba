//! `list`, `show`, `check` and `completions`, run as a user runs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn wattline<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_wattline")).args(arguments).output().unwrap();
    let ran = Ran {
        code: output.status.code().expect("an exit code, not a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A file in a folder of its own; the folder lives as long as the value.
fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    (folder, path)
}

fn show(kind: &str, path: &Path) -> Ran {
    wattline(&["show", kind, path.to_str().unwrap()])
}

/// The input ends in exit 2 with one diagnostic, in text and in JSON, that says all of the words.
fn refused(kind: &str, path: &Path, words: &[&str]) {
    let ran = show(kind, path);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
    assert!(ran.stdout.is_empty());
    for word in words {
        assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
    }
    let ran = wattline(&["show", kind, path.to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 2);
    assert!(json(&ran.stdout)["error"]["message"].is_string());
    let ran = wattline(&["check", "--kind", kind, path.to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

const SITE: &str = "country = \"US\"\nfacility_usd_per_mw = 1e7\ncost_of_capital = 0.1\ndefault_price = \"tariff\"\n\
    [carbon]\ng_per_kwh = 300\nconvention = \"plant\"\n[pue]\nfull = 1.2\n[price.tariff]\nusd_per_kwh = 0.05\n";

#[test]
fn no_command_prints_the_help_on_stderr_and_is_exit_2() {
    let ran = wattline::<&str>(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("Usage"));
}

#[test]
fn help_and_version_are_answers() {
    for argument in ["--help", "--version", "help"] {
        let ran = wattline(&[argument]);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("wattline") || ran.stdout.contains("Usage"));
    }
}

#[test]
fn a_command_that_does_not_exist_is_exit_2_in_text_and_in_json() {
    let ran = wattline(&["lisst", "chips"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("list"));
    let ran = wattline(&["lisst", "chips", "--json"]);
    assert_eq!(ran.code, 2);
    assert!(json(&ran.stdout)["error"]["message"].as_str().unwrap().contains("lisst"));
}

#[test]
fn list_takes_singular_and_plural_in_any_case() {
    for (singular, plural) in [
        ("chip", "chips"),
        ("cluster", "clusters"),
        ("Workload", "WORKLOADS"),
        ("site", "sites"),
        ("stack", "stacks"),
        ("scenario", "scenarios"),
    ] {
        let one = wattline(&["list", singular]);
        assert_eq!(one.code, 0, "{}", one.stderr);
        assert_eq!(one.stdout, wattline(&["list", plural]).stdout);
    }
}

#[test]
fn list_fits_into_eighty_columns() {
    for kind in ["chips", "clusters", "workloads", "sites", "stacks"] {
        let ran = wattline(&["list", kind]);
        let table = ran.stdout.split("\n\n").next().unwrap();
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    }
}

#[test]
fn list_as_json_has_name_title_and_status() {
    let document = json(&wattline(&["list", "chips", "--json"]).stdout);
    let entries = document["entries"].as_array().unwrap();
    let h100 = entries.iter().find(|entry| entry["name"] == "nvidia-h100-sxm").unwrap();
    assert_eq!(h100["status"], "complete");
    assert!(h100["title"].as_str().unwrap().contains("H100"));
}

#[test]
fn show_gives_every_value_its_source() {
    let ran = wattline(&["show", "chip", "H100"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for word in ["tdp_w", "700", "datasheet", "Sources", "[1]"] {
        assert!(ran.stdout.contains(word), "{}", ran.stdout);
    }
    let document = json(&wattline(&["show", "chip", "h100", "--json"]).stdout);
    assert_eq!(document["values"]["tdp_w"]["value"], 700.0);
    assert_eq!(document["values"]["tdp_w"]["unit"], "W");
    assert!(document["values"]["tdp_w"]["source"].is_string());
    assert!(document["values"]["tdp_w"]["line"].as_u64().unwrap() > 0);
}

#[test]
fn show_of_an_incomplete_chip_lists_what_supplies_the_missing_keys() {
    let entries = json(&wattline(&["list", "chips", "--json"]).stdout);
    let incomplete =
        entries["entries"].as_array().unwrap().iter().find(|entry| entry["status"] == "incomplete").unwrap().clone();
    let ran = wattline(&["show", "chip", incomplete["name"].as_str().unwrap()]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("--set chip."), "{}", ran.stdout);
}

#[test]
fn what_show_saves_as_toml_passes_check() {
    let mut cases = vec![("calibration", "calibration".to_owned()), ("assumptions", "assumptions".to_owned())];
    for kind in ["chip", "cluster", "workload", "site", "stack"] {
        let document = json(&wattline(&["list", kind, "--json"]).stdout);
        let names = document["entries"].as_array().unwrap().iter();
        cases.extend(names.step_by(9).map(|entry| (kind, entry["name"].as_str().unwrap().to_owned())));
    }
    for (kind, name) in cases {
        let shown = wattline(&["show", kind, &name, "--toml"]);
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        let (_folder, path) = file("saved.toml", shown.stdout.as_bytes());
        let ran = wattline(&["check", path.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{kind} {name}: {}", ran.stderr);
        assert!(ran.stdout.contains(&format!("{kind} {name}")), "{}", ran.stdout);
    }
}

#[test]
fn a_config_of_hugging_face_is_shown_saved_and_checked() {
    let config = br#"{"model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16,
        "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151936, "tie_word_embeddings": true}"#;
    let (_folder, path) = file("config.json", config);
    assert_eq!(wattline(&["check", path.to_str().unwrap()]).code, 0);
    let saved = wattline(&["show", "workload", path.to_str().unwrap(), "--toml"]);
    assert_eq!(saved.code, 0, "{}", saved.stderr);
    let (_folder, path) = file("saved.toml", saved.stdout.as_bytes());
    assert_eq!(wattline(&["check", path.to_str().unwrap()]).code, 0);
}

#[test]
fn a_misspelt_chip_suggests_the_nearest_and_is_exit_2() {
    let ran = wattline(&["show", "chip", "nvidia-h100-smx"]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.stderr.matches("error:").count(), 1);
    assert!(ran.stderr.contains("nvidia-h100-sxm"));
    let document = json(&wattline(&["show", "chip", "nvidia-h100-smx", "--json"]).stdout);
    assert!(document["error"]["help"].as_str().unwrap().contains("nvidia-h100-sxm"));
}

#[test]
fn a_sound_site_passes_check_without_a_word_about_its_kind() {
    let (_folder, path) = file("mine.toml", SITE.as_bytes());
    let ran = wattline(&["check", path.to_str().unwrap()]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("site mine: nothing wrong"), "{}", ran.stdout);
}

#[test]
fn a_misspelt_key_is_named_with_file_and_line() {
    let (_folder, path) = file("mine.toml", SITE.replace("cost_of_capital", "cost_of_captial").as_bytes());
    let ran = wattline(&["check", path.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("mine.toml:3:1"), "{}", ran.stderr);
    assert!(ran.stderr.contains("did you mean `cost_of_capital`?"), "{}", ran.stderr);
    let document = json(&wattline(&["check", "--json", path.to_str().unwrap()]).stdout);
    assert_eq!(document["error"]["line"], 3);
    assert_eq!(document["error"]["key"], "cost_of_captial");
}

#[test]
fn a_missing_key_is_one_diagnostic() {
    let (_folder, path) = file("mine.toml", SITE.replace("country = \"US\"\n", "").as_bytes());
    refused("site", &path, &["missing key `country`", "mine.toml"]);
}

#[test]
fn a_negative_value_is_one_diagnostic() {
    let (_folder, path) = file("mine.toml", SITE.replace("= 300", "= -300").as_bytes());
    refused("site", &path, &["carbon.g_per_kwh", "-300", "mine.toml:6:"]);
}

#[test]
fn values_that_are_no_finite_number_are_one_diagnostic() {
    for word in ["nan", "inf", "-inf", "1e999"] {
        let (_folder, path) = file("mine.toml", SITE.replace("= 300", &format!("= {word}")).as_bytes());
        refused("site", &path, &["mine.toml:6:"]);
    }
}

#[test]
fn a_value_outside_its_range_is_one_diagnostic() {
    let (_folder, path) = file("mine.toml", SITE.replace("= 1.2", "= 0.9").as_bytes());
    refused("site", &path, &["pue.full", "between 1 and 3"]);
    let (_folder, path) = file("mine.toml", SITE.replace("= 1.2", "= { value = 1.2, range = [1.3, 1.4] }").as_bytes());
    refused("site", &path, &["outside its own range"]);
    let (_folder, path) = file("mine.toml", format!("curtailment = 5\n{SITE}").as_bytes());
    refused("site", &path, &["0.05"]);
}

#[test]
fn text_for_a_number_is_one_diagnostic_that_shows_how_to_write_it() {
    let (_folder, path) = file("mine.toml", SITE.replace("= 300", "= \"300\"").as_bytes());
    refused("site", &path, &["carbon.g_per_kwh = 300", "without quotes"]);
}

#[test]
fn a_wrong_word_is_one_diagnostic_with_the_words() {
    let (_folder, path) = file("mine.toml", SITE.replace("\"plant\"", "\"plannt\"").as_bytes());
    refused("site", &path, &["plannt", "did you mean \"plant\"?", "grid_average"]);
}

#[test]
fn truncated_toml_is_one_diagnostic() {
    let (_folder, path) = file("mine.toml", &SITE.as_bytes()[..9]);
    refused("site", &path, &["not valid TOML", "mine.toml:1:"]);
}

#[test]
fn bytes_that_are_not_utf_8_are_one_diagnostic() {
    let (_folder, path) = file("mine.toml", b"country = \"\xff\xfe\"\n");
    refused("site", &path, &["not UTF-8", "mine.toml:1:12"]);
}

#[test]
fn a_file_of_100_mb_is_one_diagnostic() {
    let (_folder, path) = file("mine.toml", b"");
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100_000_000).unwrap();
    refused("site", &path, &["16 MiB"]);
}

#[test]
fn a_folder_and_an_absent_file_are_one_diagnostic() {
    let folder = tempfile::tempdir().unwrap();
    refused("site", &folder.path().join("."), &["is a folder"]);
    refused("site", &folder.path().join("absent.toml"), &["there is no file"]);
}

#[test]
fn a_workload_without_layers_is_one_diagnostic() {
    let run = "family = \"f\"\n[run]\ntokens = 1e9\nglobal_batch = 8\nseq_len = 128\nprecision = \"bf16\"\n";
    let (_folder, path) = file("mine.toml", run.as_bytes());
    refused("workload", &path, &["architecture.layers", "coarse.params"]);
    let network = "[architecture]\nlayers = 0\nhidden = 64\nheads = 4\nffn = 256\nvocab = 100\n";
    let (_folder, path) = file("mine.toml", format!("{run}{network}").as_bytes());
    refused("workload", &path, &["architecture.layers", "between 1 and"]);
}

#[test]
fn a_file_of_no_kind_asks_for_its_kind() {
    let (_folder, path) = file("mine.toml", b"a = 1\n");
    let ran = wattline(&["check", path.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--kind"));
}

#[test]
fn an_incomplete_file_is_a_warning_and_exit_0() {
    let text = "vendor = \"V\"\nfamily = \"F\"\nstatus = \"announced\"\narchitecture = \"other\"\ncluster = \"hgx-h100\"\ntdp_w = 1000\n";
    let (_folder, path) = file("mine.toml", text.as_bytes());
    let ran = wattline(&["check", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("warning:") && ran.stderr.contains("hbm_fraction"), "{}", ran.stderr);
}

#[test]
fn check_reports_every_file() {
    let (_one, good) = file("good.toml", SITE.as_bytes());
    let (_two, bad) = file("bad.toml", b"country = 3");
    let ran = wattline(&["check", "--kind", "site", bad.to_str().unwrap(), good.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("bad.toml") && ran.stdout.contains("good.toml"));
}

#[test]
fn an_entry_of_a_library_folder_is_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sites")).unwrap();
    std::fs::write(folder.path().join("sites/our-hall.toml"), SITE).unwrap();
    let folder = folder.path().to_str().unwrap();
    assert!(wattline(&["list", "sites", "--library", folder]).stdout.contains("our-hall"));
    assert_eq!(wattline(&["--library", folder, "show", "site", "Our-Hall"]).code, 0);
    assert_eq!(wattline(&["--library", "/nowhere/at/all", "list", "sites"]).code, 2);
}

#[test]
fn a_closed_pipe_is_success() {
    for arguments in [vec!["list", "sites"], vec!["show", "chip", "h100"], vec!["completions", "bash"], vec!["--help"]]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wattline"))
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn colours_appear_only_where_they_are_asked_for() {
    assert!(!wattline(&["list", "chips"]).stdout.contains('\u{1b}'));
    assert!(wattline(&["list", "chips", "--color", "always"]).stdout.contains('\u{1b}'));
    assert!(!wattline(&["show", "chip", "nonsense"]).stderr.contains('\u{1b}'));
}

#[test]
fn completions_exist_for_the_shells() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = wattline(&["completions", shell]);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("wattline"));
    }
}

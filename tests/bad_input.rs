//! Input that is wrong ends in one clear diagnostic and the right exit code, never in a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use std::process::{Command, Stdio};

use program::{file, wattline, words};
use serde_json::Value;

/// The part of a command line that every case below shares.
const RUN: &str = "estimate --workload llama-2-7b --chip nvidia-h100-sxm --chips 64";

/// One error on stderr that says all of the words; nothing on stdout, or one document with `--json`.
fn ends(arguments: &[&str], code: i32, said: &[&str]) -> Value {
    let ran = wattline(arguments);
    assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
    assert_eq!(ran.stderr.matches("error:").count(), 1, "{arguments:?}: {}", ran.stderr);
    assert!(ran.stdout.is_empty(), "{arguments:?}: {}", ran.stdout);
    for word in said {
        assert!(ran.stderr.contains(word), "{arguments:?}: no {word} in {}", ran.stderr);
    }
    let ran = wattline(&[arguments, &["--json"]].concat());
    assert_eq!(ran.code, code, "{arguments:?} --json: {}", ran.stderr);
    let document = ran.json();
    if code == 2 {
        assert!(document["error"]["message"].is_string(), "{document:#}");
        for key in ["file", "line", "key", "help"] {
            assert!(document["error"].get(key).is_some(), "{key}");
        }
    } else {
        assert_eq!(document["feasible"], false, "{document:#}");
        assert!(document["rejected"]["reason"].is_string() && document["rejected"]["detail"].is_string());
    }
    document
}

fn refused(line: &str, said: &[&str]) -> Value {
    ends(&words(line), 2, said)
}

fn infeasible(line: &str, reason: &str, said: &[&str]) {
    let document = ends(&words(line), 3, said);
    assert_eq!(document["rejected"]["reason"], reason, "{line}");
}

#[test]
fn a_misspelt_name_is_answered_with_the_nearest() {
    refused("estimate --workload llama-2-7b --chip nvidia-h100-smx --chips 64", &["nvidia-h100-sxm"]);
    refused("estimate --workload lama-2-7b --chip h100 --chips 64", &["llama-2-7b"]);
    refused(&format!("{RUN} --site us-virgina"), &["us-virginia"]);
    refused(&format!("{RUN} --cluster hgx-h10"), &["hgx-h100"]);
    refused(&format!("{RUN} --stack megatron-core-2052"), &["megatron-core-2025"]);
    refused(&format!("{RUN} --precision bf61"), &["bf16"]);
    refused(&format!("{RUN} --objective tiem"), &["time"]);
    refused(&format!("{RUN} --price-kind industral"), &["industrial"]);
    refused("compare s01-headlin", &["s01-headline"]);
    refused("sweep gpt-3-13b-on-64-a10", &["gpt-3-13b-on-64-a100"]);
}

#[test]
fn a_misspelt_key_of_a_users_file_is_named_with_its_place() {
    let (_folder, path) = file("my-chip.toml", b"extends = \"nvidia-h100-sxm\"\nidle_w = 70\ntdp_watts = 650\n");
    let path = path.to_str().unwrap();
    let document = refused(
        &format!("estimate --workload llama-2-7b --chip {path} --chips 64"),
        &["my-chip.toml:3", "tdp_watts", "tdp_w"],
    );
    assert_eq!(document["error"]["line"], 3);
    assert_eq!(document["error"]["key"], "tdp_watts");
    assert!(document["error"]["file"].as_str().unwrap().ends_with("my-chip.toml"));
}

#[test]
fn numbers_that_are_no_numbers_are_refused_on_the_command_line() {
    for option in ["tokens", "chips", "global-batch", "seq-len", "power-cap", "cap-mw", "price"] {
        for text in ["nan", "inf", "-inf", "1e999", "many", "", "0x10"] {
            let base = if option == "chips" { RUN.replace(" --chips 64", "") } else { RUN.to_owned() };
            let argument = format!("--{option}={text}");
            let mut arguments = words(&base);
            arguments.push(&argument);
            ends(&arguments, 2, &[option]);
        }
    }
}

#[test]
fn negative_values_and_zeros_are_refused_on_the_command_line() {
    for option in ["tokens", "global-batch", "seq-len", "power-cap", "cap-mw"] {
        for text in ["-1", "0", "-1e30", "-0"] {
            refused(&format!("{RUN} --{option}={text}"), &[&option.replace('-', "")[..3]]);
        }
    }
    refused(&format!("{RUN} --price -40"), &["price"]);
    refused(&format!("{RUN} --price 11"), &["price"]);
    refused(&format!("{RUN} --seq-len 0.3"), &["seq_len"]);
    refused(&format!("{RUN} --seq-len 2048.5"), &["seq_len"]);
    refused(&format!("{RUN} --global-batch 1.5"), &["whole"]);
    refused(&format!("{RUN} --global-batch 1e10"), &["whole"]);
    refused(&format!("{RUN} --tokens 1e300"), &["tokens"]);
}

#[test]
fn numbers_that_no_entry_may_hold_are_refused_through_set() {
    for (argument, said) in [
        ("chip.tdp_w=-700", "chip.tdp_w"),
        ("chip.tdp_w=nan", "finite"),
        ("chip.hbm_gb_per_s=inf", "chip.hbm_gb_per_s"),
        ("chip.sustained_gemm_16bit=1.2", "between"),
        ("assumptions.utilisation=1.5", "between"),
        ("assumptions.utilisation=0", "between"),
        ("site.pue.full=0.9", "between"),
        ("chip.mtbf_h=0", "between"),
        ("chip.tdpw=700", "chip.tdp_w"),
        ("chip.tdp_w", "no value"),
        ("workload.architecture.layers=0", "between"),
        ("workload.run.seq_len=0", "between"),
        ("chip.idle_w=5000", "idle_w"),
    ] {
        refused(&format!("{RUN} --set {argument}"), &[said]);
    }
}

#[test]
fn numbers_that_no_entry_may_hold_are_refused_in_files() {
    for (line, said) in [
        ("tdp_w = -700", "between"),
        ("tdp_w = nan", "tdp_w"),
        ("tdp_w = inf", "tdp_w"),
        ("tdp_w = 1e999", "tdp_w"),
        ("tdp_w = \"700\"", "without quotes"),
        ("hbm_fraction = 1.5", "between"),
        ("sustained_gemm_16bit = -0.1", "between"),
        ("cores = 1.5", "whole"),
        ("tdp_w = { value = 700, range = [800, 900] }", "range"),
    ] {
        let text = format!("extends = \"nvidia-h100-sxm\"\n{line}\n");
        let (_folder, path) = file("mine.toml", text.as_bytes());
        let at = format!("mine.toml:{}", text.lines().count());
        refused(&format!("estimate --workload llama-2-7b --chip {} --chips 64", path.display()), &[said, &at]);
    }
}

#[test]
fn chips_are_a_whole_number_from_one_to_ten_million() {
    let line = "estimate --workload llama-2-7b --chip h100 --chips";
    for text in ["0", "1.5", "1e9", "1000000000", "0.999"] {
        refused(&format!("{line} {text}"), &["chips"]);
    }
    refused(&format!("{line} -8"), &["-8 chips"]);
    let error = refused(&format!("{line} 1e300"), &["a design of 1e300 chips"]);
    assert!(error["error"]["message"].as_str().is_some_and(|message| message.len() < 80), "{error}");
    refused("estimate --workload llama-2-7b --chip h100", &["--chips"]);
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    for (plan, said) in [
        ("tp=3", &["32 heads", "tp=3"][..]),
        ("tp=8,pp=3", &["24", "64"]),
        ("tp=8,pp=8,cp=1,dp=2", &["128", "64"]),
        ("tp=2,pp=2,cp=1,dp=8", &["32", "64"]),
        ("dp=65", &["65", "64"]),
        ("pp=33", &["33", "32"]),
        ("ep=2", &["experts"]),
        ("etp=2,tp=4", &["etp"]),
        ("tp=32,pp=32,cp=1000000,dp=1000000", &["64"]),
    ] {
        refused(&format!("{RUN} --plan {plan}"), said);
    }
    refused(&format!("{RUN} --plan tp=2,pp=1,cp=1,micro_batch=3 --global-batch 512"), &["512", "32 x 3"]);
    let moe = "estimate --workload deepseek-v3 --chip h800 --chips 2048 --plan ep=7";
    refused(moe, &["256 experts", "ep=7"]);
}

#[test]
fn a_plan_with_unknown_fields_or_words_is_refused() {
    for (plan, said) in [
        ("pt=8", "tp"),
        ("tp", "no value"),
        ("tp=", "tp"),
        ("tp=0", "tp"),
        ("tp=-1", "tp"),
        ("tp=1.5", "tp"),
        ("tp=1e3", "tp"),
        ("tp=99999999999", "tp"),
        ("recompute=ful", "full"),
        ("shard=zero9", "optimizer"),
        ("sequence_parallel=maybe", "true"),
        ("precision=fp99", "bf16"),
        ("automatic", "no value"),
        ("=", "unknown plan field"),
        ("tp=4,pp=1,TP=8", "twice"),
        ("mbs=1,micro_batch=2", "twice"),
    ] {
        refused(&format!("{RUN} --plan {plan}"), &[said]);
    }
}

#[test]
fn a_batch_that_nothing_divides_is_refused_or_infeasible() {
    // Each replica would get half a sequence.
    infeasible(&format!("{RUN} --plan tp=1,pp=1 --global-batch 96"), "batch", &["96"]);
    infeasible(&format!("{RUN} --global-batch 1 --plan tp=1,pp=1"), "batch", &["batch"]);
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let (_folder, path) = file("mine.toml", b"vendor = \"\xff\xfe\"\n");
    refused(&format!("estimate --workload llama-2-7b --chip {} --chips 64", path.display()), &["not UTF-8"]);
    refused(&format!("compare {}", path.display()), &["not UTF-8"]);
    let (_folder, path) = file("mine.toml", b"");
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100_000_000).unwrap();
    refused(&format!("estimate --workload llama-2-7b --chip {} --chips 64", path.display()), &["16 MiB"]);
    refused(&format!("sweep {}", path.display()), &["16 MiB"]);
    refused("estimate --workload llama-2-7b --chip ./absent.toml --chips 64", &["absent.toml"]);
    refused("compare ./absent.toml", &["absent.toml"]);
    refused("estimate --workload llama-2-7b --chip /tmp/ --chips 64", &["/tmp"]);
    refused(&format!("{RUN} --library /nowhere/at/all"), &["/nowhere/at/all"]);
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_not_utf_8_is_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mut arguments: Vec<&OsStr> = words(RUN).into_iter().map(OsStr::new).collect();
    arguments.extend([OsStr::new("--site"), OsStr::from_bytes(b"\xff\xfe")]);
    let ran = wattline(&arguments);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_workload_without_layers_is_refused() {
    let run = "family = \"f\"\n[run]\ntokens = 1e9\nglobal_batch = 8\nseq_len = 128\nprecision = \"bf16\"\n";
    let network = "[architecture]\nlayers = 0\nhidden = 64\nheads = 4\nffn = 256\nvocab = 100\n";
    for (text, said) in [(run.to_owned(), "architecture.layers"), (format!("{run}{network}"), "architecture.layers")] {
        let (_folder, path) = file("mine.toml", text.as_bytes());
        refused(&format!("estimate --workload {} --chip h100 --chips 8", path.display()), &[said]);
    }
}

#[test]
fn a_power_cap_is_between_the_static_power_and_what_the_part_accepts() {
    infeasible(&format!("{RUN} --power-cap 100"), "power_cap", &["100 W", "166 W"]);
    refused(&format!("{RUN} --power-cap 900"), &["900", "700"]);
}

#[test]
fn megawatts_below_one_node_are_infeasible() {
    infeasible("estimate --workload llama-2-7b --chip h100 --cap-mw 0.001", "site_power", &["0.001 MW", "one node"]);
}

#[test]
fn a_peak_above_the_sites_megawatts_is_infeasible_and_shows_both() {
    infeasible(&format!("{RUN} --cap-mw 0.05"), "site_power", &["0.0500 MW", "0.08"]);
}

#[test]
fn a_plan_that_does_not_fit_into_memory_is_infeasible_with_stage_and_bytes() {
    let line = "estimate --workload llama-3.1-405b --chip h100 --chips 64 --plan tp=8,pp=8,cp=1,dp=1";
    infeasible(line, "memory", &["stage", "GiB", "76.8"]);
}

#[test]
fn a_stack_that_cannot_interleave_makes_an_interleaved_plan_infeasible() {
    let line = format!("{RUN} --stack llm-foundry-fsdp --plan tp=1,pp=2,vpp=2");
    infeasible(&line, "schedule", &["interleave"]);
}

#[test]
fn a_chip_without_a_known_rent_is_infeasible_to_rent() {
    let ran = wattline(&words("list chips --json"));
    let names: Vec<String> = ran.json()["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["status"] == "complete")
        .map(|entry| entry["name"].as_str().unwrap().to_owned())
        .collect();
    let without = names.iter().find(|name| {
        let shown = wattline(&["show", "chip", name, "--json"]).json();
        shown["values"].get("rental_usd_per_h").is_none()
    });
    let Some(name) = without else { return };
    let line = format!("estimate --workload llama-2-7b --chip {name} --chips 64 --rental");
    infeasible(&line, "incomplete", &["--set chip.rental_usd_per_h"]);
}

#[test]
fn an_option_or_command_that_does_not_exist_is_refused() {
    refused(&format!("{RUN} --chps 64"), &["--chps"]);
    refused("estimate --chip h100 --chips 64", &["--workload"]);
    refused("estimat", &["estimate"]);
    refused("sweep", &["SCENARIO"]);
    refused(&format!("{RUN} --engine abacus"), &["abacus"]);
}

#[test]
fn no_command_prints_the_help_on_stderr_and_is_exit_2() {
    let ran = wattline::<&str>(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("Usage"));
}

#[test]
fn a_closed_pipe_is_success() {
    for line in
        [RUN, "sweep gpt-3-13b-on-64-a100 --dry-run", "estimate --workload llama-2-7b --chip h100 --chips 64 --json"]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wattline"))
            .args(words(line))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

const SCENARIO: &str = "name = \"mine\"\ntitle = \"Mine\"\nquestion = \"Which?\"\nworkloads = [\"llama-2-7b\"]\n\
    [[design]]\nname = \"A\"\nchip = \"h100\"\nchips = 64\n[[design]]\nname = \"B\"\nchip = \"a100\"\nchips = 64\n";

/// Both commands that read a scenario refuse it.
fn scenario(text: &str, said: &[&str]) {
    let (_folder, path) = file("mine.toml", text.as_bytes());
    for command in ["sweep", "compare"] {
        refused(&format!("{command} {} --engine cpu", path.display()), said);
    }
}

#[test]
fn a_scenario_with_an_unknown_key_is_refused_with_its_line() {
    scenario(&SCENARIO.replace("title", "tittle"), &["mine.toml:2", "tittle"]);
    scenario(&SCENARIO.replace("chip = \"a100\"", "chp = \"a100\""), &["mine.toml:11", "chp"]);
    scenario(&format!("{SCENARIO}[plans]\ntpp = [1]\n"), &["mine.toml:14", "tpp"]);
    scenario("name = \"mine\"\ntitle", &["mine.toml:2"]);
    scenario("", &["mine.toml"]);
}

#[test]
fn a_scenario_without_what_it_needs_is_refused() {
    let designs = SCENARIO.find("[[design]]").unwrap();
    scenario(&SCENARIO[..designs], &["design"]);
    scenario(&SCENARIO.replace("[\"llama-2-7b\"]", "[]"), &["workload"]);
    scenario(&SCENARIO.replace("name = \"B\"\n", ""), &["name"]);
    scenario(&SCENARIO.replace("chip = \"a100\"\n", ""), &["chip"]);
}

#[test]
fn a_scenario_of_wrong_names_is_refused() {
    scenario(&SCENARIO.replace("\"B\"", "\"A\""), &["two designs", "A"]);
    scenario(&SCENARIO.replace("llama-2-7b", "lama-2-7b"), &["llama-2-7b"]);
    scenario(&SCENARIO.replace("\"a100\"", "\"a10O\""), &["a10O"]);
    scenario(&format!("{SCENARIO}[[variant]]\nname = \"C\"\nof = \"D\"\n"), &["variant", "C"]);
    scenario(&format!("{SCENARIO}[[variant]]\nname = \"C\"\n"), &["variant", "C"]);
}

#[test]
fn a_scenario_of_wrong_values_is_refused() {
    for (of, by, said) in [
        ("chips = 64", "chips = 0", "chips"),
        ("chips = 64", "chips = -64", "chips"),
        ("chips = 64", "chips = nan", "chips"),
        ("chips = 64", "chips = 64\nglobal_batch = 0", "global_batch"),
        ("chips = 64", "chips = 64\nglobal_batch = -1", "-1"),
        ("chips = 64", "chips = 64\nglobal_batch = 4294967295", "global_batch"),
        ("chips = 64", "chips = 64\nseq_len = 0", "seq_len"),
        ("chips = 64", "chips = 64\ntokens = inf", "tokens"),
        ("chips = 64", "chips = 64\nusd_per_kwh = nan", "usd_per_kwh"),
        ("chips = 64", "chips = 64\ncap_mw = -1", "cap_mw"),
        ("chips = 64", "chips = 64\nprecision = \"bf61\"", "bf16"),
        ("chips = 64", "chips = 64\nplan = \"tp=3\"", "heads"),
        ("chips = 64", "chips = 64\nset = { \"chip.tdp_w\" = -1 }", "chip.tdp_w"),
        ("chips = 64", "chips = 64\nset = { \"chip.tdp\" = 1 }", "chip.tdp_w"),
    ] {
        scenario(&SCENARIO.replacen(of, by, 1), &[said]);
    }
}

#[test]
fn a_plan_space_with_an_empty_axis_is_refused() {
    for axis in
        ["tp = []", "pp = [0]", "micro_batch = [1, 2000000]", "recompute = []", "shard = [\"zero9\"]", "tp = [-1]"]
    {
        let text = format!("{SCENARIO}[plans]\n{axis}\n");
        let (_folder, path) = file("mine.toml", text.as_bytes());
        let key = axis.split(' ').next().unwrap();
        let said = if axis == "tp = [-1]" {
            "mine.toml:14"
        } else if axis == "recompute = []" {
            "empty"
        } else {
            key
        };
        refused(&format!("sweep {}", path.display()), &[said]);
    }
}

#[test]
fn one_design_is_nothing_to_compare() {
    let one = SCENARIO.rfind("[[design]]").unwrap();
    let (_folder, path) = file("mine.toml", &SCENARIO.as_bytes()[..one]);
    refused(&format!("compare {}", path.display()), &["one design", "sweep"]);
}

#[test]
fn a_sweep_of_nothing_feasible_is_exit_3_with_its_document() {
    let text = SCENARIO.replace("llama-2-7b", "llama-3.1-405b").replace("chips = 64", "chips = 8");
    let (_folder, path) = file("mine.toml", text.as_bytes());
    let path = path.to_str().unwrap();
    let ran = wattline(&["sweep", path, "--engine", "cpu", "--json"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let document = ran.json();
    assert_eq!(document["best"].as_array().unwrap().len(), 0);
    assert_eq!(document["feasible"], false, "as every document of exit 3");
    assert_eq!(document["rejected"].as_array().unwrap().len(), 2);
    assert_eq!(document["rejected"][0]["reason"], "memory");
    assert_eq!(wattline(&["sweep", path, "--engine", "cpu"]).code, 3);
}

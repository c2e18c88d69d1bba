//! `wattline sweep --out` as a process: killed at any moment, it goes on where it stopped and ends with the same file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use program::{Ran, file, number, wattline};
use serde_json::Value;

/// Some seconds of work in many groups.
const LONG: &str = r#"
name = "long"
title = "Long enough to be killed"
question = "Is anything lost?"
workloads = ["llama-2-13b", "gpt-3-175b"]

[[design]]
name = "any"
chip = ["nvidia-h100-sxm", "nvidia-a100-sxm-80gb"]
chips = { from = 64, to = 16384, steps_per_octave = 4 }
power_cap_share = [1.0, 0.8]
site = ["us-virginia", "no-norway"]
"#;

/// Longest wait for a sweep to commit something.
const PATIENCE: Duration = Duration::from_secs(240);

fn arguments(scenario: &Path, out: &Path, more: &[&str]) -> Vec<String> {
    let mut words =
        vec!["sweep".to_owned(), scenario.display().to_string(), "--out".to_owned(), out.display().to_string()];
    words.extend(["--engine", "cpu", "--json"].iter().chain(more).map(|word| (*word).to_owned()));
    words
}

fn run(scenario: &Path, out: &Path, more: &[&str]) -> Ran {
    wattline(&arguments(scenario, out, more))
}

fn start(scenario: &Path, out: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_wattline"))
        .args(arguments(scenario, out, more))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Everything below the folder in which a result grows, with its length: changes with every commit.
fn state(out: &Path) -> Vec<(PathBuf, u64)> {
    let mut folder = out.as_os_str().to_owned();
    folder.push(".partial");
    let Ok(entries) = fs::read_dir(PathBuf::from(folder)) else { return Vec::new() };
    let mut found: Vec<_> = entries.flatten().map(|e| (e.path(), e.metadata().map_or(0, |m| m.len()))).collect();
    found.sort();
    found
}

/// Starts a sweep and kills it once it has committed some more.
fn killed(scenario: &Path, out: &Path, more: &[&str]) {
    let before = state(out);
    let mut child = start(scenario, out, more);
    let begun = Instant::now();
    let mut changes = 0;
    let mut last = before;
    while changes < 4 {
        assert!(begun.elapsed() < PATIENCE, "nothing was committed");
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        let now = state(out);
        if now != last {
            (changes, last) = (changes + 1, now);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // SIGKILL: no handler runs.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!out.exists(), "a result that is not whole has no file");
}

#[test]
fn a_sweep_that_is_killed_again_and_again_ends_with_the_file_of_an_unbroken_one() {
    let (folder, scenario) = file("long.toml", LONG.as_bytes());
    let (whole, broken) = (folder.path().join("whole.csv"), folder.path().join("broken.csv"));
    let unbroken = run(&scenario, &whole, &[]);
    assert_eq!(unbroken.code, 0, "{}", unbroken.stderr);
    killed(&scenario, &broken, &[]);
    killed(&scenario, &broken, &["--resume"]);
    killed(&scenario, &broken, &["--resume"]);
    let end = run(&scenario, &broken, &["--resume"]);
    assert_eq!(end.code, 0, "{}", end.stderr);
    let (unbroken, end) = (unbroken.json(), end.json());
    assert!(number(&end, "/resumed_designs") > 0.0, "something was kept");
    assert_eq!(unbroken["resumed_designs"], 0);
    for key in ["designs", "evaluated", "feasible", "best", "frontier", "rejected"] {
        assert_eq!(end[key], unbroken[key], "{key}");
    }
    assert_eq!(fs::read(&broken).unwrap(), fs::read(&whole).unwrap());
    assert!(state(&broken).is_empty(), "nothing stays beside the file");
}

#[test]
fn what_is_kept_grows_with_every_kill() {
    let (folder, scenario) = file("long.toml", LONG.as_bytes());
    let out = folder.path().join("out.parquet");
    let mut kept = 0.0;
    for round in 0..2 {
        killed(&scenario, &out, if round == 0 { &[] } else { &["--resume"] });
        // A copy is ended, so that the original may be killed again.
        let copy = folder.path().join(format!("copy-{round}.parquet"));
        let copied = folder.path().join(format!("copy-{round}.parquet.partial"));
        fs::create_dir(&copied).unwrap();
        for (path, _) in state(&out) {
            fs::copy(&path, copied.join(path.file_name().unwrap())).unwrap();
        }
        let ended = run(&scenario, &copy, &["--resume"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let resumed = number(&ended.json(), "/resumed_designs");
        assert!(resumed > kept, "round {round}: {resumed} designs were kept, {kept} before");
        kept = resumed;
    }
}

#[test]
fn resume_starts_afresh_where_nothing_is_and_does_nothing_where_all_is_done() {
    let (folder, scenario) = file("short.toml", LONG.replace("16384", "64").as_bytes());
    let out = folder.path().join("out.jsonl");
    let first = run(&scenario, &out, &["--resume"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(first.stderr.contains("fresh"), "{}", first.stderr);
    let bytes = fs::read(&out).unwrap();
    let again = run(&scenario, &out, &["--resume"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("finished"), "{}", again.stderr);
    assert_eq!(fs::read(&out).unwrap(), bytes);
    let other = run(&scenario, &out, &["--resume", "--set", "assumptions.utilisation=0.5"]);
    assert_eq!(other.code, 2, "another question's result is not gone on with");
    let error: Value = other.json();
    assert!(error["error"]["message"].as_str().unwrap().contains("--set"), "{error}");
    assert_eq!(fs::read(&out).unwrap(), bytes);
}

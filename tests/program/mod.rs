//! The program, run as a user runs it.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// What a run of the program left behind.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program; nothing that it prints may come from a panic.
pub fn wattline<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_wattline")).args(arguments).output().unwrap();
    let ran = Ran {
        code: output.status.code().expect("an exit code, not a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    for word in ["panicked", "RUST_BACKTRACE"] {
        assert!(!ran.stderr.contains(word) && !ran.stdout.contains(word), "{}", ran.stderr);
    }
    ran
}

/// The arguments of a command line without quotes.
pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

impl Ran {
    /// The one document on stdout.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

/// The document of a command line that answers.
pub fn answer(line: &str) -> Value {
    let ran = wattline(&words(&format!("{line} --json")));
    assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
    ran.json()
}

/// A file in a folder of its own; the folder lives as long as the value.
pub fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// The number behind a JSON pointer.
pub fn number(document: &Value, pointer: &str) -> f64 {
    let value = document.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {document:#}"));
    value.as_f64().unwrap_or_else(|| panic!("{pointer} is {value}, no number"))
}

/// Both numbers are the same to a relative tolerance.
pub fn same(what: &str, left: f64, right: f64, tolerance: f64) {
    let scale = left.abs().max(right.abs()).max(f64::MIN_POSITIVE);
    assert!((left - right).abs() <= tolerance * scale, "{what}: {left} is not {right}");
}

//! `wattline sensitivity`: the ends of a tornado are what the program estimates there, and shares of variance are shares.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use program::{file, number, same, wattline, words};
use serde_json::Value;

/// Figures printed and read again.
const PRINTED: f64 = 1e-9;

/// Errors of 64 points, three of which an index may lie outside of 0 to 1.
const ERRORS: f64 = 3.0;

fn sensitivity(arguments: &[&str]) -> Value {
    let text = "name = \"one\"\ntitle = \"One\"\nquestion = \"What does it hang on?\"\nworkloads = [\"llama-2-7b\"]\n\
         [[design]]\nname = \"new\"\nchip = \"nvidia-h100-sxm\"\nsite = \"us-virginia\"\nchips = 192\n\
         plan = \"tp=1,pp=1,cp=1,micro_batch=1,recompute=none,shard=optimizer\"\n";
    let (_folder, path) = file("one.toml", text.as_bytes());
    let mut line = vec!["sensitivity", path.to_str().unwrap(), "--engine", "cpu", "--samples", "64", "--json"];
    line.extend(arguments);
    let ran = wattline(&line);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.json()
}

#[test]
fn the_ends_of_the_tornado_are_what_an_estimate_there_says() {
    let document = sensitivity(&["--objective", "cost"]);
    let design = &document["designs"][0];
    let inputs = design["inputs"].as_array().unwrap();
    let swing = |i: &Value| (number(i, "/at_high") - number(i, "/at_low")).abs();
    assert!(inputs.windows(2).all(|pair| swing(&pair[0]) >= swing(&pair[1])), "not in order of their swing");
    let at = |key: &str, value: f64| {
        let line = format!(
            "estimate --workload llama-2-7b --chip nvidia-h100-sxm --site us-virginia --chips 192 --engine cpu --json \
             --plan tp=1,pp=1,cp=1,micro_batch=1,recompute=none,shard=optimizer --set {key}={value:?}"
        );
        number(&wattline(&words(&line)).json(), "/cost_usd/total")
    };
    let mut seen = 0;
    for key in ["assumptions.restart_s", "assumptions.it_life_years", "chip.mtbf_h"] {
        let Some(input) = inputs.iter().find(|i| i["input"] == key) else { continue };
        same(key, number(input, "/at_low"), at(key, number(input, "/low")), PRINTED);
        same(key, number(input, "/at_high"), at(key, number(input, "/high")), PRINTED);
        seen += 1;
    }
    assert!(seen >= 2, "{inputs:?}");
}

#[test]
fn shares_of_the_variance_are_shares_and_the_total_holds_the_first() {
    let document = sensitivity(&["--objective", "time"]);
    let inputs = document["designs"][0]["inputs"].as_array().unwrap().clone();
    let drawn: Vec<&Value> = inputs.iter().filter(|i| i["total"].is_number()).collect();
    assert!(drawn.len() >= 3, "{inputs:?}");
    for input in drawn {
        let (first, total) = (number(input, "/first_order"), number(input, "/total"));
        let (a, b) = (number(input, "/first_order_error"), number(input, "/total_error"));
        assert!(total >= -PRINTED && first - ERRORS * a <= total + ERRORS * b, "{input:#}");
        assert!(first <= 1.0 + ERRORS * a && first >= -ERRORS * a, "{input:#}");
    }
    // The price of electricity moves no days.
    let price = inputs.iter().find(|i| i["input"] == "usd_per_kwh").unwrap();
    assert_eq!(number(price, "/at_low"), number(price, "/at_high"));
}

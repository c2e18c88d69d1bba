//! `wattline sweep`: the best of a scenario's plans is the best of all of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use std::path::Path;
use std::sync::LazyLock;

use program::{answer, file, number, same, wattline, words};
use serde_json::Value;
use wattline::design::Design;
use wattline::library::store::Library;
use wattline::model::estimate;
use wattline::report::plan_json;
use wattline::scenario::Scenario;
use wattline::search::Objective;
use wattline::search::space::PlanSpace;

/// The same f64 code on both sides; a number printed and read again is the same number.
const SAME: f64 = 1e-15;

const NAME: &str = "gpt-3-13b-on-64-a100";

static ANSWER: LazyLock<Value> = LazyLock::new(|| answer(&format!("sweep {NAME} --engine cpu")));

fn designs() -> (Design, Vec<PlanSpace>) {
    let library = Library::open::<&Path>(&[]).unwrap();
    let scenario = Scenario::read(&library, NAME).unwrap();
    let mut designs = scenario.designs(&library, &scenario.workloads[0], &[]).unwrap();
    assert_eq!((designs.len(), scenario.workloads.len()), (1, 1));
    let design = designs.remove(0);
    let spaces = scenario.spaces(&design).unwrap();
    (design, spaces)
}

#[test]
fn the_document_holds_what_the_contract_promises() {
    assert_eq!(ANSWER["scenario"], NAME);
    assert_eq!(ANSWER["engine"], "cpu");
    for key in ["designs", "evaluated", "feasible", "elapsed_s", "evaluations_per_s"] {
        assert!(ANSWER[key].as_f64().is_some_and(|n| n > 0.0), "{key}");
    }
    assert_eq!(ANSWER["resumed_designs"], 0);
    assert!(ANSWER["frontier"].is_array() && ANSWER["crossovers"].is_array());
    assert!(number(&ANSWER, "/feasible") <= number(&ANSWER, "/evaluated"));
    assert!(number(&ANSWER, "/evaluated") <= number(&ANSWER, "/designs"));
    let best = ANSWER["best"].as_array().unwrap();
    let objectives: Vec<&str> = best.iter().map(|b| b["objective"].as_str().unwrap()).collect();
    assert_eq!(objectives, ["time", "energy", "cost", "carbon"]);
    for winner in best {
        assert_eq!(winner["design"], "64 x A100");
        assert_eq!(winner["plan"]["precision"], "fp16");
        assert_eq!(winner["plan"]["global_batch"], 128);
        assert!(winner["wall_s"].is_number() && winner["breakdown"]["step_s"].is_object());
    }
}

#[test]
fn the_best_of_every_objective_is_the_best_of_all_plans() {
    let (design, spaces) = designs();
    let mut best: [Option<(f64, Value)>; 4] = [None, None, None, None];
    let (mut evaluated, mut feasible) = (0u64, 0u64);
    for space in &spaces {
        for plan in (0..space.len()).filter_map(|index| space.decode(index)) {
            evaluated += 1;
            let Ok(e) = estimate(&design.setting, &plan, design.chips) else { continue };
            feasible += 1;
            for objective in Objective::ALL {
                let figure = objective.of(&e);
                let slot = &mut best[objective as usize];
                if slot.as_ref().is_none_or(|(least, _)| figure < *least) {
                    *slot = Some((figure, plan_json(&plan)));
                }
            }
        }
    }
    // One size at one site: each plan is a design, and none is factored.
    assert_eq!(ANSWER["designs"], evaluated);
    assert_eq!(ANSWER["evaluated"], evaluated);
    assert_eq!(ANSWER["factored"], 0);
    assert_eq!(ANSWER["feasible"], feasible);
    for (objective, pointer) in [
        (Objective::Time, "/wall_s"),
        (Objective::Energy, "/facility_energy_j"),
        (Objective::Cost, "/cost_usd/total"),
        (Objective::Carbon, "/co2_kg/total"),
    ] {
        let said = &ANSWER["best"][objective as usize];
        let (least, plan) = best[objective as usize].as_ref().unwrap();
        same(objective.word(), number(said, pointer), *least, SAME);
        assert_eq!(&said["plan"], plan, "{}", objective.word());
    }
}

#[test]
fn a_sweep_answers_the_same_twice() {
    let again = answer(&format!("sweep {NAME} --engine cpu"));
    assert_eq!(again["best"], ANSWER["best"]);
    assert_eq!(again["feasible"], ANSWER["feasible"]);
}

#[test]
fn a_dry_run_counts_the_space_by_axis_and_tells_the_time() {
    let document = answer(&format!("sweep {NAME} --dry-run"));
    assert_eq!(document["designs"], number(&ANSWER, "/designs"));
    let block = &document["axes"][0];
    assert_eq!((block["sizes"].as_u64(), block["sites"].as_u64()), (Some(1), Some(1)));
    let plans = block["plans"].as_object().unwrap();
    let product: u64 = plans.values().map(|n| n.as_u64().unwrap()).product();
    assert_eq!(document["points"], product);
    assert!(number(&document, "/points") >= number(&ANSWER, "/designs"));
    assert!(number(&document, "/expected_s") > 0.0);
    let page = wattline(&words(&format!("sweep {NAME} --dry-run")));
    assert_eq!(page.code, 0);
    assert!(page.stdout.contains("tp 8 x"), "{}", page.stdout);
    for line in page.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_page_of_a_sweep_fits_into_eighty_columns() {
    let ran = wattline(&words(&format!("sweep {NAME} --engine cpu")));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for word in ["time", "energy", "cost", "carbon", "64 x A100"] {
        assert!(ran.stdout.contains(word), "no {word} in {}", ran.stdout);
    }
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn set_reaches_every_design_of_a_sweep() {
    let dearer = answer(&format!("sweep {NAME} --engine cpu --set site.price.industrial.usd_per_kwh=0.1612"));
    let (before, after) = (&ANSWER["best"][0], &dearer["best"][0]);
    let price = |document: &Value| number(document, "/cost_usd/electricity") / number(document, "/facility_energy_j");
    same("price", price(after), 0.1612 / 3.6e6, 1e-12);
    assert_eq!(before["plan"], after["plan"]);
}

#[test]
fn designs_and_workloads_of_a_sweep_are_all_answered() {
    let text = "name = \"two\"\ntitle = \"Two\"\nquestion = \"?\"\nworkloads = [\"llama-2-7b\", \"llama-2-13b\"]\n\
        [[design]]\nname = \"A\"\nchip = \"h100\"\nchips = 64\n[[design]]\nname = \"B\"\nchip = \"a100\"\nchips = 64\nplan = \"tp=2,pp=1\"\n\
        [plans]\nmicro_batch = [1, 2]\nrecompute = [\"none\"]\n";
    let (_folder, path) = file("two.toml", text.as_bytes());
    let document = answer(&format!("sweep {} --engine cpu", path.display()));
    let best = document["best"].as_array().unwrap();
    assert_eq!(best.len(), 2 * 2 * 4);
    for winner in best.iter().filter(|winner| winner["design"] == "B") {
        assert_eq!((winner["plan"]["tp"].as_u64(), winner["plan"]["pp"].as_u64()), (Some(2), Some(1)));
        assert_eq!(winner["chips_used"], 64.0);
        assert_eq!(winner["plan"]["recompute"], "none");
    }
}

#[test]
fn a_row_of_a_file_is_called_as_its_design_and_a_range_of_sizes_is_a_column() {
    let text = "name = \"two\"\ntitle = \"Two\"\nquestion = \"?\"\nworkloads = [\"llama-2-7b\"]\n\
        [[design]]\nname = \"A\"\nchip = [\"h100\", \"a100\"]\nchips = [64, 128]\nsite = [\"us-virginia\", \"no-norway\"]\n\
        [constraints]\nchips = 64\n";
    let (folder, path) = file("two.toml", text.as_bytes());
    let out = folder.path().join("rows.csv");
    let ran = wattline(&["sweep", path.to_str().unwrap(), "--engine", "cpu", "--out", out.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut reader = csv::Reader::from_path(&out).unwrap();
    let heads = reader.headers().unwrap().clone();
    let column = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(rows.len() >= 4, "a row for each chip and site at least");
    for row in &rows {
        assert_eq!(&row[column("design")], "A");
        assert_eq!(row[column("chips")].parse(), Ok(64.0), "the supply of chips is kept");
    }
}

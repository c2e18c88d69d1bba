//! Bands hold as much as they say, on rows whose source took no part in making them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use std::path::Path;
use std::sync::LazyLock;

use program::{answer, file, wattline};
use proptest::prelude::*;
use serde_json::Value;
use wattline::design::{Ask, Design};
use wattline::library::entry_kind::EntryKind;
use wattline::library::reader::{self, Owner};
use wattline::library::source_text::SourceText;
use wattline::library::store::{Library, evidence};
use wattline::model::estimate;
use wattline::model::plan::Plan;
use wattline::search::{Objective, search};
use wattline::uncertainty::band::{Band, Width};
use wattline::uncertainty::calibrate::{Class, calibrate};
use wattline::uncertainty::chance::{Side, chances, ratio, step_ratio};
use wattline::uncertainty::exposure::{Component, Exposure};
use wattline::uncertainty::figures::uncertainty;
use wattline::uncertainty::spread::Spread;
use wattline::validate::judged::{Judged, Status};
use wattline::validate::predict::Predictor;
use wattline::validate::table::Table;

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::open::<&Path>(&[]).unwrap());

/// The scored rows of the shipped tables.
fn scored() -> Vec<Judged> {
    let predictor = Predictor::new(&LIBRARY).unwrap();
    let mut rows = Vec::new();
    for name in ["published_runs.csv", "memory_measured.csv", "power_measured.csv"] {
        let table = Table::parse(SourceText::new(name, evidence(name).unwrap()), None).unwrap();
        rows.extend(predictor.judge(&table).unwrap().rows);
    }
    rows.retain(|row| row.status == Status::Scored);
    rows
}

fn names(rows: &[Judged]) -> Vec<String> {
    let mut names: Vec<String> = rows.iter().map(|row| row.source.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Each row with the band of a spread that was calibrated without its source.
fn left_out(rows: &[Judged]) -> Vec<Judged> {
    let mut banded = Vec::new();
    for source in names(rows) {
        let spread = calibrate(rows.iter().filter(|row| row.source != source));
        for row in rows.iter().filter(|row| row.source == source) {
            let mut row = row.clone();
            row.spread(&spread);
            banded.push(row);
        }
    }
    banded
}

/// Share inside by rows, and the mean of the sources' shares.
fn coverage<'a>(rows: impl Iterator<Item = &'a Judged>) -> (f64, f64, usize) {
    let rows: Vec<Judged> = rows.cloned().collect();
    let share = |rows: &[&Judged]| rows.iter().filter(|r| r.inside() == Some(true)).count() as f64 / rows.len() as f64;
    let by_source: Vec<f64> = names(&rows)
        .iter()
        .map(|name| share(&rows.iter().filter(|row| row.source == *name).collect::<Vec<_>>()))
        .collect();
    let all: Vec<&Judged> = rows.iter().collect();
    (share(&all), by_source.iter().sum::<f64>() / by_source.len() as f64, by_source.len())
}

/// What the bands promise, and what they must keep.
const PROMISED: f64 = 0.8;
const KEPT: std::ops::RangeInclusive<f64> = 0.75..=0.85;

/// Inside or outside is a coin of 0.8: so many standard errors of the mean of the sources' shares may a class be off
/// whose sources are few. Shares of single rows spread by 0.3.
fn sources_allow(sources: usize) -> f64 {
    0.05_f64.max(0.3 / (sources as f64).sqrt())
}

static LEFT_OUT: LazyLock<Vec<Judged>> = LazyLock::new(|| left_out(&scored()));

fn in_classes(classes: &[Class]) -> (f64, f64, usize) {
    coverage(LEFT_OUT.iter().filter(|row| Class::of(row).is_some_and(|class| classes.contains(&class))))
}

#[test]
fn bands_of_time_hold_what_they_promise_on_sources_that_took_no_part() {
    let (rows, sources, count) = in_classes(&[Class::Stated, Class::Searched]);
    assert!(count > 20 && KEPT.contains(&rows) && KEPT.contains(&sources), "{rows} by row, {sources} by source");
    for class in [Class::Stated, Class::Searched] {
        let (rows, sources, count) = in_classes(&[class]);
        assert!(KEPT.contains(&rows), "{}: {rows} by row", class.word());
        assert!((sources - PROMISED).abs() < sources_allow(count), "{}: {sources} by source", class.word());
    }
}

/// Three sources of power and four of memory are too few to leave out whole: rows are left out one at a time.
#[test]
fn bands_of_power_and_memory_hold_what_they_promise_on_rows_that_took_no_part() {
    for class in [Class::Power, Class::Memory] {
        let mut rows = scored();
        rows.retain(|row| Class::of(row) == Some(class) && row.exposure.is_some());
        let banded: Vec<Judged> = (0..rows.len())
            .map(|at| {
                let others = rows.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, row)| row);
                let mut row = rows[at].clone();
                row.spread(&calibrate(others));
                row
            })
            .collect();
        // With so few sources a share of one of them is a large step: rows and sources count half each.
        let (by_row, by_source, _) = coverage(banded.iter());
        let held = 0.5 * (by_row + by_source);
        // The median is the estimate: on a side where less than a tenth of the rows lies, less than a tenth can be beyond.
        let tail = |side: f64| {
            let beyond = rows.iter().filter(|row| side * row.error > 0.0).count() as f64;
            (0.5 * (1.0 - PROMISED)).min(beyond / rows.len() as f64)
        };
        let promised = 1.0 - tail(1.0) - tail(-1.0);
        // Of few rows no whole number may lie in the range: one and a half rows are allowed.
        let allowed = 0.05_f64.max(1.5 / rows.len() as f64);
        assert!((held - promised).abs() <= allowed, "{}: {held} for {promised}", class.word());
    }
}

#[test]
fn bands_are_skewed_to_the_slow_side_and_a_searched_plan_is_shifted_there() {
    let spread = LIBRARY.spread().unwrap();
    assert!(spread.stated_slow > spread.stated_fast);
    assert!(spread.searched_shift >= 0.0, "people's plans are no faster than the best one found");
    let stated = exposure(&[Component::Run, Component::Stack]);
    let searched = exposure(&[Component::Run, Component::Stack, Component::Searched]);
    assert_eq!(stated.shift(&spread), 0.0, "the median of a stated plan is the estimate");
    assert_eq!(searched.shift(&spread), spread.searched_shift);
}

#[test]
fn the_shipped_spread_is_written_as_it_is_read() {
    let shipped = LIBRARY.spread().unwrap();
    let record = reader::read(
        EntryKind::Spread,
        &SourceText::new("evidence/spread.toml", shipped.toml("left-out residuals")),
        "spread",
        Owner::Library,
        &|name: &str| LIBRARY.record(EntryKind::Spread, name),
    );
    assert_eq!(Spread::from_record(&record.into_result().unwrap()).unwrap(), shipped);
}

fn exposure(components: &[Component]) -> Exposure {
    components.iter().fold(Exposure::default(), |exposure, component| exposure.with(*component, 1.0))
}

#[test]
fn every_extrapolation_widens_the_band() {
    let spread = LIBRARY.spread().unwrap();
    let known = exposure(&[Component::Run, Component::Stack]);
    for component in Component::ALL.into_iter().skip(2).filter(|component| *component != Component::Searched) {
        let beyond = known.with(component, 1.0);
        let (narrow, wide) = (Width::of_time(&known, &spread), Width::of_time(&beyond, &spread));
        assert!(wide.below > narrow.below && wide.above > narrow.above, "{component:?}");
    }
    let (metered, never) = (Width::of_power(&spread, true), Width::of_power(&spread, false));
    assert!(never.above > metered.above);
}

fn relative_width(document: &Value, figure: &str) -> f64 {
    let band = &document["bands"][figure];
    band["p90"].as_f64().unwrap() / band["p10"].as_f64().unwrap()
}

const FIGURES: [&str; 6] = ["step_s", "wall_s", "facility_energy_j", "cost_usd", "co2_kg", "memory_bytes"];

#[test]
fn every_figure_of_an_estimate_has_its_band() {
    let known = answer(
        "estimate --workload gpt-3-175b --chip nvidia-a100-sxm-80gb --chips 1024 --plan tp=8,pp=16,micro_batch=1 \
         --stack megatron-core-2023",
    );
    let far = answer("estimate --workload deepseek-v3 --chip huawei-ascend-910c --chips 32768");
    for document in [&known, &far] {
        for figure in FIGURES {
            let at = |edge: &str| document["bands"][figure][edge].as_f64().unwrap();
            assert!(at("p10") < at("p50") && at("p50") < at("p90"), "{figure}");
        }
        assert!(relative_width(document, "wall_s") > relative_width(document, "step_s"));
        assert!(relative_width(document, "facility_energy_j") > relative_width(document, "wall_s"));
    }
    let step = known["step_s"].as_f64().unwrap();
    assert_eq!(known["bands"]["step_s"]["p50"].as_f64().unwrap(), step, "a stated plan is not shifted");
    for figure in ["step_s", "wall_s", "facility_energy_j", "cost_usd", "co2_kg"] {
        assert!(relative_width(&far, figure) > relative_width(&known, figure), "{figure}");
    }
    let notes = far["coverage"].as_array().unwrap();
    assert!(notes.iter().any(|note| note.as_str().unwrap().contains("no measured training run on huawei-ascend-910c")));
}

/// Two designs of a scenario that differ in what is given.
fn probability(first: &str, second: &str, objective: &str) -> f64 {
    let scenario = format!(
        "name = \"two\"\ntitle = \"Two\"\nquestion = \"Which?\"\nworkloads = [\"llama-2-7b\"]\n\n\
         [[design]]\nname = \"first\"\nsite = \"us-virginia\"\n{first}\n\n\
         [[design]]\nname = \"second\"\nsite = \"us-virginia\"\n{second}\n"
    );
    let (_folder, path) = file("two.toml", scenario.as_bytes());
    let ran = wattline(&["compare", path.to_str().unwrap(), "--engine", "cpu", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let document = ran.json();
    let winner = document["winners"].as_array().unwrap().iter().find(|w| w["objective"] == objective).unwrap().clone();
    let chance = |name: &str| winner["probability"][name].as_f64().unwrap();
    assert!((chance("first") + chance("second") - 1.0).abs() < 1e-9);
    chance("first")
}

#[test]
fn a_design_beats_itself_half_the_time() {
    let design = "chip = \"nvidia-h100-sxm\"\nchips = 64";
    for objective in ["time", "energy", "cost", "carbon"] {
        // Two standard errors of ten thousand draws.
        assert!((probability(design, design, objective) - 0.5).abs() < 0.01, "{objective}");
    }
}

#[test]
fn what_two_designs_share_does_not_blur_their_order() {
    let ask = Ask {
        workload: "llama-2-7b".to_owned(),
        chip: "nvidia-h100-sxm".to_owned(),
        chips: Some(64.0),
        ..Ask::default()
    };
    let design = Design::resolve(&LIBRARY, &ask).unwrap();
    let space = design.spaces().remove(0);
    let fits = |plan: &Plan| estimate(&design.setting, plan, design.chips).ok();
    let faster = (0..space.len()).find_map(|index| fits(&space.decode(index)?)).unwrap();
    let mut slower = faster;
    slower.wall.wall_s *= 1.15;
    let uncertainty = uncertainty(&design, &faster);
    let first_wins = |stack: &str, chip: &str| {
        let sides = [("s", "c", &faster), (stack, chip, &slower)];
        let sides = sides.map(|(stack, chip, estimate)| Side { stack, chip, estimate, uncertainty: &uncertainty });
        chances(&sides, Objective::Time, &design.spread)[0]
    };
    let (both, stack, neither) = (first_wins("s", "c"), first_wins("s", "d"), first_wins("t", "d"));
    assert!(neither > 0.5 && stack >= neither && both >= stack && both > neither + 0.05, "{both} {stack} {neither}");
}

#[test]
fn the_ratio_of_two_designs_turned_around_is_its_inverse_and_a_step_has_that_of_its_chip_seconds() {
    let [new, old] = ["nvidia-h100-sxm", "nvidia-a100-80gb-sxm"].map(|chip| {
        let ask = Ask { workload: "llama-2-7b".to_owned(), chip: chip.to_owned(), chips: Some(64.0), ..Ask::default() };
        let design = Design::resolve(&LIBRARY, &ask).unwrap();
        let space = design.spaces().remove(0);
        let found = search(&design.setting, &space, design.chips);
        (*found.by(Objective::Time).unwrap(), design)
    });
    let uncertain = [&new, &old].map(|(estimate, design)| uncertainty(design, estimate));
    let [a, b] = [(&new, &uncertain[0]), (&old, &uncertain[1])].map(|((estimate, design), uncertainty)| Side {
        stack: &design.setting.stack.name,
        chip: &design.setting.chip.name,
        estimate,
        uncertainty,
    });
    let spread = &new.1.spread;
    let itself = ratio(&a, &a, Objective::Time, spread);
    assert!(itself.holds(1.0) && (itself.p50 - 1.0).abs() < 0.01, "{itself:?}");
    for objective in Objective::ALL {
        let (there, back) = (ratio(&a, &b, objective, spread), ratio(&b, &a, objective, spread));
        assert!(there.p10 < there.p50 && there.p50 < there.p90, "{there:?}");
        // Errors of the run itself are drawn by place: two standard errors of ten thousand draws.
        for (one, other) in [(there.p10, back.p90), (there.p50, back.p50), (there.p90, back.p10)] {
            assert!((one * other - 1.0).abs() < 0.02, "{there:?} {back:?}");
        }
    }
    let chip_s = [&new, &old].map(|(e, _)| e.step_s * e.chips_used / e.plan.global_batch() as f64);
    let step = step_ratio(&a, &b, [4096.0, 4096.0], spread);
    assert!((step.p50 / (chip_s[1] / chip_s[0]) - 1.0).abs() < 0.02, "{step:?}");
    assert_eq!(step_ratio(&a, &b, [4096.0, 2048.0], spread).p90, 2.0 * step.p90);
}

proptest! {
    #[test]
    fn quantiles_are_in_order(
        value in -1e12..1e12_f64,
        below in 0.0..2.0_f64,
        above in 0.0..2.0_f64,
        further in 0.0..2.0_f64,
    ) {
        let width = Width::new(below, above);
        for band in [Band::around(value, width), Band::inverse_around(value, width)] {
            prop_assert!(band.p10 <= band.p50 && band.p50 <= band.p90);
            prop_assert!(band.holds(value));
        }
        let wider = Band::around(value, width.and(Width::new(further, further)));
        let band = Band::around(value, width);
        prop_assert!(wider.p10 <= band.p10 && wider.p90 >= band.p90);
    }
}

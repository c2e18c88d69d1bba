//! Rows of a real design, and headers for them.
#![allow(dead_code)]

use std::path::Path;

use wattline::design::{Ask, Design};
use wattline::library::store::Library;
use wattline::model::{Estimate, estimate};
use wattline::results::{Cell, Header, Identity, Keep, Opened, Row, fields, open};
use wattline::search::Objective;

/// A design that fits, with the estimate of a plan that does.
pub fn design() -> (Design, Estimate) {
    let library = Library::open::<&Path>(&[]).unwrap();
    let ask = Ask {
        name: "sixty-four".to_owned(),
        workload: "gpt-3-13b".to_owned(),
        chip: "nvidia-a100-sxm-80gb".to_owned(),
        chips: Some(64.0),
        ..Ask::default()
    };
    let design = Design::resolve(&library, &ask).unwrap();
    let space = &design.spaces()[0];
    let plans = (0..space.len()).filter_map(|index| space.decode(index));
    let found = plans.filter_map(|plan| estimate(&design.setting, &plan, design.chips).ok()).next().unwrap();
    (design, found)
}

/// The row of the design under a number.
pub fn row(design: &Design, estimate: &Estimate, index: u64, objectives: &[Objective]) -> Row {
    Row::new(&Identity { index, objectives }, design, estimate)
}

/// The place of a column in a row.
pub fn place(name: &str) -> usize {
    fields().iter().position(|field| field.name == name).unwrap_or_else(|| panic!("no column {name}"))
}

/// Sets one number of a row.
pub fn put(row: &mut Row, name: &str, value: f64) {
    row.cells[place(name)] = Cell::Number(value);
}

/// The header of a small result.
pub fn header(keep: Keep, groups: u64) -> Header {
    Header {
        scenario: "a-test".to_owned(),
        scenario_hash: "5c".to_owned(),
        library_hash: "11b".to_owned(),
        keep,
        objectives: vec![Objective::Time, Objective::Cost],
        top: 1,
        partition: None,
        designs: 1000,
        groups,
    }
}

/// Writes a whole result.
pub fn write(path: &Path, header: &Header, rows: &[Row]) {
    let Opened::Fresh(mut sink) = open(path, header, false).unwrap() else { panic!("{} was there", path.display()) };
    sink.commit(header.groups, rows, b"").unwrap();
    sink.finish().unwrap();
}

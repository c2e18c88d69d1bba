//! Bands hold as much as they say, on rows whose source took no part in making them.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use wattline::library::source_text::SourceText;
use wattline::library::store::{Library, evidence};
use wattline::uncertainty::calibrate::{Class, calibrate};
use wattline::validate::judged::{Judged, Status};
use wattline::validate::predict::Predictor;
use wattline::validate::table::Table;

/// The scored rows of the shipped tables.
fn scored() -> Vec<Judged> {
    let library = Library::open::<&Path>(&[]).unwrap();
    let predictor = Predictor::new(&library).unwrap();
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

#[test]
fn tmp_print() {
    let rows = scored();
    let t = std::time::Instant::now();
    let s = calibrate(&rows);
    println!("{:?} {s:#?}", t.elapsed());
    std::fs::write("/tmp/bands-spread.toml", s.toml("in sample")).unwrap();
    let banded = left_out(&rows);
    println!("{:?}", t.elapsed());
    for class in Class::ALL {
        println!("{} {:?}", class.word(), coverage(banded.iter().filter(|r| Class::of(r) == Some(class))));
    }
    println!(
        "time {:?}",
        coverage(banded.iter().filter(|r| matches!(Class::of(r), Some(Class::Stated | Class::Searched))))
    );
    for class in Class::ALL {
        for n in names(&rows) {
            let b: Vec<&Judged> = banded.iter().filter(|r| Class::of(r) == Some(class) && r.source == n).collect();
            if b.is_empty() {
                continue;
            }
            let (c, ..) = coverage(b.iter().copied());
            let h =
                b.iter().map(|r| (r.band.unwrap().p90 / r.band.unwrap().p10).ln() / 2.0).sum::<f64>() / b.len() as f64;
            println!("{:<12} {:<45} {:>4} {:.2} half {:.2}", class.word(), n, b.len(), c, h);
        }
    }
}

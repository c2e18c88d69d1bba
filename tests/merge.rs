//! `wattline merge`: partitions joined are the result that one process would have written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;
mod rows;

use std::path::{Path, PathBuf};

use program::{Ran, wattline};
use rows::{design, header, place, put, row, write};
use wattline::results::{Cell, Header, Keep, Row};

const DESIGNS: u64 = 400;
const SHARDS: u64 = 3;
/// Figures of the header's objectives.
const FIGURES: [&str; 2] = ["wall_s", "cost_usd"];

/// A space of designs of two names on two workloads; coarse values, so that some tie.
fn space() -> Vec<Row> {
    let (design, estimate) = design();
    let mut seed = 88_172_645_463_325_252_u64;
    let mut coarse = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % 40) as f64
    };
    (0..DESIGNS)
        .map(|index| {
            let mut row = row(&design, &estimate, index, &[]);
            row.cells[place("design")] = Cell::Text(["ours", "theirs"][(index / 7 % 2) as usize].into());
            row.cells[place("workload")] = Cell::Text(["small", "large"][(index / 100 % 2) as usize].into());
            put(&mut row, "wall_s", coarse());
            put(&mut row, "cost_usd", coarse());
            row
        })
        .collect()
}

fn value(row: &Row, name: &str) -> f64 {
    row.cells[place(name)].number().unwrap()
}

fn text<'a>(row: &'a Row, name: &str) -> &'a str {
    row.cells[place(name)].text().unwrap()
}

/// What a sweep keeps of designs, written out plainly.
fn keep(rows: &[Row], keep: Keep) -> Vec<Row> {
    if keep != Keep::Frontier {
        return rows.to_vec();
    }
    let figures = |row: &Row| FIGURES.map(|name| value(row, name));
    let dominates = |a: &Row, b: &Row| {
        let (x, y) = (figures(a), figures(b));
        x.iter().zip(&y).all(|(x, y)| x <= y) && (x != y || value(a, "index") < value(b, "index"))
    };
    let mut kept = Vec::new();
    for workload in ["small", "large"] {
        let rivals: Vec<&Row> = rows.iter().filter(|row| text(row, "workload") == workload).collect();
        let mut front: Vec<Row> = rivals
            .iter()
            .filter(|row| !rivals.iter().any(|other| dominates(other, row)))
            .map(|&row| row.clone())
            .collect();
        front.sort_by(|a, b| figures(a).partial_cmp(&figures(b)).unwrap());
        kept.extend(front);
    }
    kept
}

fn header_of(keep: Keep, partition: Option<(u64, u64)>, groups: u64) -> Header {
    Header { partition, designs: DESIGNS, groups, ..header(keep, 1) }
}

/// Writes the partitions of the space, every third design each.
fn partitions(folder: &Path, of: Keep, extension: &str) -> Vec<PathBuf> {
    let space = space();
    (0..SHARDS)
        .map(|shard| {
            let rows: Vec<Row> =
                space.iter().filter(|row| value(row, "index") as u64 % SHARDS == shard).cloned().collect();
            let path = folder.join(format!("part-{}.{extension}", shard + 1));
            write(&path, &header_of(of, Some((shard + 1, SHARDS)), 10), &keep(&rows, of));
            path
        })
        .collect()
}

fn merge(parts: &[PathBuf], out: &Path) -> Ran {
    let mut arguments = vec!["merge".into()];
    arguments.extend(parts.iter().map(|part| part.clone().into_os_string()));
    arguments.extend(["--out".into(), out.as_os_str().to_owned(), "--json".into()]);
    wattline(&arguments)
}

#[test]
fn partitions_joined_are_what_one_process_keeps() {
    let space = space();
    for of in Keep::ALL {
        for extension in ["parquet", "csv", "jsonl"] {
            let folder = tempfile::tempdir().unwrap();
            let parts = partitions(folder.path(), of, extension);
            let whole = folder.path().join(format!("whole.{extension}"));
            let rows = keep(&space, of);
            write(&whole, &header_of(of, None, 10 * SHARDS), &rows);
            let out = folder.path().join(format!("joined.{extension}"));
            // In another order: the order in which parts are named does not count.
            let ran = merge(&[parts[2].clone(), parts[0].clone(), parts[1].clone()], &out);
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            assert_eq!(ran.json()["rows"], rows.len());
            assert!(std::fs::read(&out).unwrap() == std::fs::read(&whole).unwrap(), "{of:?} {extension}");
        }
    }
}

#[test]
fn a_folder_of_parts_is_joined_again_and_again_to_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    partitions(folder.path(), Keep::Frontier, "parquet");
    let out = folder.path().join("frontier.parquet");
    let mut before = None;
    for _ in 0..2 {
        let ran = merge(&[folder.path().to_owned()], &out);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let bytes = std::fs::read(&out).unwrap();
        assert!(*before.get_or_insert_with(|| bytes.clone()) == bytes);
    }
}

#[test]
fn parts_that_make_no_whole_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let parts = partitions(folder.path(), Keep::Frontier, "csv");
    let other = folder.path().join("other.csv");
    let shard = header_of(Keep::Frontier, Some((2, SHARDS)), 10);
    write(&other, &Header { library_hash: "another".to_owned(), ..shard.clone() }, &[]);
    let fourth = folder.path().join("fourth.csv");
    write(&fourth, &Header { partition: Some((4, 4)), ..shard.clone() }, &[]);
    let whole = folder.path().join("whole.csv");
    write(&whole, &Header { partition: None, ..shard.clone() }, &[]);
    let vast = folder.path().join("vast.csv");
    write(&vast, &Header { partition: Some((1, u64::MAX)), ..shard.clone() }, &[]);
    let bare = folder.path().join("bare.csv");
    std::fs::copy(&parts[1], &bare).unwrap();
    let unfinished = folder.path().join("unfinished.csv");
    std::fs::create_dir(folder.path().join("unfinished.csv.partial")).unwrap();
    let out = folder.path().join("joined.csv");
    for (named, words) in [
        (vec![&parts[0], &parts[2]], "missing: 2/3"),
        (vec![&parts[0], &parts[1], &parts[1], &parts[2]], "2/3 is there twice"),
        (vec![&parts[0], &other, &parts[2]], "11b there, another here"),
        (vec![&parts[0], &parts[1], &fourth], "one of 4 partitions"),
        (vec![&parts[0], &whole], "whole result"),
        (vec![&vast], "more"),
        (vec![&parts[0], &bare, &parts[2]], "-metadata.json"),
        (vec![&parts[0], &parts[1], &unfinished], "--resume"),
    ] {
        let named: Vec<PathBuf> = named.into_iter().cloned().collect();
        let ran = merge(&named, &out);
        assert_eq!(ran.code, 2, "{words}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        assert!(ran.json()["error"]["message"].is_string());
        assert!(!out.exists() && !folder.path().join("joined.csv.partial").exists(), "{words}");
    }
}

#[test]
fn a_design_in_two_partitions_is_refused_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut parts = partitions(folder.path(), Keep::All, "parquet");
    parts[2] = folder.path().join("overlap.parquet");
    write(&parts[2], &header_of(Keep::All, Some((3, SHARDS)), 10), &space()[42..43]);
    let ran = merge(&parts, &folder.path().join("joined.parquet"));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("design 42 is in"), "{}", ran.stderr);
}

#[test]
fn one_whole_result_is_written_anew_in_another_format() {
    let folder = tempfile::tempdir().unwrap();
    let (parquet, csv) = (folder.path().join("out.parquet"), folder.path().join("out.csv"));
    write(&parquet, &header_of(Keep::All, None, 10), &space());
    let ran = merge(std::slice::from_ref(&parquet), &csv);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let direct = folder.path().join("direct.csv");
    write(&direct, &header_of(Keep::All, None, 10), &space());
    assert!(std::fs::read(&csv).unwrap() == std::fs::read(&direct).unwrap());
}

//! Result files: what is written is what is read, in every format, here and in other programs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;
mod rows;

use std::path::Path;
use std::process::Command;

use rows::{design, header, place, put, row, write};
use wattline::results::table::{Table, Values};
use wattline::results::{Cell, Format, Keep, Kind, Row, fields, open, read};
use wattline::search::Objective;

const NAMES: [&str; 3] = ["out.parquet", "out.csv", "out.jsonl"];

/// Numbers whose texts go wrong where a writer or reader is careless.
const EDGES: [f64; 12] = [
    0.0,
    -0.0,
    0.1 + 0.2,
    1e16,
    1e22,
    1e23,
    f64::MAX,
    f64::MIN_POSITIVE,
    5e-324,
    std::f64::consts::PI,
    9_007_199_254_740_993.0,
    -1.5e-300,
];

/// Rows that hold every edge, and texts that need quoting.
fn edge_rows() -> Vec<Row> {
    let (design, estimate) = design();
    let mut rows: Vec<Row> = EDGES
        .iter()
        .enumerate()
        .map(|(at, edge)| {
            let mut row = row(&design, &estimate, at as u64, &[Objective::Time, Objective::Cost]);
            put(&mut row, "wall_s", *edge);
            row
        })
        .collect();
    for (row, text) in rows.iter_mut().zip(["", "a,b", "\"quoted\"", "two\nlines", "naïve – 電力", " spaces ", "#1"])
    {
        row.cells[place("design")] = Cell::Text(text.into());
    }
    rows[0].cells[place("index")] = Cell::Count(u64::from(u32::MAX) * 1_000_000);
    rows
}

fn assert_holds(table: &Table, rows: &[Row]) {
    assert_eq!(table.columns.len(), fields().len());
    for (at, (column, field)) in table.columns.iter().zip(fields()).enumerate() {
        assert_eq!(column.name, field.name);
        assert_eq!(column.unit, field.unit, "{}", column.name);
        assert_eq!(column.values.len(), rows.len());
        for (line, row) in rows.iter().enumerate() {
            let name = &field.name;
            match (&column.values, &row.cells[at]) {
                (Values::Number(read), Cell::Number(written)) if written.is_finite() => {
                    assert_eq!(read[line].to_bits(), written.to_bits(), "{name}: {} for {written}", read[line]);
                }
                (Values::Number(read), Cell::Number(_)) => assert!(read[line].is_nan(), "{name}"),
                (Values::Number(read), Cell::Count(written)) => assert_eq!(read[line], *written as f64, "{name}"),
                (Values::Text(read), Cell::Text(written)) => assert_eq!(&read[line], written, "{name}"),
                (Values::Text(read), Cell::Flag(written)) => assert_eq!(read[line], written.to_string(), "{name}"),
                (read, written) => panic!("{name}: {written:?} became {read:?}"),
            }
        }
    }
}

#[test]
fn every_format_reads_back_bit_by_bit() {
    let rows = edge_rows();
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write(&path, &header(Keep::All, 3), &rows);
        let table = read(&path).unwrap();
        assert_holds(&table, &rows);
        assert_eq!(table.metadata, header(Keep::All, 3).metadata(), "{name}");
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(left.iter().all(|file| !file.to_string_lossy().contains("partial")), "{left:?}");
    }
}

#[test]
fn a_result_without_rows_is_a_valid_file() {
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write(&path, &header(Keep::Best, 1), &[]);
        let table = read(&path).unwrap();
        assert_eq!((table.rows(), table.columns.len()), (0, fields().len()), "{name}");
    }
}

#[test]
fn rows_past_one_row_group_keep_their_order() {
    // More than one row group of Parquet, whose last is not full.
    const ROWS: u64 = 70_001;
    let (design, estimate) = design();
    let rows: Vec<Row> = (0..ROWS).map(|index| row(&design, &estimate, index, &[])).collect();
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write(&path, &header(Keep::All, 3), &rows);
        let table = read(&path).unwrap();
        let index = table.numbers("index").unwrap();
        assert_eq!(index.len() as u64, ROWS, "{name}");
        assert!(index.iter().enumerate().all(|(at, index)| at as f64 == *index), "{name}");
    }
}

#[test]
fn columns_are_of_the_kind_that_they_state_and_no_two_share_a_name() {
    let (design, estimate) = design();
    let row = row(&design, &estimate, 7, &[]);
    assert_eq!(row.cells.len(), fields().len());
    for (at, (field, cell)) in fields().iter().zip(&row.cells).enumerate() {
        let kind = match cell {
            Cell::Count(_) => Kind::Count,
            Cell::Number(_) => Kind::Number,
            Cell::Flag(_) => Kind::Flag,
            Cell::Text(_) => Kind::Text,
        };
        assert_eq!(kind, field.kind, "{}", field.name);
        assert!(fields()[..at].iter().all(|other| other.name != field.name), "{}", field.name);
    }
}

#[test]
fn a_row_says_what_estimate_says() {
    let (design, estimate) = design();
    let row = row(&design, &estimate, 7, &[]);
    let document = wattline::report::estimate_json(&design, &estimate);
    let mut compared = 0;
    for (field, cell) in fields().iter().zip(&row.cells) {
        let name = field.name.as_ref();
        let part = |prefix: &str, under: &str| {
            let rest = name.strip_prefix(prefix)?.trim_end_matches("_usd").trim_end_matches("_kg");
            document.get(under)?.get(rest)
        };
        let stated = match name {
            "cost_usd" => document["cost_usd"].get("total"),
            "co2_kg" => document["co2_kg"].get("total"),
            _ => None,
        }
        .or_else(|| part("cost_", "cost_usd"))
        .or_else(|| part("co2_", "co2_kg"))
        .or_else(|| document["breakdown"]["step_s"].get(name.strip_prefix("step_s_")?))
        .or_else(|| document["breakdown"]["facility_energy_j"].get(name.strip_prefix("facility_energy_j_")?))
        .or_else(|| document["plan"].get(name))
        .or_else(|| document.get(name));
        let Some(stated) = stated else { continue };
        compared += 1;
        match cell {
            Cell::Number(value) => assert_eq!(stated.as_f64(), Some(*value), "{name}"),
            Cell::Count(value) => assert_eq!(stated.as_u64(), Some(*value), "{name}"),
            Cell::Flag(value) => assert_eq!(stated.as_bool(), Some(*value), "{name}"),
            Cell::Text(value) => assert_eq!(stated.as_str(), Some(value.as_ref()), "{name}"),
        }
    }
    // Identity, entries, cap, prices, the rental of an owned chip, and parts of the cost that are nothing are not in the
    // document.
    const BESIDE: usize = 15;
    assert_eq!(compared + BESIDE, fields().len());
}

#[test]
fn what_is_not_finite_is_empty_or_null() {
    let (design, mut estimate) = design();
    estimate.wall.goodput = f64::INFINITY;
    estimate.steps = f64::NAN;
    let rows = [row(&design, &estimate, 0, &[])];
    let folder = tempfile::tempdir().unwrap();
    for name in NAMES {
        let path = folder.path().join(name);
        write(&path, &header(Keep::All, 1), &rows);
        let table = read(&path).unwrap();
        assert!(table.numbers("goodput").unwrap()[0].is_nan() && table.numbers("steps").unwrap()[0].is_nan());
    }
    let lines = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
    assert!(lines.contains("\"goodput\":null") && lines.contains("\"steps\":null"), "{lines}");
    let csv = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
    assert!(!csv.to_lowercase().contains("nan") && !csv.contains("inf"), "{csv}");
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    std::fs::create_dir(folder.path().join("folder.csv")).unwrap();
    for (path, word) in [
        ("out.xlsx", ".parquet, .csv, .jsonl"),
        ("out", ".parquet, .csv, .jsonl"),
        (".csv", ".parquet, .csv, .jsonl"),
        ("no/such/out.csv", "folder must exist"),
        ("a-file/out.csv", "cannot be written"),
        ("folder.csv", "it is a folder"),
    ] {
        let fault = open(&folder.path().join(path), &header(Keep::Best, 1), false).err().expect(path);
        assert_eq!(fault.code(), 2, "{path}");
        assert!(fault.to_string().contains(word), "{path}: {fault}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn another_programs_csv_has_numbers_where_every_value_is_one() {
    let (_folder, path) = program::file("theirs.csv", b"chip,score,note\na,1.5,x\nb,,2\n");
    let table = read(&path).unwrap();
    assert_eq!(table.texts("chip").unwrap(), ["a", "b"]);
    let score = table.numbers("score").unwrap();
    assert!(score[0] == 1.5 && score[1].is_nan());
    assert!(table.texts("note").is_some());
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_an_input_fault() {
    for (name, bytes) in [
        ("bad.parquet", &b"PAR1 not really"[..]),
        ("empty.parquet", b""),
        ("bad.jsonl", b"{\"index\": 1}\n{\"index\":"),
        ("wrong.jsonl", b"{\"index\": \"one\"}\n"),
        ("wrong.csv", b"index,wall_s\n1,soon\n"),
        ("short.csv", b"index,wall_s\n1\n"),
        ("bytes.csv", b"index,chip\n1,\xff\xfe\n"),
    ] {
        let (_folder, path) = program::file(name, bytes);
        let fault = read(&path).expect_err(name);
        assert_eq!(fault.code(), 2, "{name}");
    }
    assert_eq!(read(Path::new("no-such.parquet")).unwrap_err().code(), 2);
}

#[test]
fn a_folder_reads_as_one_table() {
    let (design, estimate) = design();
    let folder = tempfile::tempdir().unwrap();
    for (at, format) in Format::ALL.into_iter().enumerate() {
        let rows = [row(&design, &estimate, at as u64, &[])];
        write(&folder.path().join(format!("part-{at}.{}", format.extension())), &header(Keep::All, 1), &rows);
    }
    let table = read(folder.path()).unwrap();
    assert_eq!(table.numbers("index").unwrap(), [0.0, 1.0, 2.0]);
    assert_eq!(table.metadata["scenario"], "a-test");
}

/// Reads a Parquet file with whichever of DuckDB and pyarrow python has, and prints rows, a sum, types and metadata.
const PYTHON: &str = r#"
import sys
path = sys.argv[1]
try:
    import duckdb
    q = lambda sql: duckdb.sql(sql).fetchall()
    n, total, chip = q(f"select count(*), sum(index), min(chip) from '{path}'")[0]
    types = dict((r[0], r[1]) for r in q(f"describe select * from '{path}'"))
    meta = dict((k.decode(), v.decode()) for k, v in q(f"select key, value from parquet_kv_metadata('{path}')"))
    kinds = [types[c] for c in ("index", "wall_s", "chip", "sequence_parallel")]
    print("duckdb", n, total, chip, *kinds, meta["scenario"], '"unit":"J"' in meta["columns"])
    sys.exit(0)
except ImportError:
    pass
try:
    import pyarrow.parquet as pq
    t = pq.read_table(path)
    meta = dict((k.decode(), v.decode()) for k, v in pq.read_metadata(path).metadata.items())
    kinds = [{"int64": "BIGINT", "double": "DOUBLE", "string": "VARCHAR", "bool": "BOOLEAN"}[str(t.schema.field(c).type)]
             for c in ("index", "wall_s", "chip", "sequence_parallel")]
    print("pyarrow", t.num_rows, sum(t["index"].to_pylist()), min(t["chip"].to_pylist()), *kinds,
          meta["scenario"], '"unit":"J"' in meta["columns"])
except ImportError:
    print("none")
"#;

#[test]
fn parquet_opens_in_duckdb_or_pyarrow_where_python_has_one() {
    let (design, estimate) = design();
    let rows: Vec<Row> = (0..1000).map(|index| row(&design, &estimate, index, &[])).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    write(&path, &header(Keep::All, 3), &rows);
    let python = std::env::var_os("WATTLINE_PYTHON").unwrap_or_else(|| "python3".into());
    let Ok(output) = Command::new(python).args(["-c", PYTHON]).arg(&path).output() else {
        println!("passed over: there is no python3");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    if text.trim() == "none" {
        println!("passed over: python3 has neither duckdb nor pyarrow");
        return;
    }
    let expected = "1000 499500 nvidia-a100-sxm-80gb BIGINT DOUBLE VARCHAR BOOLEAN a-test True";
    assert_eq!(text.trim().split_once(' ').map(|(_, rest)| rest), Some(expected));
}

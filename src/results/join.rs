//! The partitions of a sweep as one result: the same rows as one process would have kept.

use std::cmp::Ordering::Equal;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::path::{Path, PathBuf};

use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::search::Objective;
use crate::search::frontier::pareto;

use super::file::{Reader, unwritten};
use super::header::{Header, Keep, OF_A_PART, differences};
use super::read::parts;
use super::row::{Cell, Field, Row};
use super::sink::{Opened, open, partial_folder};

/// What was joined.
#[derive(Clone, Debug)]
pub struct Joined {
    pub header: Header,
    pub parts: usize,
    pub rows: u64,
}

fn wrong(file: &Path, message: String, help: &str) -> Fault {
    Fault::input(Diagnostic::error(message).in_file(file.display().to_string()).help(help))
}

/// One part, opened.
struct Part {
    path: PathBuf,
    header: Header,
    reader: Reader,
}

/// Joins result files, or the folders that hold them, into one at `out`.
pub fn join(named: &[PathBuf], out: &Path) -> Result<Joined, Fault> {
    let mut files = Vec::new();
    for path in named {
        // The result of an earlier join may lie among its parts.
        files.extend(parts(path)?.into_iter().filter(|file| file == path || file != out));
    }
    let mut opened: Vec<Part> = files.iter().map(|file| part(file)).collect::<Result<_, _>>()?;
    for pair in opened.windows(2) {
        alike(&pair[0], &pair[1])?;
    }
    complete(&opened)?;
    opened.sort_by_key(|part| part.header.partition);
    let Some(first) = opened.first() else {
        return Err(wrong(out, "there is no part to join".to_owned(), "name the parts"));
    };
    let header = Header {
        partition: None,
        groups: opened.iter().map(|part| part.header.groups).fold(0, u64::saturating_add),
        ..first.header.clone()
    };
    let fields = first.reader.fields().to_vec();
    let columns = Columns::of(&fields, &header.objectives).ok_or_else(|| {
        wrong(&first.path, "it lacks columns that a sweep writes".to_owned(), "join what `wattline sweep --out` wrote")
    })?;
    let count = opened.len();
    let sink = match open(out, &header, false)? {
        Opened::Fresh(sink) | Opened::Resumed(sink, _) => sink,
        Opened::Finished => return Ok(Joined { header, parts: count, rows: 0 }),
    };
    let mut rows = 0;
    sink.finish_from(&fields, |write| {
        let mut take = |row: &Row| {
            rows += 1;
            write(row).map_err(|error| unwritten(out, &error))
        };
        if header.keep == Keep::Frontier {
            return frontier(opened, &columns)?.iter().try_for_each(take);
        }
        let mut merged = Merged::new(opened, columns.index)?;
        while let Some(row) = merged.next()? {
            take(&row)?;
        }
        Ok(())
    })?;
    Ok(Joined { header, parts: count, rows })
}

fn part(path: &Path) -> Result<Part, Fault> {
    if !path.exists() && partial_folder(path).is_dir() {
        let message = format!("{} is not finished", quoted(&path.display().to_string()));
        return Err(wrong(path, message, "finish its sweep with --resume, then join"));
    }
    let reader = Reader::open(path)?;
    let header = Header::parse(reader.metadata()).ok_or_else(|| {
        let message = "nothing says of which sweep it is".to_owned();
        wrong(
            path,
            message,
            "join what `wattline sweep --out` wrote; a .csv or .jsonl needs the -metadata.json beside it",
        )
    })?;
    Ok(Part { path: path.to_owned(), header, reader })
}

/// Two parts are of one sweep.
fn alike(first: &Part, other: &Part) -> Result<(), Fault> {
    let shared = |part: &Part| -> BTreeMap<String, String> {
        let pairs = part.reader.metadata().iter();
        pairs.filter(|(key, _)| !OF_A_PART.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let differences = differences(&shared(first), &shared(other));
    if !differences.is_empty() {
        let message = format!("it is not of the sweep of {}: {}", first.path.display(), differences.join("; "));
        return Err(wrong(&other.path, message, "join parts of one sweep"));
    }
    let names =
        |part: &Part| -> Vec<String> { part.reader.fields().iter().map(|field| field.name.to_string()).collect() };
    if names(first) != names(other) {
        let message = format!("its columns are not those of {}", first.path.display());
        return Err(wrong(&other.path, message, "join parts that one version of wattline wrote"));
    }
    Ok(())
}

/// Every partition is there, and once.
fn complete(parts: &[Part]) -> Result<(), Fault> {
    let mut of: Option<(u64, &Part)> = None;
    let mut seen: BTreeMap<u64, &Part> = BTreeMap::new();
    for part in parts {
        let Some((shard, shards)) = part.header.partition else {
            if parts.len() == 1 {
                return Ok(());
            }
            return Err(wrong(&part.path, "it is a whole result, not a partition".to_owned(), "leave it out"));
        };
        if let Some((other, first)) = of.filter(|(other, _)| *other != shards) {
            let message = format!("it is one of {shards} partitions, and {} is one of {other}", first.path.display());
            return Err(wrong(&part.path, message, "join parts of one sweep, split the same way"));
        }
        of = Some((shards, part));
        if let Some(twin) = seen.insert(shard, part) {
            let message = format!("partition {shard}/{shards} is there twice: {} too", twin.path.display());
            return Err(wrong(&part.path, message, "leave one of them out"));
        }
    }
    let Some((shards, first)) = of else { return Ok(()) };
    // A number that the file made up must not make a list of that length.
    const NAMED: usize = 8;
    let lacking = shards.saturating_sub(seen.range(1..=shards).count() as u64);
    if lacking > 0 {
        let mut named: Vec<String> = (1..=shards)
            .filter(|shard| !seen.contains_key(shard))
            .take(NAMED)
            .map(|s| format!("{s}/{shards}"))
            .collect();
        if lacking > NAMED as u64 {
            named.push(format!("and {} more", lacking - NAMED as u64));
        }
        let message = format!("partitions are missing: {}", named.join(", "));
        return Err(wrong(&first.path, message, "run them, or name them too"));
    }
    Ok(())
}

/// Where a row holds what joining needs.
struct Columns {
    index: usize,
    workload: usize,
    /// The value of each objective, in the order of [`Objective::ALL`]; none of one that does not count.
    values: [Option<usize>; 4],
}

impl Columns {
    fn of(fields: &[Field], objectives: &[Objective]) -> Option<Columns> {
        let place = |name: &str| fields.iter().position(|field| field.name == name);
        let mut values = [None; 4];
        for objective in objectives {
            values[*objective as usize] = Some(place(match objective {
                Objective::Time => "wall_s",
                Objective::Energy => "facility_energy_j",
                Objective::Cost => "cost_usd",
                Objective::Carbon => "co2_kg",
            })?);
        }
        Some(Columns { index: place("index")?, workload: place("workload")?, values })
    }

    /// The figures of a row that count; those that do not are alike in all rows.
    fn judged(&self, row: &Row) -> [f64; 4] {
        let figure = |at: usize| row.cells[at].number().unwrap_or(f64::NAN);
        self.values.map(|place| place.map_or(0.0, figure))
    }
}

/// Rows of several parts by their number in the space; only a few of each part are in memory.
struct Merged {
    parts: Vec<(Part, VecDeque<Row>)>,
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    index: usize,
    last: Option<(u64, usize)>,
}

impl Merged {
    fn new(parts: Vec<Part>, index: usize) -> Result<Merged, Fault> {
        let parts: Vec<_> = parts.into_iter().map(|part| (part, VecDeque::new())).collect();
        let mut merged = Merged { heads: BinaryHeap::with_capacity(parts.len()), parts, index, last: None };
        for at in 0..merged.parts.len() {
            merged.refill(at)?;
        }
        Ok(merged)
    }

    /// Puts a part's next row into the running.
    fn refill(&mut self, at: usize) -> Result<(), Fault> {
        let (part, rows) = &mut self.parts[at];
        if rows.is_empty() {
            rows.extend(part.reader.next()?);
        }
        if let Some(Cell::Count(index)) = rows.front().and_then(|row| row.cells.get(self.index)) {
            self.heads.push(Reverse((*index, at)));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Row>, Fault> {
        let Some(Reverse((index, at))) = self.heads.pop() else { return Ok(None) };
        if let Some((_, other)) = self.last.filter(|(last, other)| *last == index && *other != at) {
            let (path, other) = (&self.parts[at].0.path, &self.parts[other].0.path);
            let message = format!("design {index} is in {} too", other.display());
            return Err(wrong(path, message, "join parts of one sweep, split the same way"));
        }
        self.last = Some((index, at));
        let row = self.parts[at].1.pop_front();
        self.refill(at)?;
        Ok(row)
    }
}

/// The joint frontier of the parts' frontiers, workload by workload, in the order in which a sweep writes it.
fn frontier(parts: Vec<Part>, columns: &Columns) -> Result<Vec<Row>, Fault> {
    let mut workloads: Vec<(String, Vec<Row>)> = Vec::new();
    for mut part in parts {
        loop {
            let rows = part.reader.next()?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let name = row.cells[columns.workload].text().unwrap_or_default();
                match workloads.iter_mut().find(|(workload, _)| workload == name) {
                    Some((_, rows)) => rows.push(row),
                    None => workloads.push((name.to_owned(), vec![row])),
                }
            }
        }
    }
    let mut joint = Vec::new();
    for (_, mut rows) in workloads {
        // Of equals the first stays, whichever part it came in.
        rows.sort_by(|a, b| {
            a.cells[columns.index].number().partial_cmp(&b.cells[columns.index].number()).unwrap_or(Equal)
        });
        let points: Vec<[f64; 4]> = rows.iter().map(|row| columns.judged(row)).collect();
        joint.extend(pareto(&points).into_iter().map(|at| rows[at].clone()));
    }
    Ok(joint)
}

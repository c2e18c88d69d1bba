//! Reads a table of measurements: our own columns, or another lab's through a column map.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::column::{COLUMNS, Field, names};
use super::column_map::ColumnMap;
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::nearest::nearest;
use crate::library::shape::figure;
use crate::library::source_text::SourceText;
use crate::library::store::evidence_source;

/// What the rows of a table measured; the columns tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// Time, rate or energy of training runs.
    Runs,
    /// Peak memory of training runs.
    Memory,
    /// Power of servers.
    Power,
    /// Throughput and energy of chips under power caps.
    PowerCaps,
}

impl TableKind {
    pub fn word(self) -> &'static str {
        match self {
            TableKind::Runs => "runs",
            TableKind::Memory => "memory",
            TableKind::Power => "power",
            TableKind::PowerCaps => "power_caps",
        }
    }

    /// The table of this kind that the program carries, inside `evidence`.
    pub fn shipped(self) -> &'static str {
        match self {
            TableKind::Runs => "published_runs.csv",
            TableKind::Memory => "memory_measured.csv",
            TableKind::Power => "power_measured.csv",
            TableKind::PowerCaps => "power_caps.csv",
        }
    }

    /// Columns without which no row can be predicted.
    fn needs(self) -> &'static [&'static str] {
        match self {
            TableKind::Runs | TableKind::Memory => &["chip", "chips", "layers", "hidden", "heads"],
            TableKind::Power => &["system", "workload", "mean_W_per_node"],
            TableKind::PowerCaps => &["gpu", "workload", "cap_W"],
        }
    }

    /// Columns of which a table needs one.
    pub fn measurements(self) -> &'static [&'static str] {
        match self {
            TableKind::Runs => &[
                "sec_per_iter",
                "tokens_per_s_per_chip",
                "tflops_per_chip",
                "mfu_reported",
                "days",
                "chip_hours",
                "energy_MWh",
                "peak_memory_GiB",
            ],
            TableKind::Memory => &["peak_memory_GiB"],
            TableKind::Power => &["mean_W_per_node"],
            TableKind::PowerCaps => &["relative_throughput", "relative_energy"],
        }
    }
}

/// One measured run.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Line of the file.
    pub line: u64,
    /// A size that no run can have: the row cannot be predicted.
    pub impossible: Option<String>,
    /// Byte at which the row starts.
    start: usize,
    numbers: BTreeMap<&'static str, f64>,
    texts: BTreeMap<&'static str, String>,
}

impl Row {
    /// A row of texts and numbers that come from elsewhere than a file.
    #[cfg(test)]
    pub fn of(texts: &[(&'static str, &str)], numbers: &[(&'static str, f64)]) -> Row {
        Row {
            texts: texts.iter().map(|(column, text)| (*column, (*text).to_owned())).collect(),
            numbers: numbers.iter().copied().collect(),
            ..Row::default()
        }
    }

    /// A number that the row states.
    pub fn number(&self, column: &str) -> Option<f64> {
        self.numbers.get(column).copied()
    }
    /// A number above zero that the row states.
    pub fn positive(&self, column: &str) -> Option<f64> {
        self.number(column).filter(|number| *number > 0.0)
    }
    /// A whole number of at least 1 that the row states.
    pub fn count(&self, column: &str) -> Option<u32> {
        self.number(column).filter(|number| *number >= 1.0).map(|number| number as u32)
    }
    /// A text that the row states; empty where it does not.
    pub fn text(&self, column: &str) -> &str {
        self.texts.get(column).map_or("", String::as_str)
    }
    /// Sets a text; an empty one states nothing.
    pub fn state(&mut self, column: &'static str, text: String) {
        self.texts.insert(column, text);
    }
    /// Takes a cell out of the row.
    pub fn forget(&mut self, column: &str) {
        self.texts.remove(column);
        self.numbers.remove(column);
    }
    /// The keywords of the row's notes.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.text("notes").split(';').map(str::trim)
    }
    /// Whether a keyword stands among the row's notes.
    pub fn remarked(&self, word: &str) -> bool {
        self.remarks().any(|remark| remark.eq_ignore_ascii_case(word))
    }
    /// What follows a keyword of the row's notes: `head-dim ` in `head-dim 256`.
    pub fn remark_after(&self, start: &str) -> Option<&str> {
        self.remarks().find_map(|remark| remark.strip_prefix(start))
    }
    /// The number that follows a keyword: 256 in `head-dim 256`, 3.5 in `implied iteration time 3.5s`.
    pub fn remark_number(&self, start: &str) -> Option<f64> {
        let rest = self.remark_after(start)?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    }
}

/// The rows of a table, with what was passed over.
#[derive(Clone, Debug)]
pub struct Table {
    pub kind: TableKind,
    pub rows: Vec<Row>,
    pub warnings: Vec<Diagnostic>,
    source: SourceText,
    /// Where the columns stand in the file.
    at: BTreeMap<&'static str, usize>,
}

/// A column of the file, or a constant, that fills one of our fields.
struct Filled<'a> {
    field: &'static str,
    kind: Field,
    content: Content<'a>,
}

enum Content<'a> {
    Column { at: usize, scale: f64 },
    Constant(&'a str),
}

impl Table {
    /// Reads a CSV file.
    pub fn read(path: &Path, map: Option<&ColumnMap>) -> Result<Table, Fault> {
        Table::parse(SourceText::read_table(path)?, map)
    }

    /// A table that ships with the program, by its path inside `evidence`.
    pub fn shipped(path: &str) -> Result<Table, Fault> {
        Table::parse(evidence_source(path)?, None)
    }

    /// Parses a CSV.
    pub fn parse(source: SourceText, map: Option<&ColumnMap>) -> Result<Table, Fault> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.text().as_bytes());
        let headers: Vec<String> = match reader.headers() {
            Ok(headers) => headers.iter().map(|header| header.trim().to_owned()).collect(),
            Err(error) => {
                let diagnostic = Diagnostic::error(format!("not a CSV: {error}")).in_file(source.file());
                return Err(Fault::input(diagnostic.help("the first line names the columns")));
            }
        };
        if source.text().trim().is_empty() {
            let diagnostic = Diagnostic::error("the file is empty").in_file(source.file());
            return Err(Fault::input(diagnostic.help("the first line names the columns")));
        }
        let filled = fill(&source, &headers, map)?;
        let kind = kind_of(&source, &headers, &filled)?;
        let warnings = passed_over(&source, &headers, &filled, map).into_iter().collect();
        let at = filled.iter().filter_map(|f| match f.content {
            Content::Column { at, .. } => Some((f.field, at)),
            Content::Constant(_) => None,
        });
        let at = at.collect();
        let mut table = Table { kind, rows: Vec::new(), warnings, source: source.clone(), at };
        for record in reader.records() {
            let record = record.map_err(|error| {
                let diagnostic = Diagnostic::error(format!("not a CSV: {error}")).in_file(source.file());
                Fault::input(diagnostic.help("each line has as many cells as the first"))
            })?;
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            let number = table.rows.len() + 1;
            let row = table.row(&record, &headers, &filled, number)?;
            table.rows.push(row);
        }
        if table.rows.is_empty() {
            let diagnostic = Diagnostic::error("no rows").in_file(source.file());
            return Err(Fault::input(diagnostic.help("the table has a heading and nothing else")));
        }
        Ok(table)
    }

    fn row(
        &self,
        record: &csv::StringRecord,
        headers: &[String],
        filled: &[Filled<'_>],
        number: usize,
    ) -> Result<Row, Fault> {
        let start = record.position().map_or(0, |position| position.byte() as usize);
        let start = start
            + self
                .source
                .text()
                .get(start..)
                .map_or(0, |rest| rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        let mut row = Row { line: self.source.line_at(start).0 as u64, start, ..Row::default() };
        if record.len() != headers.len() {
            let message = format!("{} cells, and {} columns", record.len(), headers.len());
            let help = "each line has as many cells as the first; a cell that holds a comma stands in quotes";
            let span = self.source.line_at(start).1;
            return Err(Fault::input(Diagnostic::error(message).at(&self.source, span).help(help)));
        }
        for Filled { field, kind, content } in filled {
            let (cell, scale) = match content {
                Content::Column { at, scale } => (record.get(*at).unwrap_or("").trim(), *scale),
                Content::Constant(value) => (*value, 1.0),
            };
            if cell.is_empty() {
                continue;
            }
            if *kind == Field::Text {
                row.texts.insert(field, cell.to_owned());
                continue;
            }
            let Some(value) = cell.parse::<f64>().ok().filter(|value| value.is_finite()) else {
                let message = format!("`{field}` is {}, and a number belongs there", quoted(cell));
                let diagnostic = Diagnostic::error(message).at(&self.source, self.span(&row, field)).key(*field);
                return Err(Fault::input(diagnostic.help("leave the cell empty where nothing was stated")));
            };
            let value = value * scale;
            if let Field::Count(least, most) = kind
                && (value < *least || value > *most || (value - value.round()).abs() > 1e-6)
            {
                row.impossible.get_or_insert_with(|| format!("`{field}` is {}, which no run can have", figure(value)));
            }
            row.numbers.insert(field, value);
        }
        if row.text("id").is_empty() {
            row.texts.insert("id", number.to_string());
        }
        Ok(row)
    }

    /// Name of the file, as messages show it.
    pub fn file(&self) -> &str {
        self.source.file()
    }

    /// Points at a cell of a row.
    pub fn point(&self, diagnostic: Diagnostic, row: &Row, column: &str) -> Diagnostic {
        diagnostic.at(&self.source, self.span(row, column)).key(column)
    }

    /// The bytes of a cell; of the whole line where the column does not stand in the file.
    fn span(&self, row: &Row, column: &str) -> Range<usize> {
        let line = self.source.line_at(row.start).1;
        let Some(at) = self.at.get(column) else { return line };
        let text = self.source.text().as_bytes();
        let (mut cell, mut start, mut inside) = (0, row.start, false);
        for (byte, character) in text.iter().enumerate().skip(row.start) {
            match character {
                b'"' => inside = !inside,
                b',' | b'\n' | b'\r' if !inside => {
                    if cell == *at {
                        return start..byte;
                    }
                    if *character != b',' {
                        return line;
                    }
                    cell += 1;
                    start = byte + 1;
                }
                _ => {}
            }
        }
        if cell == *at { start..text.len() } else { line }
    }
}

/// Which column or constant fills each field. What a map states stands over a column of the field's own name.
fn fill<'a>(source: &SourceText, headers: &[String], map: Option<&'a ColumnMap>) -> Result<Vec<Filled<'a>>, Fault> {
    let find = |name: &str| {
        let mut places =
            headers.iter().enumerate().filter(|(_, header)| header.eq_ignore_ascii_case(name)).map(|(at, _)| at);
        let first = places.next();
        if first.is_some() && places.next().is_some() {
            let diagnostic = Diagnostic::error(format!("column {} stands twice", quoted(name)));
            let diagnostic = diagnostic.at(source, source.line_at(0).1).key(name);
            return Err(Fault::input(diagnostic.help("rename one of them")));
        }
        Ok(first)
    };
    let mut filled = Vec::new();
    for &(field, kind) in COLUMNS {
        if let Some(mapped) = map.and_then(|map| map.columns.get(field)) {
            let Some(at) = find(&mapped.column)? else {
                let near = nearest(&mapped.column, headers.iter().map(String::as_str), 3).join(", ");
                let help =
                    if near.is_empty() { "mend the column map".to_owned() } else { format!("did you mean {near}?") };
                let message = format!("no column {}, which the map names for `{field}`", quoted(&mapped.column));
                let diagnostic = Diagnostic::error(message).at(source, source.line_at(0).1);
                return Err(Fault::input(diagnostic.key(field).help(help)));
            };
            filled.push(Filled { field, kind, content: Content::Column { at, scale: mapped.scale } });
        } else if let Some(value) = map.and_then(|map| map.constants.get(field)) {
            filled.push(Filled { field, kind, content: Content::Constant(value) });
        } else if let Some(at) = find(field)? {
            filled.push(Filled { field, kind, content: Content::Column { at, scale: 1.0 } });
        }
    }
    Ok(filled)
}

/// What a table measured, by its columns; a fault where a column that such a table needs is missing.
fn kind_of(source: &SourceText, headers: &[String], filled: &[Filled<'_>]) -> Result<TableKind, Fault> {
    let has = |field: &str| filled.iter().any(|f| f.field == field);
    let kind = if has("system") && has("mean_W_per_node") {
        TableKind::Power
    } else if has("gpu") && has("cap_W") {
        TableKind::PowerCaps
    } else if has("peak_memory_GiB") && has("memory_kind") {
        TableKind::Memory
    } else {
        TableKind::Runs
    };
    let missing = |message: String, key: &str, help: String| {
        let diagnostic = Diagnostic::error(message).at(source, source.line_at(0).1).key(key);
        Err(Fault::input(diagnostic.help(help)))
    };
    for column in kind.needs() {
        if !has(column) {
            let near = nearest(column, headers.iter().map(String::as_str), 1);
            let help = match (near.first(), headers) {
                (_, [only]) if only.contains([';', '\t']) => "columns are separated by commas".to_owned(),
                (Some(near), _) => format!("did you mean {}? Map other names with --columns MAP.toml", quoted(near)),
                (None, _) => {
                    format!("such a table needs {}; map other names with --columns MAP.toml", kind.needs().join(", "))
                }
            };
            return missing(format!("missing column `{column}`"), column, help);
        }
    }
    if !kind.measurements().iter().any(|column| has(column)) {
        let help = format!("one of {}", kind.measurements().join(", "));
        return missing("missing column: nothing that was measured".to_owned(), "sec_per_iter", help);
    }
    Ok(kind)
}

/// One warning for all columns that fill no field. With a map, other columns are expected.
fn passed_over(
    source: &SourceText,
    headers: &[String],
    filled: &[Filled<'_>],
    map: Option<&ColumnMap>,
) -> Option<Diagnostic> {
    let used =
        |at: usize| filled.iter().any(|f| matches!(f.content, Content::Column { at: column, .. } if column == at));
    let passed: Vec<&str> =
        headers.iter().enumerate().filter(|(at, _)| !used(*at)).map(|(_, header)| header.as_str()).collect();
    if passed.is_empty() || map.is_some() {
        return None;
    }
    let near = passed.iter().find_map(|header| {
        let near = nearest(header, names(), 1).first().copied()?;
        (!filled.iter().any(|f| f.field == near)).then(|| format!("did {} mean `{near}`?", quoted(header)))
    });
    let shown: Vec<String> = passed.iter().take(12).map(|header| quoted(header)).collect();
    let more = if passed.len() > 12 { format!(" and {} more", passed.len() - 12) } else { String::new() };
    let message = format!("unknown columns are passed over: {}{more}", shown.join(", "));
    let diagnostic = Diagnostic::warning(message).in_file(source.file());
    Some(match near {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "chip,chips,layers,hidden,heads,sec_per_iter,notes\n";

    fn parse(text: &str) -> Result<Table, Fault> {
        Table::parse(SourceText::new("runs.csv", text.to_owned()), None)
    }

    fn fault(text: &str) -> Diagnostic {
        match parse(text) {
            Ok(_) => unreachable!("a fault: {text}"),
            Err(fault) => {
                assert_eq!(fault.diagnostics.len(), 1, "{fault}");
                fault.diagnostics[0].clone()
            }
        }
    }

    #[test]
    fn rows_without_an_id_are_numbered_and_blank_cells_are_not_stated() -> Result<(), Fault> {
        let table = parse(&format!("{HEAD}h100,8,32,4096,32,1.5,a; head-dim 256\n\nh100,8,32,,32,2.5,\n"))?;
        assert_eq!(table.kind, TableKind::Runs);
        assert_eq!(table.rows[1].text("id"), "2");
        assert_eq!(table.rows[1].line, 4);
        assert_eq!(table.rows[1].number("hidden"), None);
        assert_eq!(table.rows[0].remark_number("head-dim "), Some(256.0));
        assert!(table.rows[0].remarked("A") && !table.rows[0].remarked("head"));
        Ok(())
    }

    #[test]
    fn text_where_a_number_belongs_is_pointed_at() {
        let diagnostic = fault(&format!("{HEAD}h100,8,32,4096,32,1.5,\n\"h,100\",8,many,4096,32,1.5,\n"));
        assert_eq!(diagnostic.line(), Some(3));
        assert_eq!(diagnostic.position.as_ref().map(|position| position.column), Some(11));
        assert_eq!(diagnostic.key.as_deref(), Some("layers"));
        assert!(fault(&format!("{HEAD}h100,8,32,4096,32,inf,\n")).message.contains("a number belongs"));
    }

    #[test]
    fn a_missing_column_and_a_short_line_are_faults() {
        let diagnostic = fault("chip,chips,layer,hidden,heads,sec_per_iter\nh100,8,32,4096,32,1\n");
        assert!(
            diagnostic.message.contains("missing column `layers`")
                && diagnostic.help.is_some_and(|h| h.contains("`layer`"))
        );
        assert_eq!(fault(&format!("{HEAD}h100,8,32\n")).line(), Some(2));
        assert!(fault("chip;chips;layers\na;b;c\n").help.is_some_and(|help| help.contains("commas")));
        assert!(fault(HEAD).message.contains("no rows"));
        assert!(fault("").message.contains("empty"));
        assert!(
            fault("chip,chips,layers,hidden,heads\nh100,8,32,4096,32\n").message.contains("nothing that was measured")
        );
        assert!(fault("chip,chip,chips,layers,hidden,heads,days\n").message.contains("twice"));
    }

    #[test]
    fn a_size_that_no_run_can_have_is_told_of_its_row_alone() -> Result<(), Fault> {
        let table = parse(&format!("{HEAD}h100,-8,32,4096,32,1.5,\nh100,8,32,4096,32,1.5,\n"))?;
        assert!(table.rows[0].impossible.as_deref().is_some_and(|why| why.contains("`chips` is -8")));
        assert_eq!(table.rows[1].impossible, None);
        Ok(())
    }

    #[test]
    fn unknown_columns_are_one_warning() -> Result<(), Fault> {
        let table = parse("chip,chips,layers,hidden,heads,days,colour,smell\nh100,8,32,4096,32,1,red,none\n")?;
        assert_eq!(table.warnings.len(), 1);
        assert!(table.warnings[0].message.contains("`colour`, `smell`"));
        Ok(())
    }

    #[test]
    fn a_map_stands_over_columns_of_the_same_name() -> Result<(), Fault> {
        let map = ColumnMap::parse(&SourceText::new(
            "map.toml",
            "[constants]\nchip = \"h100\"\nlayers = 4\n[columns]\nsec_per_iter = { column = \"ms\", scale = 0.001 }\n",
        ))?;
        let text = "chip,chips,hidden,heads,ms\nother,8,4096,32,1500\n";
        let table = Table::parse(SourceText::new("runs.csv", text), Some(&map))?;
        assert_eq!(table.rows[0].text("chip"), "h100");
        assert_eq!(table.rows[0].number("layers"), Some(4.0));
        assert_eq!(table.rows[0].number("sec_per_iter"), Some(1.5));
        Ok(())
    }
}

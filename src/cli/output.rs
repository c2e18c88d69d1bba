//! Where text goes: answers to stdout, everything else to stderr, colours only where a terminal shows them.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, Table};

use super::Color;
use crate::library::diagnostic::{Diagnostic, Severity};
use crate::library::store::Status;

/// Columns of a page where there is no terminal.
const PAGE: u16 = 80;
/// Wider lines are hard to read.
const WIDEST: u16 = 120;

pub const HEADING: Style = Style::new().bold();
pub const FAINT: Style = Style::new().dimmed();

pub fn choose_colors(color: Color) {
    let choice = match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// Prints an answer.
pub fn answer(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Prints a text as it is, styles or not.
pub fn raw(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}

/// Prints the one document of `--json`.
pub fn json(document: &serde_json::Value) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(document)?;
    text.push(b'\n');
    raw(&text)
}

/// Prints findings on stderr; where stderr is gone, nobody listens.
pub fn diagnostics(diagnostics: &[Diagnostic]) {
    let mut err = anstream::stderr().lock();
    for diagnostic in diagnostics {
        let _ = writeln!(err, "{}\n", diagnostic.styled());
    }
}

/// Prints the warnings alone.
pub fn warnings(found: &[Diagnostic]) {
    for diagnostic in found.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning) {
        diagnostics(std::slice::from_ref(diagnostic));
    }
}

/// Prints a remark on stderr.
pub fn remark(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{FAINT}{text}{FAINT:#}");
}

/// A line on stderr that says what long work is at; nothing where stderr is no terminal.
pub fn progress() -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new_spinner();
    if let Ok(style) = indicatif::ProgressStyle::with_template("{spinner} {elapsed} {pos} searches, {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}

/// A bar on stderr for a sweep: how many groups are done, what rate, what time is left.
pub fn designs(groups: u64) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(groups);
    let template = "{spinner} {elapsed} [{bar:24}] {percent} %, {msg}, {eta} left";
    if let Ok(style) = indicatif::ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}

/// The same for work whose stages have names.
pub fn stages() -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new_spinner();
    if let Ok(style) = indicatif::ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}

/// Columns that a text may fill.
pub fn width() -> u16 {
    match terminal_size::terminal_size() {
        Some((terminal_size::Width(columns), _)) => columns.clamp(40, WIDEST),
        None => PAGE,
    }
}

/// A table that fits the page, its first line in bold. Columns named in `whole` are never wrapped.
pub fn table(header: &[&str], whole: &[usize], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width());
    table.set_header(header.to_vec());
    table.add_rows(rows);
    for &index in whole {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let text = table.trim_fmt();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut styled = format!("{HEADING}{first}{HEADING:#}\n");
    for line in lines {
        styled.push_str(line);
        styled.push('\n');
    }
    styled
}

/// A status in its colour.
pub fn status(status: Status) -> String {
    let style = match status {
        Status::Complete => AnsiColor::Green.on_default(),
        Status::Incomplete => AnsiColor::Yellow.on_default(),
        Status::Announced => AnsiColor::Cyan.on_default(),
    };
    format!("{style}{}{style:#}", status.word())
}

/// A size of an error; a dash where there is none.
pub fn size(error: f64) -> String {
    match error {
        _ if !error.is_finite() => format!("{:>6}", "-"),
        _ if error >= 100.0 => format!("{error:>6.0e}"),
        _ => format!("{error:>6.3}"),
    }
}

/// An error with its sign.
pub fn signed(error: f64) -> String {
    match error {
        _ if !error.is_finite() => format!("{:>6}", "-"),
        _ if error.abs() >= 100.0 => format!("{error:>+6.0e}"),
        _ => format!("{error:>+6.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{signed, size};

    #[test]
    fn an_error_that_does_not_exist_is_a_dash() {
        assert_eq!(size(f64::NAN).trim(), "-");
        assert_eq!(signed(0.1).trim(), "+0.100");
    }

    #[test]
    fn a_monstrous_error_keeps_to_its_column() {
        assert_eq!([size(4.7e200), signed(-345.8)], [" 5e200", "  -3e2"]);
    }
}

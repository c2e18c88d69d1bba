//! What is wrong with an input: the place, the fault and the way out.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::record::Lacking;
use super::source_text::SourceText;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A place in a file, with the line of text that stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    excerpt: String,
    /// Bytes of `excerpt` that the caret marks.
    span: Range<usize>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    pub file: Option<String>,
    pub position: Option<Box<Position>>,
    /// The key or the argument at fault.
    pub key: Option<String>,
    /// What to do instead.
    pub help: Option<String>,
}

/// Longest excerpt of a line, in bytes, on either side of the fault.
const EXCERPT: usize = 120;

impl Diagnostic {
    pub fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            file: None,
            position: None,
            key: None,
            help: None,
        }
    }

    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(message) }
    }

    pub fn in_file(mut self, file: impl Into<String>) -> Diagnostic {
        self.file = Some(file.into());
        self
    }

    /// Points at bytes of a text.
    pub fn at(mut self, source: &SourceText, span: Range<usize>) -> Diagnostic {
        self.file = Some(source.file().to_owned());
        self.position = Some(Box::new(Position::new(source, span)));
        self
    }

    /// Points at a line of a file that is not held in memory.
    pub fn at_line(mut self, file: impl Into<String>, line: usize, text: &str) -> Diagnostic {
        self.file = Some(file.into());
        self.position = Some(Box::new(Position::of_line(line, text)));
        self
    }

    pub fn key(mut self, key: impl Into<String>) -> Diagnostic {
        self.key = Some(key.into());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    pub fn line(&self) -> Option<usize> {
        self.position.as_ref().map(|position| position.line)
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The fields of the JSON error document.
    pub fn to_json(&self) -> Value {
        json!({
            "message": self.message,
            "file": self.file,
            "line": self.line(),
            "column": self.position.as_ref().map(|position| position.column),
            "key": self.key,
            "help": self.help,
        })
    }

    /// The text for a terminal that may show colours; print it through `anstream`, which takes them off elsewhere.
    pub fn styled(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let message = printable(&self.message);
        let file = printable(self.file.as_deref().unwrap_or_default());
        let excerpt = self.position.as_ref().map(|position| position.excerpt.clone()).unwrap_or_default();
        let mut group = Group::with_title(level.primary_title(message));
        if let Some(position) = &self.position {
            group = group.element(
                Snippet::source(excerpt)
                    .line_start(position.line)
                    .path(file.clone())
                    .annotation(AnnotationKind::Primary.span(position.span.clone())),
            );
        } else if self.file.is_some() {
            group = group.element(Origin::path(file));
        }
        let Some(help) = &self.help else { return renderer.render(&[group]) };
        if self.file.is_none() {
            // Without a place there is no margin to hang the help on.
            let help = Group::with_title(Level::HELP.secondary_title(printable(help)));
            return format!("{}\n{}", renderer.render(&[group]), renderer.render(&[help]));
        }
        renderer.render(&[group.element(Level::HELP.message(printable(help)))])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.render(&Renderer::plain()))
    }
}

impl Position {
    fn new(source: &SourceText, span: Range<usize>) -> Position {
        let (line, bounds) = source.line_at(span.start);
        let text = source.text().get(bounds.clone()).unwrap_or_default();
        let start = span.start.clamp(bounds.start, bounds.end) - bounds.start;
        let end = span.end.clamp(bounds.start + start, bounds.end) - bounds.start;
        let column = text.get(..start).map_or(1, |before| before.chars().count() + 1);
        let from = boundary(text, start.saturating_sub(EXCERPT));
        let to = boundary(text, (start + EXCERPT).min(text.len()));
        let excerpt = text.get(from..to).unwrap_or_default().to_owned();
        let start = boundary(&excerpt, start.saturating_sub(from).min(excerpt.len()));
        let end = boundary(&excerpt, end.saturating_sub(from).clamp(start, excerpt.len()));
        Position { line, column, excerpt, span: start..end }
    }
}

impl Position {
    /// A whole line, shortened.
    fn of_line(line: usize, text: &str) -> Position {
        let excerpt = printable(text.get(..boundary(text, EXCERPT.min(text.len()))).unwrap_or_default());
        let span = 0..excerpt.len();
        Position { line, column: 1, excerpt, span }
    }
}

/// The character boundary at or before a byte.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&byte| text.is_char_boundary(byte)).unwrap_or(0)
}

/// Control characters of an input must not reach the terminal.
pub fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// What an input says, fit to be quoted in a message: one line, not too long.
pub fn quoted(text: &str) -> String {
    let mut clean: String = printable(text).replace('\n', "\\n").chars().take(60).collect();
    if text.chars().count() > 60 {
        clean.push('…');
    }
    format!("`{clean}`")
}

/// Why a command ends without its answer, as an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Something broke after work began.
    Work = 1,
    /// The input or the command line is wrong.
    Input = 2,
    /// Well posed, but nothing is feasible, or a profile lacks what the question needs.
    Infeasible = 3,
}

/// A command's end without its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub exit: Exit,
    pub diagnostics: Vec<Diagnostic>,
}

impl Fault {
    pub fn input(diagnostic: Diagnostic) -> Fault {
        Fault { exit: Exit::Input, diagnostics: vec![diagnostic] }
    }

    pub fn inputs(diagnostics: Vec<Diagnostic>) -> Fault {
        Fault { exit: Exit::Input, diagnostics }
    }

    pub fn infeasible(diagnostic: Diagnostic) -> Fault {
        Fault { exit: Exit::Infeasible, diagnostics: vec![diagnostic] }
    }

    pub fn work(diagnostic: Diagnostic) -> Fault {
        Fault { exit: Exit::Work, diagnostics: vec![diagnostic] }
    }

    /// The first message, for a place that has room for one line.
    pub fn message(&self) -> String {
        self.diagnostics.first().map_or_else(String::new, |d| d.message.clone())
    }

    pub fn code(&self) -> u8 {
        self.exit as u8
    }

    /// The JSON document of exit 2: the first error, and the others beside it.
    pub fn to_json(&self) -> Value {
        let mut errors = self.diagnostics.iter().filter(|d| d.is_error()).map(Diagnostic::to_json);
        let first = errors.next();
        let others: Vec<Value> = errors.collect();
        let mut document = json!({ "error": first });
        if !others.is_empty() {
            document["others"] = Value::Array(others);
        }
        document
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                out.write_str("\n\n")?;
            }
            diagnostic.fmt(out)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

impl From<Lacking> for Fault {
    /// Exit 3, with the `--set` that supplies each missing key.
    fn from(lacking: Lacking) -> Fault {
        let sets: Vec<String> = lacking.keys.iter().map(|key| set_hint(&lacking, key)).collect();
        Fault::infeasible(
            Diagnostic::error(format!(
                "{} {} lacks what an estimate needs: {}",
                lacking.kind.word(),
                lacking.entry,
                lacking.keys.join(", ")
            ))
            .key(lacking.keys.first().cloned().unwrap_or_default())
            .help(format!("supply {}: {}", if sets.len() == 1 { "it" } else { "them" }, sets.join(" "))),
        )
    }
}

/// `--set chip.tdp_w=W`, with the unit in the value's place.
fn set_hint(lacking: &Lacking, key: &str) -> String {
    let unit = lacking.kind.attribute(key).map_or("", |attribute| attribute.unit);
    let word = if unit.is_empty() { "VALUE".to_owned() } else { unit.to_ascii_uppercase().replace([' ', '/'], "_") };
    format!("--set {}.{key}={word}", lacking.kind.word())
}

//! Values of a scenario's field: one, a list, or for numbers a range.

use serde::Deserialize;

use crate::library::diagnostic::{Diagnostic, quoted};
use crate::library::shape::figure;

/// Most values of one axis: no planner reads a finer one, and a slip of the pen ends here, not in memory.
pub const MOST_VALUES: u64 = 100_000;

/// Slack of a range's end, in steps: what the rounding of its steps may take away.
const END: f64 = 1e-9;

/// One text or a list of them.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged, expecting = "write a text or a list of texts")]
pub enum Texts {
    One(String),
    List(Vec<String>),
}

/// One number, a list of them or a range.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(
    untagged,
    expecting = "write a number, a list of numbers, or a range such as { from = 64, to = 4096, steps_per_octave = 4 }"
)]
pub enum Numbers {
    One(f64),
    List(Vec<f64>),
    Range(Range),
}

/// One value of a `set` field, a list of them or a range of numbers.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(
    untagged,
    expecting = "write a number, a text, true or false, a list of them, or a range such as { from = 0, to = 1, steps = 11 }"
)]
pub enum Settings {
    One(Setting),
    List(Vec<Setting>),
    Range(Range),
}

/// A value that `--set` takes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum Setting {
    Flag(bool),
    Number(f64),
    Text(String),
}

/// Numbers from one to another: in octaves, in a number of even steps, or in steps of a size.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Range {
    pub from: f64,
    pub to: f64,
    /// Values to each doubling.
    pub steps_per_octave: Option<f64>,
    /// How many values, both ends among them.
    pub steps: Option<u64>,
    /// Distance of one value from the next.
    pub step: Option<f64>,
}

impl Setting {
    /// As the command line would write it.
    pub fn plain(&self) -> String {
        match self {
            Setting::Flag(flag) => flag.to_string(),
            Setting::Number(number) => number.to_string(),
            Setting::Text(text) => text.clone(),
        }
    }
}

impl Texts {
    /// The values, each once.
    pub fn values(&self, axis: &str) -> Result<Vec<String>, Diagnostic> {
        let values = match self {
            Texts::One(text) => vec![text.clone()],
            Texts::List(texts) => within(axis, texts)?,
        };
        each_once(axis, values, |a, b| a == b, |text| quoted(text))
    }
}

impl Numbers {
    /// The values, each once; whole numbers where the field is one.
    pub fn values(&self, axis: &str, whole: bool) -> Result<Vec<f64>, Diagnostic> {
        let values = match self {
            Numbers::One(number) => vec![*number],
            Numbers::List(numbers) => within(axis, numbers)?,
            Numbers::Range(range) => {
                let mut values = range.values(axis)?;
                if whole {
                    values.iter_mut().for_each(|value| *value = value.round());
                    values.dedup();
                }
                values
            }
        };
        if let Some(wrong) = values.iter().find(|value| !value.is_finite()) {
            let message = format!("{axis} is {}", figure(*wrong));
            return Err(Diagnostic::error(message).key(axis).help("write finite numbers"));
        }
        each_once(axis, values, |a, b| a == b, |number| figure(*number))
    }

    pub fn is_range(&self) -> bool {
        matches!(self, Numbers::Range(_))
    }
}

impl Settings {
    /// The values, each once, as the command line would write them.
    pub fn values(&self, axis: &str) -> Result<Vec<String>, Diagnostic> {
        let values = match self {
            Settings::One(value) => vec![value.plain()],
            Settings::List(values) => within(axis, values)?.iter().map(Setting::plain).collect(),
            Settings::Range(range) => range.values(axis)?.iter().map(|value| value.to_string()).collect(),
        };
        each_once(axis, values, |a, b| a == b, |text| quoted(text))
    }
}

impl Range {
    /// The values in order, counted before any is made.
    fn values(&self, axis: &str) -> Result<Vec<f64>, Diagnostic> {
        let wrong = |message: String, help: &str| Err(Diagnostic::error(message).key(axis).help(help));
        let Range { from, to, .. } = *self;
        if !from.is_finite() || !to.is_finite() {
            return wrong(format!("{axis} ranges from {} to {}", figure(from), figure(to)), "write finite numbers");
        }
        if from > to {
            let message = format!("{axis} ranges from {} down to {}: it holds nothing", figure(from), figure(to));
            return wrong(message, "write the smaller number as `from`");
        }
        let usage = "give one of steps_per_octave = N (values to a doubling), steps = N (values, both ends among them) \
                     and step = X (from one value to the next)";
        match (self.steps_per_octave, self.steps, self.step) {
            (Some(per_octave), None, None) => {
                if from <= 0.0 {
                    return wrong(format!("{axis} starts at {}: octaves need more", figure(from)), "use steps or step");
                }
                if !per_octave.is_finite() || per_octave <= 0.0 {
                    let message = format!("{axis} has {} steps per octave", figure(per_octave));
                    return wrong(message, "write a number above 0, such as 4");
                }
                let count = ((to / from).log2() * per_octave + END).floor() + 1.0;
                counted(axis, count)?;
                // Whole octaves are exact, so that powers of two stay powers of two.
                Ok((0..count as u64).map(|i| from * (i as f64 / per_octave).exp2()).collect())
            }
            (None, Some(steps), None) => {
                if steps == 0 || (steps == 1 && from < to) {
                    let message =
                        format!("{axis} has {steps} steps: it cannot reach from {} to {}", figure(from), figure(to));
                    return wrong(message, "write how many values there are, both ends among them: at least 2");
                }
                counted(axis, steps as f64)?;
                let last = (steps - 1).max(1) as f64;
                Ok((0..steps)
                    .map(|i| {
                        let share = i as f64 / last;
                        from * (1.0 - share) + to * share
                    })
                    .collect())
            }
            (None, None, Some(step)) => {
                if !step.is_finite() || step <= 0.0 {
                    return wrong(format!("{axis} steps by {}", figure(step)), "write a step above 0");
                }
                let count = ((to - from) / step + END).floor() + 1.0;
                counted(axis, count)?;
                Ok((0..count as u64).map(|i| from + i as f64 * step).collect())
            }
            (None, None, None) => wrong(format!("{axis} does not say in what steps it ranges"), usage),
            _ => wrong(format!("{axis} says twice in what steps it ranges"), usage),
        }
    }
}

/// Refuses an axis that is too long to mean anything.
fn counted(axis: &str, count: f64) -> Result<(), Diagnostic> {
    if count <= MOST_VALUES as f64 {
        return Ok(());
    }
    let message = format!("axis {axis} has {} values", figure(count));
    let help = format!("an axis takes at most {MOST_VALUES}: write a coarser step");
    Err(Diagnostic::error(message).key(axis).help(help))
}

/// A list that holds something, and not too much.
fn within<T: Clone>(axis: &str, list: &[T]) -> Result<Vec<T>, Diagnostic> {
    if list.is_empty() {
        let message = format!("axis {axis} is an empty list");
        return Err(Diagnostic::error(message).key(axis).help("list at least one value, or leave the key out"));
    }
    counted(axis, list.len() as f64)?;
    Ok(list.to_vec())
}

/// A value that stands twice would be counted twice.
fn each_once<T>(
    axis: &str,
    values: Vec<T>,
    same: impl Fn(&T, &T) -> bool,
    show: impl Fn(&T) -> String,
) -> Result<Vec<T>, Diagnostic> {
    // Lists are short where they are typed; ranges rise and so hold nothing twice but beside it.
    let typed = values.len() <= 4096;
    for (at, value) in values.iter().enumerate() {
        let before = if typed { &values[..at] } else { &values[at.saturating_sub(1)..at] };
        if before.iter().any(|other| same(other, value)) {
            let message = format!("{} stands twice in {axis}", show(value));
            return Err(Diagnostic::error(message).key(axis).help("write each value once"));
        }
    }
    Ok(values)
}

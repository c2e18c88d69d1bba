//! Verdicts as text: one chain a claim, or everything at length.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::claims::agreement::Agreement;
use crate::claims::trial::Trial;
use crate::claims::verdict::Verdict;
use crate::claims::wording::{digits, shown};
use crate::cli::output::{FAINT, HEADING};

/// The whole page.
pub fn page(trials: &[Trial], agreement: &Agreement, explain: bool) -> String {
    let mut text = String::new();
    for trial in trials {
        entry(&mut text, trial, explain);
    }
    summary(&mut text, trials);
    if let Some(line) = agreement.line() {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn style(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::NotTestable => return FAINT,
        Verdict::Contradicted | Verdict::Impossible => AnsiColor::Red,
        Verdict::Plausible | Verdict::Conservative => AnsiColor::Green,
        Verdict::OnlyIf => AnsiColor::Yellow,
        Verdict::Overstated => AnsiColor::Magenta,
    };
    color.on_default()
}

fn spoken(verdict: Verdict) -> String {
    verdict.word().replace('_', " ")
}

/// bound → predicted band → claimed → measured.
pub fn chain(trial: &Trial) -> String {
    let of = |value: f64| shown(value, &trial.unit);
    let mut links = Vec::new();
    if let Some(bound) = trial.bound {
        let word = if trial.is_floor() { "floor" } else { "bound" };
        links.push(format!("{word} {}", of(bound)));
    }
    if let Some(band) = trial.predicted {
        let links_band = if band.p10 == band.p90 {
            of(band.p50)
        } else {
            format!("{} ({} to {})", of(band.p50), of(band.p10), of(band.p90))
        };
        links.push(format!("predicted {links_band}"));
    }
    let [low, high] = trial.claimed_range;
    let claimed = if low == high { of(low) } else { format!("{} to {}", of(low), of(high)) };
    links.push(format!("claimed {claimed}"));
    if let Some(measured) = trial.measured {
        let near = if trial.measured_same { "" } else { " elsewhere" };
        links.push(format!("measured{near} {}", of(measured)));
    }
    format!("{} {}", links.join(" → "), trial.unit)
}

fn entry(text: &mut String, trial: &Trial, explain: bool) {
    let style = style(trial.verdict);
    let verdict = format!("{:<13}", spoken(trial.verdict));
    let _ = writeln!(text, "{style}{verdict}{style:#} {HEADING}{}{HEADING:#}  {}", trial.id, chain(trial));
    let indent = " ".repeat(14);
    if explain {
        let _ = writeln!(text, "{indent}\u{201c}{}\u{201d}", trial.quote);
        let _ = writeln!(text, "{indent}{FAINT}{}, {}; {}{FAINT:#}", trial.claimant, trial.date, trial.source);
    }
    if !trial.conditions.is_empty() {
        let join = if trial.any_of { ", or " } else { ", and " };
        let _ = writeln!(text, "{indent}only if {}", trial.conditions.join(join));
    }
    let _ = writeln!(text, "{indent}{}", trial.why);
    if let Some(effect) = &trial.if_true {
        let _ = writeln!(text, "{indent}if true ({}): {}", effect.says, effect.text());
    }
    if explain {
        at_length(text, trial, &indent);
    }
}

fn at_length(text: &mut String, trial: &Trial, indent: &str) {
    if let Some(first) = trial.like_with_like {
        let _ = writeln!(text, "{indent}like with like: {} {}", shown(first, &trial.unit), trial.unit);
    }
    let visible = |factor: f64| (factor - 1.0).abs() >= 0.005;
    for mismatch in trial.mismatches.iter().filter(|mismatch| visible(mismatch.factor)) {
        let said = if mismatch.disclosed { "the quote says so" } else { "the quote does not say so" };
        let _ = writeln!(text, "{indent}  times {} by {} ({said})", digits(mismatch.factor), mismatch.what);
    }
    if trial.resources.iter().any(|(_, ratio)| *ratio != 1.0) {
        let parts: Vec<String> =
            trial.resources.iter().map(|(what, ratio)| format!("{what} {} x", digits(*ratio))).collect();
        let _ = writeln!(text, "{indent}chip for chip: {}", parts.join(", "));
    }
    for (says, value) in &trial.arithmetic {
        let _ = writeln!(text, "{indent}its own arithmetic: {says} = {} {}", shown(*value, &trial.unit), trial.unit);
    }
    if let Some(by) = &trial.measured_by {
        let of = if trial.measured_same { "of the same" } else { "nearest, of another run" };
        let _ = writeln!(text, "{indent}measured ({of}): {by}");
    }
    for note in &trial.notes {
        let _ = writeln!(text, "{indent}{FAINT}{note}{FAINT:#}");
    }
    text.push('\n');
}

fn summary(text: &mut String, trials: &[Trial]) {
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict, trials.iter().filter(|trial| trial.verdict == verdict).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", spoken(verdict)))
        .collect();
    let claims = if trials.len() == 1 { "claim" } else { "claims" };
    let _ = writeln!(text, "\n{} {claims}: {}", trials.len(), counts.join(", "));
}

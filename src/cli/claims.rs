//! `wattline claims [FILE…]`: vendors' and public claims on trial.

mod page;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::measured::{self, ClaimLine};
use super::plot::Picture;
use super::{Global, Outcome, output};
use crate::claims::court::Court;
use crate::claims::reading;
use crate::claims::statement::Claim;
use crate::claims::trial::Trial;
use crate::claims::verdict::Verdict;
use crate::claims::{self, agreement};
use crate::library::diagnostic::{Diagnostic, Fault, quoted};
use crate::library::nearest::nearest;
use crate::library::source_text::SourceText;
use crate::plot;
use crate::plot::claims::ClaimMark;

const EXAMPLES: &str = "\
Examples:
  wattline claims                                every claim that the program carries
  wattline claims nv-hopper-6x --explain         one of them, at length
  wattline claims nvidia                         those of a claimant
  wattline claims --verdict only_if,impossible
  wattline claims --show nv-hopper-6x > my.toml  a claim file to start from
  wattline claims my.toml --explain              your own
  wattline claims -o claims.svg                  claimed against predicted bands, as a picture
  wattline claims --measured result_0.txt --chip h100 --chips 64
  wattline claims --json | jq '.claims[] | [.id, .verdict]'

--measured takes a benchmark of your own (MLPerf Training logs or result tables, a CSV of
tokens/s, nvidia-smi or IPMI power logs) and says where it stands against the hardware's
bound, the predicted band, and what is claimed of the chip.

Verdicts, the first that applies: not_testable (out of scope), contradicted (by a
measurement or by its own arithmetic), impossible (above the hardware's bound),
plausible (inside P10 to P90), conservative (less than P10), only_if (under the
conditions that are listed), overstated (no admissible condition helps).";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Claim files, or ids or claimants of claims that the program carries; without any, all of those
    #[arg(value_name = "FILE|ID")]
    claims: Vec<String>,
    /// Only claims with these verdicts
    #[arg(long, value_name = "VERDICT", value_delimiter = ',')]
    verdict: Vec<String>,
    /// Print each verdict at length: quote, source, like with like, mismatches, arithmetic, what it leans on
    #[arg(long)]
    explain: bool,
    /// Draw the claims beside their bands
    #[arg(long, short = 'o', visible_alias = "output", value_name = "FILE.svg|FILE.png", conflicts_with = "measured")]
    out: Option<PathBuf>,
    #[command(flatten)]
    measured: measured::Arguments,
    /// Print the file's text of a claim that the program carries
    #[arg(long, value_name = "ID", exclusive = true)]
    show: Option<String>,
}

pub fn run(arguments: &Arguments, global: &Global) -> Outcome {
    if let Some(id) = &arguments.show {
        let Some(text) = claims::text_of(id) else {
            return Err(unknown(id, &claims::shipped(&global.open_library()?)?).into());
        };
        output::answer(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.measured.measured.is_empty() {
        return beside_a_measurement(arguments, global);
    }
    let picture = arguments.out.as_deref().map(Picture::create).transpose()?;
    let wanted = arguments.verdict.iter().map(|word| verdict(word)).collect::<Result<Vec<_>, _>>()?;
    let library = global.open_library()?;
    let claims = chosen(arguments, &library)?;
    let bar = output::stages();
    bar.set_message(format!("{} claims on trial", claims.len()));
    let court = Court::new(&library)?;
    let trials = court.try_all(&claims);
    bar.finish_and_clear();
    let mut trials = trials?;
    let agreement = agreement::of(&trials);
    if !wanted.is_empty() {
        trials.retain(|trial| wanted.contains(&trial.verdict));
    }
    if let Some(picture) = picture {
        let title = format!("{} claims on trial", trials.len());
        let drawn = picture.draw(&plot::claims::chart(&marks(&trials), &title)?)?;
        if !global.json {
            output::remark(&format!("drawn as {drawn}"));
        }
    }
    if global.json {
        output::json(&document(&trials, &agreement)?)?;
    } else {
        output::answer(&page::page(&trials, &agreement, arguments.explain))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A measured benchmark against hardware, prediction and what is claimed of its chip.
fn beside_a_measurement(arguments: &Arguments, global: &Global) -> Outcome {
    let assessments = measured::assessments(&arguments.measured, global)?;
    let library = global.open_library()?;
    let claims = chosen(arguments, &library)?;
    let court = Court::new(&library)?;
    let mut lines: Vec<ClaimLine> = Vec::new();
    for assessment in &assessments {
        for claim in &claims {
            let Some((quantity, low, high)) = court.claimed_of(claim, &assessment.design)? else { continue };
            lines.push(ClaimLine {
                id: claim.id.clone(),
                claimant: claim.claimant.clone(),
                quote: claim.quote.clone(),
                quantity,
                unit: quantity.unit().to_owned(),
                claimed_low: low,
                claimed_high: high,
            });
        }
    }
    measured::show(&arguments.measured, &assessments, &lines, global)
}

/// Trials as the rows of a picture, in base units: differences in percent have no logarithm.
fn marks(trials: &[Trial]) -> Vec<ClaimMark> {
    let mark = |trial: &Trial| {
        let base = |value: f64| trial.base(value);
        let [low, high] = trial.claimed_range.map(base);
        let predicted = trial.predicted.map(|band| {
            let (a, b) = (base(band.p10), base(band.p90));
            (a.min(b), base(band.p50), a.max(b))
        });
        ClaimMark {
            label: trial.id.clone(),
            verdict: trial.verdict.word().to_owned(),
            claimed: (low.min(high), low.max(high)),
            predicted,
            bound: trial.bound.map(base),
            measured: trial.measured.map(base),
        }
    };
    trials.iter().map(mark).collect()
}

/// Reads a verdict's word.
fn verdict(word: &str) -> Result<Verdict, Fault> {
    let plain = word.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    Verdict::ALL.into_iter().find(|verdict| verdict.word() == plain).ok_or_else(|| {
        let known = Verdict::ALL.map(Verdict::word);
        let near = nearest(&plain, known, 1).first().map_or(String::new(), |near| format!("did you mean {near}? "));
        let help = format!("{near}the verdicts are {}", known.join(", "));
        Fault::input(Diagnostic::error(format!("{} is no verdict", quoted(word))).key("verdict").help(help))
    })
}

/// The claims that are asked for.
fn chosen(arguments: &Arguments, library: &crate::library::store::Library) -> Result<Vec<Claim>, Fault> {
    let is_file =
        |word: &String| word.ends_with(".toml") || word.contains(['/', '\\']) || PathBuf::from(word).is_file();
    let (files, names): (Vec<&String>, Vec<&String>) = arguments.claims.iter().partition(|word| is_file(word));
    let mut found = Vec::new();
    for file in &files {
        found.extend(reading::read(library, &SourceText::read(file.as_ref())?)?);
    }
    if files.is_empty() || !names.is_empty() {
        let shipped = claims::shipped(library)?;
        if names.is_empty() {
            return Ok(shipped);
        }
        for name in names {
            let plain = name.to_lowercase();
            let by_id = shipped.iter().filter(|claim| claim.id.eq_ignore_ascii_case(name)).cloned();
            let mut matching: Vec<Claim> = by_id.collect();
            if matching.is_empty() {
                let of = |claim: &&Claim| claim.claimant.to_lowercase().contains(&plain);
                matching.extend(shipped.iter().filter(of).cloned());
            }
            if matching.is_empty() {
                return Err(unknown(name, &shipped));
            }
            found.extend(matching);
        }
    }
    Ok(found)
}

fn unknown(name: &str, shipped: &[Claim]) -> Fault {
    let near = nearest(name, shipped.iter().map(|claim| claim.id.as_str()), 3);
    let hint = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(", ")) };
    let help = format!("{hint}name a claim file, an id or a claimant; `wattline claims` lists them");
    Fault::input(Diagnostic::error(format!("there is no claim {}", quoted(name))).key(name).help(help))
}

fn document(trials: &[Trial], agreement: &agreement::Agreement) -> Result<Value, std::io::Error> {
    let mut counts: BTreeMap<&str, usize> = Verdict::ALL.map(|verdict| (verdict.word(), 0)).into();
    for trial in trials {
        *counts.entry(trial.verdict.word()).or_default() += 1;
    }
    Ok(json!({ "claims": serde_json::to_value(trials)?, "verdicts": counts, "agreement": agreement }))
}

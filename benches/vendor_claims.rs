//! The shipped claims on trial: how many verdicts and plan evaluations a second, and the verdicts with their margins.
//!
//! The verdicts are saved as `target/vendor_claims.json`, and compared with those of the run before, or of the file that
//! `WATTLINE_CLAIMS_BASELINE` names: so two versions of the program, or of a profile, stand beside each other.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use wattline::claims::court::Court;
use wattline::claims::statement::Claim;
use wattline::claims::trial::Trial;
use wattline::claims::{agreement, shipped};
use wattline::library::diagnostic::Fault;
use wattline::library::store::Library;

/// Margins that differ by less are the same.
const SAME: f64 = 0.005;

/// One run of the benchmark, as it is saved.
#[derive(Deserialize, Serialize)]
struct Saved {
    version: String,
    library: String,
    claims: usize,
    evaluated: u64,
    elapsed_s: f64,
    evaluations_per_s: f64,
    agreement: String,
    verdicts: BTreeMap<String, Judged>,
}

/// A verdict, and ln of the claimed value over the middle of the band.
#[derive(Deserialize, Serialize)]
struct Judged {
    verdict: String,
    margin: Option<f64>,
}

/// Tries every claim anew; the plan evaluations that it took.
fn tried(library: &Library, claims: &[Claim]) -> Result<(Vec<Trial>, u64), Fault> {
    let court = Court::new(library)?;
    let trials = court.try_all(claims)?;
    Ok((trials, court.runs.evaluated()))
}

fn vendor_claims(c: &mut Criterion) {
    let read = || {
        let library = Library::open::<&Path>(&[])?;
        let claims = shipped(&library)?;
        let start = Instant::now();
        let (trials, evaluated) = tried(&library, &claims)?;
        Ok::<_, Fault>((library, claims, trials, evaluated, start.elapsed().as_secs_f64()))
    };
    let (library, claims, trials, evaluated, elapsed_s) = match read() {
        Ok(read) => read,
        Err(fault) => return println!("no claims: {fault}"),
    };
    let saved = Saved {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        library: library.fingerprint(),
        claims: claims.len(),
        evaluated,
        elapsed_s,
        evaluations_per_s: evaluated as f64 / elapsed_s,
        agreement: agreement::of(&trials).line().unwrap_or_default(),
        verdicts: trials.iter().map(|trial| (trial.id.clone(), judged(trial))).collect(),
    };
    print(&saved);
    report(&saved);
    let mut group = c.benchmark_group("vendor_claims");
    group.sample_size(10);
    group.throughput(Throughput::Elements(evaluated));
    group.bench_function("evaluations", |b| b.iter(|| black_box(tried(&library, &claims)).is_ok()));
    group.finish();
}

fn judged(trial: &Trial) -> Judged {
    Judged { verdict: trial.verdict.word().to_owned(), margin: trial.margin }
}

fn print(saved: &Saved) {
    for (id, judged) in &saved.verdicts {
        let margin = judged.margin.map_or_else(|| "     -".to_owned(), |margin| format!("{margin:+6.2}"));
        println!("{margin}  {:<13} {id}", judged.verdict);
    }
    println!("margin = ln(claimed / P50)\n{}", saved.agreement);
    println!(
        "{} claims, {} plans evaluated in {:.2} s: {:.0} evaluations a second",
        saved.claims, saved.evaluated, saved.elapsed_s, saved.evaluations_per_s
    );
}

/// Compares with the run before, and saves this one.
fn report(saved: &Saved) {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let latest = target.join("vendor_claims.json");
    let before = std::env::var_os("WATTLINE_CLAIMS_BASELINE").map_or_else(|| latest.clone(), PathBuf::from);
    match std::fs::read(&before).ok().and_then(|bytes| serde_json::from_slice::<Saved>(&bytes).ok()) {
        Some(known) => compare(&known, saved, &before),
        None => println!("nothing to compare with at {}", before.display()),
    }
    let written = serde_json::to_vec_pretty(saved).map_err(std::io::Error::from).and_then(|text| {
        std::fs::create_dir_all(&target)?;
        let temporary = latest.with_extension("json.new");
        std::fs::write(&temporary, text)?;
        std::fs::rename(&temporary, &latest)
    });
    match written {
        Ok(()) => println!("saved as {}", latest.display()),
        Err(error) => println!("{} cannot be written: {error}", latest.display()),
    }
}

fn compare(known: &Saved, saved: &Saved, path: &Path) {
    println!("against {} (version {}, library {}):", path.display(), known.version, known.library);
    let mut changed = 0;
    for (id, now) in &saved.verdicts {
        let Some(then) = known.verdicts.get(id) else {
            println!("  {id}: new, {}", now.verdict);
            changed += 1;
            continue;
        };
        let moved = match (then.margin, now.margin) {
            (Some(then), Some(now)) => (then - now).abs() > SAME,
            (then, now) => then.is_some() != now.is_some(),
        };
        if then.verdict != now.verdict || moved {
            let margin = |margin: Option<f64>| margin.map_or("none".to_owned(), |margin| format!("{margin:+.2}"));
            let (from, to) = (margin(then.margin), margin(now.margin));
            println!("  {id}: {} → {}, margin {from} → {to}", then.verdict, now.verdict);
            changed += 1;
        }
    }
    for id in known.verdicts.keys().filter(|id| !saved.verdicts.contains_key(*id)) {
        println!("  {id}: gone");
        changed += 1;
    }
    let rate = saved.evaluations_per_s / known.evaluations_per_s;
    println!("  {changed} verdicts or margins changed; {rate:.2} times the evaluation rate");
}

criterion_group!(benches, vendor_claims);
criterion_main!(benches);

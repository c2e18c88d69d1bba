//! A sweep from end to end, without its look-ups: every 64th group of `a-billion-designs`, evaluations and designs a second.

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wattline::library::store::Library;
use wattline::model::setting::Setting;
use wattline::scenario::Scenario;
use wattline::search::space::PlanSpace;
use wattline::search::{Found, search_to};
use wattline::sweep::answer::Answer;
use wattline::sweep::group::{Keep, Rows};
use wattline::sweep::run::Sweep;
use wattline::sweep::space::Space;

/// Share of the space: each part holds a like mix of chips, sizes and caps.
const PART: (u64, u64) = (1, 64);

fn sweep(c: &mut Criterion) {
    let looked_up = || {
        let library = Library::open::<&Path>(&[])?;
        let scenario = Scenario::read(&library, "a-billion-designs")?;
        let space = Space::new(&library, &scenario, &[])?;
        Ok::<_, wattline::library::diagnostic::Fault>((scenario, space))
    };
    let (scenario, space) = match looked_up() {
        Ok(found) => found,
        Err(fault) => return println!("no sweep: {fault}"),
    };
    let search = |depth: usize, setting: &Setting, spaces: &[PlanSpace], chips: f64| {
        let join = |found: Found, plans: &PlanSpace| found.join(search_to(depth, setting, plans, chips));
        Ok(spaces.iter().fold(Found::nothing_of(depth), join))
    };
    let answered = |part: (u64, u64)| {
        let mut answer = Answer::new(&space, &scenario.objectives(), 1);
        let sweep = Sweep::new(&scenario, &space, Keep { top: 1, rows: Rows::None }, part)?;
        sweep.run(0, &mut answer, &search, None, &AtomicBool::new(false), &mut |_, _| {})?;
        Ok::<_, wattline::library::diagnostic::Fault>(answer.totals())
    };
    let (designs, evaluated, feasible) = match answered(PART) {
        Ok(totals) => totals,
        Err(fault) => return println!("no sweep: {fault}"),
    };
    println!("{designs} designs, {feasible} of them can run; {evaluated} evaluated");
    let mut group = c.benchmark_group("sweep");
    group.sample_size(10);
    for (name, elements) in [("evaluations", evaluated), ("designs", designs)] {
        group.throughput(Throughput::Elements(elements));
        group.bench_function(name, |b| b.iter(|| black_box(answered(PART)).is_ok()));
    }
    group.finish();
}

criterion_group!(benches, sweep);
criterion_main!(benches);

//! More megawatts never make a side slower, nor dearer without making it faster: what would be no use is not built.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use wattline::compare::Judged;
use wattline::design::{Ask, Design};
use wattline::library::diagnostic::Fault;
use wattline::library::store::Library;
use wattline::scenario::Scenario;
use wattline::search::{Found, Objective, search};

/// The best plans of a design on a number of chips.
fn best_plans(design: &Design, chips: f64) -> Result<Found, Fault> {
    let spaces = design.spaces_of(chips);
    Ok(spaces.iter().map(|space| search(&design.setting, space, chips)).fold(Found::nothing(), Found::join))
}

/// A side of a shipped scenario under caps in megawatts.
fn under(scenario: &str, name: &str, caps: &[f64]) -> Vec<Judged> {
    let library = Library::open::<&Path>(&[]).unwrap();
    let scenario = Scenario::read(&library, scenario).unwrap();
    let designs = scenario.designs(&library, &scenario.workloads[0], &[]).unwrap();
    let design = designs.into_iter().find(|design| design.name == name).unwrap();
    let capped = |cap: &f64| design.asked_anew(&Ask { cap_mw: Some(*cap), ..design.ask.clone() }).unwrap();
    caps.iter().map(|cap| Judged::new(capped(cap), &best_plans).unwrap()).collect()
}

fn more_is_never_worse(sides: &[Judged], caps: &[f64]) {
    for (pair, caps) in sides.windows(2).zip(caps.windows(2)) {
        let [(days, usd), (days_then, usd_then)] =
            [0, 1].map(|at| (pair[at].figure(Objective::Time).unwrap(), pair[at].figure(Objective::Cost).unwrap()));
        assert!(days_then <= days, "{} MW take {days_then} s, {} MW {days} s", caps[1], caps[0]);
        assert!(days_then < days || usd_then <= usd, "{} MW cost {usd_then}, {} MW {usd}", caps[1], caps[0]);
    }
}

#[test]
fn more_megawatts_never_make_b_of_s01_slower_nor_dearer_for_nothing() {
    let caps = [60.0, 100.0, 150.0, 200.0, 250.0, 280.0, 300.0, 330.0, 400.0, 600.0, 1600.0];
    let sides = under("s01-headline", "B", &caps);
    more_is_never_worse(&sides, &caps);
    // Failures take more than the chips of the last megawatts bring.
    let last = sides.last().unwrap();
    assert!(last.design.chips < 0.5 * last.allowed, "{} of {} chips", last.design.chips, last.allowed);
    assert_eq!(last.figure(Objective::Time), sides[8].figure(Objective::Time));
}

#[test]
fn more_megawatts_never_make_the_campus_of_s10_slower_nor_dearer_for_nothing() {
    let caps = [200.0, 300.0, 400.0, 500.0, 835.0, 1000.0, 1500.0];
    more_is_never_worse(&under("s10-gigawatt-campus", "campus", &caps), &caps);
}

#[test]
fn what_a_side_buys_is_what_its_fastest_plan_uses_in_whole_nodes() {
    for side in under("s01-headline", "A", &[20.0, 100.0]) {
        let e = side.estimate().unwrap();
        assert_eq!(side.design.chips, e.chips_used + e.chips_spare);
        assert!(side.design.chips <= side.allowed);
        assert!(e.power.peak_facility_w <= side.design.setting.site.cap_w * (1.0 + 1e-9));
    }
}

#[test]
fn typed_chips_are_all_bought() {
    let [derived] = &under("s01-headline", "B", &[400.0])[..] else { panic!("one side") };
    let ask = Ask { chips: Some(derived.allowed), ..derived.design.ask.clone() };
    let typed = derived.design.asked_anew(&ask).unwrap();
    let all = Judged::new(typed, &best_plans).unwrap();
    assert_eq!(all.design.chips, derived.allowed);
    assert!(all.figure(Objective::Time) > derived.figure(Objective::Time));
}

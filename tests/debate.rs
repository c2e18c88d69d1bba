//! The public debate: its claims are read, what each would change in the headline scenario, and who wins it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use wattline::claims::effect::{Effect, Headline, IfTrue, Standing};
use wattline::claims::figures::Figures;
use wattline::claims::formula::Formula;
use wattline::claims::reading;
use wattline::claims::standing::{Condition, winner};
use wattline::claims::statement::Claim;
use wattline::library::store::{Library, evidence_source};
use wattline::search::Objective;

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::open::<&Path>(&[]).unwrap());
static HEADLINE: LazyLock<Headline> = LazyLock::new(|| Headline::new(&LIBRARY).unwrap());

fn claims() -> Vec<Claim> {
    reading::read(&LIBRARY, &evidence_source("claims/debate.toml").unwrap()).unwrap_or_else(|fault| panic!("{fault}"))
}

fn if_true(set: &[(&str, f64)]) -> IfTrue {
    IfTrue { says: "so".to_owned(), set: set.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect() }
}

fn effect(set: &[(&str, f64)]) -> Effect {
    HEADLINE.effect(&if_true(set)).unwrap_or_else(|fault| panic!("{fault}"))
}

/// Days, GWh, million USD and kt of a side.
fn figures(standing: &Standing, side: &str) -> [f64; 4] {
    let side = standing.side(side).unwrap();
    [side.days, side.gwh, side.million_usd, side.kt].map(Option::unwrap)
}

#[test]
fn the_price_of_power_moves_only_the_cost_of_the_side_that_pays_it() {
    let effect = effect(&[("B.usd_per_kwh", 0.06)]);
    let (before, after) = (&effect.before, &effect.after);
    assert_eq!(figures(before, "A"), figures(after, "A"));
    let ([days, gwh, usd, kt], [days_then, gwh_then, usd_then, kt_then]) = (figures(before, "B"), figures(after, "B"));
    assert_eq!([days, gwh, kt], [days_then, gwh_then, kt_then]);
    assert!(usd_then > usd, "{effect:?}");
    // Twice $0.03 for every kilowatt-hour, and no more than that of the plan that was best.
    assert!(usd_then - usd < 0.03 * gwh * 1.1, "{usd} {usd_then} {gwh}");
    let text = effect.text();
    assert!(text.starts_with("cost: A wins by ") && text.ends_with("winner unchanged"), "{text}");
}

#[test]
fn half_the_megawatts_of_a_side_lengthen_its_run() {
    let effect = effect(&[("A.cap_mw", 50.0)]);
    let (before, after) = (figures(&effect.before, "A")[0], figures(&effect.after, "A")[0]);
    assert!(after > 1.3 * before && after < 2.5 * before, "{before} {after}");
    assert_eq!(figures(&effect.before, "B"), figures(&effect.after, "B"));
    let time = |standing: &Standing| standing.verdict(Objective::Time).unwrap().clone();
    assert_eq!(time(&effect.before).winner.as_deref(), Some("A"));
    assert_eq!(time(&effect.after).winner.as_deref(), Some("B"));
    assert!(effect.turned().contains(&"time"));
    assert!(effect.text().contains("another winner on time"), "{}", effect.text());
}

#[test]
fn a_side_is_not_slower_for_being_offered_more() {
    let effect = effect(&[("B.cap_mw", 1600.0)]);
    assert_eq!(figures(&effect.before, "B"), figures(&effect.after, "B"));
    assert_eq!(effect.idle, ["B"]);
    assert_eq!(effect.text(), "B is no faster with what is added; winner unchanged");
}

#[test]
fn both_sides_move_together_and_what_is_assumed_already_is_said() {
    let both = effect(&[("both.carbon_price_usd_per_t", 100.0)]);
    for side in ["A", "B"] {
        let (before, after) = (figures(&both.before, side), figures(&both.after, side));
        assert!(after[2] > before[2] && after[0] == before[0], "{before:?} {after:?}");
    }
    let same = effect(&[("B.usd_per_kwh", 0.03)]);
    assert!(same.assumed && same.text().contains("as it is"), "{}", same.text());
    assert_eq!(same.before, same.after);
}

#[test]
fn a_faster_pace_shortens_the_run_and_a_side_that_cannot_run_is_said() {
    let faster = effect(&[("B.mfu", 0.6)]);
    assert!(figures(&faster.after, "B")[0] < figures(&faster.before, "B")[0]);
    let none = effect(&[("B.cap_mw", 0.001)]);
    assert_eq!(none.after.side("B").unwrap().days, None);
    assert!(none.text().contains("only A can run"), "{}", none.text());
}

#[test]
fn a_wrong_name_or_value_is_told_with_the_nearest_input() {
    let cases = [
        ("B.usd_per_kw", 0.03, "usd_per_kwh"),
        ("usd_per_kwh", 0.03, "A.usd_per_kwh"),
        ("C.usd_per_kwh", 0.03, "names no side of s01-headline"),
        ("B.mfu", 3.0, "between 0.001 and 1"),
        ("B.availability", 2.0, "availability"),
        ("A.chips", 1.5, "whole number"),
        ("A.usd_per_kwh", f64::NAN, "no finite value"),
    ];
    for (name, value, words) in cases {
        let fault = HEADLINE.check(&if_true(&[(name, value)])).unwrap_err();
        assert!(fault.to_string().contains(words), "{name}: {fault}");
        assert!(fault.diagnostics[0].help.is_some(), "{name}: {fault}");
    }
}

#[test]
fn every_claim_of_the_debate_is_read_and_what_it_would_change_can_be_laid_over_the_headline() {
    let claims = claims();
    assert!(claims.len() > 25);
    let started = Instant::now();
    for claim in &claims {
        let Some(if_true) = &claim.if_true else { continue };
        let effect = HEADLINE.effect(if_true).unwrap_or_else(|fault| panic!("{}: {fault}", claim.id));
        assert!(!if_true.says.is_empty());
        assert!(effect.before == effect.after || !effect.assumed, "{effect:?}");
    }
    // Half a second where it was written.
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn every_formula_of_the_debate_has_a_value() {
    let figures = Figures::shipped().unwrap();
    for claim in claims() {
        let identities = claim.identities.iter().map(|identity| identity.formula.clone());
        for text in claim.formula.clone().into_iter().chain(identities) {
            let formula = Formula::parse(&text).unwrap();
            let named = |name: &str| {
                let own =
                    claim.numbers.get(name).map(|n| wattline::claims::formula::Interval::new(n.low, [n.low, n.high]));
                own.or_else(|| figures.get(name).map(|figure| figure.interval()))
            };
            let value = formula.evaluate(&named).unwrap_or_else(|unknown| panic!("{}: {unknown}", claim.id));
            assert!(value.low <= value.mid && value.mid <= value.high && value.low > 0.0, "{}: {value:?}", claim.id);
        }
    }
}

#[test]
fn the_winner_of_the_headline_has_a_ratio_and_conditions() {
    let a = winner(&LIBRARY, "s01-headline", Objective::Time, "A", "B").unwrap();
    let b = winner(&LIBRARY, "s01-headline", Objective::Time, "B", "A").unwrap();
    assert!(a.estimate > 1.0 && (a.estimate * b.estimate - 1.0).abs() < 1e-12);
    assert!(a.chance > 0.5 && (a.chance + b.chance - 1.0).abs() < 0.03);
    assert!(a.ratio.p10 < a.ratio.p50 && a.ratio.p50 < a.ratio.p90);
    let restart = |conditions: &[Condition], words: &str| {
        conditions.iter().any(|c| c.says.starts_with("restart time of B") && c.says.contains(words))
    };
    assert!(restart(&a.conditions, "at least 3") && restart(&b.conditions, "at most 3"), "{a:?} {b:?}");
    let cost = winner(&LIBRARY, "s01-headline", Objective::Cost, "B", "A").unwrap();
    assert!(cost.conditions.iter().any(|c| c.says.starts_with("chip, all-in of B at most $")), "{cost:?}");
    assert!(cost.never.iter().any(|c| c.says.starts_with("electricity price of B: even at 0 USD/kWh")), "{cost:?}");
    let served = winner(&LIBRARY, "s04-national-shortfall", Objective::Time, "all", "57%").unwrap();
    assert!(served.conditions.iter().all(|c| c.says.starts_with("megawatts of 57%")), "{served:?}");
    let unknown = winner(&LIBRARY, "s01-headline", Objective::Time, "C", "A").unwrap_err();
    assert!(unknown.to_string().contains("the sides are A, B"), "{unknown}");
}

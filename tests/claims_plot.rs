//! The picture of claims: a row for each, tall where there are many, in a terminal too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use wattline::plot::claims::{ClaimMark, chart};
use wattline::plot::{png, svg, text};

/// Made-up claims of every verdict.
fn marks(count: usize) -> Vec<ClaimMark> {
    let verdicts =
        ["plausible", "overstated", "impossible", "conservative", "only_if", "contradicted", "not_testable", "strange"];
    (0..count)
        .map(|at| {
            let spread = 1.15 + 0.02 * (at % 30) as f64;
            let p50 = 100.0 * (1 + at % 7) as f64;
            let ratio = 0.4 * 1.35_f64.powi((at * 7 % 17) as i32);
            let claimed = ratio * p50;
            ClaimMark {
                label: format!("claim-{at:03} Example Vendor, 4 x faster training of a model"),
                verdict: verdicts[at % verdicts.len()].to_owned(),
                claimed: (claimed, if at % 5 == 0 { 1.6 * claimed } else { claimed }),
                predicted: (at % 9 != 8).then_some((p50 / spread, p50, p50 * spread)),
                bound: (at % 3 != 0).then_some(p50 * (2.0 + (at % 4) as f64)),
                measured: (at % 4 == 0).then_some(p50 * 1.1),
            }
        })
        .collect()
}

#[test]
fn a_hundred_and_fifty_claims_make_a_tall_picture() {
    let marks = marks(150);
    let chart = chart(&marks, "Claims beside their prediction").unwrap();
    let picture = String::from_utf8(svg(&chart)).unwrap();
    assert!(picture.contains("claim-000") && picture.contains("134 of 150 claims"));
    assert!(!picture.contains("NaN") && !picture.contains("inf"));
    for words in ["claimed: impossible", "claimed: only if", "predicted, P10 to P90", "hardware bound", "measured"] {
        assert!(picture.contains(words), "{words}");
    }
    let bytes = png(&chart).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    let size = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    assert!(size(20) > 2 * size(16), "{} x {}", size(16), size(20));
    if let Some(folder) = std::env::var_os("CLAIMS_PLOT_OUT") {
        std::fs::write(std::path::Path::new(&folder).join("tall.png"), bytes).unwrap();
    }
}

#[test]
fn a_few_claims_fit_a_page_and_a_terminal() {
    let marks = marks(14);
    let chart = chart(&marks, "Claims beside their prediction").unwrap();
    if let Some(folder) = std::env::var_os("CLAIMS_PLOT_OUT") {
        std::fs::write(std::path::Path::new(&folder).join("few.png"), png(&chart).unwrap()).unwrap();
        std::fs::write(std::path::Path::new(&folder).join("few.txt"), text(&chart, 100)).unwrap();
    }
    let page = anstream::adapter::strip_str(&text(&chart, 100)).to_string();
    for sign in ['░', '┃', '◆', 'X', 'p', '┊'] {
        assert!(page.contains(sign), "{sign} is not in\n{page}");
    }
    assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
}

#[test]
fn what_is_out_of_all_proportion_is_drawn_at_the_edge() {
    let mut marks = marks(3);
    marks[0].claimed = (1e12, 1e12);
    let chart = chart(&marks, "Claims").unwrap();
    assert!(chart.subtitle.contains("drawn at the edge"), "{}", chart.subtitle);
    assert!(chart.x.high < 1000.0);
}

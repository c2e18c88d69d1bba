//! Pictures of result files: what stands in them, and what is said where none can be drawn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;

use std::path::{Path, PathBuf};

use program::{Ran, file, wattline};

/// Designs of the fixture, cheap and slow to dear and fast.
const DESIGNS: [&str; 3] = ["old", "middle", "new"];
/// Prices of the fixture, USD/kWh.
const PRICES: [f64; 4] = [0.02, 0.05, 0.1, 0.2];
const DAY_S: f64 = 86_400.0;
const MEGAWATT_W: f64 = 1e6;
/// Brightness below which a pixel is ink.
const INK_BELOW: u8 = 250;

/// Rows of three designs at four sizes and prices: the older the design, the cheaper and the hungrier.
fn rows() -> String {
    let mut text = String::from(
        "index,workload,design,objective,chip,site,chips,usd_per_kwh,step_s,mfu,wall_s,peak_facility_w,facility_energy_j,\
         cost_usd,cost_chips_usd,cost_electricity_usd,co2_kg,step_s_matrix,step_s_waiting\n",
    );
    let mut index = 0;
    for (age, design) in DESIGNS.iter().enumerate() {
        for chips in [1024.0, 2048.0, 4096.0, 8192.0] {
            for price in PRICES {
                let speed = 1.0 + 2.0 * age as f64;
                let wall = 400.0 * DAY_S * 1024.0 / chips / speed * (1.0 + chips / 50_000.0);
                let watts = chips * 1200.0;
                let kwh = watts * wall / 3.6e6;
                let (capital, bill) = (2e5 * (3.0 + speed) * (1.0 + chips / 20_000.0), kwh * price);
                text += &format!(
                    "{index},w,{design},cost,{design}-chip,here,{chips},{price},{step},0.4,{wall},{watts},{energy},{cost},{capital},{bill},{co2},{matrix},{waiting}\n",
                    step = wall / 1e5,
                    energy = watts * wall,
                    cost = capital + bill,
                    co2 = kwh * 0.4,
                    matrix = wall / 1e5 * 0.7,
                    waiting = wall / 1e5 * 0.3,
                );
                index += 1;
            }
        }
    }
    text
}

fn fixture() -> (tempfile::TempDir, PathBuf) {
    file("rows.csv", rows().as_bytes())
}

fn plot(results: &Path, line: &str) -> Ran {
    let results = results.display().to_string();
    let mut arguments = vec!["plot", results.as_str()];
    arguments.extend(line.split_whitespace());
    wattline(&arguments)
}

/// The SVG of a line.
fn svg(line: &str) -> String {
    let (folder, results) = fixture();
    let out = folder.path().join("picture.svg");
    let ran = plot(&results, &format!("{line} -o {}", out.display()));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    std::fs::read_to_string(out).unwrap()
}

/// The texts of an SVG, in order.
fn texts(svg: &str) -> Vec<String> {
    let starts = svg.split("<text ").skip(1);
    starts.map(|rest| rest.split_once('>').unwrap().1.split_once("</text>").unwrap().0.to_owned()).collect()
}

fn assert_has(texts: &[String], wanted: &str) {
    assert!(texts.iter().any(|text| text == wanted), "no `{wanted}` in {texts:?}");
}

fn refused(results: &Path, line: &str, words: &[&str]) {
    let ran = plot(results, line);
    assert_eq!(ran.code, 2, "{line}: {}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{line}: no `{word}` in {}", ran.stderr);
    }
}

#[test]
fn a_frontier_names_its_axes_in_human_units_and_its_designs() {
    let svg = svg("--kind frontier");
    let texts = texts(&svg);
    assert_has(&texts, "training time (days)");
    assert_has(&texts, "cost (M$)");
    for design in DESIGNS {
        assert!(texts.iter().any(|text| text.starts_with(design)), "{design} is missing from {texts:?}");
    }
    assert_has(&texts, "all 48 designs");
}

#[test]
fn every_row_of_a_small_file_is_a_point_of_its_scatter() {
    let svg = svg("--kind scatter --x chips --y mfu --color-by cost_usd");
    assert_eq!(svg.matches("<circle").count(), rows().lines().count() - 1);
}

#[test]
fn a_logarithmic_axis_is_marked_at_one_two_and_five() {
    let texts = texts(&svg("--kind scatter --x peak_facility_w --y wall_s --log both"));
    for tick in ["2", "5"] {
        assert_has(&texts, tick);
    }
    assert_has(&texts, "peak facility power (MW)");
    assert!((1024.0 * 1200.0 / MEGAWATT_W..8192.0 * 1200.0 / MEGAWATT_W).contains(&2.0));
}

#[test]
fn a_heat_map_spans_price_and_megawatts_and_its_legend_has_the_winners_share() {
    let texts = texts(&svg("--kind heatmap"));
    assert_has(&texts, "electricity price ($/kWh)");
    assert_has(&texts, "peak facility power (MW)");
    let shares = texts.iter().filter(|text| text.ends_with(" %)"));
    assert!(shares.count() >= 2, "one design alone wins: {texts:?}");
}

#[test]
fn the_winner_of_a_cell_is_its_cheapest_design() {
    // Cheap power favours the old design's low capital, dear power a shorter run.
    let cost = |design: &str, price: f64| {
        let of = |line: &&str| {
            let cells: Vec<&str> = line.split(',').collect();
            cells[2] == design && cells[6] == "8192" && cells[7] == price.to_string()
        };
        let text = rows();
        let line = text.lines().find(of).unwrap().to_owned();
        line.split(',').nth(13).unwrap().parse::<f64>().unwrap()
    };
    let winner = |price| DESIGNS.iter().min_by(|a, b| cost(a, price).total_cmp(&cost(b, price))).unwrap();
    let (cheap, dear) = (winner(PRICES[0]), winner(PRICES[3]));
    assert_ne!(cheap, dear, "the fixture has no crossover");
    let texts = texts(&svg("--kind heatmap --x usd_per_kwh --y chips"));
    for name in [cheap, dear] {
        assert!(texts.iter().any(|text| text.starts_with(&format!("{name} ("))), "{name}: {texts:?}");
    }
}

#[test]
fn a_continuous_colour_has_a_bar_with_its_unit() {
    let texts = texts(&svg("--kind heatmap --x usd_per_kwh --y chips --color-by co2_kg"));
    assert_has(&texts, "CO₂e (kt)");
}

#[test]
fn a_breakdown_has_a_bar_for_each_design_and_every_part_in_its_legend() {
    let parts = texts(&svg("--kind breakdown --y cost_usd"));
    assert_has(&parts, "chips");
    assert_has(&parts, "electricity");
    for design in DESIGNS {
        assert!(parts.iter().any(|text| text.starts_with(&format!("{design} ×"))), "{parts:?}");
    }
    let causes = texts(&svg("--kind breakdown"));
    assert_has(&causes, "matrix");
    assert_has(&causes, "70 %");
}

#[test]
fn a_png_has_the_size_that_it_states_and_is_not_blank() {
    let (folder, results) = fixture();
    for kind in ["frontier", "heatmap", "breakdown", "scatter"] {
        let out = folder.path().join(format!("{kind}.png"));
        let ran = plot(&results, &format!("--kind {kind} -o {}", out.display()));
        assert_eq!(ran.code, 0, "{kind}: {}", ran.stderr);
        let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&out).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (2400, 1560), "{kind}");
        let ink = pixels.iter().filter(|value| **value < INK_BELOW).count();
        let share = ink as f64 / pixels.len() as f64;
        assert!((0.005..0.9).contains(&share), "{kind}: {share} of the picture is inked");
    }
}

#[test]
fn the_same_file_gives_the_same_picture() {
    assert_eq!(svg("--kind frontier"), svg("--kind frontier"));
}

#[test]
fn without_a_file_the_terminal_has_the_picture_in_plain_text_and_within_the_page() {
    let (_folder, results) = fixture();
    for kind in ["frontier", "heatmap", "breakdown", "scatter"] {
        let ran = plot(&results, &format!("--kind {kind}"));
        assert_eq!(ran.code, 0, "{kind}: {}", ran.stderr);
        assert!(!ran.stdout.contains('\u{1b}'), "{kind} has colours though piped");
        let pixels = ran.stdout.lines().filter(|line| line.contains(['│', '┤', '┼', '├', '╶'])).count();
        assert!(pixels > 4, "{kind}: {}", ran.stdout);
        let signs = ran.stdout.chars().filter(|letter| ('A'..='C').contains(letter)).count();
        assert!(signs >= 3, "{kind}: {}", ran.stdout);
        let private = |letter: char| ('\u{e000}'..='\u{f8ff}').contains(&letter);
        assert!(!ran.stdout.contains(private), "{kind}: {}", ran.stdout);
    }
}

#[test]
fn ten_categories_become_seven_and_the_others() {
    let mut text = String::from("design,wall_s,cost_usd\n");
    for n in 0..10 {
        for copy in 0..=n {
            text += &format!("d{n},{},{}\n", 1e5 * (1 + n + copy) as f64, 1e6 * (20 - n) as f64);
        }
    }
    let (folder, results) = file("rows.csv", text.as_bytes());
    let out = folder.path().join("a.svg");
    assert_eq!(plot(&results, &format!("--kind scatter -o {}", out.display())).code, 0);
    let texts = texts(&std::fs::read_to_string(out).unwrap());
    assert_has(&texts, "3 others (6)");
    assert_has(&texts, "d9 (10)");
}

#[test]
fn a_cloud_too_large_to_draw_is_thinned_and_says_so() {
    let mut text = String::from("design,wall_s,cost_usd\n");
    for n in 0..40_000_u64 {
        let (a, b) = (n.wrapping_mul(7919) % 10_007, n.wrapping_mul(104_729) % 9973);
        text += &format!("d,{},{}\n", 1e5 + a as f64 * 100.0, 1e6 + b as f64 * 1e3);
    }
    let (folder, results) = file("rows.csv", text.as_bytes());
    let out = folder.path().join("a.svg");
    assert_eq!(plot(&results, &format!("-o {}", out.display())).code, 0);
    let svg = std::fs::read_to_string(out).unwrap();
    assert!(svg.contains("cloud thinned to "), "{:?}", texts(&svg));
    assert!(svg.contains("all 40,000 designs"), "{:?}", texts(&svg));
    assert!(svg.matches("<circle").count() < 40_000);
}

#[test]
fn what_cannot_be_drawn_is_refused_with_the_way_out() {
    let (folder, results) = fixture();
    refused(&results, "--x wall", &["no column `wall`", "`wall_s`"]);
    refused(&results, "--x design", &["column `design` holds text", "`wall_s`"]);
    refused(&results, "--kind breakdown --y mfu", &["`mfu`", "facility_energy_j"]);
    refused(&results, "-o picture.jpg", &["`picture.jpg`", "FILE.svg or FILE.png"]);
    let nowhere = folder.path().join("no-such-folder").join("a.svg");
    refused(&results, &format!("-o {}", nowhere.display()), &["cannot be written"]);
    refused(&folder.path().join("none.csv"), "", &["none.csv"]);
}

#[test]
fn values_that_no_axis_holds_are_refused() {
    let head = "design,wall_s,cost_usd\n";
    let (_folder, empty) = file("empty.csv", head.as_bytes());
    refused(&empty, "", &["no rows"]);
    let (_folder, lacking) = file("lacking.csv", format!("{head}a,,1\nb,,2\n").as_bytes());
    refused(&lacking, "", &["column `wall_s` has no value in any of the 2 rows"]);
    let (_folder, negative) = file("negative.csv", format!("{head}a,1,-1\nb,2,2\n").as_bytes());
    refused(&negative, "--log y", &["column `cost_usd` is zero or less in 1 row"]);
    assert_eq!(plot(&negative, "").code, 0);
    let (_folder, apart) = file("apart.csv", format!("{head}a,1,\nb,,2\n").as_bytes());
    refused(&apart, "", &["no row has a value of both `wall_s` and `cost_usd`"]);
}

#[test]
fn nothing_is_left_behind_where_a_picture_fails() {
    let (folder, results) = fixture();
    let out = folder.path().join("a.svg");
    refused(&results, &format!("--x nonsense -o {}", out.display()), &["nonsense"]);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["rows.csv"]);
}

#[test]
fn one_row_is_a_picture_too_and_a_dollar_is_a_dollar() {
    let (folder, results) = file("one.csv", b"design,wall_s,cost_usd,usd_per_kwh,chips\n$a$ <b>,1e6,1e7,0.05,8\n");
    for kind in ["frontier", "scatter", "heatmap --x usd_per_kwh --y chips"] {
        let out = folder.path().join("one.svg");
        let ran = plot(&results, &format!("--kind {kind} -o {}", out.display()));
        assert_eq!(ran.code, 0, "{kind}: {}", ran.stderr);
        let svg = std::fs::read_to_string(&out).unwrap();
        assert!(svg.contains("$a$ &lt;b&gt;"), "{kind}: {:?}", texts(&svg));
        assert!(!svg.contains("NaN"), "{kind}");
    }
}

//! The picture of predicted against measured: one panel a table, both axes logarithmic and equal.

use std::collections::BTreeMap;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use super::judged::{Judged, Status};
use super::predict::Judgement;
use super::score::{band, quantile};
use super::table::TableKind;
use crate::library::diagnostic::{Diagnostic, Fault, printable};

/// DejaVu Sans, its Latin characters; see the licence beside it.
static FONT_FILE: &[u8] = include_bytes!("../../assets/dejavu-sans-latin.ttf");
const FONT: &str = "DejaVu Sans, sans-serif";

/// Edge of the first panel, and width of the further ones, which stand beside it one upon the other. Units of the page.
const MAIN: u32 = 1000;
const SIDE: u32 = 600;
/// Pixels for each unit of the page.
const PIXELS: u32 = 2;
/// Groups with a colour of their own, by number of rows; the rest is grey.
const COLOURS: [RGBColor; 10] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(255, 127, 14),
    RGBColor(148, 103, 189),
    RGBColor(23, 190, 207),
    RGBColor(227, 119, 194),
    RGBColor(140, 86, 75),
    RGBColor(188, 189, 34),
    RGBColor(24, 60, 120),
];
const REST: RGBColor = RGBColor(150, 150, 150);
const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(225, 225, 225);

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Svg,
    Png,
}

impl Format {
    /// The format that a file's name ends in.
    pub fn of(path: &std::path::Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "svg" => Some(Format::Svg),
            "png" => Some(Format::Png),
            _ => None,
        }
    }
}

/// A measurement and its prediction, in the unit of the panel.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    measured: f64,
    predicted: f64,
}

/// One table.
struct Panel {
    title: &'static str,
    unit: &'static str,
    /// Groups by number of rows, the largest first.
    groups: Vec<(String, Vec<Point>)>,
    /// Predicted over measured: 80 % of the rows lie between.
    band: (f64, f64),
    median_abs_error: f64,
    /// Of each group, or of the first ones where the colours are fewer.
    colours: Vec<RGBColor>,
}

impl Panel {
    /// The scored rows of a table; none where there are none.
    fn of(judgement: &Judgement, label: impl Fn(&Judged) -> &str) -> Option<Panel> {
        let (title, unit) = match judgement.kind {
            TableKind::Runs => ("Training runs", "model TFLOP/s of a chip"),
            TableKind::Memory => ("Peak memory", "GiB of a chip"),
            TableKind::Power => ("Node power", "kW"),
            TableKind::PowerCaps => ("Power caps", "of the uncapped chip"),
        };
        let mut groups: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
        let mut sizes = Vec::new();
        for row in judgement.rows.iter().filter(|row| row.status == Status::Scored) {
            let Some(point) = point(row, judgement.kind) else { continue };
            groups.entry(label(row)).or_default().push(point);
            sizes.push(row.error.abs());
        }
        if sizes.is_empty() {
            return None;
        }
        let mut groups: Vec<(String, Vec<Point>)> =
            groups.into_iter().map(|(name, points)| (name.to_owned(), points)).collect();
        groups.sort_by_key(|(_, points)| std::cmp::Reverse(points.len()));
        let (low, high) = band(&judgement.rows);
        // An error is one of time: where a rate is drawn, its sense is the reverse.
        let band = if judgement.kind == TableKind::Runs { (-high, -low) } else { (low, high) };
        Some(Panel {
            title,
            unit,
            groups,
            band: (band.0.exp(), band.1.exp()),
            median_abs_error: quantile(&mut sizes, 0.5),
            colours: COLOURS.to_vec(),
        })
    }

    /// Colours its groups as another panel has them; groups that it has not get what is left.
    fn colour_as(&mut self, other: &[(String, RGBColor)]) {
        let known = |name: &str| other.iter().find(|(known, _)| known == name).map(|(_, colour)| *colour);
        let taken: Vec<RGBColor> = self.groups.iter().filter_map(|(name, _)| known(name)).collect();
        let mut free = COLOURS.into_iter().filter(|colour| !taken.contains(colour));
        let colour = |(name, _): &(String, Vec<Point>)| known(name).or_else(|| free.next());
        self.colours = self.groups.iter().take(COLOURS.len()).map_while(colour).collect();
    }

    fn colour(&self, group: usize) -> RGBColor {
        self.colours.get(group).copied().unwrap_or(REST)
    }

    fn points(&self) -> impl Iterator<Item = Point> {
        self.groups.iter().flat_map(|(_, points)| points.iter().copied())
    }

    /// Least and largest value of both axes.
    fn bounds(&self) -> (f64, f64) {
        let values = self.points().flat_map(|point| [point.measured, point.predicted]);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        (low / 1.25, high * 1.25)
    }
}

/// A number beside an axis, in four digits at most.
fn tick(value: &f64) -> String {
    let digits = (3.0 - value.abs().max(1e-6).log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Where a row stands: of runs the speed, of memory GiB, of power kW.
fn point(row: &Judged, kind: TableKind) -> Option<Point> {
    let (measured, predicted) = match kind {
        TableKind::Runs => (row.model_flops * row.error.exp() * 1e-12, row.model_flops * 1e-12),
        TableKind::Memory | TableKind::PowerCaps => (row.measured, row.predicted),
        TableKind::Power => (row.measured * 1e-3, row.predicted * 1e-3),
    };
    // The axes span what a chart can show.
    let drawn = |value: f64| (1e-9..1e12).contains(&value);
    (drawn(measured) && drawn(predicted)).then_some(Point { measured, predicted })
}

/// Draws the tables' rows, coloured by their labels.
pub fn draw(judgements: &[Judgement], label: impl Fn(&Judged) -> &str, format: Format) -> Result<Vec<u8>, Fault> {
    let mut panels: Vec<Panel> = judgements.iter().filter_map(|judgement| Panel::of(judgement, &label)).collect();
    let Some((main, further)) = panels.split_first_mut() else {
        let message = "no scored row can be drawn";
        return Err(Fault::input(Diagnostic::error(message).help("leave --scatter out to see what the rows lack")));
    };
    let known: Vec<(String, RGBColor)> =
        main.groups.iter().zip(&main.colours).map(|((name, _), colour)| (name.clone(), *colour)).collect();
    for panel in further {
        panel.colour_as(&known);
    }
    register_font(FONT, FontStyle::Normal, FONT_FILE).map_err(|_| broken("its font cannot be read"))?;
    let page = (if panels.len() > 1 { MAIN + SIDE } else { MAIN }, MAIN);
    match format {
        Format::Svg => {
            let mut text = String::new();
            let root = SVGBackend::with_string(&mut text, page).into_drawing_area();
            pages(&root, &panels, 1).map_err(broken)?;
            drop(root);
            Ok(text.into_bytes())
        }
        Format::Png => {
            let pixels = (page.0 * PIXELS, page.1 * PIXELS);
            let mut colours = vec![255; pixels.0 as usize * pixels.1 as usize * 3];
            let root = BitMapBackend::with_buffer(&mut colours, pixels).into_drawing_area();
            pages(&root, &panels, PIXELS).map_err(broken)?;
            drop(root);
            png(&colours, pixels).map_err(broken)
        }
    }
}

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::work(Diagnostic::error(format!("the scatter cannot be drawn: {error}")))
}

fn png(colours: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(colours)?;
    writer.finish()?;
    Ok(bytes)
}

type Area<B> = DrawingArea<B, Shift>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// The first panel large, the others beside it.
fn pages<B: DrawingBackend>(root: &Area<B>, panels: &[Panel], scale: u32) -> Drawn<B> {
    root.fill(&WHITE)?;
    let Some((main, further)) = panels.split_first() else { return Ok(()) };
    if further.is_empty() {
        panel(root, main, scale)?;
    } else {
        let (left, right) = root.split_horizontally(MAIN * scale);
        panel(&left, main, scale)?;
        for (area, further) in right.split_evenly((further.len(), 1)).iter().zip(further) {
            panel(area, further, scale)?;
        }
    }
    root.present()
}

/// The ticks 1, 2, 5 of every decade between two values; more where these are close.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let digits: &[f64] = if high < 20.0 * low { &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0] } else { &[1.0, 2.0, 5.0] };
    // A quotient of whole numbers is the nearest to its decimal: 0.3, not 0.30000000000000004.
    let tick = |digit: f64, decade: i32| {
        if decade < 0 { digit / 10.0_f64.powi(-decade) } else { digit * 10.0_f64.powi(decade) }
    };
    let ticks = decades.flat_map(|decade| digits.iter().map(move |digit| tick(*digit, decade)));
    ticks.filter(|tick| (low..=high).contains(tick)).collect()
}

fn panel<B: DrawingBackend>(area: &Area<B>, panel: &Panel, scale: u32) -> Drawn<B> {
    let unit = scale as i32;
    let text = |size: i32| (FONT, size * unit).into_font().color(&INK);
    let area = area.margin(14 * unit, 8 * unit, 8 * unit, 20 * unit);
    let area = area.titled(panel.title, (FONT, 21 * unit).into_font().color(&INK))?;
    let (low, high) = panel.bounds();
    let axis = || (low..high).log_scale().with_key_points(ticks(low, high));
    let mut chart = ChartBuilder::on(&area)
        .x_label_area_size(58 * unit)
        .y_label_area_size(70 * unit)
        .build_cartesian_2d(axis(), axis())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(scale))
        .axis_style(INK.stroke_width(scale))
        .label_style(text(15))
        .axis_desc_style(text(17))
        .x_label_formatter(&tick)
        .y_label_formatter(&tick)
        .x_desc(format!("measured, {}", panel.unit))
        .y_desc(format!("predicted, {}", panel.unit))
        .draw()?;
    // The band, cut where it leaves the axes; plotters clips nothing of a polygon.
    let (below, above) = panel.band;
    let line = |factor: f64| {
        let start = (low / factor.min(1.0)).max(low);
        let end = (high / factor.max(1.0)).min(high);
        [(start, start * factor), (end, end * factor)]
    };
    let (under, over) = (line(below), line(above));
    if below < above {
        let edges = vec![(low, low), under[0], under[1], (high, high), over[1], over[0], (low, low)];
        chart.draw_series(std::iter::once(Polygon::new(edges, BLACK.mix(0.07))))?;
    }
    chart.draw_series(LineSeries::new(line(1.0), INK.stroke_width(scale)))?;
    let order = panel.groups.iter().enumerate().rev();
    for (at, (_, points)) in order {
        let style = panel.colour(at).mix(0.6).filled();
        let radius = 4 * unit;
        chart.draw_series(points.iter().map(|point| Circle::new((point.measured, point.predicted), radius, style)))?;
    }
    let plot = chart.plotting_area().strip_coord_spec();
    legend(&plot, panel, unit)?;
    caption(&plot, panel, unit)
}

/// The groups and their numbers of rows, where no points lie: at the upper left.
fn legend<B: DrawingBackend>(plot: &Area<B>, panel: &Panel, unit: i32) -> Drawn<B> {
    let mut lines: Vec<(RGBColor, String)> = panel
        .groups
        .iter()
        .take(panel.colours.len())
        .enumerate()
        .map(|(at, (name, points))| (panel.colour(at), format!("{} ({})", short(name), points.len())))
        .collect();
    let rest = panel.groups.get(panel.colours.len()..).unwrap_or_default();
    if !rest.is_empty() {
        let rows: usize = rest.iter().map(|(_, points)| points.len()).sum();
        lines.push((REST, format!("{} further ({rows})", rest.len())));
    }
    let font = (FONT, 14 * unit).into_font().color(&INK);
    for (at, (colour, text)) in (0..).zip(lines) {
        let y = (20 + 21 * at) * unit;
        plot.draw(&Circle::new((18 * unit, y), 5 * unit, colour.filled()))?;
        plot.draw(&Text::new(text, (30 * unit, y - 5 * unit), font.clone()))?;
    }
    Ok(())
}

/// A name that fits the legend: its start and its end.
fn short(name: &str) -> String {
    const START: usize = 22;
    const END: usize = 17;
    if name.is_empty() {
        return "not stated".to_owned();
    }
    let name: Vec<char> = printable(name).chars().collect();
    match name.len().checked_sub(END) {
        Some(end) if end > START + 1 => name[..START].iter().chain(&['…']).chain(&name[end..]).collect(),
        _ => name.into_iter().collect(),
    }
}

/// What the panel comes to, at the lower right.
fn caption<B: DrawingBackend>(plot: &Area<B>, panel: &Panel, unit: i32) -> Drawn<B> {
    use plotters::style::text_anchor::{HPos, Pos, VPos};
    let (width, height) = plot.dim_in_pixel();
    let (below, above) = panel.band;
    let lines = [
        format!("{} rows, median |error| {:.3}", panel.points().count(), panel.median_abs_error),
        "line: predicted = measured".to_owned(),
        format!("grey: 80 % of the rows, ×{below:.2} to ×{above:.2}"),
    ];
    let font = (FONT, 14 * unit).into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
    for (at, text) in (0..).zip(lines.into_iter().rev()) {
        let place = (width as i32 - 14 * unit, height as i32 - (20 + 21 * at) * unit);
        plot.draw(&Text::new(text, place, font.clone()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::judged::Quantity;

    fn judgement(rows: usize) -> Judgement {
        let row = |n: usize| {
            let mut row = Judged::new("1", "a <source> & more", "", "");
            row.score(Quantity::StepS, 1.0 + n as f64, 1.5);
            row.model_flops = 1e14 / (1.0 + n as f64);
            row
        };
        let rows = (0..rows).map(row).collect();
        Judgement { kind: TableKind::Runs, file: "runs.csv".to_owned(), rows, warnings: Vec::new() }
    }

    #[test]
    fn a_tick_is_a_round_number_within_the_axis() {
        assert_eq!(ticks(0.9, 20.0), [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(ticks(2.5, 6.0), [3.0, 4.0, 5.0]);
        assert!(ticks(3.2, 3.8).is_empty());
        let words: Vec<String> = ticks(0.02, 0.3).iter().map(f64::to_string).collect();
        assert_eq!(words, ["0.02", "0.03", "0.04", "0.05", "0.07", "0.1", "0.2", "0.3"]);
    }

    #[test]
    fn both_formats_hold_a_picture() -> Result<(), Fault> {
        for rows in [1, 30] {
            let svg = draw(&[judgement(rows)], |row| &row.source, Format::Svg)?;
            let svg = String::from_utf8_lossy(&svg).into_owned();
            assert!(svg.starts_with("<svg") && svg.contains("&lt;source&gt;") && svg.ends_with("</svg>\n"));
            assert_eq!(svg.matches("<circle").count(), rows + 1);
            let png = draw(&[judgement(rows)], |row| &row.source, Format::Png)?;
            assert!(png.starts_with(b"\x89PNG"));
        }
        Ok(())
    }

    #[test]
    fn a_long_name_keeps_its_start_and_its_end() {
        assert_eq!(short("nvidia-h100-sxm"), "nvidia-h100-sxm");
        let long = short("github:mlcommons/training_results_v4.0@6fe9543 smc-ac-power");
        assert!(long.starts_with("github:mlcommons") && long.ends_with("smc-ac-power") && long.chars().count() == 40);
    }

    #[test]
    fn nothing_scored_is_no_picture() {
        assert!(draw(&[judgement(0)], |row| &row.source, Format::Svg).is_err());
    }
}

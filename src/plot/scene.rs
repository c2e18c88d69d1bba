//! A chart as a scene of shapes, and the scene as SVG or PNG. The fonts of a PNG are kuva's own, so a bare container draws them.

use std::sync::Arc;

use kuva::backend::svg::SvgBackend;
use kuva::plot::legend::{LegendEntry, LegendPosition, LegendShape};
use kuva::plot::scatter::MarkerShape;
use kuva::plot::{LinePlot, ScatterPlot};
use kuva::render::color::Color;
use kuva::render::layout::{AxisLabelOverlap, ComputedLayout, Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Primitive, Scene, TextAnchor, render_multiple};
use kuva::render::theme::Theme;

use crate::library::diagnostic::{Diagnostic, Fault};

use super::axis::Axis;
use super::chart::{Cell, Chart, ColourBar, Entry, Label, Layer, Shape, Side};
use super::palette::{Colour, FAINT, INK, Marker, hex, viridis};
use super::quantity::number;

/// Units of the page.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 780.0;
/// Height of a category, and of what is around them.
const NAME_HEIGHT: f64 = 22.0;
const NAME_ROOM: f64 = 190.0;
/// Pixels for each unit of the page.
const PIXELS: f32 = 2.0;

const GRID: &str = "#e4e4e4";
const TITLE: u32 = 22;
const SUBTITLE: u32 = 14;
const LABEL: u32 = 18;
const TICK: u32 = 16;
const BODY: u32 = 15;
/// Width of a character over the size of its font, about; a little on the wide side.
const CHARACTER: f64 = 0.6;
/// Room of the colour bar with its numbers.
const BAR_ROOM: f64 = 120.0;
const BAR_STEPS: u32 = 128;
const SEAM: f64 = 0.6;
/// Decades, counted from power to power of ten, up to which kuva itself marks 2 and 5.
const OWN_DECADES: f64 = 3.0;
/// Decades of an axis beyond which 2 and 5 have no room.
const ROOMY_DECADES: f64 = 4.5;
const TICK_LENGTH: f64 = 5.0;
const ASCENT: f64 = 0.928;

pub fn svg(chart: &Chart) -> Vec<u8> {
    SvgBackend::new().render_scene(&page(chart)).into_bytes()
}

pub fn png(chart: &Chart) -> Result<Vec<u8>, Fault> {
    let backend = kuva::PngBackend::new().with_scale(PIXELS);
    let broken = |error: String| Fault::work(Diagnostic::error(format!("the picture cannot be drawn: {error}")));
    backend.render_scene(&page(chart)).map_err(broken)
}

fn theme() -> Theme {
    let ink = hex(INK);
    Theme {
        grid_color: GRID.to_owned(),
        axis_color: ink.clone(),
        tick_color: ink.clone(),
        text_color: ink,
        ..Theme::light()
    }
}

/// A dollar would start a formula.
pub fn literal(text: &str) -> String {
    text.replace('$', "\\$")
}

fn page(chart: &Chart) -> Scene {
    let layout = axes(chart, WIDTH, height(chart))
        .with_title(literal(&chart.title))
        .with_subtitle(literal(&chart.subtitle))
        .with_x_label(literal(&chart.x.label))
        .with_y_label(literal(&chart.y.label))
        .with_title_size(TITLE)
        .with_subtitle_size(SUBTITLE)
        .with_label_size(LABEL)
        .with_tick_size(TICK)
        .with_body_size(BODY)
        .with_theme(theme());
    let layout = legend(layout, chart);
    let computed = ComputedLayout::from_layout(&layout);
    let mut scene = render_multiple(chart.layers.iter().flat_map(plots).collect(), layout);
    let lies_behind =
        |layer: &Layer| cells(layer, &computed).into_iter().chain(strokes(layer, &computed)).collect::<Vec<_>>();
    let mut behind: Vec<Primitive> = chart.layers.iter().flat_map(lies_behind).collect();
    let (grid, ticks) = further_ticks(chart, &computed);
    if behind.is_empty() {
        behind = grid;
    }
    lay_behind(&mut scene, behind);
    ticks.into_iter().for_each(|shape| scene.add(shape));
    for layer in &chart.layers {
        match layer {
            Layer::Borders(lines) => {
                lines.iter().for_each(|line| scene.add(stroke(line, (255, 255, 255), 2.0, &computed)));
            }
            Layer::Labels(labels) => place(labels, chart, &computed).into_iter().for_each(|text| scene.add(text)),
            _ => {}
        }
    }
    if let Some(bar) = &chart.bar {
        colour_bar(&mut scene, bar, &computed);
    }
    scene
}

/// A page grows with its categories.
fn height(chart: &Chart) -> f64 {
    HEIGHT.max(NAME_ROOM + NAME_HEIGHT * chart.y.names.len() as f64)
}

/// The empty axes of a chart on a page of a size.
pub fn axes(chart: &Chart, width: f64, height: f64) -> Layout {
    let range = |axis: &Axis| (axis.low, axis.high);
    let format = || TickFormat::Custom(Arc::new(number));
    let mut layout = Layout::new(range(&chart.x), range(&chart.y))
        .with_width(width)
        .with_height(height)
        .with_x_axis_min(chart.x.low)
        .with_x_axis_max(chart.x.high)
        .with_y_axis_min(chart.y.low)
        .with_y_axis_max(chart.y.high)
        .with_x_tick_format(format())
        .with_y_tick_format(format())
        .with_x_label_overlap(AxisLabelOverlap::Thin);
    if chart.x.log {
        layout = layout.with_log_x();
    }
    if chart.y.log {
        layout = layout.with_log_y();
    }
    let names = |axis: &Axis| axis.names.iter().map(|name| literal(name)).collect();
    if !chart.x.names.is_empty() {
        layout = layout.with_x_categories(names(&chart.x)).with_x_tick_rotate(-35.0);
    }
    if !chart.y.names.is_empty() {
        layout = layout.with_y_categories(names(&chart.y));
    }
    layout
}

fn legend(mut layout: Layout, chart: &Chart) -> Layout {
    if chart.bar.is_some() && chart.legend.is_empty() {
        // An empty line keeps the room that the colour bar is drawn in.
        let empty =
            LegendEntry { label: String::new(), color: "none".to_owned(), shape: LegendShape::Rect, dasharray: None };
        return layout.with_legend_entries(vec![empty]).with_legend_width(BAR_ROOM).with_legend_box(false);
    }
    if chart.legend.is_empty() {
        return layout;
    }
    let entries: Vec<LegendEntry> = chart.legend.iter().map(entry).collect();
    if !chart.legend_title.is_empty() {
        layout = layout.with_legend_title(literal(&chart.legend_title));
    }
    let longest = chart.legend.iter().map(|entry| entry.text.chars().count());
    let longest = longest.chain([chart.legend_title.chars().count()]).max().unwrap_or(0);
    let width = CHARACTER * f64::from(BODY) * longest as f64 + 40.0;
    let position =
        if chart.bar.is_some() { LegendPosition::OutsideBottomColumns } else { LegendPosition::OutsideRightTop };
    layout.with_legend_entries(entries).with_legend_position(position).with_legend_width(width).with_legend_box(false)
}

fn entry(entry: &Entry) -> LegendEntry {
    let (colour, shape) = match entry.shape {
        Shape::Marker(sign) => (sign.colour, LegendShape::Marker(shape(sign.marker))),
        Shape::Cell(sign) => (sign.colour, LegendShape::Rect),
        Shape::Line => (INK, LegendShape::Line),
        Shape::Tick => (INK, LegendShape::Rect),
        Shape::Cloud => (FAINT, LegendShape::Circle),
    };
    LegendEntry { label: literal(&entry.text), color: hex(colour), shape, dasharray: None }
}

fn shape(marker: Marker) -> MarkerShape {
    match marker {
        Marker::Circle => MarkerShape::Circle,
        Marker::Square => MarkerShape::Square,
        Marker::Triangle => MarkerShape::Triangle,
        Marker::Diamond => MarkerShape::Diamond,
        Marker::TriangleDown => MarkerShape::TriangleDown,
        Marker::Star => MarkerShape::Star,
        Marker::Pentagon => MarkerShape::Pentagon,
        Marker::Cross => MarkerShape::Cross,
    }
}

/// The layers that kuva has plots for.
fn plots(layer: &Layer) -> Option<Plot> {
    Some(match layer {
        Layer::Cloud(points) => cloud(points),
        Layer::Points { points, sign, size, opacity } => ScatterPlot::new()
            .with_data(points.iter().copied())
            .with_color(hex(sign.colour))
            .with_marker(shape(sign.marker))
            .with_size(*size)
            .with_marker_opacity(*opacity)
            .into(),
        Layer::Shaded { points, size } => ScatterPlot::new()
            .with_data(points.iter().map(|(x, y, _)| (*x, *y)))
            .with_colors(points.iter().map(|(_, _, colour)| hex(*colour)))
            .with_size(*size)
            .with_marker_opacity(0.85)
            .into(),
        Layer::Line(points) => line(points, 2.0),
        // An empty plot: the axes need one.
        Layer::Cells(_) | Layer::Bars(_) => ScatterPlot::new().with_data(Vec::<(f64, f64)>::new()).into(),
        Layer::Strokes { .. } | Layer::Borders(_) | Layer::Labels(_) => return None,
    })
}

pub fn cloud(points: &[(f64, f64)]) -> Plot {
    let plot = ScatterPlot::new().with_data(points.iter().copied()).with_color(hex(FAINT));
    plot.with_size(2.2).with_marker_opacity(0.45).into()
}

pub fn line(points: &[(f64, f64)], width: f64) -> Plot {
    LinePlot::new().with_data(points.iter().copied()).with_color(hex(INK)).with_stroke_width(width).into()
}

fn rgb((red, green, blue): Colour) -> Color {
    Color::Rgb(red, green, blue)
}

/// Shapes go behind the plots, before the grid.
fn lay_behind(scene: &mut Scene, shapes: Vec<Primitive>) {
    let clip = scene.elements.iter().position(|shape| matches!(shape, Primitive::ClipStart { .. }));
    let at = clip.map_or(scene.elements.len(), |clip| clip + 1);
    scene.elements.splice(at..at, shapes);
}

/// The lines of a layer: under the points, over the bars.
fn strokes(layer: &Layer, computed: &ComputedLayout) -> Vec<Primitive> {
    let Layer::Strokes { lines, colour, width, .. } = layer else { return Vec::new() };
    lines.iter().map(|line| stroke(line, *colour, *width, computed)).collect()
}

fn cells(layer: &Layer, computed: &ComputedLayout) -> Option<Primitive> {
    let (Layer::Cells(cells) | Layer::Bars(cells)) = layer else { return None };
    let corner = |cell: &Cell| (computed.map_x(cell.x.0), computed.map_y(cell.y.1));
    let far = |cell: &Cell| (computed.map_x(cell.x.1), computed.map_y(cell.y.0));
    let (right, bottom) = (computed.width - computed.margin_right, computed.height - computed.margin_bottom);
    Some(Primitive::RectBatch {
        x: cells.iter().map(|cell| corner(cell).0).collect(),
        y: cells.iter().map(|cell| corner(cell).1).collect(),
        // A little under the next one, so that no seam shows.
        w: cells.iter().map(|cell| (far(cell).0 - corner(cell).0 + SEAM).min(right - corner(cell).0)).collect(),
        h: cells.iter().map(|cell| (far(cell).1 - corner(cell).1 + SEAM).min(bottom - corner(cell).1)).collect(),
        fills: cells.iter().map(|cell| rgb(cell.colour)).collect(),
    })
}

/// The marks at 2 and 5 between powers of ten, where kuva leaves them out and there is room: grid lines, then ticks.
fn further_ticks(chart: &Chart, computed: &ComputedLayout) -> (Vec<Primitive>, Vec<Primitive>) {
    let (mut grid, mut ticks) = (Vec::new(), Vec::new());
    let (left, right) = (computed.margin_left, computed.width - computed.margin_right);
    let (top, bottom) = (computed.margin_top, computed.height - computed.margin_bottom);
    let line = |(x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: Color| Primitive::Line {
        x1,
        y1,
        x2,
        y2,
        stroke,
        stroke_width: 1.0,
        stroke_dasharray: None,
    };
    let pale = || Color::from(GRID);
    let text = |x: f64, y: f64, value: f64, anchor: TextAnchor| Primitive::Text {
        x,
        y,
        content: number(value),
        size: TICK,
        anchor,
        rotate: None,
        bold: false,
        color: None,
    };
    for value in twos_and_fives(&chart.x) {
        let x = computed.map_x(value);
        grid.push(line((x, top), (x, bottom), pale()));
        ticks.push(line((x, bottom), (x, bottom + TICK_LENGTH), rgb(INK)));
        ticks.push(text(x, bottom + TICK_LENGTH + ASCENT * f64::from(TICK), value, TextAnchor::Middle));
    }
    for value in twos_and_fives(&chart.y) {
        let y = computed.map_y(value);
        grid.push(line((left, y), (right, y), pale()));
        ticks.push(line((left - TICK_LENGTH, y), (left, y), rgb(INK)));
        ticks.push(text(left - TICK_LENGTH - 3.0, y + 0.36 * f64::from(TICK), value, TextAnchor::End));
    }
    (grid, ticks)
}

fn twos_and_fives(axis: &Axis) -> Vec<f64> {
    let (first, last) = (axis.low.log10(), axis.high.log10());
    let decades = last.ceil() - first.floor();
    if !axis.log || decades <= OWN_DECADES || last - first > ROOMY_DECADES {
        return Vec::new();
    }
    let powers = first.floor() as i32..=last.ceil() as i32;
    let marks = powers.flat_map(|power| [2.0, 5.0].map(|digit| digit * 10.0_f64.powi(power)));
    marks.filter(|mark| (axis.low..=axis.high).contains(mark)).collect()
}

fn stroke(line: &[(f64, f64); 2], colour: Colour, width: f64, computed: &ComputedLayout) -> Primitive {
    let [(x1, y1), (x2, y2)] = line.map(|(x, y)| (computed.map_x(x), computed.map_y(y)));
    Primitive::Line { x1, y1, x2, y2, stroke: rgb(colour), stroke_width: width, stroke_dasharray: None }
}

/// A rectangle on the page.
#[derive(Clone, Copy)]
struct Room {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Room {
    fn meets(&self, other: &Room) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    fn within(&self, other: &Room) -> bool {
        self.left >= other.left && self.right <= other.right && self.top >= other.top && self.bottom <= other.bottom
    }
}

/// Labels where they cover neither each other nor the line; one that finds no room is left out.
fn place(labels: &[Label], chart: &Chart, computed: &ComputedLayout) -> Vec<Primitive> {
    let plot = Room {
        left: computed.margin_left,
        right: computed.width - computed.margin_right,
        top: computed.margin_top,
        bottom: computed.height - computed.margin_bottom,
    };
    let size = f64::from(BODY);
    let mut taken: Vec<Room> = chart.layers.iter().flat_map(|layer| occupied(layer, computed)).collect();
    let mut shapes = Vec::new();
    for label in labels {
        let (x, y) = (computed.map_x(label.at.0), computed.map_y(label.at.1));
        let width = CHARACTER * size * label.text.chars().count() as f64;
        let baseline = 0.36 * size;
        let (x, y, anchor) = match label.side {
            Side::Centre => (x, y + baseline, TextAnchor::Middle),
            Side::Right => (x + 8.0, y + baseline, TextAnchor::Start),
            Side::Free => {
                // Left below first: nothing lies beyond a frontier. Then ever farther, then the other corners.
                let spots = [(-1.0, 1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)];
                let far = [10.0, 24.0, 42.0, 64.0];
                let candidates = far.iter().flat_map(|far| spots.map(|(side, down)| (side, down, *far)));
                let mut rooms = candidates.map(|(side, down, far)| {
                    let (edge, middle) = (x + side * far * 0.9, y + down * far);
                    let (left, right) = if side < 0.0 { (edge - width, edge) } else { (edge, edge + width) };
                    Room { left, right, top: middle - 0.6 * size, bottom: middle + 0.6 * size }
                });
                let Some(room) = rooms.find(|room| room.within(&plot) && !taken.iter().any(|other| room.meets(other)))
                else {
                    continue;
                };
                taken.push(room);
                (room.left, 0.5 * (room.top + room.bottom) + baseline, TextAnchor::Start)
            }
        };
        shapes.push(Primitive::Text {
            x,
            y,
            content: literal(&label.text),
            size: BODY,
            anchor,
            rotate: None,
            bold: false,
            color: Some(rgb(label.colour)),
        });
    }
    shapes
}

/// Where lines and markers lie.
fn occupied(layer: &Layer, computed: &ComputedLayout) -> Vec<Room> {
    let spot = |x: f64, y: f64, half: f64| Room { left: x - half, right: x + half, top: y - half, bottom: y + half };
    match layer {
        Layer::Line(points) => points
            .windows(2)
            .map(|pair| {
                let (ax, ay) = (computed.map_x(pair[0].0), computed.map_y(pair[0].1));
                let (bx, by) = (computed.map_x(pair[1].0), computed.map_y(pair[1].1));
                Room {
                    left: ax.min(bx) - 2.0,
                    right: ax.max(bx) + 2.0,
                    top: ay.min(by) - 2.0,
                    bottom: ay.max(by) + 2.0,
                }
            })
            .collect(),
        Layer::Points { points, size, .. } => {
            points.iter().map(|(x, y)| spot(computed.map_x(*x), computed.map_y(*y), *size)).collect()
        }
        _ => Vec::new(),
    }
}

/// Numbers beside a colour bar: round ones, few.
pub fn bar_ticks(axis: &Axis) -> Vec<f64> {
    use kuva::render::render_utils::{generate_ticks, generate_ticks_log};
    let ticks = if axis.log { generate_ticks_log(axis.low, axis.high) } else { generate_ticks(axis.low, axis.high, 6) };
    let within: Vec<f64> = ticks.into_iter().filter(|tick| (0.0..=1.0).contains(&axis.place(*tick))).collect();
    if within.len() < 2 { vec![axis.low, axis.high] } else { within }
}

fn colour_bar(scene: &mut Scene, bar: &ColourBar, computed: &ComputedLayout) {
    let left = computed.width - computed.margin_right + 22.0;
    let (top, bottom) = (computed.margin_top, computed.height - computed.margin_bottom);
    let (width, step) = (20.0, (bottom - top) / f64::from(BAR_STEPS));
    for at in 0..BAR_STEPS {
        let share = (f64::from(at) + 0.5) / f64::from(BAR_STEPS);
        scene.add(Primitive::Rect {
            x: left,
            y: bottom - step * f64::from(at + 1),
            width,
            // A little over the next one, so that no seam shows.
            height: step + 0.5,
            fill: rgb(viridis(share)),
            stroke: None,
            stroke_width: None,
            opacity: None,
        });
    }
    let text = |x: f64, y: f64, content: String, size: u32, anchor: TextAnchor, rotate: Option<f64>| Primitive::Text {
        x,
        y,
        content,
        size,
        anchor,
        rotate,
        bold: false,
        color: Some(rgb(INK)),
    };
    for tick in bar_ticks(&bar.axis) {
        let y = bottom - (bottom - top) * bar.axis.place(tick);
        let (x1, x2) = (left + width, left + width + 5.0);
        scene.add(Primitive::Line {
            x1,
            y1: y,
            x2,
            y2: y,
            stroke: rgb(INK),
            stroke_width: 1.0,
            stroke_dasharray: None,
        });
        scene.add(text(x2 + 4.0, y + 0.36 * f64::from(TICK), number(tick), TICK, TextAnchor::Start, None));
    }
    let (x, y) = (computed.width - 12.0, 0.5 * (top + bottom));
    scene.add(text(x, y, literal(&bar.axis.label), LABEL, TextAnchor::Middle, Some(-90.0)));
}

//! A chart as text: braille for the cloud, a letter for every category, so that it reads without colours too.

use kuva::TerminalBackend;
use kuva::plot::ScatterPlot;
use kuva::render::layout::ComputedLayout;
use kuva::render::render::{Primitive, Scene, TextAnchor, render_multiple};
use kuva::render::theme::Theme;

use super::chart::{Cell, Chart, Entry, Layer, Shape, Side};
use super::palette::{Colour, FAINT, INK, hex, shade, viridis};
use super::quantity::number;
use super::scene::{axes, bar_ticks, cloud, line, literal};

/// Units of the scene that a character takes: the width is that of a tick's digit.
const ACROSS: f64 = 8.0;
const DOWN: f64 = 16.0;
const TICK: u32 = 12;
/// Rows of a picture; bars and names may ask for more.
const ROWS: (usize, usize) = (18, 30);
/// Colour of what takes the terminal's own.
const OWN: Colour = (1, 2, 3);
/// Coloured letters pass through the scene as characters for private use.
const PRIVATE: u32 = 0xE000;
/// Characters of the numbers at the left, and of those beyond a bar.
const LEFT: usize = 10;
const RIGHT: usize = 10;
/// Characters of a name at the left, over those of the page.
const NAME_SHARE: usize = 3;
/// Spaces before lines of words.
const INDENT: &str = "  ";

/// Letters with their colours, each under a character of its own.
#[derive(Default)]
struct Letters {
    known: Vec<(char, Colour)>,
}

impl Letters {
    fn stand_in(&mut self, letter: char, colour: Colour) -> char {
        let at = self.known.iter().position(|known| *known == (letter, colour)).unwrap_or_else(|| {
            self.known.push((letter, colour));
            self.known.len() - 1
        });
        u32::try_from(at).ok().and_then(|at| char::from_u32(PRIVATE + at)).unwrap_or(letter)
    }

    /// The letter of a stand-in.
    fn letter(&self, character: char) -> Option<(char, Colour)> {
        let at = (character as u32).checked_sub(PRIVATE)? as usize;
        self.known.get(at).copied()
    }
}

/// The picture in so many columns, with colours; print it through `anstream`, which takes them off elsewhere.
pub fn text(chart: &Chart, columns: usize) -> String {
    let bold = anstyle::Style::new().bold();
    let faint = anstyle::Style::new().dimmed();
    let mut page = format!("{INDENT}{bold}{}{bold:#}\n{INDENT}{faint}{}{faint:#}\n", chart.title, chart.subtitle);
    if !chart.y.label.is_empty() {
        page += &format!("\n{INDENT}{}\n", chart.y.label);
    }
    page += &picture(chart, columns);
    page += &format!("{:>1$}\n", chart.x.label, (columns + LEFT + chart.x.label.chars().count()) / 2);
    page += &legend(chart, columns);
    page
}

fn coloured(letter: char, (red, green, blue): Colour) -> String {
    format!("\x1b[38;2;{red};{green};{blue}m{letter}\x1b[39m")
}

fn picture(chart: &Chart, columns: usize) -> String {
    let mut chart = chart.clone();
    chart.y.names.iter_mut().for_each(|name| *name = shortened(name, columns / NAME_SHARE));
    let chart = &chart;
    let wanted = (2 * columns / 7).clamp(ROWS.0, ROWS.1);
    let rows = if chart.y.names.is_empty() { wanted } else { (2 * chart.y.names.len() + 4).max(8) };
    let own = hex(OWN);
    let theme =
        Theme { axis_color: own.clone(), tick_color: own.clone(), text_color: own, show_grid: false, ..Theme::light() };
    let name = chart.y.names.iter().map(|name| name.chars().count()).max();
    let left = name.map_or(LEFT, |longest| longest + 3);
    let layout = axes(chart, columns as f64 * ACROSS, rows as f64 * DOWN)
        .with_tick_size(TICK)
        .with_ticks(6)
        .with_theme(theme)
        .with_force_margins(left as f64 * ACROSS, if name.is_some() { RIGHT } else { 2 } as f64 * ACROSS);
    let computed = ComputedLayout::from_layout(&layout);
    let mut plots = vec![ScatterPlot::new().with_data(Vec::<(f64, f64)>::new()).into()];
    plots.extend(chart.layers.iter().filter_map(|layer| match layer {
        Layer::Cloud(points) => Some(cloud(points)),
        Layer::Line(points) => Some(line(points, 1.0)),
        _ => None,
    }));
    let mut scene = render_multiple(plots, layout);
    let mut letters = Letters::default();
    for layer in &chart.layers {
        draw(layer, &computed, &mut scene, &mut letters, (columns, rows));
    }
    scene.background_color = None;
    let drawn = TerminalBackend::new(columns, rows).render_scene(&scene);
    let (red, green, blue) = OWN;
    let drawn = drawn.replace(&format!("\x1b[38;2;{red};{green};{blue}m"), "\x1b[39m");
    let mut text = String::with_capacity(drawn.len());
    for character in drawn.chars() {
        match letters.letter(character) {
            Some((letter, colour)) => text += &coloured(letter, colour),
            None => text.push(character),
        }
    }
    // Blank rows above and below belong to titles that stand outside.
    let lines: Vec<&str> = text.lines().collect();
    let inked = |line: &&str| anstream::adapter::strip_str(line).to_string().chars().any(|c| !c.is_whitespace());
    let first = lines.iter().position(inked).unwrap_or(0);
    let last = lines.iter().rposition(inked).map_or(0, |last| last + 1);
    let mut page = String::new();
    for line in lines.get(first..last).unwrap_or_default() {
        page += line;
        page.push('\n');
    }
    page
}

/// A name of so many characters at most: its start and its end.
fn shortened(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.to_owned();
    }
    let end = most / 2;
    let start = most.saturating_sub(end + 1);
    letters[..start].iter().chain(&['…']).chain(&letters[letters.len() - end..]).collect()
}

fn letter_at(x: f64, y: f64, content: String, scene: &mut Scene) {
    let text = Primitive::Text {
        x,
        // The backend takes the baseline off again.
        y: y + 0.36 * f64::from(TICK),
        content,
        size: TICK,
        anchor: TextAnchor::Start,
        rotate: None,
        bold: false,
        color: None,
    };
    scene.add(text);
}

/// The layers that stand as characters.
fn draw(layer: &Layer, computed: &ComputedLayout, scene: &mut Scene, letters: &mut Letters, page: (usize, usize)) {
    match layer {
        Layer::Points { points, sign, .. } => {
            for (x, y) in points {
                let letter = letters.stand_in(sign.letter, sign.colour).to_string();
                letter_at(computed.map_x(*x), computed.map_y(*y), letter, scene);
            }
        }
        Layer::Shaded { points, .. } => {
            for (x, y, colour) in points {
                let letter = letters.stand_in('●', *colour).to_string();
                letter_at(computed.map_x(*x), computed.map_y(*y), letter, scene);
            }
        }
        Layer::Cells(cells) => fill(cells, false, computed, scene, letters, page),
        Layer::Bars(cells) => fill(cells, true, computed, scene, letters, page),
        Layer::Labels(labels) => {
            for label in labels.iter().filter(|label| label.side == Side::Right) {
                let (x, y) = (computed.map_x(label.at.0) + 1.5 * ACROSS, computed.map_y(label.at.1));
                letter_at(x, y, literal(&label.text), scene);
            }
        }
        Layer::Strokes { lines, colour, letter, .. } if *letter != ' ' => {
            for line in lines {
                let stand_in = letters.stand_in(*letter, *colour);
                strike(line.map(|(x, y)| (computed.map_x(x), computed.map_y(y))), stand_in, scene);
            }
        }
        Layer::Strokes { .. } | Layer::Cloud(_) | Layer::Line(_) | Layer::Borders(_) => {}
    }
}

/// The characters of a line: in the column of an upright one, else in the row.
fn strike([(x1, y1), (x2, y2)]: [(f64, f64); 2], letter: char, scene: &mut Scene) {
    let (first, last) = ((y1.min(y2) / DOWN) as usize, (y1.max(y2) / DOWN) as usize);
    let middle = 0.5 * (y1 + y2);
    if (y1 - y2).abs() > 2.0 * DOWN {
        (first..=last).for_each(|row| letter_at(x1, (row as f64 + 0.5) * DOWN, letter.to_string(), scene));
        return;
    }
    let (left, right) = ((x1.min(x2) / ACROSS) as usize, (x1.max(x2) / ACROSS) as usize);
    let text: String = (left..=right).map(|_| letter).collect();
    letter_at(x1.min(x2), middle, text, scene);
}

/// Every character whose middle lies in a cell takes its letter.
fn fill(
    cells: &[Cell],
    bars: bool,
    computed: &ComputedLayout,
    scene: &mut Scene,
    letters: &mut Letters,
    (columns, rows): (usize, usize),
) {
    for cell in cells {
        let stand_in = letters.stand_in(cell.letter, cell.colour);
        let (left, right) = (computed.map_x(cell.x.0) / ACROSS, computed.map_x(cell.x.1) / ACROSS);
        let (top, bottom) = (computed.map_y(cell.y.1) / DOWN, computed.map_y(cell.y.0) / DOWN);
        let middles = |from: f64, to: f64, most: usize| {
            let first = (from - 0.5).ceil().max(0.0) as usize;
            let last = ((to - 0.5).ceil().max(0.0) as usize).min(most);
            first..last
        };
        let across = middles(left, right, columns);
        let text: String = across.clone().map(|_| stand_in).collect();
        // A bar is one row, whatever its thickness.
        let down = if bars {
            (0.5 * (top + bottom)) as usize..(0.5 * (top + bottom)) as usize + 1
        } else {
            middles(top, bottom, rows)
        };
        for row in down.filter(|_| !text.is_empty()) {
            letter_at((across.start as f64 + 0.5) * ACROSS, (row as f64 + 0.5) * DOWN, text.clone(), scene);
        }
    }
}

/// What the letters and colours stand for, as many to a line as it holds.
fn legend(chart: &Chart, columns: usize) -> String {
    let mut page = String::new();
    if let Some(bar) = &chart.bar {
        let scale: String =
            (0..30).map(|at| f64::from(at) / 29.0).map(|share| coloured(shade(share), viridis(share))).collect();
        let ticks = bar_ticks(&bar.axis);
        let ends = (ticks.first().copied().unwrap_or(bar.axis.low), ticks.last().copied().unwrap_or(bar.axis.high));
        page += &format!("{INDENT}{}: {} {scale} {}\n", bar.axis.label, number(ends.0), number(ends.1));
    }
    let mut used = columns;
    for Entry { text, shape } in &chart.legend {
        let sign = match shape {
            Shape::Marker(sign) | Shape::Cell(sign) => coloured(sign.letter, sign.colour),
            Shape::Line => coloured('─', INK),
            Shape::Tick => coloured('┃', INK),
            Shape::Cloud => coloured('⠿', FAINT),
        };
        let width = text.chars().count() + 5;
        if used + width > columns {
            page += if page.is_empty() { "" } else { "\n" };
            page += INDENT;
            used = INDENT.len();
        }
        page += &format!("{sign} {text}   ");
        used += width;
    }
    let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

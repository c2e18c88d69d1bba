//! The frontier: rows that no other beats on both axes, as a stepped line before the cloud of all rows.

use crate::library::diagnostic::Fault;

use super::Request;
use super::chart::{Chart, ColourBar, Entry, Label, Layer, Shape, Side};
use super::cloud::thinned;
use super::palette::{INK, viridis};
use super::rows::{Content, Figure, Rows, count};

/// Labels beside the line.
const LABELS: usize = 14;
/// Rows from which on their markers are small.
const CROWD: usize = 60;

/// Rows that no other beats, from the best of `x` to the best of `y`; of equal rows the first.
pub fn frontier(x: &Figure, y: &Figure) -> Vec<usize> {
    let sense = |figure: &Figure| if figure.quantity.more_is_better { -1.0 } else { 1.0 };
    let (sx, sy) = (sense(x), sense(y));
    let mut order: Vec<usize> =
        (0..x.values.len()).filter(|&row| x.values[row].is_finite() && y.values[row].is_finite()).collect();
    order.sort_by(|&a, &b| {
        let by_x = (sx * x.values[a]).total_cmp(&(sx * x.values[b]));
        by_x.then((sy * y.values[a]).total_cmp(&(sy * y.values[b]))).then(a.cmp(&b))
    });
    let mut best = f64::INFINITY;
    order.retain(|&row| {
        let value = sy * y.values[row];
        let kept = value < best;
        best = best.min(value);
        kept
    });
    order
}

/// The border of what the frontier's rows reach.
fn steps(corners: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut line = Vec::with_capacity(2 * corners.len());
    for (at, &(x, y)) in corners.iter().enumerate() {
        if let Some(&(_, before)) = at.checked_sub(1).and_then(|before| corners.get(before)) {
            line.push((x, before));
        }
        line.push((x, y));
    }
    line
}

pub fn chart(rows: &Rows, request: &Request) -> Result<Chart, Fault> {
    let (x_name, y_name) = (request.x.as_deref().unwrap_or("wall_s"), request.y.as_deref().unwrap_or("cost_usd"));
    let (x, y) = (rows.figure(x_name)?, rows.figure(y_name)?);
    let x_axis = rows.axis(x_name, &x, request.log.x(), false)?;
    let y_axis = rows.axis(y_name, &y, request.log.y(), false)?;
    let best = frontier(&x, &y);
    if best.is_empty() {
        return Err(rows.disjoint(x_name, y_name));
    }
    let all: Vec<(f64, f64)> = super::finite(&x.values, &y.values).collect();
    let kept = thinned(&all, &x_axis, &y_axis);
    let cloud: Vec<(f64, f64)> = kept.iter().map(|&at| all[at]).collect();
    let corners: Vec<(f64, f64)> = best.iter().map(|&row| (x.values[row], y.values[row])).collect();

    let size = if best.len() > CROWD { 3.5 } else { 6.0 };
    let mut layers = vec![Layer::Cloud(cloud), Layer::Line(steps(&corners))];
    let mut legend = Vec::new();
    let mut bar = None;
    let mut legend_title = String::new();
    let column = request.color.as_deref().or_else(|| rows.identity());
    match column.map(|name| rows.content(name)).transpose()? {
        None => {
            layers.push(Layer::Points { points: corners.clone(), sign: super::palette::of(0), size, opacity: 1.0 });
        }
        Some(Content::Numbers(_)) => {
            let name = column.unwrap_or_default();
            let figure = rows.figure(name)?;
            let colours = ColourBar { axis: rows.axis(name, &figure, None, true)? };
            let shaded =
                best.iter().map(|&row| (x.values[row], y.values[row], viridis(colours.share(figure.values[row]))));
            layers.push(Layer::Shaded { points: shaded.collect(), size });
            bar = Some(colours);
        }
        Some(Content::Texts(texts)) => {
            let mut on = vec![0.0; rows.len()];
            best.iter().for_each(|&row| on[row] = 1.0);
            let categories = rows.categories(texts, |row| on[row]);
            legend_title = column.unwrap_or_default().replace('_', " ");
            for (rank, name) in categories.names.iter().enumerate() {
                let mine = best.iter().filter(|&&row| categories.of_row[row] == rank);
                let points: Vec<(f64, f64)> = mine.map(|&row| (x.values[row], y.values[row])).collect();
                let sign = categories.sign(rank);
                legend.push(Entry { text: name.clone(), shape: Shape::Marker(sign) });
                layers.push(Layer::Points { points, sign, size, opacity: 1.0 });
            }
            layers.push(Layer::Labels(labels(rows, &best, &corners, texts)));
        }
    }
    legend.push(Entry { text: format!("frontier, {} designs", count(best.len())), shape: Shape::Line });
    legend.push(Entry { text: format!("all {} designs", count(all.len())), shape: Shape::Cloud });
    let mut notes = vec![format!("{} of {} designs are on the frontier", count(best.len()), count(all.len()))];
    notes.extend(super::skipped(rows.len() - all.len()));
    notes.extend(super::thinning(kept.len(), all.len()));
    Ok(Chart {
        title: format!("{}: {} against {}", rows.subject(), y.quantity.name, x.quantity.name),
        subtitle: notes.join(" · "),
        x: x_axis,
        y: y_axis,
        layers,
        legend_title,
        legend,
        bar,
    })
}

/// Who starts a stretch of the line, with its number of chips.
fn labels(rows: &Rows, best: &[usize], corners: &[(f64, f64)], texts: &[String]) -> Vec<Label> {
    let starts: Vec<usize> = (0..best.len()).filter(|&at| at == 0 || texts[best[at]] != texts[best[at - 1]]).collect();
    let every = starts.len().div_ceil(LABELS).max(1);
    let chips = rows.table.numbers("chips");
    let label = |&at: &usize| {
        let name = super::rows::shown(&texts[best[at]]);
        let text = match chips.map(|chips| chips[best[at]]) {
            Some(chips) if chips.is_finite() => format!("{name} ×{}", super::quantity::number(chips)),
            _ => name,
        };
        Label { at: corners[at], text, colour: INK, side: Side::Free }
    };
    starts.iter().step_by(every).map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::quantity::Quantity;

    fn figure(name: &str, values: &[f64]) -> Figure {
        Figure { quantity: Quantity::of(name, "", 1.0), values: values.to_vec(), bounds: (0.0, 1.0) }
    }

    #[test]
    fn the_frontier_holds_exactly_what_no_row_beats() {
        let x = figure("wall_s", &[1.0, 2.0, 2.0, 3.0, 4.0, f64::NAN, 1.0]);
        let y = figure("cost_usd", &[9.0, 5.0, 6.0, 5.0, 1.0, 0.0, 9.0]);
        assert_eq!(frontier(&x, &y), [0, 1, 4]);
    }

    #[test]
    fn throughput_is_better_when_it_is_large() {
        let x = figure("tokens_per_s", &[1.0, 2.0, 3.0]);
        let y = figure("cost_usd", &[1.0, 3.0, 2.0]);
        assert_eq!(frontier(&x, &y), [2, 0]);
    }

    #[test]
    fn the_line_steps_from_corner_to_corner() {
        assert_eq!(steps(&[(1.0, 9.0), (2.0, 5.0)]), [(1.0, 9.0), (2.0, 9.0), (2.0, 5.0)]);
    }
}

//! Any two columns against each other, coloured by a third.

use crate::library::diagnostic::Fault;

use super::Request;
use super::chart::{Chart, ColourBar, Entry, Layer, Shape};
use super::cloud::thinned;
use super::palette::viridis;
use super::rows::{Content, Rows, count};

pub fn chart(rows: &Rows, request: &Request) -> Result<Chart, Fault> {
    let (x_name, y_name) = (request.x.as_deref().unwrap_or("wall_s"), request.y.as_deref().unwrap_or("cost_usd"));
    let (x, y) = (rows.figure(x_name)?, rows.figure(y_name)?);
    let x_axis = rows.axis(x_name, &x, request.log.x(), false)?;
    let y_axis = rows.axis(y_name, &y, request.log.y(), false)?;
    let present: Vec<usize> =
        (0..rows.len()).filter(|&row| x.values[row].is_finite() && y.values[row].is_finite()).collect();
    if present.is_empty() {
        return Err(rows.disjoint(x_name, y_name));
    }
    let point = |row: usize| (x.values[row], y.values[row]);
    let mut layers = Vec::new();
    let mut legend = Vec::new();
    let mut bar = None;
    let mut drawn = 0;
    let column = request.color.as_deref().or_else(|| rows.identity());
    let groups: Vec<Vec<usize>>;
    match column.map(|name| rows.content(name)).transpose()? {
        Some(Content::Numbers(_)) => {
            let name = column.unwrap_or_default();
            let figure = rows.figure(name)?;
            let colours = ColourBar { axis: rows.axis(name, &figure, None, true)? };
            let coloured: Vec<usize> = present.iter().copied().filter(|&row| figure.values[row].is_finite()).collect();
            let all: Vec<(f64, f64)> = coloured.iter().map(|&row| point(row)).collect();
            let kept = thinned(&all, &x_axis, &y_axis);
            let shaded =
                kept.iter().map(|&at| (all[at].0, all[at].1, viridis(colours.share(figure.values[coloured[at]]))));
            drawn += kept.len();
            layers.push(Layer::Shaded { points: shaded.collect(), size: 4.0 });
            bar = Some(colours);
            groups = vec![coloured];
        }
        Some(Content::Texts(texts)) => {
            let mut weights = vec![0.0; rows.len()];
            present.iter().for_each(|&row| weights[row] = 1.0);
            let categories = rows.categories(texts, |row| weights[row]);
            groups = (0..categories.names.len())
                .map(|rank| present.iter().copied().filter(|&row| categories.of_row[row] == rank).collect())
                .collect();
            for (rank, group) in groups.iter().enumerate() {
                let sign = categories.sign(rank);
                let all: Vec<(f64, f64)> = group.iter().map(|&row| point(row)).collect();
                let kept = thinned(&all, &x_axis, &y_axis);
                drawn += kept.len();
                let points = kept.into_iter().map(|at| all[at]).collect();
                layers.push(Layer::Points { points, sign, size: 4.0, opacity: 0.7 });
                let text = format!("{} ({})", categories.names[rank], count(group.len()));
                legend.push(Entry { text, shape: Shape::Marker(sign) });
            }
            // The fewest in front.
            layers.sort_by_key(|layer| match layer {
                Layer::Points { points, .. } => std::cmp::Reverse(points.len()),
                _ => std::cmp::Reverse(0),
            });
        }
        None => {
            let all: Vec<(f64, f64)> = present.iter().map(|&row| point(row)).collect();
            let points: Vec<(f64, f64)> = thinned(&all, &x_axis, &y_axis).into_iter().map(|at| all[at]).collect();
            drawn += points.len();
            layers.push(Layer::Points { points, sign: super::palette::of(0), size: 4.0, opacity: 0.7 });
            groups = vec![present];
        }
    }
    let shown: usize = groups.iter().map(Vec::len).sum();
    let mut notes = vec![format!("{} designs", count(shown))];
    notes.extend(super::skipped(rows.len() - shown));
    notes.extend(super::thinning(drawn, shown));
    Ok(Chart {
        title: format!("{}: {} against {}", rows.subject(), y.quantity.name, x.quantity.name),
        subtitle: notes.join(" · "),
        x: x_axis,
        y: y_axis,
        layers,
        legend_title: if bar.is_some() { String::new() } else { column.unwrap_or_default().replace('_', " ") },
        legend,
        bar,
    })
}

//! The spread from residuals: shifts, standard deviations by component, skews.
//!
//! Rows of one source are not independent, so sources are what counts: a component's variance is the mean over the
//! sources that are exposed to it of their rows' mean square share, together with a prior that weighs as much as
//! `PRIOR_SOURCES` sources, since one to three sources alone cannot tell. The share of a row's square that belongs to a
//! component is its expectation given the sum (one step of expectation maximisation, repeated).
//!
//! Skews are quantiles of the standardised residuals of left-out sources: each source is standardised by what was
//! learnt without it, so that the width also covers what a new source brings.

use super::exposure::{Component, Exposure, Variances, variances};
use super::spread::{Spread, Z};
use crate::validate::judged::{Judged, Quantity, Status};
use crate::validate::score::quantile;

/// How many sources a prior weighs as much as.
const PRIOR_SOURCES: f64 = 4.0;
/// The same for a shift or a skew, of which nothing is known beforehand but that there is none.
const NEUTRAL_SOURCES: f64 = 1.0;
/// Residuals beyond so many standard deviations count as this many: one bad row does not widen every band.
const MOST_SDS: f64 = 3.0;
/// With fewer sources, what each says of the others is chance.
const FEW_SOURCES: usize = 8;
/// A side is never narrower than this share of a normal one, even where every residual lies on the other.
const LEAST_SKEW: f64 = 0.25;
/// Steps of expectation maximisation; the variances settle within ten.
const STEPS: usize = 25;
/// Components that residuals tell apart. [`Component::Stack`] stands for itself and [`Component::Run`] until they are split.
const LEARNT: [Component; 7] = [
    Component::Stack,
    Component::Gemm,
    Component::Chip,
    Component::MixtureOfExperts,
    Component::Narrow,
    Component::Adapters,
    Component::Searched,
];

/// Quantities that have a spread of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Times and rates under a stated plan.
    Stated,
    /// Times and rates under a plan that the program chose.
    Searched,
    Power,
    Memory,
}

impl Class {
    pub const ALL: [Class; 4] = [Class::Stated, Class::Searched, Class::Power, Class::Memory];

    pub fn word(self) -> &'static str {
        match self {
            Class::Stated => "stated plan",
            Class::Searched => "chosen plan",
            Class::Power => "node power",
            Class::Memory => "peak memory",
        }
    }

    /// The class of a row; energy is time and power together and has none of its own.
    pub fn of(row: &Judged) -> Option<Class> {
        match row.quantity? {
            Quantity::NodeW => Some(Class::Power),
            Quantity::PeakMemoryGib => Some(Class::Memory),
            Quantity::EnergyMwh => None,
            _ if row.plan_stated => Some(Class::Stated),
            _ => Some(Class::Searched),
        }
    }

    fn is_time(self) -> bool {
        matches!(self, Class::Stated | Class::Searched)
    }
}

/// ln(measured / estimated) of a row, in the sense of time, power or memory.
#[derive(Clone, Copy, Debug)]
struct Residual<'a> {
    source: &'a str,
    chip: &'a str,
    class: Class,
    exposure: Exposure,
    value: f64,
}

/// The spread of rows whose constants were fitted without their source.
pub fn calibrate<'a>(rows: impl IntoIterator<Item = &'a Judged>) -> Spread {
    let mut residuals: Vec<Residual> = rows.into_iter().filter_map(residual).collect();
    residuals.sort_by_key(|r| r.source);
    let mut spread = learn(&exposed(&residuals, &residuals));
    let mut left_out = Vec::new();
    for own in sources(&residuals) {
        let belongs = |r: &&Residual| own.first().is_some_and(|first| first.source == r.source);
        let others: Vec<Residual> = residuals.iter().filter(|r| !belongs(r)).copied().collect();
        let learnt = learn(&exposed(&others, &others));
        left_out.extend(exposed(own, &others).iter().map(|r| (*r, standardised(r, &learnt))));
    }
    for class in Class::ALL {
        let (below, above) = skews(&left_out, class);
        let (low, high) = match class {
            Class::Stated => ("stated_fast", "stated_slow"),
            Class::Searched => ("searched_fast", "searched_slow"),
            Class::Power => ("power_less", "power_more"),
            Class::Memory => ("memory_less", "memory_more"),
        };
        spread.set(low, below);
        spread.set(high, above);
    }
    spread
}

fn residual(row: &Judged) -> Option<Residual<'_>> {
    let exposure = row.exposure?;
    // An error already holds the shift that the row's prediction was given.
    let value = row.shift - row.error;
    (row.status == Status::Scored && value.is_finite()).then_some(())?;
    Some(Residual { source: &row.source, chip: &row.chip, class: Class::of(row)?, exposure, value })
}

/// The residuals of each source; they are sorted by source.
fn sources<'r, 'a>(residuals: &'r [Residual<'a>]) -> impl Iterator<Item = &'r [Residual<'a>]> {
    residuals.chunk_by(|a, b| a.source == b.source)
}

/// Residuals with the exposure that they have where only `known` was measured: a chip of no other source is new.
fn exposed<'a>(residuals: &[Residual<'a>], known: &[Residual<'a>]) -> Vec<Residual<'a>> {
    let mut runs: Vec<(&str, &str)> = known.iter().filter(|r| r.class.is_time()).map(|r| (r.chip, r.source)).collect();
    runs.sort_unstable();
    runs.dedup();
    let is_new = |r: &Residual| !runs.iter().any(|(chip, source)| *chip == r.chip && *source != r.source);
    let with = |r: &Residual<'a>| {
        let weight = if is_new(r) { 1.0 } else { 0.0 };
        Residual { exposure: r.exposure.with(Component::Chip, weight), ..*r }
    };
    residuals.iter().map(with).collect()
}

/// Shifts and standard deviations; skews stay neutral.
fn learn(residuals: &[Residual]) -> Spread {
    let mut spread = Spread::prior();
    let times: Vec<Residual> = residuals.iter().filter(|r| r.class.is_time()).copied().collect();
    spread.searched_shift = shift(&times, |r| r.class == Class::Searched && !r.exposure.has(Component::Adapters), 0.0);
    spread.adapters_shift =
        shift(&times, |r| r.class == Class::Searched && r.exposure.has(Component::Adapters), spread.searched_shift);
    let base = spread.stack.hypot(spread.run);
    let mut learner = spread;
    (learner.stack, learner.run) = (base, 0.0);
    for _ in 0..STEPS {
        let before = variances(&learner);
        // What a row's deviation says of its whole variance, which the components then share.
        let surprises: Vec<Surprise> = times.iter().map(|r| Surprise::of(r, &before, &spread)).collect();
        for component in LEARNT {
            let prior = if component == Component::Stack { base } else { component.sd(&spread) };
            learner.set(component.key(), sd(&surprises, component, prior, &before));
        }
    }
    let run = within(&times, &learner, spread.run).min(0.9 * learner.stack);
    (learner.stack, learner.run) = ((learner.stack.powi(2) - run * run).sqrt(), run);
    for class in [Class::Power, Class::Memory] {
        let (key, prior) = if class == Class::Power { ("power", spread.power) } else { ("memory", spread.memory) };
        learner.set(key, sd_of_class(residuals, class, prior));
    }
    learner
}

/// Mean over sources of the mean over those of their rows that tell something, together with the prior.
fn pooled<T>(rows: &[T], source: impl Fn(&T) -> &str, prior: f64, of: impl Fn(&T) -> Option<f64>) -> f64 {
    let (mut sum, mut count) = (PRIOR_SOURCES * prior, PRIOR_SOURCES);
    for own in rows.chunk_by(|a, b| source(a) == source(b)) {
        let (total, told) = own.iter().filter_map(&of).fold((0.0, 0.0), |(total, told), x| (total + x, told + 1.0));
        if told > 0.0 {
            sum += total / told;
            count += 1.0;
        }
    }
    sum / count
}

/// The variance that a row was thought to have, and its squared deviation.
struct Surprise<'a> {
    source: &'a str,
    exposure: Exposure,
    total: f64,
    square: f64,
}

impl<'a> Surprise<'a> {
    fn of(r: &Residual<'a>, before: &Variances, shifts: &Spread) -> Surprise<'a> {
        let total = r.exposure.variance(before);
        let square = deviation(r, shifts).powi(2).min(MOST_SDS.powi(2) * total);
        Surprise { source: r.source, exposure: r.exposure, total, square }
    }
}

/// Standard deviation of a component, given the variances of a step before.
fn sd(surprises: &[Surprise], component: Component, prior: f64, before: &Variances) -> f64 {
    let own = before[component as usize];
    let share = |s: &Surprise| {
        let exposed = s.exposure.has(component);
        exposed.then(|| own + (own / s.total).powi(2) * (s.square - s.total))
    };
    pooled(surprises, |s| s.source, prior * prior, share).sqrt()
}

/// Standard deviation between rows of one source, about its median.
fn within(residuals: &[Residual], spread: &Spread, prior: f64) -> f64 {
    let mut medians: Vec<(&str, Class, f64)> = Vec::new();
    for source in sources(residuals) {
        for class in [Class::Stated, Class::Searched] {
            let own = source.iter().filter(|r| r.class == class);
            let mut values: Vec<f64> = own.map(|r| deviation(r, spread)).collect();
            // One row is its own median and tells nothing.
            if let (Some(first), true) = (source.first(), values.len() > 1) {
                medians.push((first.source, class, quantile(&mut values, 0.5)));
            }
        }
    }
    let about =
        |r: &Residual| medians.iter().find(|(source, class, _)| *source == r.source && *class == r.class).map(|m| m.2);
    let most = MOST_SDS * prior;
    let square = |r: &Residual| Some((deviation(r, spread) - about(r)?).clamp(-most, most).powi(2));
    pooled(residuals, |r| r.source, prior * prior, square).sqrt()
}

fn sd_of_class(residuals: &[Residual], class: Class, prior: f64) -> f64 {
    let most = MOST_SDS * prior;
    let square = |r: &Residual| (r.class == class).then(|| r.value.clamp(-most, most).powi(2));
    pooled(residuals, |r| r.source, prior * prior, square).sqrt()
}

/// Median over sources of a residual, drawn towards none, beyond what is already shifted.
fn shift(residuals: &[Residual], belongs: impl Fn(&Residual) -> bool, already: f64) -> f64 {
    let mut medians = Vec::new();
    for source in sources(residuals) {
        let own = source.iter().filter(|r| belongs(r));
        let mut values: Vec<f64> = own.map(|r| r.value - already).collect();
        if !values.is_empty() {
            medians.push(quantile(&mut values, 0.5));
        }
    }
    let count = medians.len() as f64;
    if count == 0.0 { 0.0 } else { quantile(&mut medians, 0.5) * count / (count + NEUTRAL_SOURCES) }
}

/// A residual about its centre.
fn deviation(r: &Residual, spread: &Spread) -> f64 {
    if r.class.is_time() { r.value - r.exposure.shift(spread) } else { r.value }
}

fn standardised(r: &Residual, spread: &Spread) -> f64 {
    let sd = match r.class {
        Class::Power => spread.power,
        Class::Memory => spread.memory,
        _ => r.exposure.sd(spread),
    };
    deviation(r, spread) / sd
}

/// Distance of the band's edges from the centre, over that of the 10 % and 90 % quantiles of a normal distribution.
///
/// Coverage is asked for by rows and by sources, so a row has half a vote as one of the rows, and its source shares the
/// other half among its own.
fn skews(left_out: &[(Residual, f64)], class: Class) -> (f64, f64) {
    let own: Vec<&(Residual, f64)> = left_out.iter().filter(|(r, _)| r.class == class).collect();
    let sources = own.chunk_by(|a, b| a.0.source == b.0.source);
    let count = sources.clone().count() as f64;
    let mut votes = Vec::with_capacity(own.len());
    for (at, source) in sources.enumerate() {
        let weight = 0.5 / own.len() as f64 + 0.5 / (count * source.len() as f64);
        votes.extend(source.iter().map(|(_, z)| Vote { source: at, z: *z, weight }));
    }
    let skew = |edge: f64| {
        let edge = (edge / Z).max(LEAST_SKEW);
        (count * edge + NEUTRAL_SOURCES) / (count + NEUTRAL_SOURCES)
    };
    let above = edge(&votes).map_or(1.0, skew);
    votes.iter_mut().for_each(|vote| vote.z = -vote.z);
    let below = edge(&votes).map_or(1.0, skew);
    (below, above)
}

/// A standardised residual of a source.
#[derive(Clone, Copy, Debug)]
struct Vote {
    source: usize,
    z: f64,
    weight: f64,
}

/// Upper edge beyond which a tenth of the votes of a further source lies.
///
/// The quantile of other sources leaves out more or less than its share of a new one where sources are few. Its level is
/// the one at which the sources here, each left out in turn, lie beyond by a tenth.
fn edge(votes: &[Vote]) -> Option<f64> {
    let mut sorted = votes.to_vec();
    sorted.sort_by(|a, b| a.z.total_cmp(&b.z));
    let sources = sorted.iter().map(|vote| vote.source).max()? + 1;
    let beyond = |level: f64| -> f64 {
        let miss = |source: usize| {
            let others = sorted.iter().filter(|vote| vote.source != source);
            let edge = weighted_quantile(others.map(|vote| (vote.z, vote.weight)), level)?;
            let own = sorted.iter().filter(|vote| vote.source == source && vote.z > edge);
            Some(own.map(|vote| vote.weight).sum::<f64>())
        };
        (0..sources).filter_map(miss).sum()
    };
    let level = (80..=98).map(|percent| f64::from(percent) / 100.0).min_by(|a, b| {
        let off = |level: f64| (beyond(level) - 0.1).abs();
        off(*a).total_cmp(&off(*b))
    })?;
    let level = if sources < FEW_SOURCES { 0.9 } else { level };
    weighted_quantile(sorted.iter().map(|vote| (vote.z, vote.weight)), level)
}

/// Value below which a share of the weight lies, between the middles of its neighbours' weights; the values are sorted.
fn weighted_quantile(weighted: impl Iterator<Item = (f64, f64)> + Clone, share: f64) -> Option<f64> {
    let target = share * weighted.clone().map(|(_, weight)| weight).sum::<f64>();
    let mut below = 0.0;
    let mut before: Option<(f64, f64)> = None;
    for (value, weight) in weighted {
        let here = below + 0.5 * weight;
        if here >= target {
            let Some((low, at)) = before else { return Some(value) };
            return Some(low + (value - low) * (target - at) / (here - at));
        }
        before = Some((value, here));
        below += weight;
    }
    before.map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighted_quantile_of_equal_weights_is_the_plain_one() {
        let values: Vec<(f64, f64)> = (0..5).map(|n| (f64::from(n), 2.0)).collect();
        let at = |values: &[(f64, f64)], share: f64| weighted_quantile(values.iter().copied(), share);
        assert_eq!(at(&values, 0.5), Some(2.0));
        assert_eq!(at(&values, 0.1), Some(0.0));
        assert_eq!(at(&values, 0.2), Some(0.5));
        assert_eq!(at(&[(1.0, 1.0), (2.0, 99.0)], 0.995), Some(2.0));
        assert_eq!(at(&[], 0.9), None);
    }
}

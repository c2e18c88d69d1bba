//! Predicts throughput and energy under power caps, relative to the same chip at full power.
//!
//! The rows of a curve differ in the cap alone, so its row at full power is no measurement: it states how much power the
//! work draws, hence how long matrix units work in it (`Demand::mix`). The rows below are predicted from that and from
//! the chip's V(f) by the equations of [`crate::model::power`].

use super::judged::{Judged, Obstacle, Quantity};
use super::predict::Predictor;
use super::table::{Row, Table};
use super::vocabulary::UnknownWord;
use crate::library::chip::Chip;
use crate::library::diagnostic::{Exit, Fault};
use crate::model::power::{clock_under_cap, matrix_w, phase_w};

/// Power that uncapped work draws on average, W. Several networks spread evenly between the two.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Demand {
    low_w: f64,
    high_w: f64,
}

/// Networks that stand for the spread of a mean over several.
const NETWORKS: u32 = 12;

/// Work at full power: shares of the time in matrix phases, and the power of the other phases over that of a GEMM.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mix {
    matrix: f64,
    other: f64,
}

/// Seconds and watts of work that takes one second at full power.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pace {
    seconds: f64,
    watts: f64,
}

impl Demand {
    /// One network, or several with this mean, none of which draws more than a saturated GEMM.
    fn of(chip: &Chip, mean_w: f64, several: bool) -> Demand {
        let half = if several { (chip.load_w - mean_w).min(mean_w - chip.idle_w).max(0.0) } else { 0.0 };
        Demand { low_w: mean_w - half, high_w: mean_w + half }
    }

    /// Demands of single networks.
    fn networks(self) -> impl Iterator<Item = f64> {
        let networks = if self.high_w > self.low_w { NETWORKS } else { 1 };
        let step = (self.high_w - self.low_w) / f64::from(networks);
        (0..networks).map(move |network| self.low_w + step * (f64::from(network) + 0.5))
    }

    /// The mix that draws so much: matrix work, and waiting for the rest.
    fn mix(chip: &Chip, demand_w: f64, waiting: f64) -> Mix {
        let share = demand_w / chip.load_w;
        Mix { matrix: ((share - waiting) / (1.0 - waiting)).clamp(0.0, 1.0), other: share.min(waiting) }
    }
}

impl Mix {
    /// The pace under a cap; `None` where the chip cannot run so low.
    fn pace(self, chip: &Chip, cap_w: f64) -> Option<Pace> {
        let clock = clock_under_cap(chip, cap_w)?;
        let (matrix, other) = (self.matrix / clock, 1.0 - self.matrix);
        let joules = matrix * matrix_w(chip, clock, cap_w) + other * phase_w(chip, self.other, cap_w);
        Some(Pace { seconds: matrix + other, watts: joules / (matrix + other) })
    }
}

/// Throughput and energy under a cap over those at full power, means over the networks.
fn relative(chip: &Chip, demand: Demand, waiting: f64, cap_w: f64) -> Option<(f64, f64)> {
    let (mut throughput, mut energy, mut networks) = (0.0, 0.0, 0.0);
    for demand_w in demand.networks() {
        let mix = Demand::mix(chip, demand_w, waiting);
        let (full, capped) = (mix.pace(chip, chip.cap_max_w)?, mix.pace(chip, cap_w)?);
        throughput += full.seconds / capped.seconds;
        energy += capped.watts * capped.seconds / (full.watts * full.seconds);
        networks += 1.0;
    }
    Some((throughput / networks, energy / networks))
}

/// The row that states the power of uncapped work: the curve's highest cap.
fn full_power<'a>(table: &'a Table, row: &'a Row) -> &'a Row {
    let same = |other: &&Row| ["gpu", "workload", "source"].iter().all(|key| other.text(key) == row.text(key));
    let cap = |row: &Row| row.positive("cap_W").unwrap_or(0.0);
    table.rows.iter().filter(same).fold(row, |most, other| if cap(other) > cap(most) { other } else { most })
}

/// Average power of the uncapped work; where it is not stated, a binding cap over the power relative to it.
fn demand_w(full: &Row, row: &Row, chip: &Chip) -> Option<f64> {
    let whole = full.positive("cap_W").filter(|cap| *cap >= 0.99 * chip.cap_max_w);
    whole
        .and_then(|_| full.positive("avg_power_W"))
        .or_else(|| Some(row.positive("cap_W")? / row.positive("relative_power")?))
}

/// Judges what a row says of throughput, or of energy.
pub fn judge(
    predictor: &Predictor<'_>,
    table: &Table,
    row: &Row,
    quantity: Quantity,
    judged: &mut Judged,
) -> Result<(), Obstacle> {
    let column = if quantity == Quantity::RelativeEnergy { "relative_energy" } else { "relative_throughput" };
    judged.kind = "power_caps".to_owned();
    judged.chip = row.text("gpu").to_owned();
    (judged.quantity, judged.measured) = (Some(quantity), row.positive(column).unwrap_or(f64::NAN));
    let chip = predictor.library.chip(row.text("gpu")).map_err(|fault| unknown(row, &fault))?;
    judged.chip.clone_from(&chip.name);
    if let Some(why) = &row.impossible {
        return Err(Obstacle::Lacks(why.clone()));
    }
    let measured = row.positive(column).ok_or_else(|| Obstacle::states_no(column))?;
    let cap_w = row.positive("cap_W").ok_or_else(|| Obstacle::states_no("power cap (cap_W)"))?;
    if cap_w >= 0.99 * chip.cap_max_w {
        return Err(Obstacle::Lacks("states the work at full power, by which the curve is measured".to_owned()));
    }
    let demand_w = demand_w(full_power(table, row), row, &chip)
        .ok_or_else(|| Obstacle::states_no("power of the uncapped work (avg_power_W at the highest cap)"))?;
    judged.inferred.push("mix");
    let several = row.text("workload").starts_with("mean of ");
    let (throughput, energy) = relative(&chip, Demand::of(&chip, demand_w, several), predictor.waiting_share(), cap_w)
        .ok_or_else(|| Obstacle::Lacks(format!("the chip cannot run under {cap_w} W")))?;
    judged.score(quantity, if quantity == Quantity::RelativeEnergy { energy } else { throughput }, measured);
    Ok(())
}

fn unknown(row: &Row, fault: &Fault) -> Obstacle {
    if row.text("gpu").is_empty() {
        return Obstacle::states_no("gpu");
    }
    if fault.exit == Exit::Infeasible {
        return Obstacle::Lacks(fault.message());
    }
    Obstacle::Unknown(UnknownWord::refused("gpu", row.text("gpu"), fault))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::store::Library;

    const WAITING: f64 = 0.4;

    #[test]
    fn the_mix_draws_what_was_demanded() -> Result<(), Fault> {
        let chip = Library::open::<&str>(&[])?.chip("nvidia-v100-250w")?;
        for demand_w in [60.0, 120.0, 180.0, 230.0] {
            let pace = Demand::mix(&chip, demand_w, WAITING).pace(&chip, chip.cap_max_w);
            assert!(pace.is_some_and(|pace| (pace.watts - demand_w).abs() < 1e-6 && pace.seconds == 1.0));
        }
        Ok(())
    }

    #[test]
    fn a_lower_cap_is_never_faster_and_several_networks_slow_sooner_than_their_mean() -> Result<(), Fault> {
        let chip = Library::open::<&str>(&[])?.chip("nvidia-v100-250w")?;
        let one = Demand::of(&chip, 150.0, false);
        let several = Demand::of(&chip, 150.0, true);
        let mut before = 0.0;
        for cap_w in [90.0, 120.0, 150.0, 180.0, 210.0, 240.0] {
            let throughput = relative(&chip, one, WAITING, cap_w).map_or(f64::NAN, |(throughput, _)| throughput);
            assert!(throughput >= before && throughput <= 1.0, "{cap_w} W: {throughput}");
            before = throughput;
        }
        let mean = |demand: Demand| demand.networks().sum::<f64>() / demand.networks().count() as f64;
        assert!((mean(one) - 150.0).abs() < 1e-9 && (mean(several) - 150.0).abs() < 1e-9);
        assert!(relative(&chip, one, WAITING, 20.0).is_none());
        Ok(())
    }
}

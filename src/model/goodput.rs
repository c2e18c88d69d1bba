//! From a steady step to a whole run: failures, checkpoints, restarts, evaluation, and batches beyond the critical one.
//!
//! Twin: `shaders/model/goodput.wgsl`. Complete renewal formula and first-order interval: Daly, "A higher order estimate of
//! the optimum checkpoint interval for restart dumps" (FGCS 2006), after Young (1974). Critical batch: Zhang et al.,
//! "How Does Critical Batch Size Scale in Pre-training?" (arXiv 2410.21676).

use super::setting::Setting;

/// Below this share of useful time a run does not progress.
pub const LEAST_GOODPUT: f64 = 0.05;

/// Seconds in a day.
pub const DAY_S: f64 = 86_400.0;

/// Keeps the wall time finite of a run that is always stopped; it is rejected, for its progress is not positive.
const LEAST_SHARE: f64 = 1e-6;

/// Wall time of a run, split by what happens in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wall {
    pub goodput: f64,
    /// Days of the calendar, hours without power among them.
    pub wall_s: f64,
    /// Time with power: all that anything is drawn in.
    pub powered_s: f64,
    /// Steps, those repeated after a failure, evaluation.
    pub training_s: f64,
    /// Blocking checkpoints, those of stops among them.
    pub checkpoint_s: f64,
    /// Detection, restart (after failures and stops) and start-up.
    pub idle_s: f64,
    /// Useful seconds between checkpoints.
    pub interval_s: f64,
    pub mtbf_s: f64,
    /// Useful share of the time with power, of a run so long that its start-up does not count.
    pub progress: f64,
}

/// Wall over useful time at a checkpoint interval.
pub fn renewal(interval: f64, checkpoint: f64, restart: f64, mtbf: f64) -> f64 {
    // (M/τ)·e^(R/M)·(e^((τ+δ)/M) − 1), with the exponent kept in range.
    let exponent = ((interval + checkpoint) / mtbf).min(60.0);
    let grown = if exponent < 1e-3 { exponent * (1.0 + 0.5 * exponent) } else { exponent.exp() - 1.0 };
    mtbf / interval * (restart / mtbf).min(60.0).exp() * grown
}

/// Interval that minimises [`renewal`]: Newton's method on (1 − τ/M)·e^((τ+δ)/M) = 1 from Young's √(2δM).
pub fn best_interval(checkpoint: f64, mtbf: f64) -> f64 {
    if checkpoint <= 0.0 {
        // Checkpoints are free: as often as the clock of a step allows.
        return 1e-3 * mtbf;
    }
    // In units of M: x + ln(1 − x) + d = 0 has its root in (0, 1).
    let d = checkpoint / mtbf;
    let mut x = (2.0 * d).sqrt().min(0.999);
    for _ in 0..6 {
        let f = x + (1.0 - x).ln() + d;
        let slope = -x / (1.0 - x);
        x = (x - f / slope).clamp(1e-9, 0.999_999);
    }
    x * mtbf
}

/// Batch, in tokens, beyond which more batch needs more tokens.
pub fn critical_batch_tokens(setting: &Setting) -> f64 {
    setting.assumptions.critical_batch_scale
        * setting.workload.run.tokens.powf(setting.assumptions.critical_batch_exponent)
}

/// Factor on the tokens of a run whose batch (in tokens) is above both the critical batch and the one that the run was
/// published with, each with the tolerance to which batches are rounded: (1 + B/B_crit) relative to its value there.
pub fn token_growth(setting: &Setting, batch_tokens: f64) -> f64 {
    token_growth_from(growth_start(setting), batch_tokens)
}

/// Batch, in tokens, from which on tokens grow.
pub fn growth_start(setting: &Setting) -> f64 {
    let run = &setting.workload.run;
    let reference = critical_batch_tokens(setting).max(run.global_batch * run.seq_len);
    reference * (1.0 + setting.assumptions.batch_tolerance)
}

/// [`token_growth`] from a start on.
pub fn token_growth_from(start: f64, batch_tokens: f64) -> f64 {
    if batch_tokens <= start { 1.0 } else { 0.5 * (1.0 + batch_tokens / start) }
}

/// Share of the calendar in which a run is powered and not occupied by a stop: each costs a checkpoint and a restart.
pub fn running_share(setting: &Setting) -> f64 {
    let (site, a) = (&setting.site, &setting.assumptions);
    site.availability - site.stops_per_day / DAY_S * (a.checkpoint_s + a.restart_s)
}

/// Calendar time over the time that a run takes by itself: C·availability = W + C·(stops a second)·(δ + R), for C.
pub fn stretch(setting: &Setting) -> f64 {
    1.0 / running_share(setting).max(LEAST_SHARE)
}

/// How failures, checkpoints and evaluation stretch any run on so many ranks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Mean time between failures of the ranks together, s.
    pub mtbf: f64,
    /// Useful seconds between checkpoints.
    pub interval: f64,
    /// Wall over useful time.
    pub ratio: f64,
}

/// The pace of a run on `ranks` ranks.
pub fn pace(setting: &Setting, ranks: f64) -> Pace {
    let a = &setting.assumptions;
    let mtbf = setting.chip.mtbf_s / ranks;
    let interval = best_interval(a.checkpoint_s, mtbf);
    let ratio = renewal(interval, a.checkpoint_s, a.restart_s, mtbf) / (1.0 - a.evaluation_share);
    Pace { mtbf, interval, ratio }
}

/// Wall time of `useful_s` seconds of steps on `ranks` ranks.
///
/// The renewal formula gives the time W that the run takes by itself, start-up included; stops and hours without power
/// stretch it to the calendar. Nothing fails, and nothing is drawn, while there is no power.
pub fn wall(setting: &Setting, ranks: f64, useful_s: f64) -> Wall {
    wall_at(setting, pace(setting, ranks), useful_s)
}

/// Wall time of `useful_s` seconds of steps at a pace.
pub fn wall_at(setting: &Setting, pace: Pace, useful_s: f64) -> Wall {
    let a = &setting.assumptions;
    let Pace { mtbf, interval, ratio } = pace;
    let own_s = useful_s * ratio + a.startup_s;
    let wall_s = own_s * stretch(setting);
    let stops = wall_s / DAY_S * setting.site.stops_per_day;
    let failures = useful_s * ratio / mtbf;
    let idle_s = (failures * a.restart_s).min(0.98 * useful_s * ratio) + a.startup_s;
    let checkpoint_s = (useful_s / interval * a.checkpoint_s).min(own_s - idle_s);
    Wall {
        goodput: useful_s / wall_s,
        wall_s,
        powered_s: wall_s * setting.site.availability,
        training_s: own_s - idle_s - checkpoint_s,
        checkpoint_s: checkpoint_s + stops * a.checkpoint_s,
        idle_s: idle_s + stops * a.restart_s,
        interval_s: interval,
        mtbf_s: mtbf,
        progress: running_share(setting) / (setting.site.availability * ratio),
    }
}

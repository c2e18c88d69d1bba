// From a steady step to a whole run: failures, checkpoints, restarts, evaluation, and batches beyond the critical one.
//
// Twin: `src/model/goodput.rs`.

const LEAST_GOODPUT: f32 = 0.05;
const DAY_S: f32 = 86400.0;
const LEAST_SHARE: f32 = 1e-6;

// Beyond e^25 wall over useful time no run progresses; larger exponents would only leave the range of f32.
const MOST_EXPONENT: f32 = 25.0;

struct Wall {
    goodput: f32,
    wall_s: f32,
    powered_s: f32,
    training_s: f32,
    checkpoint_s: f32,
    idle_s: f32,
    interval_s: f32,
    mtbf_s: f32,
    progress: f32,
}

fn renewal(interval: f32, checkpoint: f32, restart: f32, mtbf: f32) -> f32 {
    let exponent = min((interval + checkpoint) / mtbf, MOST_EXPONENT);
    let grown = exp_minus_one(exponent);
    return mtbf / interval * exp(min(restart / mtbf, MOST_EXPONENT)) * grown;
}

// −(x + ln(1 − x)), without the cancellation.
fn logarithm_remainder(x: f32) -> f32 {
    if x > 0.25 {
        return -(x + log(1.0 - x));
    }
    var term = x * x;
    var sum = 0.0;
    for (var n = 2.0; n < 13.0; n += 1.0) {
        sum += term / n;
        term *= x;
    }
    return sum;
}

fn best_interval(checkpoint: f32, mtbf: f32) -> f32 {
    if checkpoint <= 0.0 {
        return 1e-3 * mtbf;
    }
    let d = checkpoint / mtbf;
    var x = min(sqrt(2.0 * d), 0.999);
    for (var i = 0u; i < 6u; i += 1u) {
        let f = d - logarithm_remainder(x);
        let slope = -x / (1.0 - x);
        x = clamp(x - f / slope, 1e-9, 0.999999);
    }
    return x * mtbf;
}

fn critical_batch_tokens(setting: Setting) -> f32 {
    return setting.assumptions.critical_batch_scale
        * pow(setting.workload.tokens, setting.assumptions.critical_batch_exponent);
}

fn token_growth(setting: Setting, batch_tokens: f32) -> f32 {
    let run = setting.workload;
    let reference = max(critical_batch_tokens(setting), run.global_batch * run.seq_len);
    let start = reference * (1.0 + setting.assumptions.batch_tolerance);
    if batch_tokens <= start {
        return 1.0;
    }
    return 0.5 * (1.0 + batch_tokens / start);
}

fn running_share(setting: Setting) -> f32 {
    let a = setting.assumptions;
    return setting.site.availability - setting.site.stops_per_day / DAY_S * (a.checkpoint_s + a.restart_s);
}

fn stretch(setting: Setting) -> f32 {
    return 1.0 / max(running_share(setting), LEAST_SHARE);
}

fn wall(setting: Setting, ranks: f32, useful_s: f32) -> Wall {
    let a = setting.assumptions;
    let mtbf = setting.chip.mtbf_s / ranks;
    let interval = best_interval(a.checkpoint_s, mtbf);
    let ratio = renewal(interval, a.checkpoint_s, a.restart_s, mtbf) / (1.0 - a.evaluation_share);
    let own_s = useful_s * ratio + a.startup_s;
    let wall_s = own_s * stretch(setting);
    let stops = wall_s / DAY_S * setting.site.stops_per_day;
    let failures = useful_s * ratio / mtbf;
    let idle_s = min(failures * a.restart_s, 0.98 * useful_s * ratio) + a.startup_s;
    let checkpoint_s = min(useful_s / interval * a.checkpoint_s, own_s - idle_s);
    return Wall(
        useful_s / wall_s,
        wall_s,
        wall_s * setting.site.availability,
        own_s - idle_s - checkpoint_s,
        checkpoint_s + stops * a.checkpoint_s,
        idle_s + stops * a.restart_s,
        interval,
        mtbf,
        running_share(setting) / (setting.site.availability * ratio),
    );
}

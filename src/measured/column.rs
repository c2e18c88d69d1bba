//! Columns of a table by the words of their names: what they hold, in which unit.

/// Words of a name in lower case; a slash reads as `per`: `tokens/s/GPU` is tokens per s per gpu.
pub fn words(name: &str) -> Vec<String> {
    let spelt = name.replace('/', " per ").replace('%', " percent ").replace('#', " number ");
    let parts = spelt.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    parts.map(str::to_lowercase).collect()
}

/// What a rate or a time of a table is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    Tokens,
    Samples,
    /// Seconds of a step.
    Step,
    Tflops,
    Mfu,
}

/// A column of rates: multiplied by the factor its values are tokens/s, samples/s, s, TFLOP/s or a share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateColumn {
    pub rate: Rate,
    pub factor: f64,
    pub per_chip: bool,
}

/// Seconds of a unit of time.
fn unit_s(word: &str) -> Option<f64> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "ms" | "msec" | "millisecond" | "milliseconds" => 1e-3,
        "us" | "usec" | "microseconds" => 1e-6,
        "min" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hour" | "hours" => 3600.0,
        "day" | "d" => 86_400.0,
        _ => return None,
    })
}

fn is_chip(word: &str) -> bool {
    const CHIPS: [&str; 10] = ["gpu", "gpus", "chip", "chips", "device", "accelerator", "card", "rank", "tpu", "npu"];
    CHIPS.contains(&word)
}

/// The rate of a column, if its name tells one with a unit.
pub fn rate(name: &str) -> Option<RateColumn> {
    let words = words(name);
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let per: Vec<&str> = words.windows(2).filter(|pair| pair[0] == "per").map(|pair| pair[1].as_str()).collect();
    let per_chip = per.iter().any(|word| is_chip(word));
    if has(&["mfu"]) {
        let factor = if has(&["percent", "pct"]) { 0.01 } else { 1.0 };
        return Some(RateColumn { rate: Rate::Mfu, factor, per_chip: true });
    }
    let flops = |word: &String| {
        let prefix = ["flops", "flop"].into_iter().find_map(|end| word.strip_suffix(end))?;
        [("g", 1e-3), ("t", 1.0), ("p", 1e3), ("e", 1e6)].into_iter().find(|(known, _)| *known == prefix)
    };
    if let Some((_, factor)) = words.iter().find_map(flops) {
        // Training codes print the rate of one chip, unless they say otherwise.
        let per_chip = per_chip || !has(&["total", "cluster", "aggregate", "global"]);
        return Some(RateColumn { rate: Rate::Tflops, factor, per_chip });
    }
    let prefixed = |names: &[&str], word: &str| {
        let scale = [("", 1.0), ("k", 1e3), ("m", 1e6)].into_iter();
        scale
            .filter(|(prefix, _)| word.strip_prefix(prefix).is_some_and(|rest| names.contains(&rest)))
            .map(|s| s.1)
            .next()
    };
    let counted = |names: &[&str]| words.iter().find_map(|word| prefixed(names, word));
    // `tokens_s` and `tokens/s` are the same; `tokens per step` is no rate.
    let over = per.iter().find_map(|word| unit_s(word)).or_else(|| {
        let after = words.windows(2).find(|pair| counted_word(&pair[0])).map(|pair| pair[1].as_str())?;
        unit_s(after)
    });
    let tokens = counted(&["tokens", "token", "tok", "toks"]);
    let samples = counted(&["samples", "sample", "sequences", "sequence", "seqs", "seq"]);
    if let (Some(scale), Some(over)) = (tokens, over) {
        return Some(RateColumn { rate: Rate::Tokens, factor: scale / over, per_chip });
    }
    if has(&["tps", "tgs"]) {
        let per_chip = per_chip || has(&["tgs"]) || words.iter().any(|word| is_chip(word));
        return Some(RateColumn { rate: Rate::Tokens, factor: 1.0, per_chip });
    }
    if let (Some(scale), Some(over)) = (samples, over) {
        return Some(RateColumn { rate: Rate::Samples, factor: scale / over, per_chip });
    }
    let step = has(&["step", "steps", "iter", "iteration", "iterations", "it", "batch"]);
    let unit = words.iter().find_map(|word| unit_s(word));
    if step && tokens.is_none() && samples.is_none() && (unit.is_some() || has(&["time", "duration", "latency"])) {
        let rate_of_steps = per.iter().any(|word| unit_s(word).is_some());
        return (!rate_of_steps).then_some(RateColumn {
            rate: Rate::Step,
            factor: unit.unwrap_or(1.0),
            per_chip: false,
        });
    }
    None
}

fn counted_word(word: &str) -> bool {
    ["tokens", "token", "tok", "toks", "samples", "sample", "sequences", "sequence", "seqs"].contains(&word)
}

/// A column of watts: multiplied by the factor its values are W.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerColumn {
    pub factor: f64,
    /// The name states its unit.
    pub stated: bool,
}

/// The power of a column, if its name tells that it is drawn. Limits are none; a unit other than watts is an error that
/// gives the unit.
pub fn power(name: &str) -> Option<Result<PowerColumn, String>> {
    let words = words(name);
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let watts = ["w", "watt", "watts", "kw", "mw", "kilowatts", "megawatts", "milliwatts"];
    if !has(&["power", "pwr", "draw"]) && !has(&watts) {
        return None;
    }
    let other =
        ["limit", "cap", "max", "min", "state", "pstate", "tdp", "factor", "management", "hours", "h", "wh", "kwh"];
    if has(&other) {
        return None;
    }
    let unit = words.iter().find(|word| watts.contains(&word.as_str()));
    let factor = match unit.map(String::as_str) {
        None => {
            let wrong = ["percent", "pct", "dbm", "hp", "btu", "va", "kva", "j", "joules", "a", "amps", "v"];
            if let Some(unit) = words.iter().find(|word| wrong.contains(&word.as_str())) {
                return Some(Err(unit.clone()));
            }
            return Some(Ok(PowerColumn { factor: 1.0, stated: false }));
        }
        Some("kw" | "kilowatts") => 1e3,
        Some("milliwatts") => 1e-3,
        Some("megawatts") => 1e6,
        Some("mw") if name.contains("mW") => 1e-3,
        Some("mw") => 1e6,
        Some(_) => 1.0,
    };
    Some(Ok(PowerColumn { factor, stated: true }))
}

/// A number as tables write it: `1,234.5`, `1_000`, `98.4 %`, `412.35 W`, and `412,35` with a decimal comma.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || "+-.,_eE".contains(c))).unwrap_or(text.len());
    let figures = text.get(..end)?;
    // A comma stands between thousands only where three digits follow it.
    let decimal = !figures.contains('.')
        && figures.split_once(',').is_some_and(|(_, rest)| !rest.contains(',') && rest.len() != 3);
    let plain = if decimal { figures.replace(',', ".") } else { figures.replace([',', '_'], "") };
    plain.parse::<f64>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_known_by_its_name_and_its_unit() {
        let of = |name: &str| rate(name).map(|column| (column.rate, column.factor, column.per_chip));
        for name in
            ["tokens_per_s", "tokens/s", "tok/s", "tokens_per_second", "throughput (tokens/sec)", "tps", "tokens_s"]
        {
            assert_eq!(of(name), Some((Rate::Tokens, 1.0, false)), "{name}");
        }
        for name in ["tokens_per_s_per_chip", "tok/s/gpu", "tokens/gpu/s", "TGS", "tokens per second per device"] {
            assert_eq!(of(name), Some((Rate::Tokens, 1.0, true)), "{name}");
        }
        assert_eq!(of("tokens/min"), Some((Rate::Tokens, 1.0 / 60.0, false)));
        assert_eq!(of("ktok/s"), Some((Rate::Tokens, 1e3, false)));
        assert_eq!(of("samples/s"), Some((Rate::Samples, 1.0, false)));
        assert_eq!(of("step_time_ms"), Some((Rate::Step, 1e-3, false)));
        assert_eq!(of("elapsed time per iteration (ms)"), Some((Rate::Step, 1e-3, false)));
        assert_eq!(of("TFLOP/s/GPU"), Some((Rate::Tflops, 1.0, true)));
        assert_eq!(of("MFU (%)"), Some((Rate::Mfu, 0.01, true)));
        for name in ["step", "time", "loss", "tokens", "tokens per step", "steps/s", "throughput", "grad_norm", "lr"] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn a_power_has_watts_of_some_size() {
        let of = |name: &str| power(name).map(|found| found.map(|column| column.factor));
        assert_eq!(of("power.draw [W]"), Some(Ok(1.0)));
        assert_eq!(of("Power (mW)"), Some(Ok(1e-3)));
        assert_eq!(of("facility MW"), Some(Ok(1e6)));
        assert_eq!(of("node_power_kw"), Some(Ok(1e3)));
        assert_eq!(of("power (%)"), Some(Err("percent".to_owned())));
        assert_eq!(of("power.limit [W]"), None);
        assert_eq!(of("temperature.gpu"), None);
    }

    #[test]
    fn a_number_may_carry_separators_and_a_unit() {
        assert_eq!(number("1,234.5 W"), Some(1234.5));
        assert_eq!(number("1,234"), Some(1234.0));
        assert_eq!(number("412,35 W"), Some(412.35));
        assert_eq!(number(" 98.4 %"), Some(98.4));
        assert_eq!(number("[N/A]"), None);
        assert_eq!(number("nan"), None);
    }
}

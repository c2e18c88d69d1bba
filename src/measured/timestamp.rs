//! Times that logs write, as seconds on one clock: only their differences count.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds of `2024/11/05 14:03:21.123`, `2024-11-05T14:03:21Z`, `11-05-2024 14:03:21`, `Tue Nov 5 14:03:21 2024`,
/// `20241105 14:03:21`, `14:03:21`, or of an epoch in s, ms or µs.
pub fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        let whole_day = text.len() == 8 && text.starts_with("20");
        return match number {
            _ if !number.is_finite() || number < 0.0 || whole_day => None,
            n if n >= 1e14 => Some(n * 1e-6),
            n if n >= 1e11 => Some(n * 1e-3),
            n => Some(n),
        };
    }
    let (mut date, mut time, mut numbers, mut month) = (None, None, Vec::new(), None);
    let text = text.trim_end_matches(['Z', 'z']);
    for word in text.split([' ', 'T', ',']).filter(|word| !word.is_empty()) {
        let named = word.get(..3).map(str::to_ascii_lowercase);
        if word.contains(':') {
            time = time.or_else(|| clock(word));
        } else if let Some(day) = calendar(word) {
            date = date.or(Some(day));
        } else if let Some(found) = named.and_then(|name| MONTHS.iter().position(|known| *known == name)) {
            month = Some(found as f64 + 1.0);
        } else if let Ok(number) = word.parse::<f64>() {
            numbers.push(number);
        }
    }
    let named_date = || {
        let year = numbers.iter().find(|number| **number >= 1970.0)?;
        let day = numbers.iter().find(|number| **number <= 31.0)?;
        Some(days(*year, month?, *day))
    };
    Some(date.or_else(named_date).unwrap_or(0.0) * 86_400.0 + time?)
}

/// Days of a date written in figures.
fn calendar(word: &str) -> Option<f64> {
    if word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        let part = |from: usize, to: usize| word.get(from..to)?.parse::<f64>().ok();
        return Some(days(part(0, 4)?, part(4, 6)?, part(6, 8)?));
    }
    let parts: Vec<f64> = word.split(['/', '-']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [year, month, day] if year >= 1970.0 => Some(days(year, month, day)),
        [month, day, year] if year >= 1970.0 => Some(days(year, month, day)),
        _ => None,
    }
}

/// Seconds of the day; an offset from UTC is left out, as it is the same throughout a log.
fn clock(word: &str) -> Option<f64> {
    let word = word.split(['+', '-']).next()?;
    let parts: Vec<f64> = word.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [hours, minutes, seconds] => Some(hours * 3600.0 + minutes * 60.0 + seconds),
        [hours, minutes] => Some(hours * 3600.0 + minutes * 60.0),
        _ => None,
    }
}

/// Days since March of the year 0 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: f64, month: f64, day: f64) -> f64 {
    let shifted = if month <= 2.0 { year - 1.0 } else { year };
    let from_march = (month + 9.0) % 12.0;
    let leaps = (shifted / 4.0).floor() - (shifted / 100.0).floor() + (shifted / 400.0).floor();
    365.0 * shifted + leaps + ((153.0 * from_march + 2.0) / 5.0).floor() + day - 1.0
}

#[cfg(test)]
mod tests {
    use super::seconds;

    fn between(from: &str, to: &str) -> Option<f64> {
        Some(((seconds(to)? - seconds(from)?) * 1e3).round() / 1e3)
    }

    #[test]
    fn every_way_to_write_a_time_gives_the_same_difference() {
        let pairs = [
            ("2024/02/28 23:59:59.500", "2024/02/29 00:00:00.750"),
            ("2024-02-28T23:59:59.500Z", "2024-02-29T00:00:00.750Z"),
            ("2024-02-28T23:59:59.500+01:00", "2024-02-29T00:00:00.750+01:00"),
            ("02-28-2024 23:59:59.500", "02-29-2024 00:00:00.750"),
            ("20240228 23:59:59.500", "20240229 00:00:00.750"),
            ("Wed Feb 28 23:59:59.500 2024", "Thu Feb 29 00:00:00.750 2024"),
            ("1709164799.500", "1709164800.750"),
            ("1709164799500", "1709164800750"),
            ("14:03:20.000", "14:03:21.250"),
        ];
        for (from, to) in pairs {
            assert_eq!(between(from, to), Some(1.25), "{from}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "W", "nan", "soon", "12:xx:01", "H100-SXM5"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}

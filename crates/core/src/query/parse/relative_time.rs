//! `$relativeTime`: "in 3 days", "2 weeks 1 day ago", "now".

use crate::Date;

/// The last moment JavaScript can name; anything later is that one.
const LAST: f64 = 8.64e15;

/// The moment that the text names, or the reason why it names none.
pub(super) fn parse(text: &str, now: Date) -> Result<Date, String> {
    let text = text.to_lowercase();
    if text == "now" {
        return Ok(now);
    }
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let (sign, pairs) = match words.as_slice() {
        ["in", .., "ago"] => return Err("Time cannot have both 'in' and 'ago'".to_owned()),
        ["in", pairs @ ..] => (1.0, pairs),
        [pairs @ .., "ago"] => (-1.0, pairs),
        _ => return Err("Time should either start with 'in' or end with 'ago'".to_owned()),
    };
    if pairs.len() % 2 != 0 {
        return Err("Invalid time string. Dangling unit or number.".to_owned());
    }
    let mut seconds = 0.0;
    for pair in pairs.chunks_exact(2) {
        let count: Option<f64> = pair[0].parse().ok().filter(|count: &f64| count.is_finite() && count.fract() == 0.0);
        let count = count.ok_or_else(|| format!("'{}' is not an integer.", pair[0]))?;
        let unit = seconds_in(pair[1]).ok_or_else(|| format!("Invalid interval: '{}'", pair[1]))?;
        seconds += count * unit;
    }
    let milliseconds = now.0 as f64 + sign * seconds * 1000.0;
    Ok(Date(milliseconds.clamp(-LAST, LAST) as i64))
}

fn seconds_in(unit: &str) -> Option<f64> {
    let seconds = match unit {
        "yr" | "yrs" | "year" | "years" => 31_536_000,
        "wk" | "wks" | "week" | "weeks" => 604_800,
        "d" | "day" | "days" => 86_400,
        "hr" | "hrs" | "hour" | "hours" => 3_600,
        "min" | "mins" | "minute" | "minutes" => 60,
        "sec" | "secs" | "second" | "seconds" => 1,
        _ => return None,
    };
    Some(f64::from(seconds))
}

//! Durations as users write them: `500ms`, `90s`, `30m`, `12h`, `7d`.

use std::time::Duration;

/// The longest duration: ten years.
const MAX_MILLIS: u64 = 10 * 366 * 86_400_000;

/// Parses a whole number greater than 0, followed by a unit: ms, s, m, h or d.
///
/// # Errors
/// A message that says what to write instead.
pub fn parse(text: &str) -> Result<Duration, String> {
    let unreadable = || format!("{text} is not a duration; write for example 90s, 30m, 12h or 7d");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let millis_per_unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(unreadable()),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unreadable());
    }
    let too_long = || format!("{text} is too long; the maximum is 3660d");
    let number = digits.parse::<u64>().map_err(|_| too_long())?;
    match number.checked_mul(millis_per_unit) {
        Some(0) => Err("a duration must be greater than 0".to_owned()),
        Some(millis) if millis <= MAX_MILLIS => Ok(Duration::from_millis(millis)),
        _ => Err(too_long()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn everything_else_is_rejected() {
        for text in [
            "",
            "h",
            "12",
            "0h",
            "-1h",
            "+1h",
            "1.5h",
            "1 h",
            "1h30m",
            "12H",
            "٣h",
            "9999999d",
            "99999999999999999999s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

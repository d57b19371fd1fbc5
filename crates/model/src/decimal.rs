//! Decimals: integers scaled by a power of ten, read from and written as text. Never a float.

use crate::limits::DECIMAL_DIGITS_MAX;
use serde_json::Value as Json;

/// Why a text is no decimal of so many places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDecimal {
    /// Not a number at all.
    Form,
    /// More decimal places than the field has.
    Places,
    /// More digits than can be stored.
    Digits,
}

/// Reads a decimal text into an integer scaled by `places`; never through a float. Trailing zeros
/// past the places are allowed.
pub fn parse_decimal(text: &str, places: u8) -> Result<i64, NotDecimal> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !numeric(whole) || !numeric(fraction) || digits.ends_with('.') {
        return Err(NotDecimal::Form);
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(places) {
        return Err(NotDecimal::Places);
    }
    let scaled = format!("{whole}{fraction:0<width$}", width = usize::from(places));
    let scaled = scaled.trim_start_matches('0');
    if scaled.len() > DECIMAL_DIGITS_MAX {
        return Err(NotDecimal::Digits);
    }
    // At most 18 digits always fit in 64 bits.
    let number: i64 = if scaled.is_empty() {
        0
    } else {
        scaled.parse().unwrap_or_default()
    };
    Ok(if negative { -number } else { number })
}

/// A scaled decimal as a text with exactly `places` decimal places.
pub fn decimal_text(number: i64, places: u8) -> String {
    let places = usize::from(places);
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

pub(crate) fn decimal_json(number: i64, places: u8) -> Json {
    let text = decimal_text(number, places);
    let short = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    // A decimal text is a JSON number by its form.
    short
        .parse::<serde_json::Number>()
        .map_or(Json::Null, Json::Number)
}

//! Records as text.

use super::Format;
use crate::settings::Failure;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use std::io::Write;

/// Writes records in a format.
pub(super) enum Writer<W: Write> {
    /// With formulas defused, or raw.
    Csv(Box<csv::Writer<W>>, bool),
    /// A line a record.
    Ndjson(W),
}

impl<W: Write> Writer<W> {
    pub(super) fn new(format: Format, raw: bool, out: W) -> Self {
        match format {
            Format::Csv => Self::Csv(Box::new(csv::Writer::from_writer(out)), raw),
            Format::Ndjson => Self::Ndjson(out),
        }
    }

    /// The header.
    pub(super) fn start(&mut self, fields: &[String]) -> Result<(), Failure> {
        if let Self::Csv(out, _) = self {
            out.write_record(fields)?;
        }
        Ok(())
    }

    pub(super) fn record(&mut self, fields: &[String], values: &[Json]) -> Result<(), Failure> {
        match self {
            Self::Csv(out, raw) => {
                for value in values {
                    let text = text(value);
                    if !*raw && is_formula(&text) {
                        out.write_field(format!("'{text}"))?;
                    } else {
                        out.write_field(text.as_bytes())?;
                    }
                }
                out.write_record(None::<&[u8]>)?;
            }
            Self::Ndjson(out) => {
                let pairs = fields.iter().cloned().zip(values.iter().cloned());
                let object: Map<_, _> = pairs.collect();
                writeln!(out, "{}", Json::Object(object))?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Csv(mut out, _) => out.flush()?,
            Self::Ndjson(mut out) => out.flush()?,
        }
        Ok(())
    }
}

/// A value as a cell that an import reads back.
fn text(value: &Json) -> Cow<'_, str> {
    match value {
        Json::Null => Cow::Borrowed(""),
        Json::String(text) => Cow::Borrowed(text),
        Json::Array(elements) => Cow::Owned(list(elements)),
        other => Cow::Owned(other.to_string()),
    }
}

/// Elements between semicolons, or as JSON where that would be read back as something else.
fn list(elements: &[Json]) -> String {
    let texts: Vec<&str> = elements.iter().filter_map(Json::as_str).collect();
    let plain = |text: &&str| !text.contains(';') && text.trim() == *text && !text.is_empty();
    let starts_plain = texts.first().is_none_or(|first| !first.starts_with('['));
    if starts_plain && texts.iter().all(plain) {
        texts.join(";")
    } else {
        Json::from(texts).to_string()
    }
}

/// Whether a spreadsheet would run a cell instead of showing it.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(text)
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    numeric(whole) && numeric(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(raw: bool, values: &[Json]) -> String {
        let mut out = Vec::new();
        let mut writer = Writer::new(Format::Csv, raw, &mut out);
        writer.record(&[], values).unwrap();
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_defused() {
        for (text, wanted) in [
            ("=1+1", "'=1+1\n"),
            ("+49 30", "'+49 30\n"),
            ("-cmd", "'-cmd\n"),
            ("@SUM(A1)", "'@SUM(A1)\n"),
            ("\tx", "'\tx\n"),
            ("\rx", "\"'\rx\"\n"),
            ("-1.5", "-1.5\n"),
            ("+4930", "+4930\n"),
            ("-", "'-\n"),
            ("-1-1", "'-1-1\n"),
            ("1=1", "1=1\n"),
            ("'=1", "'=1\n"),
            ("a,\"b\"", "\"a,\"\"b\"\"\"\n"),
        ] {
            assert_eq!(written(false, &[json!(text)]), wanted, "{text:?}");
        }
        assert_eq!(written(true, &[json!("=1+1")]), "=1+1\n");
        assert_eq!(written(false, &[json!(-5)]), "-5\n");
    }

    #[test]
    fn a_value_becomes_a_cell_that_is_read_back() {
        let values = [
            json!(null),
            json!(true),
            json!([]),
            json!(["b", "a"]),
            json!(1.50),
        ];
        assert_eq!(written(false, &values), ",true,,b;a,1.5\n");
        for list in [json!(["a;b"]), json!([" a"]), json!(["[a"])] {
            assert_eq!(text(&list), list.to_string());
        }
    }
}

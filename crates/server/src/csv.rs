//! Rows of comma-separated values (RFC 4180) that a spreadsheet opens without running anything.

use serde_json::Value as Json;

/// What ends a cell where a spreadsheet does not take the comma for it: quotes that then stand within a
/// cell keep nothing together.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// A row being written.
#[derive(Default)]
pub(crate) struct Row(String);

impl Row {
    /// A cell that is told as it is: a header, an id, a number, a word of ours.
    pub(crate) fn plain(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        // A row of one empty cell would be no row.
        if text.is_empty() || text.contains([',', '"']) || text.contains(SEPARATORS) {
            self.0.push('"');
            self.0.push_str(&text.replace('"', "\"\""));
            self.0.push('"');
        } else {
            self.0.push_str(text);
        }
    }

    /// A text that somebody wrote.
    pub(crate) fn text(&mut self, text: &str) {
        self.plain(&defused(text));
    }

    /// A value: nothing is an empty cell, a list its elements.
    pub(crate) fn value(&mut self, value: &Json) {
        match value {
            Json::Null => self.plain(""),
            Json::String(text) => self.text(text),
            Json::Array(items) => {
                let items = items.iter().map(|item| {
                    let text = item.as_str().map(str::to_owned);
                    text.unwrap_or_else(|| item.to_string())
                });
                self.text(&items.collect::<Vec<String>>().join(";"));
            }
            Json::Bool(_) | Json::Number(_) => self.plain(&value.to_string()),
            Json::Object(_) => self.text(&value.to_string()),
        }
    }

    /// The row with its end.
    pub(crate) fn end(mut self) -> String {
        self.0.push_str("\r\n");
        self.0
    }
}

/// The text with an apostrophe before each part of it that a spreadsheet would run, if it took that for
/// a cell.
fn defused(text: &str) -> String {
    let mut safe = String::new();
    let mut whole = is_formula(text);
    for part in text.split_inclusive(SEPARATORS) {
        if whole || is_formula(part.trim_end_matches(SEPARATORS)) {
            safe.push('\'');
        }
        whole = false;
        safe.push_str(part);
    }
    safe
}

/// Whether a spreadsheet would run a cell with this text: it starts with a sign that begins a formula,
/// perhaps behind blanks and quotes that it drops. A number is none.
fn is_formula(text: &str) -> bool {
    let blank = |c: char| c == '"' || c == '\'' || (c.is_whitespace() && !"\t\r\n".contains(c));
    let start = text.trim_start_matches(blank);
    start.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
        && !is_number(start)
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_spreadsheet_would_run_is_defused_and_numbers_stay() {
        for (value, wanted) in [
            (json!("=1+1"), "'=1+1"),
            (json!("+SUM(A1)"), "'+SUM(A1)"),
            (json!("-cmd|' /C calc'!A0"), "'-cmd|' /C calc'!A0"),
            (json!("@now"), "'@now"),
            (json!("\t=1"), "\"'\t'=1\""),
            (json!("\r=1"), "\"'\r'=1\""),
            (json!("  =1"), "'  =1"),
            (json!("\"=1"), "\"'\"\"=1\""),
            (json!(" '=1"), "' '=1"),
            (json!("＝1+1"), "'＝1+1"),
            (json!("=1,\"x\""), "\"'=1,\"\"x\"\"\""),
            (json!(["=1", "b"]), "\"'=1;b\""),
            (json!(["a", "=1"]), "\"a;'=1\""),
            (json!(["a", "\t=1"]), "\"a;\t'=1\""),
            (json!("x;=cmd|A0"), "\"x;'=cmd|A0\""),
            (json!("x; \"@now"), "\"x;' \"\"@now\""),
            (json!("x\t+SUM(A1);y"), "\"x\t'+SUM(A1);y\""),
            (json!("two\r\n=lines"), "\"two\r\n'=lines\""),
            (json!("a;-5;+41"), "\"a;-5;+41\""),
            (json!("a;b=c"), "\"a;b=c\""),
            (json!(-5), "-5"),
            (json!("-5.25"), "-5.25"),
            (json!("+41"), "+41"),
            (json!("-5-5"), "'-5-5"),
            (json!("-"), "'-"),
            (json!("a=b"), "a=b"),
            (json!("two\nlines"), "\"two\nlines\""),
            (json!(null), "\"\""),
            (json!(true), "true"),
            (json!(["a", "b"]), "\"a;b\""),
        ] {
            let mut row = Row::default();
            row.value(&value);
            assert_eq!(row.0, wanted, "{value}");
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut row = Row::default();
        for cell in ["a", "b,c", "d\"e", "f;g", "h\ti", ""] {
            row.plain(cell);
        }
        assert_eq!(row.end(), "a,\"b,c\",\"d\"\"e\",\"f;g\",\"h\ti\",\"\"\r\n");
    }
}

//! What people see: tables as wide as the terminal, colours where they are wanted, a bar, and questions.

use crate::settings::{Failure, note};
use anyhow::Context;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use console::{Style, Term};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value as Json;
use std::io::{IsTerminal, Write};

/// Texts that come from records and people must not steer a terminal, or turn a line around: what does
/// so is shown as what it is.
pub(crate) fn clean(text: &str) -> String {
    let steers = |char: char| {
        char.is_control()
            || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(char, '\u{2066}'..='\u{2069}' | '\u{61c}')
    };
    let mut cleaned = String::with_capacity(text.len());
    for char in text.chars() {
        if steers(char) {
            cleaned.extend(char.escape_unicode());
        } else {
            cleaned.push(char);
        }
    }
    cleaned
}

/// One document of JSON on standard output. JSON escapes most of what steers a terminal; the rest is
/// escaped here, which is the same document.
pub(crate) fn say_json(json: &Json) -> Result<(), Failure> {
    let mut text = String::new();
    for char in json.to_string().chars() {
        if char.is_control() {
            text.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            text.push(char);
        }
    }
    crate::settings::say(text)
}

/// A value of a record, or of an answer, as people read it.
pub(crate) fn value(json: &Json) -> String {
    let text = match json {
        Json::Null => "-".to_owned(),
        Json::String(text) => text.clone(),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(value).collect();
            items.join(", ")
        }
        // A record or a person that is referred to.
        Json::Object(object) => match object.get("name").and_then(Json::as_str) {
            Some(name) => name.to_owned(),
            None => json.to_string(),
        },
        Json::Bool(_) | Json::Number(_) => json.to_string(),
    };
    clean(&text)
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// A table. Columns with an id or a number keep their width, whatever the terminal's; texts wrap.
pub(crate) struct Rows {
    table: Table,
    wraps: Vec<bool>,
}

impl Rows {
    /// With these columns: a name that ends with `…` is that of a column that wraps, one that begins
    /// with `#` that of a column of numbers.
    pub(crate) fn of(columns: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(columns.iter().map(|name| name.trim_matches(['#', '…'])));
        for (column, name) in table.column_iter_mut().zip(columns) {
            column.set_padding((0, 2));
            if name.starts_with('#') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self {
            table,
            wraps: columns.iter().map(|name| name.ends_with('…')).collect(),
        }
    }

    /// A line of it.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.table.add_row(cells);
    }

    /// Whether there is no line in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Says it on standard output, with a line before it that is empty.
    pub(crate) fn say(mut self) -> Result<(), Failure> {
        let term = Term::stdout();
        if let Some((_, width)) = term.size_checked().filter(|_| term.is_term()) {
            self.table.set_width(width);
            self.table
                .set_content_arrangement(ContentArrangement::Dynamic);
            for (place, wraps) in self.wraps.iter().enumerate() {
                if let (false, Some(column)) = (wraps, self.table.column_mut(place)) {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
            }
        }
        crate::settings::say(format_args!("\n{}", self.table.trim_fmt()))
    }
}

/// A word for how something stands, in its colour.
pub(crate) fn state(word: &str) -> String {
    let style = match word {
        "completed" | "changed" => Style::new().green(),
        "failed" | "cancelled" => Style::new().red(),
        "paused" => Style::new().yellow(),
        _ => Style::new().cyan(),
    };
    style.apply_to(clean(word)).to_string()
}

/// What stands out.
pub(crate) fn bold(text: &str) -> String {
    Style::new().bold().apply_to(text).to_string()
}

/// Whether there is a person to ask.
pub(crate) fn asks() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a person; everything but yes is no.
pub(crate) fn agreed(question: &str) -> Result<bool, Failure> {
    let mut err = std::io::stderr();
    write!(err, "\n{question} [y/N] ")
        .and_then(|()| err.flush())
        .context("asking")?;
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    if read.context("reading the answer")? == 0 {
        // The end of the input is no line.
        note("");
    }
    let answer = line.trim().to_lowercase();
    Ok(answer == "y" || answer == "yes")
}

/// A bar that shows only on a terminal that can redraw a line.
pub(crate) fn bar(quiet: bool) -> Result<ProgressBar, Failure> {
    let bar = ProgressBar::no_length();
    if quiet || console::is_dumb() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}");
    bar.set_style(style.context("the bar's template")?);
    Ok(bar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_steers_a_terminal_is_shown_as_what_it_is() {
        assert_eq!(clean("\u{1b}[2Jx"), "\\u{1b}[2Jx");
        assert_eq!(clean("a\nb\u{9b}c\u{202e}d"), "a\\u{a}b\\u{9b}c\\u{202e}d");
        assert_eq!(clean("Élise Groß 東京"), "Élise Groß 東京");
    }

    #[test]
    fn values_read_as_people_say_them() {
        assert_eq!(value(&json!(null)), "-");
        assert_eq!(value(&json!(["Saw", "Axe"])), "Saw, Axe");
        assert_eq!(value(&json!({"id": "1", "name": "Ada\u{7}"})), "Ada\\u{7}");
        assert_eq!(value(&json!(5)), "5");
    }

    #[test]
    fn thousands_stand_apart() {
        let shown = [0, 999, 1_000, 1_234_567, -12_345].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567", "-12,345"]);
    }
}

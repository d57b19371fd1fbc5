//! The text form: `((Field:op:value)and(Field:op:value))` (wire API 9.6).
//!
//! A comma separates values; `,`, `(`, `)` and `\` inside a value are written with a backslash
//! before them. `and` and `or` never stand in one group without parentheses between them: which
//! binds tighter is documented nowhere, and a guess would select the wrong records.

use super::tree::is_field_name;
use super::{Comparator, Condition, Criteria, CriteriaError, Fault, GroupOp, Literal};
use crate::limits::{CONDITIONS_MAX, CRITERIA_BYTES_MAX, CRITERIA_DEPTH_MAX, IN_VALUES_MAX};

/// Characters of a value that the text form escapes.
const ESCAPED: [char; 4] = [',', '(', ')', '\\'];

/// Open parentheses at once: each group has a pair, and so has each condition.
const PARENTHESES_MAX: usize = CRITERIA_DEPTH_MAX + 1;

impl Criteria {
    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, CriteriaError> {
        if text.len() > CRITERIA_BYTES_MAX {
            return Err(CriteriaError::at_offset(
                Fault::TooLarge,
                0,
                format!("A criteria has at most {CRITERIA_BYTES_MAX} bytes."),
            ));
        }
        let mut reader = Reader {
            text,
            at: 0,
            conditions: 0,
        };
        reader.skip_blanks();
        let criteria = if reader.peek() == Some('(') {
            reader.group(0)?
        } else {
            reader.condition(false)?
        };
        reader.skip_blanks();
        if reader.peek().is_some() {
            return Err(reader.error("Expected `and`, `or` or the end."));
        }
        if criteria.depth() > CRITERIA_DEPTH_MAX {
            return Err(too_deep(0));
        }
        Ok(criteria)
    }

    /// Writes the text form. Numbers, truth values and references become texts, which mean the
    /// same to every field that takes them.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        out.push('(');
        match self {
            Self::Condition(condition) => {
                out.push_str(&condition.field);
                out.push(':');
                out.push_str(condition.comparator.text_name());
                out.push(':');
                for (i, value) in condition.values.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    for c in value.as_text().chars() {
                        if ESCAPED.contains(&c) {
                            out.push('\\');
                        }
                        out.push(c);
                    }
                }
            }
            Self::Group { op, items } => {
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push_str(match op {
                            GroupOp::And => "and",
                            GroupOp::Or => "or",
                        });
                    }
                    item.write(out);
                }
            }
        }
        out.push(')');
    }
}

fn too_deep(offset: usize) -> CriteriaError {
    CriteriaError::at_offset(
        Fault::TooLarge,
        offset,
        format!("Groups nest at most {CRITERIA_DEPTH_MAX} deep."),
    )
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    conditions: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, message: impl Into<String>) -> CriteriaError {
        CriteriaError::at_offset(Fault::Syntax, self.at, message)
    }

    fn expect(&mut self, wanted: char) -> Result<(), CriteriaError> {
        self.skip_blanks();
        if self.peek() == Some(wanted) {
            self.at += wanted.len_utf8();
            Ok(())
        } else {
            Err(self.error(format!("Expected `{wanted}`.")))
        }
    }

    /// Items with one operator between them; one item alone is no group.
    fn group(&mut self, open: usize) -> Result<Criteria, CriteriaError> {
        let mut items = vec![self.item(open)?];
        let mut op = None;
        loop {
            self.skip_blanks();
            let start = self.at;
            let Some(next) = self.operator() else {
                break;
            };
            if *op.get_or_insert(next) != next {
                return Err(CriteriaError::at_offset(
                    Fault::Syntax,
                    start,
                    "`and` and `or` in one group need parentheses that say which goes first.",
                ));
            }
            items.push(self.item(open)?);
        }
        match (op, items.pop()) {
            (None, Some(item)) => Ok(item),
            (op, last) => {
                items.extend(last);
                let op = op.unwrap_or(GroupOp::And);
                Ok(Criteria::Group { op, items })
            }
        }
    }

    fn operator(&mut self) -> Option<GroupOp> {
        let rest = self.rest();
        let word = rest
            .split(|c: char| !c.is_ascii_alphabetic())
            .next()
            .unwrap_or_default();
        let op = GroupOp::from_name(word)?;
        self.at += word.len();
        Some(op)
    }

    /// What stands in one pair of parentheses.
    fn item(&mut self, open: usize) -> Result<Criteria, CriteriaError> {
        self.expect('(')?;
        if open == PARENTHESES_MAX {
            return Err(too_deep(self.at - 1));
        }
        self.skip_blanks();
        let item = if self.peek() == Some('(') {
            self.group(open + 1)?
        } else {
            self.condition(true)?
        };
        self.expect(')')?;
        Ok(item)
    }

    /// `Field:op:value`, up to a parenthesis that is not its own or to the end.
    fn condition(&mut self, in_parentheses: bool) -> Result<Criteria, CriteriaError> {
        let offset = self.at;
        if self.conditions == CONDITIONS_MAX {
            return Err(CriteriaError::at_offset(
                Fault::TooManyConditions,
                offset,
                format!("A criteria has at most {CONDITIONS_MAX} conditions."),
            ));
        }
        self.conditions += 1;
        let field = self.name("a field name and `:`")?;
        if !is_field_name(field) {
            return Err(CriteriaError::at_offset(
                Fault::Syntax,
                offset,
                "Expected a field name.",
            ));
        }
        let start = self.at;
        let name = self.name("a comparator and `:`")?;
        let comparator = Comparator::from_name(name).ok_or_else(|| {
            CriteriaError::at_offset(
                Fault::Comparator,
                start,
                format!("`{name}` is not a comparator."),
            )
        })?;
        let values = self.values(in_parentheses)?;
        Ok(Criteria::Condition(Condition {
            field: field.to_owned(),
            comparator,
            values,
            offset,
        }))
    }

    /// What stands before the next colon, without blanks around it.
    fn name(&mut self, wanted: &str) -> Result<&'a str, CriteriaError> {
        let rest = self.rest();
        let end = rest.find([':', ',', '(', ')', '\\']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        self.at += end;
        if !after.starts_with(':') {
            return Err(self.error(format!("Expected {wanted}.")));
        }
        self.at += 1;
        Ok(name.trim())
    }

    fn values(&mut self, in_parentheses: bool) -> Result<Vec<Literal>, CriteriaError> {
        let mut values = Vec::new();
        let mut value = String::new();
        while let Some(c) = self.peek() {
            match c {
                ')' if in_parentheses => break,
                '(' | ')' => {
                    return Err(self.error(format!("`{c}` inside a value is written `\\{c}`.")));
                }
                ',' => {
                    values.push(Literal::Text(std::mem::take(&mut value)));
                    if values.len() == IN_VALUES_MAX {
                        return Err(CriteriaError::at_offset(
                            Fault::TooLarge,
                            self.at,
                            format!("A condition has at most {IN_VALUES_MAX} values."),
                        ));
                    }
                }
                '\\' => {
                    // A backslash before anything else stands for itself.
                    let escaped = self.rest().chars().nth(1).filter(|c| ESCAPED.contains(c));
                    if escaped.is_some() {
                        self.next();
                    }
                    value.push(escaped.unwrap_or('\\'));
                }
                _ => value.push(c),
            }
            self.next();
        }
        values.push(Literal::Text(value));
        Ok(values)
    }
}

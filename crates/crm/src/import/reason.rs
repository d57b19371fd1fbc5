//! A refusal as a sentence for the rejects file.

use serde_json::Value as Json;

/// Says why a row was refused, from the wire's error object.
pub fn reason(error: &Json) -> String {
    let detail = |key: &str| error.pointer(&format!("/details/{key}"));
    let message = error.get("message").and_then(Json::as_str);
    let what = match error.get("code").and_then(Json::as_str) {
        Some("MANDATORY_NOT_FOUND") => "a value is needed".to_owned(),
        Some("DUPLICATE_DATA") => match detail("duplicate_record/id").and_then(Json::as_str) {
            Some(id) => format!("record {id} has this value already"),
            None => "an earlier row has this value already".to_owned(),
        },
        code => misfit(&detail).unwrap_or_else(|| {
            let message = message.or(code).unwrap_or("refused without a reason");
            message.to_owned()
        }),
    };
    match detail("api_name").and_then(Json::as_str) {
        Some(field) => format!("{field}: {what}"),
        None => what,
    }
}

/// Why a value does not fit its field.
fn misfit<'a>(detail: &impl Fn(&str) -> Option<&'a Json>) -> Option<String> {
    if let Some(wanted) = detail("expected_data_type").and_then(Json::as_str) {
        return Some(format!("not a value of type {wanted}"));
    }
    if let Some(max) = detail("maximum_length") {
        return Some(format!("longer than {max} characters"));
    }
    if let Some(max) = detail("limit") {
        return Some(format!("more than {max} values"));
    }
    if let (Some(from), Some(to)) = (detail("range/from"), detail("range/to")) {
        return Some(format!("not between {from} and {to}"));
    }
    let places = detail("maximum_decimal_place")?;
    Some(format!("more than {places} decimal places"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_refusal_has_its_sentence() {
        for (error, wanted) in [
            (
                json!({"code": "MANDATORY_NOT_FOUND", "details": {"api_name": "Last_Name"}}),
                "Last_Name: a value is needed",
            ),
            (
                json!({"code": "DUPLICATE_DATA", "details": {"api_name": "Email"}}),
                "Email: an earlier row has this value already",
            ),
            (
                json!({"code": "DUPLICATE_DATA", "details": {"api_name": "Email",
                       "duplicate_record": {"id": "7"}}}),
                "Email: record 7 has this value already",
            ),
            (
                json!({"code": "INVALID_DATA", "details": {"api_name": "Email",
                       "expected_data_type": "email"}}),
                "Email: not a value of type email",
            ),
            (
                json!({"code": "INVALID_DATA", "details": {"api_name": "A", "maximum_length": 9}}),
                "A: longer than 9 characters",
            ),
            (
                json!({"code": "INVALID_DATA",
                       "details": {"api_name": "A", "maximum_decimal_place": 2}}),
                "A: more than 2 decimal places",
            ),
            (
                json!({"code": "INVALID_DATA", "details": {"api_name": "A", "limit": 100}}),
                "A: more than 100 values",
            ),
            (
                json!({"code": "INVALID_DATA",
                       "details": {"api_name": "A", "range": {"from": -9, "to": 9}}}),
                "A: not between -9 and 9",
            ),
            (
                json!({"code": "INVALID_DATA", "message": "Not so.",
                       "details": {"api_name": "A"}}),
                "A: Not so.",
            ),
            (
                json!({"code": "NO_PERMISSION", "message": "permission denied"}),
                "permission denied",
            ),
            (json!({"code": "ODD"}), "ODD"),
            (json!(5), "refused without a reason"),
        ] {
            assert_eq!(reason(&error), wanted);
        }
    }
}

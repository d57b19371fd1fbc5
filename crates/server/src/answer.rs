//! What a request is answered, and the only place where errors become HTTP.

use crate::stream::Stream;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::{Error, Fault};

/// The content type of every JSON answer, to the letter: clients compare it (wire API, A 11).
pub const JSON: &str = "application/json;charset=UTF-8";

/// Seconds after which a client may try again when the database was busy.
const RETRY_AFTER: &str = "1";
/// Seconds after which a client may try again that asked for too much (wire API 8.3).
const RETRY_LATER: &str = "60";

/// What stands in an answer.
#[derive(Debug)]
pub enum Body {
    /// Nothing at all.
    Empty,
    /// JSON.
    Json(Json),
    /// Anything else, with its content type.
    Other(&'static str, Vec<u8>),
    /// What comes piece by piece, with its content type.
    Stream(&'static str, Box<Stream>),
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Body,
    /// Headers beside those that every answer has; names in small letters.
    pub headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// JSON with a status.
    pub fn json(status: u16, body: Json) -> Self {
        Self {
            status,
            body: Body::Json(body),
            headers: Vec::new(),
        }
    }

    /// 200 with JSON.
    pub fn ok(body: Json) -> Self {
        Self::json(200, body)
    }

    /// `{"data":[…]}`, the form of most answers about records.
    pub fn data(status: u16, items: Vec<Json>) -> Self {
        Self::json(status, json!({ "data": items }))
    }

    /// 204: nothing found.
    pub fn no_content() -> Self {
        Self {
            status: 204,
            body: Body::Empty,
            headers: Vec::new(),
        }
    }

    /// A body that is not JSON.
    pub fn other(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: Body::Other(content_type, body.into()),
            headers: Vec::new(),
        }
    }

    /// 200 with a body that comes piece by piece.
    pub(crate) fn stream(content_type: &'static str, stream: Stream) -> Self {
        Self {
            status: 200,
            body: Body::Stream(content_type, Box::new(stream)),
            headers: Vec::new(),
        }
    }

    /// A refusal with a status of its own, where a version's table says so; otherwise return the
    /// refusal as an error.
    pub fn refused(refusal: &Refusal, status: u16) -> Self {
        Self::json(status, refusal.to_json())
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// What a fault is answered. A fault of the store is logged here, once; callers never see it.
    pub(crate) fn of_fault(fault: &Fault, request_id: &str) -> Self {
        match fault {
            Fault::Refused(refusal) => {
                let status = refusal.code.status();
                let answer = if status < 500 {
                    Self::refused(refusal, status)
                } else {
                    let refusal = refusal.as_ref().clone().with("request_id", request_id);
                    Self::refused(&refusal, status)
                };
                match refusal.code {
                    Code::TooManyRequests => answer.with_header("retry-after", RETRY_LATER),
                    Code::ServiceUnavailable => answer.with_header("retry-after", RETRY_AFTER),
                    _ => answer,
                }
            }
            Fault::Store(error) => {
                let error_text = error.to_string();
                let passing = error.is_passing();
                if passing {
                    tracing::warn!(
                        request_id,
                        error = error_text,
                        "the database is not available"
                    );
                } else {
                    tracing::error!(request_id, error = error_text, "the database failed");
                }
                Self::of_store_error(error, request_id)
            }
        }
    }

    fn of_store_error(error: &Error, request_id: &str) -> Self {
        match error {
            Error::Busy(_)
            | Error::Conflict(_)
            | Error::Away(_)
            | Error::Full(_)
            | Error::ReadOnly(_) => Self::unavailable(request_id),
            Error::OutcomeUnknown(_) => Self::internal(Map::from_iter([
                ("request_id".to_owned(), request_id.into()),
                ("outcome".to_owned(), "unknown".into()),
            ])),
            Error::Constraint(_)
            | Error::Inconsistent(_)
            | Error::Unusable(_)
            | Error::Driver(_) => Self::broken(request_id),
        }
    }

    /// 503: nothing was changed, and trying again may help.
    pub(crate) fn unavailable(request_id: &str) -> Self {
        let refusal = Refusal::new(Code::ServiceUnavailable).with("request_id", request_id);
        Self::refused(&refusal, 503).with_header("retry-after", RETRY_AFTER)
    }

    /// 500: this program is at fault.
    pub(crate) fn broken(request_id: &str) -> Self {
        Self::internal(Map::from_iter([(
            "request_id".to_owned(),
            request_id.into(),
        )]))
    }

    fn internal(details: Map<String, Json>) -> Self {
        let mut refusal = Refusal::new(Code::InternalError);
        refusal.details = details;
        Self::refused(&refusal, 500)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(answer: &Answer) -> &Json {
        match &answer.body {
            Body::Json(json) => json,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_is_the_wires_error_object_with_its_status() {
        let fault = Fault::from(Refusal::new(Code::NotFound));
        let answer = Answer::of_fault(&fault, "r1");
        assert_eq!(answer.status, 404);
        assert_eq!(
            body(&answer).to_string(),
            r#"{"code":"NOT_FOUND","details":{},"message":"Empty response","status":"error"}"#
        );
        assert_eq!(
            Answer::refused(&Refusal::new(Code::NotFound), 200).status,
            200
        );
    }

    #[test]
    fn each_failure_of_the_store_has_its_answer_and_says_nothing_of_it() {
        let text = || "secret detail".to_owned();
        for (error, status, code) in [
            (Error::Busy(text()), 503, "SERVICE_UNAVAILABLE"),
            (Error::Conflict(text()), 503, "SERVICE_UNAVAILABLE"),
            (Error::Away(text()), 503, "SERVICE_UNAVAILABLE"),
            (Error::Full(text()), 503, "SERVICE_UNAVAILABLE"),
            (Error::ReadOnly(text()), 503, "SERVICE_UNAVAILABLE"),
            (Error::OutcomeUnknown(text()), 500, "INTERNAL_ERROR"),
            (Error::Constraint(text()), 500, "INTERNAL_ERROR"),
            (Error::Inconsistent(text()), 500, "INTERNAL_ERROR"),
            (Error::Unusable(text()), 500, "INTERNAL_ERROR"),
            (Error::Driver(text()), 500, "INTERNAL_ERROR"),
        ] {
            let unknown = matches!(error, Error::OutcomeUnknown(_));
            let answer = Answer::of_fault(&Fault::Store(error), "r1");
            assert_eq!(answer.status, status);
            assert_eq!(body(&answer)["code"], code);
            assert_eq!(body(&answer)["details"]["request_id"], "r1");
            assert_eq!(body(&answer)["details"].get("outcome").is_some(), unknown);
            assert!(!body(&answer).to_string().contains("secret"));
            let retry = answer
                .headers
                .iter()
                .any(|(name, _)| *name == "retry-after");
            assert_eq!(retry, status == 503);
        }
    }
}

//! A request as a handler sees it: already matched, decoded and, for all but open routes, authorised.

use crate::App;
use crate::answer::Answer;
use crate::auth::Authorized;
use crate::file::{self, UPLOAD_BYTES_MAX};
use crate::stream::{Source, Streams};
use crate::version::{Endpoint, Version};
use axum::body::Bytes;
use axum::http::HeaderMap;
use model::limits::BODY_DEPTH_MAX;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Map, Value as Json};
use std::ops::Deref;

/// The query string, decoded, in its order.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a raw query string.
    pub fn parse(raw: &str) -> Self {
        let pairs = form_urlencoded::parse(raw.as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a parameter, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The values of a list parameter: `a,b&…=c` are three.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.all(name)
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .collect()
    }

    /// All pairs, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

/// What was received of a body.
#[derive(Clone, Debug)]
pub(crate) enum Received {
    /// All of it.
    Whole(Vec<u8>),
    /// More than this.
    TooLarge(usize),
    /// None of it: others send as many files as there is room for.
    Crowded,
    /// Not all of it within the time.
    TooSlow,
    /// The connection broke, or the body was not as its headers say.
    Broken,
}

/// A request to a route that needs no token.
pub struct Ask<'a> {
    /// What every request has at hand.
    pub app: &'a App,
    /// The path, as it was asked.
    pub path: String,
    /// The query string.
    pub query: Query,
    /// The headers, without `Authorization`.
    pub headers: HeaderMap,
    /// The body as it was received.
    pub body: Bytes,
    /// When the request was taken up.
    pub now: Timestamp,
    /// Its id in the log.
    pub request_id: &'a str,
    pub(crate) params: Vec<(String, String)>,
}

impl Ask<'_> {
    /// A parameter of the path, decoded; empty when the route has none of this name.
    pub fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// A header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, which must be a JSON object. No content type is needed (wire API, A 9).
    pub fn json(&self) -> Result<Json, Refusal> {
        self.json_object().map(Json::Object)
    }

    /// The same as a map.
    pub fn json_object(&self) -> Result<Map<String, Json>, Refusal> {
        let refused = || not_a_body().with("expected_data_type", "jsonobject");
        if depth(&self.body) > BODY_DEPTH_MAX {
            return Err(refused().with("limit", BODY_DEPTH_MAX));
        }
        match serde_json::from_slice(&self.body) {
            Ok(Json::Object(object)) => Ok(object),
            _ => Err(refused()),
        }
    }
}

/// A request of somebody: an [`Ask`] with the version and who asks.
pub struct Call<'a> {
    pub(crate) ask: Ask<'a>,
    /// The version of the URL; on native routes the newest.
    pub version: Version,
    /// What the wire API calls that which is asked for.
    pub endpoint: Endpoint,
    /// Who asks, and what their token is good for.
    pub actor: Authorized,
}

impl<'a> Deref for Call<'a> {
    type Target = Ask<'a>;

    fn deref(&self) -> &Self::Target {
        &self.ask
    }
}

impl Call<'_> {
    /// A refusal in the words of this version and endpoint.
    pub fn tell(&self, refusal: Refusal) -> Refusal {
        self.version.tell(self.endpoint, refusal).1
    }

    /// The same as an answer, with the status that it has there.
    pub fn refused(&self, refusal: Refusal) -> Answer {
        match self.version.tell(self.endpoint, refusal) {
            (204, _) => Answer::no_content(),
            (status, refusal) => Answer::refused(&refusal, status),
        }
    }

    /// Answers with a body that comes piece by piece from this source.
    pub fn stream(
        &self,
        content_type: &'static str,
        source: impl Source + 'static,
    ) -> Result<Answer, Refusal> {
        let stream = Streams::open(self.app, &self.actor, source)?;
        Ok(Answer::stream(content_type, stream))
    }
}

fn not_a_body() -> Refusal {
    Refusal::new(Code::InvalidData).saying("body")
}

impl Received {
    /// The bytes, or why there are none.
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Whole(bytes) => Ok(bytes),
            Self::TooLarge(UPLOAD_BYTES_MAX) => Err(file::too_large()),
            Self::TooLarge(limit) => {
                let refusal = not_a_body().because(Reason::TooLarge);
                Err(refusal.with("limit", limit))
            }
            Self::Crowded => {
                let text = "too many files are being sent now: try again";
                Err(Refusal::new(Code::ServiceUnavailable).saying(text))
            }
            Self::TooSlow => Err(Refusal::new(Code::InvalidData)
                .because(Reason::TooSlow)
                .saying("the body did not arrive in time")),
            Self::Broken => Err(not_a_body()),
        }
    }
}

/// How deep the brackets of a JSON text nest, without parsing it: a parser that recurses must not
/// see a text that is too deep for it.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        for (text, wanted) in [
            ("", 0),
            ("1", 0),
            ("{}", 1),
            (r#"{"a":[1,[2]]}"#, 3),
            (r#"{"a[[[":"{{{"}"#, 1),
            (r#"{"a\"[[":"\\"}"#, 1),
            ("[[[", 3),
            ("]]][", 1),
        ] {
            assert_eq!(depth(text.as_bytes()), wanted, "{text}");
        }
    }

    #[test]
    fn a_query_is_decoded_in_order() {
        let query = Query::parse("fields=Last_Name%2COwner&a=1&a=2&b=x+y&fields=Id&c");
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.get("b"), Some("x y"));
        assert_eq!(query.get("c"), Some(""));
        assert_eq!(query.get("d"), None);
        assert_eq!(query.list("fields"), ["Last_Name", "Owner", "Id"]);
    }
}

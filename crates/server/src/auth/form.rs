//! Parameters of the token endpoints. SDKs send them in the query, as a form, as a multipart form,
//! or as JSON (wire API, C), so all of these are read, in this order.

use crate::call::Ask;
use crate::multipart;
use axum::http::header;
use serde_json::Value as Json;

/// The parameters, first come first.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads them. What cannot be read is not there.
    pub(crate) fn read(ask: &Ask<'_>) -> Self {
        let mut pairs: Vec<(String, String)> = ask
            .query
            .pairs()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let content_type = ask
            .header(header::CONTENT_TYPE.as_str())
            .unwrap_or_default();
        if content_type.starts_with("multipart/form-data") {
            pairs.extend(multipart(ask, content_type));
        } else if ask.body.trim_ascii_start().starts_with(b"{") {
            pairs.extend(json(ask));
        } else {
            pairs.extend(form_urlencoded::parse(&ask.body).into_owned());
        }
        Self(pairs)
    }

    /// A parameter; an empty one is not there.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}

fn json(ask: &Ask<'_>) -> Vec<(String, String)> {
    let object = ask.json_object().unwrap_or_default();
    let texts = object.into_iter().filter_map(|(name, value)| match value {
        Json::String(text) => Some((name, text)),
        _ => None,
    });
    texts.collect()
}

/// The parts up to where the form breaks off.
fn multipart(ask: &Ask<'_>, content_type: &str) -> Vec<(String, String)> {
    let Some(boundary) = multipart::boundary(content_type) else {
        return Vec::new();
    };
    let parts = multipart::parts(boundary, &ask.body).map_while(Result::ok);
    let pairs = parts.map_while(|part| {
        let name = part.name().unwrap_or_default().to_owned();
        Some((name, part.text().ok()?))
    });
    pairs.collect()
}

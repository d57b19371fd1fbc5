//! The one reader of multipart forms: what `multer` reads, without waiting, because all bytes are
//! here.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header::CONTENT_DISPOSITION};
use multer::{Field, Multipart};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Characters of what parts a form (RFC 2046, 5.1.1).
const BOUNDARY_MAX: usize = 70;

/// The form cannot be read on from here.
#[derive(Debug)]
pub(crate) struct BrokenOff;

/// The parts of a form, in order.
pub(crate) struct Parts(Multipart<'static>);

/// A part of a form.
pub(crate) struct Part(Field<'static>);

/// What parts the form of this content type, if it is one.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, params) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut params = params.split(';').filter_map(|param| param.split_once('='));
    let found = params.find(|(key, _)| key.trim().eq_ignore_ascii_case("boundary"));
    let boundary = found?.1.trim().trim_matches('"');
    let good = !boundary.is_empty() && boundary.len() <= BOUNDARY_MAX;
    good.then_some(boundary)
}

/// The parts of a body that this boundary parts.
pub(crate) fn parts(boundary: &str, body: &Bytes) -> Parts {
    let stream = Body::from(body.clone()).into_data_stream();
    Parts(Multipart::new(stream, boundary))
}

/// What is there at once.
fn at_once<T, E>(read: impl Future<Output = Result<T, E>>) -> Result<T, BrokenOff> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(read).poll(&mut context) {
        Poll::Ready(read) => read.map_err(|_| BrokenOff),
        Poll::Pending => Err(BrokenOff),
    }
}

impl Iterator for Parts {
    type Item = Result<Part, BrokenOff>;

    /// The next part; the one before must be read or gone.
    fn next(&mut self) -> Option<Self::Item> {
        at_once(self.0.next_field())
            .map(|field| field.map(Part))
            .transpose()
    }
}

impl Part {
    /// Its name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.name()
    }

    /// What its head says of it.
    pub(crate) fn disposition(&self) -> String {
        let disposition = self.0.headers().get(CONTENT_DISPOSITION);
        let bytes = disposition.map(HeaderValue::as_bytes);
        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
    }

    /// Its content.
    pub(crate) fn content(mut self) -> Result<Bytes, BrokenOff> {
        // A body that is all here comes in one piece.
        let content = at_once(self.0.chunk())?;
        Ok(content.unwrap_or_default())
    }

    /// The same as a text.
    pub(crate) fn text(self) -> Result<String, BrokenOff> {
        at_once(self.0.text())
    }
}

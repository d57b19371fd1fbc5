//! `Idempotency-Key`: a request that starts something can be sent again without starting it twice.
//!
//! What was answered is stored in the transaction that does what was asked. So there is no moment at
//! which one is there without the other: whoever sends the request again, after a crash or at the same
//! time, finds the answer or does it for the first time. A refusal is not kept: nothing was done.

use crate::answer::{Answer, Body};
use crate::auth;
use crate::call::Call;
use model::limits::{IDEMPOTENCY_KEY_MAX, IDEMPOTENCY_MS};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use store::idempotency::{self, Kept, Key};
use store::{Error, Fault, Tx};

const HEADER: &str = "idempotency-key";
/// Stands for the client of a token that was made without one.
const NO_CLIENT: &str = "none";
/// Says that an answer is an earlier one.
const REPLAYED: &str = "idempotent-replayed";

/// A request that is done once, if it has a key.
pub(super) struct Once<'a> {
    call: &'a Call<'a>,
    key: Option<(Key, String)>,
}

/// Does what a request asks for, unless it was done before under its key: then it is answered as it
/// was then. `work` must hand its answer to [`Once::keep`] in the transaction that accepts.
pub(super) fn once<'a>(
    call: &'a Call<'a>,
    work: impl FnOnce(&Once<'a>) -> Result<Answer, Fault>,
) -> Result<Answer, Fault> {
    let once = Once {
        call,
        key: key_of(call)?,
    };
    if let Some(answer) = once.earlier()? {
        return Ok(answer);
    }
    // Another request with the key may have gone first meanwhile, and be what is in the way now; and
    // when it is not known whether this one was done, its answer says so.
    work(&once).or_else(|fault| once.earlier()?.ok_or(fault))
}

impl Once<'_> {
    /// Keeps the answer, in the transaction that does what was asked. Refuses when another request
    /// with the key has just done it.
    pub(super) fn keep(&self, tx: &mut Tx, answer: &Answer) -> Result<(), Fault> {
        let Some((key, body_hash)) = &self.key else {
            return Ok(());
        };
        let Body::Json(json) = &answer.body else {
            let text = "only answers in JSON are kept".to_owned();
            return Err(Error::Inconsistent(text).into());
        };
        let kept = Kept {
            body_hash: body_hash.clone(),
            status: i64::from(answer.status),
            answer: json.to_string(),
        };
        if idempotency::keep(tx, key, &kept, self.since(), self.call.now)? {
            return Ok(());
        }
        let text = "a request with this key was done a moment ago: ask again for its answer";
        Err(Refusal::new(Code::KeyReused).saying(text).into())
    }

    fn since(&self) -> Timestamp {
        self.call.now.plus_ms(-IDEMPOTENCY_MS)
    }

    /// What was answered before.
    fn earlier(&self) -> Result<Option<Answer>, Fault> {
        let Some((key, body_hash)) = &self.key else {
            return Ok(None);
        };
        let since = self.since();
        let found = self
            .call
            .app
            .db
            .read(|tx| Ok(idempotency::find(tx, key, since)?))?;
        let Some(kept) = found else {
            return Ok(None);
        };
        if kept.body_hash != *body_hash {
            return Err(Refusal::new(Code::KeyReused).into());
        }
        let json = serde_json::from_str(&kept.answer)
            .map_err(|error| Error::Inconsistent(format!("a kept answer: {error}")))?;
        let status = u16::try_from(kept.status).unwrap_or(200);
        Ok(Some(
            Answer::json(status, json).with_header(REPLAYED, "true"),
        ))
    }
}

/// The key of the header: visible ASCII, of a bounded length.
fn key_of(call: &Call<'_>) -> Result<Option<(Key, String)>, Refusal> {
    if !call.headers.contains_key(HEADER) {
        return Ok(None);
    }
    let visible = |text: &&str| {
        let range = 1..=IDEMPOTENCY_KEY_MAX;
        range.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let mut all = call.headers.get_all(HEADER).iter();
    let first = all.next().and_then(|value| value.to_str().ok());
    let text = first.filter(visible).filter(|_| all.next().is_none());
    let text = text.ok_or_else(|| {
        Refusal::new(Code::InvalidData)
            .saying("the idempotency key needs to be one text of visible ASCII characters")
            .with("header", "Idempotency-Key")
            .with("maximum_length", IDEMPOTENCY_KEY_MAX)
    })?;
    let client = call.actor.client.map(|client| client.to_string());
    let key = Key {
        client: client.unwrap_or_else(|| NO_CLIENT.to_owned()),
        user: call.actor.user,
        path: call.path.clone(),
        key: text.to_owned(),
    };
    Ok(Some((key, auth::hash_bytes(&call.body))))
}

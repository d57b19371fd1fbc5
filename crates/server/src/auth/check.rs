//! From the `Authorization` header to who asks (wire API 7.4).

use crate::auth::{ScopeRule, ScopeSubject, secret};
use crate::version::Version;
use axum::http::{HeaderMap, header};
use model::catalog::Catalog;
use model::id::{ClientId, UserId};
use model::module::Module;
use model::people::UserStatus;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use model::scope::{Op, Scopes};
use model::time::Timestamp;
use std::sync::Arc;
use store::tokens::{self, TokenKind};
use store::{Db, Error, Fault, Tx};

/// Who asks, and what their token is good for.
#[derive(Clone, Debug)]
pub struct Authorized {
    /// For whom the request acts.
    pub user: UserId,
    /// Which client sent it; `None` when the token was made at the console.
    pub client: Option<ClientId>,
    /// What the token may be used for.
    pub scopes: Scopes,
    /// The hash of the token.
    pub(crate) token: String,
    /// When the token ends.
    pub expires_at: Option<Timestamp>,
}

impl Authorized {
    /// Whether the token is good for reading records of this module.
    pub(crate) fn reads(&self, module: &Module) -> bool {
        let asked = ScopeSubject {
            version: Version::V8,
            segment: &module.api_name,
            module: Some(module),
        };
        ScopeRule::Records(Op::Read).admits(&self.scopes, asked)
    }
}

/// The token of the header, by either scheme in any case.
fn token_of(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.trim().split_once(' ')?;
    let known = ["Zoho-oauthtoken", "Bearer"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(scheme));
    let token = token.trim();
    (known && !token.is_empty()).then_some(token)
}

/// Says who asks, with the catalog as it is now; a request without a valid token is refused, and so
/// is one of a user who was deactivated.
pub(crate) fn authorise(
    db: &Db,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<(Authorized, Arc<Catalog>), Fault> {
    let token = token_of(headers).ok_or_else(|| Refusal::new(Code::AuthenticationFailure))?;
    let hash = secret::hash(token);
    db.read(|tx| holder(tx, &hash, now))
}

/// Says who holds the token of this hash now, likewise.
pub(crate) fn holder(
    tx: &mut Tx,
    hash: &str,
    now: Timestamp,
) -> Result<(Authorized, Arc<Catalog>), Fault> {
    let invalid = || Refusal::new(Code::InvalidToken);
    let token = tokens::find(tx, hash, TokenKind::Access, now)?.ok_or_else(invalid)?;
    let catalog = tx.find_catalog().ok_or_else(invalid)?;
    let user = catalog.user(token.user).ok_or_else(invalid)?;
    if user.status != UserStatus::Active {
        let refusal = Refusal::new(Code::AuthorizationFailed);
        return Err(refusal.because(Reason::NoAccess).into());
    }
    let scopes = Scopes::parse(&token.scopes)
        .map_err(|error| Error::Inconsistent(format!("a token's scopes: {error}")))?;
    let actor = Authorized {
        user: token.user,
        client: token.client,
        scopes,
        token: token.hash,
        expires_at: token.expires_at,
    };
    Ok((actor, catalog))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_schemes_are_read_in_any_case() {
        for (text, wanted) in [
            ("Zoho-oauthtoken abc", Some("abc")),
            ("zoho-OAUTHTOKEN  abc ", Some("abc")),
            ("bearer abc", Some("abc")),
            ("Basic abc", None),
            ("abc", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, text.parse().unwrap());
            assert_eq!(token_of(&headers), wanted, "{text:?}");
        }
        assert_eq!(token_of(&HeaderMap::new()), None);
    }
}

//! Tokens: grant codes, refresh tokens and access tokens. Only hashes are kept.

use crate::insert::Insert;
use crate::row::{Columns, columns};
use crate::tx::Tx;
use crate::{Result, params};
use model::id::{ClientId, UserId};
use model::time::Timestamp;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Exchanged once for a refresh token and an access token.
    Code,
    /// Exchanged for access tokens until it is revoked.
    Refresh,
    /// Opens the API for an hour.
    Access,
}

impl TokenKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Refresh => "refresh",
            Self::Access => "access",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Code, Self::Refresh, Self::Access];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A token as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The hash of what its holder shows.
    pub hash: String,
    /// What it is good for.
    pub kind: TokenKind,
    /// The client it was given to; `None` for one made at the console.
    pub client: Option<ClientId>,
    /// For whom it acts.
    pub user: UserId,
    /// What it may be used for, joined by spaces.
    pub scopes: String,
    /// The hash of the refresh token that an access token came from.
    pub parent: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
}

columns! {
    Token { hash, kind, client, user: user_id, scopes, parent, created_at, expires_at }
}

/// Stores a token.
pub fn insert(tx: &mut Tx, token: &Token) -> Result<()> {
    Insert::into("tokens").row(token).one(tx)
}

/// The valid token of this hash: neither expired, nor of a revoked client.
pub fn find(tx: &mut Tx, hash: &str, kind: TokenKind, now: Timestamp) -> Result<Option<Token>> {
    let sql = format!(
        "SELECT {} FROM tokens t LEFT JOIN clients c ON c.id = t.client
         WHERE t.hash = $1 AND t.kind = $2 AND (t.expires_at IS NULL OR t.expires_at > $3)
         AND c.revoked_at IS NULL",
        Token::list().of("t")
    );
    tx.query_as_opt(&sql, params![hash, kind.as_str(), now.0])
}

/// The same, locked, so that it is neither used nor revoked while it is being used here.
pub fn lock(tx: &mut Tx, hash: &str, kind: TokenKind, now: Timestamp) -> Result<Option<Token>> {
    let from = format!(
        "FROM tokens WHERE hash = $1 AND kind = $2 AND (expires_at IS NULL OR expires_at > $3){}",
        tx.dialect().for_update()
    );
    tx.select_opt(&from, params![hash, kind.as_str(), now.0])
}

/// Makes a token worthless from now on, but keeps it to be counted.
pub fn expire(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE tokens SET expires_at = $2 WHERE hash = $1";
    tx.execute(sql, params![hash, now.0])?;
    Ok(())
}

/// How many access tokens a refresh token gave since then.
pub fn count_children(tx: &mut Tx, parent: &str, since: Timestamp) -> Result<i64> {
    let sql = "SELECT count(*) FROM tokens WHERE parent = $1 AND created_at > $2";
    tx.value(sql, params![parent, since.0])
}

/// How many codes or refresh tokens a client was given since then.
pub fn count_of_client(
    tx: &mut Tx,
    client: ClientId,
    kind: TokenKind,
    since: Timestamp,
) -> Result<i64> {
    let sql = "SELECT count(*) FROM tokens WHERE client = $1 AND kind = $2 AND created_at > $3";
    tx.value(sql, params![client.0, kind.as_str(), since.0])
}

/// Removes the oldest valid access tokens of a refresh token, so that at most so many stay.
pub fn keep_children(tx: &mut Tx, parent: &str, keep: i64, now: Timestamp) -> Result<()> {
    let sql = "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE parent = $1
               AND expires_at > $3 ORDER BY created_at DESC, hash LIMIT 1000 OFFSET $2)";
    tx.execute(sql, params![parent, keep, now.0])?;
    Ok(())
}

/// Removes the oldest refresh tokens that a client has of a user, and the access tokens that came
/// from them, so that at most so many stay.
pub fn keep_refresh(tx: &mut Tx, client: ClientId, user: UserId, keep: i64) -> Result<()> {
    let sql = "SELECT hash FROM tokens WHERE client = $1 AND user_id = $2 AND kind = 'refresh'
               ORDER BY created_at DESC, hash LIMIT 1000 OFFSET $3";
    for hash in tx.values::<String>(sql, params![client.0, user.0, keep])? {
        revoke(tx, &hash)?;
    }
    Ok(())
}

/// Removes a refresh token with the access tokens that came from it, or an access token alone.
/// `false` when there is none of this hash.
pub fn revoke(tx: &mut Tx, hash: &str) -> Result<bool> {
    // The token first: whoever is making a child of it holds its lock, and that child is gone next.
    let sql = "DELETE FROM tokens WHERE hash = $1 AND kind IN ('refresh', 'access')";
    let found = tx.execute(sql, params![hash])? > 0;
    tx.execute("DELETE FROM tokens WHERE parent = $1", params![hash])?;
    Ok(found)
}

/// Removes what expired before then.
pub fn sweep(tx: &mut Tx, before: Timestamp) -> Result<usize> {
    let sql = "DELETE FROM tokens WHERE expires_at < $1";
    tx.execute(sql, params![before.0])
}

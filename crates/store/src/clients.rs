//! API clients: programs that may ask for tokens.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::Tx;
use crate::{Result, params};
use model::id::{ClientId, UserId};
use model::time::Timestamp;

/// A client as stored. Its secret is kept only as a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// The wire's `client_id`.
    pub public_id: String,
    /// The hash of the wire's `client_secret`.
    pub secret_hash: String,
    /// Where browsers return to; `None` for a self client.
    pub redirect_uri: Option<String>,
    /// Whose it is: it acts as them when no person consented.
    pub user: UserId,
    /// The most that it may be granted without a person's consent.
    pub scopes: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

columns! {
    Client {
        id, name, public_id, secret_hash, redirect_uri, user: user_id, scopes, created_at, revoked_at,
    }
}

/// Stores a client.
pub fn insert(tx: &mut Tx, client: &Client) -> Result<()> {
    Insert::into("clients").row(client).one(tx)
}

/// The client of this public id, unless it was revoked.
pub fn find(tx: &mut Tx, public_id: &str) -> Result<Option<Client>> {
    let from = "FROM clients WHERE public_id = $1 AND revoked_at IS NULL";
    tx.select_opt(from, params![public_id])
}

/// Locks a client, so that what is counted of it stays so; `false` when it was revoked meanwhile.
pub fn lock(tx: &mut Tx, id: ClientId) -> Result<bool> {
    let sql = format!(
        "SELECT id FROM clients WHERE id = $1 AND revoked_at IS NULL{}",
        tx.dialect().for_update()
    );
    Ok(tx.find_value::<ClientId>(&sql, params![id.0])?.is_some())
}

/// Every client, the revoked ones too, oldest first.
pub fn list(tx: &mut Tx) -> Result<Vec<Client>> {
    tx.select("FROM clients ORDER BY created_at, id", &[])
}

/// Revokes a client for ever, with every token and code of it. `false` when there is no such client,
/// or it was revoked before.
pub fn revoke(tx: &mut Tx, public_id: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE clients SET revoked_at = $2 WHERE public_id = $1 AND revoked_at IS NULL
               RETURNING id";
    let Some(id) = tx.find_value::<ClientId>(sql, params![public_id, now.0])? else {
        return Ok(false);
    };
    tx.execute("DELETE FROM tokens WHERE client = $1", params![id.0])?;
    Ok(true)
}

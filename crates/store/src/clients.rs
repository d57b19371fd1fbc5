//! API clients: programs that may ask for tokens.

use crate::tx::Tx;
use crate::{Result, Row, params};
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

const COLUMNS: &str =
    "id, name, public_id, secret_hash, redirect_uri, user_id, scopes, created_at, revoked_at";

fn client(row: &Row) -> Result<Client> {
    Ok(Client {
        id: ClientId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        public_id: row.text(2)?.to_owned(),
        secret_hash: row.text(3)?.to_owned(),
        redirect_uri: row.opt_text(4)?.map(str::to_owned),
        user: UserId(row.int(5)?),
        scopes: row.opt_text(6)?.map(str::to_owned),
        created_at: Timestamp(row.int(7)?),
        revoked_at: row.opt_int(8)?.map(Timestamp),
    })
}

/// Stores a client.
pub fn insert(tx: &mut Tx, client: &Client) -> Result<()> {
    let sql =
        format!("INSERT INTO clients ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    tx.execute(
        &sql,
        params![
            client.id.0,
            client.name.as_str(),
            client.public_id.as_str(),
            client.secret_hash.as_str(),
            client.redirect_uri.as_deref(),
            client.user.0,
            client.scopes.as_deref(),
            client.created_at.0,
            client.revoked_at.map(|at| at.0),
        ],
    )?;
    Ok(())
}

/// The client of this public id, unless it was revoked.
pub fn find(tx: &mut Tx, public_id: &str) -> Result<Option<Client>> {
    let sql = format!("SELECT {COLUMNS} FROM clients WHERE public_id = $1 AND revoked_at IS NULL");
    tx.query_opt(&sql, params![public_id])?
        .as_ref()
        .map(client)
        .transpose()
}

/// Locks a client, so that what is counted of it stays so; `false` when it was revoked meanwhile.
pub fn lock(tx: &mut Tx, id: ClientId) -> Result<bool> {
    let sql = format!(
        "SELECT id FROM clients WHERE id = $1 AND revoked_at IS NULL{}",
        tx.dialect().for_update()
    );
    Ok(tx.query_opt(&sql, params![id.0])?.is_some())
}

/// Every client, the revoked ones too, oldest first.
pub fn list(tx: &mut Tx) -> Result<Vec<Client>> {
    let sql = format!("SELECT {COLUMNS} FROM clients ORDER BY created_at, id");
    tx.query(&sql, &[])?.iter().map(client).collect()
}

/// Revokes a client for ever, with every token and code of it. `false` when there is no such client,
/// or it was revoked before.
pub fn revoke(tx: &mut Tx, public_id: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE clients SET revoked_at = $2 WHERE public_id = $1 AND revoked_at IS NULL
               RETURNING id";
    let Some(row) = tx.query_opt(sql, params![public_id, now.0])? else {
        return Ok(false);
    };
    tx.execute("DELETE FROM tokens WHERE client = $1", params![row.int(0)?])?;
    Ok(true)
}

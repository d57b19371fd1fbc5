//! Conversions of leads.

use crate::Result;
use crate::tx::Tx;

/// Waits until no other transaction converts leads, and keeps others from it until this one ends: each
/// must see the accounts and contacts that the other makes.
pub fn take_turn(tx: &mut Tx) -> Result<()> {
    match tx.dialect().conversion_turn() {
        Some(sql) => tx.batch(sql),
        None => Ok(()),
    }
}

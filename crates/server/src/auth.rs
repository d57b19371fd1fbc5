//! Who asks, and what they may ask for (wire API 7).

mod check;
mod endpoint;
mod form;
mod grant;
mod register;
mod rule;
mod secret;

pub use check::Authorized;
pub use grant::{
    ACCESS_MS, CODE_MS, Minted, NewClient, Registered, create_client, mint_access_token, mint_code,
    mint_refresh_token,
};
pub use register::{Grant, Registration, register, registered, token_at_once, unregister};
pub use rule::ScopeRule;

pub(crate) use check::{authorise, holder};
pub(crate) use endpoint::{revoke, token};
pub(crate) use rule::ScopeSubject;
pub(crate) use secret::{hash_bytes, request_id};

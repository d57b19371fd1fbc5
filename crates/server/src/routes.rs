//! THE table of routes: every URL that this server answers is a line here, with the method, the
//! first version that has it, the scopes it asks for, and the function that answers.
//!
//! Patterns are matched segment by segment, a fixed segment before a parameter. `{version}` and
//! `{module}` are checked before a handler runs: a handler may rely on both.

mod clients;
mod probes;
mod tokens;

use crate::answer::Answer;
use crate::auth::{self, ScopeRule};
use crate::call::{Ask, Call};
use crate::version::Version;
use model::scope::Op;
use store::Fault;

/// Answers a request of somebody.
pub type Handler = fn(&Call<'_>) -> Result<Answer, Fault>;
/// Answers a request that needs no token.
pub type OpenHandler = fn(&Ask<'_>) -> Result<Answer, Fault>;

/// The methods that routes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method of a request, if any route could have it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|method| method.as_str() == text)
    }
}

/// Who may use a route, and what answers.
#[derive(Clone, Copy)]
pub enum Access {
    /// Anyone, without a token.
    Open(OpenHandler),
    /// Whoever has a token with these scopes, from this version on.
    Scoped(Version, ScopeRule, Handler),
}

/// A line of the table.
#[derive(Clone, Copy)]
pub struct Route {
    /// The path's pattern.
    pub pattern: &'static str,
    /// The method.
    pub method: Method,
    /// What people call it; stands in API_NOT_SUPPORTED.
    pub name: &'static str,
    /// Who may use it, and what answers.
    pub access: Access,
}

/// A line of the wire API.
pub const fn wire(
    method: Method,
    pattern: &'static str,
    name: &'static str,
    first: Version,
    scope: ScopeRule,
    handler: Handler,
) -> Route {
    Route {
        pattern,
        method,
        name,
        access: Access::Scoped(first, scope, handler),
    }
}

/// A line of the native API.
pub const fn native(
    method: Method,
    pattern: &'static str,
    scope: ScopeRule,
    handler: Handler,
) -> Route {
    wire(method, pattern, "", Version::V2, scope, handler)
}

/// A line that needs no token.
pub const fn open(method: Method, pattern: &'static str, handler: OpenHandler) -> Route {
    Route {
        pattern,
        method,
        name: "",
        access: Access::Open(handler),
    }
}

use Method::{Delete, Get, Post};
use ScopeRule::Native;

/// The table.
#[rustfmt::skip]
pub static ROUTES: &[Route] = &[
    open(Get, "/healthz", probes::health),
    open(Get, "/readyz", probes::ready),
    open(Get, "/metrics", probes::metrics),

    open(Post, "/oauth/v2/token", auth::token),
    open(Post, "/oauth/v2/auth", auth::token),
    open(Post, "/oauth/v2/token/revoke", auth::revoke),

    native(Get, "/swathe/v1/clients", Native("org", Op::Read), clients::list),
    native(Post, "/swathe/v1/clients", Native("org", Op::Write), clients::create),
    native(Delete, "/swathe/v1/clients/{client_id}", Native("org", Op::Write), clients::revoke),
    native(Post, "/swathe/v1/tokens", Native("org", Op::Write), tokens::create),
];

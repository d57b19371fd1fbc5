//! OAuth scopes: what a token may be used for.

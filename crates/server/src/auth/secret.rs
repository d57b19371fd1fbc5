//! Secrets: random, shown once, kept as hashes.
//!
//! A plain SHA-256 is the right hash here: every secret is 32 random bytes (20 for a client's), so
//! there is nothing to guess and nothing that a slow hash would slow down. Passwords are another
//! matter.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use subtle::ConstantTimeEq;

/// Random bytes in hexadecimal.
fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    // Without randomness nothing safe can be made, so there is nothing to go on with.
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A token in the vendor's form: `1000.<32 hex>.<32 hex>`.
pub(crate) fn new_token() -> String {
    format!("1000.{}.{}", random_hex::<16>(), random_hex::<16>())
}

/// A client's public id in the vendor's form.
pub(crate) fn new_client_id() -> String {
    format!("1000.{}", random_hex::<15>().to_ascii_uppercase())
}

/// A client's secret.
pub(crate) fn new_client_secret() -> String {
    random_hex::<20>()
}

/// The id by which a request is found in the log.
pub(crate) fn request_id() -> String {
    random_hex::<8>()
}

/// The hash by which two bodies are compared.
pub(crate) fn hash_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The hash under which a secret is kept.
pub(crate) fn hash(secret: &str) -> String {
    hash_bytes(secret.as_bytes())
}

/// Whether a secret is the one of a hash, in a time that does not depend on where they differ.
pub(crate) fn matches(secret: &str, kept: &str) -> bool {
    hash(secret).as_bytes().ct_eq(kept.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_look_like_the_vendors_and_differ() {
        let (one, other) = (new_token(), new_token());
        assert_ne!(one, other);
        let parts: Vec<&str> = one.split('.').collect();
        assert_eq!(parts[0], "1000");
        for part in &parts[1..] {
            assert_eq!(part.len(), 32);
            assert!(part.bytes().all(|b| b.is_ascii_hexdigit()));
        }
        assert_eq!(parts.len(), 3);
    }

    #[test]
    fn a_hash_is_sha_256_in_hexadecimal() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash("abc"), known);
        assert!(matches("abc", known));
        assert!(!matches("abd", known));
        assert!(!matches("abc", ""));
    }
}

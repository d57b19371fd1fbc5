//! THE room for calls to others: nothing else in the server opens a connection to an address that
//! somebody named.
//!
//! http and https only; the name is resolved once, and only addresses that may be called are connected
//! to, so that no second look at the name can lead elsewhere; no redirects, no proxies; a time limit for
//! the whole call; the answer's body is not read.

mod address;
mod key;

pub use address::Range;
pub use key::{Key, KeyError};

use address::may_be_called;
use model::limits::NOTIFY_URL_BYTES_MAX;
use std::io::{Error as IoError, ErrorKind};
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// A call may take so long in all.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What calls to others need: whom they may reach, and what they are signed with.
#[derive(Debug)]
pub struct Outside {
    agent: Agent,
    key: Option<Key>,
    patience: Duration,
}

impl Default for Outside {
    fn default() -> Self {
        Self::new(Vec::new(), None)
    }
}

impl Outside {
    /// Calls reach public addresses and those of `allow`. Without a key there are none to sign.
    pub fn new(allow: Vec<Range>, key: Option<Key>) -> Self {
        Self::with_patience(allow, key, PATIENCE)
    }

    /// The same with another time limit.
    pub fn with_patience(allow: Vec<Range>, key: Option<Key>, patience: Duration) -> Self {
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Not the environment's either: it would be reached instead of the checked address.
            .proxy(None)
            .timeout_global(Some(patience))
            .max_response_header_size(HEAD_BYTES_MAX)
            .max_idle_connections(0)
            .user_agent(concat!("Swathe/", env!("CARGO_PKG_VERSION")))
            .build();
        let checked = Checked {
            allow,
            names: DefaultResolver::default(),
        };
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), checked),
            key,
            patience,
        }
    }

    /// What calls are signed with.
    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// How long a call may take in all.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Sends a body; answers the status, or why there is none, in words that may be shown.
    pub(crate) fn post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<u16, String> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match request.send(body) {
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error) => Err(self.told(&error)),
        }
    }

    fn told(&self, error: &Error) -> String {
        match error {
            Error::Timeout(_) => {
                let seconds = self.patience.as_secs_f64();
                format!("there was no answer within {seconds} s")
            }
            // One sentence for both, or names of the inner network could be asked for.
            Error::Io(error) if error.kind() == ErrorKind::PermissionDenied => {
                "the address may not be called, or its name is not known: only public addresses \
                 are called, and those that --egress-allow names"
                    .to_owned()
            }
            Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
                "the connection was refused".to_owned()
            }
            Error::Tls(_) | Error::Rustls(_) => "no trusted TLS connection came about".to_owned(),
            Error::Io(_) | Error::ConnectionFailed => "the connection failed".to_owned(),
            _ => "the answer was not HTTP as it should be".to_owned(),
        }
    }
}

/// Whether a text is the URL of something that could be called: http or https, with a host, without a
/// password. Where it leads is asked when it is called.
pub(crate) fn is_callable(text: &str) -> bool {
    let uri = text.parse::<Uri>().ok();
    text.len() <= NOTIFY_URL_BYTES_MAX
        && uri.is_some_and(|uri| {
            let web = matches!(uri.scheme_str(), Some("http" | "https"));
            let host = uri.authority().filter(|at| !at.as_str().contains('@'));
            web && host.is_some_and(|at| !at.host().is_empty())
        })
}

/// Resolves a name to those of its addresses that may be called. Why there is none is told to the log
/// only.
#[derive(Debug)]
struct Checked {
    allow: Vec<Range>,
    names: DefaultResolver,
}

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut open = self.empty();
        let host = uri.host().unwrap_or_default();
        let none = || Error::Io(IoError::from(ErrorKind::PermissionDenied));
        let found = match self.names.resolve(uri, config, timeout) {
            Err(Error::Timeout(reason)) => return Err(Error::Timeout(reason)),
            Err(error) => {
                tracing::warn!(host, %error, "the name of a receiver is not known");
                return Err(none());
            }
            Ok(found) => found,
        };
        for address in &found {
            if may_be_called(address.ip(), &self.allow) {
                open.push(*address);
            }
        }
        if open.is_empty() {
            tracing::warn!(host, "the address of a receiver may not be called");
            return Err(none());
        }
        Ok(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_callable() {
        for good in [
            "http://a.example",
            "https://a.example:8443/x?y=z",
            "http://[::1]:9/",
        ] {
            assert!(is_callable(good), "{good}");
        }
        let long = format!("http://a.example/{}", "x".repeat(NOTIFY_URL_BYTES_MAX));
        for bad in [
            "",
            "a.example",
            "/x",
            "ftp://a.example",
            "file:///etc/passwd",
            "http://",
            "http://:80/",
            "http://u:p@a.example/",
            "https:a.example",
            "http://a b",
            &long,
        ] {
            assert!(!is_callable(bad), "{bad}");
        }
    }

    /// However an address is spelt, it is the one that is connected to that counts.
    #[test]
    fn addresses_that_are_not_public_are_refused_in_every_spelling() {
        let outside = Outside::default();
        for url in [
            "http://127.0.0.1:1/",
            "http://localhost:1/",
            "http://127.1:1/",
            "http://0x7f000001:1/",
            "http://2130706433:1/",
            "http://0:1/",
            "http://[::1]:1/",
            "http://[::ffff:127.0.0.1]:1/",
            "http://10.1.2.3/",
            "http://192.168.0.1/",
            "http://172.16.9.9/",
            "http://169.254.169.254/latest/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://100.64.0.1/",
            "https://10.1.2.3/",
        ] {
            let told = outside.post(url, &[], b"").unwrap_err();
            assert!(told.contains("may not be called"), "{url}: {told}");
        }
    }

    /// A label of 64 bytes is refused without asking anybody.
    #[test]
    fn a_name_that_leads_inward_cannot_be_told_from_an_unknown_one() {
        let outside = Outside::default();
        let unknown = format!("http://{}.example/", "x".repeat(64));
        let unknown = outside.post(&unknown, &[], b"");
        assert_eq!(outside.post("http://localhost:1/", &[], b""), unknown);
        assert!(unknown.unwrap_err().contains("its name is not known"));
    }
}

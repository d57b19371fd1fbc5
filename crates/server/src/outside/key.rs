//! The key outside the database from which the secrets of completion calls are derived: a stolen
//! database reveals none of them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::{self, Debug};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of a key.
const LENGTH: usize = 32;

/// Why there is no key.
#[derive(Debug)]
pub enum KeyError {
    /// The file cannot be read or made.
    Io(PathBuf, io::Error),
    /// It is not a key.
    Unfit(PathBuf),
    /// Others than its owner can read it.
    Open(PathBuf),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "the key file {}: {error}", path.display()),
            Self::Unfit(path) => write!(f, "{} is no key file of ours", path.display()),
            Self::Open(path) => {
                let path = path.display();
                write!(
                    f,
                    "the key file {path} can be read by others: chmod 600 {path}"
                )
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// A key that was read from its file.
#[derive(Clone)]
pub struct Key([u8; LENGTH]);

impl Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Option<[u8; LENGTH]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

impl Key {
    /// Reads the key of a file, which is made if it is not there, readable by its owner only.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::Io(path.to_owned(), error);
        match make(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => {}
        }
        if is_open(&fs::metadata(path).map_err(failed)?) {
            return Err(KeyError::Open(path.to_owned()));
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        let unfit = || KeyError::Unfit(path.to_owned());
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| unfit())?;
        Ok(Self(bytes.try_into().map_err(|_| unfit())?))
    }

    /// The secret of a receiver, in the form of Standard Webhooks.
    pub(crate) fn secret_of(&self, receiver: &str) -> String {
        let secret = self.derived(receiver);
        format!("whsec_{}", BASE64_STANDARD.encode(secret))
    }

    /// The signature of a call to a receiver, in the form of Standard Webhooks.
    pub(crate) fn signature(&self, receiver: &str, id: &str, at: &str, body: &str) -> String {
        let parts = [id, ".", at, ".", body].map(str::as_bytes);
        let signed = mac(&self.derived(receiver), &parts).unwrap_or_default();
        format!("v1,{}", BASE64_STANDARD.encode(signed))
    }

    fn derived(&self, receiver: &str) -> [u8; LENGTH] {
        // A key of any length is taken, so there is always one.
        mac(&self.0, &[b"notify:", receiver.as_bytes()]).unwrap_or_default()
    }
}

/// Makes a key file, whole or not at all: it gets its name only once it is written.
fn make(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = write(&draft, &bytes).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    written.and(removed)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file: File = options.open(path)?;
    writeln!(file, "{}", BASE64_STANDARD.encode(bytes))?;
    file.sync_all()
}

/// Whether others than its owner can read a file.
#[cfg(unix)]
fn is_open(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

/// Elsewhere a file belongs to whoever made it.
#[cfg(not(unix))]
fn is_open(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("swathe.db.key");
        let first = Key::open(&path).unwrap().secret_of("client:1");
        assert_eq!(Key::open(&path).unwrap().secret_of("client:1"), first);
        assert_ne!(Key::open(&path).unwrap().secret_of("client:2"), first);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let bytes = BASE64_STANDARD.decode(first.strip_prefix("whsec_").unwrap());
        assert_eq!(bytes.unwrap().len(), LENGTH);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(Key::open(&path), Err(KeyError::Open(_))));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::write(&path, "c2hvcnQ=\n").unwrap();
        assert!(matches!(Key::open(&path), Err(KeyError::Unfit(_))));
        let nowhere = dir.path().join("no/key");
        assert!(matches!(Key::open(&nowhere), Err(KeyError::Io(..))));
    }

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let secret = BASE64_STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .unwrap();
        let body = r#"{"test": 2432232314}"#;
        let parts = ["msg_p5jXN8AQM9LWM0D4loKWxJek", ".", "1614265330", ".", body];
        let signed = mac(&secret, &parts.map(str::as_bytes)).unwrap();
        assert_eq!(
            BASE64_STANDARD.encode(signed),
            "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }
}

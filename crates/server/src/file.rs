//! A file in a multipart form, and a file's name as others may have it.

use crate::multipart::{self, BrokenOff};
use axum::body::Bytes;
use model::limits::{ATTACHMENT_BYTES_MAX, ATTACHMENT_NAME_MAX};
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Bytes of a form beside its file.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a request that sends a file.
pub(crate) const UPLOAD_BYTES_MAX: usize = ATTACHMENT_BYTES_MAX + FORM_BYTES_MAX;
/// The part that is the file.
const PART: &str = "file";
/// What a file without a usable name is called.
const NAMELESS: &str = "file";

/// What an extended parameter need not escape (RFC 8187, 3.2.1).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A file that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Its name, made harmless.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) content: Bytes,
}

/// The file of a form, or why there is none.
pub(crate) fn read(content_type: Option<&str>, body: &Bytes) -> Result<Sent, Refusal> {
    let bare = |text: &'static str| Refusal::new(Code::InvalidData).saying(text);
    let boundary = content_type.and_then(multipart::boundary).ok_or_else(|| {
        let text = "send the file as multipart/form-data, in the part called file, or a link in \
                    the parameter attachmentUrl";
        bare(text)
    })?;
    if !body.starts_with(format!("--{boundary}").as_bytes()) {
        return Err(bare("the form does not begin as its content type says"));
    }
    let broken = |_: BrokenOff| bare("the form breaks off");
    let mut file = None;
    for part in multipart::parts(boundary, body) {
        let part = part.map_err(broken)?;
        let name = file_name(&part.disposition());
        let content = part.content().map_err(broken)?;
        let Some(name) = name else {
            continue;
        };
        if file.replace((name, content)).is_some() {
            return Err(bare("the form has more than one file: send one at a time"));
        }
    }
    let (name, content) = file.ok_or_else(|| bare("the form has no file in a part called file"))?;
    if content.is_empty() {
        return Err(bare("the file is empty"));
    }
    if content.len() > ATTACHMENT_BYTES_MAX {
        return Err(too_large());
    }
    if name.chars().count() > ATTACHMENT_NAME_MAX {
        let refusal = Refusal::new(Code::InvalidData).saying("the file's name is too long");
        return Err(refusal.with("maximum_length", ATTACHMENT_NAME_MAX));
    }
    Ok(Sent { name, content })
}

/// The refusal of a file that is too large.
pub(crate) fn too_large() -> Refusal {
    Refusal::new(Code::InvalidData)
        .because(Reason::TooLarge)
        .saying("the file is too large")
        .with("maximum_length", ATTACHMENT_BYTES_MAX)
}

/// The name of the file, if the part of this disposition is it.
fn file_name(disposition: &str) -> Option<String> {
    if param(disposition, "name")? != PART {
        return None;
    }
    Some(harmless(
        &param(disposition, "filename").unwrap_or_default(),
    ))
}

/// A parameter of a disposition, in quotes or not, as browsers and the SDKs write it.
fn param(disposition: &str, wanted: &str) -> Option<String> {
    let mut rest = disposition;
    loop {
        let (_, after) = rest.split_once(';')?;
        let (key, value) = after.split_once('=')?;
        let key = key.trim();
        let value = value.trim_start();
        let (found, after) = match value.strip_prefix('"') {
            Some(quoted) => until_quote(quoted),
            None => match value.split_once(';') {
                Some((plain, _)) => (plain.trim().to_owned(), value.get(plain.len()..)?),
                None => (value.trim().to_owned(), ""),
            },
        };
        if key.eq_ignore_ascii_case(wanted) {
            return Some(found);
        }
        rest = after;
    }
}

/// A text up to its closing quote, and what follows. A quote within is written `\"` or `%22`.
fn until_quote(text: &str) -> (String, &str) {
    let mut found = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                return (
                    found.replace("%22", "\""),
                    text.get(at + 1..).unwrap_or_default(),
                );
            }
            '\\' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                found.push('"');
                chars.next();
            }
            c => found.push(c),
        }
    }
    (found, "")
}

/// A name without a way to it, and without what could mean something to a terminal or a header.
fn harmless(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let odd = |c: char| c.is_control() || is_invisible(c);
    let name: String = last.chars().filter(|c| !odd(*c)).collect();
    let name = name.trim();
    if name.chars().all(|c| c == '.') {
        return NAMELESS.to_owned();
    }
    name.to_owned()
}

/// Characters that turn the direction of a text or cannot be seen: `exe.txt` must be what it says.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The header by which a client saves a file under its name and does not show it: first a name that
/// all understand, then the whole (RFC 6266).
pub(crate) fn disposition(name: &str) -> String {
    let simple = |c: char| match c {
        '"' | '\\' | '%' => '_',
        c if c.is_ascii_graphic() || c == ' ' => c,
        _ => '_',
    };
    let plain: String = name.chars().map(simple).collect();
    let whole = utf8_percent_encode(name, PLAIN);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::{Endpoint, Version};

    const TYPE: Option<&str> = Some("multipart/form-data; boundary=\"x-y\"");

    fn read(content_type: Option<&str>, body: &[u8]) -> Result<Sent, Refusal> {
        super::read(content_type, &Bytes::copy_from_slice(body))
    }

    fn form(head: &str, content: &str) -> Vec<u8> {
        format!("--x-y\r\n{head}\r\n\r\n{content}\r\n--x-y--\r\n").into_bytes()
    }

    fn said(content_type: Option<&str>, body: &[u8]) -> String {
        let refusal = read(content_type, body).unwrap_err();
        let (status, refusal) = Version::V8.tell(Endpoint::Attachments, refusal);
        format!("{status} {}", refusal.message)
    }

    #[test]
    fn the_part_called_file_is_the_file() {
        let body =
            b"--x-y\r\ncontent-disposition: form-data; name=\"other\"\r\n\r\nno\r\n--x-y\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
            Content-Type: text/plain\r\n\r\none\r\n--x-\r\n\r\ntwo\r\n--x-y--";
        let sent = read(TYPE, body).unwrap();
        assert_eq!(sent.name, "a.txt");
        assert_eq!(sent.content.as_ref(), b"one\r\n--x-\r\n\r\ntwo");
    }

    #[test]
    fn names_are_made_harmless() {
        for (sent, kept) in [
            (r#"filename="a b.txt""#, "a b.txt"),
            (r#"filename="../../etc/passwd""#, "passwd"),
            (r#"filename="C:\\dir\\boot.ini""#, "boot.ini"),
            (r#"filename="..""#, "file"),
            (r#"filename="""#, "file"),
            (r#"filename="a\"b.txt""#, "a\"b.txt"),
            (r#"filename="a%22b.txt""#, "a\"b.txt"),
            ("filename=plain.txt; x=y", "plain.txt"),
            ("filename=\"a\u{202e}txt.exe\"", "atxt.exe"),
            ("filename=\"Zo\u{eb}.pdf\"", "Zo\u{eb}.pdf"),
            ("x=y", "file"),
        ] {
            let head = format!("Content-Disposition: form-data; name=\"file\"; {sent}");
            let body = form(&head, "content");
            assert_eq!(read(TYPE, &body).unwrap().name, kept, "{sent}");
        }
    }

    #[test]
    fn a_name_says_nothing_to_a_terminal() {
        assert_eq!(harmless("a\u{1b}[31m\u{202e}txt.exe"), "a[31mtxt.exe");
        // No head of a part holds such a character.
        let head = "Content-Disposition: form-data; name=\"file\"; filename=\"a\u{1b}[31m\"";
        let told = said(TYPE, &form(head, "content"));
        assert_eq!(told, "400 the form breaks off");
    }

    #[test]
    fn a_disposition_holds_any_name() {
        assert_eq!(
            disposition("a.txt"),
            "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"
        );
        assert_eq!(
            disposition("Zo\u{eb} \"x\";\r\n.pdf"),
            "attachment; filename=\"Zo_ _x_;__.pdf\"; \
             filename*=UTF-8''Zo%C3%AB%20%22x%22%3B%0D%0A.pdf"
        );
    }

    #[test]
    fn what_is_no_file_is_told() {
        let head = "Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"";
        let good = form(head, "content");
        let send = "400 send the file as multipart/form-data, in the part called file, or a link in \
                    the parameter attachmentUrl";
        for content_type in [
            None,
            Some("text/plain"),
            Some("multipart/form-data; boundary="),
        ] {
            assert_eq!(said(content_type, &good), send);
        }
        let breaks = "400 the form breaks off";
        for end in [10, good.len() / 2, good.len() - 4] {
            assert_eq!(said(TYPE, &good[..end]), breaks, "{end}");
        }
        let begin = "400 the form does not begin as its content type says";
        assert_eq!(said(TYPE, b""), begin);
        assert_eq!(said(Some("multipart/form-data; boundary=z"), &good), begin);
        let none = "400 the form has no file in a part called file";
        assert_eq!(
            said(
                TYPE,
                &form("Content-Disposition: form-data; name=\"f\"", "a")
            ),
            none
        );
        assert_eq!(said(TYPE, b"--x-y--"), none);
        assert_eq!(said(TYPE, &form(head, "")), "400 the file is empty");
        let two = [&good[..good.len() - 4], b"\r\n", &good[7..]].concat();
        let several = "400 the form has more than one file: send one at a time";
        assert_eq!(said(TYPE, &two), several);
        let long = format!("{head}{}.txt\"", "x".repeat(255));
        let long = long.replace("a.txt\"x", "x");
        assert_eq!(
            said(TYPE, &form(&long, "a")),
            "400 the file's name is too long"
        );
    }

    #[test]
    fn a_file_may_have_so_many_bytes_and_no_more() {
        let head = "Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"";
        let content = "x".repeat(ATTACHMENT_BYTES_MAX);
        let body = form(head, &content);
        assert_eq!(
            read(TYPE, &body).unwrap().content.len(),
            ATTACHMENT_BYTES_MAX
        );
        assert_eq!(
            said(TYPE, &form(head, &(content + "x"))),
            "413 the file is too large"
        );
    }
}

//! SDK-HMAC-SHA256, the access-key signature of the cloud's API gateway, as the vendor's SDK 3.1.219 computes it.
//!
//! Pure: the date is passed in. One signature costs about one pass of SHA-256 over the body; the key's HMAC state is
//! prepared once, in [`AccessKey::try_new`].

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The algorithm's name, in the header and in the string to sign.
const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// Stands for the payload's hash where the content type is not JSON.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// What is percent-encoded in paths and queries: all but RFC 3986's unreserved characters.
pub(super) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An access key, ready to sign.
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    keyed: Hmac<Sha256>,
}

impl AccessKey {
    /// Prepares a key pair. `None` if the secret cannot be an HMAC key, which no secret of this algorithm is.
    #[must_use]
    pub fn try_new(id: impl Into<String>, secret: &SecretString) -> Option<Self> {
        let keyed = Hmac::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
        Some(Self { id: id.into(), keyed })
    }

    /// The access key's id, which is not a secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct Signable<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path as it stands in the request line, percent-encoded, without the query.
    pub path: &'a str,
    /// The query's pairs, not encoded; a repeated name once for each value.
    pub query: &'a [(&'a str, &'a str)],
    /// The headers to sign, `host` and `x-sdk-date` among them. Names with an underscore are left out, as the
    /// gateway does.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body's bytes; empty for none.
    pub body: &'a [u8],
}

/// What signing adds to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signature {
    /// The value of `Authorization`.
    pub authorization: String,
    /// The value of `X-Sdk-Content-Sha256`, which is to be sent only where this is given.
    pub content_sha256: Option<&'static str>,
    /// The query as it is to be sent; empty for none.
    pub query: String,
}

/// Signs a request. `date` is the value of its `x-sdk-date` header: UTC as `%Y%m%dT%H%M%SZ`.
#[must_use]
pub fn sign(request: &Signable<'_>, date: &str, key: &AccessKey) -> Signature {
    let canonical = Canonical::of(request);
    let hash = Sha256::digest(canonical.text.as_bytes());
    let mut mac = key.keyed.clone();
    for part in [ALGORITHM, "\n", date, "\n"] {
        mac.update(part.as_bytes());
    }
    let mut hex_hash = [0_u8; 64];
    hex_into(&hash, &mut hex_hash);
    mac.update(&hex_hash);
    let signature = hex::encode(mac.finalize().into_bytes());
    Signature {
        authorization: format!(
            "{ALGORITHM} Access={}, SignedHeaders={}, Signature={signature}",
            key.id, canonical.signed_headers
        ),
        content_sha256: canonical.content_sha256,
        query: canonical.query,
    }
}

/// A request in the form that is hashed.
struct Canonical {
    text: String,
    signed_headers: String,
    query: String,
    content_sha256: Option<&'static str>,
}

impl Canonical {
    fn of(request: &Signable<'_>) -> Self {
        // A content type that is not JSON (the comparison is case-sensitive in the SDK) leaves the payload unsigned,
        // and a header that says so joins the signed ones.
        let json = |value: &str| value.starts_with("application/json") || value.starts_with("application/bson");
        let content_type = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let content_sha256 = content_type.filter(|(_, value)| !json(value)).map(|_| UNSIGNED_PAYLOAD);

        let mut headers: Vec<(Cow<'_, str>, &str)> = request
            .headers
            .iter()
            .filter(|(name, _)| !name.contains('_'))
            .map(|(name, value)| (lower_case(name), value.trim()))
            .chain(content_sha256.map(|value| (Cow::Borrowed("x-sdk-content-sha256"), value)))
            .collect();
        headers.sort_unstable_by(|a, b| a.0.cmp(&b.0));

        let query = canonical_query(request.query);
        let mut text = String::with_capacity(request.path.len() + query.len() + 512);
        for part in [request.method, "\n"] {
            text.push_str(part);
        }
        push_canonical_path(&mut text, request.path);
        for part in ["\n", &query, "\n"] {
            text.push_str(part);
        }
        let mut signed_headers = String::with_capacity(96);
        for (name, value) in &headers {
            for part in [name, ":", value, "\n"] {
                text.push_str(part);
            }
            if !signed_headers.is_empty() {
                signed_headers.push(';');
            }
            signed_headers.push_str(name);
        }
        for part in ["\n", &signed_headers, "\n"] {
            text.push_str(part);
        }
        match content_sha256 {
            Some(value) if !request.body.is_empty() => text.push_str(value),
            _ => text.push_str(&hex::encode(Sha256::digest(request.body))),
        }
        Self { text, signed_headers, query, content_sha256 }
    }
}

/// Decodes the whole path and encodes each segment anew, so that an encoded slash becomes a real one; ends with a
/// slash. Dots and empty segments stay.
fn push_canonical_path(text: &mut String, path: &str) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'/');
    if path.bytes().all(plain) {
        text.push_str(path);
    } else {
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        for (index, segment) in decoded.split('/').enumerate() {
            if index > 0 {
                text.push('/');
            }
            text.extend(utf8_percent_encode(segment, RESERVED));
        }
    }
    if !text.ends_with('/') {
        text.push('/');
    }
}

/// Sorts by the raw name, then the raw value, and encodes both.
fn canonical_query(pairs: &[(&str, &str)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    let encoded: Vec<String> = sorted
        .into_iter()
        .map(|(name, value)| {
            format!("{}={}", utf8_percent_encode(name, RESERVED), utf8_percent_encode(value, RESERVED))
        })
        .collect();
    encoded.join("&")
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Writes lower-case hex digits without an allocation.
fn hex_into(bytes: &[u8], out: &mut [u8; 64]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

#[cfg(test)]
#[path = "signing_vectors.rs"]
mod vectors;

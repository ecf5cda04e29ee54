//! A token in a file that somebody else renews, such as Kubernetes' projected service account token.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

/// The longest token that is read: headers and services take far less.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads the token, without the white space around it.
///
/// # Errors
/// Why there is none; never what the file holds.
pub(super) fn read(path: &Path) -> Result<SecretString, String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    let read =
        File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(read).is_ok_and(|read| read > MAX_BYTES) {
        return Err(format!("{} holds more than {MAX_BYTES} bytes: this is no token", path.display()));
    }
    match text.trim() {
        "" => Err(format!("{} is empty", path.display())),
        token => Ok(token.into()),
    }
}

//! A token in a file that somebody else renews, such as Kubernetes' projected service account token.

use std::path::Path;

use secrecy::SecretString;

use crate::bounded_file;

/// Reads the token, without the white space around it.
///
/// # Errors
/// Why there is none; never what the file holds.
pub(super) fn read(path: &Path) -> Result<SecretString, String> {
    let text = bounded_file::read_text(path, bounded_file::OF_SECRET)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    match text.trim() {
        "" => Err(format!("{} is empty", path.display())),
        token => Ok(token.into()),
    }
}

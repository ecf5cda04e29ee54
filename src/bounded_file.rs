//! Files of bounded size: a wrong path may lead to anything, and what is read once at the start shall not cost the
//! machine's memory (promise 4 from the front).

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Bytes of a configuration or mapping file. The largest shipped one has a hundredth of it.
pub(crate) const OF_YAML: u64 = 1 << 20;
/// Bytes of a file with certificates. A whole system's authorities take some 250 kB.
pub(crate) const OF_CERTIFICATES: u64 = 16 << 20;
/// Bytes of a file with one secret.
pub(crate) const OF_SECRET: u64 = 64 << 10;

/// The whole file.
///
/// # Errors
/// If it cannot be read, or is larger than `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if read as u64 > most {
        let error = format!("it is larger than {most} bytes, the most that is taken of such a file");
        return Err(io::Error::new(ErrorKind::FileTooLarge, error));
    }
    Ok(bytes)
}

/// The whole file as text.
///
/// # Errors
/// As [`read`], and if it is not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let not_text = |_| io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8");
    String::from_utf8(read(path, most)?).map_err(not_text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{read, read_text};

    #[test]
    fn a_file_is_read_up_to_its_bound_and_refused_beyond_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "1234").unwrap();
        assert_eq!(read(&file, 4).unwrap(), b"1234");
        assert!(read(&file, 3).unwrap_err().to_string().contains("larger than 3 bytes"));
        // A device has no size and no end.
        assert!(read("/dev/zero".as_ref(), 1 << 20).is_err());
        fs::write(&file, b"\xff").unwrap();
        assert!(read_text(&file, 4).unwrap_err().to_string().contains("UTF-8"));
    }
}

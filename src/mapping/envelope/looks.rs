//! What a value that is not JSON looks like: topics of alerts carry Syslog and CEF lines, and binary formats, too.

/// How far into a text a marker is looked for: behind a Syslog header stands CEF or LEEF.
const HEAD: usize = 512;

/// What a value looks like, as words for a message; `None` where nobody can tell, or where it begins as JSON does.
pub(super) fn like(value: &[u8]) -> Option<&'static str> {
    let magic: [(&[u8], &str); 9] = [
        (b"\x1f\x8b", "gzip inside of gzip"),
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
        (b"\x04\x22\x4d\x18", "LZ4"),
        (b"\xff\x06\x00\x00sNaPpY", "Snappy"),
        (b"\xff\xfe", "UTF-16 text"),
        (b"\xfe\xff", "UTF-16 text"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"Obj\x01", "an Avro file"),
        (b"\0", "a schema registry's framing (Avro, Protobuf)"),
    ];
    if let Some((_, what)) = magic.iter().find(|(magic, _)| value.starts_with(magic)) {
        return Some(what);
    }
    let head = value.get(..HEAD).unwrap_or(value).trim_ascii_start();
    let has = |marker: &[u8]| head.windows(marker.len()).any(|window| window == marker);
    match head.first()? {
        b'{' | b'[' | b'"' => None,
        _ if has(b"CEF:0|") || has(b"CEF:1|") => Some("CEF"),
        _ if has(b"LEEF:1.0|") || has(b"LEEF:2.0|") => Some("LEEF"),
        b'<' if is_syslog(head) => Some("Syslog"),
        b'<' => Some("XML"),
        _ => None,
    }
}

/// Whether it begins with a priority: `<134>`, one to three digits.
fn is_syslog(head: &[u8]) -> bool {
    let digits = head.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
    (1..=3).contains(&digits) && head.get(digits + 1) == Some(&b'>')
}

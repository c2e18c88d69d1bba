//! Hashes that tell one scenario or library from another, the same on every machine.

use twox_hash::XxHash3_128;

/// The hash of named texts, as 32 hexadecimal digits. The order counts; where one text ends and the next begins counts.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut hasher = XxHash3_128::new();
    for (name, text) in parts {
        for bytes in [name.as_bytes(), text.as_bytes()] {
            hasher.write(&(bytes.len() as u64).to_le_bytes());
            hasher.write(bytes);
        }
    }
    format!("{:032x}", hasher.finish_128())
}

//! Signatures of the index, in minisign's form.

use minisign_verify::{PublicKey, Signature};

/// The key whose owner signs the index, as minisign writes it; `zoo/examples/sign_index.rs` signs.
pub const PUBLIC_KEY: &str = include_str!("../../index.pub");

/// Checks the signature of some bytes: `key` and `signature` are the texts of minisign's files.
///
/// # Errors
/// Why it does not hold, in words.
pub fn verify_signature(key: &str, bytes: &[u8], signature: &str) -> Result<(), String> {
    let key = PublicKey::decode(key.trim_end()).map_err(|error| format!("the key: {error}"))?;
    let signature = Signature::decode(signature).map_err(|error| error.to_string())?;
    key.verify(bytes, &signature, false).map_err(|error| error.to_string())
}

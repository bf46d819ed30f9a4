//! Signs the index of the zoo, which must be done after each change of it.
//!
//!     cargo run --release -p glossa-zoo --example sign_index -- SECRET_KEY [INDEX]
//!     cargo run --release -p glossa-zoo --example sign_index -- --new SECRET_KEY
//!
//! The first form reads the secret key from a file, signs INDEX (by default `index.toml` of this crate) and writes
//! the signature beside it. The second makes a pair of keys: the secret one at the given path, readable by its
//! owner alone, and the public one as `index.pub` of this crate, which is built into the program. The secret key
//! never belongs into the repository; it is not encrypted, keep it where only those who sign can read it.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use std::error::Error;
use std::io::{Cursor, Write};
use std::path::Path;

use minisign::{KeyPair, SecretKey};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--new", secret] => make_keys(Path::new(secret), &home.join("index.pub")),
        [secret] => sign(Path::new(secret), &home.join("index.toml")),
        [secret, index] => sign(Path::new(secret), Path::new(index)),
        _ => Err("give the path of the secret key, or --new and where to write one".into()),
    }
}

fn make_keys(secret: &Path, public: &Path) -> Result<(), Box<dyn Error>> {
    let pair = KeyPair::generate_unencrypted_keypair()?;
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(secret)?.write_all(pair.sk.to_box(None)?.to_string().as_bytes())?;
    std::fs::write(public, pair.pk.to_box()?.to_string())?;
    println!("secret key: {}\npublic key: {}", secret.display(), public.display());
    Ok(())
}

fn sign(secret: &Path, index: &Path) -> Result<(), Box<dyn Error>> {
    let text = std::fs::read_to_string(secret)?;
    let key: SecretKey = minisign::SecretKeyBox::from_string(&text)?.into_unencrypted_secret_key()?;
    let bytes = std::fs::read(index)?;
    // Without a time, so that the same index has the same signature.
    let signature = minisign::sign(None, &key, Cursor::new(&bytes), Some("glossa zoo index"), Some("glossa zoo"))?;
    let beside = format!("{}.minisig", index.display());
    std::fs::write(&beside, signature.to_string())?;
    println!("signed {} bytes: {beside}", bytes.len());
    Ok(())
}

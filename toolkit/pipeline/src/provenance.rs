//! What signatures of scores say of the models behind them: hashes of weights and of tokenizers, from the manifests
//! of their folders.

use std::path::PathBuf;

use glossa_base::Outcome;
use glossa_base::hash::sha256_hex;
use glossa_base::manifest::Manifest;
use glossa_zoo::layout;

/// Files that hold a tokenizer: ours, and those of imported encoders.
const TOKENIZERS: [&str; 4] = [layout::TOKENIZER, "tokenizer.json", "sentencepiece.bpe.model", "vocab.txt"];

/// The hash of all models' weights and that of their tokenizers, in the order of the folders; nothing where the
/// folders hold none.
pub(crate) fn hashes(folders: &[PathBuf]) -> Outcome<(Option<String>, Option<String>)> {
    let (mut weights, mut tokenizers) = (Vec::new(), Vec::new());
    for folder in folders {
        for file in Manifest::read(folder)?.outputs {
            if TOKENIZERS.contains(&file.path.as_str()) {
                // Models that share a tokenizer have one.
                if !tokenizers.contains(&file.sha256) {
                    tokenizers.push(file.sha256);
                }
            } else if file.path.ends_with(".safetensors") || file.path == layout::BASELINE {
                weights.push(file.sha256);
            }
        }
    }
    Ok((together(weights), together(tokenizers)))
}

/// One hash for several; a single one stays itself, so that it can be compared with the file's.
fn together(hashes: Vec<String>) -> Option<String> {
    match hashes.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(sha256_hex(several.join("\n").as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_tokenizers_are_told_apart() {
        let room = tempfile::tempdir().unwrap();
        let folder = |name: &str, weights: &str| {
            let folder = room.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            for (file, text) in [(layout::WEIGHTS, weights), (layout::TOKENIZER, "pieces"), (layout::CARD, name)] {
                std::fs::write(folder.join(file), text).unwrap();
            }
            Manifest::new("test", 0, serde_json::Value::Null).write(&folder).unwrap();
            folder
        };
        let (one, other) = (folder("one", "w"), folder("other", "v"));
        let (model, tokenizer) = hashes(std::slice::from_ref(&one)).unwrap();
        assert_eq!((model.as_deref(), tokenizer.as_deref()), (Some(&*sha256_hex(b"w")), Some(&*sha256_hex(b"pieces"))));
        let (both, shared) = hashes(&[one.clone(), other.clone()]).unwrap();
        assert_eq!(shared, tokenizer);
        assert_ne!(both, model);
        assert_ne!(both, hashes(&[other, one]).unwrap().0);
        assert_eq!(hashes(&[]).unwrap(), (None, None));
    }
}

//! Which files of a repository make a model folder: sizes, tokenizer, card, and the weights once, as safetensors
//! where they are published so.

use crate::layout;
use crate::shards::{SAFETENSORS_INDEX, TORCH_INDEX};

/// Files beside weights and tokenizers.
const PLAIN: [&str; 20] = [
    layout::CONFIG,
    layout::BASELINE,
    layout::TOKENIZER_CONFIG,
    layout::CARD,
    layout::RECIPE,
    layout::METRICS,
    layout::MANIFEST,
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
    "NOTICE",
    "tokenizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
];
/// Endings of SentencePiece models, dictionaries and checkpoints of fastai and LASER.
const ENDINGS: [&str; 5] = [".model", ".spm", ".cvocab", ".pth", "itos.pkl"];

/// The names that belong to a model folder, in their order.
pub(crate) fn needed<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let at_root: Vec<&str> = names.iter().copied().filter(|name| !name.contains('/')).collect();
    // A folder of our own is whole only with all that its manifest lists.
    let is_ours = at_root.contains(&layout::MANIFEST) && at_root.contains(&layout::RECIPE);
    let is_needed = |name: &str| match name.split_once('/') {
        None if is_ours => !name.starts_with('.'),
        None => is_plain(name) || is_weights(name, &at_root),
        Some((folder, rest)) if is_module(folder) => {
            let beside: Vec<&str> =
                names.iter().filter_map(|name| name.strip_prefix(folder)?.strip_prefix('/')).collect();
            rest == layout::CONFIG || is_weights(rest, &beside)
        }
        Some(_) => false,
    };
    names.iter().copied().filter(|name| is_needed(name)).collect()
}

fn is_plain(name: &str) -> bool {
    PLAIN.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending)) || name == "laser2.pt"
}

/// Weights under the names of `transformers`: safetensors, or files of `torch.save` where there are none.
fn is_weights(name: &str, beside: &[&str]) -> bool {
    let safe = |name: &str| {
        name == SAFETENSORS_INDEX
            || (name.starts_with("model") && name.ends_with(".safetensors") && !name.contains(".fp16."))
    };
    let torch = |name: &str| name == TORCH_INDEX || (name.starts_with("pytorch_model") && name.ends_with(".bin"));
    safe(name) || (torch(name) && !beside.iter().any(|name| safe(name)))
}

/// `1_Pooling`, `2_Dense` and the like, of sentence-transformers.
fn is_module(folder: &str) -> bool {
    folder.split_once('_').is_some_and(|(number, name)| {
        !number.is_empty()
            && number.len() <= 2
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::needed;

    fn check(names: &str, expected: &str) {
        let names: Vec<&str> = names.split(' ').collect();
        assert_eq!(needed(&names).join(" "), expected);
    }

    #[test]
    fn a_model_folder_has_its_weights_once_and_no_other_frameworks() {
        check(
            ".gitattributes README.md config.json model.safetensors pytorch_model.bin tf_model.h5 flax_model.msgpack \
             onnx/model.onnx openvino/openvino_model.bin tokenizer.json training_args.bin rust_model.ot",
            "README.md config.json model.safetensors tokenizer.json",
        );
        check(
            "config.json pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin pytorch_model.bin.index.json x.py",
            "config.json pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin pytorch_model.bin.index.json",
        );
        check(
            "model-00001-of-00002.safetensors model.safetensors.index.json pytorch_model.bin a/config.json",
            "model-00001-of-00002.safetensors model.safetensors.index.json",
        );
    }

    #[test]
    fn sentence_transformers_keep_their_modules() {
        check(
            "modules.json 1_Pooling/config.json 2_Dense/config.json 2_Dense/model.safetensors 2_Dense/pytorch_model.bin \
             sentencepiece.bpe.model onnx/config.json 1_Pooling/x.py",
            "modules.json 1_Pooling/config.json 2_Dense/config.json 2_Dense/model.safetensors sentencepiece.bpe.model",
        );
    }

    #[test]
    fn others_and_ours_are_known() {
        check("itos.pkl lm_best.pth spm.model spm.vocab x.json", "itos.pkl lm_best.pth spm.model");
        check("laser2.pt laser2.spm laser2.cvocab train.sh", "laser2.pt laser2.spm laser2.cvocab");
        check(
            ".gitattributes manifest.json recipe.toml model.safetensors other.bin",
            "manifest.json recipe.toml model.safetensors other.bin",
        );
    }
}

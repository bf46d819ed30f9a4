//! Python's huggingface_hub reads the cache, where `GLOSSA_PYTHON` names a Python that has it.

use std::process::Command;

use super::*;

const SCRIPT: &str = r#"
import json, sys
from huggingface_hub import scan_cache_dir, try_to_load_from_cache, snapshot_download
cache = sys.argv[1]
info = scan_cache_dir(cache)
repos = [{
    "id": repo.repo_id, "type": repo.repo_type, "files": repo.nb_files, "bytes": repo.size_on_disk,
    "revisions": [{"commit": r.commit_hash, "refs": sorted(r.refs), "files": len(r.files)} for r in repo.revisions],
} for repo in info.repos]
found = try_to_load_from_cache("owner/name", "1_Pooling/config.json", cache_dir=cache)
whole = snapshot_download("owner/name", cache_dir=cache, local_files_only=True)
print(json.dumps({"repos": repos, "warnings": [str(w) for w in info.warnings], "found": found, "whole": whole,
                  "incomplete": len(info.incomplete_files)}))
"#;

/// A Python with these modules, or a message that there is none.
fn python(modules: &str) -> Option<String> {
    let Ok(python) = std::env::var("GLOSSA_PYTHON") else {
        eprintln!("skipped: GLOSSA_PYTHON names no Python with {modules}");
        return None;
    };
    let has_it = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if has_it.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("skipped: {python} lacks one of {modules}");
    None
}

/// What a script prints as JSON.
fn run(python: &str, script: &str, argument: &Path) -> serde_json::Value {
    let output = Command::new(python).args(["-c", script]).arg(argument).env("HF_HUB_OFFLINE", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Makes a small BERT with weights from a seed.
const MAKE: &str = r#"
import json, sys, torch
from transformers import BertConfig, BertModel
torch.manual_seed(1)
config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
BertModel(config).save_pretrained(sys.argv[1])
print("{}")
"#;

/// Loads the same model from a folder and from the cache, and the weights by safetensors.
const LOAD: &str = r#"
import json, sys, torch
from safetensors.torch import load_file
from transformers import AutoModel
from huggingface_hub import try_to_load_from_cache
root = sys.argv[1]
one = AutoModel.from_pretrained(root + "/made").eval()
two = AutoModel.from_pretrained("owner/name", cache_dir=root + "/hub").eval()
ids = torch.tensor([[1, 2, 3]])
with torch.no_grad():
    same = bool((one(ids).last_hidden_state == two(ids).last_hidden_state).all())
tensors = load_file(try_to_load_from_cache("owner/name", "model.safetensors", cache_dir=root + "/hub"))
print(json.dumps({"same": same, "tensors": len(tensors)}))
"#;

#[test]
fn transformers_and_safetensors_load_a_model_from_the_cache() {
    let Some(python) = python("torch, transformers, safetensors, huggingface_hub") else { return };
    let place = Place::new();
    let made = place.folder.path().join("made");
    run(&python, MAKE, &made);
    let read = |name: &str| std::fs::read(made.join(name)).unwrap();
    let hub = Hub::new(vec![
        small("config.json", read("config.json")),
        large("model.safetensors", read("model.safetensors")),
    ]);
    pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap();
    let found = run(&python, LOAD, place.folder.path());
    assert_eq!(found["same"], true, "{found}");
    assert!(found["tensors"].as_u64().unwrap() > 10, "{found}");
}

#[test]
fn huggingface_hub_reads_the_cache() {
    let Some(python) = python("huggingface_hub") else { return };
    let (place, hub) = (Place::new(), Hub::new(model()));
    let pulled = pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap();
    let found = run(&python, SCRIPT, &place.cache());
    let expected = serde_json::json!([{"id": "owner/name", "type": "model", "files": 5, "bytes": pulled.bytes,
        "revisions": [{"commit": COMMIT, "refs": ["main"], "files": 5}]}]);
    assert_eq!(found["repos"], expected, "{found}");
    assert_eq!((&found["warnings"], &found["incomplete"]), (&serde_json::json!([]), &serde_json::json!(0)));
    assert_eq!(found["found"], pulled.folder.join("1_Pooling/config.json").to_string_lossy().as_ref());
    assert_eq!(found["whole"], pulled.folder.to_string_lossy().as_ref());
    // What Python fetched is found by us: the same cache without our record.
    std::fs::remove_dir_all(place.cache().join("models--owner--name/.glossa")).unwrap();
    let before = hub.storage.requests().len();
    assert_eq!(pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap().transferred, 0);
    assert_eq!(hub.storage.requests().len(), before);
}

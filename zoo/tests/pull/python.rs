//! Python's huggingface_hub reads the cache, where `GLOSSA_PYTHON` names a Python that has it.

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

#[test]
fn huggingface_hub_reads_the_cache() {
    let Ok(python) = std::env::var("GLOSSA_PYTHON") else {
        eprintln!("skipped: GLOSSA_PYTHON names no Python with huggingface_hub");
        return;
    };
    let has_it = std::process::Command::new(&python).args(["-c", "import huggingface_hub"]).status();
    if !has_it.is_ok_and(|status| status.success()) {
        eprintln!("skipped: {python} has no huggingface_hub");
        return;
    }
    let (place, hub) = (Place::new(), Hub::new(model()));
    let pulled = pull(&place.zoo(&hub.endpoint()), "owner/name").unwrap();
    let output = std::process::Command::new(&python).args(["-c", SCRIPT]).arg(place.cache()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
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

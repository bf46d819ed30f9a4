//! A damaged cache is noticed: every truncation and every flipped bit of a blob, with both hashes.

use super::*;

fn verify(zoo: &Zoo) -> glossa_zoo::cache::VerifiedModel {
    let (repository, commit) = zoo.cached(&ModelId::parse("owner/name").unwrap()).unwrap();
    repository.verify(&commit.unwrap(), Watch { progress: &Silent, interrupt: &Interrupt::default() }).unwrap()
}

#[test]
fn all_truncations_and_flipped_bits_are_refused() {
    let whole = content(1 << 20);
    let (place, hub) = (Place::new(), Hub::new(vec![large("model.safetensors", whole.clone())]));
    let zoo = place.zoo(&hub.endpoint());
    let pulled = pull(&zoo, "owner/name").unwrap();
    assert!(verify(&zoo).damaged.is_empty());
    let blob = std::fs::canonicalize(pulled.folder.join("model.safetensors")).unwrap();
    let stream = glossa_base::seed::Stream::new(9, glossa_base::seed::Purpose::Sample, 0, 0);
    let mut refused = 0;
    for step in 0..1024_u64 {
        let mut bytes = whole.clone();
        let at = stream.below(step, bytes.len());
        if step % 2 == 0 {
            bytes.truncate(at)
        } else {
            bytes[at] ^= 1 << (step / 2 % 8)
        }
        std::fs::write(&blob, &bytes).unwrap();
        let damaged = verify(&zoo).damaged;
        assert_eq!(damaged.len(), 1, "{step}");
        assert_eq!((&damaged[0].expected, &damaged[0].found), (&sha256_hex(&whole), &sha256_hex(&bytes)));
        assert_eq!(damaged[0].path, pulled.folder.join("model.safetensors"));
        refused += 1;
    }
    assert_eq!(refused, 1024);
    let (repository, commit) = zoo.cached(&ModelId::parse("owner/name").unwrap()).unwrap();
    repository.drop_damaged(&verify(&zoo).damaged).unwrap();
    assert_eq!(repository.is_complete(&commit.unwrap()).unwrap(), Some(false));
    assert_eq!(pull(&zoo, "owner/name").unwrap().transferred, whole.len() as u64);
    assert!(verify(&zoo).damaged.is_empty());
}

#[test]
fn small_files_and_those_of_other_tools_are_checked_too() {
    let (place, hub) = (Place::new(), Hub::new(model()));
    let zoo = place.zoo(&hub.endpoint());
    let pulled = pull(&zoo, "owner/name").unwrap();
    // As Python has it: no record of ours, and a copy instead of a link.
    std::fs::remove_file(place.cache().join(format!("models--owner--name/.glossa/{COMMIT}.json"))).unwrap();
    std::fs::write(pulled.folder.join("copy.txt"), "x").unwrap();
    let found = verify(&zoo);
    assert_eq!((found.files, found.damaged.len(), found.unknown), (5, 0, vec!["copy.txt".to_owned()]));
    for (name, hash) in [("config.json", git_hash(b"{}")), ("model.safetensors", sha256_hex(&content(1_000_000)))] {
        let blob = std::fs::canonicalize(pulled.folder.join(name)).unwrap();
        std::fs::write(&blob, "{ }").unwrap();
        let damaged = verify(&zoo).damaged;
        assert!(damaged.iter().any(|damage| damage.expected == hash), "{damaged:?}");
    }
    std::fs::remove_file(std::fs::canonicalize(pulled.folder.join("README.md")).unwrap()).unwrap();
    assert_eq!(verify(&zoo).damaged.len(), 3);
}

//! The house keeps its invariants: reads the crate graph, the lock file, the sources and the
//! documents, and lists everything that breaks ARCHITECTURE.md. Builds without burn, in seconds.

mod graph;
mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use graph::Member;
use source::Source;

/// What the rules look at.
struct House {
    members: Vec<Member>,
    sources: Vec<Source>,
    /// Documents, scripts and manifests: path and text.
    documents: Vec<(String, String)>,
    root_manifest: String,
    architecture: String,
    lock: toml::Table,
}

impl House {
    fn read(root: &Path) -> Result<House, String> {
        let mut house = House {
            members: Vec::new(),
            sources: Vec::new(),
            documents: Vec::new(),
            root_manifest: read(&root.join("Cargo.toml"))?,
            architecture: read(&root.join("ARCHITECTURE.md"))?,
            lock: table(&root.join("Cargo.lock"))?,
        };
        let workspace: toml::Table = house.root_manifest.parse().map_err(|cause| format!("Cargo.toml: {cause}"))?;
        let members = workspace.get("workspace").and_then(|part| part.get("members")).and_then(toml::Value::as_array);
        for folder in members.into_iter().flatten().filter_map(toml::Value::as_str) {
            house.members.push(member(root, folder)?);
        }
        for path in files(root)? {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            match (path.extension().and_then(|ending| ending.to_str()), name.as_str()) {
                (Some("rs"), _) => house.sources.push(Source::new(&name, &read(&path)?)),
                (Some("md" | "toml" | "sh" | "yml" | "yaml"), _) | (_, "Makefile" | ".ci/run") => {
                    house.documents.push((name, read(&path)?));
                }
                _ => {}
            }
        }
        Ok(house)
    }
}

fn member(root: &Path, folder: &str) -> Result<Member, String> {
    let path = root.join(folder).join("Cargo.toml");
    let manifest = table(&path)?;
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let name = name.ok_or_else(|| format!("{} names no package", path.display()))?.to_owned();
    Ok(Member { folder: folder.to_owned(), name, text: read(&path)?, manifest })
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|cause| format!("{}: {cause}", path.display()))
}

fn table(path: &Path) -> Result<toml::Table, String> {
    read(path)?.parse().map_err(|cause| format!("{}: {cause}", path.display()))
}

/// Every file of the checkout in a fixed order; not what git ignores or hides, but `.ci`.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let built = ["target", "build", "shared"].contains(&name.as_str());
        if path.is_file() {
            found.push(path);
        } else if path.is_dir() && !path.is_symlink() && !built && (name == ".ci" || !name.starts_with('.')) {
            found.extend(files(&path)?);
        }
    }
    Ok(found)
}

fn violations(house: &House) -> Vec<String> {
    let (drawn, built) = (graph::drawn(&house.architecture), graph::built(&house.members));
    let mut all = graph::check_arrows(&drawn, &built);
    all.extend(graph::check_direction(&built));
    all.extend(graph::check_without_burn(&house.members, &graph::locked(&house.lock)));
    all.extend(rules::check_pins(&house.root_manifest));
    for member in &house.members {
        all.extend(rules::check_member(member));
        all.extend(rules::check_described(&member.folder, &house.architecture));
    }
    for source in &house.sources {
        all.extend(rules::check_command_only(source));
        all.extend(rules::check_randomness(source));
        all.extend(rules::check_unsafe(source));
        all.extend(rules::check_head(source));
        all.extend(rules::check_sizes(source));
        all.extend(rules::check_places(source));
    }
    for (path, text) in &house.documents {
        all.extend(rules::check_document_places(path, text));
    }
    all
}

#[test]
fn the_house_keeps_its_invariants() {
    let house = House::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
    assert!(house.members.len() >= 12 && house.sources.len() > house.members.len(), "the checkout was not found");
    let found = violations(&house);
    assert!(found.is_empty(), "{} places break ARCHITECTURE.md:\n  {}\n", found.len(), found.join("\n  "));
}

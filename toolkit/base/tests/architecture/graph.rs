//! Who imports whom: the arrows of ARCHITECTURE.md against the manifests and the lock file.

use std::collections::{BTreeMap, BTreeSet};

/// Importer to imported, both by folder.
pub(crate) type Edges = BTreeSet<(String, String)>;

/// A member of the workspace.
pub(crate) struct Member {
    /// Folder from the root of the checkout, such as `toolkit/base`.
    pub(crate) folder: String,
    /// Name of the package, such as `glossa-base`.
    pub(crate) name: String,
    /// Its manifest as text and as values.
    pub(crate) text: String,
    pub(crate) manifest: toml::Table,
}

/// Crates that build without burn.
pub(crate) const WITHOUT_BURN: [&str; 6] = ["eval", "zoo", "corpora", "languages", "toolkit/text", "toolkit/base"];

impl Member {
    /// Every dependency of any kind: name and what the manifest says of it.
    pub(crate) fn dependencies(&self) -> Vec<(String, toml::Value)> {
        let mut found = Vec::new();
        collect_dependencies(&self.manifest, &mut found);
        if let Some(targets) = self.manifest.get("target").and_then(toml::Value::as_table) {
            targets.values().filter_map(toml::Value::as_table).for_each(|part| collect_dependencies(part, &mut found));
        }
        found
    }
}

fn collect_dependencies(table: &toml::Table, found: &mut Vec<(String, toml::Value)>) {
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let entries = table.get(section).and_then(toml::Value::as_table).into_iter().flatten();
        found.extend(entries.map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// The arrows drawn in the document: lines `importer -> imported, imported` of its block ```` ```arrows ````.
pub(crate) fn drawn(document: &str) -> Edges {
    let block = document.split("```arrows\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let lines = block.lines().filter_map(|line| line.split_once("->"));
    let pairs = lines.flat_map(|(from, to)| to.split(',').map(move |to| (folder(from), folder(to))));
    pairs.collect()
}

/// `base` is `toolkit/base`; rooms beside the toolkit stand at the root.
fn folder(word: &str) -> String {
    match word.trim() {
        outside @ ("languages" | "corpora" | "zoo" | "eval") => outside.to_owned(),
        inside => format!("toolkit/{inside}"),
    }
}

/// The edges in the manifests.
pub(crate) fn built(members: &[Member]) -> Edges {
    let folders: BTreeMap<&str, &str> = members.iter().map(|one| (one.name.as_str(), one.folder.as_str())).collect();
    let edges = members.iter().flat_map(|one| one.dependencies().into_iter().map(|(name, _)| (&one.folder, name)));
    edges.filter_map(|(from, name)| folders.get(name.as_str()).map(|to| (from.clone(), (*to).to_owned()))).collect()
}

/// The document draws exactly what is built.
pub(crate) fn check_arrows(drawn: &Edges, built: &Edges) -> Vec<String> {
    let undrawn =
        built.difference(drawn).map(|(from, to)| format!("{from} imports {to}: ARCHITECTURE.md has no such arrow"));
    let unbuilt = drawn
        .difference(built)
        .map(|(from, to)| format!("ARCHITECTURE.md draws {from} -> {to}: {from}/Cargo.toml does not"));
    undrawn.chain(unbuilt).collect()
}

/// No circle, and nothing imports `toolkit/cli`.
pub(crate) fn check_direction(edges: &Edges) -> Vec<String> {
    let nodes: BTreeSet<&String> = edges.iter().map(|(from, _)| from).collect();
    let circles = nodes.into_iter().filter(|node| reachable(edges, node).contains(*node));
    let circles = circles.map(|node| format!("{node} imports itself in a circle"));
    let upward =
        edges.iter().filter(|(_, to)| to == "toolkit/cli").map(|(from, _)| format!("{from} imports toolkit/cli"));
    circles.chain(upward).collect()
}

fn reachable(edges: &Edges, start: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(node) = open.pop() {
        let next = edges.iter().filter(|(from, _)| *from == node).map(|(_, to)| to.clone());
        open.extend(next.filter(|to| seen.insert(to.clone())));
    }
    seen
}

/// What each package of a lock file needs, by name; versions of one name are taken together.
pub(crate) fn locked(lock: &toml::Table) -> Edges {
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let text = |value: &toml::Value| value.as_str().and_then(|text| text.split(' ').next()).map(str::to_owned);
    let mut edges = Edges::new();
    for package in packages {
        let Some(name) = package.get("name").and_then(text) else { continue };
        let needs = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        edges.extend(needs.filter_map(text).map(|need| (name.clone(), need)));
    }
    edges
}

/// The crates named in [`WITHOUT_BURN`] reach no crate of burn, through whatever they depend on.
pub(crate) fn check_without_burn(members: &[Member], locked: &Edges) -> Vec<String> {
    let light = members.iter().filter(|one| WITHOUT_BURN.contains(&one.folder.as_str()));
    let mut violations = Vec::new();
    for member in light {
        let heavy = |name: &&String| *name == "burn" || name.starts_with("burn-") || name.starts_with("cubecl");
        if let Some(name) = reachable(locked, &member.name).iter().find(heavy) {
            violations.push(format!("{} reaches {name}: it must build without burn", member.folder));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(pairs: &[(&str, &str)]) -> Edges {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    fn member(folder: &str, name: &str, text: &str) -> Member {
        Member { folder: folder.into(), name: name.into(), text: text.into(), manifest: text.parse().unwrap() }
    }

    #[test]
    fn the_block_of_arrows_is_read() {
        let document = "text\n```arrows\nnn -> base\neval -> languages, base\n```\nx -> y\n";
        let expected = [("toolkit/nn", "toolkit/base"), ("eval", "languages"), ("eval", "toolkit/base")];
        assert_eq!(drawn(document), edges(&expected));
    }

    #[test]
    fn an_undrawn_and_an_unbuilt_arrow_are_found() {
        let members = [
            member("toolkit/base", "glossa-base", ""),
            member("eval", "glossa-eval", "[target.'cfg(unix)'.dev-dependencies]\nglossa-base.workspace = true"),
        ];
        let built = built(&members);
        assert_eq!(check_arrows(&drawn("```arrows\neval -> base\n```"), &built), Vec::<String>::new());
        assert_eq!(check_arrows(&Edges::new(), &built).len(), 1);
        assert_eq!(check_arrows(&drawn("```arrows\neval -> base, text\n```"), &built).len(), 1);
    }

    #[test]
    fn circles_and_imports_of_the_command_are_found() {
        assert_eq!(check_direction(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])), Vec::<String>::new());
        assert_eq!(check_direction(&edges(&[("a", "b"), ("b", "c"), ("c", "a")])).len(), 3);
        assert_eq!(check_direction(&edges(&[("zoo", "toolkit/cli")])).len(), 1);
    }

    #[test]
    fn burn_is_found_through_others() {
        let lock = "[[package]]\nname = \"glossa-eval\"\ndependencies = [\"helper 1.0.0\"]\n\
                    [[package]]\nname = \"helper\"\ndependencies = [\"burn-flex\"]";
        let locked = locked(&lock.parse().unwrap());
        assert_eq!(check_without_burn(&[member("eval", "glossa-eval", "")], &locked).len(), 1);
        assert_eq!(check_without_burn(&[member("toolkit/nn", "glossa-eval", "")], &locked).len(), 0);
        assert_eq!(check_without_burn(&[member("eval", "glossa-other", "")], &locked).len(), 0);
    }
}

//! Rules for single sources, manifests and documents. Each returns what breaks it, one line a place.

use crate::graph::Member;
use crate::source::{Source, holds};

/// Lines that a file may have.
pub(crate) const LONGEST_FILE: usize = 600;
/// Lines that a function may have.
pub(crate) const LONGEST_FUNCTION: usize = 100;
/// Data tables: files of literals that may be longer than [`LONGEST_FILE`].
pub(crate) const TABLES: [&str; 0] = [];

/// Where `unsafe` may stand: the C++ shim, kernels, the mapping of token files, the allocator's setting.
const UNSAFE_PLACES: [&str; 4] =
    ["toolkit/text/sentencepiece/", "toolkit/nn/src/kernels", "toolkit/text/src/token_file", "toolkit/allocator/"];
/// What only the command may do: print, exit, read the environment and the arguments.
const COMMAND_ONLY: [&str; 11] = [
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "dbg!",
    "process::exit",
    "io::stdout",
    "io::stderr",
    "std::env",
    "env::var",
    "env::args",
];
/// Random numbers that do not come from `base::seed`.
const FOREIGN_RANDOMNESS: [&str; 3] = ["rand::", "fastrand::", "Tensor::random"];
/// Paths that exist on one machine only.
const MACHINE_PATHS: [&str; 5] = ["/work/", "/root/", "/home/", "/tmp/", "/Users/"];
/// Package registries: which one is used is each machine's setting.
const REGISTRY_HOSTS: [&str; 5] =
    ["index.crates.io", "static.crates.io", "pypi.org", "pythonhosted.org", "artifactory"];

fn at(path: &str, line: usize, what: &str) -> String {
    format!("{path}:{line}: {what}")
}

fn forbid(source: &Source, words: &[&str], why: &str) -> Vec<String> {
    let mut violations = Vec::new();
    for (number, line) in source.library_lines() {
        let found = words.iter().find(|word| holds(line, word));
        violations.extend(found.map(|word| at(&source.path, number, &format!("`{word}`: {why}"))));
    }
    violations
}

/// Only `toolkit/cli` prints, exits, or reads the environment and the arguments.
pub(crate) fn check_command_only(source: &Source) -> Vec<String> {
    if source.path.starts_with("toolkit/cli/") {
        return Vec::new();
    }
    forbid(source, &COMMAND_ONLY, "only toolkit/cli prints, exits, or reads the environment")
}

/// All randomness comes from `base::seed`.
pub(crate) fn check_randomness(source: &Source) -> Vec<String> {
    forbid(source, &FOREIGN_RANDOMNESS, "randomness comes from glossa_base::seed::Stream alone")
}

/// `unsafe` stands only where the architecture allows it, and each block says why it is sound.
pub(crate) fn check_unsafe(source: &Source) -> Vec<String> {
    if !UNSAFE_PLACES.iter().any(|place| source.path.starts_with(place)) {
        let lines = source.code.lines().enumerate().filter(|(_, line)| holds(line, "unsafe"));
        return lines.map(|(index, _)| at(&source.path, index + 1, "`unsafe` outside of the places for it")).collect();
    }
    let written: Vec<&str> = source.text.lines().collect();
    let blocks =
        source.code.lines().enumerate().filter(|(_, line)| line.contains("unsafe {") || line.contains("unsafe impl"));
    let bare = blocks.filter(|(index, _)| !explained(&written, *index));
    bare.map(|(index, _)| at(&source.path, index + 1, "`unsafe` without a `SAFETY:` comment above it")).collect()
}

/// Does the line, or one of the six above it, say why the block is sound?
fn explained(lines: &[&str], index: usize) -> bool {
    let near = lines.iter().take(index + 1).skip(index.saturating_sub(6));
    near.into_iter().any(|line| line.contains("SAFETY:"))
}

/// The file opens by saying what it is for.
pub(crate) fn check_head(source: &Source) -> Vec<String> {
    let first = source.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let missing = !first.starts_with("//!");
    missing.then(|| at(&source.path, 1, "no `//!` head that says what the file is for")).into_iter().collect()
}

/// Files and functions stay short; tests and tables may be long files.
pub(crate) fn check_sizes(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let mut violations = Vec::new();
    if lines > LONGEST_FILE && !source.is_apart() && !TABLES.contains(&source.path.as_str()) {
        violations.push(at(&source.path, 1, &format!("{lines} lines, {LONGEST_FILE} are allowed")));
    }
    let long = source.functions().into_iter().filter(|(_, _, length)| *length > LONGEST_FUNCTION);
    violations.extend(long.map(|(name, line, length)| {
        at(&source.path, line, &format!("fn {name} has {length} lines, {LONGEST_FUNCTION} are allowed"))
    }));
    violations
}

/// No path of one machine, no package registry: in what is not a test of a source.
pub(crate) fn check_places(source: &Source) -> Vec<String> {
    source.written_lines().flat_map(|(number, line)| places_in(&source.path, number, line)).collect()
}

/// The same for a document, a script or a manifest.
pub(crate) fn check_document_places(path: &str, text: &str) -> Vec<String> {
    text.lines().enumerate().flat_map(|(index, line)| places_in(path, index + 1, line)).collect()
}

fn places_in(path: &str, number: usize, line: &str) -> Vec<String> {
    let inside = |before: Option<char>| before.is_some_and(|c| c.is_alphanumeric() || "._-})$~".contains(c));
    let starts = |word: &str| line.match_indices(word).any(|(start, _)| !inside(line[..start].chars().last()));
    let machine = MACHINE_PATHS.iter().filter(|word| starts(word));
    let hosts = REGISTRY_HOSTS.iter().filter(|word| line.contains(**word));
    machine
        .map(|word| at(path, number, &format!("`{word}`: a path of one machine")))
        .chain(hosts.map(|word| at(path, number, &format!("`{word}`: a package registry, each machine has its own"))))
        .collect()
}

/// Each dependency of the workspace is pinned with `=` and has its reason above it. One comment
/// speaks for at most three entries; our own rooms are paths and need none.
pub(crate) fn check_pins(root_manifest: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let mut spoken_for = 0;
    let numbered = root_manifest.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let section = numbered.skip_while(|(_, line)| *line != "[workspace.dependencies]").skip(1);
    for (number, line) in section.take_while(|(_, line)| !line.starts_with('[')) {
        let Some((name, value)) = line.split_once(" = ") else {
            spoken_for = if line.starts_with('#') { 3 } else { 0 };
            continue;
        };
        if line.starts_with('#') {
            spoken_for = 3;
        } else if !value.contains("path = ") {
            if !value.starts_with("\"=") && !value.contains("version = \"=") {
                violations.push(at("Cargo.toml", number, &format!("{name} is not pinned with `=`")));
            }
            if spoken_for == 0 {
                violations.push(at("Cargo.toml", number, &format!("{name} has no comment that says why it is here")));
            }
            spoken_for = usize::saturating_sub(spoken_for, 1);
        }
    }
    violations
}

/// A member takes its dependencies from the workspace; one of its own is pinned and explained.
pub(crate) fn check_member(member: &Member) -> Vec<String> {
    let mut violations = Vec::new();
    for (name, value) in member.dependencies() {
        if value.get("workspace").is_some() {
            continue;
        }
        let version = value.as_str().or_else(|| value.get("version").and_then(toml::Value::as_str)).unwrap_or_default();
        let lines: Vec<&str> = member.text.lines().collect();
        let place = lines.iter().position(|line| line.trim_start().starts_with(&name)).unwrap_or_default();
        let above = place.checked_sub(1).and_then(|index| lines.get(index)).copied().unwrap_or_default();
        if !version.starts_with('=') || !above.trim_start().starts_with('#') {
            let what = format!("{name} is neither the workspace's nor pinned with `=` below a comment that says why");
            violations.push(at(&format!("{}/Cargo.toml", member.folder), place + 1, &what));
        }
    }
    violations
}

/// ARCHITECTURE.md has a section `### folder` for the member, with an invariant.
pub(crate) fn check_described(folder: &str, document: &str) -> Vec<String> {
    let heading = format!("### `{folder}`");
    let section = document.split("\n#").map(|part| format!("#{part}")).find(|part| part.starts_with(&heading));
    let what = match section {
        None => "has no section",
        Some(text) if !text.contains("Invariant:") => "has a section without an `Invariant:`",
        Some(_) => return Vec::new(),
    };
    vec![format!("ARCHITECTURE.md: {folder} {what}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each rule is broken in a text.
    fn check(rule: fn(&Source) -> Vec<String>, rows: &[(&str, &str, usize)]) {
        for (path, text, expected) in rows {
            let found = rule(&Source::new(path, text));
            assert_eq!(found.len(), *expected, "{path}: {text}\n{found:?}");
        }
    }

    #[test]
    fn printing_is_for_the_command() {
        let tested = "#[cfg(test)]\nmod tests {\n    fn a() {\n        println!();\n    }\n}\n";
        check(
            check_command_only,
            &[
                ("eval/src/a.rs", "fn a() {\n    println!(\"x\");\n    std::process::exit(1);\n}", 2),
                ("eval/src/a.rs", "use std::env;\nlet a = std::io::stderr();", 2),
                ("eval/src/a.rs", "// println!\nlet a = \"println!\"; let b = env!(\"CARGO_PKG_VERSION\");", 0),
                ("toolkit/cli/src/a.rs", "println!();", 0),
                ("eval/tests/a.rs", "println!();", 0),
                ("eval/build.rs", "println!();", 0),
                ("eval/src/a.rs", tested, 0),
            ],
        );
    }

    #[test]
    fn randomness_has_one_source() {
        check(check_randomness, &[("a.rs", "let x = rand::random();", 1), ("a.rs", "operand::new();", 0)]);
    }

    #[test]
    fn unsafe_has_its_places_and_its_reasons() {
        check(
            check_unsafe,
            &[
                ("zoo/src/a.rs", "unsafe { x() }", 1),
                ("zoo/src/a.rs", "#[cfg(test)]\nmod tests {\n    unsafe { x() }\n}", 1),
                ("zoo/src/a.rs", "#![deny(unsafe_code)]", 0),
                ("toolkit/nn/src/kernels/scan.rs", "unsafe { x() }", 1),
                ("toolkit/nn/src/kernels/scan.rs", "// SAFETY: x is.\nunsafe { x() }", 0),
                ("toolkit/nn/src/kernels.rs", "unsafe extern \"C\" {}", 0),
            ],
        );
    }

    #[test]
    fn files_have_heads() {
        check(check_head, &[("a.rs", "//! Why.\n", 0), ("a.rs", "// Why.\n", 1), ("a.rs", "", 1)]);
    }

    #[test]
    fn sizes_are_limited() {
        let function = format!("fn a() {{\n{}}}\n", "    x();\n".repeat(LONGEST_FUNCTION));
        let file = "// x\n".repeat(LONGEST_FILE + 1);
        check(
            check_sizes,
            &[("a.rs", &function, 1), ("a.rs", &file, 1), ("x/tests/a.rs", &file, 0), ("a.rs", "fn a() {}\n", 0)],
        );
    }

    #[test]
    fn machines_and_registries_are_not_named() {
        check(
            check_places,
            &[
                ("a.rs", "let a = \"/tmp/x\";", 1),
                ("a.rs", "// see /work/main", 1),
                ("a.rs", "let a = \"data/tmp/x\";", 0),
                ("x/tests/a.rs", "let a = \"/tmp/x\";", 0),
            ],
        );
        assert_eq!(check_document_places("README.md", "run\n/root/x and https://pypi.org/").len(), 2);
        assert_eq!(check_document_places("README.md", "$HOME/tmp/x").len(), 0);
    }

    #[test]
    fn pins_and_reasons_are_required() {
        for (entries, expected) in [
            ("# Why.\na = \"=1.0.0\"\nb = { version = \"=1.0.0\" }\n", 0),
            ("own = { path = \"x\" }\n", 0),
            ("# Why.\na = \"1.0.0\"\n", 1),
            ("a = \"=1.0.0\"\n", 1),
            ("# Why.\na = \"=1.0.0\"\n\nb = { version = \"1\" }\n", 2),
            ("# x = y\na = \"=1\"\nb = \"=1\"\nc = \"=1\"\nd = \"=1\"\n", 1),
        ] {
            let manifest =
                format!("[workspace]\nx = \"1\"\n[workspace.dependencies]\n{entries}[profile.release]\nz = \"1\"\n");
            assert_eq!(check_pins(&manifest).len(), expected, "{manifest}");
        }
    }

    #[test]
    fn members_take_what_the_workspace_pins() {
        for (text, expected) in [
            ("[dependencies]\na.workspace = true", 0),
            ("[dependencies]\na = \"1\"", 1),
            ("[dependencies]\na = \"=1.0.0\"", 1),
            ("[dependencies]\n# Why.\na = { version = \"=1.0.0\" }", 0),
            ("[dependencies]\n# Why.\na = { path = \"x\" }", 1),
        ] {
            let manifest = text.parse().unwrap();
            let member = Member { folder: "x".into(), name: "x".into(), text: text.into(), manifest };
            assert_eq!(check_member(&member).len(), expected, "{text}");
        }
    }

    #[test]
    fn every_room_is_described() {
        let document = "# A\n\n### `eval`\n\nText.\n\nInvariant: x.\n\n### `zoo`\n\nText.\n";
        assert_eq!(check_described("eval", document).len(), 0);
        assert_eq!(check_described("zoo", document), ["ARCHITECTURE.md: zoo has a section without an `Invariant:`"]);
        assert_eq!(check_described("text", document).len(), 1);
    }
}

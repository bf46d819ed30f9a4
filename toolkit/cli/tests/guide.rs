//! Every command of docs/add-a-language.md, one after the other, as a reader types them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::Place;

/// The lines of the guide's blocks of commands.
fn commands(guide: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut within = false;
    for line in guide.lines() {
        match line {
            "```sh" => within = true,
            "```" => within = false,
            _ if within => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_of_the_guide_works() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/add-a-language.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let commands = commands(&guide);
    assert!(commands.len() >= 12, "{commands:?}");
    let place = Place::with_texts();
    for command in commands {
        let rest = command.strip_prefix("glossa ").unwrap_or_else(|| panic!("{command}"));
        let rest = rest.replace('"', "");
        place.run(&format!("{rest} --quiet")).done();
    }
    let file = String::from_utf8(place.read("rgn.toml")).unwrap();
    for line in file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        assert!(guide.contains(line), "the guide shows another file than is written: {line}");
    }
    assert!(place.path("run/rgn/topics/submission.tsv").is_file());
    assert!(place.path("run/report.html").is_file());
}

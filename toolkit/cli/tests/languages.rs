//! `glossa language`: what is built in, where values come from, new files, and every mistake in one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Place, Refusals, text};

#[test]
fn languages_are_listed_by_what_they_are() {
    let place = Place::new();
    let count = |arguments: &str| {
        let ran = place.run(&format!("language list {arguments}")).done();
        ran.stdout.lines().last().unwrap().to_owned()
    };
    let all: usize = count("").split(' ').next().unwrap().parse().unwrap();
    assert!(all >= 330, "{all}");
    assert_eq!(count("--benchmark haha-2019"), "1 languages");
    assert_eq!(count("--script Thai"), "1 languages");
    assert_eq!(count("--script Tibt --unspaced"), "2 languages");
    assert_eq!(count("euskara"), "1 languages");
    assert!(place.run("language list --right-to-left --json").done().stdout.contains("\"ar\""));
    let schema = place.run("language schema --json").done().json();
    assert_eq!(text(&schema, "/type"), "object");
}

#[test]
fn every_value_says_where_it_comes_from() {
    let place = Place::new();
    place.write("ja.toml", "format = 1\ncode = \"ja\"\nseeds = 2\n\n[recipe.pretrain.training]\nepochs = 3\n");
    let ran = place.run("language show ./ja.toml --resolved --set preset=tiny").done();
    for line in [
        "seeds                           = 2                        your file (./ja.toml:3)",
        "spaced                          = false                    script (languages/scripts/Jpan.toml:3)",
        "preset                          = \"tiny\"                   flag (--set preset=tiny)",
        "recipe.pretrain.training.epochs = 3                        your file (./ja.toml:6)",
    ] {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.stdout);
    }
    assert!(ran.stdout.contains("its vocabulary has 8000 pieces"), "{}", ran.stdout);
    let shown = place.run("language show eu --json").done().json();
    assert_eq!(text(&shown, "/language/iso_639_3"), "eus");
    assert_eq!(text(&shown, "/settings/name/origin/layer"), "language");
}

#[test]
fn a_new_file_is_right_and_short() {
    let place = Place::new();
    place.write("text.txt", "one\n");
    place.run("language new gsw --name Alemannic --text text.txt --train a.csv --test b.csv --task topics").done();
    let written = String::from_utf8(place.read("gsw.toml")).unwrap();
    assert!(written.contains("paths = [\"text.txt\"]") && written.contains("test = \"b.csv\""), "{written}");
    let ran = place.run("language check gsw.toml").done();
    assert_eq!(ran.stdout.trim(), "right: gsw");
    let mut refusals = Refusals::new(&place);
    refusals.case("language new gsw", 3, &["gsw.toml", "--force"]);
    refusals.case("language new g", 3, &["not a language code"]);
    refusals.case("language new xx --script Latin", 3, &["`Latin`", "Latn"]);
    refusals.case("language new xx --text ../up.txt", 3, &["leads out of its folder"]);
    refusals.case("language new xx --train /etc/passwd", 3, &["leads out of its folder"]);
    refusals.end();
}

#[test]
fn mistakes_are_named() {
    let place = Place::new();
    let head = "format = 1\ncode = \"xx\"\nname = \"Example\"\nscript = \"Latn\"\n";
    place.write("key.toml", format!("{head}prest = \"tiny\"\n"));
    place.write("preset.toml", format!("{head}preset = \"tny\"\n"));
    place.write("recipe.toml", format!("{head}[recipe.pretrain.training]\nepoch = 3\n"));
    place.write("section.toml", format!("{head}[recipe.pretran]\nsampled_pieces = 3\n"));
    place.write("type.toml", format!("{head}[recipe.pretrain.training]\nepochs = \"many\"\n"));
    place.write("range.toml", format!("{head}[recipe.pretrain.training]\nrate = -1.0\n"));
    place.write("twins/a.toml", head);
    place.write("twins/b.toml", head);
    place.write("binary.toml", b"\xff\xfe\0");
    std::fs::create_dir_all(place.path("empty")).unwrap();
    let mut refusals = Refusals::new(&place);
    refusals.case("language check key.toml", 3, &["key.toml:5:1", "`prest`", "`preset`"]);
    refusals.case("language check preset.toml", 3, &["preset.toml:5:1", "`tny`", "`tiny`"]);
    refusals.case("language check recipe.toml", 3, &["recipe.toml:6:1", "`epoch`", "`epochs`"]);
    refusals.case("language check section.toml", 3, &["section.toml:6:1", "`pretran`", "`pretrain`"]);
    refusals.case("language check type.toml", 3, &["type.toml:6:1", "many"]);
    refusals.case("language check range.toml", 3, &["range.toml:6:1", "rate must be positive"]);
    refusals.case("language check twins", 3, &["`xx` is asked for twice", "a.toml", "b.toml"]);
    refusals.case("language check empty", 3, &["no language files"]);
    refusals.case("language check binary.toml", 3, &["binary.toml"]);
    refusals.case("language check none.toml", 3, &["none.toml"]);
    refusals.case("language show eus", 3, &["`eus`", "`eu`"]);
    refusals.case("language show eu --set cleaning.digit=0.3", 3, &["`digit`", "`digits`"]);
    refusals.case("language show eu --set seeds=0", 3, &["seeds lies from 1 to 100"]);
    refusals.end();
    let both = place.run("language check key.toml preset.toml -q");
    assert_eq!(both.code, Some(3));
    assert_eq!(both.stderr.matches("error: ").count(), 2, "each wrong file is named: {both:?}");
}

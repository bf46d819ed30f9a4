//! The presets as a whole: order of the rules, names, fields, any text in linear time.

use std::time::{Duration, Instant};

use glossa_text::Preset;
use glossa_text::rules::undo;

const ALL: [Preset; 5] = [Preset::FastaiV1, Preset::FastaiV2, Preset::FastaiV2Ascii, Preset::Haha2019, Preset::None];

#[test]
fn names_and_the_nearest() {
    for preset in ALL {
        assert_eq!(preset.to_string().parse::<Preset>().unwrap(), preset);
        let json = serde_json::to_string(&preset).unwrap();
        assert_eq!(json, format!("\"{preset}\""));
        assert_eq!(serde_json::from_str::<Preset>(&json).unwrap(), preset);
        assert!(preset.special_pieces().contains(&"xxbos") && preset.special_pieces().contains(&"xxpad"));
    }
    let failure = glossa_base::Failure::from("fastai-1".parse::<Preset>().unwrap_err());
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("fastai-v1")), "{failure:?}");
    assert!("".parse::<Preset>().is_err());
}

#[test]
fn whole_texts() {
    let check = |preset: Preset, text: &str, expected: &str| assert_eq!(preset.apply(text), expected, "{preset}");
    let text = "Hello WORLD!!!! It's  #1 / Żółw\nno no no no no";
    check(Preset::FastaiV1, text, "xxbos xxmaj hello xxup world xxrep 4 ! xxmaj it's # 1 / xxmaj żółw xxwrep 4 no no");
    check(Preset::FastaiV2, text, "xxbos xxmaj hello xxup world xxrep 4 ! xxmaj it's # 1 / xxmaj żółw xxwrep 5 no");
    check(Preset::FastaiV2Ascii, text, "xxbos xxmaj hello xxup world xxrep 4 ! xxmaj it's # 1 / żółw xxwrep 5 no");
    check(
        Preset::Haha2019,
        "Hola, QUE tal? OK @ana jajajaja\nbien!!!!!",
        "xxbos hola , xxup que tal ? ok @ ana jajajaja xxnl bien xxrep 5 !",
    );
    check(Preset::None, "  As It IS!!!! ", "xxbos   As It IS!!!! ");
    for preset in ALL {
        check(preset, "", "xxbos");
    }
}

#[test]
fn fields_are_marked() {
    let fields = ["A Title", "", "the body"];
    assert_eq!(Preset::FastaiV1.apply_fields(&fields), "xxbos xxfld 1 a xxmaj title xxfld 2 xxfld 3 the body");
    assert_eq!(Preset::FastaiV2.apply_fields(&["one"]), "xxbos xxfld 1 one");
    assert_eq!(Preset::None.apply_fields(&[]), "xxbos");
}

#[test]
fn readable_again() {
    let check = |preset: Preset, text: &str| assert_eq!(undo(&preset.apply(text)), text, "{preset}");
    for preset in [Preset::FastaiV1, Preset::FastaiV2] {
        check(preset, "Die Straße führt nach WIEN und zurück.");
        check(preset, "Москва и ΑΘΗΝΑ und İzmir");
        check(preset, "no!!!!!! wait????? 😂😂😂😂");
        check(preset, "こんにちは 世界 नमस्ते दुनिया");
    }
}

/// Texts that make back-tracking matchers slow, and letters whose case changes their length.
fn hostile() -> Vec<String> {
    let units = [
        "a",
        "ab",
        "a ",
        "a a  ",
        "A",
        "&",
        "&a",
        "\\",
        "é",
        "e\u{301}",
        "\u{301}",
        "ß",
        "İ",
        "ǅ",
        "ΑΣ ",
        "😂",
        "👨‍👩‍👧 ",
        "\n",
        " ",
        "\u{2581}",
        "xxrep 9 ",
        "#/",
        "no, ",
    ];
    let mut texts: Vec<String> = units.iter().map(|unit| unit.repeat(300)).collect();
    texts.extend(units.iter().map(|unit| format!("{}b{}", unit.repeat(7), unit.repeat(5))));
    texts
}

#[test]
fn any_text_goes_through() {
    for text in hostile() {
        for preset in ALL {
            let once = preset.apply(&text);
            assert!(once.starts_with("xxbos"), "{preset}");
            let _ = undo(&once);
            if preset != Preset::None {
                assert!(!once.contains("   "), "{preset} {once:?}");
            }
        }
    }
}

#[test]
fn ten_megabytes_take_no_more_than_ten_times_one() {
    let time = |text: &str| {
        let start = Instant::now();
        ALL.iter().for_each(|preset| assert!(!preset.apply(text).is_empty()));
        start.elapsed()
    };
    for unit in ["a", "ab", "a ", "ab cd ", "é", "A", "&", "a. a, ", "\u{301}"] {
        let small = time(&unit.repeat(1_000_000 / unit.len()));
        let large = time(&unit.repeat(10_000_000 / unit.len()));
        // A quadratic rule would take a hundred times as long; the margin is for a busy machine.
        assert!(large < small * 40 + Duration::from_millis(500), "{unit:?}: {small:?} then {large:?}");
    }
}

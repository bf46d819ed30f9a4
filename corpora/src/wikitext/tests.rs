//! What the cleaner makes of each kind of markup, and that it survives anything.
#![expect(clippy::indexing_slicing, reason = "a test may index its own table")]

use std::time::{Duration, Instant};

use glossa_base::seed::{Purpose, Stream};

use super::{Cleaner, is_disambiguation, is_redirect, to_text};

fn check(wikitext: &str, expected: &str) {
    assert_eq!(to_text(wikitext), expected, "from {wikitext:?}");
}

#[test]
fn templates_go_with_what_is_in_them() {
    check("a {{cite|x=1|[[y]]}} b", "a b");
    check("a {{one|{{two|{{three}}}}}}b{{four}} c", "a b c");
    check("{{Infobox\n| a = b\n| c = {{d}}\n}}\nText.", "Text.");
    check("{{{1|default}}} a {{{{{name}}}}} b", "a b");
    check("open {{ template", "open template");
    check("close }} template", "close template");
    check("{{a}}}} b", "b");
}

#[test]
fn templates_that_only_format_keep_their_text() {
    check("{{nowrap|a b}} {{lang|fr|mot [[c|d]]}}", "a b mot d");
    check("it is {{convert|10|km|mi|abbr=on}} or {{convert|1|to|2|m}}", "it is 10 km or 1 to 2 m");
    check("a{{ndash}}b{{'}}s {{small|1={{nowrap|deep}}}}", "a–b's deep");
    check("{{quote|Words.|author=X}}", "Words.");
    check("{{formatnum:1234}} people", "1234 people");
}

#[test]
fn tables_go() {
    check("a\n{| class=x\n|-\n! h !! i\n| b || c\n|}\nd", "a\nd");
    check("a\n{|\n| b\n:{|\n| inner\n|}\n|}\nd", "a\nd");
    check("{|\n| x || {{t|}}\n|}}\nd", "d");
    check("a\n{|\n|-\n| never closed\ntext", "a\ntext");
    check("<table><tr><td>x</td></tr></table> a", "a");
    check("{|\n| {{broken\n|}\nafter", "after");
}

#[test]
fn links_leave_what_is_seen() {
    check("[[a]] [[b|c]] [[d (e)|]] [[:Category:F]] [[g#h]]", "a c d (e) Category:F g#h");
    check("[[a|b]]s and [[Star Trek: First Contact]]", "bs and Star Trek: First Contact");
    check("x [[File:a.jpg|thumb|A [[b|c]] and [http://d e].]] y", "x y");
    check("x [[Datei:a.PNG|mini|Ein [[b]].]] y [[image: c|d]]", "x y");
    check("text\n[[Category:A]]\n[[Kategoria:B]] [[de:C]]\n[[zh-yue:D]]", "text");
    check("text [[fr:Mot]] more [[wikt:word|word]]", "text more word");
    check("[http://x.org label here] [https://y.org] [//z w] [sic]", "label here w [sic]");
    check("[[http://x.org label]]", "[label]");
    check("a [[b", "a b");
    check("a]] b", "a b");
    check("[[File:a.jpg|thumb|never closed\n\nText [[b]].", "Text b.");
    check("[http://x label\nnext]", "[http://x label\nnext]");
    check("[[[a]]]", "[a]");
}

#[test]
fn a_wiki_names_its_own_namespaces() {
    let mut cleaner = Cleaner::default();
    cleaner.add_file_namespace("Fitxategi");
    cleaner.add_category_namespace("Kategoria");
    assert_eq!(cleaner.to_text("a [[Fitxategi:x|y]] b [[kategoria:C|d]] c"), "a b c");
}

#[test]
fn references_formulas_and_code_go() {
    check("a<ref name=\"x\">b {{c}} [[d]]</ref>, e<ref name=x /> f", "a, e f");
    check("a <math>x_{1}</math> b <syntaxhighlight lang=c>{{ [[</syntaxhighlight> c", "a b c");
    check("<gallery>\nFile:a.jpg|b\n</gallery>\nc", "c");
    check("a <!-- [[b --> c <!-- never closed", "a c");
    check("a <ref>never closed b", "a never closed b");
    check("a <REF>x</Ref > b", "a b");
    check("<references/>a", "a");
}

#[test]
fn tags_go_and_their_text_stays() {
    check("H<sub>2</sub>O <span style=\"a:b\">c</span> d<br />e", "H2O c d\ne");
    check("a < b and c > d <unknown> <3", "a < b and c > d <unknown> <3");
    check("<nowiki>[[a]] ''b'' {{c}} <i></nowiki>", "[[a]] ''b'' {{c}} <i>");
    check("a<nowiki/>b", "ab");
}

#[test]
fn quotes_entities_and_magic_words() {
    check("''a'' '''b''' '''''c''''' d's ''''e''''", "a b c d's 'e'");
    check("__NOTOC__a __x__ b__ ΑΒ __INHALTSVERZEICHNIS_", "a __x__ b__ ΑΒ __INHALTSVERZEICHNIS_");
    check("a&nbsp;b &amp;lt; &#65;&#x42; &unknown; &#0; &#99999999999;", "a b &lt; AB &unknown; &#0; &#99999999999;");
    check("-{zh-hans:甲; zh-hant:乙}-丙-{丁}--{T|戊}-", "甲丙丁");
    check("x-{y", "x-{y");
}

#[test]
fn lines() {
    check(
        "== Heading ==\n* one\n** [[two]]\n# three\n; term : text\n: indented\n----\nend",
        "one\ntwo\nthree\nterm : text\nindented\nend",
    );
    check("*\n* {{x}}\n...\n", "");
    let cleaner = Cleaner { headings: true, ..Cleaner::default() };
    assert_eq!(cleaner.to_text("=== ''A'' ===\ntext"), "A\ntext");
}

#[test]
fn holes_are_closed() {
    check("'''A''' ({{IPA|x}}; {{y}}, born 1950) is ({{z}}) b ({{c}}, d, {{e}}).", "A (born 1950) is b (d).");
    check("as {{a}}, {{b}}, {{c}}, and {{d}}.", "as, and.");
    check("* {{cite}}, which says", "which says");
    check("5 .NET ; (a)", "5 .NET ; (a)");
}

#[test]
fn redirects() {
    for yes in ["#REDIRECT [[A]]", " #redirect[[A]]", "#ПЕРЕНАПРАВЛЕНИЕ: [[A]]", "#REDIRECT\n[[A]]"] {
        assert!(is_redirect(yes), "{yes}");
    }
    for no in ["", "#", "# [[A]]", "#one two [[A]]", "text #REDIRECT [[A]]"] {
        assert!(!is_redirect(no), "{no}");
    }
}

/// Pieces of markup and of text, to be strung together at random.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{{",
    "}}}",
    "{|",
    "|}",
    "\n|-\n",
    "[[",
    "]]",
    "[",
    "]",
    "|",
    "''",
    "'''",
    "<ref>",
    "</ref>",
    "<ref/>",
    "<!--",
    "-->",
    "<nowiki>",
    "</nowiki>",
    "<math>",
    "</math>",
    "<br>",
    "<",
    ">",
    "</",
    "&amp;",
    "&",
    ";",
    "&#",
    "-{",
    "}-",
    "__TOC__",
    "__",
    "==",
    "\n",
    "\n\n",
    "* ",
    ": ",
    "http://x y",
    "File:a.jpg",
    "Category:",
    "de:",
    "lang",
    "=",
    "a",
    "é",
    "中文",
    "🙂",
    "\u{0}",
    "\u{f0041}",
    " ",
    "(",
    ")",
    ",",
    "convert|1|km",
    "nowrap",
];

#[test]
fn any_input_gives_text() {
    for step in 0..20_000 {
        let stream = Stream::new(1, Purpose::Sample, 0, step);
        let length = stream.below(0, 60) as u64;
        let text: String = (1..=length).map(|index| PIECES[stream.below(index, PIECES.len())]).collect();
        let cleaned = to_text(&text);
        assert!(cleaned.len() <= 2 * text.len() + 16, "{text:?} grew to {cleaned:?}");
        assert!(cleaned.lines().all(|line| line.contains(char::is_alphanumeric)), "{text:?} gave {cleaned:?}");
    }
}

/// Each unit repeated to 2 MB: linear time is milliseconds, quadratic time would be minutes.
#[test]
fn hostile_input_takes_linear_time() {
    let units = [
        "{{",
        "{{a|",
        "[[a|",
        "[[File:a|",
        "<ref>",
        "<math>",
        "<!--",
        "<nowiki>",
        "{|\n",
        "\n|}",
        "-{",
        "}}",
        "]]",
        "'",
        "__A",
        "&",
        "<a ",
        "</",
        "[http://a ",
        "{{nowrap|",
        "[[a|b]]",
        "{{lang|a|b}}",
        "( ",
        "\n",
        " |}",
        "{|\n{{",
        "a-{b}-",
        "{{nowrap|[[a|{{nowrap|",
        "\t\t\t\t|}",
        "<ref></",
        "[[a:",
        "|",
        "==\n",
    ];
    for unit in units {
        let text = unit.repeat(2_000_000 / unit.len());
        let start = Instant::now();
        to_text(&text);
        assert!(start.elapsed() < Duration::from_secs(5), "{unit:?} took {:?}", start.elapsed());
    }
    for (open, close) in [("{{nowrap|", "}}"), ("[[a|", "]]"), ("-{", "}-"), ("{|\n", "\n|}"), ("{{{", "}}}")] {
        let text = format!("{}x{}", open.repeat(100_000), close.repeat(100_000));
        let start = Instant::now();
        to_text(&text);
        assert!(start.elapsed() < Duration::from_secs(5), "{open:?} took {:?}", start.elapsed());
    }
}

#[test]
fn lists_may_go() {
    let text = "Intro.\n* one\n# two\n; three\n: indented\nEnd.";
    check(text, "Intro.\none\ntwo\nthree\nindented\nEnd.");
    let cleaner = Cleaner { lists: false, ..Cleaner::default() };
    assert_eq!(cleaner.to_text(text), "Intro.\nindented\nEnd.");
}

#[test]
fn pages_that_tell_meanings_apart() {
    for yes in [
        "'''Ox''' may be:\n{{disambig}}",
        "{{Disambiguation|geo}}",
        "{{ Begriffsklärung }}",
        "{{homonymie}}",
        "{{Rozcestník\n}}",
        "{{Неоднозначность|type}}",
        "{{曖昧さ回避}}",
        "{{Doorverwijspagina}}",
        "{{anlam_ayrımı}}",
        "text __DISAMBIG__",
        "__BEGRIFFSKLÄRUNG__",
    ] {
        assert!(is_disambiguation(yes), "{yes}");
    }
    for no in ["", "{{", "{{disambig", "{{disambiguation needed}}", "{{otheruses|disambig}}", "disambig}}", "a __ b"] {
        assert!(!is_disambiguation(no), "{no}");
    }
}

/// Constructs that the real excerpts hold, in our own words.
#[test]
fn constructs_of_real_pages() {
    check(
        "[[File:mill.jpg|thumb|left|200px|The mill near [[Oak|the oak]], seen from [[north]]<ref>x</ref>.]]\nThe mill works.",
        "The mill works.",
    );
    check("{{Infobox mill\n| name = Mill\n| map = {{map|1={{dot|2}}}}\n}}\n'''Mill''' is a mill.", "Mill is a mill.");
    check(
        "Built in 1900{{citation needed|date=May 2001}}, it is {{convert|12|m|ft}} high.",
        "Built in 1900, it is 12 m high.",
    );
    check("The '''Mill''' ({{lang-fr|Moulin}}; {{IPA|muˈlɛ̃}}) works.", "The Mill (Moulin) works.");
    check("One<ref name=a>{{cite|t=x}}</ref><ref name=\"b\" /> two.<ref group=n>See [[x]].</ref>", "One two.");
    check("<div class=\"x\">\n* [[a]]\n* ''b''\n</div>\n<br clear=all />{{clear}}\nEnd.", "a\nb\nEnd.");
    check(
        "{| class=\"wikitable\"\n|+ Caption\n! A !! B\n|-\n| 1 || [[two|2]]\n| colspan=2 | {{n|3}}\n|}\nAfter.",
        "After.",
    );
    check(
        "See [http://example.org the page], <http://example.org> and [https://example.org].",
        "See the page, <http://example.org> and.",
    );
    check("H<sub>2</sub>O at 20&nbsp;°C, x&thinsp;&minus;&thinsp;y, &alpha;&ndash;&beta;", "H2O at 20 °C, x − y, α–β");
    check(
        "<gallery mode=packed>\nFile:a.jpg|One [[b]]\n</gallery>\n{{reflist}}\n[[Category:Mills]]\n[[fr:Moulin]]",
        "",
    );
    check("-{zh-cn:软件; zh-tw:軟體}-是-{H|zh-cn:甲}--{R|丙}-", "软件是丙");
    check("<poem>\nOne line,\nanother line.\n</poem>", "One line,\nanother line.");
    check("{{DEFAULTSORT:Mill}}__FORCETOC__The {{PAGENAME}} text ~~~~", "The text ~~~~");
}

#[test]
fn a_list_and_little_else() {
    let cleaner = Cleaner::default();
    let items = |count: usize| "* [[An item]] of a list, with what it is\n".repeat(count);
    let prose = "A sentence of prose stands here, as in any other article. ".repeat(10);
    let is_list = |text: String| cleaner.read(&text).1;
    assert!(is_list(format!("This is a list.\n\n== A ==\n{}== B ==\n{}", items(15), items(15))));
    assert!(is_list("# один\n".repeat(30)));
    assert!(!is_list(items(15)), "too short to tell");
    assert!(!is_list(format!("{prose}\n{}", items(30))), "an article that has a list");
    assert!(!is_list(format!("{prose}\n== References ==\n{}", "* Author, ''Title'', 1990\n".repeat(40))));
}

//! The real dump excerpts beside the checkout; without them these tests say so and pass.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::{Path, PathBuf};

use glossa_base::Silent;
use glossa_corpora::{Document, Options, Source, Split, Summary, build, read_split};

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn excerpt(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/dump").join(name);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

fn build_excerpt(name: &str) -> Option<(Summary, Vec<Document>)> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("corpus");
    let summary = build(&[Source::new(excerpt(name)?)], &Options::default(), &out, &Silent).unwrap();
    let documents = Split::ALL.iter().flat_map(|split| read_split(&out, *split).unwrap()).collect::<Result<_, _>>();
    Some((summary, documents.unwrap()))
}

fn check_no_markup(documents: &[Document]) {
    let marks = ["[[", "]]", "{{", "}}", "{|", "|}", "<ref", "</", "''", "__", "thumb|", "&nbsp;"];
    for document in documents {
        for line in document.text.lines() {
            let leaked = marks.iter().find(|mark| line.contains(**mark));
            assert!(leaked.is_none(), "{leaked:?} in {:?}: {line}", document.title);
        }
    }
}

#[test]
fn english() {
    let Some((summary, documents)) =
        build_excerpt("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2")
    else {
        return;
    };
    // 100 pages are redirects; one of them is outside the article namespace and counted there.
    assert_eq!((summary.read, documents.len()), (206, 97));
    let dropped = &summary.dropped;
    assert_eq!(
        (dropped.redirects, dropped.other_namespaces, dropped.disambiguations, dropped.list_pages, dropped.total()),
        (99, 1, 8, 1, 109)
    );
    check_no_markup(&documents);
    let anarchism = documents.iter().find(|document| document.title.as_deref() == Some("Anarchism")).unwrap();
    assert_eq!(anarchism.id, "12");
    assert!(anarchism.text.starts_with("Anarchism is a political philosophy that advocates self-governed societies"));
}

#[test]
fn english_tables() {
    let Some((summary, documents)) = build_excerpt("enwiki-table-markup.xml.bz2") else { return };
    assert_eq!((summary.read, documents.len()), (5, 5));
    check_no_markup(&documents);
}

#[test]
fn bulgarian_in_utf_16() {
    let Some((summary, documents)) = build_excerpt("bgwiki-latest-pages-articles-shortened.xml.bz2") else { return };
    assert_eq!((summary.read, documents.len()), (3, 1));
    check_no_markup(&documents);
    assert!(documents[0].text.starts_with("Григорианският календар"));
}

/// Left-overs of markup that a reader of a page would never see.
const LEFT_OVERS: [&str; 8] = ["{{", "}}", "[[", "]]", "<ref", "|thumb", "{|", "|-"];

#[test]
fn at_most_one_line_in_a_thousand_has_left_overs() {
    for name in [
        "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2",
        "enwiki-table-markup.xml.bz2",
        "bgwiki-latest-pages-articles-shortened.xml.bz2",
    ] {
        let Some((_, documents)) = build_excerpt(name) else { return };
        let lines: Vec<&str> = documents.iter().flat_map(|document| document.text.lines()).collect();
        let bad = lines.iter().filter(|line| LEFT_OVERS.iter().any(|mark| line.contains(mark))).count();
        assert!(bad * 1000 <= lines.len(), "{name}: {bad} of {} lines", lines.len());
    }
}

/// Twenty pages whose text was read beside their wikitext; of each a few words around a place where markup
/// stood: links within links, pronunciations, references, foreign names, conversions, tables.
const READ_BY_EYE: [(&str, &str); 20] = [
    ("Autism", "impaired social interaction, verbal and non-verbal"),
    ("Albedo", "Albedo or reflection coefficient, derived"),
    ("Alabama", "Alabama is a state located in the southeastern"),
    ("Achilles", "Achilles (Ἀχιλλεύς, Akhilleus) was"),
    ("Academy Awards", "Awards, or \"Oscars\", is an annual"),
    ("Actrius", "Actresses (Catalan: Actrius) is a 1997"),
    ("Ayn Rand", "(born Alisa Zinov'yevna Rosenbaum, "),
    ("Allan Dwan", "Born Joseph Aloysius Dwan in Toronto, Ontario"),
    ("Algeria", "Algeria (al-Jazā'ir; ⵍⵣⵣⴰⵢⴻⵔ Dzayer), officially"),
    ("Astronomer", "An astronomer is a scientist in the field"),
    ("ASCII", "ASCII, abbreviated from American Standard"),
    ("Animation", "illusion of motion and change by means"),
    ("Andorra", "Principality of Andorra (Principat d'Andorra), also"),
    ("Arithmetic mean", "arithmetic mean, or simply the mean or average"),
    ("Alaska", "British Columbia and Yukon border the state"),
    ("Alkane", "an alkane, or paraffin (a historical"),
    ("Abacus", "The abacus (plural abaci or abacuses), also"),
    ("Ampere", "(SI unit symbol: A), often shortened to \"amp\", is"),
    ("Aikido", "Aikido is a modern Japanese martial art"),
    ("Asia", "eastern and northern hemispheres. Asia covers"),
];

#[test]
fn pages_that_were_read_by_eye() {
    let Some((_, documents)) = build_excerpt("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2")
    else {
        return;
    };
    for (title, words) in READ_BY_EYE {
        let document = documents.iter().find(|document| document.title.as_deref() == Some(title)).unwrap();
        assert!(document.text.contains(words), "{title}: no {words:?} in {:.200}", document.text);
    }
}

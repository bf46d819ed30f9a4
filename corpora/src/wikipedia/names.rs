//! The names of wikis, dates and files as Wikimedia writes them.

use glossa_base::LanguageCode;

/// The name of a language's Wikipedia among the wikis: `eu` is `euwiki`, `zh-yue` is `zh_yuewiki`.
pub(super) fn wiki(language: &LanguageCode) -> String {
    match language.as_str() {
        // The one wiki that kept its former name.
        "be-tarask" => "be_x_oldwiki".to_owned(),
        code => format!("{}wiki", code.replace('-', "_")),
    }
}

/// Is it written `YYYYMMDD`?
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The dates that a list of folders names, the newest first: whatever stands around them, a date is eight
/// digits between something else and a `/`.
pub(super) fn dates(list: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(list);
    let pieces = text.split('/').filter_map(|piece| {
        let start = piece.bytes().rev().take_while(u8::is_ascii_digit).count();
        piece.get(piece.len() - start..).filter(|digits| is_date(digits))
    });
    let mut dates: Vec<String> = pieces.map(str::to_owned).collect();
    dates.sort_unstable_by(|left, right| right.cmp(left));
    dates.dedup();
    dates
}

/// Is it a plain file name of this dump, which cannot leave its folder or hide in it?
pub(super) fn is_safe(name: &str, prefix: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.starts_with(prefix)
        && prefix.starts_with(|first: char| first.is_ascii_alphanumeric())
        && (prefix.len() + 1..=200).contains(&name.len())
        && name.bytes().all(plain)
        && !name.contains("..")
}

/// The index that belongs to a dump in many streams: `…-multistream3.xml-p5p9.bz2` has
/// `…-multistream-index3.txt-p5p9.bz2`. Other files have none.
pub(super) fn index_of(name: &str) -> Option<String> {
    let (before, after) = name.split_once("-multistream")?;
    let (part, range) = after.split_once(".xml")?;
    Some(format!("{before}-multistream-index{part}.txt{range}"))
}

/// Is it the index of a dump in many streams?
pub(crate) fn is_index(name: &str) -> bool {
    name.contains("-multistream-index") && name.ends_with(".bz2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wikis_have_their_own_names() {
        for (code, name) in
            [("eu", "euwiki"), ("zh-yue", "zh_yuewiki"), ("be-tarask", "be_x_oldwiki"), ("simple", "simplewiki")]
        {
            assert_eq!(wiki(&code.parse().unwrap()), name);
        }
    }

    #[test]
    fn dates_are_found_in_any_list() {
        let list = b"<a href=\"../\">..</a> <a href=\"20240101/\">20240101/</a>\n<a href=\"20240220/\">\xff \
                     <a href=\"latest/\"> 120240301/ 2024030/ 20240401 20231201/";
        assert_eq!(dates(list), ["20240220", "20240101", "20231201"]);
        assert!(dates(b"").is_empty() && dates("ünknöwn/é20240101é/".as_bytes()).is_empty());
    }

    #[test]
    fn only_plain_names_of_the_dump_are_safe() {
        let prefix = "euwiki-20240101-";
        assert!(is_safe("euwiki-20240101-pages-articles-multistream27.xml-p1p41242.bz2", prefix));
        for bad in [
            "",
            prefix,
            "../euwiki-20240101-x",
            "/euwiki-20240101-x",
            "euwiki-20240101-/x",
            "euwiki-20240101-..",
            "euwiki-20240101-\\x",
            "euwiki-20240101-x\0",
            "euwiki-20240101-C:x",
            "euwiki-20240101-\u{202e}x",
            "enwiki-20240101-x",
        ] {
            assert!(!is_safe(bad, prefix), "{bad}");
        }
        assert!(!is_safe(&format!("{prefix}{}", "x".repeat(300)), prefix) && !is_safe("x", "") && !is_safe("-x", "-"));
    }

    #[test]
    fn an_index_belongs_to_its_part() {
        let part = "w-1-pages-articles-multistream3.xml-p5p9.bz2";
        let index = index_of(part).unwrap();
        assert_eq!(index, "w-1-pages-articles-multistream-index3.txt-p5p9.bz2");
        assert!(is_index(&index) && !is_index(part) && index_of(&index).is_none());
        assert_eq!(index_of("w-1-pages-articles.xml.bz2"), None);
    }
}

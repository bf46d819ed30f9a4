//! A Rust source, read just well enough to search it: comments and strings are blanked, and the
//! lines that only tests compile are known. Not a parser: it expects formatted code.

/// One source file of the workspace.
pub(crate) struct Source {
    /// Path from the root of the checkout, with `/`.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// The file with comments and the insides of strings replaced by spaces; the same lines.
    pub(crate) code: String,
    /// For each line, whether only tests compile it.
    test_lines: Vec<bool>,
}

impl Source {
    /// Reads a source from its text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = blank_comments_and_strings(text);
        let test_lines = test_lines(&code);
        Source { path: path.to_owned(), text: text.to_owned(), code, test_lines }
    }

    /// Is the whole file a test, an example or a build script?
    pub(crate) fn is_apart(&self) -> bool {
        let folders: Vec<&str> = self.path.split('/').collect();
        let among = |name: &str| folders.contains(&name);
        among("tests") || among("examples") || among("benches") || among("build.rs") || among("tests.rs")
    }

    /// Lines of code (comments and strings blanked) that are not tests: (number from 1, line).
    pub(crate) fn library_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let apart = self.is_apart();
        let lines = self.code.lines().enumerate();
        lines.filter(move |(index, _)| !apart && !self.in_test(*index)).map(|(index, line)| (index + 1, line))
    }

    /// Lines as written, comments and strings included, that are not tests: (number from 1, line).
    pub(crate) fn written_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let apart = self.is_apart();
        let lines = self.text.lines().enumerate();
        lines.filter(move |(index, _)| !apart && !self.in_test(*index)).map(|(index, line)| (index + 1, line))
    }

    fn in_test(&self, index: usize) -> bool {
        self.test_lines.get(index).copied().unwrap_or(false)
    }

    /// Every function with a body: (name, number of its first line, lines from `fn` to its brace).
    pub(crate) fn functions(&self) -> Vec<(String, usize, usize)> {
        let code: Vec<char> = self.code.chars().collect();
        let mut found = Vec::new();
        let mut line = 1;
        for (index, &character) in code.iter().enumerate() {
            line += usize::from(character == '\n');
            if let Some(name) = function_name(&code, index)
                && let Some(length) = body_lines(&code, index)
            {
                found.push((name, line, length));
            }
        }
        found
    }
}

/// Does the line hold `word`, not as a part of a longer name?
pub(crate) fn holds(line: &str, word: &str) -> bool {
    let part_of_name = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let closed = !part_of_name(word.chars().last());
    line.match_indices(word).any(|(start, found)| {
        let before = line[..start].chars().last();
        let after = line[start + found.len()..].chars().next();
        !part_of_name(before) && (closed || !part_of_name(after))
    })
}

/// The name of the function whose `fn` keyword stands at `index`.
fn function_name(code: &[char], index: usize) -> Option<String> {
    let starts = code.get(index..index + 3)? == ['f', 'n', ' '];
    let alone = index == 0 || code.get(index - 1).is_some_and(|c| c.is_whitespace() || *c == '(');
    let name: String = code.get(index + 3..)?.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
    (starts && alone && !name.is_empty()).then_some(name)
}

/// Lines of the item that starts at `index`, to the end of its braces; none if it has no body.
fn body_lines(code: &[char], index: usize) -> Option<usize> {
    let end = end_of_item(code, index)?;
    let item = code.get(index..=end)?;
    (item.last() == Some(&'}')).then(|| 1 + item.iter().filter(|c| **c == '\n').count())
}

/// Index of the `;` or the closing brace that ends the item starting at `index`.
fn end_of_item(code: &[char], index: usize) -> Option<usize> {
    let (mut round, mut braces) = (0_i32, 0_i32);
    for (offset, character) in code.get(index..)?.iter().enumerate() {
        match character {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            '{' => braces += 1,
            '}' => braces -= 1,
            _ => {}
        }
        let ends = match character {
            '}' => braces <= 0 && round <= 0,
            ';' => braces == 0 && round == 0,
            _ => false,
        };
        if ends {
            return Some(index + offset);
        }
    }
    None
}

/// For each line, whether it belongs to an item under `#[cfg(test)]`.
fn test_lines(code: &str) -> Vec<bool> {
    let mut lines = vec![false; code.lines().count()];
    let characters: Vec<char> = code.chars().collect();
    let marker: Vec<char> = "#[cfg(test)]".chars().collect();
    let mut line = 0;
    for index in 0..characters.len() {
        line += usize::from(characters.get(index) == Some(&'\n'));
        if characters.get(index..index + marker.len()) != Some(marker.as_slice()) {
            continue;
        }
        let end = end_of_item(&characters, index).unwrap_or(characters.len().saturating_sub(1));
        let covered = characters.get(index..=end).unwrap_or_default().iter().filter(|c| **c == '\n').count();
        lines.iter_mut().skip(line).take(covered + 1).for_each(|test| *test = true);
    }
    lines
}

/// Where the reader stands.
#[derive(Clone, Copy)]
enum State {
    Code,
    LineComment,
    /// Depth of nesting.
    BlockComment(usize),
    String,
    /// Number of `#` that close it.
    RawString(usize),
    Character,
}

/// Replaces comments and the insides of strings by spaces; lines stay lines.
fn blank_comments_and_strings(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut state = State::Code;
    let mut index = 0;
    while let Some(&character) = characters.get(index) {
        let (next, length, kept) = step(state, &characters, index);
        if kept {
            code.push(character);
        } else {
            let skipped = characters.iter().skip(index).take(length);
            code.extend(skipped.map(|c| if *c == '\n' { '\n' } else { ' ' }));
        }
        state = next;
        index += length;
    }
    code
}

/// One step of the reader: the next state, the characters consumed, whether the first is kept.
fn step(state: State, text: &[char], index: usize) -> (State, usize, bool) {
    let at = |offset: usize| text.get(index + offset).copied().unwrap_or(' ');
    match (state, at(0)) {
        (State::Code, _) => step_in_code(text, index),
        (State::LineComment, '\n') => (State::Code, 1, true),
        (State::BlockComment(depth), '/') if at(1) == '*' => (State::BlockComment(depth + 1), 2, false),
        (State::BlockComment(1), '*') if at(1) == '/' => (State::Code, 2, false),
        (State::BlockComment(depth), '*') if at(1) == '/' => (State::BlockComment(depth - 1), 2, false),
        (State::String | State::Character, '\\') => (state, 2, false),
        (State::String, '"') | (State::Character, '\'') => (State::Code, 1, false),
        (State::RawString(hashes), '"') if (1..=hashes).all(|offset| at(offset) == '#') => {
            (State::Code, 1 + hashes, false)
        }
        (other, _) => (other, 1, false),
    }
}

fn step_in_code(text: &[char], index: usize) -> (State, usize, bool) {
    let at = |offset: usize| text.get(index + offset).copied().unwrap_or(' ');
    match at(0) {
        '/' if at(1) == '/' => (State::LineComment, 2, false),
        '/' if at(1) == '*' => (State::BlockComment(1), 2, false),
        '"' => (State::String, 1, false),
        '\'' if at(1) == '\\' || at(2) == '\'' => (State::Character, 1, false),
        'r' if at(1) == '"' || at(1) == '#' => {
            let hashes = text.iter().skip(index + 1).take_while(|c| **c == '#').count();
            if at(1 + hashes) == '"' { (State::RawString(hashes), 2 + hashes, false) } else { (State::Code, 1, true) }
        }
        _ => (State::Code, 1, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blank() {
        for (text, gone, kept) in [
            ("let a = \"unsafe\"; // unsafe\nfn b() {}", "unsafe", "fn b"),
            ("/* a /* unsafe */ b */ fn c() {}", "unsafe", "fn c"),
            ("let a = r#\"x \" unsafe\"#; keep", "unsafe", "keep"),
            ("let a = '\"'; keep(\"unsafe\")", "unsafe", "keep"),
            ("let a: &'static str = \"\\\" unsafe\"; keep", "unsafe", "keep"),
            ("let a = '\\''; keep", "nothing", "keep"),
        ] {
            let code = Source::new("a.rs", text).code;
            assert!(!code.contains(gone) && code.contains(kept), "{code}");
        }
    }

    #[test]
    fn test_code_is_set_apart() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        let source = Source::new("a.rs", text);
        let lines: Vec<usize> = source.library_lines().map(|(number, _)| number).collect();
        assert_eq!(lines, [1, 6]);
        assert_eq!(Source::new("x/tests/a.rs", text).library_lines().count(), 0);
    }

    #[test]
    fn functions_are_measured() {
        let text = "fn a(x: [u8; 2]) -> u8 {\n    if x {\n    }\n}\n\ntrait T {\n    fn b(&self);\n    fn c() {}\n}\n";
        let found = Source::new("a.rs", text).functions();
        assert_eq!(found, [("a".to_owned(), 1, 4), ("c".to_owned(), 8, 1)]);
    }

    #[test]
    fn words_are_whole() {
        assert!(holds("unsafe { x }", "unsafe") && !holds("unsafe_code", "unsafe"));
        assert!(holds("print!(x)", "print!") && !holds("eprint!(x)", "print!"));
    }
}

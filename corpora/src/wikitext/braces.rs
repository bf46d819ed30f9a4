//! Second pass: templates, parameters, tables, and language variants. What is open is kept on a stack
//! of places in the output; closing one cuts the output back, so the pass is linear.
#![deny(clippy::indexing_slicing, clippy::string_slice)]

use super::templates;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `{{`
    Template,
    /// `{{{`
    Parameter,
    /// `{|` at the start of a line.
    Table,
    /// `-{`
    Variant,
}

#[derive(Clone, Copy)]
struct Open {
    kind: Kind,
    /// Where its first brace stands in the output.
    start: usize,
}

/// Templates nested deeper than this are left out even if they only format: the bound keeps it linear.
const DEEPEST: usize = 8;

/// Leaves out templates and tables; resolves language variants to the first one.
pub(super) fn strip(text: &str) -> String {
    let mut pass = Pass { out: String::with_capacity(text.len()), stack: Vec::new(), tables: 0, templates: 0 };
    let mut rest = text;
    while let Some(start) = memchr::memchr2(b'{', b'}', rest.as_bytes()) {
        let (before, tail) = rest.split_at(start);
        pass.out.push_str(before);
        let brace = if tail.starts_with('{') { '{' } else { '}' };
        let after = tail.trim_start_matches(brace);
        let run = tail.len() - after.len();
        if brace == '{' {
            pass.open(run, after.starts_with('|'));
        } else {
            pass.close(run, after.starts_with('-'));
        }
        rest = after;
    }
    pass.out.push_str(rest);
    pass.out
}

struct Pass {
    out: String,
    stack: Vec<Open>,
    tables: usize,
    templates: usize,
}

impl Pass {
    fn open(&mut self, mut run: usize, before_bar: bool) {
        while run > 0 {
            let (kind, width) = match run {
                1 if before_bar && self.line_is("") => (Some(Kind::Table), 1),
                1 if self.out.ends_with('-') => (Some(Kind::Variant), 1),
                1 => (None, 1),
                3 => (Some(Kind::Parameter), 3),
                _ => (Some(Kind::Template), 2),
            };
            if let Some(kind) = kind {
                self.push(kind);
            }
            self.out.extend(std::iter::repeat_n('{', width));
            run -= width;
        }
    }

    fn push(&mut self, kind: Kind) {
        match kind {
            Kind::Table => self.tables += 1,
            Kind::Template | Kind::Parameter => self.templates += 1,
            Kind::Variant => {}
        }
        self.stack.push(Open { kind, start: self.out.len() });
    }

    fn close(&mut self, mut run: usize, before_dash: bool) {
        while run > 0 {
            let top = self.stack.last().map(|open| open.kind);
            let closes_table = self.tables > 0 && (run == 1 || top == Some(Kind::Table)) && self.line_is("|");
            if closes_table {
                self.close_table();
                run -= 1;
            } else if run == 1 && before_dash && top == Some(Kind::Variant) {
                self.close_variant();
                run -= 1;
            } else if run >= 2 && self.templates > 0 {
                run -= self.close_template(run);
            } else {
                self.out.push('}');
                run -= 1;
            }
        }
    }

    /// Takes what is open off the stack, down to the first that `wanted` accepts.
    fn pop(&mut self, wanted: impl Fn(Kind) -> bool) -> Option<Open> {
        while let Some(open) = self.stack.pop() {
            match open.kind {
                Kind::Table => self.tables -= 1,
                Kind::Template | Kind::Parameter => self.templates -= 1,
                Kind::Variant => {}
            }
            if wanted(open.kind) {
                return Some(open);
            }
        }
        None
    }

    fn close_table(&mut self) {
        if let Some(open) = self.pop(|kind| kind == Kind::Table) {
            self.out.truncate(open.start);
        }
    }

    /// Closes a template or parameter; gives the number of braces that it used.
    fn close_template(&mut self, run: usize) -> usize {
        let Some(open) = self.pop(|kind| matches!(kind, Kind::Template | Kind::Parameter)) else { return run };
        let shallow = self.stack.len() < DEEPEST;
        let kept = if open.kind == Kind::Template && shallow {
            self.out.get(open.start + 2..).and_then(templates::text_of)
        } else {
            None
        };
        self.out.truncate(open.start);
        self.out.push_str(&kept.unwrap_or_default());
        if open.kind == Kind::Parameter { run.min(3) } else { 2 }
    }

    /// `-{text}-`, `-{flags|text}-`, `-{zh-hans:text; zh-hant:text}-`; the second dash stays ahead and is
    /// taken off by [`Self::close_variant`]'s mark.
    fn close_variant(&mut self) {
        let Some(open) = self.pop(|kind| kind == Kind::Variant) else { return };
        let shallow = self.stack.len() < DEEPEST;
        let kept = self.out.get(open.start + 1..).filter(|_| shallow).map(variant).unwrap_or_default();
        // The dash before the brace goes, and a mark asks the last pass to take off the one behind.
        self.out.truncate(open.start.saturating_sub(1));
        self.out.push_str(&kept);
        self.out.push(VARIANT_END);
    }

    /// Whether the output's last line consists of `expected` between blanks.
    fn line_is(&self, expected: &str) -> bool {
        let Some(before) = self.out.strip_suffix(expected) else { return false };
        let before = before.trim_end_matches([' ', '\t', ':']);
        before.is_empty() || before.ends_with('\n')
    }
}

/// Stands before the closing dash of a language variant until the lines are tidied.
pub(super) const VARIANT_END: char = '\u{f00ff}';

/// What a reader of the first variant sees.
fn variant(inner: &str) -> String {
    let text = match inner.split_once('|') {
        Some((flags, _)) if flags.contains(['T', 'H', '-']) => "",
        Some((flags, text)) if flags.len() <= 12 => text,
        _ => inner,
    };
    let first = text.split(';').next().unwrap_or("");
    match first.split_once(':') {
        Some((code, shown))
            if code.trim().starts_with(|first: char| first.is_ascii_lowercase()) && code.len() <= 16 =>
        {
            shown.trim().to_owned()
        }
        _ => text.to_owned(),
    }
}

//! What pages and the head of a dump have in common as XML: references, and limits.
#![deny(clippy::indexing_slicing)]

use quick_xml::events::BytesRef;

/// Elements nested deeper than this belong to no dump.
const DEEPEST: usize = 32;

/// Why a DOCTYPE is refused.
pub(super) const DOCTYPE: &str = "a DOCTYPE; a dump has none";

/// Goes one element deeper.
pub(super) fn deeper(depth: &mut usize) -> Result<(), String> {
    *depth += 1;
    if *depth > DEEPEST { Err(format!("elements nested deeper than {DEEPEST}")) } else { Ok(()) }
}

/// The text of a reference.
pub(super) fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    let mut text = String::new();
    push_reference(&mut text, &reference.borrow().into_inner())?;
    Ok(text)
}

/// Replaces the references of a text without tags.
pub(super) fn unescaped(raw: &str) -> Result<String, String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(start) = memchr::memchr(b'&', rest.as_bytes()) {
        let (before, tail) = rest.split_at_checked(start).unwrap_or((rest, ""));
        text.push_str(before);
        let body = tail.get(1..).unwrap_or("");
        let end = body.bytes().take(LONGEST).position(|byte| byte == b';');
        let name = end.and_then(|end| body.get(..end)).ok_or_else(|| unknown(body))?;
        push_reference(&mut text, name)?;
        rest = body.get(name.len() + 1..).unwrap_or("");
    }
    text.push_str(rest);
    Ok(text)
}

/// Longest reference, between `&` and `;`.
const LONGEST: usize = 16;

/// Appends the character that a name or number stands for.
fn push_reference(text: &mut String, name: &str) -> Result<(), String> {
    let symbol = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => number(name).ok_or_else(|| unknown(name))?,
    };
    text.push(symbol);
    Ok(())
}

fn number(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?).filter(|symbol| *symbol != '\0')
}

fn unknown(name: &str) -> String {
    let name: String = name.chars().take(40).take_while(|symbol| *symbol != ';').collect();
    format!("unknown entity `&{name};`")
}

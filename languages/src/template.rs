//! A new language file: as short as it can be, with what else may be set as comments.

use glossa_base::LanguageCode;

/// What is known of a new language.
#[derive(Debug, Clone)]
pub struct New<'a> {
    /// Its code, such as gsw.
    pub code: &'a LanguageCode,
    /// Its English name.
    pub name: &'a str,
    /// Its script, as in ISO 15924.
    pub script: &'a str,
    /// Files of text, relative to the language file; Wikipedia where there are none.
    pub paths: &'a [String],
    /// A labelled set as name, training file and test file.
    pub task: Option<(&'a str, &'a str, Option<&'a str>)>,
}

/// The text of a new language file.
pub fn write_new(new: &New<'_>) -> String {
    let quote = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = format!(
        "format = 1\ncode = {}\nname = {}\nscript = {}\n",
        quote(new.code.as_str()),
        quote(new.name),
        quote(new.script)
    );
    text.push_str("# What else may be set, and what holds otherwise: glossa language show THIS_FILE --resolved\n");
    if new.paths.is_empty() {
        text.push_str("\n[[corpus]]\nsource = \"wikipedia\"\n");
    } else {
        let paths: Vec<String> = new.paths.iter().map(|path| quote(path)).collect();
        text.push_str(&format!("\n[[corpus]]\nsource = \"files\"\npaths = [{}]\n", paths.join(", ")));
    }
    if let Some((name, train, test)) = new.task {
        text.push_str(&format!("\n[[task]]\nname = {}\ntrain = {}\n", quote(name), quote(train)));
        if let Some(test) = test {
            text.push_str(&format!("test = {}\n", quote(test)));
        }
    }
    text
}

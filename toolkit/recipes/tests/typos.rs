//! Every key of a recipe, mistyped in three ways: line, column and the right key are named.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use glossa_recipes::Recipe;
use glossa_recipes::recipe::Override;

/// A letter less, one more, two changed places.
fn typos(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let middle = letters.len() / 2;
    let (mut less, mut more, mut swapped) = (letters.clone(), letters.clone(), letters);
    less.remove(middle);
    more.insert(middle, 'x');
    swapped.swap(middle - 1, middle);
    let texts = [less, more, swapped].map(|letters| letters.into_iter().collect::<String>());
    texts.into_iter().filter(|text| text != word).collect()
}

fn told(error: glossa_recipes::Error) -> (String, String) {
    let failure = glossa_base::Failure::from(error);
    (failure.message, failure.hint.unwrap())
}

#[test]
fn every_mistyped_key_of_a_recipe_is_named_with_the_right_one() {
    let text = Recipe::preset("multifit-paper").unwrap().to_toml();
    let (mut cases, mut suggested) = (0, 0);
    for (number, line) in text.lines().enumerate() {
        let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(['.', '"', '['])) else { continue };
        for typo in typos(key) {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines[number] = line.replacen(key, &typo, 1);
            let (message, hint) = told(Recipe::parse(&lines.join("\n"), "x.toml").unwrap_err());
            assert!(message.contains("x.toml:"), "{typo}: {message}");
            cases += 1;
            let place = format!("x.toml:{}:1", number + 1);
            suggested += usize::from(message.contains(&place) && hint.contains(&format!("`{key}`")));
        }
    }
    assert!(cases >= 150, "{cases}");
    assert!(suggested * 100 >= cases * 95, "{suggested} of {cases}");
}

#[test]
fn every_mistyped_override_is_named_with_the_right_key() {
    let recipe = Recipe::preset("tiny").unwrap();
    let table: toml::Table = toml::from_str(&recipe.to_toml()).unwrap();
    let mut keys = Vec::new();
    collect("", &table, &mut keys);
    assert!(keys.len() > 60, "{}", keys.len());
    let (mut cases, mut suggested) = (0, 0);
    for key in keys {
        let (section, last) = key.rsplit_once('.').unwrap_or(("", &key));
        for typo in typos(last) {
            let key = if section.is_empty() { typo } else { format!("{section}.{typo}") };
            let one = Override { key, value: toml::Value::Integer(1), place: "my.toml:7:1".to_owned() };
            let (message, hint) = told(recipe.clone().with_values(&[one]).unwrap_err());
            assert!(message.contains("my.toml:7:1"), "{message}");
            cases += 1;
            suggested += usize::from(hint.contains(&format!("`{last}`")));
        }
    }
    assert!(cases >= 200 && suggested * 100 >= cases * 95, "{suggested} of {cases}");
}

fn collect(prefix: &str, table: &toml::Table, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => collect(&key, inner, keys),
            _ => keys.push(key),
        }
    }
}

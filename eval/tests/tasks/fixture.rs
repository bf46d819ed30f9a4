//! Small data of our own in the official format of every task.

use std::fs;
use std::path::Path;

use glossa_eval::task::{Answer, Chosen, Column, Layout, Split};

/// A choice for every task: the first value of each dimension.
pub(crate) fn chosen(name: &str) -> Chosen {
    let task = glossa_eval::task::all().unwrap().into_iter().find(|task| task.name == name).unwrap();
    let values: Vec<String> = task.dimension.iter().map(|dimension| dimension.values[0].clone()).collect();
    Chosen::new(task, &values.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

/// The text of an item; with letters beyond ASCII and marks that formats must keep.
pub(crate) fn text(item: usize) -> String {
    format!("zażółć \"gęś\" it's {item} 日本 & <b>, jaźń")
}

/// The official label of an item.
pub(crate) fn label(chosen: &Chosen, item: usize) -> String {
    match chosen.task.answer {
        Answer::Number => format!("{:.1}", (item % 9) as f64 / 2.0),
        Answer::LanguageModel => String::new(),
        Answer::Label => chosen.task.labels[item % chosen.task.labels.len()].clone(),
    }
}

/// What the files of the organisers call a label.
fn official(chosen: &Chosen, label: &str) -> String {
    let rename = &chosen.task.reader.rename;
    rename.iter().find(|(_, ours)| *ours == label).map_or_else(|| label.to_owned(), |(theirs, _)| theirs.clone())
}

/// Writes a split with so many items.
pub(crate) fn write(folder: &Path, chosen: &Chosen, split: &Split, items: usize) {
    let path = chosen.file(folder, split);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let labels: Vec<String> = (0..items).map(|item| official(chosen, &label(chosen, item))).collect();
    let lines = |line: &dyn Fn(usize, &str) -> String| -> String {
        labels.iter().enumerate().map(|(item, label)| line(item, label) + "\n").collect()
    };
    let content = match chosen.task.reader.layout {
        Layout::Mldoc => lines(&|item, label| format!("{label}\t{}", byte_string(&text(item)))),
        Layout::ClsXml => {
            let items = lines(&|item, label| review(&text(item), label));
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<items>\n{items}</items>\n")
        }
        Layout::ClsProcessed => lines(&|item, label| format!("słowo:2 nr_{item}:1 #label#:{label}")),
        Layout::TextAndTags => {
            fs::write(chosen.tags(folder, split).unwrap(), lines(&|_, label| label.to_owned())).unwrap();
            lines(&|item, _| text(item))
        }
        Layout::Lines => (0..items).map(|item| format!("to jest zdanie {item} .\n")).collect(),
        Layout::Folders => return folders(&path, split, &labels),
        Layout::Trec => return fs::write(&path, trec(&labels)).unwrap(),
        Layout::Fasttext => lines(&|item, label| format!("__label__{label} {}", text(item))),
        Layout::Csv => table(chosen, &labels, ','),
        Layout::Tsv => table(chosen, &labels, '\t'),
    };
    fs::write(&path, content).unwrap();
}

fn byte_string(text: &str) -> String {
    let mut literal = String::from("b'");
    for byte in text.bytes() {
        match byte {
            b'\'' | b'\\' => literal.extend(['\\', byte as char]),
            0x20..0x7f => literal.push(byte as char),
            _ => literal.push_str(&format!("\\x{byte:02x}")),
        }
    }
    literal + "'"
}

fn review(text: &str, label: &str) -> String {
    let rating = if label == "positive" { "4.0" } else { "2.0" };
    let safe = text.replace('&', "&amp;").replace('<', "&lt;").replace("jaźń", "ja&#378;ń");
    format!(
        "<item>\n<category>books</category>\n<rating>{rating}</rating>\n<text>{safe}</text>\n<title>t</title>\n</item>"
    )
}

fn folders(folder: &Path, split: &Split, labels: &[String]) {
    for (item, label) in labels.iter().enumerate() {
        let folder = if split.unlabelled { folder.to_owned() } else { folder.join(label) };
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{item}_7.txt")), text(item)).unwrap();
    }
}

fn trec(labels: &[String]) -> Vec<u8> {
    let line = |(item, label): (usize, &String)| format!("{label}:detail Who is Zoë {item} ?\n");
    let text: String = labels.iter().enumerate().map(line).collect();
    text.chars().map(|letter| u8::try_from(letter).unwrap()).collect()
}

fn table(chosen: &Chosen, labels: &[String], delimiter: char) -> String {
    let reader = &chosen.task.reader;
    let quoted =
        |cell: &str| if reader.quoted { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() };
    let mut rows = Vec::new();
    for (item, label) in labels.iter().enumerate() {
        let humor = usize::from(item % 3 != 0);
        let cell = |column: &Column| {
            let is = |other: &Column| column == other;
            if reader.label.as_ref().is_some_and(is) {
                if humor == 0 && chosen.task.answer == Answer::Number { String::new() } else { label.clone() }
            } else if reader.id.as_ref().is_some_and(is) {
                format!("tweet{}", item + 1)
            } else if reader.counted.as_ref().is_some_and(|counted| is(&counted.column)) {
                humor.to_string()
            } else {
                quoted(&text(item))
            }
        };
        rows.push(columns(chosen).iter().map(cell).collect::<Vec<_>>().join(&delimiter.to_string()) + "\n");
    }
    let name = |column: &Column| match column {
        Column::Name(name) => name.clone(),
        Column::Number(number) => number.to_string(),
    };
    let header = columns(chosen).iter().map(name).collect::<Vec<_>>().join(&delimiter.to_string()) + "\n";
    if reader.header { header + &rows.concat() } else { rows.concat() }
}

/// The columns that a reader names, in an order of our own; numbered ones in theirs.
fn columns(chosen: &Chosen) -> Vec<Column> {
    let reader = &chosen.task.reader;
    if !reader.header {
        return (1..=3).map(Column::Number).collect();
    }
    let counted = reader.counted.iter().map(|counted| &counted.column);
    reader.id.iter().chain(&reader.text).chain(counted).chain(&reader.label).cloned().collect()
}

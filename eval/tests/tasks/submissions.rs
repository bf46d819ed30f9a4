//! Files of answers: what is written passes the check of an independent reader, and every mistake is named by line.

use std::fs;
use std::io::{Read, Write};

use glossa_eval::Prediction;
use glossa_eval::submission::{Answers, Form, check, write};
use glossa_eval::task::{Answer, Chosen, Example, Sizes, all};

use crate::{answers, fixture};

/// A task with 30 items of a fixture as its test set.
fn items(task: &str) -> (Chosen, Vec<Example>) {
    let chosen = fixture::chosen(task);
    let folder = tempfile::tempdir().unwrap();
    fixture::write(folder.path(), &chosen, chosen.split("test").unwrap(), 30);
    let examples = chosen.read(folder.path(), "test", Sizes::Any).unwrap();
    (chosen, examples)
}

fn numbers(examples: &[Example], number: impl Fn(usize) -> f64) -> Vec<Prediction> {
    let row = |(item, one): (usize, &Example)| Prediction {
        id: Some(one.id.clone()),
        label: number(item).to_string(),
        ..Prediction::default()
    };
    examples.iter().enumerate().map(row).collect()
}

#[test]
fn what_is_written_passes_the_check() {
    for task in all().unwrap().into_iter().filter(|task| task.answer != Answer::LanguageModel) {
        let (chosen, examples) = items(&task.name);
        let labels = match task.submission {
            Form::Haha => answers(&examples, "1", |_| true),
            _ => answers(&examples, task.labels.first().map_or("0", String::as_str), |item| item % 3 == 1),
        };
        let numbers = numbers(&examples, |item| item as f64 / 6.0);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.out");
        let written = write(&path, &chosen, &examples, &Answers { labels: Some(&labels), numbers: Some(&numbers) });
        assert_eq!(written.unwrap().rows, 30, "{}", task.name);
        let checked = check(&path, &chosen, &examples).unwrap();
        assert!(checked.problems.is_empty(), "{}: {}", task.name, checked.to_text());
        let expected = if task.answer == Answer::Number { &numbers } else { &labels };
        assert!(checked.answers.iter().zip(expected).all(|(one, other)| one.label == other.label), "{}", task.name);
        let sound = checked.sound().unwrap();
        assert!(chosen.score(&examples, &sound.answers, &crate::quick()).is_ok(), "{}", task.name);
    }
}

#[test]
fn funniness_is_clipped_and_said_so() {
    let (chosen, examples) = items("haha-2019");
    let labels = answers(&examples, "1", |_| true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zip");
    let wild = numbers(&examples, |item| item as f64 - 2.0);
    let written = write(&path, &chosen, &examples, &Answers { labels: Some(&labels), numbers: Some(&wild) }).unwrap();
    // -2 and -1, and 6 to 27.
    assert_eq!((written.rows, written.clipped), (30, 24));
    let again = folder.path().join("again").join("run.zip");
    write(&again, &chosen, &examples, &Answers { labels: Some(&labels), numbers: Some(&wild) }).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(&again).unwrap());
    let mut archive = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name("run.csv").unwrap().read_to_string(&mut text).unwrap();
    assert!(
        text.starts_with("id,is_humor,funniness_average\ntweet1,1,0\ntweet2,1,0\ntweet3,1,0\ntweet4,1,1\n"),
        "{text}"
    );
}

#[test]
fn what_is_missing_is_not_made_up() {
    let (haha, examples) = items("haha-2019");
    let labels = answers(&examples, "1", |_| true);
    let path = tempfile::tempdir().unwrap().path().join("x.zip");
    let refused =
        |chosen: &Chosen, answers: &Answers<'_>| write(&path, chosen, &examples, answers).unwrap_err().message;
    assert!(refused(&haha, &Answers { labels: Some(&labels), numbers: None }).contains("holds funniness too"));
    assert!(refused(&haha, &Answers::default()).contains("no predicted labels of humour"));
    assert!(refused(&fixture::chosen("imdb"), &Answers::default()).contains("no predicted labels"));
    assert!(refused(&fixture::chosen("poleval-2018-3"), &Answers::default()).contains("takes a figure"));
    let strange = answers(&examples, "2", |item| item == 4);
    let message = refused(&haha, &Answers { labels: Some(&strange), numbers: Some(&numbers(&examples, |_| 1.0)) });
    assert!(message.starts_with("line 6: is_humor is `2`"), "{message}");
    assert!(!path.exists());
}

/// The mistakes of a file made elsewhere.
fn mistakes(chosen: &Chosen, examples: &[Example], content: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs.zip");
    let bytes = if chosen.task.submission == Form::Haha {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let plain = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        archive.start_file("theirs.csv", plain).unwrap();
        archive.write_all(content).unwrap();
        archive.finish().unwrap().into_inner()
    } else {
        content.to_vec()
    };
    fs::write(&path, bytes).unwrap();
    let checked = check(&path, chosen, examples).unwrap();
    checked.problems.into_iter().map(|problem| format!("{}: {}", problem.line, problem.what)).collect()
}

/// Each row: how a good file is changed, and the mistakes that must be named, by their beginnings.
fn check_mistakes(task: &str, good: &str, cases: &[(&str, &str, &[&str])]) {
    let (chosen, examples) = items(task);
    let examples = &examples[..3];
    assert_eq!(mistakes(&chosen, examples, good.as_bytes()), Vec::<String>::new());
    for (from, to, expected) in cases {
        assert!(good.contains(from), "{from:?} is not in the good file");
        let found = mistakes(&chosen, examples, good.replacen(from, to, 1).as_bytes());
        let same =
            found.len() == expected.len() && found.iter().zip(*expected).all(|(one, other)| one.starts_with(other));
        assert!(same, "{from:?} -> {to:?}: {found:?}, not {expected:?}");
    }
}

#[test]
fn mistakes_in_tags_are_named() {
    check_mistakes(
        "poleval-2019-6-1",
        "0\n0\n1\n",
        &[
            ("0\n0", "\u{feff}0\n0", &["1: a byte order mark"]),
            ("0\n0\n1\n", "0\r\n0\r\n1\r\n", &["1: the line ends as on Windows"]),
            ("1\n", "1", &["3: the last line has no end"]),
            ("1\n", "2\n", &["3: `2` is none of the labels 0, 1; it is one of poleval-2019-6-2: is this the file"]),
            ("1\n", "", &["2: 2 answers, but the test set has 3 items"]),
            ("1\n", "1\n1\n", &["4: 4 answers, but the test set has 3 items"]),
            ("0\n0", "0\n\n0", &["2: the line is empty", "4: 4 answers"]),
            ("0\n0", "0\t0.9\n0", &["1: more than a tag"]),
            ("0\n0", "0 \n0", &["1: more than a tag"]),
            ("0\n0\n1\n", "", &["0: 0 answers, but the test set has 3 items"]),
        ],
    );
    let (chosen, examples) = items("poleval-2019-6-1");
    assert!(mistakes(&chosen, &examples[..1], b"\xff\n")[0].starts_with("1: not UTF-8"));
    let gold: String = examples.iter().map(|one| format!("{}\n", one.gold.as_ref().unwrap())).collect();
    assert_eq!(
        mistakes(&chosen, &examples, gold.as_bytes()),
        ["0: all 30 answers are the gold ones: is this the file of gold labels?"]
    );
}

#[test]
fn mistakes_in_hahas_file_are_named() {
    let good = "id,is_humor,funniness_average\ntweet1,1,2.5\ntweet2,0,0.1\ntweet3,1,4\n";
    check_mistakes(
        "haha-2019",
        good,
        &[
            ("tweet2,0,0.1", "tweet2,0,-0.2585", &["3: funniness_average is -0.2585, not within 0 and 5"]),
            ("tweet2,0,0.1", "tweet2,0,NaN", &["3: funniness_average is NaN, not within"]),
            ("tweet2,0,0.1", "tweet2,0,x", &["3: funniness_average is `x`, no number"]),
            ("tweet2,0,0.1", "tweet2,0.7,0.1", &["3: is_humor is `0.7`, not 0 or 1"]),
            ("tweet2,0,0.1", "tweet2,0", &["3: 2 columns, not 3", "4: no answer for the id `tweet2`"]),
            (
                "tweet2",
                "tweet1",
                &[
                    "3: the id `tweet1` was there before, in line 2",
                    "3: `tweet1` is not in the order",
                    "4: no answer for the id `tweet2`",
                ],
            ),
            ("tweet2", "tweet9", &["3: the test set has no id `tweet9`", "4: no answer for the id `tweet2`"]),
            (
                "tweet1,1,2.5\ntweet2,0,0.1",
                "tweet2,0,0.1\ntweet1,1,2.5",
                &["2: `tweet2` is not in the order of the test set, which has `tweet1` here"],
            ),
            (
                "id,is_humor,funniness_average\n",
                "id,is_humor,funniness\n",
                &["1: the header is `id,is_humor,funniness`, not"],
            ),
            (
                "id,is_humor,funniness_average\n",
                "id,text,is_humor,votes_no\n",
                &["1: the columns `id,text,is_humor,votes_no` are those of the data"],
            ),
            ("\n", "\r\n", &["1: the line ends as on Windows"]),
        ],
    );
    let (chosen, examples) = items("haha-2019");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare.csv");
    fs::write(&path, good).unwrap();
    assert!(check(&path, &chosen, &examples).unwrap_err().message.contains("no zip archive"));
}

#[test]
fn mistakes_in_other_files_are_named() {
    let good = "id\tlabel\ntweet1\tscience/technology\ntweet2\ttravel\ntweet3\tsports\n";
    check_mistakes(
        "sib200",
        good,
        &[
            ("sports", "sport", &["4: `sport` is none of the labels"]),
            ("id\tlabel", "index_id\tcategory\ttext", &["1: the columns"]),
            ("id\tlabel", "id,label", &["1: the header is `id,label`, not `id<tab>label`"]),
            (
                "tweet2\ttravel\n",
                "",
                &["3: 2 answers", "3: `tweet3` is not in the order", "3: no answer for the id `tweet2`"],
            ),
        ],
    );
    let text = fixture::text;
    let good = format!("{}\tOTHER\tOTHER\n{}\tOFFENSE\tOTHER\n{}\tOTHER\tABUSE\n", text(0), text(1), text(2));
    check_mistakes(
        "germeval-2018",
        &good,
        &[
            ("OFFENSE", "ABUSE", &["2: `ABUSE` is none of the labels OTHER, OFFENSE; it is one of germeval-2018-fine"]),
            ("\tOTHER\n", "\n", &["1: 2 columns, not 3"]),
            ("0 日本", "5 日本", &["1: the text is not that of item 1"]),
        ],
    );
}

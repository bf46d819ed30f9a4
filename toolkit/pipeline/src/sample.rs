//! The demo's own text: documents and labelled sentences in two languages, made from templates and
//! word lists that this project wrote. Small, free of other people's text, and still worth learning
//! from: a document stays with its topic, so that words of one topic turn up together, and a small
//! labelled set shows only some of those words. It is no benchmark; `docs/results.md` has real text.

mod basque;
mod english;

use glossa_base::seed::Stream;

/// A language of the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleLanguage {
    /// English: a noun has two forms.
    English,
    /// Basque: a noun has many, one a case.
    Basque,
}

/// Number of topics, and so of labels.
pub const TOPICS: usize = 5;

/// The words of a language and how they are put together. Lists are strings with `, ` between the
/// words and `/` between the forms of one word.
struct Tables {
    /// Name of each topic, in the language itself.
    labels: [&'static str; TOPICS],
    /// Nouns of each topic; some belong to two.
    nouns: [&'static str; TOPICS],
    /// The form of a noun that a slot asks for; none if the slot is not a noun's.
    decline: fn(noun: &str, slot: &str) -> Option<String>,
    /// Verbs of each topic, each in the forms of `verb_slots`.
    verbs: [&'static str; TOPICS],
    verb_slots: &'static [&'static str],
    /// First names, each in the forms of `people_slots`.
    people: &'static str,
    people_slots: &'static [&'static str],
    /// Words that belong to no topic, by slot.
    neutral: &'static [(&'static str, &'static str)],
    /// Sentences with `{slots}`; every one suits every topic, so that only words tell the topics apart.
    templates: &'static [&'static str],
    /// Sentences that list things; only running text has them. What is listed together belongs
    /// together: the plainest hint at a topic that a language model can learn from.
    lists: &'static [&'static str],
}

fn tables(language: SampleLanguage) -> &'static Tables {
    match language {
        SampleLanguage::English => &english::TABLES,
        SampleLanguage::Basque => &basque::TABLES,
    }
}

/// The labels of a language, in the order of its topics.
pub fn labels(language: SampleLanguage) -> &'static [&'static str; TOPICS] {
    &tables(language).labels
}

/// Documents of three to six sentences, each on one topic; about 250 bytes a document. About every
/// second sentence lists things of the topic, as running text does and short labelled texts do not. The same
/// stream gives the same documents, and a longer list begins with the shorter one.
pub fn unlabelled(language: SampleLanguage, documents: usize, stream: Stream) -> Vec<String> {
    let tables = tables(language);
    let document = |index: usize| {
        let mut draw = Draw::new(stream.part(index as u64));
        let topic = draw.below(TOPICS);
        let mut scene = Scene::new(tables, topic, &mut draw);
        let sentences = 3 + draw.below(4);
        (0..sentences)
            .map(|_| {
                let list = draw.below(2) == 0;
                scene.sentence_of(if list { tables.lists } else { tables.templates }, &mut draw)
            })
            .collect::<Vec<_>>()
            .join(" ")
    };
    (0..documents).map(document).collect()
}

/// Sentences with the label of their topic: (text, label). Labels are balanced: their counts differ
/// by one at most.
pub fn labelled(language: SampleLanguage, examples: usize, stream: Stream) -> Vec<(String, String)> {
    let tables = tables(language);
    let order = stream.part(u64::MAX).permutation(examples);
    let example = |(index, place): (usize, usize)| {
        let topic = place % TOPICS;
        let mut draw = Draw::new(stream.part(index as u64));
        let text = Scene::new(tables, topic, &mut draw).sentence(&mut draw);
        (text, tables.labels.get(topic).copied().unwrap_or_default().to_owned())
    };
    order.into_iter().enumerate().map(example).collect()
}

/// Random numbers of one document, one after the other.
struct Draw {
    stream: Stream,
    next: u64,
}

impl Draw {
    fn new(stream: Stream) -> Self {
        Draw { stream, next: 0 }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next += 1;
        self.stream.below(self.next, bound)
    }

    fn pick<T: Copy + Default>(&mut self, list: &[T]) -> T {
        list.get(self.below(list.len())).copied().unwrap_or_default()
    }
}

/// What a document keeps from sentence to sentence: its topic, its person, its main thing.
struct Scene {
    tables: &'static Tables,
    topic: usize,
    person: &'static str,
    nouns: Vec<&'static str>,
    main_noun: &'static str,
    last_noun: &'static str,
    last_template: &'static str,
}

impl Scene {
    fn new(tables: &'static Tables, topic: usize, draw: &mut Draw) -> Self {
        let nouns = words(tables.nouns.get(topic).copied().unwrap_or_default());
        let main_noun = draw.pick(&nouns);
        let person = draw.pick(&words(tables.people));
        Scene { tables, topic, person, nouns, main_noun, last_noun: "", last_template: "" }
    }

    /// One sentence of a labelled example.
    fn sentence(&mut self, draw: &mut Draw) -> String {
        self.sentence_of(self.tables.templates, draw)
    }

    /// One sentence: a template, another one than last time, with its slots filled.
    fn sentence_of(&mut self, templates: &[&'static str], draw: &mut Draw) -> String {
        let mut template = draw.pick(templates);
        while template == self.last_template {
            template = draw.pick(templates);
        }
        self.last_template = template;
        let mut parts = template.split('{');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (slot, rest) = part.split_once('}').unwrap_or((part, ""));
            text.push_str(&self.fill(slot, draw));
            text.push_str(rest);
        }
        capitalised(&text)
    }

    fn fill(&mut self, slot: &str, draw: &mut Draw) -> String {
        let tables = self.tables;
        if let Some((_, list)) = tables.neutral.iter().find(|(name, _)| *name == slot) {
            return draw.pick(&words(list)).to_owned();
        }
        if let Some(form) = tables.people_slots.iter().position(|name| *name == slot) {
            return self.person.split('/').nth(form).unwrap_or_default().to_owned();
        }
        if let Some(form) = tables.verb_slots.iter().position(|name| *name == slot) {
            let verb = draw.pick(&words(tables.verbs.get(self.topic).copied().unwrap_or_default()));
            return verb.split('/').nth(form).unwrap_or_default().to_owned();
        }
        let noun = self.noun(draw);
        (tables.decline)(noun, slot).unwrap_or_else(|| noun.to_owned())
    }

    /// A noun of the topic, another one than just now; one time in five the main one.
    fn noun(&mut self, draw: &mut Draw) -> &'static str {
        let mut noun = if draw.below(5) == 0 { self.main_noun } else { draw.pick(&self.nouns) };
        while noun == self.last_noun {
            noun = draw.pick(&self.nouns);
        }
        self.last_noun = noun;
        noun
    }
}

/// The words of a list.
fn words(list: &'static str) -> Vec<&'static str> {
    list.split(", ").collect()
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use glossa_base::seed::Purpose;

    use super::*;

    const LANGUAGES: [SampleLanguage; 2] = [SampleLanguage::English, SampleLanguage::Basque];

    fn stream(seed: u64) -> Stream {
        Stream::new(seed, Purpose::Sample, 0, 0)
    }

    fn words_of(texts: &[String]) -> BTreeSet<String> {
        let letters = |c: char| !c.is_alphabetic();
        texts.iter().flat_map(|text| text.split(letters)).map(str::to_lowercase).filter(|word| word.len() > 3).collect()
    }

    #[test]
    fn a_stream_names_its_text() {
        for language in LANGUAGES {
            let documents = unlabelled(language, 50, stream(1));
            assert_eq!(documents, unlabelled(language, 50, stream(1)));
            assert_eq!(documents[..20], unlabelled(language, 20, stream(1)));
            assert_ne!(documents, unlabelled(language, 50, stream(2)));
            assert_eq!(labelled(language, 50, stream(1)), labelled(language, 50, stream(1)));
            assert_ne!(labelled(language, 50, stream(1)), labelled(language, 50, stream(2)));
        }
    }

    #[test]
    fn labels_are_balanced() {
        for language in LANGUAGES {
            let mut counts = BTreeMap::new();
            for (_, label) in labelled(language, 103, stream(3)) {
                *counts.entry(label).or_insert(0) += 1;
            }
            assert!(counts.len() == TOPICS && counts.values().all(|count| (20..=21).contains(count)), "{counts:?}");
            assert!(counts.keys().all(|label| labels(language).contains(&label.as_str())));
        }
    }

    #[test]
    fn languages_differ() {
        let [english, basque] = LANGUAGES.map(|language| words_of(&unlabelled(language, 2000, stream(4))));
        let shared = english.intersection(&basque).count();
        assert!(shared * 20 < english.len().min(basque.len()), "{shared} of {} and {}", english.len(), basque.len());
    }

    #[test]
    fn a_megabyte_hardly_repeats_itself() {
        for language in LANGUAGES {
            let documents = unlabelled(language, 5000, stream(5));
            let bytes: usize = documents.iter().map(String::len).sum();
            assert!(bytes > 900_000, "{bytes}");
            assert_eq!(documents.iter().collect::<BTreeSet<_>>().len(), documents.len());
            let sentences: Vec<&str> =
                documents.iter().flat_map(|document| document.split_inclusive(['.', '?'])).collect();
            let distinct = sentences.iter().collect::<BTreeSet<_>>().len();
            assert!(distinct * 100 > sentences.len() * 90, "{distinct} of {}", sentences.len());
        }
    }

    #[test]
    fn every_slot_is_filled() {
        for language in LANGUAGES {
            let tables = tables(language);
            for template in tables.templates.iter().chain(tables.lists) {
                for slot in template.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(slot, _)| slot) {
                    let neutral = tables.neutral.iter().any(|(name, _)| *name == slot);
                    let form = tables.people_slots.contains(&slot) || tables.verb_slots.contains(&slot);
                    assert!(neutral || form || (tables.decline)("x", slot).is_some(), "{template}: {slot}");
                }
            }
            assert!(
                unlabelled(language, 500, stream(6))
                    .iter()
                    .all(|text| !text.contains(['{', '}']) && !text.contains("  "))
            );
        }
    }

    #[test]
    fn topics_are_rich_and_mostly_apart() {
        for language in LANGUAGES {
            let tables = tables(language);
            let mut uses = BTreeMap::new();
            for nouns in tables.nouns.map(words) {
                let distinct: BTreeSet<_> = nouns.iter().collect();
                assert!(nouns.len() >= 50 && distinct.len() == nouns.len(), "{language:?}: {}", nouns.len());
                nouns.iter().for_each(|noun| *uses.entry(*noun).or_insert(0) += 1);
            }
            let ambiguous = uses.values().filter(|count| **count > 1).count();
            assert!((5..40).contains(&ambiguous), "{language:?}: {ambiguous}");
            let forms = |list, slots: &[&str]| words(list).iter().all(|word| word.split('/').count() == slots.len());
            assert!(tables.verbs.iter().all(|verbs| forms(verbs, tables.verb_slots)));
            assert!(forms(tables.people, tables.people_slots));
        }
    }

    #[test]
    fn few_labels_show_few_of_the_words() {
        for language in LANGUAGES {
            let texts = |count, seed| {
                labelled(language, count, stream(seed)).into_iter().map(|(text, _)| text).collect::<Vec<_>>()
            };
            let (train, test) = (words_of(&texts(100, 7)), words_of(&texts(500, 8)));
            let unseen = test.difference(&train).count();
            assert!(unseen * 2 > test.len(), "{language:?}: {unseen} of {}", test.len());
        }
    }
}

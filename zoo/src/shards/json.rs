//! JSON objects of others: no key may stand twice, and nothing may be longer than it needs to be.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Most entries of an object.
const ENTRIES: usize = 200_000;
/// Longest key.
const LONGEST_KEY: usize = 4096;
/// Most numbers of a list.
const NUMBERS: usize = 16;

/// What an object has under its keys.
pub(super) trait Slot: Sized {
    /// Reads the value that belongs to the key.
    fn read<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Self, A::Error>;
}

impl Slot for String {
    fn read<'de, A: MapAccess<'de>>(_key: &str, map: &mut A) -> Result<Self, A::Error> {
        map.next_value()
    }
}

/// An object as its entries, in order, each key once.
pub(super) struct Entries<T>(pub(super) Vec<(String, T)>);

impl<'de, T: Slot> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Slot> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut entries, mut seen) = (Vec::new(), HashSet::new());
        while let Some(Key(key)) = map.next_key()? {
            let name = crate::dtype::shown(&key);
            if entries.len() >= ENTRIES {
                return Err(A::Error::custom(format!("more than {ENTRIES} entries")));
            }
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("`{name}` stands there twice")));
            }
            let value = T::read(&key, &mut map).map_err(|cause| A::Error::custom(format!("`{name}`: {cause}")))?;
            entries.push((key, value));
        }
        Ok(Entries(entries))
    }
}

/// A name that is not too long; a longer one is not copied.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Key, E> {
        if text.len() > LONGEST_KEY {
            let name = crate::dtype::shown(text);
            return Err(E::custom(format!("the name `{name}` has more than {LONGEST_KEY} bytes")));
        }
        Ok(Key(text.to_owned()))
    }
}

/// A short list of sizes or places.
#[derive(Debug)]
pub(super) struct Numbers(pub(super) Vec<u64>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(NumbersVisitor)
    }
}

struct NumbersVisitor;

impl<'de> Visitor<'de> for NumbersVisitor {
    type Value = Numbers;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = items.next_element()? {
            if numbers.len() >= NUMBERS {
                return Err(A::Error::custom(format!("more than {NUMBERS} numbers")));
            }
            numbers.push(number);
        }
        Ok(Numbers(numbers))
    }
}

/// A string that nobody wants.
pub(super) struct Ignored;

impl Slot for Ignored {
    fn read<'de, A: MapAccess<'de>>(_key: &str, map: &mut A) -> Result<Self, A::Error> {
        map.next_value()
    }
}

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IgnoredVisitor)
    }
}

struct IgnoredVisitor;

impl Visitor<'_> for IgnoredVisitor {
    type Value = Ignored;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E>(self, _text: &str) -> Result<Ignored, E> {
        Ok(Ignored)
    }
}

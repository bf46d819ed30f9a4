//! The value of a pickle as a tree. A pickle may let many places share one value, so that a small file means an
//! endless tree, or let a value contain itself: the tree is measured before it is built.

use std::collections::HashSet;

use super::error::Fault;
use super::node::{Id, Node, Pickled, View};

/// Most values of a tree, each counted as often as it stands in it.
const VALUES: u64 = 1_000_000;
/// Most bytes of its strings, counted so too.
const TEXT: u64 = 64 << 20;
/// Most levels.
const DEPTH: u32 = 64;
/// Longest name of a tensor, in bytes.
const LONGEST_NAME: usize = 4096;

/// A plain value of a file of `torch.save`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Python's `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A float; numbers of numpy too.
    Float(f64),
    /// A string.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A dictionary in the order of the file. Keys are strings or integers, none stands twice.
    Dict(Vec<(Value, Value)>),
    /// A tensor: its place in the survey's list.
    Tensor(usize),
}

impl Value {
    /// What a dictionary has under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let found = self.pairs()?.iter().find(|(name, _)| name.as_text() == Some(key));
        found.map(|(_, value)| value)
    }

    /// Keys and values of a dictionary.
    pub fn pairs(&self) -> Option<&[(Value, Value)]> {
        match self {
            Value::Dict(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The items of a list or tuple.
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) | Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer of 64 bits.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A float, or an integer as one.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Value::Float(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

/// What the tree under a node would be.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: u64,
    text: u64,
    height: u32,
}

#[derive(Clone, Copy)]
enum Measured {
    Not,
    /// Its parts are being measured: to meet it again means that it contains itself.
    Begun,
    Done(Size),
}

/// Tensors with their dotted names, in the order of the file.
type Named<'p> = Vec<(String, &'p View)>;

/// The tree of a pickle and its tensors.
pub(super) fn tree<'p>(pickled: &'p Pickled<'_>) -> Result<(Value, Named<'p>), Fault> {
    Measure { pickled, sizes: vec![Measured::Not; pickled.len()] }.of(pickled.root, 0)?;
    let mut builder = Builder { pickled, path: String::new(), tensors: Vec::new(), named: 0 };
    let value = builder.value(pickled.root)?;
    Ok((value, builder.tensors))
}

struct Measure<'p, 'a> {
    pickled: &'p Pickled<'a>,
    sizes: Vec<Measured>,
}

impl Measure<'_, '_> {
    fn of(&mut self, id: Id, depth: u32) -> Result<Size, Fault> {
        let place = self.pickled.place(id);
        let known = self.sizes.get(id as usize).copied().unwrap_or(Measured::Begun);
        let size = match known {
            Measured::Begun => return Err(Fault::malformed(place, "a value that contains itself")),
            Measured::Done(size) => size,
            Measured::Not => {
                check_depth(depth, place)?;
                self.mark(id, Measured::Begun);
                let size = self.parts(id, depth)?;
                self.mark(id, Measured::Done(size));
                size
            }
        };
        check_depth(depth.saturating_add(size.height), place)?;
        Ok(size)
    }

    fn mark(&mut self, id: Id, state: Measured) {
        if let Some(slot) = self.sizes.get_mut(id as usize) {
            *slot = state;
        }
    }

    fn parts(&mut self, id: Id, depth: u32) -> Result<Size, Fault> {
        let pickled = self.pickled;
        let mut size = Size { values: 1, ..Size::default() };
        match pickled.node(id) {
            Node::Text(text) => size.text = text.len() as u64,
            Node::Bytes(bytes) => size.text = bytes.len() as u64,
            Node::List(items) => items.iter().try_for_each(|item| self.add(&mut size, *item, id, depth))?,
            Node::Tuple(items) => items.iter().try_for_each(|item| self.add(&mut size, *item, id, depth))?,
            Node::Dict { pairs, .. } => {
                for (key, value) in pairs {
                    self.add(&mut size, *key, id, depth)?;
                    self.add(&mut size, *value, id, depth)?;
                }
            }
            _ => {}
        }
        Ok(size)
    }

    fn add(&mut self, size: &mut Size, part: Id, whole: Id, depth: u32) -> Result<(), Fault> {
        let part = self.of(part, depth + 1)?;
        size.values = size.values.saturating_add(part.values);
        size.text = size.text.saturating_add(part.text);
        size.height = size.height.max(part.height + 1);
        if size.values > VALUES || size.text > TEXT {
            let reason = format!("a value that shares parts until it has more than {VALUES} of them or {TEXT} bytes");
            return Err(Fault::too_much(self.pickled.place(whole), reason));
        }
        Ok(())
    }
}

fn check_depth(depth: u32, place: usize) -> Result<(), Fault> {
    if depth > DEPTH {
        return Err(Fault::too_much(place, format!("values within values, more than {DEPTH} levels deep")));
    }
    Ok(())
}

/// Builds what has been measured: recursion and memory are bounded.
struct Builder<'p, 'a> {
    pickled: &'p Pickled<'a>,
    path: String,
    tensors: Named<'p>,
    named: u64,
}

impl<'p> Builder<'p, '_> {
    fn value(&mut self, id: Id) -> Result<Value, Fault> {
        let pickled = self.pickled;
        Ok(match pickled.node(id) {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(number) => Value::Int(*number),
            Node::Float(number) => Value::Float(*number),
            Node::Text(text) => Value::Text(text.clone().into_owned()),
            Node::Bytes(bytes) => Value::Bytes(bytes.clone().into_owned()),
            Node::List(items) => Value::List(self.items(items)?),
            Node::Tuple(items) => Value::Tuple(self.items(items)?),
            Node::Dict { pairs, .. } => self.dictionary(pairs)?,
            Node::Tensor(view) => self.tensor(view, id)?,
            other => {
                let reason = format!("{} stands where a value is wanted", other.kind());
                return Err(Fault::malformed(pickled.place(id), reason));
            }
        })
    }

    fn items(&mut self, items: &[Id]) -> Result<Vec<Value>, Fault> {
        items.iter().enumerate().map(|(number, item)| self.part(&number.to_string(), *item)).collect()
    }

    fn dictionary(&mut self, pairs: &[(Id, Id)]) -> Result<Value, Fault> {
        let mut seen = HashSet::with_capacity(pairs.len());
        let mut values = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let (name, is_text) = match self.pickled.node(*key) {
                Node::Text(text) => (text.clone().into_owned(), true),
                Node::Int(number) => (number.to_string(), false),
                other => {
                    let reason = format!("{} as the key of a dictionary, strings and integers are known", other.kind());
                    return Err(Fault::malformed(self.pickled.place(*key), reason));
                }
            };
            let part = self.part(&name, *value)?;
            values.push((self.value(*key)?, part));
            if !seen.insert((name, is_text)) {
                return Err(Fault::malformed(self.pickled.place(*key), "a key that stands in its dictionary twice"));
            }
        }
        Ok(Value::Dict(values))
    }

    /// A value one level down.
    fn part(&mut self, name: &str, id: Id) -> Result<Value, Fault> {
        let length = self.path.len();
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(name);
        let value = self.value(id);
        self.path.truncate(length);
        value
    }

    fn tensor(&mut self, view: &'p View, id: Id) -> Result<Value, Fault> {
        self.named = self.named.saturating_add(self.path.len() as u64);
        if self.path.len() > LONGEST_NAME || self.named > TEXT {
            return Err(Fault::too_much(self.pickled.place(id), "a name of a tensor, or all together, too long"));
        }
        self.tensors.push((self.path.clone(), view));
        Ok(Value::Tensor(self.tensors.len() - 1))
    }
}

//! What a pickle builds, as a table: values point to each other by number, so that shared and recursive ones
//! cost nothing, and no depth of nesting reaches the program's stack.

use std::borrow::Cow;

use super::error::Fault;
use crate::dtype::Dtype;

/// The number of a node.
pub(super) type Id = u32;

/// Most values that one pickle may build. The largest that we know of, the dictionary of LASER, has 150,000.
pub(super) const NODES: usize = 1_000_000;
/// Most places in all lists, tuples and dictionaries together.
pub(super) const CELLS: usize = 4_000_000;
/// Most tensors.
pub(super) const TENSORS: usize = 100_000;
/// Most bytes that are unescaped or encoded, and so take room of their own.
pub(super) const OWNED: usize = 32 << 20;
/// Most sizes of a tensor.
pub(super) const DIMENSIONS: usize = 16;

/// A class or a function that is known by name; what it would do is modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildTensorV2,
    RebuildParameter,
    Storage(Dtype),
    Size,
    Encode,
    NumpyScalar,
    NumpyDtype,
    /// The list of fastcore, which fastai's optimizers have in their state.
    FastcoreList,
}

/// The numbers of a tensor, elsewhere in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage<'a> {
    pub(super) dtype: Dtype,
    pub(super) key: Cow<'a, str>,
    pub(super) elements: u64,
}

/// A view of a storage, in elements.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    pub(super) storage: Id,
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    pub(super) strides: Vec<u64>,
}

/// A value, or a step on the way to one.
#[derive(Debug)]
pub(super) enum Node<'a> {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    List(Vec<Id>),
    Tuple(Box<[Id]>),
    Dict {
        pairs: Vec<(Id, Id)>,
        is_ordered: bool,
    },
    Global(Global),
    Storage(Box<Storage<'a>>),
    Tensor(Box<View>),
    /// A type of numpy, as `f8`.
    NumpyType([u8; 2]),
    /// A fastcore list that has not got its items.
    EmptyFastcoreList,
}

impl Node<'_> {
    /// The kind in words, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Node::None => "nothing",
            Node::Bool(_) => "a truth value",
            Node::Int(_) => "an integer",
            Node::Float(_) => "a float",
            Node::Text(_) => "a string",
            Node::Bytes(_) => "bytes",
            Node::List(_) => "a list",
            Node::Tuple(_) => "a tuple",
            Node::Dict { .. } => "a dictionary",
            Node::Global(_) => "a class or function",
            Node::Storage(_) => "a storage",
            Node::Tensor(_) => "a tensor",
            Node::NumpyType(_) => "a type of numpy",
            Node::EmptyFastcoreList => "a list without items",
        }
    }
}

/// What one pickle has built.
#[derive(Debug)]
pub(super) struct Pickled<'a> {
    nodes: Vec<Node<'a>>,
    /// Where each was begun.
    places: Vec<u32>,
    pub(super) root: Id,
}

impl<'a> Pickled<'a> {
    pub(super) fn new() -> Self {
        Pickled { nodes: Vec::new(), places: Vec::new(), root: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn add(&mut self, node: Node<'a>, place: usize) -> Result<Id, Fault> {
        if self.nodes.len() >= NODES {
            return Err(Fault::too_much(place, format!("more than {NODES} values")));
        }
        let id = self.nodes.len() as Id;
        self.nodes.push(node);
        self.places.push(u32::try_from(place).unwrap_or(u32::MAX));
        Ok(id)
    }

    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        self.nodes.get(id as usize).unwrap_or(&Node::None)
    }

    pub(super) fn node_mut(&mut self, id: Id) -> Option<&mut Node<'a>> {
        self.nodes.get_mut(id as usize)
    }

    pub(super) fn place(&self, id: Id) -> usize {
        self.places.get(id as usize).map_or(0, |place| *place as usize)
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer that is no size if it is negative.
    pub(super) fn size(&self, id: Id) -> Option<u64> {
        match self.node(id) {
            Node::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A tuple of sizes, not too many.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<u64>> {
        match self.node(id) {
            Node::Tuple(items) if items.len() <= DIMENSIONS => items.iter().map(|item| self.size(*item)).collect(),
            _ => None,
        }
    }
}

//! What a file of `torch.save` may import and call: an exact list. Nothing is called; what each would have built
//! is built here as a plain value or a view of a storage. Everything else ends the reading.

use std::borrow::Cow;

use super::error::Fault;
use super::machine::{Machine, Policy};
use super::node::{Global, Id, Node, Storage, TENSORS, View};
use crate::dtype::{Dtype, elements, shown};

/// Exact names; not one of them runs anything here.
fn known(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        ("torch._utils", "_rebuild_tensor") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensorV2,
        ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
        ("torch", "Size") => Global::Size,
        ("torch", storage) => Global::Storage(storage_dtype(storage)?),
        ("_codecs", "encode") => Global::Encode,
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Global::NumpyScalar,
        ("numpy", "dtype") => Global::NumpyDtype,
        ("fastcore.foundation", "L") => Global::FastcoreList,
        _ => return None,
    })
}

fn storage_dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "BoolStorage" => Dtype::Bool,
        "ByteStorage" => Dtype::U8,
        "CharStorage" => Dtype::I8,
        "ShortStorage" => Dtype::I16,
        "IntStorage" => Dtype::I32,
        "LongStorage" => Dtype::I64,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "FloatStorage" => Dtype::F32,
        "DoubleStorage" => Dtype::F64,
        "ComplexFloatStorage" => Dtype::C64,
        "ComplexDoubleStorage" => Dtype::C128,
        _ => return None,
    })
}

impl<'a> Machine<'a> {
    /// The instructions that would import, call or ask for something.
    pub(super) fn modelled(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            b'c' => {
                let (module, name) = (self.input.text_line()?, self.input.text_line()?);
                self.import(module, name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let texts = (self.made.text(module), self.made.text(name));
                let (Some(module), Some(name)) = texts else {
                    return Err(self.malformed("an import whose name is no string"));
                };
                let (module, name) = (cut(module), cut(name));
                self.import(&module, &name)
            }
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let Node::Tuple(items) = self.made.node(arguments) else {
                    return Err(self.malformed("a call without a tuple of arguments"));
                };
                if items.len() > 8 {
                    return Err(self.malformed(format!("a call with {} arguments", items.len())));
                }
                let items = items.to_vec();
                let result = self.call(callee, &items)?;
                match result {
                    Made::New(node) => self.push_new(node),
                    Made::Same(id) => self.push(id),
                }
            }
            b'b' => self.build(),
            _ => self.persistent(),
        }
    }

    fn import(&mut self, module: &str, name: &str) -> Result<(), Fault> {
        let global = if self.policy == Policy::Torch { known(module, name) } else { None };
        match global {
            Some(global) => self.push_new(Node::Global(global)),
            None => {
                let (module, name) = (shown(module), shown(name));
                Err(Fault::forbidden(self.place, format!("the pickle imports `{module}.{name}`")))
            }
        }
    }

    fn wrong(&self, what: &str) -> Fault {
        self.malformed(format!("{what} with other arguments than torch writes"))
    }

    fn call(&mut self, callee: Id, arguments: &[Id]) -> Result<Made<'a>, Fault> {
        let Node::Global(global) = *self.made.node(callee) else {
            let kind = self.made.node(callee).kind();
            return Err(Fault::forbidden(self.place, format!("the pickle calls {kind}")));
        };
        let node = match (global, arguments) {
            (Global::OrderedDict, []) => Node::Dict { pairs: Vec::new(), is_ordered: true },
            (Global::OrderedDict, [items]) => self.ordered(*items)?,
            (Global::FastcoreList, []) => Node::EmptyFastcoreList,
            (Global::RebuildTensor, [storage, offset, shape, strides]) => {
                self.view(*storage, *offset, *shape, *strides)?
            }
            (Global::RebuildTensorV2, [storage, offset, shape, strides, gradient, hooks, metadata @ ..])
                if metadata.len() < 2 =>
            {
                self.check_plain(*gradient, *hooks, metadata)?;
                self.view(*storage, *offset, *shape, *strides)?
            }
            (Global::RebuildParameter, [tensor, gradient, hooks]) => {
                self.check_plain(*gradient, *hooks, &[])?;
                return match self.made.node(*tensor) {
                    Node::Tensor(_) => Ok(Made::Same(*tensor)),
                    _ => Err(self.wrong("a parameter")),
                };
            }
            (Global::Size, [items]) => match self.made.node(*items) {
                Node::Tuple(items) if items.len() <= 16 => Node::Tuple(items.clone()),
                _ => return Err(self.wrong("a size")),
            },
            (Global::Encode, [text, encoding]) => self.encode(*text, *encoding)?,
            (Global::NumpyDtype, [name, _, _]) => self.numpy_type(*name)?,
            (Global::NumpyScalar, [dtype, bytes]) => self.numpy_scalar(*dtype, *bytes)?,
            (Global::Storage(_), _) => {
                return Err(Fault::forbidden(self.place, "the pickle makes a storage by a call"));
            }
            _ => return Err(self.wrong("a call")),
        };
        Ok(Made::New(node))
    }

    /// An ordered dictionary of a list of pairs, as Python 2 writes it.
    fn ordered(&mut self, items: Id) -> Result<Node<'a>, Fault> {
        let Node::List(items) = self.made.node(items) else { return Err(self.wrong("an ordered dictionary")) };
        let pair = |id: &Id| match self.made.node(*id) {
            Node::List(pair) => pair.first().copied().zip(pair.get(1).copied()).filter(|_| pair.len() == 2),
            Node::Tuple(pair) => pair.first().copied().zip(pair.get(1).copied()).filter(|_| pair.len() == 2),
            _ => None,
        };
        let pairs: Option<Vec<(Id, Id)>> = items.iter().map(pair).collect();
        let pairs = pairs.ok_or_else(|| self.wrong("an ordered dictionary"))?;
        self.count_cells(pairs.len().saturating_mul(2))?;
        Ok(Node::Dict { pairs, is_ordered: true })
    }

    /// A truth value, no hooks, and no metadata (bits that turn the sign of the numbers).
    fn check_plain(&self, gradient: Id, hooks: Id, metadata: &[Id]) -> Result<(), Fault> {
        let is_empty = |id: Id| match self.made.node(id) {
            Node::None => true,
            Node::Dict { pairs, .. } => pairs.is_empty(),
            _ => false,
        };
        let is_plain = matches!(self.made.node(gradient), Node::Bool(_)) && is_empty(hooks);
        if is_plain && metadata.iter().all(|id| is_empty(*id)) {
            return Ok(());
        }
        Err(self.malformed("a tensor with hooks or metadata, which are not known here"))
    }

    fn view(&mut self, storage: Id, offset: Id, shape: Id, strides: Id) -> Result<Node<'a>, Fault> {
        let offset = self.made.size(offset);
        let (Some(offset), Some(shape), Some(strides)) = (offset, self.made.sizes(shape), self.made.sizes(strides))
        else {
            return Err(self.wrong("a tensor"));
        };
        let Node::Storage(numbers) = self.made.node(storage) else { return Err(self.wrong("a tensor")) };
        check_view(numbers.elements, offset, &shape, &strides).map_err(|reason| self.malformed(reason))?;
        self.tensors += 1;
        if self.tensors > TENSORS {
            return Err(Fault::too_much(self.place, format!("more than {TENSORS} tensors")));
        }
        Ok(Node::Tensor(Box::new(View { storage, offset, shape, strides })))
    }

    /// Bytes as protocol 2 writes them: text in Latin-1.
    fn encode(&mut self, text: Id, encoding: Id) -> Result<Node<'a>, Fault> {
        let is_latin = matches!(self.made.text(encoding), Some("latin1" | "latin-1"));
        let length = self.made.text(text).map(str::len).filter(|_| is_latin);
        self.count_owned(length.ok_or_else(|| self.wrong("an encoding"))?)?;
        let letters = self.made.text(text).unwrap_or_default().chars();
        let bytes: Result<Vec<u8>, _> = letters.map(u8::try_from).collect();
        Ok(Node::Bytes(Cow::Owned(bytes.map_err(|_| self.wrong("an encoding"))?)))
    }

    fn numpy_type(&self, name: Id) -> Result<Node<'a>, Fault> {
        let name = self.made.text(name).unwrap_or_default().as_bytes();
        let known = [*b"f8", *b"f4", *b"f2", *b"i8", *b"i4", *b"i2", *b"i1", *b"u8", *b"u4", *b"u2", *b"u1", *b"b1"];
        let found = known.into_iter().find(|known| name == known);
        found.map(Node::NumpyType).ok_or_else(|| self.wrong("a type of numpy"))
    }

    fn numpy_scalar(&self, dtype: Id, bytes: Id) -> Result<Node<'a>, Fault> {
        let Node::NumpyType(dtype) = *self.made.node(dtype) else { return Err(self.wrong("a number of numpy")) };
        let bytes: &[u8] = match self.made.node(bytes) {
            Node::Bytes(bytes) => bytes,
            Node::Text(text) => text.as_bytes(),
            _ => &[],
        };
        number(dtype, bytes).ok_or_else(|| self.wrong("a number of numpy"))
    }

    /// Gives an object its state, where that changes nothing of the values.
    fn build(&mut self) -> Result<(), Fault> {
        let (state, object) = (self.pop()?, self.top()?);
        let built = match (self.made.node(object), self.made.node(state)) {
            // The versions of modules, beside a state dictionary.
            (Node::Dict { is_ordered: true, .. }, Node::Dict { pairs, .. }) => match pairs.as_slice() {
                [(name, _)] if self.made.text(*name) == Some("_metadata") => return Ok(()),
                _ => None,
            },
            (Node::NumpyType(_), Node::Tuple(items)) => {
                let order = items.get(1).and_then(|order| self.made.text(*order));
                return match order {
                    Some("<" | "|" | "=") => Ok(()),
                    _ => Err(self.wrong("a type of numpy")),
                };
            }
            (Node::EmptyFastcoreList, Node::Dict { pairs, .. }) => match pairs.as_slice() {
                [(name, items)] if self.made.text(*name) == Some("items") => match self.made.node(*items) {
                    Node::List(items) => Some(items.clone()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        let Some(items) = built else {
            let kind = self.made.node(object).kind();
            return Err(Fault::forbidden(self.place, format!("the pickle sets attributes of {kind}")));
        };
        self.count_cells(items.len())?;
        if let Some(node) = self.made.node_mut(object) {
            *node = Node::List(items);
        }
        Ok(())
    }

    /// The storage that a persistent identifier names.
    fn persistent(&mut self) -> Result<(), Fault> {
        let id = self.pop()?;
        if self.policy == Policy::Plain {
            return Err(Fault::forbidden(self.place, "the pickle asks the program for an object"));
        }
        let storage = self.storage(id).ok_or_else(|| self.malformed("a storage that torch would not write"))?;
        if elements(&[storage.elements, storage.dtype.bytes()]).is_none() {
            return Err(self.malformed("a storage of more bytes than can be counted"));
        }
        self.count_owned(storage.key.len())?;
        self.push_new(Node::Storage(Box::new(storage)))
    }

    fn storage(&self, id: Id) -> Option<Storage<'a>> {
        let Node::Tuple(parts) = self.made.node(id) else { return None };
        let [word, class, key, place, count, view @ ..] = parts.as_ref() else { return None };
        let is_whole = match view {
            [] => true,
            [view] => matches!(self.made.node(*view), Node::None),
            _ => false,
        };
        let Node::Global(Global::Storage(dtype)) = *self.made.node(*class) else { return None };
        let Node::Text(key) = self.made.node(*key) else { return None };
        self.made.text(*place)?;
        let is_known = is_whole && self.made.text(*word) == Some("storage") && key.len() <= 256;
        is_known.then(|| self.made.size(*count).map(|elements| Storage { dtype, key: key.clone(), elements }))?
    }
}

/// What a call gives.
enum Made<'a> {
    New(Node<'a>),
    Same(Id),
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Whether a storage of so many elements holds the view.
fn check_view(available: u64, offset: u64, shape: &[u64], strides: &[u64]) -> Result<(), String> {
    if shape.len() != strides.len() {
        return Err("a tensor with as many strides as sizes is wanted".to_owned());
    }
    let count = elements(shape).ok_or_else(|| format!("a tensor of shape {shape:?} is too large to exist"))?;
    let end = span(shape, strides).and_then(|span| span.checked_add(offset));
    if count > available || end.is_none_or(|end| end > available) {
        let view = format!("a tensor of shape {shape:?}, strides {strides:?}, from element {offset}");
        return Err(format!("{view} does not lie in its storage of {available} elements"));
    }
    Ok(())
}

/// Elements of the storage from the first to the last that a view touches.
pub(super) fn span(shape: &[u64], strides: &[u64]) -> Option<u64> {
    if shape.contains(&0) {
        return Some(0);
    }
    let last = |sum: u64, (size, stride): (&u64, &u64)| sum.checked_add((size - 1).checked_mul(*stride)?);
    shape.iter().zip(strides).try_fold(1_u64, last)
}

/// A number as numpy writes it.
fn number<'a>(dtype: [u8; 2], bytes: &[u8]) -> Option<Node<'a>> {
    Some(match &dtype {
        b"f8" => Node::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
        b"f4" => Node::Float(f32::from_le_bytes(bytes.try_into().ok()?).into()),
        b"f2" => Node::Float(half::f16::from_le_bytes(bytes.try_into().ok()?).into()),
        b"i8" => Node::Int(i64::from_le_bytes(bytes.try_into().ok()?).into()),
        b"i4" => Node::Int(i32::from_le_bytes(bytes.try_into().ok()?).into()),
        b"i2" => Node::Int(i16::from_le_bytes(bytes.try_into().ok()?).into()),
        b"i1" => Node::Int(i8::from_le_bytes(bytes.try_into().ok()?).into()),
        b"u8" => Node::Int(u64::from_le_bytes(bytes.try_into().ok()?).into()),
        b"u4" => Node::Int(u32::from_le_bytes(bytes.try_into().ok()?).into()),
        b"u2" => Node::Int(u16::from_le_bytes(bytes.try_into().ok()?).into()),
        b"u1" => Node::Int(u8::from_le_bytes(bytes.try_into().ok()?).into()),
        b"b1" => match bytes {
            [0] => Node::Bool(false),
            [1] => Node::Bool(true),
            _ => return None,
        },
        _ => return None,
    })
}

//! The machine: a stack, a memo and the values. It follows the instructions of protocols 0 to 5 that build plain
//! values; for what they import and call see `globals`. Its work is in proportion to the bytes of the pickle.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cursor::Cursor;
use super::error::Fault;
use super::node::{CELLS, Id, NODES, Node, OWNED, Pickled};
use super::text;

/// Longest number in the text protocol.
const LONGEST_NUMBER: usize = 64;

/// What a pickle may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Numbers, strings, lists, tuples and dictionaries.
    Plain,
    /// The same and tensors.
    Torch,
}

pub(super) struct Machine<'a> {
    pub(super) input: Cursor<'a>,
    pub(super) policy: Policy,
    pub(super) made: Pickled<'a>,
    /// Where the current instruction begins.
    pub(super) place: usize,
    pub(super) tensors: usize,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    cells: usize,
    owned: usize,
}

/// Follows the pickle that begins at `from`; gives its value and where it ends.
pub(super) fn run(bytes: &[u8], from: usize, policy: Policy) -> Result<(Pickled<'_>, usize), Fault> {
    let mut machine = Machine {
        input: Cursor::new(bytes, from),
        policy,
        made: Pickled::new(),
        place: from,
        tensors: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        cells: 0,
        owned: 0,
    };
    loop {
        machine.input.check_frame()?;
        machine.place = machine.input.at;
        match machine.input.byte()? {
            b'.' => break,
            0x80 => machine.protocol(from)?,
            opcode => machine.step(opcode)?,
        }
    }
    machine.input.check_end()?;
    machine.made.root = machine.pop()?;
    if !machine.stack.is_empty() || !machine.marks.is_empty() {
        return Err(machine.malformed("the pickle ends with more than one value"));
    }
    Ok((machine.made, machine.input.at))
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            b'N' | 0x88 | 0x89 | b'I' | b'L' | b'F' | b'G' | b'J' | b'K' | b'M' | 0x8a | 0x8b => {
                let node = self.number(opcode)?;
                self.push_new(node)
            }
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => {
                let node = self.string(opcode)?;
                self.push_new(node)
            }
            b']' | b')' | b'}' | b'l' | b't' | b'd' | 0x85..=0x87 => self.collection(opcode),
            b'a' | b'e' | b's' | b'u' => self.fill(opcode),
            b'(' | b'0' | b'1' | b'2' => self.shuffle(opcode),
            b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.remember(opcode),
            0x95 => self.input.begin_frame(),
            b'c' | 0x93 | b'R' | 0x81 | b'b' | b'Q' => self.modelled(opcode),
            _ => Err(self.unknown(opcode)),
        }
    }

    fn unknown(&self, opcode: u8) -> Fault {
        let wants = match opcode {
            b'i' => "INST, which imports a class and calls it",
            b'o' => "OBJ, which calls a class",
            0x92 => "NEWOBJ_EX, which calls a class",
            0x82..=0x84 => "EXT, which takes a class from Python's registry",
            b'P' => "PERSID, which asks the program for an object",
            0x8f..=0x91 => "a set",
            0x97 | 0x98 => "a buffer from outside the pickle",
            _ => return self.malformed(format!("0x{opcode:02x} is no instruction of a pickle")),
        };
        Fault::forbidden(self.place, format!("the pickle has {wants}"))
    }

    fn protocol(&mut self, from: usize) -> Result<(), Fault> {
        let version = self.input.byte()?;
        if version > 5 || self.place != from {
            return Err(self.malformed(format!("protocol {version} is announced; 0 to 5 are known, at the beginning")));
        }
        Ok(())
    }

    pub(super) fn malformed(&self, reason: impl Into<String>) -> Fault {
        Fault::malformed(self.place, reason)
    }

    pub(super) fn push_new(&mut self, node: Node<'a>) -> Result<(), Fault> {
        let id = self.made.add(node, self.place)?;
        self.push(id)
    }

    pub(super) fn push(&mut self, id: Id) -> Result<(), Fault> {
        if self.stack.len() >= NODES {
            return Err(Fault::too_much(self.place, format!("more than {NODES} values wait")));
        }
        self.stack.push(id);
        Ok(())
    }

    /// Takes the topmost value; those below a mark are out of reach.
    pub(super) fn pop(&mut self) -> Result<Id, Fault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let id = if self.stack.len() > floor { self.stack.pop() } else { None };
        id.ok_or_else(|| self.malformed("an instruction lacks the value that it works on"))
    }

    /// The topmost value, which stays.
    pub(super) fn top(&mut self) -> Result<Id, Fault> {
        let id = self.pop()?;
        self.stack.push(id);
        Ok(id)
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Fault> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("an instruction lacks its mark"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    /// Counts places in collections.
    pub(super) fn count_cells(&mut self, count: usize) -> Result<(), Fault> {
        self.cells = self.cells.saturating_add(count);
        if self.cells > CELLS {
            return Err(Fault::too_much(self.place, format!("more than {CELLS} places in lists and dictionaries")));
        }
        Ok(())
    }

    /// Counts bytes that are not those of the file.
    pub(super) fn count_owned(&mut self, count: usize) -> Result<(), Fault> {
        self.owned = self.owned.saturating_add(count);
        if self.owned > OWNED {
            return Err(Fault::too_much(self.place, format!("more than {OWNED} bytes of escaped text")));
        }
        Ok(())
    }

    fn number(&mut self, opcode: u8) -> Result<Node<'a>, Fault> {
        Ok(match opcode {
            b'N' => Node::None,
            0x88 => Node::Bool(true),
            0x89 => Node::Bool(false),
            b'J' => Node::Int(self.input.i32()?.into()),
            b'K' => Node::Int(self.input.byte()?.into()),
            b'M' => Node::Int(self.input.u16()?.into()),
            b'G' => Node::Float(f64::from_be_bytes(self.input.array()?)),
            0x8a | 0x8b => {
                let length = if opcode == 0x8a { self.input.byte()?.into() } else { self.input.signed_length()? };
                Node::Int(text::integer(self.input.take(length)?).ok_or_else(|| self.huge())?)
            }
            _ => self.written_number(opcode)?,
        })
    }

    fn huge(&self) -> Fault {
        Fault::too_much(self.place, "an integer of more than 16 bytes")
    }

    /// A number of the text protocol.
    fn written_number(&mut self, opcode: u8) -> Result<Node<'a>, Fault> {
        let line = self.input.text_line()?.trim();
        if line.len() > LONGEST_NUMBER {
            return Err(Fault::too_much(self.place, "a number of more than 64 digits"));
        }
        let node = match (opcode, line) {
            (b'I', "00") => Some(Node::Bool(false)),
            (b'I', "01") => Some(Node::Bool(true)),
            (b'F', _) => line.parse().ok().map(Node::Float),
            _ => line.strip_suffix('L').unwrap_or(line).parse().ok().map(Node::Int),
        };
        node.ok_or_else(|| self.malformed(format!("`{}` is no number", crate::dtype::shown(line))))
    }

    fn string(&mut self, opcode: u8) -> Result<Node<'a>, Fault> {
        let length = match opcode {
            b'U' | 0x8c | b'C' => self.input.byte()?.into(),
            b'X' | b'B' => self.input.u32()?.into(),
            b'T' => self.input.signed_length()?,
            b'S' | b'V' => return self.escaped(opcode),
            _ => self.input.u64()?,
        };
        let bytes = self.input.take(length)?;
        match opcode {
            b'X' | 0x8c | 0x8d => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Node::Text(Cow::Borrowed(text))),
                Err(_) => Err(self.malformed("a string that is not UTF-8")),
            },
            // What Python 2 called a string.
            b'T' | b'U' if bytes.is_ascii() => Ok(Node::Text(String::from_utf8_lossy(bytes))),
            _ => Ok(Node::Bytes(Cow::Borrowed(bytes))),
        }
    }

    /// A string of the text protocol.
    fn escaped(&mut self, opcode: u8) -> Result<Node<'a>, Fault> {
        let line = self.input.line()?;
        self.count_owned(line.len().saturating_mul(2))?;
        if opcode == b'V' {
            let text = text::raw_unicode(line).ok_or_else(|| self.malformed("a string with a wrong escape"))?;
            return Ok(Node::Text(Cow::Owned(text)));
        }
        let bytes = text::quoted(line).ok_or_else(|| self.malformed("a string with a wrong quote or escape"))?;
        Ok(match String::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => Node::Text(Cow::Owned(text)),
            Ok(text) => Node::Bytes(Cow::Owned(text.into_bytes())),
            Err(error) => Node::Bytes(Cow::Owned(error.into_bytes())),
        })
    }

    fn collection(&mut self, opcode: u8) -> Result<(), Fault> {
        let node = match opcode {
            b']' => Node::List(Vec::new()),
            b'}' => Node::Dict { pairs: Vec::new(), is_ordered: false },
            b')' => Node::Tuple(Box::default()),
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<Id>, Fault>>()?;
                items.reverse();
                self.count_cells(count)?;
                Node::Tuple(items.into())
            }
            _ => {
                let items = self.pop_mark()?;
                self.count_cells(items.len())?;
                match opcode {
                    b'l' => Node::List(items),
                    b't' => Node::Tuple(items.into()),
                    _ => Node::Dict { pairs: self.paired(&items)?, is_ordered: false },
                }
            }
        };
        self.push_new(node)
    }

    fn paired(&self, items: &[Id]) -> Result<Vec<(Id, Id)>, Fault> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.malformed("a key without a value"));
        }
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    }

    /// Puts values into a list or a dictionary.
    fn fill(&mut self, opcode: u8) -> Result<(), Fault> {
        let items = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        self.count_cells(items.len())?;
        let target = self.top()?;
        let pairs = if matches!(opcode, b's' | b'u') { self.paired(&items)? } else { Vec::new() };
        match (self.made.node_mut(target), opcode) {
            (Some(Node::List(list)), b'a' | b'e') => list.extend(items),
            (Some(Node::Dict { pairs: old, .. }), b's' | b'u') => old.extend(pairs),
            _ => {
                let kind = self.made.node(target).kind();
                return Err(self.malformed(format!("values are put into {kind}")));
            }
        }
        Ok(())
    }

    fn shuffle(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            b'(' if self.marks.len() >= NODES => Err(Fault::too_much(self.place, format!("more than {NODES} marks"))),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.pop_mark().map(drop),
            _ => self.top().and_then(|id| self.push(id)),
        }
    }

    /// Puts the topmost value into the memo, or takes one out of it.
    fn remember(&mut self, opcode: u8) -> Result<(), Fault> {
        let number = match opcode {
            b'p' | b'g' => {
                let line = self.input.text_line()?;
                line.parse().map_err(|_| self.malformed("a number of the memo that is none"))?
            }
            b'q' | b'h' => self.input.byte()?.into(),
            b'r' | b'j' => self.input.u32()?,
            _ => self.memo.len() as u32,
        };
        if matches!(opcode, b'g' | b'h' | b'j') {
            let id = self.memo.get(&number).copied();
            let id = id.ok_or_else(|| self.malformed(format!("the memo has nothing under {number}")))?;
            return self.push(id);
        }
        let id = self.top()?;
        self.memo.insert(number, id);
        if self.memo.len() > NODES {
            return Err(Fault::too_much(self.place, format!("more than {NODES} values in the memo")));
        }
        Ok(())
    }
}

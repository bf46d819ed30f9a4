//! The bytes of a pickle from one end to the other: every length is checked against what is there before
//! anything is taken, and frames (protocol 4) must hold whole instructions.

use super::error::Fault;

/// Longest line of the text protocol: a string. Numbers are far shorter.
const LONGEST_LINE: usize = 1 << 20;

pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    frame_end: Option<usize>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Cursor { bytes, at, frame_end: None }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], Fault> {
        let taken = usize::try_from(count).ok().and_then(|count| self.rest().get(..count));
        let taken = taken.ok_or_else(|| {
            let left = self.rest().len();
            Fault::malformed(self.at, format!("{count} bytes are announced and {left} are left"))
        })?;
        self.at += taken.len();
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Fault> {
        self.array().map(i32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    /// A length of which a sign is an error.
    pub(super) fn signed_length(&mut self) -> Result<u64, Fault> {
        let (at, length) = (self.at, self.i32()?);
        u64::try_from(length).map_err(|_| Fault::malformed(at, format!("a length of {length}")))
    }

    /// What stands before the next end of a line.
    pub(super) fn line(&mut self) -> Result<&'a [u8], Fault> {
        let rest = self.rest();
        let searched = rest.get(..LONGEST_LINE).unwrap_or(rest);
        let Some(end) = searched.iter().position(|byte| *byte == b'\n') else {
            return Err(Fault::malformed(self.at, "a line without an end"));
        };
        let line = self.take(end as u64)?;
        self.at += 1;
        Ok(line)
    }

    /// A line in UTF-8.
    pub(super) fn text_line(&mut self) -> Result<&'a str, Fault> {
        let at = self.at;
        std::str::from_utf8(self.line()?).map_err(|_| Fault::malformed(at, "a line that is not UTF-8"))
    }

    /// Counts off a frame.
    pub(super) fn begin_frame(&mut self) -> Result<(), Fault> {
        let (at, length) = (self.at, self.u64()?);
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        match end.filter(|end| *end <= self.bytes.len() && self.frame_end.is_none()) {
            Some(end) => self.frame_end = Some(end),
            None => return Err(Fault::malformed(at, format!("a frame of {length} bytes does not fit here"))),
        }
        Ok(())
    }

    /// Between two instructions: a frame may end here, and not earlier.
    pub(super) fn check_frame(&mut self) -> Result<(), Fault> {
        match self.frame_end {
            Some(end) if self.at > end => {
                Err(Fault::malformed(self.at, format!("an instruction crosses the end of its frame at {end}")))
            }
            Some(end) if self.at == end => {
                self.frame_end = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// After the last instruction.
    pub(super) fn check_end(&mut self) -> Result<(), Fault> {
        self.check_frame()?;
        match self.frame_end {
            Some(end) => Err(Fault::malformed(self.at, format!("the pickle ends before its frame does, at {end}"))),
            None => Ok(()),
        }
    }
}

//! Buffers of a transfer, which go round between the thread that fills them and those that use them: nothing is
//! copied or allocated anew for each.

use std::ops::Deref;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes of a buffer, and buffers that wait at most.
const SIZE: usize = 1 << 18;
const MOST: usize = 32;

/// Buffers that nobody uses.
pub(super) struct Pool {
    free: Receiver<Vec<u8>>,
    home: SyncSender<Vec<u8>>,
}

impl Default for Pool {
    fn default() -> Self {
        let (home, free) = sync_channel(MOST);
        Pool { free, home }
    }
}

impl Pool {
    /// A buffer that is all room.
    pub(super) fn take(&self) -> Block {
        let buffer = self.free.try_recv().unwrap_or_else(|_| vec![0; SIZE]);
        Block { buffer, used: 0, home: self.home.clone() }
    }
}

/// Bytes that came; their buffer goes back when they are dropped.
pub(super) struct Block {
    buffer: Vec<u8>,
    used: usize,
    home: SyncSender<Vec<u8>>,
}

impl Block {
    /// Where bytes go.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// The first so many bytes count.
    pub(super) fn filled(mut self, bytes: usize) -> Self {
        self.used = bytes.min(self.buffer.len());
        self
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.get(..self.used).unwrap_or_default()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // Where there are enough, or nobody fills them any more, it is gone.
        let _ = self.home.try_send(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back() {
        let pool = Pool::default();
        let mut block = pool.take();
        block.room()[..3].copy_from_slice(b"abc");
        let place = block.buffer.as_ptr();
        let block = block.filled(3);
        assert_eq!(&*block, b"abc");
        drop(block);
        let again = pool.take();
        assert_eq!((again.buffer.as_ptr(), again.len()), (place, 0));
        drop(pool);
        drop(again);
    }
}

//! The declarations of `cpp/shim.cc`, and the callbacks that carry bytes and ids back.

use std::ffi::c_void;

/// Receives bytes; mirrors `ByteSink`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ByteSink {
    take: extern "C" fn(*mut c_void, *const u8, usize),
    user: *mut c_void,
}

/// Receives ids; mirrors `IdSink`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct IdSink {
    take: extern "C" fn(*mut c_void, *const i32, usize),
    user: *mut c_void,
}

/// Gives sentences; mirrors `SentenceSource`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct SentenceSource {
    /// 1 with a sentence, 0 at the end, -1 on failure.
    pub(crate) next: extern "C" fn(*mut c_void, *mut *const u8, *mut usize) -> i32,
    /// What `next` is called with.
    pub(crate) user: *mut c_void,
}

unsafe extern "C" {
    pub(crate) fn glossa_spm_train(
        arguments: *const u8,
        length: usize,
        source: SentenceSource,
        model: ByteSink,
        error: ByteSink,
    ) -> i32;
    pub(crate) fn glossa_spm_open(bytes: *const u8, length: usize, error: ByteSink) -> *mut c_void;
    pub(crate) fn glossa_spm_close(handle: *mut c_void);
    pub(crate) fn glossa_spm_size(handle: *const c_void) -> i32;
    pub(crate) fn glossa_spm_encode(
        handle: *const c_void,
        text: *const u8,
        length: usize,
        ids: IdSink,
        error: ByteSink,
    ) -> i32;
    pub(crate) fn glossa_spm_encode_places(
        handle: *const c_void,
        text: *const u8,
        length: usize,
        message: ByteSink,
        error: ByteSink,
    ) -> i32;
    pub(crate) fn glossa_spm_sample(
        handle: *const c_void,
        text: *const u8,
        length: usize,
        best: i32,
        alpha: f32,
        seed: u64,
        ids: IdSink,
        error: ByteSink,
    ) -> i32;
    pub(crate) fn glossa_spm_decode(
        handle: *const c_void,
        ids: *const i32,
        length: usize,
        text: ByteSink,
        error: ByteSink,
    ) -> i32;
}

/// Bytes that C++ hands over during a call.
#[derive(Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Bytes {
    /// A sink that is valid while `self` is borrowed; the caller uses it within one foreign call.
    pub(crate) fn sink(&mut self) -> ByteSink {
        ByteSink { take: take_bytes, user: std::ptr::from_mut(&mut self.0).cast() }
    }

    /// The bytes as text; broken UTF-8 is replaced.
    pub(crate) fn text(self) -> String {
        String::from_utf8(self.0).unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned())
    }
}

/// Ids that C++ hands over during a call.
#[derive(Default)]
pub(crate) struct Ids(pub(crate) Vec<u32>);

impl Ids {
    /// A sink that is valid while `self` is borrowed; the caller uses it within one foreign call.
    pub(crate) fn sink(&mut self) -> IdSink {
        IdSink { take: take_ids, user: std::ptr::from_mut(&mut self.0).cast() }
    }
}

extern "C" fn take_bytes(user: *mut c_void, data: *const u8, length: usize) {
    if length == 0 {
        return;
    }
    // SAFETY: `user` is the `Vec<u8>` of a `Bytes` that the caller of the foreign function keeps
    // borrowed for the whole call; `data` points to `length` bytes that C++ keeps alive meanwhile.
    let (target, bytes) = unsafe { (&mut *user.cast::<Vec<u8>>(), std::slice::from_raw_parts(data, length)) };
    target.extend_from_slice(bytes);
}

extern "C" fn take_ids(user: *mut c_void, data: *const i32, length: usize) {
    if length == 0 {
        return;
    }
    // SAFETY: as in `take_bytes`, with the `Vec<u32>` of an `Ids` and `length` C++ ints.
    let (target, ids) = unsafe { (&mut *user.cast::<Vec<u32>>(), std::slice::from_raw_parts(data, length)) };
    target.extend(ids.iter().map(|&id| id.cast_unsigned()));
}

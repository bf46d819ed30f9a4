//! What goes wrong on a device while it computes: too little memory, a driver that gives up, a device that
//! disappears. Burn reports some of it as errors when numbers are read, and panics for the rest; both become an
//! [`Error`] here.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use burn::backend::DispatchDevice;
use burn::tensor::{Device, Tensor, TensorData};

use crate::Error;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// The GPU that this process opened last.
static GPU: Mutex<Option<String>> = Mutex::new(None);

/// From now on a guarded panic may be a GPU's.
pub(super) fn opened(gpu: &str) {
    *GPU.lock().unwrap_or_else(PoisonError::into_inner) = Some(gpu.to_owned());
}

fn gpu() -> Option<String> {
    GPU.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The numbers of a tensor, on the host.
///
/// # Errors
/// A device that failed before it had them.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<TensorData, Error> {
    let device = tensor.device();
    tensor.try_into_data().map_err(|cause| of_message(&name(&device), &cause.to_string()))
}

/// Waits until a device has computed everything that it was asked for.
///
/// # Errors
/// A device that failed on the way.
pub fn wait(device: &Device) -> Result<(), Error> {
    device.sync().map_err(|cause| of_message(&name(device), &cause.to_string()))
}

/// Calls something that may compute on a GPU, and makes an error of what burn panics with there. Where no GPU was
/// opened a panic stays one: it is a mistake in the program.
///
/// # Errors
/// A device that failed, or what the call itself fails with.
pub fn guarded<T, E: From<Error>>(call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(outer);
    result.unwrap_or_else(|panic| match (gpu(), message(&*panic)) {
        (Some(gpu), Some(message)) => Err(of_message(&gpu, message).into()),
        _ => resume_unwind(panic),
    })
}

/// Keeps panics that become errors from being printed as well: those that [`guarded`] catches, and those of CubeCL's
/// threads, which it reports when numbers are read.
pub fn quiet_guarded_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let of_cubecl = || std::thread::current().name().is_some_and(|name| name.starts_with("DSD-"));
        if gpu().is_none() || !(GUARDED.get() || of_cubecl()) {
            before(panic);
        }
    }));
}

fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}

/// The error that a message of burn or a driver stands for.
fn of_message(device: &str, message: &str) -> Error {
    let device = device.to_owned();
    match asked(message) {
        Some(asked) => Error::Memory { free: free(&device), device, asked },
        None => Error::Device { device, reason: first_lines(message) },
    }
}

/// How many bytes could not be had, if that is what a message says.
fn asked(message: &str) -> Option<u64> {
    let signs = ["out of device memory allocating ", "can't allocate buffer of size: "];
    let after = signs.iter().find_map(|sign| message.split_once(sign))?.1;
    let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
    after.get(..digits)?.parse().ok()
}

/// A message without its backtrace, on one line: what happened, and its causes.
fn first_lines(message: &str) -> String {
    let is_frame = |line: &&str| line.split_once(':').is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    let is_said = |line: &&str| !line.is_empty() && *line != "Caused by:" && !line.starts_with("at ");
    let said: Vec<&str> =
        message.lines().map(str::trim).filter(|line| is_said(line) && !is_frame(line)).take(5).collect();
    said.join(": ")
}

/// A device's name as the command takes it.
pub(crate) fn name(device: &Device) -> String {
    match device.clone().without_autodiff().as_dispatch() {
        DispatchDevice::Flex(_) => "cpu".to_owned(),
        #[cfg(feature = "gpu")]
        DispatchDevice::Cube(burn_cubecl::CubeDevice::Cuda(cuda)) => format!("cuda:{}", cuda.index),
        #[cfg(feature = "gpu")]
        DispatchDevice::Cube(burn_cubecl::CubeDevice::Wgpu(_)) => "wgpu".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Bytes that are free on an NVIDIA GPU.
#[cfg(feature = "cuda")]
fn free(device: &str) -> Option<u64> {
    let index = device.strip_prefix("cuda:")?.parse().ok()?;
    let context = cudarc::driver::CudaContext::new(index).ok()?;
    context.bind_to_thread().ok()?;
    let (free, _) = cudarc::driver::result::mem_get_info().ok()?;
    u64::try_from(free).ok()
}

#[cfg(not(feature = "cuda"))]
fn free(_: &str) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_MUCH: &str = "An error happened during execution\nCaused by:\n  can't allocate buffer of size: \
        123456789\n   0: cubecl::server::alloc\n             at /src/server.rs:5";

    #[test]
    fn too_little_memory_is_told_from_other_trouble() {
        let refused = of_message("cuda:7", TOO_MUCH);
        assert!(matches!(&refused, Error::Memory { device, asked: 123_456_789, .. } if device == "cuda:7"));
        let refused = of_message("cuda", "out of device memory allocating 5 bytes\n0: main");
        assert!(matches!(refused, Error::Memory { asked: 5, .. }));
        let lost = of_message(
            "wgpu",
            "The device is poisoned\nCaused by:\n  CUDA_ERROR_ECC_UNCORRECTABLE\n  0: main_loop\n     at main.rs:1",
        );
        let Error::Device { reason, .. } = &lost else { panic!("{lost:?}") };
        assert_eq!(reason, "The device is poisoned: CUDA_ERROR_ECC_UNCORRECTABLE");
        assert!(!lost.to_string().contains("main"));
    }

    #[test]
    fn panics_become_errors_where_a_gpu_computes() {
        quiet_guarded_panics();
        let fails = || -> Result<(), Error> { panic!("{TOO_MUCH}") };
        if gpu().is_none() {
            let on_processor = catch_unwind(AssertUnwindSafe(|| guarded(fails)));
            assert!(on_processor.is_err(), "a mistake of the program stays one");
        }
        opened("a GPU of a test");
        let refused = guarded(fails);
        assert!(matches!(refused, Err(Error::Memory { asked: 123_456_789, .. })));
        assert!(matches!(guarded(|| Ok::<_, Error>(5)), Ok(5)));
        assert!(matches!(guarded(|| Err::<(), _>(Error::EmptyBatch)), Err(Error::EmptyBatch)));
        assert!(!GUARDED.get());
    }

    #[test]
    fn numbers_are_read() {
        let tensor = Tensor::<1>::from_data([1.5, 2.5], &Device::flex());
        assert_eq!(read(tensor).unwrap().try_to_vec::<f32>().unwrap(), [1.5, 2.5]);
    }
}

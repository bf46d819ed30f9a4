//! Which device to compute on: chosen explicitly, never by burn's default (which may panic where a
//! driver is missing).

mod cuda;
mod trouble;

use std::fmt;
use std::str::FromStr;

use burn::backend::DispatchDevice;
use burn::tensor::distributed::{ReduceOperation, all_reduce};
use burn::tensor::{Device, Tensor};

use crate::Error;
pub use cuda::{CudaPlaces, CudaSetup};
pub(crate) use trouble::name;
pub use trouble::{guarded, quiet_guarded_panics, read, wait};

/// What the user asked for: `cpu`, `cuda`, `cuda:1`, `cuda:0-3`, `wgpu`, `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU by index.
    Cuda(usize),
    /// A device by index that wgpu reaches through Vulkan, Metal, DirectX or OpenGL: a GPU of any maker, or
    /// software that stands in for one.
    Wgpu(usize),
    /// The first NVIDIA GPU if this build and machine have one, else the processor.
    Auto,
    /// Several of a kind, which learn one model together.
    Several {
        /// Their kind.
        kind: DeviceKind,
        /// The first.
        first: usize,
        /// The last.
        last: usize,
    },
}

/// Kinds of devices of which there may be several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The processor, which then counts as several devices: to try what several do.
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
    /// What wgpu reaches.
    Wgpu,
}

impl DeviceKind {
    fn name(self) -> &'static str {
        match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Cuda => "cuda",
            DeviceKind::Wgpu => "wgpu",
        }
    }

    fn at(self, index: usize) -> DeviceChoice {
        match self {
            DeviceKind::Cpu => DeviceChoice::Cpu,
            DeviceKind::Cuda => DeviceChoice::Cuda(index),
            DeviceKind::Wgpu => DeviceChoice::Wgpu(index),
        }
    }
}

/// Several devices, such as `cuda:0-3`.
fn several(text: &str) -> Option<DeviceChoice> {
    let (name, range) = text.split_once(':')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    let kind = [DeviceKind::Cpu, DeviceKind::Cuda, DeviceKind::Wgpu].into_iter().find(|kind| kind.name() == name)?;
    (first < last && last - first < MOST_DEVICES).then_some(DeviceChoice::Several { kind, first, last })
}

/// No machine has more.
const MOST_DEVICES: usize = 256;

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownDevice(text.to_owned());
        match text.split_once(':') {
            None if text == "cpu" => Ok(DeviceChoice::Cpu),
            None if text == "cuda" => Ok(DeviceChoice::Cuda(0)),
            None if text == "wgpu" => Ok(DeviceChoice::Wgpu(0)),
            None if text == "auto" => Ok(DeviceChoice::Auto),
            Some((_, range)) if range.contains('-') => several(text).ok_or_else(unknown),
            Some(("cuda", index)) => index.parse().map(DeviceChoice::Cuda).map_err(|_| unknown()),
            Some(("wgpu", index)) => index.parse().map(DeviceChoice::Wgpu).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Cpu => formatter.write_str("cpu"),
            DeviceChoice::Cuda(index) => write!(formatter, "cuda:{index}"),
            DeviceChoice::Wgpu(index) => write!(formatter, "wgpu:{index}"),
            DeviceChoice::Auto => formatter.write_str("auto"),
            DeviceChoice::Several { kind, first, last } => write!(formatter, "{}:{first}-{last}", kind.name()),
        }
    }
}

impl DeviceChoice {
    /// What `auto` comes to on this machine.
    pub fn resolved(self) -> Self {
        match self {
            // A GPU that lacks something is an error that says what, not a slow training on the processor.
            DeviceChoice::Auto if cuda_count().is_some_and(|count| count > 0) => DeviceChoice::Cuda(0),
            DeviceChoice::Auto => DeviceChoice::Cpu,
            chosen => chosen,
        }
    }

    /// The device itself, without autodiff.
    ///
    /// # Errors
    /// A device that is not there, or several.
    pub fn open(self) -> Result<Device, Error> {
        let chosen = self.resolved();
        let device = match chosen {
            DeviceChoice::Cuda(index) => cuda(index)?,
            DeviceChoice::Wgpu(index) => wgpu(index)?,
            DeviceChoice::Cpu | DeviceChoice::Auto => return Ok(Device::flex()),
            DeviceChoice::Several { .. } => return Err(Error::OneDevice(self.to_string())),
        };
        trouble::opened(&chosen.to_string());
        Ok(device)
    }

    /// The first device and the others, where several may be asked for; without autodiff.
    ///
    /// # Errors
    /// A device that is not there.
    pub fn open_all(self) -> Result<(Device, Vec<Device>), Error> {
        match self {
            DeviceChoice::Several { kind, first, last } => {
                let others = (first + 1..=last).map(|index| kind.at(index).open()).collect::<Result<_, Error>>()?;
                Ok((kind.at(first).open()?, others))
            }
            one => Ok((one.open()?, Vec::new())),
        }
    }
}

/// How many CUDA devices this build can reach on this machine; `None` when built without CUDA.
pub fn cuda_count() -> Option<usize> {
    #[cfg(feature = "cuda")]
    return Some(Device::enumerate(burn::tensor::DeviceType::Cuda).len());
    #[cfg(not(feature = "cuda"))]
    None
}

fn cuda(index: usize) -> Result<Device, Error> {
    match cuda_count() {
        None => Err(Error::BuiltWithoutCuda),
        Some(count) if index >= count => Err(Error::NoSuchGpu { index, count }),
        #[cfg(feature = "cuda")]
        Some(_) => CudaSetup::here().problem().map_or_else(|| Ok(Device::cuda(index)), Err),
        #[cfg(not(feature = "cuda"))]
        Some(_) => Err(Error::BuiltWithoutCuda),
    }
}

/// Devices of wgpu that this build can reach; `None` when built without it.
pub fn wgpu_count() -> Option<usize> {
    #[cfg(feature = "wgpu")]
    return Some(Device::enumerate(burn::tensor::DeviceType::Wgpu).len());
    #[cfg(not(feature = "wgpu"))]
    None
}

#[cfg(feature = "wgpu")]
fn wgpu(index: usize) -> Result<Device, Error> {
    let devices = Device::enumerate(burn::tensor::DeviceType::Wgpu);
    let count = devices.len();
    devices.into_iter().nth(index).ok_or(Error::NoSuchWgpuDevice { index, count })
}

#[cfg(not(feature = "wgpu"))]
fn wgpu(_: usize) -> Result<Device, Error> {
    Err(Error::BuiltWithoutWgpu)
}

/// Whether these devices hand tensors to each other without the host: NVIDIA GPUs with NCCL.
pub fn exchange(devices: &[Device]) -> bool {
    let exchanges = |device: &Device| match device.clone().without_autodiff().as_dispatch() {
        #[cfg(feature = "cuda")]
        DispatchDevice::Cube(device @ burn_cubecl::CubeDevice::Cuda(_)) => device.client().has_device_transport(),
        _ => false,
    };
    devices.iter().all(exchanges)
}

/// The mean of a tensor that every one of these devices calls this with, each in a thread of its own, by burn's
/// collective operations; they must [`exchange`] tensors.
pub fn mean_over<const D: usize>(tensor: Tensor<D>, devices: &[Device]) -> Tensor<D> {
    let devices = devices.iter().map(|device| device.clone().without_autodiff()).collect();
    all_reduce(tensor, ReduceOperation::Mean, devices).resolve()
}

/// Whether our CPU kernels run on this device.
pub(crate) fn is_cpu(device: &Device) -> bool {
    matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
}

/// Whether kernels of ours run on this device: on the CPU, and on GPUs where they were built.
pub(crate) fn has_kernels(device: &Device) -> bool {
    match device.clone().without_autodiff().as_dispatch() {
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "gpu")]
        DispatchDevice::Cube(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices() {
        assert_eq!("cuda:2".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(2));
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
        assert!("gpu".parse::<DeviceChoice>().is_err());
        let four = "cuda:0-3".parse::<DeviceChoice>().unwrap();
        assert_eq!(four, DeviceChoice::Several { kind: DeviceKind::Cuda, first: 0, last: 3 });
        assert_eq!(four.to_string(), "cuda:0-3");
        for bad in ["cuda:3-0", "cuda:1-1", "cuda:0-", "gpu:0-1", "cpu:0-100000", "cuda:-1-2"] {
            assert!(bad.parse::<DeviceChoice>().is_err(), "{bad}");
        }
        let twice: DeviceChoice = "cpu:0-1".parse().unwrap();
        assert_eq!(twice.open_all().unwrap().1.len(), 1);
        assert!(matches!(twice.open(), Err(Error::OneDevice(name)) if name == "cpu:0-1"));
        assert!(is_cpu(&DeviceChoice::Cpu.open().unwrap().autodiff()));
        assert!(DeviceChoice::Cuda(99).open().is_err());
    }
}

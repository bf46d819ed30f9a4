//! Which device to compute on: chosen explicitly, never by burn's default (which may panic where a
//! driver is missing).

use std::fmt;
use std::str::FromStr;

use burn::backend::DispatchDevice;
use burn::tensor::Device;

use crate::Error;

/// What the user asked for: `cpu`, `cuda`, `cuda:1`, `wgpu`, `auto`.
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
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownDevice(text.to_owned());
        match text.split_once(':') {
            None if text == "cpu" => Ok(DeviceChoice::Cpu),
            None if text == "cuda" => Ok(DeviceChoice::Cuda(0)),
            None if text == "wgpu" => Ok(DeviceChoice::Wgpu(0)),
            None if text == "auto" => Ok(DeviceChoice::Auto),
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
        }
    }
}

impl DeviceChoice {
    /// What `auto` comes to on this machine.
    pub fn resolved(self) -> Self {
        match self {
            DeviceChoice::Auto if cuda(0).is_ok() => DeviceChoice::Cuda(0),
            DeviceChoice::Auto => DeviceChoice::Cpu,
            chosen => chosen,
        }
    }

    /// The device itself, without autodiff.
    pub fn open(self) -> Result<Device, Error> {
        match self.resolved() {
            DeviceChoice::Cuda(index) => cuda(index),
            DeviceChoice::Wgpu(index) => wgpu(index),
            DeviceChoice::Cpu | DeviceChoice::Auto => Ok(Device::flex()),
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
        Some(_) => Ok(Device::cuda(index)),
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
        assert!(is_cpu(&DeviceChoice::Cpu.open().unwrap().autodiff()));
        assert!(DeviceChoice::Cuda(99).open().is_err());
    }
}

//! The kernels on a GPU, written in CubeCL: one source for CUDA (through NVRTC) and Vulkan. The arithmetic and
//! its derivation are those of `cpu`; `check` compares every one with plain tensor calls on the device.
//! Numbers are read and written in the tensors' type and counted in f32; every sum has a fixed order.

mod adam;
mod attention;
mod backend;
mod cores;
#[expect(unstable_name_collisions, reason = "the error function of kernels is CubeCL's")]
mod curve;
mod decoder;
mod element;
mod embedding;
mod linear;
mod lstm;
mod norm;
mod product;
mod qrnn;
mod rows;
mod steps;
mod tensor;
mod transformer;

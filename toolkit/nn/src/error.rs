//! What can go wrong with models and devices.

use glossa_base::{Failure, Kind};
use thiserror::Error;

/// Failures of this crate.
#[derive(Debug, Error)]
pub enum Error {
    /// Not a device name.
    #[error("unknown device `{0}`")]
    UnknownDevice(String),
    /// Several devices for what runs on one.
    #[error("{0} is several devices, and this runs on one")]
    OneDevice(String),
    /// A GPU was asked for and this build has no CUDA.
    #[error("this glossa was built without CUDA")]
    BuiltWithoutCuda,
    /// A device of wgpu was asked for and this build has no wgpu.
    #[error("this glossa was built without wgpu")]
    BuiltWithoutWgpu,
    /// A device of wgpu that is not there.
    #[error("no wgpu device {index}: {count} found")]
    NoSuchWgpuDevice {
        /// The index asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A GPU that is not there.
    #[error("no CUDA device {index}: {count} found")]
    NoSuchGpu {
        /// The index asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A device without the memory that was asked for.
    #[error("{device} has too little memory: {asked} bytes were asked for{}", free.map(|free| format!(", {free} are free")).unwrap_or_default())]
    Memory {
        /// The device.
        device: String,
        /// Bytes of what did not fit.
        asked: u64,
        /// Bytes that are free, where the driver says.
        free: Option<u64>,
    },
    /// A device that does not compute in some type of numbers.
    #[error("{device} does not compute in {numbers}")]
    NoSuchNumbers {
        /// The device.
        device: String,
        /// The type.
        numbers: String,
    },
    /// A device that stopped computing.
    #[error("{device} failed: {reason}")]
    Device {
        /// The device.
        device: String,
        /// What the driver or burn said.
        reason: String,
    },
    /// A driver that is too old for this build's CUDA.
    #[error("the NVIDIA driver {found} is too old for this glossa, which needs {needed} or newer")]
    OldDriver {
        /// Its version.
        found: String,
        /// The first that would do.
        needed: u32,
    },
    /// No headers of CUDA, which kernels are compiled with.
    #[error("{path} is missing, which the kernels of a GPU are compiled with")]
    NoCudaHeaders {
        /// Where it was looked for.
        path: String,
    },
    /// No compiler of kernels.
    #[error("NVRTC (libnvrtc.so) is missing, which compiles the kernels of a GPU")]
    NoNvrtc,
    /// A weight file that cannot be read.
    #[error("{path} holds no usable weights: {reason}")]
    Weights {
        /// The file.
        path: String,
        /// What the reader said.
        reason: String,
    },
    /// Weights that do not fit the configuration.
    #[error("{path} does not fit its config.json: missing {missing:?}, unexpected {unexpected:?}, wrong {wrong:?}")]
    Mismatch {
        /// The file.
        path: String,
        /// Tensors that the model has and the file lacks.
        missing: Vec<String>,
        /// Tensors that the file has and the model lacks.
        unexpected: Vec<String>,
        /// Tensors of another shape or type.
        wrong: Vec<String>,
    },
    /// A configuration with impossible sizes.
    #[error("impossible model configuration: {0}")]
    Config(String),
    /// A token that the vocabulary does not have.
    #[error("token {token} is outside the vocabulary of {vocabulary} pieces")]
    Token {
        /// The token id.
        token: u32,
        /// The vocabulary's size.
        vocabulary: usize,
    },
    /// A tensor whose shape does not fit.
    #[error("the tensor `{tensor}` has the shape {found:?}; it must have {wanted}")]
    Shape {
        /// Its name.
        tensor: &'static str,
        /// Its shape, or the numbers that it holds.
        found: Vec<usize>,
        /// What would fit.
        wanted: String,
    },
    /// A tensor whose numbers are of another type than those beside it.
    #[error("the tensor `{tensor}` holds {found}; it must hold {wanted}")]
    Type {
        /// Its name.
        tensor: &'static str,
        /// The type of its numbers.
        found: String,
        /// What would fit.
        wanted: String,
    },
    /// Weights that are not numbers.
    #[error("{path} holds weights that are not numbers: {tensor} {shape:?}")]
    NotFinite {
        /// The file.
        path: String,
        /// The tensor's name.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A text of more tokens than a model has positions for.
    #[error("a text of {tokens} tokens, and the model has positions for {most}")]
    TooLong {
        /// Its tokens.
        tokens: usize,
        /// The model's positions.
        most: usize,
    },
    /// Nothing to compute on.
    #[error("an empty batch")]
    EmptyBatch,
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::UnknownDevice(_) => "use cpu, cuda, cuda:N, cuda:N-M, wgpu, wgpu:N or auto",
            Error::OneDevice(_) => "several devices pretrain and fine-tune language models; name one here",
            Error::BuiltWithoutCuda => "use --device cpu, or build with `make cuda`",
            Error::BuiltWithoutWgpu => "use --device cpu, or build with `make wgpu`",
            Error::NoSuchGpu { .. } | Error::NoSuchWgpuDevice { .. } => {
                "run `glossa doctor` to see the devices; use --device cpu"
            }
            Error::Memory { .. } => "use smaller batches (batch_size in the recipe), or a device with more memory",
            Error::OldDriver { .. } => "update the driver, or use --device cpu",
            Error::NoCudaHeaders { .. } | Error::NoNvrtc => {
                "install the CUDA toolkit (NVRTC and headers) and set CUDA_PATH to it, or use --device cpu"
            }
            Error::NoSuchNumbers { .. } => "set precision = \"f32\" in the recipe, or use another device",
            Error::Device { .. } => {
                "run `glossa doctor`, then the same command again: a training goes on from its last checkpoint"
            }
            Error::Weights { .. } | Error::Mismatch { .. } => {
                "the model folder is damaged or of another model: make or fetch it again"
            }
            Error::Config(_) => "sizes must be positive and not absurdly large",
            Error::Token { .. } => "the text was tokenized with another tokenizer than the model's",
            Error::Shape { .. } => "give tensors that belong to the same model and batch",
            Error::Type { .. } => "give tensors of one type: cast all of the model, or nothing of it",
            Error::NotFinite { .. } => "the training that made it went wrong: lower the rate, or fetch the model again",
            Error::TooLong { .. } => "cut the text, or read it in windows",
            Error::EmptyBatch => "give at least one text with at least one piece",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::UnknownDevice(_) | Error::OneDevice(_) => Kind::Usage,
            Error::BuiltWithoutCuda
            | Error::NoSuchGpu { .. }
            | Error::BuiltWithoutWgpu
            | Error::NoSuchWgpuDevice { .. }
            | Error::NoSuchNumbers { .. }
            | Error::OldDriver { .. }
            | Error::NoCudaHeaders { .. }
            | Error::NoNvrtc
            | Error::Device { .. } => Kind::Failed,
            Error::Memory { .. } => Kind::Memory,
            _ => Kind::Data,
        };
        Failure::new(kind, error.to_string()).hint(error.hint())
    }
}

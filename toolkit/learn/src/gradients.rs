//! The gradients of a step, parameter by parameter: their norm, and changes to them.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor};
use glossa_nn::kernels::{squares, updates_on};

use crate::Error;
use crate::reading::values;

/// A norm, where it is known.
#[derive(Debug, Clone)]
pub(crate) enum Norm {
    /// To the host.
    Known(f64),
    /// Its square, `[1]`, to a GPU.
    OnDevice(Box<Tensor<1>>),
}

impl Norm {
    /// The number; a GPU makes the host wait.
    pub(crate) fn number(&self) -> Result<f64, Error> {
        match self {
            Norm::Known(norm) => Ok(*norm),
            Norm::OnDevice(squares) => {
                let squares = values((**squares).clone())?;
                squares.first().map(|sum| f64::from(*sum).sqrt()).ok_or_else(|| Error::Tensor("empty".to_owned()))
            }
        }
    }
}

/// The norm of all gradients together.
///
/// # Errors
/// A tensor that the device does not hand over.
pub fn global_norm<M: Module>(model: &M, gradients: &GradientsParams) -> Result<f64, Error> {
    norm(model, gradients)?.number()
}

/// The same, where the gradients lie.
pub(crate) fn norm<M: Module>(model: &M, gradients: &GradientsParams) -> Result<Norm, Error> {
    let mut visitor = SquaredNorm { gradients, sum: 0.0, on_device: None, failed: None };
    model.visit(&mut visitor);
    match (visitor.failed, visitor.on_device) {
        (Some(error), _) => Err(error),
        (None, Some(squares)) => Ok(Norm::OnDevice(Box::new(squares))),
        (None, None) => Ok(Norm::Known(visitor.sum.sqrt())),
    }
}

struct SquaredNorm<'a> {
    gradients: &'a GradientsParams,
    sum: f64,
    /// The sum over gradients on a GPU, which stays there: reading it makes the host wait.
    on_device: Option<Tensor<1>>,
    failed: Option<Error>,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.get::<D>(param.id) else { return };
        if updates_on(&gradient.device()) {
            let gradient = gradient.cast(DType::F32);
            let squares = (gradient.clone() * gradient).sum();
            self.on_device = Some(match self.on_device.take() {
                Some(sum) => sum + squares,
                None => squares,
            });
            return;
        }
        match values(gradient) {
            Ok(values) => self.sum += squares(&values),
            Err(error) => self.failed = Some(error),
        }
    }
}

/// Takes every gradient out as a vector, by the parameter's path; it stays on its device.
pub fn take<M: Module>(model: &M, gradients: GradientsParams) -> BTreeMap<String, Tensor<1>> {
    let mut taker = Taker { gradients, path: Vec::new(), vectors: BTreeMap::new() };
    model.visit(&mut taker);
    taker.vectors
}

struct Taker {
    gradients: GradientsParams,
    path: Vec<String>,
    vectors: BTreeMap<String, Tensor<1>>,
}

impl ModuleVisitor for Taker {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return };
        self.vectors.insert(self.path.join("."), gradient.reshape([-1]));
    }
}

/// Gradients from vectors, by the parameter's path; what fits no parameter is left out.
pub fn give<M: Module>(model: &M, vectors: BTreeMap<String, Tensor<1>>) -> GradientsParams {
    let mut giver = Giver { gradients: GradientsParams::new(), path: Vec::new(), vectors };
    model.visit(&mut giver);
    giver.gradients
}

struct Giver {
    gradients: GradientsParams,
    path: Vec<String>,
    vectors: BTreeMap<String, Tensor<1>>,
}

impl ModuleVisitor for Giver {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(vector) = self.vectors.remove(&self.path.join(".")) else { return };
        let shape = param.dims();
        if vector.dims()[0] == shape.iter().product::<usize>() {
            self.gradients.register::<D>(param.id, vector.reshape(shape));
        }
    }
}

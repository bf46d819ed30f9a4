//! What training remembers at one moment: named values and named tensors, exact to the bit. A
//! [checkpoint](crate::checkpoint) is one on the disk.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Named values and tensors. Values are TOML, whose numbers come back to the bit, NaN included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Values by name.
    pub values: toml::Table,
    /// Tensors by name.
    pub tensors: BTreeMap<String, TensorData>,
}

fn damaged(name: &str, problem: impl ToString) -> Error {
    Error::Snapshot { name: name.to_owned(), problem: problem.to_string() }
}

impl Snapshot {
    /// Adds a value.
    ///
    /// # Errors
    /// A value that TOML cannot hold.
    pub fn put<T: Serialize>(&mut self, name: &str, value: T) -> Result<(), Error> {
        let value = toml::Value::try_from(value).map_err(|cause| damaged(name, cause))?;
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// A value.
    ///
    /// # Errors
    /// None of that name, or of another kind.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        let value = self.values.get(name).ok_or_else(|| damaged(name, "is missing"))?;
        value.clone().try_into().map_err(|cause| damaged(name, cause))
    }

    /// A tensor's numbers.
    ///
    /// # Errors
    /// None of that name, or of another type than f32.
    pub fn floats(&self, name: &str) -> Result<Vec<f32>, Error> {
        let data = self.tensors.get(name).ok_or_else(|| damaged(name, "is missing"))?;
        data.try_to_vec::<f32>().map_err(|_| damaged(name, "does not hold f32"))
    }

    /// Adds a vector of f32.
    pub fn put_floats(&mut self, name: &str, values: &[f32]) {
        self.tensors.insert(name.to_owned(), TensorData::new(values.to_vec(), [values.len()]));
    }

    /// Adds another one under a name.
    pub fn put_part(&mut self, name: &str, part: Snapshot) {
        self.values.insert(name.to_owned(), toml::Value::Table(part.values));
        self.tensors.extend(part.tensors.into_iter().map(|(tensor, data)| (format!("{name}/{tensor}"), data)));
    }

    /// What was added under a name; empty where nothing was.
    pub fn part(&self, name: &str) -> Snapshot {
        let values = match self.values.get(name) {
            Some(toml::Value::Table(table)) => table.clone(),
            _ => toml::Table::new(),
        };
        let lead = format!("{name}/");
        let own = self.tensors.iter().filter_map(|(tensor, data)| Some((tensor.strip_prefix(&lead)?, data)));
        Snapshot { values, tensors: own.map(|(tensor, data)| (tensor.to_owned(), data.clone())).collect() }
    }

    /// The first tensor that holds a value that is no number.
    pub fn not_finite(&self) -> Option<&str> {
        let unsound = |data: &TensorData| match data.dtype() {
            DType::F32 => data.as_slice::<f32>().is_ok_and(|values| values.iter().any(|value| !value.is_finite())),
            _ => false,
        };
        self.tensors.iter().find(|(_, data)| unsound(data)).map(|(name, _)| name.as_str())
    }
}

/// A model's tensors by path, buffers included.
pub fn weights<M: Module>(model: &M) -> BTreeMap<String, TensorData> {
    let mut reader = Reader::default();
    model.visit(&mut reader);
    reader.tensors
}

/// A model with other tensors; which ones learn stays as it was.
///
/// # Errors
/// A tensor that is missing or of another shape.
pub fn with_weights<M: Module>(model: M, tensors: &BTreeMap<String, TensorData>) -> Result<M, Error> {
    let mut writer = Writer { path: Vec::new(), tensors, problem: None };
    let model = model.map(&mut writer);
    writer.problem.map_or(Ok(model), Err)
}

#[derive(Default)]
struct Reader {
    path: Vec<String>,
    tensors: BTreeMap<String, TensorData>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.tensors.insert(self.path.join("."), param.val().into_data());
    }
}

struct Writer<'a> {
    path: Vec<String>,
    tensors: &'a BTreeMap<String, TensorData>,
    problem: Option<Error>,
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.join(".");
        let learns = param.is_require_grad();
        let (id, tensor, mapper) = param.consume();
        let (shape, device) = (tensor.dims(), tensor.device());
        match self.tensors.get(&name) {
            Some(data) if data.shape().as_slice() == shape => {
                let tensor = Tensor::from_data(data.clone(), &device).set_require_grad(learns);
                Param::from_mapped_value(id, tensor, mapper)
            }
            found => {
                let problem = found.map_or_else(
                    || "is missing".to_owned(),
                    |data| format!("has the shape {:?} instead of {shape:?}", data.shape().as_slice()),
                );
                self.problem = Some(damaged(&name, problem));
                Param::from_mapped_value(id, tensor, mapper)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_tensors_come_back_to_the_bit() {
        let mut part = Snapshot::default();
        let numbers = vec![0.1 + 0.2, f64::MIN_POSITIVE, 1.0 / 3.0, f64::INFINITY, -0.0, 123_456_789.123_456_78];
        part.put("numbers", &numbers).unwrap();
        part.put("nan", f64::NAN).unwrap();
        part.put_floats("x", &[1.5, -0.0]);
        let mut whole = Snapshot::default();
        whole.put_part("part", part);
        let text = toml::to_string(&whole.values).unwrap();
        let read = Snapshot { values: toml::from_str(&text).unwrap(), tensors: whole.tensors.clone() };
        let back: Vec<f64> = read.part("part").get("numbers").unwrap();
        assert!(back.iter().zip(&numbers).all(|(one, other)| one.to_bits() == other.to_bits()));
        assert!(read.part("part").get::<f64>("nan").unwrap().is_nan());
        assert_eq!(read.part("part").floats("x").unwrap(), [1.5, -0.0]);
        assert!(read.get::<f64>("absent").is_err() && read.part("absent").values.is_empty());
        assert_eq!(read.not_finite(), None);
    }
}

//! Which parameters learn, by fastai's rules: groups from one on; normalisation below it goes on
//! learning unless told otherwise, and a batch norm that does not learn keeps its running statistics.

use burn::module::{Flag, Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::optimizer::Groups;

/// Which groups learn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freezing {
    /// Groups below this one are frozen.
    pub first_group: usize,
    /// Whether normalisation in frozen groups is frozen too (fastai's `BnFreeze` with `train_bn=False`);
    /// by default it learns (`train_bn=True`).
    #[serde(default)]
    pub norms: bool,
}

impl Freezing {
    /// Everything learns.
    pub const NONE: Freezing = Freezing { first_group: 0, norms: false };

    /// As fastai's `freeze_to`: groups from `first` on learn; a negative one counts from the end.
    pub fn to(first: isize, groups: usize) -> Self {
        let first = if first < 0 { groups.saturating_sub(first.unsigned_abs()) } else { first.unsigned_abs() };
        Freezing { first_group: first.min(groups), norms: false }
    }
}

/// Marks what learns; what does not keeps no gradients at all.
pub fn freeze<M: Module>(model: M, freezing: Freezing, groups: Groups<'_>) -> M {
    model.map(&mut Freezer { freezing, groups, path: Vec::new(), containers: Vec::new() })
}

struct Freezer<'a> {
    freezing: Freezing,
    groups: Groups<'a>,
    path: Vec<String>,
    containers: Vec<String>,
}

impl Freezer<'_> {
    fn learns(&self) -> bool {
        let norm = self.containers.last().is_some_and(|container| container.contains("Norm"));
        (self.groups)(&self.path.join(".")) >= self.freezing.first_group || (norm && !self.freezing.norms)
    }
}

impl ModuleMapper for Freezer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let learns = self.learns();
        param.set_require_grad(learns)
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        let learns = self.learns();
        flag.with_value(learns)
    }
}

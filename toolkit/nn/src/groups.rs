//! Groups of parameters, from the input up: what discriminative rates and freezing speak of.

use burn::module::Module;

/// A model whose parameters fall into groups.
pub trait Grouped: Module {
    /// How many groups there are.
    fn group_count(&self) -> usize;
    /// The group of a parameter by its path, such as `encoder.layers.2.Qrnn.weight`.
    fn group(&self, path: &str) -> usize;
}

/// The layer that a path such as `encoder.layers.2.Qrnn.weight` belongs to.
pub(crate) fn layer_index(path: &str) -> Option<usize> {
    let (_, rest) = path.split_once("layers.")?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_layer() {
        assert_eq!(layer_index("encoder.layers.2.Qrnn.weight"), Some(2));
        assert_eq!(layer_index("encoder.embedding"), None);
    }
}

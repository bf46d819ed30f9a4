//! Texts of a batch without padding: their tokens one after another, checked against a vocabulary.

use burn::prelude::*;

use crate::Error;
use crate::kernels::{Packing, embed};

/// Token ids of several texts, packed.
#[derive(Debug, Clone)]
pub struct PackedTokens {
    ids: Vec<u32>,
    types: Vec<u32>,
    packing: Packing,
    vocabulary: usize,
    device: Device,
}

impl PackedTokens {
    /// Texts one after another.
    ///
    /// # Errors
    /// No text, an empty one, or a token outside the vocabulary.
    pub fn new<T: AsRef<[u32]>>(texts: &[T], vocabulary: usize, device: &Device) -> Result<Self, Error> {
        let lengths: Vec<usize> = texts.iter().map(|text| text.as_ref().len()).collect();
        let packing = Packing::new(&lengths)?;
        let ids: Vec<u32> = texts.iter().flat_map(|text| text.as_ref()).copied().collect();
        if let Some(&token) = ids.iter().find(|id| **id as usize >= vocabulary) {
            return Err(Error::Token { token, vocabulary });
        }
        Ok(PackedTokens { types: Vec::new(), ids, packing, vocabulary, device: device.clone() })
    }

    /// The same with the part of the pair (0 or 1) that each token belongs to, text after text.
    ///
    /// # Errors
    /// Not one type a token.
    pub fn with_types(self, types: Vec<u32>) -> Result<Self, Error> {
        if types.len() != self.ids.len() {
            let wanted = format!("{} numbers", self.ids.len());
            return Err(Error::Shape { tensor: "types", found: vec![types.len()], wanted });
        }
        Ok(PackedTokens { types, ..self })
    }

    /// Where each text stands.
    pub fn packing(&self) -> &Packing {
        &self.packing
    }

    /// The part of the pair of each token; 0 where none were given.
    pub(crate) fn types(&self) -> Vec<u32> {
        if self.types.is_empty() { vec![0; self.ids.len()] } else { self.types.clone() }
    }

    /// The position of each token in its text, from `first`.
    pub(crate) fn positions(&self, first: usize) -> Vec<u32> {
        self.packing.sequences().flat_map(|tokens| (0..tokens.len()).map(move |at| (first + at) as u32)).collect()
    }

    /// Refuses texts that are longer than a model's positions.
    pub(crate) fn check_length(&self, most: usize) -> Result<(), Error> {
        let longest = self.packing.longest();
        if longest <= most {
            return Ok(());
        }
        Err(Error::TooLong { tokens: longest, most })
    }

    /// The rows of a table `[vocabulary, width]` for all tokens: `[tokens, width]`.
    pub(crate) fn embed(&self, table: Tensor<2>) -> Result<Tensor<2>, Error> {
        if self.vocabulary > table.dims()[0] {
            return Err(Error::Token { token: self.vocabulary as u32 - 1, vocabulary: table.dims()[0] });
        }
        rows(table, &self.ids)
    }

    /// The device that the tokens are for.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

/// Rows of a table `[rows, width]`: `[indices, width]`. The indices were checked.
pub(crate) fn rows(table: Tensor<2>, indices: &[u32]) -> Result<Tensor<2>, Error> {
    let ([count, width], device) = (table.dims(), table.device());
    let ids: Vec<i32> = indices.iter().map(|&index| index as i32).collect();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, indices.len()]), &device);
    Ok(embed(table, ids, Tensor::ones([count], &device))?.reshape([indices.len(), width]))
}

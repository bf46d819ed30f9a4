//! LASER's sentence encoder (Artetxe and Schwenk 2019): layers of LSTMs in both directions and the maximum
//! over time. It is read, not trained: published weights in, sentence vectors out.

use std::sync::Arc;

use burn::module::Param;
use burn::prelude::*;
use glossa_base::Outcome;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::kernels::{LstmWeights, Steps, concat_pool, lstm};
use crate::packed::{PackedTokens, rows};
use crate::published::{Slot, Slots, TensorSource, fill, save};

/// `model_type` in `config.json`.
pub const MODEL_TYPE: &str = "laser";

/// Sizes; the keys are those of the published file's `params`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaserConfig {
    /// Pieces of the vocabulary.
    pub num_embeddings: usize,
    /// The padding's id.
    #[serde(default = "one")]
    pub padding_idx: usize,
    /// Width of the embedding.
    pub embed_dim: usize,
    /// Units of a layer in each direction.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_layers: usize,
}

fn one() -> usize {
    1
}

impl LaserConfig {
    /// Refuses sizes that cannot be built.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let sizes = [self.num_embeddings, self.embed_dim, self.hidden_size, self.num_layers];
        let limits = [1 << 24, 1 << 14, 1 << 14, 64];
        let fits = sizes.iter().zip(limits).all(|(size, limit)| (1..=limit).contains(size));
        if fits && self.num_embeddings * self.embed_dim <= 1 << 31 {
            return Ok(());
        }
        Err(Error::Config(format!("impossible sizes: {self:?}")))
    }

    /// Width of a sentence's vector.
    pub fn width(&self) -> usize {
        2 * self.hidden_size
    }
}

/// One direction of a layer; PyTorch's two biases are kept apart, as they are published.
#[derive(Module, Debug)]
struct Direction {
    input: Param<Tensor<2>>,
    hidden: Param<Tensor<2>>,
    input_bias: Param<Tensor<1>>,
    hidden_bias: Param<Tensor<1>>,
}

impl Direction {
    fn new(inputs: usize, hidden: usize, device: &Device) -> Self {
        let matrix = |columns| Param::from_tensor(Tensor::zeros([4 * hidden, columns], device));
        let vector = || Param::from_tensor(Tensor::zeros([4 * hidden], device));
        Direction { input: matrix(inputs), hidden: matrix(hidden), input_bias: vector(), hidden_bias: vector() }
    }

    fn forward(&self, x: Tensor<3>, steps: &Steps) -> Result<Tensor<3>, Error> {
        let ([batch, ..], units, device) = (x.dims(), self.hidden.dims()[1], x.device());
        let weights = LstmWeights {
            input: self.input.val(),
            hidden: self.hidden.val(),
            bias: self.input_bias.val() + self.hidden_bias.val(),
        };
        let zeros = || Tensor::zeros([batch, units], &device);
        Ok(lstm(x, weights, zeros(), zeros(), steps)?.0)
    }

    fn slots<'a>(&'a mut self, suffix: &str, slots: &mut Slots<'a>) {
        let name = |part: &str| vec![format!("lstm.{part}_{suffix}")];
        slots.push((name("weight_ih"), Slot::Matrix(&mut self.input)));
        slots.push((name("weight_hh"), Slot::Matrix(&mut self.hidden)));
        slots.push((name("bias_ih"), Slot::Vector(&mut self.input_bias)));
        slots.push((name("bias_hh"), Slot::Vector(&mut self.hidden_bias)));
    }
}

/// The encoder.
#[derive(Module, Debug)]
pub struct Laser {
    embedding: Param<Tensor<2>>,
    forward: Vec<Direction>,
    backward: Vec<Direction>,
    #[module(skip)]
    config: LaserConfig,
}

impl Laser {
    /// Reads an encoder.
    ///
    /// # Errors
    /// Tensors that are missing, unexpected or of another shape.
    pub fn read(config: &LaserConfig, source: &dyn TensorSource, device: &Device) -> Outcome<Self> {
        let inputs = |layer| if layer == 0 { config.embed_dim } else { config.width() };
        let directions =
            || (0..config.num_layers).map(|layer| Direction::new(inputs(layer), config.hidden_size, device)).collect();
        let mut encoder = Laser {
            embedding: Param::from_tensor(Tensor::zeros([config.num_embeddings, config.embed_dim], device)),
            forward: directions(),
            backward: directions(),
            config: config.clone(),
        };
        let mut slots = Slots::new();
        encoder.slots(&mut slots);
        fill(slots, source, &|_| false)?;
        Ok(encoder)
    }

    fn slots<'a>(&'a mut self, slots: &mut Slots<'a>) {
        slots.push((vec!["embed_tokens.weight".to_owned()], Slot::Matrix(&mut self.embedding)));
        for (layer, (forward, backward)) in self.forward.iter_mut().zip(&mut self.backward).enumerate() {
            forward.slots(&format!("l{layer}"), slots);
            backward.slots(&format!("l{layer}_reverse"), slots);
        }
    }

    /// Writes the tensors under their published names.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&self, path: &std::path::Path) -> Outcome<()> {
        let (mut copy, mut slots) = (self.clone(), Slots::new());
        copy.slots(&mut slots);
        save(&slots, path)
    }

    /// One vector a text, the maximum over its tokens: `[texts, 2 · hidden]`.
    ///
    /// # Errors
    /// Tokens of another vocabulary.
    pub fn pool(&self, tokens: &PackedTokens) -> Result<Tensor<2>, Error> {
        let grid = Grid::new(tokens);
        let [count, time] = [grid.lengths.len(), grid.time];
        let packed = tokens.embed(self.embedding.val())?;
        let mut x = rows(packed, &grid.from_packed)?.reshape([count, time, self.config.embed_dim]);
        let steps = Steps { lengths: Some(Arc::from(grid.lengths.as_slice())), ..Steps::default() };
        for (forward, backward) in self.forward.iter().zip(&self.backward) {
            let ahead = forward.forward(x.clone(), &steps)?;
            let back = grid.turn(backward.forward(grid.turn(x)?, &steps)?)?;
            x = Tensor::cat(vec![ahead, back], 2);
        }
        let spans: Vec<[usize; 2]> = grid.lengths.iter().map(|&length| [0, length]).collect();
        let width = self.config.width();
        Ok(concat_pool(x, &spans)?.narrow(1, width, width))
    }

    /// Its configuration.
    pub fn config(&self) -> &LaserConfig {
        &self.config
    }
}

/// Packed texts as rows of equal length; what is beyond a text's end repeats its last token and counts for
/// nothing.
struct Grid {
    lengths: Vec<usize>,
    time: usize,
    from_packed: Vec<u32>,
    /// Where each cell's text, read from its end, has its token.
    turned: Vec<u32>,
}

impl Grid {
    fn new(tokens: &PackedTokens) -> Self {
        let (packing, time) = (tokens.packing(), tokens.packing().longest());
        let mut grid = Grid { lengths: Vec::new(), time, from_packed: Vec::new(), turned: Vec::new() };
        for (row, span) in packing.sequences().enumerate() {
            let (length, first) = (span.len(), row * time);
            grid.lengths.push(length);
            grid.from_packed.extend((0..time).map(|at| (span.start + at.min(length - 1)) as u32));
            grid.turned.extend((0..time).map(|at| (first + if at < length { length - 1 - at } else { at }) as u32));
        }
        grid
    }

    /// Each text from its end to its beginning.
    fn turn(&self, x: Tensor<3>) -> Result<Tensor<3>, Error> {
        let shape = x.dims();
        Ok(rows(x.reshape([shape[0] * shape[1], shape[2]]), &self.turned)?.reshape(shape))
    }
}

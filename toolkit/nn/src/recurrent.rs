//! The frame that QRNN and AWD-LSTM encoders share: an embedding, a stack of layers, the dropouts
//! between them, and the carried state.

use std::sync::Arc;

use burn::module::Param;
use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};

use crate::Error;
use crate::awd_lstm::LstmLayer;
use crate::config::{Cell, EncoderConfig};
use crate::dropout::Noise;
use crate::encoder::{Encoded, Encoder, Tokens};
use crate::init::uniform;
use crate::kernels::{embed, mask_steps};
use crate::published::{Slot, Slots};
use crate::qrnn::{QrnnConfig, QrnnLayer};
use crate::state::{LayerState, State};
use crate::target::Mix;

const EMBEDDING_MASK: u64 = 100;
const INPUT_MASK: u64 = 101;
const OUTPUT_MASK: u64 = 102;
const HIDDEN_MASK: u64 = 103;
const LAYER_MASKS: u64 = 1000;

/// A layer of either cell.
#[derive(Module, Debug)]
pub enum Layer {
    /// Quasi-recurrent.
    Qrnn(QrnnLayer),
    /// LSTM.
    Lstm(LstmLayer),
}

impl Layer {
    fn forward(
        &self,
        x: Tensor<3>,
        state: Option<&LayerState>,
        lengths: Option<Arc<[usize]>>,
        noise: Option<Noise>,
    ) -> Result<(Tensor<3>, LayerState), Error> {
        match self {
            Layer::Qrnn(layer) => layer.forward(x, state, lengths, noise),
            Layer::Lstm(layer) => layer.forward(x, state, lengths, noise),
        }
    }
}

/// A recurrent encoder.
#[derive(Module, Debug)]
pub struct Recurrent {
    /// `[vocabulary, embedding]`, shared with the decoder.
    pub(crate) embedding: Param<Tensor<2>>,
    layers: Vec<Layer>,
}

impl Recurrent {
    /// An encoder with fresh weights: embedding uniform in ±0.1, layers as PyTorch's; QRNN window 2
    /// in the first layer, 1 above.
    pub fn new(config: &EncoderConfig, seed: u64, device: &Device) -> Self {
        let stream = Stream::new(seed, Purpose::Weights, 0, 0);
        let table = [config.vocabulary_size, config.embedding_size];
        let layer = |(index, (inputs, outputs)): (usize, (usize, usize))| {
            let stream = stream.part(index as u64 + 1);
            match config.cell {
                Cell::Qrnn => {
                    let (window, zoneout) = (if index == 0 { 2 } else { 1 }, config.zoneout);
                    let sizes = QrnnConfig { inputs, hidden: outputs, window, zoneout };
                    Layer::Qrnn(QrnnLayer::new(sizes, stream, device))
                }
                Cell::AwdLstm => Layer::Lstm(LstmLayer::new(inputs, outputs, stream, device)),
            }
        };
        Recurrent {
            embedding: Param::from_tensor(uniform(stream.part(0), 0.1, table, device)),
            layers: config.layer_sizes().into_iter().enumerate().map(layer).collect(),
        }
    }

    /// The tensors under fastai's names.
    pub(crate) fn fastai_slots<'a>(&'a mut self, slots: &mut Slots<'a>) {
        slots.push((vec!["0.encoder.weight".to_owned()], Slot::Matrix(&mut self.embedding)));
        for (index, layer) in self.layers.iter_mut().enumerate() {
            match layer {
                Layer::Qrnn(layer) => layer.fastai_slots(&format!("0.rnns.{index}.layers.0.linear"), slots),
                Layer::Lstm(layer) => layer.fastai_slots(&format!("0.rnns.{index}"), slots),
            }
        }
    }

    /// Number of layers.
    pub fn layer_count(&self) -> usize {
        self.layers.len()
    }

    pub(crate) fn embed(&self, tokens: &Tokens, noise: Option<Noise>) -> Result<Tensor<3>, Error> {
        let vocabulary = self.embedding.dims()[0];
        let ids = tokens.tensor(vocabulary)?;
        let scales = match noise {
            Some(noise) if noise.dropouts.embedding > 0.0 => {
                let p = noise.dropouts.embedding;
                noise.mask_tensor(EMBEDDING_MASK, p, [1, vocabulary], &ids.device()).reshape([vocabulary])
            }
            _ => Tensor::<1>::ones([vocabulary], &ids.device()),
        };
        let own = embed(self.embedding.val(), ids, scales)?;
        Ok(match tokens.mix() {
            Some(mix) => mixed(own, mix),
            None => own,
        })
    }

    /// Encodes embeddings `[batch, time, embedding]` in place of ids.
    pub(crate) fn encode_embedded(
        &self,
        embedded: Tensor<3>,
        lengths: Option<Arc<[usize]>>,
        state: Option<&State>,
        noise: Option<Noise>,
    ) -> Result<Encoded<State>, Error> {
        let mut x = drop_steps(embedded, noise, INPUT_MASK, |noise| noise.dropouts.input)?;
        let mut after = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let before = state.and_then(|state| state.get(index));
            let masks = noise.map(|noise| noise.part(LAYER_MASKS + index as u64));
            let (output, layer_state) = layer.forward(x, before, lengths.clone(), masks)?;
            after.push(layer_state);
            let between = index + 1 < self.layers.len();
            x = if between { drop_steps(output, masks, HIDDEN_MASK, |noise| noise.dropouts.hidden)? } else { output };
        }
        let dropped = drop_steps(x.clone(), noise, OUTPUT_MASK, |noise| noise.dropouts.output)?;
        Ok(Encoded { raw: x, dropped, state: after })
    }
}

/// Each row `[time, width]` mixed with its partner (Guo et al. 2019).
fn mixed(own: Tensor<3>, mix: &Mix) -> Tensor<3> {
    let partners: Vec<i32> = mix.partners.iter().map(|&partner| partner as i32).collect();
    let partners = Tensor::from_data(TensorData::new(partners, [mix.partners.len()]), &own.device());
    own.clone() * mix.share + own.select(0, partners) * (1.0 - mix.share)
}

/// Variational dropout: the same units at every step.
fn drop_steps(x: Tensor<3>, noise: Option<Noise>, purpose: u64, p: impl Fn(Noise) -> f64) -> Result<Tensor<3>, Error> {
    match noise {
        Some(noise) if p(noise) > 0.0 => {
            let [batch, _, width] = x.dims();
            let mask = noise.mask_tensor(purpose, p(noise), [batch, width], &x.device());
            mask_steps(x, mask)
        }
        _ => Ok(x),
    }
}

impl Encoder for Recurrent {
    type State = State;

    fn encode(&self, tokens: &Tokens, state: Option<&State>, noise: Option<Noise>) -> Result<Encoded<State>, Error> {
        self.encode_embedded(self.embed(tokens, noise)?, tokens.lengths(), state, noise)
    }

    fn width(&self) -> usize {
        self.embedding.dims()[1]
    }
}

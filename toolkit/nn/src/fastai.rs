//! Recurrent language models under the names of fastai's state dicts (MultiFiT, ULMFiT; versions 1 and 2): read
//! from published files, and written back for PyTorch.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Param;
use burn::prelude::*;
use glossa_base::Outcome;

use crate::Error;
use crate::config::{Cell, EncoderConfig};
use crate::language_model::LanguageModel;
use crate::published::{Slot, Slots, TensorSource, fill, save};

/// A state dict under one spelling of its names: without what stands before all of them (`model.` where an
/// optimizer was saved too), and with `0.` and `1.` before encoder and decoder.
pub struct Fastai<'a> {
    source: &'a dyn TensorSource,
    /// Our spelling to the file's.
    names: BTreeMap<String, String>,
}

impl<'a> Fastai<'a> {
    /// Finds the tensors of a language model, or of an encoder alone.
    ///
    /// # Errors
    /// Tensors of another kind of model.
    pub fn new(source: &'a dyn TensorSource) -> Result<Self, Error> {
        let shapes = source.shapes();
        let prefix = ["model.", "", "module."].into_iter().find(|prefix| {
            ["0.encoder.weight", "encoder.weight"].iter().any(|name| shapes.contains_key(&format!("{prefix}{name}")))
        });
        let Some(prefix) = prefix else {
            let reason = "it has no tensor encoder.weight: it is no language model of fastai".to_owned();
            return Err(Error::Weights { path: source.place(), reason });
        };
        let whole = shapes.contains_key(&format!("{prefix}0.encoder.weight"));
        let spelled = |name: &String| {
            let own = name.strip_prefix(prefix)?;
            let own = if whole { own.to_owned() } else { format!("0.{own}") };
            Some((canonical(&own), name.clone()))
        };
        Ok(Fastai { source, names: shapes.keys().filter_map(spelled).collect() })
    }

    /// The sizes that the tensors have.
    ///
    /// # Errors
    /// Layers of neither kind.
    pub fn config(&self) -> Result<EncoderConfig, Error> {
        let shapes = self.shapes();
        let shape = |name: &str| shapes.get(name).map(Vec::as_slice);
        let unusable = |reason: &str| Error::Weights { path: self.place(), reason: reason.to_owned() };
        let Some([vocabulary_size, embedding_size]) = shape("0.encoder.weight") else {
            return Err(unusable("its embedding is no matrix"));
        };
        let (cell, gates, name): (_, _, fn(usize) -> String) = match shape(&qrnn_weight(0)) {
            Some(_) => (Cell::Qrnn, 3, qrnn_weight),
            None => (Cell::AwdLstm, 4, |layer| format!("0.rnns.{layer}.weight_hh_l0_raw")),
        };
        let layer_count = (0..64).take_while(|layer| shape(&name(*layer)).is_some()).count();
        let Some([rows, _]) = shape(&name(0)) else {
            return Err(unusable("it has neither QRNN nor LSTM layers"));
        };
        let config = EncoderConfig {
            cell,
            vocabulary_size: *vocabulary_size,
            embedding_size: *embedding_size,
            hidden_size: rows / gates,
            layer_count,
            zoneout: 0.0,
        };
        config.check()?;
        Ok(config)
    }

    /// Whether there is a decoder; an encoder alone has none.
    pub fn has_decoder(&self) -> bool {
        self.names.contains_key("1.decoder.bias")
    }

    /// Reads the language model; without a decoder, its bias is zero.
    ///
    /// # Errors
    /// Tensors that are missing, unexpected or of another shape.
    pub fn read(&self, device: &Device) -> Outcome<LanguageModel> {
        let config = self.config()?;
        let mut model = LanguageModel::new(&config, 0, device);
        let (mut slots, decoder) = (Slots::new(), self.has_decoder());
        model.fastai_slots(&mut slots);
        slots.retain(|(names, _)| decoder || names.iter().all(|name| !name.starts_with("1.")));
        fill(slots, self, &is_copy)?;
        Ok(model)
    }
}

impl TensorSource for Fastai<'_> {
    fn place(&self) -> String {
        self.source.place()
    }

    fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let shapes = self.source.shapes();
        let of = |(own, name): (&String, &String)| Some((own.clone(), shapes.get(name)?.clone()));
        self.names.iter().filter_map(of).collect()
    }

    fn read(&self, name: &str) -> Outcome<Vec<f32>> {
        self.source.read(self.names.get(name).map_or(name, String::as_str))
    }
}

/// The newer spelling of the layers.
fn canonical(name: &str) -> String {
    match name.split_once(".linear.") {
        Some((before, rest)) if !before.contains(".layers.") => format!("{before}.layers.0.linear.{rest}"),
        _ => name.to_owned(),
    }
}

fn qrnn_weight(layer: usize) -> String {
    format!("0.rnns.{layer}.layers.0.linear.weight_raw")
}

/// Tensors that repeat others: the embedding within its dropout, the decoder's tied weight, and weights as the
/// last step dropped them.
fn is_copy(name: &str) -> bool {
    let dropped = [".linear.module.weight", ".module.weight_hh_l0", ".linear.weight", ".weight_hh_l0"];
    let tied = ["0.encoder_dp.emb.weight", "1.decoder.weight"];
    tied.contains(&name) || dropped.iter().any(|part| name.ends_with(part))
}

impl LanguageModel {
    /// The tensors under fastai's names.
    pub(crate) fn fastai_slots<'a>(&'a mut self, slots: &mut Slots<'a>) {
        let (encoder, bias) = self.parts_mut();
        encoder.fastai_slots(slots);
        slots.push((vec!["1.decoder.bias".to_owned()], Slot::Vector(bias)));
    }

    /// The same model over another order of its pieces: piece `i` was piece `order[i]`.
    ///
    /// # Errors
    /// A piece that the model does not have.
    pub fn reordered(mut self, order: &[u32]) -> Result<Self, Error> {
        let vocabulary = self.vocabulary_size();
        if let Some(&token) = order.iter().find(|piece| **piece as usize >= vocabulary) {
            return Err(Error::Token { token, vocabulary });
        }
        let ids: Vec<i32> = order.iter().map(|&piece| piece as i32).collect();
        let (encoder, bias) = self.parts_mut();
        let table = encoder.embedding.val();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [order.len()]), &table.device());
        encoder.embedding = Param::from_tensor(table.select(0, ids.clone()));
        *bias = Param::from_tensor(bias.val().select(0, ids));
        Ok(self)
    }

    /// Writes the model under fastai's names, the copies that its modules expect among them, so that a plain
    /// `load_state_dict` finds all it wants.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save_for_fastai(&self, path: &Path) -> Outcome<()> {
        let (mut copy, mut tied) = (self.clone(), self.clone());
        let (mut slots, mut repeated) = (Slots::new(), Slots::new());
        copy.fastai_slots(&mut slots);
        tied.fastai_slots(&mut repeated);
        for (names, slot) in repeated {
            match names.first().map(String::as_str) {
                Some("0.encoder.weight") => slots.push((vec!["1.decoder.weight".to_owned()], slot)),
                Some(name) if name.ends_with("_raw") => slots.push((vec![dropped_name(name)], slot)),
                _ => {}
            }
        }
        save(&slots, path)
    }
}

/// Where fastai keeps the dropped copy of a raw weight.
fn dropped_name(raw: &str) -> String {
    let plain = raw.trim_end_matches("_raw");
    match plain.rsplit_once('.') {
        Some((before, last)) => format!("{before}.module.{last}"),
        None => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Tokens;
    use crate::published::SafetensorsFiles;

    fn model(cell: Cell) -> LanguageModel {
        let config =
            EncoderConfig { cell, vocabulary_size: 9, embedding_size: 4, hidden_size: 6, layer_count: 3, zoneout: 0.0 };
        LanguageModel::new(&config, 3, &Device::flex())
    }

    fn logits(model: &LanguageModel, ids: &[u32]) -> Vec<f32> {
        let tokens = Tokens::new(ids, [1, ids.len()], 9, &Device::flex()).unwrap();
        model.next(&tokens, None).unwrap().0.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn what_is_written_for_fastai_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        for cell in [Cell::Qrnn, Cell::AwdLstm] {
            let model = model(cell);
            model.save_for_fastai(&path).unwrap();
            let source = SafetensorsFiles::open(std::slice::from_ref(&path)).unwrap();
            let read = Fastai::new(&source).unwrap();
            let config = read.config().unwrap();
            assert_eq!((config.cell, config.hidden_size, config.layer_count), (cell, 6, 3));
            assert_eq!(logits(&read.read(&Device::flex()).unwrap(), &[1, 5, 8]), logits(&model, &[1, 5, 8]));
        }
    }

    #[test]
    fn another_order_of_the_pieces_is_the_same_model() {
        let model = model(Cell::Qrnn);
        let order: Vec<u32> = (0..9).map(|piece| (piece * 4) % 9).collect();
        let moved = model.clone().reordered(&order).unwrap();
        let place = |piece: u32| order.iter().position(|old| *old == piece).unwrap() as u32;
        let (old, new) = (logits(&model, &[2, 7]), logits(&moved, &[place(2), place(7)]));
        for (piece, value) in old.iter().enumerate() {
            assert!((value - new[place(piece as u32) as usize]).abs() < 1e-6);
        }
        assert!(model.reordered(&[9]).is_err());
    }

    #[test]
    fn older_spellings_are_known() {
        assert_eq!(canonical("0.rnns.1.linear.weight_raw"), "0.rnns.1.layers.0.linear.weight_raw");
        assert_eq!(canonical("0.rnns.1.layers.0.linear.module.bias"), "0.rnns.1.layers.0.linear.module.bias");
        assert_eq!(dropped_name("0.rnns.0.weight_hh_l0_raw"), "0.rnns.0.module.weight_hh_l0");
        assert_eq!(dropped_name(&qrnn_weight(2)), "0.rnns.2.layers.0.linear.module.weight");
    }
}

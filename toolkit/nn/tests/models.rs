//! The models through their public surface: padding and batch mates, carried state, weights on disk.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use burn::prelude::*;
use glossa_base::seed::{Purpose, Stream};
use glossa_nn::classifier::{TextBatch, Window};
use glossa_nn::{Cell, Classifier, Dropouts, Encoder, EncoderConfig, LanguageModel, Noise, Problem, Tokens, weights};

const WINDOW: Window = Window { chunk: 4, pooled: 9 };

fn config(cell: Cell) -> EncoderConfig {
    EncoderConfig { cell, vocabulary_size: 23, embedding_size: 6, hidden_size: 10, layer_count: 3, zoneout: 0.0 }
}

fn text(length: usize, shift: u32) -> Vec<u32> {
    (0..length as u32).map(|position| (position * 5 + shift) % 23).collect()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn largest_difference(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

#[test]
fn batch_mates_do_not_change_a_prediction() {
    let device = Device::flex();
    for cell in [Cell::Qrnn, Cell::AwdLstm] {
        let model = Classifier::fresh(&config(cell), 7, 3, 1, &device);
        let texts: Vec<Vec<u32>> = [1, 3, 4, 5, 12, 30].into_iter().map(|length| text(length, length as u32)).collect();
        let together =
            numbers(model.answers(&TextBatch::new(&texts, 1, 23).unwrap(), WINDOW, Problem::SingleLabel).unwrap());
        for (row, text) in texts.iter().enumerate() {
            let alone =
                numbers(model.answers(&TextBatch::new(&[text], 1, 23).unwrap(), WINDOW, Problem::SingleLabel).unwrap());
            let difference = largest_difference(&alone, &together[row * 3..row * 3 + 3]);
            assert!(difference < 1e-6, "{cell:?} length {}: {difference}", text.len());
        }
    }
}

#[test]
fn carried_state_makes_chunks_equal_to_the_whole() {
    let device = Device::flex();
    for cell in [Cell::Qrnn, Cell::AwdLstm] {
        let model = LanguageModel::new(&config(cell), 1, &device);
        let ids = text(24, 3);
        let part = |from: usize, to: usize| {
            let part = [&ids[from..to], &ids[12 + from..12 + to]].concat();
            Tokens::new(&part, [2, to - from], 23, &device).unwrap()
        };
        let whole = numbers(model.encoder.encode(&part(0, 12), None, None).unwrap().raw.narrow(1, 7, 5));
        let first = model.encoder.encode(&part(0, 7), None, None).unwrap();
        let second = model.encoder.encode(&part(7, 12), Some(&first.state), None).unwrap();
        assert!(largest_difference(&whole, &numbers(second.raw)) < 1e-6, "{cell:?}");
    }
}

#[test]
fn every_dropout_changes_the_output_and_repeats() {
    let device = Device::flex();
    let model = LanguageModel::new(&config(Cell::Qrnn), 1, &device);
    let ids = Tokens::new(&[1, 2, 3, 4, 5, 6, 7], [1, 7], 23, &device).unwrap();
    let run = |dropouts: Option<Dropouts>| {
        let noise = dropouts.map(|dropouts| Noise { dropouts, stream: Stream::new(1, Purpose::Dropout, 0, 0) });
        numbers(model.encoder.encode(&ids, None, noise).unwrap().dropped)
    };
    let none = Dropouts::NONE;
    let each = [
        Dropouts { output: 0.5, ..none },
        Dropouts { hidden: 0.5, ..none },
        Dropouts { input: 0.5, ..none },
        Dropouts { embedding: 0.5, ..none },
        Dropouts { weight: 0.5, ..none },
    ];
    assert_eq!(run(None), run(Some(none)));
    for dropouts in each {
        assert_ne!(run(None), run(Some(dropouts)), "{dropouts:?}");
        assert_eq!(run(Some(dropouts)), run(Some(dropouts)));
    }
}

#[test]
fn weights_return_from_disk_and_mismatches_are_named() {
    let (device, folder) = (Device::flex(), tempfile::tempdir().unwrap());
    let path = folder.path().join("model.safetensors");
    let model = LanguageModel::new(&config(Cell::Qrnn), 1, &device);
    weights::save(&model, &path).unwrap();
    let mut other = LanguageModel::new(&config(Cell::Qrnn), 2, &device);
    weights::load(&mut other, &path).unwrap();
    let ids = Tokens::new(&[1, 2, 3], [1, 3], 23, &device).unwrap();
    assert_eq!(numbers(model.next(&ids, None).unwrap().0), numbers(other.next(&ids, None).unwrap().0));

    let mut lstm = LanguageModel::new(&config(Cell::AwdLstm), 1, &device);
    let message = weights::load(&mut lstm, &path).unwrap_err().chain();
    assert!(message.contains("weight_hidden"), "{message}");
    let mut larger = LanguageModel::new(&EncoderConfig { hidden_size: 11, ..config(Cell::Qrnn) }, 1, &device);
    assert!(weights::load(&mut larger, &path).unwrap_err().chain().contains("layers.1"));

    let mut classifier = Classifier::fresh(&config(Cell::Qrnn), 7, 3, 9, &device);
    weights::load_part(&mut classifier, &path, &|name| name.starts_with("encoder")).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 7, 100, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert!(weights::load(&mut other, &path).is_err(), "{length}");
    }
}

#[test]
fn bad_batches_are_refused() {
    assert!(TextBatch::new::<Vec<u32>>(&[], 1, 23).is_err());
    assert!(TextBatch::new(&[vec![23]], 1, 23).is_err());
}

//! What is read of good files.

use glossa_zoo::Dtype;
use glossa_zoo::pickle::{Error, Format, TensorFile, Value, check_state_dict, read_itos};

use crate::writer::{
    Entry, View, dict, f32s, global, int, join, legacy, pickle, sizes, text, torch, tuple, written, zip,
};

fn check_words(bytes: &[u8], expected: &[&str]) {
    let file = written("itos.pkl", bytes);
    assert_eq!(read_itos(&file.path).unwrap(), expected);
}

#[test]
fn vocabularies_of_every_protocol_are_read() {
    check_words(b"\x80\x04\x95\x0f\0\0\0\0\0\0\0]\x94(\x8c\x01a\x94\x8c\x04\xe2\x96\x81be.", &["a", "▁b"]);
    let cases: [(&[u8], &[&str]); 11] = [
        (b"(lp0\nVa\np1\naV\\u2581b\np2\na.", &["a", "\u{2581}b"]),
        (b"(lp0\nS'a'\np1\naS\"it\\'s\"\np2\na.", &["a", "it's"]),
        (b"\x80\x01]q\0(U\x01aq\x01U\x01bq\x02e.", &["a", "b"]),
        (b"\x80\x02]q\0(X\x01\0\0\0aX\x01\0\0\0ae.", &["a", "a"]),
        (b"\x80\x02]q\0(X\x01\0\0\0aq\x01h\x01r\0\x10\0\0j\0\x10\0\0e.", &["a", "a", "a"]),
        (b"\x80\x03(X\x01\0\0\0aX\x01\0\0\0bt.", &["a", "b"]),
        (b"\x80\x03X\x01\0\0\0aX\x01\0\0\0b\x86.", &["a", "b"]),
        (b"\x80\x04}(K\x01\x8c\x01bK\0\x8c\x01au.", &["a", "b"]),
        (b"\x80\x05]\x8c\x01aa.", &["a"]),
        (b"\x80\x05]\x8d\x01\0\0\0\0\0\0\0aa.", &["a"]),
        (b"\x80\x02].", &[]),
    ];
    for (bytes, expected) in cases {
        check_words(bytes, expected);
    }
}

#[test]
fn other_values_are_no_vocabulary() {
    let cases: [(&[u8], u64, &str); 11] = [
        (b"\x80\x02N.", 2, "nothing where a list of strings is wanted"),
        (b"\x80\x02X\x01\0\0\0a.", 2, "a string where a list"),
        (b"\x80\x02](X\x01\0\0\0aK\x05e.", 10, "an integer where a string is wanted"),
        (b"\x80\x02](X\x01\0\0\0a]e.", 10, "a list where a string is wanted"),
        (b"\x80\x03](C\x01ae.", 4, "bytes where a string is wanted"),
        (b"\x80\x02}(X\x01\0\0\0aK\x05u.", 4, "keys that are not the ids 0 to 0"),
        (b"\x80\x02}(K\x01X\x01\0\0\0au.", 4, "keys that are not the ids 0 to 0"),
        (b"\x80\x02}(K\0X\x01\0\0\0aK\0X\x01\0\0\0au.", 12, "keys that are not the ids 0 to 1"),
        (b"\x80\x02}(J\xff\xff\xff\xffX\x01\0\0\0au.", 4, "keys that are not the ids 0 to 0"),
        (b"\x80\x02]..", 4, "something follows the end"),
        (b"", 0, "1 bytes are announced and 0 are left"),
    ];
    for (bytes, at, expected) in cases {
        let file = written("itos.pkl", bytes);
        let error = read_itos(&file.path).unwrap_err();
        let Error::Malformed { file, offset, reason } = &error else { panic!("{error}") };
        assert!(file.ends_with("itos.pkl") && *offset == at && reason.contains(expected), "{error}");
    }
}

/// A tensor of each kind of float, views of one storage, and plain values.
fn state(is_legacy: bool) -> Vec<u8> {
    let whole = View::whole("FloatStorage", "0", &[2, 3]);
    let turned = View { shape: vec![3, 2], strides: vec![1, 3], ..whole.clone() };
    let column = View { shape: vec![2], strides: vec![3], offset: 1, ..whole.clone() };
    let half = View::whole("HalfStorage", "1", &[2]);
    let brain = View::whole("BFloat16Storage", "2", &[1, 2]);
    let double = View::whole("DoubleStorage", "3", &[]);
    let long = View::whole("LongStorage", "4", &[1]);
    let names = ["whole", "turned", "column", "half", "brain", "double", "long"];
    let views = [whole, turned, column, half, brain, double, long];
    let pairs: Vec<_> = names.into_iter().zip(views.iter().map(|view| view.value(is_legacy))).collect();
    let ordered = join(&[&global("collections", "OrderedDict"), b")R(", &dict(&pairs)[2..]]);
    let model = join(&[&ordered, &dict(&[("_metadata", b"}".to_vec())]), b"b"]);
    let parameter = {
        let arguments = [pairs[0].1.clone(), b"\x88".to_vec(), join(&[&global("collections", "OrderedDict"), b")R"])];
        join(&[&global("torch._utils", "_rebuild_parameter"), &tuple(&arguments), b"R"])
    };
    let value = dict(&[
        ("model", model),
        ("parameters", join(&[b"](", &parameter, b"e"])),
        (
            "params",
            dict(&[("size", int(-7)), ("rate", join(&[b"G", &0.5_f64.to_be_bytes()])), ("deep", b"\x88".to_vec())]),
        ),
        ("shape", join(&[&global("torch", "Size"), &tuple(&[sizes(&[2, 3])]), b"R"])),
        ("dictionary", dict(&[("<s>", int(0)), ("ñ", int(1))])),
    ]);
    pickle(&value)
}

fn storages() -> Vec<(&'static str, u64, Vec<u8>)> {
    vec![
        ("0", 6, f32s(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])),
        ("1", 2, vec![0x00, 0x3c, 0x00, 0xc0]),
        ("2", 2, vec![0x80, 0x3f, 0x00, 0xc0]),
        ("3", 1, 0.25_f64.to_le_bytes().to_vec()),
        ("4", 1, 9_i64.to_le_bytes().to_vec()),
    ]
}

#[test]
fn both_formats_hold_the_same() {
    let stored: Vec<(&str, Vec<u8>)> = storages().into_iter().map(|(key, _, bytes)| (key, bytes)).collect();
    let mut packed = vec![Entry::deflated("lm best/data.pkl", &state(false))];
    packed.extend(stored.iter().map(|(key, bytes)| Entry::deflated(&format!("lm best/data/{key}"), bytes)));
    let files = [
        (Format::Zip, torch(&state(false), &stored)),
        (Format::Zip, zip(&packed)),
        (Format::Legacy, legacy(&state(true), &storages())),
    ];
    for (format, bytes) in files {
        let written = written("lm_best.pth", &bytes);
        let mut file = TensorFile::open(&written.path).unwrap();
        assert_eq!(*file.survey(), check_state_dict(&written.path).unwrap());
        assert_eq!(file.survey().format, format);
        check_values(&file.survey().value);
        check_tensors(&mut file);
    }
}

fn check_values(value: &Value) {
    let params = value.get("params").unwrap();
    assert_eq!(params.get("size").and_then(Value::as_int), Some(-7));
    assert_eq!(params.get("rate").and_then(Value::as_float), Some(0.5));
    assert_eq!(params.get("deep").and_then(Value::as_bool), Some(true));
    assert_eq!(value.get("shape").unwrap(), &Value::Tuple(vec![Value::Int(2), Value::Int(3)]));
    let pairs = value.get("dictionary").unwrap().pairs().unwrap();
    assert_eq!(pairs[1], (Value::Text("ñ".to_owned()), Value::Int(1)));
    assert_eq!(value.get("model").unwrap().get("whole"), Some(&Value::Tensor(0)));
    assert_eq!(value.get("parameters").unwrap().items().unwrap(), [Value::Tensor(7)]);
}

fn check_tensors(file: &mut TensorFile) {
    let cases: [(&str, Dtype, &[u64], &[f32]); 7] = [
        ("model.whole", Dtype::F32, &[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ("model.turned", Dtype::F32, &[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        ("model.column", Dtype::F32, &[2], &[1.0, 4.0]),
        ("model.half", Dtype::F16, &[2], &[1.0, -2.0]),
        ("model.brain", Dtype::BF16, &[1, 2], &[1.0, -2.0]),
        ("model.double", Dtype::F64, &[], &[0.25]),
        ("parameters.0", Dtype::F32, &[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    ];
    for (name, dtype, shape, values) in cases {
        let found = file.survey().tensor(name).unwrap();
        assert_eq!((found.dtype, found.shape.as_slice()), (dtype, shape), "{name}");
        assert_eq!(file.read(name).unwrap(), values, "{name}");
    }
    let error = file.read("model.long").unwrap_err().to_string();
    assert!(error.contains("`model.long` has elements of I64, no floats"), "{error}");
    let error = file.read("model.hole").unwrap_err();
    assert!(matches!(&error, Error::Missing { nearest: Some(name), .. } if name == "model.whole"), "{error:?}");
}

#[test]
fn numbers_of_numpy_and_lists_of_fastcore_are_plain() {
    let dtype = |name: &str| {
        let made = join(&[&global("numpy", "dtype"), &tuple(&[text(name), b"\x89".to_vec(), b"\x88".to_vec()]), b"R"]);
        join(&[&made, &tuple(&[int(3), text("<"), b"N".to_vec()]), b"b"])
    };
    let latin: String = 0.1_f64.to_le_bytes().iter().map(|byte| char::from(*byte)).collect();
    let bytes = join(&[&global("_codecs", "encode"), &tuple(&[text(&latin), text("latin1")]), b"R"]);
    let scalar = |dtype: Vec<u8>, bytes: Vec<u8>| {
        join(&[&global("numpy.core.multiarray", "scalar"), &tuple(&[dtype, bytes]), b"R"])
    };
    let items = join(&[b"](", &int(1), &int(2), b"e"]);
    let list = join(&[&global("fastcore.foundation", "L"), b")\x81", &dict(&[("items", items)]), b"b"]);
    let numbers = [scalar(dtype("f8"), bytes), scalar(dtype("i4"), b"U\x04\x01\0\0\0".to_vec()), list];
    let file = written("x.pth", &torch(&pickle(&tuple(&numbers)), &[]));
    let list = Value::List(vec![Value::Int(1), Value::Int(2)]);
    let expected = Value::Tuple(vec![Value::Float(0.1), Value::Int(1), list]);
    assert_eq!(check_state_dict(&file.path).unwrap().value, expected);
}

//! Hostile pickles, made here.
#![allow(dead_code, unreachable_pub, reason = "each test uses some of it")]

use std::path::Path;

use crate::writer::{View, dict, global, int, join, pickle, text, tuple};

/// How a pickle is to be refused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Refused {
    Forbidden,
    Malformed,
    TooMuch,
}

use Refused::{Forbidden, Malformed, TooMuch};

/// A name, how it is to be refused, and the pickle.
pub(crate) type Case = (String, Refused, Vec<u8>);

fn case(name: impl Into<String>, refused: Refused, bytes: Vec<u8>) -> Case {
    (name.into(), refused, bytes)
}

/// Calls that would leave a file behind, in every way that pickles know.
pub(crate) fn calls(canary: &Path) -> Vec<Case> {
    let command = text(&format!("touch {}", canary.display()));
    let arguments = tuple(std::slice::from_ref(&command));
    let system = global("os", "system");
    let short = |text: &str| join(&[&[0x8c, text.len() as u8], text.as_bytes()]);
    let stacked = join(&[b"\x80\x04", &short("os"), &short("system"), b"\x93"]);
    let ordered = join(&[&global("collections", "OrderedDict"), b")R"]);
    let mut cases = vec![
        case("STACK_GLOBAL", Forbidden, join(&[&stacked, &arguments, b"R."])),
        case("STACK_GLOBAL of numbers", Malformed, b"\x80\x04K\x01K\x02\x93.".to_vec()),
        case("protocol 0", Forbidden, b"cos\nsystem\n(S'true'\ntR.".to_vec()),
        case("INST", Forbidden, join(&[b"(", &command, b"ios\nsystem\n."])),
        case("OBJ", Forbidden, join(&[b"(", &system, &command, b"o."])),
        case("NEWOBJ", Forbidden, pickle(&join(&[&system, &arguments, b"\x81"]))),
        case("NEWOBJ_EX", Forbidden, pickle(&join(&[b")", &arguments, b"}\x92"]))),
        case("REDUCE of a string", Forbidden, pickle(&join(&[&command, &arguments, b"R"]))),
        case("REDUCE of a list", Forbidden, pickle(&join(&[b"]", &arguments, b"R"]))),
        case("BUILD of a list", Forbidden, pickle(&join(&[b"]", &dict(&[("__setstate__", int(1))]), b"b"]))),
        case("BUILD of a dict", Forbidden, pickle(&join(&[b"}", &dict(&[("__class__", int(1))]), b"b"]))),
        case("BUILD of a string", Forbidden, pickle(&join(&[&command, b"}b"]))),
        case("BUILD of an int", Forbidden, pickle(b"K\x01N\x86K\x02b")),
        case("BUILD of slots", Forbidden, pickle(&join(&[&ordered, b"N", &dict(&[("a", int(1))]), b"\x86b"]))),
        case("BUILD setstate", Forbidden, pickle(&join(&[&ordered, &dict(&[("__setstate__", int(1))]), b"b"]))),
        case("EXT1", Forbidden, b"\x80\x02\x82\x01)R.".to_vec()),
        case("EXT2", Forbidden, b"\x80\x02\x83\x01\x01)R.".to_vec()),
        case("EXT4", Forbidden, b"\x80\x02\x84\x01\0\0\0)R.".to_vec()),
        case("PERSID", Forbidden, b"Pos.system\n.".to_vec()),
        case("EMPTY_SET", Forbidden, b"\x80\x04\x8f.".to_vec()),
        case("ADDITEMS", Forbidden, b"\x80\x04\x8f(K\x01\x90.".to_vec()),
        case("FROZENSET", Forbidden, b"\x80\x04(K\x01\x91.".to_vec()),
        case("NEXT_BUFFER", Forbidden, b"\x80\x05\x97.".to_vec()),
        case("READONLY_BUFFER", Forbidden, b"\x80\x05K\x01\x98.".to_vec()),
        case("a call in a dropped value", Forbidden, pickle(&join(&[&system, &arguments, b"R0N"]))),
        case("a call after memo tricks", Forbidden, pickle(&join(&[&system, b"q\x050h\x05", &arguments, b"R"]))),
    ];
    let imports = [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("__builtin__", "getattr"),
        ("builtins", "__import__"),
        ("builtins", "set"),
        ("operator", "attrgetter"),
        ("functools", "partial"),
        ("types", "CodeType"),
        ("marshal", "loads"),
        ("pickle", "loads"),
        ("_pickle", "loads"),
        ("shutil", "rmtree"),
        ("socket", "socket"),
        ("pty", "spawn"),
        ("importlib", "import_module"),
        ("runpy", "_run_code"),
        ("webbrowser", "open"),
        ("ctypes", "CDLL"),
        ("torch.storage", "_load_from_bytes"),
        ("torch", "load"),
        ("torch", "storage.FloatStorage"),
        ("torch.jit", "load"),
        ("torch.hub", "load"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("collections", "OrderedDict.__init__"),
        ("Collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("numpy", "load"),
        ("numpy.testing._private.utils", "runstring"),
        ("fastai.learner", "load_learner"),
        ("fastcore.foundation", "coll_repr"),
        ("copyreg", "_reconstructor"),
        ("_codecs", "decode"),
    ];
    for (module, name) in imports {
        let call = join(&[&global(module, name), &arguments, b"R"]);
        cases.push(case(format!("{module}.{name}"), Forbidden, pickle(&call)));
    }
    cases
}

fn long(text: &[u8], count: usize) -> Vec<u8> {
    text.repeat(count)
}

/// Lengths that lie, endless nesting, shared values that double.
pub(crate) fn bombs() -> Vec<Case> {
    let doubling = |open: &[u8], step: &[u8], levels: u8| {
        let steps: Vec<u8> = (0..levels)
            .flat_map(|level| {
                let get = [b'h', level];
                join(&[step, &get, &get, b"e", &[b'q', level + 1, b'0']])
            })
            .collect();
        pickle(&join(&[open, b"q\x000", &steps, &[b'h', levels]]))
    };
    let words = join(&[&text(&"x".repeat(1 << 20)), b"q\0"]);
    let named = join(&[b"](", &words, &long(b"h\0", 500_000), b"e"]);
    vec![
        case("lists that double", TooMuch, doubling(b"]", b"](", 40)),
        case("tuples that double", TooMuch, {
            let steps: Vec<u8> =
                (0..60_u8).flat_map(|level| [b'h', level, b'h', level, 0x86, b'q', level + 1, b'0']).collect();
            pickle(&join(&[b"K\x01q\x000", &steps, b"h\x3c"]))
        }),
        case("a long string many times", TooMuch, pickle(&named)),
        case("a list in itself", Malformed, pickle(b"]q\0h\0a")),
        case("a dict in itself", Malformed, pickle(b"}q\0X\x01\0\0\0ah\0s")),
        case("a list in its tuple", Malformed, pickle(b"]q\0h\0\x85ah\0")),
        case("LONG4 of 2^31-1 bytes", Malformed, b"\x80\x02\x8b\xff\xff\xff\x7f.".to_vec()),
        case("LONG4 of -2^31 bytes", Malformed, b"\x80\x02\x8b\0\0\0\x80.".to_vec()),
        case("LONG1 of 255 bytes", TooMuch, pickle(&join(&[b"\x8a\xff", &[1; 255]]))),
        case("LONG4 of a megabyte", TooMuch, pickle(&join(&[b"\x8b\0\0\x10\0", &long(b"\x01", 1 << 20)]))),
        case("a written integer of a megabyte", TooMuch, join(&[b"L", &long(b"9", 1_000_000), b"L\n."])),
        case("an integer that is none", Malformed, b"Iabc\n.".to_vec()),
        case("a float that is none", Malformed, b"F1.2.3\n.".to_vec()),
        case("an integer of 40 digits", Malformed, b"I9999999999999999999999999999999999999999\n.".to_vec()),
        case("BINUNICODE8 of 2^63", Malformed, b"\x80\x04\x8d\0\0\0\0\0\0\0\x80a.".to_vec()),
        case("BINUNICODE8 of 2^64-1", Malformed, b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.".to_vec()),
        case("BINBYTES8 of 2^40", Malformed, b"\x80\x04\x8e\0\0\0\0\0\x01\0\0a.".to_vec()),
        case("BYTEARRAY8 of 2^62", Malformed, b"\x80\x05\x96\0\0\0\0\0\0\0\x40a.".to_vec()),
        case("BINUNICODE of 2^32-1", Malformed, b"\x80\x02X\xff\xff\xff\xffa.".to_vec()),
        case("BINBYTES of 2^32-1", Malformed, b"\x80\x03B\xff\xff\xff\xffa.".to_vec()),
        case("BINSTRING of -1", Malformed, b"\x80\x01T\xff\xff\xff\xffa.".to_vec()),
        case("FRAME longer than the file", Malformed, b"\x80\x04\x95\xff\0\0\0\0\0\0\0].".to_vec()),
        case("FRAME of 2^64-1", Malformed, b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff].".to_vec()),
        case("FRAME within a string", Malformed, b"\x80\x04\x95\x03\0\0\0\0\0\0\0\x8c\x04abcd.".to_vec()),
        case("FRAME in a frame", Malformed, b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0].".to_vec()),
        case("the end before that of its frame", Malformed, b"\x80\x04\x95\x03\0\0\0\0\0\0\0]..".to_vec()),
        case("deep lists", TooMuch, pickle(&join(&[&long(b"]", 900_000), &long(b"a", 899_999)]))),
        case("a million lists", TooMuch, pickle(&long(b"]", 1_100_000))),
        case("deep tuples", TooMuch, pickle(&join(&[b")", &long(b"\x85", 900_000)]))),
        case("deep tuples by marks", TooMuch, pickle(&join(&[&long(b"(", 400_000), &long(b"t", 400_000)]))),
        case("deep dicts", TooMuch, pickle(&join(&[&long(b"}K\x01", 300_000), b"N", &long(b"s", 300_000)]))),
        case("a storm of marks", TooMuch, pickle(&long(b"(", 2_000_000))),
        case("a flood of DUP", TooMuch, pickle(&join(&[b"N", &long(b"2", 30_000_000)]))),
        case("a flood of DUP into a list", TooMuch, {
            pickle(&join(&[b"](", &long(&join(&[b"N", &long(b"2", 900_000), b"e("]), 6), b"e"]))
        }),
        case("a flood of values", TooMuch, pickle(&long(b"K\x01", 15_000_000))),
        case("a flood of values that are dropped", TooMuch, pickle(&long(b"N0", 15_000_000))),
        case("a flood of the memo", TooMuch, {
            let puts: Vec<u8> = (0..1_100_000_u32).flat_map(|number| join(&[b"r", &number.to_le_bytes()])).collect();
            pickle(&join(&[b"N", &puts]))
        }),
        case("a flood of lists of one", TooMuch, pickle(&join(&[b"Nq\x000", &long(b"]h\0a0", 1_100_000)]))),
        case("a flood of dicts of one", TooMuch, pickle(&join(&[b"Nq\x000", &long(b"}h\0h\0s0", 1_100_000)]))),
        case("more bytes than any", TooMuch, pickle(&long(b"N0", 20_000_000))),
        case("a memo that is empty", Malformed, pickle(b"h\0")),
        case("a memo without that number", Malformed, b"Ng7\n.".to_vec()),
        case("a memo number that is none", Malformed, b"Np-1\n.".to_vec()),
        case("MEMOIZE of nothing", Malformed, b"\x80\x04\x94.".to_vec()),
        case("an empty stack", Malformed, pickle(b"")),
        case("APPEND to nothing", Malformed, pickle(b"a")),
        case("APPEND to a string", Malformed, pickle(&join(&[&text("x"), b"Na"]))),
        case("SETITEMS of three", Malformed, pickle(b"}(NNNu")),
        case("APPENDS without a mark", Malformed, pickle(b"]Ne")),
        case("POP beyond a mark", Malformed, pickle(b"N(0")),
        case("TUPLE3 of two", Malformed, pickle(b"NN\x87")),
        case("two values", Malformed, pickle(b"NN")),
        case("a mark that stays", Malformed, pickle(b"(N")),
        case("no end", Malformed, b"\x80\x02](K\x01e".to_vec()),
        case("a line without an end", Malformed, b"Vabc".to_vec()),
        case("a line of 30 megabytes", Malformed, join(&[b"V", &long(b"a", 30_000_000)])),
        case("bad UTF-8", Malformed, b"\x80\x02X\x02\0\0\0\xff\xfe.".to_vec()),
        case("half a surrogate", Malformed, b"\x80\x02X\x03\0\0\0\xed\xa0\x80.".to_vec()),
        case("a wrong escape", Malformed, b"V\\uzzzz\n.".to_vec()),
        case("a wrong quote", Malformed, b"S'abc\n.".to_vec()),
        case("protocol 255", Malformed, b"\x80\xff].".to_vec()),
        case("protocol 6", Malformed, b"\x80\x06].".to_vec()),
        case("a protocol in the middle", Malformed, b"\x80\x02]\x80\x02.".to_vec()),
        case("no opcode", Malformed, b"\x80\x02\xfe.".to_vec()),
        case("text", Malformed, b"hello, world".to_vec()),
    ]
}

/// What only files of torch may hold, with arguments that torch does not write.
pub(crate) fn misuses() -> Vec<Case> {
    let ordered = join(&[&global("collections", "OrderedDict"), b")R"]);
    let rebuild = global("torch._utils", "_rebuild_tensor_v2");
    let call = |callee: Vec<u8>, arguments: &[Vec<u8>]| pickle(&join(&[&callee, &tuple(arguments), b"R"]));
    let storage = View::whole("FloatStorage", "0", &[1]).storage(false);
    let (one, no) = (tuple(&[int(1)]), b"\x89".to_vec());
    let parts = |hooks: Vec<u8>| vec![storage.clone(), int(0), one.clone(), one.clone(), no.clone(), hooks];
    let persistent = |parts: &[Vec<u8>]| pickle(&join(&[&tuple(parts), b"Q"]));
    let class = global("torch", "FloatStorage");
    let with = |hooks: Vec<u8>, more: Vec<u8>| [parts(hooks), vec![more]].concat();
    vec![
        case("a tensor without arguments", Malformed, call(rebuild.clone(), &[])),
        case("a tensor of a string", Malformed, call(rebuild.clone(), &with(text("x"), int(1))[1..])),
        case("a tensor with hooks", Malformed, call(rebuild.clone(), &parts(dict(&[("x", int(1))])))),
        case("a tensor that is negated", Malformed, call(rebuild, &with(ordered.clone(), dict(&[("neg", int(1))])))),
        case("a storage that is called", Forbidden, call(class.clone(), &[int(1 << 30)])),
        case("a storage for a value", Malformed, pickle(&storage)),
        case("a class for a value", Malformed, pickle(&class)),
        case("a parameter of a list", Malformed, {
            call(global("torch._utils", "_rebuild_parameter"), &[b"]".to_vec(), no.clone(), ordered.clone()])
        }),
        case("an ordered dict of a number", Malformed, call(global("collections", "OrderedDict"), &[int(1)])),
        case("an ordered dict of triples", Malformed, {
            call(global("collections", "OrderedDict"), &[join(&[b"](NNNte"])])
        }),
        case("metadata and more", Forbidden, {
            pickle(&join(&[&ordered, &dict(&[("_metadata", int(1)), ("__dict__", int(1))]), b"b"]))
        }),
        case("a pid of a string", Malformed, pickle(&join(&[&text("0"), b"Q"]))),
        case("a pid of a module", Malformed, {
            persistent(&[text("module"), class.clone(), text("0"), text("cpu"), int(1)])
        }),
        case("a pid of a negative size", Malformed, {
            persistent(&[text("storage"), class.clone(), text("0"), text("cpu"), int(-1)])
        }),
        case("a pid of 2^127 elements", Malformed, {
            let huge = join(&[b"\x8a\x10", &[0xff; 15], b"\x7f"]);
            persistent(&[text("storage"), class.clone(), text("0"), text("cpu"), huge])
        }),
        case("a pid of 2^62 elements", Malformed, {
            let huge = join(&[b"\x8a\x08", &[0; 7], b"\x40"]);
            persistent(&[text("storage"), class.clone(), text("0"), text("cpu"), huge])
        }),
        case("a view of a storage", Malformed, {
            persistent(&[text("storage"), class, text("0"), text("cpu"), int(1), tuple(&[text("1"), int(0), int(1)])])
        }),
        case("encode many times", TooMuch, {
            let long = join(&[&text(&"x".repeat(1 << 20)), b"q\x010", &text("latin1"), b"q\x020"]);
            let call = join(&[&global("_codecs", "encode"), b"h\x01h\x02\x86R0"]);
            pickle(&join(&[&long, &call.repeat(40), b"N"]))
        }),
        case("encode with a codec that runs", Malformed, {
            call(global("_codecs", "encode"), &[text("x"), text("zlib")])
        }),
        case("a numpy type of objects", Malformed, call(global("numpy", "dtype"), &[text("O8"), no.clone(), no])),
        case("a numpy scalar of a pickle", Malformed, {
            call(global("numpy.core.multiarray", "scalar"), &[text("O8"), text("cos\nsystem\n")])
        }),
        case("a list of fastcore of a string", Forbidden, {
            let state = dict(&[("items", text("x"))]);
            pickle(&join(&[&global("fastcore.foundation", "L"), b")\x81", &state, b"b"]))
        }),
        case("a key of a list", Malformed, pickle(b"}]Ns")),
        case("a key twice", Malformed, pickle(&dict(&[("a", int(1)), ("a", int(2))]))),
        case("many tensors", TooMuch, {
            let view = join(&[&View::whole("FloatStorage", "0", &[1]).storage(false), b"q\x010"]);
            let shape = join(&[&tuple(&[int(1)]), b"q\x020", &ordered, b"q\x030K\0q\x040\x89q\x050"]);
            let make = join(&[&global("torch._utils", "_rebuild_tensor_v2"), b"q\x060"]);
            let arguments = b"(h\x01h\x04h\x02h\x02h\x05h\x03tq\x070";
            pickle(&join(&[&view, &shape, &make, arguments, &long(b"h\x06h\x07R0", 150_000), b"N"]))
        }),
    ]
}

/// Values as large as they may be, which are read.
pub(crate) fn largest() -> Vec<(&'static str, Vec<u8>)> {
    let word = join(&[&text(&"x".repeat(60)), b"q\x000"]);
    vec![
        ("dicts", pickle(&join(&[&word, b"](", &long(b"}h\0Ns", 330_000), b"e"]))),
        ("words", pickle(&join(&[&word, b"](", &long(b"h\0", 990_000), b"e"]))),
        ("a dictionary", {
            let pairs: Vec<u8> = (0..490_000).flat_map(|number| join(&[&int(number), b"h\0"])).collect();
            pickle(&join(&[&word, b"}(", &pairs, b"u"]))
        }),
    ]
}

#!/usr/bin/env python3
"""Small tokenizers and what Python's libraries make of texts: toolkit/text/tests/parity.

    python3 -m venv .venv && .venv/bin/pip install tokenizers==0.23.3 sentencepiece==0.2.1
    .venv/bin/python scripts/tokenizer_parity.py                # the cases of the repository
    .venv/bin/python scripts/tokenizer_parity.py OUT TEXT...    # larger ones, from texts that stay outside of it

Without arguments the tokenizers are trained on sentences that are made here from templates, and the texts are ours.
Each folder holds a tokenizer and `cases.json`: for each text the ids with special ids around, the bare ids with
their byte ranges and words (what white space separates), and the ids of the same words given one by one; for each
pair its ids and types. Text that spells a special piece is read as text.
SentencePiece 0.2.1 is what glossa builds; 0.2.3 breaks ties between equal scores differently.
"""
import json
import pathlib
import random
import sys

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).resolve().parent.parent / "toolkit/text/tests/parity"
TEMPLATES = [
    "The {a} of the {b} is {n} metres long, isn't it?", "Nobody told {A} about the {a}; {n} times!",
    "Der {a} steht größer als {n} Häuser am Fluß.", "{A} a vu l'{a} près de la forêt, à {n} h.",
    "Кошка {a} видела {n} мышей в доме.", "猫は{n}匹の鼠を見た。{a}です。", "小猫看见了{n}只老鼠，在{a}里。",
    "القطة رأت {n} فئران في {a}.", "Kedi evde {n} fare gördü, İstanbul'da {a}.", "แมวเห็นหนู {n} ตัวใน{a}",
    "γάτα είδε {n} ποντίκια στο {a}, ΟΔΟΣ.", "बिल्ली ने {n} चूहे {a} में देखे।", "고양이가 {a}에서 쥐 {n}마리를 보았다.",
]
WORDS = ["river", "lantern", "bridge", "orchard", "kestrel", "Brücke", "dom", "forêt", "žába", "ночь", "橋", "家", "bahçe"]
ODD = [
    "", " ", "\n", "a", "  two  spaces ", "tab\tand\nnew\r\nlines", "trailing   ", "\u00a0no-break\u00a0space",
    "cafe\u0301 and café", "ﬁne ligatures ① ½ Ⅷ", "ＦＵＬＬ width　space", "🙂👩‍👩‍👧 and 🇵🇱 flags", "zero\u200bwidth \ufeffmark",
    "[CLS] or </s> or <mask> are text", "don't can't we'll I'D", "x" * 40, "3.14159 1,000,000 10-12", "!!! ... ??? --",
    "ΑΣ ΟΔΟΣ ΣΟΦΟΣ", "İI ıi ẞß", "\x00\x01control\x7f", "▁ bars ▁▁ here", "e\u0301\u0323 marks\u0308", "\U0001f9ff\ue000private",
]

# Rust's char::is_whitespace; Python's str.isspace has four control characters more.
SPACES = set("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(c) for c in range(0x2000, 0x200b)}


def sentences(count, seed):
    draw = random.Random(seed)
    pick = lambda: draw.choice(WORDS)
    for _ in range(count):
        yield draw.choice(TEMPLATES).format(a=pick(), b=pick(), A=pick().capitalize(), n=draw.randint(2, 4000))


def byte_range(text, begin, end):
    return [len(text[:begin].encode()), len(text[:end].encode())]


def words_of(text):
    """(begin, end) in characters of what white space separates,"""
    found, begin = [], None
    for place, character in enumerate(text + " "):
        if character in SPACES:
            if begin is not None:
                found.append((begin, place))
            begin = None
        elif begin is None:
            begin = place
    return found


def word_at(text, words, begin, end):
    while begin < end and text[begin] in SPACES:
        begin += 1
    for index, (first, last) in enumerate(words):
        if last > begin:
            return index if begin >= end or first < end else None
    return None


def library_case(tokenizer, text):
    bare = tokenizer.encode(text, add_special_tokens=False)
    words = words_of(text)
    joined = " ".join(text[a:b] for a, b in words)
    row = tokenizer.encode(joined, add_special_tokens=True)
    spans = words_of(joined)
    special = row.special_tokens_mask
    return {
        "text": text, "ids": tokenizer.encode(text).ids, "bare": bare.ids,
        "ranges": [byte_range(text, *offsets) for offsets in bare.offsets],
        "words": [word_at(text, words, *offsets) for offsets in bare.offsets],
        "row": row.ids,
        "word_of": [None if s else word_at(joined, spans, *o) for s, o in zip(special, row.offsets)],
        "decoded": tokenizer.decode(bare.ids),
    }


def pieces_case(model, outer, before, after, text, lower=False):
    def bare(text):
        found = model.encode(text.lower() if lower else text, out_type="immutable_proto").pieces
        return [outer(piece) for piece in found], [(piece.begin, piece.end) for piece in found]
    ids, places = bare(text)
    words = words_of(text)
    joined = " ".join(text[a:b] for a, b in words)
    row, row_places = bare(joined)
    case = {"text": text, "ids": before + ids + after, "bare": ids, "row": before + row + after}
    if not lower:
        case["ranges"] = [byte_range(text, *place) for place in places]
        case["words"] = [word_at(text, words, *place) for place in places]
        inner = [word_at(joined, words_of(joined), *place) for place in row_places]
        case["word_of"] = [None] * len(before) + inner + [None] * len(after)
    return case


def write(folder, cases, pairs):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"cases": cases, "pairs": pairs}, ensure_ascii=True, separators=(",", ":"))
    (folder / "cases.json").write_text(text + "\n")


def library_folder(folder, tokenizer, texts, names):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.enable_truncation(7)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps(names) + "\n")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    pairs = []
    for first, second in zip(texts, texts[1:]):
        both = tokenizer.encode(first, second)
        pairs.append({"texts": [first, second], "ids": both.ids, "types": both.type_ids})
    write(folder, [library_case(tokenizer, text) for text in texts], pairs[:12])


def byte_level(corpus, size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_tokens([AddedToken("   ", normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))])
    return tokenizer


def word_piece(corpus, size):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=specials, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def unigram(corpus, size):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(corpus, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=specials, unk_token="<unk>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def piece_model(corpus, size, path, rule):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=open(path, "wb"), vocab_size=size, character_coverage=0.995,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, minloglevel=2, normalization_rule_name=rule, hard_vocab_limit=False, num_threads=1)
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def main(root, corpus, texts, size, rule):
    """`rule` is SentencePiece's normalisation: its table has 240 kB, so the repository's cases have none."""
    names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "mask_token": {"content": "[MASK]"},
             "unk_token": "[UNK]"}
    library_folder(root / "byte-level", byte_level(corpus, size), texts, names)
    bert = word_piece(corpus, size)
    library_folder(root / "word-piece", bert, texts, names)
    plain = root / "word-list"
    plain.mkdir(parents=True, exist_ok=True)
    pieces = sorted(bert.get_vocab().items(), key=lambda item: item[1])
    (plain / "vocab.txt").write_text("".join(piece + "\n" for piece, _ in pieces))
    (plain / "cases.json").write_text((root / "word-piece/cases.json").read_text())
    roberta = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>",
               "mask_token": "<mask>", "unk_token": "<unk>"}
    library_folder(root / "unigram", unigram(corpus, size), texts, roberta)

    fairseq = root / "fairseq"
    fairseq.mkdir(parents=True, exist_ok=True)
    model = piece_model(corpus, size, fairseq / "sentencepiece.bpe.model", rule)
    outer = lambda piece: 3 if piece.id == 0 else piece.id + 1
    write(fairseq, [pieces_case(model, outer, [0], [2], text) for text in texts], [])

    laser = root / "laser"
    laser.mkdir(parents=True, exist_ok=True)
    model = piece_model([text.lower() for text in corpus], size, laser / "spm.model", rule)
    pieces = [model.id_to_piece(i) for i in range(3, model.get_piece_size())]
    random.Random(7).shuffle(pieces)
    table = {piece: 4 + i for i, piece in enumerate(pieces[5:])}
    (laser / "dictionary.json").write_text(json.dumps(
        {"format": 1, "pieces": table, "begin": 0, "padding": 1, "end": 2, "unknown": 3, "lowercase": True}) + "\n")
    outer = lambda piece: table.get(model.id_to_piece(piece.id), 3)
    write(laser, [pieces_case(model, outer, [], [2], text, lower=True) for text in texts], [])


if __name__ == "__main__":
    if len(sys.argv) > 2:
        lines = [line for name in sys.argv[2:] for line in open(name, encoding="utf-8", errors="replace")]
        random.Random(1).shuffle(lines)
        lines = [line.rstrip("\n") for line in lines if len(line) < 2000]
        main(pathlib.Path(sys.argv[1]), lines[200:8200], lines[:200] + ODD, 8000, "nmt_nfkc")
    else:
        main(ROOT, list(sentences(300, 1)), ODD + list(sentences(12, 2)), 420, "identity")

#!/usr/bin/env python3
"""Writes languages/CODE.toml for every open Wikipedia, and the table of their codes.

Facts come from public tables, which must be installed or unpacked beforehand; nothing is fetched here:

    pip install babel==2.18.0 pycountry==26.2.16      # CLDR's English names, ISO 639-3
    pip download --no-deps pywikibot==11.9.0          # the list of open Wikipedias; unpack it
    npm pack @wikimedia/language-data@2.0.4           # scripts and native names; unpack it

    scripts/languages.py PYWIKIBOT/families/wikipedia_family.py LANGUAGE-DATA/data/language-data.json

What is particular about a language stands below, in text of our own. Files are written anew, so change this
script rather than them.
"""

import json
import pathlib
import re
import sys

import pycountry
from babel import Locale

ROOT = pathlib.Path(__file__).resolve().parent.parent / "languages"

# Wikipedia's code -> the language tag, where they differ.
TAGS = {
    "als": "gsw", "bat-smg": "sgs", "bh": "bho", "cbk-zam": "cbk", "eml": "egl", "fiu-vro": "vro",
    "map-bms": "jv-x-bms", "nds-nl": "nds-NL", "no": "nb", "nrm": "nrf", "roa-rup": "rup", "roa-tara": "nap-x-tara",
    "simple": "en-simple", "zh-classical": "lzh", "zh-min-nan": "nan", "zh-yue": "yue",
}
# Codes of ISO 639-3 that the tag does not tell; None where there is none of its own.
ISO = {"map-bms": None, "roa-tara": None, "nah": None, "bh": "bho", "simple": "eng", "be-tarask": "bel", "nds-nl": "nds",
       "eml": "egl", "no": "nob"}
NAMES = {
    "als": "Alemannic", "be-tarask": "Belarusian (Taraškievica orthography)", "bh": "Bhojpuri", "ckb": "Central Kurdish",
    "cu": "Church Slavonic", "diq": "Zazaki", "dag": "Dagbani", "dga": "Southern Dagaare", "dty": "Doteli",
    "eml": "Emilian and Romagnol", "gcr": "Guianese Creole", "ks": "Kashmiri", "map-bms": "Banyumasan",
    "nah": "Nahuatl", "nds-nl": "Dutch Low Saxon", "no": "Norwegian Bokmål", "nrm": "Norman", "nup": "Nupe",
    "olo": "Livvi-Karelian", "roa-tara": "Tarantino", "simple": "Simple English", "zh-yue": "Cantonese", "cdo": "Eastern Min",
    "guw": "Gun", "pnb": "Western Punjabi", "rsk": "Pannonian Rusyn", "bxr": "Buryat", "ku": "Northern Kurdish",
    "mhr": "Meadow Mari", "mrj": "Hill Mari", "azb": "South Azerbaijani", "el": "Greek", "my": "Burmese", "min": "Minangkabau",
    "fy": "West Frisian", "ky": "Kyrgyz", "ltg": "Latgalian", "kk": "Kazakh", "tok": "Toki Pona", "mnw": "Mon",
    "blk": "Pa'O", "or": "Odia", "sh": "Serbo-Croatian", "zea": "Zeelandic", "vls": "West Flemish", "rki": "Arakanese",
}
# Native names in the script that the wiki is written in, or longer than the table's.
NATIVE = {"jv": "Basa Jawa", "min": "Baso Minangkabau", "su": "Basa Sunda", "zh-min-nan": "Bân-lâm-gú",
          "cdo": "Mìng-dĕ̤ng-ngṳ̄", "hak": "Hak-kâ-ngî", "simple": "Simple English", "nrm": "Nouormand",
          "be-tarask": "беларуская (тарашкевіца)", "bh": "भोजपुरी", "cbk-zam": "Chavacano de Zamboanga"}
SCRIPTS = {  # where the table names one script and the wiki is written in another or in several
    "sr": ("Cyrl", ["Latn"]), "sh": ("Latn", ["Cyrl"]), "zh": ("Hani", []), "zh-classical": ("Hant", []), "wuu": ("Hans", []),
    "gan": ("Hant", ["Hans"]), "zh-yue": ("Hant", []), "zh-min-nan": ("Latn", ["Hant"]), "cdo": ("Latn", ["Hant"]),
    "hak": ("Latn", ["Hant"]), "ja": ("Jpan", []), "ko": ("Kore", []), "kk": ("Cyrl", ["Arab", "Latn"]),
    "crh": ("Latn", ["Cyrl"]), "tt": ("Cyrl", ["Latn"]), "uz": ("Latn", ["Cyrl"]), "iu": ("Cans", ["Latn"]),
    "cr": ("Cans", ["Latn"]), "ks": ("Arab", ["Deva"]), "gom": ("Deva", ["Latn"]), "lad": ("Latn", ["Hebr"]),
    "shi": ("Latn", ["Tfng"]), "mni": ("Mtei", ["Beng"]), "tly": ("Latn", ["Cyrl"]), "rmy": ("Latn", ["Deva"]),
    "pi": ("Deva", []), "ban": ("Latn", ["Bali"]), "az": ("Latn", []), "tg": ("Cyrl", ["Latn"]), "ha": ("Latn", ["Arab"]),
    "bug": ("Latn", ["Bugi"]), "arc": ("Syrc", []), "got": ("Goth", []), "isv": ("Latn", ["Cyrl"]), "ug": ("Arab", ["Latn"]),
}
UNSPACED_OFF = {"blk", "mnw", "shn"}  # Myanmar script; ICU4X has a model for Burmese alone
NOTES = {
    "zh": "Articles mix simplified and traditional characters; both are Han.",
    "sr": "Written in both scripts; a word counts as another one in the other script.",
    "sh": "Written in both scripts; a word counts as another one in the other script.",
    "simple": "English of a small vocabulary; a corpus of its own, in the language of en.",
    "als": "The Wikipedia's code als is Alemannic (gsw); als in ISO 639-3 is Tosk Albanian.",
    "nrm": "The Wikipedia's code nrm is Norman (nrf); nrm in ISO 639-3 is Narom.",
    "bh": "The Wikipedia's code stands for a group of languages; its articles are in Bhojpuri.",
    "no": "The Wikipedia's code stands for both Norwegians; its articles are in Bokmål.",
    "eml": "Emilian and Romagnol, which ISO 639-3 parts into egl and rgn.",
    "be-tarask": "The orthography of before 1933; be has the official one.",
    "bo": "A mark stands after each syllable, and nothing between words: words are counted by syllable.",
    "dz": "A mark stands after each syllable, and nothing between words: words are counted by syllable.",
    "my": "Spaces part phrases; words are found by a small network.",
    "shn": "Spaces part phrases; the network that finds words was made for Burmese, so syllables count as words.",
    "mnw": "Spaces part phrases; the network that finds words was made for Burmese, so syllables count as words.",
    "rki": "Spaces part phrases; the network that finds words was made for Burmese, which is near.",
    "tdd": "Spaces part phrases rather than words, and no dictionary knows the script.",
    "ceb": "Most articles were written by a program, from tables: few patterns of sentence, many times.",
    "war": "Most articles were written by a program, from tables: few patterns of sentence, many times.",
    "vo": "Many articles were written by a program, from tables: few patterns of sentence, many times.",
    "zh-classical": "Classical Chinese; the dictionary that finds words is of modern Chinese.",
    "zh-yue": "The dictionary that finds words is of Mandarin Chinese.",
    "wuu": "The dictionary that finds words is of Mandarin Chinese.",
    "gan": "The dictionary that finds words is of Mandarin Chinese.",
    "nah": "A group of languages; Wikipedia has one spelling for all.",
}
# MultiFiT trained its tokenizers for these with a higher coverage.
HIGH = set("bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv".split())
# whatlang 0.18's seventy.
WHATLANG = dict(pair.split("=") for pair in """af=afr am=amh ar=ara az=aze be=bel bg=bul bn=ben ca=cat cs=ces cy=cym
da=dan de=deu el=ell en=eng eo=epo es=spa et=est fa=pes fi=fin fr=fra gu=guj he=heb hi=hin hr=hrv hu=hun hy=hye
id=ind it=ita ja=jpn jv=jav ka=kat km=khm kn=kan ko=kor la=lat lt=lit lv=lav mk=mkd ml=mal mr=mar my=mya ne=nep nl=nld
no=nob or=ori pa=pan pl=pol pt=por ro=ron ru=rus si=sin simple=eng sk=slk sl=slv sn=sna sr=srp sv=swe ta=tam te=tel
th=tha tk=tuk tl=tgl tr=tur tw=aka uk=ukr ur=urd uz=uzb vi=vie yi=yid zh=cmn zu=zul""".split())
# Labelled sets by language. SIB-200 has FLORES-200's languages, by ISO 639-3; some are other codes here.
FLORES = """ace acm acq aeb afr ajp aka amh apc arb ars ary arz asm ast awa ayr azb azj bak bam ban bel bem ben bho bjn
bod bos bug bul cat ceb ces cjk ckb crh cym dan deu dik dyu dzo ell eng epo est eus ewe fao pes fij fin fon fra fur fuv
gla gle glg grn guj hat hau heb hin hne hrv hun hye ibo ilo ind isl ita jav jpn kab kac kam kan kas kat knc kaz kbp kea
khm kik kin kir kmb kon kor kmr lao lvs lij lim lin lit lmo ltg ltz lua lug luo lus mag mai mal mar min mkd plt mlt mni
khk mos mri zsm mya nld nno nob npi nqo nso nus nya oci gaz ory pag pan pap pol por prs pbt quy ron run rus sag san sat scn
shn sin slk slv smo sna snd som sot spa als srd srp ssw sun swe swh szl tam tat tel tgk tgl tha tir taq tpi tsn tso tuk
tum tur twi tzm uig ukr umb urd uzn vec vie war wol xho ydd yor yue zho zul""".split()
FLORES_TO = dict(pair.split("=") for pair in """arb=ar azj=az ayr=ay dik=din pes=fa fuv=ff kmr=ku lvs=lv plt=mg khk=mn zsm=ms
npi=ne gaz=om ory=or pbt=ps quy=qu als=sq swh=sw uzn=uz ydd=yi nob=no zho=zh yue=zh-yue twi=tw bho=bh grn=gn kon=kg""".split())
SETS = {
    "mldoc": "de en es fr it ja ru zh", "cls-10": "de en fr ja", "poleval-2018": "pl", "poleval-2019": "pl", "haha-2019": "es",
    "germeval-2018": "de", "imdb": "en", "ag-news": "en", "dbpedia": "en", "trec-6": "en", "yelp": "en",
    "nusax": "ace ban bbc bjn bug en id jv mad min su", "afrisenti": "am ary ha ig om pcm pt rw sw ti ts tw yo",
    "masakhanews": "am en fr ha ig lg ln om pcm rn sn so sw ti xh yo",
}


def chase(table, code):
    """The entry of a code, through the codes that only point to another."""
    entry = table.get(code)
    while entry and len(entry) == 1:
        entry = table.get(entry[0])
    return entry


def iso_of(code, tag):
    if code in ISO:
        return ISO[code]
    root = tag.split("-")[0]
    found = pycountry.languages.get(alpha_3=root) if len(root) == 3 else pycountry.languages.get(alpha_2=root)
    return found.alpha_3 if found else None


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def main():
    family, data = sys.argv[1:]
    listed = re.search(r"codes = \{(.*?)\}", pathlib.Path(family).read_text(), re.S).group(1)
    codes = sorted(set(re.findall(r"'([^']+)'", listed)))
    table = json.loads(pathlib.Path(data).read_text())["languages"]
    english = Locale("en").languages
    isos = {code: iso_of(code, TAGS.get(code, code)) for code in codes}
    by_iso = {iso: code for code, iso in reversed(isos.items()) if iso and code not in ("simple", "be-tarask", "nds-nl")}
    benchmarks = {code: [] for code in codes}
    for iso in FLORES:
        code = FLORES_TO.get(iso, by_iso.get(iso))
        if code in benchmarks:
            benchmarks[code].append("sib-200")
    for name, languages in SETS.items():
        for code in languages.split():
            benchmarks[code].append(name)
    for code in codes:
        tag = TAGS.get(code, code)
        entry = chase(table, tag) or chase(table, code)
        script, others = SCRIPTS.get(code, (entry[0], []))
        root = tag.split("-")[0]
        name = NAMES.get(code) or english.get(tag.replace("-", "_")) or english.get(root)
        if not name:
            found = pycountry.languages.get(alpha_3=root)
            name = found.name
        native = NATIVE.get(code, entry[2].split(" / ")[0])
        lines = ["format = 1", f"code = {quoted(code)}", f"name = {quoted(name)}", f"native_name = {quoted(native)}"]
        if isos[code]:
            lines.append(f"iso_639_3 = {quoted(isos[code])}")
        if tag != code:
            lines.append(f"bcp_47 = {quoted(tag)}")
        lines.append(f"script = {quoted(script)}")
        if others:
            lines.append(f"other_scripts = [{', '.join(map(quoted, others))}]")
        if code in UNSPACED_OFF:
            lines.append('segmenter = "unicode"')
        if code in HIGH:
            lines.append("character_coverage = 0.99999")
        if code in WHATLANG:
            lines.append(f"whatlang = {quoted(WHATLANG[code])}")
        if benchmarks[code]:
            lines.append(f"benchmarks = [{', '.join(map(quoted, sorted(set(benchmarks[code]))))}]")
        if code in NOTES:
            lines.append(f"note = {quoted(NOTES[code])}")
        (ROOT / f"{code}.toml").write_text("\n".join(lines) + "\n")
    rows, row = [], "   "
    for code in codes:
        word = f' "{code}",'
        if len(row) + len(word) > 118:
            rows.append(row)
            row = "   "
        row += word
    rows.append(row)
    (ROOT / "src/builtin/table.rs").write_text(
        "//! Code and text of each built-in language, by code. Written by scripts/languages.py.\n\n"
        "macro_rules! embedded {\n    ($($code:literal),* $(,)?) => {\n"
        '        &[$(($code, include_str!(concat!("../../", $code, ".toml")))),*]\n    };\n}\n\n'
        "/// Code and text of each built-in file, by code.\n"
        "pub(super) const FILES: &[(&str, &str)] = embedded![\n" + "\n".join(rows) + "\n];\n"
    )


main()

//! Writes a synthetic MediaWiki dump: `make_dump OUT.xml.bz2 MEGABYTES [SEED] [BROKEN]`. It has
//! MEGABYTES of XML in bzip2 streams of 100 pages, as the published dumps have, and BROKEN of the
//! streams have a byte turned over. All text is made of syllables, by counters; the share of prose,
//! templates, references, links and tables is about that of an encyclopedia. With a name that ends in
//! `.xml` nothing is packed.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};

use glossa_base::seed::{Purpose, Stream};

const HEAD: &str = r#"<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Synthetica</sitename>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Talk</namespace>
      <namespace key="6" case="first-letter">File</namespace>
      <namespace key="14" case="first-letter">Category</namespace>
    </namespaces>
  </siteinfo>
"#;

const SYLLABLES: [&str; 40] = [
    "ba", "re", "ti", "mo", "lu", "na", "ker", "sto", "vin", "da", "pel", "or", "is", "ma", "tu", "gan", "le", "fi",
    "sha", "ro", "ten", "du", "ka", "sil", "pra", "en", "wo", "mi", "cha", "ble", "as", "ul", "nor", "ge", "zi", "hal",
    "que", "ost", "fra", "ny",
];

const LITTLE: [&str; 16] =
    ["the", "of", "and", "in", "to", "a", "was", "is", "for", "as", "on", "with", "by", "that", "from", "at"];

/// Random choices, counted.
struct Maker {
    stream: Stream,
    counter: u64,
    out: String,
}

impl Maker {
    fn below(&mut self, bound: usize) -> usize {
        self.counter += 1;
        self.stream.below(self.counter, bound)
    }

    /// A word; few of them make up most of a text.
    fn word(&mut self) -> String {
        if self.below(10) < 4 {
            let index = self.below(LITTLE.len());
            return LITTLE.get(index).copied().unwrap_or("the").to_owned();
        }
        let rank = self.below(40_000);
        let mut number = rank * rank / 40_000;
        let mut word = String::new();
        loop {
            word.push_str(SYLLABLES.get(number % SYLLABLES.len()).copied().unwrap_or("a"));
            number /= SYLLABLES.len();
            if number == 0 {
                return word;
            }
        }
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<String> = (0..count).map(|_| self.word()).collect();
        words.join(" ")
    }

    fn sentence(&mut self) {
        let count = 8 + self.below(18);
        for index in 0..count {
            let word = self.word();
            let _ = match (index, self.below(60)) {
                (0, _) => write!(self.out, "{}{} ", word[..1].to_uppercase(), &word[1..]),
                (_, 0..3) => write!(self.out, "[[{word}]] "),
                (_, 3) => {
                    let target = self.words(2);
                    write!(self.out, "[[{target}|{word}s]] ")
                }
                (_, 4) => write!(self.out, "''{word}'' "),
                (_, 5) => write!(self.out, "{word}, "),
                (_, 6) if self.counter.is_multiple_of(4) => write!(self.out, "({word}&amp;nbsp;{index}) "),
                _ => write!(self.out, "{word} "),
            };
        }
        self.out.truncate(self.out.trim_end_matches([' ', ',']).len());
        self.out.push('.');
        if self.below(3) == 0 {
            self.reference();
        }
        self.out.push(' ');
    }

    fn reference(&mut self) {
        let (title, year, site) = (self.words(6), 1900 + self.below(120), self.below(9000));
        let name = self.word();
        let _ = match self.below(3) {
            0 => write!(self.out, "&lt;ref name=&quot;{name}&quot; /&gt;"),
            _ => write!(
                self.out,
                "&lt;ref name=&quot;{name}{site}&quot;&gt;{{{{cite web |url=http://example.org/{site}/{name} |title={title} |year={year} |publisher={name} |access-date={year}-03-0{}}}}}&lt;/ref&gt;",
                site % 9 + 1
            ),
        };
    }

    fn infobox(&mut self) {
        self.out.push_str("{{Infobox thing\n");
        for _ in 0..4 + self.below(12) {
            let (name, value) = (self.word(), self.words(3));
            let _ = writeln!(self.out, "| {name} = {value}");
        }
        self.out.push_str("}}\n");
    }

    fn table(&mut self) {
        self.out.push_str("{| class=&quot;wikitable&quot;\n");
        for _ in 0..3 + self.below(12) {
            let cells = [self.words(2), self.words(1), self.words(3)];
            let _ = writeln!(self.out, "|-\n| {}", cells.join(" || "));
        }
        self.out.push_str("|}\n");
    }

    fn article(&mut self) {
        if self.below(2) == 0 {
            self.infobox();
        }
        for _ in 0..1 + self.below(9) {
            if self.below(2) == 0 {
                let (title, caption) = (self.words(2), self.words(5));
                let _ = writeln!(self.out, "[[File:{title}.jpg|thumb|A [[{title}]] of {caption}]]");
            }
            for _ in 0..1 + self.below(3) {
                for _ in 0..2 + self.below(6) {
                    self.sentence();
                }
                self.out.push_str("\n\n");
            }
            let heading = self.words(2);
            let _ = writeln!(self.out, "== {heading} ==");
            match self.below(6) {
                0 => self.table(),
                1 => {
                    for _ in 0..3 + self.below(8) {
                        let (name, rest) = (self.word(), self.words(6));
                        let _ = writeln!(self.out, "* [[{name}]] {rest}");
                    }
                }
                2 => self.out.push_str("&lt;!-- to do --&gt;\n"),
                _ => {}
            }
        }
        let (one, two) = (self.words(2), self.words(3));
        let _ = write!(self.out, "{{{{Reflist}}}}\n[[Category:{one}]]\n[[Category:{two}]]");
    }

    /// Of twenty pages seven are redirects, three of other namespaces, the rest articles.
    fn page(&mut self, id: u64) {
        let kind = self.below(20);
        let title = self.words(2);
        let (namespace, prefix) = if (7..10).contains(&kind) { (1, "Talk:") } else { (0, "") };
        let redirect = if kind < 7 { format!("\n    <redirect title=\"{title}\" />") } else { String::new() };
        let _ = write!(
            self.out,
            "  <page>\n    <title>{prefix}{title} {id}</title>\n    <ns>{namespace}</ns>\n    <id>{id}</id>{redirect}\n    <revision>\n      <id>{}</id>\n      <timestamp>2020-01-01T00:00:{:02}Z</timestamp>\n      <model>wikitext</model>\n      <format>text/x-wiki</format>\n      <text bytes=\"1\" xml:space=\"preserve\">",
            id * 37,
            id % 60
        );
        match kind {
            0..7 => {
                let _ = write!(self.out, "#REDIRECT [[{title}]]");
            }
            7..10 => (0..10).for_each(|_| self.sentence()),
            _ => self.article(),
        }
        self.out.push_str("</text>\n    </revision>\n  </page>\n");
    }
}

/// The pages of a stream.
fn pages(seed: u64, number: u64) -> String {
    let mut maker = Maker { stream: Stream::new(seed, Purpose::Sample, 0, number), counter: 0, out: String::new() };
    (0..100).for_each(|index| maker.page(number * 100 + index));
    maker.out
}

fn packed(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, megabytes, more @ ..] = arguments.as_slice() else {
        return Err("usage: make_dump OUT MEGABYTES [SEED] [BROKEN]".into());
    };
    let number = |index: usize, default| more.get(index).map_or(Ok(default), |text: &String| text.parse::<u64>());
    let (wanted, seed, mut broken) = (megabytes.parse::<u64>()? * 1_000_000, number(0, 0)?, number(1, 0)?);
    let pack = |text: &str| if path.ends_with(".bz2") { packed(text) } else { Ok(text.as_bytes().to_vec()) };
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&pack(HEAD)?)?;
    let (mut written, mut offset, mut next) = (0, pack(HEAD)?.len(), 0);
    while written < wanted {
        let make = |number| {
            let text = pages(seed, number);
            pack(&text).map(|bytes| (text.len() as u64, bytes))
        };
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (next..next + 8).map(|number| scope.spawn(move || make(number))).collect();
            threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        next += 8;
        for made in made {
            let (size, mut bytes) = made.map_err(|_| "a thread failed")??;
            written += size;
            if broken > 0 {
                broken -= 1;
                let middle = bytes.len() / 2;
                bytes.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 0xff);
                println!("broken: the stream at byte {offset}");
            }
            offset += bytes.len();
            file.write_all(&bytes)?;
        }
    }
    file.write_all(&pack("</mediawiki>\n")?)?;
    file.flush()?;
    println!("{path}: {} pages, {written} bytes of XML, {offset} bytes", next * 100);
    Ok(())
}

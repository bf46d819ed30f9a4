//! What `glossa corpus` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use glossa_corpora::{twitter, wikipedia};

#[derive(Subcommand)]
pub(crate) enum CorpusCommand {
    /// Bring texts from the network into a folder, for `build`.
    #[command(subcommand)]
    Fetch(FetchCommand),
    /// Read files, clean, drop duplicates, split, write a corpus folder.
    Build(CorpusBuild),
    /// What a corpus consists of, and what its build dropped and changed.
    Stats(CorpusStats),
}

#[derive(Args)]
pub(crate) struct CorpusStats {
    /// The corpus folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: PathBuf,
    /// Draw it too, as a page for the browser.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    Text,
    Jsonl,
    Csv,
    Tsv,
    Dump,
    Cirrus,
    /// WikiExtractor's JSON.
    #[value(name = "wikiextractor")]
    WikiExtractor,
    Tweets,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Unit {
    Line,
    Block,
}

#[derive(Args)]
pub(crate) struct CorpusBuild {
    /// Files or folders: .txt, .jsonl, .csv, .tsv, MediaWiki dumps (.xml, .xml.bz2), CirrusSearch dumps,
    /// WikiExtractor's JSON; each also as .bz2, .gz, .zst or .xz, and in .zip, .tar, .tar.gz and the like; .parquet.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// The corpus folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Kind of all files; by default each file's extension tells.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// What is one document in plain text: each line, or lines up to an empty one.
    #[arg(long, value_enum, default_value = "line")]
    pub(crate) documents: Unit,
    /// Field or column of the text in JSONL and tables.
    #[arg(long, default_value = "text", value_name = "NAME")]
    pub(crate) text_column: String,
    /// The language's code, such as eu: its own thresholds, and the filters script and language.
    #[arg(long, value_name = "CODE")]
    pub(crate) language: Option<String>,
    /// Set a fix or filter, or switch it off, such as digits=0.3 or mojibake=off; may be repeated.
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    pub(crate) filters: Vec<String>,
    /// Drop documents with fewer characters; the same as --filter minimum-characters=NUMBER.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) minimum_characters: Option<u64>,
    /// Drop documents with fewer words; the same as --filter minimum-words=NUMBER.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) minimum_words: Option<u64>,
    /// Of a Wikipedia's dump: keep headings, as lines of their own.
    #[arg(long)]
    pub(crate) headings: bool,
    /// Of a Wikipedia's dump: leave out the items of lists.
    #[arg(long)]
    pub(crate) no_lists: bool,
    /// Of a Wikipedia's dump: keep the pages that tell the meanings of a word apart.
    #[arg(long)]
    pub(crate) disambiguations: bool,
    /// Of a Wikipedia's dump: keep pages that are lists and little else.
    #[arg(long)]
    pub(crate) list_pages: bool,
    /// Of tweets: leave out those that repeat another one, instead of reading that one.
    #[arg(long)]
    pub(crate) skip_retweets: bool,
    /// Of tweets: write @user and http for names of users and links.
    #[arg(long)]
    pub(crate) mask: bool,
    /// Keep documents with the text of an earlier one.
    #[arg(long)]
    pub(crate) keep_duplicates: bool,
    /// Keep documents that are nearly like an earlier one, in the split of that one.
    #[arg(long)]
    pub(crate) keep_near_duplicates: bool,
    /// Words to learn from at most, such as 2m or 100m; then valid and test have at most 200 thousand each.
    #[arg(long, value_name = "WORDS", value_parser = super::size)]
    pub(crate) size: Option<u64>,
    /// Share of documents for validation; 0.01, or a twelfth with --size.
    #[arg(long, value_name = "SHARE")]
    pub(crate) valid_share: Option<f64>,
    /// Share of documents for testing; 0.01, or a twelfth with --size.
    #[arg(long, value_name = "SHARE")]
    pub(crate) test_share: Option<f64>,
}

#[derive(Subcommand)]
pub(crate) enum FetchCommand {
    /// A dump of a Wikipedia, with its checksums and a record of its source.
    Wikipedia(FetchWikipedia),
    /// Tweets from the interface of X, by a search or by their ids. Needs a bearer token in X_BEARER_TOKEN.
    Tweets(FetchTweets),
}

#[derive(Args)]
pub(crate) struct FetchWikipedia {
    /// The language, by the code of its Wikipedia, such as eu.
    #[arg(value_name = "CODE")]
    pub(crate) language: String,
    /// Folder for the files; run again, it goes on where it stopped.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Date of the dump; without it, the newest that is complete.
    #[arg(long, value_name = "YYYYMMDD")]
    pub(crate) date: Option<String>,
    /// The server: Wikimedia's, or a mirror.
    #[arg(long, default_value = wikipedia::BASE_URL, value_name = "URL")]
    pub(crate) base_url: String,
    /// Take the dump in one stream, which is read slower.
    #[arg(long)]
    pub(crate) single_stream: bool,
}

#[derive(Args)]
pub(crate) struct FetchTweets {
    /// Search in X's own language, such as 'kaixo lang:eu -is:retweet'.
    #[arg(long, required_unless_present = "ids", value_name = "QUERY")]
    pub(crate) query: Option<String>,
    /// Read the tweets with these ids, one a line, instead of searching.
    #[arg(long, conflicts_with_all = ["query", "archive", "since", "until"], value_name = "FILE")]
    pub(crate) ids: Option<PathBuf>,
    /// Folder for the pages; run again, it goes on where it stopped, then fetches what is new.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Search all tweets since 2006 instead of the last seven days; X sells it apart.
    #[arg(long)]
    pub(crate) archive: bool,
    /// None from before: 2024-01-31 or 2024-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// None from that time on.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Read at most so many tweets into the folder, over all runs: X bills each.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) budget: Option<u64>,
    /// The server: X, or one that answers like it.
    #[arg(long, default_value = twitter::BASE_URL, value_name = "URL")]
    pub(crate) base_url: String,
}

//! Runs of the pipeline as releases: the same archives wherever they are built, entries of the index that know them,
//! and models that are pulled from them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../toolkit/base/tests/support/server.rs"]
mod server;

use std::path::{Path, PathBuf};

use glossa_base::download::{Settings, Watch};
use glossa_base::hash::{sha256_file, sha256_hex};
use glossa_base::manifest::{FileRecord, Manifest};
use glossa_base::{Failure, Interrupt, Silent};
use glossa_zoo::environment::Releases;
use glossa_zoo::index::{Origin, Source};
use glossa_zoo::release::{Agreement, Built, Description, Error, find, index_of, updated};
use glossa_zoo::{Card, Index, ModelId, ModelKind, Options, Pulled, Zoo, pull};
use server::{Reply, Server};

const DESCRIPTION: &str = "format = 1\npreset = \"small\"\nrecipe = \"make it\"\nmaker = \"made by us\"\n\
    [[text]]\nfolder = \"lm/free\"\nlicence = \"cc0-1.0\"\nwords = \"free texts\"\n\
    [[text]]\nfolder = \"labelled/topics\"\nlicence = \"cc-by-sa-4.0\"\nwords = \"topics\"\n";

/// A run of two languages as the pipeline leaves it: the second one is not done yet.
struct Run {
    root: tempfile::TempDir,
    /// Names of the folders within the root, which differ from machine to machine.
    run: &'static str,
    data: &'static str,
}

impl Run {
    fn new(run: &'static str, data: &'static str) -> Self {
        let run = Run { root: tempfile::tempdir().unwrap(), run, data };
        for (name, text) in [
            ("lm/free/eu.txt", "kaixo"),
            ("labelled/topics/eu/train.tsv", "train"),
            ("labelled/topics/eu/test.tsv", "test"),
            ("zoo.toml", DESCRIPTION),
        ] {
            let path = run.data().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        run.stage("eu/corpus", "corpus", &[&run.data().join("lm/free/eu.txt")]);
        run.stage("eu/tokenizer", "tokenizer", &[&run.place("eu/corpus")]);
        run.model("eu/language-model-forward", ModelKind::LanguageModel, &["eu/corpus", "eu/tokenizer"], &[]);
        std::fs::write(
            run.place("eu/perplexity-forward.json"),
            r#"{"accuracy": 0.3, "bits_per_character": 2.0, "by_piece": 5.5, "by_word": 100.123456, "documents": 3,
                "likelihood": {"characters": 30, "nats": 4.5, "pieces": 9, "words": 7}, "masked": false}"#,
        )
        .unwrap();
        let tuned = "eu/topics/language-model-forward-0";
        let files = ["train.tsv", "test.tsv"].map(|name| run.data().join("labelled/topics/eu").join(name));
        run.model(tuned, ModelKind::LanguageModel, &["eu/language-model-forward"], &files[..1]);
        run.model("eu/topics/classifier-forward-0", ModelKind::Classifier, &[tuned], &files);
        std::fs::create_dir_all(run.place("eu/topics/score")).unwrap();
        std::fs::write(
            run.place("eu/topics/score/score.json"),
            r#"{"reports": [{"scores": [{"metric": "accuracy", "signature": "accuracy|seed:0", "value": 0.5}]},
                {"scores": [{"metric": "accuracy", "signature": "accuracy|seed:1", "value": 0.9}]}]}"#,
        )
        .unwrap();
        run.model("pl/language-model-forward", ModelKind::LanguageModel, &["eu/corpus"], &[]);
        std::fs::create_dir_all(run.place("stages")).unwrap();
        run
    }

    fn place(&self, name: &str) -> PathBuf {
        self.root.path().join(self.run).join(name)
    }

    fn data(&self) -> PathBuf {
        self.root.path().join(self.data)
    }

    /// A folder with a manifest that names its inputs as the pipeline does: by absolute paths.
    fn stage(&self, name: &str, stage: &str, inputs: &[&Path]) {
        let folder = self.place(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("made.txt"), stage).unwrap();
        self.manifest(name, stage, inputs);
    }

    fn manifest(&self, name: &str, stage: &str, inputs: &[&Path]) {
        let mut manifest = Manifest::new(stage, 0, serde_json::json!({"k": 1}));
        let record = |path: &&Path| {
            let hashed = if path.is_dir() { path.join("manifest.json") } else { path.to_path_buf() };
            FileRecord::of(&hashed, &path.to_string_lossy()).unwrap()
        };
        manifest.inputs = inputs.iter().map(record).collect();
        manifest.write(&self.place(name)).unwrap();
    }

    fn model(&self, name: &str, kind: ModelKind, made: &[&str], files: &[PathBuf]) {
        let folder = self.place(name);
        std::fs::create_dir_all(&folder).unwrap();
        let header = br#"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
        let weights = [&(header.len() as u64).to_le_bytes()[..], header, &[7; 24]].concat();
        let card =
            Card { language: Some("eu".parse().unwrap()), ..Card::new("of this machine", kind, "QRNN, 1 layer") };
        for (file, bytes) in [
            ("config.json", br#"{"encoder": {"cell": "qrnn"}}"#.to_vec()),
            ("model.safetensors", weights),
            ("recipe.toml", b"x = 1".to_vec()),
            ("README.md", card.to_markdown().unwrap().into_bytes()),
        ] {
            std::fs::write(folder.join(file), bytes).unwrap();
        }
        let made: Vec<PathBuf> = made.iter().map(|name| self.place(name)).chain(files.to_vec()).collect();
        let stage = if kind == ModelKind::Classifier { "classify" } else { "pretrain" };
        self.manifest(name, stage, &made.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    }

    fn built(&self) -> Result<Vec<Built>, Error> {
        let description = Description::read(&self.data().join("zoo.toml"))?;
        let archives = self.archives();
        std::fs::create_dir_all(&archives).unwrap();
        let releases = find(&self.place(""), &self.data(), &description)?;
        releases.into_iter().map(|release| release.pack(&archives, watch())).collect()
    }

    fn archives(&self) -> PathBuf {
        self.root.path().join("archives")
    }

    fn zoo(&self, index: &str, releases: Option<Releases>, offline: bool) -> Zoo {
        let index = Index::parse(index, "index", Origin::Own).unwrap();
        let (cache, endpoint) = (self.root.path().join("cache"), "http://127.0.0.1:1".to_owned());
        let download = Settings { offline, ..Settings::default() };
        Zoo::new(Options { cache, endpoint, token: None, index, download, releases }).unwrap()
    }
}

fn watch() -> Watch<'static> {
    static INTERRUPT: std::sync::LazyLock<Interrupt> = std::sync::LazyLock::new(Interrupt::default);
    Watch { progress: &Silent, interrupt: &INTERRUPT }
}

fn pulled(zoo: &Zoo) -> Result<Pulled, pull::Error> {
    zoo.pull(&ModelId::parse("glossa:eu/small-topics").unwrap(), watch())
}

#[test]
fn releases_are_the_same_bytes_wherever_they_are_built() {
    let (here, there) = (Run::new("run", "data"), Run::new("other/place/of/runs", "texts/of mine"));
    let (one, two) = (here.built().unwrap(), there.built().unwrap());
    let names: Vec<&str> = one.iter().map(|built| built.release.name.as_str()).collect();
    assert_eq!(names, ["eu/small", "eu/small-topics"], "what is not measured yet is no release");
    for (one, two) in one.iter().zip(&two) {
        assert_eq!((&one.sha256, one.bytes, &one.files), (&two.sha256, two.bytes, &two.files));
        assert_eq!(sha256_file(&here.archives().join(&one.release.file)).unwrap(), one.sha256);
    }
    assert_eq!(index_of(&one), index_of(&two));
    // A run that was moved is the same run.
    std::fs::rename(here.place(""), here.root.path().join("moved")).unwrap();
    let moved = Run { run: "moved", ..here };
    assert_eq!(
        moved.built().unwrap().iter().map(|built| &built.sha256).collect::<Vec<_>>(),
        [&two[0].sha256, &two[1].sha256]
    );
}

#[test]
fn an_entry_says_all_that_is_known_of_a_release() {
    let built = Run::new("run", "data").built().unwrap();
    let index = Index::parse(&index_of(&built), "index", Origin::Own).unwrap();
    let (model, classifier) = (index.find("eu/small").unwrap(), index.find("eu/small-topics").unwrap());
    assert_eq!((model.licence.as_str(), classifier.licence.as_str()), ("cc0-1.0", "cc-by-sa-4.0"));
    assert_eq!((model.languages.as_slice(), model.architecture.as_str()), (&["eu".to_owned()][..], "qrnn"));
    assert!(model.provenance.contains("made by us, from free texts (cc0-1.0); seed 0"), "{}", model.provenance);
    assert!(classifier.licence_note.as_ref().unwrap().contains("topics (cc-by-sa-4.0)"));
    assert_eq!(model.recipe.as_deref(), Some("make it"));
    assert!(model.is_pinned() && model.bytes() == Some(built[0].bytes));
    let scores: Vec<_> = model.scores.iter().map(|score| (score.metric.as_str(), score.value)).collect();
    assert_eq!(scores, [("bits_per_character", 2.0), ("perplexity_by_word", 100.1235)]);
    assert!(model.scores[0].signature.contains("|lang:eu|split:test|documents:3|characters:30|seed:0|"));
    let [score] = classifier.scores.as_slice() else { panic!("{:?}", classifier.scores) };
    assert_eq!((score.task.as_str(), score.value), ("topics/eu test", 0.5));
    let hash = &sha256_hex(b"test")[..12];
    assert_eq!(score.signature, format!("accuracy|seed:0|data:topics/eu|sha256:{hash}"));
    let files: Vec<&str> = model.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(files, ["README.md", "config.json", "manifest.json", "model.safetensors", "recipe.toml"]);
}

#[test]
fn a_release_is_pulled_from_a_folder_and_then_from_the_cache() {
    let run = Run::new("run", "data");
    let index = index_of(&run.built().unwrap());
    let folder = Some(Releases::Folder(run.archives()));
    let first = pulled(&run.zoo(&index, folder, true)).unwrap();
    assert_eq!((first.files, first.transferred, first.is_new), (5, 0, true));
    let manifest = Manifest::read(&first.folder).unwrap();
    let inputs: Vec<&str> = manifest.inputs.iter().map(|input| input.path.as_str()).collect();
    assert_eq!(inputs, ["labelled/topics/eu/test.tsv", "labelled/topics/eu/train.tsv", "lm/free/eu.txt"]);
    let card = std::fs::read_to_string(first.folder.join("README.md")).unwrap();
    for expected in [
        "license: cc-by-sa-4.0",
        "base_model: \"glossa:eu/small\"",
        "# eu-small-topics",
        "make it",
        "Free texts (cc0-1.0); topics (cc-by-sa-4.0).",
    ] {
        assert!(card.contains(expected), "{expected}\n{card}");
    }
    assert!(card.contains("glossa classify predict --model glossa:eu/small-topics"), "{card}");
    // Without the folder, and without a host.
    let there = Pulled { is_new: false, ..first };
    assert_eq!(pulled(&run.zoo(&index, None, true)).unwrap(), there);
    let verified = run.zoo(&index, None, true).verify(&ModelId::parse("glossa:eu/small-topics").unwrap(), watch());
    assert_eq!(verified.unwrap().damaged.len(), 0);
}

#[test]
fn a_release_that_nobody_has_is_told_with_what_to_do() {
    let run = Run::new("run", "data");
    let index = index_of(&run.built().unwrap());
    let empty = run.root.path().join("empty");
    for (releases, expected) in [(None, "is on no host"), (Some(Releases::Folder(empty)), "empty, and no host has it")]
    {
        let error = pulled(&run.zoo(&index, releases, false)).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, pull::Error::NoRelease { .. }) && text.contains(expected), "{text}");
        assert!(text.contains("eu-small-topics.tar.zst"), "{text}");
        let failure = Failure::from(error);
        let hint = failure.hint.unwrap_or_default();
        assert!(hint.contains("make zoo") && hint.contains("GLOSSA_ZOO_RELEASES"), "{hint}");
        assert_eq!(failure.kind.exit_code(), 4);
    }
}

#[test]
fn another_build_is_refused_with_both_hashes() {
    let run = Run::new("run", "data");
    let index = index_of(&run.built().unwrap());
    let path = run.archives().join("eu-small-topics.tar.zst");
    let expected = sha256_file(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = pulled(&run.zoo(&index, Some(Releases::Folder(run.archives())), false)).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, pull::Error::Mismatch { .. }), "{text}");
    assert!(text.contains(&expected) && text.contains(&sha256_hex(&bytes)), "{text}");
    assert!(path.is_file(), "the person's own file stays");
}

#[test]
fn a_release_comes_from_the_persons_host_or_from_the_indexs() {
    let run = Run::new("run", "data");
    let index = index_of(&run.built().unwrap());
    let bytes = std::fs::read(run.archives().join("eu-small-topics.tar.zst")).unwrap();
    let server = |bytes: Vec<u8>| {
        Server::new(move |request, _| match request.path.as_str() {
            "/r/eu-small-topics.tar.zst" => Reply::ranged(request, &bytes, "\"one\""),
            _ => Reply::new(404, ""),
        })
    };
    let (own, indexs) = (server(bytes.clone()), server(bytes.clone()));
    let index = index.replacen("format = 1", &format!("format = 1\nreleases = \"{}\"", indexs.url("/r/")), 1);
    let offline = pulled(&run.zoo(&index, None, true)).unwrap_err();
    assert!(matches!(offline, pull::Error::Offline { .. }), "{offline}");
    let first = pulled(&run.zoo(&index, Some(Releases::Web(own.url("/r/"))), false)).unwrap();
    assert_eq!((first.transferred, first.notes.len()), (bytes.len() as u64, 0));
    assert_eq!((own.requests().len(), indexs.requests().len()), (1, 0));
    let zoo = run.zoo(&index, None, false);
    assert_eq!(pulled(&zoo).unwrap().transferred, 0);
    zoo.remove(&ModelId::parse("glossa:eu/small-topics").unwrap()).unwrap();
    let folder = Some(Releases::Folder(run.root.path().join("empty")));
    assert_eq!(pulled(&run.zoo(&index, folder, false)).unwrap().transferred, bytes.len() as u64);
    assert_eq!((own.requests().len(), indexs.requests().len()), (1, 1));
}

#[test]
fn builds_are_compared_with_the_index_file_by_file() {
    let run = Run::new("run", "data");
    let built = run.built().unwrap();
    let compared = |index: &str| built[0].compared(&Index::parse(index, "index", Origin::Own).unwrap());
    let index = index_of(&built);
    let hash = |name: &str| built[0].files.iter().find(|file| file.path == name).unwrap().sha256.clone();
    let other = "0".repeat(64);
    let without_archive = index.replacen(&built[0].sha256, &other, 1);
    let without_card = without_archive.replacen(&hash("README.md"), &other, 1);
    let differs = |files: &[&str]| Agreement::Differs { files: files.iter().map(|name| (*name).to_owned()).collect() };
    for (index, expected) in [
        (index.clone(), Agreement::Same),
        ("format = 1".to_owned(), Agreement::New),
        (without_archive.clone(), differs(&[])),
        (without_card.clone(), differs(&["README.md"])),
        (
            without_card.replacen("\"recipe.toml\"", "\"recipe.json\"", 1),
            differs(&["README.md", "recipe.toml", "recipe.json"]),
        ),
    ] {
        assert_eq!(compared(&index), expected);
    }
}

#[test]
fn entries_are_put_into_an_index_and_all_else_stays() {
    let built = Run::new("run", "data").built().unwrap();
    let of_others = "format = 1\n\n# A comment.\n[[model]]\nname = \"a/b\"\nlanguages = []\narchitecture = \"qrnn\"\n\
                     source.hub = \"o/n\"\nlicence = \"mit\"\nprovenance = \"x\"\n";
    let first = updated(of_others, &built[..1]).unwrap();
    assert!(first.starts_with(of_others));
    let both = updated(&first, &built[1..]).unwrap();
    assert_eq!(updated(&both, &built).unwrap(), both, "the same entries change nothing");
    assert_eq!(updated(of_others, &built).unwrap(), both, "the order of writing does not matter");
    let index = Index::parse(&both, "index", Origin::Own).unwrap();
    let names: Vec<&str> = index.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["a/b", "eu/small", "eu/small-topics"]);
    let mut changed = built[0].clone();
    changed.sha256 = "1".repeat(64);
    let index = Index::parse(&updated(&both, &[changed]).unwrap(), "index", Origin::Own).unwrap();
    assert_eq!(index.entries().len(), 3);
    let Source::Release { sha256, .. } = &index.find("eu/small").unwrap().source else { panic!("no release") };
    assert_eq!(sha256.as_str(), "1".repeat(64));
    // What stands behind them stays as well.
    let behind = format!("{both}\n# Behind.\n");
    assert_eq!(updated(&behind, &built).unwrap(), behind);
    let half = both.replace("# End of what `make zoo` writes.\n", "");
    assert!(matches!(updated(&half, &built), Err(Error::Markers)));
}

#[test]
fn what_cannot_be_published_is_told() {
    let check = |spoil: &dyn Fn(&Run), expected: &str| {
        let run = Run::new("run", "data");
        spoil(&run);
        let failure = Failure::from(run.built().unwrap_err());
        let text = failure.to_string();
        assert!(text.contains(expected), "{expected}: {text}");
        assert_eq!(failure.kind.exit_code(), 3);
    };
    let write = |path: PathBuf, text: &str| std::fs::write(path, text).unwrap();
    let description = |text: String| move |run: &Run| write(run.data().join("zoo.toml"), &text);
    check(&description(DESCRIPTION.replace("lm/free", "lm/fre")), "lm/free/eu.txt");
    check(&description(DESCRIPTION.replace("format = 1", "format = 2")), "format 2");
    check(&description(DESCRIPTION.replace("maker", "makre")), "unknown field `makre`");
    check(&|run| std::fs::remove_dir_all(run.place("eu")).unwrap(), "no model that is done");
    check(&|run| run.stage("eu/corpus", "another corpus", &[]), "from another corpus");
    check(&|run| write(run.place("eu/perplexity-forward.json"), "{}"), "perplexity-forward.json");
    check(&|run| write(run.place("eu/language-model-forward/recipe.toml"), "y"), "recipe.toml");
}

#[test]
fn the_description_of_our_own_models_is_read() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/zoo.toml"));
    let description = Description::read(path).unwrap();
    assert_eq!(description.preset, "small");
    assert!(description.texts.iter().any(|source| source.folder == "lm/common-voice-cc0"));
}

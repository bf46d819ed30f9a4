//! Where models are kept and fetched from, as environment variables say it; Python's huggingface_hub reads the
//! same ones to the same effect. It reads no environment itself: the command hands the variables over.

use std::path::{Path, PathBuf};

use glossa_base::Failure;
use glossa_base::download::{self, Token};
use thiserror::Error as ThisError;

use crate::id::ModelId;

/// Names of the variables that count, for who reads the environment.
pub const VARIABLES: [&str; 16] = [
    "HOME",
    "USERPROFILE",
    "XDG_CACHE_HOME",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_TOKEN_PATH",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
    "HF_HUB_DOWNLOAD_TIMEOUT",
    RELEASES,
    INDEX,
];

/// The variable that names an index of the person's own, which lies over the built-in one.
pub const INDEX: &str = "GLOSSA_ZOO_INDEX";

/// The variable that says where release files of the index are: a folder, or an address.
pub const RELEASES: &str = "GLOSSA_ZOO_RELEASES";

/// The hub where none is named.
pub const HUB: &str = "https://huggingface.co";

/// Why the variables cannot be followed.
#[derive(Debug, ThisError, Clone, PartialEq, Eq)]
pub enum Error {
    /// Nothing says where a cache could be.
    #[error("no folder for the cache of models: neither HF_HOME nor HOME is set")]
    NoHome,
    /// The hub's address is none.
    #[error("HF_ENDPOINT: {reason}")]
    Endpoint {
        /// What is wrong; a password in it is not repeated.
        reason: String,
    },
    /// The address of releases is none.
    #[error("{RELEASES}: {reason}")]
    Releases {
        /// What is wrong; a password in it is not repeated.
        reason: String,
    },
    /// The token cannot be one; it is not shown.
    #[error("HF_TOKEN: {reason}")]
    Token {
        /// What is wrong.
        reason: String,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match error {
            Error::NoHome => "set HF_HOME to a folder",
            Error::Endpoint { .. } => "set HF_ENDPOINT to an address such as https://huggingface.co, or unset it",
            Error::Releases { .. } => {
                "set GLOSSA_ZOO_RELEASES to a folder, or to an address such as https://host/folder"
            }
            Error::Token { .. } => "copy the token again, whole and without quotes, or unset HF_TOKEN",
        };
        Failure::data(error.to_string()).hint(hint)
    }
}

/// Where release files of the index are looked for first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Releases {
    /// A folder on this machine.
    Folder(PathBuf),
    /// A folder on the web, with a slash at the end.
    Web(String),
}

/// What the variables come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The folder of the cache, Python's too.
    pub cache: PathBuf,
    /// The hub, without a slash at the end.
    pub endpoint: String,
    /// Sent to the hub and to nobody else.
    pub token: Option<Token>,
    /// The file that holds a token (of `hf auth login`), for who wants to read it: where `token` is none and
    /// tokens may be sent unasked.
    pub token_file: Option<PathBuf>,
    /// No connections.
    pub offline: bool,
    /// Seconds without a byte after which a connection is given up.
    pub timeout: Option<u64>,
    /// Where release files are, if the person says so.
    pub releases: Option<Releases>,
    /// An index of the person's own.
    pub index: Option<PathBuf>,
}

impl Places {
    /// Resolves variables. Empty ones count as unset, and `~` at the beginning of a folder is the home folder.
    ///
    /// # Errors
    /// [`Error`]: no folder, an endpoint or a token that is none.
    pub fn resolve<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Error> {
        let set: Vec<(&str, &str)> =
            variables.into_iter().map(|(name, value)| (name, value.trim())).filter(|pair| !pair.1.is_empty()).collect();
        let value = |name: &str| set.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
        let user = value("HOME").or_else(|| value("USERPROFILE")).map(Path::new);
        let folder = |name: &str| value(name).map(|text| expanded(text, user));
        let caches = || folder("XDG_CACHE_HOME").or_else(|| user.map(|user| user.join(".cache")));
        let home = folder("HF_HOME").or_else(|| caches().map(|folder| folder.join("huggingface")));
        let cache = folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE"));
        let cache = cache.or_else(|| home.as_ref().map(|home| home.join("hub"))).ok_or(Error::NoHome)?;
        let is_true = |name: &str| value(name).is_some_and(truth);
        let token = value("HF_TOKEN").or_else(|| value("HUGGING_FACE_HUB_TOKEN")).map(Token::new).transpose();
        let token = token.map_err(|error| Error::Token { reason: error.to_string() })?;
        let token_file = folder("HF_TOKEN_PATH").or_else(|| home.map(|home| home.join("token")));
        let token_file = token_file.filter(|_| token.is_none() && !is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN"));
        // Python takes the second only where the first is not set.
        let offline = value("HF_HUB_OFFLINE").or_else(|| value("TRANSFORMERS_OFFLINE")).is_some_and(truth);
        let timeout =
            value("HF_HUB_DOWNLOAD_TIMEOUT").and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
        let endpoint = endpoint(value("HF_ENDPOINT").unwrap_or(HUB))?;
        let releases = value(RELEASES).map(|text| releases(text, user)).transpose()?;
        let index = folder(INDEX);
        Ok(Places { cache, endpoint, token, token_file, offline, timeout, releases, index })
    }
}

/// An address of a hub, checked, without the slash at its end.
pub(crate) fn endpoint(text: &str) -> Result<String, Error> {
    let text = text.trim_end_matches('/');
    let wrong = |reason: &str| Error::Endpoint { reason: reason.to_owned() };
    let host = text.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default()).unwrap_or_default();
    if host.contains('@') {
        return Err(wrong("it has a user or a password in it"));
    }
    if text.contains(['?', '#']) {
        return Err(wrong("it has a query"));
    }
    download::check_url(text).map_err(|error| Error::Endpoint { reason: error.to_string() })?;
    Ok(text.to_owned())
}

/// An address, or else a folder.
fn releases(text: &str, user: Option<&Path>) -> Result<Releases, Error> {
    if !text.contains("://") {
        return Ok(Releases::Folder(expanded(text, user)));
    }
    match ModelId::parse(text).map_err(|error| Error::Releases { reason: error.to_string() })? {
        ModelId::Path(folder) => Ok(Releases::Folder(folder)),
        _ if text.contains(['?', '#']) => Err(Error::Releases { reason: "it has a query".to_owned() }),
        _ => Ok(Releases::Web(format!("{}/", text.trim_end_matches('/')))),
    }
}

fn truth(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str())
}

fn expanded(text: &str, user: Option<&Path>) -> PathBuf {
    match (text.strip_prefix('~'), user) {
        (Some(""), Some(user)) => user.to_path_buf(),
        (Some(rest), Some(user)) if rest.starts_with(['/', '\\']) => user.join(rest.trim_start_matches(['/', '\\'])),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(variables: &[(&str, &str)]) -> Result<Places, Error> {
        Places::resolve(variables.iter().copied())
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        for (variables, expected) in [
            (&[("HOME", "/h")][..], "/h/.cache/huggingface/hub"),
            (&[("USERPROFILE", "/h")], "/h/.cache/huggingface/hub"),
            (&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("HOME", "/h"), ("HF_HOME", "/f"), ("XDG_CACHE_HOME", "/x")], "/f/hub"),
            (&[("HOME", "/h"), ("HF_HOME", "~/f")], "/h/f/hub"),
            (&[("HF_HOME", "~")], "~/hub"),
            (&[("HOME", "/h"), ("HF_HOME", "")], "/h/.cache/huggingface/hub"),
            (&[("HF_HOME", "/f"), ("HF_HUB_CACHE", "/c")], "/c"),
            (&[("HF_HOME", "/f"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old"),
            (&[("HF_HUB_CACHE", "/c"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/c"),
        ] {
            assert_eq!(resolve(variables).unwrap().cache, Path::new(expected), "{variables:?}");
        }
        assert_eq!(resolve(&[]), Err(Error::NoHome));
    }

    #[test]
    fn releases_are_a_folder_or_an_address() {
        let with = |value| resolve(&[("HOME", "/h"), (RELEASES, value)]).map(|places| places.releases);
        for (value, expected) in [
            ("build/zoo", Some(Releases::Folder("build/zoo".into()))),
            ("~/zoo", Some(Releases::Folder("/h/zoo".into()))),
            ("file:///srv/zoo", Some(Releases::Folder("/srv/zoo".into()))),
            ("https://x/y", Some(Releases::Web("https://x/y/".to_owned()))),
            ("https://x/y/", Some(Releases::Web("https://x/y/".to_owned()))),
            ("", None),
        ] {
            assert_eq!(with(value), Ok(expected), "{value}");
        }
        for bad in ["ftp://x", "http://example.org/x", "https://me:secret@x/y", "https://x/y?z"] {
            let error = with(bad).unwrap_err();
            assert!(matches!(error, Error::Releases { .. }) && !error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn hub_token_and_offline_are_found() {
        let places = resolve(&[("HOME", "/h")]).unwrap();
        assert_eq!((places.endpoint.as_str(), places.token, places.offline), (HUB, None, false));
        assert_eq!(places.token_file.unwrap(), Path::new("/h/.cache/huggingface/token"));
        let with = |name, value| resolve(&[("HOME", "/h"), (name, value)]);
        assert_eq!(with("HF_ENDPOINT", "http://127.0.0.1:1/").unwrap().endpoint, "http://127.0.0.1:1");
        for bad in ["hub", "ftp://x", "https://me:secret@x", "https://x?y"] {
            let error = with("HF_ENDPOINT", bad).unwrap_err();
            assert!(matches!(error, Error::Endpoint { .. }) && !error.to_string().contains("secret"), "{error}");
        }
        let places = with("HF_TOKEN", " hf_x\n").unwrap();
        assert_eq!((places.token, places.token_file), (Some(Token::new("hf_x").unwrap()), None));
        let error = with("HF_TOKEN", "hf secret").unwrap_err();
        assert!(matches!(error, Error::Token { .. }) && !format!("{error:?}").contains("secret"), "{error}");
        assert_eq!(with("HF_TOKEN_PATH", "/t").unwrap().token_file.unwrap(), Path::new("/t"));
        assert_eq!(with("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1").unwrap().token_file, None);
        for (value, expected) in [("1", true), ("true", true), ("Yes", true), ("on", true), ("0", false), ("", false)] {
            assert_eq!(with("HF_HUB_OFFLINE", value).unwrap().offline, expected, "{value}");
        }
        assert!(with("TRANSFORMERS_OFFLINE", "1").unwrap().offline);
        assert_eq!(with("HF_HUB_DOWNLOAD_TIMEOUT", "7").unwrap().timeout, Some(7));
        assert_eq!(with("HF_HUB_DOWNLOAD_TIMEOUT", "0").unwrap().timeout, None);
        assert_eq!(with(INDEX, "~/mine.toml").unwrap().index.unwrap(), Path::new("/h/mine.toml"));
        assert_eq!(with(INDEX, "").unwrap().index, None);
    }
}

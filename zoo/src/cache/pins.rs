//! Hashes that nobody published: the first pull writes them down, and later ones must find the same.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use glossa_base::Interrupt;
use serde::{Deserialize, Serialize};

use super::repository::write_whole;
use super::{Cache, Error, Lock};

const FORMAT: u32 = 1;
const NAME: &str = "glossa-pins.toml";
const LONGEST: u64 = 64 << 20;

/// What was found at the first pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// SHA-256 of a file, or the commit of a repository that was named without one.
    pub hash: String,
    /// The file's size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    #[serde(default)]
    pin: BTreeMap<String, Pin>,
}

/// All pins of a cache, by what they are of: a URL, or `glossa:NAME`.
pub(crate) struct Pins<'a> {
    cache: &'a Cache,
}

impl Cache {
    pub(crate) fn pins(&self) -> Pins<'_> {
        Pins { cache: self }
    }

    /// Every pin, by what it is of.
    ///
    /// # Errors
    /// A file of pins that is damaged.
    pub fn pinned(&self) -> Result<BTreeMap<String, Pin>, Error> {
        self.pins().all()
    }

    /// Forgets the pins whose name begins with this; the next pull pins what it finds. Gives how many they were.
    ///
    /// # Errors
    /// A file of pins that is damaged or cannot be written.
    pub fn forget_pins(&self, start: &str) -> Result<usize, Error> {
        self.pins().change(|pins| {
            let before = pins.len();
            pins.retain(|name, _| !name.starts_with(start));
            before - pins.len()
        })
    }
}

impl Pins<'_> {
    /// In a folder that Python's tools pass over, and that outlives the models.
    fn path(&self) -> PathBuf {
        self.cache.root().join(".locks").join(NAME)
    }

    pub(crate) fn all(&self) -> Result<BTreeMap<String, Pin>, Error> {
        let path = self.path();
        let damaged = |reason: String| Error::Damaged { path: path.clone(), reason };
        match fs::metadata(&path) {
            Ok(found) if found.len() > LONGEST => return Err(damaged("is too large for pins".to_owned())),
            Ok(_) => {}
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(BTreeMap::new());
            }
            Err(cause) => return Err(Error::Read { path, cause }),
        }
        let text = fs::read_to_string(&path).map_err(Error::read(&path))?;
        let document: Document = toml::from_str(&text).map_err(|error| damaged(error.message().replace('\n', " ")))?;
        if document.format != FORMAT {
            return Err(damaged(format!("has format {}, this glossa knows {FORMAT}", document.format)));
        }
        Ok(document.pin)
    }

    pub(crate) fn get(&self, name: &str) -> Result<Option<Pin>, Error> {
        Ok(self.all()?.remove(name))
    }

    /// Pins what is not pinned yet; what is stays as it is.
    pub(crate) fn add(&self, new: Vec<(String, Pin)>) -> Result<(), Error> {
        if new.is_empty() {
            return Ok(());
        }
        self.change(|pins| {
            for (name, pin) in new {
                pins.entry(name).or_insert(pin);
            }
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Pin>) -> T) -> Result<T, Error> {
        let path = self.path();
        let _lock = Lock::take(&path.with_extension("toml.lock"), &path, &Interrupt::default());
        let mut pin = self.all()?;
        let result = change(&mut pin);
        let text = toml::to_string(&Document { format: FORMAT, pin });
        let text = text.map_err(|error| Error::Damaged { path: path.clone(), reason: error.to_string() })?;
        write_whole(&path, text.as_bytes())?;
        Ok(result)
    }
}

//! What a machine needs for NVIDIA GPUs beside the GPU: a driver that is new enough, the CUDA headers, and NVRTC, which
//! compiles kernels when they are first used. It is looked for here because burn panics where it is missing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::Error;

/// What the command found in its environment.
static PLACES: OnceLock<CudaPlaces> = OnceLock::new();

/// Where the environment says that CUDA is.
#[derive(Debug, Clone, Default)]
pub struct CudaPlaces {
    /// `CUDA_PATH`: the toolkit.
    pub toolkit: Option<OsString>,
    /// `LD_LIBRARY_PATH`: folders of libraries.
    pub libraries: Option<OsString>,
}

impl CudaPlaces {
    /// From now on things are looked for there too; said once, by the command.
    pub fn tell(self) {
        // A second word changes nothing: the environment is the same.
        let _ = PLACES.set(self);
    }
}

/// Where things are looked for.
#[derive(Debug, Clone)]
pub struct CudaSetup {
    /// The CUDA toolkit: `CUDA_PATH`, or where it usually is.
    root: PathBuf,
    /// Folders of libraries.
    libraries: Vec<PathBuf>,
    /// Names of the libraries that the system's loader knows.
    known: Vec<u8>,
    /// What the driver says of itself.
    driver: String,
    /// The CUDA version of this build, such as 13000, where it is known.
    version: Option<u32>,
}

impl CudaSetup {
    /// This machine's.
    pub fn here() -> Self {
        let CudaPlaces { toolkit, libraries: path } = PLACES.get().cloned().unwrap_or_default();
        let root = toolkit.map_or_else(|| PathBuf::from("/usr/local/cuda"), PathBuf::from);
        let mut libraries: Vec<PathBuf> =
            ["lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"].map(|name| root.join(name)).into();
        let path = path.unwrap_or_default();
        let folders = path.to_string_lossy().split(':').map(PathBuf::from).collect::<Vec<_>>();
        libraries.extend(folders.into_iter().filter(|folder| !folder.as_os_str().is_empty()));
        let usual = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
        libraries.extend(usual.map(PathBuf::from));
        CudaSetup {
            root,
            libraries,
            known: std::fs::read("/etc/ld.so.cache").unwrap_or_default(),
            driver: std::fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default(),
            version: option_env!("CUDARC_CUDA_VERSION").and_then(|version| version.parse().ok()),
        }
    }

    /// The driver's version, where it says one.
    pub fn driver(&self) -> Option<&str> {
        let is_version = |word: &&str| word.split_once('.').is_some_and(|(major, _)| major.parse::<u32>().is_ok());
        self.driver.lines().next()?.split_whitespace().find(is_version)
    }

    /// What is missing, if something is.
    pub fn problem(&self) -> Option<Error> {
        if let (Some(found), Some(needed)) = (self.driver(), self.needed_driver())
            && found.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major < needed)
        {
            return Some(Error::OldDriver { found: found.to_owned(), needed });
        }
        if !cfg!(target_os = "linux") {
            return None;
        }
        let headers = self.root.join("include").join("cuda_runtime.h");
        if !headers.is_file() {
            return Some(Error::NoCudaHeaders { path: headers.display().to_string() });
        }
        (!self.has_nvrtc()).then_some(Error::NoNvrtc)
    }

    /// The first driver for the CUDA version of this build, as NVIDIA's release notes say.
    fn needed_driver(&self) -> Option<u32> {
        match self.version? / 1000 {
            12 => Some(525),
            13 => Some(580),
            _ => None,
        }
    }

    fn has_nvrtc(&self) -> bool {
        let name = b"libnvrtc.so";
        self.known.windows(name.len()).any(|part| part == name) || self.libraries.iter().any(|folder| holds(folder))
    }
}

/// Whether NVRTC lies in a folder.
fn holds(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("libnvrtc.so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(root: &Path, driver: &str) -> CudaSetup {
        let libraries = vec![root.join("lib64")];
        CudaSetup {
            root: root.to_path_buf(),
            libraries,
            known: Vec::new(),
            driver: driver.to_owned(),
            version: Some(13_000),
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let root = tempfile::tempdir().unwrap();
        let new =
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\nGCC version: 12.2.0";
        let old = new.replace("580.65.06", "535.183.01");
        let problem = |driver: &str| setup(root.path(), driver).problem();
        assert!(matches!(problem(&old), Some(Error::OldDriver { found, needed: 580 }) if found == "535.183.01"));
        assert!(
            matches!(problem(new), Some(Error::NoCudaHeaders { path }) if path.ends_with("include/cuda_runtime.h"))
        );
        std::fs::create_dir_all(root.path().join("include")).unwrap();
        std::fs::write(root.path().join("include/cuda_runtime.h"), "").unwrap();
        assert!(matches!(problem(new), Some(Error::NoNvrtc)));
        assert!(matches!(problem(""), Some(Error::NoNvrtc)), "a driver that says nothing is no old one");
        let known = CudaSetup { known: b"\0libnvrtc.so.13\0".to_vec(), ..setup(root.path(), new) };
        assert!(known.problem().is_none());
        std::fs::create_dir_all(root.path().join("lib64")).unwrap();
        std::fs::write(root.path().join("lib64/libnvrtc.so.13"), "").unwrap();
        assert!(problem(new).is_none());
        let older_build = CudaSetup { version: Some(12_080), ..setup(root.path(), &old) };
        assert!(older_build.problem().is_none());
    }
}

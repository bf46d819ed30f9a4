//! Why a model was not published.

use glossa_base::{Failure, Kind, download};
use thiserror::Error as ThisError;

use crate::{card, id, pull};

/// A model that was not published, and why.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The id of the target is none.
    #[error(transparent)]
    Id(#[from] id::Error),
    /// Nothing can be published there.
    #[error("`{target}` is no place to publish to")]
    Target {
        /// What was given.
        target: String,
    },
    /// The folder has no manifest.
    #[error("{folder} has no manifest, so nobody knows what belongs to the model and what it was made from")]
    NoManifest {
        /// The folder.
        folder: String,
    },
    /// The folder is not whole.
    #[error("{0}")]
    Model(Failure),
    /// Neither the card nor the caller names a licence.
    #[error("{folder} has no licence")]
    NoLicence {
        /// The folder.
        folder: String,
    },
    /// The licence does not allow to publish.
    #[error("the licence `{licence}` does not allow to publish the model")]
    Forbidden {
        /// The licence.
        licence: String,
    },
    /// A licence that is no identifier.
    #[error("`{licence}` is no identifier of a licence")]
    BadLicence {
        /// What was given, escaped.
        licence: String,
    },
    /// The card cannot be written.
    #[error(transparent)]
    Card(#[from] card::Error),
    /// A hub wants to know who publishes.
    #[error("a hub takes models only with a token")]
    NoToken,
    /// The hub refuses.
    #[error("the hub refuses {what} of {id} (status {status}){}", message.as_ref().map(|message| format!(": {message}")).unwrap_or_default())]
    Refused {
        /// The model.
        id: String,
        /// Which step.
        what: &'static str,
        /// The status.
        status: u16,
        /// What the hub says, without the token.
        message: Option<String>,
    },
    /// An answer that is not of the form that hubs have.
    #[error("the hub's answer to {what} is not understood: {reason}")]
    Answer {
        /// Which step.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A file that the hub takes only in parts.
    #[error("{file} has {bytes} bytes, more than the hub takes at once")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        bytes: u64,
    },
    /// The hub cannot be used.
    #[error(transparent)]
    Hub(#[from] pull::Error),
    /// A connection failed.
    #[error(transparent)]
    Send(#[from] download::Error),
    /// A file could not be written or read.
    #[error("{0}")]
    Write(Failure),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, hint) = match &error {
            Error::NoManifest { .. } => {
                (Kind::Data, "publish the folder that a training, an import or a conversion made")
            }
            Error::NoLicence { .. } => (Kind::Data, "name it with --licence, such as cc-by-sa-4.0"),
            Error::Forbidden { .. } => (Kind::Data, "ask who made the model or its data; --licence names another one"),
            Error::BadLicence { .. } => (Kind::Data, "use an SPDX identifier, such as cc-by-sa-4.0 or apache-2.0"),
            Error::Target { .. } => {
                (Kind::Data, "give owner/name, a folder, or a file that ends with .tar.zst or .tar.gz")
            }
            Error::NoToken => (Kind::Data, "set HF_TOKEN to a token that may write"),
            Error::Refused { .. } => (Kind::Network, "check that the token of HF_TOKEN may write there"),
            Error::Answer { .. } => (Kind::Network, "check HF_ENDPOINT, or try later"),
            Error::TooLarge { .. } => (Kind::Data, "publish it as an archive, or in shards of less than 5 GB"),
            _ => (Kind::Data, ""),
        };
        match error {
            Error::Id(error) => error.into(),
            Error::Model(failure) | Error::Write(failure) => failure,
            Error::Card(error) => error.into(),
            Error::Hub(error) => error.into(),
            Error::Send(error) => error.into(),
            other => Failure::new(kind, other.to_string()).hint(hint),
        }
    }
}

//! A language code as Wikipedia writes it: `eu`, `zh-yue`, `be-tarask`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Failure;

/// A well-formed language code; whether the language is known is the registry's business.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LanguageCode(String);

/// The text is not a language code.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a language code")]
pub struct BadCode(String);

impl From<BadCode> for Failure {
    fn from(error: BadCode) -> Self {
        Failure::data(error.to_string())
            .hint("two or three lower-case letters, then parts after hyphens, such as eu or zh-yue")
    }
}

impl LanguageCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LanguageCode {
    type Err = BadCode;

    fn from_str(text: &str) -> Result<Self, BadCode> {
        let mut parts = text.split('-');
        let lower = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let head = parts.next().is_some_and(|part| lower(part) && (2..=8).contains(&part.len()));
        if head && parts.all(|part| lower(part) && part.len() <= 10) && text.len() <= 32 {
            return Ok(LanguageCode(text.to_owned()));
        }
        Err(BadCode(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for LanguageCode {
    type Error = BadCode;

    fn try_from(text: String) -> Result<Self, BadCode> {
        text.parse()
    }
}

impl From<LanguageCode> for String {
    fn from(code: LanguageCode) -> String {
        code.0
    }
}

impl fmt::Display for LanguageCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for good in ["eu", "gsw", "zh-yue", "be-tarask", "simple", "map-bms"] {
            assert!(good.parse::<LanguageCode>().is_ok(), "{good}");
        }
        for bad in ["", "e", "EU", "eu-", "../x", "e u", "eu_Latn"] {
            assert!(bad.parse::<LanguageCode>().is_err(), "{bad}");
        }
    }
}

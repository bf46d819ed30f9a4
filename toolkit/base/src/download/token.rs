//! A bearer token: sent with requests, and shown nowhere.

use std::fmt;

use super::Error;

/// Longer texts are no token.
const LONGEST: usize = 8192;

/// A secret that says who asks. It goes to the host that was asked and to no other; what prints it prints
/// nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token from a text, without the white space around it.
    ///
    /// # Errors
    /// [`Error::BadToken`]: it is empty, too long, or has characters that no header can carry. The text is
    /// not named.
    pub fn new(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let reason = match text {
            "" => "it is empty",
            text if text.len() > LONGEST => "it is too long",
            text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => "it holds a space or a character beyond ASCII",
            text => return Ok(Token(text.to_owned())),
        };
        Err(Error::BadToken { reason })
    }

    /// The text, for the header.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// A text from outside, such as a server's message, without this token in it.
    pub fn hide_in(&self, text: &str) -> String {
        text.replace(&self.0, "(token)")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new(" AAAA%2Bsecret=\n").unwrap();
        assert_eq!((token.text(), format!("{token:?}").as_str()), ("AAAA%2Bsecret=", "Token(hidden)"));
        assert_eq!(token.hide_in("no AAAA%2Bsecret= here"), "no (token) here");
        for bad in ["", " \n", "sec ret", "sec\nret", "secrét", &"secret".repeat(2000)] {
            let error = Token::new(bad).unwrap_err();
            assert!(
                matches!(error, Error::BadToken { .. }) && !format!("{error} {error:?}").contains("sec"),
                "{error}"
            );
        }
    }
}

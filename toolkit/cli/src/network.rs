//! How commands reach the network: proxies and tokens as the environment names them, and nothing with
//! `--offline`.

use glossa_base::download::{Downloader, Proxies, Settings, Token};
use glossa_base::{Failure, Kind, Outcome};

use crate::context::Context;

/// Where X's token may stand: our name, then those of X's own examples and other clients.
const X_TOKEN: [&str; 3] = ["X_BEARER_TOKEN", "TWITTER_BEARER_TOKEN", "BEARER_TOKEN"];

/// A variable that is not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The token for X. It comes from the environment only: arguments are seen by everybody on the machine.
pub(crate) fn x_token() -> Outcome<Token> {
    let Some(text) = X_TOKEN.into_iter().find_map(variable) else {
        return Err(Failure::new(Kind::Usage, "no token for X: X_BEARER_TOKEN is not set")
            .hint("export X_BEARER_TOKEN with the bearer token of your app, from X's developer console"));
    };
    Ok(Token::new(&text)?)
}

/// A downloader for a command.
pub(crate) fn downloader(context: &Context) -> Outcome<Downloader> {
    let proxies = environment_proxies();
    Ok(Downloader::new(Settings { offline: context.offline, proxies, ..Settings::default() })?)
}

/// The proxies that the environment names.
pub(crate) fn environment_proxies() -> Proxies {
    proxies(variable)
}

/// The proxies of an environment, in small letters or in capitals.
fn proxies(environment: impl Fn(&str) -> Option<String>) -> Proxies {
    let either = |name: &str| environment(name).or_else(|| environment(&name.to_uppercase()));
    // In a CGI program HTTP_PROXY is a header that the client sends; there only small letters count.
    let http = environment("http_proxy")
        .or_else(|| environment("HTTP_PROXY").filter(|_| environment("REQUEST_METHOD").is_none()));
    Proxies {
        http: http.or_else(|| either("all_proxy")),
        https: either("https_proxy").or_else(|| either("all_proxy")),
        none: either("no_proxy"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Proxies {
        proxies(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn small_letters_come_first() {
        let some = |text: &str| Some(text.to_owned());
        let both = of(&[("https_proxy", "a"), ("HTTPS_PROXY", "b"), ("ALL_PROXY", "c"), ("NO_PROXY", "d")]);
        assert_eq!(both, Proxies { http: some("c"), https: some("a"), none: some("d") });
        assert_eq!(of(&[("HTTP_PROXY", "a")]).http, some("a"));
        assert_eq!(of(&[("HTTP_PROXY", "a"), ("REQUEST_METHOD", "GET")]), Proxies::default());
    }
}

//! How commands reach the network: proxies as the environment names them, and nothing with `--offline`.

use glossa_base::Outcome;
use glossa_base::download::{Downloader, Proxies, Settings};

use crate::context::Context;

/// A downloader for a command.
pub(crate) fn downloader(context: &Context) -> Outcome<Downloader> {
    let proxies = proxies(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()));
    Ok(Downloader::new(Settings { offline: context.offline, proxies, ..Settings::default() })?)
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

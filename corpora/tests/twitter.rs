//! Fetching tweets from a server that plays X, well and badly.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../../toolkit/base/tests/support/server.rs"]
mod server;
#[path = "twitter/support.rs"]
mod support;

#[path = "twitter/failures.rs"]
mod failures;
#[path = "twitter/ids.rs"]
mod ids;
#[path = "twitter/kills.rs"]
mod kills;
#[path = "twitter/rates.rs"]
mod rates;
#[path = "twitter/searches.rs"]
mod searches;

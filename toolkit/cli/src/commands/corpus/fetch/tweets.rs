//! `glossa corpus fetch tweets`.

use std::path::Path;

use glossa_base::Outcome;
use glossa_base::download::Watch;
use glossa_corpora::twitter::{self, Asked, Choice, Ended, Plan, Search, Summary};
use serde_json::json;

use crate::arguments::FetchTweets;
use crate::context::Context;
use crate::{network, signals};

pub(super) fn run(arguments: &FetchTweets, context: &Context) -> Outcome<()> {
    let (choice, out) = (choice(arguments), &arguments.out);
    let downloader = network::downloader(context)?;
    if context.dry_run {
        let plan = twitter::plan(&choice, out, &downloader)?;
        let value = json!({"command": "corpus fetch", "would_write": out, "plan": plan});
        return context.emit(&value, &planned(&plan, out));
    }
    let token = network::x_token()?;
    let interrupt = signals::listen()?;
    let watch = Watch { progress: &context.console, interrupt: &interrupt };
    let summary = twitter::fetch(&choice, out, &token, &downloader, watch)?;
    let text = fetched(&summary, choice.budget, out);
    let Summary { tweets, pages, spent, ended, record } = summary;
    let value = json!({"folder": out, "tweets": tweets, "pages": pages, "spent": spent, "budget": choice.budget,
        "ended": ended, "source": record});
    context.emit(&value, &text)
}

fn choice(arguments: &FetchTweets) -> Choice {
    let asked = match &arguments.ids {
        Some(path) => Asked::Ids(path.clone()),
        None => Asked::Search(Search {
            query: arguments.query.clone().unwrap_or_default(),
            archive: arguments.archive,
            since: arguments.since.clone(),
            until: arguments.until.clone(),
        }),
    };
    Choice { asked, budget: arguments.budget, base_url: arguments.base_url.clone() }
}

fn planned(plan: &Plan, out: &Path) -> String {
    let request = match &plan.request {
        Some(address) => format!("would begin with GET {address}"),
        None => "would ask for nothing: all is there, or the budget is used up".to_owned(),
    };
    let budget = plan.budget.map_or_else(|| "no limit".to_owned(), |budget| format!("{budget} tweets"));
    format!(
        "corpus fetch: {}\n{request}\nbudget: {budget}, {} used\nfolder: {}\nnothing was written",
        plan.subject,
        plan.spent,
        out.display()
    )
}

fn fetched(summary: &Summary, budget: Option<u64>, out: &Path) -> String {
    let Summary { tweets, pages, spent, ended, record } = summary;
    let end = match (ended, budget) {
        (Ended::Complete, _) if *tweets == 0 => "nothing new".to_owned(),
        (Ended::Complete, _) => "all there is by now".to_owned(),
        (Ended::Budget, Some(budget)) => {
            format!("the budget of {budget} tweets buys no further page; the same command with a larger one goes on")
        }
        (Ended::Budget, None) => "the budget is used up".to_owned(),
    };
    let missing: Vec<String> = record.missing.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let missing = match missing.as_slice() {
        [] => String::new(),
        reasons => format!("\nwithout a tweet (missing.txt): {}", reasons.join(", ")),
    };
    format!(
        "source: {}, {tweets} tweets in {pages} pages; {end}\nfolder: {}, {} tweets in {} files, {spent} paid for{missing}\n\
         licence: {}",
        record.subject,
        out.display(),
        record.tweets,
        record.files.len(),
        record.licence
    )
}

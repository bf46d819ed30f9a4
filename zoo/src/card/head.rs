//! The head of a card, read again: what an earlier step wrote of a model is kept when it is published. It reads the
//! YAML that [`super::Card`] writes, and passes over what others wrote differently.
#![deny(clippy::indexing_slicing)]

use super::MetricRow;
use crate::layout::ModelKind;

/// Larger heads are not read.
const LONGEST: usize = 4 << 20;

/// What the head of a card says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Head {
    pub(crate) language: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) base_model: Option<String>,
    pub(crate) kind: Option<ModelKind>,
    pub(crate) architecture: Option<String>,
    pub(crate) metrics: Vec<MetricRow>,
}

/// Where in the head a line stands.
#[derive(Default)]
struct Place {
    /// The last key at the margin.
    section: String,
    tags: Vec<String>,
    /// Of a result in the model's index.
    dataset: String,
    /// Whether a metric has begun, and its name.
    metric: Option<String>,
}

impl Head {
    /// Reads the head of a page; one without a head says nothing.
    pub(crate) fn read(page: &str) -> Self {
        let head = page.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map(|(head, _)| head);
        let mut found = Head::default();
        let mut place = Place::default();
        for line in head.filter(|head| head.len() < LONGEST).unwrap_or_default().lines() {
            let text = line.trim_start_matches(' ');
            let indent = line.len() - text.len();
            match text.strip_prefix("- ") {
                Some(item) if place.section == "tags" => place.tags.extend(scalar(item)),
                Some(item) => found.line(&mut place, indent + 2, item),
                None => found.line(&mut place, indent, text),
            }
            if text == "- type" || text.starts_with("- type:") {
                place.metric = Some(String::new());
            }
        }
        found.architecture = place.tags.into_iter().nth(1);
        found
    }

    fn line(&mut self, place: &mut Place, indent: usize, text: &str) {
        let (key, value) = text.split_once(':').map_or((text, ""), |(key, value)| (key, value.trim()));
        let value = scalar(value);
        if indent == 0 {
            key.clone_into(&mut place.section);
        }
        match (indent, key) {
            (0, "language") => self.language = value,
            (0, "license") => self.license = value,
            (0, "base_model") => self.base_model = value,
            (0, "pipeline_tag") => self.kind = value.as_deref().and_then(kind),
            (6, "name") if place.metric.is_some() => place.metric = value,
            (6, "name") => place.dataset = value.unwrap_or_default(),
            (6, "value") => {
                let value = value.and_then(|text| text.parse::<f64>().ok()).filter(|value| value.is_finite());
                let name = place.metric.take().filter(|name| !name.is_empty());
                if let (Some(name), Some(value)) = (name, value) {
                    self.metrics.push(MetricRow { name, value, dataset: place.dataset.clone() });
                }
            }
            _ => {}
        }
    }
}

fn kind(tag: &str) -> Option<ModelKind> {
    let kinds = [ModelKind::LanguageModel, ModelKind::MaskedLanguageModel, ModelKind::Encoder, ModelKind::Classifier];
    kinds.into_iter().find(|kind| kind.pipeline_tag() == tag)
}

/// A plain scalar, or one in double quotes.
fn scalar(text: &str) -> Option<String> {
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok(),
        b'[' | b'{' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' => None,
        _ => Some(text.to_owned()),
    }
}

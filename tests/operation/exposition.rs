//! Reads `/metrics` as Prometheus does.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::support::eventually;

/// The samples of one request to `/metrics`.
#[derive(Debug)]
pub struct Exposition {
    /// The values by series, in the format `name{label="value"}`.
    samples: HashMap<String, f64>,
}

impl Exposition {
    /// Reads the metrics at `address`.
    pub async fn of(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let answer = http.get(format!("http://{address}/metrics")).send().await.expect("answers");
        assert_eq!(answer.status(), 200);
        let content_type = answer.headers()["content-type"].to_str().expect("text").to_owned();
        assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
        Self::parse(&answer.text().await.expect("text"))
    }

    /// Checks that each line is a comment or a sample, that no series occurs twice, and that the last line is `# EOF`.
    fn parse(text: &str) -> Self {
        assert!(text.ends_with("# EOF\n"), "{text}");
        let mut samples = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("not a sample: {line:?}"));
            let value = value.parse().unwrap_or_else(|error| panic!("{line:?}: {error}"));
            assert!(series.starts_with("switchboard_"), "{line:?}");
            assert_eq!(samples.insert(series.to_owned(), value), None, "{series} occurs twice");
        }
        Self { samples }
    }

    /// The value of a series, named without the prefix `switchboard_`. 0 if the series does not exist.
    pub fn get(&self, series: &str) -> f64 {
        self.samples.get(&format!("switchboard_{series}")).copied().unwrap_or_default()
    }

    /// Whether there is a series with this name, with any labels.
    pub fn has(&self, name: &str) -> bool {
        self.samples.keys().any(|series| series.split('{').next() == Some(name))
    }

    /// The values of a label, once for each series that has the label.
    pub fn label<'a>(&'a self, label: &'a str) -> impl Iterator<Item = &'a str> {
        let label = format!("{label}=\"");
        self.samples.keys().filter_map(move |series| series.split_once(&label)?.1.split('"').next())
    }
}

/// Reads the metrics until `wanted` accepts them.
pub async fn until(address: SocketAddr, what: &str, wanted: impl Fn(&Exposition) -> bool) -> Exposition {
    eventually(what, async || Some(Exposition::of(address).await).filter(|now| wanted(now))).await
}

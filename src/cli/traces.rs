//! Traces: sends the spans of this program to an OpenTelemetry collector, by OTLP over HTTP or HTTPS.
//!
//! Exports only the spans of `switchboard` and of `graphql_transport`, with their names, times and few fields. The
//! sampler and the batch limits are set by the environment variables of the OpenTelemetry SDK (`OTEL_TRACES_SAMPLER`,
//! `OTEL_BSP_…`).

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

/// How long the collector may take for one batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the process waits at its end for the spans that are not yet sent.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum size of a response of the collector.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// Exports the traces of this process until it is dropped.
pub struct Traces {
    provider: Option<SdkTracerProvider>,
}

/// Posts batches to the collector. The SDK calls it on a separate thread, and the runtime sends the requests.
#[derive(Debug)]
struct Collector<C> {
    runtime: Handle,
    client: legacy::Client<C, Full<Bytes>>,
}

impl<C: Connect + Clone> Collector<C> {
    fn new(runtime: &Handle, connector: C) -> Self {
        let client = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Self { runtime: runtime.clone(), client }
    }
}

/// A connector that trusts the certificate authorities of the operating system.
fn tls_connector() -> anyhow::Result<HttpsConnector<HttpConnector>> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
    let builder =
        builder.context("--otlp-endpoint is https, and the system has no certificate authorities")?;
    Ok(builder.https_only().enable_http1().build())
}

type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl<C> HttpClient for Collector<C>
where
    C: Connect + Clone + fmt::Debug + Send + Sync + 'static,
{
    // The signature that `async_trait` generates for an async function.
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> ResponseFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let sent = self.client.request(request.map(Full::new));
        let response = async {
            let (parts, body) = sent.await?.into_parts();
            let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        // A timer must be created inside the runtime.
        let response = self.runtime.spawn(async { tokio::time::timeout(EXPORT_TIMEOUT, response).await });
        Box::pin(async move { response.await?? })
    }
}

impl Traces {
    /// Starts to export to `endpoint`. Does nothing without an endpoint.
    ///
    /// The runtime must outlive the returned value.
    pub fn start<S>(
        endpoint: Option<&str>,
        runtime: &Handle,
    ) -> anyhow::Result<(Self, Option<impl Layer<S> + use<S>>)>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let Some(endpoint) = endpoint else { return Ok((Self { provider: None }, None)) };
        let endpoint = traces_url(endpoint)?;
        let exporter = SpanExporter::builder().with_http();
        let exporter = match endpoint.scheme() {
            "https" => exporter.with_http_client(Collector::new(runtime, tls_connector()?)),
            _ => exporter.with_http_client(Collector::new(runtime, HttpConnector::new())),
        };
        let exporter = exporter
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(String::from(endpoint))
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .context("--otlp-endpoint")?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let service = Resource::builder().with_service_name("switchboard").with_attribute(version);
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(service.build()).build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("switchboard"))
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_filter(filter_fn(|of| of.is_span() && is_ours(of.target())));
        Ok((Self { provider: Some(provider) }, Some(layer)))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(Err(error)) =
            self.provider.as_ref().map(|provider| provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT))
        {
            tracing::warn!(%error, "the remaining traces were not sent");
        }
    }
}

/// The URL for traces: adds the default path of collectors if the endpoint has no path.
fn traces_url(endpoint: &str) -> anyhow::Result<Url> {
    let mut url = Url::parse(endpoint).context("--otlp-endpoint is not a URL")?;
    let is_http = matches!(url.scheme(), "http" | "https");
    anyhow::ensure!(is_http, "--otlp-endpoint must begin with http:// or https://");
    if url.path() == "/" {
        url.set_path("/v1/traces");
    }
    Ok(url)
}

/// Whether a span is of this program rather than of a library.
fn is_ours(target: &str) -> bool {
    ["switchboard", "graphql_transport"].iter().any(|name| target.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_path_is_added_to_an_endpoint_without_a_path() {
        let made = |endpoint| traces_url(endpoint).map(String::from);
        assert_eq!(made("http://otel:4318").unwrap(), "http://otel:4318/v1/traces");
        assert_eq!(made("http://otel:4318/").unwrap(), "http://otel:4318/v1/traces");
        assert_eq!(made("https://otel").unwrap(), "https://otel/v1/traces");
        assert_eq!(made("http://otel/a/b").unwrap(), "http://otel/a/b");
        assert!(made("otel:4318").is_err());
        assert!(made("grpc://otel:4317").is_err());
    }
}

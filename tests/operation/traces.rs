//! Traces: spans continue the client's trace, and are sent to a collector, also over TLS.

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use crate::support::authority::Authority;
use crate::support::collector::Collector;
use crate::support::database::{Database, TestDatabase};
use crate::support::fault::process::{Options, Process};
use crate::support::fault::workspace;
use crate::support::socket::Socket;

/// The trace id of an upgrade request, and the client's span in it.
const OF_UPGRADE: (&str, &str) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
/// The trace id of one operation, and the client's span in it.
const OF_OPERATION: (&str, &str) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");

fn traceparent((trace, span): (&str, &str)) -> String {
    format!("00-{trace}-{span}-01")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The trace id of `span`, and the id of its parent.
fn trace_and_parent(span: &Span) -> (String, String) {
    (hex(&span.trace_id), hex(&span.parent_span_id))
}

/// Stops the server, which sends the remaining spans.
async fn end(mut process: Process) {
    process.terminate().await;
    let status = process.ended().await;
    assert_eq!(status.code(), Some(0), "{}", process.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_of_a_socket_continue_their_clients_trace() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = workspace(&store.url).await;
    let collector = Collector::start().await;
    let options = Options::default().set("OTLP_ENDPOINT", collector.endpoint());
    let process = Process::start_with(&store.url, options).await;
    let rep = world.at(process.address()).rep;

    let traced = Socket::open_with(&rep.client, &[("traceparent", &traceparent(OF_UPGRADE))]).await;
    let plain = Socket::open(&rep.client).await;
    let viewer = |name: &str| format!("query {name} {{ viewer {{ id }} }}");
    traced.subscribe(&viewer("OfUpgrade"), Value::Null).next().await;
    let named = json!({ "traceparent": traceparent(OF_OPERATION) });
    for (socket, name) in [(&traced, "OfOperation"), (&plain, "OfOperationAlone")] {
        socket.start(json!({ "query": viewer(name), "extensions": named })).next().await;
    }
    let live = "subscription OfLive { queueChanges { __typename } }";
    let mut changes = plain.start(json!({ "query": live, "extensions": named }));
    changes.next().await;
    changes.complete();
    for (n, nonsense) in [json!("garbage"), json!(7), Value::Null].into_iter().enumerate() {
        let extensions = json!({ "traceparent": nonsense });
        let query = viewer(&format!("OfNonsense{n}"));
        traced.start(json!({ "query": query, "extensions": extensions })).next().await;
    }
    plain.subscribe(&viewer("OfNoClient"), Value::Null).next().await;
    drop((traced, plain));
    end(process).await;

    let of = |(trace, span): (&str, &str)| (trace.to_owned(), span.to_owned());
    for name in ["OfUpgrade", "OfNonsense0", "OfNonsense1", "OfNonsense2"] {
        assert_eq!(trace_and_parent(&collector.operation(name)), of(OF_UPGRADE), "{name}");
    }
    for name in ["OfOperation", "OfOperationAlone", "OfLive"] {
        assert_eq!(trace_and_parent(&collector.operation(name)), of(OF_OPERATION), "{name}");
    }
    let (trace, parent) = trace_and_parent(&collector.operation("OfNoClient"));
    assert_eq!(parent, "", "no client gave a parent");
    assert!(trace != OF_UPGRADE.0 && trace != OF_OPERATION.0, "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_are_sent_encrypted_to_a_trusted_collector_only() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = workspace(&store.url).await;
    let roots = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(roots.path(), &authority.pem).expect("writes");
    for (signed_by, is_trusted) in [(&authority, true), (&stranger, false)] {
        let collector = Collector::start_encrypted(&signed_by.certify("127.0.0.1")).await;
        let options = Options::default().environment("SSL_CERT_FILE", roots.path().display());
        let options = options.set("OTLP_ENDPOINT", collector.endpoint());
        let process = Process::start_with(&store.url, options).await;
        world.at(process.address()).rep.client.data("query Traced { viewer { id } }", Value::Null).await;
        end(process).await;
        if is_trusted {
            collector.operation("Traced");
        } else {
            assert_eq!(collector.batches().len(), 0, "an untrusted collector received traces");
        }
    }
}

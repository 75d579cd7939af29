//! Wake-ups over NATS, for databases that speak PostgreSQL's protocol but have no NOTIFY.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Subscriber};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::service::live::wakeups::{Bus, BusError, Link};
use crate::store::db::tls::{Verify, client_config};

/// The subject of wake-ups. Wake-ups of other stores name unknown workspaces, so they have no effect.
const SUBJECT: &str = "switchboard.wakeups";
/// The first text. Receiving it back confirms that the subscription is active.
const HELLO: &str = "hello";
/// The ping interval. Two missed replies end the connection.
const PING: Duration = Duration::from_secs(5);

/// The NATS servers to connect to.
pub struct Nats {
    servers: String,
}

impl Nats {
    /// `servers` is a comma-separated list of URLs, `nats://…` or `tls://…`, each optionally with user and password.
    pub fn new(servers: impl Into<String>) -> Self {
        Self { servers: servers.into() }
    }
}

impl Bus for Nats {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Link>, BusError>> {
        async {
            let lost = CancellationToken::new();
            let mut options = ConnectOptions::new()
                .name("switchboard")
                .ping_interval(PING)
                // The bus task reconnects instead, and then signals a resync.
                .max_reconnects(1)
                .event_callback({
                    let lost = lost.clone();
                    move |event| {
                        match event {
                            Event::Connected => {}
                            Event::ServerError(error) => {
                                tracing::warn!(%error, "the NATS server reported an error")
                            }
                            Event::ClientError(error) => tracing::warn!(%error, "the NATS client failed"),
                            _ => lost.cancel(),
                        }
                        std::future::ready(())
                    }
                });
            if self.servers.contains("tls://") {
                let system = client_config(Verify::Host, Some("system")).map_err(bus_error)?;
                options = options.tls_client_config(system);
            }
            let client = options.connect(self.servers.as_str()).await.map_err(bus_error)?;
            let mut received = client.subscribe(SUBJECT).await.map_err(bus_error)?;
            // The server handles messages in order, so once this text is received, the subscription is active.
            client.publish(SUBJECT, HELLO.into()).await.map_err(bus_error)?;
            client.flush().await.map_err(bus_error)?;
            while let Some(message) = received.next().await {
                if message.payload == HELLO {
                    return Ok(Box::new(NatsLink { client, received, lost }) as Box<dyn Link>);
                }
            }
            Err(BusError("the subscription ended".to_owned()))
        }
        .boxed()
    }
}

struct NatsLink {
    client: Client,
    received: Subscriber,
    lost: CancellationToken,
}

impl Link for NatsLink {
    fn send<'a>(&'a mut self, texts: &'a [String]) -> BoxFuture<'a, Result<(), BusError>> {
        async move {
            for text in texts {
                self.client.publish(SUBJECT, text.clone().into()).await.map_err(bus_error)?;
            }
            self.client.flush().await.map_err(bus_error)
        }
        .boxed()
    }

    fn next(&mut self) -> BoxFuture<'_, Option<String>> {
        async {
            loop {
                let message = tokio::select! {
                    () = self.lost.cancelled() => return None,
                    message = self.received.next() => message?,
                };
                if let Ok(text) = String::from_utf8(message.payload.into()) {
                    return Some(text);
                }
            }
        }
        .boxed()
    }
}

fn bus_error(error: impl std::fmt::Display) -> BusError {
    BusError(error.to_string())
}

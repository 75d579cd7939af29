//! The endpoint that both protocols serve.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    observer::Observer,
    rate_limit::RateLimiter,
    settings::{Introspection, TransportSettings},
    ws::SocketLimits,
};
use crate::conformance::PreparedDocument;
use crate::conformance::schema::ApiSchema;
use crate::document_cache::DocumentCache;
use crate::persisted::PersistedDocuments;

/// A GraphQL endpoint: an executor, its schema, the sign-in and the settings.
///
/// It is the state of the handlers in [`crate::routes`]. Cloning it is cheap.
pub struct GraphqlEndpoint<E, A> {
    inner: Arc<Inner<E, A>>,
}

struct Inner<E, A> {
    executor: E,
    schema: ApiSchema,
    sign_in: A,
    settings: TransportSettings,
    observer: Arc<dyn Observer>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    sockets: SocketLimits,
    rate_limit: RateLimiter,
    documents: DocumentCache<PreparedDocument>,
    persisted: PersistedDocuments,
}

impl<E, A> GraphqlEndpoint<E, A> {
    /// Creates an endpoint for an executor with this schema. The endpoint validates the documents before the executor
    /// gets them.
    ///
    /// Cancelling `shutdown` closes all sockets with 1012 and refuses new ones.
    pub fn new(
        executor: E,
        schema: ApiSchema,
        sign_in: A,
        settings: TransportSettings,
        observer: Arc<dyn Observer>,
        shutdown: CancellationToken,
    ) -> Self {
        let hides_schema = settings.introspection == Introspection::Off;
        let schema = if hides_schema { schema.without_suggestions() } else { schema };
        let sockets = SocketLimits::new(&settings);
        let rate_limit = RateLimiter::new(settings.points_per_minute);
        let persisted = PersistedDocuments::new(settings.trusted_documents.clone());
        Self {
            inner: Arc::new(Inner {
                executor,
                schema,
                sign_in,
                settings,
                observer,
                shutdown,
                tasks: TaskTracker::new(),
                sockets,
                rate_limit,
                documents: DocumentCache::default(),
                persisted,
            }),
        }
    }

    /// Waits until all sockets are closed and all running mutations have ended, including those of disconnected
    /// clients.
    ///
    /// Call it after `shutdown` is cancelled and the listener has stopped. Otherwise it also waits for new requests.
    pub async fn drain(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// The number of open sockets.
    pub fn open_sockets(&self) -> usize {
        self.inner.sockets.open()
    }

    pub(crate) fn executor(&self) -> &E {
        &self.inner.executor
    }

    pub(crate) fn schema(&self) -> &ApiSchema {
        &self.inner.schema
    }

    pub(crate) fn sign_in(&self) -> &A {
        &self.inner.sign_in
    }

    pub(crate) fn settings(&self) -> &TransportSettings {
        &self.inner.settings
    }

    pub(crate) fn observer(&self) -> &Arc<dyn Observer> {
        &self.inner.observer
    }

    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.inner.shutdown
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.inner.tasks
    }

    pub(crate) fn sockets(&self) -> &SocketLimits {
        &self.inner.sockets
    }

    /// The documents that passed the guard.
    pub(crate) fn documents(&self) -> &DocumentCache<PreparedDocument> {
        &self.inner.documents
    }

    /// The documents that requests can refer to.
    pub(crate) fn persisted(&self) -> &PersistedDocuments {
        &self.inner.persisted
    }

    pub(crate) fn rate_limit(&self) -> &RateLimiter {
        &self.inner.rate_limit
    }
}

// A derived implementation would require `E: Clone` and `A: Clone`, although cloning the `Arc` does not.
impl<E, A> Clone for GraphqlEndpoint<E, A> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

//! The endpoint that both protocols serve.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{observer::Observer, rate_limit::RateLimiter, settings::TransportSettings, ws::SocketLimits};
use crate::conformance::PreparedDocument;
use crate::conformance::schema::ApiSchema;
use crate::document_cache::DocumentCache;

/// One GraphQL endpoint: what executes, who may, and within which bounds.
///
/// It is the state of the handlers in [`crate::routes`] and cheap to clone.
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
}

impl<E, A> GraphqlEndpoint<E, A> {
    /// An endpoint for `executor`, whose schema is `schema`. The executor need not validate documents.
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
        let schema = if settings.introspection { schema } else { schema.without_suggestions() };
        let sockets = SocketLimits::new(&settings);
        let rate_limit = RateLimiter::new(settings.points_per_minute);
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
            }),
        }
    }

    /// Waits until every socket is closed and every mutation that has begun, whether
    /// or not its client is still there, has ended. To be called after `shutdown` was
    /// cancelled and the listener has stopped; new work would prolong it.
    pub async fn drain(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// The sockets that are open now.
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

    /// The documents that were admitted.
    pub(crate) fn documents(&self) -> &DocumentCache<PreparedDocument> {
        &self.inner.documents
    }

    pub(crate) fn rate_limit(&self) -> &RateLimiter {
        &self.inner.rate_limit
    }
}

// Derived, it would ask for `E: Clone` and `A: Clone`, which the `Arc` does not need.
impl<E, A> Clone for GraphqlEndpoint<E, A> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

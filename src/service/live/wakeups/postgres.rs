//! Wake-ups by NOTIFY and LISTEN of the shared PostgreSQL database.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::service::live::wakeups::{Bus, BusError, Link};
use crate::store::Store;
use crate::store::db::notify::NotifyLink;

/// A bus over the store's PostgreSQL database.
pub struct Notifications(pub Store);

impl Bus for Notifications {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Link>, BusError>> {
        async {
            let link = self.0.listen().await.map_err(|error| BusError(error.to_string()))?;
            Ok(Box::new(link) as Box<dyn Link>)
        }
        .boxed()
    }
}

impl Link for NotifyLink {
    fn send<'a>(&'a mut self, texts: &'a [String]) -> BoxFuture<'a, Result<(), BusError>> {
        async move { NotifyLink::send(self, texts).await.map_err(|error| BusError(error.to_string())) }
            .boxed()
    }

    fn next(&mut self) -> BoxFuture<'_, Option<String>> {
        NotifyLink::next(self).boxed()
    }
}

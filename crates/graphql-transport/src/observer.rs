//! Reports each operation to the application when the operation has ended.

use std::cell::Cell;
use std::time::Duration;

use uuid::Uuid;

use crate::request_id::RequestId;

/// The outcome of an operation without errors.
pub const OK: &str = "OK";
/// The outcome of an operation without errors that the application refused: see [`refuse`].
pub const REFUSED: &str = "REFUSED";

tokio::task_local! {
    /// The code of the first refusal of the operation that this task executes.
    static REFUSAL: Cell<Option<&'static str>>;
}

/// Records that the current operation is refused, with a code. For applications that report refusals as data, which
/// the client may not even select. Call it from a resolver; elsewhere it does nothing.
pub fn refuse(code: &'static str) {
    let _ = REFUSAL.try_with(|refusal| refusal.set(refusal.get().or(Some(code))));
}

/// Runs the execution of an operation. Returns its output, and the code of its first refusal.
pub(crate) async fn watch_refusals<F: Future>(execution: F) -> (F::Output, Option<&'static str>) {
    let watched = async {
        let output = execution.await;
        (output, REFUSAL.with(Cell::get))
    };
    REFUSAL.scope(Cell::new(None), watched).await
}

/// Receives a report of each operation, for logs and metrics.
pub trait Observer: Send + Sync + 'static {
    /// Called once per operation, from the task that ends the operation. Must not block.
    fn operation_ended(&self, report: &OperationReport<'_>);
}

/// Ignores every report.
impl Observer for () {
    fn operation_ended(&self, _: &OperationReport<'_>) {}
}

/// The report of an operation. It contains no document, variable, header or response.
#[derive(Debug, Clone, Copy)]
pub struct OperationReport<'a> {
    pub request_id: RequestId,
    /// The name of the operation, at most 64 characters. Empty if the operation is anonymous.
    pub name: &'a str,
    /// `query`, `mutation`, `subscription`, or `unknown` when the document could not be read.
    pub kind: &'static str,
    /// `http` or `websocket`.
    pub transport: &'static str,
    /// The names of the root fields, separated by spaces and cut at 64 characters, of an operation without a name.
    pub root_fields: &'a str,
    /// [`OK`], [`REFUSED`], or the code of the first error.
    pub outcome: &'static str,
    /// The code of the refusal, if the outcome is [`REFUSED`].
    pub refusal: Option<&'static str>,
    /// How long the operation ran or, for a subscription, was open.
    pub took: Duration,
    /// The caller's [`user_key`](crate::auth::Session::user_key).
    pub user: Option<Uuid>,
    /// The caller's [`tenant_key`](crate::auth::Session::tenant_key).
    pub tenant: Option<Uuid>,
}

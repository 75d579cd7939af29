use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, mpsc};

use diesel::connection::InstrumentationEvent;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tempfile::TempDir;
use tokio::task::{JoinSet, yield_now};

use crate::store::db::conn::Conn;
use crate::store::db::error::StoreError;
use crate::store::db::retry::Retry;
use crate::store::db::sqlite::SqliteThreads;
use crate::store::db::sqlite::connection::SqliteConn;

const WRITES: i64 = 10;
/// The number of the write that behaves differently from the others.
const ODD: i64 = 4;

#[derive(Debug)]
enum TestError {
    Refused,
    Store(StoreError),
}

impl From<StoreError> for TestError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Retry for TestError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }

    fn is_fault(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

#[derive(diesel::QueryableByName)]
struct Stored {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// A database file, with the number of transactions that its writer has committed.
struct File {
    threads: SqliteThreads,
    commits: Arc<AtomicU64>,
    _folder: TempDir,
}

impl File {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.sqlite").display().to_string();
        let threads = SqliteThreads::open(&path, &Arc::default()).expect("opens");
        let commits = Arc::<AtomicU64>::default();
        let counted = commits.clone();
        let prepared = threads.write(move |conn| {
            let counted = counted.clone();
            async move {
                let conn = sqlite(conn);
                conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                    if let InstrumentationEvent::CommitTransaction { depth, .. } = event
                        && depth.get() == 1
                    {
                        counted.fetch_add(1, Relaxed);
                    }
                });
                run(conn, "CREATE TABLE t (number BIGINT NOT NULL)").await
            }
            .boxed()
        });
        prepared.await.expect("makes a table");
        let file = Self { threads, commits, _folder: folder };
        file.commits_since();
        file
    }

    fn commits_since(&self) -> u64 {
        self.commits.swap(0, Relaxed)
    }

    /// Blocks the writer until [`WRITES`] inserts wait for it, then lets them run. The insert with number [`ODD`] also
    /// runs `odd`. Returns the result of each insert, ordered by number.
    async fn write_at_once(&self, odd: Odd) -> Vec<Result<i64, TestError>> {
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let threads = self.threads.clone();
        let begun = Arc::<AtomicBool>::default();
        let beginning = begun.clone();
        let holding = tokio::spawn(async move {
            let hold = threads.write(move |_| {
                beginning.store(true, Relaxed);
                let _ = held.lock().expect("not poisoned").recv();
                async { Ok::<_, TestError>(()) }.boxed()
            });
            hold.await
        });
        // Otherwise the blocking write might wait with the inserts, and be committed with them.
        while !AtomicBool::load(&begun, Relaxed) {
            yield_now().await;
        }
        let mut writes = JoinSet::new();
        for number in 0..WRITES {
            let threads = self.threads.clone();
            writes.spawn(async move {
                let write = threads.write(move |conn| {
                    async move {
                        run(sqlite(conn), &format!("INSERT INTO t VALUES ({number})")).await?;
                        if number == ODD {
                            odd(conn).await?;
                        }
                        Ok::<_, TestError>(number)
                    }
                    .boxed()
                });
                (number, write.await)
            });
        }
        let waiting = || self.threads.status().waiting.iter().map(|(_, count)| count).sum::<usize>();
        while waiting() < WRITES as usize {
            yield_now().await;
        }
        drop(release);
        holding.await.expect("ends").expect("the blocking write succeeds");
        let mut outcomes = writes.join_all().await;
        outcomes.sort_by_key(|(number, _)| *number);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    async fn stored(&self) -> Vec<i64> {
        let read = self.threads.read(|conn| {
            async {
                let select = sql_query("SELECT number FROM t ORDER BY number");
                let rows = select.load::<Stored>(sqlite(conn)).await?;
                Ok(rows.into_iter().map(|row| row.number).collect())
            }
            .boxed()
        });
        read.await.expect("reads")
    }
}

/// The action of the odd write after its insert.
type Odd = fn(&mut Conn) -> BoxFuture<'_, Result<(), TestError>>;

fn sqlite(conn: &mut Conn) -> &mut SqliteConn {
    let Conn::Sqlite(conn) = conn else { unreachable!("it is SQLite") };
    conn
}

async fn run(conn: &mut SqliteConn, sql: &str) -> Result<(), TestError> {
    Ok(conn.batch_execute(sql).await.map_err(StoreError::from)?)
}

fn all_but_the_odd_one() -> Vec<i64> {
    (0..WRITES).filter(|number| *number != ODD).collect()
}

fn succeeded(outcomes: &[Result<i64, TestError>]) -> Vec<i64> {
    outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().copied()).collect()
}

#[tokio::test]
async fn writes_that_wait_for_the_writer_are_committed_together() {
    let file = File::new().await;
    let outcomes = file.write_at_once(|_| async { Ok(()) }.boxed()).await;
    assert_eq!(succeeded(&outcomes), (0..WRITES).collect::<Vec<_>>());
    assert_eq!(file.stored().await, (0..WRITES).collect::<Vec<_>>());
    assert_eq!(file.commits_since(), 2, "one commit for the blocking write, one for all the others");
}

#[tokio::test]
async fn a_refusal_in_a_group_rolls_back_only_itself() {
    let file = File::new().await;
    let outcomes = file.write_at_once(|_| async { Err(TestError::Refused) }.boxed()).await;
    assert_eq!(succeeded(&outcomes), all_but_the_odd_one());
    assert!(matches!(outcomes[ODD as usize], Err(TestError::Refused)), "{outcomes:?}");
    assert_eq!(file.stored().await, all_but_the_odd_one());
    assert_eq!(file.commits_since(), 2);
}

#[tokio::test]
async fn a_fault_in_a_group_does_not_affect_the_others() {
    let file = File::new().await;
    let fault: Odd = |conn| async { run(sqlite(conn), "INSERT INTO nowhere VALUES (1)").await }.boxed();
    let outcomes = file.write_at_once(fault).await;
    assert_eq!(succeeded(&outcomes), all_but_the_odd_one());
    assert!(matches!(outcomes[ODD as usize], Err(TestError::Store(_))), "{outcomes:?}");
    assert_eq!(file.stored().await, all_but_the_odd_one());
}

#[tokio::test]
async fn a_panic_in_a_group_does_not_affect_the_others() {
    let file = File::new().await;
    let outcomes = file.write_at_once(|_| panic!("of a test")).await;
    assert_eq!(succeeded(&outcomes), all_but_the_odd_one());
    let odd = &outcomes[ODD as usize];
    assert!(matches!(odd, Err(TestError::Store(StoreError::Unavailable(_)))), "{odd:?}");
    assert_eq!(file.stored().await, all_but_the_odd_one());
}

/// SQLite rolls back the whole transaction when the disk is full.
#[tokio::test]
async fn an_automatic_rollback_does_not_affect_the_others() {
    let file = File::new().await;
    let gone: Odd = |conn| {
        async {
            let _ = run(sqlite(conn), "ROLLBACK").await;
            Err(StoreError::Unavailable("the disk is full".into()).into())
        }
        .boxed()
    };
    let outcomes = file.write_at_once(gone).await;
    assert_eq!(succeeded(&outcomes), all_but_the_odd_one());
    assert_eq!(file.stored().await, all_but_the_odd_one());
}

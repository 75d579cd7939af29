//! Consistency checks of the store.
//!
//! The check counts all counters again from the rows, and compares the log with the rows: badges, event numbers,
//! owners, message numbers, the last state of each conversation, and the effect of each event on the queue.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::FutureExt;

use crate::domain::counts::{Counter, Deltas, Holder, contribute};
use crate::domain::{
    AgentId, Conversation, ConversationId, EventBody, PhoneNumberId, Snapshot, Workspace, WorkspaceId,
};
use crate::service::{ServiceResult, Services};
use crate::store::log::events;
use crate::store::tables::queue::FlowRow;
use crate::store::tables::workspaces::Head;
use crate::store::tables::{agents, conversations, counts, messages, queue, read_markers, workspaces};
use crate::store::{Conn, StoreResult};

/// The most conversations in one read.
const BATCH: i64 = 200;
/// At most this many problems are listed. Further ones are only counted.
const MAX_LISTED: usize = 100;

/// The result of a check.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    pub workspaces: usize,
    pub conversations: usize,
    pub events: i64,
    /// How many problems there are.
    pub problem_count: usize,
    /// Descriptions of the first problems.
    pub problems: Vec<String>,
}

impl CheckReport {
    /// Whether the check found no problem.
    pub fn is_clean(&self) -> bool {
        self.problem_count == 0
    }

    fn problem(&mut self, workspace: &Workspace, what: impl FnOnce() -> String) {
        self.problem_count += 1;
        if self.problems.len() < MAX_LISTED {
            self.problems.push(format!("workspace {}: {}", workspace.id, what()));
        }
    }
}

/// The state of the check of one workspace: who can access which number, and the counters as counted from the rows.
struct WorkspaceCheck<'a> {
    workspace: &'a Workspace,
    active: HashSet<AgentId>,
    access: BTreeSet<(AgentId, PhoneNumberId)>,
    recount: Deltas,
    report: &'a mut CheckReport,
}

impl Services {
    /// Checks all workspaces on one snapshot. Calls `progress` with the workspace's name, the number of conversations
    /// that have been checked, and the number of conversations in total.
    ///
    /// # Errors
    /// When the database fails. Problems that the check finds are in the report.
    pub async fn check(
        &self,
        progress: impl Fn(&str, usize, usize) + Send + Sync + 'static,
    ) -> ServiceResult<CheckReport> {
        Ok(self
            .store
            .snapshot(move |conn| {
                async move {
                    let mut report = CheckReport::default();
                    for (workspace, head) in workspaces::all(conn).await? {
                        check_workspace(conn, &workspace, head, &mut report, &progress).await?;
                    }
                    Ok(report)
                }
                .boxed()
            })
            .await?)
    }
}

async fn check_workspace(
    conn: &mut Conn,
    workspace: &Workspace,
    head: Head,
    report: &mut CheckReport,
    progress: &(impl Fn(&str, usize, usize) + Send + Sync),
) -> StoreResult<()> {
    report.workspaces += 1;
    let (n, last) = events::tally(conn, workspace.id, head.floor).await?;
    report.events += n;
    if n != head.seq - head.floor || last.unwrap_or(head.floor) != head.seq {
        report.problem(workspace, || {
            format!("{n} events above the floor {}, but the last event has number {}", head.floor, head.seq)
        });
    }
    check_flows(conn, workspace, report).await?;
    let all = agents::all(conn, workspace.id).await?;
    let mut check = WorkspaceCheck {
        active: all.iter().filter(|agent| agent.active).map(|agent| agent.id).collect(),
        access: agents::all_access(conn, workspace.id).await?,
        recount: Deltas::new(),
        workspace,
        report,
    };
    let stored = counts::all(conn, workspace.id).await?;
    let expected = conversations_in(&stored);
    let (mut after, mut checked) = (None, 0);
    loop {
        let batch = conversations::batch(conn, workspace.id, after, BATCH).await?;
        let Some(last) = batch.last() else { break };
        after = Some(last.id);
        checked += batch.len();
        check.batch(conn, workspace.id, batch).await?;
        progress(&workspace.name, checked, expected);
    }
    check.report.conversations += checked;
    check.compare(&stored);
    Ok(())
}

/// Checks that the stored effect of each event on the queue agrees with the event.
async fn check_flows(conn: &mut Conn, workspace: &Workspace, report: &mut CheckReport) -> StoreResult<()> {
    let mut position = 0;
    loop {
        let events = events::after(conn, workspace.id, position, BATCH).await?;
        let through = events.last().map_or(i64::MAX, |last| last.seq);
        let stored = queue::between(conn, workspace.id, position, through).await?;
        let expected: Vec<_> = events.iter().filter_map(|event| FlowRow::of(event)).collect();
        let wrong = stored.iter().filter(|row| !expected.contains(row));
        let missing = expected.iter().filter(|row| !stored.contains(row));
        for seq in wrong.chain(missing).map(|row| row.seq).collect::<BTreeSet<_>>() {
            report.problem(workspace, || format!("event {seq}: its stored effect on the queue is wrong"));
        }
        if events.is_empty() {
            return Ok(());
        }
        position = through;
    }
}

/// The number of conversations, by the counters.
fn conversations_in(stored: &Deltas) -> usize {
    let of_everybody = stored.iter().filter_map(|(counter, n)| match counter {
        Counter::Conversations { holder: Holder::All, .. } => usize::try_from(*n).ok(),
        _ => None,
    });
    of_everybody.sum()
}

impl WorkspaceCheck<'_> {
    async fn batch(
        &mut self,
        conn: &mut Conn,
        workspace: WorkspaceId,
        batch: Vec<Conversation>,
    ) -> StoreResult<()> {
        let ids: Vec<ConversationId> = batch.iter().map(|it| it.id).collect();
        let runs: Vec<_> = batch.iter().map(|it| (it.id, it.version, it.version)).collect();
        let mut readers = read_markers::readers_of(conn, workspace, &ids).await?;
        let tallies = messages::tallies(conn, workspace, &ids).await?;
        let last_events = events::runs(conn, workspace, &runs).await?;
        let mut logged: HashMap<ConversationId, Conversation> = HashMap::new();
        for event in last_events.into_values().flatten() {
            if let EventBody::Conversation(body) = &event.body {
                logged.insert(body.conversation_id(), body.after.conversation.clone());
            }
        }
        for conversation in batch {
            let id = conversation.id;
            let (n, last) = tallies.get(&id).copied().unwrap_or_default();
            if n != i64::from(conversation.message_count) || last != Some(conversation.message_count) {
                self.problem(|| {
                    format!(
                        "conversation {id}: {n} messages, but its count is {}",
                        conversation.message_count
                    )
                });
            }
            if logged.get(&id) != Some(&conversation) {
                self.problem(|| format!("conversation {id}: its row differs from its last event"));
            }
            self.check_owner(&conversation);
            let readers = readers.remove(&id).unwrap_or_default();
            contribute(&Snapshot { conversation, readers }, 1, &mut self.recount);
        }
        Ok(())
    }

    /// Checks that the owner of an open conversation is active and can access its number.
    fn check_owner(&mut self, conversation: &Conversation) {
        let Some(owner) = conversation.assignee().filter(|_| conversation.is_open()) else { return };
        let number = conversation.phone_number_id;
        if !self.active.contains(&owner) || !self.access.contains(&(owner, number)) {
            self.problem(|| {
                format!("conversation {}: open, but its owner {owner} cannot work on it", conversation.id)
            });
        }
    }

    /// Compares the stored counters with the recount.
    fn compare(&mut self, stored: &Deltas) {
        let recount = std::mem::take(&mut self.recount);
        let counters: BTreeSet<_> = stored.keys().chain(recount.keys()).collect();
        for counter in counters {
            let (stored, counted) = (stored.get(counter).unwrap_or(&0), recount.get(counter).unwrap_or(&0));
            if stored != counted {
                self.problem(|| format!("{counter:?}: stored {stored}, counted {counted}"));
            }
        }
    }

    fn problem(&mut self, what: impl FnOnce() -> String) {
        self.report.problem(self.workspace, what);
    }
}

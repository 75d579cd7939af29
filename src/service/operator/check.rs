//! Whether the store is what it should be.
//!
//! Everything that is kept beside the rows to be read fast is counted again from the rows, and the log is held
//! against them: badges, event numbers, owners, message numbers, the last image of each conversation, and what
//! each event did to the queue.

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

/// How many conversations are looked at together.
const BATCH: i64 = 200;
/// At most so many problems are named; the rest are only counted.
const NAMED: usize = 100;

/// What a check found.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    pub workspaces: usize,
    pub conversations: usize,
    pub events: i64,
    /// How many problems there are.
    pub problem_count: usize,
    /// The first of them, in words.
    pub problems: Vec<String>,
}

impl CheckReport {
    /// Whether everything is as it should be.
    pub fn is_clean(&self) -> bool {
        self.problem_count == 0
    }

    fn problem(&mut self, workspace: &Workspace, what: impl FnOnce() -> String) {
        self.problem_count += 1;
        if self.problems.len() < NAMED {
            self.problems.push(format!("workspace {}: {}", workspace.id, what()));
        }
    }
}

/// Who can work what, and what the rows add up to.
struct Audit<'a> {
    workspace: &'a Workspace,
    active: HashSet<AgentId>,
    access: BTreeSet<(AgentId, PhoneNumberId)>,
    recount: Deltas,
    report: &'a mut CheckReport,
}

impl Services {
    /// Recounts and verifies everything on one snapshot. `progress` is told, for a workspace by its name, how
    /// many conversations have been looked at, and of how many by the badges.
    ///
    /// # Errors
    /// Only a database that fails; what is wrong is in the report.
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
            format!("{n} events above {} although the last is number {}", head.floor, head.seq)
        });
    }
    check_flows(conn, workspace, report).await?;
    let all = agents::all(conn, workspace.id).await?;
    let mut audit = Audit {
        active: all.iter().filter(|agent| agent.active).map(|agent| agent.id).collect(),
        access: agents::all_access(conn, workspace.id).await?,
        recount: Deltas::new(),
        workspace,
        report,
    };
    let kept = counts::all(conn, workspace.id).await?;
    let expected = conversations_in(&kept);
    let (mut after, mut looked_at) = (None, 0);
    loop {
        let batch = conversations::batch(conn, workspace.id, after, BATCH).await?;
        let Some(last) = batch.last() else { break };
        after = Some(last.id);
        looked_at += batch.len();
        audit.batch(conn, workspace.id, batch).await?;
        progress(&workspace.name, looked_at, expected);
    }
    audit.report.conversations += looked_at;
    audit.compare(&kept);
    Ok(())
}

/// What is kept of each event's effect on the queue is what the event says.
async fn check_flows(conn: &mut Conn, workspace: &Workspace, report: &mut CheckReport) -> StoreResult<()> {
    let mut position = 0;
    loop {
        let events = events::after(conn, workspace.id, position, BATCH).await?;
        let through = events.last().map_or(i64::MAX, |last| last.seq);
        let kept = queue::between(conn, workspace.id, position, through).await?;
        let told: Vec<_> = events.iter().filter_map(|event| FlowRow::of(event)).collect();
        let wrong = kept.iter().filter(|row| !told.contains(row));
        let missing = told.iter().filter(|row| !kept.contains(row));
        for seq in wrong.chain(missing).map(|row| row.seq).collect::<BTreeSet<_>>() {
            report.problem(workspace, || format!("event {seq}: not kept as what it did to the queue"));
        }
        if events.is_empty() {
            return Ok(());
        }
        position = through;
    }
}

/// How many conversations there are by the counters.
fn conversations_in(kept: &Deltas) -> usize {
    let of_everybody = kept.iter().filter_map(|(counter, n)| match counter {
        Counter::Conversations { holder: Holder::Everybody, .. } => usize::try_from(*n).ok(),
        _ => None,
    });
    of_everybody.sum()
}

impl Audit<'_> {
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
        let mut images: HashMap<ConversationId, Conversation> = HashMap::new();
        for event in last_events.into_values().flatten() {
            if let EventBody::Conversation(body) = &event.body {
                images.insert(body.conversation_id(), body.after.conversation.clone());
            }
        }
        for conversation in batch {
            let id = conversation.id;
            let (n, last) = tallies.get(&id).copied().unwrap_or_default();
            if n != i64::from(conversation.message_count) || last != Some(conversation.message_count) {
                self.problem(|| {
                    format!("conversation {id}: {n} messages, counted {}", conversation.message_count)
                });
            }
            if images.get(&id) != Some(&conversation) {
                self.problem(|| format!("conversation {id}: not as its last event left it"));
            }
            self.owner(&conversation);
            let readers = readers.remove(&id).unwrap_or_default();
            contribute(&Snapshot { conversation, readers }, 1, &mut self.recount);
        }
        Ok(())
    }

    /// An open conversation is never owned by somebody who cannot work it.
    fn owner(&mut self, conversation: &Conversation) {
        let Some(owner) = conversation.assignee().filter(|_| conversation.is_open()) else { return };
        let number = conversation.phone_number_id;
        if !self.active.contains(&owner) || !self.access.contains(&(owner, number)) {
            self.problem(|| format!("conversation {}: open, and {owner} cannot work it", conversation.id));
        }
    }

    fn compare(&mut self, kept: &Deltas) {
        let recount = std::mem::take(&mut self.recount);
        let counters: BTreeSet<_> = kept.keys().chain(recount.keys()).collect();
        for counter in counters {
            let (kept, counted) = (kept.get(counter).unwrap_or(&0), recount.get(counter).unwrap_or(&0));
            if kept != counted {
                self.problem(|| format!("{counter:?} is kept as {kept} and counts {counted}"));
            }
        }
    }

    fn problem(&mut self, what: impl FnOnce() -> String) {
        self.report.problem(self.workspace, what);
    }
}

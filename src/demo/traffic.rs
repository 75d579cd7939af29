//! Simulates activity in the demo: customers who write, and agents who work.
//!
//! Every few seconds, one activity happens ([`synthetic::next_activity`]). It uses the same services and rules as
//! every other caller, so the rules may refuse it, for example after the visitor has changed the assignment model. The
//! simulation keeps no state of conversations between activities, so the visitor may change anything.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_util::sync::CancellationToken;

use super::{NUMBER_WEIGHTS, World, weighted};
use crate::domain::conversation::Expectations;
use crate::domain::{Agent, Conversation, Direction, Filter, Message, PhoneNumberId, Status, View};
use crate::random;
use crate::seed::e164;
use crate::service::{
    Access, Assign, Error, ListFilter, Order, OrderDirection, OrderField, ReceiveMessage, SendMessage,
    Services, Slice,
};
use crate::token::Caller;
use synthetic::Activity;

/// The number of conversations to load of each list.
const LIST_LIMIT: usize = 60;
/// Unassigned conversations up to this number are left to the visitor.
const RESERVED_FOR_VISITORS: i64 = 3;

/// Runs the simulation until `stop` is cancelled.
pub async fn run(services: Services, world: World, stop: CancellationToken) {
    let mut traffic = Traffic::new(services, world, StdRng::from_os_rng());
    loop {
        let (activity, pause) = synthetic::next_activity(&mut traffic.rng, traffic.unassigned);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        match traffic.play(activity).await {
            Ok(()) => {}
            Err(Error::Refused(_) | Error::Unauthenticated) => {
                tracing::debug!(beat = ?activity, "the rules refused the activity");
            }
            Err(error) => tracing::warn!(beat = ?activity, %error, "the activity failed"),
        }
    }
}

struct Traffic {
    services: Services,
    world: World,
    rng: StdRng,
    next_customer: u64,
    /// The number of open, unassigned conversations when the state was last loaded.
    unassigned: usize,
}

/// The conversations that a manager sees now.
struct State {
    access: Access,
    /// Open conversations, the most recently active first.
    open: Vec<Conversation>,
    /// Open, unassigned conversations, the longest unassigned first.
    unassigned: Vec<Conversation>,
    unassigned_total: i64,
}

impl Traffic {
    fn new(services: Services, world: World, rng: StdRng) -> Self {
        let next_customer = world.next_customer();
        Self { services, world, rng, next_customer, unassigned: super::UNASSIGNED }
    }

    async fn play(&mut self, activity: Activity) -> Result<(), Error> {
        let state = self.load_state().await?;
        self.unassigned = usize::try_from(state.unassigned_total).unwrap_or(0);
        match activity {
            Activity::NewCustomer => self.new_customer().await,
            Activity::FollowUp => self.follow_up(&state).await,
            Activity::TextsBackAfterClose => self.texts_back(&state).await,
            Activity::AgentReplies => self.reply(&state).await,
            Activity::AgentClaims => self.claim(&state).await,
            Activity::ManagerAssigns => self.assign(&state).await,
            Activity::AgentHandsOver => self.hand_over(&state).await,
            Activity::AgentUnassigns => self.unassign(&state).await,
            Activity::AgentCloses => self.close(&state).await,
            Activity::AgentReads => self.read(&state).await,
        }
    }

    /// Loads the state as the first manager who can sign in. This changes nothing in the database.
    async fn load_state(&self) -> Result<State, Error> {
        let mut access = Err(Error::Unauthenticated);
        for manager in self.world.staff.managers() {
            access = self.services.access(self.world.staff.caller(manager)).await;
            if !matches!(access, Err(Error::Unauthenticated)) {
                break;
            }
        }
        let access = access?;
        let unassigned_total = self.services.view_counts(&access, None).await?.unassigned.open;
        let open = self.list(&access, View::Inbox, Status::Open, OrderField::LastActivity).await?;
        let unassigned =
            self.list(&access, View::Unassigned, Status::Open, OrderField::UnassignedSince).await?;
        Ok(State { access, open, unassigned, unassigned_total })
    }

    async fn list(
        &self,
        access: &Access,
        view: View,
        status: Status,
        field: OrderField,
    ) -> Result<Vec<Conversation>, Error> {
        let filter = Filter { status: Some(status), ..Filter::default() };
        let direction = match field {
            OrderField::LastActivity => OrderDirection::Desc,
            OrderField::WaitingSince | OrderField::UnassignedSince => OrderDirection::Asc,
        };
        let slice = Slice { limit: LIST_LIMIT, backward: false, after: None, before: None };
        let filter = ListFilter { filter, search: None };
        let page =
            self.services.conversations(access, view, &filter, Order { field, direction }, slice).await?;
        Ok(page.items.into_iter().map(|(_, visible)| (*visible.conversation).clone()).collect())
    }

    async fn new_customer(&mut self) -> Result<(), Error> {
        let number = self.world.staff.numbers[weighted(&mut self.rng, &NUMBER_WEIGHTS)].number.clone();
        let customer = synthetic::customer(&mut self.rng, self.next_customer);
        self.next_customer += 1;
        let body = synthetic::opening(&mut self.rng);
        self.receive(e164(&customer.number)?, number, body).await
    }

    async fn follow_up(&mut self, state: &State) -> Result<(), Error> {
        let Some(conversation) = self.pick(&state.open, |_| true) else { return Ok(()) };
        let Some(last) = self.last_message(state, &conversation).await? else { return Ok(()) };
        let answered = (last.direction == Direction::Outbound).then_some(last.body.as_str());
        let body = synthetic::follow_up(&mut self.rng, answered);
        self.text(state, &conversation, body).await
    }

    async fn texts_back(&mut self, state: &State) -> Result<(), Error> {
        let closed = self.list(&state.access, View::Inbox, Status::Closed, OrderField::LastActivity).await?;
        let Some(conversation) = self.pick(&closed, |_| true) else { return Ok(()) };
        let body = synthetic::texts_back(&mut self.rng);
        self.text(state, &conversation, body).await
    }

    async fn reply(&mut self, state: &State) -> Result<(), Error> {
        let waiting = |it: &Conversation| it.waiting_since().is_some();
        let Some((conversation, owner)) = self.pick_owned(&state.open, waiting) else { return Ok(()) };
        let Some(last) = self.last_message(state, &conversation).await? else { return Ok(()) };
        let command = SendMessage {
            conversation_id: conversation.id,
            body: synthetic::reply(&mut self.rng, &last.body),
            idempotency_key: random::unique().to_string(),
            last_seen: Some(last.id),
            override_stale: false,
        };
        self.services.send_message(owner, command).await.map(drop)
    }

    async fn claim(&mut self, state: &State) -> Result<(), Error> {
        let Some(conversation) = oldest_spare(state) else { return Ok(()) };
        let Some(agent) = self.colleague(conversation.phone_number_id, |it| !it.is_manager()) else {
            return Ok(());
        };
        self.services.claim(agent, conversation.id).await.map(drop)
    }

    async fn assign(&mut self, state: &State) -> Result<(), Error> {
        let Some(conversation) = oldest_spare(state) else { return Ok(()) };
        let number = conversation.phone_number_id;
        let by = self.colleague(number, Agent::is_manager);
        let to = self.colleague(number, |it| !it.is_manager());
        let (Some(by), Some(to)) = (by, to) else { return Ok(()) };
        self.assign_to(by, conversation, to).await
    }

    async fn hand_over(&mut self, state: &State) -> Result<(), Error> {
        let Some((conversation, owner)) = self.pick_owned(&state.open, |_| true) else { return Ok(()) };
        let number = conversation.phone_number_id;
        let Some(to) = self.colleague(number, |it| Some(it.id) != owner.agent_id()) else { return Ok(()) };
        self.assign_to(owner, &conversation, to).await
    }

    async fn unassign(&mut self, state: &State) -> Result<(), Error> {
        let Some((conversation, owner)) = self.pick_owned(&state.open, |_| true) else { return Ok(()) };
        self.services.unassign(owner, conversation.id, Some(conversation.version)).await.map(drop)
    }

    async fn close(&mut self, state: &State) -> Result<(), Error> {
        let answered = |it: &Conversation| it.waiting_since().is_none();
        let Some((conversation, owner)) = self.pick_owned(&state.open, answered) else { return Ok(()) };
        self.services.close(owner, conversation.id, Some(conversation.version)).await.map(drop)
    }

    async fn read(&mut self, state: &State) -> Result<(), Error> {
        let Some((conversation, owner)) = self.pick_owned(&state.open, |_| true) else { return Ok(()) };
        self.services.mark_read(owner, conversation.id, None).await.map(drop)
    }

    /// Assigns the conversation, unless it has changed in the meantime.
    async fn assign_to(&self, by: Caller, conversation: &Conversation, to: Caller) -> Result<(), Error> {
        let agent_id = to.agent_id().ok_or(Error::Unauthenticated)?;
        let expected = Expectations { version: Some(conversation.version), assignee: None };
        let command = Assign { conversation_id: conversation.id, agent_id, expected };
        self.services.assign(by, command).await.map(drop)
    }

    /// Receives a message from the conversation's customer.
    async fn text(&self, state: &State, to: &Conversation, body: String) -> Result<(), Error> {
        let contact = self.services.contact(&state.access, to.contact_id).await?;
        let number = state.access.phone_numbers.iter().find(|number| number.id == to.phone_number_id);
        let (Some(contact), Some(number)) = (contact, number) else { return Ok(()) };
        self.receive(contact.number, number.number.clone(), body).await
    }

    async fn receive(
        &self,
        from: crate::domain::input::E164,
        to: crate::domain::input::E164,
        body: String,
    ) -> Result<(), Error> {
        let text = ReceiveMessage {
            provider_message_id: format!("demo-{}", random::unique()),
            from,
            to,
            body,
            media_urls: Vec::new(),
            sent_at: None,
        };
        self.services.receive_message(self.world.staff.service(), text).await.map(drop)
    }

    async fn last_message(&self, state: &State, of: &Conversation) -> Result<Option<Message>, Error> {
        self.services.message(&state.access, of.last_message_id).await
    }

    /// Picks a random conversation that fits.
    fn pick(&mut self, from: &[Conversation], fits: impl Fn(&Conversation) -> bool) -> Option<Conversation> {
        let fitting: Vec<_> = from.iter().filter(|it| fits(it)).collect();
        (!fitting.is_empty()).then(|| fitting[self.rng.random_range(0..fitting.len())].clone())
    }

    /// Picks a random conversation that fits and has an owner whom the simulation plays. Returns it with its owner.
    fn pick_owned(
        &mut self,
        from: &[Conversation],
        fits: impl Fn(&Conversation) -> bool,
    ) -> Option<(Conversation, Caller)> {
        let workspace_id = self.world.staff.workspace.id;
        let colleagues: Vec<_> =
            self.world.staff.agents.iter().map(|it| it.id).filter(|it| !self.world.is_visitor(*it)).collect();
        let owned = |it: &Conversation| it.assignee().is_some_and(|owner| colleagues.contains(&owner));
        let conversation = self.pick(from, |it| owned(it) && fits(it))?;
        let agent_id = conversation.assignee()?;
        Some((conversation, Caller::agent(workspace_id, agent_id)))
    }

    /// Picks a random agent who fits, is played by the simulation, and had access to the number when the demo
    /// started.
    fn colleague(&mut self, number: PhoneNumberId, fits: impl Fn(&Agent) -> bool) -> Option<Caller> {
        let mut able = self.world.staff.agents_on(number);
        able.retain(|agent| !self.world.is_visitor(agent.id) && fits(agent));
        let chosen = (!able.is_empty()).then(|| able[self.rng.random_range(0..able.len())])?;
        Some(self.world.staff.caller(chosen))
    }
}

/// The longest unassigned conversation, unless all are reserved for visitors.
fn oldest_spare(state: &State) -> Option<&Conversation> {
    state.unassigned.first().filter(|_| state.unassigned_total > RESERVED_FOR_VISITORS)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::demo::tests::fixture;
    use crate::domain::{EventBody, EventKind};

    /// Enough activities to include each kind.
    const ACTIVITIES: usize = 250;

    #[tokio::test]
    async fn every_kind_of_activity_happens_and_visitors_are_not_affected() {
        let fixture = fixture().await;
        let before = fixture.access(&fixture.world.manager).await;
        let rng = StdRng::seed_from_u64(7);
        let mut traffic = Traffic::new(fixture.services.clone(), fixture.world.clone(), rng);
        for _ in 0..ACTIVITIES {
            let (activity, _) = synthetic::next_activity(&mut traffic.rng, traffic.unassigned);
            match traffic.play(activity).await {
                // Another agent has replied, or the owner has lost access.
                Ok(()) | Err(Error::Refused(_)) => {}
                Err(error) => panic!("{activity:?}: {error}"),
            }
        }
        let after = fixture.access(&fixture.world.manager).await;
        let mut kinds: HashMap<EventKind, usize> = HashMap::new();
        for seq in before.as_of + 1..=after.as_of {
            // The query does not return other agents' events of reading.
            let Some(event) = fixture.services.event(&after, seq).await.unwrap() else { continue };
            let EventBody::Conversation(body) = &event.body else { panic!("an event of access") };
            *kinds.entry(body.kind).or_default() += 1;
            assert!(event.actor.is_none_or(|actor| !fixture.world.is_visitor(actor)), "{:?}", body.kind);
            if matches!(body.kind, EventKind::Assigned | EventKind::Unassigned) {
                let owners =
                    body.before.iter().chain([&body.after]).filter_map(|it| it.conversation.assignee());
                assert!(owners.into_iter().all(|owner| !fixture.world.is_visitor(owner)));
            }
        }
        let all = [
            EventKind::Received,
            EventKind::Replied,
            EventKind::Assigned,
            EventKind::Unassigned,
            EventKind::Closed,
        ];
        for kind in all {
            assert!(kinds.contains_key(&kind), "{kind:?} never happened: {kinds:?}");
        }
        let unassigned = fixture.services.view_counts(&after, None).await.unwrap().unassigned.open;
        assert!((1..40).contains(&unassigned), "{unassigned} are unassigned");
        assert!(fixture.services.check(|_, _, _| ()).await.unwrap().is_clean());
    }

    #[tokio::test]
    async fn it_stops_when_it_is_cancelled() {
        let fixture = fixture().await;
        let stop = CancellationToken::new();
        stop.cancel();
        run(fixture.services, fixture.world, stop).await;
    }
}

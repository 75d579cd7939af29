//! What keeps the demo alive: customers who text, and the colleagues of whoever is trying it.
//!
//! One thing happens every few seconds ([`synthetic::next_beat`]), through the same services as everything
//! else and by the same rules; what the rules refuse, since somebody changed the assignment model, does not
//! happen. Nothing is remembered between two beats, so the visitor can change whatever they like.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{NUMBER_WEIGHTS, World, weighted};
use crate::domain::conversation::Expectations;
use crate::domain::{Agent, Conversation, Direction, Filter, Message, PhoneNumberId, Status, View};
use crate::seed::e164;
use crate::service::{
    Access, Assign, Error, ListFilter, Order, OrderDirection, OrderField, ReceiveMessage, SendMessage,
    Services, Slice,
};
use crate::token::Caller;
use synthetic::Beat;

/// How many conversations of a list are looked at.
const LOOKED_AT: usize = 60;
/// With so few unassigned, colleagues leave them to the visitor.
const LEFT_TO_VISITORS: i64 = 3;

/// Lets things happen until `stop`.
pub async fn run(services: Services, world: World, stop: CancellationToken) {
    let mut traffic = Traffic::new(services, world, StdRng::from_os_rng());
    loop {
        let (beat, pause) = synthetic::next_beat(&mut traffic.rng, traffic.unassigned);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        match traffic.play(beat).await {
            Ok(()) => {}
            Err(Error::Refused(_) | Error::Unauthenticated) => {
                tracing::debug!(?beat, "the rules are against it");
            }
            Err(error) => tracing::warn!(?beat, %error, "the demo's traffic stumbled"),
        }
    }
}

struct Traffic {
    services: Services,
    world: World,
    rng: StdRng,
    next_customer: u64,
    /// How many open conversations had no owner at the last look.
    unassigned: usize,
}

/// What a manager sees now.
struct Look {
    access: Access,
    /// Open ones, last activity first.
    open: Vec<Conversation>,
    /// Open ones without an owner, longest first.
    unassigned: Vec<Conversation>,
    unassigned_total: i64,
}

impl Traffic {
    fn new(services: Services, world: World, rng: StdRng) -> Self {
        let next_customer = world.next_customer();
        Self { services, world, rng, next_customer, unassigned: super::UNASSIGNED }
    }

    async fn play(&mut self, beat: Beat) -> Result<(), Error> {
        let look = self.look().await?;
        self.unassigned = usize::try_from(look.unassigned_total).unwrap_or(0);
        match beat {
            Beat::NewCustomer => self.new_customer().await,
            Beat::FollowUp => self.follow_up(&look).await,
            Beat::TextsBackAfterClose => self.texts_back(&look).await,
            Beat::AgentReplies => self.reply(&look).await,
            Beat::AgentClaims => self.claim(&look).await,
            Beat::ManagerAssigns => self.assign(&look).await,
            Beat::AgentHandsOn => self.hand_on(&look).await,
            Beat::AgentGivesBack => self.give_back(&look).await,
            Beat::AgentCloses => self.close(&look).await,
            Beat::AgentReads => self.read(&look).await,
        }
    }

    /// Looks through the eyes of the first manager who can sign in; reading leaves no trace.
    async fn look(&self) -> Result<Look, Error> {
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
        Ok(Look { access, open, unassigned, unassigned_total })
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
        let slice = Slice { limit: LOOKED_AT, backward: false, after: None, before: None };
        let filter = ListFilter { filter, search: None };
        let page =
            self.services.conversations(access, view, &filter, Order { field, direction }, slice).await?;
        Ok(page.items.into_iter().map(|(_, seen)| (*seen.conversation).clone()).collect())
    }

    async fn new_customer(&mut self) -> Result<(), Error> {
        let number = self.world.staff.numbers[weighted(&mut self.rng, &NUMBER_WEIGHTS)].number.clone();
        let customer = synthetic::customer(&mut self.rng, self.next_customer);
        self.next_customer += 1;
        let body = synthetic::opening(&mut self.rng);
        self.receive(e164(&customer.number)?, number, body).await
    }

    async fn follow_up(&mut self, look: &Look) -> Result<(), Error> {
        let Some(conversation) = self.pick(&look.open, |_| true) else { return Ok(()) };
        let Some(last) = self.last_message(look, &conversation).await? else { return Ok(()) };
        let answered = (last.direction == Direction::Outbound).then_some(last.body.as_str());
        let body = synthetic::follow_up(&mut self.rng, answered);
        self.text(look, &conversation, body).await
    }

    async fn texts_back(&mut self, look: &Look) -> Result<(), Error> {
        let closed = self.list(&look.access, View::Inbox, Status::Closed, OrderField::LastActivity).await?;
        let Some(conversation) = self.pick(&closed, |_| true) else { return Ok(()) };
        let body = synthetic::texts_back(&mut self.rng);
        self.text(look, &conversation, body).await
    }

    async fn reply(&mut self, look: &Look) -> Result<(), Error> {
        let waiting = |it: &Conversation| it.waiting_since().is_some();
        let Some((conversation, owner)) = self.pick_owned(&look.open, waiting) else { return Ok(()) };
        let Some(last) = self.last_message(look, &conversation).await? else { return Ok(()) };
        let command = SendMessage {
            conversation_id: conversation.id,
            body: synthetic::reply(&mut self.rng, &last.body),
            idempotency_key: Uuid::new_v4().to_string(),
            last_seen: Some(last.id),
            override_stale: false,
        };
        self.services.send_message(owner, command).await.map(drop)
    }

    async fn claim(&mut self, look: &Look) -> Result<(), Error> {
        let Some(conversation) = oldest_spare(look) else { return Ok(()) };
        let Some(agent) = self.colleague(conversation.phone_number_id, |it| !it.is_manager()) else {
            return Ok(());
        };
        self.services.claim(agent, conversation.id).await.map(drop)
    }

    async fn assign(&mut self, look: &Look) -> Result<(), Error> {
        let Some(conversation) = oldest_spare(look) else { return Ok(()) };
        let number = conversation.phone_number_id;
        let by = self.colleague(number, Agent::is_manager);
        let to = self.colleague(number, |it| !it.is_manager());
        let (Some(by), Some(to)) = (by, to) else { return Ok(()) };
        self.pass_on(by, conversation, to).await
    }

    async fn hand_on(&mut self, look: &Look) -> Result<(), Error> {
        let Some((conversation, owner)) = self.pick_owned(&look.open, |_| true) else { return Ok(()) };
        let number = conversation.phone_number_id;
        let Some(to) = self.colleague(number, |it| Some(it.id) != owner.agent_id()) else { return Ok(()) };
        self.pass_on(owner, &conversation, to).await
    }

    async fn give_back(&mut self, look: &Look) -> Result<(), Error> {
        let Some((conversation, owner)) = self.pick_owned(&look.open, |_| true) else { return Ok(()) };
        self.services.unassign(owner, conversation.id, Some(conversation.version)).await.map(drop)
    }

    async fn close(&mut self, look: &Look) -> Result<(), Error> {
        let answered = |it: &Conversation| it.waiting_since().is_none();
        let Some((conversation, owner)) = self.pick_owned(&look.open, answered) else { return Ok(()) };
        self.services.close(owner, conversation.id, Some(conversation.version)).await.map(drop)
    }

    async fn read(&mut self, look: &Look) -> Result<(), Error> {
        let Some((conversation, owner)) = self.pick_owned(&look.open, |_| true) else { return Ok(()) };
        self.services.mark_read(owner, conversation.id, None).await.map(drop)
    }

    /// Passes a conversation on, unless somebody was faster.
    async fn pass_on(&self, by: Caller, conversation: &Conversation, to: Caller) -> Result<(), Error> {
        let agent_id = to.agent_id().ok_or(Error::Unauthenticated)?;
        let expected = Expectations { version: Some(conversation.version), assignee: None };
        let command = Assign { conversation_id: conversation.id, agent_id, expected };
        self.services.assign(by, command).await.map(drop)
    }

    /// The customer of a conversation texts.
    async fn text(&self, look: &Look, to: &Conversation, body: String) -> Result<(), Error> {
        let contact = self.services.contact(&look.access, to.contact_id).await?;
        let number = look.access.phone_numbers.iter().find(|number| number.id == to.phone_number_id);
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
            provider_message_id: format!("demo-{}", Uuid::new_v4()),
            from,
            to,
            body,
            media_urls: Vec::new(),
            sent_at: None,
        };
        self.services.receive_message(self.world.staff.service(), text).await.map(drop)
    }

    async fn last_message(&self, look: &Look, of: &Conversation) -> Result<Option<Message>, Error> {
        self.services.message(&look.access, of.last_message_id).await
    }

    /// Any of those that fit.
    fn pick(&mut self, from: &[Conversation], fits: impl Fn(&Conversation) -> bool) -> Option<Conversation> {
        let fitting: Vec<_> = from.iter().filter(|it| fits(it)).collect();
        (!fitting.is_empty()).then(|| fitting[self.rng.random_range(0..fitting.len())].clone())
    }

    /// Any of those that fit and that a colleague of the visitors owns, with its owner.
    fn pick_owned(
        &mut self,
        from: &[Conversation],
        fits: impl Fn(&Conversation) -> bool,
    ) -> Option<(Conversation, Caller)> {
        let workspace_id = self.world.staff.workspace.id;
        let colleagues: Vec<_> = self
            .world
            .staff
            .agents
            .iter()
            .map(|it| it.id)
            .filter(|it| !self.world.is_signed_in(*it))
            .collect();
        let owned = |it: &Conversation| it.assignee().is_some_and(|owner| colleagues.contains(&owner));
        let conversation = self.pick(from, |it| owned(it) && fits(it))?;
        let agent_id = conversation.assignee()?;
        Some((conversation, Caller::Agent { workspace_id, agent_id }))
    }

    /// Any colleague of the visitors who fits and had access to the number when the demo began.
    fn colleague(&mut self, number: PhoneNumberId, fits: impl Fn(&Agent) -> bool) -> Option<Caller> {
        let mut able = self.world.staff.crew(number);
        able.retain(|agent| !self.world.is_signed_in(agent.id) && fits(agent));
        let chosen = (!able.is_empty()).then(|| able[self.rng.random_range(0..able.len())])?;
        Some(self.world.staff.caller(chosen))
    }
}

/// The conversation that has had no owner for longest, unless the rest is left to the visitors.
fn oldest_spare(look: &Look) -> Option<&Conversation> {
    look.unassigned.first().filter(|_| look.unassigned_total > LEFT_TO_VISITORS)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::demo::tests::fixture;
    use crate::domain::{EventBody, EventKind};

    /// So many beats that each kind comes.
    const BEATS: usize = 250;

    #[tokio::test]
    async fn everything_happens_and_visitors_are_left_in_peace() {
        let fixture = fixture().await;
        let before = fixture.access(&fixture.world.manager).await;
        let rng = StdRng::seed_from_u64(7);
        let mut traffic = Traffic::new(fixture.services.clone(), fixture.world.clone(), rng);
        for _ in 0..BEATS {
            let (beat, _) = synthetic::next_beat(&mut traffic.rng, traffic.unassigned);
            match traffic.play(beat).await {
                // Somebody replied since, or the owner has no access any more.
                Ok(()) | Err(Error::Refused(_)) => {}
                Err(error) => panic!("{beat:?}: {error}"),
            }
        }
        let after = fixture.access(&fixture.world.manager).await;
        let mut kinds: HashMap<EventKind, usize> = HashMap::new();
        for seq in before.as_of + 1..=after.as_of {
            // What somebody has read is nobody else's business, so it cannot be asked for.
            let Some(event) = fixture.services.event(&after, seq).await.unwrap() else { continue };
            let EventBody::Conversation(body) = &event.body else { panic!("nobody's access changed") };
            *kinds.entry(body.kind).or_default() += 1;
            assert!(event.actor.is_none_or(|actor| !fixture.world.is_signed_in(actor)), "{:?}", body.kind);
            if matches!(body.kind, EventKind::Assigned | EventKind::Unassigned) {
                let owners =
                    body.before.iter().chain([&body.after]).filter_map(|it| it.conversation.assignee());
                assert!(owners.into_iter().all(|owner| !fixture.world.is_signed_in(owner)));
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
        assert!((1..40).contains(&unassigned), "{unassigned} have no owner");
        assert!(fixture.services.check(|_, _, _| ()).await.unwrap().is_clean());
    }

    #[tokio::test]
    async fn it_ends_when_told() {
        let fixture = fixture().await;
        let stop = CancellationToken::new();
        stop.cancel();
        run(fixture.services, fixture.world, stop).await;
    }
}

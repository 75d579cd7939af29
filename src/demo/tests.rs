//! Tests of the demo's workspace, read from its database.

use super::*;
use crate::clock::Clock;
use crate::domain::{Conversation, Filter, Status, View};
use crate::service::{Access, ListFilter, Order, OrderDirection, OrderField, Slice};
use crate::store::db::migrations;
use crate::store::{DatabaseUrl, Store};
use crate::token::Keys;

/// A demo in a new database.
pub(super) struct Fixture {
    pub services: Services,
    pub world: World,
    backdating: Backdating,
    _folder: tempfile::TempDir,
}

pub(super) async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("demo.sqlite").display());
    let url = DatabaseUrl::parse(&url).unwrap();
    migrations::migrate(&url).await.unwrap();
    let store = Store::open(&url, 1).await.unwrap();
    let backdating = Backdating::new(Clock::system());
    let keys = Keys::new(&[7; 32]).unwrap();
    let services = Services::start(store, backdating.clock(), keys).await.unwrap();
    let world = World::build(&services, &backdating).await.unwrap();
    Fixture { services, world, backdating, _folder: folder }
}

impl Fixture {
    pub async fn access(&self, agent: &Agent) -> Access {
        self.services.access(self.world.staff.caller(agent)).await.unwrap()
    }

    async fn open(&self, agent: &Agent, view: View) -> Vec<Conversation> {
        let filter = Filter { status: Some(Status::Open), ..Filter::default() };
        let order = Order { field: OrderField::LastActivity, direction: OrderDirection::Desc };
        let slice = Slice { limit: 500, backward: false, after: None, before: None };
        let filter = ListFilter { filter, search: None };
        let access = self.access(agent).await;
        let page = self.services.conversations(&access, view, &filter, order, slice).await.unwrap();
        page.items.into_iter().map(|(_, visible)| (*visible.conversation).clone()).collect()
    }
}

#[tokio::test]
async fn the_database_is_consistent_and_the_counts_are_as_documented() {
    let fixture = fixture().await;
    let report = fixture.services.check(|_, _, _| ()).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    let access = fixture.access(&fixture.world.manager).await;
    let counts = fixture.services.view_counts(&access, None).await.unwrap();
    assert_eq!(counts.inbox.total, (UNASSIGNED + IN_PROGRESS + CLOSED) as i64);
    assert_eq!(counts.inbox.open, (UNASSIGNED + IN_PROGRESS) as i64);
    assert_eq!(counts.unassigned.open, UNASSIGNED as i64);
    let waiting = fixture.open(&fixture.world.manager, View::Inbox).await;
    let waiting = waiting.iter().filter(|it| it.waiting_since().is_some()).count();
    assert!((UNASSIGNED + 5..UNASSIGNED + IN_PROGRESS - 5).contains(&waiting), "{waiting} wait");
}

#[tokio::test]
async fn every_visitor_can_claim_unassigned_conversations_and_owns_some() {
    let fixture = fixture().await;
    let first = fixture.world.staff.numbers[0].id;
    for visitor in [&fixture.world.manager, &fixture.world.rep, &fixture.world.rep2] {
        assert_eq!(fixture.access(visitor).await.phone_numbers[0].id, first);
        let unassigned = fixture.open(visitor, View::Unassigned).await;
        assert_eq!(unassigned.len(), UNASSIGNED);
        assert!(unassigned.iter().all(|it| it.phone_number_id == first && it.waiting_since().is_some()));
        let own = fixture.open(visitor, View::AssignedToMe).await;
        assert!(!own.is_empty(), "{} owns no conversation", visitor.name);
    }
}

#[tokio::test]
async fn the_history_is_in_the_past_and_in_order() {
    let fixture = fixture().await;
    let now = fixture.backdating.present();
    let open = fixture.open(&fixture.world.manager, View::Inbox).await;
    assert!(open.iter().all(|it| it.last_activity_at < now));
    let newest = open.first().map(|it| it.last_activity_at).unwrap();
    assert!(newest > now.plus_micros(-HOUR_MICROS), "the newest message is from {newest}");
    // Events have the time at which they happened, not the time at which they were written.
    let access = fixture.access(&fixture.world.manager).await;
    let mut last = now.plus_micros(-60 * DAY_MICROS);
    let mut long_ago = 0;
    for seq in 1..=access.as_of {
        // The query returns only events of conversations.
        let Some(event) = fixture.services.event(&access, seq).await.unwrap() else { continue };
        assert!(event.at >= last && event.at < now);
        last = event.at;
        long_ago += usize::from(event.at < now.plus_micros(-DAY_MICROS));
    }
    assert!(long_ago > 500, "{long_ago} events are older than a day");
}

#[tokio::test]
async fn two_demos_share_a_database() {
    let fixture = fixture().await;
    let second = World::build(&fixture.services, &fixture.backdating).await.unwrap();
    assert_ne!(second.staff.workspace.id, fixture.world.staff.workspace.id);
    let report = fixture.services.check(|_, _, _| ()).await.unwrap();
    assert_eq!((report.workspaces, report.problem_count), (2, 0));
}

#[tokio::test]
async fn no_customer_of_the_history_has_the_area_code_of_visitors() {
    let fixture = fixture().await;
    let numbers = (0..fixture.world.next_customer() + 5_000).map(synthetic::customer_number);
    let own = fixture.world.staff.numbers.iter().map(|number| number.number.to_string());
    assert!(numbers.chain(own).all(|number| !number.starts_with("+1415")));
}

//! Tests of seeding, read from the seeded database.

use super::*;
use crate::domain::{EventBody, Filter, View};
use crate::service::{ListFilter, Order, OrderDirection, OrderField, Slice};
use crate::store::db::migrations;
use crate::store::{DatabaseUrl, Store};
use crate::token::Keys;

/// Enough for three chunks of one workspace.
const PLAN: SeedPlan = SeedPlan { agents: 9, numbers: 2, conversations: 450, workspaces: 1, rng_seed: 3 };

struct Fixture {
    services: Services,
    backdating: Backdating,
    _folder: tempfile::TempDir,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("seed.sqlite").display());
    let url = DatabaseUrl::parse(&url).unwrap();
    migrations::migrate(&url).await.unwrap();
    let store = Store::open(&url, 1).await.unwrap();
    let backdating = Backdating::new(Clock::system());
    let services = Services::start(store, backdating.clock(), Keys::new(&[7; 32]).unwrap()).await.unwrap();
    Fixture { services, backdating, _folder: folder }
}

impl Fixture {
    async fn seed(&self, plan: SeedPlan) -> Vec<Staff> {
        seed(&self.services, &self.backdating, plan, |_, _| ()).await.unwrap().workspaces
    }

    /// The last messages of the conversations that the first manager sees, in order.
    async fn last_texts(&self, staff: &Staff) -> Vec<String> {
        let access = self.services.access(staff.caller(&staff.agents[0])).await.unwrap();
        let order = Order { field: OrderField::LastActivity, direction: OrderDirection::Desc };
        let slice = Slice { limit: 100, backward: false, after: None, before: None };
        let filter = ListFilter { filter: Filter::default(), search: None };
        let page = self.services.conversations(&access, View::Inbox, &filter, order, slice).await.unwrap();
        let mut texts = Vec::new();
        for (_, visible) in page.items {
            let last = self.services.message(&access, visible.conversation.last_message_id).await.unwrap();
            texts.push(last.unwrap().body);
        }
        texts
    }
}

#[tokio::test]
async fn the_whole_plan_is_written_and_the_store_is_consistent() {
    let fixture = fixture().await;
    let calls = std::cell::RefCell::new(Vec::new());
    let plan = SeedPlan { workspaces: 2, ..PLAN };
    let progress = |done, total| calls.borrow_mut().push((done, total));
    let seeded = seed(&fixture.services, &fixture.backdating, plan, progress).await.unwrap().workspaces;
    assert_eq!(*calls.borrow(), [200, 400, 450, 650, 850, 900].map(|done| (done, 900)));
    let report = fixture.services.check(|_, _, _| ()).await.unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!((report.workspaces, report.conversations), (2, 900));
    for staff in &seeded {
        assert_eq!((staff.managers().count(), staff.reps().count(), staff.numbers.len()), (2, 7, 2));
        let first = staff.agents_on(staff.numbers[0].id);
        assert_eq!(first.len(), staff.agents.len(), "all agents can access the first number");
    }
    assert_ne!(seeded[0].numbers[0].number, seeded[1].numbers[0].number);
}

#[tokio::test]
async fn the_log_is_in_order_of_time_across_chunks() {
    let fixture = fixture().await;
    let staff = &fixture.seed(PLAN).await[0];
    let access = fixture.services.access(staff.caller(&staff.agents[0])).await.unwrap();
    let (mut last, mut seen) = (fixture.backdating.present().plus_micros(-2 * SPAN_MICROS), 0);
    for seq in 1..=access.as_of {
        let Some(event) = fixture.services.event(&access, seq).await.unwrap() else { continue };
        assert!(event.at >= last && event.at < fixture.backdating.present());
        last = event.at;
        if let EventBody::Conversation(body) = &event.body {
            seen += 1;
            // The conversation's times match those of the log.
            assert!(body.after.conversation.last_activity_at <= event.at);
        }
    }
    assert!(seen > PLAN.conversations);
    assert!(last > fixture.backdating.present().plus_micros(-30 * DAY_MICROS));
}

#[tokio::test]
async fn the_same_seed_generates_the_same_and_another_does_not() {
    let (one, other) = (fixture().await, fixture().await);
    let same = (one.seed(PLAN).await, other.seed(PLAN).await);
    let names = |staff: &Staff| staff.agents.iter().map(|agent| agent.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&same.0[0]), names(&same.1[0]));
    let texts = one.last_texts(&same.0[0]).await;
    assert_eq!(texts, other.last_texts(&same.1[0]).await);
    let different = one.seed(SeedPlan { rng_seed: 4, ..PLAN }).await;
    assert_ne!(texts, one.last_texts(&different[0]).await);
}

#[tokio::test]
async fn a_plan_without_two_reps_is_refused() {
    let fixture = fixture().await;
    let plan = SeedPlan { agents: MIN_AGENTS - 1, ..PLAN };
    let refused = seed(&fixture.services, &fixture.backdating, plan, |_, _| ()).await;
    assert!(matches!(refused, Err(Error::BadInput(_))));
    assert_eq!(fixture.services.inventory().await.unwrap().len(), 0);
}

#[test]
fn a_clock_is_set_back_only_while_the_guard_lives() {
    let backdating = Backdating::new(Clock::from_fn(|| Timestamp::from_micros(10_000)));
    let clock = backdating.clock();
    let back = backdating.set_back(3_000);
    assert_eq!((clock.now().as_micros(), backdating.present().as_micros()), (7_000, 10_000));
    drop(back);
    assert_eq!(clock.now().as_micros(), 10_000);
}

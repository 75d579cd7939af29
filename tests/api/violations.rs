//! The list of violations contains exactly the conversations that break an ownership rule.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::support::outcome::{items, text};
use crate::support::random_work::{ALL, RandomWork};
use crate::support::seed;
use crate::support::timed::Timed;

const LIST: &str = "query($minutes: Int! = 60, $kinds: [OwnershipViolationKind!], $numbers: [ID!],
                          $first: Int, $after: String) {
    ownershipViolations(olderThanMinutes: $minutes, kinds: $kinds, phoneNumberIds: $numbers,
                        first: $first, after: $after) {
      nodes { kind since assignee { id } conversation { id status assignee { id } } }
      pageInfo { hasNextPage endCursor } asOf } }";

/// A violation: its kind, its conversation, the second in which it began, and the owner.
type Violation = (String, String, i64, Value);

/// All violations in order, read in pages of `size`.
async fn listed(world: &Timed, minutes: i64, size: i64) -> Vec<Violation> {
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let variables = json!({ "minutes": minutes, "first": size, "after": after });
        let page = world.manager.client.data(LIST, variables).await["ownershipViolations"].take();
        for node in items(&page["nodes"]) {
            let conversation = &node["conversation"];
            assert_eq!(node["assignee"], conversation["assignee"], "{node:#}");
            found.push((
                text(&node["kind"]).to_owned(),
                text(&conversation["id"]).to_owned(),
                world.second(&node["since"]),
                node["assignee"]["id"].clone(),
            ));
        }
        if page["pageInfo"]["hasNextPage"] != true {
            return found;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Computes the current violations of one conversation from its history.
async fn recounted(world: &Timed, conversation: &str, minutes: i64) -> Vec<Violation> {
    let mut history = world.manager.history(conversation).await;
    assert!(history.len() < 100, "the history fits a page");
    history.reverse();
    let (mut open, mut owner) = (false, Value::Null);
    let (mut idle_since, mut waiting_since, mut closed_waiting) = (None, None, None);
    for event in &history {
        let at = world.second(&event["at"]);
        let was_idle = open && owner.is_null();
        match text(&event["kind"]) {
            "RECEIVED" => {
                (open, closed_waiting) = (true, None);
                waiting_since = waiting_since.or(Some(at));
            }
            "REPLIED" => (waiting_since, closed_waiting) = (None, None),
            "CLOSED" => {
                closed_waiting = waiting_since.take().map(|_| at);
                open = false;
            }
            "REOPENED" => (open, closed_waiting) = (true, None),
            _ => {}
        }
        owner = event["assignee"]["id"].clone();
        let is_idle = open && owner.is_null();
        if is_idle && !was_idle {
            idle_since = Some(at);
        }
        if !is_idle {
            idle_since = None;
        }
    }
    let latest = world.elapsed() - minutes * 60;
    let violation = |kind: &str, since| (kind.to_owned(), conversation.to_owned(), since, owner.clone());
    let mut found = Vec::new();
    found.extend(idle_since.filter(|at| *at <= latest).map(|at| violation("UNOWNED_TOO_LONG", at)));
    if !owner.is_null() {
        found.extend(waiting_since.filter(|at| *at <= latest).map(|at| violation("UNANSWERED_TOO_LONG", at)));
    }
    found.extend(closed_waiting.map(|at| violation("CLOSED_UNANSWERED", at)));
    found
}

fn sorted(mut violations: Vec<Violation>) -> Vec<Violation> {
    violations.sort_by(|one, two| (&one.0, &one.1).cmp(&(&two.0, &two.1)));
    violations
}

on_both! {
    async fn the_violations_are_those_of_the_histories(world: Timed) {
        let mut rng = StdRng::seed_from_u64(seed());
        world.pass(60);
        let team = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let conversations = world.conversations(12).await;
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        let mut seen = 0;
        for _ in 0..3 {
            for _ in 0..45 {
                world.pass(rng.random_range(1..120));
                work.run_one(&mut rng, &team).await;
            }
            for minutes in [0, 5, 30] {
                let mut expected = Vec::new();
                for conversation in &conversations {
                    expected.extend(recounted(world, conversation, minutes).await);
                }
                seen += expected.len();
                let expected = sorted(expected);
                assert_eq!(sorted(listed(world, minutes, 100).await), expected, "{minutes} minutes");
                assert_eq!(sorted(listed(world, minutes, 2).await), expected, "{minutes} minutes, in pages");
            }
        }
        assert!(seen > 0, "the random work caused violations");
    }

    async fn each_kind_of_violation_is_listed(world: Timed) {
        world.pass(60);
        // Created in seconds 61, 62, 63 and 64.
        let ids = world.conversations(4).await;
        world.rep.claim(&ids[1]).await.changed();
        world.rep.claim(&ids[2]).await.changed();
        world.pass(26);
        world.rep.close(&ids[2]).await.changed();
        world.rep.claim(&ids[3]).await.changed();
        world.rep.send(&ids[3], "Done").await.changed();
        world.pass(3_600 - 30);
        let closed = ("CLOSED_UNANSWERED".to_owned(), ids[2].clone(), 90, json!(world.rep.id));
        assert_eq!(listed(world, 60, 100).await, std::slice::from_ref(&closed), "one second less than an hour");
        world.pass(1);
        let unowned = ("UNOWNED_TOO_LONG".to_owned(), ids[0].clone(), 61, Value::Null);
        assert_eq!(listed(world, 60, 100).await, [unowned.clone(), closed.clone()], "one hour");
        world.pass(1);
        let unanswered = ("UNANSWERED_TOO_LONG".to_owned(), ids[1].clone(), 62, json!(world.rep.id));
        assert_eq!(listed(world, 60, 100).await, [unowned, unanswered, closed]);
    }

    async fn a_customer_who_texts_back_is_not_yet_forgotten(world: Timed) {
        world.pass(60);
        let id = world.conversation(1).await;
        world.rep.send(&id, "Here you are").await.changed();
        world.rep.close(&id).await.changed();
        world.pass(86_400 / 4);
        world.text(&crate::support::world::customer(1), "One more thing").await;
        world.pass(60);
        assert_eq!(listed(world, 60, 100).await, [], "never owned, but open for only a minute");
    }

    async fn an_answer_after_the_close_settles_it(world: Timed) {
        world.pass(60);
        let id = world.conversation(1).await;
        world.pass(1);
        world.rep.close(&id).await.changed();
        assert_eq!(listed(world, 60, 100).await.len(), 1);
        world.rep.send(&id, "Sorry, I closed too early").await.changed();
        assert_eq!(listed(world, 60, 100).await, []);
    }

    async fn no_open_conversation_is_owned_by_somebody_who_cannot_work_it(world: Timed) {
        world.pass(60);
        let (mine, closed) = (world.conversation(1).await, world.conversation(2).await);
        for id in [&mine, &closed] {
            world.rep.claim(id).await.changed();
            world.rep.send(id, "Hello").await.changed();
        }
        world.rep.close(&closed).await.changed();
        world.deactivate(&world.rep).await.changed();
        let inactive = json!({ "kinds": ["OWNED_BY_INACTIVE"] });
        let list = world.manager.client.data(LIST, inactive.clone()).await;
        assert_eq!(items(&list["ownershipViolations"]["nodes"]).len(), 0, "the rule holds: {list:#}");
        // Changes the database directly, so that there is a violation to find.
        world.manager.assign(&mine, &world.rep2).await.changed();
        world.app.sql_connection().await.run("UPDATE agents SET active = false WHERE name = 'Ingrid Berg'").await;
        let list = world.manager.client.data(LIST, inactive).await;
        let [only] = items(&list["ownershipViolations"]["nodes"]).as_slice() else { panic!("{list:#}") };
        assert_eq!(only["conversation"]["id"], mine.as_str(), "{list:#}");
        assert_eq!(only["assignee"]["id"], world.rep2.id.as_str(), "{list:#}");
    }

    async fn violations_are_for_managers_and_their_numbers(world: Timed) {
        let refused = world.rep.client.query(LIST, json!({})).await;
        assert_eq!(refused.error_code(), "FORBIDDEN", "{refused}");
        assert_eq!(refused.body["data"]["ownershipViolations"], Value::Null, "{refused}");
        world.pass(60);
        world.conversation_on(&world.number2, 1).await;
        world.pass(600);
        assert_eq!(listed(world, 5, 100).await.len(), 1);
        let other = json!({ "minutes": 5, "numbers": [world.number.id] });
        let list = world.manager.client.data(LIST, other).await;
        assert_eq!(items(&list["ownershipViolations"]["nodes"]).len(), 0, "{list:#}");
        world.revoke(&world.manager, &world.number2).await.changed();
        assert_eq!(listed(world, 5, 100).await, []);
    }

    async fn bad_paging_of_violations_is_bad_input(world: Timed) {
        for variables in [
            json!({ "minutes": -1 }),
            json!({ "minutes": 1_000_000 }),
            json!({ "first": 101 }),
            json!({ "first": -1 }),
            json!({ "after": "x" }),
        ] {
            let refused = world.manager.client.query(LIST, variables.clone()).await;
            assert_eq!(refused.error_code(), "BAD_USER_INPUT", "{variables}: {refused}");
        }
    }
}

//! The number of SQL statements for a page does not depend on its length.

use serde_json::json;

use crate::support::outcome::items;
use crate::support::world::{World, customer};

/// The most statements for a page of 50 with all fields, without transaction control.
const MOST: u64 = 6;

/// The most statements for a page of any length with nested threads and histories: seven for the page itself
/// (position, access, rows, count, messages, events, owners at a time), and then one for the agents and one for the
/// messages that each of these results refers to. A batch may be split into two statements.
const MOST_FOR_THREADS: u64 = 16;

const EVERYTHING: &str = "query($first: Int!, $view: ConversationView!, $filter: ConversationFilter) {
    conversations(view: $view, filter: $filter, first: $first) {
      nodes {
        id status version unread viewerCanReply lastActivityAt waitingSince createdAt closedAt unassignedSince assignedAt
        contact { id number name } phoneNumber { id number label }
        assignee { id name title email } assignedBy { id name } closedBy { id name }
        lastMessage { id body direction sentAt author { id name } }
      }
      pageInfo { hasNextPage endCursor } totalCount asOf } }";

/// Three lists in one document. `{}` is what they select of each conversation.
const THREE_LISTS: &str = "query($first: Int!) {
    inbox: conversations(view: INBOX, first: $first) { nodes { {} } }
    unassigned: conversations(view: UNASSIGNED, first: $first) { nodes { {} } }
    mine: conversations(view: ASSIGNED_TO_ME, first: $first) { nodes { {} } } }";

/// The related entities of a conversation: agents, contacts and messages.
const RELATED: &str =
    "id contact { id name } assignee { id name } assignedBy { id name } closedBy { id name }
    lastMessage { id body author { id name } }";

const THREADS: &str = "query($first: Int!) {
    conversations(first: $first) {
      nodes {
        id messages(last: 3) { nodes { id body author { name } } }
        history(first: 3) { nodes { kind actor { name } assignee { name } message { body } } }
        assigneeAt(time: \"2020-01-01T00:00:00Z\") { name }
      } totalCount } }";

/// Creates fifty conversations with different owners, authors and numbers.
async fn fifty(world: &World) {
    let agents = [&world.manager, &world.rep, &world.rep2];
    for n in 0..50_u32 {
        let number = if n % 2 == 0 { &world.number } else { &world.number2 };
        let id = world.conversation_on(number, n).await;
        let (one, two) = (agents[n as usize % 3], agents[(n as usize + 1) % 3]);
        if n % 5 != 0 {
            one.assign(&id, two).await.changed();
            two.send(&id, "Hello").await.changed();
        }
        if n % 7 == 0 {
            one.close(&id).await.changed();
        }
        if n % 3 == 0 {
            world.rep.read(&id).await.ok();
        }
        if n % 4 == 0 {
            world.text_to(number, &customer(n), "And another thing").await;
        }
    }
}

/// How often to measure. Background workers of the process also run statements, so the lowest count is used.
const TRIES: usize = 3;

/// The fewest statements of several requests, and the last response.
async fn spent(world: &World, document: &str, first: u32) -> (u64, serde_json::Value) {
    let (mut least, mut data) = (u64::MAX, serde_json::Value::Null);
    for _ in 0..=TRIES {
        let before = world.app.statement_count();
        data = world.rep.client.data(document, json!({ "first": first })).await;
        least = least.min(world.app.statement_count() - before);
    }
    (least, data)
}

/// The number of statements for one request, and of conversations in its response.
async fn cost(world: &World, document: &str, variables: serde_json::Value) -> (u64, usize) {
    // Fills the caches of the process, which are not part of the cost of a page.
    world.rep.client.data(document, variables.clone()).await;
    let (mut least, mut rows) = (u64::MAX, 0);
    for _ in 0..TRIES {
        let before = world.app.statement_count();
        let data = world.rep.client.data(document, variables.clone()).await;
        least = least.min(world.app.statement_count() - before);
        rows = items(&data["conversations"]["nodes"]).len();
    }
    (least, rows)
}

on_both! {
    async fn a_page_with_everything_costs_at_most_six_statements(world: World) {
        fifty(world).await;
        for view in ["INBOX", "UNASSIGNED", "ASSIGNED_TO_ME"] {
            for filter in [
                json!({}),
                json!({ "status": "OPEN" }),
                json!({ "unread": true }),
                json!({ "unread": false }),
            ] {
                let page = |first: u32| json!({ "first": first, "view": view, "filter": filter });
                let (long, rows) = cost(world, EVERYTHING, page(50)).await;
                assert!(rows > 1, "{view} {filter}: {rows} rows");
                assert!(long > 0, "statements are counted");
                assert!(long <= MOST, "{view} {filter}: {rows} rows cost {long} statements");
            }
        }
        let (long, rows) = cost(world, EVERYTHING, json!({ "first": 50, "view": "INBOX" })).await;
        let (short, few) = cost(world, EVERYTHING, json!({ "first": 5, "view": "INBOX" })).await;
        assert_eq!((rows, few), (50, 5));
        assert_eq!(long, short, "a page of 50 costs as much as a page of 5");
    }

    async fn three_lists_load_agents_contacts_and_messages_once(world: World) {
        fifty(world).await;
        for first in [5, 50] {
            let (bare, _) = spent(world, &THREE_LISTS.replace("{}", "id"), first).await;
            let (full, data) = spent(world, &THREE_LISTS.replace("{}", RELATED), first).await;
            for list in ["inbox", "unassigned", "mine"] {
                let rows = items(&data[list]["nodes"]);
                assert!(rows.len() >= 5, "{list}: {}", rows.len());
                assert!(rows.iter().all(|row| row["lastMessage"]["body"].is_string()), "{list}");
            }
            assert_eq!(full - bare, 3, "agents, contacts and messages: {bare} and {full} statements");
        }
        let one = "query($first: Int!) { conversations(first: $first) { nodes { {} } } }";
        let (bare, _) = spent(world, &one.replace("{}", "id"), 50).await;
        let (full, _) = spent(world, &one.replace("{}", RELATED), 50).await;
        assert_eq!(full - bare, 3, "one list costs as much as three");
    }

    async fn threads_and_histories_cost_a_few_statements_for_5_and_for_50_conversations(world: World) {
        fifty(world).await;
        let (long, rows) = cost(world, THREADS, json!({ "first": 50 })).await;
        let (short, few) = cost(world, THREADS, json!({ "first": 5 })).await;
        assert_eq!((rows, few), (50, 5));
        // The database determines whether look-ups finish together, so the number of batches can vary slightly. One
        // statement per row would be at least 50.
        assert!(long <= MOST_FOR_THREADS && short <= MOST_FOR_THREADS, "{long} and {short} statements");
    }

    async fn signing_in_is_one_statement_unless_the_agents_numbers_have_changed(world: World) {
        let spent = async || {
            let before = world.app.statement_count();
            world.rep.client.data("{ phoneNumbers { label } }", json!({})).await;
            world.app.statement_count() - before
        };
        assert!(spent().await >= 1);
        let mut least = u64::MAX;
        for _ in 0..TRIES {
            least = least.min(spent().await);
        }
        assert_eq!(least, 1);
        if world.app.is_postgres() {
            // PostgreSQL compares the cached numbers with the current ones.
            world.revoke(&world.rep, &world.number).await.changed();
            assert!(spent().await >= 2);
        }
    }

    async fn the_badges_cost_the_same_however_many_conversations_there_are(world: World) {
        let ask = format!("{{ viewCounts {{ {} }} }}", crate::support::documents::COUNTS);
        let spent = async || {
            let mut least = u64::MAX;
            for _ in 0..TRIES {
                let before = world.app.statement_count();
                world.rep.client.data(&ask, json!({})).await;
                least = least.min(world.app.statement_count() - before);
            }
            least
        };
        world.conversation(1).await;
        spent().await;
        let few = spent().await;
        fifty(world).await;
        assert_eq!(spent().await, few);
    }
}

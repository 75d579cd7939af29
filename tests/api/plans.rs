//! Lists are read along indexes: the cost of a page does not depend on the number of conversations.

use serde_json::{Value, json};
use switchboard::domain::Role;

use crate::support::agent::{Agent, merged};
use crate::support::bulk::{fill, read};
use crate::support::outcome::items;
use crate::support::plans::{Plan, PlanRecorder};
use crate::support::world::World;

const CONVERSATIONS: u32 = 20_000;
const NUMBERS: u32 = 20;
const PAGE: u64 = 25;
/// The maximum number of conversations that an index scan may read for each one on the page. A scan may skip some.
const SKIPPED: u64 = 4;
/// The maximum number of conversations that may be read for each unread one. An unread bucket of a number holds about
/// three open conversations. The maximum is twice that, plus the unread conversation.
const PER_BUCKET: u64 = 7;
/// The number of additional rows that may be read: one for each index scan, and two index scans for each number.
const LEEWAY: u64 = 2 * NUMBERS as u64;

const LIST: &str = "query($view: ConversationView!, $filter: ConversationFilter, $orderBy: ConversationOrder,
        $first: Int, $after: String, $last: Int, $before: String) {
    conversations(view: $view, filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      nodes { id unread } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } totalCount } }";

/// A large workspace whose query plans are recorded. The manager has access to all its numbers, the rep to two.
struct PlanCheck<'a> {
    recorder: &'a PlanRecorder,
    plans: u32,
    faults: Vec<String>,
}

/// The bounds for a query plan.
#[derive(Clone, Copy)]
struct Bounds {
    /// The maximum number of rows to sort. It is not zero, because a planner may prefer to sort a few rows.
    sorted: u64,
    /// The maximum number of conversations to read.
    rows_read: u64,
}

const PAGED: Bounds = Bounds { sorted: (PAGE + 1) * SKIPPED, rows_read: (PAGE + 1) * SKIPPED + LEEWAY };
/// The bounds for a filter that the index does not contain, such as `unread`. The scan skips the conversations that do
/// not match, so the number of rows read has no bound.
const FILTERED: Bounds = Bounds { rows_read: u64::MAX, ..PAGED };
/// The bounds for a search: it may sort and read any number of rows, but must not scan a whole table.
const SEARCHED: Bounds = Bounds { sorted: u64::MAX, rows_read: u64::MAX };

/// Fills the workspace with numbers, agents and conversations.
async fn prepare(world: &World, conversations: u32) {
    for n in 2..NUMBERS {
        world.add_number(&world.app, &[&world.manager], &format!("Number {n}")).await;
    }
    for n in 0..7 {
        world.join(&world.app, &format!("Agent {n}"), Role::Rep, false).await;
    }
    fill(world, conversations).await;
}

async fn large(world: &World) -> PlanRecorder {
    prepare(world, CONVERSATIONS).await;
    PlanRecorder::start(&world.app).await
}

impl PlanCheck<'_> {
    async fn ask(&mut self, who: &Agent, variables: Value, bounds: Bounds) -> Value {
        let what = format!("{} {variables}", who.name);
        let data = who.at(self.recorder.app.address()).client.data(LIST, variables).await;
        for plan in self.recorder.plans() {
            self.plans += 1;
            for complaint in complaints(&plan, bounds) {
                self.faults.push(format!("{what}\n  {complaint}\n{}", plan.text));
            }
        }
        data["conversations"].clone()
    }

    /// Requests the first page, the page after it, the last page, and the page before that.
    async fn pages(&mut self, who: &Agent, list: &Value, bounds: Bounds) -> usize {
        let with = |more: Value| merged(list.clone(), more);
        let first = self.ask(who, with(json!({ "first": PAGE })), bounds).await;
        let after = first["pageInfo"]["endCursor"].clone();
        self.ask(who, with(json!({ "first": PAGE, "after": after })), bounds).await;
        let last = self.ask(who, with(json!({ "last": PAGE })), bounds).await;
        let before = last["pageInfo"]["startCursor"].clone();
        self.ask(who, with(json!({ "last": PAGE, "before": before })), bounds).await;
        items(&first["nodes"]).len()
    }

    #[track_caller]
    fn verify(self, at_least: u32) {
        assert!(self.plans >= at_least, "only {} plans were recorded", self.plans);
        let shown = self.faults.iter().take(3).cloned().collect::<Vec<_>>().join("\n\n");
        assert!(self.faults.is_empty(), "{} bad plans of {}:\n{shown}", self.faults.len(), self.plans);
    }
}

/// Returns every filter without a search, once for all numbers and once for one number.
fn filters(number: &str) -> Vec<Value> {
    let mut filters = Vec::new();
    for status in [json!({}), json!({ "status": "OPEN" }), json!({ "status": "CLOSED" })] {
        for unread in [json!({}), json!({ "unread": true }), json!({ "unread": false })] {
            // A closed conversation is never unread, so the server answers this filter without a statement.
            if status["status"] == "CLOSED" && unread["unread"] == true {
                continue;
            }
            for numbers in [json!({}), json!({ "phoneNumberIds": [number] })] {
                filters.push(merged(merged(status.clone(), unread.clone()), numbers));
            }
        }
    }
    filters
}

fn complaints(plan: &Plan, bounds: Bounds) -> Vec<String> {
    let mut complaints: Vec<String> =
        plan.scanned.iter().map(|table| format!("scans all of {table}")).collect();
    if plan.sorts.is_some_and(|rows| rows > bounds.sorted) {
        complaints.push(format!("sorts {:?} rows", plan.sorts));
    }
    if plan.rows_read.is_some_and(|rows| rows > bounds.rows_read) {
        complaints.push(format!("reads {:?} conversations", plan.rows_read));
    }
    complaints
}

on_both! {
    async fn every_page_of_every_list_is_read_along_an_index(world: World) {
        let recorder = &large(world).await;
        let mut check = PlanCheck { recorder, plans: 0, faults: Vec::new() };
        let (mut lists, mut full) = (0, 0);
        for who in [&world.manager, &world.rep] {
            for view in ["INBOX", "ASSIGNED_TO_ME", "UNASSIGNED"] {
                for filter in filters(&world.number.id) {
                    // The index on an agent's conversations does not contain the number. An agent owns few.
                    let skips = view == "ASSIGNED_TO_ME" && filter.get("phoneNumberIds").is_some();
                    let bounds = if filter.get("unread").is_some() || skips { FILTERED } else { PAGED };
                    let shown = check.pages(who, &json!({ "view": view, "filter": filter }), bounds).await;
                    lists += 1;
                    full += u32::from(shown == PAGE as usize);
                }
            }
        }
        assert!(full * 2 > lists, "{full} of {lists} lists fill a page");
        check.verify(lists * 4);
        recorder.app.stop().await;
    }

    async fn few_unread_conversations_are_found_without_scanning_all_open_ones(world: World) {
        let recorder = &large(world).await;
        let (mut check, mut lists) = (PlanCheck { recorder, plans: 0, faults: Vec::new() }, 0);
        // The server uses the unread buckets for up to 50 unread conversations.
        for left in [0_usize, 3, 50, 51] {
            read(world, &format!("place > {left}")).await;
            let mut oldest = world.manager.list("INBOX", json!({ "status": "OPEN" })).await;
            oldest.reverse();
            oldest.truncate(left);
            oldest.reverse();
            for view in ["INBOX", "ASSIGNED_TO_ME", "UNASSIGNED"] {
                for numbers in [json!({}), json!({ "phoneNumberIds": [world.number.id, world.number2.id] })] {
                    let filter = merged(numbers, json!({ "unread": true }));
                    // Two numbers have so few open conversations that the server scans them instead.
                    let uses_buckets = left <= 50 && filter.get("phoneNumberIds").is_none();
                    let few = Bounds { rows_read: LEEWAY + left as u64 * PER_BUCKET, ..PAGED };
                    let bounds = if uses_buckets { few } else { FILTERED };
                    check.pages(&world.manager, &json!({ "view": view, "filter": filter }), bounds).await;
                    lists += 1;
                    let mut expected = oldest.clone();
                    expected.retain(|it| match view {
                        "ASSIGNED_TO_ME" => it["assignee"]["id"] == world.manager.id.as_str(),
                        "UNASSIGNED" => it["assignee"].is_null(),
                        _ => true,
                    });
                    if let Some(numbers) = filter.get("phoneNumberIds").and_then(Value::as_array) {
                        expected.retain(|it| numbers.contains(&it["phoneNumber"]["id"]));
                    }
                    assert_eq!(world.manager.list(view, filter.clone()).await, expected, "{left} {view} {filter}");
                }
            }
        }
        check.verify(lists * 4);
        recorder.app.stop().await;
    }

    async fn triage_is_read_along_an_index(world: World) {
        let recorder = &large(world).await;
        let mut check = PlanCheck { recorder, plans: 0, faults: Vec::new() };
        for who in [&world.manager, &world.rep] {
            for view in ["INBOX", "ASSIGNED_TO_ME", "UNASSIGNED"] {
                for status in [json!({}), json!({ "status": "OPEN" })] {
                    for field in ["WAITING_SINCE", "UNASSIGNED_SINCE"] {
                        if (view, field) == ("ASSIGNED_TO_ME", "UNASSIGNED_SINCE") {
                            continue;
                        }
                        for direction in ["ASC", "DESC"] {
                            let order = json!({ "field": field, "direction": direction });
                            let list = json!({ "view": view, "filter": status, "orderBy": order, "first": PAGE });
                            // The index on waiting, unassigned conversations does not contain the number.
                            let skips = who.id == world.rep.id && (view, field) == ("UNASSIGNED", "WAITING_SINCE");
                            check.ask(who, list, if skips { FILTERED } else { PAGED }).await;
                        }
                    }
                }
            }
        }
        check.verify(40);
        recorder.app.stop().await;
    }

    async fn a_search_reads_no_table_from_end_to_end(world: World) {
        let recorder = &large(world).await;
        let mut check = PlanCheck { recorder, plans: 0, faults: Vec::new() };
        for who in [&world.manager, &world.rep] {
            for view in ["INBOX", "ASSIGNED_TO_ME", "UNASSIGNED"] {
                for search in ["rare123", "common", "common rare12", "+16501000", "nowhere"] {
                    let list = json!({ "view": view, "filter": { "search": search } });
                    check.pages(who, &list, SEARCHED).await;
                }
            }
        }
        check.verify(120);
        recorder.app.stop().await;
    }

    async fn a_list_over_a_few_of_many_numbers_is_the_whole_list_without_the_others(world: World) {
        prepare(world, 600).await;
        let numbers = [&world.number, &world.number2].map(|number| number.id.clone());
        let manager = &world.manager;
        for view in ["INBOX", "ASSIGNED_TO_ME", "UNASSIGNED"] {
            for filter in [
                json!({}),
                json!({ "status": "CLOSED" }),
                json!({ "unread": true }),
                json!({ "unread": false }),
                json!({ "search": "common" }),
            ] {
                let mut whole = manager.list(view, filter.clone()).await;
                whole.retain(|it| numbers.iter().any(|number| it["phoneNumber"]["id"] == number.as_str()));
                let few = merged(filter.clone(), json!({ "phoneNumberIds": numbers }));
                let few = manager.list(view, few).await;
                assert_eq!(few, whole, "{view} {filter}");
            }
        }
    }
}

//! The order of lists, and paging.

use serde_json::{Value, json};

use crate::support::outcome::{ids, instant, items};
use crate::support::world::{World, customer};

/// Loads a whole list in pages of `size`, from the end when `backward`.
async fn walk(
    agent: &crate::support::agent::Agent,
    mut variables: Value,
    size: u32,
    backward: bool,
) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    loop {
        variables[if backward { "last" } else { "first" }] = json!(size);
        let page = agent.page(variables.clone()).await;
        let info = &page["pageInfo"];
        let nodes = ids(items(&page["nodes"]));
        assert_eq!(nodes.len(), items(&page["edges"]).len(), "{page:#}");
        assert!(nodes.len() <= size as usize, "{page:#}");
        let cursors: Vec<&Value> = items(&page["edges"]).iter().map(|edge| &edge["cursor"]).collect();
        assert_eq!(cursors.first().copied(), (!nodes.is_empty()).then_some(&info["startCursor"]), "{page:#}");
        assert_eq!(cursors.last().copied(), (!nodes.is_empty()).then_some(&info["endCursor"]), "{page:#}");
        found = if backward { [nodes, found].concat() } else { [found, nodes].concat() };
        let (more, cursor) = if backward {
            variables["before"] = info["startCursor"].clone();
            (&info["hasPreviousPage"], &variables["before"])
        } else {
            variables["after"] = info["endCursor"].clone();
            (&info["hasNextPage"], &variables["after"])
        };
        if *more != true {
            return found;
        }
        assert!(cursor.is_string(), "a page that is not the last has a cursor: {page:#}");
    }
}

/// Asserts that paging gives `whole` for several page sizes and both directions.
async fn assert_pages(agent: &crate::support::agent::Agent, variables: &Value, whole: &[String]) {
    for size in [1, 3, 7, 100] {
        for backward in [false, true] {
            let found = walk(agent, variables.clone(), size, backward).await;
            assert_eq!(found, whole, "{variables} in pages of {size}, backward: {backward}");
        }
    }
}

on_both! {
    async fn the_last_activity_comes_first(world: World) {
        let ids = world.conversations(3).await;
        world.text(&customer(1), "And another thing").await;
        assert_eq!(world.rep.ids("INBOX", Value::Null).await, [&*ids[0], &*ids[2], &*ids[1]]);
        world.rep.send(&ids[1], "Hello").await.changed();
        assert_eq!(world.rep.ids("INBOX", Value::Null).await, [&*ids[1], &*ids[0], &*ids[2]]);
        let oldest = json!({ "orderBy": { "field": "LAST_ACTIVITY", "direction": "ASC" } });
        let page = world.rep.page(oldest).await;
        assert_eq!(crate::support::outcome::ids(items(&page["nodes"])), [&*ids[2], &*ids[0], &*ids[1]]);
    }

    async fn the_longest_waiting_comes_first_and_the_answered_last_in_both_directions(world: World) {
        let ids = world.conversations(4).await;
        world.rep.send(&ids[1], "Hello").await.changed();
        world.text(&customer(1), "Still waiting").await;
        let sort =
            |direction: Value| json!({ "orderBy": { "field": "WAITING_SINCE", "direction": direction } });
        let order = async |direction| {
            let page = world.rep.page(sort(direction)).await;
            crate::support::outcome::ids(items(&page["nodes"]))
        };
        let longest_first = [&*ids[0], &*ids[2], &*ids[3], &*ids[1]];
        assert_eq!(order(Value::Null).await, longest_first, "by default, the longest waiting comes first");
        assert_eq!(order(json!("ASC")).await, longest_first);
        assert_eq!(order(json!("DESC")).await, [&*ids[3], &*ids[2], &*ids[0], &*ids[1]]);
    }

    async fn the_longest_unassigned_comes_first_and_the_owned_last_in_both_directions(world: World) {
        let ids = world.conversations(4).await;
        world.rep.claim(&ids[0]).await.changed();
        world.rep.claim(&ids[2]).await.changed();
        world.rep.unassign(&ids[2]).await.changed();
        let order = async |direction: Value| {
            let sort = json!({ "orderBy": { "field": "UNASSIGNED_SINCE", "direction": direction } });
            crate::support::outcome::ids(items(&world.rep.page(sort).await["nodes"]))
        };
        let longest_first = [&*ids[1], &*ids[3], &*ids[2], &*ids[0]];
        assert_eq!(order(Value::Null).await, longest_first);
        assert_eq!(order(json!("DESC")).await, [&*ids[2], &*ids[3], &*ids[1], &*ids[0]]);
    }

    async fn paging_does_not_skip_or_repeat_in_any_view_order_and_direction(world: World) {
        let all = world.conversations(23).await;
        for (n, id) in all.iter().enumerate() {
            match n % 4 {
                0 => drop(world.rep.claim(id).await.changed()),
                1 => drop(world.rep.send(id, "Hello").await.changed()),
                2 => drop(world.rep.close(id).await.changed()),
                _ => {}
            }
        }
        for (view, total) in [("INBOX", 23), ("ASSIGNED_TO_ME", 6), ("UNASSIGNED", 17)] {
            for field in ["LAST_ACTIVITY", "WAITING_SINCE", "UNASSIGNED_SINCE"] {
                for direction in ["ASC", "DESC"] {
                    let variables =
                        json!({ "view": view, "orderBy": { "field": field, "direction": direction } });
                    let whole = walk(&world.rep, variables.clone(), 100, false).await;
                    assert_eq!(whole.len(), total, "{variables}");
                    assert_pages(&world.rep, &variables, &whole).await;
                }
            }
        }
    }

    async fn pages_hold_still_while_rows_above_them_move(world: World) {
        world.conversations(9).await;
        let whole = world.rep.ids("INBOX", Value::Null).await;
        let first = world.rep.page(json!({ "first": 3 })).await;
        world.text(&customer(1), "I jump to the top").await;
        let after = first["pageInfo"]["endCursor"].clone();
        let second = world.rep.page(json!({ "first": 3, "after": after })).await;
        assert_eq!(ids(items(&second["nodes"])), whole[3..6], "{second:#}");
        assert_eq!(second["pageInfo"]["hasPreviousPage"], true, "{second:#}");
    }

    async fn the_total_counts_what_the_list_holds(world: World) {
        let ids = world.conversations(5).await;
        world.rep.claim(&ids[0]).await.changed();
        world.rep.read(&ids[1]).await.changed();
        world.rep.close(&ids[2]).await.changed();
        for (view, filter, total) in [
            ("INBOX", json!({}), 5),
            ("INBOX", json!({ "status": "OPEN" }), 4),
            ("INBOX", json!({ "unread": true }), 3),
            ("INBOX", json!({ "unread": false }), 2),
            ("ASSIGNED_TO_ME", json!({ "unread": true }), 1),
            ("UNASSIGNED", json!({ "status": "CLOSED" }), 1),
            ("UNASSIGNED", json!({ "phoneNumberIds": [world.number2.id] }), 0),
            ("INBOX", json!({ "search": "customer 3" }), 1),
        ] {
            let page = world.rep.page(json!({ "view": view, "filter": filter, "first": 1 })).await;
            assert_eq!(page["totalCount"], total, "{view} {filter}: {page:#}");
        }
    }

    async fn a_page_is_25_long_unless_asked_otherwise(world: World) {
        world.conversations(27).await;
        let page = world.rep.page(json!({})).await;
        assert_eq!(items(&page["nodes"]).len(), 25, "{page:#}");
        assert_eq!(page["pageInfo"]["hasNextPage"], true, "{page:#}");
        assert_eq!(page["pageInfo"]["hasPreviousPage"], false, "{page:#}");
        assert_eq!(page["totalCount"], 27, "{page:#}");
    }

    async fn ties_break_on_the_id(world: World) {
        let all = world.conversations(20).await;
        // One server never uses a timestamp twice, but several processes may.
        let mut store = world.app.sql_connection().await;
        let first = "(SELECT min(created_at) FROM conversations)";
        store
            .run(&format!(
                "UPDATE conversations
                 SET last_activity_at = {first}, waiting_since = {first}, unassigned_since = {first}"
            ))
            .await;
        for field in ["LAST_ACTIVITY", "WAITING_SINCE", "UNASSIGNED_SINCE"] {
            let mut directions = Vec::new();
            for direction in ["ASC", "DESC"] {
                let variables = json!({ "orderBy": { "field": field, "direction": direction } });
                let whole = walk(&world.rep, variables.clone(), 100, false).await;
                assert_eq!(whole.len(), all.len());
                assert_pages(&world.rep, &variables, &whole).await;
                directions.push(whole);
            }
            directions[1].reverse();
            assert_eq!(directions[0], directions[1], "{field}: the directions are the reverse of each other");
        }
        let rows = world.rep.list("INBOX", Value::Null).await;
        let tie = instant(&rows[0]["lastActivityAt"]);
        assert!(rows.iter().all(|row| instant(&row["lastActivityAt"]) == tie), "all rows have the same time");
    }
}

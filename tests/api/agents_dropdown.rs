//! The agents in the assignment dropdown: search, and agents who can own a conversation.

use serde_json::{Value, json};
use switchboard::domain::Role;

use crate::support::outcome::{items, text};
use crate::support::world::World;

/// The names in the dropdown, sorted.
async fn names(world: &World, search: Value, assignable_to: Value) -> Vec<String> {
    let document = "query($search: String, $to: ID) {
        agents(search: $search, assignableTo: $to, first: 100) { nodes { name } } }";
    let data = world.rep.client.data(document, json!({ "search": search, "to": assignable_to })).await;
    let mut names: Vec<String> =
        items(&data["agents"]["nodes"]).iter().map(|agent| text(&agent["name"]).to_owned()).collect();
    names.sort();
    names
}

/// Sets an agent's title.
async fn set_title(world: &World, agent: &crate::support::agent::Agent, title: &str) {
    let input = json!({ "agentId": agent.id, "title": title });
    let selection = format!("changed {}", crate::support::documents::USER_ERRORS);
    world.manager.client.mutate("updateAgent", input, &selection).await.changed();
}

on_both! {
    async fn a_search_matches_the_beginning_of_any_word_of_a_name_or_title(world: World) {
        set_title(world, &world.rep2, "Billing specialist").await;
        for (search, found) in [
            ("rav", vec!["Ravi Shah"]),
            ("shah", vec!["Ravi Shah"]),
            ("SHA", vec!["Ravi Shah"]),
            ("  lop  ", vec!["Maria Lopez"]),
            ("bill", vec!["Ingrid Berg"]),
            ("spec", vec!["Ingrid Berg"]),
            ("ingrid bill", vec!["Ingrid Berg"]),
            ("avi", vec![]),
            ("example", vec![]),
            ("zebra", vec![]),
            ("%", vec!["Ingrid Berg", "Maria Lopez", "Ravi Shah"]),
        ] {
            // A search without letters and digits contains no word. It may match all agents or none.
            if search == "%" {
                let all = names(world, json!(search), Value::Null).await;
                assert!(all.is_empty() || all == found, "{all:?}");
                continue;
            }
            assert_eq!(names(world, json!(search), Value::Null).await, found, "{search:?}");
        }
    }

    async fn without_a_search_the_whole_team_is_shown_and_the_viewer_with_it(world: World) {
        let everybody = ["Ingrid Berg", "Maria Lopez", "Ravi Shah"];
        for blank in [Value::Null, json!(""), json!("   ")] {
            assert_eq!(names(world, blank.clone(), Value::Null).await, everybody, "{blank}");
        }
    }

    async fn accents_do_not_matter(world: World) {
        world.join(&world.app, "José Núñez", Role::Rep, false).await;
        for search in ["jose", "JOSÉ", "nunez", "núñ"] {
            assert_eq!(names(world, json!(search), Value::Null).await, ["José Núñez"], "{search}");
        }
    }

    async fn for_a_conversation_only_agents_who_can_own_it_are_shown(world: World) {
        world.join_without_access(&world.app, "Otto Outside").await;
        let partial = world.join_without_access(&world.app, "Pia Partial").await;
        world.grant(&partial, &world.number2).await.changed();
        world.deactivate(&world.rep2).await.changed();
        let (first, second) = (world.conversation(1).await, world.conversation_on(&world.number2, 1).await);
        assert_eq!(names(world, Value::Null, json!(first)).await, ["Maria Lopez", "Ravi Shah"]);
        assert_eq!(
            names(world, Value::Null, json!(second)).await,
            ["Maria Lopez", "Pia Partial", "Ravi Shah"]
        );
        assert_eq!(names(world, json!("p"), json!(second)).await, ["Pia Partial"]);
    }

    async fn every_agent_in_the_dropdown_can_be_assigned(world: World) {
        world.join_without_access(&world.app, "Otto Outside").await;
        let id = world.conversation(1).await;
        let document = "query($id: ID!) { agents(assignableTo: $id, first: 100) { nodes { id } } }";
        let data = world.rep.client.data(document, json!({ "id": id })).await;
        let shown = items(&data["agents"]["nodes"]);
        assert_eq!(shown.len(), 3, "{data:#}");
        for agent in shown {
            world.manager.assign_with(&id, text(&agent["id"]), json!({})).await.changed();
        }
    }

    async fn an_agent_says_what_a_team_needs_to_know(world: World) {
        set_title(world, &world.rep, "Mechanic").await;
        let document = "{ viewer { id name title email role active experienced } }";
        let viewer = world.rep.client.data(document, json!({})).await;
        let expected = json!({
            "id": world.rep.id, "name": "Ravi Shah", "title": "Mechanic", "email": "ravi.shah@example.test",
            "role": "REP", "active": true, "experienced": false,
        });
        assert_eq!(viewer["viewer"], expected);
    }

    async fn agents_come_in_pages(world: World) {
        for n in 0..5 {
            world.join(&world.app, &format!("Extra {n}"), Role::Rep, false).await;
        }
        let document = "query($after: String) { agents(first: 3, after: $after) {
            nodes { name } totalCount pageInfo { hasNextPage endCursor } } }";
        let mut found: Vec<String> = Vec::new();
        let mut after = Value::Null;
        loop {
            let data = world.rep.client.data(document, json!({ "after": after })).await;
            let page = &data["agents"];
            found.extend(items(&page["nodes"]).iter().map(|agent| text(&agent["name"]).to_owned()));
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(found.len(), 8, "{found:?}");
        assert!(found.is_sorted(), "by name: {found:?}");
    }
}

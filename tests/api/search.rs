//! Search: every word of the query is the beginning of a word in the contact's number or a message.

use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::outcome::{items, text};
use crate::support::world::{World, customer};

async fn found(agent: &Agent, search: &str) -> Vec<String> {
    agent.ids("INBOX", json!({ "search": search })).await
}

on_both! {
    async fn every_word_of_the_search_begins_a_word_of_the_conversation(world: World) {
        let arrived = world.text(&customer(1), "My bicycle squeaks").await;
        let id = text(&arrived.conversation()["id"]).to_owned();
        world.text(&customer(2), "The brakes of my bike are loose").await;
        world.rep.send(&id, "Bring it to the workshop").await.changed();
        for search in
            ["bicycle", "BICY", "squeak bic", "  workshop ", "work squ", "my, bicycle!", "bring squeaks"]
        {
            assert_eq!(found(&world.rep, search).await, [id.as_str()], "{search}");
        }
        for search in ["icycle", "bicycles", "brakes workshop", "zebra", "squeaks loose"] {
            assert!(found(&world.rep, search).await.is_empty(), "{search}");
        }
        assert_eq!(found(&world.rep, "my").await.len(), 2);
    }

    async fn marks_and_case_do_not_matter(world: World) {
        let arrived = world.text(&customer(1), "Le café de José est fermé. ЁЛКА 東京 ﬁn").await;
        let id = text(&arrived.conversation()["id"]).to_owned();
        for search in ["cafe", "CAFÉ", "jose", "ferme", "ёлка", "東京", "東", "fin"] {
            assert_eq!(found(&world.rep, search).await, [id.as_str()], "{search}");
        }
    }

    async fn a_contact_is_found_by_number(world: World) {
        let ids = world.conversations(2).await;
        let number = customer(2);
        for search in
            [number.clone(), number[1..].to_owned(), number[..10].to_owned(), "+1 (650) 000-0002".to_owned()]
        {
            let matching = found(&world.rep, &search).await;
            assert!(matching.contains(&ids[1]), "{search}: {matching:?}");
        }
        assert_eq!(found(&world.rep, &number).await, [ids[1].as_str()]);
    }

    async fn wildcards_and_quotes_are_ordinary_characters(world: World) {
        world.text(&customer(1), "100% sure_thing \\ \"quoted\" it's").await;
        world.text(&customer(2), "Something else AND OR NOT NEAR").await;
        for search in ["100%", "sure_thing", "\"quoted\"", "it's"] {
            assert_eq!(found(&world.rep, search).await.len(), 1, "{search}");
        }
        for search in
            ["s%g", "%lse", "10_", "e*", "body:else", "\"", "'", "(", "-else OR", "NEAR(a b)", "else AND"]
        {
            let answer = world
                .rep
                .client
                .query(&crate::support::documents::page(), json!({ "filter": { "search": search } }))
                .await;
            answer.data();
        }
        assert!(found(&world.rep, "s%g").await.is_empty());
        assert_eq!(found(&world.rep, "and or not near").await.len(), 1);
    }

    async fn a_blank_search_is_ignored(world: World) {
        world.conversations(2).await;
        for blank in ["", "   ", "\n"] {
            assert_eq!(found(&world.rep, blank).await.len(), 2, "{blank:?}");
        }
    }

    async fn a_search_combines_with_views_and_filters(world: World) {
        let ids = world.conversations(4).await;
        world.rep.claim(&ids[0]).await.changed();
        world.rep.claim(&ids[1]).await.changed();
        world.rep.close(&ids[1]).await.changed();
        world.rep.read(&ids[2]).await.changed();
        let ask = async |view: &str, filter: Value| world.rep.ids(view, filter).await;
        assert_eq!(ask("INBOX", json!({ "search": "customer" })).await.len(), 4);
        assert_eq!(
            ask("ASSIGNED_TO_ME", json!({ "search": "customer", "status": "OPEN" })).await,
            [&*ids[0]]
        );
        assert_eq!(ask("ASSIGNED_TO_ME", json!({ "search": "hello", "status": "CLOSED" })).await, [&*ids[1]]);
        assert_eq!(ask("UNASSIGNED", json!({ "search": "customer", "unread": true })).await, [&*ids[3]]);
        assert!(
            ask("INBOX", json!({ "search": "customer", "phoneNumberIds": [world.number2.id] }))
                .await
                .is_empty()
        );
    }

    async fn a_search_pages_like_any_list(world: World) {
        world.conversations(9).await;
        world.text(&customer(100), "Nothing of the kind").await;
        let whole = found(&world.rep, "customer").await;
        assert_eq!(whole.len(), 9);
        let mut after = Value::Null;
        let mut paged = Vec::new();
        loop {
            let variables = json!({ "filter": { "search": "customer" }, "first": 2, "after": after });
            let page = world.rep.page(variables).await;
            assert_eq!(page["totalCount"], 9, "{page:#}");
            paged.extend(crate::support::outcome::ids(items(&page["nodes"])));
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(paged, whole);
    }

    async fn the_total_of_a_search_is_unknown_past_1000_matches(world: World) {
        let total = async || {
            let filter = json!({ "search": "customer" });
            world.rep.page(json!({ "filter": filter, "first": 1 })).await["totalCount"].take()
        };
        let texts = |range: std::ops::RangeInclusive<u32>| {
            futures_util::stream::iter(range)
                .for_each_concurrent(16, |n| async move { drop(world.conversation(n).await) })
        };
        texts(1..=1_000).await;
        assert_eq!(total().await, 1_000);
        texts(1_001..=1_001).await;
        assert_eq!(total().await, Value::Null);
        let whole = world.rep.page(json!({ "first": 1 })).await;
        assert_eq!(whole["totalCount"], 1_001, "without a search, the total is always known: {whole:#}");
    }

    async fn a_search_finds_nothing_without_access(world: World) {
        let hidden = world.add_number(&world.app, &[&world.manager], "Hidden").await;
        world.text_to(&hidden, &customer(1), "Secret plans").await;
        assert!(found(&world.rep, "secret").await.is_empty());
        assert_eq!(found(&world.manager, "secret").await.len(), 1);
    }

    async fn a_search_that_is_too_long_is_bad_input(world: World) {
        found(&world.rep, &"x".repeat(100)).await;
        let page = crate::support::documents::page();
        let answer = world.rep.client.query(&page, json!({ "filter": { "search": "x".repeat(101) } })).await;
        answer.assert_error(&["BAD_USER_INPUT"]);
    }

    async fn text_with_nul_or_without_words_finds_nothing_and_breaks_nothing(world: World) {
        world.conversation(1).await;
        for search in ["a\0b", "🚲", "…"] {
            let page = crate::support::documents::page();
            let answer = world.rep.client.query(&page, json!({ "filter": { "search": search } })).await;
            if answer.body.get("errors").is_some() {
                answer.assert_error(&["BAD_USER_INPUT"]);
            }
        }
    }
}

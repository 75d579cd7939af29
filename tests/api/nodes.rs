//! Objects have opaque ids, and `node` and `nodes` find them.

use serde_json::{Value, json};

use crate::support::outcome::{items, text};
use crate::support::world::World;

on_both! {
    async fn every_object_is_found_by_its_id(world: World) {
        let id = world.conversation(1).await;
        let document = "query($id: ID!) { viewer { id } workspace { id } phoneNumbers { id }
            conversation(id: $id) { id contact { id } lastMessage { id } history { nodes { id } } } }";
        let data = world.rep.client.data(document, json!({ "id": id })).await;
        let conversation = &data["conversation"];
        let known = [
            ("Agent", &data["viewer"]["id"]),
            ("Workspace", &data["workspace"]["id"]),
            ("PhoneNumber", &data["phoneNumbers"][0]["id"]),
            ("Conversation", &conversation["id"]),
            ("Contact", &conversation["contact"]["id"]),
            ("Message", &conversation["lastMessage"]["id"]),
            ("ConversationEvent", &conversation["history"]["nodes"][0]["id"]),
        ];
        for (kind, id) in known {
            let node = world
                .rep
                .client
                .data("query($id: ID!) { node(id: $id) { __typename id } }", json!({ "id": id }))
                .await;
            assert_eq!(node["node"], json!({ "__typename": kind, "id": id }));
        }
        let ids: Vec<&Value> = known.iter().map(|(_, id)| *id).collect();
        let requested = json!([ids[3], "nonsense", ids[0], ids[3], ""]);
        let nodes = world
            .rep
            .client
            .data("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": requested }))
            .await;
        let found: Vec<&Value> = items(&nodes["nodes"]).iter().map(|node| &node["id"]).collect();
        assert_eq!(
            found,
            [ids[3], &Value::Null, ids[0], ids[3], &Value::Null],
            "same order, null where missing"
        );
    }

    async fn at_most_100_nodes_at_once(world: World) {
        let id = world.conversation(1).await;
        let ask = async |count: usize| {
            let ids = vec![id.clone(); count];
            world
                .rep
                .client
                .query("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ids }))
                .await
        };
        assert_eq!(items(&ask(100).await.data()["nodes"]).len(), 100);
        ask(101).await.assert_error(&["BAD_USER_INPUT", "LIMIT_EXCEEDED"]);
    }

    async fn a_malformed_id_or_one_of_another_type_is_not_found(world: World) {
        world.conversation(1).await;
        let document = "query($id: ID!) { conversation(id: $id) { id } node(id: $id) { id } }";
        for id in
            ["", "nonsense", "0", "\0", "%00", "00000000-0000-0000-0000-000000000000", &"x".repeat(1_000)]
        {
            let data = world.rep.client.data(document, json!({ "id": id })).await;
            assert_eq!(data, json!({ "conversation": null, "node": null }), "{id:?}");
        }
        let data = world.rep.client.data(document, json!({ "id": world.rep.id })).await;
        assert_eq!(data["conversation"], Value::Null, "an agent is not a conversation");
        assert_eq!(text(&data["node"]["id"]), world.rep.id);
    }

    async fn a_conversation_shows_its_related_entities(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        let document = "query($id: ID!) { conversation(id: $id) {
            contact { id number name } phoneNumber { id number label } assignee { email } assignedBy { name } createdAt } }";
        let found = world.rep.client.data(document, json!({ "id": id })).await["conversation"].take();
        assert_eq!(found["contact"]["number"], crate::support::world::customer(1).as_str(), "{found:#}");
        assert_eq!(found["phoneNumber"]["label"], "Sales", "{found:#}");
        assert_eq!(found["phoneNumber"]["number"], world.number.number.as_str(), "{found:#}");
        assert_eq!(found["assignee"]["email"], "ravi.shah@example.test", "{found:#}");
        let created = text(&found["createdAt"]);
        assert!(created.ends_with('Z'), "RFC 3339 in UTC: {created}");
    }
}

//! Assignment adds an owner and changes nothing else.

use serde_json::{Value, json};

use crate::support::outcome::{instant, items, number, text};
use crate::support::world::{World, customer};

const NONE: Value = Value::Null;

on_both! {
    async fn assigning_hides_no_conversation(world: World) {
        let conversations = world.conversations(3).await;
        for agent in [&world.manager, &world.rep, &world.rep2] {
            let before = agent.ids("INBOX", json!({})).await;
            assert_eq!(before.len(), 3, "{before:?}");
            world.manager.assign(&conversations[0], &world.rep).await.changed();
            let after = agent.ids("INBOX", json!({})).await;
            assert_eq!(after, before, "{} sees the same conversations in the same order", agent.name);
            world.manager.unassign(&conversations[0]).await.changed();
        }
    }

    async fn assigning_moves_and_copies_nothing(world: World) {
        let id = world.conversation(1).await;
        world.rep.send(&id, "How can I help?").await.changed();
        world.text(&customer(1), "My bicycle squeaks").await;
        let (before, messages) = (world.rep.conversation(&id).await, world.rep.messages(&id).await);
        let after = world.manager.assign(&id, &world.rep2).await.changed();
        assert_eq!(after.conversation()["id"], id.as_str(), "{after}");
        for field in
            ["contact", "phoneNumber", "lastMessage", "lastActivityAt", "createdAt", "status", "waitingSince"]
        {
            assert_eq!(after.conversation()[field], before[field], "{field} of {after}");
        }
        assert_eq!(world.rep.messages(&id).await, messages, "same messages, same order");
        let page = world.rep.page(json!({})).await;
        assert_eq!(page["totalCount"], 1, "{page:#}");
    }

    async fn assigning_sends_the_customer_nothing(world: World) {
        let id = world.conversation(1).await;
        world.manager.assign(&id, &world.rep).await.changed();
        world.manager.assign(&id, &world.rep2).await.changed();
        world.rep2.unassign(&id).await.changed();
        world.rep.claim(&id).await.changed();
        let messages = world.rep.messages(&id).await;
        assert_eq!(messages.len(), 1, "{messages:#?}");
        assert_eq!(messages[0]["direction"], "INBOUND", "{messages:#?}");
    }

    async fn assigning_restricts_no_agent(world: World) {
        let id = world.conversation(1).await;
        world.manager.assign(&id, &world.rep).await.changed();
        for agent in [&world.rep, &world.rep2, &world.manager] {
            let seen = agent.conversation(&id).await;
            assert_eq!(seen["viewerCanReply"], true, "{} may reply: {seen:#}", agent.name);
            let sent = agent.send(&id, &format!("This is {}", agent.name)).await.changed();
            assert_eq!(sent.message()["author"]["id"], agent.id.as_str(), "{sent}");
            assert_eq!(sent.conversation()["assignee"]["id"], world.rep.id.as_str(), "{sent}");
        }
        assert_eq!(world.rep.messages(&id).await.len(), 4);
    }

    async fn anyone_with_access_may_assign_to_any_active_agent_with_access(world: World) {
        let everybody = [&world.manager, &world.rep, &world.rep2];
        let id = world.conversation(1).await;
        for by in everybody {
            for to in everybody {
                world.manager.unassign(&id).await.ok();
                let given = by.assign(&id, to).await.changed();
                assert_eq!(given.conversation()["assignee"]["id"], to.id.as_str(), "{given}");
                assert_eq!(given.conversation()["assignee"]["name"], to.name.as_str(), "{given}");
                assert_eq!(given.conversation()["assignedBy"]["id"], by.id.as_str(), "{given}");
            }
        }
    }

    async fn an_agent_who_cannot_see_the_number_cannot_be_given_its_conversation(world: World) {
        let id = world.conversation(1).await;
        let outsider = world.join_without_access(&world.app, "Otto Outside").await;
        let before = world.everything().await;
        world.manager.assign(&id, &outsider).await.refused_at("AGENT_LACKS_ACCESS", "agentId");
        assert_eq!(world.everything().await, before);
        world.grant(&outsider, &world.number).await.changed();
        world.manager.assign(&id, &outsider).await.changed();
    }

    async fn a_deactivated_agent_cannot_be_given_a_conversation(world: World) {
        let id = world.conversation(1).await;
        world.deactivate(&world.rep2).await.changed();
        let before = world.manager.as_of().await;
        world.manager.assign(&id, &world.rep2).await.refused_at("AGENT_INACTIVE", "agentId");
        assert_eq!(world.manager.as_of().await, before);
        world.reactivate(&world.rep2).await.changed();
        world.manager.assign(&id, &world.rep2).await.changed();
    }

    async fn reassigning_is_one_step_from_queue_to_queue_and_one_event(world: World) {
        let id = world.conversation(1).await;
        let first = world.manager.assign(&id, &world.rep).await.changed();
        assert_eq!(world.rep.ids("ASSIGNED_TO_ME", NONE).await, [id.as_str()]);
        let second = world.rep.assign(&id, &world.rep2).await.changed();
        let versions = [&first, &second].map(|payload| number(&payload.conversation()["version"]));
        assert_eq!(versions[1], versions[0] + 1, "{second}");
        assert!(world.rep.ids("ASSIGNED_TO_ME", NONE).await.is_empty());
        assert_eq!(world.rep2.ids("ASSIGNED_TO_ME", NONE).await, [id.as_str()]);
        assert!(world.rep.ids("UNASSIGNED", NONE).await.is_empty());
        assert_eq!(world.manager.story(&id).await, ["RECEIVED", "ASSIGNED", "ASSIGNED"]);
        let newest = &world.manager.history(&id).await[0];
        assert_eq!(newest["previousAssignee"]["id"], world.rep.id.as_str(), "{newest:#}");
        assert_eq!(newest["assignee"]["id"], world.rep2.id.as_str(), "{newest:#}");
        assert_eq!(newest["actor"]["id"], world.rep.id.as_str(), "{newest:#}");
    }

    async fn assigning_to_the_current_assignee_writes_nothing(world: World) {
        let id = world.conversation(1).await;
        let first = world.manager.assign(&id, &world.rep).await.changed();
        let before = world.everything().await;
        for by in [&world.manager, &world.rep, &world.rep2] {
            let again = by.assign(&id, &world.rep).await.unchanged();
            assert_eq!(again.conversation()["assignedBy"], first.conversation()["assignedBy"], "{again}");
            assert_eq!(again.conversation()["assignedAt"], first.conversation()["assignedAt"], "{again}");
        }
        assert_eq!(world.everything().await, before);
        assert_eq!(world.rep.story(&id).await, ["RECEIVED", "ASSIGNED"]);
    }

    async fn claiming_ones_own_writes_nothing(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        let before = world.everything().await;
        world.rep.claim(&id).await.unchanged();
        assert_eq!(world.everything().await, before);
    }

    async fn unassigning_an_unassigned_conversation_writes_nothing(world: World) {
        let id = world.conversation(1).await;
        let before = world.everything().await;
        world.rep.unassign(&id).await.unchanged();
        assert_eq!(world.everything().await, before);
    }

    async fn assigning_or_claiming_a_closed_conversation_leaves_it_closed(world: World) {
        let ids = world.conversations(2).await;
        for id in &ids {
            world.rep.close(id).await.changed();
        }
        let claimed = world.rep.claim(&ids[0]).await.changed();
        let assigned = world.manager.assign(&ids[1], &world.rep).await.changed();
        for payload in [claimed, assigned] {
            assert_eq!(payload.conversation()["status"], "CLOSED", "{payload}");
            assert_eq!(payload.conversation()["assignee"]["id"], world.rep.id.as_str(), "{payload}");
        }
        assert_eq!(world.rep.ids("ASSIGNED_TO_ME", json!({ "status": "CLOSED" })).await.len(), 2);
    }

    async fn replying_never_assigns_and_never_reopens(world: World) {
        let ids = world.conversations(2).await;
        let open = world.rep.send(&ids[0], "Hello").await.changed();
        assert_eq!(open.conversation()["assignee"], NONE, "{open}");
        world.rep.close(&ids[1]).await.changed();
        let closed = world.rep.send(&ids[1], "One more thing").await.changed();
        assert_eq!(closed.conversation()["status"], "CLOSED", "{closed}");
        assert_eq!(closed.conversation()["assignee"], NONE, "{closed}");
    }

    async fn the_payload_says_who_owned_it_before(world: World) {
        let id = world.conversation(1).await;
        let claimed = world.rep.claim(&id).await.changed();
        assert_eq!(claimed.value["previousAssignee"], NONE, "{claimed}");
        let moved = world.manager.assign(&id, &world.rep2).await.changed();
        assert_eq!(moved.value["previousAssignee"]["id"], world.rep.id.as_str(), "{moved}");
        let undone =
            world.manager.assign_with(&id, text(&moved.value["previousAssignee"]["id"]), json!({})).await;
        let undone = undone.changed();
        assert_eq!(undone.conversation()["assignee"]["id"], world.rep.id.as_str(), "{undone}");
        let returned = world.manager.unassign(&id).await.changed();
        assert_eq!(returned.value["previousAssignee"]["id"], world.rep.id.as_str(), "{returned}");
        assert_eq!(returned.conversation()["assignee"], NONE, "{returned}");
    }

    async fn claiming_an_owned_conversation_returns_the_owner_and_since_when(world: World) {
        let id = world.conversation(1).await;
        let won = world.rep.claim(&id).await.changed();
        let before = world.everything().await;
        let lost = world.rep2.claim(&id).await;
        let current = &lost.refused("ALREADY_ASSIGNED")["current"];
        assert_eq!(current["id"], id.as_str(), "{lost}");
        assert_eq!(current["assignee"]["id"], world.rep.id.as_str(), "{lost}");
        assert_eq!(current["assignee"]["name"], world.rep.name.as_str(), "{lost}");
        assert_eq!(current["assignedAt"], won.conversation()["assignedAt"], "{lost}");
        assert_eq!(lost.value["userErrors"][0]["__typename"], "ConflictError", "{lost}");
        assert_eq!(world.everything().await, before, "the refused claim wrote nothing");
    }

    async fn a_conversation_has_either_an_owner_or_unassigned_since(world: World) {
        let arrived = world.text(&customer(1), "Hello").await;
        let id = text(&arrived.conversation()["id"]);
        assert_eq!(
            arrived.conversation()["unassignedSince"],
            arrived.conversation()["createdAt"],
            "{arrived}"
        );
        let owned = world.rep.claim(id).await.changed();
        assert_eq!(owned.conversation()["unassignedSince"], NONE, "{owned}");
        let assigned_at = instant(&owned.conversation()["assignedAt"]);
        let returned = world.rep.unassign(id).await.changed();
        for field in ["assignee", "assignedBy", "assignedAt"] {
            assert_eq!(returned.conversation()[field], NONE, "{field} of {returned}");
        }
        assert!(instant(&returned.conversation()["unassignedSince"]) >= assigned_at, "{returned}");
    }

    async fn assigning_many_answers_for_each_in_order(world: World) {
        let ids = world.conversations(3).await;
        world.manager.assign(&ids[1], &world.rep).await.changed();
        let missing = world.rep.id.clone();
        let input = json!({ "conversationIds": [ids[2], ids[1], missing, ids[0]], "agentId": world.rep.id });
        let bulk = world
            .manager
            .client
            .mutate("assignConversations", input, &crate::support::documents::bulk())
            .await;
        let bulk = bulk.ok();
        let requested = [&ids[2], &ids[1], &missing, &ids[0]].map(String::as_str);
        let answered: Vec<&str> =
            bulk.results().iter().map(|result| text(&result["conversationId"])).collect();
        assert_eq!(answered, requested, "{bulk}");
        let changed: Vec<&Value> = bulk.results().iter().map(|result| &result["changed"]).collect();
        assert_eq!(changed, [true, false, false, true], "{bulk}");
        assert_eq!(bulk.results()[2]["userErrors"][0]["code"], "NOT_FOUND", "{bulk}");
        for found in [0, 1, 3] {
            let result = &bulk.results()[found];
            assert!(items(&result["userErrors"]).is_empty(), "{bulk}");
            assert_eq!(result["conversation"]["assignee"]["id"], world.rep.id.as_str(), "{bulk}");
        }
        assert_eq!(world.rep.ids("ASSIGNED_TO_ME", NONE).await.len(), 3);
    }

    async fn assigning_the_same_conversation_twice_in_one_call_changes_it_once(world: World) {
        let id = world.conversation(1).await;
        let input = json!({ "conversationIds": [id, id], "agentId": world.rep.id });
        let bulk = world
            .manager
            .client
            .mutate("assignConversations", input, &crate::support::documents::bulk())
            .await;
        let bulk = bulk.ok();
        let changed: Vec<&Value> = bulk.results().iter().map(|result| &result["changed"]).collect();
        assert_eq!(changed, [true, false], "{bulk}");
        assert_eq!(world.rep.story(&id).await, ["RECEIVED", "ASSIGNED"]);
    }
}

//! Access takes effect immediately, and the owner of an open conversation can always work on it.

use serde_json::{Value, json};

use crate::support::outcome::{number, text};
use crate::support::world::{World, customer};

const NONE: Value = Value::Null;

on_both! {
    async fn revoking_access_returns_open_conversations_there_and_says_how_many(world: World) {
        let ids = world.conversations(4).await;
        for id in &ids[..3] {
            world.rep.claim(id).await.changed();
        }
        world.rep2.claim(&ids[3]).await.changed();
        world.rep.close(&ids[2]).await.changed();
        let elsewhere = world.conversation_on(&world.number2, 9).await;
        world.rep.claim(&elsewhere).await.changed();
        let revoked = world.revoke(&world.rep, &world.number).await.changed();
        assert_eq!(number(&revoked.value["returnedConversations"]), 2, "{revoked}");
        for id in &ids[..2] {
            let seen = world.manager.conversation(id).await;
            assert_eq!(seen["assignee"], NONE, "{seen:#}");
            assert_ne!(seen["unassignedSince"], NONE, "{seen:#}");
            let newest = &world.manager.history(id).await[0];
            assert_eq!(newest["kind"], "UNASSIGNED", "{newest:#}");
            assert_eq!(newest["previousAssignee"]["id"], world.rep.id.as_str(), "{newest:#}");
            assert_eq!(newest["actor"]["id"], world.manager.id.as_str(), "{newest:#}");
            assert!(newest["reason"].is_string(), "{newest:#}");
        }
        let closed = world.manager.conversation(&ids[2]).await;
        assert_eq!(closed["assignee"]["id"], world.rep.id.as_str(), "a closed conversation keeps its assignee: {closed:#}");
        let other = world.manager.conversation(&ids[3]).await;
        assert_eq!(other["assignee"]["id"], world.rep2.id.as_str(), "{other:#}");
        assert_eq!(world.rep.ids("ASSIGNED_TO_ME", NONE).await, [elsewhere.as_str()]);
        world.app.assert_store_is_sound().await;
    }

    async fn the_numbers_of_an_agent_are_those_of_this_moment(world: World) {
        let seen = async || {
            let data = world.rep.client.data("{ phoneNumbers { label } }", NONE).await;
            let numbers = data["phoneNumbers"].as_array().expect("numbers");
            numbers.iter().map(|number| text(&number["label"]).to_owned()).collect::<Vec<_>>()
        };
        let third = world.add_number(&world.app, &[&world.manager], "Parts").await;
        assert_eq!(seen().await, ["Sales", "Support"]);
        world.revoke(&world.rep, &world.number).await.changed();
        assert_eq!(seen().await, ["Support"]);
        // The same number of phone numbers, but another one.
        world.revoke(&world.rep, &world.number2).await.changed();
        world.grant(&world.rep, &third).await.changed();
        assert_eq!(seen().await, ["Parts"]);
        world.grant(&world.rep, &world.number).await.changed();
        assert_eq!(seen().await, ["Sales", "Parts"]);
        assert_eq!(seen().await, ["Sales", "Parts"]);
        world.revoke(&world.rep, &world.number).await.changed();
        world.revoke(&world.rep, &third).await.changed();
        assert_eq!(seen().await, [""; 0]);
        assert_eq!(world.rep.ids("INBOX", NONE).await, [""; 0]);
    }

    async fn a_caller_without_access_does_not_wait_for_row_locks(world: World) {
        let id = world.conversation(1).await;
        world.revoke(&world.rep, &world.number).await.changed();
        let mut busy = world.app.sql_connection().await;
        if world.app.is_postgres() {
            // SQLite locks no rows.
            busy.run("BEGIN; SELECT 1 FROM conversations FOR UPDATE").await;
        }
        world.rep.claim(&id).await.refused("NOT_FOUND");
        world.rep.close(&id).await.refused("NOT_FOUND");
    }

    async fn deactivating_returns_open_conversations_and_says_how_many(world: World) {
        let ids = world.conversations(3).await;
        for id in &ids {
            world.rep.claim(id).await.changed();
        }
        let elsewhere = world.conversation_on(&world.number2, 9).await;
        world.rep.claim(&elsewhere).await.changed();
        world.rep.close(&ids[0]).await.changed();
        let gone = world.deactivate(&world.rep).await.changed();
        assert_eq!(number(&gone.value["returnedConversations"]), 3, "{gone}");
        assert_eq!(gone.value["agent"]["active"], false, "{gone}");
        for id in [&ids[1], &ids[2], &elsewhere] {
            assert_eq!(world.manager.conversation(id).await["assignee"], NONE);
        }
        assert_eq!(world.manager.conversation(&ids[0]).await["assignee"]["id"], world.rep.id.as_str());
        world.app.assert_store_is_sound().await;
    }

    async fn revoking_and_deactivating_twice_write_nothing_the_second_time(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        world.revoke(&world.rep, &world.number).await.changed();
        world.deactivate(&world.rep2).await.changed();
        let before = world.manager.as_of().await;
        let again = world.revoke(&world.rep, &world.number).await.unchanged();
        assert_eq!(number(&again.value["returnedConversations"]), 0, "{again}");
        world.deactivate(&world.rep2).await.unchanged();
        assert_eq!(world.manager.as_of().await, before);
    }

    async fn a_text_that_reopens_drops_an_assignee_without_access_in_the_same_event(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        world.rep.close(&id).await.changed();
        world.revoke(&world.rep, &world.number).await.changed();
        assert_eq!(world.manager.conversation(&id).await["assignee"]["id"], world.rep.id.as_str());
        let back = world.text(&customer(1), "Hello again").await;
        assert_eq!(back.conversation()["status"], "OPEN", "{back}");
        assert_eq!(back.conversation()["assignee"], NONE, "{back}");
        assert_eq!(world.manager.story(&id).await, ["RECEIVED", "ASSIGNED", "CLOSED", "RECEIVED"]);
        let newest = &world.manager.history(&id).await[0];
        assert_eq!(newest["previousAssignee"]["id"], world.rep.id.as_str(), "{newest:#}");
        assert_eq!(newest["assignee"], NONE, "{newest:#}");
        assert!(world.manager.ids("UNASSIGNED", NONE).await.contains(&id));
        world.app.assert_store_is_sound().await;
    }

    async fn an_agent_who_reopens_drops_a_deactivated_assignee_in_the_same_event(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        world.rep.close(&id).await.changed();
        world.deactivate(&world.rep).await.changed();
        let back = world.rep2.reopen(&id).await.changed();
        assert_eq!(back.conversation()["assignee"], NONE, "{back}");
        assert_eq!(world.manager.story(&id).await, ["RECEIVED", "ASSIGNED", "CLOSED", "REOPENED"]);
        let newest = &world.manager.history(&id).await[0];
        assert_eq!(newest["previousAssignee"]["id"], world.rep.id.as_str(), "{newest:#}");
        world.app.assert_store_is_sound().await;
    }

    async fn a_closed_conversation_goes_back_to_an_assignee_who_can_work_again(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        world.rep.close(&id).await.changed();
        world.deactivate(&world.rep).await.changed();
        world.reactivate(&world.rep).await.changed();
        let back = world.text(&customer(1), "Hello again").await;
        assert_eq!(back.conversation()["assignee"]["id"], world.rep.id.as_str(), "{back}");
    }

    async fn the_last_active_manager_cannot_be_removed(world: World) {
        let before = world.everything().await;
        world.deactivate(&world.manager).await.refused("NOT_ALLOWED");
        let input = json!({ "agentId": world.manager.id, "role": "REP" });
        let demoted = world.manager.client.mutate("updateAgent", input.clone(), &managing()).await;
        demoted.refused("NOT_ALLOWED");
        assert_eq!(world.everything().await, before);
        let lead = world.join(&world.app, "Lea Lead", switchboard::domain::Role::Manager, false).await;
        world.manager.client.mutate("updateAgent", input, &managing()).await.changed();
        let denied = lead.client.mutate("deactivateAgent", json!({ "agentId": lead.id }), &managing()).await;
        denied.refused("NOT_ALLOWED");
    }

    async fn two_managers_cannot_remove_each_other_at_once(world: World) {
        let lead = world.join(&world.app, "Lea Lead", switchboard::domain::Role::Manager, false).await;
        let (by_lead, by_manager) = (json!({ "agentId": world.manager.id }), json!({ "agentId": lead.id }));
        let selection = managing();
        let (a, b) = tokio::join!(
            lead.client.try_mutate("deactivateAgent", by_lead, &selection),
            world.manager.client.try_mutate("deactivateAgent", by_manager, &selection),
        );
        let removed =
            [&a, &b].iter().filter(|one| one.body["data"]["deactivateAgent"]["changed"] == true).count();
        assert_eq!(removed, 1, "exactly one manager is removed: {a} {b}");
    }

    async fn without_access_a_number_and_its_conversations_are_gone_for_the_agent(world: World) {
        let id = world.conversation(1).await;
        world.revoke(&world.rep, &world.number).await.changed();
        assert_eq!(world.rep.conversation(&id).await, NONE);
        assert!(world.rep.ids("INBOX", NONE).await.is_empty());
        let numbers = world.rep.client.data("{ phoneNumbers { id } }", json!({})).await;
        assert_eq!(numbers["phoneNumbers"], json!([{ "id": world.number2.id }]));
        let denied = world.rep.send(&id, "Hello").await;
        denied.refused_at("NOT_FOUND", "conversationId");
        assert_eq!(world.manager.messages(&id).await.len(), 1);
    }

    async fn managers_need_access_too(world: World) {
        let hidden = world.add_number(&world.app, &[&world.rep], "Hidden").await;
        let id = world.conversation_on(&hidden, 1).await;
        assert_eq!(world.manager.conversation(&id).await, NONE);
        world.manager.assign(&id, &world.rep).await.refused_at("NOT_FOUND", "conversationId");
        world.grant(&world.manager, &hidden).await.changed();
        world.manager.assign(&id, &world.rep).await.changed();
    }

    async fn a_deactivated_agent_cannot_sign_in_and_a_reactivated_one_can(world: World) {
        world.deactivate(&world.rep).await.changed();
        let denied = world.rep.client.query("{ viewer { id } }", json!({})).await;
        denied.assert_error(&["UNAUTHENTICATED"]);
        assert_eq!(denied.status, 401, "{denied}");
        world.reactivate(&world.rep).await.changed();
        let viewer = world.rep.client.data("{ viewer { id active } }", json!({})).await;
        assert_eq!(text(&viewer["viewer"]["id"]), world.rep.id);
    }

    async fn a_deactivated_agents_messages_keep_their_author(world: World) {
        let id = world.conversation(1).await;
        world.rep.send(&id, "Hello").await.changed();
        world.deactivate(&world.rep).await.changed();
        let sent = world.manager.messages(&id).await.pop().expect("two messages");
        assert_eq!(sent["author"]["id"], world.rep.id.as_str(), "{sent:#}");
    }
}

fn managing() -> String {
    format!("changed {}", crate::support::documents::USER_ERRORS)
}

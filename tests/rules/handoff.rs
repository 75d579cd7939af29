//! Shift handoffs: all conversations of an agent are assigned to another in one step, with a note.

use serde_json::{Value, json};
use switchboard::domain::{Plan, Role};

use crate::support::agent::{Agent, merged};
use crate::support::documents;
use crate::support::operator;
use crate::support::outcome::{Payload, ids, number};
use crate::support::random_work::{ALL, RandomWork};
use crate::support::world::{World, customer};

/// `by` hands off the conversations of `from` to `to`. `more` are additional input fields.
async fn hand_off(by: &Agent, from: &Agent, to: &Agent, more: Value) -> Payload {
    let input = merged(json!({ "fromAgentId": from.id, "toAgentId": to.id }), more);
    by.client.mutate("handOffConversations", input, &documents::bulk()).await
}

async fn acknowledge(by: &Agent, id: &str) -> Payload {
    by.on("acknowledgeHandOff", id).await
}

/// The ids of the conversations whose owner has changed.
fn moved(payload: &Payload) -> Vec<String> {
    let changed = payload.results().iter().filter(|result| result["changed"] == true);
    let mut moved: Vec<_> =
        changed.map(|it| it["conversationId"].as_str().unwrap_or("?").to_owned()).collect();
    moved.sort();
    moved
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

on_both! {
    async fn a_shift_ends_in_one_step_and_the_new_owner_reads_the_note(world: World) {
        let all = world.conversations(4).await;
        for id in &all[..3] {
            world.rep.claim(id).await.changed();
        }
        world.rep.close(&all[2]).await.changed();
        let outbound = world.rep.messages(&all[0]).await.len();
        let (_socket, mut entering) =
            world.rep2.queue("ASSIGNED_TO_ME", Value::Null, Some(&world.rep2.as_of().await)).await;
        let note = json!({ "note": "  The bicycle is ready on Monday.  " });
        let handed = hand_off(&world.rep, &world.rep, &world.rep2, note).await.ok();
        assert_eq!(moved(&handed), sorted(all[..2].to_vec()), "{handed}");
        assert_eq!(handed.value["asOf"], world.rep.as_of().await.as_str());
        assert_eq!(world.rep.conversation(&all[2]).await["assignee"]["id"], world.rep.id.as_str());
        let event = &world.rep2.history(&all[0]).await[0];
        assert_eq!(
            [&event["kind"], &event["note"], &event["reason"], &event["actor"]["id"]],
            ["ASSIGNED", "The bicycle is ready on Monday.", "HANDED_OFF", world.rep.id.as_str()]
        );
        assert_eq!(event["previousAssignee"]["id"], world.rep.id.as_str());
        assert_eq!(world.rep.messages(&all[0]).await.len(), outbound, "the customer receives no message");
        for _ in 0..2 {
            assert_eq!(entering.next_change().await["__typename"], "ConversationEntered");
        }
        let again = hand_off(&world.rep, &world.rep, &world.rep2, json!({})).await.ok();
        assert!(again.results().is_empty(), "a repeat changes nothing: {again}");
        assert_eq!(again.value["asOf"], handed.value["asOf"]);
        world.app.assert_store_is_sound().await;
    }

    async fn status_and_numbers_choose_what_is_handed_off(world: World) {
        let (open, closed) = (world.conversation(1).await, world.conversation(2).await);
        let support = world.conversation_on(&world.number2, 3).await;
        for id in [&open, &closed, &support] {
            world.rep.claim(id).await.changed();
        }
        world.rep.close(&closed).await.changed();
        let only = json!({ "phoneNumberIds": [world.number2.id] });
        let handed = hand_off(&world.rep, &world.rep, &world.rep2, only).await.ok();
        assert_eq!(moved(&handed), [support.as_str()]);
        let empty = hand_off(&world.rep, &world.rep, &world.rep2, json!({ "phoneNumberIds": [] })).await.ok();
        assert!(empty.results().is_empty(), "{empty}");
        let handed = hand_off(&world.rep, &world.rep, &world.rep2, json!({ "status": "CLOSED" })).await.ok();
        assert_eq!(moved(&handed), [closed.as_str()]);
        assert_eq!(world.rep2.conversation(&closed).await["status"], "CLOSED", "it stays closed");
        let both = hand_off(&world.manager, &world.rep2, &world.rep, json!({ "status": null })).await.ok();
        assert_eq!(moved(&both), sorted(vec![closed, support]));
        world.app.assert_store_is_sound().await;
    }

    async fn what_the_new_owner_cannot_access_stays_and_has_an_error(world: World) {
        let private = world.add_number(&world.app, &[&world.manager, &world.rep], "Private").await;
        let kept = world.conversation_on(&private, 1).await;
        let gone = world.conversation(2).await;
        for id in [&kept, &gone] {
            world.rep.claim(id).await.changed();
        }
        let handed = hand_off(&world.rep, &world.rep, &world.rep2, json!({})).await.ok();
        assert_eq!(handed.results().len(), 2, "{handed}");
        assert_eq!(moved(&handed), [gone.as_str()]);
        let stayed = handed.results().iter().find(|result| result["conversationId"] == kept.as_str());
        let errors = &stayed.expect("a result for each conversation")["userErrors"];
        assert_eq!(errors[0]["code"], "AGENT_LACKS_ACCESS", "{handed}");
        assert_eq!(errors[0]["path"], json!(["input", "toAgentId"]), "{handed}");
        assert_eq!(world.rep.conversation(&kept).await["assignee"]["id"], world.rep.id.as_str());
        assert_eq!(world.rep.story(&kept).await, ["RECEIVED", "ASSIGNED"]);
    }

    async fn what_the_caller_cannot_access_is_not_handed_off(world: World) {
        let private = world.add_number(&world.app, &[&world.rep, &world.rep2], "Private").await;
        let hidden = world.conversation_on(&private, 1).await;
        let seen = world.conversation(2).await;
        for id in [&hidden, &seen] {
            world.rep.claim(id).await.changed();
        }
        for more in [json!({}), json!({ "phoneNumberIds": [private.id] })] {
            let handed = hand_off(&world.manager, &world.rep, &world.rep2, more).await.ok();
            assert!(!handed.to_string().contains(&hidden), "{handed}");
        }
        assert_eq!(world.rep.conversation(&hidden).await["assignee"]["id"], world.rep.id.as_str());
        assert_eq!(world.rep.conversation(&seen).await["assignee"]["id"], world.rep2.id.as_str());
    }

    async fn only_managers_hand_off_for_another_agent_and_every_agent_for_themselves(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        for model in ["OPEN", "MANAGER_ASSIGNED", "SELF_SERVICE", "HYBRID"] {
            world.set_model(model).await.ok();
            let before = world.everything().await;
            hand_off(&world.rep2, &world.rep, &world.rep2, json!({})).await.refused("NOT_ALLOWED");
            assert_eq!(world.everything().await, before);
            assert_eq!(moved(&hand_off(&world.rep, &world.rep, &world.rep2, json!({})).await.ok()), [id.as_str()]);
            let back = hand_off(&world.manager, &world.rep2, &world.rep, json!({})).await.ok();
            assert_eq!(moved(&back), [id.as_str()], "{model}");
        }
    }

    async fn a_refused_handoff_writes_nothing(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        let gone = world.join(&world.app, "Gunnar Gone", Role::Rep, false).await;
        world.deactivate(&gone).await.changed();
        let before = world.everything().await;
        let by = &world.rep;
        hand_off(by, by, &gone, json!({})).await.refused_at("AGENT_INACTIVE", "toAgentId");
        for bad in [" ", "bell \u{7}", &"x".repeat(201)] {
            hand_off(by, by, &world.rep2, json!({ "note": bad })).await.refused_at("INVALID", "note");
        }
        let unknown = Agent { id: id.clone(), ..world.rep2.clone() };
        hand_off(&world.manager, by, &unknown, json!({})).await.refused_at("NOT_FOUND", "toAgentId");
        hand_off(&world.manager, &unknown, by, json!({})).await.refused_at("NOT_FOUND", "fromAgentId");
        assert_eq!(world.everything().await, before);
        // The change of the plan is an event.
        operator::set_plan(&world.app, world.id, Plan::Starter).await;
        let before = world.everything().await;
        let refused = hand_off(by, by, &world.rep2, json!({})).await;
        assert_eq!(refused.refused("PLAN_REQUIRED")["requiredPlan"], "TEAM");
        assert_eq!(world.everything().await, before);
    }

    async fn more_than_a_thousand_at_once_are_refused_whole(world: World) {
        let mut all = Vec::new();
        for chunk in 0..143 {
            let some = (1..=7).map(|n| world.conversation(chunk * 7 + n));
            all.extend(futures_util::future::join_all(some).await);
        }
        for chunk in all.chunks(100) {
            let input = json!({ "conversationIds": chunk, "agentId": world.rep.id });
            world.manager.client.mutate("assignConversations", input, documents::USER_ERRORS).await.ok();
        }
        let hand = async || {
            let input = json!({ "fromAgentId": world.rep.id, "toAgentId": world.rep2.id });
            let selection = format!("results {{ conversationId changed }} {}", documents::USER_ERRORS);
            world.rep.client.mutate("handOffConversations", input, &selection).await
        };
        hand().await.refused_at("INVALID", "fromAgentId");
        assert_eq!(world.rep2.counts().await["assignedToMe"]["total"], 0);
        world.rep.close(&all[0]).await.changed();
        assert_eq!(moved(&hand().await.ok()).len(), 1_000);
        assert_eq!(world.rep2.counts().await["assignedToMe"]["open"], 1_000);
        world.app.assert_store_is_sound().await;
    }

    async fn only_the_new_owner_acknowledges_and_only_once(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        acknowledge(&world.rep, &id).await.unchanged();
        hand_off(&world.rep, &world.rep, &world.rep2, json!({})).await.ok();
        let version = number(&world.rep2.conversation(&id).await["version"]);
        for other in [&world.rep, &world.manager] {
            acknowledge(other, &id).await.unchanged();
        }
        let acknowledged = acknowledge(&world.rep2, &id).await.changed();
        assert_eq!(number(&acknowledged.conversation()["version"]), version + 1);
        assert_eq!(acknowledged.conversation()["assignee"]["id"], world.rep2.id.as_str());
        acknowledge(&world.rep2, &id).await.unchanged();
        let event = &world.rep.history(&id).await[0];
        assert_eq!([&event["kind"], &event["actor"]["id"]], ["ACKNOWLEDGED", world.rep2.id.as_str()]);
        // A single assignment is not a handoff. A new handoff can be acknowledged again.
        world.rep2.assign(&id, &world.rep).await.changed();
        acknowledge(&world.rep, &id).await.unchanged();
        hand_off(&world.rep, &world.rep, &world.rep2, json!({})).await.ok();
        world.text(&customer(1), "Hello?").await;
        acknowledge(&world.rep2, &id).await.changed();
        acknowledge(&world.rep2, "nonsense").await.refused_at("NOT_FOUND", "conversationId");
        world.app.assert_store_is_sound().await;
    }

    async fn a_handoff_that_races_with_a_revocation_leaves_no_owner_without_access(world: World) {
        let all = world.conversations(5).await;
        for round in 0..10 {
            for id in &all {
                world.manager.assign(id, &world.rep).await.ok();
            }
            let (handed, revoked) = tokio::join!(
                hand_off(&world.rep, &world.rep, &world.rep2, json!({})),
                world.revoke(&world.rep2, &world.number)
            );
            let returned = number(&revoked.changed().value["returnedConversations"]);
            let moved = moved(&handed.ok()).len();
            assert!(moved == 0 && returned == 0 || moved == 5 && returned == 5, "{round}: {moved} and {returned}");
            world.grant(&world.rep2, &world.number).await.changed();
        }
        world.app.assert_store_is_sound().await;
    }

    async fn handoffs_during_other_work_leave_nothing_behind(world: World) {
        let conversations = world.conversations(12).await;
        let team = [world.rep.clone(), world.rep2.clone(), world.manager.clone()];
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        let shifts = async {
            for n in 0..20 {
                let (from, to) = if n % 2 == 0 { (&world.rep, &world.rep2) } else { (&world.rep2, &world.rep) };
                hand_off(&world.manager, from, to, json!({ "status": null, "note": "Next" })).await.ok();
            }
        };
        tokio::join!(work.run_parallel(crate::support::seed(), 3, 40, &team), shifts);
        // Without concurrent work, one handoff moves all conversations.
        let owned = world.rep.ids("ASSIGNED_TO_ME", Value::Null).await;
        let last = hand_off(&world.rep, &world.rep, &world.rep2, json!({ "status": null })).await.ok();
        assert_eq!(moved(&last), sorted(owned));
        assert!(ids(&world.rep.list("ASSIGNED_TO_ME", Value::Null).await).is_empty());
        for id in &conversations {
            let handed = world.rep.history(id).await;
            let handed = handed.iter().filter(|event| event["reason"] == "HANDED_OFF");
            assert!(handed.clone().all(|event| event["kind"] == "ASSIGNED" && event["assignee"].is_object()));
        }
        world.app.assert_store_is_sound().await;
    }
}

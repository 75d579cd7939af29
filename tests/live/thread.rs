//! A live thread is a subscription to one conversation. It delivers every event of the conversation once and in order.

use serde_json::{Value, json};

use crate::support::documents;
use crate::support::outcome::text;
use crate::support::socket::Socket;
use crate::support::world::{World, customer};

on_both! {
    async fn a_thread_delivers_messages_assignment_and_status(world: World) {
        let id = world.conversation(1).await;
        let after = world.rep.as_of().await;
        let socket = Socket::open(&world.rep.client).await;
        let variables = json!({ "id": id, "after": after });
        let mut changes = socket.subscribe(&documents::conversation_changed(), variables);
        world.rep2.claim(&id).await.changed();
        world.rep2.send(&id, "Hello").await.changed();
        world.rep2.close(&id).await.changed();
        world.text(&customer(1), "Thanks").await;
        let mut found = Vec::new();
        for kind in ["ASSIGNED", "REPLIED", "CLOSED", "RECEIVED"] {
            let change = changes.find(|change| change["event"].is_object()).await;
            assert_eq!(change["event"]["kind"], kind, "{change:#}");
            assert_eq!(change["conversation"]["id"], id.as_str(), "{change:#}");
            assert_eq!(change["event"]["cursor"], change["cursor"], "{change:#}");
            assert_eq!(change["reset"], Value::Null, "{change:#}");
            found.push(change);
        }
        assert_eq!(found[1]["event"]["message"]["body"], "Hello", "{:#}", found[1]);
        assert_eq!(found[2]["conversation"]["status"], "CLOSED", "{:#}", found[2]);
        assert_eq!(found[3]["conversation"], world.rep.conversation(&id).await);
    }

    async fn a_thread_delivers_no_events_of_other_conversations(world: World) {
        let ids = world.conversations(2).await;
        let socket = Socket::open(&world.rep.client).await;
        let variables = json!({ "id": ids[0], "after": world.rep.as_of().await });
        let mut changes = socket.subscribe(&documents::conversation_changed(), variables);
        world.rep.claim(&ids[1]).await.changed();
        world.rep.claim(&ids[0]).await.changed();
        let change = changes.find(|change| change["event"].is_object()).await;
        assert_eq!(change["conversation"]["id"], ids[0].as_str(), "{change:#}");
    }

    async fn a_thread_that_is_cut_and_resumed_delivers_each_event_of_the_log_once(world: World) {
        let id = world.conversation(1).await;
        let first = world.rep.as_of().await;
        let mut last = first.clone();
        let mut delivered: Vec<String> = Vec::new();
        let owners = [&world.rep, &world.rep2, &world.manager];
        for round in 0..6 {
            let socket = Socket::open(&world.rep2.client).await;
            let variables = json!({ "id": id, "after": last });
            let mut changes = socket.subscribe(&documents::conversation_changed(), variables);
            for step in 0..3 {
                world.manager.assign(&id, owners[(round + step) % 3]).await.ok();
            }
            for _ in 0..=round % 3 {
                let change = changes.find(|change| change["event"].is_object()).await;
                last = text(&change["cursor"]).to_owned();
                delivered.push(text(&change["event"]["id"]).to_owned());
            }
            socket.cut();
        }
        let socket = Socket::open(&world.rep2.client).await;
        let mut changes =
            socket.subscribe(&documents::conversation_changed(), json!({ "id": id, "after": last }));
        world.rep.close(&id).await.changed();
        loop {
            let change = changes.find(|change| change["event"].is_object()).await;
            delivered.push(text(&change["event"]["id"]).to_owned());
            if change["event"]["kind"] == "CLOSED" {
                break;
            }
        }
        let log: Vec<String> = world
            .rep
            .history(&id)
            .await
            .iter()
            .rev()
            .skip(1)
            .map(|event| text(&event["id"]).to_owned())
            .collect();
        assert_eq!(delivered, log);
    }

    async fn a_long_thread_is_replayed_completely(world: World) {
        let id = world.conversation(1).await;
        let after = world.rep.as_of().await;
        for _ in 0..155 {
            world.rep.claim(&id).await.changed();
            world.rep.unassign(&id).await.changed();
        }
        let socket = Socket::open(&world.rep.client).await;
        let mut changes =
            socket.subscribe(&documents::conversation_changed(), json!({ "id": id, "after": after }));
        for version in 2..=311 {
            let change = changes.find(|change| change["event"].is_object()).await;
            assert_eq!(change["conversation"]["version"], version, "no gap and no repeat: {change:#}");
        }
    }

    async fn reading_is_delivered_only_in_the_readers_thread(world: World) {
        let id = world.conversation(1).await;
        let variables = json!({ "id": id, "after": world.rep.as_of().await });
        let (mine, others) = (Socket::open(&world.rep.client).await, Socket::open(&world.rep2.client).await);
        let mut reader = mine.subscribe(&documents::conversation_changed(), variables.clone());
        let mut other = others.subscribe(&documents::conversation_changed(), variables);
        world.rep.read(&id).await.changed();
        world.rep.claim(&id).await.changed();
        let change = reader.find(|change| change["event"].is_object()).await;
        assert_eq!(change["event"]["kind"], "READ", "{change:#}");
        assert_eq!(change["conversation"]["unread"], false, "{change:#}");
        let change = other.find(|change| change["event"].is_object()).await;
        assert_eq!(change["event"]["kind"], "ASSIGNED", "{change:#}");
    }

    async fn unknown_and_hidden_threads_are_refused_alike(world: World) {
        let hidden = world.add_number(&world.app, &[&world.manager], "Hidden").await;
        let secret = world.conversation_on(&hidden, 1).await;
        let socket = Socket::open(&world.rep.client).await;
        let mut answers = Vec::new();
        for id in [secret.as_str(), "nonsense", world.rep.id.as_str()] {
            let mut changes = socket.subscribe(&documents::conversation_changed(), json!({ "id": id }));
            let mut errors = changes.refusal().await;
            // Request ids always differ.
            errors[0]["extensions"]["requestId"].take();
            answers.push(errors);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
        assert!(!format!("{answers:?}").contains("RECEIVED"), "{answers:#?}");
    }
}

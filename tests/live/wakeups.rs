//! A wake-up means that there is something to read. A command that changes nothing sends none.

use std::collections::BTreeMap;

use serde_json::json;
use switchboard::store::db::notify::NotifyLink;
use switchboard::store::{DatabaseUrl, Store};

use crate::operation::exposition::Exposition;
use crate::support::DEADLINE;
use crate::support::agent::unique_key;
use crate::support::app::App;
use crate::support::world::World;

/// How often each command is called.
const TIMES: usize = 20;

/// The wake-ups that the server has sent to the readers in its own process.
async fn own(app: &App) -> f64 {
    Exposition::of(app.metrics_address()).await.get("wake_ups_total{source=\"commit\"}")
}

/// The wake-ups on the wire between processes. Only PostgreSQL has a wire.
struct Wire {
    link: NotifyLink,
    log: String,
    presence: String,
}

impl Wire {
    async fn of(world: &World) -> Option<Self> {
        if !world.app.is_postgres() {
            return None;
        }
        let url = DatabaseUrl::parse(world.app.database_url()).expect("a URL");
        let link = Store::open(&url, 1).await.expect("opens").listen().await.expect("listens");
        let id = world.id.0.simple();
        Some(Self { link, log: format!(" L{id}"), presence: format!(" P{id}") })
    }

    /// Receives texts up to the first with a wake-up of the kind `last`. Returns how many contained each kind.
    async fn until(&mut self, last: fn(&Self) -> &String) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::from([("log", 0), ("presence", 0)]);
        loop {
            let next = tokio::time::timeout(DEADLINE, self.link.next()).await;
            let text = next.expect("a wake-up arrives").expect("the connection lives");
            *counts.entry("log").or_default() += usize::from(text.contains(&self.log));
            *counts.entry("presence").or_default() += usize::from(text.contains(&self.presence));
            if text.contains(last(self)) {
                return counts;
            }
        }
    }
}

/// Calls commands that are refused or change nothing, `TIMES` times each.
async fn change_nothing(world: &World, id: &str, key: &str) {
    for _ in 0..TIMES {
        world.rep2.claim(id).await.refused("ALREADY_ASSIGNED");
        world.rep2.assign(id, &world.rep).await.unchanged();
        world.rep.send_with(id, "Hello", key, json!({})).await.unchanged();
        world.rep.on("acknowledgeHandOff", id).await.unchanged();
        world.set_model("OPEN").await.unchanged();
    }
}

on_both! {
    async fn only_events_wake_the_readers_of_the_log(world: World) {
        let (id, key) = (world.conversation(1).await, unique_key());
        world.rep.claim(&id).await.changed();
        world.rep.send_with(&id, "Hello", &key, json!({})).await.changed();
        let (_socket, mut queue) = world.manager.queue("INBOX", json!({}), None).await;
        let mut wire = Wire::of(world).await;
        // The wake-ups of the preparation are on the wire before this one.
        world.rep.is_at(&id, json!("VIEWING")).await.changed();
        if let Some(wire) = &mut wire {
            wire.until(|wire| &wire.presence).await;
        }
        let before = own(&world.app).await;

        change_nothing(world, &id, &key).await;

        assert_eq!(own(&world.app).await, before, "woken in this process");
        world.rep.is_at(&id, json!("REPLYING")).await.changed();
        if let Some(wire) = &mut wire {
            let counts = wire.until(|wire| &wire.presence).await;
            assert_eq!(counts, BTreeMap::from([("log", 0), ("presence", 1)]), "sent to other processes");
        }

        world.rep.close(&id).await.changed();
        queue.next_change().await;
        assert!(own(&world.app).await > before);
        if let Some(wire) = &mut wire {
            assert_eq!(wire.until(|wire| &wire.log).await["log"], 1);
        }
    }
}

//! Live workloads: the current value, then every new value, as long as the caller is a manager.

use serde_json::{Value, json};
use switchboard::domain::Role;

use crate::support::documents::{USER_ERRORS, WORKLOAD};
use crate::support::outcome::{items, text};
use crate::support::socket::{Socket, Subscription};
use crate::support::world::World;

fn follow(socket: &Socket) -> Subscription {
    socket.subscribe(&format!("subscription {{ workloadsChanged {{ {WORKLOAD} }} }}"), json!({}))
}

fn of<'a>(workloads: &'a Value, id: &str) -> &'a Value {
    let found = items(workloads).iter().find(|it| text(&it["agent"]["id"]) == id);
    found.unwrap_or_else(|| panic!("{id} is not in {workloads:#}"))
}

on_both! {
    async fn live_workloads_begin_with_the_value_now_and_follow_the_work(world: World) {
        let id = world.conversation(1).await;
        let socket = Socket::open(&world.manager.client).await;
        let mut live = follow(&socket);
        assert_eq!(*items(&live.next().await), world.manager.workloads().await);
        world.rep.claim(&id).await.changed();
        let (rep, rep2) = (&world.rep.id, &world.rep2.id);
        let claimed = live.find(|all| of(all, rep)["open"] == 1).await;
        assert_eq!(of(&claimed, rep)["waiting"], 1, "{claimed:#}");
        world.manager.assign(&id, &world.rep2).await.changed();
        world.rep2.send(&id, "Hello").await.changed();
        let answered = live.find(|all| of(all, rep2)["open"] == 1 && of(all, rep2)["waiting"] == 0).await;
        assert_eq!(of(&answered, rep)["open"], 0, "{answered:#}");
        assert_eq!(*items(&answered), world.manager.workloads().await);
    }

    async fn a_new_agent_appears_without_an_event(world: World) {
        let socket = Socket::open(&world.manager.client).await;
        let mut live = follow(&socket);
        assert_eq!(items(&live.next().await).len(), 3);
        world.join_without_access(&world.app, "Lena Vogt").await;
        live.find(|all| items(all).len() == 4).await;
    }

    async fn live_workloads_end_when_the_agent_is_no_longer_a_manager(world: World) {
        let boss = world.join(&world.app, "Olga Boss", Role::Manager, false).await;
        let socket = Socket::open(&world.manager.client).await;
        let mut live = follow(&socket);
        live.next().await;
        let demote = json!({ "agentId": world.manager.id, "role": "REP" });
        boss.client.mutate("updateAgent", demote, &format!("changed {USER_ERRORS}")).await.changed();
        live.until_access_ends().await;
    }

    async fn a_rep_cannot_follow_workloads(world: World) {
        let socket = Socket::open(&world.rep.client).await;
        let refusal = follow(&socket).refusal().await;
        assert_eq!(refusal[0]["extensions"]["code"], "FORBIDDEN", "{refusal:#}");
    }
}

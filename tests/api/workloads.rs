//! The workloads of agents, for managers.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::support::outcome::{number, text};
use crate::support::random_work::{ALL, RandomWork};
use crate::support::seed;
use crate::support::world::World;

/// The open and waiting conversations of each agent, by id.
fn by_agent(workloads: &[Value]) -> BTreeMap<String, (i64, i64)> {
    let of =
        |it: &Value| (text(&it["agent"]["id"]).to_owned(), (number(&it["open"]), number(&it["waiting"])));
    workloads.iter().map(of).collect()
}

async fn assert_workloads(world: &World) {
    let rows = world.manager.list("INBOX", json!({ "status": "OPEN" })).await;
    let mut expected: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for agent in [&world.manager, &world.rep, &world.rep2] {
        expected.insert(agent.id.clone(), (0, 0));
    }
    for row in rows.iter().filter(|row| !row["assignee"].is_null()) {
        let entry = expected.entry(text(&row["assignee"]["id"]).to_owned()).or_default();
        entry.0 += 1;
        entry.1 += i64::from(!row["waitingSince"].is_null());
    }
    let workloads = world.manager.workloads().await;
    assert_eq!(by_agent(&workloads), expected);
    let order = |it: &Value| (-number(&it["open"]), text(&it["agent"]["name"]).to_lowercase());
    assert!(workloads.is_sorted_by_key(order), "{workloads:#?}");
}

on_both! {
    async fn workloads_equal_counting_the_lists_after_random_work(world: World) {
        let mut rng = StdRng::seed_from_u64(seed());
        let agents = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let conversations = world.conversations(12).await;
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        for n in 0..4 {
            let id = world.conversation_on(&world.number2, 100 + n).await;
            world.rep.claim(&id).await.changed();
            for _ in 0..20 {
                work.run_one(&mut rng, &agents).await;
            }
            assert_workloads(world).await;
        }
        work.run_parallel(rand::Rng::random(&mut rng), 3, 20, &agents).await;
        assert_workloads(world).await;
    }

    async fn managers_see_every_number_and_only_active_agents(world: World) {
        let hidden = world.add_number(&world.app, &[&world.rep], "Hidden").await;
        let secret = world.conversation_on(&hidden, 1).await;
        world.rep.claim(&secret).await.changed();
        let lena = world.join_without_access(&world.app, "Lena Vogt").await;
        let names = |all: Vec<Value>| -> Vec<(String, i64)> {
            all.iter().map(|it| (text(&it["agent"]["name"]).to_owned(), number(&it["open"]))).collect()
        };
        let shown = names(world.manager.workloads().await);
        let expected = [("Ravi Shah", 1), ("Ingrid Berg", 0), ("Lena Vogt", 0), ("Maria Lopez", 0)];
        assert_eq!(shown, expected.map(|(name, n)| (name.to_owned(), n)));
        world.deactivate(&lena).await.changed();
        world.deactivate(&world.rep).await.changed();
        let expected = [("Ingrid Berg", 0), ("Maria Lopez", 0)];
        assert_eq!(names(world.manager.workloads().await), expected.map(|(name, n)| (name.to_owned(), n)));
    }

    async fn only_managers_see_workloads(world: World) {
        for client in [&world.rep.client, &world.gateway] {
            let answer = client.query("{ workloads { open } __typename }", json!({})).await;
            answer.assert_error(&["FORBIDDEN"]);
            assert!(answer.body["data"]["workloads"].is_null(), "{answer}");
            assert_eq!(answer.body["data"]["__typename"], "Query", "other fields keep their values: {answer}");
        }
    }
}

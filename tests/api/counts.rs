//! The badges equal counting the lists, after any history.

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::outcome::number;
use crate::support::random_work::{ALL, RandomWork};
use crate::support::seed;
use crate::support::world::World;

/// The badges of `agent`, computed by counting the lists.
async fn counted(agent: &Agent, numbers: &Value) -> Value {
    let mut badges = json!({});
    for (badge, view) in
        [("inbox", "INBOX"), ("assignedToMe", "ASSIGNED_TO_ME"), ("unassigned", "UNASSIGNED")]
    {
        let rows = agent.list(view, json!({ "phoneNumberIds": numbers })).await;
        let count = |wanted: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| wanted(row)).count();
        badges[badge] = json!({
            "total": rows.len(),
            "open": count(&|row| row["status"] == "OPEN"),
            "closed": count(&|row| row["status"] == "CLOSED"),
            "unread": count(&|row| row["unread"] == true),
        });
    }
    badges
}

/// The badges of `agent` from the API.
async fn badges(agent: &Agent, numbers: &Value) -> Value {
    let document = format!(
        "query($numbers: [ID!]) {{ viewCounts(phoneNumberIds: $numbers) {{ {} }} }}",
        crate::support::documents::COUNTS
    );
    let mut counts = agent.client.data(&document, json!({ "numbers": numbers })).await["viewCounts"].take();
    counts.as_object_mut().expect("counts").remove("asOf");
    counts
}

async fn assert_badges(world: &World, agents: &[Agent]) {
    let choices = [Value::Null, json!([world.number.id]), json!([world.number2.id]), json!([])];
    for agent in agents {
        for numbers in &choices {
            assert_eq!(
                badges(agent, numbers).await,
                counted(agent, numbers).await,
                "{} {numbers}",
                agent.name
            );
        }
    }
    world.app.assert_store_is_sound().await;
}

on_both! {
    async fn the_badges_equal_counting_the_lists_after_random_work(world: World) {
        let seed = seed();
        let agents = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let conversations = world.conversations(12).await;
        for n in 20..24 {
            let id = world.conversation_on(&world.number2, n).await;
            world.rep.claim(&id).await.changed();
        }
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..6 {
            for _ in 0..25 {
                work.run_one(&mut rng, &agents).await;
            }
            assert_badges(world, &agents).await;
        }
    }

    async fn the_badges_follow_access(world: World) {
        let agents = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let ids = world.conversations(4).await;
        world.rep.claim(&ids[0]).await.changed();
        world.rep.read(&ids[0]).await.changed();
        world.rep.read(&ids[1]).await.changed();
        world.revoke(&world.rep, &world.number).await.changed();
        assert_badges(world, &agents).await;
        assert_eq!(number(&world.rep.counts().await["inbox"]["total"]), 0);
        world.grant(&world.rep, &world.number).await.changed();
        assert_badges(world, &agents).await;
        let back = world.rep.counts().await;
        assert_eq!(back["inbox"], json!({ "total": 4, "open": 4, "closed": 0, "unread": 2 }), "{back:#}");
        world.deactivate(&world.rep2).await.changed();
        assert_badges(world, &agents[..2]).await;
        world.reactivate(&world.rep2).await.changed();
        assert_badges(world, &agents).await;
    }

    async fn the_three_everyday_badges_are_mine(world: World) {
        let ids = world.conversations(3).await;
        for id in &ids {
            world.rep.claim(id).await.changed();
        }
        world.rep.read(&ids[0]).await.changed();
        world.rep.close(&ids[1]).await.changed();
        let mine = world.rep.counts().await;
        assert_eq!(
            mine["assignedToMe"],
            json!({ "total": 3, "open": 2, "closed": 1, "unread": 1 }),
            "{mine:#}"
        );
        assert_eq!(
            mine["unassigned"],
            json!({ "total": 0, "open": 0, "closed": 0, "unread": 0 }),
            "{mine:#}"
        );
        let others = world.manager.counts().await;
        assert_eq!(others["assignedToMe"]["total"], 0, "{others:#}");
        assert_eq!(others["inbox"], json!({ "total": 3, "open": 2, "closed": 1, "unread": 2 }), "{others:#}");
    }
}

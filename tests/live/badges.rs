//! Live badges: the current value, then every new value.

use serde_json::{Value, json};

use crate::support::documents;
use crate::support::socket::Socket;
use crate::support::world::World;

fn without_position(mut counts: Value) -> Value {
    counts.as_object_mut().expect("counts").remove("asOf");
    counts
}

on_both! {
    async fn live_badges_begin_with_the_value_now(world: World) {
        world.conversations(3).await;
        let socket = Socket::open(&world.rep.client).await;
        let mut badges = socket.subscribe(&documents::view_counts_changed(), json!({}));
        let first = badges.next().await;
        assert_eq!(first, world.rep.counts().await);
    }

    async fn live_badges_follow_everything_that_moves_them(world: World) {
        let ids = world.conversations(2).await;
        let socket = Socket::open(&world.rep.client).await;
        let mut badges = socket.subscribe(&documents::view_counts_changed(), json!({}));
        badges.next().await;
        for step in 0..7 {
            match step {
                0 => drop(world.rep.claim(&ids[0]).await.changed()),
                1 => drop(world.rep.read(&ids[0]).await.changed()),
                2 => drop(world.rep.unread(&ids[0]).await.changed()),
                3 => drop(world.manager.close(&ids[0]).await.changed()),
                4 => drop(world.conversation(3).await),
                5 => drop(world.manager.assign(&ids[1], &world.rep).await.changed()),
                _ => drop(world.rep2.reopen(&ids[0]).await.changed()),
            }
            let expected = without_position(world.rep.counts().await);
            badges.find(|counts| without_position(counts.clone()) == expected).await;
        }
    }

    async fn live_badges_of_some_numbers_count_only_those(world: World) {
        world.conversation(1).await;
        let socket = Socket::open(&world.rep.client).await;
        let numbers = json!({ "numbers": [world.number2.id] });
        let mut badges = socket.subscribe(&documents::view_counts_changed(), numbers);
        let first = badges.next().await;
        assert_eq!(first["inbox"]["total"], 0, "{first:#}");
        world.conversation(2).await;
        world.conversation_on(&world.number2, 3).await;
        let next = badges.find(|counts| counts["inbox"]["total"] != 0).await;
        assert_eq!(next["inbox"]["total"], 1, "{next:#}");
    }

    async fn live_badges_follow_a_storm_to_its_end(world: World) {
        let socket = Socket::open(&world.rep.client).await;
        let mut badges = socket.subscribe(&documents::view_counts_changed(), json!({}));
        badges.next().await;
        let texts = (1..=30).map(|n| world.conversation(n));
        futures_util::future::join_all(texts).await;
        badges.find(|counts| counts["inbox"]["unread"] == 30).await;
    }
}

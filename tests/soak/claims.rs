//! Many agents claim the same conversation at the same time, and exactly one wins.

use futures_util::future::join_all;
use switchboard::domain::Role;

use crate::support::app::App;
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::fault::process::{Process, assert_sound};
use crate::support::setting;
use crate::support::world::World;

const CLAIMANTS: usize = 64;
/// The number of rounds by default. The variable `ROUNDS` changes it.
const ROUNDS: u64 = 5;
/// The number of conversations, which are claimed in turn.
const CONVERSATIONS: u32 = 10;

/// Lets 64 agents on two processes claim one conversation at the same time, `rounds` times.
async fn claim(rounds: u64) {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = World::prepare(App::start(&store.url).await).await;
    let mut agents = Vec::new();
    for n in 0..CLAIMANTS {
        agents.push(world.join(&world.app, &format!("Claimant {n}"), Role::Rep, false).await);
    }
    let conversations = world.conversations(CONVERSATIONS).await;
    world.app.stop().await;
    let (one, two) = tokio::join!(Process::start(&store.url), Process::start(&store.url));
    let places = [one.address(), two.address()];
    let agents: Vec<_> = agents.iter().enumerate().map(|(n, agent)| agent.at(places[n % 2])).collect();
    let manager = world.manager.at(places[0]);
    for round in 0..rounds {
        let id = &conversations[round as usize % conversations.len()];
        manager.unassign(id).await.ok();
        let outcomes = join_all(agents.iter().map(|agent| agent.claim(id))).await;
        let winners = outcomes.iter().zip(&agents).filter(|(outcome, _)| outcome.value["changed"] == true);
        let winners: Vec<&str> = winners.map(|(_, agent)| agent.id.as_str()).collect();
        let [winner] = winners.as_slice() else { panic!("round {round}: {winners:?} won") };
        for loser in outcomes.iter().filter(|outcome| outcome.value["changed"] != true) {
            let current = &loser.refused("ALREADY_ASSIGNED")["current"];
            assert_eq!(current["assignee"]["id"], *winner, "round {round}: {loser}");
        }
    }
    let checked = assert_sound(&store.url).await;
    println!("{rounds} rounds of {CLAIMANTS} claims: one winner each, {} refusals. {checked}", CLAIMANTS - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_claim_over_two_processes_one_wins() {
    claim(setting("ROUNDS").unwrap_or(ROUNDS)).await;
}

//! Applying the stream to the first page gives the same list as a fresh query, over random histories.
//!
//! Several clients read different lists of different agents, subscribe after their first page, and update their list
//! only from the stream during random concurrent mutations. Afterwards each list equals a fresh query, field by
//! field. A failure prints its seed; `SEED` repeats it as far as the schedule allows.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::support::agent::Agent;
use crate::support::fold::{Fold, lists, mark};
use crate::support::random_work::{ALL, RandomWork};
use crate::support::seed;
use crate::support::world::World;

const CONVERSATIONS: u32 = 12;
const WORKERS: u64 = 3;
const OPERATIONS: u32 = 40;
/// The first customer number for markers, above those of the random work.
const MARKERS: u32 = 10_000;

/// Runs random work with a fold of each list. With `cuts`, each connection is cut at random points and resumed from the
/// first cursor.
async fn storm_and_compare(world: &World, seed: u64, cuts: bool) {
    let conversations = world.conversations(CONVERSATIONS).await;
    let agents = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
    let work = RandomWork { world, conversations: &conversations, acts: ALL };
    work.run_parallel(seed, 1, 20, &agents).await;
    let mut folds = Vec::new();
    let working = work.run_parallel(seed.wrapping_add(100), WORKERS, OPERATIONS, &agents);
    let beginning = async {
        // Start during the random work: events could get lost between the page and the stream.
        for (n, (view, filter)) in lists().into_iter().enumerate() {
            // Use few sockets per agent, because a socket that was cut may still count against the agent's limit.
            let agent = [&world.rep, &world.rep2][n % 2];
            folds.push(Fold::begin(agent, view, filter.clone()).await);
        }
        if cuts {
            let chances = folds.iter_mut().enumerate();
            futures_util::future::join_all(
                chances.map(|(n, fold)| cut_at_random(fold, seed.wrapping_add(n as u64))),
            )
            .await;
        }
    };
    tokio::join!(working, beginning);
    for (n, fold) in folds.iter_mut().enumerate() {
        let row = mark(world, &fold.agent.clone(), fold.view, &fold.filter.clone(), MARKERS + n as u32).await;
        fold.catch_up_to(&row).await;
        fold.assert_is_fresh().await;
    }
}

/// Several times: applies a few items, cuts the connection, and resumes.
async fn cut_at_random(fold: &mut Fold, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..3 {
        for _ in 0..rng.random_range(0..4) {
            // Each connection delivers at least a checkpoint, so this cannot wait forever.
            if fold.step().await["__typename"] == "QueueCheckpoint" {
                break;
            }
        }
        fold.resume().await;
    }
}

/// Asserts that replaying the stream from the first cursor without concurrent changes does not change the list.
async fn replay_from_the_first(world: &World, agent: &Agent, seed: u64) {
    let conversations = world.conversations(CONVERSATIONS).await;
    let mut folds = Vec::new();
    for (view, filter) in lists() {
        folds.push(Fold::begin(agent, view, filter).await);
    }
    let agents = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
    let work = RandomWork { world, conversations: &conversations, acts: ALL };
    work.run_parallel(seed, 2, 40, &agents).await;
    for fold in &mut folds {
        for _ in 0..3 {
            fold.resume().await;
            while fold.step().await["__typename"] != "QueueCheckpoint" {}
            fold.assert_is_fresh().await;
        }
    }
}

on_both! {
    async fn folding_the_stream_over_the_page_gives_what_a_fresh_query_gives(world: World) {
        storm_and_compare(world, seed(), false).await;
        world.app.assert_store_is_sound().await;
    }

    async fn folding_survives_cuts_and_the_first_position_sent_again(world: World) {
        storm_and_compare(world, seed(), true).await;
        world.app.assert_store_is_sound().await;
    }

    async fn a_replay_from_the_first_position_ends_in_the_present(world: World) {
        replay_from_the_first(world, &world.rep, seed()).await;
    }

    async fn a_fold_over_no_rows_at_all_is_the_list(world: World) {
        let mut fold = Fold::begin(&world.rep, "INBOX", Value::Null).await;
        let ids = world.conversations(5).await;
        let last = world.rep.claim(&ids[0]).await.changed();
        fold.catch_up_to(last.conversation()).await;
        fold.assert_is_fresh().await;
    }
}

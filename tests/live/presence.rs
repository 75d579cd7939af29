//! Presence: every agent with access sees it, on every process, until it ends or expires.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::documents::VIEWERS;
use crate::support::outcome::{items, text};
use crate::support::socket::{Socket, Subscription};
use crate::support::sql::SqlConnection;
use crate::support::timed::Timed;
use crate::support::world::World;

fn follow(socket: &Socket, conversation: &str) -> Subscription {
    let document = format!("subscription($id: ID!) {{ conversationPresence(id: $id) {{ {VIEWERS} }} }}");
    socket.subscribe(&document, json!({ "id": conversation }))
}

/// The agents who are present, and their states.
fn viewers(presence: &Value) -> Vec<(&str, &str)> {
    let viewers = items(&presence["viewers"]).iter();
    viewers.map(|it| (text(&it["agent"]["id"]), text(&it["state"]))).collect()
}

fn is<'a>(expected: &'a [(&'a Agent, &'a str)]) -> impl Fn(&Value) -> bool + 'a {
    move |presence| {
        viewers(presence) == expected.iter().map(|(agent, state)| (&*agent.id, *state)).collect::<Vec<_>>()
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The number of stored presences, including expired ones.
async fn stored(connection: &mut SqlConnection) -> i64 {
    let query = diesel::sql_query("SELECT count(*) AS n FROM presences");
    let found: Vec<Count> = match connection {
        SqlConnection::Sqlite(c) => diesel::RunQueryDsl::load(query, c).expect("counts"),
        SqlConnection::Postgres(c) => diesel_async::RunQueryDsl::load(query, &mut **c).await.expect("counts"),
    };
    found[0].n
}

on_both! {
    async fn others_see_who_comes_writes_and_leaves(world: World) {
        let id = world.conversation(1).await;
        let (rep, rep2) = (&world.rep, &world.rep2);
        let socket = Socket::open(&world.manager.client).await;
        let mut live = follow(&socket, &id);
        assert_eq!(live.next().await, json!({ "viewers": [] }));
        let set = rep.is_at(&id, json!("VIEWING")).await.changed();
        assert!(is(&[(rep, "VIEWING")])(&set.value["presence"]), "{set}");
        assert!(!set.value["expiresAt"].is_null(), "{set}");
        live.find(is(&[(rep, "VIEWING")])).await;
        rep2.is_at(&id, json!("VIEWING")).await.changed();
        live.find(is(&[(rep, "VIEWING"), (rep2, "VIEWING")])).await;
        rep.is_at(&id, json!("REPLYING")).await.changed();
        live.find(is(&[(rep2, "VIEWING"), (rep, "REPLYING")])).await;
        let left = rep2.is_at(&id, Value::Null).await.changed();
        assert!(left.value["expiresAt"].is_null(), "{left}");
        live.find(is(&[(rep, "REPLYING")])).await;
        rep2.is_at(&id, Value::Null).await.unchanged();
    }

    async fn presence_reaches_other_processes(world: World) {
        let id = world.conversation(1).await;
        let sibling = world.app.sibling().await;
        let socket = Socket::open(&world.manager.at(sibling.address()).client).await;
        let mut live = follow(&socket, &id);
        live.next().await;
        world.rep.is_at(&id, json!("REPLYING")).await.changed();
        live.find(is(&[(&world.rep, "REPLYING")])).await;
        world.rep.is_at(&id, Value::Null).await.changed();
        live.find(is(&[])).await;
        sibling.stop().await;
    }

    async fn presence_expires_and_the_stream_shows_it(world: Timed) {
        let id = world.conversation(1).await;
        let socket = Socket::open(&world.manager.client).await;
        let mut live = follow(&socket, &id);
        world.rep.is_at(&id, json!("VIEWING")).await.changed();
        world.rep2.is_at(&id, json!("VIEWING")).await.changed();
        let both = live.find(|now| items(&now["viewers"]).len() == 2).await;
        world.pass(20);
        let again = world.rep.is_at(&id, json!("VIEWING")).await.unchanged();
        let since = |presence: &Value| {
            let mine = items(&presence["viewers"]).iter().find(|it| it["agent"]["id"] == *world.rep.id);
            mine.map(|it| it["since"].clone())
        };
        assert_eq!(since(&again.value["presence"]), since(&both), "renewing keeps the time: {again}");
        world.pass(10);
        live.find(is(&[(&world.rep, "VIEWING")])).await;
        world.pass(20);
        live.find(is(&[])).await;
    }

    async fn setting_a_presence_deletes_expired_ones(world: Timed) {
        let id = world.conversation(1).await;
        let mut connection = world.app.sql_connection().await;
        world.rep.is_at(&id, json!("VIEWING")).await.changed();
        world.rep2.is_at(&id, json!("VIEWING")).await.changed();
        assert_eq!(stored(&mut connection).await, 2);
        world.pass(29);
        world.manager.is_at(&id, json!("VIEWING")).await.changed();
        assert_eq!(stored(&mut connection).await, 3, "nothing has expired yet");
        world.pass(1);
        world.manager.is_at(&id, json!("VIEWING")).await.unchanged();
        assert_eq!(stored(&mut connection).await, 1);
    }

    async fn presence_writes_no_event(world: World) {
        let id = world.conversation(1).await;
        let before = world.everything().await;
        world.rep.is_at(&id, json!("REPLYING")).await.changed();
        world.rep.is_at(&id, Value::Null).await.changed();
        assert_eq!(world.everything().await, before);
    }

    async fn an_agent_who_lost_access_is_not_shown_and_receives_nothing(world: World) {
        let id = world.conversation(1).await;
        let (watching, spying) = (Socket::open(&world.manager.client).await, Socket::open(&world.rep2.client).await);
        let (mut live, mut spy) = (follow(&watching, &id), follow(&spying, &id));
        spy.next().await;
        world.rep.is_at(&id, json!("VIEWING")).await.changed();
        world.rep2.is_at(&id, json!("VIEWING")).await.changed();
        live.find(is(&[(&world.rep, "VIEWING"), (&world.rep2, "VIEWING")])).await;
        spy.find(is(&[(&world.rep, "VIEWING"), (&world.rep2, "VIEWING")])).await;
        world.revoke(&world.rep2, &world.number).await.changed();
        live.find(is(&[(&world.rep, "VIEWING")])).await;
        spy.assert_complete().await;
        world.rep2.is_at(&id, json!("VIEWING")).await.refused_at("NOT_FOUND", "conversationId");
    }

    async fn losing_access_ends_the_stream_without_a_change_of_presence(world: World) {
        let id = world.conversation(1).await;
        let socket = Socket::open(&world.rep.client).await;
        let mut live = follow(&socket, &id);
        live.next().await;
        // Losing access to another number does not end the stream.
        world.revoke(&world.rep, &world.number2).await.changed();
        world.rep2.is_at(&id, json!("VIEWING")).await.changed();
        live.find(is(&[(&world.rep2, "VIEWING")])).await;
        world.revoke(&world.rep, &world.number).await.changed();
        live.assert_complete().await;
    }

    async fn a_conversation_without_access_has_no_presence(world: World) {
        let hidden = world.add_number(&world.app, &[&world.manager], "Hidden").await;
        let secret = world.conversation_on(&hidden, 1).await;
        let socket = Socket::open(&world.rep.client).await;
        for id in [&*secret, "nonsense"] {
            let refusal = follow(&socket, id).refusal().await;
            assert_eq!(refusal[0]["extensions"]["code"], "BAD_USER_INPUT", "{refusal:#}");
            world.rep.is_at(id, json!("VIEWING")).await.refused_at("NOT_FOUND", "conversationId");
        }
        let input = json!({ "conversationId": secret, "state": "VIEWING" });
        world.service.try_mutate("setPresence", input, "changed").await.assert_error(&["FORBIDDEN"]);
    }
}

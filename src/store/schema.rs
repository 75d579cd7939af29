//! The tables, declared once for both databases. A test compares them with the tables that the migrations create.

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    store_info (id) {
        id -> SmallInt,
        epoch -> Id,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    workspaces (id) {
        id -> Id,
        name -> Text,
        plan -> Text,
        assignment_model -> Text,
        event_seq -> BigInt,
        event_floor -> BigInt,
        last_event_at -> Instant,
        created_at -> Instant,
        max_unassigned -> Nullable<Integer>,
        max_wait_seconds -> Nullable<Integer>,
        lease_minutes -> Nullable<Integer>,
        service_tokens_valid_after -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    agents (workspace_id, id) {
        workspace_id -> Id,
        id -> Id,
        name -> Text,
        title -> Nullable<Text>,
        email -> Text,
        role -> Text,
        active -> Bool,
        experienced -> Bool,
        created_at -> Instant,
        tokens_valid_after -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    pending_numbers (workspace_id, id) {
        workspace_id -> Id,
        id -> Id,
        number -> Text,
        label -> Text,
        agent_ids -> Text,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    phone_numbers (workspace_id, id) {
        workspace_id -> Id,
        id -> Id,
        number -> Text,
        label -> Text,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    number_access (workspace_id, agent_id, phone_number_id) {
        workspace_id -> Id,
        agent_id -> Id,
        phone_number_id -> Id,
        granted_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    contacts (workspace_id, id) {
        workspace_id -> Id,
        id -> Id,
        number -> Text,
        name -> Nullable<Text>,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    conversations (workspace_id, id) {
        workspace_id -> Id,
        id -> Id,
        phone_number_id -> Id,
        contact_id -> Id,
        version -> Integer,
        status -> Text,
        waiting_since -> Nullable<Instant>,
        closed_at -> Nullable<Instant>,
        closed_by_id -> Nullable<Id>,
        assignee_id -> Nullable<Id>,
        assigned_by_id -> Nullable<Id>,
        assigned_at -> Nullable<Instant>,
        unassigned_since -> Nullable<Instant>,
        message_count -> Integer,
        last_message_id -> Id,
        last_inbound -> Nullable<Integer>,
        last_activity_at -> Instant,
        created_at -> Instant,
        slot -> SmallInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    messages (workspace_id, conversation_id, number) {
        workspace_id -> Id,
        conversation_id -> Id,
        number -> Integer,
        id -> Id,
        direction -> Text,
        body -> Text,
        media_urls -> Text,
        author_id -> Nullable<Id>,
        sent_at -> Instant,
        delivery_status -> Nullable<Text>,
        provider_message_id -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    idempotency_keys (workspace_id, agent_id, key) {
        workspace_id -> Id,
        agent_id -> Id,
        key -> Text,
        fingerprint -> Text,
        message_id -> Id,
        created_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    events (workspace_id, seq) {
        workspace_id -> Id,
        seq -> BigInt,
        at -> Instant,
        actor_id -> Nullable<Id>,
        kind -> Text,
        conversation_id -> Nullable<Id>,
        version -> Nullable<Integer>,
        assignee_id -> Nullable<Id>,
        message_id -> Nullable<Id>,
        reason -> Nullable<Text>,
        note -> Nullable<Text>,
        before_image -> Nullable<Text>,
        after_image -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    read_markers (workspace_id, conversation_id, agent_id) {
        workspace_id -> Id,
        conversation_id -> Id,
        agent_id -> Id,
        read_through -> Integer,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    view_counts (workspace_id, holder, phone_number_id, status, has_inbound) {
        workspace_id -> Id,
        phone_number_id -> Id,
        holder -> Id,
        status -> Text,
        has_inbound -> Bool,
        n -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    read_counts (workspace_id, agent_id, phone_number_id, bucket) {
        workspace_id -> Id,
        agent_id -> Id,
        phone_number_id -> Id,
        bucket -> Text,
        n -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    service_tokens (workspace_id, id) {
        workspace_id -> Id,
        id -> Id,
        name -> Text,
        scopes -> Text,
        hash -> Text,
        created_at -> Instant,
        last_used_at -> Nullable<Instant>,
        expires_at -> Nullable<Instant>,
        revoked_at -> Nullable<Instant>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    slot_counts (workspace_id, reader_id, phone_number_id, slot) {
        workspace_id -> Id,
        reader_id -> Id,
        phone_number_id -> Id,
        slot -> SmallInt,
        n -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    conversation_words (workspace_id, word, conversation_id) {
        workspace_id -> Id,
        word -> Text,
        conversation_id -> Id,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    queue_flows (workspace_id, seq) {
        workspace_id -> Id,
        seq -> BigInt,
        phone_number_id -> Id,
        at -> Instant,
        flow -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    presences (workspace_id, conversation_id, agent_id) {
        workspace_id -> Id,
        conversation_id -> Id,
        agent_id -> Id,
        state -> Text,
        since -> Instant,
        expires_at -> Instant,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::store::sql_types::*;

    rebalance_plans (workspace_id, id) {
        workspace_id -> Id,
        id -> Id,
        state -> Text,
        created_by_id -> Id,
        created_at -> Instant,
        expires_at -> Instant,
        applied_at -> Nullable<Instant>,
        body -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    agents,
    contacts,
    conversation_words,
    conversations,
    events,
    idempotency_keys,
    messages,
    number_access,
    pending_numbers,
    phone_numbers,
    presences,
    queue_flows,
    read_counts,
    read_markers,
    rebalance_plans,
    service_tokens,
    slot_counts,
    store_info,
    view_counts,
    workspaces,
);

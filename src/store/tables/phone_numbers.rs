//! The phone numbers of a workspace, which its agents share.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::input::E164;
use crate::domain::{NumberStatus, PhoneNumber, PhoneNumberId, Status, WorkspaceId};
use crate::store::db::conn::{load_locked, on_backend};
use crate::store::schema::{conversations, phone_numbers};
use crate::store::{Conn, StoreResult};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = phone_numbers)]
pub(in crate::store) struct PhoneNumberRow {
    workspace_id: WorkspaceId,
    id: PhoneNumberId,
    number: E164,
    label: String,
    created_at: Timestamp,
}

impl From<PhoneNumberRow> for PhoneNumber {
    fn from(row: PhoneNumberRow) -> Self {
        Self {
            id: row.id,
            workspace_id: row.workspace_id,
            number: row.number,
            label: row.label,
            status: NumberStatus::Verified,
            created_at: row.created_at,
        }
    }
}

/// Adds a phone number. Returns false if a workspace already has it.
pub async fn insert(conn: &mut Conn, number: &PhoneNumber) -> StoreResult<bool> {
    let row = PhoneNumberRow {
        workspace_id: number.workspace_id,
        id: number.id,
        number: number.number.clone(),
        label: number.label.clone(),
        created_at: number.created_at,
    };
    let n = on_backend!(conn, |c| {
        diesel::insert_into(phone_numbers::table).values(row).on_conflict_do_nothing().execute(c).await
    })?;
    Ok(n == 1)
}

/// The phone numbers with these ids, in no particular order. Unknown ids are left out.
pub async fn by_ids(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[PhoneNumberId],
) -> StoreResult<Vec<PhoneNumber>> {
    let rows: Vec<PhoneNumberRow> = on_backend!(conn, |c| {
        phone_numbers::table
            .filter(phone_numbers::workspace_id.eq(workspace).and(phone_numbers::id.eq_any(ids)))
            .select(PhoneNumberRow::as_select())
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(PhoneNumber::from).collect())
}

/// All phone numbers of a workspace, oldest first.
pub async fn all(conn: &mut Conn, workspace: WorkspaceId) -> StoreResult<Vec<PhoneNumber>> {
    let rows: Vec<PhoneNumberRow> = on_backend!(conn, |c| {
        phone_numbers::table
            .filter(phone_numbers::workspace_id.eq(workspace))
            .order((phone_numbers::created_at, phone_numbers::id))
            .select(PhoneNumberRow::as_select())
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(PhoneNumber::from).collect())
}

/// Reads a phone number and locks it for a removal.
pub async fn lock(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: PhoneNumberId,
) -> StoreResult<Option<PhoneNumber>> {
    let rows: Vec<PhoneNumberRow> = load_locked!(
        conn,
        for_update,
        phone_numbers::table.find((workspace, id)).select(PhoneNumberRow::as_select())
    )?;
    Ok(rows.into_iter().next().map(PhoneNumber::from))
}

/// How many conversations on a number are open, and how many there are, each counted up to one.
pub async fn conversations(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: PhoneNumberId,
) -> StoreResult<(usize, usize)> {
    let found: Vec<Status> = on_backend!(conn, |c| {
        conversations::table
            .filter(conversations::workspace_id.eq(workspace).and(conversations::phone_number_id.eq(id)))
            .select(conversations::status)
            .distinct()
            .load(c)
            .await
    })?;
    Ok((found.iter().filter(|status| **status == Status::Open).count(), found.len()))
}

/// Removes a phone number that has no conversations and no access.
pub async fn remove(conn: &mut Conn, workspace: WorkspaceId, id: PhoneNumberId) -> StoreResult<()> {
    on_backend!(conn, |c| diesel::delete(phone_numbers::table.find((workspace, id))).execute(c).await)?;
    Ok(())
}

/// Finds a phone number in any workspace.
pub async fn by_number(conn: &mut Conn, number: &E164) -> StoreResult<Option<PhoneNumber>> {
    let row: Option<PhoneNumberRow> = on_backend!(conn, |c| {
        phone_numbers::table
            .filter(phone_numbers::number.eq(number))
            .select(PhoneNumberRow::as_select())
            .first(c)
            .await
            .optional()
    })?;
    Ok(row.map(PhoneNumber::from))
}

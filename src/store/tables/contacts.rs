//! Contacts: the customers of a workspace.

use crate::store::StoreError;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::input::E164;
use crate::domain::{Contact, ContactId, WorkspaceId};
use crate::store::db::conn::on_backend;
use crate::store::schema::contacts;
use crate::store::{Conn, StoreResult};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = contacts, treat_none_as_default_value = false)]
struct ContactRow {
    workspace_id: WorkspaceId,
    id: ContactId,
    number: E164,
    name: Option<String>,
    created_at: Timestamp,
}

impl From<ContactRow> for Contact {
    fn from(row: ContactRow) -> Self {
        Self { id: row.id, workspace_id: row.workspace_id, number: row.number, name: row.name }
    }
}

/// The contacts with these ids, in no particular order. Unknown ids are left out.
pub async fn by_ids(conn: &mut Conn, workspace: WorkspaceId, ids: &[ContactId]) -> StoreResult<Vec<Contact>> {
    let rows: Vec<ContactRow> = on_backend!(conn, |c| {
        contacts::table
            .filter(contacts::workspace_id.eq(workspace).and(contacts::id.eq_any(ids)))
            .select(ContactRow::as_select())
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(Contact::from).collect())
}

/// The contact with this phone number.
pub async fn by_number(
    conn: &mut Conn,
    workspace: WorkspaceId,
    number: &E164,
) -> StoreResult<Option<Contact>> {
    let row: Option<ContactRow> = on_backend!(conn, |c| {
        contacts::table
            .filter(contacts::workspace_id.eq(workspace).and(contacts::number.eq(number)))
            .select(ContactRow::as_select())
            .first(c)
            .await
            .optional()
    })?;
    Ok(row.map(Contact::from))
}

/// Finds the contact with this phone number, or adds one with `name`.
///
/// On PostgreSQL this waits for another transaction that is adding the same contact.
pub async fn find_or_insert(
    conn: &mut Conn,
    workspace: WorkspaceId,
    number: &E164,
    name: Option<&str>,
    (new, at): (ContactId, Timestamp),
) -> StoreResult<Contact> {
    if let Some(contact) = by_number(conn, workspace, number).await? {
        return Ok(contact);
    }
    let row = ContactRow {
        workspace_id: workspace,
        id: new,
        number: number.clone(),
        name: name.map(str::to_owned),
        created_at: at,
    };
    on_backend!(conn, |c| {
        diesel::insert_into(contacts::table).values(row).on_conflict_do_nothing().execute(c).await
    })?;
    by_number(conn, workspace, number).await?.ok_or(StoreError::Changed)
}

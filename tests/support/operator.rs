//! The actions of an operator: they create what the first manager needs to sign in.

use switchboard::domain::input::E164;
use switchboard::domain::service_token::ServiceScopes;
use switchboard::domain::{AgentId, PhoneNumberId, Plan, Role, WorkspaceId};
use switchboard::service::{NewAgent, NewServiceToken};

use super::app::App;
use super::client::Client;

/// Creates a workspace.
pub async fn workspace(app: &App, name: &str, plan: Plan) -> WorkspaceId {
    let created = app.with_services(async |services| services.create_workspace(name, plan).await).await;
    created.expect("creates a workspace").id
}

/// Creates an agent without access to any phone number.
pub async fn agent(app: &App, workspace: WorkspaceId, name: &str, role: Role, experienced: bool) -> AgentId {
    let email = format!("{}@example.test", name.to_lowercase().replace(' ', "."));
    let new = NewAgent { name: name.to_owned(), title: None, email, role, experienced };
    let created = app.with_services(async |services| services.enrol_agent(workspace, new).await).await;
    created.expect("adds an agent").id
}

/// Adds a phone number.
pub async fn number(app: &App, workspace: WorkspaceId, number: &str, label: &str) -> PhoneNumberId {
    let number = E164::parse(number).expect("a phone number");
    let added =
        app.with_services(async |services| services.enrol_number(workspace, number, label).await).await;
    added.expect("adds a number").id
}

/// Gives `agent` access to `number`.
pub async fn grant(app: &App, workspace: WorkspaceId, agent: AgentId, number: PhoneNumberId) {
    let granted =
        app.with_services(async |services| services.enrol_access(workspace, agent, number).await).await;
    granted.expect("grants access");
}

/// Issues a token for a service. Returns its client.
pub async fn service(app: &App, workspace: WorkspaceId, name: &str, scopes: ServiceScopes) -> Client {
    let new = NewServiceToken { name: name.to_owned(), scopes, expires_at: None };
    let issued = app.with_services(async |services| services.enrol_service(workspace, new).await).await;
    app.client(issued.expect("issues a token").text)
}

/// Changes the plan of the workspace.
pub async fn set_plan(app: &App, workspace: WorkspaceId, plan: Plan) {
    let set = app.with_services(async |services| services.set_plan(workspace, plan).await).await;
    set.expect("sets the plan");
}

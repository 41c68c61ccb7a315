//! The first administrator: made by the operator, who has the stack's own credentials, through the same use cases.

use anyhow::{Context, Result};
use vitrine_app::Call;
use vitrine_app::users::UserInput;
use vitrine_domain::Timestamp;
use vitrine_domain::actor::{Actor, Grant, KeyPermission};
use vitrine_domain::audit::Origin;
use vitrine_domain::coded::Coded;
use vitrine_domain::ids::UserId;
use vitrine_domain::roles::Role;
use vitrine_http::auth::new_key;
use vitrine_runtime::Config;

const ADMINISTRATOR: &str = "admin";
const FIRST_LIBRARY: &str = "MAIN";

pub(crate) async fn create() -> Result<()> {
    let config = Config::from_environment()?;
    let app = vitrine_runtime::app(&config, &vitrine_runtime::clients().await)?;
    let grants: Vec<Grant> = Role::ALL
        .iter()
        .filter(|role| role.is_staff())
        .map(|role| Grant { role: *role, library: None })
        .collect();
    let operator = Actor::new(UserId::system(), grants.clone());
    let call = Call {
        actor: operator,
        origin: Origin::Operator,
        request_id: "create-admin".to_owned(),
        now: Timestamp::now(),
    };

    let libraries = app.list_libraries(&call).await?;
    if !libraries.iter().any(|library| library.code.as_str() == FIRST_LIBRARY) {
        app.put_library(&call, FIRST_LIBRARY.parse()?, "Main Library", None).await?;
    }
    let user: UserId = ADMINISTRATOR.parse()?;
    let input = UserInput {
        name: "Administrator".to_owned(),
        grants: grants.clone(),
        groups: vec![],
        campuses: vec![],
        courses: vec![],
        active: true,
    };
    app.put_user(&call, user.clone(), input, None).await?;
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).context("the operating system gives no random bytes")?;
    let key = new_key(random);
    app.create_api_key(&call, "first administrator", KeyPermission::ReadWrite, grants, &key).await?;
    println!("{}", serde_json::json!({ "user": user.as_str(), "api_key": key }));
    Ok(())
}

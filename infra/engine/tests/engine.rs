//! The launcher against the real engine.

use vitrine_engine::{DeployOptions, Engine, EngineOptions, Outputs, Template};

#[test]
fn two_stacks_of_the_products_template_live_side_by_side_on_one_engine() {
    let engine = Engine::for_tests().unwrap();
    let template = Template::load().unwrap().only_resources();
    let first = engine.deploy(&template, &DeployOptions::unique("engine")).unwrap();
    let second = engine.deploy(&template, &DeployOptions::unique("engine")).unwrap();
    for output in ["CatalogTable", "AuditTable", "IncomingBucket", "ContentBucket", "DerivativesBucket"] {
        assert_ne!(first.get(output).unwrap(), second.get(output).unwrap());
    }
    assert!(first.get("ApiFunction").is_err());
    assert!(first.get("IncomingQueueUrl").unwrap().starts_with(engine.endpoint()));
    let environment = first.environment();
    for variable in Outputs::variables() {
        // Where nothing is given, the engine has no output for it; a secret never has one.
        let may_be_empty = [
            "VITRINE_FFMPEG",
            "VITRINE_SOFFICE",
            "VITRINE_VIEWER_ORIGINS",
            "VITRINE_PRIVATE_TARGETS",
            "VITRINE_CDN_SECRET",
            "VITRINE_SIGN_IN_CLIENT_SECRET",
        ];
        if may_be_empty.contains(&variable) {
            continue;
        }
        let is_of_the_api =
            ["VITRINE_TOKEN", "VITRINE_SIGN_IN"].iter().any(|begin| variable.starts_with(begin))
                || ["VITRINE_API_URL", "VITRINE_DELIVERY_URL"].contains(&variable);
        assert_eq!(environment.contains_key(variable), !is_of_the_api, "{variable}");
    }
}

#[test]
fn a_second_deployment_of_the_same_template_changes_nothing() {
    let engine = Engine::for_tests().unwrap();
    let template = Template::load().unwrap().only_resources();
    let options = DeployOptions::unique("again");
    let first = engine.deploy(&template, &options).unwrap();
    assert_eq!(engine.deploy(&template, &options).unwrap(), first);
}

#[test]
fn a_refused_deployment_says_why() {
    let engine = Engine::for_tests().unwrap();
    let template = Template::load().unwrap().only_resources();
    let options = DeployOptions::unique("wrong").parameter("DefaultAccess", "perhaps");
    let error = engine.deploy(&template, &options).unwrap_err().to_string();
    assert!(error.contains("DefaultAccess"), "{error}");
}

#[test]
fn a_function_without_a_zip_is_not_deployed() {
    let engine = Engine::for_tests().unwrap();
    let error = engine.deploy(&Template::load().unwrap(), &DeployOptions::unique("no-code")).unwrap_err();
    assert!(error.to_string().contains("no zip given for `functions/"), "{error}");
}

#[test]
fn state_outlives_the_engine_and_its_port_can_be_kept() {
    let state = tempfile::tempdir().unwrap();
    let options = EngineOptions { state: Some(state.path().to_owned()), ..EngineOptions::default() };
    let template = Template::load().unwrap().only_resources();
    let stack = DeployOptions::unique("kept");

    let engine = Engine::start(&options).unwrap();
    let first = engine.deploy(&template, &stack).unwrap();
    let port = engine.endpoint().rsplit(':').next().unwrap().parse().unwrap();
    drop(engine);

    let engine = Engine::start(&EngineOptions { port, ..options }).unwrap();
    assert_eq!(engine.deploy(&template, &stack).unwrap(), first);
}

#[test]
fn an_engine_that_is_let_go_of_is_gone() {
    let engine = Engine::start(&EngineOptions::default()).unwrap();
    let pid = engine.pid().unwrap();
    assert!(vitrine_engine::pid_is_alive(pid));
    drop(engine);
    assert!(!vitrine_engine::pid_is_alive(pid));
}

#[test]
fn a_port_that_is_taken_is_an_error_with_the_engines_own_words() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Engine::start(&EngineOptions { port, ..EngineOptions::default() }).unwrap_err().to_string();
    assert!(error.contains("in use"), "{error}");
}

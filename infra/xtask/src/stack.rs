//! `up`, `down` and `reset`: the whole system on this machine, with its data in `.vitrine/`.
#![allow(clippy::indexing_slicing, reason = "a member that JSON does not have reads as null")]

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vitrine_engine::{
    DeployOptions, Engine, EngineOptions, Outputs, Template, accounts, pid_is_alive, stop_pid, vitrine_home,
};

use crate::build::{Profile, binaries, functions_and_gateway};
use crate::{packages, samples, tools, web};

const STACK: &str = "vitrine";
/// A reader who can sign in in the browser; on this machine only.
const READER: &str = "reader";
const READER_PASSWORD: &str = "Vitrine-on-a-laptop-1";
const DEADLINE: Duration = Duration::from_secs(30);

fn stack_file() -> PathBuf {
    vitrine_home().join("stack.json")
}

fn processes_file() -> PathBuf {
    vitrine_home().join("processes.json")
}

fn read_json(path: PathBuf) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

fn write_json(path: PathBuf, value: &Value) -> Result<()> {
    let unfinished = path.with_extension("part");
    fs::write(&unfinished, serde_json::to_string_pretty(value)? + "\n")?;
    fs::rename(unfinished, &path).with_context(|| format!("cannot write {}", path.display()))
}

/// Brings the system up, loads the sample set, and stays until Ctrl-C unless `detach`.
pub fn up(detach: bool) -> Result<()> {
    packages::ensure(packages::NEEDED)?;
    down()?;
    web::build_if_possible();
    let zips = functions_and_gateway(Profile::Release)?;
    let before = read_json(stack_file());
    let port_of = |name: &str| {
        before.as_ref().and_then(|stack| stack["ports"][name].as_u64()).and_then(|p| u16::try_from(p).ok())
    };

    println!("starting the engine");
    let engine = Engine::start(&EngineOptions {
        state: Some(vitrine_home().join("data")),
        port: port_of("engine").filter(|port| is_free(*port)).unwrap_or(0),
        snapshot_seconds: 15,
        detached: true,
    })?;
    let engine_pid = engine.pid().context("the engine has no process")?;
    let mut processes = json!({ "engine": engine_pid });
    write_json(processes_file(), &processes)?;

    println!("deploying template.yaml");
    let port = port_of("gateway").filter(|port| is_free(*port)).map_or_else(free_port, Ok)?;
    let origin = format!("http://127.0.0.1:{port}");
    let options = DeployOptions { stack_name: STACK.to_owned(), code: zips, parameters: BTreeMap::new() }
        .parameter("PublicApiUrl", &origin)
        .parameter("DeletionProtection", "false")
        // A laptop has few cores for ffmpeg and the decoders.
        .parameter("RegisterConcurrency", "2")
        .parameter("DerivativesConcurrency", "2")
        .parameter("MarksConcurrency", "2")
        .parameter("PublishConcurrency", "2");
    let template = Template::load()?;
    let outputs = engine.deploy(&template, &options)?;
    // The engine serves the keys of its user pool at an address of its own, which names the pool.
    let pool = outputs.get("UserPoolId")?.to_owned();
    let options = options
        .parameter("TokenKeysUrl", &accounts::keys_url(engine.endpoint(), &pool))
        .parameter("SignInDiscoveryUrl", &accounts::discovery_url(engine.endpoint(), &pool));
    let outputs = engine.deploy(&template, &options)?;
    accounts::put_person(engine.endpoint(), &pool, READER, READER_PASSWORD)?;

    let environment = environment(&engine, &outputs, &origin, port);
    let log = File::options().create(true).append(true).open(vitrine_home().join("gateway.log"))?;
    let mut gateway = Command::new(binaries(Profile::Release).join("vitrine-gateway"));
    gateway
        .env_clear()
        .envs(&environment)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    let gateway = gateway.spawn().context("cannot start the gateway")?;
    processes["gateway"] = json!(gateway.id());
    write_json(processes_file(), &processes)?;
    wait_for(&format!("{origin}/almaws/v1/openapi.json"))?;

    let known_key = before.as_ref().and_then(|stack| stack["admin_api_key"].as_str()).map(str::to_owned);
    let admin_api_key = match known_key {
        Some(key) if samples::is_valid_key(&origin, &key) => key,
        _ => create_admin(&environment)?,
    };
    let stack = describe(&engine, &outputs, &origin, port, &admin_api_key)?;
    write_json(stack_file(), &stack)?;
    samples::load(&origin, &admin_api_key)?;
    samples::put_reader(&origin, &admin_api_key, READER)?;
    println!(
        "\nAPI       {origin}/almaws/v1\ndelivery  {origin}/view\nAPI key   {admin_api_key}\nreader    {READER}, password {READER_PASSWORD}, of the group STUDENT\nstack     {}",
        stack_file().display()
    );
    engine.leave();
    if detach {
        println!("stop it with `cargo xtask down`");
        return Ok(());
    }
    println!("Ctrl-C stops it");
    stay(engine_pid, gateway.id())
}

/// Waits until a process ends, or Ctrl-C ends us: the two are in groups of their own and end in good order then.
fn stay(engine: u32, gateway: u32) -> Result<()> {
    tools::wait_for_interrupt(|| pid_is_alive(engine) && pid_is_alive(gateway));
    println!("stopping");
    down()
}

/// Stops what an earlier `up` started; the engine writes its state down first.
pub fn down() -> Result<()> {
    let Some(processes) = read_json(processes_file()) else { return Ok(()) };
    for name in ["gateway", "engine"] {
        if let Some(pid) =
            processes[name].as_u64().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| is_ours(name, *pid))
        {
            stop_pid(pid).with_context(|| format!("cannot stop the {name}"))?;
        }
    }
    fs::remove_file(processes_file()).context("cannot forget the stopped processes")
}

/// Whether a process id still belongs to what we started, and not to a stranger that got the number since.
fn is_ours(name: &str, pid: u32) -> bool {
    let line =
        fs::read(format!("/proc/{pid}/cmdline")).map(|line| String::from_utf8_lossy(&line).into_owned());
    let word = if name == "engine" { "serve.py" } else { "vitrine-gateway" };
    pid_is_alive(pid) && line.is_ok_and(|line| line.contains(word))
}

/// Stops everything and deletes its data.
pub fn reset() -> Result<()> {
    down()?;
    for name in ["data", "stack.json", "gateway.log"] {
        let path = vitrine_home().join(name);
        if path.is_dir() {
            fs::remove_dir_all(&path)?;
        } else if path.exists() {
            fs::remove_file(&path)?;
        }
    }
    println!("the data is gone");
    Ok(())
}

fn environment(engine: &Engine, outputs: &Outputs, origin: &str, port: u16) -> BTreeMap<String, String> {
    let mut environment = outputs.environment();
    environment.extend(engine.environment());
    environment.insert("VITRINE_LISTEN".to_owned(), format!("127.0.0.1:{port}"));
    environment.insert("VITRINE_API_URL".to_owned(), format!("{origin}/almaws/v1"));
    environment.insert("VITRINE_DELIVERY_URL".to_owned(), format!("{origin}/view"));
    if let Ok(path) = std::env::var("PATH") {
        environment.insert("PATH".to_owned(), path);
    }
    environment
}

fn create_admin(environment: &BTreeMap<String, String>) -> Result<String> {
    let mut command = Command::new(binaries(Profile::Release).join("vitrine-gateway"));
    let said = tools::output(command.arg("create-admin").env_clear().envs(environment))?;
    let answer: Value =
        serde_json::from_str(said.lines().last().unwrap_or_default()).context("create-admin said no JSON")?;
    Ok(answer["api_key"].as_str().context("create-admin gave no key")?.to_owned())
}

fn describe(
    engine: &Engine,
    outputs: &Outputs,
    origin: &str,
    port: u16,
    admin_api_key: &str,
) -> Result<Value> {
    let engine_port = engine.endpoint().rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    Ok(json!({
        "api_url": format!("{origin}/almaws/v1"),
        "delivery_url": format!("{origin}/view"),
        "oai_url": format!("{origin}/view/oai/{}/request", outputs.get("Institution")?),
        "s3_endpoint": engine.endpoint(),
        "region": "us-east-1",
        "buckets": {
            "incoming": outputs.get("IncomingBucket")?,
            "content": outputs.get("ContentBucket")?,
            "derivatives": outputs.get("DerivativesBucket")?,
            "published": outputs.get("PublishedBucket")?,
        },
        "queues": {
            "incoming": outputs.get("IncomingQueueUrl")?,
            "derivatives": outputs.get("DerivativesQueueUrl")?,
            "marks": outputs.get("MarksQueueUrl")?,
            "imports": outputs.get("ImportsQueueUrl")?,
            "exports": outputs.get("ExportsQueueUrl")?,
            "publish": outputs.get("PublishQueueUrl")?,
            "deliveries": outputs.get("DeliveriesQueueUrl")?,
        },
        "tables": {
            "catalog": outputs.get("CatalogTable")?,
            "published": outputs.get("PublishedTable")?,
            "audit": outputs.get("AuditTable")?,
        },
        "institution": outputs.get("Institution")?,
        "admin_api_key": admin_api_key,
        "issuer": outputs.get("Issuer").unwrap_or_default(),
        "reader": { "user": READER, "password": READER_PASSWORD, "user_group": "STUDENT" },
        "ports": { "engine": engine_port, "gateway": port },
    }))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("no free port")?.local_addr()?.port())
}

fn wait_for(address: &str) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        if ureq::get(address).call().is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("{address} does not answer; see {}", vitrine_home().join("gateway.log").display())
}

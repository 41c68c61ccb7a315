//! Programs that we did not write, and what they need: `bagit` and `ocfl-py` read exports, Sickle harvests, a browser shows
//! pages. `infra/local/peers.in` says which versions.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vitrine_testing::{Stack, poll_until};

use crate::walk::built;

/// Runs one of the programs and returns what it wrote; the test ends where it fails.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let path = vitrine_engine::peers().unwrap().join("bin").join(program);
    let done = Command::new(path).args(arguments).stdin(Stdio::null()).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{program} {arguments:?}: {out}{error}");
    out.into_owned()
}

/// Lets the public tool for bags read one, every byte of it.
pub fn validate_bag(folder: &Path) {
    run("bagit.py", &["--quiet", "--validate", folder.to_str().unwrap()]);
}

/// Lets the public tool for OCFL read a storage root, every byte of every object.
pub fn validate_storage_root(folder: &Path) {
    let root = folder.to_str().unwrap();
    let said = run("ocfl-root.py", &["validate", "--root", root, "--validate-objects", "--check-digests"]);
    assert!(said.contains("is VALID"), "{said}");
}

/// The gateway on a port of its own, until it goes out of scope.
pub struct Gateway {
    process: Child,
    /// `http://127.0.0.1:` and its port.
    pub origin: String,
}

impl Gateway {
    /// Starts it over a stack and waits until it answers.
    pub async fn start(stack: &Stack) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let origin = format!("http://127.0.0.1:{port}");
        let process = Command::new(built("vitrine-gateway"))
            .env_clear()
            .envs(stack.environment())
            .env("VITRINE_LISTEN", format!("127.0.0.1:{port}"))
            .env("VITRINE_API_URL", format!("{origin}/almaws/v1"))
            .env("VITRINE_DELIVERY_URL", format!("{origin}/view"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let gateway = Self { process, origin };
        poll_until("gateway", || async {
            ureq::get(format!("{}/almaws/v1/openapi.json", gateway.origin)).call().ok()
        })
        .await;
        gateway
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

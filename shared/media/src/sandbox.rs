//! Limits a process sets on itself before it reads hostile bytes.
//!
//! Four layers, each useful alone: resource limits (always), no network sockets and, for our own decoders, no new
//! programs (seccomp, always on Linux), an empty network namespace (where the kernel lets us), and only the files the
//! job names (Landlock, kernel 5.13 and later). The first two are required: a child that cannot set them refuses to
//! work. The last two are best effort: not every
//! kernel that a function runs on offers them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules,
};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use crate::job::{Job, Tool, Wanted};

const MIB: u64 = 1 << 20;

/// Resource limits of one kind of job. Source: reliability.md B54.
struct Budget {
    address_space_bytes: u64,
    cpu_seconds: u64,
    file_bytes: u64,
}

impl Budget {
    fn of(job: &Job) -> Self {
        let own = |cpu_seconds, file_mib| Self {
            address_space_bytes: 512 * MIB,
            cpu_seconds,
            file_bytes: file_mib * MIB,
        };
        match job.tool.as_ref().map(|(tool, _)| *tool) {
            None => match job.wanted {
                Wanted::Thumbnails => own(10, 32),
                // Text is small; a long book takes a while.
                Wanted::Text(_) => own(20, 32),
                // A copy is about as large as its source.
                Wanted::Marked(_) => own(20, 96),
            },
            Some(Tool::Ffmpeg) => {
                Self { address_space_bytes: 2048 * MIB, cpu_seconds: 30, file_bytes: 64 * MIB }
            }
            Some(Tool::Soffice) => {
                Self { address_space_bytes: 4096 * MIB, cpu_seconds: 60, file_bytes: 128 * MIB }
            }
        }
    }
}

/// Closes this process in. There is no way back out, for it or for anything it starts.
///
/// # Errors
/// When a required layer is refused by the kernel; the caller must not decode then.
pub(crate) fn enter(job: &Job) -> io::Result<()> {
    let tool = job.tool.as_ref().map(|(tool, _)| *tool);
    let budget = Budget::of(job);
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_AS, budget.address_space_bytes, budget.address_space_bytes)?;
    // SIGXCPU at the soft limit names the cause; SIGKILL two seconds later cannot be ignored.
    setrlimit(Resource::RLIMIT_CPU, budget.cpu_seconds, budget.cpu_seconds + 2)?;
    setrlimit(Resource::RLIMIT_FSIZE, budget.file_bytes, budget.file_bytes)?;
    setrlimit(Resource::RLIMIT_NOFILE, 256, 256)?;
    // Refused without privileges or user namespaces; seccomp below denies sockets either way.
    let _ = unshare(CloneFlags::CLONE_NEWNET)
        .or_else(|_| unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET));
    // Kernels without Landlock accept this and restrict nothing.
    let _ = restrict_files(job);
    let filter = filter(tool).map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter).map_err(io::Error::other)
}

fn restrict_files(job: &Job) -> Result<(), landlock::RulesetError> {
    let abi = ABI::V4;
    let mut readable: Vec<PathBuf> = vec![job.source.clone()];
    if let Some((_, program)) = &job.tool {
        let system = [
            "/usr",
            "/lib",
            "/lib64",
            "/opt",
            "/var/lib/libreoffice",
            "/var/spool/libreoffice",
            "/var/cache/fontconfig",
            "/var/task",
            "/etc/alternatives",
            "/etc/fonts",
            "/etc/ld.so.cache",
            "/etc/libreoffice",
            "/etc/localtime",
            "/dev/urandom",
            "/proc/self",
            "/proc/cpuinfo",
        ];
        readable.extend(system.iter().map(PathBuf::from));
        readable.extend(program.parent().map(Path::to_owned));
    }
    let writable = [job.out_dir.clone(), job.work_dir.clone(), PathBuf::from("/dev/null")];
    // LibreOffice always puts its own socket there; it may make one, and nothing else.
    let sockets: &[&str] = if matches!(job.tool, Some((Tool::Soffice, _))) { &["/tmp"] } else { &[] };
    Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(&readable, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(&writable, AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules(sockets, AccessFs::MakeSock))?
        .restrict_self()?;
    Ok(())
}

/// Builds the system call filter: what is listed fails with "operation not permitted", all else works.
fn filter(tool: Option<Tool>) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut denied: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let always = [
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_io_uring_setup,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_mount,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_userfaultfd,
    ];
    denied.extend(always.map(|call| (call, vec![])));
    match tool {
        // LibreOffice talks to itself over a local socket; a network socket is of another family.
        Some(Tool::Soffice) => {
            let not_local = SeccompCondition::new(
                0,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::Ne,
                u64::from(libc::AF_UNIX.unsigned_abs()),
            )?;
            denied.insert(libc::SYS_socket, vec![SeccompRule::new(vec![not_local])?]);
        }
        Some(Tool::Ffmpeg) => {
            denied.insert(libc::SYS_socket, vec![]);
            denied.insert(libc::SYS_socketpair, vec![]);
        }
        None => {
            let more = [
                libc::SYS_socket,
                libc::SYS_socketpair,
                libc::SYS_execve,
                libc::SYS_execveat,
                libc::SYS_kill,
            ];
            denied.extend(more.map(|call| (call, vec![])));
            #[cfg(target_arch = "x86_64")]
            denied.extend([libc::SYS_fork, libc::SYS_vfork].map(|call| (call, vec![])));
        }
    }
    let denial = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter =
        SeccompFilter::new(denied, SeccompAction::Allow, denial, std::env::consts::ARCH.try_into()?)?;
    filter.try_into()
}

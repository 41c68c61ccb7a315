//! `docs/cli.md` is the help of every command; a test keeps it so.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::args::Cli;

const HEAD: &str = "# The command line

`vitrine` does bulk work over the public API: `cargo install --path cli` builds it. This page is its help, written by
`UPDATE_DOCS=1 cargo test -p vitrine-cli docs`.

```sh
export VITRINE_URL=https://repository.example.org VITRINE_API_KEY=...    # or --stack .vitrine/stack.json
vitrine ingest scans/ --profile scanned-books --dry-run                  # what would happen
vitrine ingest scans/ --profile scanned-books                            # uploads what is missing, imports, reports
vitrine job 81234 --report csv -o report.csv                             # every row
vitrine resubmit 81234                                                   # runs again what failed, once that is mended
vitrine undo 81234                                                       # takes it back
vitrine fetch 81240 bag/                                                 # what an export wrote, checked byte for byte
```

**Going on.** An ingest keeps a journal under `~/.local/state/vitrine/ingests`: which ingest it is, and each file's size, time of
change, SHA-256 and, for large files, the id of its parts. No key and no signed address is in it. After Ctrl-C, a crash or a
reboot the same command asks the repository what has arrived and sends the rest; a file that changed meanwhile is sent again. A
journal that is lost costs reading the files once more (`--ingest ID` names the ingest then), not sending them; only those that went
in parts are sent again. An ingest that was imported is done: the next run begins another, and what is there stays unchanged.

**What is sent.** Names are kept byte for byte, with `/` between folders. Each file, and each part of a file over 64 MiB, carries its
SHA-256, which the storage compares. Requests are repeated after network errors, HTTP 429 (as late as `Retry-After` says) and 5xx;
signed addresses that expired are asked anew. A job is submitted once: before asking again it is looked for. A folder without the
metadata file that its profile wants is refused before anything is sent.

**Settings file**, readable by yourself only:

```toml
url = \"https://repository.example.org\"
api_key = \"...\"
parallel = 4
retries = 8
```

**Completions.** `vitrine completions bash > ~/.local/share/bash-completion/completions/vitrine`, or what your shell wants.
";

fn section(command: &mut Command, path: &str, page: &mut String) {
    let path = if path.is_empty() {
        command.get_name().to_owned()
    } else {
        format!("{path} {}", command.get_name())
    };
    let help = command.clone().bin_name(&path).term_width(110).render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(page, "\n## {path}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    for inner in command.get_subcommands_mut() {
        if inner.get_name() != "help" {
            section(inner, &path, page);
        }
    }
}

#[test]
fn docs_are_the_help() {
    let mut page = HEAD.to_owned();
    let mut command = Cli::command();
    // Connection flags are told once, at the top.
    section(&mut command, "", &mut page);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "docs/cli.md is stale: UPDATE_DOCS=1 cargo test -p vitrine-cli docs");
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

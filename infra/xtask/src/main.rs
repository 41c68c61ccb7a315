//! The project's own commands. `cargo xtask` lists them.

mod bench;
mod build;
mod packages;
mod page;
mod samples;
mod scale;
mod stack;
mod template;
mod test;
mod tools;
mod web;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask VERB

  up [--detach]     build, start the local engine, deploy template.yaml, load the sample set
  down              stop what `up --detach` started; the data stays
  reset             stop, and delete the data
  test              everything that has to pass: what .ci/run does
  web               build the viewer; do it before `sam build`
  docs              write the generated documents anew
  check-template    check template.yaml
  bench             compare thumbnails with other tools, measure functions, write docs/benchmarks.md
  scale [NAME]      a long run on an engine of its own, into docs/benchmarks.md; without a name, lists them";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["up"] => stack::up(false),
        ["up", "--detach"] => stack::up(true),
        ["down"] => stack::down(),
        ["reset"] => stack::reset(),
        ["test"] => test::all(),
        ["bench"] => bench::all(),
        ["scale"] => scale::one(""),
        ["scale", name] => scale::one(name),
        ["web"] => web::build(),
        ["docs"] => build::docs(),
        ["check-template"] => template::check_template(),
        _ => bail!("{USAGE}"),
    }
}

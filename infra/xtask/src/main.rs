//! The project's own commands.
mod template;
mod tools;
fn main() -> anyhow::Result<()> {
    template::check_template()
}

//! What can be viewed, as a page for a person (S3, VIEW-1 to VIEW-7): whole in itself, and made into a viewer by the script where
//! that was built. Everything that is asked for comes from our own origin and the storage's.

use std::fmt::{self, Write as _};

use axum::response::Response;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use vitrine_app::delivery::{Access, Asked, Borrowing, Opened};
use vitrine_domain::coded::Coded;
use vitrine_domain::collection::Collection;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::UserId;
use vitrine_domain::rights::Reason;
use vitrine_domain::structure::{Range, StructureFields};
use vitrine_domain::{TimeZone, Timestamp};
use vitrine_metadata::{About, DublinCore, MediaFile, iiif, schema_org};

use super::answer::document;
use super::html::{data, escape};
use crate::views::Addresses;
use crate::wire::{Problem, Whole};

/// Characters that turn the direction of the text that follows, until something ends that.
const TURNING: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

/// What a page is made from.
pub(super) struct Page<'a> {
    pub addresses: &'a Addresses,
    pub opened: &'a Opened,
    /// What was asked for, to come back to.
    pub asked: &'a Asked,
    /// Who has signed in.
    pub user: Option<&'a UserId>,
    pub metadata: &'a DublinCore,
    /// The collections that it is seen in.
    pub collections: &'a [Collection],
    /// The first files.
    pub files: &'a [DigitalFile],
    pub structure: Option<&'a StructureFields>,
    /// What the script reads: the same that external viewers read.
    pub view: &'a Value,
    /// How the viewer stands to the copies that are lent.
    pub borrowing: &'a Borrowing,
    /// The institution's, for what is due.
    pub zone: &'a TimeZone,
    /// Where the storage is, for the page's policy.
    pub storage: &'a [String],
}

/// Whether a client asks for a page before anything else.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let place = |mime: &str| accept.find(mime);
    match (place("text/html"), place("json")) {
        (Some(html), Some(json)) => html < json,
        (html, _) => html.is_some(),
    }
}

/// The page as an answer: 403 with its note for who is not let in, whatever page it had before (B43).
pub(super) fn answer(page: &Page<'_>, asked: &HeaderMap) -> Result<Response, Problem> {
    let mut text = String::with_capacity(16 * 1024);
    page.write(&mut text).map_err(|_| Problem::internal())?;
    let refused = page.opened.permit().is_none();
    let nothing = HeaderMap::new();
    let asked = if refused { &nothing } else { asked };
    let mut response = document(asked, "text/html; charset=utf-8", text, page.opened.terms.shared_seconds)?;
    if refused {
        *response.status_mut() = StatusCode::FORBIDDEN;
        response.extensions_mut().insert(Whole);
    }
    let storage = page.storage.join(" ");
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: {storage}; \
         media-src 'self' {storage}; connect-src 'self' {storage}; worker-src 'self' blob:; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors *"
    );
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).map_err(|_| Problem::internal())?);
    // Links to the storage are secrets, and no other site learns which title is looked at.
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("same-origin"));
    Ok(response)
}

impl<'a> Page<'a> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let (bib, representation) = (&self.opened.bib, &self.opened.representation);
        let title = escape(&bib.brief.title);
        let iiif = self.addresses.iiif();
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <link rel=\"canonical\" href=\"{}\">\n\
             <link rel=\"alternate\" type=\"application/ld+json\" title=\"IIIF manifest\" href=\"{}\">\n",
            escape(&self.permalink()),
            escape(&iiif.manifest_3(&representation.id)),
        )?;
        writeln!(out, "<script type=\"application/ld+json\">{}</script>", data(&self.described()))?;
        for style in vitrine_web::styles() {
            writeln!(out, "<link rel=\"stylesheet\" href=\"{}/assets/{style}\">", self.addresses.delivery)?;
        }
        if let Some(icon) = vitrine_web::icon() {
            let delivery = &self.addresses.delivery;
            writeln!(out, "<link rel=\"icon\" type=\"image/svg+xml\" href=\"{delivery}/assets/{icon}\">")?;
        }
        if let Some(script) = vitrine_web::script() {
            let address = format!("{}/assets/{script}", self.addresses.delivery);
            writeln!(out, "<script type=\"module\" src=\"{address}\"></script>")?;
        }
        write!(
            out,
            "</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n\
             <header>\n<p class=\"institution\">{}</p>\n<h1 dir=\"auto\">{title}</h1>\n",
            escape(&self.addresses.institution)
        )?;
        for line in
            [bib.brief.author.as_deref(), representation.fields.label.as_deref()].into_iter().flatten()
        {
            writeln!(out, "<p class=\"label\" dir=\"auto\">{}</p>", escape(line))?;
        }
        self.account(out)?;
        out.push_str("</header>\n<main id=\"main\" tabindex=\"-1\">\n");
        if let Some(note) = &representation.fields.public_note {
            writeln!(out, "<p dir=\"auto\">{}</p>", escape(note))?;
        }
        self.borrowed(out)?;
        match &self.opened.access {
            Access::Granted(_) => self.viewer(out)?,
            _ => self.notice(out)?,
        }
        self.rights(out)?;
        self.details(out)?;
        self.share(out)?;
        out.push_str("</main>\n<footer><p>Vitrine</p></footer>\n</body>\n</html>\n");
        Ok(())
    }

    /// The title for search engines (META-4). Where bytes are is said of what everybody may see alone.
    fn described(&self) -> Value {
        let (id, representation) = (self.opened.bib.mms_id.as_str(), &self.opened.representation.id);
        let (url, iiif) = (self.permalink(), self.addresses.iiif());
        let (thumbnail, manifest) =
            (iiif.thumbnail(representation.as_str()), iiif.manifest_3(representation));
        let views = self.view.get("file").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let media = |(file, view): (&'a DigitalFile, &'a Value)| {
            let content = file.content.as_ref()?;
            Some(MediaFile {
                url: view.get("content_url").and_then(Value::as_str)?,
                media_type: &content.mime,
                name: &file.label,
                size_bytes: content.size_bytes,
            })
        };
        let found: Vec<MediaFile<'_>> = self.files.iter().zip(views).filter_map(media).collect();
        // A copy with a mark is not what the file is said to be.
        let is_open = self.opened.permit().is_some_and(|permit| permit.watermark.is_none())
            && self.opened.terms.shared_seconds > 0;
        schema_org(
            self.metadata,
            &About {
                url: &url,
                id,
                thumbnail: &thumbnail,
                provider: &self.addresses.institution,
                manifest: &manifest,
                collections: self.collections.iter().map(|it| (it.id.as_str(), it.name.as_str())).collect(),
                media_types: found.iter().map(|file| file.media_type).collect(),
                files: is_open.then_some(found),
            },
        )
    }

    /// Who has signed in, on pages that are this viewer's alone (B52).
    fn account(&self, out: &mut String) -> fmt::Result {
        let Some(user) = self.user.filter(|_| self.opened.terms.shared_seconds == 0) else { return Ok(()) };
        let (user, leave) = (escape(user.as_str()), self.addresses.sign_out());
        writeln!(
            out,
            "<p class=\"account\">Signed in as {user}. <a href=\"{}\" rel=\"nofollow\">Sign out</a></p>",
            escape(&leave)
        )
    }

    /// Until when the viewer has it, and how it is given back (A18).
    fn borrowed(&self, out: &mut String) -> fmt::Result {
        let Borrowing::Borrowed(loan) = self.borrowing else { return Ok(()) };
        let (link, due) = (self.permalink(), self.time(loan.due_at));
        let link = escape(&link);
        writeln!(
            out,
            "<section id=\"loan\" aria-labelledby=\"h-loan\"><h2 id=\"h-loan\">Your loan</h2>\n<p>You have borrowed \
             this until {due}. It is returned by itself then.</p>\n<form method=\"post\" \
             action=\"{link}/loan?op=return\"><p class=\"acts\"><button>Return now</button></p></form></section>"
        )
    }

    /// A time as people read it, where the institution is.
    fn time(&self, at: Timestamp) -> String {
        let shown = at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d, %H:%M");
        format!("<time datetime=\"{at}\">{shown}</time>")
    }

    fn permalink(&self) -> String {
        self.addresses.delivered(&self.opened.representation.id)
    }

    fn viewer(&self, out: &mut String) -> fmt::Result {
        if self.files.is_empty() {
            out.push_str("<p>There are no files yet.</p>\n");
            return Ok(());
        }
        let (behavior, direction) = iiif::turning(self.files, self.structure);
        if self.opened.sits() {
            // Kept, warned of and given back by the script.
            let link = self.permalink();
            writeln!(out, "<p id=\"sitting\" role=\"status\" data-seat=\"{}/seat\"></p>", escape(&link))?;
        }
        writeln!(
            out,
            "<section id=\"viewer\" aria-label=\"Viewer\" data-behavior=\"{behavior}\" data-direction=\"{direction}\" \
             hidden></section>\n<script type=\"application/json\" id=\"delivered\">{}</script>",
            data(self.view)
        )?;
        if let Some(structure) = self.structure.filter(|it| !it.ranges.is_empty()) {
            out.push_str(
                "<nav id=\"contents\" aria-labelledby=\"h-contents\"><h2 id=\"h-contents\">Contents</h2>\n",
            );
            ranges(out, &structure.ranges)?;
            out.push_str("</nav>\n");
        }
        out.push_str(
            "<section id=\"files\" aria-labelledby=\"h-files\"><h2 id=\"h-files\">Files</h2>\n<ol>\n",
        );
        let captions = iiif::captions_of(self.files);
        let shown = self.view.get("file").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (file, view) in self.files.iter().zip(shown) {
            let is_captions = captions.values().flatten().any(|(it, _)| it.id == file.id);
            self.file(out, file, view, is_captions)?;
        }
        out.push_str("</ol>\n");
        if let Some(next) = self.view.get("next").and_then(Value::as_str) {
            // With a script, further files come as they are needed.
            writeln!(
                out,
                "<noscript><p><a href=\"{}?next={}\">More files</a></p></noscript>",
                escape(&self.permalink()),
                escape(next)
            )?;
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn file(&self, out: &mut String, file: &DigitalFile, view: &Value, is_captions: bool) -> fmt::Result {
        let word = |name: &str| view.get(name).and_then(Value::as_str);
        let class = if is_captions { " class=\"captions\"" } else { "" };
        write!(
            out,
            "<li id=\"file={0}\"{class}><a href=\"#file={0}\"><img src=\"{1}\" alt=\"\" loading=\"lazy\" width=\"100\" \
             height=\"100\"><span dir=\"auto\">{2}</span></a><div class=\"acts\">",
            file.id,
            escape(&self.addresses.iiif().thumbnail(file.id.as_str())),
            escape(&file.label)
        )?;
        for (member, act) in [("content_url", "View"), ("download_url", "Download")] {
            if let Some(address) = word(member) {
                let (address, label) = (escape(address), escape(&file.label));
                write!(
                    out,
                    "<a href=\"{address}\" rel=\"nofollow\">{act}<span class=\"hidden\"> {label}</span></a>"
                )?;
            }
        }
        if word("refused").is_some() {
            out.push_str("<span>Not available: it can not carry the mark that it is to be seen with</span>");
        }
        out.push_str("</div></li>\n");
        Ok(())
    }

    /// Why there are no files to see, and what can be done about it (A11, A12, A15, A18).
    fn notice(&self, out: &mut String) -> fmt::Result {
        out.push_str("<section id=\"notice\" aria-labelledby=\"h-notice\">\n");
        match &self.opened.access {
            Access::Granted(_) => {}
            Access::Denied { note, reason, may_change_at } => {
                out.push_str("<h2 id=\"h-notice\">Not available to you</h2>\n");
                let said = note.as_deref().unwrap_or_else(|| advice(*reason));
                writeln!(out, "<p dir=\"auto\">{}</p>", escape(said))?;
                if note.is_some() && *reason != Reason::Policy {
                    writeln!(out, "<p>{}</p>", escape(advice(*reason)))?;
                }
                if let (Reason::SignIn, Some(address)) = (reason, self.addresses.sign_in(self.asked)) {
                    let address = escape(&address);
                    writeln!(
                        out,
                        "<p class=\"acts\"><a id=\"sign-in\" href=\"{address}\" rel=\"nofollow\">Sign in</a></p>"
                    )?;
                }
                if let Some(at) = may_change_at {
                    let day = at.to_string();
                    writeln!(
                        out,
                        "<p>This may change on <time datetime=\"{day}\">{}</time>.</p>",
                        day.get(..10).unwrap_or(&day)
                    )?;
                }
            }
            Access::Declaration { text } => {
                let link = self.permalink();
                let link = escape(&link);
                writeln!(
                    out,
                    "<h2 id=\"h-notice\">Please read this first</h2>\n<p dir=\"auto\">{}</p>\n<div class=\"acts\">\
                     <form method=\"post\" action=\"{link}/declaration?accept=true\"><button>Accept</button></form>\
                     <form method=\"post\" action=\"{link}/declaration?accept=false\"><button>Refuse</button></form></div>",
                    escape(text),
                )?;
            }
            Access::Seat { .. } => {
                let link = self.permalink();
                let link = escape(&link);
                writeln!(
                    out,
                    "<h2 id=\"h-notice\">Only so many may look at once</h2>\n\
                     <form id=\"seat\" method=\"post\" action=\"{link}/seat\"><p class=\"acts\">\
                     <button>Take a seat</button></p></form>\n<p id=\"standing\" role=\"status\"></p>"
                )?;
            }
            Access::Loan { permit } => {
                out.push_str("<h2 id=\"h-notice\">This is lent</h2>\n");
                if let Some(rule) = permit.loan {
                    let (days, copies) =
                        (counted(rule.days, "day", "days"), counted(rule.copies, "copy", "copies"));
                    writeln!(
                        out,
                        "<p>Whoever borrows it can see it for {days}. The library lends {copies}.</p>"
                    )?;
                }
                if let Borrowing::AllOut { back_at } = self.borrowing {
                    let at = self.time(*back_at);
                    writeln!(
                        out,
                        "<p id=\"all-out\" role=\"status\">No copy is in now. The next is back on {at} or before.</p>"
                    )?;
                } else {
                    let link = self.permalink();
                    let link = escape(&link);
                    writeln!(
                        out,
                        "<form id=\"borrow\" method=\"post\" action=\"{link}/loan\"><p class=\"acts\">\
                         <button>Borrow</button></p></form>"
                    )?;
                }
            }
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn rights(&self, out: &mut String) -> fmt::Result {
        let rights = iiif::rights(self.metadata);
        out.push_str("<section id=\"rights\" aria-labelledby=\"h-rights\"><h2 id=\"h-rights\">Rights</h2>\n");
        if rights.uri.is_none() && rights.statements.is_empty() {
            out.push_str(
                "<p>Nothing is said about rights. Please ask the library before you use it elsewhere.</p>\n",
            );
        }
        if let Some(uri) = &rights.uri {
            let uri = escape(uri);
            writeln!(out, "<p><a rel=\"license\" href=\"{uri}\">{uri}</a></p>")?;
        }
        for said in &rights.statements {
            writeln!(out, "<p dir=\"auto\">{}</p>", escape(said))?;
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn details(&self, out: &mut String) -> fmt::Result {
        out.push_str(
            "<section id=\"details\" aria-labelledby=\"h-details\"><h2 id=\"h-details\">Details</h2>\n<dl>\n",
        );
        for (label, values) in iiif::lines(self.metadata) {
            write!(out, "<dt>{label}</dt>")?;
            for value in values {
                write!(out, "<dd dir=\"auto\">{}</dd>", escape(value))?;
            }
            out.push('\n');
        }
        out.push_str("</dl>\n</section>\n");
        Ok(())
    }

    fn share(&self, out: &mut String) -> fmt::Result {
        let link = self.permalink();
        let brief = &self.opened.bib.brief;
        let mut cited: Vec<&str> = Vec::new();
        cited.extend(brief.author.as_deref());
        cited.push(&brief.title);
        cited.extend(brief.publisher.as_deref());
        cited.extend(brief.date.as_deref());
        let mut citation = String::new();
        for part in cited {
            // Marks that turn the direction of text would turn the address behind it, too.
            let part: String = part.chars().filter(|c| !TURNING.contains(c)).collect();
            write!(citation, "{}. ", part.trim_end_matches('.'))?;
        }
        citation.push_str(&link);
        let frame = format!(
            "<iframe src=\"{link}\" title=\"{}\" width=\"800\" height=\"600\" allowfullscreen></iframe>",
            escape(&brief.title)
        );
        let manifest = self.addresses.iiif().manifest_3(&self.opened.representation.id);
        out.push_str(
            "<section id=\"share\" aria-labelledby=\"h-share\"><h2 id=\"h-share\">Share and cite</h2>\n",
        );
        for (id, label, value) in [
            ("permalink", "Link", &link),
            ("citation", "Citation", &citation),
            ("embed", "Code to embed", &frame),
            ("manifest", "IIIF manifest", &manifest),
        ] {
            writeln!(
                out,
                "<p><label for=\"{id}\">{label}</label><input id=\"{id}\" readonly value=\"{}\"></p>",
                escape(value)
            )?;
        }
        out.push_str("</section>\n");
        Ok(())
    }
}

/// So many of something: `1 day`, `2 copies`.
fn counted(number: u32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn ranges(out: &mut String, found: &[Range]) -> fmt::Result {
    out.push_str("<ol>\n");
    for range in found {
        out.push_str("<li>");
        match first_file(range) {
            Some(file) => write!(out, "<a href=\"#file={file}\" dir=\"auto\">{}</a>", escape(&range.label))?,
            None => write!(out, "<span dir=\"auto\">{}</span>", escape(&range.label))?,
        }
        if !range.ranges.is_empty() {
            ranges(out, &range.ranges)?;
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ol>\n");
    Ok(())
}

fn first_file(range: &Range) -> Option<&vitrine_domain::ids::FileId> {
    range.files.first().or_else(|| range.ranges.iter().find_map(first_file))
}

/// What a person may do about it.
fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::SignIn => "It may be available to you once you have signed in.",
        Reason::Network => "It is available at certain places, such as the campus or the reading room.",
        Reason::Embargo => "It is not available yet.",
        Reason::Policy | Reason::NoPolicy | Reason::MissingPolicy | Reason::Watermark => reason.description(),
    }
}

//! All that a manifest or a page is made from (S3, S5).

use vitrine_domain::bib::{BibRecord, RecordFormat};
use vitrine_domain::file::DigitalFile;
use vitrine_domain::ids::RepId;
use vitrine_domain::structure::StructureFields;
use vitrine_metadata::DublinCore;
use vitrine_store::catalog::PageRequest;
use vitrine_store::objects::{Bucket, Disposition, SignedGet};

use super::{Asked, Opened, Visit};
use crate::{App, AppError, Call};

/// The most files that one read brings.
const FILES_A_READ: u32 = 1000;

/// What was opened, with all of its files up to a limit.
#[derive(Debug, Clone)]
pub struct Presented {
    /// What was opened.
    pub opened: Opened,
    /// The record as people read it.
    pub metadata: DublinCore,
    /// The files, in order.
    pub files: Vec<DigitalFile>,
    /// Whether there are more.
    pub cut: bool,
    /// The table of contents.
    pub structure: Option<StructureFields>,
}

impl App {
    /// Opens what `id` names with everything that a manifest tells of it: at most `most` files.
    ///
    /// The calls of opening, one for the structure, one for every thousand files or megabyte of them.
    ///
    /// # Errors
    /// Those of [`App::open`].
    pub async fn present(
        &self,
        call: &Call,
        visit: &Visit,
        id: &Asked,
        most: usize,
    ) -> Result<Presented, AppError> {
        let opened = self.open(call, visit, id).await?;
        let (metadata, structure, (files, cut)) = tokio::try_join!(
            self.shown_metadata(&opened.bib),
            self.structure(&opened.representation.id),
            self.files_up_to(&opened, most)
        )?;
        Ok(Presented { opened, metadata, files, cut, structure: structure.map(|it| it.fields) })
    }

    /// Opens a representation with the file at a place among those that are shown, from 1 on, for who is let in. Nobody else
    /// learns whether there is one: no file is looked for.
    ///
    /// The calls of opening, and one for every thousand files up to the place.
    ///
    /// # Errors
    /// Those of [`App::open`].
    pub async fn open_place(
        &self,
        call: &Call,
        visit: &Visit,
        rep: &RepId,
        place: usize,
    ) -> Result<Opened, AppError> {
        let opened = self.open(call, visit, &Asked::Representation(rep.clone())).await?;
        if opened.permit().is_none() {
            return Ok(opened);
        }
        let (mut files, _) = self.files_up_to(&opened, place).await?;
        let file = files.pop().filter(|_| files.len() + 1 == place);
        Ok(Opened { file, ..opened })
    }

    /// A title's record in a format: its own as it came, Dublin Core made of it, else `None`.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn shown_record(
        &self,
        bib: &BibRecord,
        format: RecordFormat,
    ) -> Result<Option<String>, AppError> {
        match format {
            format if format == bib.format => Ok(Some(self.source_of(bib).await?)),
            RecordFormat::DublinCore => Ok(Some(self.shown_metadata(bib).await?.to_oai_dc())),
            _ => Ok(None),
        }
    }

    /// Where the storage answers that links lead to, as browsers name it: scheme, host and port.
    ///
    /// # Errors
    /// Only those of signing.
    pub async fn storage_origins(&self, call: &Call) -> Result<Vec<String>, AppError> {
        let mut origins = Vec::new();
        for bucket in [Bucket::Content, Bucket::Derivatives] {
            let get = SignedGet {
                bucket,
                key: "nothing",
                version: None,
                file_name: "nothing",
                mime: "text/plain",
                disposition: Disposition::Attachment,
                seconds: 1,
            };
            let url = self.objects.presign_get(get, call.now).await?.url;
            let (scheme, rest) = url.split_once("://").unwrap_or(("https", ""));
            let host = rest.split(['/', '?']).next().unwrap_or_default();
            let origin = format!("{scheme}://{host}");
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Ok(origins)
    }

    async fn files_up_to(&self, opened: &Opened, most: usize) -> Result<(Vec<DigitalFile>, bool), AppError> {
        let mut files = Vec::new();
        let limit = u32::try_from(most).unwrap_or(FILES_A_READ).clamp(1, FILES_A_READ);
        let mut page = PageRequest { limit, ..PageRequest::default() };
        loop {
            let found = self.shown_files(&opened.representation.id, &page).await?;
            files.extend(found.items);
            let cut = files.len() > most || (files.len() == most && found.next.is_some());
            files.truncate(most);
            match found.next {
                Some(next) if !cut => page.after = Some(next),
                _ => return Ok((files, cut)),
            }
        }
    }
}

//! The thumbnail service: which picture stands for a file, a representation, a title or a collection (T3, T5).

use vitrine_domain::bib::BibRecord;
use vitrine_domain::file::{DigitalFile, Thumbnail};
use vitrine_domain::ids::{CollectionId, FileId, MmsId, RepId};
use vitrine_domain::representation::Representation;
use vitrine_domain::rights::watermark::UNMARKED_SIDE;
use vitrine_domain::rights::{Decision, Terms, Viewer};
use vitrine_media::{Family, Icon, MediaType, icon};
use vitrine_store::catalog::PageRequest;
use vitrine_store::objects::{Bucket, Disposition, SignedGet};

use crate::delivery::{REPRESENTATIONS_SEEN, Visit, in_order_of_choice};
use crate::{App, AppError, Call};

/// How long the link to a picture lives, in seconds: as long as its address may be remembered, and as long again.
const LINK_SECONDS: u64 = 2 * 60;
/// What stands for something.
#[derive(Debug, Clone)]
pub enum Picture {
    /// A picture of it, behind a short-lived signed link.
    Link {
        /// The link.
        url: String,
        /// The file whose picture it is.
        file: FileId,
        /// For how many seconds anyone may remember it; 0 where it is for this viewer alone.
        shared_seconds: u64,
    },
    /// The picture that a remote repository has of it (D15).
    Remote {
        /// Its address.
        url: String,
        /// For how many seconds anyone may remember it.
        shared_seconds: u64,
    },
    /// The icon of its type, because there is no picture (T5).
    Icon {
        /// The icon.
        icon: Icon,
        /// Why there is no picture.
        reason: &'static str,
    },
}

/// How a thumbnail is seen.
struct Sight {
    terms: Terms,
    /// Whether the thing itself is given only with a mark on it (A14)
    marks: bool,
}

impl Sight {
    fn of(decision: &Decision, call: &Call) -> Self {
        Self { terms: decision.terms(call.now), marks: decision.marks() }
    }
}

/// The id of something with a thumbnail.
#[derive(Debug, Clone)]
pub enum Pictured {
    /// A file.
    File(FileId),
    /// A representation.
    Representation(RepId),
    /// A title.
    Bib(MmsId),
    /// A collection.
    Collection(CollectionId),
}

impl std::fmt::Display for Pictured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(id) => id.fmt(f),
            Self::Representation(id) => id.fmt(f),
            Self::Bib(id) => id.fmt(f),
            Self::Collection(id) => id.fmt(f),
        }
    }
}

impl std::str::FromStr for Pictured {
    type Err = AppError;
    fn from_str(id: &str) -> Result<Self, AppError> {
        if let Ok(id) = id.parse() {
            return Ok(Self::File(id));
        }
        if let Ok(id) = id.parse() {
            return Ok(Self::Representation(id));
        }
        if let Ok(id) = id.parse() {
            return Ok(Self::Bib(id));
        }
        id.parse().map(Self::Collection).map_err(|_| AppError::not_found("thumbnail", id))
    }
}

impl App {
    /// Finds the picture that stands for `id`, at least `long_side` pixels long where there is one.
    ///
    /// A file stands for itself; a representation's chosen file, else its first; a title's first derivative by id,
    /// else its first master, else its first other one (domain.md 5); a collection's first title.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for what is not there and for what the viewer may not see: the answer does not tell which.
    pub async fn thumbnail(
        &self,
        call: &Call,
        visit: &Visit,
        id: &Pictured,
        long_side: u32,
    ) -> Result<Picture, AppError> {
        // Whatever was missing on the way, a file or the title above it, the answer is about what was asked for.
        match self.find_thumbnail(call, visit, id, long_side).await {
            Err(AppError::NotFound { .. }) => Err(AppError::not_found("thumbnail", id)),
            found => found,
        }
    }

    async fn find_thumbnail(
        &self,
        call: &Call,
        visit: &Visit,
        id: &Pictured,
        long_side: u32,
    ) -> Result<Picture, AppError> {
        let viewer = &visit.viewer;
        match id {
            Pictured::File(id) => {
                let file = self.catalog.file(id).await?.filter(|file| file.removal.is_none());
                let file = file.ok_or_else(|| AppError::not_found("thumbnail", id))?;
                let representation = self.representation(&file.representation).await?;
                let bib = self.bib(&file.mms_id).await?;
                let decision = self.sight(call, visit, &bib, &representation, id.as_str()).await?;
                self.picture(call, &Sight::of(&decision, call), &file, long_side).await
            }
            Pictured::Representation(id) => {
                let representation = self.representation(id).await?;
                let bib = self.bib(&representation.mms_id).await?;
                let decision = self.sight(call, visit, &bib, &representation, id.as_str()).await?;
                let sight = Sight::of(&decision, call);
                self.of_representation(call, &sight, &representation, long_side).await
            }
            Pictured::Bib(id) => {
                let bib = self.bib(id).await?;
                self.of_bib(call, viewer, &bib, long_side).await
            }
            Pictured::Collection(id) => {
                let collection = self.collection(id).await?;
                if collection.suppressed && !viewer.staff {
                    return Err(AppError::not_found("thumbnail", id));
                }
                let one = PageRequest { limit: 1, ..PageRequest::default() };
                let Some(first) = self.catalog.members_of(id, &one).await?.items.into_iter().next() else {
                    return Ok(Picture::Icon { icon: icon(Family::Other), reason: "empty-collection" });
                };
                match self.bib(&first.mms_id).await {
                    Ok(bib) => match self.of_bib(call, viewer, &bib, long_side).await {
                        Err(AppError::NotFound { .. }) => {
                            Ok(Picture::Icon { icon: icon(Family::Other), reason: "not-for-this-viewer" })
                        }
                        other => other,
                    },
                    Err(AppError::NotFound { .. }) => {
                        Ok(Picture::Icon { icon: icon(Family::Other), reason: "empty-collection" })
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// The decision where it shows the thumbnail; a policy may keep it for those whom it denies the rest (T6).
    async fn sight(
        &self,
        call: &Call,
        visit: &Visit,
        bib: &BibRecord,
        representation: &Representation,
        id: &str,
    ) -> Result<Decision, AppError> {
        let decision = self.decide(call, &visit.viewer, bib, representation).await?;
        let shown =
            decision.shows_thumbnail || self.has_declared(call, visit, &representation.id, &decision).await?;
        if shown { Ok(decision) } else { Err(AppError::not_found("thumbnail", id)) }
    }

    async fn of_bib(
        &self,
        call: &Call,
        viewer: &Viewer,
        bib: &BibRecord,
        long_side: u32,
    ) -> Result<Picture, AppError> {
        let page = PageRequest { limit: REPRESENTATIONS_SEEN, ..PageRequest::default() };
        let all = self.catalog.representations_of(&bib.mms_id, &page).await?.items;
        let policies = self.policies_of(&all).await?;
        let decided = all.into_iter().map(|representation| {
            let decision = policies.decide(viewer, bib, &representation, call.now);
            (representation, decision)
        });
        let visible: Vec<_> = decided.filter(|(_, decision)| decision.shows_thumbnail).collect();
        let marked: Vec<RepId> =
            visible.iter().filter(|(_, decision)| decision.marks()).map(|(it, _)| it.id.clone()).collect();
        // Who sees more of the title may be shown another picture, which is not for everyone then.
        let terms = visible.iter().map(|(_, decision)| decision.terms(call.now)).reduce(Terms::and);
        let visible = visible.into_iter().map(|(representation, _)| representation).collect();
        let chosen = in_order_of_choice(visible).into_iter().next();
        match (chosen, terms) {
            (Some(representation), Some(terms)) => {
                let sight = Sight { terms, marks: marked.contains(&representation.id) };
                self.of_representation(call, &sight, &representation, long_side).await
            }
            _ => Err(AppError::not_found("thumbnail", &bib.mms_id)),
        }
    }

    async fn of_representation(
        &self,
        call: &Call,
        sight: &Sight,
        representation: &Representation,
        long_side: u32,
    ) -> Result<Picture, AppError> {
        if representation.fields.remote.is_some() {
            let links =
                self.policies_of(std::slice::from_ref(representation)).await?.remote_links(representation);
            return Ok(match links.and_then(|links| links.thumbnail).filter(|_| !sight.marks) {
                Some(url) => Picture::Remote { url, shared_seconds: sight.terms.shared_seconds },
                None => Picture::Icon { icon: icon(Family::Other), reason: "remote" },
            });
        }
        let chosen = match &representation.fields.thumbnail_file_id {
            // The decision was about this representation, so only its own files stand for it.
            Some(id) => {
                let file = self.catalog.file(id).await?;
                file.filter(|file| file.removal.is_none() && file.representation == representation.id)
            }
            None => None,
        };
        let file = match chosen {
            Some(file) => Some(file),
            None => {
                let one = PageRequest { limit: 1, ..PageRequest::default() };
                self.catalog.files_of(&representation.id, &one).await?.items.into_iter().next()
            }
        };
        match file {
            Some(file) => self.picture(call, sight, &file, long_side).await,
            None => Ok(Picture::Icon { icon: icon(Family::Other), reason: "no-files" }),
        }
    }

    async fn picture(
        &self,
        call: &Call,
        sight: &Sight,
        file: &DigitalFile,
        long_side: u32,
    ) -> Result<Picture, AppError> {
        let terms = sight.terms;
        // What is to be marked is shown without a mark only where it is too small to be of use.
        let found = match sight.marks {
            true => file.thumbnail.image_within(UNMARKED_SIDE),
            false => file.thumbnail.image_for(long_side),
        };
        let Some(image) = found else {
            let mime =
                file.content.as_ref().map_or("application/octet-stream", |content| content.mime.as_str());
            let reason = match &file.thumbnail {
                Thumbnail::Pending { .. } => "being-made",
                Thumbnail::Failed { .. } => "failed",
                Thumbnail::Unsupported { .. } | Thumbnail::Ready { .. } => "unsupported",
            };
            return Ok(Picture::Icon { icon: icon(MediaType::from_mime(mime).family), reason });
        };
        let get = SignedGet {
            bucket: Bucket::Derivatives,
            key: &image.key,
            version: None,
            file_name: "thumbnail.jpg",
            mime: &image.mime,
            disposition: Disposition::Inline,
            seconds: terms.link_seconds(LINK_SECONDS),
        };
        let url = self.objects.presign_get(get, call.now).await?.url;
        Ok(Picture::Link { url, file: file.id.clone(), shared_seconds: terms.shared_seconds })
    }
}

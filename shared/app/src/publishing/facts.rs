//! What is known of a title that decides what is published of it, and the records that follow.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use sha2::{Digest, Sha256};
use vitrine_domain::Timestamp;
use vitrine_domain::bib::{BibKind, BibRecord};
use vitrine_domain::coded::Coded;
use vitrine_domain::collection::Collection;
use vitrine_domain::ids::{CollectionId, MmsId, SetId};
use vitrine_domain::publishing::profile::{
    PublishingProfile, PublishingSettings, Rendition, Restricted, SelectionKind, TargetKind,
};
use vitrine_domain::publishing::published::{ALL, PublicPage, Wanted, scope_of};
use vitrine_domain::representation::Representation;
use vitrine_domain::rights::{Facts, Identity, Offered, Viewer};
use vitrine_domain::set::{Set, SetRule, Tree};
use vitrine_metadata::{Additions, Availability, CollectionPath, Link, Rendered, render};
use vitrine_store::catalog::PageRequest;

use crate::changes::hex;
use crate::delivery::in_order_of_choice;
use crate::rights::Policies;
use crate::set_walk::seen_path;
use crate::{App, AppError, Call};

/// How often a list of representations that lags behind its title is asked for again.
const MAX_LOOKS: u32 = 5;
/// How many representations one read by id takes.
const BATCH: usize = 100;

/// A representation that is offered, and whether everybody may see it.
struct Shown {
    representation: Representation,
    open: bool,
}

/// What is known of a title.
pub(super) struct TitleFacts {
    bib: BibRecord,
    source: String,
    shown: Vec<Shown>,
    /// The title's collections and all above them, by id, as far as a profile asks for them.
    collections: HashMap<CollectionId, Collection>,
    tree: Tree,
    /// The sets that hold it, of those that profiles name.
    sets: HashSet<SetId>,
    /// When time alone changes what may be seen.
    pub(super) changes_at: Option<Timestamp>,
    /// Whether the list of representations still lagged behind.
    pub(super) lags: bool,
}

/// Someone of whom nothing is known: who is not signed in and comes from nowhere in particular.
fn anyone() -> Viewer {
    Viewer { identity: Some(Identity::Anonymous), source_ip: None, staff: false }
}

impl App {
    /// Reads a title; `None` where nothing of it may be published.
    pub(super) async fn title_facts(
        &self,
        call: &Call,
        mms: &MmsId,
        profiles: &[PublishingProfile],
    ) -> Result<Option<TitleFacts>, AppError> {
        let Some(bib) = self.catalog.bib(mms).await? else { return Ok(None) };
        if bib.removal.is_some() || bib.suppressed || bib.kind != BibKind::Title {
            return Ok(None);
        }
        let source = self.source_of(&bib).await?;
        let (representations, lags) = self.live_representations(&bib).await?;
        let policies = self.policies_of(&representations).await?;
        let sets = self.published_sets(profiles).await?;
        let mut active = profiles.iter().map(|profile| &profile.settings).filter(|settings| settings.active);
        let by_tree = |set: &Set| set.settings.rule.as_ref().is_some_and(SetRule::asks_for_parents);
        let collections = if active.any(asks_for_tree) || sets.iter().any(by_tree) {
            // With one that is damaged nothing can be said of what is below it.
            self.collections_above(bib.collections.iter().cloned(), |one| Ok(Some(one?))).await?
        } else {
            HashMap::new()
        };
        let tree = collections.values().map(|it| (it.id.clone(), it.parent.clone())).collect();
        let sets = self.holding(&sets, &bib, &representations, &tree).await?;
        let (shown, changes_at) = shown(&bib, representations, &policies, call.now);
        Ok(Some(TitleFacts { bib, source, shown, collections, tree, sets, changes_at, lags }))
    }

    /// A title's representations as they were last written, and whether some may be missing.
    ///
    /// Their list is an index and can lag behind; the title says how many there are.
    async fn live_representations(&self, bib: &BibRecord) -> Result<(Vec<Representation>, bool), AppError> {
        if bib.representation_count == 0 {
            return Ok((Vec::new(), false));
        }
        let mut looks = 0;
        loop {
            let mut ids = Vec::new();
            let mut page = PageRequest { limit: 1000, ..PageRequest::default() };
            loop {
                let found = self.catalog.representations_of(&bib.mms_id, &page).await?;
                ids.extend(found.items.into_iter().map(|one| one.id));
                match found.next {
                    None => break,
                    next => page.after = next,
                }
            }
            let mut live: Vec<Representation> = Vec::with_capacity(ids.len());
            for ids in ids.chunks(BATCH) {
                let found = self.catalog.representations(ids).await?;
                live.extend(found.into_iter().filter(|one| one.removal.is_none()));
            }
            live.sort_by_key(|one| ids.iter().position(|id| *id == one.id));
            looks += 1;
            if live.len() == bib.representation_count as usize || looks >= MAX_LOOKS {
                let lags = live.len() != bib.representation_count as usize;
                return Ok((live, lags));
            }
            tokio::time::sleep(std::time::Duration::from_millis(50 << looks)).await;
        }
    }
}

/// The representations that are offered, and when time changes who may see one.
fn shown(
    bib: &BibRecord,
    representations: Vec<Representation>,
    policies: &Policies,
    now: Timestamp,
) -> (Vec<Shown>, Option<Timestamp>) {
    let mut changes_at: Option<Timestamp> = None;
    let mut all = Vec::new();
    for representation in representations {
        if Facts::of(bib, &representation).offered != Offered::Yes {
            continue;
        }
        let decision = policies.decide(&anyone(), bib, &representation, now);
        changes_at = [changes_at, decision.changes_at].into_iter().flatten().min();
        let open = decision.allows();
        all.push(Shown { representation, open });
    }
    (all, changes_at)
}

fn asks_for_tree(settings: &PublishingSettings) -> bool {
    let selection = &settings.selection;
    let below = selection.kind == SelectionKind::Collections && selection.rule().asks_for_parents();
    below || settings.target.kind == TargetKind::Primo
}

impl TitleFacts {
    /// What each scope is to hold of the title, for every profile that publishes it.
    pub(super) fn wanted(
        &self,
        app: &App,
        profiles: &[PublishingProfile],
    ) -> Result<BTreeMap<String, Wanted>, AppError> {
        let chosen: Vec<&PublishingProfile> = profiles
            .iter()
            .filter(|profile| profile.settings.active && self.is_chosen(&profile.settings))
            .collect();
        let sets: Vec<String> =
            chosen.iter().filter_map(|profile| profile.settings.set_spec()).map(str::to_owned).collect();
        let mut press = Press::default();
        let mut all = BTreeMap::new();
        for profile in chosen {
            let is_set = profile.settings.target.kind == TargetKind::Oai;
            let sets = if is_set { sets.clone() } else { Vec::new() };
            let wanted = self.records(app, &mut press, &profile.settings, sets)?;
            if is_set && !all.contains_key(ALL) {
                all.insert(ALL.to_owned(), wanted.clone());
            }
            all.insert(scope_of(&profile.id), wanted);
        }
        Ok(all)
    }

    /// The title's page, where everybody may see one that is ours: its representation is the one that is shown to who
    /// asks for the title (META-4).
    pub(super) fn public_page(&self, now: Timestamp) -> Option<PublicPage> {
        let open = self.shown.iter().filter(|one| one.open).map(|one| one.representation.clone());
        let here = in_order_of_choice(open.collect()).into_iter().find(|it| it.fields.remote.is_none())?;
        let mut digest = Sha256::new();
        // A record that can not be written as Dublin Core is shown all the same.
        match render(self.bib.format, &self.source, Rendition::OaiDc, &Additions::default()) {
            Ok(rendered) => digest.update(rendered.stable),
            Err(_) => digest.update(&self.source),
        }
        for said in [&here.fields.label, &here.fields.public_note] {
            digest.update("\n");
            digest.update(said.as_deref().unwrap_or_default());
        }
        Some(PublicPage { representation: here.id, hash: hex(&digest.finalize()), changed_at: now })
    }

    /// Whether a profile's selection has the title.
    fn is_chosen(&self, settings: &PublishingSettings) -> bool {
        let is_hidden = !self.shown.is_empty() && self.shown.iter().all(|one| !one.open);
        if is_hidden && settings.restricted == Restricted::Withdraw {
            return false;
        }
        let selection = &settings.selection;
        match selection.kind {
            SelectionKind::Everything => true,
            SelectionKind::Collections => selection.rule().takes_record(&self.bib, &self.tree),
            SelectionKind::Set => selection.named_set().is_some_and(|id| self.sets.contains(id)),
        }
    }

    /// The records of a profile, and the digest of what does not change with every save (S13).
    fn records(
        &self,
        app: &App,
        press: &mut Press,
        settings: &PublishingSettings,
        sets: Vec<String>,
    ) -> Result<Wanted, AppError> {
        let additions = self.additions(app, settings);
        let mut digest = Sha256::new();
        digest.update(sets.join("\n"));
        let mut records = BTreeMap::new();
        for format in settings.renditions() {
            let rendered = press.rendered(self, format, &additions)?;
            digest.update(format!("\n{} {}\n", format.code(), rendered.stable.len()));
            digest.update(&rendered.stable);
            records.insert(format, rendered.xml.clone());
        }
        Ok(Wanted { hash: hex(&digest.finalize()), sets, records })
    }

    fn additions(&self, app: &App, settings: &PublishingSettings) -> Additions {
        let enrichment = &settings.enrichment;
        let begin = &app.settings.delivery_url;
        let institution = &app.settings.institution;
        let url = |one: &Shown| format!("{begin}/delivery/{institution}/{}", one.representation.id);
        let thumbnail =
            |one: &Shown| format!("{begin}/delivery/thumbnail/{institution}/{}", one.representation.id);
        let label = |one: &Shown| one.representation.fields.label.clone();
        let links = self.shown.iter().map(|one| Link {
            url: enrichment.delivery_link.then(|| url(one)),
            thumbnail: enrichment.thumbnail.then(|| thumbnail(one)),
            label: label(one).filter(|_| enrichment.label),
            access: enrichment.access_flag.then(|| access(one.open)),
        });
        let blocks = self.shown.iter().map(|one| Availability {
            institution: institution.clone(),
            representation_id: one.representation.id.to_string(),
            is_remote: one.representation.fields.remote.is_some(),
            repository: one.representation.fields.remote.as_ref().map(|remote| remote.repository.to_string()),
            label: label(one),
            public_note: one.representation.fields.public_note.clone(),
            full_text_url: None,
            delivery_url: url(one),
            thumbnail_url: Some(thumbnail(one)),
            access: Some(access(one.open)),
        });
        let primo = settings.target.kind == TargetKind::Primo;
        Additions {
            mms_id: self.bib.mms_id.to_string(),
            links: links.collect(),
            availability: if primo { blocks.collect() } else { Vec::new() },
            collections: if primo { self.paths() } else { Vec::new() },
            dc_element: enrichment.dc_element.clone(),
            marc_tag: enrichment.marc_tag.clone(),
        }
    }

    /// The title's collections with those above them; hidden ones and those below hidden ones left out (C8).
    fn paths(&self) -> Vec<CollectionPath> {
        self.bib.collections.iter().filter_map(|id| self.path(id)).collect()
    }

    fn path(&self, id: &CollectionId) -> Option<CollectionPath> {
        let path = seen_path(&self.collections, id)?;
        let names = path.iter().map(|one| one.name.clone()).collect();
        let collection = path.last()?;
        Some(CollectionPath {
            id: collection.id.to_string(),
            name: collection.name.clone(),
            parent: collection.parent.as_ref().map(ToString::to_string),
            path: names,
        })
    }
}

/// The records of a title that were rendered already: profiles with the same additions share them.
#[derive(Default)]
struct Press(Vec<(Rendition, Additions, Rc<Rendered>)>);

impl Press {
    fn rendered(
        &mut self,
        title: &TitleFacts,
        format: Rendition,
        additions: &Additions,
    ) -> Result<Rc<Rendered>, AppError> {
        let known = self.0.iter().find(|(held, with, _)| *held == format && with == additions);
        if let Some((_, _, rendered)) = known {
            return Ok(Rc::clone(rendered));
        }
        let rendered = render(title.bib.format, &title.source, format, additions)
            .map_err(|errors| AppError::Internal(Box::new(errors)))?;
        let rendered = Rc::new(rendered);
        self.0.push((format, additions.clone(), Rc::clone(&rendered)));
        Ok(rendered)
    }
}

/// Who may see a representation, in words.
fn access(open: bool) -> &'static str {
    if open { "Open access" } else { "Restricted access" }
}

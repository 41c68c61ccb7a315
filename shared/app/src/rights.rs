//! Asking the decision: which policy governs a representation, and would this viewer see it (A2, A20).
//!
//! Policies are read from the table with every request, so that a change holds at the next one (B35).

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use vitrine_domain::Timestamp;
use vitrine_domain::bib::BibRecord;
use vitrine_domain::ids::{PolicyId, RepId, UserId};
use vitrine_domain::library::LibraryCode;
use vitrine_domain::remote::{RemoteLinks, RemoteRepository, RepositoryCode};
use vitrine_domain::representation::Representation;
use vitrine_domain::rights::{
    AccessRightsPolicy, Decision, DefaultAccess, Facts, Governing, Identity, Known, Offered, PolicyDraft,
    PolicySettings, Viewer, decide, embargo,
};
use vitrine_domain::roles::Action;

use crate::{App, AppError, Call};

/// Which policies one read of the table brings.
const POLICIES_A_READ: usize = 100;

/// The policies of some representations, as they are now.
#[derive(Debug, Clone)]
pub struct Policies {
    found: HashMap<PolicyId, AccessRightsPolicy>,
    repositories: HashMap<RepositoryCode, RemoteRepository>,
    default: DefaultAccess,
}

impl Policies {
    /// What governs a representation. One whose policy was not loaded is governed by a policy that is not there.
    pub fn governing(&self, representation: &Representation) -> Governing<'_> {
        match &representation.fields.access_rights_policy_id {
            // Who may see what is elsewhere is decided there.
            None if representation.fields.remote.is_some() => Governing::Institution(DefaultAccess::Allow),
            None => Governing::Institution(self.default),
            Some(id) => {
                self.found.get(id).map_or(Governing::Missing, |policy| Governing::Policy(&policy.settings))
            }
        }
    }

    /// Where the object is that a remote representation stands for; `None` for one that is here, and where its repository
    /// is not there.
    pub fn remote_links(&self, representation: &Representation) -> Option<RemoteLinks> {
        let object = representation.fields.remote.as_ref()?;
        Some(self.repositories.get(&object.repository)?.fields.links(object))
    }

    /// The name of the repository that a remote representation names, where that is there.
    pub fn repository_name(&self, representation: &Representation) -> Option<&str> {
        let object = representation.fields.remote.as_ref()?;
        self.repositories.get(&object.repository).map(|found| found.fields.name.as_str())
    }

    /// The name of the policy that a representation names, where that is there.
    pub fn name_of(&self, representation: &Representation) -> Option<&str> {
        let id = representation.fields.access_rights_policy_id.as_ref()?;
        self.found.get(id).map(|policy| policy.settings.name.as_str())
    }

    /// Decides whether a viewer may see a representation of a title.
    pub fn decide(
        &self,
        viewer: &Viewer,
        bib: &BibRecord,
        representation: &Representation,
        now: Timestamp,
    ) -> Decision {
        decide(self.governing(representation), viewer, &Facts::of(bib, representation), now)
    }
}

/// What staff want to know the outcome for (A20).
#[derive(Debug, Clone, Default)]
pub struct Simulation {
    /// A user, with the groups, campuses, courses and roles that it has; those given here come in their place.
    pub user: Option<UserId>,
    /// Whether the viewer has signed in, where no user is named.
    pub registered: bool,
    /// User groups.
    pub groups: Option<Vec<String>>,
    /// Campuses.
    pub campuses: Option<Vec<String>>,
    /// Courses.
    pub courses: Option<Vec<String>>,
    /// The address; not known where it is not given.
    pub source_ip: Option<IpAddr>,
    /// A day or an instant; now where it is not given.
    pub at: Option<String>,
    /// A representation.
    pub representation: Option<RepId>,
    /// The library of the representation, where none is named.
    pub library: Option<LibraryCode>,
}

/// The policy to try out.
#[derive(Debug, Clone)]
pub enum Tried {
    /// The one that the representation names; the institution's default where there is neither.
    Current,
    /// A policy as it is stored.
    Saved(PolicyId),
    /// A policy that is not saved yet.
    Draft(Box<PolicyDraft>),
}

/// The outcome, and all that it was made from.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// The decision.
    pub decision: Decision,
    /// The policy, where one governs.
    pub policy: Option<PolicySettings>,
    /// The viewer that was asked for.
    pub viewer: Viewer,
    /// The library of what was asked for.
    pub library: Option<LibraryCode>,
    /// The time that was asked for.
    pub at: Timestamp,
}

impl App {
    /// Loads the policies that representations name, and the remote repositories, in as few reads as there are hundreds of them.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn policies_of(&self, representations: &[Representation]) -> Result<Policies, AppError> {
        let ids: BTreeSet<&PolicyId> =
            representations.iter().filter_map(|it| it.fields.access_rights_policy_id.as_ref()).collect();
        let ids: Vec<PolicyId> = ids.into_iter().cloned().collect();
        let mut found = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(POLICIES_A_READ) {
            for policy in self.catalog.policies_by_id(ids).await? {
                found.insert(policy.id.clone(), policy);
            }
        }
        let codes: BTreeSet<&RepositoryCode> = representations
            .iter()
            .filter_map(|it| it.fields.remote.as_ref())
            .map(|it| &it.repository)
            .collect();
        let codes: Vec<RepositoryCode> = codes.into_iter().cloned().collect();
        let mut repositories = HashMap::new();
        for codes in codes.chunks(POLICIES_A_READ) {
            for found in self.catalog.remote_repositories_by_code(codes).await? {
                repositories.insert(found.code.clone(), found);
            }
        }
        Ok(Policies { found, repositories, default: self.settings.default_access })
    }

    /// Decides whether a viewer may see a representation of a title, by what its policy says now.
    ///
    /// # Errors
    /// Only those of the store; then nobody sees it.
    pub async fn decide(
        &self,
        call: &Call,
        viewer: &Viewer,
        bib: &BibRecord,
        representation: &Representation,
    ) -> Result<Decision, AppError> {
        let policies = self.policies_of(std::slice::from_ref(representation)).await?;
        Ok(policies.decide(viewer, bib, representation, call.now))
    }

    /// Answers whether a viewer would see something, and which rule says so.
    ///
    /// # Errors
    /// A missing role; a policy or a representation that is not there; a draft that can not be understood.
    pub async fn simulate(
        &self,
        call: &Call,
        tried: Tried,
        simulation: Simulation,
    ) -> Result<Simulated, AppError> {
        call.actor.may(Action::SimulatePolicies, None)?;
        let zone = &self.settings.time_zone;
        let at = match &simulation.at {
            None => call.now,
            Some(text) => {
                embargo::instant_of(text, zone).map_err(|error| AppError::invalid("at", error.to_string()))?
            }
        };
        let asked = match &simulation.representation {
            Some(id) => {
                let representation = self.representation(id).await?;
                Some((self.bib(&representation.mms_id).await?, representation))
            }
            None => None,
        };
        let named = asked.as_ref().and_then(|(_, it)| it.fields.access_rights_policy_id.clone());
        let mut missing = false;
        let policy = match (tried, named) {
            (Tried::Draft(draft), _) => Some(self.understand(*draft).await?),
            (Tried::Saved(id), _) => Some(self.policy(&id).await?.settings),
            (Tried::Current, Some(id)) => {
                let found = self.catalog.policy(&id).await?;
                missing = found.is_none();
                found.map(|policy| policy.settings)
            }
            (Tried::Current, None) => None,
        };
        let governing = match &policy {
            Some(settings) => Governing::Policy(settings),
            None if missing => Governing::Missing,
            None => Governing::Institution(self.settings.default_access),
        };
        let viewer = self.simulated_viewer(&simulation).await?;
        let facts = match &asked {
            Some((bib, representation)) => Facts::of(bib, representation),
            None => Facts { library: simulation.library.as_ref(), offered: Offered::Yes },
        };
        let decision = decide(governing, &viewer, &facts, at);
        let library = facts.library.cloned();
        Ok(Simulated { decision, policy, viewer, library, at })
    }

    async fn simulated_viewer(&self, simulation: &Simulation) -> Result<Viewer, AppError> {
        let user = match &simulation.user {
            Some(id) => self.catalog.user(id).await?.filter(|user| user.active),
            None => None,
        };
        let staff = user.as_ref().is_some_and(|user| user.grants.iter().any(|grant| grant.role.is_staff()));
        let (groups, campuses, courses) =
            user.map(|user| (user.groups, user.campuses, user.courses)).unwrap_or_default();
        let has_traits =
            simulation.groups.is_some() || simulation.campuses.is_some() || simulation.courses.is_some();
        let registered = simulation.registered || simulation.user.is_some() || has_traits;
        let identity = if registered {
            Identity::Known(Known {
                id: simulation.user.clone(),
                groups: simulation.groups.clone().unwrap_or(groups),
                campuses: simulation.campuses.clone().unwrap_or(campuses),
                courses: simulation.courses.clone().unwrap_or(courses),
            })
        } else {
            Identity::Anonymous
        };
        Ok(Viewer { identity: Some(identity), source_ip: simulation.source_ip, staff })
    }
}

//! Who may see and change which record: what a module gives to everyone, and whose and which records
//! a user reaches beyond that (decision 20).

use crate::catalog::Catalog;
use crate::id::{RoleId, TerritoryId, UserId};
use crate::module::Module;
use crate::people::{Right, User};
use crate::territory::TerritoryAccess;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What somebody may do with one record, smallest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing: for them it does not exist.
    #[default]
    None,
    /// See it.
    Read,
    /// See and change it.
    Write,
    /// See, change, delete it, and give it to another owner.
    Full,
}

/// What users without more get of a module's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// Nothing. What nobody decided is private.
    #[default]
    Private,
    /// All may see all.
    PublicReadOnly,
    /// All may see and change all.
    PublicReadWrite,
    /// All may do everything with all.
    PublicReadWriteDelete,
}

impl Sharing {
    /// All of them, narrowest first.
    pub const ALL: [Self; 4] = [
        Self::Private,
        Self::PublicReadOnly,
        Self::PublicReadWrite,
        Self::PublicReadWriteDelete,
    ];

    /// Its word in the org file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::PublicReadOnly => "public_read_only",
            Self::PublicReadWrite => "public_read_write",
            Self::PublicReadWriteDelete => "public_read_write_delete",
        }
    }

    /// What everyone may do.
    pub fn access(self) -> Access {
        match self {
            Self::Private => Access::None,
            Self::PublicReadOnly => Access::Read,
            Self::PublicReadWrite => Access::Write,
            Self::PublicReadWriteDelete => Access::Full,
        }
    }
}

/// What a record's share allows its user (wire API 7.5; the vendor's pages on sharing records).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// See it.
    ReadOnly,
    /// See and change it, but not its owner.
    ReadWrite,
    /// See, change, delete it and give it away.
    FullAccess,
}

impl Permission {
    /// All of them, narrowest first.
    pub const ALL: [Self; 3] = [Self::ReadOnly, Self::ReadWrite, Self::FullAccess];

    /// Its word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::ReadWrite => "read_write",
            Self::FullAccess => "full_access",
        }
    }

    /// The permission of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// What it lets its user do.
    pub fn access(self) -> Access {
        match self {
            Self::ReadOnly => Access::Read,
            Self::ReadWrite => Access::Write,
            Self::FullAccess => Access::Full,
        }
    }

    /// The word for an access; `None` where there is none.
    pub fn of(access: Access) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.access() == access)
    }
}

/// Which records of a module a user reaches who does not reach all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// What everyone may do with every record.
    pub everyone: Access,
    /// Whose records they may do everything with: their own, those of users in roles below theirs,
    /// and those of their peers where the role shares with peers.
    pub owners: Vec<UserId>,
    /// Territories whose records they may do everything with.
    pub territories_full: Vec<TerritoryId>,
    /// Territories whose records they may see.
    pub territories_read: Vec<TerritoryId>,
    /// To whom records may be shared by hand; `None` when shares do not count.
    pub shared_to: Option<UserId>,
}

impl Reach {
    /// Whether every record is seen, if not changed.
    pub fn sees_all(&self) -> bool {
        self.everyone > Access::None
    }

    /// The same without what was shared with the user: nobody passes on what they were lent.
    pub fn without_shares(self) -> Self {
        Self {
            shared_to: None,
            ..self
        }
    }
}

impl Catalog {
    /// Which records of a module a user reaches; `None` is all of them, for everything. Whose profile
    /// may not view the module reaches nothing.
    pub fn reach(&self, user: &User, module: &Module) -> Option<Reach> {
        let profile = self.profile(user.profile);
        if profile.is_some_and(|profile| profile.administrator) {
            return None;
        }
        if !profile.is_some_and(|profile| profile.may(Right::View, module.id)) {
            return Some(Reach::default());
        }
        let everyone = module.sharing.access();
        if everyone == Access::Full {
            return None;
        }
        let (full, read) = self.territories_of(user, module);
        Some(Reach {
            everyone,
            owners: self.reached_owners(user),
            territories_full: full,
            territories_read: read,
            shared_to: Some(user.id),
        })
    }

    fn reached_owners(&self, user: &User) -> Vec<UserId> {
        let below = self.roles_below(user.role);
        let peers = self
            .role(user.role)
            .is_some_and(|role| role.share_with_peers);
        let reached = |other: &&User| {
            other.id == user.id || below.contains(&other.role) || (peers && other.role == user.role)
        };
        let users = self.users.iter().filter(reached);
        users.map(|user| user.id).collect()
    }

    /// The roles below a role, without itself.
    pub fn roles_below(&self, top: RoleId) -> BTreeSet<RoleId> {
        let mut found = BTreeSet::new();
        let mut next = vec![top];
        while let Some(above) = next.pop() {
            let below = self
                .roles
                .iter()
                .filter(|role| role.reports_to == Some(above));
            for role in below {
                if role.id != top && found.insert(role.id) {
                    next.push(role.id);
                }
            }
        }
        found
    }

    /// The territories through which a user reaches records: those they belong to and all below,
    /// where the territory they belong to says what may be done.
    fn territories_of(&self, user: &User, module: &Module) -> (Vec<TerritoryId>, Vec<TerritoryId>) {
        let (mut full, mut read) = (BTreeSet::new(), BTreeSet::new());
        let own = user.territories.iter().filter(|_| module.territories);
        for own in own.filter_map(|id| self.territory(*id)) {
            let list = match own.access {
                TerritoryAccess::ReadWriteDelete => &mut full,
                TerritoryAccess::ReadOnly => &mut read,
            };
            list.extend(self.territory_and_below(own.id));
        }
        let read = read.difference(&full).copied().collect();
        (full.into_iter().collect(), read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_accesses_go_both_ways() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(permission));
            assert_eq!(Permission::of(permission.access()), Some(permission));
        }
        assert_eq!(Permission::of(Access::None), None);
        assert_eq!(Permission::parse("owner"), None);
        assert!(Sharing::ALL.is_sorted_by_key(|sharing| sharing.access()));
        assert_eq!(Sharing::default().access(), Access::None);
    }
}

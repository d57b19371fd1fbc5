//! What goes with a record that becomes others, and comes back.

use crm::carry::{self, Carried, Copied, Heir};
use crm::{Actor, Writing, deleted, org, record};
use jobs::Settled;
use model::id::{AttachmentId, JobId, ModuleId, NoteId, RecordId, TagId, UserId};
use model::limits::{LOOSE_CONTENT_MS, TAGS_PER_MODULE_MAX, TAGS_PER_RECORD_MAX};
use model::time::Timestamp;
use store::attachments::{self, Attachment};
use store::changes::Cause;
use store::moves::{self, Move, MoveKind};
use store::notes::{self, Note};
use store::tags::{self, Tag};
use store::{Db, Fault, Priority, Tx, beside};
use testkit::{Kind, TestDb, each_db};

each_db! {
    notes_and_attachments_move_and_come_back,
    what_was_changed_since_stays_where_it_is,
    tags_are_copied_by_name_and_taken_off_again,
    a_tag_that_several_gave_is_taken_off_with_the_last_of_them,
    only_the_named_tags_are_copied,
    a_tag_too_many_is_left_out,
    a_record_that_was_there_before_gets_a_revision_by_a_tag,
    what_a_job_moved_is_kept_with_it,
    results_do_not_depend_on_how_many_go_at_once,
    what_is_beside_a_record_outlives_the_bin_but_not_its_purge,
    content_that_never_became_an_attachment_is_removed,
    rows_of_a_deleted_tag_are_removed_in_parts,
}

const NOW: Timestamp = Timestamp(1_704_067_200_000);
const JOB: JobId = JobId(77);
const UNDO: JobId = JobId(79);
const ORG: &str = r#"
[org]
company = "Test"

[[role]]
name = "Head"

[[user]]
email = "ada@example.com"
last_name = "Admin"
role = "Head"
profile = "Administrator"
"#;

struct World {
    db: Db,
    _test: TestDb,
}

impl World {
    fn new(kind: Kind) -> Self {
        let test = TestDb::new(kind);
        let db = test.open();
        assert!(org::apply(&db, ORG, false, NOW).is_ok());
        Self { db, _test: test }
    }

    fn write<T>(&self, mut run: impl FnMut(&mut Tx, &Actor) -> Result<T, Fault>) -> T {
        let written = self.db.write(Priority::Interactive, |tx| {
            let catalog = tx.catalog()?;
            let user = catalog.user_by_email("ada@example.com").unwrap().id;
            run(tx, &Actor::of(&catalog, user)?)
        });
        written.unwrap()
    }

    /// Makes records of a module.
    fn records<const N: usize>(&self, module: &str, names: [&str; N]) -> [RecordId; N] {
        let field = if module == "Accounts" {
            "Account_Name"
        } else {
            "Last_Name"
        };
        let made = self.write(|tx, actor| {
            let module = actor.catalog.module(module).unwrap();
            let field = module.field(field).unwrap();
            let rows = names.map(|name| vec![(field, name.into())]).to_vec();
            record::create(tx, writing(actor, module), rows)
        });
        let ids: Vec<RecordId> = made.into_iter().map(Result::unwrap).collect();
        ids.try_into().unwrap()
    }

    fn module(&self, name: &str) -> ModuleId {
        self.write(|_, actor| Ok(actor.catalog.module(name).unwrap().id))
    }

    fn note(&self, record: RecordId, title: &str) -> NoteId {
        let module = self.module("Leads");
        self.write(|tx, actor| {
            let note = Note {
                id: NoteId(tx.new_id()?),
                record,
                module,
                title: Some(title.to_owned()),
                content: "…".to_owned(),
                owner: actor.user.id,
                created_by: actor.user.id,
                created_at: NOW,
                modified_by: actor.user.id,
                modified_at: NOW,
            };
            notes::insert(tx, &note)?;
            Ok(note.id)
        })
    }

    fn attach(&self, record: RecordId, name: &str) -> AttachmentId {
        let module = self.module("Leads");
        self.write(|tx, actor| {
            let id = AttachmentId(tx.new_id()?);
            attachments::begin_content(tx, id, NOW)?;
            attachments::insert_piece(tx, id, 0, "aGVsbG8=")?;
            let attachment = Attachment {
                id,
                record,
                module,
                name: name.to_owned(),
                size: 5,
                link: None,
                owner: actor.user.id,
                created_by: actor.user.id,
                created_at: NOW,
            };
            assert!(attachments::insert(tx, &attachment, NOW)?);
            Ok(id)
        })
    }

    /// Puts tags on a record, made where its module lacks them.
    fn tag(&self, module: &str, record: RecordId, names: &[&str]) {
        let module = self.module(module);
        for name in names {
            self.write(|tx, actor| {
                let known = tags::of_module(tx, module)?;
                let known = known.into_iter().find(|tag| tag.name == *name);
                let id = match known {
                    Some(tag) => tag.id,
                    None => make_tag(tx, module, name, actor.user.id)?,
                };
                Ok(tags::put(tx, &[(record, id)], actor.user.id, NOW)?)
            });
        }
    }

    /// The tags of a record, in their order.
    fn tags(&self, record: RecordId) -> Vec<String> {
        let tags = self.db.read(|tx| Ok(tags::of_records(tx, &[record])?));
        let tags = tags.unwrap().into_iter();
        tags.map(|(_, tag)| tag.name).collect()
    }

    /// The titles of a record's notes and the names of its attachments.
    fn beside(&self, record: RecordId) -> (Vec<String>, Vec<String>) {
        let found = self.db.read(|tx| {
            let all = (0, 100);
            Ok((
                notes::of(tx, record, all)?,
                attachments::of(tx, record, all)?,
            ))
        });
        let (notes, attachments) = found.unwrap();
        let titles = notes.into_iter().map(|note| note.title.unwrap());
        let names = attachments.into_iter().map(|one| one.name);
        (titles.rev().collect(), names.rev().collect())
    }

    fn carry_tags(&self, to: &str, heirs: &[Heir], carried: Carried<'_>) -> Vec<Move> {
        self.copy_tags(to, heirs, carried).put
    }

    fn copy_tags(&self, to: &str, heirs: &[Heir], carried: Carried<'_>) -> Copied {
        self.write(|tx, actor| {
            let leads = actor.catalog.module("Leads").unwrap();
            let to = actor.catalog.module(to).unwrap();
            carry::tags(tx, writing(actor, to), leads, heirs, carried)
        })
    }

    fn carry_all(&self, to: &str, heirs: &[Heir]) -> Vec<Move> {
        self.write(|tx, actor| {
            let leads = actor.catalog.module("Leads").unwrap();
            let to = actor.catalog.module(to).unwrap();
            let mut moved = carry::notes(tx, leads, to, heirs)?;
            moved.extend(carry::attachments(tx, leads, to, heirs)?);
            Ok(moved)
        })
    }

    fn put_back(&self, moved: &[Move]) -> Vec<Move> {
        self.put_back_of(JOB, moved)
    }

    fn put_back_of(&self, job: JobId, moved: &[Move]) -> Vec<Move> {
        let through = (Cause::Job, Some(UNDO));
        self.write(|tx, actor| carry::put_back(tx, actor, through, (job, moved), NOW))
    }

    fn rev(&self, module: &str, record: RecordId) -> i64 {
        self.write(|tx, actor| {
            let module = actor.catalog.module(module).unwrap();
            Ok(store::records::lock(tx, module, &[], &[record])?[0].rev)
        })
    }
}

fn writing<'a>(actor: &'a Actor, module: &'a model::module::Module) -> Writing<'a> {
    Writing::of(actor, module, Cause::Api, NOW)
}

fn make_tag(tx: &mut Tx, module: ModuleId, name: &str, by: UserId) -> Result<TagId, Fault> {
    let tag = Tag {
        id: TagId(tx.new_id()?),
        module,
        name: name.to_owned(),
        color: None,
        created_by: by,
        created_at: NOW,
        modified_by: by,
        modified_at: NOW,
    };
    tags::insert(tx, &tag)?;
    Ok(tag.id)
}

fn heir(from: RecordId, to: RecordId) -> Heir {
    let made = false;
    Heir { from, to, made }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

mod check {
    use super::*;

    pub(super) fn notes_and_attachments_move_and_come_back(kind: Kind) {
        let world = World::new(kind);
        let [a, b, other] = world.records("Leads", ["A", "B", "Other"]);
        let [one, two] = world.records("Contacts", ["One", "Two"]);
        world.note(a, "a1");
        world.note(b, "b1");
        world.note(a, "a2");
        world.note(other, "stays");
        world.attach(b, "b.txt");
        let moved = world.carry_all("Contacts", &[heir(a, one), heir(b, two)]);
        assert_eq!(moved.len(), 4);
        assert_eq!(world.beside(a), (vec![], vec![]));
        assert_eq!(world.beside(one), (texts(&["a1", "a2"]), vec![]));
        assert_eq!(world.beside(two), (texts(&["b1"]), texts(&["b.txt"])));
        assert_eq!(world.beside(other).0, texts(&["stays"]));
        let back = world.put_back(&moved);
        assert_eq!(back.len(), 4);
        assert_eq!(world.beside(a), (texts(&["a1", "a2"]), vec![]));
        assert_eq!(world.beside(b), (texts(&["b1"]), texts(&["b.txt"])));
        assert_eq!(world.beside(two), (vec![], vec![]));
        assert_eq!(world.put_back(&moved), []);
    }

    pub(super) fn what_was_changed_since_stays_where_it_is(kind: Kind) {
        let world = World::new(kind);
        let [a, later] = world.records("Leads", ["A", "Later"]);
        let [one, two] = world.records("Contacts", ["One", "Two"]);
        let (kept, gone) = (world.note(a, "kept"), world.note(a, "gone"));
        let moved = world.carry_all("Contacts", &[heir(a, one)]);
        let first = moved.iter().find(|one| one.item == kept.0).unwrap();
        // Somebody gave it to another record, and deleted the other one.
        let onward = Move {
            from: moves::Place {
                record: two,
                ..first.to
            },
            to: first.to,
            ..*first
        };
        assert_eq!(world.put_back(&[onward]).len(), 1);
        world.write(|tx, _| Ok(notes::delete(tx, gone)?));
        assert_eq!(world.put_back(&moved), []);
        assert_eq!(world.beside(two).0, texts(&["kept"]));
        assert_eq!(world.beside(later).0, texts(&[]));
    }

    pub(super) fn tags_are_copied_by_name_and_taken_off_again(kind: Kind) {
        let world = World::new(kind);
        let [lead] = world.records("Leads", ["A"]);
        let [contact] = world.records("Contacts", ["One"]);
        world.tag("Leads", lead, &["Hot", "Fair", "New"]);
        world.tag("Contacts", contact, &["HOT"]);
        let copied = world.carry_tags("Contacts", &[heir(lead, contact)], Carried::All);
        // The one that the contact had under another spelling is no copy.
        assert_eq!(copied.len(), 2);
        assert!(copied.iter().all(|copy| copy.kind == MoveKind::Tag));
        assert_eq!(world.tags(contact), texts(&["HOT", "Fair", "New"]));
        assert_eq!(world.tags(lead), texts(&["Hot", "Fair", "New"]));
        let contacts = world.module("Contacts");
        let known = world.write(|tx, _| Ok(tags::of_module(tx, contacts)?));
        assert_eq!(known.len(), 3);
        assert_eq!(world.put_back(&copied).len(), 2);
        assert_eq!(world.tags(contact), texts(&["HOT"]));
    }

    pub(super) fn a_tag_that_several_gave_is_taken_off_with_the_last_of_them(kind: Kind) {
        let world = World::new(kind);
        let [a, b, c] = world.records("Leads", ["A", "B", "C"]);
        let [contact] = world.records("Contacts", ["One"]);
        world.tag("Contacts", contact, &["Own"]);
        // Two leads of one job, and one of another.
        let (first, second) = (JOB, JobId(78));
        for lead in [a, b, c] {
            world.tag("Leads", lead, &["Hot", "Own"]);
        }
        let give = |job: JobId, lead: RecordId| {
            let Copied { put, again } =
                world.copy_tags("Contacts", &[heir(lead, contact)], Carried::All);
            let moved = [put, again].concat();
            assert_eq!(moved.len(), 1);
            world.write(|tx, _| Ok(moves::insert(tx, job, &moved)?));
            moved
        };
        let given = [(first, a), (first, b), (second, c)].map(|(job, lead)| (job, give(job, lead)));
        for (job, moved) in given.iter().rev().take(2) {
            assert_eq!(world.put_back_of(*job, moved), []);
            assert_eq!(world.tags(contact), texts(&["Own", "Hot"]));
        }
        assert_eq!(world.put_back_of(first, &given[0].1).len(), 1);
        assert_eq!(world.tags(contact), texts(&["Own"]));
        // What was put back once gives nothing any more.
        assert_eq!(give(second, c).len(), 1);
        assert_eq!(world.put_back_of(first, &given[1].1), []);
        assert_eq!(world.tags(contact), texts(&["Own", "Hot"]));
    }

    pub(super) fn only_the_named_tags_are_copied(kind: Kind) {
        let world = World::new(kind);
        let [lead, bare] = world.records("Leads", ["A", "B"]);
        let [contact, other] = world.records("Contacts", ["One", "Two"]);
        world.tag("Leads", lead, &["Hot", "Fair"]);
        let named = texts(&["fair", "Unknown"]);
        let heirs = [heir(lead, contact), heir(bare, other)];
        let copied = world.carry_tags("Contacts", &heirs, Carried::Named(&named));
        assert_eq!(copied.len(), 1);
        assert_eq!(world.tags(contact), texts(&["Fair"]));
        assert_eq!(world.tags(other), texts(&[]));
    }

    pub(super) fn a_tag_too_many_is_left_out(kind: Kind) {
        let world = World::new(kind);
        let names: Vec<String> = (0..TAGS_PER_RECORD_MAX).map(|n| format!("t{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let [lead, second] = world.records("Leads", ["A", "B"]);
        let [contact, fresh] = world.records("Contacts", ["One", "Two"]);
        world.tag("Leads", lead, &names);
        world.tag("Contacts", contact, &["own"]);
        let copied = world.carry_tags("Contacts", &[heir(lead, contact)], Carried::All);
        assert_eq!(copied.len(), TAGS_PER_RECORD_MAX - 1);
        assert_eq!(world.tags(contact).len(), TAGS_PER_RECORD_MAX);
        // The module is full: a tag that it lacks is left out, one that it has is not.
        let contacts = world.module("Contacts");
        world.write(|tx, actor| {
            for n in tags::of_module(tx, contacts)?.len()..TAGS_PER_MODULE_MAX {
                make_tag(tx, contacts, &format!("more {n}"), actor.user.id)?;
            }
            Ok(())
        });
        world.tag("Leads", second, &["one too many", "t0"]);
        let copied = world.carry_tags("Contacts", &[heir(second, fresh)], Carried::All);
        assert_eq!(copied.len(), 1);
        assert_eq!(world.tags(fresh), texts(&["t0"]));
    }

    pub(super) fn a_record_that_was_there_before_gets_a_revision_by_a_tag(kind: Kind) {
        let world = World::new(kind);
        let [lead] = world.records("Leads", ["A"]);
        let [old, made, bare] = world.records("Contacts", ["Old", "Made", "Bare"]);
        world.tag("Leads", lead, &["Hot"]);
        let heirs = |to, made| {
            [Heir {
                from: lead,
                to,
                made,
            }]
        };
        let copied = world.carry_tags("Contacts", &heirs(old, false), Carried::All);
        assert_eq!((copied.len(), world.rev("Contacts", old)), (1, 2));
        world.put_back(&copied);
        assert_eq!(world.rev("Contacts", old), 3);
        // Nobody knows the first revision of one that was just made, and its end takes its tags along.
        let copied = world.carry_tags("Contacts", &heirs(made, true), Carried::All);
        assert_eq!((copied.len(), world.rev("Contacts", made)), (0, 1));
        assert_eq!(world.tags(made), texts(&["Hot"]));
        assert_eq!(world.rev("Contacts", bare), 1);
    }

    pub(super) fn what_a_job_moved_is_kept_with_it(kind: Kind) {
        let world = World::new(kind);
        let [a, b] = world.records("Leads", ["A", "B"]);
        let [one] = world.records("Contacts", ["One"]);
        let [firm] = world.records("Accounts", ["Firm"]);
        world.note(a, "a");
        world.note(b, "b");
        world.attach(a, "a.txt");
        world.tag("Leads", a, &["Hot"]);
        let mut moved = world.carry_all("Contacts", &[heir(a, one), heir(b, one)]);
        moved.extend(world.carry_tags("Contacts", &[heir(a, one)], Carried::All));
        moved.extend(world.carry_tags("Accounts", &[heir(a, firm)], Carried::All));
        assert_eq!(moved.len(), 5);
        world.write(|tx, _| Ok(moves::insert(tx, JOB, &moved)?));
        let kept = |records: &[RecordId]| {
            let mut kept = world.write(|tx, _| Ok(moves::of(tx, JOB, records)?));
            kept.sort();
            kept
        };
        moved.sort();
        assert_eq!(kept(&[a, b]), moved);
        assert_eq!(kept(&[b]).len(), 1);
        assert_eq!(kept(&[one]), []);
        let other = world.write(|tx, _| Ok(moves::of(tx, JobId(78), &[a])?));
        assert_eq!(other, []);
        assert_eq!(world.put_back(&kept(&[a, b])).len(), 5);
        assert_eq!(world.beside(a), (texts(&["a"]), texts(&["a.txt"])));
    }

    pub(super) fn results_do_not_depend_on_how_many_go_at_once(kind: Kind) {
        let ends: Vec<_> = [1, 2, 7]
            .into_iter()
            .map(|size| {
                let world = World::new(kind);
                let leads = world.records("Leads", ["0", "1", "2", "3", "4", "5", "6"]);
                let firms = world.records("Accounts", ["F", "G"]);
                for (n, lead) in leads.into_iter().enumerate() {
                    let names: Vec<String> = (0..4).map(|m| format!("tag {}", n + m)).collect();
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    world.tag("Leads", lead, &names);
                    world.note(lead, &format!("note {n}"));
                }
                let heirs: Vec<Heir> = (0..7).map(|n| heir(leads[n], firms[n % 2])).collect();
                let place = |record| leads.iter().chain(&firms).position(|one| *one == record);
                let mut moved = Vec::new();
                for chunk in heirs.chunks(size) {
                    moved.extend(world.carry_all("Accounts", chunk));
                    moved.extend(world.carry_tags("Accounts", chunk, Carried::All));
                }
                let mut moved: Vec<_> = moved
                    .into_iter()
                    .map(|one| (one.kind, place(one.from.record), place(one.to.record)))
                    .collect();
                moved.sort();
                let ends = firms.map(|firm| (world.tags(firm), world.beside(firm)));
                (moved, ends)
            })
            .collect();
        assert_eq!(ends[0].1[0].0.len(), TAGS_PER_RECORD_MAX);
        assert_eq!(ends[0], ends[1]);
        assert_eq!(ends[0], ends[2]);
    }

    pub(super) fn what_is_beside_a_record_outlives_the_bin_but_not_its_purge(kind: Kind) {
        let world = World::new(kind);
        let [lead] = world.records("Leads", ["A"]);
        let note = world.note(lead, "n");
        let file = world.attach(lead, "f.txt");
        world.tag("Leads", lead, &["Hot"]);
        let delete = || {
            world.write(|tx, actor| {
                let leads = actor.catalog.module("Leads").unwrap();
                record::delete(tx, writing(actor, leads), &[lead])
            })
        };
        delete();
        let back = world.write(|tx, actor| record::restore(tx, actor, &[lead], NOW));
        assert_eq!(back, [Settled::Changed]);
        assert_eq!(world.beside(lead), (texts(&["n"]), texts(&["f.txt"])));
        assert_eq!(world.tags(lead), texts(&["Hot"]));
        delete();
        world.write(|tx, actor| deleted::purge(tx, actor, &[lead], NOW));
        assert_eq!(world.tags(lead), texts(&[]));
        assert_eq!(world.write(|tx, _| Ok(notes::find(tx, note)?)), None);
        assert_eq!(world.beside(lead), (vec![], vec![]));
        let piece = || world.write(|tx, _| Ok(attachments::piece(tx, file, 0)?));
        assert!(piece().is_some());
        while world.write(|tx, _| Ok(beside::tidy(tx, NOW, 10)?)) {}
        assert_eq!(piece(), None);
    }

    pub(super) fn content_that_never_became_an_attachment_is_removed(kind: Kind) {
        let world = World::new(kind);
        let [lead] = world.records("Leads", ["A"]);
        let kept = world.attach(lead, "kept.txt");
        let loose = world.write(|tx, _| {
            let id = AttachmentId(tx.new_id()?);
            attachments::begin_content(tx, id, NOW)?;
            attachments::insert_piece(tx, id, 0, "aGVsbG8=")?;
            Ok(id)
        });
        assert_eq!(world.beside(lead).1, texts(&["kept.txt"]));
        let there = |id| {
            world
                .write(|tx, _| Ok(attachments::piece(tx, id, 0)?))
                .is_some()
        };
        let tidy = |now| while world.write(|tx, _| Ok(beside::tidy(tx, now, 10)?)) {};
        tidy(NOW.plus_ms(LOOSE_CONTENT_MS));
        assert!(there(loose));
        tidy(NOW.plus_ms(LOOSE_CONTENT_MS + 1));
        assert!(!there(loose));
        assert!(there(kept));
        // Who comes so late makes no attachment without content.
        let made = world.write(|tx, actor| {
            let late = Attachment {
                id: loose,
                record: lead,
                module: ModuleId(1),
                name: "late.txt".to_owned(),
                size: 5,
                link: None,
                owner: actor.user.id,
                created_by: actor.user.id,
                created_at: NOW,
            };
            Ok(attachments::insert(tx, &late, NOW)?)
        });
        assert!(!made);
        assert_eq!(world.beside(lead).1, texts(&["kept.txt"]));
    }

    pub(super) fn rows_of_a_deleted_tag_are_removed_in_parts(kind: Kind) {
        let world = World::new(kind);
        let leads = world.records("Leads", ["A", "B", "C"]);
        for lead in leads {
            world.tag("Leads", lead, &["Hot", "Cold"]);
        }
        let module = world.module("Leads");
        world.write(|tx, _| {
            let hot = tags::of_module(tx, module)?;
            let hot = hot.iter().find(|tag| tag.name == "Hot").unwrap().id;
            tags::delete(tx, hot)?;
            // Two, one, the mark that there were any, and the end.
            for more in [true, true, true, false] {
                assert_eq!(beside::tidy(tx, NOW, 2)?, more);
            }
            Ok(())
        });
        for lead in leads {
            assert_eq!(world.tags(lead), texts(&["Cold"]));
        }
    }
}

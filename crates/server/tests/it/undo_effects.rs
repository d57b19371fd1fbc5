//! Undo of what automation did because of a job: field by field to what stood before all of it, and
//! records that it made only as long as nobody built on them. Here a person's write stands for that of
//! a rule; the tests of automation have real ones.

use crate::api::Api;
use crate::demo::{Caller, run};
use crate::recycle_bin::delete;
use crate::undo::{
    ask, came_to, failed, job, newest, outcome, standing, token, undone, update_all,
};
use serde_json::{Value as Json, json};
use testkit::{Kind, each_db};

each_db! {
    what_a_job_and_its_automation_wrote_is_put_back_to_what_stood_before_both,
    what_somebody_wrote_between_them_is_put_back,
    a_field_is_asked_about_from_the_last_write_of_it_on,
    a_record_that_automation_made_goes_unless_somebody_built_on_it,
    what_automation_still_was_to_do_is_dropped,
    a_plan_of_before_automation_went_on_is_outdated,
    what_automation_did_beside_the_job_takes_rights_of_its_own,
    chunks_of_any_size_put_back_the_same,
}

/// Says that the last change of a record was one of automation because of a job.
fn by_automation(api: &Api, job: &str, record: &str) {
    let last = format!("SELECT MAX(rev) FROM changes WHERE record = {record}");
    let rev = api.number(&last);
    api.execute(&format!(
        "UPDATE changes SET cause = 'automation' WHERE record = {record} AND rev = {rev}"
    ));
    api.execute(&format!(
        "INSERT INTO job_effects (job, record, rev, rule) VALUES ({job}, {record}, {rev}, 7)"
    ));
}

/// Leaves an event of a job to automation.
fn leave_event(api: &Api, job: &str, record: &str) {
    let leads = api.catalog().module("Leads").unwrap().id;
    let admin = api.user("admin");
    api.execute(&format!(
        "INSERT INTO events (record, rev, place, module, rule, trigger_word, job, actor, chain, made,
           attempts, next_at, at) VALUES ({record}, 2, 0, {leads}, 7, 'edit', {job}, {admin}, '', 0,
           0, 0, 0)"
    ));
}

fn put(caller: &Caller<'_>, id: &str, data: &Json) {
    let reply = caller.put(&format!("Leads/{id}"), &json!({ "data": [data] }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

fn of_lead(ada: &Caller<'_>, id: &str, fields: &[&str]) -> Json {
    let record = ada.record("Leads", id);
    fields.iter().map(|name| record[*name].clone()).collect()
}

mod check {
    use super::*;

    pub(super) fn what_a_job_and_its_automation_wrote_is_put_back_to_what_stood_before_both(
        kind: Kind,
    ) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make(
            "Leads",
            &[
                json!({ "Last_Name": "A", "City": "Faro", "State": "Algarve" }),
                json!({ "Last_Name": "B", "City": "Faro" }),
            ],
        );
        let before = standing(&api);
        let job = update_all(&api, &ada, json!({ "City": "Oslo" }));
        put(
            &ada,
            &leads[0],
            &json!({ "City": "Bergen", "State": "Vest" }),
        );
        by_automation(&api, &job, &leads[0]);
        put(&ada, &leads[0], &json!({ "City": "Trondheim" }));
        by_automation(&api, &job, &leads[0]);
        let undo = undone(&api, &job);
        came_to(&api, &undo, [2, 0, 0]);
        assert_eq!(standing(&api), before);
        // Undone in turn, each field has again what automation left.
        came_to(&api, &undone(&api, &undo), [2, 0, 0]);
        let found = of_lead(&ada, &leads[0], &["City", "State"]);
        assert_eq!(found, json!(["Trondheim", "Vest"]));
    }

    pub(super) fn what_somebody_wrote_between_them_is_put_back(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let lead = ada.make_leads(1).remove(0);
        put(&ada, &lead, &json!({ "City": "Faro", "State": "Algarve" }));
        let job = update_all(&api, &ada, json!({ "City": "Oslo" }));
        put(&ines, &lead, &json!({ "City": "Rome" }));
        put(&ada, &lead, &json!({ "City": "Bergen", "State": "Vest" }));
        by_automation(&api, &job, &lead);
        came_to(&api, &undone(&api, &job), [1, 0, 0]);
        let found = of_lead(&ada, &lead, &["City", "State"]);
        assert_eq!(found, json!(["Rome", "Algarve"]));
    }

    pub(super) fn a_field_is_asked_about_from_the_last_write_of_it_on(kind: Kind) {
        let api = Api::start_demo(kind);
        let (ada, ines) = (api.caller("admin"), api.caller("ines"));
        let leads = ada.make_leads(2);
        let job = update_all(&api, &ada, json!({ "City": "Oslo" }));
        // Between the job and its automation, which is the last to change the record.
        put(&ines, &leads[0], &json!({ "City": "Rome" }));
        put(&ada, &leads[0], &json!({ "State": "Vest" }));
        by_automation(&api, &job, &leads[0]);
        put(&ada, &leads[1], &json!({ "State": "Vest" }));
        by_automation(&api, &job, &leads[1]);
        put(&ines, &leads[1], &json!({ "State": "Viken" }));
        let undo = undone(&api, &job);
        came_to(&api, &undo, [2, 0, 0]);
        for (n, field) in [(0, "City"), (1, "State")] {
            let details = json!({ "id": leads[n], "fields": [field] });
            let wanted = ("changed".to_owned(), "CHANGED_SINCE".to_owned(), details);
            assert_eq!(outcome(&api, &undo, &leads[n]), wanted);
        }
        let fields = ["City", "State"];
        assert_eq!(of_lead(&ada, &leads[0], &fields), json!(["Rome", null]));
        assert_eq!(of_lead(&ada, &leads[1], &fields), json!([null, "Viken"]));
    }

    pub(super) fn a_record_that_automation_made_goes_unless_somebody_built_on_it(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        ada.make_leads(1);
        let job = update_all(&api, &ada, json!({ "City": "Oslo" }));
        // Accounts, because everything can hang on them.
        let account = |n: usize| json!({ "Account_Name": format!("A{n}") });
        let made = ada.make("Accounts", &(0..9).map(account).collect::<Vec<_>>());
        for id in &made {
            by_automation(&api, &job, id);
        }
        let [
            same,
            changed,
            named,
            about,
            noted,
            tagged,
            gone,
            locked,
            twice,
        ] = &made[..]
        else {
            panic!("nine were made");
        };
        let change = |id: &str, data: Json| {
            let reply = ada.put(&format!("Accounts/{id}"), &json!({ "data": [data] }));
            assert_eq!(reply.status, 200, "{}", reply.text);
        };
        change(changed, json!({ "Phone": "1" }));
        change(twice, json!({ "Phone": "1" }));
        by_automation(&api, &job, twice);
        let of = |id: &str| json!({ "id": id });
        ada.make(
            "Contacts",
            &[json!({ "Last_Name": "C", "Account_Name": of(named) })],
        );
        ada.make("Tasks", &[json!({ "Subject": "T", "What_Id": of(about) })]);
        let accounts = api.catalog().module("Accounts").unwrap().id;
        let admin = api.user("admin");
        api.execute(&format!(
            "INSERT INTO notes (id, record, module, content, owner, created_by, created_at,
               modified_by, modified_at) VALUES (5, {noted}, {accounts}, 'N', {admin}, {admin}, 0,
               {admin}, 0)"
        ));
        let reply = ada.post(
            &format!("Accounts/{tagged}/actions/assign_territories"),
            &json!({ "data": [{ "Territories": [{ "id": api.territory("Europe") }] }] }),
        );
        assert!(reply.status < 300, "{}", reply.text);
        delete(&ada, "Accounts", std::slice::from_ref(gone));
        ada.lock("Accounts", locked);
        let plan = plan_of(&api, &job);
        assert_eq!(plan["counts"]["change"], 3, "{plan}");
        let undo = undone(&api, &job);
        came_to(&api, &undo, [3, 1, 6]);
        for id in [changed, named, about, noted, tagged] {
            assert_eq!(failed(&api, &undo, id), "CHANGED_SINCE");
        }
        assert_eq!(failed(&api, &undo, locked), "RECORD_LOCKED");
        assert_eq!(outcome(&api, &undo, gone).0, "unchanged");
        for id in [same, twice] {
            assert_eq!(ada.get(&format!("Accounts/{id}")).status, 204);
        }
    }

    fn plan_of(api: &Api, job: &str) -> Json {
        let reply = ask(api, "admin", job, r#"{"plan":true}"#);
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.json()
    }

    pub(super) fn what_automation_still_was_to_do_is_dropped(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let leads = ada.make_leads(2);
        let other = update_all(&api, &ada, json!({ "State": "Vest" }));
        let job = update_all(&api, &ada, json!({ "City": "Oslo" }));
        leave_event(&api, &job, &leads[0]);
        leave_event(&api, &other, &leads[1]);
        plan_of(&api, &job);
        assert_eq!(api.number("SELECT count(*) FROM events"), 2);
        // What could not be undone goes on.
        let reply = ask(&api, "carla", &job, "");
        assert_eq!(reply.status, 404, "{}", reply.text);
        assert_eq!(api.number("SELECT MAX(next_at) FROM events"), 0);
        came_to(&api, &undone(&api, &job), [2, 0, 0]);
        assert_eq!(api.rows("events", &["job"]), [format!("events: {other}")]);
    }

    pub(super) fn a_plan_of_before_automation_went_on_is_outdated(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let lead = ada.make_leads(1).remove(0);
        let job = update_all(&api, &ada, json!({ "City": "Oslo" }));
        leave_event(&api, &job, &lead);
        let plan = plan_of(&api, &job);
        put(&ada, &lead, &json!({ "State": "Vest" }));
        by_automation(&api, &job, &lead);
        let accept = |plan: &Json| {
            let body = json!({ "plan": plan["id"] }).to_string();
            let token = token(&api, "admin");
            api.call_with("POST", "/swathe/v1/jobs", &token, body.as_bytes())
        };
        let reply = accept(&plan);
        reply.is_error(
            409,
            "PLAN_OUTDATED",
            "the job's automation went on since the plan was made: make a new plan",
            &json!({ "reason": "automation" }),
        );
        assert_eq!(api.number("SELECT count(*) FROM events"), 1);
        let reply = accept(&plan_of(&api, &job));
        assert_eq!(reply.status, 202, "{}", reply.text);
        assert_eq!(api.number("SELECT count(*) FROM events"), 0);
        api.run_jobs();
        came_to(&api, &newest(&api), [1, 0, 0]);
        let found = of_lead(&ada, &lead, &["City", "State"]);
        assert_eq!(found, json!([null, null]));
    }

    pub(super) fn what_automation_did_beside_the_job_takes_rights_of_its_own(kind: Kind) {
        let api = Api::start_demo(kind);
        let ada = api.caller("admin");
        let joana = api.caller("joana");
        ada.make_leads(1);
        let job = update_all(&api, &joana, json!({ "City": "Oslo" }));
        let tasks = joana.make("Tasks", &vec![json!({ "Subject": "T" }); 2]);
        for id in &tasks {
            by_automation(&api, &job, id);
        }
        let profile = |rights: &str| {
            format!("[[profile]]\nname = \"Standard\"\nmodules.Tasks = [{rights}]\n")
        };
        api.apply_org(&profile("\"view\", \"mass_update\""));
        let reply = ask(&api, "joana", &job, "");
        assert_eq!(reply.status, 202, "{}", reply.text);
        api.run_jobs();
        let undo = newest(&api);
        assert_eq!(failed(&api, &undo, &tasks[0]), "NO_PERMISSION");
        api.apply_org(&profile("\"view\", \"delete\""));
        assert_eq!(ask(&api, "joana", &job, "").status, 202);
        api.run_jobs();
        assert_eq!(api.number("SELECT count(*) FROM \"m_Tasks\""), 0);
    }

    /// Numbers that are the same in every run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, n: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % n
        }
    }

    /// What a field holds, and who wrote it over what, the oldest first.
    #[derive(Clone)]
    struct Model {
        value: Json,
        writes: Vec<(bool, Json)>,
    }

    impl Model {
        fn write(&mut self, own: bool, value: Json) {
            if value != self.value {
                let before = std::mem::replace(&mut self.value, value);
                self.writes.push((own, before));
            }
        }

        /// What the undo leaves: all last writes of the job and its automation are taken back.
        fn undone(&self) -> Json {
            let last = self.writes.iter().rposition(|(own, _)| *own);
            let Some(last) = last else {
                return self.value.clone();
            };
            // Others wrote it since: their value stays, even if it is the job's again.
            let left = self
                .writes
                .get(last + 1)
                .map_or(&self.value, |(_, before)| before);
            if *left != self.value {
                return self.value.clone();
            }
            let mut oldest = last;
            while oldest > 0 && self.writes[oldest - 1].0 {
                oldest -= 1;
            }
            self.writes[oldest].1.clone()
        }
    }

    pub(super) fn chunks_of_any_size_put_back_the_same(kind: Kind) {
        const FIELDS: [&str; 2] = ["City", "State"];
        for seed in 1..=2 {
            let left_by = |size: usize| {
                let mut dice = Dice(seed);
                let api = Api::start_demo(kind);
                let (ada, ines) = (api.caller("admin"), api.caller("ines"));
                let leads = ada.make_leads(12);
                let empty = Model {
                    value: Json::Null,
                    writes: Vec::new(),
                };
                let mut models = vec![[empty.clone(), empty]; leads.len()];
                let job = update_all(&api, &ada, json!({ "City": "Oslo" }));
                for [city, _] in &mut models {
                    city.write(true, json!("Oslo"));
                }
                for _ in 0..60 {
                    let (lead, field) = (dice.roll(leads.len()), dice.roll(FIELDS.len()));
                    let own = dice.roll(2) == 0;
                    let value = ["Oslo", "Faro", "Rome"][dice.roll(3)];
                    let model = &mut models[lead][field];
                    let differs = model.value != json!(value);
                    model.write(own, json!(value));
                    let caller = if own { &ada } else { &ines };
                    put(caller, &leads[lead], &json!({ FIELDS[field]: value }));
                    if own && differs {
                        by_automation(&api, &job, &leads[lead]);
                    }
                }
                let reply = ask(&api, "admin", &job, "");
                assert_eq!(reply.status, 202, "{}", reply.text);
                run(api.worker().with_chunks_of(size));
                let found: Vec<Json> = leads.iter().map(|id| of_lead(&ada, id, &FIELDS)).collect();
                let wanted = models
                    .iter()
                    .map(|fields| fields.iter().map(Model::undone).collect());
                let wanted: Vec<Json> = wanted.collect();
                assert_eq!(found, wanted, "seed {seed}, chunks of {size}");
                let told = super::job(&api, &newest(&api));
                (told["counts"].clone(), found)
            };
            let whole = left_by(1_000);
            assert_eq!(left_by(1), whole);
            assert_eq!(left_by(7), whole);
        }
    }
}

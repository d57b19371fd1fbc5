#!/usr/bin/env python3
"""Makes a backup that holds something of everything that Swathe keeps.

    python3 tests/backups/make.py SWATHE FILE

SWATHE is the program, built at the commit that the backup is to be of; FILE must not be there yet.
`2285f66.backup` was made so, of that commit: the last one of before the first release's schema.
The program is served from a new folder, asked over HTTP and killed while a job runs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ADMIN = "admin@kestrel-rowe.example.com"
SCOPE = (
    "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.ALL,ZohoCRM.mass_update.ALL,"
    "ZohoCRM.mass_delete.ALL,ZohoCRM.change_owner.ALL,ZohoCRM.mass_convert.leads.ALL,ZohoCRM.share.deals.ALL,"
    "swathe.jobs.ALL,swathe.org.ALL,swathe.holds.ALL,swathe.approvals.ALL,swathe.backup.READ"
)
AUTOMATION = """
[[module]]
api_name = "Leads"

[[module.workflow_rule]]
name = "Hot leads are told of"
on = ["create", "edit"]
fields = ["City"]
criteria = "(City:equals:Faro)"
update = { Rating = "Active" }

[[module.workflow_rule.task]]
subject = "Call back"
due_in_days = 2

[[module.workflow_rule.web_hook]]
url = "http://127.0.0.1:9/nobody-listens"
fields = ["Last_Name", "City"]

[[module.approval_process]]
name = "Great value"
on = ["create", "edit"]
fields = ["Annual_Revenue"]
criteria = "(Annual_Revenue:greater_than:1000000)"

[[module.approval_process.step]]
manager = true

[[module]]
api_name = "Deals"
sharing = "private"

[[module]]
api_name = "Site_Visits"

[[module.workflow_rule]]
name = "What no rule may write"
on = ["create"]
criteria = "(Flow:less_than:0.5)"
update = { Result = "Suitable" }
"""


class Server:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.database = f"sqlite:{folder}/swathe.db"
        self.process = None

    def run(self, *args):
        made = subprocess.run(
            [self.program, *args], check=True, stdout=subprocess.PIPE, text=True
        )
        return made.stdout

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "serve", "--listen", "127.0.0.1:0", "--database", self.database],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = self.process.stdout.readline().strip().removeprefix("Swathe listens on ")

    def ask(self, method, path, body=None, headers=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body, separators=(",", ":")).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data=body, method=method)
        request.add_header("Authorization", f"Zoho-oauthtoken {self.token}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}")
        return json.loads(text) if text else None

    def crm(self, method, path, body=None, headers=None):
        answer = self.ask(method, f"crm/v8/{path}", body, headers)
        if answer and "error" in json.dumps(answer.get("data", [])):
            raise SystemExit(f"{method} {path}: {answer}")
        return answer

    def native(self, method, path, body=None, headers=None):
        return self.ask(method, f"swathe/v1/{path}", body, headers)

    def create(self, module, *records):
        answer = self.crm("POST", module, {"data": list(records)})
        return [row["details"]["id"] for row in answer["data"]]

    def job(self, job, wanted=("completed",)):
        """Waits until a job is as wanted."""
        while True:
            told = self.native("GET", f"jobs/{job}")
            if told["state"] in wanted:
                return told
            if told["state"] in ("failed", "cancelled"):
                raise SystemExit(told)
            time.sleep(0.05)

    def update(self, ids, fields, **more):
        selection = ids if isinstance(ids, dict) else {"ids": ids}
        body = {
            "action": "update",
            "module": "Leads",
            "selection": selection,
            "change": {"fields": fields},
        }
        return self.native("POST", "jobs", {**body, **more})["id"]


def leads(words, count, **more):
    return [{"Last_Name": f"{words} {n}", "Company": f"{words} {n} Ltd", **more} for n in range(count)]


def fill(s):
    s.native("PUT", "org", {"org": AUTOMATION})
    users = {u["email"]: u["id"] for u in s.crm("GET", "users?type=AllUsers")["users"]}
    views = s.crm("GET", "settings/custom_views?module=Leads")["custom_views"]
    view = next(v["id"] for v in views if v["name"] == "Open Leads")
    territory = s.crm("GET", "settings/territories")["territories"][0]["id"]
    other = users["ines.faria@kestrel-rowe.example.com"]

    open_leads = s.create("Leads", *leads("Open", 20, Lead_Source="Cold Call"))
    locked = open_leads[3]
    s.crm("POST", f"Leads/{locked}/Locking_Information__s", {"data": [{"Locked_Reason__s": "audit"}]})

    # A mass update of the wire by a view, one record of which is locked; and its undo.
    told = s.crm("POST", "Leads/actions/mass_update", {"cvid": view, "data": [{"Lead_Source": "Partner"}]})
    first = s.job(told["data"][0]["details"]["job_id"])["id"]
    undo = s.native("POST", f"jobs/{first}/actions/undo")
    s.job(undo["id"])

    # A plan, the job that was made from it, and a plan that nobody used; a key that was used.
    change = {"action": "update", "module": "Leads", "selection": {"view": "Open Leads"},
              "change": {"fields": {"Score": 50}}}
    plan = s.native("POST", "plans", change)
    key = {"Idempotency-Key": "once"}
    s.job(s.native("POST", "jobs", {"plan": plan["id"], "tolerance": 2}, key)["id"])
    s.native("POST", "plans", {**change, "change": {"fields": {"Score": 60}}})

    # Workflow rules: a value, a task and a call that nobody takes; one rule that may not do what it says.
    faro = s.create("Leads", *leads("Faro", 3))
    s.job(s.update(faro, {"City": "Faro"}, automation="fire"))
    s.create("Site_Visits", {"Name": "Dry", "Visited_On": "2026-01-15", "Flow": 0.2})

    # Leads that are converted, with what hangs on them, and one conversion by hand.
    to_convert = s.create("Leads", *leads("Ode", 3))
    s.crm("POST", f"Leads/{to_convert[0]}/Notes", {"data": [{"Note_Title": "First", "Note_Content": "Wants a pump"}]})
    s.crm("POST", f"Leads/actions/add_tags?ids={','.join(to_convert[:2])}", {"tags": [{"name": "Fair"}]})
    attach(s, to_convert[0], "site.txt", b"Ten metres deep.\n")
    deal = {"Deal_Name": "Pump", "Stage": "Qualification", "Closing_Date": "2031-06-30"}
    told = s.native("POST", "jobs", {
        "action": "convert", "module": "Leads", "selection": {"ids": to_convert},
        "change": {"deal": deal, "carry_over_tags": ["Contacts"], "move_attachments_to": "Accounts"}})
    s.job(told["id"])

    # What hangs on a lead that stays: notes, tags, a file, a link, territories, shares, holds.
    kept = s.create("Leads", *leads("Kept", 4))
    s.crm("POST", f"Leads/{kept[0]}/Notes", {"data": [{"Note_Content": "Ring after six"}]})
    s.crm("POST", f"Leads/{kept[0]}/actions/add_tags", {"tags": [{"name": "Fair"}, {"name": "Spring"}]})
    attach(s, kept[0], "offer.txt", b"Two pumps, one price.\n")
    s.ask("POST", f"crm/v8/Leads/{kept[0]}/Attachments?attachmentUrl=https%3A%2F%2Fexample.com%2Foffer&title=Offer", b"")
    s.crm("POST", f"Leads/{kept[0]}/actions/assign_territories", {"data": [{"Territories": [{"id": territory}]}]})
    s.native("PUT", f"records/Leads/{kept[1]}/holds/merge", {"reason": "twice there"})
    s.crm("PUT", f"Leads/{kept[2]}", {"data": [{"Annual_Revenue": 2_000_000}]})
    s.crm("PUT", f"Leads/{kept[3]}", {"data": [{"Annual_Revenue": 3_000_000}]})
    s.native("POST", f"records/Leads/{kept[3]}/approval/actions/reject", {"comment": "too much", "step": 1})
    s.create("Site_Visits", {"Name": "Wet", "Visited_On": "2026-01-16", "Flow": 2, "Result": "Suitable after Works"})

    deal = s.create("Deals", {"Deal_Name": "Shared", "Stage": "Qualification", "Closing_Date": "2031-06-30"})[0]
    s.crm("POST", f"Deals/{deal}/actions/share", {"share": [{"user": {"id": other}, "permission": "read_write"}]})

    # Another owner, who is to be told; the recycle bin, with something restored.
    s.crm("POST", "Leads/actions/change_owner", {"ids": faro, "owner": {"id": other}, "notify": True})
    gone = s.create("Leads", *leads("Gone", 3))
    s.crm("POST", "Leads/actions/mass_delete", {"ids": gone})
    s.crm("POST", f"settings/recycle_bin/{gone[0]}/actions/restore", b"")

    # A client with a refresh token; jobs that are paused, for later, and running when the server dies.
    s.native("POST", "clients", {"name": "nightly sync", "scope": "ZohoCRM.modules.READ", "grant": "refresh_token"})
    paused = s.create("Leads", *leads("Paused", 40))
    job = s.update(paused, {"City": "Porto"}, throttle=10, automation="suppress")
    while s.native("GET", f"jobs/{job}")["counts"]["pending"] == 40:
        time.sleep(0.05)
    s.native("POST", f"jobs/{job}/actions/pause")
    s.update(kept[:1], {"City": "Braga"}, run_at="2027-10-01T08:00:00Z")
    running = s.create("Leads", *leads("Running", 40))
    job = s.update(running, {"City": "Lagos"}, throttle=1, automation="suppress", notify_url="http://127.0.0.1:9/done")
    while s.native("GET", f"jobs/{job}")["counts"]["changed"] == 0:
        time.sleep(0.05)
    # Events that automation has not come to when the server dies.
    s.create("Leads", *leads("Event", 10, City="Faro"))
    s.process.kill()
    s.process.wait()


def attach(s, record, name, content):
    head = f'--parts\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + b"\r\n--parts--\r\n"
    form = {"Content-Type": "multipart/form-data; boundary=parts"}
    s.crm("POST", f"Leads/{record}/Attachments", body, form)


def main():
    program, file = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        s = Server(program, pathlib.Path(folder))
        org = pathlib.Path(__file__).parents[2] / "demo/org.toml"
        s.run("org", "apply", str(org), "--database", s.database)
        s.token = json.loads(s.run("token", "--json", "--user", ADMIN, "--scope", SCOPE, "--database", s.database))["access_token"]
        s.start()
        fill(s)
        s.run("backup", file, "--database", s.database)
    lines = pathlib.Path(file).read_text().splitlines()
    events = next(n for n, line in enumerate(lines) if line.startswith('{"table":"events"'))
    if not lines[events + 1].startswith("["):
        raise SystemExit("automation was quicker than the kill and left no event: run this again")


main()

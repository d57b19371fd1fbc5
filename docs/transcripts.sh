#!/usr/bin/env bash
# Makes docs/transcripts.md: real requests to a real server, with its real answers.
#
#   cargo build --release && docs/transcripts.sh target/release/swathe >docs/transcripts.md
#
# Starts a demo server in a temporary folder, acts over HTTP with curl, and prints Markdown.
# Needs bash, curl, sed and grep. Stops the server and removes the folder however it ends.
set -euo pipefail

swathe=${1:?usage: docs/transcripts.sh PATH-TO-swathe}
dir=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$dir"
}
trap finish EXIT

fail() {
    echo "transcripts: $1" >&2
    exit 1
}

"$swathe" demo --dir "$dir/demo" --listen 127.0.0.1:0 --credentials "$dir/credentials.json" \
    >"$dir/out" 2>"$dir/err" &
server=$!
# The demo does its own mass update first; then it says how it can be stopped.
for _ in $(seq 600); do
    grep -q 'Ctrl-C stops the server' "$dir/err" && break
    kill -0 "$server" 2>/dev/null || fail "the demo ended: $(cat "$dir/err")"
    sleep 0.1
done
credential() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$dir/credentials.json"; }
base=$(credential api_domain)
token=$(credential access_token)
[ -n "$token" ] || fail "no credentials"

# --- Asking ---------------------------------------------------------------------------------------

# What is shown instead of the address, of secrets and of this run's folder. Nothing else differs.
shown() {
    sed -e "s|$base|\$API_DOMAIN|g" \
        -e 's/1000\.[0-9a-f]\{32\}\.[0-9a-f]\{32\}/1000.…/g' \
        -e "s/$(credential client_id)/1000.…/g" -e "s/$(credential client_secret)/…/g"
}

# ask METHOD PATH [BODY]: sends, keeps status and answer, prints nothing.
ask() {
    local method=$1 path=$2 body=${3-}
    local words=(-s -S -o "$dir/answer" -w '%{http_code}' -X "$method" "$base$path"
        -H "Authorization: Zoho-oauthtoken $token")
    if [ -n "$body" ]; then words+=(-d "$body"); fi
    status=$(curl "${words[@]}")
    answer=$(cat "$dir/answer")
}

# show METHOD PATH [BODY]: the same, and prints both sides.
show() {
    ask "$@"
    local method=$1 path=$2 body=${3-}
    {
        echo '```sh'
        echo "curl -X $method \"\$API_DOMAIN$path\" \\"
        if [ -n "$body" ]; then
            echo "  -H \"Authorization: Zoho-oauthtoken $token\" \\"
            echo "  -d '$body'"
        else
            echo "  -H \"Authorization: Zoho-oauthtoken $token\""
        fi
        echo '```'
        echo
        echo "HTTP $status"
        echo
        if [ -n "$answer" ]; then
            echo '```json'
            echo "$answer"
            echo '```'
            echo
        fi
    } | shown
}

say() { printf '%s\n\n' "$1"; }
expect() { [ "$status" = "$1" ] || fail "wanted HTTP $1, got $status: $answer"; }

# The ids of new records, in order.
new_ids() { grep -o '"Created_Time":"[^"]*","id":"[0-9]*"' <<<"$answer" | sed 's/.*:"//; s/"$//'; }
job_id() { sed -n 's/.*"job_id":"\([0-9]*\)".*/\1/p' <<<"$answer"; }
# The id of what has this name in the last answer.
id_of() { sed -n "s/.*\"id\":\"\([0-9]*\)\",\"name\":\"$1\".*/\1/p" <<<"$answer"; }

view() {
    ask GET "/crm/v7/settings/custom_views?module=$1"
    id_of "$2"
}
territory() {
    ask GET /crm/v7/settings/territories
    id_of "$1"
}

# wait_for MODULE JOB: until it has ended.
wait_for() {
    for _ in $(seq 600); do
        ask GET "/crm/v7/$1/actions/mass_update?job_id=$2"
        case $answer in *SCHEDULED* | *RUNNING*) sleep 0.1 ;; *) return ;; esac
    done
    fail "job $2 did not end: $answer"
}

# token_for EMAIL SCOPES: makes a narrower token.
token_for() {
    ask POST /swathe/v1/tokens "{\"user\":\"$1\",\"scope\":\"$2\"}"
    expect 201
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p' <<<"$answer"
}

# --- What the requests need -----------------------------------------------------------------------

ask GET '/crm/v7/settings/fields?module=Deals'
grep -q Languages_Known <<<"$answer" ||
    fail "$swathe has a demo org without Deals.Languages_Known: build it from this checkout"

europe=$(territory Europe)
iberia=$(territory Iberia)
nordics=$(territory Nordics)
all_accounts=$(view Accounts 'All Accounts')
open_leads=$(view Leads 'Open Leads')
all_leads=$(view Leads 'All Leads')
converted_leads=$(view Leads 'Converted Leads')

cat <<'END'
# Transcripts

Generated: do not edit.
`docs/transcripts.sh target/release/swathe >docs/transcripts.md` starts `swathe demo` with an empty folder, sends these requests with curl, and writes down what came back, status and body.
Shortened are the server's address (`$API_DOMAIN`), tokens (`1000.…`) and client secrets (`…`); nothing else was changed.
Ids and times are those of that run.

The requests are the samples of the vendor's pages on mass update and its status, in v7 and v2, with what those pages say may go wrong.
The org is `demo/org.toml`.

## A token

END
refresh="grant_type=refresh_token&client_id=$(credential client_id)"
refresh+="&client_secret=$(credential client_secret)&refresh_token=$(credential refresh_token)"
curl -sS -X POST "$base/oauth/v2/token" -d "$refresh" >"$dir/answer"
{
    echo '```sh'
    echo "curl -X POST \"\$API_DOMAIN/oauth/v2/token\" \\"
    echo "  -d '$refresh'"
    echo '```'
    echo
    echo '```json'
    cat "$dir/answer"
    echo
    echo '```'
    echo
} | shown

say '`api_domain` is this server, so that an SDK stays with it.'

say '## A view, narrowed to a territory and all below it (v7)'

say 'Four accounts: one in Europe, one in Iberia and one in the Nordics, which lie below Europe, and one nowhere.'
ask POST /crm/v7/Accounts '{"data":[{"Account_Name":"Alder & Finch","Industry":"Technology"},{"Account_Name":"Cobalt Optics","Industry":"Technology"},{"Account_Name":"Fjord Textiles","Industry":"Technology"},{"Account_Name":"Dune Robotics","Industry":"Technology"}]}'
expect 201
mapfile -t accounts < <(new_ids)
show POST /crm/v7/Accounts/actions/assign_territories "{\"data\":[{\"id\":\"${accounts[0]}\",\"Territories\":[{\"id\":\"$europe\"}]},{\"id\":\"${accounts[1]}\",\"Territories\":[{\"id\":\"$iberia\"}]},{\"id\":\"${accounts[2]}\",\"Territories\":[{\"id\":\"$nordics\"}]}]}"
expect 202

say 'The view "All Accounts", in Europe and below: a job.'
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\"}],\"cvid\":\"$all_accounts\",\"territory\":{\"id\":\"$europe\",\"include_child\":true}}"
expect 200
account_job=$(job_id)
wait_for Accounts "$account_job"
show GET "/crm/v7/Accounts/actions/mass_update?job_id=$account_job"
say 'Three of the four were changed.'
show GET '/crm/v7/Accounts?fields=Account_Name,Industry&sort_by=id&sort_order=asc'

say 'Without `include_child` the territory is Europe alone.'
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Manufacturing\"}],\"cvid\":\"$all_accounts\",\"territory\":{\"id\":\"$europe\"}}"
expect 200
job=$(job_id)
wait_for Accounts "$job"
show GET "/crm/v7/Accounts/actions/mass_update?job_id=$job"

say '## Record ids: three fields of Deals, one of them a multi-select (v7)'

ask POST /crm/v7/Deals '{"data":[{"Deal_Name":"Pumps for Porto","Stage":"Qualification","Closing_Date":"2027-01-31","Languages_Known":["Hindi"]},{"Deal_Name":"Wells of Pune","Stage":"Qualification","Closing_Date":"2027-02-28","Languages_Known":["Marathi"]}]}'
expect 201
mapfile -t deals < <(new_ids)
deal_ids="\"${deals[0]}\",\"${deals[1]}\""
say 'With `over_write` the new values replace those that were there.'
show POST /crm/v7/Deals/actions/mass_update "{\"data\":[{\"Lead_Source\":\"Advertisement\",\"Type\":\"Existing Business\",\"Languages_Known\":[\"English\",\"Spanish\"]}],\"over_write\":true,\"ids\":[$deal_ids]}"
expect 200
show GET "/crm/v7/Deals/${deals[0]}?fields=Deal_Name,Lead_Source,Type,Languages_Known"
say 'Without it they are added behind, each once.'
show POST /crm/v7/Deals/actions/mass_update "{\"data\":[{\"Languages_Known\":[\"Spanish\",\"Marathi\"]}],\"ids\":[$deal_ids]}"
expect 200
show GET "/crm/v7/Deals/${deals[0]}?fields=Deal_Name,Languages_Known"

say '### One bad id'

say 'Only that id fails. v7 answers 200, v8 207.'
bad=4150868999999999999
show POST /crm/v7/Deals/actions/mass_update "{\"data\":[{\"Lead_Source\":\"Advertisement\"}],\"ids\":[\"${deals[0]}\",\"$bad\"]}"
expect 200
show POST /crm/v8/Deals/actions/mass_update "{\"data\":[{\"Lead_Source\":\"Advertisement\"}],\"ids\":[\"${deals[0]}\",\"$bad\"]}"
expect 207
say 'When every id fails, v7 answers 400 and v2 200.'
show POST /crm/v7/Deals/actions/mass_update "{\"data\":[{\"Lead_Source\":\"Advertisement\"}],\"ids\":[\"$bad\"]}"
expect 400
show POST /crm/v2/Deals/actions/mass_update "{\"data\":[{\"Lead_Source\":\"Advertisement\"}],\"ids\":[\"$bad\"]}"
expect 200

say '### A locked record'

show POST "/crm/v7/Deals/${deals[1]}/Locking_Information__s" '{"data":[{"Locked_Reason__s":"The contract is at the notary."}]}'
show POST /crm/v7/Deals/actions/mass_update "{\"data\":[{\"Lead_Source\":\"Chat\"}],\"ids\":[$deal_ids]}"
expect 200

say '## The fields'

say 'No field (v7).'
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{}],\"ids\":[\"${accounts[0]}\"]}"
expect 400
say 'A field that cannot be mass updated (v2): the sample of that page.'
show POST /crm/v2/Accounts/actions/mass_update "{\"data\":[{\"Account_Owner\":\"Mira Sol\"}],\"ids\":[\"${accounts[0]}\"]}"
expect 400
say 'Two fields; only Deals take more than one, and no more than three.'
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\",\"Rating\":\"Active\"}],\"ids\":[\"${accounts[0]}\"]}"
expect 400
say 'A value that the picklist does not have.'
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Alchemy\"}],\"ids\":[\"${accounts[0]}\"]}"
expect 400

say '## Which records'

say 'Neither ids nor a view.'
show POST /crm/v7/Accounts/actions/mass_update '{"data":[{"Industry":"Education"}]}'
expect 400
say 'Both.'
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\"}],\"ids\":[\"${accounts[0]}\"],\"cvid\":\"$all_accounts\"}"
expect 400
say 'A view that does not exist, in v7 and in the words of v8.'
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\"}],\"cvid\":\"$bad\"}"
expect 400
show POST /crm/v8/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\"}],\"cvid\":\"$bad\"}"
expect 400
say 'A territory that does not exist.'
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\"}],\"cvid\":\"$all_accounts\",\"territory\":{\"id\":\"$bad\"}}"
expect 400
say 'A misspelt key could mean more records than the caller thinks, so it is refused.'
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\"}],\"cvid\":\"$all_accounts\",\"teritory\":{\"id\":\"$europe\"}}"
expect 400
say 'An empty view, in v7 and in the words of v2.'
show POST /crm/v7/Leads/actions/mass_update "{\"data\":[{\"Rating\":\"Active\"}],\"cvid\":\"$converted_leads\"}"
expect 400
show POST /crm/v2/Leads/actions/mass_update "{\"data\":[{\"Rating\":\"Active\"}],\"cvid\":\"$converted_leads\"}"
expect 400
say 'A view of more than 50,000 records: HTTP 400 in v7, 200 in v2.'
show POST /crm/v7/Leads/actions/mass_update "{\"data\":[{\"Rating\":\"Active\"}],\"cvid\":\"$all_leads\"}"
expect 400
show POST /crm/v2/Leads/actions/mass_update "{\"data\":[{\"Rating\":\"Active\"}],\"cvid\":\"$all_leads\"}"
expect 200

say '## A second job on the same view'

say 'A job of 50,000 leads, and while it runs three more requests on its view: HTTP 202 in v7, 200 in v2, 400 in v8.'
show POST /crm/v7/Leads/actions/mass_update "{\"data\":[{\"Rating\":\"Active\"}],\"cvid\":\"$open_leads\"}"
expect 200
lead_job=$(job_id)
second="{\"data\":[{\"Industry\":\"Education\"}],\"cvid\":\"$open_leads\"}"
show POST /crm/v7/Leads/actions/mass_update "$second"
expect 202
show POST /crm/v2/Leads/actions/mass_update "$second"
expect 200
show POST /crm/v8/Leads/actions/mass_update "$second"
expect 400
say 'The first goes on; some of its leads are locked, which the demo did.'
show GET "/crm/v7/Leads/actions/mass_update?job_id=$lead_job"
wait_for Leads "$lead_job"
show GET "/crm/v7/Leads/actions/mass_update?job_id=$lead_job"

say '## Status'

say 'A job that does not exist, in v7 and in v8.'
show GET "/crm/v7/Accounts/actions/mass_update?job_id=$bad"
expect 404
show GET "/crm/v8/Accounts/actions/mass_update?job_id=$bad"
expect 400
say "Another module's job is no job of this one."
show GET "/crm/v7/Leads/actions/mass_update?job_id=$account_job"
expect 404
say 'No `job_id`.'
show GET /crm/v7/Accounts/actions/mass_update
expect 400
say 'v2 answers a job with the same body.'
show GET "/crm/v2/Accounts/actions/mass_update?job_id=$account_job"
expect 200

say '## Who asks'

full=$token
say 'A token that may only read.'
token=$(token_for admin@kestrel-rowe.example.com ZohoCRM.mass_update.READ)
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\"}],\"cvid\":\"$all_accounts\"}"
expect 401
token=$full
say 'A token for one custom module, by the module'"'"'s own name, asks about an empty view of it (v2); then about Accounts.'
visits=$(view Site_Visits 'All Site Visits')
token=$(token_for admin@kestrel-rowe.example.com ZohoCRM.mass_update.Site_Visits.UPDATE)
show POST /crm/v2/Site_Visits/actions/mass_update "{\"data\":[{\"Result\":\"Suitable\"}],\"cvid\":\"$visits\"}"
expect 400
show POST /crm/v2/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\"}],\"cvid\":\"$all_accounts\"}"
expect 401
token=$full
say 'A user whose profile mass updates leads only, sees no money and may not touch the source.'
token=$(token_for carla.moura@kestrel-rowe.example.com ZohoCRM.mass_update.ALL)
show POST /crm/v7/Accounts/actions/mass_update "{\"data\":[{\"Industry\":\"Education\"}],\"cvid\":\"$all_accounts\"}"
expect 403
show POST /crm/v7/Leads/actions/mass_update "{\"data\":[{\"Lead_Source\":\"Chat\"}],\"cvid\":\"$open_leads\"}"
expect 403
show POST /crm/v7/Leads/actions/mass_update "{\"data\":[{\"Annual_Revenue\":1000}],\"cvid\":\"$open_leads\"}"
expect 400
say 'Another token than any that was given out.'
token=1000.00000000000000000000000000000000.00000000000000000000000000000000
show GET "/crm/v7/Accounts/actions/mass_update?job_id=$account_job"
expect 401
token=$full
say 'The wrong method, a module and a path that do not exist.'
show PUT /crm/v7/Accounts/actions/mass_update '{}'
expect 400
show POST /crm/v7/Wishes/actions/mass_update '{}'
expect 400
show POST /crm/v7/Accounts/actions/mass_wish '{}'
expect 404

say '## A list of 50 fields'

ask GET '/crm/v7/settings/fields?module=Leads'
names=$(grep -o '"api_name":"[A-Za-z_]*","id":"[0-9]*","field_label"' <<<"$answer" | sed 's/"api_name":"//; s/".*//')
fifty=$(head -n 50 <<<"$names" | paste -sd, -)
[ "$(head -n 50 <<<"$names" | wc -l)" -eq 50 ] || fail "fewer than 50 fields in Leads"
say 'Fifty are read; fifty-one are refused.'
show GET "/crm/v7/Leads?per_page=1&fields=$fifty"
expect 200
show GET "/crm/v7/Leads?per_page=1&fields=$(head -n 51 <<<"$names" | paste -sd, -)"
expect 400

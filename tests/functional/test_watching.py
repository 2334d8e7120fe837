"""One request is followed through the logs, the statements and the metrics of the whole service."""

import json
import re

import pytest
import requests
from celery.platforms import ROOT_DISCOURAGED  # type: ignore[attr-defined]  # its types do not know it

from annotation.tasks import DOORBELL
from tests.functional.crowd import gather_crowd
from tests.functional.prepare import PASSWORD
from tests.functional.service import wait_until

pytestmark = [pytest.mark.functional, pytest.mark.xdist_group("service")]
WNID = "n08626283"
WAIT_SECONDS = 60
HELD = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND starts_with(query, %s)"
# Celery warns whoever runs it as root, as tests may, before it writes to any log.
WARNED = f"SecurityWarning: {ROOT_DISCOURAGED.format(uid=0, euid=0, gid=0, egid=0)}"
LOGS = ("web", "worker", "labeller", "beat", "metrics")


class Caller:
    """A program with a token of its own."""

    def __init__(self, service, token):
        self.service, self.token = service, token

    def ask(self, method, path, request_id="", **arguments):
        headers = {"Authorization": f"Token {self.token}", **arguments.pop("headers", {})}
        if request_id:
            headers["X-Request-ID"] = request_id
        return requests.request(method, f"{self.service.url}{path}", headers=headers, timeout=30, **arguments)

    def lease(self):
        return self.ask("post", "/api/v1/batches/", json={}).json()

    def vote(self, batch, *, request_id="", key="a key of its own"):
        votes = [{"position": item["position"], "answer": "YES"} for item in batch["items"]]
        path = f"/api/v1/batches/{batch['id']}/votes/"
        return self.ask("post", path, request_id, json={"votes": votes}, headers={"Idempotency-Key": key})


@pytest.fixture(scope="module")
def crowd(service, tmp_path_factory):
    return gather_crowd(service, tmp_path_factory.mktemp("watched"), name="watched", wnids=[WNID], each=12)


def read_log(service, name):
    return (service.folder / "log" / f"{name}.log").read_text()


def find_lines(service, name, **wanted):
    found = [json.loads(line) for line in read_log(service, name).splitlines() if line.startswith("{")]
    return [line for line in found if wanted.items() <= line.items()]


def read_metrics(service):
    text = requests.get(f"http://127.0.0.1:{service.metrics_port}/metrics", timeout=10).text
    return {
        name: float(value) for name, value in re.findall(r"^(veriset_\S+(?: \S+\})?) ([\d.e+-]+)$", text, re.MULTILINE)
    }


def test_an_id_is_found_in_the_logs_of_web_and_worker_and_in_the_statement_they_run(service, crowd):
    caller, request_id = Caller(service, crowd.tokens[0]), "followed-0123456789"
    batch = caller.lease()
    wait_until(lambda: not service.open_redis().keys(f"*{DOORBELL}*"), seconds=WAIT_SECONDS, what="no bell rings")

    connection = service.open_database()
    connection.autocommit = False
    connection.cursor().execute("LOCK TABLE annotation_estimate IN EXCLUSIVE MODE")
    try:
        answer = caller.vote(batch, request_id=request_id)
        held = f"/*request={request_id}*/"
        wait_until(lambda: service.ask(HELD, held)[0][0], seconds=WAIT_SECONDS, what="the estimation waits")
    finally:
        connection.close()

    assert (answer.status_code, answer.headers["X-Request-ID"]) == (201, request_id)
    assert find_lines(service, "web", request_id=request_id, route="api:batch-votes", status=201, role="annotator")
    done = {"request_id": request_id, "task": "annotation.tasks.estimate_due_questions", "outcome": "success"}
    wait_until(
        lambda: find_lines(service, "worker", **done) + find_lines(service, "labeller", **done),
        seconds=WAIT_SECONDS,
        what="the task of this request is in a worker's log",
    )


def test_the_metrics_count_votes_once_and_replays_apart(service, crowd):
    caller = Caller(service, crowd.tokens[1])
    before = read_metrics(service)
    batch = caller.lease()
    assert caller.vote(batch).json() == caller.vote(batch).json()
    assert caller.vote(batch, key="another").status_code == 409

    after = read_metrics(service)

    def grown(name):
        return after[name] - before.get(name, 0)

    assert grown("veriset_votes_total") == len(batch["items"])
    assert grown("veriset_replays_total") == 1
    assert grown('veriset_refused_votes_total{reason="Conflict"}') == 1
    assert grown("veriset_lease_seconds_count") == 1
    assert grown('veriset_requests_total{route="api:batch-votes",status="2xx"}') == 2
    assert after['veriset_task_seconds_count{outcome="success",task="annotation.tasks.sweep_due_questions"}'] > 0
    assert (after["veriset_over_redundancy"], after["veriset_recompute_drift"]) == (0, 0)
    assert not any(name.startswith("veriset_unread") for name in after)


def test_no_secret_is_in_any_log_and_every_line_is_an_object(service, crowd):
    caller = Caller(service, crowd.tokens[2])
    picture = caller.lease()["items"][0]["image"]["url"]
    signature = picture.rsplit("/", 1)[1]
    assert requests.get(picture, timeout=30).status_code == 200
    assert requests.get(f"{picture}x?secret=of-a-query", timeout=30).status_code == 404
    assert Caller(service, "wrong" + caller.token).ask("get", "/api/v1/me/").status_code == 401
    session = requests.Session()
    login = f"{service.url}/accounts/login/"
    session.get(login, timeout=30)
    form = {
        "username": "somebody@example.org",
        "password": PASSWORD,
        "csrfmiddlewaretoken": session.cookies["csrftoken"],
    }
    assert session.post(login, form, timeout=30).status_code == 200
    assert session.post(login, {**form, "csrfmiddlewaretoken": "x"}, timeout=30).status_code == 403

    written = {name: read_log(service, name) for name in LOGS}
    for secret in (caller.token, signature, PASSWORD, "example.org", "of-a-query", session.cookies["csrftoken"]):
        assert [name for name in LOGS if secret in written[name]] == []
    lines = [line for text in written.values() for line in text.replace(WARNED, "").splitlines()]
    assert [
        line
        for line in lines
        if line.strip() and not line.startswith("{") and "/platforms.py:" not in line and "warnings.warn(" not in line
    ] == []

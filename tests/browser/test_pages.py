"""Every main page, in both colour schemes, on a laptop and on a phone: accessible, quiet, and as wide as the screen.

SCREENSHOTS=1 also saves each as var/screenshots/WIDTH-SCHEME-NAME.png.
"""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils.timezone import now

from annotation.actions import flags
from annotation.actions.accounts import bar_annotator
from annotation.actions.estimation import begin_estimation
from annotation.actions.notes import write_notes
from annotation.models import Dispute, Skill
from hierarchy.actions.releases import publish_release
from tests.annotation.pages.measured import measure
from tests.builders import find_annotator, lease, make_snapshot, make_votes, vote

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
SCREENSHOTS = Path(__file__).resolve().parents[2] / "var" / "screenshots"
LAPTOP, PHONE, NARROW = (1280, 800), (390, 844), (320, 640)
SCHEMES = ("light", "dark")
RELEASE = "browser-test"
NOT_FOUND = "/no/such/page/"
VISITOR_PAGES = {
    "home": "/",
    "signup": "/accounts/signup/",
    "login": "/accounts/login/",
    "reset": "/accounts/reset/",
    "reset-sent": "/accounts/reset/sent/",
    "reset-done": "/accounts/reset/done/",
    "tree": "/hierarchy/",
    "tree-open": "/hierarchy/?open=n02084071",
    "search": "/hierarchy/search/?q=dog",
    "search-nothing": "/hierarchy/search/?q=xyzzy",
    "synset": "/hierarchy/n02084071/",
    "releases": "/hierarchy/releases/",
    "release": f"/hierarchy/releases/{RELEASE}/",
    "not-found": NOT_FOUND,
}
ANNOTATOR_PAGES = {
    "annotator-home": "/",
    "annotate": "/annotate/",
    "campaigns": "/campaigns/",
    "campaign": "/campaigns/animals/",
    "account": "/account/",
    "answers": "/work/answers/",
    "password": "/accounts/password/",
    "password-done": "/accounts/password/done/",
}
CURATOR_PAGES = {
    "curator-home": "/",
    "annotate-ready": "/annotate/",
    "annotate-nothing": "/annotate/?nothing_left=1",
    "curator-campaigns": "/campaigns/",
    "curator-campaign": "/campaigns/animals/",
    "draft": "/draft-campaign/",
    "annotators": "/curate/annotators/",
    "annotator": "/curate/annotators/{annotator}/",
    "model": "/curate/model/",
    "flags": "/curate/flags/",
    "notes": "/curate/notes/n02084071/",
    "disputes": "/disputes/",
    "dispute": "/disputes/{dispute}/",
    "curator-synset": "/hierarchy/n02084071/",
    "curator-account": "/account/",
}


def learn(campaign, voters):
    """A snapshot that knows the voters, the first of whom is barred, what it measured, and an estimation under way."""
    good = [[90, 5, 5], [5, 5, 90]]
    make_snapshot(counts={find_annotator(voter).pk: good for voter in voters})
    measure(campaign, campaign.synsets.all())
    bar_annotator(annotator_id=find_annotator(voters[0]).pk, reason="Yes to everything.", by=None, at=now())
    begin_estimation(shards=4, by=None, at=now())


def flag_some(batch):
    given = {"annotator": batch.annotator, "batch_id": batch.pk, "at": now()}
    flags.raise_flag(position=1, kind="DRAWING", **given)
    flags.raise_flag(position=None, kind="DEFINITION", **given)
    flags.contest_answer(position=1, text="It is a wolf.", **given)


@pytest.fixture
def full_site(campaign, disputed, annotator):
    """Something to show on every page: labels, skills, a release, disputes, a page of pictures in hand."""
    voters = make_votes(campaign, ["YES", "YES", "YES"])
    learn(campaign, voters)
    publish_release(name=RELEASE, by=None, at=now())
    for wnid in ("n02084071", "n02121808"):
        given = {"version": 0, "by": campaign.drafted_by, "at": now()}
        write_notes(wnid=wnid, includes="The young", excludes="Toys\nDrawings", **given)
    flag_some(vote(annotator, campaign=campaign))
    lease(annotator, campaign)


@pytest.fixture
def all_pages(full_site, visit, annotator, curator):
    """Opens every main page one after the other, and gives its name and its visitor."""

    def walk(size):
        options = {"viewport": dict(zip(("width", "height"), size, strict=True)), "reduced_motion": "reduce"}
        dispute, known = Dispute.objects.earliest("pk").pk, Skill.objects.latest("pk").annotator_id
        for user, pages in ((None, VISITOR_PAGES), (annotator, ANNOTATOR_PAGES), (curator, CURATOR_PAGES)):
            visitor = visit(user, **options)
            for name, path in pages.items():
                found = visitor.open(path.format(dispute=dispute, annotator=known))
                assert found.status == (404 if path == NOT_FOUND else 200), path
                yield name, visitor

    return walk


def describe_violations(page):
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['target']} {node['html'][:200]}"
        for violation in found
        for node in violation["nodes"]
    ]


def save_screenshot(name, size, scheme, page):
    if os.environ.get("SCREENSHOTS") == "1":
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=SCREENSHOTS / f"{size[0]}-{scheme}-{name}.png", full_page=True)


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_no_main_page_has_an_accessibility_fault_or_a_browser_complaint(all_pages, size):
    faults = {}
    for name, visitor in all_pages(size):
        for scheme in SCHEMES:
            visitor.page.emulate_media(color_scheme=scheme)
            save_screenshot(name, size, scheme, visitor.page)
            visitor.problems += describe_violations(visitor.page)
        if name == "not-found":
            visitor.problems[:] = [problem for problem in visitor.problems if "status of 404" not in problem]
        if visitor.problems:
            faults[name] = list(visitor.problems)
            visitor.problems.clear()

    assert faults == {}


def test_no_main_page_scrolls_sideways_on_the_narrowest_screen(all_pages):
    wide = {
        name: width
        for name, visitor in all_pages(NARROW)
        if (width := visitor.page.evaluate("document.documentElement.scrollWidth")) > NARROW[0]
    }

    assert wide == {}


def test_the_page_of_the_api_runs_under_the_content_security_policy(visit):
    visitor = visit()
    visitor.open("/api/docs/")

    visitor.page.wait_for_load_state("networkidle")

    assert visitor.problems == []

"""Every main page, in both colour schemes, on a laptop and on a phone: accessible, quiet, and as wide as the screen.

SCREENSHOTS=1 also saves each as var/screenshots/WIDTH-SCHEME-NAME.png, with SCREENSHOTS_IN=de in German.
"""

import os
import re

import pytest
from django.utils.timezone import now

from annotation.actions import flags
from annotation.actions.bars import bar_annotator, make_appeal
from annotation.actions.crowds import open_crowd
from annotation.actions.estimation import begin_estimation
from annotation.actions.notes import write_notes
from annotation.actions.training import answer_item, change_training, start_attempt
from annotation.models import Annotator, Appeal, Crowd, Dispute, Skill
from annotation.rules import TrainingValues
from config.reading import BASE_DIR
from config.texts.catalogues import read_catalogue
from hierarchy.actions.releases import publish_release
from tests.annotation.pages.measured import measure
from tests.browser.looking import describe_violations, save_screenshot
from tests.builders import find_annotator, lease, make_snapshot, make_user, make_votes, vote

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
LAPTOP, PHONE, NARROW = (1280, 800), (390, 844), (320, 640)
SCHEMES = ("light", "dark")
RELEASE = "browser-test"
NOT_FOUND = "/no/such/page/"
GERMAN = BASE_DIR / "locale" / "de" / "LC_MESSAGES" / "django.po"
# What people see and hear of a page, without what is of WordNet or was typed by somebody.
LIST_TEXTS = """() => {
  const found = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
    else for (const name of node.getAttributeNames())
      if ((node.hidden && name.startsWith("data-")) || ["alt", "title", "aria-label", "placeholder"].includes(name))
        found.push(node.getAttribute(name));
  }
  return found.map((text) => text.replace(/\\s+/g, " ").trim()).filter(Boolean);
}"""
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
    "language": "/language/?next=/hierarchy/",
    "not-found": NOT_FOUND,
}
ANNOTATOR_PAGES = {
    "annotator-home": "/",
    "annotate": "/annotate/",
    "campaigns": "/campaigns/",
    "campaign": "/campaigns/animals/",
    "account": "/account/",
    "answers": "/work/answers/",
    "bar": "/account/bar/",
    "work": "/work/",
    "own-data": "/account/data/",
    "account-delete": "/account/delete/",
    "train": "/train/animals/",
    "password": "/accounts/password/",
    "password-done": "/accounts/password/done/",
}
BARRED_PAGES = {"barred-home": "/", "barred-work": "/work/", "barred": "/account/bar/"}
CURATOR_PAGES = {
    "curator-home": "/",
    "annotate-ready": "/annotate/",
    "annotate-nothing": "/annotate/?nothing_left=1",
    "curator-campaigns": "/campaigns/",
    "curator-campaign": "/campaigns/animals/",
    "draft": "/draft-campaign/",
    "train-begin": "/train/animals/",
    "training": "/campaigns/animals/training/",
    "annotators": "/curate/annotators/",
    "annotator": "/curate/annotators/{annotator}/",
    "crowd": "/curate/crowds/{crowd}/",
    "crowd-preview": "/crowd/{token}/?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE",
    "appeals": "/curate/appeals/",
    "appeal": "/curate/appeals/{appeal}/",
    "model": "/curate/model/",
    "flags": "/curate/flags/",
    "gold": "/curate/gold/?campaign=animals",
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
    barred = find_annotator(voters[0]).pk
    bar_annotator(annotator_id=barred, reason="Yes to everything.", by=None, at=now())
    make_appeal(annotator_id=barred, text="I looked at each.", at=now())
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
    open_crowd(name="animals", provider="MTURK", pages=2, days=3, by=make_user("opener", "curator"), at=now())
    lease(annotator, campaign)
    change_training(name="animals", values=TrainingValues(), by=campaign.drafted_by, at=now())
    number = find_annotator(annotator).pk
    start_attempt(annotator_id=number, name="animals", at=now())
    answer_item(annotator_id=number, name="animals", place=0, answer=0, at=now())


@pytest.fixture
def all_pages(full_site, visit, annotator, curator):
    """Opens every main page one after the other, and gives its name and its visitor."""

    def walk(size, language="en"):
        viewport = dict(zip(("width", "height"), size, strict=True))
        options = {"viewport": viewport, "reduced_motion": "reduce", "locale": language}
        ids = {
            "dispute": Dispute.objects.earliest("pk").pk,
            "annotator": Skill.objects.latest("pk").annotator_id,
            "appeal": Appeal.objects.latest("pk").pk,
            "crowd": Crowd.objects.get().pk,
            "token": Crowd.objects.get().token,
        }
        barred = Annotator.objects.get(barred_at__isnull=False).user
        visitors = (
            (None, VISITOR_PAGES),
            (annotator, ANNOTATOR_PAGES),
            (barred, BARRED_PAGES),
            (curator, CURATOR_PAGES),
        )
        for user, pages in visitors:
            visitor = visit(user, **options)
            for name, path in pages.items():
                found = visitor.open(path.format(**ids))
                assert found.status == (404 if path == NOT_FOUND else 200), path
                yield name, visitor

    return walk


@pytest.mark.parametrize(
    "size", [pytest.param(LAPTOP, id="laptop", marks=pytest.mark.heavy), pytest.param(PHONE, id="phone")]
)
def test_no_main_page_has_an_accessibility_fault_or_a_browser_complaint(all_pages, size):
    faults = {}
    for name, visitor in all_pages(size, os.environ.get("SCREENSHOTS_IN", "en")):
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


def measure_widths(page):
    """How wide the page is in its own direction, and from right to left."""
    return [
        page.evaluate(
            "(dir) => { document.documentElement.dir = dir; return document.documentElement.scrollWidth; }", name
        )
        for name in ("ltr", "rtl")
    ]


def list_english():
    """What the catalogue has another German for: whole texts of a few words, and sentences, of which a part tells enough."""
    sources = [form for entry in read_catalogue(GERMAN) for form in (entry.msgid, entry.msgid_plural) if form]
    german = {form for entry in read_catalogue(GERMAN) for form in (entry.msgstr, *entry.msgstr_plural.values())}
    wanted = [re.split(r"%\(\w+\)s", source.replace("%%", "%")) for source in sources if source not in german]
    patterns = [".+".join(map(re.escape, parts)) for parts in wanted if len("".join(parts).strip(" ()%#:")) > 2]
    whole = "|".join(patterns)
    inside = "|".join(pattern for pattern in patterns if pattern.count(r"\ ") > 3)
    return re.compile(f"^(?:{whole})$|{inside}")


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.heavy), "de"])
def test_no_main_page_scrolls_sideways_on_the_narrowest_screen_in_either_direction(all_pages, language):
    english = list_english()
    wide: dict[str, list[int]] = {}
    left: dict[str, str] = {}
    for name, visitor in all_pages(NARROW, language):
        if max(widths := measure_widths(visitor.page)) > NARROW[0]:
            wide[name] = widths
        assert visitor.page.locator("html").get_attribute("lang") == language
        left |= {text: name for text in visitor.page.evaluate(LIST_TEXTS) if english.search(text)}

    assert wide == {}
    # What has no German is told from what has none of it on the page.
    assert (left == {}) == (language == "de"), left


def test_the_page_of_the_api_runs_under_the_content_security_policy(visit):
    visitor = visit()
    visitor.open("/api/docs/")

    visitor.page.wait_for_load_state("networkidle")

    assert visitor.problems == []

"""How long pages and addresses of the API that look at much take, without HTTP: needs Django set up on a filled database."""

import statistics
import time
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client
from django.test.utils import override_settings

from annotation.models import Campaign, Dispute
from benchmarks.scale.newcomers import CAMPAIGN, make_newcomers
from benchmarks.scale.servers import Progress
from hierarchy.models import Closure, Synset
from hierarchy.queries.synsets import find_root

REPEATS = 5
BACKEND = "django.contrib.auth.backends.ModelBackend"


def measure_pages(*, progress: Progress) -> dict[str, Any]:
    """Milliseconds of each page for whoever it is for: the first time, with nothing kept, and the median of REPEATS times after."""
    cache.clear()
    found, all_pages = {}, _list_for_curators()
    public = {name: all_pages[name] for name in ("home", "tree", "root synset")}
    people = {"curator": all_pages, "annotator": {"annotate": "/annotate/"}, "visitor": public}
    with override_settings(ALLOWED_HOSTS=["testserver"], SECURE_SSL_REDIRECT=False):
        for person, addresses in people.items():
            client = _open_client(person)
            for name, address in addresses.items():
                found[f"{name}, {person}"] = times = _measure(client, address)
                progress(f"{name}, {person}: {times['first_ms']:.0f} ms, then {times['median_ms']:.0f} ms")
    slowest = max(found, key=lambda name: found[name]["median_ms"])
    return {**found, "slowest": {"name": slowest, **found[slowest]}}


def _list_for_curators() -> Mapping[str, str]:
    root, empty = find_root(), _find_synset_without_labels()
    assert root is not None, "the nouns are there"
    synset_id = Campaign.objects.get(name=CAMPAIGN).campaign_synsets.earliest("position").synset_id
    largest = Synset.objects.get(pk=synset_id).wnid
    dispute = Dispute.objects.filter(settled_at=None, question__synset_id=synset_id).first()
    return {
        **({"dispute in the largest synset": f"/disputes/{dispute.pk}/"} if dispute else {}),
        "home": "/",
        "tree": "/hierarchy/",
        "root synset": f"/hierarchy/{root.wnid}/",
        "largest synset": f"/hierarchy/{largest}/",
        "campaigns": "/campaigns/",
        "campaign": f"/campaigns/{CAMPAIGN}/",
        "disputes": "/disputes/",
        "annotators": "/curate/annotators/",
        "model": "/curate/model/",
        "API: counts of all": f"/api/v1/synsets/{root.wnid}/stats/",
        "API: images of the largest synset": f"/api/v1/synsets/{largest}/images/",
        "API: labels": "/api/v1/labels/",
        "API: labels of the largest synset": f"/api/v1/labels/?synset={largest}",
        "API: labels of a subtree without any": f"/api/v1/labels/?subtree={empty}",
        "API: labels that are rare": "/api/v1/labels/?verdict=ACCEPTED&probability_max=0.3",
        "API: campaign": f"/api/v1/campaigns/{CAMPAIGN}/",
    }


def _find_synset_without_labels() -> str:
    """One that nobody was asked about, nor about any below it: all labels have to be passed over to see that there is none."""
    asked = Campaign.objects.get(name=CAMPAIGN).campaign_synsets.values("synset_id")
    above = Closure.objects.filter(descendant_id__in=asked).values("ancestor_id")
    return Synset.objects.exclude(pk__in=above).earliest("pk").wnid


def _open_client(person: str) -> Client:
    client = Client()
    if person == "annotator":
        client.force_login(User.objects.get(annotator=make_newcomers(1)[0]), backend=BACKEND)
        client.post("/annotate/lease/")
    elif person == "curator":
        account = User.objects.create(username=f"reader-{time.time_ns()}", password="!")
        account.groups.add(Group.objects.get(name="curator"))
        client.force_login(account, backend=BACKEND)
    return client


def _measure(client: Client, address: str) -> dict[str, float]:
    first, *later = [_time(client, address) for _ in range(1 + REPEATS)]
    return {"first_ms": round(first, 1), "median_ms": round(statistics.median(later), 1)}


def _time(client: Client, address: str) -> float:
    start = time.perf_counter()
    answer = client.get(address)
    taken = 1000 * (time.perf_counter() - start)
    assert answer.status_code == 200, f"{address} answered {answer.status_code}"
    return taken

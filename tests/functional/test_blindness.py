"""Twenty annotators note all they can see, and try everything; gold cannot be told from the others."""

import csv
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.functional.guessing import find_auc, guess
from tests.functional.pictures import draw_candidates
from tests.functional.spy import FIGURES, Spy

pytestmark = [pytest.mark.functional, pytest.mark.heavy, pytest.mark.xdist_group("service")]
WNIDS = ("n02084071", "n02112826", "n02121808", "n02127052", "n01322604")
ANNOTATORS, PAGES, EACH, GOLD = 20, 16, 80, 24
MOST = 0.55
IS_GOLD = """
SELECT item.batch_id::text, item.position, gold.id IS NOT NULL FROM annotation_batchitem AS item
LEFT JOIN annotation_gold AS gold ON gold.question_id = item.question_id AND gold.active
JOIN annotation_batch AS batch ON batch.id = item.batch_id JOIN annotation_campaign AS campaign ON campaign.id = batch.campaign_id
WHERE campaign.name = 'blind'
"""


def write_gold(manifest, path, *, each=GOLD):
    """A file of truths of some pictures of each synset, half of them true, as `import_gold` reads it."""
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    chance, lines = random.Random(7), ["wnid,image_sha256,answer"]
    for wnid in WNIDS:
        for truth in ("YES", "NO"):
            some = [row for row in rows if (row["wnid"], row["truth"]) == (wnid, truth)]
            lines += [f"{wnid},{row['sha256']},{truth}" for row in chance.sample(some, each // 2)]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def observed(service, tmp_path_factory):
    """Rows of figures, whether each is of gold, and whose it is."""
    folder = tmp_path_factory.mktemp("blind")
    manifest = draw_candidates(folder, wnids=WNIDS, each=EACH, share_true=0.5)
    tokens = service.prepare("blind", manifest, "--annotators", ANNOTATORS)
    write_gold(manifest, folder / "gold.csv")
    service.manage("import_gold", folder / "gold.csv", "--campaign", "blind")
    keys = [token for name, token in tokens.items() if name != "curator"]
    spies = [Spy(service.url, token, "blind", number) for number, token in enumerate(keys)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda spy: spy.work(PAGES), spies))
    gold = {(batch, position): is_gold for batch, position, is_gold in service.ask(IS_GOLD)}
    rows, truth, groups = [], [], []
    for number, spy in enumerate(spies):
        known = {name: gold[place] for place, name in spy.held.items()}
        for picture, figures in spy.write_rows().items():
            rows.append(figures)
            truth.append(known[picture])
            groups.append(number)
    return rows, truth, groups


def test_enough_gold_was_among_what_was_seen(observed):
    _, truth, _ = observed

    assert sum(truth) >= 300
    assert 0.15 < sum(truth) / len(truth) < 0.35


def test_nothing_a_client_sees_tells_gold_from_the_others(observed):
    rows, truth, groups = observed
    single = sorted(
        ((find_auc([row[at] for row in rows], truth), name) for at, name in enumerate(FIGURES)),
        key=lambda each: -abs(each[0] - 0.5),
    )
    found = find_auc(guess(rows, truth, groups), truth)
    print(f"{len(rows)} pictures seen, {sum(truth)} gold, AUC {found:.3f}; alone: {single[:5]}")

    assert found <= MOST
    assert abs(single[0][0] - 0.5) <= 0.08

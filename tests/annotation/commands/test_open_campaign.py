import io

import pytest
from django.core.management import CommandError, call_command

from annotation.actions import campaign_ranges
from annotation.models import Campaign, CampaignRange, Policy, Training
from hierarchy.models import Synset
from tests.builders import make_candidates, make_synset, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def curator():
    for number in (1, 2):
        make_candidates(make_synset(number), 2)
    return make_user("cur", "curator")


def open_campaign(*options, name="demo", username="cur"):
    output = io.StringIO()
    call_command("open_campaign", name, "--as", username, *options, stdout=output)
    return output.getvalue()


def test_a_campaign_is_drafted_and_opened_with_its_policy():
    output = open_campaign(
        "--synsets", "n00000002,n00000001", "--title", "Demo", "--policy", "target_error=0.1, vote_cap=7"
    )

    campaign = Campaign.objects.get()
    policy = Policy.objects.get()
    assert (campaign.state, campaign.title, campaign.questions.count()) == ("OPEN", "Demo", 4)
    assert (policy.target_error, policy.vote_cap, policy.page_size) == (0.1, 7, 24)
    assert list(campaign.campaign_synsets.order_by("position").values_list("synset_id", flat=True)) == [2, 1]
    assert output == "demo is open: 2 synsets, 4 questions\n"


def test_a_campaign_may_ask_for_a_training_first():
    make_candidates(make_synset(4, parents=[make_synset(3)]), 1)
    make_synset(5, parents=[Synset.objects.get(pk=3)])

    open_campaign("--synsets", "n00000004", "--training", "attempts=5")

    training = Training.objects.get()
    assert (training.campaign.name, training.active, training.attempts) == ("demo", True, 5)


@pytest.mark.parametrize(
    ("training", "problem"),
    [("attempts=0", "attempts: must be between"), ("mark=3", "is not one of passing_mark"), ("", "nothing to train")],
)
def test_a_training_that_cannot_be_opens_nothing(training, problem):
    with pytest.raises(CommandError, match=problem):
        open_campaign("--synsets", "n00000001", "--training", training)

    assert not Campaign.objects.exists()


def test_synsets_are_read_from_a_file(tmp_path):
    (tmp_path / "list").write_text("n00000001\n\nn00000002\n")

    open_campaign("--synsets", f"@{tmp_path}/list")

    assert Campaign.objects.get().synsets.count() == 2


def test_an_open_campaign_cannot_be_opened_again():
    open_campaign("--synsets", "n00000001")

    with pytest.raises(CommandError, match="cannot open"):
        open_campaign()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "--synsets"),
        (["--synsets", "n00000001,n00000009"], "n00000009"),
        (["--synsets", "@/nowhere"], "/nowhere cannot be read"),
        (["--synsets", "n00000001", "--policy", "votes=3"], "'votes=3' is not one of target_error"),
        (["--synsets", "n00000001", "--policy", "vote_cap=3,vote_cap=4"], "given once"),
        (["--synsets", "n00000001", "--policy", "vote_cap=many"], "vote_cap must be a number, not 'many'"),
        (["--synsets", "n00000001", "--policy", "lease_seconds=\u0663"], "lease_seconds must be a number"),
        (["--synsets", "n00000001", "--policy", "lease_seconds=1_0"], "lease_seconds must be a number"),
        (["--synsets", "n00000001\udcff"], "--synsets: .* has letters that no wnid has"),
        (["--synsets", "n00000001", "--policy", "gold_rate=nan"], "gold_rate: must be between"),
    ],
)
def test_what_cannot_be_meant_is_named_and_leaves_no_draft(options, problem):
    with pytest.raises(CommandError, match=problem):
        open_campaign(*options)

    assert not Campaign.objects.exists()


def test_an_unknown_account_opens_nothing():
    with pytest.raises(CommandError, match="no account bob"):
        open_campaign("--synsets", "n00000001", username="bob")


def test_a_campaign_with_nothing_to_ask_leaves_no_draft():
    make_synset(3)

    with pytest.raises(CommandError, match="nothing to ask"):
        open_campaign("--synsets", "n00000003")

    assert not Campaign.objects.exists()


def test_a_draft_that_exists_is_not_silently_changed():
    open_campaign("--synsets", "n00000001")

    with pytest.raises(CommandError, match="leave out"):
        open_campaign("--synsets", "n00000002")


def test_it_waits_until_all_candidates_of_a_large_campaign_are_asked_about(monkeypatch):
    monkeypatch.setattr(campaign_ranges, "IDS_AT_ONCE", 1)
    monkeypatch.setattr(campaign_ranges, "AT_ONCE_SECONDS", 0.0)

    assert open_campaign("--synsets", "n00000001,n00000002") == "demo is open: 2 synsets, 4 questions\n"
    assert not CampaignRange.objects.exists()

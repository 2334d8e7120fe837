from annotation.api.views.appeals import AnswerView, AppealsView, AppealView, MyAppealView
from annotation.api.views.batches import BatchesView, BatchView, BatchVotesView
from annotation.api.views.campaigns import CampaignsView, CampaignView
from annotation.api.views.disputes import DecisionView, DisputesView, DisputeView
from annotation.api.views.me import MeView

__all__ = [
    "AnswerView",
    "AppealView",
    "AppealsView",
    "BatchView",
    "BatchVotesView",
    "BatchesView",
    "CampaignView",
    "CampaignsView",
    "DecisionView",
    "DisputeView",
    "DisputesView",
    "MeView",
    "MyAppealView",
]

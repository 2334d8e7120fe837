from annotation.models.annotator import Annotator, ApiToken
from annotation.models.campaign import Campaign, CampaignSynset, Policy, Snapshot
from annotation.models.question import UNFINISHED, Dispute, Estimate, Gold, Question
from annotation.models.vote import Batch, BatchItem, Vote

__all__ = [
    "UNFINISHED",
    "Annotator",
    "ApiToken",
    "Batch",
    "BatchItem",
    "Campaign",
    "CampaignSynset",
    "Dispute",
    "Estimate",
    "Gold",
    "Policy",
    "Question",
    "Snapshot",
    "Vote",
]

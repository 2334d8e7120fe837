from annotation.models.annotator import AccountMark, Accuracy, Annotator, ApiToken, Conduct
from annotation.models.bar import Appeal, Bar
from annotation.models.campaign import Campaign, CampaignRange, CampaignSynset, Policy
from annotation.models.crowd import Assignment, AssignmentPage, Crowd, CrowdWorker
from annotation.models.estimation import Estimation, EstimationShard, Measurement, RescoredRange
from annotation.models.flag import Flag
from annotation.models.notes import SynsetNotes
from annotation.models.question import UNFINISHED, Dispute, DueQuestions, Estimate, Gold, Question, SetAside
from annotation.models.snapshot import Skill, Snapshot, SynsetPrior
from annotation.models.training import Training, TrainingAttempt, TrainingGrant, TrainingItem
from annotation.models.vote import Batch, BatchItem, Vote

__all__ = [
    "UNFINISHED",
    "AccountMark",
    "Accuracy",
    "Annotator",
    "ApiToken",
    "Appeal",
    "Assignment",
    "AssignmentPage",
    "Bar",
    "Batch",
    "BatchItem",
    "Campaign",
    "CampaignRange",
    "CampaignSynset",
    "Conduct",
    "Crowd",
    "CrowdWorker",
    "Dispute",
    "DueQuestions",
    "Estimate",
    "Estimation",
    "EstimationShard",
    "Flag",
    "Gold",
    "Measurement",
    "Policy",
    "Question",
    "RescoredRange",
    "SetAside",
    "Skill",
    "Snapshot",
    "SynsetNotes",
    "SynsetPrior",
    "Training",
    "TrainingAttempt",
    "TrainingGrant",
    "TrainingItem",
    "Vote",
]

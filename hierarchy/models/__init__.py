from hierarchy.models.audit import AuditAction, AuditEntry
from hierarchy.models.count import CountChange, ReleaseCount
from hierarchy.models.image import Candidate, Image
from hierarchy.models.label import Label
from hierarchy.models.release import Release, ReleaseFile
from hierarchy.models.synset import Closure, ParentLink, Synset, SynsetWord, WordNetImport

__all__ = [
    "AuditAction",
    "AuditEntry",
    "Candidate",
    "Closure",
    "CountChange",
    "Image",
    "Label",
    "ParentLink",
    "Release",
    "ReleaseCount",
    "ReleaseFile",
    "Synset",
    "SynsetWord",
    "WordNetImport",
]

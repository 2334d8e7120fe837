from hierarchy.models.image import Candidate, Image
from hierarchy.models.label import Label
from hierarchy.models.release import Release, ReleaseFile
from hierarchy.models.synset import Closure, ParentLink, Synset, SynsetWord, WordNetImport

__all__ = [
    "Candidate",
    "Closure",
    "Image",
    "Label",
    "ParentLink",
    "Release",
    "ReleaseFile",
    "Synset",
    "SynsetWord",
    "WordNetImport",
]

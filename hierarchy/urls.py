from django.urls import path

from hierarchy.api.urls import api_patterns
from hierarchy.pages import picture, releases, synset, tree

__all__ = ["api_patterns", "page_patterns"]

page_patterns = [
    path("hierarchy/", tree.show_tree, name="tree"),
    path("hierarchy/search/", tree.show_search, name="search"),
    path("hierarchy/releases/", releases.show_releases, name="releases"),
    path("hierarchy/releases/<slug:name>/", releases.show_release, name="release"),
    path("hierarchy/releases/<slug:name>/files/<str:file>", releases.download_file, name="release-file"),
    path("hierarchy/<str:wnid>/", synset.show_synset, name="synset"),
    path("hierarchy/<str:wnid>/children/", tree.show_children, name="children"),
    path("hierarchy/<str:wnid>/safety/", synset.set_safety, name="synset-safety"),
    path("pictures/<str:token>", picture.show_picture, name="picture"),
]

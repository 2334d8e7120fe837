from django.urls import path

from hierarchy.api.views import images, labels, releases, synsets

api_patterns = [
    path("synsets/", synsets.SynsetListView.as_view(), name="synset-list"),
    path("synsets/<str:wnid>/", synsets.SynsetDetailView.as_view(), name="synset-detail"),
    path("synsets/<str:wnid>/ancestors/", synsets.SynsetAncestorsView.as_view(), name="synset-ancestors"),
    path("synsets/<str:wnid>/descendants/", synsets.SynsetDescendantsView.as_view(), name="synset-descendants"),
    path("synsets/<str:wnid>/children/", synsets.SynsetChildrenView.as_view(), name="synset-children"),
    path("synsets/<str:wnid>/images/", images.SynsetImagesView.as_view(), name="synset-images"),
    path("synsets/<str:wnid>/labels/", labels.SynsetLabelsView.as_view(), name="synset-labels"),
    path("synsets/<str:wnid>/stats/", synsets.SynsetStatsView.as_view(), name="synset-stats"),
    path("images/<str:sha256>/", images.ImageDetailView.as_view(), name="image-detail"),
    path("labels/", labels.LabelListView.as_view(), name="label-list"),
    path("releases/", releases.ReleaseListView.as_view(), name="release-list"),
    path("releases/<slug:name>/", releases.ReleaseDetailView.as_view(), name="release-detail"),
    path("releases/<slug:name>/files/<str:file_name>", releases.ReleaseFileView.as_view(), name="release-file"),
]

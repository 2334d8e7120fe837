"""Import sources: folders, manifests, tars and zips, read item by item, of which nothing is trusted."""

"""What the pages share: templates, forms, safety, error pages, and the page on which a run is watched."""

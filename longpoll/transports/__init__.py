"""How a reply reaches a browser: one file a way."""

"""Comments under a text: everybody who has the page open sees them as they are written."""

"""A file for each dialect that is served: HTTP to wording, hub and transport, and back."""

"""Scripts that make load: processes of their own, so that their work is not ours."""

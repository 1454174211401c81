"""Texts that several people write at once, none of them losing a keystroke: a CRDT, Yjs in browsers, pycrdt here."""

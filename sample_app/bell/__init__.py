"""Notices: what a visitor is told wherever in the app he is, by a bell that counts them."""

"""Who is looking: a browser with a cookie, and the name that its owner chose. No passwords, and so no secrets."""

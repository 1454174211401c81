"""What clients speak: requests in, replies out. Each dialect is pure: no sockets, no Falcon, no database."""

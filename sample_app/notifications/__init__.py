"""Operation 1: personalised notifications, each rendered from a template and sent by SMTP."""

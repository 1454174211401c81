"""Operation 4: a slow third party that fails now and then, asked with timeouts and retries."""

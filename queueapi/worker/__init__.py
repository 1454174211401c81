"""The worker: a plain supervisor over processes that run jobs in greenlets. One file an actor."""

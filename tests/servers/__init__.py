"""Servers and workers that tests run: a mail server with moods, a server that hangs, a real worker."""

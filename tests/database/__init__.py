"""The database of a test run: made once, copied for each worker, and emptied after tests that commit."""

"""What else a person may have: how often a service, how much of a category, and nothing else at the same time."""

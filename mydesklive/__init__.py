"""The composition root: settings, addresses, workers and the local stack. It imports every app, and no app imports it."""

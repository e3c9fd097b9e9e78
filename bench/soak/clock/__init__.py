"""The folder of `sitecustomize`, which sets the clock of a process wrong."""

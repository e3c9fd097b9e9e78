"""Work that the worker owes: rows that are claimed, leased and tried again, and sweeps over many rows."""

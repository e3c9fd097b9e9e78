"""Lengths of time by which figures can be told apart."""

# Each in the SQL of its first day, from the first day of a month.
PERIODS = {
    "month": "{}",
    "quarter": "date_trunc('quarter', {})::date",
    "year": "date_trunc('year', {})::date",
}

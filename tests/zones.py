"""Time zones whose clocks change in different ways, or never."""

ZONES = [
    "Europe/Athens",
    "America/New_York",
    "Australia/Melbourne",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Apia",
]

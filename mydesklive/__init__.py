"""The composition root: settings, addresses, workers and the local stack. It imports every app, and no app imports it."""

import zoneinfo

# Time zones come from the pinned package `tzdata` alone. Python would prefer the data of the system, which may be older, and
# then slots, pages and tests would differ from machine to machine. No zone may be made before this line.
zoneinfo.reset_tzpath(to=())

"""What the database may cost those who wait for it: how long each kind of work waits, and which errors mean "try again"."""

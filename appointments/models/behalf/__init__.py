"""For whom an appointment is, and what was declared when it was booked."""

"""For whom an appointment is booked, and what is declared."""

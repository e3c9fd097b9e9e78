"""What comes back: notices that a mail did not arrive, and answers of calendars to invitations."""

"""Who works at an agency: invitations by mail."""

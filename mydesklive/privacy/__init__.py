"""What is true about personal data in this installation, from its configuration: for the pages and for the records."""

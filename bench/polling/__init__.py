"""What pages cost the server that ask again and again."""

"""What agencies say in messages: their own texts."""

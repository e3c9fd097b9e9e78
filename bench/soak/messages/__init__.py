"""What becomes of every message that is owed, while each part and each peer fails in each way."""

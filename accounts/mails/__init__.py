"""Mail: handing it to the mail server, the mails about accounts that are owed, and the demo's mailbox."""

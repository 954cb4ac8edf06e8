"""What requests and replies of the native API look like; made from domain values here."""

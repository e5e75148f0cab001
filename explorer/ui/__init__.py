"""The window. Panels read the session and ask actions; nothing here knows torch."""

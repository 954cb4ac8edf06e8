"""Real programs around a real server: SIPp, baresip, tshark, PHP, and an HTTP sink.

Each runs as a child process with its files in a folder of the test's, and what it wrote
is read back as values. The server under test is only looked at from outside.
"""

"""What a backup is: its arguments, the rules that judge them, and what is told before it starts.

Everything here is pure: it runs without an event loop, a socket or a file.
"""

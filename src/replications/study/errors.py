"""The one exception that the command line turns into one line and exit code 2."""


class UserError(Exception):
    """A user's mistake or a missing resource: one line that says what is wrong and what to do."""

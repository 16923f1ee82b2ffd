"""What makes botocore quicker and nothing kinder: what each session and client would read and work out anew."""

import functools

import botocore.hooks
import botocore.session


def enter() -> None:
    """From now on in this process."""
    # Each session would read the JSON models of its services anew: a fifth of the time of tests that make many.
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    # So would each client find the new names of a hundred events.
    alias = functools.cache(botocore.hooks.EventAliaser(None)._alias_event_name)
    botocore.hooks.EventAliaser._alias_event_name = lambda _, event_name: alias(event_name)

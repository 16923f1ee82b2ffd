"""The network."""
KINDS = ()

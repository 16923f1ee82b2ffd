"""Load balancers."""
KINDS = ()
